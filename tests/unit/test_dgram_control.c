/* dgram_control: what goes with a datagram, both ways, for all three kinds of sockets; DF and the path's MTU; reports
 * of errors; checksums that are not wanted, or wanted; reload. */
#include "dgram_net.h"
#include "ip/ip_options.h"

/* A UDP datagram in, from PEER:4000 to port 53, its IP header as s says. */
static void in_udp(struct dgram_net *w, const char *text, struct ip_spec s)
{
	uint8_t p[200] = {0};
	uint32_t len = UDP_HDR_LEN + (uint32_t)strlen(text);
	store_be16(p, 4000);
	store_be16(p + 2, 53);
	store_be16(p + 4, (uint16_t)len);
	memcpy(p + UDP_HDR_LEN, text, strlen(text));
	s.data = p;
	s.len = len;
	in_ip(&w->n, s);
}

static struct dgram_record take(struct dgram_net *w, struct dgram *d)
{
	struct dgram_record rec;
	struct iovec iov[2];
	int niov;
	ck_assert(dgram_peek(&w->l, d, &rec, iov, &niov));
	dgram_consume(&w->l, d);
	return rec;
}

/* The IP header of the next frame out. */
static const uint8_t *out_header(struct dgram_net *w)
{
	struct frame_out f;
	ck_assert(dgram_output(&w->l, &f));
	keep_out(&w->n, &f);
	return w->n.out + ETHER_HDR_LEN;
}

static int send_with(struct dgram_net *w, const struct dgram_control *c)
{
	return dgram_send(&w->l, &w->a, at(PEER, 9), c, "text", 4);
}

/* IP_MULTICAST_IF is that of the time of sending, and bind goes before it. */
START_TEST(the_source_of_a_multicast)
{
	struct dgram_net w;
	struct ip_prefix second = {addr("10.0.0.9"), 24};
	begin_kind(&w, DGRAM_UDP);
	ck_assert_int_eq(ip_address_add(&w.n.ip, second, IP_ORIGIN_STATIC, IP_ACD_NONE), 0);
	w.a.mc_local = second.addr;
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at("239.1.1.1", 9), NULL, "one", 3), 0);
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, "two", 3), 0);
	w.a.mc_local = (struct ip_addr){0};
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at("239.1.1.1", 9), NULL, "three", 5), 0);
	ck_assert_mem_eq(out_header(&w) + IPV4_OFF_SRC, second.addr.b, 4);
	ck_assert_mem_eq(out_header(&w) + IPV4_OFF_SRC, addr(US).b, 4);
	ck_assert_mem_eq(out_header(&w) + IPV4_OFF_SRC, addr(US).b, 4);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(US, 53)), 0);
	w.b.mc_local = second.addr;
	ck_assert_int_eq(dgram_send(&w.l, &w.b, at("239.1.1.1", 9), NULL, "four", 4), 0);
	ck_assert_mem_eq(out_header(&w) + IPV4_OFF_SRC, addr(US).b, 4);
	end(&w);
}
END_TEST

START_TEST(what_comes_with_a_datagram)
{
	static const uint8_t options[8] = {7, 7, 4};
	struct dgram_net w;
	begin_kind(&w, DGRAM_UDP);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	w.n.env.now = (instant){123};
	in_udp(&w, "one", (struct ip_spec){.options = options, .options_len = 8, .tos = 0x2c});
	dgram_turn_end(&w.l);
	struct dgram_record rec = take(&w, &w.a);
	ck_assert_uint_eq(rec.tos, 0x2c);
	ck_assert_uint_eq(rec.ttl, 64);
	ck_assert_int_eq(rec.at.ns, 123);
	ck_assert(ip_eq(rec.dst, addr(US)) && ip_eq(rec.local, addr(US)));
	ck_assert_uint_eq(rec.options_len, 8);
	ck_assert_mem_eq(rec.options, options, 8);
	/* RFC 1122 3.2.1.3: the specific destination of a broadcast is our address. */
	in_udp(&w, "all", (struct ip_spec){.dst = "10.0.0.255", .mac = MAC_BROADCAST});
	rec = take(&w, &w.a);
	ck_assert(ip_eq(rec.dst, addr("10.0.0.255")) && ip_eq(rec.local, addr(US)));
	ck_assert_uint_eq(rec.options_len, 0);
	end(&w);
}
END_TEST

