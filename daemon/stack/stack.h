/* The stack: a handful of calls, pure. Bytes in, bytes out, next deadline.
 *
 * Theory of operation. A driver (daemon/host, tests/sim) sets env->now once and makes one turn:
 *
 *     stack_input     frames arrived; they stay borrowed until stack_turn_end; state changes, nothing is sent
 *     stack_tick      takes what was sent to ourselves, and runs the timers that are due
 *     stack_ready     sockets whose readiness changed
 *     stack_delivery  the next bytes for an application; the driver moves them and reports with stack_delivered
 *     stack_output    the next frame owed; its iovecs are valid until the next stack_* or socket_* call
 *     stack_turn_end  what was not taken is copied into the rings; borrowed frames are free again
 *     stack_deadline  when to call stack_tick next
 *
 * stack_save and stack_load carry every control block to a versioned snapshot and back, between turns. The calls of
 * socket/socket.h may come at any point outside stack_input. */
#ifndef TOYNET_STACK_STACK_H
#define TOYNET_STACK_STACK_H

#include "link/flow.h"
#include "socket/socket.h"
#include "stack/dhcp.h"

struct stack_config {
	struct ip_config ip;
	struct tcp_config tcp;
	struct dhcp_config dhcp;         /* on: ip has no address */
	uint32_t udp_rcvbuf, udp_sndbuf; /* bytes */
	uint32_t sockets_max;            /* of all uids together, children included */
	uint32_t sockets_per_uid;        /* quota; root is exempt */
};
/* All but cfg->ip. */
extern const struct stack_config stack_config_default;

#define STACK_BATCH_MAX    64 /* frames in one stack_input */
#define STACK_DELIVERY_IOV 64

/* What is to be moved to an application next. */
struct stack_delivery {
	struct socket *socket;
	struct iovec iov[STACK_DELIVERY_IOV];
	int niov;
	uint32_t len;            /* bytes in iov */
	struct dgram_record rec; /* datagram sockets: its source and, for an error record, errno; all or nothing */
};

/* env and what it points to outlive the stack. NULL: out of memory. */
struct stack *stack_new(struct env *env, const struct stack_config *cfg, struct link_caps caps);
/* Frees every socket without a word to any peer. No channel may be attached any more. */
void stack_free(struct stack *s);
/* The link's abilities changed (an impairment was switched on). */
void stack_set_caps(struct stack *s, struct link_caps caps);

/* What a socket has of its own is for those opened later; the rest holds at once. */
void stack_set_tcp_config(struct stack *s, const struct tcp_config *cfg);

/* What becomes of our addresses, and the other station where there is one, besides what the stack does about it itself:
 * for a log. Called from stack_input and stack_tick; calls nothing of the stack. NULL: nobody watches. */
void stack_watch_addresses(struct stack *s, stack_address_watch *watch, void *ctx);

void stack_input(struct stack *s, const struct frame_in *frames, int n);
void stack_tick(struct stack *s);
/* The next socket with unseen events, which are returned in *events and cleared; NULL when there is none. Only sockets
 * with owned set are reported. */
struct socket *stack_ready(struct stack *s, unsigned *events);
/* False when nothing can be delivered. After a delivery that was not taken whole, the socket is not offered again
 * before stack_offer or new input. */
bool stack_delivery(struct stack *s, struct stack_delivery *d);
/* n bytes were moved (0: the channel is full). Datagrams: n is len, or 0 with taken false. */
void stack_delivered(struct stack *s, const struct stack_delivery *d, uint32_t n, bool taken);
/* The socket's channel has room again: offer what waits. */
void stack_offer(struct stack *s, struct socket *so);
bool stack_output(struct stack *s, struct frame_out *f);
/* The link refused the frame that stack_output gave last: count it. TCP recovers by itself. */
void stack_output_refused(struct stack *s);
void stack_turn_end(struct stack *s);
/* INSTANT_NEVER: no timer is set. May be in the past: call stack_tick now. */
instant stack_deadline(struct stack *s);

/* Between turns, all channels quiet. The snapshot's buffer is owned by the snap. */
void stack_save(struct stack *s, struct snap *out);
/* A stack from a snapshot; cookies and inodes are kept, channels are NULL. NULL: snap->error says why. */
struct stack *stack_load(struct env *env, struct snap *in);

struct env *stack_env(struct stack *s);
struct counters *stack_counters(struct stack *s);
/* What was counted, with totals and gauges: see base/counters.h. */
void stack_stats(const struct stack *s, struct counters *out);
const struct ip_config *stack_ip_config(const struct stack *s);
/* For whoever administers addresses, routes and neighbours. */
struct ip_layer *stack_ip(struct stack *s);
/* The DHCP client; NULL: it is off. */
const struct dhcp *stack_dhcp(const struct stack *s);
/* It begins to ask; after stack_new, and not after stack_load. Nothing when it is off. */
void stack_dhcp_start(struct stack *s);
/* It gives its lease back; what it sends is output as ever, once the server's MAC address is known. */
void stack_dhcp_stop(struct stack *s);
/* Tells of its events while they happen. */
void stack_dhcp_watch(struct stack *s, void (*watch)(void *ctx, enum dhcp_event event), void *ctx);
/* Do frames of ours wait for ARP? */
bool stack_awaits_arp(const struct stack *s);
uint32_t stack_socket_count(const struct stack *s);
/* Which socket a frame of this flow is for, or comes from; *owner stays as it is when it is none. As the `find' of a
 * struct flow_lookup, with the stack as ctx. */
void stack_flow_owner(void *stack, const struct flow *f, enum link_way way, struct flow_owner *owner);

#endif
