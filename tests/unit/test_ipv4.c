/* ipv4: what is dropped on input and under which name, what handlers get, what the output writes. */
#include "net.h"
#include <stdlib.h>

struct seen {
	int calls;
	struct ip_rx rx;
	uint8_t payload[2000];
};

static void see(void *ctx, const struct ip_rx *rx)
{
	struct seen *s = ctx;
	s->calls++;
	s->rx = *rx;
	memcpy(s->payload, rx->payload, size_min(rx->payload_len, sizeof(s->payload)));
}

static void begin(struct net *n, struct seen *s)
{
	*s = (struct seen){0};
	net_begin_known(n);
	ip_register(&n->ip, IP_PROTO_UDP, (struct ip_handler){.input = see, .ctx = s});
	ip_register(&n->ip, IP_PROTO_TCP, (struct ip_handler){.input = see, .ctx = s});
}

START_TEST(delivers_what_is_valid)
{
	struct net n;
	struct seen s;
	begin(&n, &s);
	in_ip(&n, (struct ip_spec){.data = "hello", .len = 5, .padding = 13});
	ck_assert_int_eq(s.calls, 1);
	ck_assert_uint_eq(s.rx.payload_len, 5);
	ck_assert_mem_eq(s.payload, "hello", 5);
	ck_assert(ip_eq(s.rx.src, addr(PEER)) && ip_eq(s.rx.dst, addr(US)) && !s.rx.group);
	ck_assert_uint_eq(s.rx.ttl, 64);
	in_ip(&n, (struct ip_spec){0});
	ck_assert_int_eq(s.calls, 2);
	ck_assert_uint_eq(s.rx.payload_len, 0);
	net_expect_no_drop(&n);
	ck_assert_uint_eq(n.cnt.v[CNT_IpInDelivers], 2);
	net_end(&n);
}
END_TEST

START_TEST(groups_are_marked)
{
	struct net n;
	struct seen s;
	const char *dst[] = {"255.255.255.255", "10.0.0.255", "224.0.0.1"};
	begin(&n, &s);
	for (int i = 0; i < 3; i++) {
		in_ip(&n, (struct ip_spec){.dst = dst[i], .mac = MAC_BROADCAST});
		ck_assert_int_eq(s.calls, i + 1);
		ck_assert(s.rx.group);
	}
	net_end(&n);
}
END_TEST

static const uint8_t nop_end[4] = {1, 1, 0, 0xff};
static const uint8_t lsrr[8] = {131, 7, 4, 10, 0, 0, 9, 0};
static const uint8_t ssrr[8] = {1, 137, 7, 4, 10, 0, 0, 9};
static const uint8_t too_long[4] = {7, 5, 4, 0};
static const uint8_t too_short[4] = {7, 1, 4, 0};
static const uint8_t cut[4] = {1, 1, 1, 7};

static const struct drop_case {
	enum counter reason; /* CNT_COUNT: delivered */
	struct ip_spec s;
} drop_cases[] = {
        {CNT_IpInMalformed, {.version_ihl = 0x65}},
        {CNT_IpInMalformed, {.version_ihl = 0x44}},
        {CNT_IpInMalformed, {.version_ihl = 0x4f}},
        {CNT_IpExtInCsumErrors, {.bad_csum = true}},
        {CNT_IpInMalformed, {.total_delta = -1}},
        {CNT_IpExtInTruncatedPkts, {.total_delta = 1}},
        {CNT_IpExtInTruncatedPkts, {.total_delta = 40000}},
        {CNT_COUNT, {.options = nop_end, .options_len = 4}},
        {CNT_IpInSourceRoutes, {.options = lsrr, .options_len = 8}},
        {CNT_IpInSourceRoutes, {.options = ssrr, .options_len = 8}},
        {CNT_IpInMalformed, {.options = too_long, .options_len = 4}},
        {CNT_IpInMalformed, {.options = too_short, .options_len = 4}},
        {CNT_IpInMalformed, {.options = cut, .options_len = 4}},
        {CNT_IpInMartians, {.src = "0.0.0.0"}},
        {CNT_IpInMartians, {.src = "0.1.2.3"}},
        {CNT_IpInMartians, {.src = "127.0.0.1"}},
        {CNT_IpInMartians, {.src = "224.0.0.5"}},
        {CNT_IpInMartians, {.src = "240.0.0.1"}},
        {CNT_IpInMartians, {.src = "255.255.255.255"}},
        {CNT_IpInMartians, {.src = "10.0.0.255"}},
        {CNT_IpInMartians, {.src = US}},
        {CNT_IpInAddrErrors, {.dst = "10.0.0.7"}},
        {CNT_IpInAddrErrors, {.dst = "127.0.0.1"}},
        {CNT_IpInAddrErrors, {.dst = "224.0.0.251", .mac = {{1, 0, 0x5e, 0, 0, 251}}}},
        {CNT_IpInAddrErrors, {.mac = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}}},
        {CNT_IpReasmErrors, {.frag = 0x2000}},
        {CNT_IpReasmErrors, {.frag = 0x0001}},
        {CNT_IpInBadOffload, {.frag = 0x2000, .data = "12345678", .len = 8, .off = {.needs_csum = true}}},
        {CNT_COUNT, {.frag = 0x4000}},
        {CNT_IpInBadOffload, {.off = {.gso = GSO_TCPV4, .gso_size = 8, .hdr_len = 42}}},
        {CNT_IpInBadOffload, {.off = {.gso = GSO_TCPV6, .gso_size = 8, .hdr_len = 42}, .protocol = IP_PROTO_TCP}},
};

