/* Addresses and routes: what is ours, what is a broadcast, and where a datagram goes next.
 *
 * The table is short (IP_ROUTES_MAX) and sorted, longest prefix first, so that the first match is the best (RFC 1812
 * 5.2.4.3). The on-link prefix and the default route are entries like any other. */
#include "ip/route.h"

#include <errno.h>

bool ip_is_ours(const struct ip_layer *ip, struct ip_addr a)
{
	return ip_eq(a, ip->cfg.address.addr);
}

bool ip_is_broadcast(const struct ip_layer *ip, struct ip_addr a)
{
	if (a.family != IP_V4)
		return false;
	if (ip_is_limited_broadcast(a))
		return true;
	struct ip_addr subnet = prefix_broadcast(ip->cfg.address);
	return subnet.family == IP_V4 && ip_eq(a, subnet);
}

bool ip4_is_host(const struct ip_layer *ip, struct ip_addr a)
{
	/* RFC 1122 3.2.1.3: 0/8 is this network, 127/8 loopback, 224/4 multicast, 240/4 reserved. */
	return a.family == IP_V4 && a.b[0] != 0 && !ip_is_loopback(a) && a.b[0] < 224 && !ip_is_broadcast(ip, a);
}

bool route_next_hop(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr *hop, struct ip_addr *source)
{
	if (dst.family != IP_V4)
		return false;
	if (ip_is_broadcast(ip, dst) || ip_is_multicast(dst)) {
		*hop = dst;
		*source = ip->cfg.address.addr;
		return true;
	}
	if (!ip4_is_host(ip, dst) || ip_is_ours(ip, dst))
		return false;
	for (int i = 0; i < ip->routes; i++) {
		const struct ip_route *r = &ip->route[i];
		if (!prefix_contains(r->prefix, dst))
			continue;
		*hop = ip_is_unspecified(r->gateway) ? dst : r->gateway;
		*source = r->source;
		return true;
	}
	return false;
}

int ip_route_lookup(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr *source, uint16_t *mtu)
{
	struct ip_addr hop, from;
	if (!route_next_hop(ip, dst, &hop, &from))
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

int ip_route_add(struct ip_layer *ip, const struct ip_route *wanted)
{
	struct ip_route r = *wanted;
	if (r.prefix.addr.family != IP_V4 || r.prefix.len > 32)
		return EINVAL;
	if (!ip_is_unspecified(r.gateway) &&
	    (!ip4_is_host(ip, r.gateway) || ip_is_ours(ip, r.gateway) || !prefix_contains(ip->cfg.address, r.gateway)))
		return EINVAL;
	if (ip_is_unspecified(r.source))
		r.source = ip->cfg.address.addr;
	else if (!ip_is_ours(ip, r.source))
		return EINVAL;
	r.prefix = prefix_masked(r.prefix);

	int at = 0;
	for (; at < ip->routes && ip->route[at].prefix.len >= r.prefix.len; at++) {
		if (ip->route[at].prefix.len == r.prefix.len && ip_eq(ip->route[at].prefix.addr, r.prefix.addr)) {
			ip->route[at] = r;
			return 0;
		}
	}
	if (ip->routes == IP_ROUTES_MAX)
		return ENOBUFS;
	for (int i = ip->routes; i > at; i--)
		ip->route[i] = ip->route[i - 1];
	ip->route[at] = r;
	ip->routes++;
	return 0;
}

static void snap_prefix(struct snap *s, struct ip_prefix *p)
{
	snap_ip(s, &p->addr);
	snap_u8(s, &p->len);
	snap_check(s, !snap_loading(s) || (p->addr.family == IP_V4 && p->len <= 32), "not an IPv4 prefix");
}

void snap_routes(struct snap *s, struct ip_layer *ip)
{
	struct ip_config *c = &ip->cfg;
	snap_mac(s, &c->mac);
	snap_prefix(s, &c->address);
	snap_ip(s, &c->gateway);
	snap_u16(s, &c->mtu);
	snap_bool(s, &c->source_route);
	snap_check(s, !snap_loading(s) || c->mtu >= IPV4_MTU_MIN, "MTU too small");
	uint8_t count = (uint8_t)ip->routes;
	snap_u8(s, &count);
	snap_check(s, count <= IP_ROUTES_MAX, "too many routes");
	if (!snap_ok(s))
		return;
	ip->routes = count;
	for (int i = 0; i < ip->routes; i++) {
		struct ip_route *r = &ip->route[i];
		snap_prefix(s, &r->prefix);
		snap_ip(s, &r->gateway);
		snap_ip(s, &r->source);
		snap_check(s, i == 0 || r->prefix.len <= ip->route[i - 1].prefix.len, "routes out of order");
	}
}
