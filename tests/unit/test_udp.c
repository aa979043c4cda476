/* udp: datagrams in and out one per line, checksums, errors as records, buffers and their bounds, reload. */
#include "dgram_net.h"

static void begin(struct dgram_net *w)
{
	begin_kind(w, DGRAM_UDP);
}

struct in_spec {
	const char *dst;
	struct mac_addr mac;
	int len_delta;     /* the UDP length is wrong by so much */
	uint32_t trailing; /* bytes of the IP datagram behind it */
	bool no_csum, bad_csum;
};

/* A datagram in, from PEER: ports and text. */
static void in_udp(struct dgram_net *w, uint16_t sport, uint16_t dport, const char *text, struct in_spec s)
{
	uint8_t p[1500] = {0};
	uint32_t len = UDP_HDR_LEN + (uint32_t)strlen(text);
	store_be16(p, sport);
	store_be16(p + 2, dport);
	store_be16(p + 4, (uint16_t)((int)len + s.len_delta));
	store_be16(p + 6, 0);
	memcpy(p + UDP_HDR_LEN, text, strlen(text));
	memset(p + len, 0xee, s.trailing);
	csum sum = csum_pseudo(addr(PEER), addr(s.dst ? s.dst : US), IP_PROTO_UDP, len);
	uint16_t value = csum_finish(csum_add(sum, p, len));
	if (!s.no_csum)
		store_be16(p + 6, (uint16_t)(value ^ (s.bad_csum ? 0x0100 : 0)));
	in_ip(&w->n, (struct ip_spec){.dst = s.dst, .mac = s.mac, .data = p, .len = len + s.trailing});
}

/* The next datagram out, checksum checked: ports and text. */
static void out_udp(struct dgram_net *w, struct mac_addr to, const char *dst, uint16_t sport, uint16_t dport,
                    const char *text)
{
	struct frame_out f;
	uint32_t len;
	ck_assert(dgram_output(&w->l, &f));
	keep_out(&w->n, &f);
	const uint8_t *p = check_ip(&w->n, to, US, dst, IP_PROTO_UDP, &len);
	ck_assert_uint_eq(load_be16(p), sport);
	ck_assert_uint_eq(load_be16(p + 2), dport);
	ck_assert_uint_eq(load_be16(p + 4), len);
	ck_assert_uint_eq(len, UDP_HDR_LEN + strlen(text));
	ck_assert_mem_eq(p + UDP_HDR_LEN, text, strlen(text));
	ck_assert_uint_ne(load_be16(p + 6), 0);
	ck_assert_uint_eq(csum_finish(csum_add(csum_pseudo(addr(US), addr(dst), IP_PROTO_UDP, len), p, len)), 0);
}

START_TEST(delivers_within_the_turn_and_after_it)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	in_udp(&w, 4000, 53, "one", (struct in_spec){0});
	in_udp(&w, 4001, 53, "", (struct in_spec){0});
	in_udp(&w, 4002, 53, "three", (struct in_spec){.no_csum = true});
	ck_assert_int_eq(w.arrived, 3);
	ck_assert_uint_eq(dgram_recv_queued(&w.a), 8);
	got(&w, &w.a, PEER, 4000, "one");
	dgram_turn_end(&w.l);
	memset(w.n.store, 0xa5, sizeof(w.n.store)); /* borrowed bytes are gone */
	ck_assert_uint_eq(dgram_recv_queued(&w.a), 5);
	in_udp(&w, 4003, 53, "four", (struct in_spec){0});
	got(&w, &w.a, PEER, 4001, "");
	got(&w, &w.a, PEER, 4002, "three");
	got(&w, &w.a, PEER, 4003, "four");
	got_nothing(&w, &w.a);
	ck_assert_uint_eq(w.n.cnt.v[CNT_UdpInDatagrams], 4);
	ck_assert_uint_eq(w.a.in, 4);
	end(&w);
}
END_TEST

