/* Our own addresses, as the files of ip/ use them; the public part is in ip.h. */
#ifndef TOYNET_IP_ADDRESS_H
#define TOYNET_IP_ADDRESS_H

#include "ip/ip.h"

/* The entry of a; NULL: not ours. 127/8 has none. */
const struct ip_address *address_find(const struct ip_layer *ip, struct ip_addr a);
/* The first of ours in whose network a lies; NULL: a is not on our link. */
const struct ip_address *address_on_link(const struct ip_layer *ip, struct ip_addr a);
/* The first of ours; none while there is none. */
struct ip_addr address_first(const struct ip_layer *ip);
/* It is ours from now on; there is room. */
void address_adopt(struct ip_layer *ip, const struct ip_address *a);
void snap_addresses(struct snap *s, struct ip_layer *ip);

#endif
