/* Our own addresses: what is ours, what is a broadcast as seen from us.
 *
 * A host may have several addresses on its link (RFC 1122 3.3.4.1), each with the length of its network. The table is
 * short and in the order in which they came, and that order decides wherever one has to be chosen. Each network is a
 * route of its own (route_follow_addresses). 127/8 is ours without an entry (RFC 1122 3.2.1.3 (g)). */
#include "ip/address.h"

#include "ip/route.h"
#include <errno.h>

const struct ip_address *address_find(const struct ip_layer *ip, struct ip_addr a)
{
	for (int i = 0; i < ip->addresses; i++)
		if (ip_eq(ip->address[i].prefix.addr, a))
			return &ip->address[i];
	return NULL;
}

const struct ip_address *address_on_link(const struct ip_layer *ip, struct ip_addr a)
{
	for (int i = 0; i < ip->addresses; i++)
		if (prefix_contains(ip->address[i].prefix, a))
			return &ip->address[i];
	return NULL;
}

struct ip_addr address_first(const struct ip_layer *ip)
{
	return ip->addresses ? ip->address[0].prefix.addr : (struct ip_addr){0};
}

bool ip_is_ours(const struct ip_layer *ip, struct ip_addr a)
{
	return address_find(ip, a) || ip_is_loopback(a);
}

bool ip_is_broadcast(const struct ip_layer *ip, struct ip_addr a)
{
	if (a.family != IP_V4)
		return false;
	if (ip_is_limited_broadcast(a))
		return true;
	for (int i = 0; i < ip->addresses; i++) {
		struct ip_addr subnet = prefix_broadcast(ip->address[i].prefix);
		if (subnet.family == IP_V4 && ip_eq(a, subnet))
			return true;
	}
	return false;
}

bool ip4_is_host(const struct ip_layer *ip, struct ip_addr a)
{
	/* RFC 1122 3.2.1.3: 0/8 is this network, 127/8 loopback, 224/4 multicast, 240/4 reserved. */
	return a.family == IP_V4 && a.b[0] != 0 && !ip_is_loopback(a) && a.b[0] < 224 && !ip_is_broadcast(ip, a);
}

int ip_address_add(struct ip_layer *ip, struct ip_prefix p, enum ip_origin origin)
{
	struct ip_addr subnet = prefix_broadcast(p);
	if (p.len > 32 || !ip4_is_host(ip, p.addr) || ip_eq(p.addr, subnet))
		return EINVAL;
	if (address_find(ip, p.addr))
		return EEXIST;
	if (ip->addresses == IP_ADDRESSES_MAX)
		return ENOBUFS;
	ip->address[ip->addresses++] = (struct ip_address){.prefix = p, .origin = origin};
	route_follow_addresses(ip);
	return 0;
}

int ip_address_delete(struct ip_layer *ip, struct ip_addr a)
{
	const struct ip_address *entry = address_find(ip, a);
	if (!entry)
		return EADDRNOTAVAIL;
	for (int i = (int)(entry - ip->address); i + 1 < ip->addresses; i++)
		ip->address[i] = ip->address[i + 1];
	ip->addresses--;
	route_follow_addresses(ip);
	return 0;
}

void snap_addresses(struct snap *s, struct ip_layer *ip)
{
	uint8_t count = (uint8_t)ip->addresses;
	snap_u8(s, &count);
	snap_check(s, count <= IP_ADDRESSES_MAX, "too many addresses");
	if (!snap_ok(s))
		return;
	ip->addresses = count;
	for (int i = 0; i < ip->addresses; i++) {
		snap_prefix(s, &ip->address[i].prefix);
		SNAP_ENUM(s, ip->address[i].origin, IP_ORIGINS);
	}
}