START_TEST(malformed_datagrams_are_counted)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(US, 53)), 0);
	in_udp(&w, 4000, 53, "bad", (struct in_spec){.bad_csum = true});
	net_expect_drop(&w.n, CNT_UdpInCsumErrors);
	in_udp(&w, 4000, 53, "long", (struct in_spec){.len_delta = 1});
	net_expect_drop(&w.n, CNT_UdpInMalformed);
	in_udp(&w, 4000, 53, "short", (struct in_spec){.len_delta = -6});
	net_expect_drop(&w.n, CNT_UdpInMalformed);
	in_ip(&w.n, (struct ip_spec){.data = "1234567", .len = 7});
	net_expect_drop(&w.n, CNT_UdpInMalformed);
	in_udp(&w, 4000, 53, "cut short", (struct in_spec){.len_delta = -4, .no_csum = true});
	got(&w, &w.a, PEER, 4000, "cut s");
	in_udp(&w, 4000, 53, "whole", (struct in_spec){.trailing = 7});
	got(&w, &w.a, PEER, 4000, "whole");
	got_nothing(&w, &w.a);
	end(&w);
}
END_TEST

START_TEST(nobody_listens)
{
	struct dgram_net w;
	uint32_t len;
	begin(&w);
	in_udp(&w, 4000, 53, "hello?", (struct in_spec){0});
	net_expect_drop(&w.n, CNT_UdpNoPorts);
	const uint8_t *p = out_ip(&w.n, PEER_MAC, US, PEER, IP_PROTO_ICMP, &len);
	ck_assert_uint_eq(p[0], ICMP_DEST_UNREACH);
	ck_assert_uint_eq(p[1], ICMP_UNREACH_PORT);
	in_udp(&w, 4000, 53, "all?", (struct in_spec){.dst = "10.0.0.255", .mac = MAC_BROADCAST});
	net_expect_drop(&w.n, CNT_UdpIgnoredMulti);
	out_nothing(&w.n);
	end(&w);
}
END_TEST

START_TEST(a_broadcast_reaches_everyone_bound)
{
	struct dgram_net w;
	begin(&w);
	w.a.pcb.reuse_addr = w.b.pcb.reuse_addr = true;
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 67)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at("10.0.0.255", 67)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.c, at(NULL, 68)), 0);
	in_udp(&w, 68, 67, "all", (struct in_spec){.dst = "10.0.0.255", .mac = MAC_BROADCAST});
	got(&w, &w.a, PEER, 68, "all");
	got(&w, &w.b, PEER, 68, "all");
	got_nothing(&w, &w.c);
	end(&w);
}
END_TEST

START_TEST(a_connected_socket_hears_its_peer_only)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 4000)), 0);
	in_udp(&w, 4000, 53, "mine", (struct in_spec){0});
	in_udp(&w, 4001, 53, "not mine", (struct in_spec){0});
	net_expect_drop(&w.n, CNT_UdpNoPorts);
	got(&w, &w.a, PEER, 4000, "mine");
	got_nothing(&w, &w.a);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(NULL, 0)), 0);
	in_udp(&w, 4001, 53, "mine now", (struct in_spec){0});
	got(&w, &w.a, PEER, 4001, "mine now");
	end(&w);
}
END_TEST

/* An ICMP port unreachable that quotes a datagram from sport to PEER:dport. */
static void in_unreachable(struct dgram_net *w, uint16_t sport, uint16_t dport)
{
	uint8_t m[36] = {ICMP_DEST_UNREACH, ICMP_UNREACH_PORT, [8] = 0x45, [17] = IP_PROTO_UDP};
	memcpy(m + 20, addr(US).b, 4);
	memcpy(m + 24, addr(PEER).b, 4);
	store_be16(m + 28, sport);
	store_be16(m + 30, dport);
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, sizeof(m))));
	in_ip(&w->n, (struct ip_spec){.protocol = IP_PROTO_ICMP, .data = m, .len = sizeof(m)});
}

