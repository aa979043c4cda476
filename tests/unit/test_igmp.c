/* igmp: memberships become reports, queries become answers, older routers are obeyed, forged queries are not; bounds,
 * reload. Messages are written as text: "TO_EX 239.1.1.1", "ALLOW 232.1.1.1 10.0.0.7", "v2 239.1.1.1". */
#include "net.h"
#include <stdarg.h>
#include <stdio.h>

#define GROUP      "239.1.1.1"
#define OTHER      "239.1.1.2"
#define A          "10.0.0.7"
#define B          "10.0.0.8"
#define ALL        "224.0.0.1"
#define TEXT_MAX   1024
#define NO_SOURCES ((const char *const[]){NULL})

struct igmp_net {
	struct net n;
	struct list set, second; /* two sockets */
};

static void begin(struct igmp_net *w)
{
	net_begin(&w->n);
	w->n.env.now = (instant){0};
	list_init(&w->set);
	list_init(&w->second);
}

static void end(struct igmp_net *w)
{
	igmp_leave_all(&w->n.ip, &w->set);
	igmp_leave_all(&w->n.ip, &w->second);
	net_end(&w->n);
}

static int change(struct igmp_net *w, struct list *set, enum igmp_change what, const char *group, const char *source)
{
	return igmp_change(&w->n.ip, set, what, addr(group), source ? addr(source) : (struct ip_addr){0});
}

static char *put(char *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, TEXT_MAX / 2, format, args);
	va_end(args);
	return text + n;
}

/* An IGMP message as text. */
static void message_text(const uint8_t *p, uint32_t len, char *text)
{
	static const char *const records[] = {"?", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK"};
	char ip[IP_ADDR_TEXT_MAX];
	if (p[0] != 0x22) {
		const char *type = p[0] == 0x12 ? "v1" : p[0] == 0x16 ? "v2" : p[0] == 0x17 ? "leave" : "?";
		ck_assert_uint_eq(len, 8);
		put(text, "%s %s", type, ip_format(ip4_from_bytes(p + 4), ip));
		return;
	}
	uint32_t at = 8;
	for (uint16_t i = 0; i < load_be16(p + 6); i++) {
		ck_assert_uint_le(at + 8, len);
		ck_assert_uint_ge(p[at], 1);
		ck_assert_uint_le(p[at], 6);
		text = put(text, "%s%s %s", i ? ", " : "", records[p[at]], ip_format(ip4_from_bytes(p + at + 4), ip));
		uint16_t sources = load_be16(p + at + 2);
		for (uint16_t k = 0; k < sources; k++)
			text = put(text, " %s", ip_format(ip4_from_bytes(p + at + 8 + 4 * (size_t)k), ip));
		at += 8 + 4u * sources;
	}
	ck_assert_uint_eq(at, len);
}

/* The next frame is this message, sent as RFC 3376 4 says. */
static void out_igmp(struct igmp_net *w, const char *expected)
{
	static const uint8_t alert[4] = {148, 4, 0, 0};
	char text[TEXT_MAX] = "nothing";
	char to[IP_ADDR_TEXT_MAX];
	if (net_pull(&w->n)) {
		const uint8_t *p = w->n.out + ETHER_HDR_LEN;
		uint32_t len = w->n.out_len - ETHER_HDR_LEN - 24;
		ck_assert_uint_eq(p[0], 0x46);
		ck_assert_uint_eq(p[1], 0xc0);
		ck_assert_uint_eq(p[8], 1);
		ck_assert_uint_eq(p[IPV4_OFF_PROTO], IP_PROTO_IGMP);
		ck_assert_mem_eq(p + 20, alert, 4);
		ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, 24)), 0);
		ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p + 24, len)), 0);
		ck_assert_mem_eq(w->n.out, ether_multicast_ip4(ip4_from_bytes(p + IPV4_OFF_DST)).b, 6);
		message_text(p + 24, len, text);
		ip_format(ip4_from_bytes(p + IPV4_OFF_DST), to);
		const char *wanted = p[24] == 0x22 ? "224.0.0.22" : p[24] == 0x17 ? "224.0.0.2" : text + 3;
		ck_assert_str_eq(to, wanted);
	}
	ck_assert_str_eq(text, expected);
}

