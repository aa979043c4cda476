/* The life of one gRPC call over its HTTP/2 stream: see call.h. Every answer passes through answer(), which may be
 * reached from the request's own upcalls, from a socket's event, or from the clock. */
#include "rpc/call.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <toynet/descriptor.h>

#define CALL_OUT_MIN 256u

static void answered(struct call *c)
{
	assert(c->state != CALL_ANSWERED);
	if (c->state == CALL_PARKED) {
		hash_table_remove(&c->conn->srv->parked, &c->by_socket);
		c->conn->srv->parked_count--;
	}
	c->state = CALL_ANSWERED;
	conn_mark_pending(c->conn);
}

/* grpc-status and what goes with it; text holds the values. Returns how many. */
struct status_text {
	char status[4], error[12], message[GRPC_MESSAGE_ENC_MAX];
};

static size_t status_headers(const struct call *c, struct h2_header *h, struct status_text *text)
{
	size_t n = 0;

	snprintf(text->status, sizeof(text->status), "%d", (int)c->status % 100);
	h[n++] = (struct h2_header){"grpc-status", text->status};
	if (c->message[0]) {
		grpc_message_encode(c->message, text->message);
		h[n++] = (struct h2_header){"grpc-message", text->message};
	}
	if (c->error) {
		snprintf(text->error, sizeof(text->error), "%d", c->error);
		h[n++] = (struct h2_header){TOYNET_MD_ERRNO, text->error};
	}
	return n;
}

static void respond_head(struct call *c, int fd)
{
	struct h2_header h[H2_HEADERS_MAX] = {{":status", "200"}, {"content-type", "application/grpc"}};
	size_t n = 2;

	if (fd >= 0)
		h[n++] = (struct h2_header){TOYNET_MD_HAVE_FDS, "1"};
	h2_respond(c->stream, h, n, false, fd);
}

static void respond_trailers_only(struct call *c)
{
	struct h2_header h[H2_HEADERS_MAX] = {{":status", "200"}, {"content-type", "application/grpc"}};
	struct status_text text;

	h2_respond(c->stream, h, 2 + status_headers(c, h + 2, &text), true, -1);
}

static void respond_http_error(struct call *c, const char *status)
{
	struct h2_header h[] = {{":status", status}};

	answered(c);
	h2_respond(c->stream, h, 1, true, -1);
}

void call_fail(struct call *c, enum grpc_status status, const char *message)
{
	answered(c);
	c->status = status;
	snprintf(c->message, sizeof(c->message), "%s", message);
	respond_trailers_only(c);
}

void call_errno(struct call *c, int error, const char *text)
{
	char message[GRPC_MESSAGE_MAX];

	c->error = error;
	snprintf(message, sizeof(message), "%s: %s", error_name(error), text ? text : error_text(error));
	call_fail(c, grpc_status_of_error(error), message);
}

void call_refuse(struct call *c, int error, const char *fmt, ...)
{
	char text[GRPC_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	call_errno(c, error, text);
}

static void status_exhausted(struct call *c)
{
	c->exhausted = true;
	c->status = GRPC_RESOURCE_EXHAUSTED;
	snprintf(c->message, sizeof(c->message), "out of memory");
}

bool call_append(struct call *c, const ProtobufCMessage *m)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	size_t need = c->out_len + GRPC_PREFIX_LEN + len;

	if (need > c->out_capacity) {
		size_t capacity = c->out_capacity ? c->out_capacity : CALL_OUT_MIN;
		while (capacity < need)
			capacity *= 2;
		uint8_t *out = realloc(c->out, capacity);
		if (!out) {
			status_exhausted(c);
			return false;
		}
		c->out = out;
		c->out_capacity = capacity;
	}
	grpc_prefix_write(c->out + c->out_len, (uint32_t)len);
	protobuf_c_message_pack(m, c->out + c->out_len + GRPC_PREFIX_LEN);
	c->out_len = need;
	return true;
}

void call_reply_fd(struct call *c, const ProtobufCMessage *m, int fd)
{
	answered(c);
	if (call_append(c, m)) {
		respond_head(c, fd);
		return;
	}
	if (fd >= 0)
		c->conn->srv->host->close_fd(c->conn->srv->ctx, fd);
	respond_trailers_only(c);
}

void call_reply(struct call *c, const ProtobufCMessage *m)
{
	call_reply_fd(c, m, -1);
}

void call_stream(struct call *c)
{
	answered(c);
	c->streaming = true;
	respond_head(c, -1);
}

void call_park(struct call *c, struct socket *so)
{
	struct rpc_server *srv = c->conn->srv;

	assert(c->state == CALL_REQUEST && c->method->event);
	c->state = CALL_PARKED;
	c->socket = so->id;
	hash_table_insert(&srv->parked, srv->env, &c->by_socket, so->id);
	srv->parked_count++;
}

