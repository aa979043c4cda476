/* Source routes as they stand in IPv4 headers. Used inside ip/ only; what the transports may call is in ip.h. */
#ifndef TOYNET_IP_SOURCE_ROUTE_H
#define TOYNET_IP_SOURCE_ROUTE_H

#include "ip/ipv4.h"

#define IPV4_OPT_LSRR 131
#define IPV4_OPT_SSRR 137

/* A source route option of len bytes (type and length included) that is well formed. */
bool source_route_valid(const uint8_t *option, uint32_t len);
/* Its pointer is beyond the last address: the datagram has arrived. */
bool source_route_complete(const uint8_t *option);
/* Writes the option for a datagram to dst, ip_source_route_len(r) bytes; the header's destination is the first hop. */
void source_route_write(const struct ip_source_route *r, struct ip_addr dst, uint8_t *p);
/* Where a datagram of ours is to go in the end; its header need not be whole. */
struct ip_addr ipv4_final_dst(const uint8_t *header, uint32_t header_len);

#endif
