/* table: identity, order, quotas, readiness, and the deferred end of sockets. */
#include "tcp_net.h"

START_TEST(identity_and_order)
{
	struct tcp_net n;
	struct socket *so[10];
	tcp_net_begin(&n, &tcp_net_plain);
	for (uint64_t i = 0; i < 10; i++) {
		so[i] = tcp_net_open(&n);
		ck_assert_uint_eq(so[i]->id, i + 1);
	}
	for (size_t i = 0; i < 10; i++)
		ck_assert_ptr_eq(socket_by_id(n.stack, so[i]->id), so[i]);
	ck_assert_ptr_null(socket_by_id(n.stack, 0));
	ck_assert_ptr_null(socket_by_id(n.stack, 11));
	/* Pages: the one after, also when `after` is gone. */
	socket_close(n.stack, so[4], false);
	tcp_net_turn(&n);
	ck_assert_ptr_eq(socket_after(n.stack, 0), so[0]);
	ck_assert_ptr_eq(socket_after(n.stack, 4), so[5]);
	ck_assert_ptr_eq(socket_after(n.stack, 5), so[5]);
	ck_assert_ptr_null(socket_after(n.stack, 10));
	ck_assert_uint_eq(tcp_net_open(&n)->id, 11); /* never used again */
	tcp_net_end(&n);
}
END_TEST

START_TEST(quotas)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	struct socket *a, *b, *c, *root;
	opt.sockets_per_uid = 2;
	opt.sockets_max = 5;
	tcp_net_begin(&n, &opt);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_TCP, IP_V4, 7, 1, &a), 0);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 7, 1, &b), 0);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_TCP, IP_V4, 7, 1, &c), ENOBUFS);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_TCP, IP_V4, 8, 1, &c), 0);
	ck_assert_uint_eq(CNT(&n, SocketQuotaRefused), 1);
	socket_close(n.stack, b, false);
	tcp_net_turn(&n);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_TCP, IP_V4, 7, 1, &b), 0);
	for (int i = 0; i < 2; i++) /* root has no quota of its own, but the table is full at last */
		ck_assert_int_eq(socket_open(n.stack, SOCKET_TCP, IP_V4, 0, 1, &root), 0);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_TCP, IP_V4, 0, 1, &root), ENOBUFS);
	ck_assert_uint_eq(stack_socket_count(n.stack), 5);
	tcp_net_end(&n);
}
END_TEST

START_TEST(want_of_memory)
{
	struct tcp_net n;
	struct socket *so;
	tcp_net_begin(&n, &tcp_net_plain);
	for (uint64_t k = 1; k < 10; k++) {
		n.env.fail_at = n.env.allocations + k;
		int e = socket_open(n.stack, SOCKET_TCP, IP_V4, (uint32_t)k, 1, &so);
		ck_assert(e == 0 || e == ENOBUFS);
		ck_assert(e || k > 1);
		if (!e)
			so->channel = NULL;
	}
	n.env.fail_at = 0;
	ck_assert_uint_gt(CNT(&n, SocketNoMemory), 0);
	tcp_net_end(&n);
}
END_TEST

START_TEST(events_are_pulled_once)
{
	struct tcp_net n;
	unsigned events = 99;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *a = tcp_net_open(&n), *b = tcp_net_open(&n);
	ck_assert_ptr_null(stack_ready(n.stack, &events));
	socket_notify(n.stack, b, SOCKET_WRITABLE);
	socket_notify(n.stack, a, SOCKET_EOF);
	socket_notify(n.stack, b, SOCKET_ERROR);
	ck_assert_ptr_eq(stack_ready(n.stack, &events), b);
	ck_assert_uint_eq(events, SOCKET_WRITABLE | SOCKET_ERROR);
	ck_assert_ptr_eq(stack_ready(n.stack, &events), a);
	ck_assert_uint_eq(events, SOCKET_EOF);
	ck_assert_ptr_null(stack_ready(n.stack, &events));
	/* Nobody is told of a socket that nobody holds. */
	a->owned = false;
	socket_notify(n.stack, a, SOCKET_EOF);
	ck_assert_ptr_null(stack_ready(n.stack, &events));
	tcp_net_end(&n);
}
END_TEST

/* A socket that ends in the middle of a turn is valid to its end. */
START_TEST(the_end_is_deferred)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	uint64_t id = so->id;
	socket_close(n.stack, so, false);
	ck_assert_ptr_eq(socket_by_id(n.stack, id), so);
	stack_turn_end(n.stack);
	ck_assert_ptr_null(socket_by_id(n.stack, id));
	ck_assert_uint_eq(stack_socket_count(n.stack), 0);
	tcp_net_end(&n);
}
END_TEST

Suite *table_suite(void);
Suite *table_suite(void)
{
	UNIT_SUITE("table", identity_and_order, quotas, want_of_memory, events_are_pulled_once, the_end_is_deferred);
}
