/* reasm: fragments in every order become the datagram, lies about them cost the datagram, and floods cost a bounded
 * amount of memory. */
#include "dgram_net.h"
#include <stdlib.h>

#define MF 0x2000

struct seen {
	int calls;
	struct ip_rx rx;
	uint8_t bytes[IP_TOTAL_MAX]; /* from the header on */
};

static uint8_t content[IP_TOTAL_MAX];

static void see(void *ctx, const struct ip_rx *rx)
{
	struct seen *s = ctx;
	s->calls++;
	s->rx = *rx;
	ck_assert_ptr_eq(rx->payload, rx->header + rx->header_len);
	memcpy(s->bytes, rx->header, rx->header_len + rx->payload_len);
}

static void begin_reasm(struct net *n, struct seen *s)
{
	s->calls = 0;
	net_begin_known(n);
	ip_register(&n->ip, IP_PROTO_UDP, (struct ip_handler){.input = see, .ctx = s});
	ip_register(&n->ip, IP_PROTO_TCP, (struct ip_handler){.input = see, .ctx = s});
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7 + i / 251);
}

/* A fragment of `content`. */
static void in_part(struct net *n, uint16_t id, uint32_t at, uint32_t len, bool more)
{
	in_ip(n, (struct ip_spec){
	                 .id = id, .frag = (uint16_t)(at / 8 | (more ? MF : 0)), .data = content + at, .len = len});
}

static void expect_content(struct net *n, struct seen *s, uint32_t len)
{
	ck_assert_int_eq(s->calls, 1);
	ck_assert_uint_eq(s->rx.payload_len, len);
	ck_assert_mem_eq(s->bytes + s->rx.header_len, content, len);
	ck_assert_uint_eq(load_be16(s->bytes + IPV4_OFF_LEN), s->rx.header_len + len);
	ck_assert_uint_eq(load_be16(s->bytes + IPV4_OFF_FRAG), 0);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, s->bytes, s->rx.header_len)), 0);
	ck_assert_uint_eq(n->ip.reasm.memory, 0);
	ck_assert_uint_eq(n->ip.reasm.table.count, 0);
	ip_turn_end(&n->ip);
	ck_assert_uint_eq(n->ip.reasm.whole_memory, 0);
	s->calls = 0;
}

START_TEST(every_order_gives_the_datagram)
{
	static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	for (size_t k = 0; k < ARRAY_LEN(order); k++) {
		for (int i = 0; i < 3; i++) {
			int part = order[k][i];
			in_part(&n, 1, (uint32_t)part * 1480, part == 2 ? 41 : 1480, part != 2);
			ck_assert_int_eq(s->calls, i == 2);
		}
		expect_content(&n, s, 3001);
	}
	net_expect_no_drop(&n);
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmReqds], 18);
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmOKs], 6);
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmFails], 0);
	net_end(&n);
	free(s);
}
END_TEST

/* RFC 791 3.2: source, destination, protocol and identification, all four. */
START_TEST(what_belongs_together)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	in_part(&n, 1, 0, 16, true);
	in_part(&n, 2, 16, 8, false);
	in_ip(&n, (struct ip_spec){.id = 1, .frag = 2, .data = content + 16, .len = 8, .src = "10.0.0.3"});
	in_ip(&n, (struct ip_spec){.id = 1, .frag = 2, .data = content + 16, .len = 8, .protocol = IP_PROTO_TCP});
	in_ip(&n,
	      (struct ip_spec){
	              .id = 1, .frag = 2, .data = content + 16, .len = 8, .dst = "10.0.0.255", .mac = MAC_BROADCAST});
	ck_assert_int_eq(s->calls, 0);
	ck_assert_uint_eq(n.ip.reasm.table.count, 5);
	in_part(&n, 1, 16, 8, false);
	ck_assert_int_eq(s->calls, 1);
	ck_assert_uint_eq(s->rx.payload_len, 24);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(the_largest_datagram)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	for (uint32_t at = 0; at < 65515; at += 1480)
		in_part(&n, 9, at, u32_min(1480, 65515 - at), at + 1480 < 65515);
	expect_content(&n, s, 65515);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(a_fragment_may_come_twice)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	in_part(&n, 1, 0, 16, true);
	in_part(&n, 1, 0, 16, true);
	net_expect_drop(&n, CNT_IpReasmDuplicates);
	in_part(&n, 1, 16, 9, false);
	expect_content(&n, s, 25);
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmFails], 0);
	net_end(&n);
	free(s);
}
END_TEST

