/* The control plane: bytes of HTTP/2 in, calls on the stack, bytes out.
 *
 * Theory of operation. host/ accepts connections on the Unix socket, reads the peer's credentials, and moves bytes and
 * descriptors; everything between is here and does no I/O. A connection is one nghttp2 session (rpc/h2.c); a stream
 * carries one gRPC call (rpc/grpc.c: framing, status, deadlines); the method table (rpc/methods.c) says for each method
 * its permission, its decoder and its function. What a method needs from the world of descriptors it asks through
 * struct rpc_host.
 *
 * A call may end later than it began (Connect with wait): it is then parked on its socket, and rpc_socket_event,
 * a deadline (grpc-timeout) or the client's RST_STREAM ends it. */
#ifndef TOYNET_RPC_RPC_H
#define TOYNET_RPC_RPC_H

#include "link/capture.h"
#include "link/impair.h"
#include "stack/stack.h"
#include <sys/types.h>

/* The settings of the impair link. Set: both directions replace the former ones; seed 0 keeps the generators. */
struct impair_config {
	uint64_t seed;
	struct impair_direction in, out; /* towards the stack, away from it */
};

#define RPC_CONFIG_VALUE_MAX    1280
#define RPC_CONFIG_WHY_MAX      512
#define RPC_CONFIG_SETTINGS_MAX 64 /* in one SetConfig */

struct rpc_config_entry {
	const char *section, *name, *help; /* static */
	char value[RPC_CONFIG_VALUE_MAX];
	bool changeable;
};
struct rpc_config_setting {
	const char *key, *value;
};

#define RPC_RESOLVER_SERVERS_MAX 8 /* the bounds of toynet.options */
#define RPC_RESOLVER_SEARCH_MAX  6
#define RPC_DOMAIN_MAX           254 /* RFC 1035 2.3.4, with its NUL */

/* Whom a resolver asks. */
struct rpc_resolver {
	struct endpoint server[RPC_RESOLVER_SERVERS_MAX];
	char search[RPC_RESOLVER_SEARCH_MAX][RPC_DOMAIN_MAX];
	uint8_t servers, searches;
};

enum rpc_link_state { RPC_LINK_UNKNOWN, RPC_LINK_UP, RPC_LINK_DOWN, RPC_LINK_STATES };

/* What rpc asks of the driver. ctx is the driver's. Each int is 0 or an errno. */
struct rpc_host {
	/* Makes the pair of so (cookie, inode and channel are set) and gives the application's end, which the caller of
	 * this function owns. */
	int (*open_channel)(void *ctx, struct socket *so, int *app_fd);
	/* Takes what the pair holds before an operation on so (calls must not overtake data). */
	void (*sync)(void *ctx, struct socket *so);
	/* The application's end contains so many filler bytes that are not data. */
	void (*filler)(void *ctx, struct socket *so, uint32_t bytes);
	/* so became a listener (its pair now carries accept records). */
	void (*listening)(void *ctx, struct socket *so);
	/* so was closed by a call (abort: with a RST): the driver lets go of its channel and ends the socket. */
	void (*close)(void *ctx, struct socket *so, bool abort);
	/* The application's end of so's channel is closed by every holder: the driver has ended the channel now, as it
	 * does when it sees the close itself. False: somebody holds it. */
	bool (*closed)(void *ctx, struct socket *so);
	/* SO_COOKIE of a descriptor that a client sent; 0 when it is no socket. Does not close it. */
	uint64_t (*cookie_of)(void *ctx, int fd);
	/* The socket whose application's end has this cookie; NULL when none. */
	struct socket *(*by_cookie)(void *ctx, uint64_t cookie);
	/* Unread bytes in so's pair, exact (for Recv-Q). */
	uint32_t (*pair_unread)(void *ctx, struct socket *so);
	void (*close_fd)(void *ctx, int fd);
	/* The impair link's settings; set returns EINVAL with *why (static text) when they make no sense. */
	int (*set_impairment)(void *ctx, const struct impair_config *cfg, const char **why);
	void (*get_impairment)(void *ctx, struct impair_config *cfg);
	/* The i-th configuration key; false: there are no more. value: its text, in memory of the entry. */
	bool (*config_entry)(void *ctx, size_t i, struct rpc_config_entry *entry);
	/* Changes n keys, or none: EINVAL with why. */
	int (*config_change)(void *ctx, const struct rpc_config_setting *settings, size_t n,
	                     char why[RPC_CONFIG_WHY_MAX]);
	/* The impair link itself, for its rules; and: they were changed. */
	struct impair *(*impair)(void *ctx);
	void (*impair_changed)(void *ctx);
	/* As capture_open and capture_close; the sink is rpc's. */
	int (*capture_open)(void *ctx, struct capture_sink *sink, const struct capture_options *o);
	void (*capture_close)(void *ctx, struct capture_sink *sink);
	/* The servers in force; none: there are none. */
	void (*resolver)(void *ctx, struct rpc_resolver *r);
	/* Name of the interface, static. */
	const char *(*interface_name)(void *ctx);
	enum rpc_link_state (*link_state)(void *ctx);
};

struct rpc_peer {
	uint32_t pid, uid, gid;
	bool admin; /* root, or in the group toynet */
};

#define RPC_CONNECTIONS_MAX 1024 /* the driver refuses more */
#define RPC_FDS_QUEUED_MAX  4    /* descriptors a client may send ahead */

struct rpc_server;
struct rpc_conn;

/* NULL: out of memory. Everything passed outlives the server. version: of the daemon. */
struct rpc_server *rpc_server_new(struct stack *s, const struct rpc_host *host, void *ctx, const char *version);
/* All connections must be gone. */
void rpc_server_free(struct rpc_server *srv);

/* ctx: the driver's, returned by rpc_conn_ctx. NULL: out of memory. */
struct rpc_conn *rpc_conn_new(struct rpc_server *srv, struct rpc_peer peer, void *ctx);
/* Closes what only this connection kept alive. */
void rpc_conn_free(struct rpc_conn *c);
void *rpc_conn_ctx(struct rpc_conn *c);
/* Bytes and descriptors from the client; the connection now owns the descriptors, whatever the result. False: the
 * connection is beyond repair (garbage, too many descriptors): send what rpc_conn_output still has, then free it. */
bool rpc_conn_input(struct rpc_conn *c, const uint8_t *bytes, size_t len, const int *fds, int nfds);
/* The next bytes to send, borrowed until rpc_conn_sent; 0: none. *fd is a descriptor to travel with the first of these
 * bytes, or -1; it stays owned by the connection, which closes it when rpc_conn_sent is told that its byte went out. */
size_t rpc_conn_output(struct rpc_conn *c, const uint8_t **bytes, int *fd);
void rpc_conn_sent(struct rpc_conn *c, size_t n);
/* Everything is said and the session has ended: free it. */
bool rpc_conn_done(const struct rpc_conn *c);
/* The driver saw these events on so (stack_ready): parked calls go on. */
void rpc_socket_event(struct rpc_server *srv, struct socket *so, unsigned events);
/* so is about to be freed or handed back: parked calls on it end, its authorities are forgotten. */
void rpc_socket_gone(struct rpc_server *srv, struct socket *so);
/* Earliest grpc-timeout, INSTANT_NEVER when none; and run those that are due (env->now). */
instant rpc_deadline(const struct rpc_server *srv);
void rpc_tick(struct rpc_server *srv);
/* A connection that has output now and had none when it was last asked; NULL when there is none. */
struct rpc_conn *rpc_server_pending(struct rpc_server *srv);

#endif
