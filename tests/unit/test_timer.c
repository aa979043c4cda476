/* timer: the heap against a linear search over random histories, and its promises: order by deadline and tie alone, no
 * heap work when a deadline moves later, no failure after timer_reserve. */
#include "base/timer.h"
#include "unit.h"

#define NODES 200

static instant at(int64_t ns)
{
	return (instant){ns};
}

struct world {
	struct env env;
	struct timer_queue q;
	struct timer_node node[NODES];
	instant model[NODES]; /* the deadlines that the queue should have */
};

static void world_begin(struct world *w, uint64_t seed)
{
	w->env = unit_env(seed);
	timer_queue_init(&w->q);
	for (size_t i = 0; i < NODES; i++) {
		ck_assert(timer_reserve(&w->q, &w->env, i + 1));
		/* Ties in an order that differs from that of the array. */
		timer_node_init(&w->node[i], (i * 77) % NODES);
		w->model[i] = INSTANT_NEVER;
	}
}

static void world_end(struct world *w)
{
	for (size_t i = 0; i < NODES; i++)
		timer_cancel(&w->q, &w->node[i]);
	timer_queue_free(&w->q, &w->env);
	unit_env_end(&w->env);
}

/* The node that must fire next, by linear search; NULL when all are idle. */
static const struct timer_node *model_first(const struct world *w)
{
	size_t best = NODES;

	for (size_t i = 0; i < NODES; i++) {
		if (instant_is_never(w->model[i]))
			continue;
		if (best == NODES || instant_lt(w->model[i], w->model[best]) ||
		    (w->model[i].ns == w->model[best].ns && w->node[i].tie < w->node[best].tie))
			best = i;
	}
	return best == NODES ? NULL : &w->node[best];
}

/* The first node that breaks an invariant of the heap; as many as there are when none does. */
static size_t heap_fault(const struct world *w)
{
	size_t i;

	for (i = 0; i < w->q.count; i++) {
		const struct timer_node *n = w->q.heap[i], *parent = w->q.heap[i > 0 ? (i - 1) / 4 : 0];
		if (n->index != i + 1 || instant_lt(n->deadline, n->position) ||
		    instant_lt(n->position, parent->position))
			break;
	}
	return i;
}

static void pop_and_compare(struct world *w, instant now)
{
	const struct timer_node *expected = model_first(w);
	size_t i = expected ? (size_t)(expected - w->node) : 0;

	ck_assert_int_eq(timer_next(&w->q).ns, expected ? w->model[i].ns : INT64_MAX);
	if (expected && instant_lt(now, w->model[i]))
		expected = NULL;
	ck_assert_ptr_eq(timer_pop(&w->q, now), expected);
	if (!expected)
		return;
	w->model[i] = INSTANT_NEVER;
	ck_assert(instant_is_never(expected->deadline));
	ck_assert_uint_eq(expected->index, 0);
}

START_TEST(test_agrees_with_linear_search)
{
	struct world w;

	world_begin(&w, (uint64_t)_i);
	for (int step = 0; step < 3000; step++) {
		size_t i = rng_below(&w.env.rng, NODES);
		/* Few distinct instants: equal deadlines are frequent. */
		instant t = at((int64_t)rng_below(&w.env.rng, 50));
		switch (rng_below(&w.env.rng, 8)) {
		case 0:
			timer_cancel(&w.q, &w.node[i]);
			w.model[i] = INSTANT_NEVER;
			break;
		case 1:
			timer_update(&w.q, &w.node[i], INSTANT_NEVER);
			w.model[i] = INSTANT_NEVER;
			break;
		case 2:
		case 3:
			pop_and_compare(&w, t);
			break;
		default:
			timer_update(&w.q, &w.node[i], t);
			w.model[i] = t;
			break;
		}
		ck_assert_uint_eq(heap_fault(&w), w.q.count);
	}
	while (model_first(&w))
		pop_and_compare(&w, at(50));
	pop_and_compare(&w, at(50));
	world_end(&w);
}
END_TEST

