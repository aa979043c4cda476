/* The control socket: accepts clients on a Unix path and moves the bytes and descriptors of their RPC connections.
 *
 * Each connection is a descriptor of our own under uv_poll_t (libuv's pipes cannot send arbitrary descriptors). What is
 * said on it is rpc/'s business. A client that does not read is given no more than what its socket takes; what waits
 * for it is bounded by rpc. */
#ifndef TOYNET_HOST_CONTROL_H
#define TOYNET_HOST_CONTROL_H

#include "host/config.h"
#include "host/uv.h"

#define CONTROL_BACKLOG     128
#define CONTROL_READ_MAX    (64u << 10)      /* bytes of one read */
#define CONTROL_READS       4                /* of one client in a row */
#define CONTROL_RETRY       DURATION_MS(100) /* for a client whose descriptor cannot be sent now */
#define CONTROL_ADMIN_GROUP "toynet"

struct control {
	uv_loop_t *loop;
	struct rpc_server *rpc;
	void (*begin)(void *ctx); /* called before anything is said to rpc: a turn begins */
	void *ctx;
	int fd;
	int spare; /* closed for a moment to refuse a client when descriptors have run out */
	uv_poll_t poll;
	bool polling;
	struct list clients;
	uint32_t count;
	instant retry_at; /* INSTANT_NEVER, or when clients that are stuck are tried again */
	uint64_t refused; /* clients above RPC_CONNECTIONS_MAX, or without a descriptor for them */
	gid_t admin_gid;
	bool has_admin_gid;
	char path[CONFIG_PATH_MAX];
	dev_t dev; /* of the socket file, to remove no other's */
	ino_t ino;
	uint8_t buf[CONTROL_READ_MAX];
};

/* Binds the path (a stale socket file is replaced; its directory is made when it is missing, for uid and gid). Clients
 * wait until control_start. False: why is set. */
bool control_bind(struct control *c, const struct config *cfg, uid_t uid, gid_t gid, char why[CONFIG_ERROR_MAX]);
bool control_start(struct control *c, uv_loop_t *loop, struct rpc_server *rpc, void (*begin)(void *ctx), void *ctx);
/* Sends what rpc has to say, as far as the clients take it. At the end of each turn; again at the latest at
 * c->retry_at. */
void control_flush(struct control *c, instant now);
/* Ends all connections and removes the socket file; libuv closes the handles in its next rounds. */
void control_stop(struct control *c);

#endif
