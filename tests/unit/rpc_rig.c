/* See rpc_rig.h. */
#include "rpc_rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_channel(void *ctx, struct socket *so, int *fd)
{
	struct rig *r = ctx;

	so->cookie = ++r->cookies;
	so->inode = 5000 + r->cookies;
	so->channel = &r->channel;
	*fd = (int)so->cookie;
	r->opened++;
	return 0;
}
static void sync_channel(void *ctx, struct socket *so)
{
	struct rig *r = ctx;

	ck_assert_ptr_nonnull(so);
	r->synced++;
}
static void filler(void *ctx, struct socket *so, uint32_t bytes)
{
	struct rig *r = ctx;

	ck_assert_ptr_nonnull(so);
	r->filler += bytes;
}
static void listening(void *ctx, struct socket *so)
{
	struct rig *r = ctx;

	ck_assert_int_eq(socket_state(so), TCP_LISTEN);
	r->listened++;
}
static void close_socket(void *ctx, struct socket *so, bool abort)
{
	struct rig *r = ctx;

	so->channel = NULL;
	rpc_socket_gone(r->srv, so);
	r->closed++;
	r->aborted += abort;
	if (abort)
		socket_abort(r->stack, so);
	else
		socket_close(r->stack, so, false);
}
/* The number of a descriptor is its cookie here. */
static uint64_t cookie_of(void *ctx, int fd)
{
	(void)ctx;
	return (uint64_t)fd;
}
static struct socket *by_cookie(void *ctx, uint64_t cookie)
{
	struct rig *r = ctx;
	struct socket *so = NULL;

	while ((so = socket_after(r->stack, so ? so->id : 0)))
		if (so->cookie == cookie)
			return so;
	return NULL;
}
static bool is_closed(void *ctx, struct socket *so)
{
	struct rig *r = ctx;

	if (r->held)
		return false;
	so->channel = NULL;
	rpc_socket_gone(r->srv, so);
	socket_close(r->stack, so, false);
	return true;
}
static uint32_t pair_unread(void *ctx, struct socket *so)
{
	struct rig *r = ctx;

	(void)so;
	return r->unread;
}
static void close_fd(void *ctx, int fd)
{
	struct rig *r = ctx;

	(void)fd;
	r->fds_closed++;
}
static int set_impairment(void *ctx, const struct impair_config *cfg, const char **why)
{
	struct rig *r = ctx;

	*why = impair_direction_check(&cfg->in);
	if (!*why)
		*why = impair_direction_check(&cfg->out);
	if (*why)
		return EINVAL;
	r->impair = *cfg;
	return 0;
}
static void get_impairment(void *ctx, struct impair_config *cfg)
{
	struct rig *r = ctx;

	*cfg = r->impair;
}
static struct impair *impair(void *ctx)
{
	struct rig *r = ctx;

	return &r->link;
}
static void impair_changed(void *ctx)
{
	struct rig *r = ctx;

	r->link_changed++;
}
static bool config_entry(void *ctx, size_t i, struct rpc_config_entry *entry)
{
	struct rig *r = ctx;

	if (i >= ARRAY_LEN(r->config))
		return false;
	*entry = (struct rpc_config_entry){
	        .section = "tcp", .name = i ? "delack" : "ecn", .help = "?", .changeable = true};
	snprintf(entry->value, sizeof(entry->value), "%s", r->config[i]);
	return true;
}
static int config_change(void *ctx, const struct rpc_config_setting *settings, size_t n, char why[RPC_CONFIG_WHY_MAX])
{
	struct rig *r = ctx;

	for (size_t i = 0; i < n; i++) {
		bool ecn = strcmp(settings[i].key, "tcp.ecn") == 0;
		if (!ecn && strcmp(settings[i].key, "delack") != 0) {
			snprintf(why, RPC_CONFIG_WHY_MAX, "no key");
			return EINVAL;
		}
		snprintf(r->config[!ecn], sizeof(r->config[0]), "%s", settings[i].value);
	}
	return 0;
}
static int open_capture(void *ctx, struct capture_sink *sink, const struct capture_options *o)
{
	struct rig *r = ctx;

	return capture_open(&r->capture, sink, o);
}
static void close_capture(void *ctx, struct capture_sink *sink)
{
	struct rig *r = ctx;

	capture_close(&r->capture, sink);
}
static const char *interface_name(void *ctx)
{
	(void)ctx;
	return "toy0";
}

