/* icmp: echo, errors that we send and those that we must not, errors that reach a transport. */
#include "net.h"

#define HOST_MAX 1472 /* of 1,500 - 20 - 8 */

/* ICMP in: type, code, rest of the header, data. */
static void in_icmp(struct net *n, struct ip_spec s, uint8_t type, uint8_t code, uint32_t rest, const void *data,
                    uint32_t len)
{
	uint8_t m[2000] = {type, code};
	store_be32(m + 4, rest);
	memcpy(m + ICMP_HDR_LEN, data, len);
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, ICMP_HDR_LEN + len)));
	s.protocol = IP_PROTO_ICMP;
	s.data = m;
	s.len = ICMP_HDR_LEN + len;
	in_ip(n, s);
}

/* ICMP out, checksum checked. Returns what stands behind the header. */
static const uint8_t *out_icmp(struct net *n, uint8_t type, uint8_t code, uint32_t rest, uint32_t *len)
{
	const uint8_t *p = out_ip(n, PEER_MAC, US, PEER, IP_PROTO_ICMP, len);
	ck_assert_uint_eq(p[0], type);
	ck_assert_uint_eq(p[1], code);
	ck_assert_uint_eq(load_be32(p + 4), rest);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, *len)), 0);
	*len -= ICMP_HDR_LEN;
	return p + ICMP_HDR_LEN;
}

START_TEST(echo_returns_all_data)
{
	struct net n;
	uint8_t data[HOST_MAX];
	uint32_t sizes[] = {0, 1, 56, HOST_MAX}, len;
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13);
	net_begin_known(&n);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		in_icmp(&n, (struct ip_spec){0}, ICMP_ECHO, 0, 0x12340001, data, sizes[i]);
		const uint8_t *p = out_icmp(&n, ICMP_ECHO_REPLY, 0, 0x12340001, &len);
		ck_assert_uint_eq(len, sizes[i]);
		if (len)
			ck_assert_mem_eq(p, data, len);
	}
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutEchoReps], 4);
	net_end(&n);
}
END_TEST

/* RFC 1122 3.2.2.6: record route and timestamp come back with us in them. */
START_TEST(an_echo_reflects_its_options)
{
	static const uint8_t sent[20] = {7, 11, 8, 10, 0, 0, 9, 0, 0, 0, 0, 68, 8, 5, 0, 0, 0, 0, 0, 1};
	static const uint8_t full[8] = {7, 7, 8, 10, 0, 0, 9, 0};
	struct net n;
	uint8_t m[8] = {ICMP_ECHO};
	net_begin_known(&n);
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, sizeof(m))));
	in_ip(&n, (struct ip_spec){
	                  .protocol = IP_PROTO_ICMP, .options = sent, .options_len = 20, .data = m, .len = sizeof(m)});
	ck_assert(net_pull(&n));
	const uint8_t *p = n.out + ETHER_HDR_LEN, *o = p + IPV4_HDR_MIN;
	ck_assert_uint_eq(p[0], 0x4a);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, 40)), 0);
	ck_assert_mem_eq(o, ((uint8_t[]){7, 11, 12, 10, 0, 0, 9, 10, 0, 0, 1}), 11);
	ck_assert_mem_eq(o + 11, ((uint8_t[]){68, 8, 9}), 3); /* one stamp, and the reply's own found no room */
	ck_assert_uint_eq(o[14], 0x10);
	ck_assert_uint_ge(o[15], 0x80);
	ck_assert_uint_eq(p[40], ICMP_ECHO_REPLY);
	in_ip(&n, (struct ip_spec){
	                  .protocol = IP_PROTO_ICMP, .options = full, .options_len = 8, .data = m, .len = sizeof(m)});
	ck_assert(net_pull(&n));
	ck_assert_mem_eq(n.out + ETHER_HDR_LEN + IPV4_HDR_MIN, full, 7);
	net_end(&n);
}
END_TEST