START_TEST(what_a_datagram_has_of_its_own)
{
	static const struct dgram_control c = {.ttl = 7,
	                                       .has_tos = true,
	                                       .tos = 0x10,
	                                       .has_options = true,
	                                       .options_len = 7,
	                                       .options = {7, 7, 4},
	                                       .interface = IP_INTERFACE,
	                                       .source = {.family = IP_V4, .b = {10, 0, 0, 1}}};
	for (enum dgram_kind kind = 0; kind < DGRAM_KINDS; kind++) {
		static const uint8_t echo[8] = {8};
		struct dgram_net w;
		begin_kind(&w, kind);
		if (kind == DGRAM_RAW)
			dgram_set_protocol(&w.a, 253);
		ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), &c, echo, sizeof(echo)), 0);
		const uint8_t *p = out_header(&w);
		ck_assert_uint_eq(p[0], 0x47);
		ck_assert_uint_eq(p[1], 0x10);
		ck_assert_uint_eq(p[8], 7);
		ck_assert_mem_eq(p + IPV4_OFF_SRC, addr(US).b, 4);
		ck_assert_mem_eq(p + IPV4_HDR_MIN, ((const uint8_t[]){7, 7, 4, 0, 0, 0, 0, 1}), 8);
		ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, 28)), 0);
		/* The next one is the socket's. */
		w.a.ttl = 9;
		w.a.tos = 4;
		ck_assert_int_eq(dgram_set_options(&w.l, &w.a, (const uint8_t[]){148, 4, 0, 0}, 4), 0);
		ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, echo, sizeof(echo)), 0);
		p = out_header(&w);
		ck_assert_uint_eq(p[0], 0x46);
		ck_assert_uint_eq(p[1], 4);
		ck_assert_uint_eq(p[8], 9);
		ck_assert_uint_eq(p[20], 148);
		end(&w);
	}
}
END_TEST

START_TEST(what_is_refused)
{
	struct dgram_net w;
	uint32_t max;
	static const uint8_t route[7] = {131, 7, 4, 10, 0, 0, 254};
	begin_kind(&w, DGRAM_UDP);
	ck_assert_int_eq(send_with(&w, &(struct dgram_control){.source = addr(PEER)}), EINVAL);
	ck_assert_int_eq(send_with(&w, &(struct dgram_control){.source = addr("224.0.0.1")}), EINVAL);
	ck_assert_int_eq(send_with(&w, &(struct dgram_control){.interface = 3}), ENODEV);
	ck_assert_int_eq(send_with(&w, &(struct dgram_control){.has_options = true, .options_len = 2}), 0);
	struct dgram_control c = {.has_options = true, .options_len = 2, .options = {7, 2}};
	ck_assert_int_eq(send_with(&w, &c), EINVAL);
	c.options_len = 7;
	memcpy(c.options, route, 7);
	ck_assert_int_eq(send_with(&w, &c), EPERM);
	ck_assert_int_eq(dgram_set_options(&w.l, &w.a, route, 7), EPERM);
	ck_assert_int_eq(dgram_set_options(&w.l, &w.a, route, 6), EINVAL);
	w.n.ip.cfg.source_route = true;
	ck_assert_int_eq(send_with(&w, &c), 0);
	/* Options leave less room. */
	ck_assert_int_eq(dgram_check(&w.l, &w.a, at(PEER, 9), &c, 1, &max), 0);
	ck_assert_uint_eq(max, UDP_PAYLOAD_MAX - 8);
	end(&w);
}
END_TEST

START_TEST(a_source_route_and_its_reversal)
{
	/* RFC 1122 4.1.3.2: an application reverses the route of a request for its reply. */
	struct dgram_net w;
	struct dgram_control c = {.has_options = true};
	begin_kind(&w, DGRAM_UDP);
	w.n.ip.cfg.source_route = true;
	in_arp(&w.n, REQUEST, EVIL_MAC, GATEWAY, US);
	out_arp(&w.n, REPLY, EVIL_MAC, GATEWAY);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	in_udp(&w, "over the gateway",
	       (struct ip_spec){.options = (const uint8_t[]){131, 7, 8, 10, 0, 0, 254, 0}, .options_len = 8});
	struct dgram_record rec = take(&w, &w.a);
	c.options_len = ip_options_back(rec.options, rec.options_len, rec.addr.addr, c.options);
	ck_assert_int_eq(send_with(&w, &c), 0);
	const uint8_t *p = out_header(&w);
	ck_assert_mem_eq(w.n.out, EVIL_MAC.b, 6);
	ck_assert_mem_eq(p + IPV4_OFF_DST, addr(GATEWAY).b, 4);
	ck_assert_mem_eq(p + IPV4_HDR_MIN, ((const uint8_t[]){131, 7, 4, 10, 0, 0, 2, 0}), 8);
	/* RFC 768: the pseudo-header has the final destination. */
	ck_assert_uint_eq(csum_finish(csum_add(csum_pseudo(addr(US), addr(PEER), IP_PROTO_UDP, 12), p + 28, 12)), 0);
	end(&w);
}
END_TEST

