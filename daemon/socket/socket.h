/* Sockets: the control block as an application, the control plane and the drivers know it, and what may be done with
 * it.
 *
 * Theory of operation. A `struct socket` is the memory that socket() allocates: identity, owner, readiness, and in it
 * the control block of its protocol. It lives from socket_open (or, for a child, from its SYN) until both the
 * application and the protocol have let go: an application that closes leaves an orphan, which the protocol ends; a
 * connection that has ended stays, with its error, until the application closes.
 *
 * The channel is where its bytes come from and go to. The core knows only an opaque pointer, and readiness: the driver
 * pulls sockets whose events changed with stack_ready, moves bytes, and reports what it moved.
 *
 * rpc/ and host/ may call what is here; the layers below may not. Every call may change which pointers are valid only
 * as its own comment says. */
#ifndef TOYNET_SOCKET_SOCKET_H
#define TOYNET_SOCKET_SOCKET_H

#include "base/error.h"
#include "transport/dgram.h"
#include "transport/tcp.h"
#include "transport/tcp_info.h"

enum socket_protocol { SOCKET_TCP, SOCKET_UDP, SOCKET_PING, SOCKET_RAW, SOCKET_PROTOCOLS };

/* Readiness, as stack_ready reports it. Level bits are recomputed by the reader; these only say "look again". */
enum socket_event {
	SOCKET_CONNECTED = 1 << 0, /* connect succeeded */
	SOCKET_WRITABLE = 1 << 1,  /* the send buffer has room again after it was full */
	SOCKET_EOF = 1 << 2,       /* the peer's FIN, and every byte before it has been delivered */
	SOCKET_ACCEPT = 1 << 3,    /* a child is ready to be accepted */
	SOCKET_ERROR = 1 << 4,     /* ended abnormally; socket->error says why */
	SOCKET_REPORT = 1 << 5,    /* RFC 9293 3.9.1.8: tcp.soft_error is set, or urgent text is on its way */
	SOCKET_SENT = 1 << 6,      /* all was sent and acknowledged, FIN included; only of a socket that is awaited */
};

struct socket {
	uint64_t id; /* 1, 2, 3 ...: unique in the life of the stack */
	struct hash_node by_id;
	struct list all; /* in stack order of ids */
	struct list ready_link;
	struct list deliver_link; /* among those whose bytes are to be offered to the application */
	unsigned events;          /* enum socket_event, not yet pulled */
	enum socket_protocol protocol;
	uint8_t family;    /* enum ip_family: in which its application speaks; see socket/family.c */
	bool v6only;       /* IPV6_V6ONLY */
	uint32_t uid, pid; /* of the creator; a child inherits its listener's */
	uint64_t cookie;   /* SO_COOKIE of the application's end; 0 none */
	uint64_t inode;    /* of the application's end; 0 none */
	bool awaited;      /* a call waits for SOCKET_SENT, although no application holds it; not saved: calls end */
	bool owned;        /* an application, or an RPC connection, holds it */
	int error;         /* SO_ERROR: errno, cleared when read */
	instant opened;
	bool linger_on; /* SO_LINGER */
	uint32_t linger_s;
	void *channel; /* the driver's; NULL when it has none */
	union {
		struct tcp tcp;
		struct dgram dgram; /* all but TCP */
	};
};

struct stack;
/* See stack_watch_addresses. */
typedef void stack_address_watch(void *ctx, struct ip_addr a, enum ip_address_event event, struct mac_addr station);

/* The sockets API. Each returns 0 or an errno of base/error.h; nothing is changed on error. */

/* Allocates a socket in its initial state. IP_V6: TCP and UDP only, and a socket of IPv4 inside, whose application
 * has addresses of IPv6 (socket/family.c). EAFNOSUPPORT, ENOBUFS. */
int socket_open(struct stack *s, enum socket_protocol protocol, uint8_t family, uint32_t uid, uint32_t pid,
                struct socket **out);
/* A raw socket of an IP protocol; the caller has seen to it that the owner is privileged. */
int socket_open_raw(struct stack *s, uint8_t ip_protocol, uint8_t family, uint32_t uid, uint32_t pid,
                    struct socket **out);
/* Here and below, addresses are of the socket's family, else EAFNOSUPPORT; a datagram socket of IPv6 also connects and
 * sends to those of IPv4.
 * EADDRINUSE, EADDRNOTAVAIL, EINVAL (bound already, or connected). Port 0: ephemeral. */
int socket_bind(struct stack *s, struct socket *so, struct endpoint local);
/* TCP: EINPROGRESS, then SOCKET_CONNECTED or SOCKET_ERROR. Datagrams: 0; peer.addr none disconnects.
 * EISCONN, EALREADY, ENETUNREACH, EADDRNOTAVAIL, EADDRINUSE, EOPNOTSUPP (listening), EINVAL. */
