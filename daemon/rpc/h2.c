/* nghttp2 behind h2.h. Stock clients leave :authority empty or send a path in it, so nghttp2's own checks of HTTP
 * messages are off and those that matter stand here (RFC 9113 8.3: pseudo-header fields first, known, once; names in
 * lower case). A request that breaks them is reset with PROTOCOL_ERROR; the session goes on. */
#include "rpc/h2.h"
#include "base/list.h"
#include "base/types.h"
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include <toynet/descriptor.h>

/* RST_STREAM frames that a client may send: at once, and a second from then on. */
#define H2_RESET_BURST 1000
#define H2_RESET_RATE  100
#define H2_FRAME_MAX   (16384 + 9)
#define H2_BUFFER_MIN  4096u
/* RFC 9113 6.5.2: each field counts with this on top of its name and value. */
#define H2_FIELD_OVERHEAD 32

struct h2_mark {
	size_t at;
	int fd;
};

struct h2 {
	nghttp2_session *session;
	const struct h2_upcalls *up;
	void *ctx;
	struct list streams;
	uint8_t *out;
	size_t out_at, out_len, out_capacity;
	struct h2_mark mark[H2_OUTPUT_FDS_MAX];
	int marks, mark_at;
	int frame_fd; /* of the HEADERS frame that nghttp2 is about to serialize; -1 none */
	bool in_upcall;
	bool broken;
};

struct h2_stream {
	struct h2 *h2;
	struct list link;
	int32_t id;
	void *call;
	int fd; /* waits for the HEADERS frame; -1 none */
	bool malformed, regular_seen;
	uint16_t seen; /* pseudo-header fields, by their place in the table */
	size_t list_size;
	struct h2_head head;
};

static const struct {
	const char *name;
	size_t at, size;
} head_fields[] = {
#define FIELD(name, member)                                                                   \
	{                                                                                     \
		name, offsetof(struct h2_head, member), sizeof(((struct h2_head *)0)->member) \
	}
        FIELD(":method", method), FIELD(":path", path),           FIELD("content-type", content_type),
        FIELD("te", te),          FIELD("grpc-timeout", timeout), FIELD(TOYNET_MD_WANT_FD, want_fd),
#undef FIELD
};

static const char *const pseudo_fields[] = {":method", ":scheme", ":path", ":authority"};

static bool is_field(const char *name, const uint8_t *bytes, size_t len)
{
	return strlen(name) == len && memcmp(name, bytes, len) == 0;
}

/* RFC 9113 8.3. */
static bool pseudo_accept(struct h2_stream *st, const uint8_t *name, size_t len)
{
	if (st->regular_seen)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(pseudo_fields); i++) {
		if (!is_field(pseudo_fields[i], name, len))
			continue;
		bool again = (st->seen & (1u << i)) != 0;
		st->seen = (uint16_t)(st->seen | (1u << i));
		return !again;
	}
	return false;
}

static bool name_is_lower_case(const uint8_t *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f || (name[i] >= 'A' && name[i] <= 'Z'))
			return false;
	return len > 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct h2_stream *st = calloc(1, sizeof(*st));
	if (!st)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	st->h2 = h;
	st->id = frame->hd.stream_id;
	st->fd = -1;
	list_push_back(&h->streams, &st->link);
	nghttp2_session_set_stream_user_data(session, st->id, st);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
	struct h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)user;
	if (!st || frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	st->list_size += name_len + value_len + H2_FIELD_OVERHEAD;
	if (st->list_size > H2_HEADER_LIST_MAX) {
		st->head.too_large = true;
		return 0;
	}
	if (name_len > 0 && name[0] == ':') {
		st->malformed |= !pseudo_accept(st, name, name_len);
	} else {
		st->malformed |= !name_is_lower_case(name, name_len);
		st->regular_seen = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(head_fields); i++) {
		if (!is_field(head_fields[i].name, name, name_len))
			continue;
		char *to = (char *)&st->head + head_fields[i].at;
		if (value_len >= head_fields[i].size || memchr(value, 0, value_len)) {
			st->head.too_large = true;
		} else {
			memcpy(to, value, value_len);
			to[value_len] = '\0';
		}
	}
	return 0;
}

