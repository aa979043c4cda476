/* The ARP table: entries by address, by rank, and the frames that wait in them. For arp.c. */
#ifndef TOYNET_IP_ARP_TABLE_H
#define TOYNET_IP_ARP_TABLE_H

#include "ip/arp.h"

struct arp_entry {
	struct hash_node node;
	struct list link;        /* in the list of its rank */
	struct timer_node timer; /* tie: ARP_TIMER_TIE | address */
	struct ip_addr addr;
	struct mac_addr mac; /* not in ARP_INCOMPLETE, ARP_FAILED */
	enum arp_state state;
	uint8_t tries;     /* requests sent in this state */
	bool used;         /* sent to, or wanted as a gateway, since it was confirmed or failed */
	instant since;     /* confirmed, failed, entered; in ARP_INCOMPLETE, made */
	instant asked;     /* last request, in whatever state; never: none */
	struct list queue; /* flat frames, whole but for the destination MAC address; ARP_INCOMPLETE, and one in
	                      ARP_FAILED */
	uint32_t queued;   /* of them */
	uint32_t queued_bytes;
};

struct arp_entry *arp_find(const struct ip_layer *ip, struct ip_addr a);
/* Makes room for an entry in a state, and adds it; it is to be filed. NULL: no room, or no memory. */
struct arp_entry *arp_add(struct ip_layer *ip, struct ip_addr a, enum arp_state state);
/* What waits for it is dropped. */
void arp_remove(struct ip_layer *ip, struct arp_entry *e);
void arp_set_state(struct ip_layer *ip, struct arp_entry *e, enum arp_state state);
/* Puts it last in the list of its rank, and sets its timer: after every change of it. */
void arp_file(struct ip_layer *ip, struct arp_entry *e);
/* RFC 1122 2.3.2.1: may it be asked for? Not if it was within ARP_REQUEST_INTERVAL. */
bool arp_may_ask(const struct ip_layer *ip, const struct arp_entry *e);
/* The latest frames are kept. False: dropped and counted. */
bool arp_enqueue(struct ip_layer *ip, struct arp_entry *e, struct flat_frame *f);
/* The queue must not be empty. */
struct flat_frame *arp_dequeue(struct ip_layer *ip, struct arp_entry *e);
/* Drops the whole queue, under ArpFailedDrops. */
void arp_discard(struct ip_layer *ip, struct arp_entry *e);

#endif
