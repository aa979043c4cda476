/* ICMP (RFC 792, RFC 1122 3.2.2). Used inside ip/ only; icmp_send_unreachable is in ip.h. */
#ifndef TOYNET_IP_ICMP_H
#define TOYNET_IP_ICMP_H

#include "ip/ip.h"

#define ICMP_HDR_LEN           8
#define ICMP_CSUM_OFFSET       2
#define ICMP_ECHO_REPLY        0
#define ICMP_DEST_UNREACH      3
#define ICMP_SOURCE_QUENCH     4
#define ICMP_REDIRECT          5
#define ICMP_ECHO              8
#define ICMP_TIME_EXCEEDED     11
#define ICMP_PARAM_PROBLEM     12
#define ICMP_TIMESTAMP         13
#define ICMP_TIMESTAMP_REPLY   14
#define ICMP_MASK              17
#define ICMP_MASK_REPLY        18
#define ICMP_QUOTE_MIN         8   /* RFC 792: the first 64 bits of the datagram's data */
#define ICMP_ERROR_MAX         576 /* RFC 1812 4.3.2.3: the whole datagram with the error in it */
#define ICMP_UNREACH_HOST      1   /* code of destination unreachable */
#define ICMP_REASSEMBLY_CODE   1   /* of time exceeded */
#define ICMP_ERRORS_PER_SECOND 100
#define ICMP_ERRORS_BURST      50
#define ICMP_TOKEN_LOST_ONE_IN 4

/* Registers for protocol 1 and fills the token bucket. */
void icmp_init(struct ip_layer *ip);
/* RFC 1122 3.2.2.5: the octet at `pointer' of rx's header is wrong. As icmp_send_unreachable. */
void icmp_send_parameter_problem(struct ip_layer *ip, const struct ip_rx *rx, uint8_t pointer);
/* RFC 1122 3.3.2: time exceeded, code 1. rx is the first fragment as it came. As icmp_send_unreachable. */
void icmp_send_reassembly_time_exceeded(struct ip_layer *ip, const struct ip_rx *rx);

#endif