/* Sends a datagram of so many bytes with its IP header: the flags and offset of its first frame, or an errno above. */
static uint32_t sent_frag(struct dgram_net *w, uint32_t total)
{
	static uint8_t bytes[2000] = {8};
	struct frame_out f;
	int error = dgram_send(&w->l, &w->a, at(PEER, 9), NULL, bytes,
	                       total - IPV4_HDR_MIN - (w->kind == DGRAM_UDP ? UDP_HDR_LEN : 0));
	if (error)
		return (uint32_t)error << 16;
	uint16_t frag = load_be16(out_header(w) + IPV4_OFF_FRAG);
	while (ip_pull(&w->n.ip, &f))
		;
	return frag;
}

START_TEST(df_and_the_paths_mtu)
{
	enum { DF = IPV4_FLAG_DF, CUT = IPV4_FLAG_MF, TOO_LONG = EMSGSIZE << 16 };
	static const uint32_t row[][4] = {
	        /* 1000, 1280, 1281, 1501 bytes on a path of 1280 */
	        [DGRAM_PMTU_DONT] = {0, 0, CUT, CUT},
	        [DGRAM_PMTU_WANT] = {DF, DF, CUT, CUT},
	        [DGRAM_PMTU_DO] = {DF, DF, TOO_LONG, TOO_LONG},
	        [DGRAM_PMTU_PROBE] = {DF, DF, DF, TOO_LONG},
	};
	static const uint32_t total[4] = {1000, 1280, 1281, 1501};
	for (enum dgram_kind kind = 0; kind < DGRAM_KINDS; kind++) {
		struct dgram_net w;
		uint16_t mtu;
		begin_kind(&w, kind);
		if (kind == DGRAM_RAW)
			dgram_set_protocol(&w.a, 253);
		ck_assert_int_eq(dgram_mtu(&w.l, &w.a, &mtu), ENOTCONN);
		ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 9)), 0);
		ck_assert_int_eq(dgram_mtu(&w.l, &w.a, &mtu), 0);
		ck_assert_uint_eq(mtu, 1500);
		ck_assert_int_eq(ip_path_narrows(&w.n.ip, addr(PEER), 1280), IP_PMTU_LOWERED);
		ck_assert_int_eq(dgram_mtu(&w.l, &w.a, &mtu), 0);
		ck_assert_uint_eq(mtu, 1280);
		for (w.a.pmtu = DGRAM_PMTU_DONT; w.a.pmtu <= DGRAM_PMTU_PROBE; w.a.pmtu++)
			for (int i = 0; i < 4; i++)
				ck_assert_uint_eq(sent_frag(&w, total[i]), row[w.a.pmtu][i]);
		w.a.pmtu = DGRAM_PMTU_WANT;
		end(&w);
	}
}
END_TEST

/* What was sent before an option changed goes out as it was sent. */
START_TEST(df_is_of_the_datagram)
{
	static const uint8_t bytes[1000] = {0};
	struct dgram_net w;
	begin_kind(&w, DGRAM_UDP);
	w.a.pmtu = DGRAM_PMTU_DO;
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, bytes, sizeof(bytes)), 0);
	w.a.pmtu = DGRAM_PMTU_DONT;
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, bytes, sizeof(bytes)), 0);
	w.a.pmtu = DGRAM_PMTU_DO;
	ck_assert_uint_eq(load_be16(out_header(&w) + IPV4_OFF_FRAG), IPV4_FLAG_DF);
	ck_assert_uint_eq(load_be16(out_header(&w) + IPV4_OFF_FRAG), 0);
	end(&w);
}
END_TEST

/* An ICMP destination unreachable of the gateway that quotes what we sent to PEER: 8 bytes and `more'. */
static void in_error(struct dgram_net *w, uint8_t code, uint16_t mtu, uint8_t protocol, const uint8_t *first,
                     const char *more)
{
	uint8_t m[100] = {ICMP_DEST_UNREACH, code, [8] = 0x45, [17] = protocol};
	uint32_t len = 36 + (uint32_t)strlen(more);
	store_be16(m + 6, mtu);
	store_be16(m + 10, 1500);
	memcpy(m + 20, addr(US).b, 4);
	memcpy(m + 24, addr(PEER).b, 4);
	memcpy(m + 28, first, 8);
	memcpy(m + 36, more, strlen(more));
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, len)));
	in_ip(&w->n, (struct ip_spec){.src = GATEWAY, .protocol = IP_PROTO_ICMP, .data = m, .len = len, .tos = 0xc0});
}

