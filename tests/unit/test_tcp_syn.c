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

Suite *tcp_syn_suite(void);
Suite *tcp_syn_suite(void)
{
	UNIT_SUITE("tcp_syn", syn_ack_in_the_turn_of_the_timeout, ack_in_the_turn_of_the_timeout);
}
