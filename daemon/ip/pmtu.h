/* Path MTU cache. Used inside ip/ only; what the transports may call is in ip.h. */
#ifndef TOYNET_IP_PMTU_H
#define TOYNET_IP_PMTU_H

#include "ip/ip.h"

struct pmtu_entry {
	struct hash_node node;
	struct list lru;
	struct ip_addr dst;
	uint16_t mtu;
	bool fragment;
	instant until;
};

bool pmtu_init(struct ip_layer *ip);
void pmtu_free(struct ip_layer *ip);
void snap_pmtu(struct snap *s, struct ip_layer *ip);

#endif
