/* ip_options: which options an application may send, how they stand in a header, timestamps, the way back. */
#include "ip/ip_options.h"
#include "net.h"

static bool parses(const uint8_t *p, uint32_t len)
{
	struct ip_options o;
	return ip_options_parse(p, len, &o);
}

START_TEST(what_may_be_sent)
{
	static const struct {
		bool good;
		uint32_t len;
		uint8_t option[IP_OPTIONS_MAX];
	} row[] = {
	        {true, 0, {0}},
	        {true, 1, {0}},
	        {true, 4, {1, 1, 1, 1}},
	        {true, 7, {7, 7, 4}}, /* record route: one address */
	        {true, 39, {7, 39, 4}},
	        {true, 7, {7, 7, 8}},   /* and full */
	        {false, 3, {7, 3, 4}},  /* room for none */
	        {false, 8, {7, 8, 4}},  /* not of addresses */
	        {false, 7, {7, 7, 5}},  /* a pointer into the midst of one */
	        {false, 7, {7, 7, 0}},  /* and in front of the first */
	        {false, 7, {7, 11, 4}}, /* longer than what is there */
	        {false, 1, {7}},
	        {false, 2, {7, 1}},
	        {false, 2, {7, 0}},
	        {true, 8, {68, 8, 5, 0}},
	        {true, 12, {68, 12, 5, 1}},
	        {true, 12, {68, 12, 5, 3}},
	        {false, 12, {68, 12, 5, 2}}, /* no such form */
	        {false, 8, {68, 8, 5, 1}},   /* not room for an address and a time */
	        {false, 8, {68, 8, 4, 0}},
	        {true, 4, {148, 4}},
	        {false, 3, {148, 3}},
	        {true, 11, {130, 11}}, /* security, as it is */
	        {true, 5, {134, 5}},
	        {false, 4, {136, 4}}, /* stream identifier: should not be sent */
	        {false, 4, {94, 4}},  /* nobody knows it */
	        {true, 7, {131, 7, 4, 10, 0, 0, 254}},
	        {true, 14, {1, 131, 7, 4, 10, 0, 0, 254, 0, 7, 1}}, /* nothing counts behind the end */
	        {false, 14, {131, 7, 4, 10, 0, 0, 254, 137, 7, 4, 10, 0, 0, 254}},
	};
	static const uint8_t full[40] = {7, 39, 4}, too_long[41] = {7, 39, 4};
	uint8_t crowded[40] = {7, 31, 4, [31] = 131, [32] = 7, [33] = 4, 10, 0, 0, 254};
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		ck_assert_msg(parses(row[i].option, row[i].len) == row[i].good, "row %zu", i);
	ck_assert(parses(full, 40) && !parses(too_long, 41));
	ck_assert(parses(crowded, 38));
	crowded[1] = 35; /* 36 with its padding, and 8 for the route */
	memmove(crowded + 35, crowded + 31, 4);
	ck_assert(!parses(crowded, 39));
}
END_TEST

/* A datagram with these options to PEER; they stand at the address that is returned. */
static const uint8_t *sent(struct net *n, const uint8_t *option, uint32_t len, uint32_t *header)
{
	static const uint8_t packet[8];
	struct ip_options o;
	ck_assert(ip_options_parse(option, len, &o));
	struct ip_tx tx = {
	        .src = addr(US), .dst = addr(PEER), .protocol = 253, .ttl = 64, .route = &o.route, .options = &o};
	ip_send_copy(&n->ip, &tx, packet, sizeof(packet), 6);
	ck_assert(net_pull(n));
	const uint8_t *p = n->out + ETHER_HDR_LEN;
	*header = (p[0] & 0x0fu) * 4;
	ck_assert_uint_eq(load_be16(p + IPV4_OFF_LEN), *header + sizeof(packet));
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, *header)), 0);
	return p + IPV4_HDR_MIN;
}

START_TEST(they_stand_in_the_header)
{
	static const uint8_t record[7] = {7, 7, 4}, on_wire[8] = {7, 7, 4, 0, 0, 0, 0, 1};
	static const uint8_t both[15] = {131, 7, 4, 10, 0, 0, 254, 7, 7, 4};
	struct net n;
	uint32_t header;
	net_begin_known(&n);
	in_arp(&n, REQUEST, EVIL_MAC, GATEWAY, US);
	out_arp(&n, REPLY, EVIL_MAC, GATEWAY);
	const uint8_t *p = sent(&n, record, sizeof(record), &header);
	ck_assert_uint_eq(header, 28);
	ck_assert_mem_eq(p, on_wire, 8);
	/* A source route is the last, and the header's destination its first hop. */
	p = sent(&n, both, 14, &header);
	ck_assert_uint_eq(header, 36);
	ck_assert_mem_eq(p, on_wire, 8);
	ck_assert_mem_eq(p + 8, ((const uint8_t[]){131, 7, 4, 10, 0, 0, 2, 0}), 8);
	ck_assert_mem_eq(p - 4, addr(GATEWAY).b, 4);
	net_end(&n);
}
END_TEST

