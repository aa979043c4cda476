/* gRPC over HTTP/2, the parts without state or with very little: status codes, the message framing, timeouts, the
 * encoding of grpc-message. (The protocol is described in the gRPC project's PROTOCOL-HTTP2.) */
#ifndef TOYNET_RPC_GRPC_H
#define TOYNET_RPC_GRPC_H

#include "base/error.h"
#include "base/types.h"

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

#define GRPC_PREFIX_LEN      5 /* compressed flag, length in 4 bytes, big endian */
#define GRPC_REQUEST_MAX     (64u << 10)
#define GRPC_MESSAGE_MAX     256 /* bytes of a status message, NUL included */
#define GRPC_MESSAGE_ENC_MAX (3 * GRPC_MESSAGE_MAX)

/* The status that goes with an errno (base/error.h); UNKNOWN for a number that is not in the table. */
enum grpc_status grpc_status_of_error(int error);
/* "100m": up to eight digits and a unit of H M S m u n. False when the text is not that. */
bool grpc_timeout_parse(const char *text, duration *out);
/* Percent-encodes all but printable ASCII without '%'. */
void grpc_message_encode(const char *text, char out[GRPC_MESSAGE_ENC_MAX]);
void grpc_prefix_write(uint8_t out[GRPC_PREFIX_LEN], uint32_t len);
/* "application/grpc", or that with "+proto" or parameters. */
bool grpc_content_type_accepted(const char *content_type);

/* Collects the one message of a request. Its bytes are charged to a budget that many readers share. */
struct grpc_reader {
	uint8_t prefix[GRPC_PREFIX_LEN];
	uint8_t prefix_len;
	uint32_t len, got; /* of the message, once the prefix is complete */
	uint8_t *bytes;
	uint32_t *budget; /* bytes that may still be allocated */
};

void grpc_reader_init(struct grpc_reader *r, uint32_t *budget);
/* Gives the memory back to the budget. */
void grpc_reader_free(struct grpc_reader *r);
/* OK, or the status to end the call with and *why (static text). */
enum grpc_status grpc_reader_feed(struct grpc_reader *r, const uint8_t *bytes, size_t len, const char **why);
/* The request has ended: OK when there is exactly one message. */
enum grpc_status grpc_reader_end(const struct grpc_reader *r, const char **why);

#endif
