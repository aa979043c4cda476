/* IP options (RFC 791 3.1) that applications give to their datagrams, and get with those that arrive. */
#ifndef TOYNET_IP_IP_OPTIONS_H
#define TOYNET_IP_IP_OPTIONS_H

#include "ip/ip.h"

/* Options to be sent: a source route, and the others as they stand in the header. */
struct ip_options {
	struct ip_source_route route; /* without hops: none */
	uint8_t len;                  /* of bytes, a multiple of 4; with the route at most IP_OPTIONS_MAX */
	uint8_t bytes[IP_OPTIONS_MAX];
};

/* Reads options in the form of IP_OPTIONS (ip(7)), in which a source route has the first hop first. Allowed are source
 * routes, record route, timestamp, router alert and the security options, the last as they are. Without an option o is
 * empty. False: malformed, unknown, two source routes, or too long once padded. */
bool ip_options_parse(const uint8_t *p, uint32_t len, struct ip_options *o);
/* Writes the options of a datagram to tx->dst: the bytes of tx->options and of tx->route. */
void ip_options_write(const struct ip_layer *ip, const struct ip_tx *tx, uint8_t *p);
/* Copies the options of a received datagram as its application gets them; returns how many bytes. */
uint8_t ip_options_received(const struct ip_layer *ip, const struct ip_rx *rx, uint8_t out[IP_OPTIONS_MAX]);
/* RFC 1122 4.1.3.2: of the options with which a datagram came from src, those for the way back, in the form of
 * IP_OPTIONS: the source route reversed, record route and timestamp as they came. Returns their length. */
uint8_t ip_options_back(const uint8_t *options, uint8_t len, struct ip_addr src, uint8_t out[IP_OPTIONS_MAX]);
/* RFC 1122 3.2.2.6: record route and timestamp of an echo request, with ourselves in them, for the reply. The source
 * route is left to ip_source_route_back, and has precedence where there is no room for both. */
void ip_options_reflect(const struct ip_layer *ip, const struct ip_rx *rx, uint32_t route_len, struct ip_options *o);

#endif
