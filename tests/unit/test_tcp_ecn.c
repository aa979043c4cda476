/* tcp_ecn: RFC 3168 6.1. */
#include "tcp_net.h"

#define CE    3
#define ECT_0 2

static struct tcp_net_options with_ecn(enum tcp_ecn ecn)
{
	struct tcp_net_options o = tcp_net_plain;

	o.tcp.ecn = ecn;
	return o;
}

START_TEST(asked_for_only_when_on)
{
	static const unsigned want[TCP_ECNS] = {
	        [TCP_ECN_OFF] = 0, [TCP_ECN_PASSIVE] = 0, [TCP_ECN_ON] = TCP_ECE | TCP_CWR};
	for (enum tcp_ecn e = TCP_ECN_OFF; e < TCP_ECNS; e++) {
		struct tcp_net_options o = with_ecn(e);
		struct tcp_net n;
		tcp_net_begin(&n, &o);
		n.so = tcp_net_open(&n);
		n.id = n.so->id;
		struct endpoint peer = {ip4(10, 0, 0, 2), PEER_PORT};
		ck_assert_int_eq(socket_connect(n.stack, n.so, peer), EINPROGRESS);
		tcp_net_turn(&n);
		ck_assert_uint_eq(OUT_ANY(&n)->flags, TCP_SYN | want[e]);
		/* 6.1.1.1: not on a SYN that is sent again. */
		tcp_net_pass_until_output(&n, 5000);
		ck_assert_uint_eq(OUT_ANY(&n)->flags, TCP_SYN);
		tcp_net_end(&n);
	}
}
END_TEST

/* A listener's answer to an ECN-setup SYN, and the connection behind it. */
static void accepted(struct tcp_net *n, const struct tcp_net_options *o)
{
	in_listen(n, o, 5);
	tcp_net_push(n, peer_syn(n, TCP_SYN | TCP_ECE | TCP_CWR));
	tcp_net_turn(n);
}

START_TEST(agreed_to_unless_off)
{
	for (enum tcp_ecn e = TCP_ECN_OFF; e < TCP_ECNS; e++) {
		struct tcp_net_options o = with_ecn(e);
		struct tcp_net n;
		accepted(&n, &o);
		ck_assert_uint_eq(OUT_ANY(&n)->flags, TCP_SYN | TCP_ACK | (e == TCP_ECN_OFF ? 0 : TCP_ECE));
		tcp_net_end(&n);
	}
}
END_TEST

static void agreed(struct tcp_net *n)
{
	struct tcp_net_options o = with_ecn(TCP_ECN_PASSIVE);

	accepted(n, &o);
	OUT_ANY(n);
	IN(n, TCP_ACK, .seq = 1, .ack = 1);
	do_accept(n);
	tcp_net_skip_output(n);
	ck_assert(tcb(n)->ecn_ok);
}

START_TEST(new_text_is_ect_and_what_is_sent_again_is_not)
{
	struct tcp_net n;
	agreed(&n);
	do_send(&n, 100);
	ck_assert_uint_eq(OUT_ANY(&n)->tos & 3, ECT_0);
	tcp_net_pass_until_output(&n, 5000);
	ck_assert_uint_eq(OUT_ANY(&n)->tos & 3, 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 101, .len = 10);
	tcp_net_pass(&n, 500);
	ck_assert_uint_eq(OUT_ANY(&n)->tos & 3, 0); /* a bare ACK */
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_mark_is_echoed_until_cwr)
{
	struct tcp_net n;
	agreed(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .tos = CE);
	OUT(&n, TCP_ACK | TCP_ECE, .seq = 1, .ack = 11);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10, .tos = ECT_0);
	OUT(&n, TCP_ACK | TCP_ECE, .seq = 1, .ack = 21);
	IN(&n, TCP_ACK | TCP_CWR, .seq = 21, .ack = 1, .len = 10, .tos = ECT_0);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 31);
	ck_assert_uint_eq(CNT(&n, TcpInCE), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(an_echo_halves_the_window_once_a_round_trip)
{
	struct tcp_net n;
	agreed(&n);
	do_send(&n, 8 * 1460);
	tcp_net_skip_output(&n);
	uint32_t cwnd = tcb(&n)->cwnd;
	IN(&n, TCP_ACK | TCP_ECE, .seq = 1, .ack = 1 + 1460);
	uint32_t reduced = tcb(&n)->cwnd;
	ck_assert_uint_lt(reduced, cwnd);
	IN(&n, TCP_ACK | TCP_ECE, .seq = 1, .ack = 1 + 2 * 1460);
	ck_assert_uint_ge(tcb(&n)->cwnd, reduced);
	ck_assert_uint_eq(CNT(&n, TcpEcnReductions), 1);
	/* CWR with the next new text, once. */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 8 * 1460);
	do_send(&n, 1460);
	ck_assert(OUT_ANY(&n)->flags & TCP_CWR);
	do_send(&n, 1460);
	ck_assert(!(OUT_ANY(&n)->flags & TCP_CWR));
	tcp_net_end(&n);
}
END_TEST

/* All is acknowledged and the peer has not seen CWR yet: its text goes on to echo, and that is no new mark. */
START_TEST(an_echo_with_nothing_in_flight)
{
	struct tcp_net n;
	agreed(&n);
	do_send(&n, 8 * 1460);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK | TCP_ECE, .seq = 1, .ack = 1 + 8 * 1460);
	uint32_t reduced = tcb(&n)->cwnd;
	for (uint32_t i = 0; i < 3; i++)
		IN(&n, TCP_ACK | TCP_ECE, .seq = 1 + 10 * i, .ack = 1 + 8 * 1460, .len = 10);
	tcp_net_skip_output(&n);
	ck_assert_uint_eq(tcb(&n)->cwnd, reduced);
	ck_assert_uint_eq(CNT(&n, TcpEcnReductions), 1);
	/* What said CWR is acknowledged: a mark is news again. */
	do_send(&n, 1460);
	ck_assert(OUT_ANY(&n)->flags & TCP_CWR);
	IN(&n, TCP_ACK | TCP_ECE, .seq = 31, .ack = 1 + 9 * 1460);
	ck_assert_uint_eq(CNT(&n, TcpEcnReductions), 2);
	tcp_net_end(&n);
}
END_TEST

/* The last reduction is more than half of the sequence space ago. */
START_TEST(an_echo_after_a_long_time)
{
	struct tcp_net n;
	agreed(&n);
	for (uint32_t i = 0; i < 3; i++) {
		do_send(&n, 1460);
		tcp_net_skip_output(&n);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1 + (i + 1) * 1460);
		ck_assert(seq_len(tcb(&n)->ecn_recover, tcb(&n)->snd.una) <= 1460);
	}
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_ecn_suite(void);
Suite *tcp_ecn_suite(void)
{
	UNIT_SUITE("tcp_ecn", asked_for_only_when_on, agreed_to_unless_off,
	           new_text_is_ect_and_what_is_sent_again_is_not, a_mark_is_echoed_until_cwr,
	           an_echo_halves_the_window_once_a_round_trip, an_echo_with_nothing_in_flight,
	           an_echo_after_a_long_time);
}
