/* Calls: what a method implementation sees. Internal to rpc/.
 *
 * Theory of operation. A call begins with its request headers and is in one of three states:
 *
 *   CALL_REQUEST   its message is being collected
 *   CALL_PARKED    its method has run and waits for a socket (Connect with wait); only one answer below ends it
 *   CALL_ANSWERED  its answer is decided; the stream carries what is left of it
 *
 * Its memory goes when its stream closes, in any state. A method runs once, within rpc_conn_input, and either answers
 * or parks. A method with a `produce` function answers with call_stream and is asked for messages as flow control lets
 * them go. */
#ifndef TOYNET_RPC_CALL_H
#define TOYNET_RPC_CALL_H

#include "rpc/grpc.h"
#include "rpc/h2.h"
#include "rpc/pb.h"
#include "rpc/rpc.h"
#include "toynet/v1/toynet.pb-c.h"

/* Who may call a method. */
enum rpc_permission {
	PERMIT_ANYONE,
	PERMIT_ADMIN,     /* refused before the message is parsed */
	PERMIT_POSSESSOR, /* of the socket that the request names */
	PERMIT_OWNER,     /* a possessor, the uid that opened the socket, or an administrator */
	PERMIT_VIEWER,    /* an owner; to others the socket does not exist */
};

/* What the request metadata TOYNET_MD_WANT_FD means. */
enum rpc_fd {
	FD_NONE,
	FD_ANSWERED, /* the caller asks for a descriptor */
	FD_RECEIVED, /* the caller sends one */
};

enum produced {
	PRODUCE_MORE, /* ask again when this is sent */
	PRODUCE_END,
	PRODUCE_WAIT, /* nothing to say until call_wake, or until the caller ends it */
};

struct call;

#define RPC_NO_SOCKET SIZE_MAX

/* One row of the method table. */
struct rpc_method {
	const char *path; /* "/toynet.v1.Sockets/Bind" */
	enum rpc_permission permission;
	enum rpc_fd fd;
	bool sync;     /* the pair's bytes are taken before the operation */
	size_t socket; /* offset in the request of its SocketRef pointer, 0 when the request is the reference itself,
	                * RPC_NO_SOCKET when it names none */
	const ProtobufCMessageDescriptor *request;
	/* so: the socket named, with permission checked; NULL when the method names none. */
	void (*run)(struct call *c, const ProtobufCMessage *request, struct socket *so);
	enum produced (*produce)(struct call *c); /* streaming methods; uses call_append */
	/* Parked calls: something happened to so. Answers, or leaves the call parked. */
	void (*event)(struct call *c, struct socket *so, unsigned events);
	void (*closed)(struct call *c); /* the stream is gone: frees c->state_of_method, which is not NULL */
};

extern const struct rpc_method rpc_methods[];
extern const size_t rpc_methods_count;

struct rpc_server {
	struct stack *stack;
	struct env *env;
	const struct rpc_host *host;
	void *ctx;
	const char *version;
	instant started;
	const struct rpc_method *methods;
	size_t methods_count;
	size_t connections;
	struct list pending;      /* connections that may have output */
	struct hash_table grants; /* struct grant, by socket */
	struct hash_table parked; /* calls, by the socket that they wait for */
	size_t parked_count;
	struct timer_queue timers; /* grpc-timeout of every call that has one */
	size_t calls;
	uint64_t call_serial;
};

#define RPC_REQUEST_BYTES_MAX (256u << 10) /* of unfinished requests on one connection */

struct rpc_conn {
	struct rpc_server *srv;
	struct rpc_peer peer;
	void *ctx;
	struct h2 *h2;
	struct list pending_link;
	struct list grants;
	uint32_t grant_count;
	uint32_t request_budget;
	int fds[RPC_FDS_QUEUED_MAX]; /* received, not yet claimed by a call; oldest first */
	int fd_count;
};

enum call_state { CALL_REQUEST, CALL_PARKED, CALL_ANSWERED };

struct call {
	struct rpc_conn *conn;
	struct h2_stream *stream;
	const struct rpc_method *method;
	enum call_state state;
	struct grpc_reader request;
	bool want_fd;
	int fd; /* received; -1 none */
	struct timer_node timer;
	struct hash_node by_socket; /* CALL_PARKED */
	uint64_t socket;            /* CALL_PARKED: its id */

	/* The answer. */
	uint8_t *out; /* framed messages not yet taken by the stream: [out_at, out_len) */
	size_t out_at, out_len, out_capacity;
	bool streaming;  /* produce is to be asked */
	bool exhausted;  /* memory for the answer failed */
	uint64_t cursor; /* of produce */
	void *state_of_method;
	enum grpc_status status;
	int error; /* for the trailer; 0 none */
	char message[GRPC_MESSAGE_MAX];
};

extern const struct h2_upcalls call_upcalls;

/* Answers. Each ends CALL_REQUEST or CALL_PARKED, once. */
void call_reply(struct call *c, const ProtobufCMessage *m);
/* A descriptor travels with the answer; it is the connection's from here on. */
void call_reply_fd(struct call *c, const ProtobufCMessage *m, int fd);
void call_fail(struct call *c, enum grpc_status status, const char *message);
/* "EINVAL: text"; text NULL: that of base/error.h. */
void call_errno(struct call *c, int error, const char *text);
/* "EINVAL: " and a sentence of the caller's. */
void call_refuse(struct call *c, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void call_stream(struct call *c);
/* Adds one message to the stream. False: out of memory, which ends the call. */
bool call_append(struct call *c, const ProtobufCMessage *m);
/* Waits for events on so. */
void call_park(struct call *c, struct socket *so);
/* A streaming call that had nothing to say has something now. */
void call_wake(struct call *c);
/* The call's deadline has passed. */
void call_expire(struct call *c);
/* Every call parked on the socket ends with error. */
void calls_end_socket(struct rpc_server *srv, uint64_t id, int error);

/* Authority: which sockets a connection may drive (rpc/authority.c). */
#define RPC_GRANTS_MAX 65536u /* on one connection */

struct grant {
	struct hash_node by_socket;
	struct list link; /* in conn->grants */
	struct rpc_conn *conn;
	uint64_t socket;
	bool keeps;   /* the socket lives as long as the connection */
	bool lingers; /* it outlasts the socket's descriptor: see Linger in the .proto */
};

/* 0, ENOBUFS. Again for the same socket is no error. */
int grant_add(struct rpc_conn *conn, const struct socket *so, bool keeps);
bool grant_has(const struct rpc_conn *conn, uint64_t socket);
/* The connection's right to the socket outlasts the descriptor. */
void grant_linger(const struct rpc_conn *conn, uint64_t socket);
/* Every connection forgets the socket. */
void grants_end_socket(struct rpc_server *srv, uint64_t socket);
/* Every connection forgets the socket, but those that have asked for its end. */
void grants_drop_socket(struct rpc_server *srv, uint64_t socket);
/* The connection ends: its sockets without a descriptor are closed. */
void grants_drop_conn(struct rpc_conn *conn);

void conn_mark_pending(struct rpc_conn *conn);

#endif
