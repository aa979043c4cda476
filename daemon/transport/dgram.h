/* Datagram sockets: UDP (RFC 768, RFC 1122 4.1), ping sockets (ICMP echo) and raw IP sockets, each datagram with its
 * address, in rings bounded by SO_RCVBUF and SO_SNDBUF.
 *
 * Theory of operation. Each direction is a ring of records (struct dgram_record, then payload). A received datagram is
 * first borrowed: it waits in the turn's arrival list and can be delivered straight from its frame; what the
 * application did not take by the end of the turn is copied into the receive ring, or dropped and counted when the ring
 * is full. To be sent, a datagram is copied into the send ring and pulled by dgram_output. ICMP errors become error
 * records (connected) in the same order.
 *
 * What the three kinds do not share stands in a table of functions (struct dgram_ops in dgram_internal.h), one file for
 * each: udp.c, ping.c, raw.c. UDP and ping sockets lie in tables by port; the identifier of an echo request is the
 * port. Raw sockets lie in a list, their protocol in place of the port. A socket's payload is what follows the UDP
 * header; the ICMP message; of a raw socket what follows the IP header when sent, and the whole IP datagram when
 * received. */
#ifndef TOYNET_TRANSPORT_DGRAM_H
#define TOYNET_TRANSPORT_DGRAM_H

#include "base/ring.h"
#include "ip/ip.h"
#include "transport/pcb.h"

#define UDP_HDR_LEN         8
#define UDP_PAYLOAD_MAX     65507        /* 65,535 - 20 - 8 */
#define DGRAM_PAYLOAD_MAX   IP_TOTAL_MAX /* a raw socket's, with its IP header */
#define DGRAM_MULTICAST_TTL 1            /* RFC 1112 6.1 */
#define RAW_PROTOCOL        255          /* IPPROTO_RAW: sends only, with its own headers */

enum dgram_kind { DGRAM_UDP, DGRAM_PING, DGRAM_RAW, DGRAM_KINDS };

/* A datagram in a queue, or an error in its place among them. */
struct dgram_record {
	struct endpoint addr; /* source (received), destination (to be sent, and of what an error is about) */
	uint8_t ttl, tos;
	uint32_t len;       /* payload bytes that follow */
	int32_t error;      /* received: errno of an ICMP error; else 0 */
	instant at;         /* received: when */
	uint32_t drops;     /* received: those that the socket had lost before */
	uint8_t pmtu;       /* to be sent: enum dgram_pmtu */
	bool whole;         /* to be sent: the payload begins with the IP header (IP_HDRINCL) */
	struct ip_addr dst; /* received: as its header tells; a group or a broadcast address, too */
	struct ip_addr
	        local; /* received: the specific destination (RFC 1122 3.2.1.3); to be sent: the source asked for */
	uint8_t options_len;
	uint8_t options[IP_OPTIONS_MAX]; /* received: as in the header; to be sent: in the form of IP_OPTIONS */
	/* Of an error, for a socket with IP_RECVERR; the payload is then what the message quotes. */
	bool reported;
	uint8_t icmp_type, icmp_code;
	uint16_t mtu;            /* EMSGSIZE */
	struct ip_addr offender; /* who sent the message */
};

/* What a datagram to be sent has of its own, instead of its socket's. */
struct dgram_control {
	uint8_t ttl; /* 0: the socket's */
	bool has_tos, has_options;
	uint8_t tos;
	uint8_t options_len;
	uint32_t interface;    /* 0: any */
	struct ip_addr source; /* none or 0.0.0.0: the socket's, or by the route */
	uint8_t options[IP_OPTIONS_MAX];
};

/* IP_MTU_DISCOVER, with the numbers of <linux/in.h>. */
enum dgram_pmtu {
	DGRAM_PMTU_DONT,  /* no DF */
	DGRAM_PMTU_WANT,  /* DF on what fits the path, the rest is cut */
	DGRAM_PMTU_DO,    /* DF; what does not fit is EMSGSIZE */
	DGRAM_PMTU_PROBE, /* DF; the path's MTU is not looked at */
};