static void reset(struct h2 *h, int32_t id, uint32_t code)
{
	if (nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, code) != 0)
		h->broken = true;
}

static void request_complete(struct h2 *h, struct h2_stream *st)
{
	if (st->malformed || (!st->head.too_large && (!st->head.method[0] || !st->head.path[0]))) {
		reset(h, st->id, NGHTTP2_PROTOCOL_ERROR);
		return;
	}
	st->call = h->up->request(h->ctx, st, &st->head);
	if (!st->call)
		reset(h, st->id, NGHTTP2_INTERNAL_ERROR);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;

	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!st)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		request_complete(h, st);
	if (st->call && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		h->up->end(st->call);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len, void *user)
{
	struct h2 *h = user;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	if (st && st->call)
		h->up->data(st->call, bytes, len);
	return 0;
}

static void stream_end(struct h2_stream *st)
{
	struct h2 *h = st->h2;

	if (st->call)
		h->up->closed(st->call);
	if (st->fd >= 0)
		h->up->close_fd(h->ctx, st->fd);
	list_remove(&st->link);
	free(st);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct h2_stream *st = nghttp2_session_get_stream_user_data(session, id);

	(void)code;
	(void)user;
	if (st)
		stream_end(st);
	return 0;
}

static int before_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;

	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (st && st->fd >= 0) {
		h->frame_fd = st->fd;
		st->fd = -1;
	}
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2 *h = user;
	bool last = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);

	/* RFC 9113 8.1: a complete response before the end of the request asks the client to stop with NO_ERROR. */
	if (last && nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
		reset(h, frame->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

static ssize_t body_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
	struct h2 *h = user;
	struct h2_stream *st = source->ptr;
	bool end = false;

	(void)session;
	(void)id;
	size_t n = h->up->body(st->call, buf, len, &end);
	if (end)
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
	else if (n == 0)
		return NGHTTP2_ERR_DEFERRED;
	return (ssize_t)n;
}

static int session_new(struct h2 *h)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *opt = NULL;
	int err = nghttp2_session_callbacks_new(&cb);

	if (err == 0)
		err = nghttp2_option_new(&opt);
	if (err != 0)
		goto out;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_before_frame_send_callback(cb, before_frame_send);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_option_set_no_http_messaging(opt, 1);
	nghttp2_option_set_no_closed_streams(opt, 1);
	nghttp2_option_set_stream_reset_rate_limit(opt, H2_RESET_BURST, H2_RESET_RATE);
	err = nghttp2_session_server_new2(&h->session, cb, h, opt);
out:
	nghttp2_option_del(opt);
	nghttp2_session_callbacks_del(cb);
	return err;
}

struct h2 *h2_new(const struct h2_upcalls *up, void *ctx)
{
	static const nghttp2_settings_entry settings[] = {
	        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
	        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADER_LIST_MAX},
	};
	struct h2 *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->up = up;
	h->ctx = ctx;
	h->frame_fd = -1;
	list_init(&h->streams);
	if (session_new(h) != 0 ||
	    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings)) != 0) {
		h2_free(h);
		return NULL;
	}
	return h;
}

void h2_free(struct h2 *h)
{
	/* nghttp2_session_del does not report the streams that it ends. */
	while (!list_empty(&h->streams))
		stream_end(list_entry(h->streams.next, struct h2_stream, link));
	nghttp2_session_del(h->session);
	for (; h->mark_at < h->marks; h->mark_at++)
		h->up->close_fd(h->ctx, h->mark[h->mark_at].fd);
	if (h->frame_fd >= 0)
		h->up->close_fd(h->ctx, h->frame_fd);
	free(h->out);
	free(h);
}

bool h2_input(struct h2 *h, const uint8_t *bytes, size_t len)
{
	if (h->broken)
		return false;
	h->in_upcall = true;
	ssize_t n = nghttp2_session_mem_recv(h->session, bytes, len);
	h->in_upcall = false;
	if (n < 0 || (size_t)n != len || nghttp2_session_get_outbound_queue_size(h->session) > H2_OUTBOUND_FRAMES_MAX)
		h->broken = true;
	return !h->broken;
}

