/* A gRPC client over a Unix socket, as small as toynetctl needs it: one call at a time, blocking, with a limit on the
 * wait. */
#ifndef CLI_RPC_H
#define CLI_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RPC_TIMEOUT_S   10         /* a daemon that says nothing for so long is taken for dead */
#define RPC_MESSAGE_MAX (4u << 20) /* bytes of one answer, as stock clients have it */
#define RPC_TEXT_MAX    512

/* gRPC status codes that toynetctl tells apart. */
enum { RPC_STATUS_OK = 0, RPC_STATUS_PERMISSION_DENIED = 7, RPC_STATUS_UNIMPLEMENTED = 12 };

struct rpc_result {
	int status;              /* gRPC status; -1: the connection failed before there was one */
	char text[RPC_TEXT_MAX]; /* grpc-message, decoded, or what failed; control characters replaced */
};

struct rpc;

/* NULL: errno says why (ENOENT, ECONNREFUSED, EACCES, ENAMETOOLONG, ENOMEM, ...). */
struct rpc *rpc_open(const char *path);
void rpc_close(struct rpc *r);
/* From here on a call waits for the daemon without limit, and ends as if it were OK, within a second, when *stop is set
 * (by a signal handler); no other call can follow then. */
void rpc_wait_until(struct rpc *r, const volatile sig_atomic_t *stop);
/* Calls "/toynet.v1.Service/Method". Each answer's bytes are lent to message(ctx), which returns false when it cannot
 * read them. Returns when the call has ended; true when its status is OK. */
bool rpc_call(struct rpc *r, const char *method, const ProtobufCMessage *request,
              bool (*message)(void *ctx, const uint8_t *bytes, size_t len), void *ctx, struct rpc_result *result);

#endif