/* What a socket's application wants to get with each datagram. */
enum dgram_pass {
	DGRAM_PASS_PKTINFO = 1 << 0,
	DGRAM_PASS_TTL = 1 << 1,
	DGRAM_PASS_TOS = 1 << 2,
	DGRAM_PASS_OPTIONS = 1 << 3,      /* IP_RECVOPTS */
	DGRAM_PASS_OPTIONS_BACK = 1 << 4, /* IP_RETOPTS */
	DGRAM_PASS_TIME_US = 1 << 5,      /* SO_TIMESTAMP */
	DGRAM_PASS_TIME_NS = 1 << 6,      /* SO_TIMESTAMPNS */
	DGRAM_PASS_DROPS = 1 << 7,        /* SO_RXQ_OVFL */
	/* Of a socket of IPv6, beside those above. */
	DGRAM_PASS_PKTINFO6 = 1 << 9,  /* IPV6_RECVPKTINFO */
	DGRAM_PASS_HOPLIMIT = 1 << 10, /* IPV6_RECVHOPLIMIT */
	DGRAM_PASS_TCLASS = 1 << 11,   /* IPV6_RECVTCLASS */
	DGRAM_PASS_ALL = DGRAM_PASS_DROPS * 2 - 1 + DGRAM_PASS_PKTINFO6 + DGRAM_PASS_HOPLIMIT + DGRAM_PASS_TCLASS
};

struct dgram {
	struct pcb pcb; /* first: found from the tables; raw sockets are in none */
	enum dgram_kind kind;
	struct list raw_link;   /* in dgram_layer.raw, in the order of opening */
	struct list ready_link; /* in dgram_layer.ready while datagrams arrived in this turn */
	struct list out_link;   /* in dgram_layer.out while the send ring holds records */
	uint64_t out_seq;       /* place in dgram_layer.out */
	struct ring rcv, snd;
	uint32_t rcv_bytes, snd_bytes; /* of payload in the rings */
	uint32_t arrived_bytes;        /* of payload in this turn's arrivals */
	uint32_t rcvbuf, sndbuf;       /* bytes of records at most */
	uint32_t arrivals; /* first and last arrival of this turn in dgram_layer.arrival, by index + 1; 0 none */
	uint32_t arrivals_tail;
	uint64_t in, out, drops;
	instant last_sent, last_received;
	uint8_t ttl, tos;
	bool broadcast;       /* SO_BROADCAST */
	bool input_shut;      /* SHUT_RD: datagrams are dropped */
	bool writable_wanted; /* a datagram was refused: tell when the send ring has room */

	struct list groups;      /* struct igmp_membership */
	struct ip_addr mc_local; /* IP_MULTICAST_IF; none: by the route */
	uint8_t mc_ttl;          /* IP_MULTICAST_TTL */
	bool mc_loop;            /* IP_MULTICAST_LOOP */
	bool mc_all;             /* IP_MULTICAST_ALL: also groups that only others have joined */

	uint16_t pass;    /* enum dgram_pass */
	uint8_t pmtu;     /* enum dgram_pmtu */
	bool recverr;     /* IP_RECVERR: errors are reported in full, also those of an unconnected socket */
	bool no_csum;     /* SO_NO_CHECK: UDP without a checksum */
	bool csum_wanted; /* TOYNET_UDP_REQUIRE_CHECKSUM: datagrams without one are dropped */
	uint8_t options_len;
	uint8_t options[IP_OPTIONS_MAX]; /* IP_OPTIONS, as it was set */

	bool own_header;      /* IP_HDRINCL */
	uint32_t icmp_filter; /* ICMP_FILTER: bit n keeps messages of type n away */
};

struct dgram_arrival; /* dgram_input.c */

/* A service of the stack itself that has a port of its own. */
struct udp_service {
	uint16_t port; /* 0: there is none. No socket may bind to it */
	/* A datagram to the port, its checksum verified; rx is the whole of it. */
	void (*input)(void *ctx, const struct ip_rx *rx, const uint8_t *payload, uint32_t len);
	void *ctx;
};

/* What the socket layer wants to hear. */
struct dgram_upcalls {
	void (*arrived)(void *ctx, struct dgram *d);  /* datagram or error: delivery is possible */
	void (*writable)(void *ctx, struct dgram *d); /* the send ring has room again after it was refused */
	void *ctx;
};

