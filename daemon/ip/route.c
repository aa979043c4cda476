/* Routes: where a datagram goes next.
 *
 * The table is short (IP_ROUTES_MAX) and sorted, longest prefix first, then lowest metric, so that the first match is
 * the best (RFC 1812 5.2.4.3) whose gateway is not known to be dead; when all are, the first. The network of each of
 * our addresses is an entry like any other; it comes and goes with its address. */
#include "ip/route.h"

#include "ip/address.h"
#include "ip/arp.h"
#include "ip/redirect.h"
#include <errno.h>

/* The source that a datagram by way of hop is to have. */
static struct ip_addr preferred_source(const struct ip_layer *ip, struct ip_addr wanted, struct ip_addr hop)
{
	if (!ip_is_unspecified(wanted))
		return wanted;
	/* RFC 1122 3.3.4.3: one that the next hop knows as attached. */
	const struct ip_address *a = address_on_link(ip, hop);
	return a ? a->prefix.addr : address_first(ip);
}

/* Of what stays in this host. 127/8 is left to itself (RFC 1122 3.2.1.3 (g)). */
static struct ip_addr loop_source(struct ip_addr dst)
{
	return ip_is_loopback(dst) ? ip4(127, 0, 0, 1) : dst;
}

bool route_next_hop(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr *hop, struct ip_addr *source)
{
	if (dst.family != IP_V4)
		return false;
	*hop = dst;
	if (ip_is_ours(ip, dst)) {
		*source = loop_source(dst);
		return true;
	}
	if (ip_is_broadcast(ip, dst) || ip_is_multicast(dst)) {
		*source = preferred_source(ip, (struct ip_addr){0}, dst);
		return true;
	}
	if (!ip4_is_host(ip, dst))
		return false;
	const struct ip_route *best = NULL;
	for (int i = 0; i < ip->routes; i++) {
		const struct ip_route *r = &ip->route[i];
		if (!prefix_contains(r->prefix, dst))
			continue;
		best = best ? best : r;
		struct ip_addr gateway = redirect_gateway(ip, dst, r->gateway);
		/* RFC 1122 3.3.1.4, 3.3.1.5: a gateway that is dead is avoided, if by a worse route. */
		if (ip_is_unspecified(r->gateway) || !arp_is_dead(ip, gateway)) {
			best = r;
			break;
		}
	}
	if (!best)
		return false;
	if (!ip_is_unspecified(best->gateway))
		*hop = redirect_gateway(ip, dst, best->gateway);
	*source = preferred_source(ip, best->source, *hop);
	return true;
}

int ip_route_lookup(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr *source, uint16_t *mtu)
{
	struct ip_addr hop, from;
	if (!route_next_hop(ip, dst, &hop, &from) || ip_is_unspecified(from))
		return ENETUNREACH;
	if (source)
		*source = from;
	if (mtu)
		*mtu = ip->cfg.mtu;
	return 0;
}

static struct ip_prefix prefix_masked(struct ip_prefix p)
{
	uint32_t mask = p.len == 0 ? 0 : UINT32_MAX << (32 - p.len);
	p.addr = ip4_from_u32(ip4_to_u32(p.addr) & mask);
	return p;
}

static bool route_valid(const struct ip_layer *ip, const struct ip_route *r)
{
	if (r->prefix.addr.family != IP_V4 || r->prefix.len > 32 || r->origin == IP_ORIGINS)
		return false;
	if (!ip_is_unspecified(r->source) && !address_find(ip, r->source))
		return false;
	return ip_is_unspecified(r->gateway) ||
	       (ip4_is_host(ip, r->gateway) && !address_find(ip, r->gateway) && address_on_link(ip, r->gateway));
}

static bool route_is(const struct ip_route *r, struct ip_prefix p, uint32_t metric)
{
	return r->prefix.len == p.len && ip_eq(r->prefix.addr, p.addr) && r->metric == metric;
}

static void remove_at(struct ip_layer *ip, int at)
{
	ip->routes--;
	for (int i = at; i < ip->routes; i++)
		ip->route[i] = ip->route[i + 1];
}

int ip_route_add(struct ip_layer *ip, const struct ip_route *wanted)
{
	struct ip_route r = *wanted;
	if (!route_valid(ip, &r))
		return EINVAL;
	r.prefix = prefix_masked(r.prefix);

	int at = 0;
	while (at < ip->routes && (ip->route[at].prefix.len > r.prefix.len ||
	                           (ip->route[at].prefix.len == r.prefix.len && ip->route[at].metric < r.metric)))
		at++;
	for (int i = at; i < ip->routes; i++) {
		if (!route_is(&ip->route[i], r.prefix, r.metric))
			continue;
		if (ip->route[i].origin == IP_ORIGIN_LINK)
			return EEXIST;
		ip->route[i] = r;
		return 0;
	}
	if (ip->routes >= IP_ROUTES_MAX + (r.origin == IP_ORIGIN_LINK ? IP_ADDRESSES_MAX : 0))
		return ENOBUFS;
	for (int i = ip->routes; i > at; i--)
		ip->route[i] = ip->route[i - 1];
	ip->route[at] = r;
	ip->routes++;
	return 0;
}

int ip_route_delete(struct ip_layer *ip, struct ip_prefix p, uint32_t metric)
{
	p = prefix_masked(p);
	for (int i = 0; i < ip->routes; i++) {
		if (!route_is(&ip->route[i], p, metric))
			continue;
		if (ip->route[i].origin == IP_ORIGIN_LINK)
			return EPERM;
		remove_at(ip, i);
		return 0;
	}
	return ESRCH;
}

void route_follow_addresses(struct ip_layer *ip)
{
	for (int i = ip->routes - 1; i >= 0; i--)
		if (ip->route[i].origin == IP_ORIGIN_LINK || !route_valid(ip, &ip->route[i]))
			remove_at(ip, i);
	/* The first address of a network gives the route; the others find it there. */
	for (int i = 0; i < ip->addresses; i++) {
		struct ip_route r = {.prefix = ip->address[i].prefix, .origin = IP_ORIGIN_LINK};
		(void)ip_route_add(ip, &r);
	}
}

void snap_prefix(struct snap *s, struct ip_prefix *p)
{
	snap_ip(s, &p->addr);
	snap_u8(s, &p->len);
	snap_check(s, !snap_loading(s) || (p->addr.family == IP_V4 && p->len <= 32), "not an IPv4 prefix");
}

void snap_routes(struct snap *s, struct ip_layer *ip)
{
	uint8_t count = (uint8_t)ip->routes;
	snap_u8(s, &count);
	snap_check(s, count <= IP_ROUTES_MAX + IP_ADDRESSES_MAX, "too many routes");
	if (!snap_ok(s))
		return;
	ip->routes = count;
	for (int i = 0; i < ip->routes; i++) {
		struct ip_route *r = &ip->route[i];
		const struct ip_route *before = i ? r - 1 : NULL;
		snap_prefix(s, &r->prefix);
		snap_ip(s, &r->gateway);
		snap_ip(s, &r->source);
		snap_u32(s, &r->metric);
		SNAP_ENUM(s, r->origin, IP_ORIGINS);
		snap_check(s,
		           !before || r->prefix.len < before->prefix.len ||
		                   (r->prefix.len == before->prefix.len && r->metric >= before->metric),
		           "routes out of order");
	}
}
