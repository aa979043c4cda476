/* From the configuration to the stack's tables: addresses behind the first, gateway, routes, static neighbours. */
#ifndef TOYNET_HOST_NET_SETUP_H
#define TOYNET_HOST_NET_SETUP_H

#include "host/config.h"

struct net_setup {
	/* What waits for the address whose network it is on. */
	struct ip_route route[CONFIG_LIST_MAX + 1];
	struct config_neighbor neighbor[CONFIG_LIST_MAX];
	int routes, neighbors;
	int addresses; /* that the stack had when they were tried last */
};

/* The stack has the first address, or tests it. False: why is set. */
bool net_setup_begin(struct net_setup *n, struct ip_layer *ip, const struct config *c, char why[CONFIG_ERROR_MAX]);
/* Once a turn: what has its address now. */
void net_setup_turn(struct net_setup *n, struct ip_layer *ip);

#endif
