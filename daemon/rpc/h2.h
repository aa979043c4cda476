/* One HTTP/2 server session: bytes in, requests out; responses in, bytes out. It knows nothing of gRPC but which
 * request headers matter to it.
 *
 * Theory of operation. h2_input feeds nghttp2, whose callbacks become the upcalls below. A stream's life is: request,
 * data (any number), end, closed; a client that resets its stream skips to closed. The upper layer answers with
 * h2_respond at any point between request and closed; then it is asked for body bytes as flow control lets them go, and
 * ends the body with h2_trailers. h2_output serializes frames into one bounded buffer, and only when the buffer is
 * empty, so that a client that reads slowly holds back the sources and not our memory. It is never filled within an
 * upcall.
 *
 * A descriptor that belongs to a response travels with the first byte of that response's HEADERS frame: h2_output cuts
 * its runs of bytes there. */
#ifndef TOYNET_RPC_H2_H
#define TOYNET_RPC_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H2_STREAMS_MAX         128
#define H2_HEADER_LIST_MAX     (16u << 10)
#define H2_OUTPUT_MAX          (64u << 10)
#define H2_OUTBOUND_FRAMES_MAX 2048 /* queued and not serialized: beyond it the client does not read its answers */
#define H2_OUTPUT_FDS_MAX      16   /* descriptors in one filling of the buffer */
#define H2_HEADERS_MAX         8    /* in one response or trailer */

struct h2;
struct h2_stream;

/* The request headers that matter here, as they came; empty when absent. */
struct h2_head {
	char method[16];
	char path[128];
	char content_type[64];
	char te[16];
	char timeout[16]; /* grpc-timeout */
	char want_fd[4];  /* TOYNET_MD_WANT_FD */
	bool too_large;   /* the list is above H2_HEADER_LIST_MAX, or one of these values does not fit */
};

struct h2_header {
	const char *name, *value;
};

struct h2_upcalls {
	/* A request's headers are complete (head is valid during the call). The result is `call` below; NULL: out of
	 * memory, the stream is reset. */
	void *(*request)(void *ctx, struct h2_stream *st, const struct h2_head *head);
	void (*data)(void *call, const uint8_t *bytes, size_t len);
	/* The client has sent everything. */
	void (*end)(void *call);
	/* Up to max (> 0) bytes of the body; 0: none now, h2_resume follows. *end: these were the last, and h2_trailers
	 * has been called. */
	size_t (*body)(void *call, uint8_t *buf, size_t max, bool *end);
	/* The stream is gone, however it ended; call and st are not used afterwards. */
	void (*closed)(void *call);
	void (*close_fd)(void *ctx, int fd);
};

/* NULL: out of memory. The SETTINGS frame waits in h2_output at once. */
struct h2 *h2_new(const struct h2_upcalls *up, void *ctx);
/* Ends every stream (closed is called). */
void h2_free(struct h2 *h);
/* False: the session is beyond repair. */
bool h2_input(struct h2 *h, const uint8_t *bytes, size_t len);
/* As rpc_conn_output and rpc_conn_sent. */
size_t h2_output(struct h2 *h, const uint8_t **bytes, int *fd);
void h2_sent(struct h2 *h, size_t n);
bool h2_wants_output(const struct h2 *h);
/* Nothing more will come from the session, and nothing is left to be sent. */
bool h2_done(const struct h2 *h);

/* Response headers, n <= H2_HEADERS_MAX; once for each stream. end: no body follows. fd: travels with them, or -1; the
 * stream owns it from here on. */
void h2_respond(struct h2_stream *st, const struct h2_header *headers, size_t n, bool end, int fd);
/* Inside the body upcall only, with *end. */
void h2_trailers(struct h2_stream *st, const struct h2_header *headers, size_t n);
/* The body has bytes again, or its end. */
void h2_resume(struct h2_stream *st);

#endif
