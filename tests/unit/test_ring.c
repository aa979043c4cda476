/* ring: every operation against a flat array, out-of-order stores included, and the pool's bounds. */
#include "base/ring.h"
#include "unit.h"
#include <string.h>

#define MODEL_MAX (64u << 10)

/* A ring and the flat array that it stands for: bytes [0, r.len) are committed, [0, stored) were written. */
struct world {
	struct env env;
	struct ring_pool pool;
	struct ring r;
	uint8_t model[MODEL_MAX];
	bool known[MODEL_MAX]; /* this position was written since it came into view */
};

static void world_begin(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->env = unit_env(seed);
	ring_pool_init(&w->pool, &w->env);
}

static void world_end(struct world *w)
{
	ring_release(&w->r, &w->pool);
	ring_pool_free(&w->pool);
	unit_env_end(&w->env);
}

static void world_write(struct world *w, uint32_t pos, uint32_t n)
{
	uint8_t data[4096];

	for (uint32_t i = 0; i < n; i++)
		data[i] = (uint8_t)rng_u32(&w->env.rng);
	ring_write_at(&w->r, pos, data, n);
	memcpy(w->model + pos, data, n);
	memset(w->known + pos, true, n);
}

static void world_consume(struct world *w, uint32_t n)
{
	ring_consume(&w->r, n);
	memmove(w->model, w->model + n, MODEL_MAX - n);
	memmove(w->known, w->known + n, MODEL_MAX - n);
	memset(w->known + MODEL_MAX - n, false, n);
}

static void world_compare(const struct world *w)
{
	static uint8_t bytes[MODEL_MAX];

	ring_read_at(&w->r, 0, bytes, w->r.size);
	uint32_t i = 0;
	while (i < w->r.size && (!w->known[i] || bytes[i] == w->model[i]))
		i++;
	ck_assert_msg(i == w->r.size, "position %u of %u", i, w->r.size);
}

/* One past the last position that was written. */
static uint32_t world_stored(const struct world *w)
{
	uint32_t end = w->r.size;

	while (end > w->r.len && !w->known[end - 1])
		end--;
	return end;
}

static void world_step(struct world *w)
{
	struct rng *rng = &w->env.rng;
	uint32_t n, room = w->r.size - w->r.len;

	switch (rng_below(rng, 5)) {
	case 0:
		n = rng_below(rng, rng_below(rng, 20) == 0 ? MODEL_MAX : 2 * RING_MIN_SIZE) + 1;
		ck_assert(ring_reserve(&w->r, &w->pool, n, world_stored(w)));
		ck_assert_uint_ge(w->r.size, n);
		break;
	case 1: /* out of order: anywhere in the ring */
		n = rng_below(rng, u32_min(w->r.size, 4096) + 1);
		world_write(w, rng_below(rng, w->r.size - n + 1), n);
		break;
	case 2: /* in order, then committed */
		n = rng_below(rng, u32_min(room, 4096) + 1);
		world_write(w, w->r.len, n);
		ring_commit(&w->r, n);
		break;
	case 3:
		world_consume(w, rng_below(rng, w->r.len + 1));
		break;
	default:
		if (w->r.len == 0 && rng_below(rng, 4) == 0) {
			ring_release(&w->r, &w->pool);
			memset(w->known, false, sizeof(w->known));
		}
		break;
	}
}

START_TEST(test_agrees_with_a_flat_array)
{
	static struct world w;

	world_begin(&w, (uint64_t)_i);
	for (int step = 0; step < 400; step++) {
		world_step(&w);
		world_compare(&w);
	}
	world_end(&w);
}
END_TEST

START_TEST(test_iov_at_the_seam)
{
	struct world w;
	struct iovec iov[2];

	world_begin(&w, 0);
	ck_assert(ring_reserve(&w.r, &w.pool, RING_MIN_SIZE, 0));
	ck_assert_uint_eq(w.r.size, RING_MIN_SIZE);
	ring_skip(&w.r, RING_MIN_SIZE - 10);
	ck_assert_int_eq(ring_iov(&w.r, 0, 0, iov), 0);
	ck_assert_int_eq(ring_iov(&w.r, 0, 10, iov), 1);
	ck_assert_ptr_eq(iov[0].iov_base, w.r.base + RING_MIN_SIZE - 10);
	ck_assert_uint_eq(iov[0].iov_len, 10);
	ck_assert_int_eq(ring_iov(&w.r, 0, 11, iov), 2);
	ck_assert_uint_eq(iov[0].iov_len, 10);
	ck_assert_ptr_eq(iov[1].iov_base, w.r.base);
	ck_assert_uint_eq(iov[1].iov_len, 1);
	ck_assert_int_eq(ring_iov(&w.r, 10, 5, iov), 1);
	ck_assert_ptr_eq(iov[0].iov_base, w.r.base);
	ck_assert_int_eq(ring_iov(&w.r, RING_MIN_SIZE, 0, iov), 0);
	world_end(&w);
}
END_TEST

