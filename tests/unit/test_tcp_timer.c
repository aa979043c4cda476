/* tcp_timer: back-off, the limits, and that one node serves all timers of a connection. */
#include "tcp_net.h"

/* RFC 6298 2.1, 5.5: 1 s, doubled; then ETIMEDOUT. */
START_TEST(syn_retransmissions)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.syn_retries = 4;
	in_syn_sent(&n, &opt);
	for (int64_t wait = 1000; wait <= 8000; wait *= 2) {
		ck_assert_int_eq(tcp_net_pass_until_output(&n, 100000), wait);
		OUT(&n, TCP_SYN, .seq = 0, .mss = 1460);
	}
	tcp_net_pass(&n, 15999);
	EXPECT_STATE(&n, TCP_SYN_SENT);
	tcp_net_pass(&n, 1);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_REPORT | SOCKET_ERROR);
	ck_assert_int_eq(socket_take_error(n.so), ETIMEDOUT);
	ck_assert_uint_eq(CNT(&n, TcpRetransmitDrops), 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 6298 5.7, RFC 5681 3.1: after a lost SYN the RTO is 3 s, the initial window one segment. */
START_TEST(after_a_lost_syn)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	tcp_net_pass(&n, 1000);
	OUT(&n, TCP_SYN, .seq = 0);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	do_send(&n, 5000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT), 3000);
	tcp_net_end(&n);
}
END_TEST

START_TEST(data_retransmissions_and_the_end)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.retries = 5;
	in_established(&n, &opt);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	for (int64_t wait = 200; wait <= 200 << 4; wait *= 2) {
		ck_assert_int_eq(tcp_net_pass_until_output(&n, 100000), wait);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	}
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 100000), 200 << 5);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 101, .ack = 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(socket_take_error(n.so), ETIMEDOUT);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 6);
	tcp_net_end(&n);
}
END_TEST

START_TEST(progress_resets_the_count)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.retries = 3;
	in_established(&n, &opt);
	do_send(&n, 4 * 1460);
	tcp_net_skip_output(&n);
	for (uint32_t k = 1; k <= 4; k++) {
		for (int i = 0; i < 3; i++) {
			tcp_net_pass_until_output(&n, 200 * 1000);
			tcp_net_skip_output(&n);
		}
		IN(&n, TCP_ACK, .seq = 1, .ack = 1 + k * 1460);
		tcp_net_skip_output(&n);
		EXPECT_STATE(&n, TCP_ESTABLISHED);
	}
	ck_assert_uint_eq(socket_send_queued(n.so), 0);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.3, R2: with the default limits a connection lasts more than 100 s, a SYN at least 3 minutes. */
START_TEST(default_limits)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 1);
	tcp_net_pass(&n, 100 * 1000);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
	in_syn_sent(&n, &tcp_net_plain);
	tcp_net_pass(&n, 180 * 1000);
	EXPECT_STATE(&n, TCP_SYN_SENT);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* Orphans: fewer retries, a limit in FIN-WAIT-2, no probing of a zero window for ever. */
START_TEST(orphan_retries)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.orphan_retries = 2;
	in_established(&n, &opt);
	do_close(&n, false);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	for (int i = 0; i < 2; i++) {
		tcp_net_pass_until_output(&n, 10000);
		OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	}
	tcp_net_pass_until_output(&n, 10000);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 2, .ack = 1);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

START_TEST(orphan_in_fin_wait_2)
{
	struct tcp_net n;
	for (int first = 0; first < 2; first++) {
		in_established(&n, &tcp_net_plain);
		if (first) { /* closed before or after the ACK of the FIN */
			do_close(&n, false);
			OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
			IN(&n, TCP_ACK, .seq = 1, .ack = 2);
		} else {
			do_shutdown_write(&n);
			OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
			IN(&n, TCP_ACK, .seq = 1, .ack = 2);
			ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), -1);
			do_close(&n, false);
		}
		EXPECT_STATE(&n, TCP_FIN_WAIT_2);
		ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), 60000);
		tcp_net_pass(&n, 60000);
		OUT_NOTHING(&n);
		ck_assert(tcp_net_gone(&n));
		ck_assert_uint_eq(CNT(&n, TcpAbortOnOrphan), 1);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(orphan_facing_a_zero_window)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.orphan_retries = 4;
	in_established(&n, &opt);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	do_send(&n, 100);
	do_close(&n, false);
	for (int i = 0; i < 4; i++) {
		tcp_net_pass_until_output(&n, 200 * 1000);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	}
	tcp_net_pass_until_output(&n, 200 * 1000);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 2, .ack = 1);
	ck_assert(tcp_net_gone(&n));
	ck_assert_uint_eq(CNT(&n, TcpPersistDrops), 1);
	tcp_net_end(&n);
}
END_TEST

/* A deadline that moves later is not seen before its time, one that moves earlier is. */
START_TEST(one_node_for_all_timers)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	struct tcp_layer *l = &n.stack->tcp;
	tcp_timer_set(l, tcb(&n), TCP_TIMER_WAIT, DURATION_S(100));
	ck_assert_int_eq(stack_deadline(n.stack).ns, tcb(&n)->deadline[TCP_TIMER_RETRANSMIT].ns);
	tcp_timer_set(l, tcb(&n), TCP_TIMER_DELACK, DURATION_MS(1));
	ck_assert_int_eq(instant_since(stack_deadline(n.stack), n.env.now).ns, NS_PER_MS);
	tcp_timer_stop(tcb(&n), TCP_TIMER_DELACK);
	tcp_timer_stop(tcb(&n), TCP_TIMER_WAIT);
	tcp_net_pass(&n, 100);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 11);
	for (int i = 0; i < TCP_TIMERS; i++)
		ck_assert(!tcp_timer_on(tcb(&n), (enum tcp_timer)i));
	for (int i = 0; i < TCP_TIMERS; i++)
		ck_assert_ptr_nonnull(tcp_timer_names[i]);
	tcp_net_end(&n);
}
END_TEST

/* An idle connection has no timer at all. */
START_TEST(an_idle_connection_lasts)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	tcp_net_pass(&n, INT64_C(10) * 24 * 3600 * 1000);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_timer_suite(void);
Suite *tcp_timer_suite(void)
{
	UNIT_SUITE("tcp_timer", syn_retransmissions, after_a_lost_syn, data_retransmissions_and_the_end,
	           progress_resets_the_count, default_limits, orphan_retries, orphan_in_fin_wait_2,
	           orphan_facing_a_zero_window, one_node_for_all_timers, an_idle_connection_lasts);
}
