/* ARP (RFC 826, RFC 1122 2.3.2): from the next hop's IPv4 address to its MAC address. Used inside ip/ only. */
#ifndef TOYNET_IP_ARP_H
#define TOYNET_IP_ARP_H

#include "ip/ip.h"
#include "link/ether.h"
#include "link/flat.h"

#define ARP_ENTRIES_MAX       (IP_TIMERS_MAX - 4)
#define ARP_UNRESOLVED_MAX    (ARP_ENTRIES_MAX / 2) /* of them in ARP_INCOMPLETE and ARP_FAILED */
#define ARP_STATIC_MAX        (ARP_ENTRIES_MAX / 4) /* of them in ARP_STATIC */
#define ARP_LOCKED_FOR        DURATION_S(1)         /* after a confirmation the MAC address stays; see arp.c */
#define ARP_REQUEST_INTERVAL  DURATION_S(1)         /* RFC 1122 2.3.2.1: at most one a second for an address */
#define ARP_TRIES_MAX         3
#define ARP_FAILED_FOR        DURATION_S(10)
#define ARP_QUEUE_FRAMES_MAX  64           /* of one entry */
#define ARP_QUEUE_BYTES_MAX   (256u << 10) /* of one entry; a super-frame fits */
#define ARP_QUEUE_BYTES_TOTAL (4u << 20)   /* of all entries, and of what waits for arp_report */
#define ARP_REPORTS_MAX       256          /* failed frames of one turn that are reported */

/* Distinguishes our timer nodes from those of sockets, whose ids are smaller. */
#define ARP_TIMER_TIE        (UINT64_C(1) << 63)
#define ARP_REPORT_TIMER_TIE (UINT64_C(1) << 63 | UINT64_C(4) << 40)

bool arp_init(struct ip_layer *ip);
void arp_timer(struct ip_layer *ip, struct timer_node *n);
/* arp_report_timer: tells the transports what will not be delivered. */
void arp_report(struct ip_layer *ip);
void arp_free(struct ip_layer *ip);
/* One ARP packet, from behind the Ethernet header on. */
void arp_input(struct ip_layer *ip, const uint8_t *packet, uint32_t len);
/* The MAC address of a neighbour, and marks it as used. False: not known now; see arp_hold. */
bool arp_resolve(struct ip_layer *ip, struct ip_addr hop, struct mac_addr *mac);
/* The station may be gone: it is asked now, still used meanwhile, and forgotten when it does not answer. */
void arp_suspect(struct ip_layer *ip, struct ip_addr hop);
/* Is it known that nobody answers for hop? Then it is asked for again from time to time, as long as this is called. */
bool arp_is_dead(const struct ip_layer *ip, struct ip_addr hop);
/* Takes f, a whole frame but for its destination MAC address, until hop is resolved; asks for it when nobody has.
 * False: it was dropped and counted. */
bool arp_hold(struct ip_layer *ip, struct ip_addr hop, struct flat_frame *f);
void snap_arp(struct snap *s, struct ip_layer *ip);

#endif