struct query_spec {
	const char *group; /* NULL: general */
	const char *dst;   /* ALL, or the group */
	uint8_t code;      /* Max Resp Code; 100 when zero, unless v1 */
	uint8_t qrv, qqic;
	int version; /* 3 when zero */
	const char *const *source;
	bool no_alert, bad_csum, short_by_one, alone_alert_last;
};

static void in_query(struct igmp_net *w, struct query_spec q)
{
	static const uint8_t alert[4] = {148, 4, 0, 0}, late[8] = {1, 7, 3, 4, 148, 4, 0, 0};
	uint8_t m[12 + 4 * 100] = {0x11};
	uint32_t len = q.version == 1 || q.version == 2 ? 8 : 12;
	m[1] = q.version == 1 ? 0 : q.code ? q.code : 100;
	if (q.group)
		memcpy(m + 4, addr(q.group).b, 4);
	if (len == 12) {
		m[8] = q.qrv;
		m[9] = q.qqic;
		uint16_t n = 0;
		for (; q.source && q.source[n]; n++)
			memcpy(m + 12 + 4 * (size_t)n, addr(q.source[n]).b, 4);
		store_be16(m + 10, n);
		len += 4u * n;
	}
	if (q.short_by_one)
		len--;
	store_be16(m + 2, (uint16_t)(csum_finish(csum_add(CSUM_ZERO, m, len)) ^ (q.bad_csum ? 1 : 0)));
	const char *dst = q.dst ? q.dst : q.group ? q.group : ALL;
	in_ip(&w->n, (struct ip_spec){.dst = dst,
	                              .mac = ether_multicast_ip4(addr(dst)),
	                              .protocol = IP_PROTO_IGMP,
	                              .data = m,
	                              .len = len,
	                              .options = q.alone_alert_last ? late : alert,
	                              .options_len = q.no_alert           ? 0
	                                             : q.alone_alert_last ? sizeof(late)
	                                                                  : 4});
}

static bool wants(struct igmp_net *w, const char *group, const char *source)
{
	return igmp_wants(&w->n.ip, addr(group), addr(source), IP_PROTO_UDP);
}

START_TEST(a_join_and_a_leave_are_reported_twice)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	out_igmp(&w, "TO_EX 239.1.1.1");
	out_nothing(&w.n);
	net_pass(&w.n, 1000);
	out_igmp(&w, "TO_EX 239.1.1.1");
	net_pass(&w.n, 100000);
	out_nothing(&w.n);
	ck_assert(wants(&w, GROUP, A) && !wants(&w, OTHER, A));
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE, GROUP, NULL), 0);
	out_igmp(&w, "TO_IN 239.1.1.1");
	ck_assert(!wants(&w, GROUP, A));
	ck_assert_uint_eq(w.n.ip.igmp.count, 1); /* until all is said */
	net_pass(&w.n, 1000);
	out_igmp(&w, "TO_IN 239.1.1.1");
	ck_assert_uint_eq(w.n.ip.igmp.count, 0);
	net_pass(&w.n, 100000);
	out_nothing(&w.n);
	ck_assert_uint_eq(w.n.cnt.v[CNT_IgmpOutReports], 4);
	end(&w);
}
END_TEST

START_TEST(two_members_are_one_to_the_router)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	out_igmp(&w, "TO_EX 239.1.1.1");
	ck_assert_int_eq(change(&w, &w.second, IGMP_JOIN, GROUP, NULL), 0);
	out_nothing(&w.n);
	igmp_leave_all(&w.n.ip, &w.set);
	out_nothing(&w.n);
	net_pass(&w.n, 1000);
	out_igmp(&w, "TO_EX 239.1.1.1");
	igmp_leave_all(&w.n.ip, &w.second);
	out_igmp(&w, "TO_IN 239.1.1.1");
	end(&w);
}
END_TEST