START_TEST(drops_by_name)
{
	for (size_t i = 0; i < ARRAY_LEN(drop_cases); i++) {
		const struct drop_case *c = &drop_cases[i];
		struct net n;
		struct seen s;
		begin(&n, &s);
		in_ip(&n, c->s);
		ck_assert_msg(s.calls == (c->reason == CNT_COUNT), "case %zu: %d calls", i, s.calls);
		if (c->reason != CNT_COUNT)
			net_expect_drop(&n, c->reason);
		/* RFC 1122 3.2.2.5: of what is wrong only options are answered. */
		if (c->reason == CNT_IpInMalformed && c->s.options_len)
			ck_assert(net_pull(&n));
		out_nothing(&n);
		net_end(&n);
	}
}
END_TEST

/* A frame of every length from 0 to 70, of each kind: counted once, never read past (the sanitizers watch). */
START_TEST(every_length_is_counted)
{
	struct net n;
	struct seen s;
	uint8_t data[36] = {0};
	begin(&n, &s);
	for (uint32_t len = 0; len <= 70; len++) {
		struct ip_spec spec = {.data = data, .len = sizeof(data)};
		uint8_t *exact = malloc(len + 1); /* so that a read beyond the frame is seen */
		struct frame_in f = {.data = exact + 1, .len = len};
		ck_assert_uint_eq(ip_write(&n, &spec), 70);
		memcpy(exact + 1, n.in, len);
		s.calls = 0;
		n.dropped = CNT_COUNT;
		ip_frame_input(&n.ip, &f);
		if (len < ETHER_HDR_LEN)
			net_expect_drop(&n, CNT_LinkInTooShort);
		else if (len < ETHER_HDR_LEN + IPV4_HDR_MIN)
			net_expect_drop(&n, CNT_IpInMalformed);
		else if (len < 70)
			net_expect_drop(&n, CNT_IpExtInTruncatedPkts);
		ck_assert_int_eq(s.calls, len == 70);
		free(exact);
	}
	net_end(&n);
}
END_TEST

START_TEST(frames_that_are_not_ours_are_counted)
{
	struct net n;
	struct seen s;
	begin(&n, &s);
	in_ip(&n, (struct ip_spec){.mac = EVIL_MAC});
	net_expect_drop(&n, CNT_LinkInNotForUs);
	ether_write(&n, US_MAC, PEER_MAC, 0x86dd);
	frame_in_off(&n, 60, (struct offload){0});
	net_expect_drop(&n, CNT_LinkInUnknownType);
	ether_write(&n, US_MAC, PEER_MAC, 46);
	frame_in_off(&n, 60, (struct offload){0});
	net_expect_drop(&n, CNT_LinkInLengthFrames);
	frame_in_off(&n, 13, (struct offload){0});
	net_expect_drop(&n, CNT_LinkInTooShort);
	net_end(&n);
}
END_TEST

