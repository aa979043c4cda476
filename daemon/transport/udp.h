/* UDP (RFC 768, RFC 1122 4.1): datagrams with their addresses, in rings bounded by SO_RCVBUF and SO_SNDBUF.
 *
 * Theory of operation. Each direction is a ring of records (struct udp_record, then payload). A received datagram is
 * first borrowed: it waits in the turn's arrival list and can be delivered straight from its frame; what the
 * application did not take by the end of the turn is copied into the receive ring, or dropped and counted when the ring
 * is full. To be sent, a datagram is copied into the send ring and pulled by udp_output. ICMP errors become error
 * records (connected) in the same order. */
#ifndef TOYNET_TRANSPORT_UDP_H
#define TOYNET_TRANSPORT_UDP_H

#include "base/ring.h"
#include "ip/ip.h"
#include "transport/pcb.h"

#define UDP_HDR_LEN     8
#define UDP_PAYLOAD_MAX 65507 /* 65,535 - 20 - 8 */

struct udp_record {
	struct endpoint addr; /* source (received) or destination (to be sent) */
	uint32_t len;         /* payload bytes that follow */
	int32_t error;        /* received: errno of an ICMP error, no payload; else 0 */
	uint8_t ttl;
};

struct udp {
	struct pcb pcb;         /* first: found from the tables */
	struct list ready_link; /* in udp_layer.ready while datagrams arrived in this turn */
	struct list out_link;   /* in udp_layer.out while the send ring holds records */
	uint64_t out_seq;       /* place in udp_layer.out */
	struct ring rcv, snd;
	uint32_t rcv_bytes, snd_bytes; /* of payload in the rings */
	uint32_t arrived_bytes;        /* of payload in this turn's arrivals */
	uint32_t rcvbuf, sndbuf;       /* bytes of records at most */
	uint32_t arrivals; /* first and last arrival of this turn in udp_layer.arrival, by index + 1; 0 none */
	uint32_t arrivals_tail;
	uint64_t in, out, drops;
	instant last_sent, last_received;
	uint8_t ttl, tos;
	bool broadcast;       /* SO_BROADCAST */
	bool input_shut;      /* SHUT_RD: datagrams are dropped */
	bool writable_wanted; /* a datagram was refused: tell when the send ring has room */
};

struct udp_arrival; /* udp.c */

/* What the socket layer wants to hear. */
struct udp_upcalls {
	void (*arrived)(void *ctx, struct udp *u);  /* datagram or error: delivery is possible */
	void (*writable)(void *ctx, struct udp *u); /* the send ring has room again after it was refused */
	void *ctx;
};

struct udp_layer {
	struct env *env;
	struct counters *cnt;
	struct ip_layer *ip;
	struct ring_pool *rings;
	struct pcb_table pcbs;
	struct udp_upcalls up;
	struct list out; /* ascending by out_seq */
	uint64_t out_seq;
	struct udp *lent; /* whose send ring the last udp_output borrowed from */
	struct list ready;
	struct udp_arrival *arrival; /* this turn's borrowed datagrams */
	uint32_t arrival_count, arrival_capacity;
};

/* Registers with ip for protocol 17. False: out of memory. */
bool udp_init(struct udp_layer *l, struct env *env, struct counters *cnt, struct ip_layer *ip, struct ring_pool *rings,
              struct udp_upcalls up);
void udp_free(struct udp_layer *l);
void udp_pcb_init(struct udp *u, uint32_t rcvbuf, uint32_t sndbuf);
/* Leaves the tables and gives the rings back. */
void udp_pcb_release(struct udp_layer *l, struct udp *u);
/* Port 0: ephemeral. 0, EADDRINUSE, EADDRNOTAVAIL, EINVAL (bound already). */
int udp_bind(struct udp_layer *l, struct udp *u, struct endpoint local);
/* Fixes the peer; binds first when needed. remote.addr none: disconnects. 0, ENETUNREACH, EACCES (broadcast without
 * SO_BROADCAST), EADDRINUSE, EINVAL (port 0). */
int udp_connect(struct udp_layer *l, struct udp *u, struct endpoint remote);
/* Copies one datagram into the send ring. dst none: the connected peer. Binds first when needed. 0, EAGAIN (ring full:
 * writable follows; or no ephemeral port), EMSGSIZE (also: longer than the MTU allows), EDESTADDRREQ, EACCES (broadcast
 * without SO_BROADCAST), EINVAL (port 0), ENETUNREACH, ENOBUFS. */
int udp_send(struct udp_layer *l, struct udp *u, struct endpoint dst, const void *data, uint32_t len);
/* The oldest datagram: *rec and up to 2 iovecs over its payload, valid until the next stack_* call. False when none. */
bool udp_peek(struct udp_layer *l, struct udp *u, struct udp_record *rec, struct iovec iov[2], int *niov);
/* Drops the datagram that udp_peek shows: it was delivered. */
void udp_consume(struct udp_layer *l, struct udp *u);
/* The next datagram owed by any socket, completed down to Ethernet. False when nothing is owed. */
bool udp_output(struct udp_layer *l, struct frame_out *f);
/* Copies what was not taken into the rings. */
void udp_turn_end(struct udp_layer *l);
/* Bytes of payload waiting to be read, this turn's arrivals included; and to be sent. */
uint32_t udp_recv_queued(const struct udp *u);
uint32_t udp_send_queued(const struct udp *u);
/* Between turns only. u is fresh from udp_pcb_init when loading. */
void snap_udp(struct snap *s, struct udp_layer *l, struct udp *u);
void snap_udp_layer(struct snap *s, struct udp_layer *l);

#endif