START_TEST(a_leave_before_the_second_report_of_the_join)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	out_igmp(&w, "TO_EX 239.1.1.1");
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE, GROUP, NULL), 0);
	out_igmp(&w, "TO_IN 239.1.1.1");
	net_pass(&w.n, 1000);
	out_igmp(&w, "TO_IN 239.1.1.1");
	net_pass(&w.n, 10000);
	out_nothing(&w.n);
	end(&w);
}
END_TEST

/* RFC 3376 5.1: each source is named in [Robustness Variable] reports. */
START_TEST(source_lists)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, GROUP, A), 0);
	out_igmp(&w, "ALLOW 239.1.1.1 10.0.0.7");
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, GROUP, B), 0);
	out_igmp(&w, "ALLOW 239.1.1.1 10.0.0.7 10.0.0.8");
	ck_assert(wants(&w, GROUP, A) && wants(&w, GROUP, B) && !wants(&w, GROUP, PEER));
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE_SOURCE, GROUP, A), 0);
	out_igmp(&w, "ALLOW 239.1.1.1 10.0.0.8, BLOCK 239.1.1.1 10.0.0.7");
	net_pass(&w.n, 1000);
	out_igmp(&w, "BLOCK 239.1.1.1 10.0.0.7");
	net_pass(&w.n, 10000);
	out_nothing(&w.n);
	ck_assert(!wants(&w, GROUP, A));
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE_SOURCE, GROUP, B), 0);
	out_igmp(&w, "BLOCK 239.1.1.1 10.0.0.8");
	ck_assert(list_empty(&w.set)); /* the last source: the membership has ended */
	net_pass(&w.n, 1000);
	out_igmp(&w, "BLOCK 239.1.1.1 10.0.0.8");
	ck_assert_uint_eq(w.n.ip.igmp.count, 0);
	end(&w);
}
END_TEST

START_TEST(filters_of_several_sockets)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, GROUP, A), 0);
	out_igmp(&w, "ALLOW 239.1.1.1 10.0.0.7");
	ck_assert_int_eq(change(&w, &w.second, IGMP_JOIN, GROUP, NULL), 0);
	out_igmp(&w, "TO_EX 239.1.1.1");
	ck_assert(wants(&w, GROUP, PEER));
	/* RFC 3376 3.2: what one includes, the interface cannot exclude. */
	ck_assert_int_eq(change(&w, &w.second, IGMP_BLOCK, GROUP, A), 0);
	out_nothing(&w.n);
	ck_assert_int_eq(change(&w, &w.second, IGMP_BLOCK, GROUP, B), 0);
	out_igmp(&w, "TO_EX 239.1.1.1 10.0.0.8"); /* the mode's second report */
	ck_assert(wants(&w, GROUP, A) && !wants(&w, GROUP, B));
	net_pass(&w.n, 1000);
	out_igmp(&w, "BLOCK 239.1.1.1 10.0.0.8");
	/* RFC 3376 3.1: each socket sees what its own filter lets through. */
	ck_assert(igmp_set_wants(&w.set, addr(GROUP), addr(A), true));
	ck_assert(!igmp_set_wants(&w.set, addr(GROUP), addr(PEER), true));
	ck_assert(!igmp_set_wants(&w.second, addr(GROUP), addr(A), true));
	ck_assert(igmp_set_wants(&w.second, addr(GROUP), addr(PEER), true));
	ck_assert(igmp_set_wants(&w.set, addr(OTHER), addr(A), true));
	ck_assert(!igmp_set_wants(&w.set, addr(OTHER), addr(A), false));
	ck_assert_int_eq(change(&w, &w.second, IGMP_UNBLOCK, GROUP, B), 0);
	out_igmp(&w, "ALLOW 239.1.1.1 10.0.0.8");
	ck_assert_int_eq(change(&w, &w.second, IGMP_LEAVE, GROUP, NULL), 0);
	out_igmp(&w, "TO_IN 239.1.1.1 10.0.0.7");
	end(&w);
}
END_TEST

