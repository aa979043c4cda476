/* pmtu: what is remembered of paths, for how long, and how much of it. */
#include "ip/pmtu.h"
#include "net.h"

static void expect_path(struct net *n, const char *dst, uint16_t mtu, bool fragment)
{
	struct ip_path p = ip_path_to(&n->ip, addr(dst));
	ck_assert_uint_eq(p.mtu, mtu);
	ck_assert_int_eq(p.fragment, fragment);
}

static enum ip_pmtu narrows(struct net *n, const char *dst, uint16_t mtu)
{
	return ip_path_narrows(&n->ip, addr(dst), mtu);
}

START_TEST(only_downwards)
{
	struct net n;
	net_begin(&n);
	expect_path(&n, PEER, 1500, false);
	uint32_t generation = n.ip.pmtu_generation;
	ck_assert_int_eq(narrows(&n, PEER, 1280), IP_PMTU_LOWERED);
	ck_assert_uint_ne(n.ip.pmtu_generation, generation);
	expect_path(&n, PEER, 1280, false);
	expect_path(&n, "10.0.0.3", 1500, false);
	ck_assert_int_eq(narrows(&n, PEER, 1400), IP_PMTU_REFUSED);
	ck_assert_int_eq(narrows(&n, PEER, 1280), IP_PMTU_KNOWN);
	ck_assert_int_eq(narrows(&n, PEER, 1000), IP_PMTU_LOWERED);
	expect_path(&n, PEER, 1000, false);
	ck_assert_uint_eq(n.cnt.v[CNT_IpPmtuLowered], 2);
	ck_assert_uint_eq(n.cnt.v[CNT_IpPmtuRefused], 1);
	net_end(&n);
}
END_TEST

/* RFC 791 3.2: no link is narrower than 68 bytes; and the link's own MTU is no news. */
START_TEST(nonsense_is_refused)
{
	static const uint16_t mtu[] = {0, 1, 67, 1500, 1501, 65535};
	struct net n;
	net_begin(&n);
	for (size_t i = 0; i < ARRAY_LEN(mtu); i++)
		ck_assert_int_eq(narrows(&n, PEER, mtu[i]), IP_PMTU_REFUSED);
	ck_assert_uint_eq(n.cnt.v[CNT_IpPmtuRefused], ARRAY_LEN(mtu));
	ck_assert_uint_eq(n.ip.pmtu_table.count, 0);
	net_end(&n);
}
END_TEST

/* Below IP_PMTU_MIN routers are to fragment. */
START_TEST(the_floor)
{
	struct net n;
	net_begin(&n);
	ck_assert_int_eq(narrows(&n, PEER, IP_PMTU_MIN), IP_PMTU_LOWERED);
	expect_path(&n, PEER, IP_PMTU_MIN, false);
	ck_assert_int_eq(narrows(&n, PEER, IP_PMTU_MIN - 1), IP_PMTU_LOWERED);
	expect_path(&n, PEER, IP_PMTU_MIN, true);
	ck_assert_int_eq(narrows(&n, PEER, 68), IP_PMTU_KNOWN);
	ck_assert_int_eq(narrows(&n, "10.0.0.3", 68), IP_PMTU_LOWERED);
	expect_path(&n, "10.0.0.3", IP_PMTU_MIN, true);
	net_end(&n);
}
END_TEST

/* RFC 1191 6.3: an estimate is forgotten ten minutes after the last message. */
START_TEST(entries_age)
{
	struct net n;
	net_begin(&n);
	narrows(&n, PEER, 1280);
	uint32_t generation = n.ip.pmtu_generation;
	net_pass(&n, 300 * 1000);
	narrows(&n, PEER, 1280);
	ck_assert_uint_ne(n.ip.pmtu_generation, generation); /* who keeps a copy learns the new age */
	net_pass(&n, 600 * 1000 - 1);
	expect_path(&n, PEER, 1280, false);
	net_pass(&n, 1);
	expect_path(&n, PEER, 1500, false);
	ck_assert_uint_eq(n.cnt.v[CNT_IpPmtuAged], 1);
	ck_assert_uint_eq(n.ip.pmtu_table.count, 0);
	net_end(&n);
}
END_TEST

START_TEST(the_least_recently_used_goes)
{
	struct net n;
	net_begin(&n);
	for (uint32_t i = 0; i < IP_PMTU_ENTRIES_MAX; i++)
		ip_path_narrows(&n.ip, ip4_from_u32(0x0b000000 + i), 1280);
	ck_assert_uint_eq(n.ip.pmtu_table.count, IP_PMTU_ENTRIES_MAX);
	expect_path(&n, "11.0.0.0", 1280, false);
	narrows(&n, PEER, 1280);
	ck_assert_uint_eq(n.ip.pmtu_table.count, IP_PMTU_ENTRIES_MAX);
	expect_path(&n, PEER, 1280, false);
	expect_path(&n, "11.0.0.0", 1280, false);
	expect_path(&n, "11.0.0.1", 1500, false);
	net_end(&n);
}
END_TEST

START_TEST(the_cache_outlives_a_reload)
{
	struct net n;
	net_begin(&n);
	narrows(&n, PEER, 1280);
	narrows(&n, "10.0.0.3", 300);
	uint32_t generation = n.ip.pmtu_generation;
	net_pass(&n, 100 * 1000);
	net_reload(&n);
	ck_assert_uint_eq(n.ip.pmtu_generation, generation);
	expect_path(&n, PEER, 1280, false);
	expect_path(&n, "10.0.0.3", IP_PMTU_MIN, true);
	net_pass(&n, 500 * 1000);
	expect_path(&n, PEER, 1500, false);
	net_end(&n);
}
END_TEST

START_TEST(without_memory_nothing_is_remembered)
{
	struct net n;
	net_begin(&n);
	n.env.fail_at = n.env.allocations + 1;
	ck_assert_int_eq(narrows(&n, PEER, 1280), IP_PMTU_REFUSED);
	expect_path(&n, PEER, 1500, false);
	ck_assert_int_eq(narrows(&n, PEER, 1280), IP_PMTU_LOWERED);
	net_end(&n);
}
END_TEST

/* RFC 1191 7.1, Table 7-1 */
START_TEST(plateaus)
{
	static const uint16_t row[][2] = {{65535, 32000}, {1500, 1492}, {1492, 1006}, {1006, 508},
	                                  {508, 296},     {296, 68},    {68, 68},     {0, 68}};
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		ck_assert_uint_eq(ip_pmtu_plateau(row[i][0]), row[i][1]);
}
END_TEST

Suite *pmtu_suite(void);
Suite *pmtu_suite(void)
{
	UNIT_SUITE("pmtu", only_downwards, nonsense_is_refused, the_floor, entries_age, the_least_recently_used_goes,
	           the_cache_outlives_a_reload, without_memory_nothing_is_remembered, plateaus);
}