struct dgram_layer {
	struct env *env;
	struct counters *cnt;
	struct ip_layer *ip;
	struct ring_pool *rings;
	struct pcb_table udp, ping;
	struct list raw;
	struct dgram_upcalls up;
	struct udp_service service;
	struct list out; /* ascending by out_seq */
	uint64_t out_seq;
	struct dgram *lent; /* whose send ring the last dgram_output borrowed from */
	struct list ready;
	struct dgram_arrival *arrival; /* this turn's borrowed datagrams */
	uint32_t arrival_count, arrival_capacity;
};

/* Registers with ip for protocol 17, echo replies and raw sockets. False: out of memory. */
bool dgram_layer_init(struct dgram_layer *l, struct env *env, struct counters *cnt, struct ip_layer *ip,
                      struct ring_pool *rings, struct dgram_upcalls up);
void dgram_layer_free(struct dgram_layer *l);
/* A fresh control block. */
void dgram_init(struct dgram_layer *l, struct dgram *d, enum dgram_kind kind, uint32_t rcvbuf, uint32_t sndbuf);
/* Of a fresh raw socket: it takes the datagrams of this protocol, and sends them. */
void dgram_set_protocol(struct dgram *d, uint8_t protocol);
/* Leaves the tables and the groups, and gives the rings back. */
void dgram_release(struct dgram_layer *l, struct dgram *d);
bool dgram_connected(const struct dgram *d);
/* Of a raw socket. */
uint8_t dgram_protocol(const struct dgram *d);
/* Port 0: ephemeral. 0, EADDRINUSE, EADDRNOTAVAIL, EINVAL (bound already). */
int dgram_bind(struct dgram_layer *l, struct dgram *d, struct endpoint local);
/* Fixes the peer; binds first when needed. remote.addr none: disconnects. 0, ENETUNREACH, EACCES (broadcast without
 * SO_BROADCAST), EADDRINUSE, EINVAL (port 0). */
int dgram_connect(struct dgram_layer *l, struct dgram *d, struct endpoint remote);
/* IP_OPTIONS. EINVAL (not what ip_options_parse takes), EPERM (source routes are not in force). */
int dgram_set_options(struct dgram_layer *l, struct dgram *d, const uint8_t *options, uint32_t len);
/* RFC 1122 3.4, GET_MAXSIZES: bytes of an IP datagram that reach the connected peer uncut. ENOTCONN. */
int dgram_mtu(struct dgram_layer *l, const struct dgram *d, uint16_t *mtu);
/* May d send len bytes to dst now, as far as addresses and lengths go? dst none: the connected peer; control may be
 * NULL. *max: how many it may send there. 0, EDESTADDRREQ, EINVAL (port 0, a source that is not ours, options), ENODEV
 * (no such interface), EPERM (a source route), EACCES, ENETUNREACH, EMSGSIZE. */
int dgram_check(struct dgram_layer *l, const struct dgram *d, struct endpoint dst, const struct dgram_control *control,
                uint32_t len, uint32_t *max);
/* Copies one datagram into the send ring; binds first when needed. Errors of dgram_check, and EAGAIN (ring full:
 * writable follows; or no ephemeral port), ENOBUFS, EINVAL (the message is not what the kind of socket sends). */
int dgram_send(struct dgram_layer *l, struct dgram *d, struct endpoint dst, const struct dgram_control *control,
               const void *data, uint32_t len);
/* The oldest datagram: *rec and up to 2 iovecs over its payload, valid until the next stack_* call. False when none. */
bool dgram_peek(struct dgram_layer *l, struct dgram *d, struct dgram_record *rec, struct iovec iov[2], int *niov);
/* Drops the datagram that dgram_peek shows: it was delivered. */
void dgram_consume(struct dgram_layer *l, struct dgram *d);
/* The next datagram owed by any socket, completed down to Ethernet. False when nothing is owed. */
bool dgram_output(struct dgram_layer *l, struct frame_out *f);
/* Copies what was not taken into the rings. */
void dgram_turn_end(struct dgram_layer *l);
/* Bytes of payload waiting to be read, this turn's arrivals included; and to be sent. */
uint32_t dgram_recv_queued(const struct dgram *d);
uint32_t dgram_send_queued(const struct dgram *d);
/* Between turns only. d is fresh from dgram_init when loading. */
void snap_dgram(struct snap *s, struct dgram_layer *l, struct dgram *d);
void snap_dgram_layer(struct snap *s, struct dgram_layer *l);

#endif
