/* The gRPC client: HTTP/2 by nghttp2 over a blocking Unix socket.
 *
 * Theory of operation. rpc_call submits one request and then alternates between writing what the session has to say and
 * reading, until the stream is closed. The body of the answer is a sequence of messages, each behind five bytes:
 * compressed flag (never set, since we accept no coding) and length in network order. Bytes are collected in one buffer
 * until a message is whole. The status comes in the trailers, or in the headers when there is no message. */
#include "rpc.h"
#include <arpa/inet.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX     5 /* bytes in front of each message */
#define INPUT_SIZE 65536
/* Bytes of a stream without end that may be on their way: not to be the one that a capture waits for. */
#define STREAM_WINDOW (4 << 20)

struct rpc {
	int fd;
	nghttp2_session *session;
	/* The call under way. */
	int32_t stream;
	bool closed;
	const uint8_t *request;
	size_t request_len, request_sent;
	uint8_t *body; /* the answer's bytes that are not yet a whole message */
	size_t body_len, body_capacity;
	bool (*message)(void *ctx, const uint8_t *bytes, size_t len);
	void *message_ctx;
	struct rpc_result *result;
	bool broken;                       /* the answer cannot be read */
	const volatile sig_atomic_t *stop; /* rpc_wait_until; NULL: a wait has its limit */
	bool stopped;
};

static void fail(struct rpc *r, const char *why)
{
	if (r->broken)
		return;
	r->broken = true;
	r->result->status = -1;
	snprintf(r->result->text, sizeof(r->result->text), "%s", why);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* grpc-message is percent-encoded. */
static void decode_text(char *to, size_t size, const uint8_t *value, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		char c = (char)value[i];

		if (c == '%' && i + 2 < len && hex((char)value[i + 1]) >= 0 && hex((char)value[i + 2]) >= 0) {
			c = (char)(hex((char)value[i + 1]) * 16 + hex((char)value[i + 2]));
			i += 2;
		}
		if ((unsigned char)c < ' ' || c == 0x7f)
			c = '?';
		to[n++] = c;
	}
	to[n] = 0;
}

static bool named(const uint8_t *name, size_t len, const char *is)
{
	return len == strlen(is) && memcmp(name, is, len) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t namelen,
                     const uint8_t *value, size_t valuelen, uint8_t flags, void *ctx)
{
	struct rpc *r = ctx;

	(void)session;
	(void)flags;
	/* What made the answer unreadable stays the reason, whatever the trailers say. */
	if (frame->hd.stream_id != r->stream || r->broken)
		return 0;
	if (named(name, namelen, "grpc-status")) {
		r->result->status = 0;
		for (size_t i = 0; i < valuelen && i < 3 && value[i] >= '0' && value[i] <= '9'; i++)
			r->result->status = r->result->status * 10 + value[i] - '0';
	} else if (named(name, namelen, "grpc-message")) {
		decode_text(r->result->text, sizeof(r->result->text), value, valuelen);
	}
	return 0;
}

/* Hands over the whole messages at the start of the body. */
static void take_messages(struct rpc *r)
{
	size_t at = 0;

	while (!r->broken && r->body_len - at >= PREFIX) {
		const uint8_t *p = r->body + at;
		uint32_t len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];

		if (p[0] != 0 || len > RPC_MESSAGE_MAX) {
			fail(r, "the daemon's answer is not a gRPC message");
			break;
		}
		if (r->body_len - at < PREFIX + len)
			break;
		if (!r->message(r->message_ctx, p + PREFIX, len))
			fail(r,
			     "the daemon's answer cannot be decoded: do toynetctl and toynetd have the same version?");
		at += PREFIX + len;
	}
	memmove(r->body, r->body + at, r->body_len - at);
	r->body_len -= at;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *ctx)
{
	struct rpc *r = ctx;

	(void)session;
	(void)flags;
	if (stream != r->stream || r->broken)
		return 0;
	if (r->body_len + len > r->body_capacity) {
		size_t capacity = 2 * (r->body_len + len);
		uint8_t *body = realloc(r->body, capacity);

		if (!body) {
			fail(r, "out of memory");
			return 0;
		}
		r->body = body;
		r->body_capacity = capacity;
	}
	memcpy(r->body + r->body_len, data, len);
	r->body_len += len;
	take_messages(r);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error_code, void *ctx)
{
	struct rpc *r = ctx;

	(void)session;
	(void)error_code;
	if (stream == r->stream)
		r->closed = true;
	return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t size, uint32_t *flags,
                            nghttp2_data_source *source, void *ctx)
{
	struct rpc *r = ctx;
	size_t n = r->request_len - r->request_sent;

	(void)session;
	(void)stream;
	(void)source;
	if (n > size)
		n = size;
	memcpy(to, r->request + r->request_sent, n);
	r->request_sent += n;
	if (r->request_sent == r->request_len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_session *session_new(struct rpc *r)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session = NULL;

	if (nghttp2_session_callbacks_new(&callbacks))
		return NULL;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	if (nghttp2_session_client_new(&session, callbacks, r))
		session = NULL;
	nghttp2_session_callbacks_del(callbacks);
	if (session && nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0)) {
		nghttp2_session_del(session);
		session = NULL;
	}
	return session;
}

