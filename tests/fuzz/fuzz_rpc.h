/* What the targets of the control plane share: a server over a stack, with a driver that only keeps notes, and
 * connections whose answers are read and thrown away. Descriptors are numbers: each that the server is given must be
 * closed in the end. */
#ifndef TOYNET_TESTS_FUZZ_RPC_H
#define TOYNET_TESTS_FUZZ_RPC_H

#include "fuzz.h"
#include "host/config_keys.h"
#include "link/loop.h"
#include "rpc/call.h"

#define FUZZ_FD 1000 /* the numbers begin here */

struct fuzz_rpc {
	struct env env;
	struct stack *s;
	struct rpc_server *srv;
	struct loop loop;
	struct impair impair; /* over the loop; only its rules matter */
	struct capture capture;
	struct impair_config impairment;
	struct config config;
	uint64_t cookies;
	int fds; /* the server owns so many now */
	bool held;
};

static inline int fuzz_open_channel(void *ctx, struct socket *so, int *fd)
{
	struct fuzz_rpc *r = ctx;

	so->cookie = ++r->cookies;
	so->inode = r->cookies;
	so->channel = r;
	*fd = FUZZ_FD + (int)so->cookie;
	r->fds++;
	return 0;
}
static inline void fuzz_sync(void *ctx, struct socket *so)
{
	(void)ctx;
	FUZZ_NEED(so->channel);
}
/* It may have no channel. */
static inline void fuzz_listening(void *ctx, struct socket *so)
{
	(void)ctx;
	FUZZ_NEED(socket_state(so) == TCP_LISTEN);
}
static inline void fuzz_filler(void *ctx, struct socket *so, uint32_t bytes)
{
	(void)ctx;
	(void)so;
	(void)bytes;
}
static inline void fuzz_close_socket(void *ctx, struct socket *so, bool abort)
{
	struct fuzz_rpc *r = ctx;

	so->channel = NULL;
	rpc_socket_gone(r->srv, so);
	if (abort)
		socket_abort(r->s, so);
	else
		socket_close(r->s, so, false);
}
static inline bool fuzz_closed(void *ctx, struct socket *so)
{
	struct fuzz_rpc *r = ctx;

	if (r->held)
		return false;
	fuzz_close_socket(ctx, so, false);
	return true;
}
static inline uint64_t fuzz_cookie_of(void *ctx, int fd)
{
	(void)ctx;
	return (uint64_t)(fd - FUZZ_FD);
}
static inline struct socket *fuzz_by_cookie(void *ctx, uint64_t cookie)
{
	struct fuzz_rpc *r = ctx;
	struct socket *so = NULL;

	while ((so = socket_after(r->s, so ? so->id : 0)))
		if (so->cookie == cookie && so->channel)
			return so;
	return NULL;
}
static inline uint32_t fuzz_pair_unread(void *ctx, struct socket *so)
{
	(void)ctx;
	return so->id & 0xff;
}
static inline void fuzz_close_fd(void *ctx, int fd)
{
	struct fuzz_rpc *r = ctx;

	FUZZ_NEED(fd >= FUZZ_FD && r->fds-- > 0);
}
static inline int fuzz_set_impairment(void *ctx, const struct impair_config *cfg, const char **why)
{
	struct fuzz_rpc *r = ctx;

	*why = impair_direction_check(&cfg->in);
	if (!*why)
		*why = impair_direction_check(&cfg->out);
	if (*why)
		return EINVAL;
	r->impairment = *cfg;
	return 0;
}
static inline void fuzz_get_impairment(void *ctx, struct impair_config *cfg)
{
	struct fuzz_rpc *r = ctx;

	*cfg = r->impairment;
}
static inline bool fuzz_config_entry(void *ctx, size_t i, struct rpc_config_entry *entry)
{
	struct fuzz_rpc *r = ctx;

	if (i >= config_key_count)
		return false;
	const struct config_key *k = &config_keys[i];
	*entry = (struct rpc_config_entry){
	        .section = k->section, .name = k->name, .help = k->help, .changeable = config_key_changeable(k)};
	config_key_format(&r->config, k, entry->value);
	return true;
}
static inline int fuzz_config_change(void *ctx, const struct rpc_config_setting *settings, size_t n,
                                     char why[RPC_CONFIG_WHY_MAX])
{
	struct fuzz_rpc *r = ctx;
	struct config cfg = r->config;

	for (size_t i = 0; i < n; i++)
		if (config_change(&cfg, settings[i].key, settings[i].value, why))
			return EINVAL;
	if (!config_check(&cfg, why))
		return EINVAL;
	r->config = cfg;
	stack_set_tcp_config(r->s, &cfg.stack.tcp);
	return 0;
}
static inline struct impair *fuzz_impair(void *ctx)
{
	return &((struct fuzz_rpc *)ctx)->impair;
}
static inline void fuzz_impair_changed(void *ctx)
{
	(void)ctx;
}
static inline int fuzz_capture_open(void *ctx, struct capture_sink *sink, const struct capture_options *o)
{
	return capture_open(&((struct fuzz_rpc *)ctx)->capture, sink, o);
}
static inline void fuzz_capture_close(void *ctx, struct capture_sink *sink)
{
	capture_close(&((struct fuzz_rpc *)ctx)->capture, sink);
}
static inline const char *fuzz_interface_name(void *ctx)
{
	(void)ctx;
	return "fuzz0";
}

