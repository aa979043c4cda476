/* The life of a call, whatever its method: what is refused and with which status, what is bounded, and what a call
 * that waits does when its socket, its deadline or its client ends it. */
#include "rpc_rig.h"
#include <string.h>

START_TEST(unknown_methods_are_unimplemented)
{
	Toynet__V1__ListRequest m = TOYNET__V1__LIST_REQUEST__INIT;
	BEGIN(UID);
	struct h2c_call *c = rpc_call(&p, "/toynet.v1.Sockets/Fly%", &m);
	rpc_failed(c, GRPC_UNIMPLEMENTED, 0);
	ck_assert_str_eq(c->message, "no such method: /toynet.v1.Sockets/Fly%25");
	rpc_failed(rpc_call(&p, "/no.such.Service/Open", &m), GRPC_UNIMPLEMENTED, 0);
	END();
}
END_TEST

START_TEST(http_that_is_not_grpc)
{
	Toynet__V1__ListRequest m = TOYNET__V1__LIST_REQUEST__INIT;
	BEGIN(UID);
	struct h2c_request q = rpc_request("/toynet.v1.Sockets/List", &m);
	q.method = "GET";
	ck_assert_str_eq(h2c_do(&p.h2, q)->http_status, "405");
	q.method = NULL;
	q.content_type = "text/html";
	ck_assert_str_eq(h2c_do(&p.h2, q)->http_status, "415");
	q.content_type = NULL;
	q.te = "gzip";
	rpc_failed(h2c_do(&p.h2, q), GRPC_INTERNAL, 0);
	q.te = "";
	ck_assert_int_eq(h2c_do(&p.h2, q)->grpc_status, GRPC_OK);
	q.timeout = "soon";
	rpc_failed(h2c_do(&p.h2, q), GRPC_INTERNAL, 0);
	END();
}
END_TEST

START_TEST(broken_request_messages)
{
	static const uint8_t compressed[] = {1, 0, 0, 0, 1, 0};
	static const uint8_t oversized[] = {0, 0, 1, 0, 1};
	static const uint8_t cut[] = {0, 0, 0, 0, 9, 8};
	static const uint8_t malformed[] = {0, 0, 0, 0, 2, 0x0a, 0x7f};
	static const struct {
		const uint8_t *bytes;
		size_t len;
		int status;
	} cases[] = {
	        {NULL, 0, GRPC_UNIMPLEMENTED},
	        {compressed, sizeof(compressed), GRPC_UNIMPLEMENTED},
	        {oversized, sizeof(oversized), GRPC_RESOURCE_EXHAUSTED},
	        {cut, sizeof(cut), GRPC_INTERNAL},
	        {malformed, sizeof(malformed), GRPC_INVALID_ARGUMENT},
	};
	BEGIN(UID);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		rpc_failed(h2c_do(&p.h2, (struct h2c_request){.path = "/toynet.v1.Sockets/Bind",
		                                              .body = cases[i].bytes,
		                                              .body_len = cases[i].len}),
		           cases[i].status, 0);
	ck_assert_uint_eq(p.conn->request_budget, RPC_REQUEST_BYTES_MAX);
	END();
}
END_TEST

START_TEST(decoding_has_a_heap_limit)
{
	/* 64 KiB of empty sub-messages would become megabytes. */
	static uint8_t bytes[GRPC_PREFIX_LEN + 60000];
	BEGIN(0);
	grpc_prefix_write(bytes, sizeof(bytes) - GRPC_PREFIX_LEN);
	for (size_t i = GRPC_PREFIX_LEN; i < sizeof(bytes); i += 2) {
		bytes[i] = 0x7a; /* field 15, unknown: kept as such, one structure each */
		bytes[i + 1] = 0;
	}
	rpc_failed(h2c_do(&p.h2, (struct h2c_request){.path = "/toynet.v1.Sockets/List",
	                                              .body = bytes,
	                                              .body_len = sizeof(bytes)}),
	           GRPC_INVALID_ARGUMENT, 0);
	END();
}
END_TEST

START_TEST(half_requests_share_a_budget)
{
	static uint8_t bytes[GRPC_PREFIX_LEN];
	struct h2c_call *calls[8];
	int refused = 0;
	BEGIN(UID);
	grpc_prefix_write(bytes, GRPC_REQUEST_MAX);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		calls[i] = h2c_do(&p.h2, (struct h2c_request){.path = "/toynet.v1.Sockets/Bind",
		                                              .body = bytes,
		                                              .body_len = sizeof(bytes),
		                                              .open = true});
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		refused += calls[i]->grpc_status == GRPC_RESOURCE_EXHAUSTED;
	ck_assert_int_eq(refused, 8 - RPC_REQUEST_BYTES_MAX / GRPC_REQUEST_MAX);
	END();
}
END_TEST