START_TEST(each_of_ours_answers_for_itself)
{
	struct net n;
	uint32_t len;
	net_begin_known(&n);
	ck_assert_int_eq(
	        ip_address_add(&n.ip, (struct ip_prefix){addr("192.0.2.9"), 24}, IP_ORIGIN_STATIC, IP_ACD_NONE), 0);
	in_icmp(&n, (struct ip_spec){.dst = "192.0.2.9"}, ICMP_ECHO, 0, 7, "x", 1);
	out_ip(&n, PEER_MAC, "192.0.2.9", PEER, IP_PROTO_ICMP, &len);
	in_ip(&n, (struct ip_spec){.dst = "192.0.2.9", .protocol = 99});
	out_ip(&n, PEER_MAC, "192.0.2.9", PEER, IP_PROTO_ICMP, &len);
	net_end(&n);
}
END_TEST

START_TEST(echo_to_a_group_is_ignored)
{
	struct net n;
	net_begin_known(&n);
	in_icmp(&n, (struct ip_spec){.dst = "10.0.0.255", .mac = MAC_BROADCAST}, ICMP_ECHO, 0, 1, "x", 1);
	net_expect_drop(&n, CNT_IcmpInIgnored);
	in_icmp(&n, (struct ip_spec){.dst = "224.0.0.1", .mac = {{1, 0, 0x5e, 0, 0, 1}}}, ICMP_ECHO, 0, 1, "x", 1);
	net_expect_drop(&n, CNT_IcmpInIgnored);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(bad_messages_are_counted)
{
	struct net n;
	uint8_t echo[8] = {ICMP_ECHO};
	net_begin_known(&n);
	in_ip(&n, (struct ip_spec){.protocol = IP_PROTO_ICMP, .data = echo, .len = 8});
	net_expect_drop(&n, CNT_IcmpInCsumErrors);
	in_ip(&n, (struct ip_spec){.protocol = IP_PROTO_ICMP, .data = echo, .len = 7});
	net_expect_drop(&n, CNT_IcmpInMalformed);
	in_icmp(&n, (struct ip_spec){0}, 42, 0, 0, "", 0);
	net_expect_drop(&n, CNT_IcmpInIgnored);
	in_icmp(&n, (struct ip_spec){0}, ICMP_REDIRECT, 0, 0, "", 0);
	net_expect_drop(&n, CNT_IcmpInMalformed);
	in_icmp(&n, (struct ip_spec){0}, ICMP_ECHO_REPLY, 0, 0, "", 0);
	net_expect_drop(&n, CNT_IcmpInIgnored);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(an_unknown_protocol_is_unreachable)
{
	struct net n;
	uint8_t data[1400];
	uint32_t len;
	memset(data, 'q', sizeof(data));
	net_begin_known(&n);
	in_ip(&n, (struct ip_spec){.protocol = 99, .data = data, .len = sizeof(data)});
	net_expect_drop(&n, CNT_IpInUnknownProtos);
	const uint8_t *p = out_icmp(&n, ICMP_DEST_UNREACH, ICMP_UNREACH_PROTOCOL, 0, &len);
	ck_assert_uint_eq(len, ICMP_ERROR_MAX - IPV4_HDR_MIN - ICMP_HDR_LEN);
	ck_assert_mem_eq(p, n.in + ETHER_HDR_LEN, len);
	in_ip(&n, (struct ip_spec){.protocol = 99, .data = data, .len = 3});
	p = out_icmp(&n, ICMP_DEST_UNREACH, ICMP_UNREACH_PROTOCOL, 0, &len);
	ck_assert_uint_eq(len, IPV4_HDR_MIN + 3);
	net_end(&n);
}
END_TEST

/* RFC 1122 3.2.2.5: a parameter problem points at the octet that is wrong. */
START_TEST(a_bad_option_is_told)
{
	static const struct {
		uint8_t options[8], at;
	} bad[] = {
	        {{7, 0, 4}, 21},                /* length 0 */
	        {{7, 1}, 21},                   /* shorter than itself */
	        {{1, 1, 1, 7, 7, 4, 0, 0}, 24}, /* past the end */
	        {{1, 1, 1, 1, 1, 1, 1, 7}, 28}, /* no length at all */
	        {{131, 7, 3, 0, 0, 0, 0}, 20},  /* a source route without a sound pointer */
	};
	struct net n;
	uint32_t len;
	net_begin_known(&n);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		in_ip(&n, (struct ip_spec){.options = bad[i].options, .options_len = 8, .data = "12345678", .len = 8});
		net_expect_drop(&n, CNT_IpInMalformed);
		out_icmp(&n, ICMP_PARAM_PROBLEM, 0, (uint32_t)bad[i].at << 24, &len);
		in_ip(&n,
		      (struct ip_spec){
		              .options = bad[i].options, .options_len = 8, .frag = 1, .data = "12345678", .len = 8});
		out_nothing(&n);
		in_ip(&n,
		      (struct ip_spec){
		              .options = bad[i].options, .options_len = 8, .dst = "10.0.0.255", .mac = MAC_BROADCAST});
		out_nothing(&n);
	}
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutParmProbs], ARRAY_LEN(bad));
	net_end(&n);
}
END_TEST

