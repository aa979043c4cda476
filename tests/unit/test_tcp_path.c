/* tcp_path: the MSS follows the path MTU, and which messages are believed (RFC 1191, RFC 5927 7). */
#include "tcp_net.h"

#define UNREACH     ICMP_DEST_UNREACH
#define FRAG_NEEDED 4

/* Text in full segments of 1,460 bytes from seq 1 on; all have been looked at. */
static void in_flight(struct tcp_net *n, uint32_t segments)
{
	do_send(n, segments * 1460);
	for (uint32_t i = 0; i < segments; i++)
		OUT(n, TCP_ACK, .seq = 1 + i * 1460, .ack = 1, .len = 1460);
}

/* RFC 1191 6.4: what was too long goes again at once, cut anew; the congestion window stays; what follows of the same
 * flight's messages changes nothing. */
START_TEST(too_long_is_sent_again_at_once)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	in_flight(&n, 2);
	uint32_t cwnd = tcb(&n)->cwnd, ssthresh = tcb(&n)->ssthresh;
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1);
	ck_assert(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1240)->df);
	OUT(&n, TCP_ACK, .seq = 1241, .ack = 1, .len = 220);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1240);
	OUT(&n, TCP_ACK, .seq = 2701, .ack = 1, .len = 220);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1461);
	OUT_NOTHING(&n);
	ck_assert_uint_eq(tcb(&n)->cwnd, cwnd);
	ck_assert_uint_eq(tcb(&n)->ssthresh, ssthresh);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	ck_assert_uint_eq(tcb(&n)->path.mtu, 1280);
	ck_assert_uint_eq(CNT(&n, IpPmtuLowered), 1);
	ck_assert_uint_eq(CNT(&n, TcpPmtuIgnored), 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2921);
	do_send(&n, 1240);
	OUT(&n, TCP_ACK, .seq = 2921, .ack = 1, .len = 1240);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_super_frame_is_sent_again)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_modern;
	opt.caps = (struct link_caps){.csum = true, .gso_max = FRAME_MAX};
	in_established(&n, &opt);
	do_send(&n, 5 * 1448);
	ck_assert_uint_eq(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 5 * 1448)->gso_size, 1448);
	for (uint32_t i = 0; i < 5; i++)
		tcp_net_push_icmp(&n, (struct ticmp){UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1 + i * 1448});
	tcp_net_turn(&n);
	ck_assert_uint_eq(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 5 * 1448)->gso_size, 1228);
	tcp_net_reload(&n);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 5 * 1448 + 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 1191 6.3: ten minutes later the link's MTU is tried again. The MSS that is announced never changes. */
START_TEST(the_mss_is_raised_when_the_entry_is_old)
{
	struct tcp_net n;
	in_accepted(&n, &tcp_net_plain);
	in_flight(&n, 1);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	tcp_net_pass(&n, 599 * 1000);
	do_send(&n, 1240);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1240);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2701);
	tcp_net_reload(&n);
	tcp_net_pass(&n, 1000);
	do_send(&n, 1460);
	OUT(&n, TCP_ACK, .seq = 2701, .ack = 1, .len = 1460);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280,
	     .seq = 2701); /* still narrow: believed at once, as in the beginning */
	OUT(&n, TCP_ACK, .seq = 2701, .ack = 1, .len = 1240);
	OUT(&n, TCP_ACK, .seq = 3941, .ack = 1, .len = 220);
	ck_assert_uint_eq(tcb(&n)->rcv.mss, 1460);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460, .peer_port = 9);
	ck_assert_uint_eq(OUT_ANY(&n)->mss, 1460);
	tcp_net_end(&n);
}
END_TEST

