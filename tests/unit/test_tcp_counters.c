/* Counters of TCP that no other suite looks at, and what has a MIB's name against the MIB's meaning (RFC 4022). */
#include "tcp_net.h"

START_TEST(established_connections)
{
	struct tcp_net n;
	struct counters c;
	in_established(&n, &tcp_net_plain);
	stack_stats(n.stack, &c);
	ck_assert_uint_eq(c.v[CNT_TcpCurrEstab], 1);
	tcp_net_reload(&n);
	stack_stats(n.stack, &c);
	ck_assert_uint_eq(c.v[CNT_TcpCurrEstab], 1);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 2);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	stack_stats(n.stack, &c);
	ck_assert_uint_eq(c.v[CNT_TcpCurrEstab], 1);
	do_close(&n, false);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	stack_stats(n.stack, &c);
	ck_assert_uint_eq(c.v[CNT_TcpCurrEstab], 0);
	tcp_net_end(&n);
}
END_TEST

/* In each state, and after a reset in it. */
START_TEST(only_two_states_count_as_established)
{
	for (int i = 0; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *st = &tcp_net_states[i];
		struct tcp_net n;
		struct counters c;
		st->enter(&n, &tcp_net_plain);
		stack_stats(n.stack, &c);
		ck_assert_uint_eq(c.v[CNT_TcpCurrEstab], st->state == TCP_ESTABLISHED || st->state == TCP_CLOSE_WAIT);
		IN(&n, TCP_RST, .seq = st->peer_next);
		tcp_net_skip_output(&n);
		stack_stats(n.stack, &c);
		ck_assert_uint_eq(c.v[CNT_TcpCurrEstab], 0);
		ck_assert_uint_eq(CNT(&n, TcpExtEmbryonicRsts), st->state == TCP_SYN_RECEIVED);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(gauges)
{
	struct tcp_net n;
	struct counters c;
	tcp_net_begin(&n, &tcp_net_plain);
	stack_stats(n.stack, &c);
	ck_assert_uint_eq(c.v[CNT_IpForwarding], 2);
	ck_assert_uint_eq(c.v[CNT_IpDefaultTTL], n.stack->ip.cfg.ttl);
	ck_assert_uint_eq(c.v[CNT_TcpRtoAlgorithm], 5);
	ck_assert_uint_eq(c.v[CNT_TcpRtoMin], 200);
	ck_assert_uint_eq(c.v[CNT_TcpRtoMax], 120000);
	ck_assert_uint_eq(c.v[CNT_TcpMaxConn], n.stack->sockets.max);
	tcp_net_end(&n);
}
END_TEST

/* To read twice does not add up twice. */
START_TEST(reading_changes_nothing)
{
	struct tcp_net n;
	struct counters c;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .bad_csum = true);
	for (int i = 0; i < 2; i++) {
		stack_stats(n.stack, &c);
		ck_assert_uint_eq(c.v[CNT_TcpInErrs], 1);
		ck_assert_uint_eq(CNT(&n, TcpInErrs), 0);
	}
	tcp_net_end(&n);
}
END_TEST

START_TEST(handshakes_that_are_cut_short)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	IN(&n, TCP_SYN, .seq = 0);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_RST, .seq = 1);
	ck_assert_uint_eq(CNT(&n, TcpExtEmbryonicRsts), 1);
	ck_assert_uint_eq(CNT(&n, TcpAttemptFails), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(syns_that_are_sent_again)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	ck_assert_uint_eq(CNT(&n, TcpOutSegs), 1);
	tcp_net_pass(&n, 1100);
	OUT(&n, TCP_SYN, .seq = 0);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPSynRetrans), 1);
	ck_assert_uint_eq(CNT(&n, TcpRetransSegs), 1);
	ck_assert_uint_eq(CNT(&n, TcpOutSegs), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(delayed_acks)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	tcb(&n)->quick_until = 0;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	OUT_NOTHING(&n);
	tcp_net_pass(&n, 500);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	ck_assert_uint_eq(CNT(&n, TcpExtDelayedACKs), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(super_frames_count_as_their_segments)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.caps = (struct link_caps){.csum = true, .gso_max = FRAME_MAX};
	in_established(&n, &opt);
	uint64_t before = CNT(&n, TcpInSegs), datagrams = CNT(&n, IpInReceives);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 4 * 1000 + 1, .gso_size = 1000);
	tcp_net_skip_output(&n);
	ck_assert_uint_eq(CNT(&n, TcpInSegs), before + 5);
	ck_assert_uint_eq(CNT(&n, IpInReceives), datagrams + 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(text_behind_the_fin)
{
	struct tcp_net n;
	in_close_wait(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 2, .ack = 1, .len = 10);
	EXPECT_DROP(&n, TcpFinMismatch);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(old_timestamps_in_time_wait)
{
	struct tcp_net n;
	in_time_wait(&n, &tcp_net_modern);
	IN(&n, TCP_ACK, .seq = 2, .ack = 2, .has_ts = true, .tsval = tcb(&n)->ts_recent - 1);
	EXPECT_DROP(&n, TcpExtPAWSTimewait);
	ck_assert_uint_eq(CNT(&n, TcpExtPAWSEstab), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_counters_suite(void);
Suite *tcp_counters_suite(void)
{
	UNIT_SUITE("tcp_counters", established_connections, only_two_states_count_as_established, gauges,
	           reading_changes_nothing, handshakes_that_are_cut_short, syns_that_are_sent_again, delayed_acks,
	           super_frames_count_as_their_segments, text_behind_the_fin, old_timestamps_in_time_wait);
}