START_TEST(what_a_change_refuses)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, PEER, NULL), EINVAL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE, GROUP, NULL), EADDRNOTAVAIL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE_SOURCE, GROUP, A), EADDRNOTAVAIL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_BLOCK, GROUP, A), EINVAL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_UNBLOCK, GROUP, A), EINVAL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), EADDRINUSE);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, GROUP, A), EINVAL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE_SOURCE, GROUP, A), EINVAL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_UNBLOCK, GROUP, A), EADDRNOTAVAIL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, OTHER, A), 0);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, OTHER, A), EADDRNOTAVAIL);
	ck_assert_int_eq(change(&w, &w.set, IGMP_BLOCK, OTHER, A), EINVAL);
	end(&w);
}
END_TEST

START_TEST(bounds)
{
	struct igmp_net w;
	struct list sets[IGMP_GROUPS_MAX / IGMP_MEMBERSHIPS_MAX + 1];
	char text[32];
	begin(&w);
	int groups = 0, error = 0;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		list_init(&sets[i]);
		for (int k = 0; k < IGMP_MEMBERSHIPS_MAX && !error; k++) {
			snprintf(text, sizeof(text), "239.2.%zu.%d", i, k);
			error = change(&w, &sets[i], IGMP_JOIN, text, NULL);
			groups += !error;
			net_pass(&w.n, 20); /* a token for the next */
		}
		if (i == 0) {
			ck_assert_int_eq(error, 0);
			ck_assert_int_eq(change(&w, &sets[0], IGMP_JOIN, GROUP, NULL), ENOBUFS);
		}
	}
	ck_assert_int_eq(groups, IGMP_GROUPS_MAX);
	ck_assert_int_eq(error, ENOBUFS);
	ck_assert_uint_eq(w.n.cnt.v[CNT_IgmpTableFull], 1);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		igmp_leave_all(&w.n.ip, &sets[i]);
	end(&w);
}
END_TEST

/* More sources than the interface keeps: it takes them all, and each socket filters. */
START_TEST(too_many_sources)
{
	struct igmp_net w;
	struct list sets[IGMP_GROUP_SOURCES_MAX / IGMP_SOURCES_MAX + 1];
	char text[32];
	begin(&w);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		list_init(&sets[i]);
		for (int k = 0; k < IGMP_SOURCES_MAX; k++) {
			snprintf(text, sizeof(text), "10.1.%zu.%d", i, k + 1);
			ck_assert_int_eq(change(&w, &sets[i], IGMP_JOIN_SOURCE, GROUP, text), 0);
		}
		ck_assert_int_eq(change(&w, &sets[i], IGMP_JOIN_SOURCE, GROUP, A), ENOBUFS);
		ck_assert(wants(&w, GROUP, "10.1.0.1"));
	}
	ck_assert(wants(&w, GROUP, PEER));
	ck_assert(!igmp_set_wants(&sets[0], addr(GROUP), addr(PEER), true));
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		igmp_leave_all(&w.n.ip, &sets[i]);
	end(&w);
}
END_TEST

START_TEST(reports_have_a_rate)
{
	struct igmp_net w;
	begin(&w);
	int sent = 0;
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(change(&w, &w.set, i % 2 ? IGMP_LEAVE : IGMP_JOIN, GROUP, NULL), 0);
		while (net_pull(&w.n))
			sent++;
	}
	ck_assert_int_eq(sent, IGMP_REPORTS_BURST);
	ck_assert_uint_gt(w.n.cnt.v[CNT_IgmpOutRateLimited], 0);
	net_pass(&w.n, 100);
	out_igmp(&w, "TO_IN 239.1.1.1"); /* the last word is not lost */
	net_pass(&w.n, 1000);
	out_igmp(&w, "TO_IN 239.1.1.1");
	out_nothing(&w.n);
	ck_assert_uint_eq(w.n.ip.igmp.count, 0);
	end(&w);
}
END_TEST