/* Fragmentation needed, about a datagram of `total` bytes. */
static void in_frag_needed(struct dgram_net *w, uint16_t sport, uint16_t dport, uint16_t total, uint16_t mtu)
{
	uint8_t m[36] = {ICMP_DEST_UNREACH, 4, [8] = 0x45, [17] = IP_PROTO_UDP};
	store_be16(m + 6, mtu);
	store_be16(m + 10, total);
	memcpy(m + 20, addr(US).b, 4);
	memcpy(m + 24, addr(PEER).b, 4);
	store_be16(m + 28, sport);
	store_be16(m + 30, dport);
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, sizeof(m))));
	in_ip(&w->n, (struct ip_spec){.protocol = IP_PROTO_ICMP, .data = m, .len = sizeof(m)});
}

/* Sends len bytes to PEER, port 9; returns the flags and offset of the first frame. */
static uint16_t sent_frag(struct dgram_net *w, struct dgram *d, uint32_t len)
{
	static const uint8_t bytes[2000];
	struct frame_out f;
	ck_assert_int_eq(dgram_send(&w->l, d, at(PEER, 9), NULL, bytes, len), 0);
	ck_assert(dgram_output(&w->l, &f));
	keep_out(&w->n, &f);
	while (ip_pull(&w->n.ip, &f))
		;
	return load_be16(w->n.out + ETHER_HDR_LEN + IPV4_OFF_FRAG);
}

START_TEST(datagrams_find_the_paths_mtu)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 1472), IPV4_FLAG_DF);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 1473), IPV4_FLAG_MF);
	/* Nobody has the port: not believed. */
	in_frag_needed(&w, 54, 9, 1500, 1280);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 1472), IPV4_FLAG_DF);
	in_frag_needed(&w, 53, 9, 1500, 1280);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 1252), IPV4_FLAG_DF);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 1253), IPV4_FLAG_MF);
	in_frag_needed(&w, 53, 9, 1280, 0);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 978), IPV4_FLAG_DF);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 979), IPV4_FLAG_MF);
	/* Narrower than we take any path to be: routers cut. */
	in_frag_needed(&w, 53, 9, 1006, 68);
	ck_assert_uint_eq(sent_frag(&w, &w.a, 100), 0);
	end(&w);
}
END_TEST

START_TEST(errors_come_in_order_to_connected_sockets)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 54)), 0);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 4000)), 0);
	in_udp(&w, 4000, 53, "before", (struct in_spec){0});
	in_unreachable(&w, 53, 4000);
	dgram_turn_end(&w.l);
	in_udp(&w, 4000, 53, "after", (struct in_spec){0});
	got(&w, &w.a, PEER, 4000, "before");
	got_error(&w, &w.a, ECONNREFUSED);
	got(&w, &w.a, PEER, 4000, "after");
	in_unreachable(&w, 54, 4000);
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	got_nothing(&w, &w.b);
	end(&w);
}
END_TEST

START_TEST(sends_with_a_checksum)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "odd"), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 10, ""), 0);
	ck_assert_uint_eq(dgram_send_queued(&w.a), 3);
	out_udp(&w, PEER_MAC, PEER, 53, 9, "odd");
	out_udp(&w, PEER_MAC, PEER, 53, 10, "");
	out_no_dgram(&w);
	ck_assert_uint_eq(w.a.out, 2);
	ck_assert_uint_eq(dgram_send_queued(&w.a), 0);
	ck_assert_ptr_null(w.a.snd.base); /* an idle socket holds no memory */
	end(&w);
}
END_TEST

/* RFC 1122 3.2.1.7. */
START_TEST(the_configured_time_to_live)
{
	struct dgram_net w;
	begin(&w);
	w.n.ip.cfg.ttl = 200;
	dgram_release(&w.l, &w.a);
	dgram_init(&w.l, &w.a, DGRAM_UDP, BUF, BUF);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "x"), 0);
	out_udp(&w, PEER_MAC, PEER, 53, 9, "x");
	ck_assert_uint_eq(w.n.out[ETHER_HDR_LEN + 8], 200);
	end(&w);
}
END_TEST

