/* tcp_state: the table of states, and every way through it from open to CLOSED. */
#include "tcp_net.h"
#include <signal.h>

START_TEST(facts_of_the_states)
{
	static const struct {
		enum tcp_state state;
		const char *name;
		bool synchronized, may_send, may_receive;
	} row[] = {
	        {TCP_CLOSED, "CLOSED", false, false, false},
	        {TCP_LISTEN, "LISTEN", false, false, false},
	        {TCP_SYN_SENT, "SYN-SENT", false, true, false},
	        {TCP_SYN_RECEIVED, "SYN-RECEIVED", false, true, false},
	        {TCP_ESTABLISHED, "ESTABLISHED", true, true, true},
	        {TCP_FIN_WAIT_1, "FIN-WAIT-1", true, false, true},
	        {TCP_FIN_WAIT_2, "FIN-WAIT-2", true, false, true},
	        {TCP_CLOSE_WAIT, "CLOSE-WAIT", true, true, false},
	        {TCP_CLOSING, "CLOSING", true, false, false},
	        {TCP_LAST_ACK, "LAST-ACK", true, false, false},
	        {TCP_TIME_WAIT, "TIME-WAIT", true, false, false},
	};
	ck_assert_uint_eq(ARRAY_LEN(row), TCP_STATES);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp t = {.state = row[i].state};
		ck_assert_str_eq(tcp_state_names[row[i].state], row[i].name);
		ck_assert(tcp_synchronized(row[i].state) == row[i].synchronized);
		ck_assert(tcp_may_send(&t) == row[i].may_send);
		ck_assert(tcp_may_receive(row[i].state) == row[i].may_receive);
	}
}
END_TEST

/* RFC 9293 3.6, Figure 12: normal close, we begin. */
START_TEST(normal_close_by_us)
{
	struct tcp_net n;
	in_time_wait(&n, &tcp_net_plain);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), 60000);
	ck_assert_uint_eq(CNT(&n, TcpExtTW), 1);
	do_close(&n, false);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_pass(&n, 60000);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

START_TEST(normal_close_by_the_peer)
{
	struct tcp_net n;
	in_last_ack(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 2, .ack = 1);
	EXPECT_STATE(&n, TCP_LAST_ACK);
	IN(&n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(n.so->error, 0);
	ck_assert_uint_eq(CNT(&n, TcpExtTW), 0);
	do_close(&n, false);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.6, Figure 13. */
START_TEST(simultaneous_close)
{
	struct tcp_net n;
	in_closing(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 2, .ack = 1);
	EXPECT_STATE(&n, TCP_CLOSING);
	IN(&n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(fin_and_its_ack_in_one_segment)
{
	struct tcp_net n;
	in_fin_wait_1(&n, &tcp_net_plain);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_end(&n);
}
END_TEST

/* The application hears of the end of file once, not again when the connection is over. */
START_TEST(one_end_of_file)
{
	struct tcp_net n;
	in_close_wait(&n, &tcp_net_plain);
	do_shutdown_write(&n);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	IN(&n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_uint_eq(tcp_net_events(&n), 0);
	tcp_net_end(&n);
}
END_TEST

/* Half-closed: the peer may send for as long as it likes, and we after its FIN. */
START_TEST(half_close)
{
	struct tcp_net n;
	in_fin_wait_2(&n, &tcp_net_plain);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), -1);
	tcp_net_pass(&n, 3600 * 1000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2, .len = 1000);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 1001);
	ck_assert_uint_eq(n.received, 1000);
	tcp_net_end(&n);
	in_close_wait(&n, &tcp_net_plain);
	do_send(&n, 500);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 2, .len = 500);
	IN(&n, TCP_ACK, .seq = 2, .ack = 501);
	do_shutdown_write(&n);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 501, .ack = 2);
	EXPECT_STATE(&n, TCP_LAST_ACK);
	tcp_net_end(&n);
}
END_TEST

START_TEST(fin_goes_with_the_last_text)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	struct iovec iov[2];
	int error;
	ck_assert_int_eq(socket_send_reserve(n.stack, n.so, 3, iov, &error), 1);
	for (uint32_t i = 0; i < 3; i++)
		((uint8_t *)iov[0].iov_base)[i] = tcp_net_byte(true, 1 + i);
	socket_send_commit(n.stack, n.so, 3);
	do_shutdown_write(&n);
	const struct tseg *g = OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1, .len = 3);
	ck_assert(g->psh);
	IN(&n, TCP_ACK, .seq = 1, .ack = 4); /* all but the FIN */
	EXPECT_STATE(&n, TCP_FIN_WAIT_1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 5);
	EXPECT_STATE(&n, TCP_FIN_WAIT_2);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.6.1: the peer takes the text, but not the FIN behind it, and closes its window: the FIN is sent again,
 * as a probe, for as long as the peer answers, and goes through when the window opens. */
START_TEST(fin_behind_a_zero_window)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	do_shutdown_write(&n);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 101, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 101, .zero_wnd = true);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_le(tcp_net_pass_until_output(&n, 200 * 1000), 120 * 1000);
		OUT(&n, TCP_FIN | TCP_ACK, .seq = 101, .ack = 1);
		IN(&n, TCP_ACK, .seq = 1, .ack = 101, .zero_wnd = true);
		OUT_NOTHING(&n);
		EXPECT_STATE(&n, TCP_FIN_WAIT_1);
	}
	IN(&n, TCP_ACK, .seq = 1, .ack = 101);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 101, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 102);
	EXPECT_STATE(&n, TCP_FIN_WAIT_2);
	tcp_net_end(&n);
}
END_TEST

/* 3.10.4: CLOSE in SYN-SENT and SYN-RECEIVED is queued until established. */
START_TEST(shut_down_before_it_is_established)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	do_shutdown_write(&n);
	OUT_NOTHING(&n);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_FIN_WAIT_1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2);
	EXPECT_STATE(&n, TCP_FIN_WAIT_2);
	tcp_net_end(&n);
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	do_close(&n, false);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_FIN_WAIT_1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(close_in_syn_sent_says_nothing)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	do_close(&n, false);
	OUT_NOTHING(&n);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

/* Figure 5 has no other arrows; a transition that is not in the table stops the daemon. */
START_TEST(a_transition_that_does_not_exist)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	tcp_set_state(&n.stack->tcp, tcb(&n), TCP_TIME_WAIT, "impossible");
}
END_TEST

Suite *tcp_state_suite(void);
Suite *tcp_state_suite(void)
{
	Suite *suite = suite_create("tcp_state");
	TCase *tcase = tcase_create("tcp_state");
	const TTest *const tests[] = {facts_of_the_states,
	                              normal_close_by_us,
	                              normal_close_by_the_peer,
	                              simultaneous_close,
	                              fin_and_its_ack_in_one_segment,
	                              one_end_of_file,
	                              half_close,
	                              fin_goes_with_the_last_text,
	                              fin_behind_a_zero_window,
	                              shut_down_before_it_is_established,
	                              close_in_syn_sent_says_nothing};

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_test_raise_signal(tcase, a_transition_that_does_not_exist, SIGABRT);
	suite_add_tcase(suite, tcase);
	return suite;
}
