/* See net_setup.h. With `conflict-detection = probe' an address is not there before some seconds have shown that nobody
 * else has it, and until then nothing is routed by a gateway on its network, and nobody is a neighbour there. So such
 * routes and neighbours wait here, and are tried whenever the stack has another number of addresses. What an
 * administrator does meanwhile is left alone: a route that is there already is not replaced. */
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

/* Tries those that wait; returns the error of the last one that waits still, which why is about, or 0. */
static int try_routes(struct net_setup *n, struct ip_layer *ip, char why[CONFIG_ERROR_MAX])
{
	char text[ROUTE_TEXT_MAX];
	int kept = 0, error = 0;

	for (int i = 0; i < n->routes; i++) {
		int err = is_there(ip, &n->route[i]) ? 0 : ip_route_add(ip, &n->route[i]);
		if (!err)
			continue;
		error = err;
		snprintf(why, CONFIG_ERROR_MAX, "route %s: %s", config_route_format(&n->route[i], text), strerror(err));
		n->route[kept++] = n->route[i];
	}
	n->routes = kept;
	return error;
}

static int try_neighbors(struct net_setup *n, struct ip_layer *ip, char why[CONFIG_ERROR_MAX])
{
	char text[IP_ADDR_TEXT_MAX];
	int kept = 0, error = 0;

	for (int i = 0; i < n->neighbors; i++) {
		int err = ip_neighbor_add(ip, n->neighbor[i].addr, n->neighbor[i].mac);
		if (!err)
			continue;
		error = err;
		snprintf(why, CONFIG_ERROR_MAX, "key `neighbor': %s: %s", ip_format(n->neighbor[i].addr, text),
		         strerror(err));
		n->neighbor[kept++] = n->neighbor[i];
	}
	n->neighbors = kept;
	return error;
}

static bool try_all(struct net_setup *n, struct ip_layer *ip, char why[CONFIG_ERROR_MAX])
{
	n->addresses = ip->addresses;
	int err = try_routes(n, ip, why);
	return try_neighbors(n, ip, why) == 0 && err == 0;
}

bool net_setup_begin(struct net_setup *n, struct ip_layer *ip, const struct config *c, char why[CONFIG_ERROR_MAX])
{
	enum ip_acd how = c->stack.ip.conflict_detection;
	char text[PREFIX_TEXT_MAX];

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
		n->route[n->routes++] = (struct ip_route){.prefix = {.addr = ip4(0, 0, 0, 0)}, .gateway = c->gateway};
	for (int i = 0; i < c->route.count; i++)
		n->route[n->routes++] = c->route.list[i];
	for (int i = 0; i < c->neighbor.count; i++)
		n->neighbor[n->neighbors++] = c->neighbor.list[i];
	return try_all(n, ip, why) || how == IP_ACD_PROBE;
}

void net_setup_turn(struct net_setup *n, struct ip_layer *ip)
{
	char why[CONFIG_ERROR_MAX];

	if (n->routes + n->neighbors && ip->addresses != n->addresses)
		(void)try_all(n, ip, why);
}