/* RFC 1122 2.3.3: a datagram in the encapsulation of RFC 1042 is taken, without its padding. */
START_TEST(an_ieee_802_frame)
{
	struct net n;
	struct seen s;
	uint8_t data[8] = "1234567", typed[64];
	static const uint8_t llc_snap[6] = {0xaa, 0xaa, 3};
	begin(&n, &s);
	struct ip_spec spec = {.data = data, .len = sizeof(data)};
	uint32_t len = ip_write(&n, &spec) - ETHER_HDR_LEN;
	memcpy(typed, n.in + ETHER_HDR_LEN, len);
	store_be16(n.in + 12, (uint16_t)(ETHER_SNAP_LEN + len));
	memcpy(n.in + ETHER_HDR_LEN, llc_snap, sizeof(llc_snap));
	store_be16(n.in + ETHER_HDR_LEN + 6, ETHER_TYPE_IP4);
	memcpy(n.in + ETHER_HDR_LEN + ETHER_SNAP_LEN, typed, len);
	frame_in_off(&n, ETHER_HDR_LEN + ETHER_SNAP_LEN + len + 9, (struct offload){.csum_valid = true});
	ck_assert_int_eq(s.calls, 1);
	ck_assert_uint_eq(s.rx.payload_len, sizeof(data));
	ck_assert_mem_eq(s.rx.payload, data, sizeof(data));
	ck_assert(!s.rx.off.csum_valid);
	store_be16(n.in + 12, (uint16_t)(ETHER_SNAP_LEN + len - 1)); /* the length rules */
	frame_in_off(&n, ETHER_HDR_LEN + ETHER_SNAP_LEN + len, (struct offload){0});
	net_expect_drop(&n, CNT_IpExtInTruncatedPkts);
	net_end(&n);
}
END_TEST

/* RFC 1122 3.2.1.7: the TTL is for routers. */
START_TEST(a_ttl_of_nothing_is_delivered)
{
	struct net n;
	struct seen s;
	begin(&n, &s);
	for (uint8_t ttl = 0; ttl < 2; ttl++) {
		struct ip_spec spec = {.data = "x", .len = 1};
		uint32_t len = ip_write(&n, &spec);
		uint8_t *p = n.in + ETHER_HDR_LEN;
		p[8] = ttl;
		store_be16(p + IPV4_OFF_CSUM, 0);
		store_be16(p + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, IPV4_HDR_MIN)));
		frame_in_off(&n, len, (struct offload){0});
		ck_assert_int_eq(s.calls, ttl + 1);
	}
	net_end(&n);
}
END_TEST

/* RFC 1122 3.2.1.8: unknown ones, the stream identifier, the security option. */
START_TEST(options_that_mean_nothing_here)
{
	static const uint8_t option[][8] = {{222, 5, 1, 2, 3}, {136, 4, 0, 1}, {130, 3, 1}, {33, 2}};
	struct net n;
	struct seen s;
	begin(&n, &s);
	for (size_t i = 0; i < ARRAY_LEN(option); i++) {
		in_ip(&n, (struct ip_spec){.options = option[i], .options_len = 8, .data = "x", .len = 1});
		ck_assert_int_eq(s.calls, (int)i + 1);
		ck_assert_mem_eq(s.payload, "x", 1);
	}
	out_nothing(&n);
	net_end(&n);
}
END_TEST

/* RFC 1122 3.3.6: also those of old. */
START_TEST(every_form_of_broadcast_is_one)
{
	static const char *const form[] = {"255.255.255.255", "10.0.0.255", "0.0.0.0", "10.0.0.0"};
	struct net n;
	struct seen s;
	begin(&n, &s);
	for (size_t i = 0; i < ARRAY_LEN(form); i++) {
		in_ip(&n, (struct ip_spec){.dst = form[i], .mac = MAC_BROADCAST});
		ck_assert_int_eq(s.calls, (int)i + 1);
		ck_assert(s.rx.group);
	}
	net_end(&n);
}
END_TEST

START_TEST(the_link_vouches_for_this_transport_only)
{
	struct net n;
	struct seen s;
	uint8_t segment[20] = {0};
	struct offload right = {.needs_csum = true, .csum_start = 34, .csum_offset = 16};
	struct offload wrong = {.needs_csum = true, .csum_start = 54, .csum_offset = 16};
	begin(&n, &s);
	in_ip(&n, (struct ip_spec){.protocol = IP_PROTO_TCP, .data = segment, .len = 20, .off = right});
	ck_assert(ip_verify_csum(&s.rx));
	in_ip(&n, (struct ip_spec){.protocol = IP_PROTO_TCP, .data = segment, .len = 20, .off = wrong});
	ck_assert(!s.rx.off.needs_csum);
	in_ip(&n, (struct ip_spec){.protocol = IP_PROTO_TCP, .data = segment, .len = 20, .off = {.csum_valid = true}});
	ck_assert(ip_verify_csum(&s.rx));
	net_end(&n);
}
END_TEST

