/* tcp_ack: what an acknowledgment may say, the send window, what it sets free. */
#include "tcp_net.h"

/* RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, else a challenge ACK and the segment is dropped. */
START_TEST(range_of_acknowledgments)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	IN(&n, TCP_ACK, .seq = 1, .ack = 102, .len = 10);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 1);
	EXPECT_DROP(&n, TcpInBadAck);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1u - 65536u, .len = 10);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 1);
	EXPECT_DROP(&n, TcpInBadAck);
	ck_assert_uint_eq(n.received, 0);
	/* An old one within MAX.SND.WND: the text counts. */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1u - 65535u, .len = 10);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 11);
	ck_assert_uint_eq(n.received, 10);
	IN(&n, TCP_ACK, .seq = 11, .ack = 101);
	ck_assert_uint_eq(socket_send_queued(n.so), 0);
	ck_assert_uint_eq(tcb(&n)->bytes_acked, 100);
	tcp_net_end(&n);
}
END_TEST

START_TEST(acknowledgment_of_what_was_never_sent_in_every_state)
{
	for (size_t i = 1; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		struct tcp_net n;
		s->enter(&n, &tcp_net_plain);
		IN(&n, TCP_ACK, .seq = s->peer_next, .ack = s->our_next + 1);
		OUT(&n, TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
		EXPECT_STATE(&n, s->state);
		tcp_net_end(&n);
	}
}
END_TEST

/* RFC 9293 3.10.7.4: SND.WL1 and SND.WL2 keep an old segment from changing the window. */
START_TEST(window_update_by_wl1_and_wl2)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .wnd = 5000);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 5000);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .wnd = 7000);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 7000);
	/* SEG.SEQ below WL1, but still partly new: the window is old news. */
	IN(&n, TCP_ACK, .seq = 6, .ack = 1, .len = 10, .wnd = 100);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 7000);
	/* The same SEG.SEQ and the same or a later ACK: it counts, even when it shrinks. */
	IN(&n, TCP_ACK, .seq = 16, .ack = 1, .wnd = 6000);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 6000);
	do_send(&n, 10);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 16, .ack = 11, .wnd = 5500);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 5500);
	IN(&n, TCP_ACK, .seq = 16, .ack = 5, .wnd = 9000); /* an older ACK */
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 5500);
	ck_assert_uint_eq(tcb(&n)->snd.wnd_max, 65535);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(partial_ack_frees_what_it_covers)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 3000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1460);
	IN(&n, TCP_ACK, .seq = 1, .ack = 501);
	ck_assert_uint_eq(socket_send_queued(n.so), 2500);
	ck_assert_uint_eq(tcb(&n)->pipe, 2420);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2921); /* nothing is in flight: Nagle lets the rest go */
	OUT(&n, TCP_ACK, .seq = 2921, .ack = 1, .len = 80);
	tcp_net_end(&n);
}
END_TEST

/* One record of a super-frame is cut by a partial ACK at any byte. */
START_TEST(partial_ack_cuts_a_super_frame)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_modern;
	opt.caps = (struct link_caps){.csum = true, .gso_max = FRAME_MAX};
	in_established(&n, &opt);
	do_send(&n, 10 * 1448);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10 * 1448);
	ck_assert_uint_eq(g->gso_size, 1448);
	ck_assert_uint_eq(tcb(&n)->txq.count, 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 3 * 1448);
	ck_assert_uint_eq(tcb(&n)->txq.count, 1);
	ck_assert_uint_eq(tcb(&n)->pipe, 7 * 1448);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 3 * 1448, .sacks = 1, .sack = {{1 + 5 * 1448, 1 + 6 * 1448}});
	ck_assert_uint_eq(tcb(&n)->txq.count, 3);
	ck_assert_uint_eq(tcb(&n)->pipe, 6 * 1448);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * 1448);
	ck_assert_uint_eq(tcb(&n)->txq.count, 0);
	ck_assert_uint_eq(tcb(&n)->pipe, 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 5681 3.1, RFC 3465: what several ACKs of one batch acknowledge counts as much as one after the other. */
START_TEST(each_ack_of_a_batch_opens_the_window)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 60 * 1448);
	tcp_net_skip_output(&n);
	ck_assert_uint_eq(tcb(&n)->cwnd, 10 * 1448);
	for (uint32_t i = 1; i <= 5; i++)
		BATCH(&n, TCP_ACK, .seq = 1, .ack = 1 + i * 2 * 1448);
	tcp_net_turn(&n);
	ck_assert_uint_eq(tcb(&n)->cwnd, 20 * 1448);
	tcp_net_skip_output(&n);
	/* The last of the text does not fill the window any more: it says nothing about the path. */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 30 * 1448);
	tcp_net_skip_output(&n);
	ck_assert_uint_eq(tcb(&n)->cwnd, 40 * 1448);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 60 * 1448);
	ck_assert_uint_eq(tcb(&n)->cwnd, 40 * 1448);
	tcp_net_end(&n);
}
END_TEST

START_TEST(writable_when_a_third_is_free)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	struct iovec iov[2];
	int error;
	opt.tcp.sndbuf = 8192;
	in_established(&n, &opt);
	do_send(&n, 8192);
	tcp_net_skip_output(&n);
	ck_assert_int_eq(socket_send_reserve(n.stack, n.so, 1, iov, &error), 0);
	ck_assert_int_eq(error, EAGAIN);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 1460);
	ck_assert_uint_eq(tcp_net_events(&n), 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 2920);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_WRITABLE);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 5840);
	ck_assert_uint_eq(tcp_net_events(&n), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 6298 5.2, 5.3: the timer stops when all is acknowledged, and starts again with each new ACK. */
START_TEST(the_timer_follows)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 2920);
	tcp_net_skip_output(&n);
	int64_t rto = tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT);
	tcp_net_pass(&n, 100);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT), rto - 100);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	ck_assert_int_gt(tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT), 199);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2921);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT), -1);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_ack_suite(void);
Suite *tcp_ack_suite(void)
{
	UNIT_SUITE("tcp_ack", range_of_acknowledgments, acknowledgment_of_what_was_never_sent_in_every_state,
	           window_update_by_wl1_and_wl2, partial_ack_frees_what_it_covers, partial_ack_cuts_a_super_frame,
	           each_ack_of_a_batch_opens_the_window, writable_when_a_third_is_free, the_timer_follows);
}
