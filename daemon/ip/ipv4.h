/* IPv4 (RFC 791, RFC 1122 3.2.1), input and output. Used inside ip/ only. */
#ifndef TOYNET_IP_IPV4_H
#define TOYNET_IP_IPV4_H

#include "ip/ip.h"

#define IPV4_FLAG_DF          0x4000
#define IPV4_FLAG_MF          0x2000
#define IPV4_FRAG_OFFSET      0x1fff /* in units of 8 octets */
#define IPV4_FRAG_MASK        0x3fff /* MF and the offset */
#define IPV4_OPT_END          0
#define IPV4_OPT_NOP          1
#define IPV4_OPT_ROUTER_ALERT 148 /* RFC 2113 */
#define IPV4_OFF_LEN          2
#define IPV4_OFF_ID           4
#define IPV4_OFF_FRAG         6
#define IPV4_OFF_PROTO        9
#define IPV4_OFF_CSUM         10
#define IPV4_OFF_SRC          12
#define IPV4_OFF_DST          16

/* A frame whose EtherType is IPv4. link_len: of its link header. link_group: it came to a group address. looped: from
 * ourselves. */
void ipv4_input(struct ip_layer *ip, const struct frame_in *f, uint32_t link_len, bool link_group, bool looped);

/* Puts the Ethernet header in front of a datagram that goes to hop next; one of our own: to the loop. */
enum ip_sent ipv4_link_output(struct ip_layer *ip, struct frame_out *f, struct ip_addr hop);

#endif
