/* The HTTP/2 session below gRPC: requests in, responses out, bounds, and descriptors at their byte. */
#include "h2_client.h"
#include "rpc/h2.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

#define BODY_ENDLESS SIZE_MAX

/* A server that answers every request as told: a body of `size` bytes and a trailer. */
struct stub {
	struct h2 *h;
	size_t size;
	int fd; /* for the next responses; counts up; -1 none */
	bool early;
	int requests, ends, closed, fds_closed;
	size_t data, made;
	struct h2_head head;
};

struct stub_call {
	struct stub *s;
	struct h2_stream *st;
	size_t left;
	bool answered;
};

static void answer(struct stub_call *c)
{
	static const struct h2_header h[] = {{":status", "200"}, {"content-type", "application/grpc"}};

	if (c->answered)
		return;
	c->answered = true;
	h2_respond(c->st, h, 2, c->left == 0, c->s->fd < 0 ? -1 : c->s->fd++);
}

static void *on_request(void *ctx, struct h2_stream *st, const struct h2_head *head)
{
	struct stub *s = ctx;
	struct stub_call *c = calloc(1, sizeof(*c));

	*c = (struct stub_call){.s = s, .st = st, .left = s->size};
	s->requests++;
	s->head = *head;
	if (s->early)
		answer(c);
	return c;
}

static void on_data(void *call, const uint8_t *bytes, size_t len)
{
	struct stub_call *c = call;

	(void)bytes;
	c->s->data += len;
}

static void on_end(void *call)
{
	struct stub_call *c = call;

	c->s->ends++;
	answer(c);
}

static size_t on_body(void *call, uint8_t *buf, size_t max, bool *end)
{
	static const struct h2_header trailer[] = {{"grpc-status", "0"}};
	struct stub_call *c = call;
	size_t n = size_min(max, c->left);

	memset(buf, 'x', n);
	c->s->made += n;
	if (c->left != BODY_ENDLESS)
		c->left -= n;
	if (c->left == 0) {
		h2_trailers(c->st, trailer, 1);
		*end = true;
	}
	return n;
}

static void on_closed(void *call)
{
	struct stub_call *c = call;

	c->s->closed++;
	free(c);
}

static void on_close_fd(void *ctx, int fd)
{
	struct stub *s = ctx;

	(void)fd;
	s->fds_closed++;
}

static const struct h2_upcalls upcalls = {on_request, on_data, on_end, on_body, on_closed, on_close_fd};

static bool server_input(void *p, const uint8_t *bytes, size_t len)
{
	return h2_input(p, bytes, len);
}
static size_t server_output(void *p, const uint8_t **bytes, int *fd)
{
	return h2_output(p, bytes, fd);
}
static void server_sent(void *p, size_t n)
{
	h2_sent(p, n);
}

static void join(struct stub *s, struct h2c *c)
{
	*s = (struct stub){.size = 3, .fd = -1};
	s->h = h2_new(&upcalls, s);
	ck_assert_ptr_nonnull(s->h);
	h2c_init(c, (struct h2c_server){server_input, server_output, server_sent, s->h});
}

static void part(struct stub *s, struct h2c *c)
{
	h2_free(s->h);
	h2c_free(c);
	ck_assert_int_eq(s->closed, s->requests);
}

START_TEST(settings_come_at_once)
{
	struct stub s;
	struct h2c c;
	const uint8_t *bytes;
	int fd;

	join(&s, &c);
	ck_assert(h2_wants_output(s.h));
	ck_assert_uint_ge(h2_output(s.h, &bytes, &fd), 9);
	ck_assert_uint_eq(bytes[3], NGHTTP2_SETTINGS);
	ck_assert(!h2_done(s.h));
	part(&s, &c);
}
END_TEST

START_TEST(a_call_with_body_and_trailer)
{
	for (size_t chunk = 0; chunk < 4; chunk++) {
		struct stub s;
		struct h2c c;
		join(&s, &c);
		c.chunk = chunk;
		struct h2c_call *call = h2c_do(&c, (struct h2c_request){.path = "/a/B",
		                                                        .timeout = "1S",
		                                                        .want_fd = "1",
		                                                        .body = (const uint8_t *)"12345",
		                                                        .body_len = 5});
		ck_assert(call->ended && call->closed);
		ck_assert_uint_eq(call->close_code, NGHTTP2_NO_ERROR);
		ck_assert_uint_eq(call->body_len, 3);
		ck_assert_int_eq(call->grpc_status, 0);
		ck_assert_int_eq(call->grpc_status_in, 2);
		ck_assert_uint_eq(s.data, 5);
		ck_assert_int_eq(s.ends, 1);
		ck_assert_str_eq(s.head.path, "/a/B");
		ck_assert_str_eq(s.head.method, "POST");
		ck_assert_str_eq(s.head.content_type, "application/grpc");
		ck_assert_str_eq(s.head.te, "trailers");
		ck_assert_str_eq(s.head.timeout, "1S");
		ck_assert_str_eq(s.head.want_fd, "1");
		part(&s, &c);
	}
}
END_TEST