/* RFC 1122 3.2.1.8 (e), on the way out. */
START_TEST(the_originator_stamps)
{
	static const struct {
		uint8_t given[12], sent[12]; /* without the stamp */
		uint8_t stamp_at;
	} row[] = {
	        {{68, 12, 5, 0}, {68, 12, 9, 0}, 4},
	        {{68, 12, 5, 1}, {68, 12, 13, 1, 10, 0, 0, 1}, 8},
	        {{68, 12, 5, 3, 10, 0, 0, 1}, {68, 12, 13, 3, 10, 0, 0, 1}, 8},
	        {{68, 12, 5, 3, 10, 0, 0, 9}, {68, 12, 5, 3, 10, 0, 0, 9}, 0}, /* another is to do it */
	        {{68, 12, 13, 0}, {68, 12, 13, 0x10}, 0},                      /* no room: counted */
	        {{68, 12, 13, 0xf0}, {68, 12, 13, 0xf0}, 0},
	};
	struct net n;
	uint32_t header;
	net_begin_known(&n);
	n.env.now = (instant){5678 * NS_PER_MS};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		uint8_t expected[12];
		memcpy(expected, row[i].sent, 12);
		if (row[i].stamp_at)
			store_be32(expected + row[i].stamp_at, 0x80000000u | 5678);
		const uint8_t *p = sent(&n, row[i].given, 12, &header);
		ck_assert_uint_eq(header, 32);
		ck_assert_mem_eq(p, expected, 12);
	}
	net_end(&n);
}
END_TEST

/* ... and on the way in, where nothing may be trusted. */
START_TEST(the_destination_stamps)
{
	static const uint8_t good[12] = {68, 8, 5, 0, 0, 0, 0, 0, 7, 3, 4};
	static const uint8_t bad[][8] = {{68, 8, 1, 0}, {68, 8, 200, 0}, {68, 8, 5, 7}, {68, 7, 5, 0},
	                                 {68, 0, 5, 0}, {68, 200, 5, 0}, {68, 3, 5, 0}};
	uint8_t header[IPV4_HDR_MAX] = {0}, out[IP_OPTIONS_MAX];
	struct net n;
	net_begin(&n);
	n.env.now = (instant){7 * NS_PER_MS};
	struct ip_rx rx = {.dst = addr(US), .header = header, .header_len = 32};
	memcpy(header + IPV4_HDR_MIN, good, 12);
	ck_assert_uint_eq(ip_options_received(&n.ip, &rx, out), 12);
	ck_assert_mem_eq(out, ((const uint8_t[]){68, 8, 9, 0, 0x80, 0, 0, 7, 7, 3, 4, 0}), 12);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rx.header_len = 28;
		memcpy(header + IPV4_HDR_MIN, bad[i], 8);
		ck_assert_uint_eq(ip_options_received(&n.ip, &rx, out), 8);
		if (i == 1)
			out[3] = 0; /* somebody found no room */
		ck_assert_mem_eq(out, bad[i], 8);
	}
	rx.header_len = IPV4_HDR_MIN;
	ck_assert_uint_eq(ip_options_received(&n.ip, &rx, out), 0);
	net_end(&n);
}
END_TEST

START_TEST(the_way_back)
{
	/* Over 10.0.0.9 and 10.0.0.8; a record route with one address; a router alert. */
	static const uint8_t in[24] = {131, 11, 12, 10, 0, 0, 9, 10, 0, 0, 8, 1, 7, 7, 8, 10, 0, 0, 7, 148, 4};
	static const uint8_t back[19] = {7, 7, 8, 10, 0, 0, 7, 131, 11, 4, 10, 0, 0, 8, 10, 0, 0, 9, 0};
	uint8_t out[IP_OPTIONS_MAX];
	ck_assert_uint_eq(ip_options_back(in, sizeof(in), addr(PEER), out), 19);
	ck_assert_mem_eq(out, back, sizeof(back));
	ck_assert(parses(out, 19));
	ck_assert_uint_eq(ip_options_back(in, 0, addr(PEER), out), 0);
	/* One that is not complete cannot be reversed. */
	ck_assert_uint_eq(ip_options_back((const uint8_t[]){131, 7, 4, 1, 2, 3, 4}, 7, addr(PEER), out), 0);
	ck_assert_uint_eq(ip_options_back((const uint8_t[]){131, 200, 4, 1, 2, 3, 4}, 7, addr(PEER), out), 0);
}
END_TEST

/* Whatever comes in: what goes back can be sent, or is nothing. */
START_TEST(the_way_back_can_always_be_sent)
{
	struct rng rng;
	uint8_t in[IP_OPTIONS_MAX], out[IP_OPTIONS_MAX];
	static const uint8_t types[] = {0, 1, 7, 68, 131, 137, 148};
	rng_seed(&rng, 7);
	for (int i = 0; i < 20000; i++) {
		uint8_t len = (uint8_t)(rng_u32(&rng) % 11 * 4);
		for (uint8_t k = 0; k < len; k++)
			in[k] = (uint8_t)(rng_u32(&rng) % 3 ? rng_u32(&rng) % 13
			                                    : types[rng_u32(&rng) % ARRAY_LEN(types)]);
		ck_assert(parses(out, ip_options_back(in, len, addr(PEER), out)));
	}
}
END_TEST

Suite *ip_options_suite(void);
Suite *ip_options_suite(void)
{
	UNIT_SUITE("ip_options", what_may_be_sent, they_stand_in_the_header, the_originator_stamps,
	           the_destination_stamps, the_way_back, the_way_back_can_always_be_sent);
}