static const struct bad_pair {
	uint32_t at[2], len[2];
	bool more[2];
	bool other_bytes;
	enum counter reason;
} bad_pairs[] = {
        {{0, 8}, {24, 8}, {true, false}, false, CNT_IpExtReasmOverlaps},  /* teardrop: inside */
        {{0, 16}, {24, 16}, {true, true}, false, CNT_IpExtReasmOverlaps}, /* over the end */
        {{16, 8}, {24, 16}, {true, true}, false, CNT_IpExtReasmOverlaps}, /* over the start */
        {{16, 8}, {8, 24}, {true, true}, false, CNT_IpExtReasmOverlaps},  /* around */
        {{8, 8}, {16, 8}, {true, true}, false, CNT_IpExtReasmOverlaps},   /* a prefix */
        {{8, 8}, {16, 16}, {true, true}, true, CNT_IpExtReasmOverlaps},   /* the same place, other bytes */
        {{8, 32}, {8, 8}, {false, false}, false, CNT_IpReasmErrors},      /* two ends */
        {{8, 32}, {8, 8}, {false, true}, false, CNT_IpReasmErrors},       /* behind the end */
        {{32, 8}, {8, 8}, {true, false}, false, CNT_IpReasmErrors},       /* the end before another */
};

START_TEST(contradictions_cost_the_datagram)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_pairs); i++) {
		const struct bad_pair *b = &bad_pairs[i];
		struct net n;
		struct seen *s = malloc(sizeof(*s));
		begin_reasm(&n, s);
		in_part(&n, 1, b->at[0], b->len[0], b->more[0]);
		net_expect_no_drop(&n);
		content[b->at[1]] ^= b->other_bytes;
		in_part(&n, 1, b->at[1], b->len[1], b->more[1]);
		net_expect_drop(&n, b->reason);
		ck_assert_uint_eq(n.cnt.v[CNT_IpReasmFails], 1);
		/* RFC 5722: what is still to come is dropped as well; no error is sent. */
		in_part(&n, 1, 0, 64, true);
		net_expect_drop(&n, CNT_IpReasmLate);
		in_part(&n, 1, 64, 8, false);
		net_expect_drop(&n, CNT_IpReasmLate);
		net_pass(&n, 61000);
		out_nothing(&n);
		ck_assert_int_eq(s->calls, 0);
		ck_assert_uint_eq(n.cnt.v[CNT_IpReasmFails], 1);
		/* The identification may be used again. */
		in_part(&n, 1, 0, 16, true);
		in_part(&n, 1, 16, 8, false);
		ck_assert_int_eq(s->calls, 1);
		net_end(&n);
		free(s);
	}
}
END_TEST

START_TEST(malformed_fragments_leave_nothing)
{
	static const struct {
		uint32_t at, len;
		bool more;
	} bad[] = {
	        {0, 12, true},     /* MF, and not a multiple of 8 */
	        {0, 0, true},      /* of nothing */
	        {800, 0, false},   /* of nothing, at the end */
	        {65528, 8, false}, /* ping of death: the end is beyond 65,535 */
	        {65512, 16, true}, /* with the header it is */
	        {65512, 4, false},
	};
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		in_ip(&n, (struct ip_spec){.frag = (uint16_t)(bad[i].at / 8 | (bad[i].more ? MF : 0)),
		                           .data = content,
		                           .len = bad[i].len});
		net_expect_drop(&n, CNT_IpReasmErrors);
		ck_assert_uint_eq(n.ip.reasm.memory, 0);
	}
	in_part(&n, 1, 65512, 3, false);
	net_expect_no_drop(&n);
	net_end(&n);
	free(s);
}
END_TEST