void calls_end_socket(struct rpc_server *srv, uint64_t id, int error)
{
	struct hash_node *n = srv->parked_count ? hash_table_first(&srv->parked, id) : NULL;

	while (n) {
		struct call *c = container_of(n, struct call, by_socket);
		n = hash_node_next(n);
		call_errno(c, error, NULL);
	}
}

void call_wake(struct call *c)
{
	h2_resume(c->stream);
	conn_mark_pending(c->conn);
}

void call_expire(struct call *c)
{
	static const char late[] = "the deadline of the call has passed";

	if (c->state != CALL_ANSWERED) {
		call_fail(c, GRPC_DEADLINE_EXCEEDED, late);
	} else if (c->streaming) {
		c->streaming = false;
		c->status = GRPC_DEADLINE_EXCEEDED;
		snprintf(c->message, sizeof(c->message), "%s", late);
		h2_resume(c->stream);
		conn_mark_pending(c->conn);
	}
}

static const struct rpc_method *method_find(const struct rpc_server *srv, const char *path)
{
	for (size_t i = 0; i < srv->methods_count; i++)
		if (strcmp(srv->methods[i].path, path) == 0)
			return &srv->methods[i];
	return NULL;
}

static int fd_claim(struct rpc_conn *conn)
{
	if (conn->fd_count == 0)
		return -1;
	int fd = conn->fds[0];
	conn->fd_count--;
	memmove(conn->fds, conn->fds + 1, (size_t)conn->fd_count * sizeof(conn->fds[0]));
	return fd;
}

static void fail_unknown(struct call *c, const char *path)
{
	char message[GRPC_MESSAGE_MAX];

	snprintf(message, sizeof(message), "no such method: %s", path);
	call_fail(c, GRPC_UNIMPLEMENTED, message);
}

/* All that the headers alone decide. */
static void request_check(struct call *c, const struct h2_head *head)
{
	struct rpc_server *srv = c->conn->srv;
	bool fd_announced = strcmp(head->want_fd, "1") == 0;
	duration timeout;

	if (head->too_large) {
		call_fail(c, GRPC_RESOURCE_EXHAUSTED, "a request header is too long, or all of them together");
		return;
	}
	if (strcmp(head->method, "POST") != 0) {
		respond_http_error(c, "405");
		return;
	}
	if (!grpc_content_type_accepted(head->content_type)) {
		respond_http_error(c, "415");
		return;
	}
	if (head->te[0] && strcmp(head->te, "trailers") != 0) {
		call_fail(c, GRPC_INTERNAL, "te is not \"trailers\"");
		return;
	}
	c->method = method_find(srv, head->path);
	/* Descriptors are claimed in order, so one that came for a method that we do not know must go, too. */
	if (fd_announced && (!c->method || c->method->fd == FD_RECEIVED))
		c->fd = fd_claim(c->conn);
	if (!c->method) {
		fail_unknown(c, head->path);
		return;
	}
	c->want_fd = fd_announced && c->method->fd == FD_ANSWERED;
	if (c->method->permission == PERMIT_ADMIN && !c->conn->peer.admin) {
		call_errno(c, EACCES, "only root and the group toynet may do this");
		return;
	}
	if (!head->timeout[0])
		return;
	if (!grpc_timeout_parse(head->timeout, &timeout)) {
		call_fail(c, GRPC_INTERNAL, "grpc-timeout is malformed");
		return;
	}
	timer_update(&srv->timers, &c->timer, instant_add(srv->env->now, timeout));
}

static void *on_request(void *ctx, struct h2_stream *st, const struct h2_head *head)
{
	struct rpc_conn *conn = ctx;
	struct rpc_server *srv = conn->srv;
	struct call *c = calloc(1, sizeof(*c));

	if (!c || !timer_reserve(&srv->timers, srv->env, srv->calls + 1)) {
		free(c);
		return NULL;
	}
	srv->calls++;
	c->conn = conn;
	c->stream = st;
	c->state = CALL_REQUEST;
	c->fd = -1;
	timer_node_init(&c->timer, ++srv->call_serial);
	grpc_reader_init(&c->request, &conn->request_budget);
	request_check(c, head);
	return c;
}

static void on_data(void *call, const uint8_t *bytes, size_t len)
{
	struct call *c = call;
	const char *why = NULL;

	if (c->state != CALL_REQUEST)
		return;
	enum grpc_status status = grpc_reader_feed(&c->request, bytes, len, &why);
	if (status != GRPC_OK)
		call_fail(c, status, why);
}

/* Released already, and only to be freed when the turn ends. */
static bool socket_ended(const struct socket *so)
{
	return !so->owned && (so->protocol != SOCKET_TCP || so->tcp.state == TCP_CLOSED);
}

