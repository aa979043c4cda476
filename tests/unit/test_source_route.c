/* source_route: what is accepted, the way back, echo, and that nothing is forwarded (RFC 1122 3.2.1.8, 3.3.5). */
#include "ip/source_route.h"
#include "net.h"

static const uint8_t complete[8] = {131, 7, 8, 10, 0, 0, 9, 0};
static const uint8_t incomplete[8] = {131, 7, 4, 10, 0, 0, 9, 0};

static void begin(struct net *n)
{
	net_begin_known(n);
	n->ip.cfg.source_route = true;
}

static void expect_back(const uint8_t *option, const char *src, uint8_t hops, const uint8_t *first)
{
	struct ip_source_route r;
	struct ip_rx rx = {.src = addr(src), .dst = addr(US), .route = option};
	ck_assert_int_eq(ip_source_route_back(&rx, &r), hops > 0);
	ck_assert_uint_eq(r.hops, hops);
	if (hops)
		ck_assert_mem_eq(r.hop[0], first, 4);
}

/* The routers in reverse; the source, when it has recorded itself, is not one (case B). */
START_TEST(the_way_back)
{
	static const uint8_t three[16] = {137, 15, 16, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 0};
	expect_back(three, PEER, 3, (const uint8_t[]){3, 3, 3, 3});
	expect_back(three, "1.1.1.1", 2, (const uint8_t[]){3, 3, 3, 3});
	expect_back(complete, PEER, 1, (const uint8_t[]){10, 0, 0, 9});
	expect_back(complete, "10.0.0.9", 0, NULL);
	expect_back((const uint8_t[]){131, 3, 4}, PEER, 0, NULL);
	expect_back(NULL, PEER, 0, NULL);
}
END_TEST

START_TEST(the_form_of_ip_options)
{
	struct ip_source_route r;
	uint8_t in[IP_OPTIONS_MAX] = {131, 39, 4}, out[IP_OPTIONS_MAX];
	for (uint8_t i = 3; i < 39; i++)
		in[i] = i;
	ck_assert(ip_source_route_parse(in, 40, &r));
	ck_assert_uint_eq(r.hops, IP_ROUTE_HOPS_MAX);
	ck_assert_uint_eq(ip_source_route_format(&r, out), 40);
	ck_assert_mem_eq(in, out, 40);
	ck_assert(!ip_source_route_parse(in, 38, &r));
	ck_assert(ip_source_route_parse(in, 0, &r));
	ck_assert_uint_eq(ip_source_route_format(&r, out), 0);
}
END_TEST

/* RFC 1122 3.2.2.6: an echo goes back by the return route. */
START_TEST(echo_goes_the_same_way)
{
	struct net n;
	uint8_t echo[8] = {ICMP_ECHO};
	begin(&n);
	store_be16(echo + 2, csum_finish(csum_add(CSUM_ZERO, echo, 8)));
	in_arp(&n, REQUEST, EVIL_MAC, "10.0.0.9", US);
	out_arp(&n, REPLY, EVIL_MAC, "10.0.0.9");
	in_ip(&n, (struct ip_spec){
	                  .protocol = IP_PROTO_ICMP, .data = echo, .len = 8, .options = complete, .options_len = 8});
	ck_assert(net_pull(&n));
	const uint8_t *p = n.out + ETHER_HDR_LEN;
	ck_assert_mem_eq(n.out, EVIL_MAC.b, 6);
	ck_assert_uint_eq(p[0], 0x47);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, 28)), 0);
	ck_assert_mem_eq(p + IPV4_OFF_DST, addr("10.0.0.9").b, 4);
	ck_assert_mem_eq(p + IPV4_HDR_MIN, ((const uint8_t[]){131, 7, 4, 10, 0, 0, 2, 0}), 8);
	ck_assert_uint_eq(p[28], ICMP_ECHO_REPLY);
	ck_assert_mem_eq(ipv4_final_dst(p, 28).b, addr(PEER).b, 4);
	net_end(&n);
}
END_TEST

/* RFC 1122 3.3.5: what is not at its end is not forwarded, and the sender hears of it. */
START_TEST(nothing_is_forwarded)
{
	struct net n;
	uint32_t len;
	begin(&n);
	in_ip(&n, (struct ip_spec){.protocol = 99, .options = incomplete, .options_len = 8});
	net_expect_drop(&n, CNT_IpInSourceRoutes);
	const uint8_t *p = out_ip(&n, PEER_MAC, US, PEER, IP_PROTO_ICMP, &len);
	ck_assert_uint_eq(p[0], ICMP_DEST_UNREACH);
	ck_assert_uint_eq(p[1], ICMP_UNREACH_SOURCE_ROUTE);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(malformed_routes)
{
	static const uint8_t row[][8] = {{131, 7, 3, 10, 0, 0, 9, 0},
	                                 {131, 7, 5, 10, 0, 0, 9, 0},
	                                 {131, 6, 4, 10, 0, 0, 9, 0},
	                                 {131, 2, 1, 1, 1, 1, 1, 1},
	                                 {131, 3, 4, 137, 3, 4, 0, 0}};
	struct net n;
	uint32_t len;
	begin(&n);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		in_ip(&n, (struct ip_spec){.options = row[i], .options_len = 8});
		net_expect_drop(&n, CNT_IpInMalformed);
		out_ip(&n, PEER_MAC, US, PEER, IP_PROTO_ICMP, &len); /* parameter problem */
	}
	ck_assert_uint_eq(n.cnt.v[CNT_IcmpOutParmProbs], ARRAY_LEN(row));
	net_end(&n);
}
END_TEST

/* RFC 791 3.1: strict means that the first router is a neighbour. */
START_TEST(strict_routes)
{
	struct net n;
	uint8_t packet[20] = {0};
	struct ip_source_route r = {.hops = 1, .strict = true, .hop = {{10, 9, 9, 9}}};
	struct ip_tx tx = {.src = addr(US), .dst = addr(PEER), .protocol = IP_PROTO_TCP, .ttl = 64, .route = &r};
	begin(&n);
	ip_send_copy(&n.ip, &tx, packet, sizeof(packet), 16);
	net_expect_drop(&n, CNT_IpOutNoRoutes);
	r.strict = false;
	ip_send_copy(&n.ip, &tx, packet, sizeof(packet), 16);
	out_arp(&n, REQUEST, MAC_BROADCAST, GATEWAY);
	net_pass(&n, 5000);
	while (net_pull(&n))
		;
	net_end(&n);
}
END_TEST

Suite *source_route_suite(void);
Suite *source_route_suite(void)
{
	UNIT_SUITE("source_route", the_way_back, the_form_of_ip_options, echo_goes_the_same_way, nothing_is_forwarded,
	           malformed_routes, strict_routes);
}