static enum rpc_link_state link_state(void *ctx)
{
	struct rig *r = ctx;

	return r->link_state;
}

static void rig_resolver(void *ctx, struct rpc_resolver *r)
{
	(void)ctx;
	*r = (struct rpc_resolver){
	        .server = {{ip4(192, 0, 2, 53), 5353}}, .servers = 1, .search = {"example.org"}, .searches = 1};
}

static const struct rpc_host host = {
        .resolver = rig_resolver,
        .open_channel = open_channel,
        .sync = sync_channel,
        .filler = filler,
        .listening = listening,
        .close = close_socket,
        .closed = is_closed,
        .cookie_of = cookie_of,
        .by_cookie = by_cookie,
        .pair_unread = pair_unread,
        .close_fd = close_fd,
        .set_impairment = set_impairment,
        .get_impairment = get_impairment,
        .impair = impair,
        .impair_changed = impair_changed,
        .config_entry = config_entry,
        .config_change = config_change,
        .capture_open = open_capture,
        .capture_close = close_capture,
        .interface_name = interface_name,
        .link_state = link_state,
};

void rig_begin(struct rig *r)
{
	struct stack_config cfg = stack_config_default;

	*r = (struct rig){.env = unit_env(1)};
	r->env.now = (instant){NS_PER_S};
	cfg.ip = (struct ip_config){
	        .mac = {{2, 0, 0, 0, 0, 1}},
	        .address = {ip4(192, 0, 2, 2), 24},
	        .mtu = 1500,
	};
	loop_init(&r->loop, &r->env);
	impair_init(&r->link, &r->env, &r->loop.link, 1);
	capture_init(&r->capture, &r->env, &r->loop.link, "toy0", "rig", tcp_state_names);
	r->stack = stack_new(&r->env, &cfg, (struct link_caps){0});
	ck_assert_ptr_nonnull(r->stack);
	r->srv = rpc_server_new(r->stack, &host, r, "0.1.0");
	ck_assert_ptr_nonnull(r->srv);
}

void rig_end(struct rig *r)
{
	struct socket *so = NULL;

	ck_assert_uint_eq(r->srv->grants.count, 0);
	rpc_server_free(r->srv);
	while ((so = socket_after(r->stack, so ? so->id : 0)))
		so->channel = NULL;
	stack_turn_end(r->stack);
	stack_free(r->stack);
	capture_free(&r->capture);
	impair_free(&r->link);
	loop_free(&r->loop);
	unit_env_end(&r->env);
}

static bool conn_input(void *p, const uint8_t *bytes, size_t len)
{
	return rpc_conn_input(p, bytes, len, NULL, 0);
}
static size_t conn_output(void *p, const uint8_t **bytes, int *fd)
{
	return rpc_conn_output(p, bytes, fd);
}
static void conn_sent(void *p, size_t n)
{
	rpc_conn_sent(p, n);
}

void peer_begin(struct peer *p, struct rig *r, uint32_t uid)
{
	p->conn = rpc_conn_new(r->srv, (struct rpc_peer){.pid = 77, .uid = uid, .admin = uid == 0}, r);
	ck_assert_ptr_nonnull(p->conn);
	ck_assert_ptr_eq(rpc_conn_ctx(p->conn), r);
	h2c_init(&p->h2, (struct h2c_server){conn_input, conn_output, conn_sent, p->conn});
	ck_assert(h2c_pump(&p->h2));
}