/* Another connection to the same destination sends no more than the path takes, but nothing again. */
START_TEST(connections_share_what_is_known)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	ck_assert_int_eq(ip_path_narrows(&n.stack->ip, addr(PEER), 1280), IP_PMTU_LOWERED);
	do_send(&n, 1460);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1240);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2701);
	OUT(&n, TCP_ACK, .seq = 2701, .ack = 1, .len = 220);
	ck_assert_int_eq(ip_path_narrows(&n.stack->ip, addr("10.0.0.3"), 600), IP_PMTU_LOWERED);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2921);
	do_send(&n, 1240);
	OUT(&n, TCP_ACK, .seq = 2921, .ack = 1, .len = 1240);
	tcp_net_end(&n);
}
END_TEST

/* Below IP_PMTU_MIN: segments of that size without DF, for routers to fragment. */
START_TEST(very_narrow_paths)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	in_flight(&n, 1);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 296, .seq = 1);
	for (uint32_t at = 0; at < 1460; at += 512)
		ck_assert(!OUT(&n, TCP_ACK, .seq = 1 + at, .ack = 1, .len = u32_min(512, 1460 - at))->df);
	OUT_NOTHING(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 1191 5: without an MTU the next lower plateau, from the smaller of what is quoted and what was sent. */
START_TEST(old_routers)
{
	static const struct {
		uint16_t total, mtu;
	} row[] = {{1500, 1492}, {65535, 1492}, {1200, 1006}, {1, 0}};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp_net n;
		in_established(&n, &tcp_net_plain);
		in_flight(&n, 1);
		ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 0, .seq = 1, .total = row[i].total);
		ck_assert_uint_eq(tcb(&n)->path.mtu, row[i].mtu ? row[i].mtu : IP_PMTU_MIN);
		tcp_net_skip_output(&n);
		tcp_net_end(&n);
	}
}
END_TEST

/* Forgeries of all kinds, and what each is counted as. */
START_TEST(forged_messages)
{
	static const struct {
		struct ticmp e;
		enum counter count;
	} row[] = {
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .port = 1}, CNT_IcmpInIgnored},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .peer_port = 1}, CNT_IcmpInIgnored},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .remote = "10.0.0.77"}, CNT_IcmpInIgnored},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 0}, CNT_TcpExtOutOfWindowIcmps},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 2921}, CNT_TcpExtOutOfWindowIcmps},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 0x80000000}, CNT_TcpExtOutOfWindowIcmps},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .quoted = 7}, CNT_IcmpInMalformed},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .none = true}, CNT_IcmpInMalformed},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1, .seq = 1}, CNT_IpPmtuRefused},
	        {{UNREACH, FRAG_NEEDED, .mtu = 67, .seq = 1}, CNT_IpPmtuRefused},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1500, .seq = 1}, CNT_TcpPmtuIgnored},
	        {{UNREACH, FRAG_NEEDED, .mtu = 9000, .seq = 1}, CNT_TcpPmtuIgnored},
	        {{ICMP_SOURCE_QUENCH, 0, .seq = 1}, CNT_IcmpInIgnored},
	};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp_net n;
		in_established(&n, &tcp_net_plain);
		in_flight(&n, 2);
		uint32_t cwnd = tcb(&n)->cwnd;
		tcp_net_push_icmp(&n, row[i].e);
		tcp_net_turn(&n);
		OUT_NOTHING(&n);
		ck_assert_msg(n.stack->counters.v[row[i].count] == 1, "row %zu", i);
		ck_assert_uint_eq(tcb(&n)->snd.mss, 1460);
		ck_assert_uint_eq(tcb(&n)->cwnd, cwnd);
		ck_assert_uint_eq(n.stack->ip.pmtu_table.count, 0);
		EXPECT_STATE(&n, TCP_ESTABLISHED);
		tcp_net_end(&n);
	}
}
END_TEST