/* One queue reaches the deadlines by detours, the other directly, in another order: they fire alike. */
START_TEST(test_order_does_not_depend_on_history)
{
	struct world a, b;

	world_begin(&a, (uint64_t)_i);
	world_begin(&b, (uint64_t)_i);
	for (int step = 0; step < 1000; step++) {
		size_t i = rng_below(&a.env.rng, NODES);
		a.model[i] = at((int64_t)rng_below(&a.env.rng, 20));
		timer_update(&a.q, &a.node[i], a.model[i]);
		if (rng_below(&a.env.rng, 10) == 0)
			timer_next(&a.q);
	}
	for (size_t i = NODES; i-- > 0;)
		timer_update(&b.q, &b.node[i], a.model[i]);
	for (;;) {
		const struct timer_node *from_a = timer_pop(&a.q, at(20)), *from_b = timer_pop(&b.q, at(20));
		if (!from_a && !from_b)
			break;
		ck_assert(from_a && from_b);
		ck_assert_uint_eq(from_a->tie, from_b->tie);
	}
	world_end(&a);
	world_end(&b);
}
END_TEST

START_TEST(test_moving_later_touches_no_heap)
{
	struct world w;

	world_begin(&w, 0);
	for (size_t i = 0; i < NODES; i++)
		timer_update(&w.q, &w.node[i], at((int64_t)i));
	size_t index = w.node[5].index;
	for (int64_t t = 1000; t < 2000; t++)
		timer_update(&w.q, &w.node[5], at(t));
	ck_assert_uint_eq(w.node[5].index, index);
	ck_assert_int_eq(w.node[5].position.ns, 5);
	/* And back, still after its position. */
	timer_update(&w.q, &w.node[5], at(7));
	ck_assert_uint_eq(w.node[5].index, index);
	for (int64_t t = 0; t < 5; t++)
		ck_assert_ptr_eq(timer_pop(&w.q, at(6)), &w.node[t]);
	ck_assert_ptr_eq(timer_pop(&w.q, at(6)), &w.node[6]);
	ck_assert_ptr_null(timer_pop(&w.q, at(6)));
	world_end(&w);
}
END_TEST

START_TEST(test_fires_at_its_deadline_not_before)
{
	struct world w;

	world_begin(&w, 0);
	timer_update(&w.q, &w.node[0], at(100));
	ck_assert_ptr_null(timer_pop(&w.q, at(99)));
	ck_assert_ptr_eq(timer_pop(&w.q, at(100)), &w.node[0]);
	ck_assert_ptr_null(timer_pop(&w.q, at(INT64_MAX - 1)));
	ck_assert(instant_is_never(timer_next(&w.q)));
	world_end(&w);
}
END_TEST

START_TEST(test_reserve_without_memory)
{
	struct env env = unit_env(0);
	struct timer_queue q;
	struct timer_node n;

	timer_queue_init(&q);
	env.fail_at = 2;
	ck_assert(timer_reserve(&q, &env, 1));
	ck_assert(!timer_reserve(&q, &env, 100000));
	timer_node_init(&n, 0);
	timer_update(&q, &n, at(1));
	ck_assert_ptr_eq(timer_pop(&q, at(1)), &n);
	ck_assert(timer_reserve(&q, &env, 100000));
	ck_assert_uint_ge(q.capacity, 100000);
	timer_queue_free(&q, &env);
	unit_env_end(&env);
}
END_TEST

Suite *timer_suite(void);
Suite *timer_suite(void)
{
	Suite *suite = suite_create("timer");
	TCase *tcase = tcase_create("timer");

	tcase_add_loop_test(tcase, test_agrees_with_linear_search, 0, UNIT_SEEDS / 5);
	tcase_add_loop_test(tcase, test_order_does_not_depend_on_history, 0, UNIT_SEEDS / 5);
	tcase_add_test(tcase, test_moving_later_touches_no_heap);
	tcase_add_test(tcase, test_fires_at_its_deadline_not_before);
	tcase_add_test(tcase, test_reserve_without_memory);
	suite_add_tcase(suite, tcase);
	return suite;
}