int socket_connect(struct stack *s, struct socket *so, struct endpoint peer);
/* EOPNOTSUPP (datagrams), EINVAL (connected), EADDRINUSE. Binds to an ephemeral port when not bound. */
int socket_listen(struct stack *s, struct socket *so, int backlog);
/* The oldest established child, now owned; EAGAIN when none, EINVAL when not listening. */
int socket_accept(struct stack *s, struct socket *listener, struct socket **child);
/* Where the application's bytes go: see tcp_send_reserve. */
int socket_send_reserve(struct stack *s, struct socket *so, uint32_t want, struct iovec iov[2], int *error);
void socket_send_commit(struct stack *s, struct socket *so, uint32_t n);
/* RFC 9293 3.9.1.2: all that was committed so far is urgent text (TCP). */
void socket_send_urgent(struct stack *s, struct socket *so);
/* Bytes from the next delivery's first to the end of urgent text, 0 none (TCP). */
uint32_t socket_urgent_ahead(const struct socket *so);
/* One datagram; dst.addr none: the peer; control may be NULL. See dgram_send. */
int socket_send_datagram(struct stack *s, struct socket *so, struct endpoint dst, const struct dgram_control *control,
                         const void *data, uint32_t len);
/* Counts a datagram that socket_send_datagram refused (EAGAIN, ENOBUFS) and that nobody keeps. */
void socket_datagram_lost(struct stack *s, const struct socket *so);
/* Could such a datagram be sent? See dgram_check. EOPNOTSUPP: a stream. */
int socket_check_datagram(struct stack *s, struct socket *so, struct endpoint dst, const struct dgram_control *control,
                          uint32_t len, uint32_t *max);
/* ENOTCONN. */
int socket_shutdown(struct stack *s, struct socket *so, bool read, bool write);
/* The application is gone. unread: it left bytes in the channel. so is not valid afterwards. */
void socket_close(struct stack *s, struct socket *so, bool unread);
/* RST; so is not valid afterwards. */
void socket_abort(struct stack *s, struct socket *so);
/* The channel still holds so many unread bytes (TCP). */
void socket_set_held(struct stack *s, struct socket *so, uint32_t bytes);
/* Reads SO_ERROR and clears it. */
int socket_take_error(struct socket *so);

/* In the family of the socket; peer.addr none: not connected. */
void socket_names(const struct socket *so, struct endpoint *local, struct endpoint *peer);
/* The same, as the stack has them. */
void socket_stack_names(const struct socket *so, struct endpoint *local, struct endpoint *peer);
/* An address of the stack, as the socket's application sees it: of a socket of IPv6 ::ffff:a.b.c.d, and :: for none. */
struct ip_addr socket_address_out(const struct socket *so, struct ip_addr a);
/* Is there a peer? Of TCP also: was there one, before the connection ended? */
bool socket_has_peer(const struct socket *so);
enum tcp_state socket_state(const struct socket *so); /* datagrams: CLOSED, or ESTABLISHED when connected */
uint32_t socket_recv_queued(const struct socket *so); /* a listener: children waiting for accept */
uint32_t socket_send_queued(const struct socket *so); /* a listener: its backlog */

struct socket *socket_by_id(const struct stack *s, uint64_t id);
/* The socket with the smallest id above `after`; NULL at the end. For listing in pages. */
struct socket *socket_after(const struct stack *s, uint64_t after);

