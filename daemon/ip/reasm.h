/* Reassembly of IPv4 datagrams from fragments (RFC 791 3.2, RFC 1122 3.3.2). Used inside ip/ only. */
#ifndef TOYNET_IP_REASM_H
#define TOYNET_IP_REASM_H

#include "base/env.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/snap.h"
#include "base/timer.h"

#define IP_REASM_MEMORY_MAX    (4u << 20) /* bytes of all fragments that wait, and of what became of them in a turn */
#define IP_REASM_DATAGRAMS_MAX 1024       /* under way at once */
#define IP_REASM_FRAGMENTS_MAX 1366       /* of one datagram: the longest one over a link of 68 bytes (RFC 791) */
#define IP_REASM_TIMEOUT       DURATION_S(60) /* RFC 1122 3.3.2: between 60 and 120 seconds */
#define REASM_TIMER_TIE        (UINT64_C(1) << 63 | UINT64_C(2) << 40)

struct ip_layer;
struct ip_rx;

struct reasm_layer {
	struct hash_table table;
	struct list by_age; /* datagrams, the oldest first */
	struct list whole;  /* flat frames: the datagrams that this turn completed */
	uint32_t memory;    /* bytes of what waits */
	uint32_t whole_memory;
	struct timer_node timer; /* of the oldest */
};

/* False: out of memory. */
bool reasm_init(struct ip_layer *ip);
void reasm_free(struct ip_layer *ip);
/* Takes a fragment that is for us. True: the datagram is whole, and *rx is the datagram, valid until reasm_turn_end;
 * its options are the first fragment's, and rx->route is left to the caller. False: it waits for others, or was dropped
 * and counted. */
bool reasm_input(struct ip_layer *ip, struct ip_rx *rx);
/* What this turn completed is not used any more. */
void reasm_turn_end(struct ip_layer *ip);
void reasm_timer(struct ip_layer *ip);
void snap_reasm(struct snap *s, struct ip_layer *ip);

#endif