static inline enum rpc_link_state fuzz_link_state(void *ctx)
{
	(void)ctx;
	return RPC_LINK_UP;
}

static inline void fuzz_resolver(void *ctx, struct rpc_resolver *r)
{
	(void)ctx;
	*r = (struct rpc_resolver){0};
}

static const struct rpc_host fuzz_host = {
        .open_channel = fuzz_open_channel,
        .sync = fuzz_sync,
        .filler = fuzz_filler,
        .listening = fuzz_listening,
        .close = fuzz_close_socket,
        .closed = fuzz_closed,
        .cookie_of = fuzz_cookie_of,
        .by_cookie = fuzz_by_cookie,
        .pair_unread = fuzz_pair_unread,
        .close_fd = fuzz_close_fd,
        .set_impairment = fuzz_set_impairment,
        .get_impairment = fuzz_get_impairment,
        .config_entry = fuzz_config_entry,
        .config_change = fuzz_config_change,
        .impair = fuzz_impair,
        .impair_changed = fuzz_impair_changed,
        .capture_open = fuzz_capture_open,
        .capture_close = fuzz_capture_close,
        .interface_name = fuzz_interface_name,
        .link_state = fuzz_link_state,
        .resolver = fuzz_resolver,
};

static inline void fuzz_rpc_begin(struct fuzz_rpc *r)
{
	char why[CONFIG_VALUE_MAX];

	/* A function that is new to the server is wanted here, too. */
	for (size_t i = 0; i < sizeof(fuzz_host) / sizeof(void (*)(void)); i++)
		FUZZ_NEED(((void (*const *)(void))(const void *)&fuzz_host)[i]);
	*r = (struct fuzz_rpc){.held = true};
	r->s = fuzz_begin(&r->env, (struct link_caps){0});
	config_defaults(&r->config);
	FUZZ_NEED(config_key_set(&r->config, config_key_find("address"), "10.0.0.1/24", why, sizeof(why)));
	loop_init(&r->loop, &r->env);
	impair_init(&r->impair, &r->env, &r->loop.link, 1);
	capture_init(&r->capture, &r->env, &r->loop.link, "fuzz0", "fuzz", tcp_state_names);
	r->srv = rpc_server_new(r->s, &fuzz_host, r, "0");
	FUZZ_NEED(r->srv);
	/* The server's sockets have a channel that its driver knows; those of fuzz_begin are somebody else's. */
	list_for_each(it, &r->s->sockets.all) list_entry(it, struct socket, all)->channel = r;
}

/* All connections are gone. */
static inline void fuzz_rpc_end(struct fuzz_rpc *r)
{
	FUZZ_NEED(r->srv->grants.count == 0 && r->srv->calls == 0 && r->srv->parked_count == 0 && r->fds == 0);
	rpc_server_free(r->srv);
	capture_free(&r->capture);
	impair_free(&r->impair);
	loop_free(&r->loop);
	fuzz_turn(r->s, NULL, 0, true, NULL, NULL);
	fuzz_end(&r->env, r->s);
}

/* What the connection has to say is taken, a part at a time. False: it has ended. */
static inline bool fuzz_rpc_drain(struct rpc_conn *c, size_t part)
{
	const uint8_t *bytes;
	size_t n;
	int fd;

	while ((n = rpc_conn_output(c, &bytes, &fd)) > 0) {
		volatile uint8_t sum = 0;
		for (size_t i = 0; i < n; i++)
			sum = (uint8_t)(sum + bytes[i]);
		rpc_conn_sent(c, size_min(n, part));
	}
	return !rpc_conn_done(c);
}

/* A turn of stack and server. */
static inline void fuzz_rpc_turn(struct fuzz_rpc *r)
{
	struct frame_out out;
	struct socket *so;
	unsigned events;

	rpc_tick(r->srv);
	stack_tick(r->s);
	while ((so = stack_ready(r->s, &events)))
		rpc_socket_event(r->srv, so, events);
	fuzz_deliver(r->s, true);
	while (stack_output(r->s, &out))
		;
	stack_turn_end(r->s);
}

#endif
