/* Address conflict detection (RFC 5227), as the files of ip/ use it; the public part is in ip.h. */
#ifndef TOYNET_IP_ACD_H
#define TOYNET_IP_ACD_H

#include "ip/arp_packet.h"
#include "ip/ip.h"

/* RFC 5227 1.1, under its names. */
#define ACD_PROBE_WAIT_MS       1000
#define ACD_PROBE_NUM           3
#define ACD_PROBE_MIN_MS        1000
#define ACD_PROBE_MAX_MS        2000
#define ACD_ANNOUNCE_WAIT       DURATION_S(2)
#define ACD_ANNOUNCE_NUM        2
#define ACD_ANNOUNCE_INTERVAL   DURATION_S(2)
#define ACD_MAX_CONFLICTS       10
#define ACD_RATE_LIMIT_INTERVAL DURATION_S(60)
#define ACD_DEFEND_INTERVAL     DURATION_S(10)

#define ACD_TIMER_TIE (UINT64_C(1) << 63 | UINT64_C(3) << 40)

/* Its timer node is one of IP_TIMERS_MAX. */
void acd_init(struct ip_layer *ip);
void acd_free(struct ip_layer *ip);
/* NULL: the address is neither ours nor tentative. */
struct acd *acd_find(struct ip_layer *ip, struct ip_addr a);
/* a is checked, and new. Begins to test or to announce it. False: IP_ADDRESSES_MAX are there. */
bool acd_add(struct ip_layer *ip, const struct ip_address *a, enum ip_acd how);
void acd_delete(struct ip_layer *ip, struct acd *c);
/* Another station's packet. It contradicts one of our addresses, or a tentative one: that was dealt with, and the
 * packet is to be dropped under the counter returned. CNT_COUNT: it does not. */
enum counter acd_input(struct ip_layer *ip, const struct arp_packet *a);
void acd_timer(struct ip_layer *ip);
/* After the addresses. */
void snap_acd(struct snap *s, struct ip_layer *ip);

#endif