void peer_end(struct peer *p)
{
	rpc_conn_free(p->conn);
	h2c_free(&p->h2);
}

struct h2c_request rpc_request(const char *path, const void *message)
{
	static uint8_t pool[1 << 16];
	static size_t used;
	size_t len = protobuf_c_message_get_packed_size(message);

	if (used + len + GRPC_PREFIX_LEN > sizeof(pool))
		used = 0;
	uint8_t *at = pool + used;
	used += len + GRPC_PREFIX_LEN;
	grpc_prefix_write(at, (uint32_t)len);
	protobuf_c_message_pack(message, at + GRPC_PREFIX_LEN);
	return (struct h2c_request){.path = path, .body = at, .body_len = len + GRPC_PREFIX_LEN};
}

struct h2c_call *rpc_call(struct peer *p, const char *path, const void *message)
{
	return h2c_do(&p->h2, rpc_request(path, message));
}

void *rpc_answer(const struct h2c_call *c, const ProtobufCMessageDescriptor *d)
{
	ck_assert_msg(c->grpc_status == 0, "%s", c->message);
	ck_assert_uint_ge(c->body_len, GRPC_PREFIX_LEN);
	void *m = protobuf_c_message_unpack(d, NULL, c->body_len - GRPC_PREFIX_LEN, c->body + GRPC_PREFIX_LEN);
	ck_assert_ptr_nonnull(m);
	return m;
}
void rpc_answer_free(void *m)
{
	protobuf_c_message_free_unpacked(m, NULL);
}

void rpc_failed(const struct h2c_call *c, int status, int error)
{
	ck_assert_msg(c->ended && c->grpc_status == status, "status %d, %s", c->grpc_status, c->message);
	ck_assert_int_eq(c->error, error);
	ck_assert_int_eq(c->grpc_status_in, 1);
	ck_assert_uint_eq(c->body_len, 0);
	if (error)
		ck_assert_msg(strncmp(c->message, error_name(error), strlen(error_name(error))) == 0 &&
		                      c->message[strlen(error_name(error))] == ':',
		              "%s", c->message);
}

Toynet__V1__SocketRef rpc_open(struct peer *p, Toynet__V1__Protocol protocol, bool fd)
{
	Toynet__V1__OpenRequest m = TOYNET__V1__OPEN_REQUEST__INIT;
	m.protocol = protocol;
	struct h2c_request r = rpc_request("/toynet.v1.Sockets/Open", &m);
	r.want_fd = fd ? "1" : NULL;
	struct h2c_call *c = h2c_do(&p->h2, r);
	ck_assert_int_eq(c->fds, fd);
	Toynet__V1__OpenResponse *a = rpc_answer(c, &toynet__v1__open_response__descriptor);
	Toynet__V1__SocketRef ref = *a->socket;
	rpc_answer_free(a);
	ck_assert_uint_ne(ref.id, 0);
	ck_assert_int_eq(ref.cookie != 0, fd);
	return ref;
}

Toynet__V1__SocketRef rpc_open_tcp(struct peer *p)
{
	return rpc_open(p, TOYNET__V1__PROTOCOL__PROTOCOL_TCP, true);
}

struct h2c_call *rpc_connect_to(struct peer *p, Toynet__V1__SocketRef *ref, bool wait, const char *timeout)
{
	Toynet__V1__ConnectRequest m = TOYNET__V1__CONNECT_REQUEST__INIT;
	Toynet__V1__Address peer = TOYNET__V1__ADDRESS__INIT;
	peer.ip = (char *)(uintptr_t) "192.0.2.9";
	peer.port = 80;
	m.socket = ref;
	m.peer = &peer;
	m.wait = wait;
	m.filler_bytes = 5;
	struct h2c_request r = rpc_request("/toynet.v1.Sockets/Connect", &m);
	r.timeout = timeout;
	return h2c_do(&p->h2, r);
}
