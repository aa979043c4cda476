/* tcp_txq: transmission records in a circular array. */
#include "tcp_net.h"

static void expect(const struct tcp_txq *q, uint32_t i, uint32_t seq, uint32_t len)
{
	ck_assert_uint_lt(i, q->count);
	ck_assert_uint_eq(txq_at(q, i)->seq.n, seq);
	ck_assert_uint_eq(txq_at(q, i)->len, len);
}

START_TEST(push_and_pop_in_order)
{
	struct env env = unit_env(1);
	struct tcp_txq q = {0};
	uint32_t in = 0, out = 0;
	for (int round = 0; round < 500; round++) {
		for (int i = 0; i < round % 7; i++, in++) {
			ck_assert(txq_reserve(&q, &env, 1));
			txq_push(&q, seq_of(in * 10), 10, 0, (instant){in});
		}
		for (int i = 0; i < round % 5 && q.count; i++, out++) {
			expect(&q, 0, out * 10, 10);
			ck_assert_int_eq(txq_at(&q, 0)->sent.ns, out);
			txq_pop(&q);
		}
		ck_assert_uint_eq(q.count, in - out);
	}
	txq_release(&q, &env);
	ck_assert_uint_eq(q.count, 0);
	unit_env_end(&env);
}
END_TEST

START_TEST(split_keeps_the_facts)
{
	struct env env = unit_env(1);
	struct tcp_txq q = {0};
	ck_assert(txq_reserve(&q, &env, 3));
	txq_push(&q, seq_of(UINT32_MAX - 99), 200, 0, (instant){1});
	txq_push(&q, seq_of(100), 50, 0, (instant){2});
	txq_at(&q, 0)->retrans = txq_at(&q, 0)->lost = true;
	ck_assert(txq_split(&q, &env, 0, seq_of(0)));
	ck_assert_uint_eq(q.count, 3);
	expect(&q, 0, UINT32_MAX - 99, 100);
	expect(&q, 1, 0, 100);
	expect(&q, 2, 100, 50);
	ck_assert(txq_at(&q, 1)->retrans && txq_at(&q, 1)->lost);
	ck_assert_int_eq(txq_at(&q, 1)->sent.ns, 1);
	ck_assert(!txq_at(&q, 2)->retrans);
	ck_assert(txq_split(&q, &env, 2, seq_of(149)));
	expect(&q, 3, 149, 1);
	txq_release(&q, &env);
	unit_env_end(&env);
}
END_TEST

START_TEST(the_number_of_records_is_bounded)
{
	struct env env = unit_env(1);
	struct tcp_txq q = {0};
	ck_assert(txq_reserve(&q, &env, TCP_TXREC_MAX));
	ck_assert(!txq_reserve(&q, &env, TCP_TXREC_MAX + 1));
	for (uint32_t i = 0; i < TCP_TXREC_MAX; i++)
		txq_push(&q, seq_of(2 * i), 2, 0, (instant){0});
	ck_assert(!txq_reserve(&q, &env, 1));
	ck_assert(!txq_split(&q, &env, 0, seq_of(1)));
	ck_assert_uint_eq(q.count, TCP_TXREC_MAX);
	expect(&q, 0, 0, 2);
	txq_release(&q, &env);
	unit_env_end(&env);
}
END_TEST

START_TEST(want_of_memory_leaves_the_queue)
{
	struct env env = unit_env(1);
	struct tcp_txq q = {0};
	ck_assert(txq_reserve(&q, &env, 16));
	for (uint32_t i = 0; i < 16; i++)
		txq_push(&q, seq_of(10 * i), 10, 0, (instant){0});
	env.fail_at = env.allocations + 1;
	ck_assert(!txq_split(&q, &env, 3, seq_of(35)));
	ck_assert_uint_eq(q.count, 16);
	expect(&q, 3, 30, 10);
	ck_assert(txq_split(&q, &env, 3, seq_of(35)));
	expect(&q, 4, 35, 5);
	expect(&q, 16, 150, 10);
	txq_release(&q, &env);
	unit_env_end(&env);
}
END_TEST

Suite *tcp_txq_suite(void);
Suite *tcp_txq_suite(void)
{
	UNIT_SUITE("tcp_txq", push_and_pop_in_order, split_keeps_the_facts, the_number_of_records_is_bounded,
	           want_of_memory_leaves_the_queue);
}
