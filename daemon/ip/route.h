/* Routes, as the files of ip/ use them; the public part is in ip.h. */
#ifndef TOYNET_IP_ROUTE_H
#define TOYNET_IP_ROUTE_H

#include "ip/ip.h"

/* Can a be the address of one host, other than ourselves or not: no broadcast, multicast, loopback, 0/8, 240/4? */
bool ip4_is_host(const struct ip_layer *ip, struct ip_addr a);
/* The address whose station gets a datagram for dst (dst itself when attached, or a group), and the preferred source.
 * False: no route. */
bool route_next_hop(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr *hop, struct ip_addr *source);
void snap_routes(struct snap *s, struct ip_layer *ip);

#endif
