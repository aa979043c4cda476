/* env: exact accounting of memory, and the failure of a chosen allocation. */
#include "base/env.h"
#include "unit.h"
#include <string.h>

START_TEST(test_memory_is_zeroed_and_counted)
{
	struct env env = unit_env(0);
	uint8_t *a = env_alloc(&env, 100);
	uint8_t *b = env_alloc(&env, 28);

	ck_assert_uint_eq(env.allocated, 128);
	ck_assert_uint_eq(env.allocations, 2);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(a[i], 0);
	env_free(&env, a, 100);
	ck_assert_uint_eq(env.allocated, 28);
	env_free(&env, b, 28);
	env_free(&env, NULL, 5);
	unit_env_end(&env);
}
END_TEST

START_TEST(test_realloc_keeps_contents_and_count)
{
	struct env env = unit_env(0);
	uint8_t *p = env_realloc(&env, NULL, 0, 10);

	memcpy(p, "0123456789", 10);
	p = env_realloc(&env, p, 10, 4000);
	ck_assert_mem_eq(p, "0123456789", 10);
	ck_assert_uint_eq(env.allocated, 4000);
	p = env_realloc(&env, p, 4000, 5);
	ck_assert_mem_eq(p, "01234", 5);
	ck_assert_uint_eq(env.allocated, 5);
	ck_assert_uint_eq(env.allocations, 3);
	env_free(&env, p, 5);
	unit_env_end(&env);
}
END_TEST

START_TEST(test_one_allocation_fails)
{
	struct env env = unit_env(0);

	env.fail_at = 2;
	void *a = env_alloc(&env, 8);
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_null(env_alloc(&env, 8));
	void *b = env_alloc(&env, 8);
	ck_assert_ptr_nonnull(b);
	ck_assert_uint_eq(env.allocated, 16);
	env_free(&env, a, 8);
	env_free(&env, b, 8);
	unit_env_end(&env);
}
END_TEST

START_TEST(test_failures_repeat)
{
	struct env env = unit_env(0);

	env.fail_at = 2;
	env.failures_repeat = true;
	void *a = env_alloc(&env, 8);
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_null(env_alloc(&env, 8));
	ck_assert_ptr_null(env_alloc(&env, 8));
	env_free(&env, a, 8);
	unit_env_end(&env);
}
END_TEST

START_TEST(test_failed_realloc_leaves_the_block)
{
	struct env env = unit_env(0);
	char *p = env_alloc(&env, 4);

	memcpy(p, "abc", 4);
	env.fail_at = 2;
	ck_assert_ptr_null(env_realloc(&env, p, 4, 400));
	ck_assert_str_eq(p, "abc");
	ck_assert_uint_eq(env.allocated, 4);
	env_free(&env, p, 4);
	unit_env_end(&env);
}
END_TEST

Suite *env_suite(void);
Suite *env_suite(void)
{
	UNIT_SUITE("env", test_memory_is_zeroed_and_counted, test_realloc_keeps_contents_and_count,
	           test_one_allocation_fails, test_failures_repeat, test_failed_realloc_leaves_the_block);
}
