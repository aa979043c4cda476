/* The Admin service, part three: a capture as a stream. The call has a sink of its own; a client that reads slowly lets
 * its queue fill, and learns how much it lost. */
#include "rpc/methods.h"
#include <stdlib.h>

#define CHUNK_MAX (256u << 10) /* bytes in one message */
_Static_assert(CHUNK_MAX >= CAPTURE_BLOCK_MAX, "a block fits");

struct capture_call {
	struct capture_sink sink;
	uint8_t chunk[CHUNK_MAX];
};

static void ready(void *ctx)
{
	call_wake(ctx);
}

void admin_capture(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__CaptureRequest *r = (const Toynet__V1__CaptureRequest *)request;
	struct capture_options o = {.snap_length = r->snap_length, .count = r->count};
	const char *why = match_read(r->match, &o.match);

	(void)so;
	if (why) {
		call_errno(c, EINVAL, why);
		return;
	}
	struct capture_call *cap = calloc(1, sizeof(*cap));
	if (!cap) {
		call_errno(c, ENOBUFS, NULL);
		return;
	}
	cap->sink.ready = ready;
	cap->sink.ctx = c;
	int err = srv->host->capture_open(srv->ctx, &cap->sink, &o);
	if (err) {
		free(cap);
		call_errno(c, err,
		           err == EINVAL ? "the snap length is above 65549" : "too many captures, or no memory");
		return;
	}
	c->state_of_method = cap;
	call_stream(c);
}

enum produced admin_capture_produce(struct call *c)
{
	struct capture_call *cap = c->state_of_method;
	Toynet__V1__CaptureChunk m = TOYNET__V1__CAPTURE_CHUNK__INIT;

	m.pcapng.data = cap->chunk;
	m.pcapng.len = capture_take(&cap->sink, cap->chunk, CHUNK_MAX);
	m.captured = cap->sink.captured;
	m.lost = cap->sink.lost;
	if (m.pcapng.len == 0)
		return cap->sink.ended ? PRODUCE_END : PRODUCE_WAIT;
	return call_append(c, &m.base) ? PRODUCE_MORE : PRODUCE_END;
}

void admin_capture_closed(struct call *c)
{
	const struct rpc_server *srv = c->conn->srv;
	struct capture_call *cap = c->state_of_method;

	srv->host->capture_close(srv->ctx, &cap->sink);
	free(cap);
	c->state_of_method = NULL;
}
