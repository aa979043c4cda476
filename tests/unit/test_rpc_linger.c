/* Linger: the close of a descriptor whose caller waits for the end of the connection's sending. */
#include "rpc_rig.h"

static struct h2c_call *linger(struct peer *p, uint64_t id, uint64_t cookie, bool closed)
{
	Toynet__V1__SocketRef ref = TOYNET__V1__SOCKET_REF__INIT;
	Toynet__V1__LingerRequest m = TOYNET__V1__LINGER_REQUEST__INIT;

	ref.id = id;
	ref.cookie = cookie;
	m.socket = &ref;
	m.closed = closed;
	return rpc_call(p, "/toynet.v1.Sockets/Linger", &m);
}

static uint64_t lingered(const struct h2c_call *c)
{
	Toynet__V1__LingerResponse *m = rpc_answer(c, &toynet__v1__linger_response__descriptor);
	uint64_t id = m->id;

	rpc_answer_free(m);
	return id;
}

/* A socket with a descriptor whose connection has text or a FIN under way once it is closed. */
static struct socket *under_way(struct rig *r, struct peer *p)
{
	Toynet__V1__SocketRef ref = rpc_open_tcp(p);
	rpc_answer_free(rpc_answer(rpc_connect_to(p, &ref, false, NULL), &toynet__v1__connect_response__descriptor));
	struct socket *so = socket_by_id(r->stack, ref.id);
	ck_assert_uint_eq(lingered(linger(p, 0, so->cookie, false)), so->id);
	so->tcp.state = TCP_ESTABLISHED; /* as if the peer had answered */
	return so;
}

START_TEST(the_answer_comes_with_the_end_of_sending)
{
	BEGIN(UID);
	struct socket *so = under_way(&r, &p);
	struct h2c_call *c = linger(&p, so->id, 0, true);
	ck_assert(!c->ended);
	ck_assert(so->awaited && !so->owned);
	ck_assert_int_eq((int)so->tcp.state, TCP_FIN_WAIT_1);
	rpc_socket_event(r.srv, so, SOCKET_REPORT);
	ck_assert(!c->ended);
	rpc_socket_event(r.srv, so, SOCKET_SENT);
	ck_assert(h2c_pump(&p.h2));
	ck_assert_uint_eq(lingered(c), so->id);
	/* The authority went with it. */
	rpc_failed(linger(&p, so->id, 0, true), GRPC_PERMISSION_DENIED, EPERM);
	END();
}
END_TEST

START_TEST(another_holder_ends_the_wait)
{
	BEGIN(UID);
	struct socket *so = under_way(&r, &p);
	r.held = true;
	ck_assert_uint_eq(lingered(linger(&p, so->id, 0, true)), so->id);
	ck_assert(so->owned && !so->awaited);
	ck_assert_int_eq((int)so->tcp.state, TCP_ESTABLISHED);
	r.held = false; /* and the last one waits */
	ck_assert(!linger(&p, so->id, 0, true)->ended);
	END();
}
END_TEST

START_TEST(nothing_to_wait_for)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	ck_assert_uint_eq(lingered(linger(&p, 0, ref.cookie, false)), ref.id);
	ck_assert_uint_eq(lingered(linger(&p, ref.id, 0, true)), ref.id);
	stack_turn_end(r.stack);
	rpc_failed(linger(&p, ref.id, 0, true), GRPC_NOT_FOUND, ENOENT);
	END();
}
END_TEST

/* Who has not shown the descriptor waits for nothing, and whoever has not asked beforehand has lost its right. */
START_TEST(authority)
{
	struct peer other;
	BEGIN(UID);
	struct socket *so = under_way(&r, &p);
	peer_begin(&other, &r, UID);
	rpc_failed(linger(&other, so->id, 0, false), GRPC_PERMISSION_DENIED, EPERM);
	rpc_failed(linger(&other, so->id, 0, true), GRPC_PERMISSION_DENIED, EPERM);
	peer_end(&other);
	ck_assert(so->owned);
	END();
}
END_TEST

/* The time is over, or the caller is gone: the connection goes on, and is freed in the end. */
START_TEST(the_wait_may_end_first)
{
	BEGIN(UID);
	struct socket *so = under_way(&r, &p);
	uint64_t id = so->id;
	struct h2c_call *c = linger(&p, id, 0, true);
	h2c_cancel(&p.h2, c);
	ck_assert(h2c_pump(&p.h2));
	ck_assert_uint_eq(r.srv->parked_count, 0);
	ck_assert_int_eq((int)so->tcp.state, TCP_FIN_WAIT_1);
	socket_abort(r.stack, so);
	unsigned events;
	ck_assert_ptr_eq(stack_ready(r.stack, &events), so);
	ck_assert_uint_eq(events, SOCKET_SENT);
	ck_assert_ptr_null(stack_ready(r.stack, &events));
	stack_turn_end(r.stack);
	ck_assert_ptr_null(socket_by_id(r.stack, id));
	END();
}
END_TEST

Suite *rpc_linger_suite(void);
Suite *rpc_linger_suite(void)
{
	UNIT_SUITE("rpc_linger", the_answer_comes_with_the_end_of_sending, another_holder_ends_the_wait,
	           nothing_to_wait_for, authority, the_wait_may_end_first);
}
