/* counters: each has a name and a text, no two share a name, the macros count where they say, and what adds up to what.
 */
#include "base/counters.h"
#include "unit.h"
#include <stdbool.h>
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

START_TEST(test_the_tables_of_totals)
{
	bool total[CNT_COUNT] = {false}, part[CNT_COUNT] = {false}, alias[CNT_COUNT] = {false};

	for (size_t i = 0; i < counter_parts_count; i++) {
		const struct counter_part *p = &counter_parts[i];
		bool summand = counter_part_of(p->part) == p->total;
		if (summand) {
			ck_assert_msg(!part[p->part], "%s is a part twice", counter_names[p->part]);
			part[p->part] = true;
		} else {
			ck_assert_msg(!alias[p->total], "%s stands for two", counter_names[p->total]);
			alias[p->total] = true;
		}
		total[p->total] = true;
	}
	for (enum counter c = 0; c < CNT_COUNT; c++) {
		enum counter whole = counter_part_of(c);
		/* No total is in another, nor in itself: there are no cycles. */
		ck_assert_msg(!(total[c] && part[c]), "%s is a total and a part", counter_names[c]);
		ck_assert_int_eq(counter_kind(c) == COUNTER_TOTAL, total[c]);
		ck_assert_int_eq(whole != CNT_COUNT, part[c]);
		ck_assert(whole == CNT_COUNT || total[whole]);
	}
	for (size_t i = 0; i < counter_parts_count; i++) {
		ck_assert_int_eq(counter_kind(counter_parts[i].part), COUNTER_EVENTS);
		ck_assert(!alias[counter_parts[i].total] || !part[counter_parts[i].total]);
	}
	ck_assert_int_eq(counter_kind(CNT_TcpCurrEstab), COUNTER_GAUGE);
	ck_assert_int_eq(counter_part_of(CNT_UdpRcvbufErrors), CNT_UdpInErrors);
	ck_assert_int_eq(counter_part_of(CNT_IcmpInEchos), CNT_COUNT); /* an alias is no total */
}
END_TEST

START_TEST(test_totals_are_sums)
{
	struct counters c = {0};

	for (int i = 0; i < 3; i++)
		COUNT(&c, UdpInCsumErrors);
	COUNT(&c, UdpRcvbufErrors);
	COUNT(&c, UdpNoPorts); /* RFC 4113: not in udpInErrors */
	COUNT(&c, IcmpInEchos);
	counters_add_up(&c);
	ck_assert_uint_eq(c.v[CNT_UdpInErrors], 4);
	ck_assert_uint_eq(c.v[CNT_UdpInCsumErrors], 3);
	ck_assert_uint_eq(c.v[CNT_IcmpMsgInType8], 1);
	ck_assert_uint_eq(c.v[CNT_TcpInErrs], 0);
}
END_TEST

Suite *counters_suite(void);
Suite *counters_suite(void)
{
	UNIT_SUITE("counters", test_names_and_texts, test_counting, test_the_tables_of_totals, test_totals_are_sums);
}