START_TEST(errors_that_rfc_1122_forbids)
{
	struct net n;
	net_begin_known(&n);
	in_ip(&n, (struct ip_spec){.protocol = 99, .dst = "10.0.0.255", .mac = MAC_BROADCAST});
	in_ip(&n, (struct ip_spec){.protocol = 99, .dst = "224.0.0.1", .mac = {{1, 0, 0x5e, 0, 0, 1}}});
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutSuppressed], 2);
	uint8_t error[8] = {ICMP_DEST_UNREACH}, query[8] = {ICMP_ECHO};
	struct ip_rx rx = {
	        .src = addr(PEER), .dst = addr(US), .protocol = IP_PROTO_ICMP, .payload = error, .payload_len = 8};
	rx.header = n.in + ETHER_HDR_LEN;
	rx.header_len = IPV4_HDR_MIN;
	icmp_send_unreachable(&n.ip, &rx, ICMP_UNREACH_PORT);
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutSuppressed], 3);
	out_nothing(&n);
	rx.payload = query;
	icmp_send_unreachable(&n.ip, &rx, ICMP_UNREACH_PORT);
	ck_assert(net_pull(&n));
	net_end(&n);
}
END_TEST

/* So many requests for errors: how many are sent. */
static int errors_sent(struct net *n, int asked)
{
	uint64_t sent = n->cnt.v[CNT_IcmpOutDestUnreachs], limited = n->cnt.v[CNT_IcmpOutRateLimitGlobal];
	for (int i = 0; i < asked; i++)
		in_ip(n, (struct ip_spec){.protocol = 99});
	sent = n->cnt.v[CNT_IcmpOutDestUnreachs] - sent;
	ck_assert_uint_eq(sent + n->cnt.v[CNT_IcmpOutRateLimitGlobal] - limited, (uint64_t)asked);
	return (int)sent;
}

START_TEST(errors_are_rate_limited)
{
	struct net n;
	net_begin_known(&n);
	int first = errors_sent(&n, ICMP_ERRORS_BURST + 10);
	ck_assert(first >= ICMP_ERRORS_BURST / 2 && first <= ICMP_ERRORS_BURST);
	net_pass(&n, 1000 / ICMP_ERRORS_PER_SECOND * 3 + 1);
	net_reload(&n);
	int three = errors_sent(&n, 10);
	ck_assert(three >= 2 && three <= 3);
	net_end(&n);
}
END_TEST