START_TEST(a_raw_path_and_an_empty_authority_are_accepted)
{
	struct stub s;
	struct h2c c;

	join(&s, &c);
	struct h2c_call *call = h2c_do(
	        &c, (struct h2c_request){.path = "raw path", .extra_name = "x-y", .extra_value = "\x01\xff bytes"});
	ck_assert(call->ended);
	ck_assert_str_eq(s.head.path, "raw path");
	part(&s, &c);
}
END_TEST

START_TEST(malformed_headers_reset_the_stream_only)
{
	static const struct h2c_request bad[] = {
	        {.path = ""},
	        {.path = "/p", .extra_name = ":path", .extra_value = "/q"},
	        {.path = "/p", .extra_name = ":status", .extra_value = "200"},
	        {.path = "/p", .extra_name = "sp ace", .extra_value = "1"},
	};
	struct stub s;
	struct h2c c;

	join(&s, &c);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct h2c_call *call = h2c_do(&c, bad[i]);
		ck_assert_msg(call->closed && call->close_code == NGHTTP2_PROTOCOL_ERROR, "case %zu", i);
	}
	ck_assert_int_eq(s.requests, 0);
	ck_assert(h2c_do(&c, (struct h2c_request){.path = "/p"})->ended);
	part(&s, &c);
}
END_TEST

START_TEST(long_headers_are_told_and_not_kept)
{
	static char value[H2_HEADER_LIST_MAX + 1];
	static char path[200];
	struct stub s;
	struct h2c c;

	memset(value, 'v', sizeof(value) - 1);
	memset(path, 'p', sizeof(path) - 1);
	join(&s, &c);
	h2c_do(&c, (struct h2c_request){.path = "/p", .extra_name = "long", .extra_value = value});
	ck_assert_int_eq(s.requests, 1);
	ck_assert(s.head.too_large);
	h2c_do(&c, (struct h2c_request){.path = path});
	ck_assert(s.head.too_large);
	h2c_do(&c, (struct h2c_request){.path = "/p"});
	ck_assert(!s.head.too_large);
	part(&s, &c);
}
END_TEST

START_TEST(an_early_answer_stops_the_client)
{
	struct stub s;
	struct h2c c;

	join(&s, &c);
	s.early = true;
	struct h2c_call *call = h2c_do(&c, (struct h2c_request){.path = "/p", .open = true});
	ck_assert(call->ended && call->closed);
	ck_assert_uint_eq(call->close_code, NGHTTP2_NO_ERROR);
	ck_assert_int_eq(s.ends, 0);
	ck_assert_int_eq(s.closed, 1);
	part(&s, &c);
}
END_TEST

START_TEST(descriptors_travel_with_their_headers)
{
	for (size_t chunk = 0; chunk < 20; chunk += 19) {
		struct stub s;
		struct h2c c;
		struct h2c_call *calls[3];
		join(&s, &c);
		c.chunk = chunk;
		s.fd = 100;
		for (int i = 0; i < 3; i++)
			calls[i] = h2c_start(&c, (struct h2c_request){.path = "/p"});
		c.chunk = 0;
		ck_assert(h2c_pump(&c));
		ck_assert_int_eq(c.fds, 3);
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(c.fd[i], 100 + i);
			ck_assert_int_eq(c.fd_stream[i], calls[i]->id);
		}
		ck_assert_int_eq(s.fds_closed, 3);
		part(&s, &c);
		ck_assert_int_eq(s.fds_closed, 3);
	}
}
END_TEST

START_TEST(descriptors_that_never_left_are_closed)
{
	struct stub s;
	struct h2c c;
	const uint8_t *bytes;
	int fd;

	join(&s, &c);
	ck_assert(h2c_pump(&c));
	s.fd = 100;
	h2c_start(&c, (struct h2c_request){.path = "/p"});
	h2c_start(&c, (struct h2c_request){.path = "/p"});
	ck_assert(h2c_push(&c));
	/* The first is in the buffer with no byte sent, or waits with the second for its HEADERS. */
	while (h2_output(s.h, &bytes, &fd) > 0 && fd < 0)
		h2_sent(s.h, 1);
	ck_assert_int_eq(fd, 100);
	ck_assert_int_eq(s.fds_closed, 0);
	part(&s, &c);
	ck_assert_int_eq(s.fds_closed, 2);
}
END_TEST

START_TEST(a_cancelled_stream_gives_its_descriptor_back)
{
	struct stub s;
	struct h2c c;

	join(&s, &c);
	ck_assert(h2c_pump(&c));
	s.fd = 100;
	struct h2c_call *call = h2c_start(&c, (struct h2c_request){.path = "/p"});
	ck_assert(h2c_push(&c));
	h2c_cancel(&c, call);
	ck_assert(h2c_push(&c));
	ck_assert_int_eq(s.closed, 1);
	ck_assert_int_eq(s.fds_closed, 1);
	h2c_pull(&c);
	ck_assert_int_eq(c.fds, 0);
	part(&s, &c);
}
END_TEST

