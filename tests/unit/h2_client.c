/* See h2_client.h. */
#include "h2_client.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct h2c_call *find(struct h2c *c, int32_t id)
{
	for (int i = 0; i < c->calls; i++)
		if (c->call[i].id == id)
			return &c->call[i];
	return NULL;
}

static void copy(char *to, size_t size, const uint8_t *from, size_t len)
{
	ck_assert_uint_lt(len, size);
	memcpy(to, from, len);
	to[len] = '\0';
}

static bool is(const char *name, const uint8_t *bytes, size_t len)
{
	return strlen(name) == len && memcmp(name, bytes, len) == 0;
}

static int on_begin_headers(nghttp2_session *s, const nghttp2_frame *frame, void *user)
{
	struct h2c_call *call = find(user, frame->hd.stream_id);

	(void)s;
	if (call)
		call->header_blocks++;
	return 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
	struct h2c_call *call = find(user, frame->hd.stream_id);
	char number[16];

	(void)s;
	(void)flags;
	ck_assert_ptr_nonnull(call);
	if (is(":status", name, name_len))
		copy(call->http_status, sizeof(call->http_status), value, value_len);
	if (is("grpc-message", name, name_len))
		copy(call->message, sizeof(call->message), value, value_len);
	if (is("grpc-status", name, name_len)) {
		copy(number, sizeof(number), value, value_len);
		call->grpc_status = atoi(number);
		call->grpc_status_in = call->header_blocks;
	}
	if (is("toynet-errno", name, name_len)) {
		copy(number, sizeof(number), value, value_len);
		call->error = atoi(number);
	}
	if (is("toynet-fds", name, name_len)) {
		copy(number, sizeof(number), value, value_len);
		call->fds = atoi(number);
	}
	return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len, void *user)
{
	struct h2c_call *call = find(user, id);

	(void)s;
	(void)flags;
	call->body = realloc(call->body, call->body_len + len);
	memcpy(call->body + call->body_len, bytes, len);
	call->body_len += len;
	return 0;
}

static int on_frame_recv(nghttp2_session *s, const nghttp2_frame *frame, void *user)
{
	struct h2c *c = user;
	struct h2c_call *call = find(c, frame->hd.stream_id);

	(void)s;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->goaway = true;
	if (call && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		call->ended = true;
	return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
	struct h2c_call *call = find(user, id);

	(void)s;
	if (call) {
		call->closed = true;
		call->close_code = code;
	}
	return 0;
}

static ssize_t body_read(nghttp2_session *s, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
	struct h2c_call *call = source->ptr;
	size_t n = size_min(len, call->request.body_len - call->body_sent);

	(void)s;
	(void)id;
	(void)user;
	if (n > 0)
		memcpy(buf, call->request.body + call->body_sent, n);
	call->body_sent += n;
	if (call->body_sent == call->request.body_len) {
		if (call->request.open && n == 0)
			return NGHTTP2_ERR_DEFERRED;
		if (!call->request.open)
			*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

void h2c_init(struct h2c *c, struct h2c_server server)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *opt;

	memset(c, 0, sizeof(*c));
	c->server = server;
	nghttp2_session_callbacks_new(&cb);
	nghttp2_option_new(&opt);
	nghttp2_option_set_no_http_messaging(opt, 1);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	ck_assert_int_eq(nghttp2_session_client_new2(&c->session, cb, c, opt), 0);
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(opt);
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

void h2c_free(struct h2c *c)
{
	for (int i = 0; i < c->calls; i++)
		free(c->call[i].body);
	nghttp2_session_del(c->session);
}

static size_t nv_add(nghttp2_nv *nv, size_t n, const char *name, const char *value)
{
	if (!value || !value[0])
		return n;
	nv[n] = (nghttp2_nv){
	        .name = (uint8_t *)(uintptr_t)name,
	        .namelen = strlen(name),
	        .value = (uint8_t *)(uintptr_t)value,
	        .valuelen = strlen(value),
	};
	return n + 1;
}

struct h2c_call *h2c_start(struct h2c *c, struct h2c_request r)
{
	ck_assert_int_lt(c->calls, H2C_CALLS_MAX);
	struct h2c_call *call = &c->call[c->calls++];
	nghttp2_nv nv[10];
	size_t n = 0;
	nghttp2_data_provider body = {.source.ptr = call, .read_callback = body_read};

	*call = (struct h2c_call){.request = r, .grpc_status = -1};
	n = nv_add(nv, n, ":method", r.method ? r.method : "POST");
	n = nv_add(nv, n, ":scheme", "http");
	n = nv_add(nv, n, ":path", r.path);
	n = nv_add(nv, n, "content-type", r.content_type ? r.content_type : "application/grpc");
	n = nv_add(nv, n, "te", r.te ? r.te : "trailers");
	n = nv_add(nv, n, "grpc-timeout", r.timeout);
	n = nv_add(nv, n, "toynet-fd", r.want_fd);
	if (r.extra_name)
		n = nv_add(nv, n, r.extra_name, r.extra_value);
	call->id = nghttp2_submit_request(c->session, NULL, nv, n, &body, NULL);
	ck_assert_int_gt(call->id, 0);
	return call;
}

void h2c_cancel(struct h2c *c, const struct h2c_call *call)
{
	ck_assert_int_eq(nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, call->id, NGHTTP2_CANCEL), 0);
}

bool h2c_push(struct h2c *c)
{
	const uint8_t *bytes;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &bytes)) > 0) {
		size_t step = c->chunk ? c->chunk : (size_t)n;
		for (size_t at = 0; at < (size_t)n; at += step)
			if (!c->server.input(c->server.p, bytes + at, size_min(step, (size_t)n - at)))
				return false;
	}
	ck_assert_int_eq(n, 0);
	return true;
}

void h2c_pull(struct h2c *c)
{
	const uint8_t *bytes;
	size_t n;
	int fd;

	while ((n = c->server.output(c->server.p, &bytes, &fd)) > 0) {
		size_t step = c->chunk ? size_min(c->chunk, n) : n;
		if (fd >= 0) {
			/* Length, then type: the descriptor comes with the first byte of a HEADERS frame. */
			ck_assert_int_lt(c->fds, H2C_FDS_MAX);
			ck_assert_uint_ge(n, 9);
			ck_assert_uint_eq(bytes[3], NGHTTP2_HEADERS);
			c->fd[c->fds] = fd;
			c->fd_stream[c->fds++] = bytes[5] << 24 | bytes[6] << 16 | bytes[7] << 8 | bytes[8];
		}
		ck_assert_int_eq(nghttp2_session_mem_recv(c->session, bytes, step), (ssize_t)step);
		c->server.sent(c->server.p, step);
	}
}

bool h2c_pump(struct h2c *c)
{
	bool sound = true;
	const uint8_t *bytes;
	int fd;

	do {
		sound = sound && h2c_push(c);
		h2c_pull(c);
	} while ((sound && nghttp2_session_want_write(c->session)) || c->server.output(c->server.p, &bytes, &fd) > 0);
	return sound;
}

struct h2c_call *h2c_do(struct h2c *c, struct h2c_request r)
{
	struct h2c_call *call = h2c_start(c, r);

	ck_assert(h2c_pump(c));
	return call;
}
