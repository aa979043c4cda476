/* Redirects (RFC 792, RFC 1122 3.2.2.2), as the files of ip/ use them; the public part is in ip.h. */
#ifndef TOYNET_IP_REDIRECT_H
#define TOYNET_IP_REDIRECT_H

#include "ip/ip.h"

/* The gateway that a redirect gave for dst, else the given one. */
struct ip_addr redirect_gateway(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr gateway);
/* RFC 1122 3.3.1.4: the gateway is dead: what leads to it is forgotten. */
void redirect_forget(struct ip_layer *ip, struct ip_addr gateway);
void snap_redirects(struct snap *s, struct ip_layer *ip);

#endif