/* Joined, and all reports of it sent. */
static void settle(struct igmp_net *w)
{
	net_pass(&w->n, 11000);
	while (net_pull(&w->n))
		;
}

START_TEST(a_general_query)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, OTHER, A), 0);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, ALL, NULL), 0); /* of which nothing is ever said */
	settle(&w);
	in_query(&w, (struct query_spec){0});
	out_nothing(&w.n); /* RFC 3376 5.2: never at once */
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_EX 239.1.1.1, IS_IN 239.1.1.2 10.0.0.7");
	net_pass(&w.n, 100000);
	out_nothing(&w.n);
	/* A second one, while an answer is pending, brings no second answer. */
	in_query(&w, (struct query_spec){.alone_alert_last = true});
	in_query(&w, (struct query_spec){0});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_EX 239.1.1.1, IS_IN 239.1.1.2 10.0.0.7");
	net_pass(&w.n, 10000);
	out_nothing(&w.n);
	ck_assert_uint_eq(w.n.cnt.v[CNT_IgmpInQueries], 3);
	end(&w);
}
END_TEST

START_TEST(queries_for_a_group_and_its_sources)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	ck_assert_int_eq(change(&w, &w.set, IGMP_BLOCK, GROUP, B), 0);
	ck_assert_int_eq(change(&w, &w.second, IGMP_JOIN_SOURCE, OTHER, A), 0);
	settle(&w);
	in_query(&w, (struct query_spec){.group = GROUP, .code = 10});
	net_pass(&w.n, 1000);
	out_igmp(&w, "IS_EX 239.1.1.1 10.0.0.8");
	/* RFC 3376 5.2: EXCLUDE (A) answers IS_IN (B-A), INCLUDE (A) answers IS_IN (A*B). */
	in_query(&w, (struct query_spec){.group = GROUP, .source = (const char *const[]){A, B, NULL}});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_IN 239.1.1.1 10.0.0.7");
	in_query(&w, (struct query_spec){.group = OTHER, .source = (const char *const[]){A, B, NULL}});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_IN 239.1.1.2 10.0.0.7");
	in_query(&w, (struct query_spec){.group = OTHER, .source = (const char *const[]){B, NULL}});
	net_pass(&w.n, 10000);
	out_nothing(&w.n);
	/* Rule 5: the sources add up. Rule 4: a query for the whole group wins. */
	in_query(&w, (struct query_spec){.group = GROUP, .source = (const char *const[]){A, NULL}});
	in_query(&w, (struct query_spec){.group = GROUP, .source = (const char *const[]){PEER, A, NULL}});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_IN 239.1.1.1 10.0.0.7 10.0.0.2");
	in_query(&w, (struct query_spec){.group = GROUP, .source = (const char *const[]){A, NULL}});
	in_query(&w, (struct query_spec){.group = GROUP});
	in_query(&w, (struct query_spec){.group = GROUP, .source = (const char *const[]){A, NULL}});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_EX 239.1.1.1 10.0.0.8");
	net_pass(&w.n, 100000);
	out_nothing(&w.n);
	end(&w);
}
END_TEST

START_TEST(a_query_with_too_many_sources)
{
	struct igmp_net w;
	const char *source[IGMP_QUERIED_MAX + 2] = {0};
	char text[IGMP_QUERIED_MAX + 1][32];
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	settle(&w);
	for (int i = 0; i <= IGMP_QUERIED_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "10.9.9.%d", i + 1);
		source[i] = text[i];
	}
	in_query(&w, (struct query_spec){.group = GROUP, .source = source});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_EX 239.1.1.1");
	end(&w);
}
END_TEST

