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
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 0}, CNT_IcmpInIgnored},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 2921}, CNT_IcmpInIgnored},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 0x80000000}, CNT_IcmpInIgnored},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .quoted = 7}, CNT_IcmpInErrors},
	        {{UNREACH, FRAG_NEEDED, .mtu = 1280, .seq = 1, .none = true}, CNT_IcmpInErrors},
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
	ck_assert_uint_eq(CNT(&n, IcmpInIgnored), 2);
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

Suite *tcp_path_suite(void);
Suite *tcp_path_suite(void)
{
	UNIT_SUITE("tcp_path", too_long_is_sent_again_at_once, a_super_frame_is_sent_again,
	           the_mss_is_raised_when_the_entry_is_old, connections_share_what_is_known, very_narrow_paths,
	           old_routers, forged_messages, an_update_waits_for_a_timeout, an_idle_connection,
	           the_smallest_bound_counts, what_has_arrived_is_not_sent_again);
}
