/* The stack's own structure, for socket/ and stack/ only. It lies in socket/ because the calls of the sockets API work
 * on it; stack/ drives it. */
#ifndef TOYNET_SOCKET_SOCKET_INTERNAL_H
#define TOYNET_SOCKET_SOCKET_INTERNAL_H

#include "socket/socket.h"

/* Sockets of one uid, for the quota. */
struct socket_owner {
	struct list link;
	uint32_t uid, count;
};

struct socket_table {
	struct hash_table by_id;
	struct hash_key key;
	struct list all;     /* ascending ids */
	struct list ready;   /* sockets with events to be pulled */
	struct list deliver; /* sockets with bytes or datagrams to be offered */
	struct list reap;    /* ended: freed at the end of the turn */
	struct list owners;
	uint64_t last_id;
	uint32_t count, max, per_uid;
};

struct dhcp_client; /* stack/dhcp_net.h */

/* Timer nodes besides those of sockets: the internet layer's and the DHCP client's. */
#define STACK_TIMERS_MAX (IP_TIMERS_MAX + 1)

struct stack {
	struct env *env;
	struct counters counters;
	struct timer_queue timers;
	struct ring_pool rings;
	struct ip_layer ip;
	struct tcp_layer tcp;
	struct dgram_layer dgram;
	struct socket_table sockets;
	struct dhcp_client *dhcp; /* NULL: off */
	uint32_t udp_rcvbuf, udp_sndbuf;
	stack_address_watch *address_watch; /* or NULL */
	void *address_watch_ctx;
};

static inline struct socket *socket_of_tcp(struct tcp *t)
{
	return container_of(t, struct socket, tcp);
}
static inline struct socket *socket_of_dgram(struct dgram *d)
{
	return container_of(d, struct socket, dgram);
}

bool socket_table_init(struct socket_table *st, struct env *env, uint32_t max, uint32_t per_uid);
/* Every socket must be gone. */
void socket_table_free(struct socket_table *st, struct env *env);
/* An allocated socket in all tables, its protocol block initialised. id 0: the next one. NULL: memory, or the quota
 * (*error). */
struct socket *socket_new(struct stack *s, enum socket_protocol protocol, uint8_t family, uint32_t uid, uint64_t id,
                          int *error);
/* Frees the sockets on the reap list. */
void socket_reap(struct stack *s);
/* Releases everything at once, without a word to a peer. */
void socket_free(struct stack *s, struct socket *so);
/* RFC 5227 2.4: connections from an address that is about to be given up are reset; ECONNABORTED. */
void socket_address_lost(struct stack *s, struct ip_addr a);
/* Notes events for stack_ready. */
void socket_notify(struct stack *s, struct socket *so, unsigned events);

/* family.c: an address that the application gave, for a call, as the stack has it. 0, EAFNOSUPPORT, EINVAL,
 * EADDRNOTAVAIL (to bind to), ENETUNREACH. No address stays none. */
enum address_use { ADDRESS_BIND, ADDRESS_CONNECT, ADDRESS_SEND, ADDRESS_SOURCE };
int socket_address_in(const struct socket *so, enum address_use use, struct ip_addr *a);

/* Puts so among those whose bytes are to be delivered, when it has any. */
void socket_offer(struct stack *s, struct socket *so);

/* What the transports call (contexts are the stack). */
struct tcp *socket_tcp_child(void *ctx, struct tcp *listener);
void socket_tcp_closed(void *ctx, struct tcp *t);
void socket_tcp_event(void *ctx, struct tcp *t, unsigned events);
void socket_dgram_arrived(void *ctx, struct dgram *d);
void socket_dgram_writable(void *ctx, struct dgram *d);

#endif