START_TEST(a_client_that_does_not_read_costs_a_bounded_buffer)
{
	struct stub s;
	struct h2c c;
	const uint8_t *bytes;
	int fd;

	join(&s, &c);
	nghttp2_session_set_local_window_size(c.session, NGHTTP2_FLAG_NONE, 0, 1 << 30);
	s.size = BODY_ENDLESS;
	for (int i = 0; i < 8; i++)
		h2c_start(&c, (struct h2c_request){.path = "/p"});
	ck_assert(h2c_push(&c));
	size_t first = h2_output(s.h, &bytes, &fd);
	ck_assert_uint_gt(first, 0);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(h2_output(s.h, &bytes, &fd), first);
	ck_assert_uint_le(s.made, H2_OUTPUT_MAX);
	part(&s, &c);
}
END_TEST

START_TEST(pings_without_reading_end_the_session)
{
	struct stub s;
	struct h2c c;
	bool sound = true;

	join(&s, &c);
	ck_assert(h2c_pump(&c));
	for (int i = 0; i < 4 * H2_OUTBOUND_FRAMES_MAX && sound; i++) {
		nghttp2_submit_ping(c.session, NGHTTP2_FLAG_NONE, NULL);
		sound = h2c_push(&c);
	}
	ck_assert(!sound);
	part(&s, &c);
}
END_TEST

START_TEST(streams_above_the_limit_are_refused)
{
	struct stub s;
	struct h2c c;

	join(&s, &c);
	ck_assert(h2c_pump(&c));
	for (int i = 0; i < H2_STREAMS_MAX + 10; i++)
		h2c_start(&c, (struct h2c_request){.path = "/p", .open = true});
	h2c_push(&c);
	ck_assert_int_le(s.requests, H2_STREAMS_MAX);
	part(&s, &c);
}
END_TEST

START_TEST(endless_resets_end_the_session)
{
	struct stub s;
	struct h2c c;
	bool sound = true;
	int n = 0;

	join(&s, &c);
	ck_assert(h2c_pump(&c));
	for (; n < 5000 && sound && !c.goaway; n++) {
		c.calls = 0;
		struct h2c_call *call = h2c_start(&c, (struct h2c_request){.path = "/p", .open = true});
		sound = h2c_push(&c);
		h2c_cancel(&c, call);
		sound = sound && h2c_push(&c);
		h2c_pull(&c);
	}
	ck_assert_int_lt(n, 5000);
	part(&s, &c);
}
END_TEST

START_TEST(garbage_ends_the_session)
{
	for (uint64_t seed = 1; seed <= UNIT_SEEDS; seed++) {
		struct stub s;
		struct h2c c;
		struct rng rng;
		uint8_t bytes[512];
		static const char magic[] = NGHTTP2_CLIENT_MAGIC;
		join(&s, &c);
		rng_seed(&rng, seed);
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)rng_u32(&rng);
		/* Half of them with a good beginning. */
		if (seed % 2 == 0) {
			ck_assert(h2_input(s.h, (const uint8_t *)magic, NGHTTP2_CLIENT_MAGIC_LEN));
			ck_assert(h2_input(s.h, (const uint8_t *)"\0\0\0\4\0\0\0\0\0", 9));
			for (size_t i = 0; i + 64 <= sizeof(bytes); i += 64) {
				bytes[i] = bytes[i + 1] = 0;
				bytes[i + 2] = 55;
				bytes[i + 3] %= 10;
				bytes[i + 5] = bytes[i + 6] = bytes[i + 7] = 0;
			}
		} else {
			ck_assert(!h2_input(s.h, bytes, sizeof(bytes)));
		}
		h2_input(s.h, bytes, sizeof(bytes));
		const uint8_t *out;
		size_t n;
		int fd;
		while ((n = h2_output(s.h, &out, &fd)) > 0)
			h2_sent(s.h, n);
		ck_assert(h2_done(s.h));
		part(&s, &c);
	}
}
END_TEST

Suite *h2_suite(void);
Suite *h2_suite(void)
{
	UNIT_SUITE("h2", settings_come_at_once, a_call_with_body_and_trailer,
	           a_raw_path_and_an_empty_authority_are_accepted, malformed_headers_reset_the_stream_only,
	           long_headers_are_told_and_not_kept, an_early_answer_stops_the_client,
	           descriptors_travel_with_their_headers, descriptors_that_never_left_are_closed,
	           a_cancelled_stream_gives_its_descriptor_back, a_client_that_does_not_read_costs_a_bounded_buffer,
	           pings_without_reading_end_the_session, streams_above_the_limit_are_refused,
	           endless_resets_end_the_session, garbage_ends_the_session);
}