/* RFC 768: a checksum that computes to zero is sent as all ones. */
START_TEST(a_zero_checksum_is_sent_as_ones)
{
	struct dgram_net w;
	uint8_t data[2] = {0};
	struct frame_out f;
	uint8_t hdr[UDP_HDR_LEN];
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	store_be16(hdr, 53);
	store_be16(hdr + 2, 9);
	store_be16(hdr + 4, 10);
	store_be16(hdr + 6, 0);
	csum sum = csum_add(csum_pseudo(addr(US), addr(PEER), IP_PROTO_UDP, 10), hdr, UDP_HDR_LEN);
	store_be16(data, csum_finish(sum)); /* makes the whole sum all ones */
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, data, 2), 0);
	ck_assert(dgram_output(&w.l, &f));
	keep_out(&w.n, &f);
	ck_assert_uint_eq(load_be16(w.n.out + 34 + 6), 0xffff);
	end(&w);
}
END_TEST

START_TEST(senders_take_turns)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 1)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 2)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "a1"), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "a2"), 0);
	ck_assert_int_eq(send_text(&w, &w.b, PEER, 9, "b1"), 0);
	out_udp(&w, PEER_MAC, PEER, 1, 9, "a1");
	out_udp(&w, PEER_MAC, PEER, 2, 9, "b1");
	out_udp(&w, PEER_MAC, PEER, 1, 9, "a2");
	out_no_dgram(&w);
	end(&w);
}
END_TEST

START_TEST(what_send_refuses)
{
	struct dgram_net w;
	static uint8_t big[UDP_PAYLOAD_MAX + 1];
	begin(&w);
	ck_assert_int_eq(send_text(&w, &w.a, NULL, 0, "x"), EDESTADDRREQ);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 0, "x"), EINVAL);
	ck_assert_int_eq(send_text(&w, &w.a, "240.0.0.1", 9, "x"), ENETUNREACH);
	ck_assert_int_eq(send_text(&w, &w.a, "10.0.0.255", 9, "x"), EACCES);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at("255.255.255.255", 9)), EACCES);
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, big, UDP_PAYLOAD_MAX + 1), EMSGSIZE);
	ck_assert(!w.a.pcb.bound);
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, big, 1472), 0);
	ck_assert(w.a.pcb.bound && w.a.pcb.local.port >= PORT_EPHEMERAL_MIN);
	w.a.broadcast = true;
	ck_assert_int_eq(send_text(&w, &w.a, "10.0.0.255", 9, "all"), 0);
	struct frame_out f;
	ck_assert(dgram_output(&w.l, &f));
	out_udp(&w, MAC_BROADCAST, "10.0.0.255", w.a.pcb.local.port, 9, "all");
	end(&w);
}
END_TEST

START_TEST(bind_and_its_errors)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(PEER, 53)), EADDRNOTAVAIL);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(US, 53)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(US, 54)), EINVAL);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 53)), EADDRINUSE);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 0)), 0);
	ck_assert_uint_ge(w.b.pcb.local.port, PORT_EPHEMERAL_MIN);
	end(&w);
}
END_TEST

START_TEST(a_second_connect_keeps_the_port)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 9)), 0);
	uint16_t port = w.a.pcb.local.port;
	ck_assert(ip_eq(w.a.pcb.local.addr, addr(US)));
	ck_assert_int_eq(send_text(&w, &w.a, NULL, 0, "first"), 0);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 10)), 0);
	ck_assert_uint_eq(w.a.pcb.local.port, port);
	ck_assert_int_eq(send_text(&w, &w.a, NULL, 0, "second"), 0);
	out_udp(&w, PEER_MAC, PEER, port, 9, "first");
	out_udp(&w, PEER_MAC, PEER, port, 10, "second");
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at("240.0.0.1", 10)), ENETUNREACH);
	ck_assert(w.a.pcb.connected); /* as it was */
	end(&w);
}
END_TEST

