/* One HTTP/2 connection to the daemon, and one gRPC call at a time on it. Called by pool.c and rpc.c only. */
#ifndef TOYNET_CLIENT_H2_H
#define TOYNET_CLIENT_H2_H

#include "client.h"

#define CLIENT_FDS_MAX      4
#define CLIENT_REQUEST_MAX  128
#define CLIENT_RESPONSE_MAX 2304
#define CLIENT_MESSAGE_MAX  192 /* of grpc-message, decoded; a longer one is cut */
#define CLIENT_GRPC_PREFIX  5   /* compressed flag, length */

struct client_conn;

struct client_exchange {
	/* in */
	const char *path;
	const uint8_t *request; /* with its prefix */
	size_t request_len;
	int send_fd; /* -1: none; stays the caller's */
	bool want_fd;
	bool interruptible;
	int64_t deadline_ms; /* 0: none */
	/* out, when the result is CLIENT_ANSWERED */
	size_t response_len; /* with its prefix; beyond the buffer when it was too long */
	uint8_t response[CLIENT_GRPC_PREFIX + CLIENT_RESPONSE_MAX];
	unsigned http_status;
	bool is_grpc;
	int status; /* grpc-status, -1 when none came */
	int error;  /* toynet-errno, 0 when none came */
	char message[CLIENT_MESSAGE_MAX];
	unsigned announced_fds;
	int fd; /* received, or -1; the caller's */
};

enum client_result {
	CLIENT_ANSWERED,
	CLIENT_LOST,        /* the connection ended without a byte of an answer */
	CLIENT_BROKEN,      /* it ended within the answer, or speaks something else */
	CLIENT_INTERRUPTED, /* the call is cancelled; the connection is good */
	CLIENT_EXPIRED,     /* the same, by the deadline */
	CLIENT_FD_LOST,     /* a descriptor came for which the process had no room; the connection is over */
};

/* Takes over fd, a connected stream socket, also on error. NULL: ENOMEM. */
struct client_conn *client_conn_new(int fd);
/* Closes the descriptor only if it is still the connection's. */
void client_conn_free(struct client_conn *c);
/* After fork, in the child, of a connection that another thread was using: closes the copy, keeps the memory, whose
 * state is unknown. */
void client_conn_abandon(struct client_conn *c);
/* Between calls: the descriptor is still the connection's, this process made it, and the daemon has not ended it. */
bool client_conn_usable(struct client_conn *c);
/* No further call can be made on it, as far as is known. */
bool client_conn_over(const struct client_conn *c);
/* A descriptor that can be duplicated to look for a free slot. */
int client_conn_fd(const struct client_conn *c);
enum client_result client_conn_exchange(struct client_conn *c, struct client_exchange *x);

/* pool.c: connections of this process. */

/* An idle connection, or with fresh set a new one; *was_idle tells which. The caller has it for itself until
 * client_pool_give. NULL: errno and detail say why. */
struct client_conn *client_pool_take(bool fresh, bool *was_idle);
void client_pool_give(struct client_conn *c);

#endif
