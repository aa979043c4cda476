/* What the unit tests share: a suite made in one line from its tests, and an env whose leaks fail the test. */
#ifndef TOYNET_TESTS_UNIT_H
#define TOYNET_TESTS_UNIT_H

#include "base/env.h"
#include <check.h>

/* Seeds that a property test tries; each is one replayable run. */
#define UNIT_SEEDS 50

static inline Suite *unit_suite(const char *name, const TTest *const tests[], size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}
/* UNIT_SUITE("ring", test_a, test_b): the body of a suite function. */
#define UNIT_SUITE(name, ...)                                                                    \
	do {                                                                                     \
		const TTest *const unit_tests[] = {__VA_ARGS__};                                 \
		return unit_suite(name, unit_tests, sizeof(unit_tests) / sizeof(unit_tests[0])); \
	} while (0)

static inline struct env unit_env(uint64_t seed)
{
	struct env env = {0};

	rng_seed(&env.rng, seed);
	return env;
}
/* Everything that the env gave came back. */
#define unit_env_end(env) ck_assert_uint_eq((env)->allocated, 0)

#endif
