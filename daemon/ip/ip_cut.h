/* Datagrams that leave in fragments (RFC 791 3.2). Used inside ip/ only. */
#ifndef TOYNET_IP_IP_CUT_H
#define TOYNET_IP_IP_CUT_H

#include "base/addr.h"
#include "base/env.h"
#include "base/list.h"
#include "base/packet.h"
#include "base/snap.h"

#define IP_CUT_BYTES_MAX (4u << 20) /* of datagrams whose fragments are still to be sent */

struct ip_layer;
struct flat_frame;
struct cut;

struct cut_layer {
	struct list queue; /* struct cut, in order */
	struct cut *lent;  /* its last fragment was lent out; freed by the next call */
	uint32_t bytes;    /* of the datagrams in the queue */
};

void cut_init(struct ip_layer *ip);
void cut_free(struct ip_layer *ip);
/* Takes a datagram, IP header first and without DF, that goes to hop in fragments of at most mtu bytes. False: there is
 * no room or no memory, and it was dropped and counted. */
bool cut_add(struct ip_layer *ip, struct flat_frame *whole, struct ip_addr hop, uint16_t mtu);
/* The next fragment as a whole frame. What waits for ARP is passed on to there. False: there is none. f is valid until
 * the next call. */
bool cut_pull(struct ip_layer *ip, struct frame_out *f);
void snap_cut(struct snap *s, struct ip_layer *ip);

#endif