struct rpc *rpc_open(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = RPC_TIMEOUT_S};
	struct rpc *r;
	int error;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0 || connect(r->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		goto fail;
	if (setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
	    setsockopt(r->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
		goto fail;
	r->session = session_new(r);
	if (r->session)
		return r;
	errno = ENOMEM;
fail:
	error = errno;
	rpc_close(r);
	errno = error;
	return NULL;
}

void rpc_close(struct rpc *r)
{
	if (!r)
		return;
	if (r->session)
		nghttp2_session_del(r->session);
	if (r->fd >= 0)
		close(r->fd);
	free(r->body);
	free(r);
}

void rpc_wait_until(struct rpc *r, const volatile sig_atomic_t *stop)
{
	static const nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW};
	struct timeval look = {.tv_sec = 1};

	r->stop = stop;
	(void)nghttp2_submit_settings(r->session, NGHTTP2_FLAG_NONE, &window, 1);
	(void)nghttp2_session_set_local_window_size(r->session, NGHTTP2_FLAG_NONE, 0, STREAM_WINDOW);
	/* A signal that comes just before the wait does not interrupt it. */
	(void)setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look));
}

static bool write_all(struct rpc *r)
{
	for (;;) {
		const uint8_t *bytes;
		ssize_t n = nghttp2_session_mem_send(r->session, &bytes);

		if (n <= 0)
			return n == 0;
		while (n > 0) {
			ssize_t sent = send(r->fd, bytes, (size_t)n, MSG_NOSIGNAL);

			if (sent < 0 && errno == EINTR)
				continue;
			if (sent <= 0)
				return false;
			bytes += sent;
			n -= sent;
		}
	}
}

/* Until the stream is closed, or the connection is of no use. */
static void converse(struct rpc *r)
{
	static const char slow[] = "the daemon does not answer: is it stopped, or very busy?";
	uint8_t input[INPUT_SIZE];

	while (!r->closed) {
		ssize_t n;

		r->stopped = r->stop && *r->stop;
		if (r->stopped)
			return;
		if (!write_all(r)) {
			fail(r, errno == EAGAIN ? slow : "the daemon closed the connection");
			return;
		}
		if (r->closed)
			return;
		n = recv(r->fd, input, sizeof(input), 0);
		if (n < 0 && (errno == EINTR || (errno == EAGAIN && r->stop)))
			continue;
		if (n <= 0) {
			fail(r, n < 0 && errno == EAGAIN ? slow : "the daemon closed the connection");
			return;
		}
		if (nghttp2_session_mem_recv(r->session, input, (size_t)n) < 0) {
			fail(r, "what answers at the control socket does not speak HTTP/2: is it a toynetd?");
			return;
		}
	}
}

#define HEADER(n, v)                                                                       \
	{                                                                                  \
		(uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE \
	}

bool rpc_call(struct rpc *r, const char *method, const ProtobufCMessage *request,
              bool (*message)(void *ctx, const uint8_t *bytes, size_t len), void *ctx, struct rpc_result *result)
{
	const nghttp2_nv headers[] = {
	        HEADER(":method", "POST"),
	        HEADER(":scheme", "http"),
	        HEADER(":path", method),
	        HEADER(":authority", "localhost"),
	        HEADER("content-type", "application/grpc"),
	        HEADER("te", "trailers"),
	        HEADER("user-agent", "toynetctl/" TOYNET_VERSION),
	};
	nghttp2_data_provider body = {.read_callback = read_request};
	size_t len = protobuf_c_message_get_packed_size(request);
	uint8_t *bytes = malloc(PREFIX + len);
	uint32_t length = htonl((uint32_t)len);

	*result = (struct rpc_result){.status = -1};
	r->result = result;
	r->broken = r->closed = false;
	r->message = message;
	r->message_ctx = ctx;
	r->body_len = r->request_sent = 0;
	if (!bytes) {
		fail(r, "out of memory");
		return false;
	}
	bytes[0] = 0;
	memcpy(bytes + 1, &length, sizeof(length));
	protobuf_c_message_pack(request, bytes + PREFIX);
	r->request = bytes;
	r->request_len = PREFIX + len;
	r->stream = nghttp2_submit_request(r->session, NULL, headers, sizeof(headers) / sizeof(headers[0]), &body,
	                                   NULL);
	if (r->stream < 0)
		fail(r, nghttp2_strerror(r->stream));
	else
		converse(r);
	free(bytes);
	if (r->stopped && !r->broken)
		result->status = RPC_STATUS_OK;
	if (!r->broken && result->status < 0)
		fail(r, "the call ended without a status: is it a toynetd?");
	return !r->broken && result->status == RPC_STATUS_OK;
}