START_TEST(the_receive_buffer_is_a_bound)
{
	struct dgram_net w;
	char text[401];
	memset(text, 't', 400);
	text[400] = 0;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	for (int i = 0; i < 20; i++) {
		in_udp(&w, 4000, 53, text, (struct in_spec){0});
		dgram_turn_end(&w.l);
	}
	uint64_t fit = BUF / (400 + sizeof(struct dgram_record));
	ck_assert_uint_eq(w.a.in, fit);
	ck_assert_uint_eq(w.a.drops, 20 - fit);
	ck_assert_uint_eq(w.n.cnt.v[CNT_UdpRcvbufErrors], 20 - fit);
	for (uint64_t i = 0; i < fit; i++)
		got(&w, &w.a, PEER, 4000, text);
	got_nothing(&w, &w.a);
	ck_assert_ptr_null(w.a.rcv.base);
	end(&w);
}
END_TEST

START_TEST(the_send_buffer_is_a_bound_and_tells_of_room)
{
	struct dgram_net w;
	uint8_t data[500] = {0};
	struct frame_out f;
	int sent = 0;
	begin(&w);
	while (dgram_send(&w.l, &w.a, at(PEER, 9), NULL, data, sizeof(data)) == 0)
		sent++;
	ck_assert_uint_eq((size_t)sent, BUF / (sizeof(data) + sizeof(struct dgram_record)));
	ck_assert_uint_eq(w.n.cnt.v[CNT_UdpSndbufErrors], 0); /* whoever wants to keep it can */
	ck_assert_int_eq(w.writable, 0);
	while (dgram_output(&w.l, &f))
		sent--;
	ck_assert_int_eq(sent, 0);
	ck_assert_int_eq(w.writable, 1);
	end(&w);
}
END_TEST

START_TEST(one_datagram_always_fits)
{
	struct dgram_net w;
	begin(&w);
	w.a.sndbuf = w.a.rcvbuf = 8;
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "more than the buffer"), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "x"), EAGAIN);
	in_udp(&w, 4000, 53, "more than the buffer", (struct in_spec){0});
	dgram_turn_end(&w.l);
	got(&w, &w.a, PEER, 4000, "more than the buffer");
	end(&w);
}
END_TEST

START_TEST(shut_input_drops)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	w.a.input_shut = true;
	in_udp(&w, 4000, 53, "late", (struct in_spec){0});
	net_expect_drop(&w.n, CNT_UdpInShut);
	got_nothing(&w, &w.a);
	end(&w);
}
END_TEST

START_TEST(an_unresolved_peer_makes_it_wait)
{
	struct dgram_net w;
	uint32_t len;
	begin(&w);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at("10.0.0.9", 9)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, NULL, 0, "wait"), 0);
	out_no_dgram(&w);
	out_arp(&w.n, REQUEST, MAC_BROADCAST, "10.0.0.9");
	in_arp(&w.n, REPLY, EVIL_MAC, "10.0.0.9", US);
	out_ip(&w.n, EVIL_MAC, US, "10.0.0.9", IP_PROTO_UDP, &len);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at("10.0.0.8", 9)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, NULL, 0, "lost"), 0);
	out_no_dgram(&w);
	net_pass(&w.n, 3000);
	got_error(&w, &w.a, EHOSTUNREACH);
	end(&w);
}
END_TEST

START_TEST(a_socket_released_in_its_turn)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "out"), 0);
	in_udp(&w, 4000, 53, "in", (struct in_spec){0});
	out_udp(&w, PEER_MAC, PEER, 53, 9, "out");
	dgram_release(&w.l, &w.a);
	out_no_dgram(&w);
	end(&w);
}
END_TEST

static void join(struct dgram_net *w, struct dgram *d, const char *group, const char *source)
{
	enum igmp_change what = source ? IGMP_JOIN_SOURCE : IGMP_JOIN;
	struct ip_addr from = source ? addr(source) : (struct ip_addr){0};
	ck_assert_int_eq(igmp_change(&w->n.ip, &d->groups, what, addr(group), from), 0);
	ck_assert(net_pull(&w->n)); /* the report */
}