static const uint8_t udp_first[8] = {0, 53, 0, 9, 0, 12};

static void got_report(struct dgram_net *w, struct dgram *d, int error, uint8_t type, uint8_t code, uint16_t mtu,
                       const char *quoted, size_t len)
{
	struct dgram_record rec;
	struct iovec iov[2];
	int niov;
	ck_assert(dgram_peek(&w->l, d, &rec, iov, &niov));
	ck_assert(rec.reported && rec.error == error);
	ck_assert_uint_eq(rec.icmp_type, type);
	ck_assert_uint_eq(rec.icmp_code, code);
	ck_assert_uint_eq(rec.mtu, mtu);
	ck_assert(ip_eq(rec.addr.addr, addr(PEER)));
	ck_assert_uint_eq(rec.len, len);
	if (len)
		ck_assert_mem_eq(iov[0].iov_base, quoted, len);
	dgram_consume(&w->l, d);
}

START_TEST(errors_in_full)
{
	struct dgram_net w;
	begin_kind(&w, DGRAM_UDP);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	in_error(&w, 3, 0, IP_PROTO_UDP, udp_first, "text");
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	w.a.recverr = true;
	in_udp(&w, "before", (struct ip_spec){0});
	in_error(&w, 3, 0, IP_PROTO_UDP, udp_first, "text");
	in_udp(&w, "after", (struct ip_spec){0});
	got(&w, &w.a, PEER, 4000, "before");
	got_report(&w, &w.a, ECONNREFUSED, ICMP_DEST_UNREACH, 3, 0, "text", 4);
	got(&w, &w.a, PEER, 4000, "after");
	in_error(&w, 4, 1280, IP_PROTO_UDP, udp_first, "");
	dgram_turn_end(&w.l);
	got_report(&w, &w.a, EMSGSIZE, ICMP_DEST_UNREACH, 4, 1280, "", 0);
	ck_assert_uint_eq(ip_path_to(&w.n.ip, addr(PEER)).mtu, 1280);
	/* A router that tells no MTU. */
	in_error(&w, 4, 0, IP_PROTO_UDP, udp_first, "");
	got_report(&w, &w.a, EMSGSIZE, ICMP_DEST_UNREACH, 4, 1492, "", 0);
	w.a.pmtu = DGRAM_PMTU_DONT;
	in_error(&w, 4, 1000, IP_PROTO_UDP, udp_first, "");
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	got_nothing(&w, &w.a);
	/* Nobody answers ARP: what it quotes is gone after the call. */
	ck_assert_int_eq(send_text(&w, &w.a, "10.0.0.8", 7, "lost"), 0);
	out_no_dgram(&w);
	net_pass(&w.n, 3000);
	dgram_turn_end(&w.l);
	struct dgram_record rec = take(&w, &w.a);
	ck_assert(rec.reported && rec.error == EHOSTUNREACH && rec.icmp_code == ICMP_UNREACH_HOST);
	ck_assert(endpoint_eq(rec.addr, at("10.0.0.8", 7)) && ip_eq(rec.offender, addr(US)));
	ck_assert_uint_eq(rec.len, 4);
	end(&w);
}
END_TEST

START_TEST(errors_of_ping_and_raw_sockets)
{
	static const uint8_t echo[13] = "\x08\0\0\0\0\x4d\0\x01"
	                                "data";
	struct dgram_net w;
	begin_kind(&w, DGRAM_PING);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 77)), 0);
	w.a.recverr = true;
	in_error(&w, 4, 1280, IP_PROTO_ICMP, echo, "data");
	got_report(&w, &w.a, EMSGSIZE, ICMP_DEST_UNREACH, 4, 1280, (const char *)echo, 12);
	ck_assert_uint_eq(ip_path_to(&w.n.ip, addr(PEER)).mtu, 1280);
	end(&w);

	begin_kind(&w, DGRAM_RAW);
	dgram_set_protocol(&w.a, 253);
	dgram_set_protocol(&w.b, 253);
	dgram_set_protocol(&w.c, 254);
	w.c.recverr = true;
	in_error(&w, 1, 0, 253, echo, "");
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	w.a.recverr = true;
	ck_assert_int_eq(dgram_connect(&w.l, &w.b, at(PEER, 0)), 0);
	in_error(&w, 4, 1280, 253, echo, "data");
	net_expect_no_drop(&w.n);
	ck_assert_uint_eq(ip_path_to(&w.n.ip, addr(PEER)).mtu, 1280);
	got_report(&w, &w.a, EMSGSIZE, ICMP_DEST_UNREACH, 4, 1280, (const char *)echo, 12);
	got_error(&w, &w.b, EMSGSIZE);
	got_nothing(&w, &w.c);
	end(&w);
}
END_TEST