START_TEST(queries_that_are_refused)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	settle(&w);
	in_query(&w, (struct query_spec){.no_alert = true});
	net_expect_drop(&w.n, CNT_IgmpInIgnored);
	in_query(&w, (struct query_spec){.dst = GROUP}); /* RFC 3376 9.1: a general one goes to 224.0.0.1 */
	net_expect_drop(&w.n, CNT_IgmpInIgnored);
	in_query(&w, (struct query_spec){.bad_csum = true});
	net_expect_drop(&w.n, CNT_IgmpInCsumErrors);
	in_query(&w, (struct query_spec){.short_by_one = true});
	net_expect_drop(&w.n, CNT_IgmpInErrors);
	in_query(&w, (struct query_spec){.version = 2, .short_by_one = true});
	net_expect_drop(&w.n, CNT_IgmpInErrors);
	in_query(&w,
	         (struct query_spec){.group = GROUP, .source = (const char *const[]){A, NULL}, .short_by_one = true});
	net_expect_drop(&w.n, CNT_IgmpInErrors);
	in_query(&w, (struct query_spec){.group = PEER, .dst = ALL});
	net_expect_drop(&w.n, CNT_IgmpInErrors);
	in_query(&w, (struct query_spec){.source = (const char *const[]){A, NULL}});
	net_expect_drop(&w.n, CNT_IgmpInErrors);
	uint8_t unknown[8] = {0x13, 0, 0xec, 0xff};
	in_ip(&w.n, (struct ip_spec){.dst = ALL,
	                             .mac = ether_multicast_ip4(addr(ALL)),
	                             .protocol = IP_PROTO_IGMP,
	                             .data = unknown,
	                             .len = sizeof(unknown)});
	net_expect_drop(&w.n, CNT_IgmpInIgnored);
	net_pass(&w.n, 100000);
	out_nothing(&w.n);
	end(&w);
}
END_TEST

START_TEST(the_querier_sets_the_robustness)
{
	struct igmp_net w;
	begin(&w);
	in_query(&w, (struct query_spec){.qrv = 4, .code = 0x8f, .qqic = 0x80});
	ck_assert_uint_eq(w.n.ip.igmp.query_interval, 128);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	for (int i = 0; i < 4; i++) {
		out_igmp(&w, "TO_EX 239.1.1.1");
		net_pass(&w.n, 1000);
	}
	out_nothing(&w.n);
	in_query(&w, (struct query_spec){0}); /* zero: the default again */
	ck_assert_uint_eq(w.n.ip.igmp.robustness, IGMP_ROBUSTNESS);
	ck_assert_uint_eq(w.n.ip.igmp.query_interval, IGMP_QUERY_INTERVAL);
	end(&w);
}
END_TEST

START_TEST(an_older_router_of_version_2)
{
	struct igmp_net w;
	uint8_t report[8] = {0x16};
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	out_igmp(&w, "TO_EX 239.1.1.1");
	in_query(&w, (struct query_spec){.version = 2}); /* cancels the second report */
	net_pass(&w.n, 10000);
	out_igmp(&w, "v2 239.1.1.1");
	out_nothing(&w.n);
	ck_assert_int_eq(change(&w, &w.second, IGMP_JOIN_SOURCE, OTHER, A), 0);
	out_igmp(&w, "v2 239.1.1.2");
	net_pass(&w.n, 10000);
	out_igmp(&w, "v2 239.1.1.2");
	ck_assert_int_eq(change(&w, &w.second, IGMP_LEAVE, OTHER, NULL), 0);
	out_igmp(&w, "leave 239.1.1.2");
	net_pass(&w.n, 10000);
	out_nothing(&w.n);
	/* RFC 2236 3: another's report makes ours needless. */
	in_query(&w, (struct query_spec){.version = 2, .group = GROUP, .code = 10});
	memcpy(report + 4, addr(GROUP).b, 4);
	store_be16(report + 2, csum_finish(csum_add(CSUM_ZERO, report, 8)));
	in_ip(&w.n, (struct ip_spec){.dst = GROUP,
	                             .mac = ether_multicast_ip4(addr(GROUP)),
	                             .protocol = IP_PROTO_IGMP,
	                             .data = report,
	                             .len = 8});
	net_pass(&w.n, 1000);
	out_nothing(&w.n);
	/* RFC 3376 8.12: after 2 * 125 + 10 s version 3 again. */
	in_query(&w, (struct query_spec){.version = 3});
	ck_assert_uint_eq(w.n.ip.igmp.version, 2);
	settle(&w);
	net_pass(&w.n, 260000);
	ck_assert_uint_eq(w.n.ip.igmp.version, 3);
	in_query(&w, (struct query_spec){0});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_EX 239.1.1.1");
	end(&w);
}
END_TEST