/* A TCP-like packet of 20 bytes of header and a payload in two iovecs of odd length. */
static enum ip_sent send_tcp(struct net *n, uint32_t payload, uint16_t gso_size, const char *dst, bool df)
{
	static uint8_t bytes[FRAME_MAX];
	struct frame_out f;
	struct ip_tx tx = {.src = addr(US),
	                   .dst = addr(dst),
	                   .protocol = IP_PROTO_TCP,
	                   .ttl = 9,
	                   .tos = 0x10,
	                   .dont_fragment = df};
	for (uint32_t i = 0; i < payload; i++)
		bytes[i] = (uint8_t)(i * 31 + 1);
	frame_begin(&f);
	memset(frame_prepend(&f, 20), 0x5a, 20);
	f.iov[0] = (struct iovec){.iov_base = bytes, .iov_len = payload ? 1 : 0};
	f.iov[1] = (struct iovec){.iov_base = bytes + 1, .iov_len = payload ? payload - 1 : 0};
	f.niov = 2;
	f.payload = payload;
	f.off.gso = gso_size ? GSO_TCPV4 : GSO_NONE;
	f.off.gso_size = gso_size;
	ip_transport_csum(&n->ip, &f, &tx, 16);
	enum ip_sent sent = ip_output(&n->ip, &f, &tx);
	if (sent == IP_FRAME_READY)
		keep_out(n, &f);
	return sent;
}

START_TEST(output_writes_the_header)
{
	struct net n;
	uint32_t len;
	net_begin_known(&n);
	ck_assert_int_eq(send_tcp(&n, 101, 0, PEER, true), IP_FRAME_READY);
	const uint8_t *p = check_ip(&n, PEER_MAC, US, PEER, IP_PROTO_TCP, &len);
	ck_assert_uint_eq(len, 121);
	ck_assert_uint_eq(p[-IPV4_HDR_MIN + 1], 0x10);
	ck_assert_uint_eq(p[-IPV4_HDR_MIN + 8], 9);
	ck_assert_uint_eq(load_be16(p - IPV4_HDR_MIN + IPV4_OFF_FRAG), IPV4_FLAG_DF);
	ck_assert_uint_eq(load_be16(p - IPV4_HDR_MIN + IPV4_OFF_ID), 0);
	ck_assert_uint_eq(csum_finish(csum_add(csum_pseudo(addr(US), addr(PEER), 6, len), p, len)), 0);
	ck_assert(!n.out_off.needs_csum);
	ck_assert_int_eq(send_tcp(&n, 0, 0, PEER, false), IP_FRAME_READY);
	p = check_ip(&n, PEER_MAC, US, PEER, IP_PROTO_TCP, &len);
	ck_assert_uint_eq(load_be16(p - IPV4_HDR_MIN + IPV4_OFF_FRAG), 0);
	net_end(&n);
}
END_TEST

/* Who sees the datagrams that he gets cannot tell how many went to others. */
START_TEST(identifications_do_not_count)
{
	enum { DATAGRAMS = 32 };
	struct net n;
	uint32_t len, steps = 0;
	uint16_t before = 0;
	net_begin_known(&n);
	for (int i = 0; i < DATAGRAMS; i++) {
		ck_assert_int_eq(send_tcp(&n, 0, 0, PEER, false), IP_FRAME_READY);
		const uint8_t *p = check_ip(&n, PEER_MAC, US, PEER, IP_PROTO_TCP, &len);
		uint16_t id = load_be16(p - IPV4_HDR_MIN + IPV4_OFF_ID);
		/* A step of less than 256 happens by chance in one case of 256. */
		steps += (uint16_t)(id - before) < 256;
		before = id;
	}
	ck_assert_uint_lt(steps, 5);
	net_end(&n);
}
END_TEST