#define GROUP     "239.1.1.1"
#define GROUP_MAC ether_multicast_ip4(addr(GROUP))

START_TEST(a_group_reaches_every_member)
{
	struct dgram_net w;
	begin(&w);
	w.a.pcb.reuse_addr = w.b.pcb.reuse_addr = w.c.pcb.reuse_addr = true;
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 5000)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(GROUP, 5000)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.c, at(US, 5000)), 0);
	in_udp(&w, 68, 5000, "nobody", (struct in_spec){.dst = GROUP, .mac = GROUP_MAC});
	net_expect_drop(&w.n, CNT_IpInAddrErrors);
	join(&w, &w.b, GROUP, NULL);
	in_udp(&w, 68, 5000, "all", (struct in_spec){.dst = GROUP, .mac = GROUP_MAC});
	got(&w, &w.a, PEER, 68, "all"); /* IP_MULTICAST_ALL */
	got(&w, &w.b, PEER, 68, "all");
	got_nothing(&w, &w.c);
	w.a.mc_all = false;
	in_udp(&w, 68, 5000, "members", (struct in_spec){.dst = GROUP, .mac = GROUP_MAC});
	got_nothing(&w, &w.a);
	got(&w, &w.b, PEER, 68, "members");
	in_udp(&w, 68, 5001, "nobody", (struct in_spec){.dst = GROUP, .mac = GROUP_MAC});
	net_expect_drop(&w.n, CNT_UdpIgnoredMulti);
	out_nothing(&w.n); /* RFC 1122 3.2.2: no ICMP error in answer to a group */
	end(&w);
}
END_TEST

START_TEST(a_member_with_sources)
{
	struct dgram_net w;
	begin(&w);
	w.a.pcb.reuse_addr = w.b.pcb.reuse_addr = true;
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(GROUP, 5000)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(GROUP, 5000)), 0);
	join(&w, &w.a, GROUP, "10.0.0.9");
	join(&w, &w.b, GROUP, PEER);
	in_udp(&w, 68, 5000, "from the peer", (struct in_spec){.dst = GROUP, .mac = GROUP_MAC});
	got_nothing(&w, &w.a);
	got(&w, &w.b, PEER, 68, "from the peer");
	end(&w);
}
END_TEST

START_TEST(a_connected_member_hears_its_peer_only)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(GROUP, 5000)), 0);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 68)), 0);
	join(&w, &w.a, GROUP, NULL);
	in_udp(&w, 68, 5000, "mine", (struct in_spec){.dst = GROUP, .mac = GROUP_MAC});
	got(&w, &w.a, PEER, 68, "mine");
	in_udp(&w, 69, 5000, "another's", (struct in_spec){.dst = GROUP, .mac = GROUP_MAC});
	got_nothing(&w, &w.a);
	end(&w);
}
END_TEST

START_TEST(sends_to_a_group)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 5000)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, GROUP, 9, "all"), 0);
	out_udp(&w, GROUP_MAC, GROUP, 5000, 9, "all");
	ck_assert_uint_eq(w.n.out[ETHER_HDR_LEN + 8], 1); /* RFC 1112 6.1 */
	w.a.mc_ttl = 7;
	ck_assert_int_eq(send_text(&w, &w.a, GROUP, 9, "further"), 0);
	out_udp(&w, GROUP_MAC, GROUP, 5000, 9, "further");
	ck_assert_uint_eq(w.n.out[ETHER_HDR_LEN + 8], 7);
	w.a.mc_ttl = 0;
	ck_assert_int_eq(send_text(&w, &w.a, GROUP, 9, "here only"), 0);
	out_no_dgram(&w);
	end(&w);
}
END_TEST