START_TEST(test_empty_ring_needs_no_memory)
{
	struct world w;
	struct iovec iov[2];

	world_begin(&w, 0);
	ck_assert(ring_reserve(&w.r, &w.pool, 0, 0));
	ck_assert_int_eq(ring_iov(&w.r, 0, 0, iov), 0);
	ring_consume(&w.r, 0);
	ring_skip(&w.r, 1000);
	ck_assert_uint_eq(w.env.allocations, 0);
	world_end(&w);
}
END_TEST

START_TEST(test_sizes_are_powers_of_two)
{
	struct world w;

	world_begin(&w, 0);
	for (uint32_t need = 1; need <= RING_MAX_SIZE; need = need * 3 + 1) {
		ck_assert(ring_reserve(&w.r, &w.pool, need, 0));
		ck_assert_uint_ge(w.r.size, need);
		ck_assert_uint_eq(w.r.size & (w.r.size - 1), 0);
	}
	ck_assert(ring_reserve(&w.r, &w.pool, RING_MAX_SIZE, 0));
	ck_assert_uint_eq(w.r.size, RING_MAX_SIZE);
	world_end(&w);
}
END_TEST

START_TEST(test_want_of_memory_leaves_the_ring)
{
	struct world w;
	uint8_t bytes[5];

	world_begin(&w, 0);
	ck_assert(ring_reserve(&w.r, &w.pool, 10, 0));
	ring_write_at(&w.r, 0, "hello", 5);
	ring_commit(&w.r, 5);
	struct ring before = w.r;
	w.env.fail_at = w.env.allocations + 1;
	ck_assert(!ring_reserve(&w.r, &w.pool, RING_MIN_SIZE + 1, 5));
	ck_assert_mem_eq(&w.r, &before, sizeof(before));
	ring_read_at(&w.r, 0, bytes, 5);
	ck_assert_mem_eq(bytes, "hello", 5);
	world_end(&w);
}
END_TEST

START_TEST(test_pool_reuses_blocks)
{
	struct world w;

	world_begin(&w, 0);
	for (int i = 0; i < 100; i++) {
		ck_assert(ring_reserve(&w.r, &w.pool, 5000, 0));
		ring_release(&w.r, &w.pool);
		ck_assert_uint_eq(w.r.size, 0);
	}
	ck_assert_uint_eq(w.env.allocations, 1);
	ck_assert_uint_eq(w.pool.cached, 8192);
	world_end(&w);
}
END_TEST

START_TEST(test_pool_is_bounded)
{
	enum { RINGS = 40 };
	struct world w;
	struct ring rings[RINGS] = {0};

	world_begin(&w, 0);
	for (int i = 0; i < RINGS; i++)
		ck_assert(ring_reserve(&rings[i], &w.pool, 1u << 20, 0));
	ck_assert_uint_eq(w.env.allocated, RINGS << 20);
	for (int i = 0; i < RINGS; i++)
		ring_release(&rings[i], &w.pool);
	ck_assert_uint_eq(w.pool.cached, RING_POOL_CACHE);
	ck_assert_uint_eq(w.env.allocated, RING_POOL_CACHE);
	world_end(&w);
}
END_TEST

Suite *ring_suite(void);
Suite *ring_suite(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("ring");

	tcase_add_loop_test(tcase, test_agrees_with_a_flat_array, 0, UNIT_SEEDS / 5);
	tcase_add_test(tcase, test_iov_at_the_seam);
	tcase_add_test(tcase, test_empty_ring_needs_no_memory);
	tcase_add_test(tcase, test_sizes_are_powers_of_two);
	tcase_add_test(tcase, test_want_of_memory_leaves_the_ring);
	tcase_add_test(tcase, test_pool_reuses_blocks);
	tcase_add_test(tcase, test_pool_is_bounded);
	suite_add_tcase(suite, tcase);
	return suite;
}
