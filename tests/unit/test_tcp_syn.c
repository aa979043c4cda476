/* tcp_established: what a SYN's retransmission timer has begun ends with the handshake. */
#include "tcp_net.h"

/* The timer fires, and the SYN-ACK arrives before the SYN could go out again: no SYN is owed any more. */
START_TEST(syn_ack_in_the_turn_of_the_timeout)
{
	struct tcp_net n;

	in_syn_sent(&n, &tcp_net_plain);
	n.env.now.ns += tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT) * NS_PER_MS;
	stack_tick(n.stack);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(tcb(&n)->pipe, 0);
	/* More than the initial window of one segment: the first one must go. */
	do_send(&n, 2000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 540);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2001);
	tcp_net_end(&n);
}
END_TEST

/* The same for the side that answered: its SYN-ACK times out in the turn of the ACK. */
START_TEST(ack_in_the_turn_of_the_timeout)
{
	struct tcp_net n;

	in_syn_received(&n, &tcp_net_plain);
	n.env.now.ns += tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT) * NS_PER_MS;
	stack_tick(n.stack);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	OUT_NOTHING(&n);
	do_accept(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	do_send(&n, 2000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 540);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2001);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.5, 3.10.7.2 and 3.10.7.3: text on a SYN is kept, acknowledged with our SYN, and delivered only when the
 * connection is established. */
START_TEST(text_on_a_syn_to_a_listener)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 8);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460, .len = 10);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 11);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460, .len = 10); /* again */
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 11);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 5);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 16);
	do_accept(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(n.received, 15);
	tcp_net_end(&n);
}
END_TEST

/* A flood of SYNs with text binds memory for a few of them; the peers of the others send their text again. */
START_TEST(text_on_syns_is_bounded)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 4096);
	for (uint16_t i = 0; i < 3 * TCP_SYN_TEXT_MAX; i++) {
		IN(&n, TCP_SYN, .seq = 0, .mss = 1460, .len = 1000, .peer_port = (uint16_t)(2000 + i));
		ck_assert_uint_eq(OUT_ANY(&n)->ack, i < TCP_SYN_TEXT_MAX ? 1001 : 1);
	}
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(text_and_fin_on_a_simultaneous_syn)
{
	for (int fin = 0; fin < 2; fin++) {
		struct tcp_net n;
		in_syn_sent(&n, &tcp_net_plain);
		IN(&n, TCP_SYN | (fin ? TCP_FIN : 0), .seq = 0, .mss = 1460, .len = 10);
		OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 11);
		EXPECT_STATE(&n, TCP_SYN_RECEIVED);
		ck_assert_uint_eq(n.received, 0);
		tcp_net_reload(&n);
		IN(&n, TCP_ACK, .seq = 11, .ack = 1);
		if (fin)
			OUT(&n, TCP_ACK, .seq = 1, .ack = 12);
		EXPECT_STATE(&n, fin ? TCP_CLOSE_WAIT : TCP_ESTABLISHED);
		ck_assert_uint_eq(n.received, 10);
		ck_assert_uint_eq(tcp_net_events(&n), SOCKET_CONNECTED | (fin ? SOCKET_EOF : 0));
		tcp_net_end(&n);
	}
}
END_TEST

/* What never becomes established delivers nothing, and gives its memory back. */
START_TEST(text_on_a_syn_that_is_reset)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 8);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460, .len = 10);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 11);
	IN(&n, TCP_RST, .seq = 11);
	ck_assert(socket_after(n.stack, n.listener->id) == NULL);
	ck_assert_uint_eq(n.listener->tcp.syn_count, 0);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.5 and 3.5.1: the figures, seen from our side of each. */
START_TEST(figure_8_old_duplicate_syn)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 8);
	IN(&n, TCP_SYN, .seq = 0xfffff000, .mss = 1460); /* line 3 */
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 0xfffff001);
	IN(&n, TCP_RST, .seq = 0xfffff001); /* line 5 */
	ck_assert(socket_after(n.stack, n.listener->id) == NULL);
	n.iss_known = false;
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460); /* line 6 */
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	do_accept(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

START_TEST(figure_9_half_open_discovery)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern); /* Peer B: the other end has rebooted */
	IN(&n, TCP_SYN, .seq = 0x1000000, .mss = 1460, .no_ts = true);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	IN(&n, TCP_RST, .seq = 1); /* line 5 */
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(n.so->error, ECONNRESET);
	tcp_net_end(&n);
	in_syn_sent(&n, &tcp_net_plain); /* Peer A: we have rebooted */
	IN(&n, TCP_ACK, .seq = 300, .ack = 0xf0000000);
	OUT(&n, TCP_RST, .seq = 0xf0000000);
	EXPECT_STATE(&n, TCP_SYN_SENT);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 5000), 1000); /* line 7 */
	OUT(&n, TCP_SYN, .seq = 0);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT_ANY(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(figure_10_text_to_a_peer_that_forgot)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain); /* Peer B */
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	IN(&n, TCP_RST, .seq = 1); /* line 3 */
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(n.so->error, ECONNRESET);
	tcp_net_end(&n);
	tcp_net_begin(&n, &tcp_net_plain); /* Peer A */
	IN(&n, TCP_ACK, .seq = 300, .ack = 100, .len = 10, .port = 1234);
	OUT(&n, TCP_RST, .seq = 100);
	tcp_net_end(&n);
}
END_TEST

START_TEST(figure_11_old_duplicate_syn_between_listeners)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 8); /* Peer B */
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_RST, .seq = 1); /* line 4 */
	ck_assert(socket_after(n.stack, n.listener->id) == NULL);
	ck_assert_int_eq((int)n.listener->tcp.state, TCP_LISTEN);
	ck_assert_uint_eq(n.listener_events, 0);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 70, .ack = 91); /* Peer A, line 3 */
	OUT(&n, TCP_RST, .seq = 91);
	ck_assert_int_eq((int)n.listener->tcp.state, TCP_LISTEN);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_syn_suite(void);
Suite *tcp_syn_suite(void)
{
	UNIT_SUITE("tcp_syn", syn_ack_in_the_turn_of_the_timeout, ack_in_the_turn_of_the_timeout,
	           text_on_a_syn_to_a_listener, text_on_syns_is_bounded, text_and_fin_on_a_simultaneous_syn,
	           text_on_a_syn_that_is_reset, figure_8_old_duplicate_syn, figure_9_half_open_discovery,
	           figure_10_text_to_a_peer_that_forgot, figure_11_old_duplicate_syn_between_listeners);
}