START_TEST(what_is_sent_to_a_group_comes_back)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 5000)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 5001)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, GROUP, 5001, "no member"), 0);
	got_nothing(&w, &w.b);
	join(&w, &w.b, GROUP, NULL);
	ck_assert_int_eq(send_text(&w, &w.a, GROUP, 5001, "looped"), 0);
	ck_assert_int_eq(w.arrived, 1);
	got(&w, &w.b, US, 5000, "looped");
	w.a.mc_loop = false;
	ck_assert_int_eq(send_text(&w, &w.a, GROUP, 5001, "not looped"), 0);
	got_nothing(&w, &w.b);
	/* A broadcast always does. */
	w.a.broadcast = true;
	ck_assert_int_eq(send_text(&w, &w.a, "10.0.0.255", 5001, "broadcast"), 0);
	got(&w, &w.b, US, 5000, "broadcast");
	w.b.rcvbuf = 64;
	ck_assert_int_eq(send_text(&w, &w.a, "10.0.0.255", 5001, "first"), 0);
	ck_assert_int_eq(send_text(&w, &w.a, "10.0.0.255", 5001, "too many"), 0);
	ck_assert_uint_eq(w.b.drops, 1);
	got(&w, &w.b, US, 5000, "first");
	got_nothing(&w, &w.b);
	end(&w);
}
END_TEST

START_TEST(the_last_of_several_with_reuseaddr_hears)
{
	struct dgram_net w;
	begin(&w);
	w.a.pcb.reuse_addr = w.b.pcb.reuse_addr = true;
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 53)), 0);
	in_udp(&w, 4000, 53, "one", (struct in_spec){0});
	got_nothing(&w, &w.a);
	got(&w, &w.b, PEER, 4000, "one");
	end(&w);
}
END_TEST

START_TEST(reuseport_shares_by_the_remote)
{
	struct dgram_net w;
	uint32_t queued[2] = {0};
	begin(&w);
	w.a.pcb.reuse_port = w.b.pcb.reuse_port = true;
	w.a.rcvbuf = w.b.rcvbuf = 1 << 20;
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 53)), 0);
	for (int round = 0; round < 2; round++)
		for (uint16_t port = 1; port <= 200; port++)
			in_udp(&w, port, 53, "x", (struct in_spec){0});
	queued[0] = dgram_recv_queued(&w.a);
	queued[1] = dgram_recv_queued(&w.b);
	ck_assert_uint_eq(queued[0] + queued[1], 400);
	ck_assert_uint_gt(queued[0], 100);
	ck_assert_uint_gt(queued[1], 100);
	ck_assert_uint_eq(queued[0] % 2, 0); /* each remote went to the same one in both rounds */
	dgram_turn_end(&w.l);
	end(&w);
}
END_TEST

START_TEST(save_and_load)
{
	struct dgram_net w;
	struct snap save, load;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 1)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 2)), 0);
	ck_assert_int_eq(dgram_connect(&w.l, &w.c, at(PEER, 3)), 0);
	uint16_t port = w.c.pcb.local.port;
	ck_assert_int_eq(send_text(&w, &w.b, PEER, 9, "b1"), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "a1"), 0);
	ck_assert_int_eq(send_text(&w, &w.b, PEER, 9, "b2"), 0);
	in_udp(&w, 4000, 1, "in", (struct in_spec){0});
	in_unreachable(&w, port, 3);
	dgram_turn_end(&w.l);
	snap_save_begin(&save);
	snap_all(&save, &w);
	stop_dgram(&w);
	start_dgram(&w);
	snap_load_begin(&load, save.buf, save.len);
	snap_all(&load, &w);
	ck_assert_msg(snap_ok(&load), "%s", load.error);
	ck_assert_uint_eq(load.pos, load.len);
	ck_assert_uint_eq(dgram_recv_queued(&w.a), 2);
	ck_assert_uint_eq(dgram_send_queued(&w.b), 4);
	got(&w, &w.a, PEER, 4000, "in");
	got_error(&w, &w.c, ECONNREFUSED);
	out_udp(&w, PEER_MAC, PEER, 2, 9, "b1"); /* the order among senders is kept */
	out_udp(&w, PEER_MAC, PEER, 1, 9, "a1");
	out_udp(&w, PEER_MAC, PEER, 2, 9, "b2");
	in_udp(&w, 3, port, "connected", (struct in_spec){0});
	got(&w, &w.c, PEER, 3, "connected");
	for (size_t cut = 0; cut < save.len; cut += 7) {
		stop_dgram(&w);
		start_dgram(&w);
		snap_load_begin(&load, save.buf, cut);
		snap_all(&load, &w);
		ck_assert(!snap_ok(&load));
	}
	snap_save_free(&save);
	end(&w);
}
END_TEST

