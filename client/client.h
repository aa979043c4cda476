/* libtoynet, inside: what its files offer each other. Nothing here is exported.
 *
 * Theory of operation. A call of toynet.h is one of three kinds:
 *
 *   a call on the daemon   socket.c, connect.c, option.c fill a message and hand it to rpc.c, which takes a connection
 * from pool.c, exchanges one gRPC call on it (h2.c), and turns the answer into 0 or an errno; bytes of a stream io.c:
 * the kernel's send and recv on the descriptor, and a question to the daemon only when they report an end whose reason
 * the kernel cannot know; datagrams              datagram.c: records on the descriptor, no call at all.
 *
 * The library knows a socket by the SO_COOKIE of its descriptor (identity.c), which dup, fork and exec leave as it is,
 * and never by its number, which the program may give to another file at any time.
 *
 * Functions that return int return 0 (or a descriptor or a count), or -1 with errno and the thread's detail set. */
#ifndef TOYNET_CLIENT_H
#define TOYNET_CLIENT_H

#include <netinet/in.h>
#include <pb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <toynet/descriptor.h>
#include <toynet/v1/toynet.pb.h>

#include "sys.h"
#include "toynet.h"

/* detail.c: the words of toynet_error_detail(). */

/* Sets errno and the thread's detail; returns -1. The text says which stage failed and, where that helps, what to do.
 */
int client_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "ECONNREFUSED", or "errno 4711" (in a buffer of the thread) where the C library has no name. */
const char *client_error_name(int error);

/* identity.c: what a descriptor is. */

struct client_id {
	int fd;
	uint64_t cookie; /* SO_COOKIE */
	bool stream;     /* a SOCK_STREAM pair; else a SOCK_SEQPACKET pair, that is, a datagram socket */
};
/* EBADF, ENOTSOCK (not a descriptor that toynetd can have made). */
int client_identify(int fd, struct client_id *id);
/* The same, the type only: one system call, for the paths that carry data. */
int client_is_stream(int fd, bool *stream);
/* Listeners that this process knows. A cookie never names another socket later and a listener stays one, so an entry
 * cannot become wrong; one that was displaced is asked for again. */
bool client_listener_known(uint64_t cookie);
void client_listener_learn(uint64_t cookie);
/* Seconds for which close waits on this socket by SO_LINGER, 0 when it does not; as far as this process knows: what
 * another process has set, and what was displaced, is not. */
bool client_linger_any(void); /* has this process ever set it? */
unsigned client_linger_known(uint64_t cookie);
void client_linger_learn(uint64_t cookie, unsigned seconds);
/* EMFILE or ENFILE when the process has no free descriptor. like_fd: any open descriptor. */
int client_free_slot(int like_fd);
/* Applies SOCK_NONBLOCK and SOCK_CLOEXEC to a descriptor that was received with close-on-exec set. */
int client_apply_flags(int fd, int flags);
/* CLOCK_MONOTONIC in milliseconds, and the deadline that one of SO_RCVTIMEO, SO_SNDTIMEO of fd sets; 0: none. */
int64_t client_now_ms(void);
int64_t client_deadline_ms(int fd, int option);

/* address.c */

/* Of AF_INET or AF_INET6. Which of them a socket takes is for the daemon to say. */
union client_address {
	struct sockaddr_in6 in6; /* first: the longest, so that an initializer clears all */
	struct sockaddr_in in;
	sa_family_t family;
};
/* EINVAL (len), EAFNOSUPPORT. */
int client_address_parse(const struct sockaddr *addr, socklen_t len, union client_address *out);
void client_address_to_message(const union client_address *in, toynet_v1_Address *out);
/* EPROTO: the daemon's text is not an address. */
int client_address_from_message(const toynet_v1_Address *in, union client_address *out);
void client_address_to_wire(const union client_address *in, struct toynet_wire_addr *out);
/* False: a family that this library does not know. Family 0 gives 0.0.0.0 port 0. */
bool client_address_from_wire(const struct toynet_wire_addr *in, union client_address *out);
/* As the kernel does: copies what fits, *len becomes the full length. addr may be NULL. */
void client_address_store(const union client_address *in, struct sockaddr *addr, socklen_t *len);

/* rpc.c: one call on the daemon. */

struct client_call {
	const char *method; /* of toynet.v1.Sockets */
	const pb_msgdesc_t *request_type;
	const void *request;
	const pb_msgdesc_t *response_type;
	void *response;
	const struct client_id *id; /* the socket whose possession may have to be proved; NULL: none */
	int *received_fd;           /* not NULL: the answer brings a descriptor, which the caller then owns */
	bool interruptible;         /* a signal ends the call with EINTR; the daemon goes on with what it began */
	bool names_something;       /* the request holds a name: ENOENT is about it, not about the socket */
	int64_t deadline_ms;        /* CLOCK_MONOTONIC, 0 none: after it the call ends with ETIME */
};
/* Any errno that the daemon gives, and: ENOENT, ECONNREFUSED, EACCES (the control socket), EPROTO (it does not speak
 * toynet.v1), ENOTSOCK (the daemon does not know the socket), EMFILE, ENOMEM, EINTR, ETIME. */
