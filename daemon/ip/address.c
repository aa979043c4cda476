/* Our own addresses: what is ours, what is a broadcast as seen from us.
 *
 * A host may have several addresses on its link (RFC 1122 3.3.4.1), each with the length of its network. The table is
 * short and in the order in which they came, and that order decides wherever one has to be chosen. Each network is a
 * route of its own (route_follow_addresses). One that is still tested for conflicts is not in the table (acd.c), and so
 * not ours to anybody. 127/8 is ours without an entry (RFC 1122 3.2.1.3 (g)). */
#include "ip/address.h"

#include "ip/acd.h"
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

void address_adopt(struct ip_layer *ip, const struct ip_address *a)
{
	assert(ip->addresses < IP_ADDRESSES_MAX && !address_find(ip, a->prefix.addr));
	ip->address[ip->addresses++] = *a;
	route_follow_addresses(ip);
	/* The configured router comes with the configured address. */
	if (!ip_eq(a->prefix.addr, ip->cfg.address.addr) || ip_is_unspecified(ip->cfg.gateway))
		return;
	struct ip_route by_default = {.prefix = {.addr = ip4(0, 0, 0, 0), .len = 0}, .gateway = ip->cfg.gateway};
	(void)ip_route_add(ip, &by_default);
}

static void disown(struct ip_layer *ip, const struct ip_address *a)
{
	for (int i = (int)(a - ip->address); i + 1 < ip->addresses; i++)
		ip->address[i] = ip->address[i + 1];
	ip->addresses--;
	route_follow_addresses(ip);
}

int ip_address_add(struct ip_layer *ip, struct ip_prefix p, enum ip_origin origin, enum ip_acd how)
{
	struct ip_addr subnet = prefix_broadcast(p);
	struct ip_address a = {.prefix = p, .origin = origin};
	if (p.len > 32 || !ip4_is_host(ip, p.addr) || ip_eq(p.addr, subnet))
		return EINVAL;
	if (acd_find(ip, p.addr))
		return EEXIST;
	if (!acd_add(ip, &a, how))
		return ENOBUFS;
	if (how != IP_ACD_PROBE)
		address_adopt(ip, &a);
	return 0;
}

int ip_address_delete(struct ip_layer *ip, struct ip_addr a)
{
	const struct ip_address *entry = address_find(ip, a);
	struct acd *c = acd_find(ip, a);
	if (!c)
		return EADDRNOTAVAIL;
	acd_delete(ip, c);
	if (entry)
		disown(ip, entry);
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