START_TEST(an_older_router_of_version_1)
{
	struct igmp_net w;
	begin(&w);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	settle(&w);
	in_query(&w, (struct query_spec){.version = 2});
	in_query(&w, (struct query_spec){.version = 1, .no_alert = true}); /* version 1 knows no Router Alert */
	ck_assert_uint_eq(w.n.ip.igmp.version, 1);
	net_pass(&w.n, 10000);
	out_igmp(&w, "v1 239.1.1.1");
	ck_assert_int_eq(change(&w, &w.set, IGMP_LEAVE, GROUP, NULL), 0);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, OTHER, NULL), 0);
	out_igmp(&w, "v1 239.1.1.2"); /* and no leave */
	net_pass(&w.n, 10000);
	out_igmp(&w, "v1 239.1.1.2");
	out_nothing(&w.n);
	net_pass(&w.n, 260000);
	ck_assert_uint_eq(w.n.ip.igmp.version, 3);
	end(&w);
}
END_TEST

START_TEST(reception_follows_the_filter)
{
	struct igmp_net w;
	begin(&w);
	struct ip_spec s = {
	        .dst = GROUP, .mac = ether_multicast_ip4(addr(GROUP)), .protocol = 99, .data = "x", .len = 1};
	in_ip(&w.n, s);
	net_expect_drop(&w.n, CNT_IpInAddrErrors);
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, GROUP, A), 0);
	in_ip(&w.n, s);
	net_expect_drop(&w.n, CNT_IpInAddrErrors);
	s.src = A;
	in_ip(&w.n, s);
	net_expect_drop(&w.n, CNT_IpInUnknownProtos);
	settle(&w);
	in_query(&w, (struct query_spec){.group = GROUP}); /* IGMP from anybody */
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_IN 239.1.1.1 10.0.0.7");
	end(&w);
}
END_TEST

/* A small MTU: records are split, an EXCLUDE list is cut. */
START_TEST(reports_fit_the_mtu)
{
	struct igmp_net w;
	begin(&w);
	w.n.ip.cfg.mtu = IPV4_MTU_MIN; /* room for seven sources */
	char text[32];
	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "10.0.0.%d", 10 + i);
		ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN_SOURCE, GROUP, text), 0);
	}
	settle(&w);
	in_query(&w, (struct query_spec){0});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_IN 239.1.1.1 10.0.0.10 10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14 10.0.0.15 10.0.0.16");
	out_igmp(&w, "IS_IN 239.1.1.1 10.0.0.17 10.0.0.18");
	ck_assert_int_eq(change(&w, &w.second, IGMP_JOIN, OTHER, NULL), 0);
	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "10.0.0.%d", 10 + i);
		ck_assert_int_eq(change(&w, &w.second, IGMP_BLOCK, OTHER, text), 0);
	}
	settle(&w);
	in_query(&w, (struct query_spec){.group = OTHER});
	net_pass(&w.n, 10000);
	out_igmp(&w, "IS_EX 239.1.1.2 10.0.0.10 10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14 10.0.0.15 10.0.0.16");
	out_nothing(&w.n);
	end(&w);
}
END_TEST