/* Else the number of errors that a peer gets would tell how many went to others. */
START_TEST(the_rate_limit_cannot_be_counted)
{
	struct net n;
	int least = ICMP_ERRORS_BURST, most = 0;
	net_begin_known(&n);
	for (int i = 0; i < 20; i++) {
		int sent = errors_sent(&n, ICMP_ERRORS_BURST + 10);
		least = sent < least ? sent : least;
		most = sent > most ? sent : most;
		net_pass(&n, 10000);
	}
	ck_assert_int_gt(most - least, 3);
	net_end(&n);
}
END_TEST

struct heard {
	int calls;
	struct ip_error e;
	uint8_t quoted[8];
};

static void hear(void *ctx, const struct ip_error *e)
{
	struct heard *h = ctx;
	h->calls++;
	h->e = *e;
	memcpy(h->quoted, e->quoted, 8);
}

static const struct meaning {
	uint8_t type, code;
	int error; /* 0: ignored */
	bool hard;
} meanings[] = {
        {ICMP_DEST_UNREACH, 0, ENETUNREACH, false},
        {ICMP_DEST_UNREACH, 1, EHOSTUNREACH, false},
        {ICMP_DEST_UNREACH, 2, EPROTO, true},
        {ICMP_DEST_UNREACH, 3, ECONNREFUSED, true},
        {ICMP_DEST_UNREACH, 4, EMSGSIZE, false},
        {ICMP_DEST_UNREACH, 5, EHOSTUNREACH, false},
        {ICMP_DEST_UNREACH, 13, EHOSTUNREACH, false},
        {ICMP_DEST_UNREACH, 16, 0, false},
        {ICMP_TIME_EXCEEDED, 0, EHOSTUNREACH, false},
        {ICMP_PARAM_PROBLEM, 0, EPROTO, false},
        {ICMP_SOURCE_QUENCH, 0, 0, false},
};

/* A datagram of ours, as an error quotes it. */
static void write_quote(uint8_t q[28], const char *src)
{
	memset(q, 0, 28);
	q[0] = 0x45;
	q[IPV4_OFF_PROTO] = IP_PROTO_UDP;
	memcpy(q + IPV4_OFF_SRC, addr(src).b, 4);
	memcpy(q + IPV4_OFF_DST, addr("192.0.2.9").b, 4);
	memcpy(q + 20, "ABCDEFGH", 8);
}

START_TEST(errors_reach_the_transport)
{
	uint8_t q[28];
	write_quote(q, US);
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		const struct meaning *m = &meanings[i];
		struct net n;
		struct heard h = {0};
		net_begin_known(&n);
		ip_register(&n.ip, IP_PROTO_UDP, (struct ip_handler){.error = hear, .ctx = &h});
		in_icmp(&n, (struct ip_spec){0}, m->type, m->code, 1400, q, sizeof(q));
		ck_assert_int_eq(h.calls, m->error ? 1 : 0);
		ck_assert_int_eq(h.e.error, m->error);
		ck_assert_int_eq(h.e.hard, m->hard);
		if (m->error) {
			ck_assert(ip_eq(h.e.from, addr(PEER)) && ip_eq(h.e.src, addr(US)));
			ck_assert(ip_eq(h.e.dst, addr("192.0.2.9")));
			ck_assert_mem_eq(h.quoted, "ABCDEFGH", 8);
			ck_assert_uint_eq(h.e.mtu, m->error == EMSGSIZE ? 1400 : 0);
		} else {
			net_expect_drop(&n, CNT_IcmpInIgnored);
		}
		out_nothing(&n);
		net_end(&n);
	}
}
END_TEST