static bool out_append(struct h2 *h, const uint8_t *bytes, size_t n)
{
	if (h->out_capacity - h->out_len < n) {
		size_t capacity = h->out_capacity ? h->out_capacity : H2_BUFFER_MIN;
		while (capacity - h->out_len < n)
			capacity *= 2;
		uint8_t *out = realloc(h->out, capacity);
		if (!out)
			return false;
		h->out = out;
		h->out_capacity = capacity;
	}
	memcpy(h->out + h->out_len, bytes, n);
	h->out_len += n;
	return true;
}

/* The buffer is empty; so are the marks. */
static void out_fill(struct h2 *h)
{
	const uint8_t *bytes;

	while (h->out_len + H2_FRAME_MAX <= H2_OUTPUT_MAX && h->marks < H2_OUTPUT_FDS_MAX && !h->broken) {
		h->in_upcall = true;
		ssize_t n = nghttp2_session_mem_send(h->session, &bytes);
		h->in_upcall = false;
		if (n == 0)
			break;
		size_t at = h->out_len;
		if (n < 0 || !out_append(h, bytes, (size_t)n)) {
			h->broken = true;
			break;
		}
		if (h->frame_fd >= 0) {
			h->mark[h->marks++] = (struct h2_mark){.at = at, .fd = h->frame_fd};
			h->frame_fd = -1;
		}
	}
}

size_t h2_output(struct h2 *h, const uint8_t **bytes, int *fd)
{
	*fd = -1;
	*bytes = NULL;
	if (h->out_at == h->out_len && !h->in_upcall)
		out_fill(h);
	if (h->out_at == h->out_len)
		return 0;
	size_t end = h->out_len;
	for (int i = h->mark_at; i < h->marks; i++) {
		if (h->mark[i].at > h->out_at) {
			end = h->mark[i].at;
			break;
		}
		*fd = h->mark[i].fd;
	}
	*bytes = h->out + h->out_at;
	return end - h->out_at;
}

void h2_sent(struct h2 *h, size_t n)
{
	assert(n <= h->out_len - h->out_at);
	h->out_at += n;
	while (h->mark_at < h->marks && h->mark[h->mark_at].at < h->out_at)
		h->up->close_fd(h->ctx, h->mark[h->mark_at++].fd);
	if (h->out_at < h->out_len)
		return;
	h->out_at = h->out_len = 0;
	h->marks = h->mark_at = 0;
	if (h->out_capacity > H2_BUFFER_MIN) {
		free(h->out);
		h->out = NULL;
		h->out_capacity = 0;
	}
}

bool h2_wants_output(const struct h2 *h)
{
	return h->out_at < h->out_len || (!h->broken && nghttp2_session_want_write(h->session));
}

bool h2_done(const struct h2 *h)
{
	if (h->out_at < h->out_len)
		return false;
	return h->broken || (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session));
}

static size_t to_nv(nghttp2_nv nv[H2_HEADERS_MAX], const struct h2_header *headers, size_t n)
{
	assert(n <= H2_HEADERS_MAX);
	for (size_t i = 0; i < n; i++)
		nv[i] = (nghttp2_nv){
		        .name = (uint8_t *)(uintptr_t)headers[i].name,
		        .namelen = strlen(headers[i].name),
		        .value = (uint8_t *)(uintptr_t)headers[i].value,
		        .valuelen = strlen(headers[i].value),
		};
	return n;
}

void h2_respond(struct h2_stream *st, const struct h2_header *headers, size_t n, bool end, int fd)
{
	nghttp2_nv nv[H2_HEADERS_MAX];
	nghttp2_data_provider body = {.source.ptr = st, .read_callback = body_read};

	st->fd = fd;
	if (nghttp2_submit_response(st->h2->session, st->id, nv, to_nv(nv, headers, n), end ? NULL : &body) != 0)
		st->h2->broken = true;
}

void h2_trailers(struct h2_stream *st, const struct h2_header *headers, size_t n)
{
	nghttp2_nv nv[H2_HEADERS_MAX];

	if (nghttp2_submit_trailer(st->h2->session, st->id, nv, to_nv(nv, headers, n)) != 0)
		st->h2->broken = true;
}

void h2_resume(struct h2_stream *st)
{
	/* Not deferred now is no error: the body will be asked for in time. */
	nghttp2_session_resume_data(st->h2->session, st->id);
}
