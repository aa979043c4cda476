/* Channels: the daemon's ends of the socket pairs, by which applications hold their sockets.
 *
 * Theory of operation. Every descriptor of toynet is one end of an AF_UNIX pair; a struct channel is the other end. All
 * ends lie in one edge-triggered epoll set, which libuv's loop watches as a whole: a level that stays (HUP after a
 * shutdown both ways) costs nothing, and each change is seen once. What a channel does with its bytes depends on its
 * kind:
 *
 *   CHANNEL_STREAM    bytes of a connection, straight between the pair and the socket's rings (host/stream.c)
 *   CHANNEL_LISTENER  accept records with descriptors, towards the application only (host/accept.c)
 *   CHANNEL_DATAGRAM  datagrams with a header in front, both ways (host/datagram.c)
 *
 * Identity is SO_COOKIE of the application's end. The application has closed when the kernel says that the peer end is
 * gone (host/diag.h); EOF, EPIPE and HUP alone are shutdowns, and leave the socket owned.
 *
 * All functions but channels_open_set are called from the loop's thread, between stack turns' calls as stack.h allows.
 */
#ifndef TOYNET_HOST_CHANNEL_H
#define TOYNET_HOST_CHANNEL_H

#include "rpc/rpc.h"

#define CHANNEL_PAIR_MAX       (256u << 10) /* bytes of buffers that a pair holds towards the application */
#define CHANNEL_SCRATCH        ((64u << 10) + 256)
#define CHANNEL_RECORDS_MAX    8 /* accept records in a pair at a time */
#define CHANNEL_RETRY          DURATION_MS(100)
#define CHANNEL_UNTAKEN        DURATION_MS(50)
#define CHANNEL_EVENTS_MAX     64  /* edges taken in one turn: each may cost a question to the kernel */
#define CHANNEL_DATAGRAMS_TURN 256 /* taken from one application before others have their turn */
#define CHANNEL_READ_MIN       (4u << 10)
#define CHANNEL_READ_MAX       (256u << 10)

enum channel_kind { CHANNEL_STREAM, CHANNEL_LISTENER, CHANNEL_DATAGRAM, CHANNEL_KINDS };

struct channels {
	struct env *env;
	struct stack *stack;
	struct rpc_server *rpc;
	int epoll; /* to be watched for readability */
	int diag;
	struct hash_table by_cookie;
	struct list touched;   /* epoll interest is recomputed at turn end */
	struct list retry;     /* could not go on for want of memory or descriptors */
	struct list graveyard; /* freed at turn end: events already taken from epoll may point here */
	instant retry_at;
	uint32_t count;
	uint8_t scratch[CHANNEL_SCRATCH];
};

/* False: errno says why (unix_diag may be missing). */
bool channels_open_set(struct channels *c, struct env *env);
/* Before any other call below. */
void channels_attach(struct channels *c, struct stack *stack, struct rpc_server *rpc);
/* Aborts every socket that an application holds: their peers get a RST, when the frames owed are still sent. */
void channels_abort_all(struct channels *c);
/* All sockets are gone, or have lost their channel. */
void channels_close_set(struct channels *c);

/* Makes the pair of so; *app_fd is the application's end, for the caller. 0, EMFILE, ENFILE, ENOBUFS, ENOMEM. */
int channels_open(struct channels *c, struct socket *so, int *app_fd);
/* Takes the edges that wait and acts on them. */
void channels_poll(struct channels *c);
/* Events of stack_ready on a socket that may have a channel. */
void channels_event(struct channels *c, struct socket *so, unsigned events);
/* Moves one delivery and reports it with stack_delivered. */
void channels_deliver(struct channels *c, const struct stack_delivery *d);
/* After the stack's turn: interest in edges is brought up to date, memory of closed channels is freed. */
void channels_turn_end(struct channels *c);
/* When channels_tick wants to be called. */
instant channels_deadline(const struct channels *c);
void channels_tick(struct channels *c);

/* What struct rpc_host promises. */
void channels_sync(struct channels *c, struct socket *so);
void channels_filler(struct channels *c, struct socket *so, uint32_t bytes);
void channels_listening(struct channels *c, struct socket *so);
void channels_close(struct channels *c, struct socket *so, bool abort);
bool channels_closed(struct channels *c, struct socket *so);
struct socket *channels_by_cookie(struct channels *c, uint64_t cookie);
uint32_t channels_unread(struct channels *c, struct socket *so);

#endif