/* RFC 5927 7.2: what contradicts what has arrived waits for a timeout, and is forgotten when there is progress. */
START_TEST(an_update_waits_for_a_timeout)
{
	for (int progress = 0; progress < 2; progress++) {
		struct tcp_net n;
		in_established(&n, &tcp_net_plain);
		in_flight(&n, 1);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
		ck_assert_uint_eq(tcb(&n)->path.acked_max, 1500);
		do_send(&n, 1460);
		OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1460);
		ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 576, .seq = 1461);
		OUT_NOTHING(&n);
		ck_assert_uint_eq(CNT(&n, TcpPmtuDelayed), 1);
		tcp_net_reload(&n);
		if (progress) {
			IN(&n, TCP_ACK, .seq = 1, .ack = 2921);
			do_send(&n, 1460);
			OUT(&n, TCP_ACK, .seq = 2921, .ack = 1, .len = 1460);
			tcp_net_pass_until_output(&n, 10000);
			OUT(&n, TCP_ACK, .seq = 2921, .ack = 1, .len = 1460);
			ck_assert_uint_eq(CNT(&n, IpPmtuLowered), 0);
		} else {
			ck_assert_int_le(tcp_net_pass_until_output(&n, 10000), 1000);
			OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 536); /* after a timeout: one segment */
			OUT_NOTHING(&n);
			ck_assert_uint_eq(CNT(&n, IpPmtuLowered), 1);
			ck_assert_uint_eq(tcb(&n)->path.acked_max, 576);
		}
		tcp_net_end(&n);
	}
}
END_TEST

/* RFC 5927 7.3.3: nobody can slow down an idle connection. */
START_TEST(an_idle_connection)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	in_flight(&n, 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	for (uint32_t seq = 1; seq <= 1461; seq += 1460)
		ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 68, .seq = seq);
	ck_assert_uint_eq(CNT(&n, TcpExtOutOfWindowIcmps), 2);
	do_send(&n, 1460);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1460);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 MUST-15, MUST-16: the peer's MSS bounds whatever the path takes, TCP_MAXSEG too. */
START_TEST(the_smallest_bound_counts)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.peer_mss = 1000;
	in_established(&n, &opt);
	do_send(&n, 1000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1000);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1); /* longer than all that was sent */
	ck_assert_uint_eq(CNT(&n, TcpPmtuIgnored), 1);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1000, .seq = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 960);
	OUT(&n, TCP_ACK, .seq = 961, .ack = 1, .len = 40);
	ck_assert_int_eq(tcp_set_mss(&n.stack->tcp, tcb(&n), 500), 0);
	ck_assert_uint_eq(tcb(&n)->snd.mss, 500);
	tcp_net_end(&n);
}
END_TEST

/* The selective retransmission goes on beside it: what was sacked is not sent again. */
START_TEST(what_has_arrived_is_not_sent_again)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 2 * 1448 + 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1448);
	OUT(&n, TCP_ACK, .seq = 1449, .ack = 1, .len = 1448);
	do_shutdown_write(&n);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 2897, .ack = 1, .len = 10);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{2897, 2908}});
	tcp_net_skip_output(&n);
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1228);
	OUT(&n, TCP_ACK, .seq = 1229, .ack = 1, .len = 220);
	OUT(&n, TCP_ACK, .seq = 1449, .ack = 1, .len = 1228);
	OUT(&n, TCP_ACK, .seq = 2677, .ack = 1, .len = 220);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2908);
	EXPECT_STATE(&n, TCP_FIN_WAIT_2);
	tcp_net_end(&n);
}
END_TEST

/* LSRR over 10.0.0.254 and 10.9.9.9, as IP_OPTIONS takes it. */
static const uint8_t given[12] = {131, 11, 4, 10, 0, 0, 254, 10, 9, 9, 9, 0};
/* The same on the wire, to PEER: 10.0.0.254 is in the header. */
static const uint8_t on_the_wire[12] = {131, 11, 4, 10, 9, 9, 9, 10, 0, 0, 2, 0};
/* What arrives of a route from PEER over 10.9.9.9 and 10.0.0.254: complete. */
static const uint8_t recorded[12] = {131, 11, 12, 10, 9, 9, 9, 10, 0, 0, 254, 0};
static const uint8_t gateway[4] = {10, 0, 0, 254}, peer[4] = {10, 0, 0, 2};