START_TEST(no_memory_at_any_allocation)
{
	for (uint64_t k = 1; k < 12; k++) {
		struct dgram_net w;
		begin(&w);
		w.n.env.fail_at = w.n.env.allocations + k;
		int bound = dgram_bind(&w.l, &w.a, at(NULL, 53));
		ck_assert_int_eq(bound, 0);
		int sent = send_text(&w, &w.a, PEER, 9, "x");
		ck_assert(sent == 0 || sent == ENOBUFS);
		in_udp(&w, 4000, 53, "y", (struct in_spec){0});
		dgram_turn_end(&w.l);
		end(&w);
	}
}
END_TEST

START_TEST(what_nobody_reads_or_sends_is_counted)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	in_udp(&w, 4000, 53, "kept", (struct in_spec){0});
	dgram_turn_end(&w.l);
	in_udp(&w, 4000, 53, "borrowed", (struct in_spec){0});
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "one"), 0);
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "two"), 0);
	dgram_release(&w.l, &w.a);
	ck_assert_uint_eq(w.n.cnt.v[CNT_SocketUnread], 2);
	ck_assert_uint_eq(w.n.cnt.v[CNT_SocketUnsent], 2);
	ck_assert_uint_eq(w.n.cnt.v[CNT_UdpOutDatagrams], 0);
	dgram_init(&w.l, &w.a, w.kind, BUF, BUF);
	end(&w);
	ck_assert_uint_eq(w.n.cnt.v[CNT_SocketUnread], 2);
}
END_TEST

START_TEST(want_of_memory_is_another_reason)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	in_udp(&w, 4000, 53, "x", (struct in_spec){0});
	w.n.env.fail_at = w.n.env.allocations + 1;
	dgram_turn_end(&w.l);
	w.n.env.fail_at = 0;
	net_expect_drop(&w.n, CNT_UdpMemErrors);
	ck_assert_uint_eq(w.n.cnt.v[CNT_UdpRcvbufErrors], 0);
	struct counters c = w.n.cnt;
	counters_add_up(&c);
	ck_assert_uint_eq(c.v[CNT_UdpInErrors], 1);
	end(&w);
}
END_TEST

Suite *udp_suite(void);
Suite *udp_suite(void)
{
	UNIT_SUITE("udp", datagrams_find_the_paths_mtu, delivers_within_the_turn_and_after_it,
	           malformed_datagrams_are_counted, nobody_listens, a_broadcast_reaches_everyone_bound,
	           a_connected_socket_hears_its_peer_only, errors_come_in_order_to_connected_sockets,
	           sends_with_a_checksum, the_configured_time_to_live, a_zero_checksum_is_sent_as_ones,
	           senders_take_turns, what_send_refuses, bind_and_its_errors, a_second_connect_keeps_the_port,
	           the_receive_buffer_is_a_bound, the_send_buffer_is_a_bound_and_tells_of_room,
	           one_datagram_always_fits, shut_input_drops, an_unresolved_peer_makes_it_wait,
	           a_socket_released_in_its_turn, a_group_reaches_every_member, a_member_with_sources,
	           a_connected_member_hears_its_peer_only, sends_to_a_group, what_is_sent_to_a_group_comes_back,
	           the_last_of_several_with_reuseaddr_hears, reuseport_shares_by_the_remote, save_and_load,
	           no_memory_at_any_allocation, what_nobody_reads_or_sends_is_counted,
	           want_of_memory_is_another_reason);
}
