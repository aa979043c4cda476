/* addr: classes of addresses, prefixes, and text forms against tables of good and bad text. */
#include "base/addr.h"
#include "unit.h"

static struct ip_addr ip6(uint16_t a, uint16_t b, uint16_t c, uint16_t d, uint16_t e, uint16_t f, uint16_t g,
                          uint16_t h)
{
	const uint16_t group[8] = {a, b, c, d, e, f, g, h};
	struct ip_addr ip = {.family = IP_V6};

	for (int i = 0; i < 8; i++) {
		ip.b[2 * i] = (uint8_t)(group[i] >> 8);
		ip.b[2 * i + 1] = (uint8_t)group[i];
	}
	return ip;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	ck_assert_msg(prefix_parse(text, &p), "%s", text);
	return p;
}

START_TEST(test_classes)
{
	struct ip_addr none = {0};

	ck_assert(ip_is_unspecified(none) && ip_is_unspecified(ip4(0, 0, 0, 0)) && !ip_is_unspecified(ip4(0, 0, 0, 1)));
	ck_assert(ip_is_unspecified(ip6(0, 0, 0, 0, 0, 0, 0, 0)) && !ip_eq(none, ip4(0, 0, 0, 0)));
	ck_assert(ip_is_multicast(ip4(224, 0, 0, 0)) && ip_is_multicast(ip4(239, 255, 255, 255)));
	ck_assert(!ip_is_multicast(ip4(223, 255, 255, 255)) && !ip_is_multicast(ip4(240, 0, 0, 0)));
	ck_assert(ip_is_multicast(ip6(0xff02, 0, 0, 0, 0, 0, 0, 1)) &&
	          !ip_is_multicast(ip6(0xfe80, 0, 0, 0, 0, 0, 0, 1)));
	ck_assert(ip_is_loopback(ip4(127, 0, 0, 1)) && ip_is_loopback(ip4(127, 255, 255, 255)));
	ck_assert(!ip_is_loopback(ip4(126, 0, 0, 1)) && !ip_is_loopback(ip4(128, 0, 0, 1)));
	ck_assert(ip_is_loopback(ip6(0, 0, 0, 0, 0, 0, 0, 1)) && !ip_is_loopback(ip6(0, 0, 0, 0, 0, 0, 1, 1)));
	ck_assert(ip_is_limited_broadcast(ip4(255, 255, 255, 255)) &&
	          !ip_is_limited_broadcast(ip4(255, 255, 255, 254)));
	ck_assert(!ip_is_multicast(none) && !ip_is_loopback(none) && !ip_is_limited_broadcast(none));
}
END_TEST

/* Every prefix length against a mask computed the naive way. */
START_TEST(test_prefix_contains)
{
	struct env env = unit_env(1);

	for (unsigned len = 0; len <= 32; len++) {
		uint32_t mask = 0;
		for (unsigned i = 0; i < len; i++)
			mask |= UINT32_C(1) << (31 - i);
		for (int i = 0; i < 200; i++) {
			uint32_t net = rng_u32(&env.rng);
			/* One flipped bit, so that both answers are frequent. */
			uint32_t host = net ^ UINT32_C(1) << rng_below(&env.rng, 32);
			struct ip_prefix p = {.addr = ip4_from_u32(net), .len = (uint8_t)len};
			ck_assert_int_eq(prefix_contains(p, ip4_from_u32(host)), (net & mask) == (host & mask));
			ck_assert(prefix_contains(p, p.addr));
		}
	}
	ck_assert(!prefix_contains(prefix("0.0.0.0/0"), ip6(0, 0, 0, 0, 0, 0, 0, 1)));
	ck_assert(!prefix_contains((struct ip_prefix){0}, ip4(1, 2, 3, 4)));
	struct ip_prefix six = {.addr = ip6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), .len = 32};
	ck_assert(prefix_contains(six, ip6(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 9)));
	ck_assert(!prefix_contains(six, ip6(0x2001, 0xdb9, 0, 0, 0, 0, 0, 9)));
}
END_TEST