static void expect_route(const struct tseg *g)
{
	ck_assert_uint_eq(g->ip_options_len, sizeof(on_the_wire));
	ck_assert_mem_eq(g->ip_options, on_the_wire, sizeof(on_the_wire));
	ck_assert_mem_eq(g->ip_dst, gateway, 4);
}

static void expect_no_route(const struct tseg *g)
{
	ck_assert_uint_eq(g->ip_options_len, 0);
	ck_assert_mem_eq(g->ip_dst, peer, 4);
}

static struct tcp_net_options routed(void)
{
	struct tcp_net_options opt = tcp_net_plain;
	opt.source_route = true;
	return opt;
}

static int ask_route(struct tcp_net *n, struct socket *so, const uint8_t *options, uint8_t len)
{
	struct socket_option_value v = {.kind = OPTION_RAW, .len = len};
	memcpy(v.bytes, options, len);
	return socket_set_option(n->stack, so, OPT_IP_OPTIONS, v);
}

/* RFC 9293 MUST-51, MUST-52: an active open over the application's route, whatever comes back; the MSS is smaller by
 * the option, and a later call replaces the route. */
START_TEST(a_route_of_the_application)
{
	static const uint8_t one[8] = {1, 137, 7, 4, 10, 0, 0, 254};
	struct tcp_net n;
	struct tcp_net_options opt = routed();
	struct socket_option_value v;
	tcp_net_begin(&n, &opt);
	n.so = tcp_net_open(&n);
	n.id = n.so->id;
	ck_assert_int_eq(ask_route(&n, n.so, given, 11), 0);
	ck_assert_int_eq(socket_get_option(n.stack, n.so, OPT_IP_OPTIONS, &v), 0);
	ck_assert_uint_eq(v.len, 12);
	ck_assert_mem_eq(v.bytes, given, 12);
	ck_assert_int_eq(socket_connect(n.stack, n.so, (struct endpoint){addr(PEER), PEER_PORT}), EINPROGRESS);
	tcp_net_turn(&n);
	expect_route(OUT(&n, TCP_SYN, .seq = 0, .mss = 1460));
	BATCH(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	tcp_net_ip_options(&n, (const uint8_t[]){131, 7, 8, 10, 8, 8, 8, 0}, 8);
	tcp_net_turn(&n);
	expect_route(OUT(&n, TCP_ACK, .seq = 1, .ack = 1));
	tcp_net_reload(&n);
	do_send(&n, 1460);
	expect_route(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1448));
	IN(&n, TCP_ACK, .seq = 1, .ack = 1449);
	expect_route(OUT(&n, TCP_ACK, .seq = 1449, .ack = 1, .len = 12));
	ck_assert_int_eq(ask_route(&n, n.so, one, sizeof(one)), 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	do_send(&n, 10);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 10);
	ck_assert_mem_eq(g->ip_options, ((const uint8_t[]){137, 7, 4, 10, 0, 0, 2, 0}), 8);
	ck_assert_int_eq(ask_route(&n, n.so, one, 0), 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1471);
	do_send(&n, 10);
	expect_no_route(OUT(&n, TCP_ACK, .seq = 1471, .ack = 1, .len = 10));
	do_abort(&n);
	expect_no_route(OUT(&n, TCP_RST | TCP_ACK, .seq = 1481, .ack = 1));
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 MUST-53, SHLD-24: a passive open answers by the way the SYN came; a later route replaces it; the
 * application's, where there is one, stays (MUST-52). */
START_TEST(a_route_of_the_peer)
{
	for (int own = 0; own < 2; own++) {
		static const uint8_t other[8] = {131, 7, 8, 10, 7, 7, 7, 0};
		struct tcp_net n;
		struct tcp_net_options opt = routed();
		in_listen(&n, &opt, 5);
		if (own)
			ck_assert_int_eq(ask_route(&n, n.listener, (const uint8_t[]){131, 7, 4, 10, 0, 0, 254, 0}, 8),
			                 0);
		BATCH(&n, TCP_SYN, .seq = 0, .mss = 1460);
		tcp_net_ip_options(&n, recorded, sizeof(recorded));
		tcp_net_turn(&n);
		const struct tseg *g = OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
		if (own)
			ck_assert_uint_eq(g->ip_options_len, 8);
		else
			expect_route(g);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1);
		do_accept(&n);
		do_send(&n, 10);
		g = OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
		if (!own)
			expect_route(g);
		BATCH(&n, TCP_ACK, .seq = 1, .ack = 11, .len = 10);
		tcp_net_ip_options(&n, other, sizeof(other));
		tcp_net_turn(&n);
		g = OUT(&n, TCP_ACK, .seq = 11, .ack = 11);
		ck_assert_uint_eq(g->ip_options_len, 8);
		ck_assert_uint_eq(g->ip_dst[1], own ? 0 : 7);
		tcp_net_end(&n);
	}
}
END_TEST

