/* From the configuration to the stack's tables: addresses behind the first, the gateway, and routes. */
#ifndef TOYNET_HOST_NET_SETUP_H
#define TOYNET_HOST_NET_SETUP_H

#include "host/config.h"

struct net_setup {
	struct ip_route waiting[CONFIG_LIST_MAX + 1]; /* for the address on whose network their gateway is */
	int count;
	int addresses; /* that the stack had when they were tried last */
};

/* The stack has the first address, or tests it. False: why is set. */
bool net_setup_begin(struct net_setup *n, struct ip_layer *ip, const struct config *c, char why[CONFIG_ERROR_MAX]);
/* Once a turn: the routes whose address is there now. */
void net_setup_turn(struct net_setup *n, struct ip_layer *ip);

#endif
