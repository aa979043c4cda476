/* Routes, as the files of ip/ use them; the public part is in ip.h. */
#ifndef TOYNET_IP_ROUTE_H
#define TOYNET_IP_ROUTE_H

#include "ip/ip.h"

/* Can a be the address of one host, other than ourselves or not: no broadcast, multicast, loopback, 0/8, 240/4? */
bool ip4_is_host(const struct ip_layer *ip, struct ip_addr a);
/* The address whose station gets a datagram for dst (dst itself when attached, ours, or a group), and the source to be
 * preferred: none while we have no address. False: no route. */
bool route_next_hop(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr *hop, struct ip_addr *source);
/* Our addresses have changed: so do the routes to their networks, and those that cannot be used any more go. */
void route_follow_addresses(struct ip_layer *ip);
void snap_prefix(struct snap *s, struct ip_prefix *p);
void snap_routes(struct snap *s, struct ip_layer *ip);

#endif