/* Options, as a table in socket/option.c. Names and numbers are those of the .proto's enum Option. */
#define SOCKET_OPTIONS(X)                   \
	X(SO_REUSEADDR, 1)                  \
	X(SO_TYPE, 2)                       \
	X(SO_ERROR, 3)                      \
	X(SO_BROADCAST, 4)                  \
	X(SO_SNDBUF, 5)                     \
	X(SO_RCVBUF, 6)                     \
	X(SO_LINGER, 7)                     \
	X(SO_ACCEPTCONN, 8)                 \
	X(SO_DOMAIN, 9)                     \
	X(SO_PROTOCOL, 10)                  \
	X(SO_KEEPALIVE, 11)                 \
	X(SO_REUSEPORT, 12)                 \
	X(SO_TIMESTAMP, 13)                 \
	X(SO_TIMESTAMPNS, 14)               \
	X(SO_RXQ_OVFL, 15)                  \
	X(SO_NO_CHECK, 16)                  \
	X(SO_MEMINFO, 17)                   \
	X(IP_TOS, 32)                       \
	X(IP_TTL, 33)                       \
	X(IP_MULTICAST_IF, 34)              \
	X(IP_MULTICAST_TTL, 35)             \
	X(IP_MULTICAST_LOOP, 36)            \
	X(IP_MULTICAST_ALL, 37)             \
	X(IP_ADD_MEMBERSHIP, 38)            \
	X(IP_DROP_MEMBERSHIP, 39)           \
	X(IP_ADD_SOURCE_MEMBERSHIP, 40)     \
	X(IP_DROP_SOURCE_MEMBERSHIP, 41)    \
	X(IP_BLOCK_SOURCE, 42)              \
	X(IP_UNBLOCK_SOURCE, 43)            \
	X(IP_HDRINCL, 44)                   \
	X(ICMP_FILTER, 45)                  \
	X(IP_OPTIONS, 46)                   \
	X(IP_MTU_DISCOVER, 47)              \
	X(IP_MTU, 48)                       \
	X(IP_PKTINFO, 49)                   \
	X(IP_RECVTTL, 50)                   \
	X(IP_RECVTOS, 51)                   \
	X(IP_RECVOPTS, 52)                  \
	X(IP_RETOPTS, 53)                   \
	X(IP_RECVERR, 54)                   \
	X(IPV6_V6ONLY, 55)                  \
	X(IPV6_UNICAST_HOPS, 56)            \
	X(IPV6_TCLASS, 57)                  \
	X(IPV6_RECVPKTINFO, 58)             \
	X(IPV6_RECVHOPLIMIT, 59)            \
	X(IPV6_RECVTCLASS, 60)              \
	X(IPV6_RECVERR, 61)                 \
	X(IPV6_MTU_DISCOVER, 62)            \
	X(IPV6_MTU, 63)                     \
	X(TCP_NODELAY, 64)                  \
	X(TCP_MAXSEG, 65)                   \
	X(TCP_KEEPIDLE, 66)                 \
	X(TCP_KEEPINTVL, 67)                \
	X(TCP_KEEPCNT, 68)                  \
	X(TCP_USER_TIMEOUT, 69)             \
	X(TCP_CONGESTION, 70)               \
	X(TCP_INFO, 71)                     \
	X(TCP_CORK, 72)                     \
	X(TCP_QUICKACK, 73)                 \
	X(TCP_SYNCNT, 74)                   \
	X(TCP_LINGER2, 75)                  \
	X(TCP_WINDOW_CLAMP, 76)             \
	X(TOYNET_TCP_TIMESTAMPS, 128)       \
	X(TOYNET_TCP_SACK, 129)             \
	X(TOYNET_TCP_WINDOW_SCALING, 130)   \
	X(TOYNET_TCP_ECN, 131)              \
	X(TOYNET_TCP_INITIAL_WINDOW, 132)   \
	X(TOYNET_TCP_DELACK, 133)           \
	X(TOYNET_TCP_TIME_WAIT, 134)        \
	X(TOYNET_UDP_REQUIRE_CHECKSUM, 135) \
	X(TOYNET_ADVISE_DEAD, 136)

#define SOCKET_OPTION_NUMBER(name, n) OPT_##name = (n),
enum socket_option { SOCKET_OPTIONS(SOCKET_OPTION_NUMBER) };
#undef SOCKET_OPTION_NUMBER
#define SOCKET_OPTION_ONE(name, n) +1
enum { SOCKET_OPTION_COUNT = 0 SOCKET_OPTIONS(SOCKET_OPTION_ONE) };
#undef SOCKET_OPTION_ONE

/* What the value of an option is. */
enum socket_option_kind {
	OPTION_NUMBER,
	OPTION_LINGER, /* number is seconds, with linger_on */
	OPTION_TEXT,   /* bytes, none of them zero */
	OPTION_RAW,    /* bytes as an application lays them out */
	OPTION_INFO,   /* none: socket_tcp_info reads it */
};
#define SOCKET_OPTION_TEXT_MAX  16 /* the bounds of toynet.options */
#define SOCKET_OPTION_BYTES_MAX 64

struct socket_option_value {
	int64_t number;
	enum socket_option_kind kind;
	bool linger_on;
	uint8_t len;
	uint8_t bytes[SOCKET_OPTION_BYTES_MAX];
};
/* Of a connected socket: bytes of an IP datagram that reach the peer uncut. ENOTCONN. */
int socket_mtu(struct stack *s, const struct socket *so, uint16_t *mtu);
/* ENOPROTOOPT; EINVAL: another kind, out of range, or too late; ENOENT: no such name; EPERM: a source route; ENOTCONN:
 * OPT_IP_MTU. */
int socket_set_option(struct stack *s, struct socket *so, int option, struct socket_option_value v);
int socket_get_option(struct stack *s, struct socket *so, int option, struct socket_option_value *v);
/* Of a TCP socket. */
void socket_tcp_info(struct stack *s, const struct socket *so, struct tcp_info *info);

#endif
