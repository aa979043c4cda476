/* tcp_spurious: what was sent again without need is found out, reported, and undone. */
#include "tcp_net.h"

#define MSS 1448u /* of tcp_net_modern: 1460 less the timestamps */

/* The parts of TcpSpuriousRecoveries. */
static uint64_t undone(const struct tcp_net *n)
{
	return CNT(n, TcpExtTCPFullUndo) + CNT(n, TcpExtTCPDSACKUndo) + CNT(n, TcpExtTCPLossUndo);
}

START_TEST(a_duplicate_below_the_cumulative_ack_is_reported)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 101);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 101, .sacks = 1, .sack = {{1, 101}});
	ck_assert_uint_eq(CNT(&n, TcpExtTCPDSACKOldSent), 1);
	/* Once. */
	IN(&n, TCP_ACK, .seq = 101, .ack = 1, .len = 10);
	ck_assert_int_eq(OUT(&n, TCP_ACK, .seq = 1, .ack = 111)->sacks, 0);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_duplicate_beyond_a_gap_is_reported_before_the_gap)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	IN(&n, TCP_ACK, .seq = 101, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{101, 201}});
	IN(&n, TCP_ACK, .seq = 101, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 2, .sack = {{101, 201}, {101, 201}});
	tcp_net_end(&n);
}
END_TEST

/* Ten segments in flight; the timer expires, because the path was slow. */
static uint32_t into_timeout(struct tcp_net *n, const struct tcp_net_options *opt, uint32_t mss)
{
	in_established(n, opt);
	do_send(n, 10 * mss);
	tcp_net_skip_output(n);
	uint32_t cwnd = tcb(n)->cwnd;
	ck_assert_int_gt(tcp_net_pass_until_output(n, 5000), 0);
	while (CNT(n, TcpExtTCPTimeouts) == 0) {
		tcp_net_skip_output(n);
		ck_assert_int_gt(tcp_net_pass_until_output(n, 5000), 0);
	}
	tcp_net_skip_output(n);
	ck_assert_int_eq(tcb(n)->recovery, TCP_LOSS);
	ck_assert_uint_lt(tcb(n)->cwnd, cwnd);
	return cwnd;
}

/* RFC 3522: the ACK echoes a timestamp from before the retransmission. */
START_TEST(eifel_by_timestamps)
{
	struct tcp_net n;
	uint32_t cwnd = into_timeout(&n, &tcp_net_modern, MSS);
	uint32_t before = tcb(&n)->undo.ts - 100;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * MSS, .has_ts = true, .tsval = n.peer_ts_base + 1000, .tsecr = before);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	ck_assert_uint_ge(tcb(&n)->cwnd, cwnd);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPLossUndo), 1);
	ck_assert_uint_eq(undone(&n), 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPSpuriousRTOs), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(an_ack_of_the_retransmission_undoes_nothing)
{
	struct tcp_net n;
	uint32_t cwnd = into_timeout(&n, &tcp_net_modern, MSS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * MSS, .has_ts = true, .tsval = n.peer_ts_base + 1000,
	   .tsecr = tcb(&n)->undo.ts);
	ck_assert_uint_lt(tcb(&n)->cwnd, cwnd);
	ck_assert_uint_eq(undone(&n), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* A recovery ends at its recovery point while what it sent again beyond that is still under way; the next one begins.
 * The ACK of the former retransmission is older than the first of the latter, and yet no sign that nothing was lost. */
START_TEST(an_earlier_retransmission_undoes_nothing)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 10 * MSS);
	tcp_net_skip_output(&n);
	struct tcp *t = tcb(&n);
	seq32 una = t->snd.una;
	t->recovery = TCP_RECOVERY;
	tcp_undo_save(t);
	tcp_undo_retransmitted(&n.stack->tcp, t, seq_add(una, 5 * MSS));
	uint32_t earlier = t->undo.ts;
	t->recovery = TCP_OPEN;
	tcp_net_pass(&n, 20);
	tcp_undo_save(t);
	t->recovery = TCP_RECOVERY;
	t->recover = t->snd.nxt;
	tcp_undo_retransmitted(&n.stack->tcp, t, seq_add(una, 8 * MSS));
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 5 * MSS, .has_ts = true, .tsval = n.peer_ts_base + 1000, .tsecr = earlier);
	ck_assert_uint_eq(undone(&n), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 5682 2.1, without timestamps and SACK. */
START_TEST(f_rto_by_two_advancing_acks)
{
	struct tcp_net n;
	uint32_t cwnd = into_timeout(&n, &tcp_net_plain, 1460);
	do_send(&n, 5 * 1460); /* new text for step 2b */
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 1460);
	OUT(&n, TCP_ACK, .seq = 1 + 10 * 1460, .ack = 1, .len = 1460);
	OUT(&n, TCP_ACK, .seq = 1 + 11 * 1460, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 3 * 1460);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	ck_assert_uint_ge(tcb(&n)->cwnd, cwnd);
	ck_assert_uint_eq(tcb(&n)->lost, 0);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPLossUndo), 1);
	ck_assert_uint_eq(undone(&n), 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPSpuriousRTOs), 1);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(f_rto_gives_way_to_a_duplicate_ack)
{
	struct tcp_net n;
	into_timeout(&n, &tcp_net_plain, 1460);
	do_send(&n, 5 * 1460);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 1460);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 1460);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_LOSS);
	ck_assert_int_eq(tcb(&n)->frto, TCP_FRTO_OFF);
	ck_assert_uint_eq(undone(&n), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_spurious_suite(void);
Suite *tcp_spurious_suite(void)
{
	UNIT_SUITE("tcp_spurious", a_duplicate_below_the_cumulative_ack_is_reported,
	           a_duplicate_beyond_a_gap_is_reported_before_the_gap, eifel_by_timestamps,
	           an_ack_of_the_retransmission_undoes_nothing, an_earlier_retransmission_undoes_nothing,
	           f_rto_by_two_advancing_acks, f_rto_gives_way_to_a_duplicate_ack);
}