START_TEST(checksums_as_the_application_wants)
{
	struct dgram_net w;
	begin_kind(&w, DGRAM_UDP);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	w.a.no_csum = true;
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 9, "x"), 0);
	const uint8_t *p = out_header(&w);
	ck_assert_uint_eq(load_be16(p + IPV4_HDR_MIN + 6), 0);
	ck_assert(!w.n.out_off.needs_csum);
	in_udp(&w, "without", (struct ip_spec){0});
	got(&w, &w.a, PEER, 4000, "without");
	w.a.csum_wanted = true;
	in_udp(&w, "without", (struct ip_spec){0});
	net_expect_drop(&w.n, CNT_UdpInNoCsums);
	ck_assert_uint_eq(w.a.drops, 1);
	got_nothing(&w, &w.a);
	end(&w);
}
END_TEST

START_TEST(a_datagram_tells_how_many_were_lost)
{
	struct dgram_net w;
	begin_kind(&w, DGRAM_UDP);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 53)), 0);
	w.a.rcvbuf = 1;
	in_udp(&w, "one", (struct ip_spec){0});
	in_udp(&w, "two", (struct ip_spec){0});
	in_udp(&w, "three", (struct ip_spec){0});
	dgram_turn_end(&w.l);
	ck_assert_uint_eq(take(&w, &w.a).drops, 0);
	in_udp(&w, "four", (struct ip_spec){0});
	ck_assert_uint_eq(take(&w, &w.a).drops, 2);
	end(&w);
}
END_TEST

static void fill(struct dgram_net *w)
{
	ck_assert_int_eq(dgram_bind(&w->l, &w->a, at(NULL, 53)), 0);
	w->a.pass = DGRAM_PASS_PKTINFO | DGRAM_PASS_DROPS;
	w->a.pmtu = DGRAM_PMTU_DO;
	w->a.recverr = w->a.no_csum = w->a.csum_wanted = true;
	ck_assert_int_eq(dgram_set_options(&w->l, &w->a, (const uint8_t[]){148, 4, 0, 0}, 4), 0);
	ck_assert_int_eq(send_with(w, &(struct dgram_control){.source = addr(US), .ttl = 5}), 0);
	in_error(w, 3, 0, IP_PROTO_UDP, udp_first, "text");
	dgram_turn_end(&w->l);
}

START_TEST(save_and_load)
{
	struct dgram_net w;
	struct snap save, load;
	begin_kind(&w, DGRAM_UDP);
	fill(&w);
	snap_save_begin(&save);
	snap_all(&save, &w);
	stop_dgram(&w);
	start_dgram(&w);
	snap_load_begin(&load, save.buf, save.len);
	snap_all(&load, &w);
	ck_assert_msg(snap_ok(&load), "%s", load.error);
	ck_assert_uint_eq(load.pos, load.len);
	ck_assert_uint_eq(w.a.pass, DGRAM_PASS_PKTINFO | DGRAM_PASS_DROPS);
	ck_assert_uint_eq(w.a.pmtu, DGRAM_PMTU_DO);
	ck_assert(w.a.recverr && w.a.no_csum && w.a.csum_wanted);
	got_report(&w, &w.a, ECONNREFUSED, ICMP_DEST_UNREACH, 3, 0, "text", 4);
	const uint8_t *p = out_header(&w);
	ck_assert_uint_eq(p[0], 0x46);
	ck_assert_uint_eq(p[8], 5);
	ck_assert_uint_eq(p[20], 148);
	snap_save_free(&save);
	end(&w);
}
END_TEST

Suite *dgram_control_suite(void);
Suite *dgram_control_suite(void)
{
	UNIT_SUITE("dgram_control", the_source_of_a_multicast, what_comes_with_a_datagram,
	           what_a_datagram_has_of_its_own, what_is_refused, a_source_route_and_its_reversal,
	           df_and_the_paths_mtu, df_is_of_the_datagram, errors_in_full, errors_of_ping_and_raw_sockets,
	           checksums_as_the_application_wants, a_datagram_tells_how_many_were_lost, save_and_load);
}
