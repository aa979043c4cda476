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

/* SACK blocks of one byte each cut the records of what is outstanding, but never into more than TCP_TXREC_MAX; one ACK
 * looks at each record a bounded number of times; and honest ACKs afterwards end it all as ever. */
START_TEST(one_byte_sack_blocks)
{
	struct tcp_net n;
	uint32_t bytes = 5 * 29200;
	in_flight(&n, bytes);
	size_t before = n.env.allocated;
	uint32_t cuts = TCP_TXREC_MAX + 4000;
	for (uint32_t i = 0; i < cuts; i += 4) {
		uint32_t at = 1 + 8 * i;
		BATCH(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 4,
		      .sack = {{at, at + 1}, {at + 8, at + 9}, {at + 16, at + 17}, {at + 24, at + 25}});
		if (n.frames == BATCH_MAX)
			tcp_net_turn(&n);
		tcp_net_skip_output(&n);
		ck_assert_uint_le(tcb(&n)->txq.count, TCP_TXREC_MAX);
	}
	tcp_net_turn(&n);
	tcp_net_skip_output(&n);
	ck_assert_uint_gt(tcb(&n)->txq.count, TCP_TXREC_MAX - 8);
	ck_assert_uint_eq(tcb(&n)->txq.capacity, TCP_TXREC_MAX);
	ck_assert_uint_le(n.env.allocated - before, TCP_TXREC_MAX * sizeof(struct tcp_txrec) + 4096);
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

Suite *tcp_hostile_suite(void);
Suite *tcp_hostile_suite(void)
{
	UNIT_SUITE("tcp_hostile", one_byte_sack_blocks);
}