/* The socket that the request names, when this caller may do the method's operation on it. NULL: the call has failed.
 */
static struct socket *socket_permitted(struct call *c, const Toynet__V1__SocketRef *ref)
{
	struct rpc_server *srv = c->conn->srv;
	struct socket *so = NULL;

	if (!ref || (!ref->id && !ref->cookie)) {
		call_errno(c, EINVAL, "the request names no socket");
		return NULL;
	}
	so = ref->id ? socket_by_id(srv->stack, ref->id) : srv->host->by_cookie(srv->ctx, ref->cookie);
	if (!so || socket_ended(so) || (ref->cookie && so->cookie != ref->cookie)) {
		call_errno(c, ENOENT, NULL);
		return NULL;
	}
	bool possessor = grant_has(c->conn, so->id);
	bool owner = possessor || c->conn->peer.admin || c->conn->peer.uid == so->uid;
	int error = 0;
	switch (c->method->permission) {
	case PERMIT_ANYONE:
	case PERMIT_ADMIN:
		break;
	case PERMIT_POSSESSOR:
		error = possessor ? 0 : EPERM;
		break;
	case PERMIT_OWNER:
		error = owner ? 0 : EPERM;
		break;
	case PERMIT_VIEWER:
		error = owner ? 0 : ENOENT;
		break;
	}
	if (error) {
		call_errno(c, error, NULL);
		return NULL;
	}
	return so;
}

static void method_run(struct call *c, const ProtobufCMessage *m)
{
	struct rpc_server *srv = c->conn->srv;
	const struct rpc_method *method = c->method;
	struct socket *so = NULL;

	if (method->socket != RPC_NO_SOCKET) {
		const void *ref = m;
		if (method->socket != 0)
			ref = *(Toynet__V1__SocketRef *const *)(const void *)((const char *)m + method->socket);
		so = socket_permitted(c, ref);
		if (!so)
			return;
	}
	if (so && method->sync && so->channel) {
		uint64_t id = so->id;
		srv->host->sync(srv->ctx, so);
		/* What the pair held may have been its end. */
		so = socket_by_id(srv->stack, id);
		if (!so || socket_ended(so)) {
			call_errno(c, ENOENT, NULL);
			return;
		}
	}
	method->run(c, m, so);
}

static void on_end(void *call)
{
	struct call *c = call;
	const char *why = NULL;

	if (c->state != CALL_REQUEST)
		return;
	enum grpc_status status = grpc_reader_end(&c->request, &why);
	ProtobufCMessage *m = NULL;
	if (status == GRPC_OK)
		m = pb_unpack(c->method->request, c->request.bytes, c->request.len, &status, &why);
	grpc_reader_free(&c->request);
	if (!m) {
		call_fail(c, status, why);
		return;
	}
	method_run(c, m);
	pb_free(m);
	assert(c->state != CALL_REQUEST);
}

/* Asks produce until there are bytes. False: there is nothing to be sent now. */
static bool out_refill(struct call *c)
{
	while (c->out_at == c->out_len && c->streaming) {
		c->out_at = c->out_len = 0;
		enum produced p = c->method->produce(c);
		if (c->exhausted || p == PRODUCE_END)
			c->streaming = false;
		else if (p == PRODUCE_WAIT && c->out_len == 0)
			return false;
	}
	return true;
}

static size_t on_body(void *call, uint8_t *buf, size_t max, bool *end)
{
	struct call *c = call;

	if (!out_refill(c))
		return 0;
	size_t n = size_min(max, c->out_len - c->out_at);
	if (n > 0)
		memcpy(buf, c->out + c->out_at, n);
	c->out_at += n;
	if (c->out_at == c->out_len && !c->streaming) {
		struct h2_header h[H2_HEADERS_MAX];
		struct status_text text;
		h2_trailers(c->stream, h, status_headers(c, h, &text));
		*end = true;
	}
	return n;
}

static void on_closed(void *call)
{
	struct call *c = call;
	struct rpc_server *srv = c->conn->srv;

	if (c->state == CALL_PARKED) {
		hash_table_remove(&srv->parked, &c->by_socket);
		srv->parked_count--;
	}
	if (c->state_of_method)
		c->method->closed(c);
	timer_cancel(&srv->timers, &c->timer);
	srv->calls--;
	grpc_reader_free(&c->request);
	if (c->fd >= 0)
		srv->host->close_fd(srv->ctx, c->fd);
	free(c->out);
	free(c);
}

static void on_close_fd(void *ctx, int fd)
{
	struct rpc_conn *conn = ctx;

	conn->srv->host->close_fd(conn->srv->ctx, fd);
}

const struct h2_upcalls call_upcalls = {
        .request = on_request,
        .data = on_data,
        .end = on_end,
        .body = on_body,
        .closed = on_closed,
        .close_fd = on_close_fd,
};