START_TEST(the_mtu_bounds_a_datagram)
{
	struct net n;
	net_begin_known(&n);
	ck_assert_int_eq(send_tcp(&n, 1460, 0, PEER, true), IP_FRAME_READY);
	ck_assert_int_eq(send_tcp(&n, 1461, 0, PEER, true), IP_FRAME_DROPPED);
	net_expect_drop(&n, CNT_IpOutFragNeeded);
	net_end(&n);
}
END_TEST

START_TEST(offloads_are_left_to_a_link_that_can)
{
	struct net n;
	uint32_t len;
	net_begin_caps(&n, (struct link_caps){.csum = true, .gso_max = FRAME_MAX});
	in_arp(&n, REQUEST, PEER_MAC, PEER, US);
	out_arp(&n, REPLY, PEER_MAC, PEER);
	ck_assert_uint_eq(ip_gso_max(&n.ip), 65535);
	ck_assert_int_eq(send_tcp(&n, 65495, 1460, PEER, true), IP_FRAME_READY);
	const uint8_t *p = check_ip(&n, PEER_MAC, US, PEER, IP_PROTO_TCP, &len);
	ck_assert(n.out_off.needs_csum);
	ck_assert_uint_eq(n.out_off.csum_start, 34);
	ck_assert_uint_eq(n.out_off.csum_offset, 16);
	ck_assert_uint_eq(n.out_off.hdr_len, 54);
	ck_assert_uint_eq(load_be16(p + 16), csum_fold(csum_pseudo(addr(US), addr(PEER), 6, len)));
	ck_assert_int_eq(send_tcp(&n, 65496, 1460, PEER, true), IP_FRAME_DROPPED);
	ck_assert_int_eq(send_tcp(&n, 4000, 1461, PEER, true), IP_FRAME_DROPPED);
	net_end(&n);
}
END_TEST

START_TEST(no_route_is_a_drop)
{
	struct net n;
	net_begin(&n);
	const char *dst[] = {"0.0.0.0", "250.1.1.1"};
	for (size_t i = 0; i < ARRAY_LEN(dst); i++) {
		ck_assert_int_eq(send_tcp(&n, 5, 0, dst[i], true), IP_FRAME_DROPPED);
		net_expect_drop(&n, CNT_IpOutNoRoutes);
	}
	net_end(&n);
}
END_TEST

START_TEST(groups_and_gateway_on_the_link)
{
	struct net n;
	uint32_t len;
	net_begin(&n);
	ck_assert_int_eq(send_tcp(&n, 5, 0, "10.0.0.255", false), IP_FRAME_READY);
	check_ip(&n, MAC_BROADCAST, US, "10.0.0.255", IP_PROTO_TCP, &len);
	ck_assert_int_eq(send_tcp(&n, 5, 0, "224.0.0.9", false), IP_FRAME_READY);
	check_ip(&n, (struct mac_addr){{1, 0, 0x5e, 0, 0, 9}}, US, "224.0.0.9", IP_PROTO_TCP, &len);
	ck_assert_int_eq(send_tcp(&n, 5, 0, "192.0.2.9", false), IP_FRAME_TAKEN);
	out_arp(&n, REQUEST, MAC_BROADCAST, GATEWAY);
	in_arp(&n, REPLY, EVIL_MAC, GATEWAY, US);
	out_ip(&n, EVIL_MAC, US, "192.0.2.9", IP_PROTO_TCP, &len);
	net_end(&n);
}
END_TEST

/* RFC 4293: whatever arrives is in one of these, and in no two. */
static uint64_t ends(const struct counters *c)
{
	return c->v[CNT_IpInHdrErrors] + c->v[CNT_IpExtInTruncatedPkts] + c->v[CNT_IpInAddrErrors] +
	       c->v[CNT_IpInDiscards] + c->v[CNT_IpInUnknownProtos] + c->v[CNT_IpInDelivers] + c->v[CNT_IpReasmReqds] -
	       c->v[CNT_IpReasmOKs];
}

