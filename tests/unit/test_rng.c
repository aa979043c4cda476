/* rng: the published reference outputs, replay, and uniform bounds. */
#include "base/rng.h"
#include "base/types.h"
#include "unit.h"
#include <string.h>

/* xoshiro256** from state {1, 2, 3, 4}: the first outputs of the authors' reference code. */
START_TEST(test_reference_vector)
{
	static const uint64_t expected[] = {
	        UINT64_C(11520),
	        UINT64_C(0),
	        UINT64_C(1509978240),
	        UINT64_C(1215971899390074240),
	        UINT64_C(1216172134540287360),
	        UINT64_C(607988272756665600),
	};
	struct rng r = {.s = {1, 2, 3, 4}};

	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		ck_assert_uint_eq(rng_u64(&r), expected[i]);
}
END_TEST

/* splitmix64 from 0: the outputs of the authors' reference code. */
START_TEST(test_seed_is_splitmix64)
{
	struct rng r;

	rng_seed(&r, 0);
	ck_assert_uint_eq(r.s[0], UINT64_C(0xe220a8397b1dcdaf));
	ck_assert_uint_eq(r.s[1], UINT64_C(0x6e789e6aa1b965f4));
	ck_assert_uint_eq(r.s[2], UINT64_C(0x06c45d188009454f));
	ck_assert_uint_eq(r.s[3], UINT64_C(0xf88bb8a8724c81ec));
}
END_TEST

START_TEST(test_same_seed_same_stream)
{
	struct rng a, b, c;
	int differ = 0;

	rng_seed(&a, 7);
	rng_seed(&b, 7);
	rng_seed(&c, 8);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = rng_u64(&a);
		ck_assert_uint_eq(v, rng_u64(&b));
		differ += v != rng_u64(&c);
	}
	ck_assert_int_gt(differ, 990);
}
END_TEST

START_TEST(test_zero_entropy_is_replaced)
{
	static const uint8_t zero[32];
	struct rng a, b;

	rng_seed_bytes(&a, zero);
	rng_seed(&b, 0);
	ck_assert_mem_eq(&a, &b, sizeof(a));
}
END_TEST

START_TEST(test_entropy_is_used_as_it_is)
{
	uint8_t entropy[32];
	struct rng r;

	for (size_t i = 0; i < sizeof(entropy); i++)
		entropy[i] = (uint8_t)(i + 1);
	rng_seed_bytes(&r, entropy);
	ck_assert_mem_eq(r.s, entropy, sizeof(entropy));
}
END_TEST

START_TEST(test_below_is_uniform)
{
	enum { BOUND = 7, DRAWS = 70000 };
	unsigned seen[BOUND] = {0};
	struct rng r;

	rng_seed(&r, 1);
	for (int i = 0; i < DRAWS; i++) {
		uint32_t v = rng_below(&r, BOUND);
		ck_assert_uint_lt(v, BOUND);
		seen[v]++;
	}
	/* Five standard deviations of a binomial (10,000 expected, sigma 93). */
	for (int i = 0; i < BOUND; i++) {
		ck_assert_uint_gt(seen[i], 9535);
		ck_assert_uint_lt(seen[i], 10465);
	}
}
END_TEST

/* With bound 3 * 2^30, plain scaling of 32 bits would give each third value twice the weight of the others. */
START_TEST(test_below_has_no_modulo_bias)
{
	enum { DRAWS = 30000 };
	unsigned multiples = 0;
	struct rng r;

	rng_seed(&r, 2);
	for (int i = 0; i < DRAWS; i++)
		multiples += rng_below(&r, UINT32_C(3) << 30) % 3 == 0;
	/* 10,000 expected, sigma 82. */
	ck_assert_uint_gt(multiples, 9590);
	ck_assert_uint_lt(multiples, 10410);
}
END_TEST

START_TEST(test_below_one_is_zero)
{
	struct rng r;

	rng_seed(&r, 3);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(rng_below(&r, 1), 0);
}
END_TEST

Suite *rng_suite(void);
Suite *rng_suite(void)
{
	UNIT_SUITE("rng", test_reference_vector, test_seed_is_splitmix64, test_same_seed_same_stream,
	           test_zero_entropy_is_replaced, test_entropy_is_used_as_it_is, test_below_is_uniform,
	           test_below_has_no_modulo_bias, test_below_one_is_zero);
}
