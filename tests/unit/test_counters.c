/* counters: each has a name and a text, no two share a name, and the macros count where they say. */
#include "base/counters.h"
#include "unit.h"
#include <string.h>

/* The control plane's bound on a counter's name (proto/toynet/v1/toynet.options). */
#define NAME_MAX_SIZE 48

START_TEST(test_names_and_texts)
{
	for (size_t i = 0; i < CNT_COUNT; i++) {
		ck_assert_uint_gt(strlen(counter_names[i]), 0);
		ck_assert_uint_lt(strlen(counter_names[i]), NAME_MAX_SIZE);
		ck_assert_uint_gt(strlen(counter_texts[i]), 0);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(counter_names[i], counter_names[j]);
	}
	ck_assert_str_eq(counter_names[CNT_TcpInCsumErrors], "TcpInCsumErrors");
	ck_assert_str_eq(counter_texts[CNT_TcpInCsumErrors], "TCP checksums that are wrong");
}
END_TEST

START_TEST(test_counting)
{
	struct counters c = {0};
	uint64_t sum = 0;

	COUNT(&c, IpInReceives);
	COUNT(&c, IpInReceives);
	COUNT_ADD(&c, LinkInOctets, 1500);
	for (size_t i = 0; i < CNT_COUNT; i++)
		sum += c.v[i];
	ck_assert_uint_eq(c.v[CNT_IpInReceives], 2);
	ck_assert_uint_eq(c.v[CNT_LinkInOctets], 1500);
	ck_assert_uint_eq(sum, 1502);
}
END_TEST

Suite *counters_suite(void);
Suite *counters_suite(void)
{
	UNIT_SUITE("counters", test_names_and_texts, test_counting);
}
