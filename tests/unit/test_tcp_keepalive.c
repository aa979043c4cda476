/* tcp_keepalive: RFC 9293 3.8.4 and the user timeout of 3.8.3. */
#include "tcp_net.h"

static void keep(struct tcp_net *n, int idle, int interval, int count)
{
	struct stack *s = n->stack;

	ck_assert_int_eq(socket_set_option(s, n->so, OPT_TCP_KEEPIDLE, (struct socket_option_value){.number = idle}),
	                 0);
	ck_assert_int_eq(
	        socket_set_option(s, n->so, OPT_TCP_KEEPINTVL, (struct socket_option_value){.number = interval}), 0);
	ck_assert_int_eq(socket_set_option(s, n->so, OPT_TCP_KEEPCNT, (struct socket_option_value){.number = count}),
	                 0);
	ck_assert_int_eq(socket_set_option(s, n->so, OPT_SO_KEEPALIVE, (struct socket_option_value){.number = 1}), 0);
}

START_TEST(off_unless_asked_for)
{
	struct tcp_net n;

	in_established(&n, &tcp_net_plain);
	tcp_net_pass(&n, INT64_C(3) * 3600 * 1000);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

START_TEST(probes_an_idle_peer_and_goes_on_when_it_answers)
{
	struct tcp_net n;

	in_established(&n, &tcp_net_plain);
	keep(&n, 10, 5, 3);
	tcp_net_pass(&n, 9999);
	OUT_NOTHING(&n);
	tcp_net_pass(&n, 1);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	tcp_net_pass(&n, 9999);
	OUT_NOTHING(&n);
	tcp_net_pass(&n, 1);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPKeepAlive), 2);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

/* Who guesses the ports alone cannot keep a connection to a dead peer. */
START_TEST(what_is_not_acceptable_is_no_sign_of_life)
{
	struct tcp_net n;

	in_established(&n, &tcp_net_plain);
	keep(&n, 10, 5, 3);
	for (int i = 0; i < 4; i++) {
		tcp_net_pass(&n, 5000);
		IN(&n, TCP_ACK, .seq = 0x40000000, .ack = 1);
		IN(&n, TCP_ACK, .seq = 1, .ack = 0x40000000);
	}
	tcp_net_skip_output(&n);
	tcp_net_pass(&n, 5000);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_uint_eq(CNT(&n, TcpKeepaliveDrops), 1);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(gives_up_after_the_last_probe)
{
	struct tcp_net n;

	in_established(&n, &tcp_net_plain);
	keep(&n, 10, 5, 3);
	tcp_net_pass(&n, 10000 + 2 * 5000);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_pass(&n, 5000);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(n.so->error, ETIMEDOUT);
	ck_assert_uint_eq(CNT(&n, TcpKeepaliveDrops), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(text_from_the_peer_puts_probes_off)
{
	struct tcp_net n;

	in_established(&n, &tcp_net_plain);
	keep(&n, 10, 5, 3);
	tcp_net_pass(&n, 8000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	tcp_net_pass(&n, 9000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	OUT_NOTHING(&n);
	tcp_net_pass(&n, 1000);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 11);
	tcp_net_end(&n);
}
END_TEST

START_TEST(the_user_timeout_bounds_unacknowledged_text)
{
	struct tcp_net n;

	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(
	        socket_set_option(n.stack, n.so, OPT_TCP_USER_TIMEOUT, (struct socket_option_value){.number = 5000}),
	        0);
	tcp_net_pass(&n, 60000); /* idle time does not count */
	do_send(&n, 100);
	tcp_net_pass(&n, 4999);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_pass(&n, 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(n.so->error, ETIMEDOUT);
	ck_assert_uint_eq(CNT(&n, TcpUserTimeouts), 1);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(survives_a_reload)
{
	struct tcp_net n;

	in_established(&n, &tcp_net_plain);
	keep(&n, 10, 5, 3);
	tcp_net_pass(&n, 5000);
	tcp_net_reload(&n);
	tcp_net_pass(&n, 5000);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 1);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_keepalive_suite(void);
Suite *tcp_keepalive_suite(void)
{
	UNIT_SUITE("tcp_keepalive", off_unless_asked_for, probes_an_idle_peer_and_goes_on_when_it_answers,
	           what_is_not_acceptable_is_no_sign_of_life, gives_up_after_the_last_probe,
	           text_from_the_peer_puts_probes_off, the_user_timeout_bounds_unacknowledged_text, survives_a_reload);
}
