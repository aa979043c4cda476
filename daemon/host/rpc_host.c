/* struct rpc_host for the driver: each function passes on to the part that does it. */
#include "host/config_keys.h"
#include "host/driver.h"
#include "host/log.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define DNS_PORT 53

static int open_channel(void *ctx, struct socket *so, int *app_fd)
{
	struct driver *d = ctx;

	return channels_open(&d->channels, so, app_fd);
}

static void sync_channel(void *ctx, struct socket *so)
{
	struct driver *d = ctx;

	channels_sync(&d->channels, so);
}

static void filler(void *ctx, struct socket *so, uint32_t bytes)
{
	struct driver *d = ctx;

	channels_filler(&d->channels, so, bytes);
}

static void listening(void *ctx, struct socket *so)
{
	struct driver *d = ctx;

	channels_listening(&d->channels, so);
}

static void close_socket(void *ctx, struct socket *so, bool abort)
{
	struct driver *d = ctx;

	channels_close(&d->channels, so, abort);
}

static uint64_t cookie_of(void *ctx, int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	(void)ctx;
	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static struct socket *by_cookie(void *ctx, uint64_t cookie)
{
	struct driver *d = ctx;

	return channels_by_cookie(&d->channels, cookie);
}

static bool is_closed(void *ctx, struct socket *so)
{
	struct driver *d = ctx;

	return channels_closed(&d->channels, so);
}

static uint32_t pair_unread(void *ctx, struct socket *so)
{
	struct driver *d = ctx;

	return channels_unread(&d->channels, so);
}

static void close_fd(void *ctx, int fd)
{
	(void)ctx;
	close(fd);
}

static int set_impairment(void *ctx, const struct impair_config *cfg, const char **why)
{
	*why = impair_direction_check(&cfg->in);
	if (!*why)
		*why = impair_direction_check(&cfg->out);
	if (*why)
		return EINVAL;
	driver_set_impairment(ctx, cfg);
	return 0;
}

static void get_impairment(void *ctx, struct impair_config *cfg)
{
	const struct driver *d = ctx;

	*cfg = d->cfg.impair;
}

_Static_assert(CONFIG_VALUE_MAX == RPC_CONFIG_VALUE_MAX && CONFIG_ERROR_MAX == RPC_CONFIG_WHY_MAX, "one bound each");

static bool config_entry(void *ctx, size_t i, struct rpc_config_entry *entry)
{
	const struct driver *d = ctx;

	if (i >= config_key_count)
		return false;
	const struct config_key *k = &config_keys[i];
	entry->section = k->section;
	entry->name = k->name;
	entry->help = k->help;
	entry->changeable = config_key_changeable(k);
	config_key_format(&d->cfg, k, entry->value);
	return true;
}

static int change_config(void *ctx, const struct rpc_config_setting *settings, size_t n, char why[RPC_CONFIG_WHY_MAX])
{
	struct driver *d = ctx;
	struct config cfg = d->cfg;

	for (size_t i = 0; i < n; i++) {
		int err = config_change(&cfg, settings[i].key, settings[i].value, why);
		if (err)
			return err;
	}
	if (!config_check(&cfg, why))
		return EINVAL;
	d->cfg = cfg;
	stack_set_tcp_config(d->stack, &cfg.stack.tcp);
	for (size_t i = 0; i < n; i++)
		log_line("configuration: %s = %s", settings[i].key, settings[i].value);
	return 0;
}

static struct impair *impair(void *ctx)
{
	struct driver *d = ctx;

	return &d->impair;
}

static void impair_changed(void *ctx)
{
	driver_impairment_changed(ctx);
}

static int open_capture(void *ctx, struct capture_sink *sink, const struct capture_options *o)
{
	return driver_capture_open(ctx, sink, o);
}

static void close_capture(void *ctx, struct capture_sink *sink)
{
	driver_capture_close(ctx, sink);
}

/* Adds a domain; what does not fit is left out. */
static void add_search(struct rpc_resolver *r, const char *name, size_t len)
{
	if (len == 0 || len >= RPC_DOMAIN_MAX || r->searches == RPC_RESOLVER_SEARCH_MAX)
		return;
	memcpy(r->search[r->searches], name, len);
	r->search[r->searches++][len] = '\0';
}

/* Those of a lease. RFC 3397 1: the search list goes before the domain name. */
static void leased_resolver(const struct dhcp_params *p, struct rpc_resolver *r)
{
	const char *at = p->search[0] ? p->search : p->domain;

	for (; r->servers < p->dns && r->servers < RPC_RESOLVER_SERVERS_MAX; r->servers++)
		r->server[r->servers] = (struct endpoint){p->dns_server[r->servers], DNS_PORT};
	for (size_t len; *at; at += len + (at[len] == ' ')) {
		len = strcspn(at, " ");
		add_search(r, at, len);
	}
}

static void resolver(void *ctx, struct rpc_resolver *r)
{
	const struct driver *d = ctx;
	const struct config *c = &d->cfg;
	const struct dhcp *dhcp = stack_dhcp(d->stack);

	if (c->dns.count == 0 && dhcp && dhcp_has_address(dhcp)) {
		leased_resolver(&dhcp->lease.params, r);
		return;
	}
	memcpy(r->server, c->dns.list, sizeof(r->server));
	r->servers = c->dns.count;
	memcpy(r->search, c->search.list, sizeof(r->search));
	r->searches = c->search.count;
}

static const char *interface_name(void *ctx)
{
	const struct driver *d = ctx;

	return d->tap.name;
}

static enum rpc_link_state link_state(void *ctx)
{
	const struct driver *d = ctx;
	bool up;

	if (!tap_is_up(&d->tap, &up))
		return RPC_LINK_UNKNOWN;
	return up ? RPC_LINK_UP : RPC_LINK_DOWN;
}

const struct rpc_host driver_rpc_host = {
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
        .config_entry = config_entry,
        .config_change = change_config,
        .impair = impair,
        .impair_changed = impair_changed,
        .capture_open = open_capture,
        .capture_close = close_capture,
        .resolver = resolver,
        .interface_name = interface_name,
        .link_state = link_state,
};
