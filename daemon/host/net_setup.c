/* See net_setup.h. With `conflict-detection = probe' an address is not there before some seconds have shown that nobody
 * else has it, and until then nothing is routed by a gateway on its network. So such routes wait here, and are tried
 * whenever the stack has another number of addresses. What an administrator does meanwhile is left alone: a route that
 * is there already is not replaced. */
#include "host/net_setup.h"
#include "host/config_list.h"
#include <string.h>

static bool is_there(const struct ip_layer *ip, const struct ip_route *r)
{
	for (int i = 0; i < ip->routes; i++)
		if (ip->route[i].metric == r->metric && ip->route[i].prefix.len == r->prefix.len &&
		    ip_eq(ip->route[i].prefix.addr, r->prefix.addr))
			return true;
	return false;
}

/* Tries those that wait; returns the error of the last one that waits still, or 0. */
static int try_routes(struct net_setup *n, struct ip_layer *ip)
{
	int kept = 0, error = 0;

	n->addresses = ip->addresses;
	for (int i = 0; i < n->count; i++) {
		int err = is_there(ip, &n->waiting[i]) ? 0 : ip_route_add(ip, &n->waiting[i]);
		if (err) {
			error = err;
			n->waiting[kept++] = n->waiting[i];
		}
	}
	n->count = kept;
	return error;
}

bool net_setup_begin(struct net_setup *n, struct ip_layer *ip, const struct config *c, char why[CONFIG_ERROR_MAX])
{
	enum ip_acd how = c->stack.ip.conflict_detection;
	char text[ROUTE_TEXT_MAX];

	*n = (struct net_setup){0};
	for (int i = 1; i < c->address.count; i++) {
		int err = ip_address_add(ip, c->address.list[i], IP_ORIGIN_STATIC, how);
		if (err) {
			snprintf(why, CONFIG_ERROR_MAX, "key `address': %s: %s",
			         prefix_format(c->address.list[i], text), strerror(err));
			return false;
		}
	}
	if (c->gateway.family != IP_NONE)
		n->waiting[n->count++] = (struct ip_route){.prefix = {.addr = ip4(0, 0, 0, 0)}, .gateway = c->gateway};
	for (int i = 0; i < c->route.count; i++)
		n->waiting[n->count++] = c->route.list[i];
	int err = try_routes(n, ip);
	if (err && how != IP_ACD_PROBE) {
		snprintf(why, CONFIG_ERROR_MAX, "route %s: %s", config_route_format(&n->waiting[n->count - 1], text),
		         strerror(err));
		return false;
	}
	return true;
}

void net_setup_turn(struct net_setup *n, struct ip_layer *ip)
{
	if (n->count && ip->addresses != n->addresses)
		(void)try_routes(n, ip);
}