START_TEST(descriptors_nobody_claims_are_bounded_and_closed)
{
	int fds[RPC_FDS_QUEUED_MAX] = {1, 2, 3, 4};
	int more = 5;
	BEGIN(UID);
	ck_assert(rpc_conn_input(p.conn, NULL, 0, fds, RPC_FDS_QUEUED_MAX));
	ck_assert(!rpc_conn_input(p.conn, NULL, 0, &more, 1));
	ck_assert_int_eq(r.fds_closed, 1);
	END();
	ck_assert_int_eq(r.fds_closed, 5);
}
END_TEST

START_TEST(connect_waits_for_the_connection)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	struct h2c_call *first = rpc_connect_to(&p, &ref, true, "60S");
	struct h2c_call *second = rpc_connect_to(&p, &ref, true, NULL);
	ck_assert(!first->ended && !second->ended);
	ck_assert_ptr_null(rpc_server_pending(r.srv));
	struct socket *so = socket_by_id(r.stack, ref.id);
	rpc_socket_event(r.srv, so, SOCKET_WRITABLE);
	ck_assert_ptr_null(rpc_server_pending(r.srv));
	rpc_socket_event(r.srv, so, SOCKET_CONNECTED);
	ck_assert_ptr_eq(rpc_server_pending(r.srv), p.conn);
	ck_assert_ptr_null(rpc_server_pending(r.srv));
	ck_assert(h2c_pump(&p.h2));
	Toynet__V1__ConnectResponse *m = rpc_answer(first, &toynet__v1__connect_response__descriptor);
	ck_assert(!m->in_progress);
	rpc_answer_free(m);
	rpc_answer_free(rpc_answer(second, &toynet__v1__connect_response__descriptor));
	ck_assert(instant_is_never(rpc_deadline(r.srv)));
	END();
}
END_TEST

START_TEST(connect_tells_why_it_failed)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	struct h2c_call *c = rpc_connect_to(&p, &ref, true, NULL);
	struct socket *so = socket_by_id(r.stack, ref.id);
	so->error = ECONNREFUSED;
	rpc_socket_event(r.srv, so, SOCKET_ERROR);
	ck_assert(h2c_pump(&p.h2));
	rpc_failed(c, GRPC_UNAVAILABLE, ECONNREFUSED);
	ck_assert_int_eq(so->error, 0);
	END();
}
END_TEST

START_TEST(a_deadline_ends_the_call_and_not_the_connection)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	struct h2c_call *c = rpc_connect_to(&p, &ref, true, "100m");
	ck_assert_int_eq(rpc_deadline(r.srv).ns, r.env.now.ns + 100 * NS_PER_MS);
	rpc_tick(r.srv);
	ck_assert(h2c_pump(&p.h2));
	ck_assert(!c->ended);
	r.env.now = instant_add(r.env.now, DURATION_MS(100));
	rpc_tick(r.srv);
	ck_assert_ptr_eq(rpc_server_pending(r.srv), p.conn);
	ck_assert(h2c_pump(&p.h2));
	rpc_failed(c, GRPC_DEADLINE_EXCEEDED, 0);
	ck_assert_int_eq(socket_state(socket_by_id(r.stack, ref.id)), TCP_SYN_SENT);
	ck_assert(instant_is_never(rpc_deadline(r.srv)));
	END();
}
END_TEST

START_TEST(a_deadline_holds_for_half_a_request)
{
	BEGIN(UID);
	struct h2c_call *c = h2c_do(
	        &p.h2, (struct h2c_request){.path = "/toynet.v1.Sockets/Bind", .timeout = "1S", .open = true});
	r.env.now = instant_add(r.env.now, DURATION_S(2));
	rpc_tick(r.srv);
	ck_assert(h2c_pump(&p.h2));
	rpc_failed(c, GRPC_DEADLINE_EXCEEDED, 0);
	ck_assert(c->closed);
	END();
}
END_TEST

START_TEST(a_cancelled_connect_leaves_the_connection_opening)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	struct h2c_call *c = rpc_connect_to(&p, &ref, true, "10S");
	ck_assert_uint_eq(r.srv->parked_count, 1);
	h2c_cancel(&p.h2, c);
	ck_assert(h2c_pump(&p.h2));
	ck_assert_uint_eq(r.srv->parked_count, 0);
	ck_assert_uint_eq(r.srv->calls, 0);
	ck_assert(instant_is_never(rpc_deadline(r.srv)));
	struct socket *so = socket_by_id(r.stack, ref.id);
	ck_assert_int_eq(socket_state(so), TCP_SYN_SENT);
	rpc_socket_event(r.srv, so, SOCKET_CONNECTED);
	END();
}
END_TEST

