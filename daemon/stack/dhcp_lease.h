/* A lease: an address, for how long, and what came with it, as it is made from a server's message. */
#ifndef TOYNET_STACK_DHCP_LEASE_H
#define TOYNET_STACK_DHCP_LEASE_H

#include "base/rng.h"
#include "stack/dhcp_message.h"

struct dhcp_lease {
	struct ip_prefix address; /* none: no lease */
	struct ip_addr server;
	instant t1, t2, expires; /* never: infinite */
	uint32_t lease_s;
	struct dhcp_params params;
};

/* Can a be the address of a host, whatever its network? */
bool dhcp_is_host(struct ip_addr a);
/* Has an offer or an acknowledgment all that it must have, and an address that a host can use? */
bool dhcp_lease_acceptable(const struct dhcp_message *m);
/* Of a message that is acceptable; the lease counts from `sent'. */
struct dhcp_lease dhcp_lease_of(const struct dhcp_message *m, instant sent, struct rng *rng);
void snap_dhcp_lease(struct snap *s, struct dhcp_lease *l);

#endif