static void snap_both(struct snap *s, struct igmp_net *w)
{
	snap_ip_layer(s, &w->n.ip);
	snap_igmp_set(s, &w->n.ip, &w->set);
	snap_igmp_set(s, &w->n.ip, &w->second);
}

START_TEST(save_and_load)
{
	struct igmp_net w;
	struct snap save, load, again;
	struct ip_config cfg;
	begin(&w);
	cfg = w.n.ip.cfg;
	ck_assert_int_eq(change(&w, &w.set, IGMP_JOIN, GROUP, NULL), 0);
	ck_assert_int_eq(change(&w, &w.second, IGMP_JOIN_SOURCE, OTHER, A), 0);
	out_igmp(&w, "TO_EX 239.1.1.1");
	out_igmp(&w, "ALLOW 239.1.1.2 10.0.0.7");
	in_query(&w, (struct query_spec){.group = OTHER, .source = (const char *const[]){A, B, NULL}});
	snap_save_begin(&save);
	snap_both(&save, &w);
	ck_assert_msg(snap_ok(&save), "%s", save.error);
	igmp_leave_all(&w.n.ip, &w.set);
	igmp_leave_all(&w.n.ip, &w.second);
	for (size_t cut = save.len;; cut = cut > save.len / 2 ? cut - 1 : cut - 13) {
		ip_free(&w.n.ip);
		ck_assert(ip_init(&w.n.ip, &w.n.env, &w.n.cnt, &w.n.timers, &cfg, (struct link_caps){0}));
		snap_load_begin(&load, save.buf, cut);
		snap_both(&load, &w);
		ck_assert_int_eq(snap_ok(&load), cut == save.len);
		if (cut == save.len) {
			snap_save_begin(&again);
			snap_both(&again, &w);
			ck_assert_uint_eq(again.len, save.len);
			ck_assert_mem_eq(again.buf, save.buf, save.len);
			snap_save_free(&again);
		}
		if (cut < 13)
			break;
		igmp_leave_all(&w.n.ip, &w.set);
		igmp_leave_all(&w.n.ip, &w.second);
	}
	ip_free(&w.n.ip);
	ck_assert(ip_init(&w.n.ip, &w.n.env, &w.n.cnt, &w.n.timers, &cfg, (struct link_caps){0}));
	snap_load_begin(&load, save.buf, save.len);
	snap_both(&load, &w);
	/* Everything goes on: the second reports, and the answer. */
	net_pass(&w.n, 1000);
	int changes = 0;
	while (net_pull(&w.n))
		changes++;
	ck_assert_int_ge(changes, 2);
	net_pass(&w.n, 10000);
	while (net_pull(&w.n))
		changes++;
	ck_assert_int_eq(changes, 3);
	snap_save_free(&save);
	end(&w);
}
END_TEST

START_TEST(no_memory)
{
	for (uint64_t k = 1; k < 6; k++) {
		struct igmp_net w;
		begin(&w);
		w.n.env.fail_at = w.n.env.allocations + k;
		int error = change(&w, &w.set, IGMP_JOIN, GROUP, NULL);
		ck_assert_int_eq(error, k <= 2 ? ENOBUFS : 0);
		ck_assert_int_eq(w.n.ip.igmp.count > 0, error == 0);
		end(&w);
	}
}
END_TEST

Suite *igmp_suite(void);
Suite *igmp_suite(void)
{
	UNIT_SUITE("igmp", a_join_and_a_leave_are_reported_twice, two_members_are_one_to_the_router,
	           a_leave_before_the_second_report_of_the_join, source_lists, filters_of_several_sockets,
	           what_a_change_refuses, bounds, too_many_sources, reports_have_a_rate, a_general_query,
	           queries_for_a_group_and_its_sources, a_query_with_too_many_sources, queries_that_are_refused,
	           the_querier_sets_the_robustness, an_older_router_of_version_2, an_older_router_of_version_1,
	           reception_follows_the_filter, reports_fit_the_mtu, save_and_load, no_memory);
}
