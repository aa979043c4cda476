/* What TCP and UDP control blocks have in common: the two endpoints, the place in the lookup tables, ephemeral ports.
 *
 * Theory of operation. A pcb_table has one hash over the whole 4-tuple (connected) and one over the local port of those
 * that are bound and not connected (listeners, unconnected UDP); a lookup is 4-tuple first, then the best match by
 * port: a bound local address beats the wildcard. All users of a port, connected ones too, are in a list by port, which
 * only bind and the choice of an ephemeral port walk: 100,000 connections of one server port slow neither its SYNs nor
 * their closing.
 *
 * IPv4 and IPv6 share the tables and nothing else: neither conflicts with the other, and a wildcard is that of its
 * family.
 *
 * Among equals the one that was bound last is found; if that has SO_REUSEPORT, one of those that have it, by a hash
 * over the remote endpoint and each candidate (the highest wins), so that one that leaves moves only its own peers.
 * Nothing depends on the order within a hash chain, so a table that was saved and loaded behaves the same. */
#ifndef TOYNET_TRANSPORT_PCB_H
#define TOYNET_TRANSPORT_PCB_H

#include "base/addr.h"
#include "base/counters.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/snap.h"

/* RFC 6335 6: the dynamic range. */
#define PORT_EPHEMERAL_MIN 32768
#define PORT_EPHEMERAL_MAX 60999

#define PCB_PORT_CLASSES 64
#define PCB_USER_LISTS   4096 /* a power of two */

struct pcb {
	struct endpoint local;  /* port 0: not bound */
	struct endpoint remote; /* port 0: not connected */
	struct hash_node by_tuple, by_port;
	struct list port_link; /* among the users of the port */
	uint64_t bind_seq;     /* order of binding in the table */
	bool bound, connected; /* in which tables */
	bool reuse_addr;       /* SO_REUSEADDR */
	bool reuse_port;       /* SO_REUSEPORT: shared with others of the same uid that ask for it, too */
	uint32_t uid;          /* of the owner; the socket layer sets it */
	bool listening;        /* set by pcb_listen */
	bool port_chosen;      /* the port is ephemeral: a disconnect gives it up */
	bool addr_chosen;      /* the local address came with the connect: a disconnect makes it the wildcard again */
};

struct pcb_table {
	struct env *env;
	struct hash_key key;
	struct hash_table tuples, ports;
	struct list *users; /* PCB_USER_LISTS of them, by local port */
	uint64_t bind_seq;
	uint32_t port_next[PCB_PORT_CLASSES]; /* RFC 6056 3.3.4: one counter for each class of destinations */
};

bool pcb_table_init(struct pcb_table *t, struct env *env);
/* No pcb may be in it. */
void pcb_table_free(struct pcb_table *t);
/* A fresh pcb is all zero. Puts p under its local port; local.port != 0. 0 or EADDRINUSE (conflict by the rules of
 * SO_REUSEADDR; `time_wait` tells of a pcb whether it is only lingering in TIME-WAIT; NULL: none can be). */
int pcb_bind(struct pcb_table *t, struct pcb *p, struct endpoint local, bool (*time_wait)(const struct pcb *));
/* Binds to a free ephemeral port chosen by RFC 6056; remote may be unspecified (port 0), and then nobody else may use
 * the port; otherwise no other connection to remote may have it. 0 or EADDRINUSE when all are taken. */
int pcb_bind_ephemeral(struct pcb_table *t, struct pcb *p, struct ip_addr local, struct endpoint remote);
/* Makes the bound p a listener. EADDRINUSE: another one listens on the same address and port, SO_REUSEADDR or not, but
 * for SO_REUSEPORT on both. */
int pcb_listen(struct pcb_table *t, struct pcb *p);
/* Before pcb_connect, for a p that is bound to the wildcard: source becomes its local address. Otherwise nothing. */
void pcb_choose_source(struct pcb *p, struct ip_addr source);
/* Sets the peer and enters the tuple table; p is bound, and its local address not the wildcard. EADDRINUSE when the
 * 4-tuple is taken: p is as it was, bound, with the wildcard that pcb_choose_source replaced. */
int pcb_connect(struct pcb_table *t, struct pcb *p, struct endpoint remote);
/* A listener's new connection: enters the tables with both endpoints at once, without regard to who else has the port.
 * EADDRINUSE when the 4-tuple is taken. */
int pcb_accept(struct pcb_table *t, struct pcb *p, struct endpoint local, struct endpoint remote);
/* Forgets the peer. p stays bound unless its port was chosen for it; then it leaves all tables. */
void pcb_disconnect(struct pcb_table *t, struct pcb *p);
/* Leaves all tables; idempotent. The endpoints stay, for those who ask. */
void pcb_remove(struct pcb_table *t, struct pcb *p);
struct pcb *pcb_lookup_tuple(const struct pcb_table *t, struct endpoint local, struct endpoint remote);
/* Unconnected, bound to the port: exact address before wildcard. listening_only: for TCP. Among several with
 * SO_REUSEPORT, remote decides: the same remote finds the same one, as long as that is there. */
struct pcb *pcb_lookup_port(const struct pcb_table *t, struct endpoint local, struct endpoint remote,
                            bool listening_only);
/* Unconnected ones that take datagrams to `local` (their address is that, or the wildcard), in the order of binding:
 * the first that was bound after `after` (0 at first); NULL at the end. */
struct pcb *pcb_next_match(const struct pcb_table *t, struct endpoint local, uint64_t after);
void snap_pcb_table(struct snap *s, struct pcb_table *t);
/* p is all zero when loading, which re-enters the tables. */
void snap_pcb(struct snap *s, struct pcb_table *t, struct pcb *p);

#endif