START_TEST(test_prefix_broadcast)
{
	ck_assert(ip_eq(prefix_broadcast(prefix("10.1.2.3/24")), ip4(10, 1, 2, 255)));
	ck_assert(ip_eq(prefix_broadcast(prefix("10.1.2.3/30")), ip4(10, 1, 2, 3)));
	ck_assert(ip_eq(prefix_broadcast(prefix("10.1.2.3/0")), ip4(255, 255, 255, 255)));
	ck_assert(ip_eq(prefix_broadcast(prefix("10.1.2.3/31")), (struct ip_addr){0}));
	ck_assert(ip_eq(prefix_broadcast(prefix("10.1.2.3/32")), (struct ip_addr){0}));
}
END_TEST

START_TEST(test_ip_text_round_trip)
{
	struct env env = unit_env(2);
	char text[IP_ADDR_TEXT_MAX];

	for (int i = 0; i < 2000; i++) {
		struct ip_addr a = ip4_from_u32(rng_u32(&env.rng)), b;
		ck_assert(ip_parse(ip_format(a, text), &b));
		ck_assert(ip_eq(a, b));
	}
	ck_assert_str_eq(ip_format(ip4(0, 0, 0, 0), text), "0.0.0.0");
	ck_assert_str_eq(ip_format(ip4(255, 255, 255, 255), text), "255.255.255.255");
	ck_assert_str_eq(ip_format((struct ip_addr){0}, text), "");
}
END_TEST

/* RFC 5952 4 and 5. */
START_TEST(test_ipv6_text)
{
	char text[IP_ADDR_TEXT_MAX];

	ck_assert_str_eq(ip_format(ip6(0, 0, 0, 0, 0, 0, 0, 0), text), "::");
	ck_assert_str_eq(ip_format(ip6(0, 0, 0, 0, 0, 0, 0, 1), text), "::1");
	ck_assert_str_eq(ip_format(ip6(0xfe80, 0, 0, 0, 0, 0, 0, 0), text), "fe80::");
	ck_assert_str_eq(ip_format(ip6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), text), "2001:db8::1:0:0:1");
	ck_assert_str_eq(ip_format(ip6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), text), "2001:db8:0:1:1:1:1:1");
	ck_assert_str_eq(ip_format(ip6(0x2001, 0, 0, 1, 0, 0, 0, 1), text), "2001:0:0:1::1");
	ck_assert_str_eq(ip_format(ip6(0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff), text),
	                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	ck_assert_str_eq(ip_format(ip6_mapped(ip4(192, 0, 2, 1)), text), "::ffff:192.0.2.1");
	ck_assert(ip_is_mapped(ip6_mapped(ip4(0, 0, 0, 0))) && !ip_is_mapped(ip6(0, 0, 0, 0, 0, 1, 0, 0)));
	ck_assert(!ip_is_mapped(ip4(192, 0, 2, 1)));
}
END_TEST