/* A reset for nobody's segment goes back the same way; by default such segments do not come so far, and no option is
 * taken. */
START_TEST(routes_without_a_connection)
{
	static const uint8_t bad[][8] = {{131, 7, 8, 10, 0, 0, 254, 0},
	                                 {131, 6, 4, 10, 0, 0, 254, 0},
	                                 {131, 3, 4, 131, 3, 4, 0, 0},
	                                 {7, 7, 4, 0, 0, 0, 0, 0},
	                                 {131, 255, 4, 0, 0, 0, 0, 0}};
	for (int on = 0; on < 2; on++) {
		struct tcp_net n;
		struct tcp_net_options opt = routed();
		opt.source_route = on != 0;
		in_listen(&n, &opt, 5);
		BATCH(&n, TCP_ACK, .seq = 1, .ack = 1, .port = 99);
		tcp_net_ip_options(&n, recorded, sizeof(recorded));
		tcp_net_turn(&n);
		if (on) {
			const struct tseg *g = OUT_ANY(&n);
			ck_assert_uint_eq(g->flags, TCP_RST);
			expect_route(g);
		} else {
			EXPECT_DROP(&n, IpInSourceRoutes);
		}
		struct socket *so = tcp_net_open(&n);
		ck_assert_int_eq(ask_route(&n, so, given, sizeof(given)), on ? 0 : EPERM);
		for (size_t i = 0; i < ARRAY_LEN(bad); i++)
			ck_assert_int_eq(ask_route(&n, so, bad[i], 8), EINVAL);
		tcp_net_skip_output(&n);
		tcp_net_end(&n);
	}
}
END_TEST

/* What a router says of a segment that goes over a route quotes the router's address, and concerns the connection. */
START_TEST(messages_about_routed_segments)
{
	struct tcp_net n;
	struct tcp_net_options opt = routed();
	in_established(&n, &opt);
	ck_assert_int_eq(ask_route(&n, n.so, given, sizeof(given)), 0);
	do_send(&n, 1448);
	expect_route(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1448));
	ICMP(&n, UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .remote = GATEWAY, .route = on_the_wire);
	expect_route(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1228));
	expect_route(OUT(&n, TCP_ACK, .seq = 1229, .ack = 1, .len = 220));
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_path_suite(void);
Suite *tcp_path_suite(void)
{
	UNIT_SUITE("tcp_path", too_long_is_sent_again_at_once, a_super_frame_is_sent_again,
	           the_mss_is_raised_when_the_entry_is_old, connections_share_what_is_known, very_narrow_paths,
	           old_routers, forged_messages, an_update_waits_for_a_timeout, an_idle_connection,
	           the_smallest_bound_counts, what_has_arrived_is_not_sent_again, a_route_of_the_application,
	           a_route_of_the_peer, routes_without_a_connection, messages_about_routed_segments);
}
