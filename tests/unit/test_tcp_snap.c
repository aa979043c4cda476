/* tcp_snap: a block is saved and loaded in every state, and goes on as if nothing had been. */
#include "tcp_net.h"

START_TEST(every_state)
{
	for (size_t i = 0; i < TCP_NET_STATES; i++) {
		for (int modern = 0; modern < 2; modern++) {
			const struct tcp_net_state *s = &tcp_net_states[i];
			struct tcp_net n;
			s->enter(&n, modern ? &tcp_net_modern : &tcp_net_plain);
			tcp_net_reload(&n);
			EXPECT_STATE(&n, s->state);
			IN(&n, TCP_RST, .seq = s->peer_next + 1); /* in the window: the block knows both numbers */
			OUT(&n, TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
			tcp_net_end(&n);
		}
	}
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_modern);
	tcp_net_reload(&n);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 5000), 1000);
	OUT(&n, TCP_SYN, .seq = 0);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN | TCP_ACK));
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	tcp_net_end(&n);
	in_listen(&n, &tcp_net_plain, 3);
	tcp_net_reload(&n);
	ck_assert_uint_eq(n.listener->tcp.backlog, 3);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	tcp_net_end(&n);
}
END_TEST

/* Text each way, some of it beyond gaps, some sacked, some lost; a FIN at the end. */
START_TEST(in_the_middle_of_everything)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	n.channel_max = 100;
	do_send(&n, 6 * 1448);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 1448, .len = 300, .sacks = 1, .sack = {{1 + 3 * 1448, 1 + 4 * 1448}});
	IN(&n, TCP_ACK, .seq = 501, .ack = 1 + 1448, .len = 100, .sacks = 1, .sack = {{1 + 3 * 1448, 1 + 4 * 1448}});
	do_shutdown_write(&n);
	tcp_net_skip_output(&n);
	struct tcp before = *tcb(&n);
	tcp_net_reload(&n);
	ck_assert_uint_eq(tcb(&n)->pipe, before.pipe);
	ck_assert_uint_eq(tcb(&n)->lost, before.lost);
	ck_assert_uint_eq(tcb(&n)->txq.count, before.txq.count);
	ck_assert_uint_eq(tcp_recv_queued(tcb(&n)), 300);
	ck_assert_uint_eq(tcb(&n)->rcv.gaps, 1);
	n.channel_max = UINT32_MAX;
	stack_offer(n.stack, n.so);
	IN(&n, TCP_ACK, .seq = 301, .ack = 1 + 1448, .len = 200);
	ck_assert_uint_eq(n.received, 600);
	tcp_net_reload(&n);
	tcp_net_pass(&n, 3000); /* the bytes that go again are verified by the harness */
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 601, .ack = 2 + 6 * 1448);
	EXPECT_STATE(&n, TCP_FIN_WAIT_2);
	ck_assert_uint_eq(CNT(&n, TcpInCsumErrors), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* What would send a SYN again as if it were text. */
START_TEST(a_syn_that_is_owed_as_text)
{
	struct tcp_net n;
	struct snap save;
	in_syn_sent(&n, &tcp_net_modern);
	for (int i = 0; i < 5; i++) {
		struct tcp before = *tcb(&n);
		if (i == 4)
			tcb(&n)->state = TCP_ESTABLISHED;
		tcb(&n)->persist_owed = i == 0;
		tcb(&n)->probe_owed = i == 1;
		if (i == 2 || i == 3)
			tcb(&n)->deadline[i == 2 ? TCP_TIMER_PERSIST : TCP_TIMER_PROBE] = n.env.now;
		stack_save(n.stack, &save);
		ck_assert(!snap_ok(&save));
		ck_assert_str_eq(save.error, "a TCP block contradicts itself");
		snap_save_free(&save);
		*tcb(&n) = before;
	}
	tcp_net_reload(&n);
	tcp_net_end(&n);
}
END_TEST

/* A listener waits for nothing: its end would leave its children behind. */
START_TEST(a_listener_with_a_timer)
{
	struct tcp_net n;
	struct snap save;
	in_listen(&n, &tcp_net_plain, 2);
	n.listener->tcp.deadline[TCP_TIMER_WAIT] = n.env.now;
	stack_save(n.stack, &save);
	ck_assert(!snap_ok(&save));
	snap_save_free(&save);
	n.listener->tcp.deadline[TCP_TIMER_WAIT] = INSTANT_NEVER;
	tcp_net_reload(&n);
	tcp_net_end(&n);
}
END_TEST

/* The ring's first octet is that of SND.UNA. */
START_TEST(a_ring_that_is_elsewhere)
{
	struct tcp_net n;
	struct snap save;
	in_established(&n, &tcp_net_modern);
	tcb(&n)->snd.head.n++;
	stack_save(n.stack, &save);
	ck_assert(!snap_ok(&save));
	snap_save_free(&save);
	tcb(&n)->snd.head.n--;
	tcp_net_reload(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(timers_are_kept)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	tcp_net_pass(&n, 150);
	int64_t left = tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT);
	tcp_net_reload(&n);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT), left);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), left);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	tcp_net_end(&n);
}
END_TEST

/* A reload after every turn of a whole connection. */
START_TEST(after_every_turn)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_modern, 2);
	tcp_net_reload(&n);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN));
	tcp_net_turn(&n);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	n.ts_on = true;
	tcp_net_reload(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	tcp_net_skip_output(&n);
	tcp_net_reload(&n);
	do_accept(&n);
	tcp_net_reload(&n);
	do_send(&n, 2 * 1448);
	tcp_net_reload(&n);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 11, .ack = 2897);
	tcp_net_reload(&n);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	ck_assert_uint_eq(n.received, 10);
	do_read(&n, 10);
	tcp_net_skip_output(&n);
	do_close(&n, false);
	tcp_net_reload(&n);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 2897, .ack = 12);
	IN(&n, TCP_ACK, .seq = 12, .ack = 2898);
	ck_assert(tcp_net_gone(&n));
	tcp_net_reload(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_snap_suite(void);
Suite *tcp_snap_suite(void)
{
	UNIT_SUITE("tcp_snap", every_state, in_the_middle_of_everything, a_syn_that_is_owed_as_text,
	           a_ring_that_is_elsewhere, a_listener_with_a_timer, timers_are_kept, after_every_turn);
}