int client_rpc(const struct client_call *call);
/* Closes id->fd, and waits until the peer has acknowledged what was written to it, the time is over or a signal comes;
 * only as the last holder. The result is that of close. */
int client_linger(const struct client_id *id, unsigned seconds);
/* The SocketRef of a request about id. */
toynet_v1_SocketRef client_ref(const struct client_id *id);
int client_names(const struct client_id *id, toynet_v1_NamesResponse *names);
int client_get_number(const struct client_id *id, toynet_v1_Option option, int64_t *number);

/* pool.c: the credentials of the daemon, as the kernel gives them for the control connection; it is opened when there has
 * been none. False: there is no daemon. */
bool client_pool_peer(struct ucred *out);

/* io.c */

/* The transfer on fd ended with `native` (0: end-of-file), which is all that the kernel can say. Returns the reason
 * that the daemon gives (ECONNRESET when there is no daemon any more), else native. Reading it clears it, as SO_ERROR
 * is. Leaves errno alone. */
int client_end_reason(int fd, int native);
/* SO_ERROR: the daemon's, else what the kernel holds for the descriptor; both are cleared. */
int client_take_error(const struct client_id *id, int *error);

/* datagram.c */

#define CLIENT_DATAGRAM_MAX 65535 /* a raw socket's, with its IP header; toynetd knows how much less others have */
#define CLIENT_IOV_MAX      1022  /* the kernel's 1024, less header and overflow */

/* Fills the header that goes in front of a datagram of len bytes; dst NULL: the connected peer. */
void client_datagram_header(struct toynet_datagram_header *h, size_t len, const union client_address *dst);
/* What a record of `total` bytes, header included, is: 0 a datagram, its source in *src; else an errno: EPROTO
 * (malformed), or that of an error record. */
int client_datagram_check(const struct toynet_datagram_header *h, size_t total, union client_address *src);
ssize_t client_datagram_send(int fd, const struct msghdr *msg, int flags);
/* Fills in the name, the control messages and the flags, too; msg_flags is that of the message. */
ssize_t client_datagram_recv(int fd, struct msghdr *msg, int flags);
/* What the thread knows of where datagrams may go does not hold any more: an option was set. */
void client_datagram_forget(void);
/* The thread's next receiving call on fd fails with this errno: recvmmsg came upon it behind datagrams. */
void client_datagram_postpone(int fd, int error);

/* control.c */

/* Adds the control messages of a message to be sent to its header. EINVAL. */
int client_control_read(const struct msghdr *msg, struct toynet_datagram_header *h);
/* Writes those of a received one; sets msg_controllen, and MSG_CTRUNC where there is no room. */
void client_control_write(const struct toynet_datagram_header *h, struct msghdr *msg);

/* option.c */

enum client_option_type {
	CLIENT_OPTION_INT,
	CLIENT_OPTION_SMALL, /* IPPROTO_IP: one byte will do instead of an int */
	CLIENT_OPTION_LINGER,
	CLIENT_OPTION_TEXT,   /* cut at a NUL; read back with one, cut to the room */
	CLIENT_OPTION_RAW,    /* bytes, cut to the room */
	CLIENT_OPTION_INFO,   /* struct tcp_info of the kernel, cut to the room; read only */
	CLIENT_OPTION_NATIVE, /* a property of the descriptor: the kernel's own option does it */
};
struct client_option {
	int level, name;
	enum client_option_type type;
	toynet_v1_Option option; /* unused for CLIENT_OPTION_NATIVE */
};
/* NULL: not supported. */
const struct client_option *client_option_find(int level, int name);
/* The row of an option of the control plane. */
const struct client_option *client_option_of(toynet_v1_Option option);
/* EINVAL: len is too short for the type. */
int client_option_encode(const struct client_option *o, const void *value, socklen_t len, toynet_v1_OptionValue *out);
/* Writes at most *len bytes and sets *len. EPROTO: the daemon answered with another type. */
int client_option_decode(const struct client_option *o, const toynet_v1_OptionValue *in, void *value, socklen_t *len);

/* tcp_info.c: writes at most `room` bytes of the kernel's struct; returns how many. */
socklen_t client_tcp_info(const toynet_v1_TcpInfo *m, void *value, socklen_t room);

#endif
