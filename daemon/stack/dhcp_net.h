/* The DHCP client's place in the stack: its messages are UDP datagrams of port 68, its addresses and routes those of
 * the internet layer. Used by stack/ only; the rest of the daemon uses stack.h. */
#ifndef TOYNET_STACK_DHCP_NET_H
#define TOYNET_STACK_DHCP_NET_H

#include "socket/socket_internal.h"
#include "stack/dhcp.h"

#define DHCP_ROUTE_METRIC 100 /* of the first router; static routes go before it */

struct dhcp_client {
	struct dhcp dhcp;
	struct stack *stack;
	void (*watch)(void *ctx, enum dhcp_event event); /* NULL: nobody */
	void *watch_ctx;
};

/* Takes port 68; the client is DHCP_OFF. s->timers has room for DHCP_TIMERS_MAX nodes more. NULL: out of memory. */
struct dhcp_client *dhcp_client_new(struct stack *s, const struct dhcp_config *cfg);
/* c may be NULL. Nothing is sent. */
void dhcp_client_free(struct dhcp_client *c);
/* What the internet layer says of an address. */
void dhcp_client_address(struct dhcp_client *c, struct ip_addr a, enum ip_address_event event);

#endif