/* RFC 1122 3.3.2: a header with options can make the whole too long although each fragment is not. */
START_TEST(the_whole_may_be_too_long)
{
	static const uint8_t nops[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	in_ip(&n,
	      (struct ip_spec){.id = 1, .frag = MF, .data = content, .len = 1472, .options = nops, .options_len = 8});
	for (uint32_t at = 1472; at < 65512; at += 1456)
		in_part(&n, 1, at, u32_min(1456, 65512 - at), true);
	in_part(&n, 1, 65512, 3, false);
	net_expect_drop(&n, CNT_IpReasmErrors);
	ck_assert_int_eq(s->calls, 0);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(time_exceeded_quotes_the_first_fragment)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	uint32_t len;
	begin_reasm(&n, s);
	in_part(&n, 7, 0, 32, true);
	in_part(&n, 8, 32, 32, true);
	in_ip(&n, (struct ip_spec){
	                  .id = 9, .frag = MF, .data = content, .len = 8, .dst = "10.0.0.255", .mac = MAC_BROADCAST});
	net_pass(&n, 59999);
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.reasm.table.count, 3);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	net_pass(&n, 1);
	net_expect_drop(&n, CNT_IpReasmTimeout);
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmTimeout], 3);
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmFails], 3);
	const uint8_t *p = out_ip(&n, PEER_MAC, US, PEER, IP_PROTO_ICMP, &len);
	ck_assert_uint_eq(len, 8 + 20 + 32);
	ck_assert_uint_eq(p[0], ICMP_TIME_EXCEEDED);
	ck_assert_uint_eq(p[1], 1);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, len)), 0);
	ck_assert_uint_eq(load_be16(p + 8 + IPV4_OFF_ID), 7);
	ck_assert_uint_eq(load_be16(p + 8 + IPV4_OFF_FRAG), MF);
	ck_assert_mem_eq(p + 28, content, 32);
	/* Not for the one without its first fragment, nor for the broadcast. */
	out_nothing(&n);
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutTimeExcds], 1);
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutSuppressed], 1);
	ck_assert_uint_eq(n.ip.reasm.memory, 0);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(every_identification_at_once)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	size_t before = n.env.allocated;
	for (uint32_t id = 0; id < 65536; id++)
		in_part(&n, (uint16_t)id, 8, 8, true);
	ck_assert_uint_eq(n.ip.reasm.table.count, IP_REASM_DATAGRAMS_MAX);
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmEvicted], 65536 - IP_REASM_DATAGRAMS_MAX);
	/* The newest are kept. */
	in_part(&n, 65535, 0, 8, true);
	in_part(&n, 65535, 16, 8, false);
	ck_assert_int_eq(s->calls, 1);
	ip_turn_end(&n.ip);
	net_pass(&n, 60000);
	ck_assert_uint_eq(n.ip.reasm.memory, 0);
	ck_assert_uint_le(n.env.allocated, before);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(memory_is_bounded)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	for (uint16_t id = 0; id < 200; id++)
		for (uint32_t at = 0; at + 1480 < 65000; at += 1480) {
			in_part(&n, id, at, 1480, true);
			ck_assert_uint_le(n.ip.reasm.memory, IP_REASM_MEMORY_MAX);
			ck_assert_uint_le(n.env.allocated, IP_REASM_MEMORY_MAX + (1u << 20));
		}
	ck_assert_uint_gt(n.ip.reasm.memory, IP_REASM_MEMORY_MAX - 65536);
	ck_assert_uint_gt(n.cnt.v[CNT_IpReasmEvicted], 100);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(fragments_are_bounded)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	for (uint32_t i = 0; i < IP_REASM_FRAGMENTS_MAX; i++)
		in_part(&n, 1, i * 16, 8, true);
	net_expect_no_drop(&n);
	in_part(&n, 1, 8, 8, true);
	net_expect_drop(&n, CNT_IpReasmTooMany);
	/* The longest datagram over a link of 68 bytes. */
	for (uint32_t at = 0; at < 65515; at += 48)
		in_part(&n, 2, at, u32_min(48, 65515 - at), at + 48 < 65515);
	ck_assert_int_eq(s->calls, 1);
	ck_assert_uint_eq(s->rx.payload_len, 65515);
	net_end(&n);
	free(s);
}
END_TEST

/* RFC 3168 5.3 */
START_TEST(ecn_marks_are_kept)
{
	static const struct {
		uint8_t tos[2];
		int result; /* -1: dropped */
	} c[] = {{{0x28, 0}, 0x28}, {{2, 3}, 3}, {{3, 2}, 3}, {{3, 1}, 3}, {{0, 3}, -1}, {{3, 0}, -1}, {{0, 2}, 0}};
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		struct net n;
		struct seen *s = malloc(sizeof(*s));
		begin_reasm(&n, s);
		in_ip(&n, (struct ip_spec){.id = 1, .frag = MF, .tos = c[i].tos[0], .data = content, .len = 8});
		in_ip(&n, (struct ip_spec){.id = 1, .frag = 1, .tos = c[i].tos[1], .data = content + 8, .len = 8});
		ck_assert_int_eq(s->calls, c[i].result >= 0);
		if (c[i].result < 0) {
			net_expect_drop(&n, CNT_IpReasmErrors);
		} else {
			ck_assert_int_eq(s->rx.tos, c[i].result);
			expect_content(&n, s, 16);
		}
		net_end(&n);
		free(s);
	}
}
END_TEST

