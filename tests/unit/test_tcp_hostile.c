/* What a hostile peer can make a connection hold and do: each cap by its name. */
#include "tcp_net.h"

/* Sends until so much is in flight, in a world where the congestion window does not hinder. */
static void in_flight(struct tcp_net *n, uint32_t bytes)
{
	struct tcp_net_options opt = tcp_net_modern;
	opt.peer_ts = false;
	opt.tcp.sndbuf = 1u << 20;
	in_established(n, &opt);
	IN(n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 65535);
	tcb(n)->cwnd = 1u << 20;
	for (uint32_t at = 0; at < bytes; at += 29200) {
		do_send(n, 29200);
		tcp_net_skip_output(n);
	}
	ck_assert_uint_eq(tcp_flight_size(tcb(n)), bytes);
}

/* SACK blocks of one byte each cut the records of what is outstanding only so far as an honest receiver's could: time
 * with each ACK, and memory, stay in proportion to the segments in flight. Honest ACKs then end it all as ever. */
START_TEST(one_byte_sack_blocks)
{
	struct tcp_net n;
	uint32_t bytes = 5 * 29200, segments = bytes / 1460, cap = TCP_SACK_RECORDS_MIN + 2 * segments;
	in_flight(&n, bytes);
	size_t before = n.env.allocated;
	for (uint32_t i = 0; i < 4000; i += 4) {
		uint32_t at = 1 + 8 * i;
		BATCH(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 4,
		      .sack = {{at, at + 1}, {at + 8, at + 9}, {at + 16, at + 17}, {at + 24, at + 25}});
		if (n.frames == BATCH_MAX)
			tcp_net_turn(&n);
		tcp_net_skip_output(&n);
		ck_assert_uint_le(tcb(&n)->txq.count, cap);
	}
	tcp_net_turn(&n);
	tcp_net_skip_output(&n);
	ck_assert_uint_gt(tcb(&n)->txq.count, cap - 8);
	ck_assert_uint_gt(CNT(&n, TcpSackEdgesIgnored), 0);
	ck_assert_uint_le(n.env.allocated - before, 1024 * sizeof(struct tcp_txrec));
	for (int i = 0; i < 100 && tcb(&n)->txq.count; i++) {
		IN(&n, TCP_ACK, .seq = 1, .ack = tcb(&n)->snd.nxt.n - n.iss);
		tcp_net_skip_output(&n);
	}
	ck_assert_uint_eq(tcb(&n)->txq.count, 0);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = bytes + 1, .ack = 1, .len = 10);
	tcp_net_end(&n);
}
END_TEST

/* Blocks of whole segments are never refused, whatever their order. */
START_TEST(a_block_for_every_second_segment)
{
	struct tcp_net n;
	uint32_t bytes = 5 * 29200;
	in_flight(&n, bytes);
	for (uint32_t at = 1 + 1460; at < bytes; at += 2 * 1460) {
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{at, at + 1460}});
		tcp_net_skip_output(&n);
	}
	uint32_t sacked = 0;
	for (uint32_t i = 0; i < tcb(&n)->txq.count; i++)
		sacked += txq_at(&tcb(&n)->txq, i)->sacked ? txq_at(&tcb(&n)->txq, i)->len : 0;
	ck_assert_uint_eq(sacked, bytes / 2);
	ck_assert_uint_eq(CNT(&n, TcpSackEdgesIgnored), 0);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_hostile_suite(void);
Suite *tcp_hostile_suite(void)
{
	UNIT_SUITE("tcp_hostile", one_byte_sack_blocks, a_block_for_every_second_segment);
}
