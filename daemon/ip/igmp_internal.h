/* What the files of IGMP share. */
#ifndef TOYNET_IP_IGMP_INTERNAL_H
#define TOYNET_IP_IGMP_INTERNAL_H

#include "ip/igmp.h"
#include "ip/ip.h"

#define IGMP_QUERY     0x11
#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define IGMP_V2_LEAVE  0x17
#define IGMP_V3_REPORT 0x22
#define IGMP_HDR_LEN   8  /* of every message but IGMPv3's query */
#define IGMP_V3_QUERY  12 /* without sources */

#define IGMP_ALL_SYSTEMS ip4(224, 0, 0, 1)
#define IGMP_ALL_ROUTERS ip4(224, 0, 0, 2)  /* RFC 2236 3: where a leave goes */
#define IGMP_V3_ROUTERS  ip4(224, 0, 0, 22) /* RFC 3376 4.2.14 */

#define IGMP_UNSOLICITED    DURATION_S(1)    /* RFC 3376 8.11 */
#define IGMP_V2_UNSOLICITED DURATION_S(10)   /* RFC 2236 8.10 */
#define IGMP_RATE_WAIT      DURATION_MS(100) /* for a token */

/* The layer's timer goes off when the first of all deadlines is due. */
void igmp_arm(struct ip_layer *ip);
struct igmp_group *igmp_find(const struct ip_layer *ip, struct ip_addr group);
/* Uniform in (0, most]. */
instant igmp_random_within(struct ip_layer *ip, duration most);
/* Does anybody want anything of the group? */
bool igmp_joined(const struct igmp_group *g);
/* Sends the state-change report that is due, and plans the next; the group is freed when nothing is left of it. */
void igmp_report_change(struct ip_layer *ip, struct igmp_group *g);
/* Nothing is to be reported any more of what has changed. */
void igmp_forget_changes(struct igmp_group *g);
/* A group that nobody joins and that has nothing to say any more. */
void igmp_drop_if_done(struct ip_layer *ip, struct igmp_group *g);

/* igmp_output.c */
void igmp_send_change(struct ip_layer *ip, const struct igmp_group *g);
/* One current-state record; for the sources of a query when it named some. */
void igmp_send_state(struct ip_layer *ip, const struct igmp_group *g);
/* Current-state records of all groups. */
void igmp_send_all(struct ip_layer *ip);
/* IGMPv1 and v2: a report or a leave. */
void igmp_send_simple(struct ip_layer *ip, uint8_t type, struct ip_addr group);

/* igmp_input.c: the handler for protocol 2; ctx is the ip_layer. */
void igmp_input(void *ctx, const struct ip_rx *rx);

#endif