START_TEST(errors_about_others_do_not)
{
	struct net n;
	struct heard h = {0};
	uint8_t q[28];
	net_begin_known(&n);
	ip_register(&n.ip, IP_PROTO_UDP, (struct ip_handler){.error = hear, .ctx = &h});
	write_quote(q, PEER);
	in_icmp(&n, (struct ip_spec){0}, ICMP_DEST_UNREACH, 3, 0, q, sizeof(q));
	net_expect_drop(&n, CNT_IcmpInIgnored);
	write_quote(q, US);
	for (uint32_t len = 0; len < sizeof(q); len++) {
		in_icmp(&n, (struct ip_spec){0}, ICMP_DEST_UNREACH, 3, 0, q, len);
		net_expect_drop(&n, CNT_IcmpInMalformed);
	}
	q[0] = 0x4f;
	in_icmp(&n, (struct ip_spec){0}, ICMP_DEST_UNREACH, 3, 0, q, sizeof(q));
	net_expect_drop(&n, CNT_IcmpInMalformed);
	q[0] = 0x45;
	q[IPV4_OFF_FRAG + 1] = 1; /* quotes another fragment than the first: no ports in it */
	in_icmp(&n, (struct ip_spec){0}, ICMP_DEST_UNREACH, 3, 0, q, sizeof(q));
	net_expect_drop(&n, CNT_IcmpInIgnored);
	q[IPV4_OFF_FRAG + 1] = 0;
	in_icmp(&n, (struct ip_spec){.dst = "10.0.0.255", .mac = MAC_BROADCAST}, ICMP_DEST_UNREACH, 3, 0, q, sizeof(q));
	net_expect_drop(&n, CNT_IcmpInIgnored);
	ck_assert_int_eq(h.calls, 0);
	net_end(&n);
}
END_TEST

START_TEST(types_are_counted)
{
	static const struct {
		uint8_t type;
		enum counter name, second;
	} row[] = {
	        {0, CNT_IcmpInEchoReps, CNT_IcmpMsgInType0},        {3, CNT_IcmpInDestUnreachs, CNT_IcmpMsgInType3},
	        {4, CNT_IcmpInSrcQuenchs, CNT_IcmpMsgInType4},      {5, CNT_IcmpInRedirects, CNT_IcmpMsgInType5},
	        {8, CNT_IcmpInEchos, CNT_IcmpMsgInType8},           {11, CNT_IcmpInTimeExcds, CNT_IcmpMsgInType11},
	        {12, CNT_IcmpInParmProbs, CNT_IcmpMsgInType12},     {13, CNT_IcmpInTimestamps, CNT_IcmpMsgInType13},
	        {14, CNT_IcmpInTimestampReps, CNT_IcmpMsgInType14}, {17, CNT_IcmpInAddrMasks, CNT_IcmpMsgInType17},
	        {18, CNT_IcmpInAddrMaskReps, CNT_IcmpMsgInType18},
	};
	struct net n;
	net_begin_known(&n);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct counters before = n.cnt, after;
		in_icmp(&n, (struct ip_spec){0}, row[i].type, 0, 1, "x", 1);
		after = n.cnt;
		counters_add_up(&before);
		counters_add_up(&after);
		ck_assert_uint_eq(after.v[row[i].name], before.v[row[i].name] + 1);
		ck_assert_uint_eq(after.v[row[i].second], 1);
	}
	struct counters before = n.cnt;
	in_icmp(&n, (struct ip_spec){0}, 6, 0, 1, "x", 1); /* between two that the MIBs know */
	in_icmp(&n, (struct ip_spec){0}, 200, 0, 1, "x", 1);
	ck_assert_uint_eq(n.cnt.v[CNT_LinkInFrames], 0);
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpInIgnored], before.v[CNT_IcmpInIgnored] + 2);
	while (net_pull(&n))
		continue;
	net_end(&n);
}
END_TEST

Suite *icmp_suite(void);
Suite *icmp_suite(void)
{
	UNIT_SUITE("icmp", echo_returns_all_data, an_echo_reflects_its_options, each_of_ours_answers_for_itself,
	           echo_to_a_group_is_ignored, bad_messages_are_counted, an_unknown_protocol_is_unreachable,
	           a_bad_option_is_told, errors_that_rfc_1122_forbids, errors_are_rate_limited,
	           the_rate_limit_cannot_be_counted, errors_reach_the_transport, errors_about_others_do_not,
	           types_are_counted);
}
