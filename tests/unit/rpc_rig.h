/* The world of the rpc tests: a client's HTTP/2 bytes, the method table, a real stack, and a driver that only keeps
 * notes. */
#ifndef TOYNET_TESTS_RPC_RIG_H
#define TOYNET_TESTS_RPC_RIG_H

#include "h2_client.h"
#include "link/loop.h"
#include "rpc/call.h"
#include "unit.h"

#define UID 1000

/* The world around the server. */
struct rig {
	struct env env;
	struct stack *stack;
	struct rpc_server *srv;
	uint64_t cookies;
	uint32_t unread;
	bool held; /* another process holds what is closed */
	int opened, synced, listened, closed, aborted, fds_closed;
	uint32_t filler;
	struct impair_config impair;
	char config[2][16]; /* tcp.ecn, tcp.delack */
	struct loop loop;
	struct impair link; /* over the loop; only its rules matter */
	int link_changed;
	enum rpc_link_state link_state;
	struct capture capture; /* over the loop */
	int channel;            /* its address is every socket's channel */
};

/* A client on a connection of its own. */
struct peer {
	struct h2c h2;
	struct rpc_conn *conn;
};

void rig_begin(struct rig *r);
void rig_end(struct rig *r);
void peer_begin(struct peer *p, struct rig *r, uint32_t uid);
void peer_end(struct peer *p);
/* The bytes live on for a while: as long as any test needs. */
struct h2c_request rpc_request(const char *path, const void *message);
/* One call to its end, or to where it waits. */
struct h2c_call *rpc_call(struct peer *p, const char *path, const void *message);
/* The message of a unary answer, which must be a success. */
void *rpc_answer(const struct h2c_call *c, const ProtobufCMessageDescriptor *d);
void rpc_answer_free(void *m);
/* It failed with this status and this errno (0: none), in trailers alone. */
void rpc_failed(const struct h2c_call *c, int status, int error);
Toynet__V1__SocketRef rpc_open(struct peer *p, Toynet__V1__Protocol protocol, bool fd);
Toynet__V1__SocketRef rpc_open_tcp(struct peer *p);
/* To 192.0.2.9 port 80, where nobody is, with 5 bytes of filler. */
struct h2c_call *rpc_connect_to(struct peer *p, Toynet__V1__SocketRef *ref, bool wait, const char *timeout);

/* A test is between these two; p is its client. */
#define BEGIN(uid)     \
	struct rig r;  \
	struct peer p; \
	rig_begin(&r); \
	peer_begin(&p, &r, uid)
#define END()         \
	peer_end(&p); \
	rig_end(&r)

#endif