/* RFC 4291 2.2. */
START_TEST(test_ip6_parse)
{
	static const struct {
		const char *text, *want;
	} good[] = {
	        {"::", "::"},
	        {"::1", "::1"},
	        {"1::", "1::"},
	        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
	        {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
	        {"1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"},
	        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
	        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
	        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	        {"::FFFF:c000:201", "::ffff:192.0.2.1"},
	        {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
	        {"0001:0002::", "1:2::"},
	};
	static const char *const bad[] = {
	        "",
	        ":",
	        ":::",
	        "1",
	        "1:",
	        "1::2::3",
	        "1:2:3:4:5:6:7",
	        "::1:",
	        ":1:2:3",
	        "12345::",
	        "::g",
	        "::1%lo",
	        "1:2:3:4:5:6:7:8:9",
	        "1:2:3:4:5:6:7:8::",
	        "::1 ",
	        "1.2.3.4",
	        "::1.2.3",
	        "::1.2.3.4:5",
	        "::256.1.1.1",
	        "1:2:3:4:5:6:7:1.2.3.4",
	        "[::1]",
	        "1:2:3:4:5:6:7:8:",
	        "::1/64",
	        "1:2:3:4::5:6:7:8",
	};
	char text[IP_ADDR_TEXT_MAX];
	struct ip_addr a;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ck_assert_msg(ip6_parse(good[i].text, &a), "refused '%s'", good[i].text);
		ck_assert_str_eq(ip_format(a, text), good[i].want);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		a = ip4(9, 9, 9, 9);
		ck_assert_msg(!ip6_parse(bad[i], &a), "accepted '%s'", bad[i]);
		ck_assert(ip_eq(a, ip4(9, 9, 9, 9)));
	}
}
END_TEST

START_TEST(test_ip_parse_refuses)
{
	static const char *const bad[] = {
	        "",          "1",          "1.2.3",     "1.2.3.",     "1.2.3.4.",   "1.2.3.4.5",
	        "256.1.1.1", "1.2.3.999",  "01.2.3.4",  "1.2.3.00",   " 1.2.3.4",   "1.2.3.4 ",
	        "1..3.4",    "1.2.3.-4",   "0x1.2.3.4", "::1",        "a.b.c.d",    "1.2.3.4/24",
	        "1.2.3.4\n", "1.2.3.0004", "+1.2.3.4",  "1.2.3.1000", "4294967295", ".1.2.3.4",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ip_addr out = ip4(9, 9, 9, 9);
		ck_assert_msg(!ip_parse(bad[i], &out), "accepted '%s'", bad[i]);
		ck_assert(ip_eq(out, ip4(9, 9, 9, 9)));
	}
}
END_TEST

START_TEST(test_mac_text)
{
	static const char *const bad[] = {
	        "",
	        "02:00:00:00:00",
	        "02:00:00:00:00:",
	        "02:00:00:00:00:0",
	        "02:00:00:00:00:00:00",
	        "02-00-00-00-00-00",
	        "2:0:0:0:0:0",
	        "g2:00:00:00:00:00",
	        "02:00:00:00:00:0g",
	        "02:00:00:00:00:00 ",
	        "0",
	        ":02:00:00:00:00:00",
	};
	struct mac_addr m;
	char text[MAC_TEXT_MAX];

	ck_assert(mac_parse("02:aB:cd:EF:01:99", &m));
	ck_assert_str_eq(mac_format(m, text), "02:ab:cd:ef:01:99");
	ck_assert(mac_eq(m, (struct mac_addr){{2, 0xab, 0xcd, 0xef, 1, 0x99}}));
	ck_assert(!mac_is_group(m) && mac_is_group(MAC_BROADCAST));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct mac_addr out = m;
		ck_assert_msg(!mac_parse(bad[i], &out), "accepted '%s'", bad[i]);
		ck_assert(mac_eq(out, m));
	}
}
END_TEST

START_TEST(test_prefix_text)
{
	static const char *const bad[] = {
	        "10.0.0.1",    "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/024", "10.0.0.1/24 ", "10.0.0.1//24",
	        "10.0.0.1/-1", "/24",       "10.0.0/24",   "10.0.0.1/x",   "10.0.0.1/320", "10.0.0.1/256",
	};
	char text[PREFIX_TEXT_MAX];

	ck_assert_str_eq(prefix_format(prefix("10.0.0.1/24"), text), "10.0.0.1/24");
	ck_assert_str_eq(prefix_format(prefix("0.0.0.0/0"), text), "0.0.0.0/0");
	ck_assert_str_eq(prefix_format(prefix("255.255.255.255/32"), text), "255.255.255.255/32");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ip_prefix out = prefix("9.9.9.9/9");
		ck_assert_msg(!prefix_parse(bad[i], &out), "accepted '%s'", bad[i]);
		ck_assert(ip_eq(out.addr, ip4(9, 9, 9, 9)) && out.len == 9);
	}
}
END_TEST

START_TEST(test_endpoint_text)
{
	char text[ENDPOINT_TEXT_MAX];

	ck_assert_str_eq(endpoint_format((struct endpoint){ip4(10, 0, 0, 1), 80}, text), "10.0.0.1:80");
	ck_assert_str_eq(endpoint_format((struct endpoint){ip4(0, 0, 0, 0), 80}, text), "*:80");
	ck_assert_str_eq(endpoint_format((struct endpoint){{0}, 65535}, text), "*:65535");
	ck_assert_str_eq(endpoint_format((struct endpoint){ip6(0, 0, 0, 0, 0, 0, 0, 1), 443}, text), "[::1]:443");
	struct ip_addr longest = ip6(0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff);
	ck_assert_str_eq(endpoint_format((struct endpoint){longest, 65535}, text),
	                 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}
END_TEST

Suite *addr_suite(void);
Suite *addr_suite(void)
{
	UNIT_SUITE("addr", test_classes, test_prefix_contains, test_prefix_broadcast, test_ip_text_round_trip,
	           test_ipv6_text, test_ip6_parse, test_ip_parse_refuses, test_mac_text, test_prefix_text,
	           test_endpoint_text);
}