START_TEST(options_are_the_first_fragments)
{
	static const uint8_t nops[4] = {1, 1, 1, 0};
	static const uint8_t lsrr[8] = {131, 7, 8, 10, 0, 0, 9, 0};
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	in_ip(&n, (struct ip_spec){.id = 1, .frag = 1, .data = content + 8, .len = 8});
	in_ip(&n, (struct ip_spec){.id = 1, .frag = MF, .data = content, .len = 8, .options = nops, .options_len = 4});
	ck_assert_uint_eq(s->rx.header_len, 24);
	expect_content(&n, s, 16);
	in_ip(&n, (struct ip_spec){.id = 1, .frag = MF, .data = content, .len = 8, .options = lsrr, .options_len = 8});
	in_part(&n, 1, 8, 8, false);
	net_expect_drop(&n, CNT_IpInSourceRoutes);
	ck_assert_int_eq(s->calls, 0);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(it_goes_on_after_a_reload)
{
	struct net n;
	struct seen *s = malloc(sizeof(*s));
	begin_reasm(&n, s);
	in_part(&n, 1, 16, 16, true);
	in_part(&n, 2, 0, 16, true);
	in_part(&n, 3, 16, 16, true);
	in_part(&n, 3, 8, 16, true);
	net_pass(&n, 1000);
	in_part(&n, 1, 32, 9, false);
	net_reload(&n);
	in_part(&n, 3, 0, 8, true);
	net_expect_drop(&n, CNT_IpReasmLate);
	in_part(&n, 1, 0, 16, true);
	ck_assert_int_eq(s->calls, 1);
	ck_assert_uint_eq(s->rx.payload_len, 41);
	ck_assert_mem_eq(s->bytes + 20, content, 41);
	ip_turn_end(&n.ip);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	net_pass(&n, 59000);
	ck_assert_uint_eq(n.ip.reasm.table.count, 0);
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutTimeExcds], 1);
	net_end(&n);
	free(s);
}
END_TEST

START_TEST(no_memory_costs_the_datagram)
{
	bool done = false;
	for (uint64_t k = 1; !done; k++) {
		struct net n;
		struct seen *s = malloc(sizeof(*s));
		begin_reasm(&n, s);
		n.env.fail_at = n.env.allocations + k;
		for (uint32_t at = 0; at < 64; at += 8)
			in_part(&n, 1, at, 8, at != 56);
		done = s->calls == 1;
		ck_assert_uint_eq(n.cnt.v[CNT_IpReasmNoMemory], !done);
		ck_assert(!done || k > 5);
		net_end(&n);
		free(s);
	}
}
END_TEST

/* The datagram waits for its application like a frame's, until the end of the turn and beyond. */
START_TEST(udp_in_fragments)
{
	struct dgram_net w;
	uint8_t udp[24] = {0x10, 0, 0x20, 0, 0, 24};
	begin_kind(&w, DGRAM_UDP);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 0x2000)), 0);
	memcpy(udp + 8, "sixteen letters.", 16);
	for (int i = 0; i < 2; i++) {
		in_ip(&w.n, (struct ip_spec){.id = 1, .frag = 2, .data = udp + 16, .len = 8});
		in_ip(&w.n, (struct ip_spec){.id = 1, .frag = MF, .data = udp, .len = 16});
		if (i == 1) {
			dgram_turn_end(&w.l);
			ip_turn_end(&w.n.ip);
		}
		got(&w, &w.a, PEER, 0x1000, "sixteen letters.");
	}
	end(&w);
}
END_TEST

Suite *reasm_suite(void);
Suite *reasm_suite(void)
{
	UNIT_SUITE("reasm", every_order_gives_the_datagram, what_belongs_together, the_largest_datagram,
	           a_fragment_may_come_twice, contradictions_cost_the_datagram, malformed_fragments_leave_nothing,
	           the_whole_may_be_too_long, time_exceeded_quotes_the_first_fragment, every_identification_at_once,
	           memory_is_bounded, fragments_are_bounded, ecn_marks_are_kept, options_are_the_first_fragments,
	           it_goes_on_after_a_reload, no_memory_costs_the_datagram, udp_in_fragments);
}
