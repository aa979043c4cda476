/* trim: when memory that was freed is given back to the kernel. */
#include "host/trim.h"
#include "unit.h"

static instant at(int64_t ms)
{
	return instant_add((instant){0}, DURATION_MS(ms));
}

static bool same(instant a, instant b)
{
	return !instant_lt(a, b) && !instant_lt(b, a);
}

START_TEST(a_fall_is_trimmed_once)
{
	struct trim t = {0};
	ck_assert(!trim_due(&t, 4u << 20, at(10)));
	ck_assert(!trim_due(&t, (4u << 20) - TRIM_BYTES + 1, at(20)));
	ck_assert(same(trim_deadline(&t, (4u << 20) - TRIM_BYTES + 1), INSTANT_NEVER));
	ck_assert(trim_due(&t, (4u << 20) - TRIM_BYTES, at(30)));
	ck_assert(!trim_due(&t, (4u << 20) - TRIM_BYTES, at(5000)));
}
END_TEST

START_TEST(no_more_than_once_in_an_interval)
{
	struct trim t = {0};
	ck_assert(!trim_due(&t, 2u << 20, at(0)));
	ck_assert(trim_due(&t, 1u << 20, at(100)));
	ck_assert(!trim_due(&t, 2u << 20, at(200)));
	ck_assert(!trim_due(&t, 0, at(300)));
	/* It is asked again when the time has come, also of an idle daemon. */
	ck_assert(same(trim_deadline(&t, 0), at(1100)));
	ck_assert(!trim_due(&t, 0, at(1099)));
	ck_assert(trim_due(&t, 0, at(1100)));
	ck_assert(same(trim_deadline(&t, 0), INSTANT_NEVER));
}
END_TEST

START_TEST(what_is_in_use_again_is_not_trimmed)
{
	struct trim t = {0};
	ck_assert(!trim_due(&t, 2u << 20, at(0)));
	ck_assert(trim_due(&t, 0, at(0)));
	ck_assert(!trim_due(&t, 2u << 20, at(100)));
	ck_assert(!trim_due(&t, 0, at(500)));
	ck_assert(!trim_due(&t, 2u << 20, at(1500)));
}
END_TEST

Suite *trim_suite(void);
Suite *trim_suite(void)
{
	UNIT_SUITE("trim", a_fall_is_trimmed_once, no_more_than_once_in_an_interval,
	           what_is_in_use_again_is_not_trimmed);
}