START_TEST(parked_calls_end_with_their_socket_or_connection)
{
	Toynet__V1__CloseRequest close = TOYNET__V1__CLOSE_REQUEST__INIT;
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	Toynet__V1__SocketRef second = rpc_open_tcp(&p);
	struct h2c_call *c = rpc_connect_to(&p, &ref, true, NULL);
	rpc_connect_to(&p, &second, true, "5S");
	close.socket = &ref;
	close.abort = true;
	rpc_answer_free(
	        rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Close", &close), &toynet__v1__close_response__descriptor));
	rpc_failed(c, GRPC_ABORTED, ECONNABORTED);
	ck_assert_int_eq(r.aborted, 1);
	ck_assert_uint_eq(r.srv->parked_count, 1);
	END();
}
END_TEST

START_TEST(garbage_ends_only_its_connection)
{
	Toynet__V1__ListRequest m = TOYNET__V1__LIST_REQUEST__INIT;
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct peer other;
	BEGIN(UID);
	peer_begin(&other, &r, UID);
	rpc_conn_free(other.conn);
	other.conn = rpc_conn_new(r.srv, (struct rpc_peer){.uid = UID}, NULL);
	ck_assert(!rpc_conn_input(other.conn, (const uint8_t *)garbage, sizeof(garbage) - 1, NULL, 0));
	peer_end(&other);
	ck_assert_int_eq(rpc_call(&p, "/toynet.v1.Sockets/List", &m)->grpc_status, GRPC_OK);
	END();
}
END_TEST

/* What a client says in a session with several calls. */
static size_t session_bytes(uint8_t *out, size_t size)
{
	static const char *const paths[] = {"/toynet.v1.Sockets/Open", "/toynet.v1.Sockets/Connect",
	                                    "/toynet.v1.Sockets/List", "/toynet.v1.Sockets/Prove",
	                                    "/grpc.health.v1.Health/Watch"};
	static const uint8_t body[] = {0, 0, 0, 0, 6, 0x0a, 2, 8, 1, 0x18, 1};
	struct h2c c;
	const uint8_t *bytes;
	size_t at = 0;
	ssize_t n;

	h2c_init(&c, (struct h2c_server){0});
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		h2c_start(&c, (struct h2c_request){
		                      .path = paths[i],
		                      .timeout = "1S",
		                      .want_fd = "1",
		                      .body = body,
		                      .body_len = sizeof(body),
		                      .open = i == 1,
		              });
	for (; (n = nghttp2_session_mem_send(c.session, &bytes)) > 0; at += (size_t)n) {
		ck_assert_uint_le(at + (size_t)n, size);
		memcpy(out + at, bytes, (size_t)n);
	}
	h2c_free(&c);
	return at;
}

START_TEST(damaged_sessions_leak_nothing)
{
	uint8_t good[2048], bad[2048];
	size_t len = session_bytes(good, sizeof(good));
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 40 * UNIT_SEEDS; i++) {
		BEGIN(UID);
		memcpy(bad, good, len);
		for (uint32_t k = rng_below(&rng, 4); k > 0; k--)
			bad[24 + rng_below(&rng, (uint32_t)len - 24)] = (uint8_t)rng_u32(&rng);
		struct rpc_conn *conn = rpc_conn_new(r.srv, (struct rpc_peer){.uid = UID}, NULL);
		int fd = 1;
		bool sound = rpc_conn_input(conn, NULL, 0, &fd, 1);
		for (size_t at = 0, n; at < len && sound; at += n) {
			n = size_min(1 + rng_below(&rng, 200), len - at);
			sound = rpc_conn_input(conn, bad + at, n, NULL, 0);
			const uint8_t *out;
			size_t got = rpc_conn_output(conn, &out, &fd);
			rpc_conn_sent(conn, got);
		}
		r.env.now = instant_add(r.env.now, DURATION_MS(rng_below(&rng, 2000)));
		rpc_tick(r.srv);
		rpc_conn_free(conn);
		END();
		ck_assert_int_eq(r.fds_closed, r.opened + 1);
	}
}
END_TEST

Suite *call_suite(void);
Suite *call_suite(void)
{
	UNIT_SUITE("call", unknown_methods_are_unimplemented, http_that_is_not_grpc, broken_request_messages,
	           decoding_has_a_heap_limit, half_requests_share_a_budget,
	           descriptors_nobody_claims_are_bounded_and_closed, connect_waits_for_the_connection,
	           connect_tells_why_it_failed, a_deadline_ends_the_call_and_not_the_connection,
	           a_deadline_holds_for_half_a_request, a_cancelled_connect_leaves_the_connection_opening,
	           parked_calls_end_with_their_socket_or_connection, garbage_ends_only_its_connection,
	           damaged_sessions_leak_nothing);
}