START_TEST(every_datagram_has_one_end)
{
	struct net n;
	struct seen s;
	begin(&n, &s);
	for (size_t i = 0; i < ARRAY_LEN(drop_cases); i++) {
		in_ip(&n, drop_cases[i].s);
		while (net_pull(&n))
			continue;
	}
	in_ip(&n, (struct ip_spec){.protocol = 99});
	while (net_pull(&n))
		continue;
	in_ip(&n, (struct ip_spec){.id = 5, .frag = 0x2000, .data = "12345678", .len = 8});
	in_ip(&n, (struct ip_spec){.id = 5, .frag = 0x0001, .data = "12345678", .len = 8});
	ck_assert_uint_eq(n.cnt.v[CNT_IpReasmOKs], 1);
	struct counters c = n.cnt;
	counters_add_up(&c);
	ck_assert_uint_eq(c.v[CNT_IpInReceives], ARRAY_LEN(drop_cases) + 3);
	ck_assert_uint_eq(ends(&c), c.v[CNT_IpInReceives]);
	ck_assert_uint_eq(c.v[CNT_IpInHdrErrors], 8);
	ck_assert_uint_eq(c.v[CNT_IpInDiscards], 2 + 8 + 3); /* source routes, martians, offloads */
	ck_assert_uint_eq(c.v[CNT_IpInUnknownProtos], 1);
	net_end(&n);
}
END_TEST

START_TEST(what_is_sent_has_one_end)
{
	static const uint8_t data[4000];
	struct net n;
	net_begin_known(&n);
	for (int i = 0; i < 8; i++) {
		struct ip_tx tx = {.src = addr(US),
		                   .dst = addr(i == 1 ? "10.0.0.77" : PEER), /* whom ARP must ask */
		                   .protocol = IP_PROTO_UDP,
		                   .ttl = 64,
		                   .dont_fragment = i == 3};
		n.env.fail_at = i == 4 ? n.env.allocations + 1 : 0;
		ip_send_copy(&n.ip, &tx, data, i == 2 || i == 3 ? sizeof(data) : 100, 6);
	}
	n.env.fail_at = 0;
	while (net_pull(&n))
		continue;
	struct counters c = n.cnt;
	counters_add_up(&c);
	ck_assert_uint_eq(c.v[CNT_IpOutRequests], 8);
	ck_assert_uint_eq(c.v[CNT_IpOutDiscards], 1);
	ck_assert_uint_eq(c.v[CNT_IpFragFails], 1);
	ck_assert_uint_eq(c.v[CNT_IpFragOKs], 1);
	ck_assert_uint_eq(c.v[CNT_IpFragCreates], 3);
	ck_assert_uint_eq(c.v[CNT_IpOutTransmits], 5 + 3);
	ck_assert_uint_eq(c.v[CNT_IpExtOutOctets], 5 * 120 + 3 * 20 + sizeof(data));
	ck_assert_uint_eq(c.v[CNT_IpExtOutMcastPkts] + c.v[CNT_IpExtOutBcastPkts], 0);
	net_end(&n);
}
END_TEST

START_TEST(groups_and_marks_are_counted)
{
	struct net n;
	struct seen s;
	begin(&n, &s);
	in_ip(&n, (struct ip_spec){.data = "12345", .len = 5, .padding = 13});
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInOctets], 25); /* the padding is the link's */
	in_ip(&n, (struct ip_spec){.dst = "224.0.0.1", .mac = MAC_BROADCAST, .data = "123", .len = 3});
	in_ip(&n, (struct ip_spec){.dst = "10.0.0.255", .mac = MAC_BROADCAST});
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInMcastPkts], 1);
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInMcastOctets], 23);
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInBcastPkts], 1);
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInBcastOctets], 20);
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInNoECTPkts], 3);
	for (uint8_t tos = 1; tos < 4; tos++)
		in_ip(&n, (struct ip_spec){.tos = tos});
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInECT1Pkts], 1);
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInECT0Pkts], 1);
	ck_assert_uint_eq(n.cnt.v[CNT_IpExtInCEPkts], 1);
	net_end(&n);
}
END_TEST

Suite *ipv4_suite(void);
Suite *ipv4_suite(void)
{
	UNIT_SUITE("ipv4", delivers_what_is_valid, groups_are_marked, drops_by_name, every_length_is_counted,
	           frames_that_are_not_ours_are_counted, an_ieee_802_frame, a_ttl_of_nothing_is_delivered,
	           options_that_mean_nothing_here, every_form_of_broadcast_is_one,
	           the_link_vouches_for_this_transport_only, output_writes_the_header, identifications_do_not_count,
	           the_mtu_bounds_a_datagram, offloads_are_left_to_a_link_that_can, no_route_is_a_drop,
	           groups_and_gateway_on_the_link, every_datagram_has_one_end, what_is_sent_has_one_end,
	           groups_and_marks_are_counted);
}
