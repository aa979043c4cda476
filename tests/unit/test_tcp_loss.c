/* tcp_loss: fast retransmit with and without SACK, RACK, tail loss probes, time-outs. */
#include "tcp_net.h"

#define RTT_MS 50

/* Established with an RTT of 50 ms; MSS is 1,460 (plain) or 1,448 (modern). */
static uint32_t begin(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_syn_sent(n, opt);
	tcp_net_pass(n, RTT_MS);
	tcp_net_push(n, peer_syn(n, TCP_SYN | TCP_ACK));
	tcp_net_turn(n);
	n->ts_on = tcb(n)->ts_ok;
	OUT(n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert_int_eq(tcb(n)->srtt.ns, RTT_MS * NS_PER_MS);
	return tcb(n)->snd.mss;
}

/* Sends `count` full segments and takes them off the wire; then the time of a round trip passes. */
static void fly(struct tcp_net *n, uint32_t count)
{
	uint32_t mss = tcb(n)->snd.mss, from = n->written;

	do_send(n, count * mss);
	for (uint32_t i = 0; i < count; i++)
		OUT(n, TCP_ACK, .seq = 1 + from + i * mss, .ack = 1, .len = mss);
	tcp_net_pass(n, RTT_MS);
}

/* RFC 5681 3.2: the third duplicate ACK. */
START_TEST(fast_retransmit_without_sack)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_plain);
	fly(&n, 10);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_RECOVERY);
	ck_assert_uint_ge(tcb(&n)->ssthresh, 5 * mss);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPRenoRecovery), 1);
	OUT_NOTHING(&n);
	tcp_net_pass(&n, RTT_MS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	ck_assert_uint_le(tcb(&n)->cwnd, tcb(&n)->ssthresh);
	tcp_net_end(&n);
}
END_TEST

/* RFC 6582 3.2: a partial ACK shows the next hole; it is filled at once. */
START_TEST(partial_acks_without_sack)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_plain);
	fly(&n, 10);
	for (int i = 0; i < 3; i++)
		IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	tcp_net_pass(&n, RTT_MS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 2 * mss);
	OUT(&n, TCP_ACK, .seq = 1 + 2 * mss, .ack = 1, .len = mss);
	tcp_net_pass(&n, RTT_MS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 7 * mss);
	OUT(&n, TCP_ACK, .seq = 1 + 7 * mss, .ack = 1, .len = mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_RECOVERY);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 0);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPRenoRecovery), 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	tcp_net_end(&n);
}
END_TEST

/* RFC 5681 2: what is a duplicate acknowledgment, and what is not. */
START_TEST(what_is_a_duplicate_ack)
{
	struct tcp_net n;
	begin(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1); /* nothing is outstanding */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	fly(&n, 5);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 60000); /* a window update */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 61000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 62000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .wnd = 62000); /* text */
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10, .wnd = 62000);
	IN(&n, TCP_ACK, .seq = 21, .ack = 1, .len = 10, .wnd = 62000);
	ck_assert_uint_eq(tcb(&n)->dupacks, 0);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPRenoRecovery), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 6675 and RFC 8985 6.2: three segments sacked above a hole. */
START_TEST(fast_retransmit_with_sack)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	fly(&n, 10);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + mss, 1 + 4 * mss}});
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_RECOVERY);
	/* Two holes: only they are filled. */
	tcp_net_pass(&n, RTT_MS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 4 * mss, .sacks = 1, .sack = {{1 + 5 * mss, 1 + 10 * mss}});
	OUT(&n, TCP_ACK, .seq = 1 + 4 * mss, .ack = 1, .len = mss);
	OUT_NOTHING(&n);
	tcp_net_pass(&n, RTT_MS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	ck_assert_uint_eq(CNT(&n, TcpRetransSegs), 2);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPFastRetrans), 2);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPSackRecovery), 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPRenoRecovery), 0);
	/* RFC 4022: without those that hold nothing but what was sent before. */
	ck_assert_uint_eq(CNT(&n, TcpExtTCPOrigDataSent), 10);
	ck_assert_uint_eq(CNT(&n, TcpOutSegs), 1 + 1 + 10);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 0);
	tcp_net_end(&n);
}
END_TEST

/* RFC 8985 6.2 step 4 and 5: one segment sacked is taken for reordering for a quarter of the minimal RTT. */
START_TEST(rack_waits_for_reordering)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	fly(&n, 4);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + mss, 1 + 2 * mss}});
	OUT_NOTHING(&n);
	int64_t wait = tcp_net_timer_ms(&n, TCP_TIMER_REORDER);
	ck_assert_int_ge(wait, 12);
	ck_assert_int_le(wait, 13);
	tcp_net_pass(&n, wait + 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_RECOVERY);
	tcp_net_end(&n);
	/* Reordered after all: nothing is sent again. */
	begin(&n, &tcp_net_modern);
	fly(&n, 4);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + mss, 1 + 2 * mss}});
	tcp_net_us(&n, 500);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 2 * mss);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_REORDER), -1);
	ck_assert(tcb(&n)->reordering_seen);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 4 * mss);
	OUT_NOTHING(&n);
	ck_assert_uint_eq(CNT(&n, TcpRetransSegs), 0);
	tcp_net_end(&n);
}
END_TEST

/* 6.2 step 4: three segments sacked are three, however small. */
START_TEST(rack_counts_small_segments)
{
	struct tcp_net n;
	begin(&n, &tcp_net_modern);
	tcb(&n)->nodelay = true;
	for (uint32_t i = 0; i < 5; i++) {
		do_send(&n, 2);
		OUT(&n, TCP_ACK, .seq = 1 + 2 * i, .ack = 1, .len = 2);
	}
	tcp_net_pass(&n, RTT_MS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{3, 5}});
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{3, 7}});
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{3, 9}});
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 2);
	tcp_net_end(&n);
}
END_TEST

/* RFC 8985 6.2 step 4: each round trip with a duplicate report makes the window a quarter of the minimal RTT larger. */
START_TEST(rack_waits_longer_after_duplicates)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern), at = 1;
	for (uint32_t round = 1; round <= 4; round++) {
		fly(&n, 4);
		for (int i = 0; i < 2; i++)
			IN(&n, TCP_ACK, .seq = 1, .ack = at + 3 * mss, .sacks = 1, .sack = {{at, at + mss}});
		ck_assert_uint_eq(tcb(&n)->rack_mult, 1 + round);
		at += 4 * mss;
		IN(&n, TCP_ACK, .seq = 1, .ack = at);
		OUT_NOTHING(&n);
	}
	fly(&n, 4);
	IN(&n, TCP_ACK, .seq = 1, .ack = at, .sacks = 1, .sack = {{at + mss, at + 2 * mss}});
	int64_t wait = tcp_net_timer_ms(&n, TCP_TIMER_REORDER);
	ck_assert_int_ge(wait, RTT_MS - 1); /* five quarters, but at most SRTT */
	ck_assert_int_le(wait, RTT_MS);
	tcb(&n)->rack_persist = 1; /* sixteen recoveries later */
	tcp_net_pass(&n, wait + 1);
	OUT(&n, TCP_ACK, .seq = at, .ack = 1, .len = mss);
	IN(&n, TCP_ACK, .seq = 1, .ack = at + 4 * mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	ck_assert_uint_eq(tcb(&n)->rack_mult, 1);
	tcp_net_end(&n);
}
END_TEST

/* A retransmission that is lost itself: something sent later was delivered. */
START_TEST(rack_finds_a_lost_retransmission)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	fly(&n, 10);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + mss, 1 + 9 * mss}});
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	do_send(&n, 2 * mss); /* new text, sent after the retransmission */
	tcp_net_skip_output(&n);
	tcp_net_pass(&n, RTT_MS + 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + mss, 1 + 12 * mss}});
	tcp_net_pass(&n, 20);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 0);
	tcp_net_end(&n);
}
END_TEST

/* RFC 8985 7: after 2 SRTT the last segment is sent again, and its SACK shows what the tail lost. */
START_TEST(tail_loss_probe)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	do_send(&n, 3 * mss);
	tcp_net_skip_output(&n);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_PROBE), 2 * RTT_MS);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), 2 * RTT_MS);
	OUT(&n, TCP_ACK, .seq = 1 + 2 * mss, .ack = 1, .len = mss);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPLossProbes), 1);
	tcp_net_pass(&n, RTT_MS);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + 2 * mss, 1 + 3 * mss}});
	tcp_net_pass(&n, 20);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	OUT(&n, TCP_ACK, .seq = 1 + mss, .ack = 1, .len = mss);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 3 * mss);
	tcp_net_end(&n);
}
END_TEST

/* 7.3: new text is better than a repetition. One segment in flight waits for a delayed ACK, too. */
START_TEST(tail_loss_probe_with_new_text)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_modern;
	opt.tcp.rto_min = DURATION_S(1);
	begin(&n, &opt);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_PROBE), 2 * RTT_MS + 200);
	do_send(&n, 20); /* Nagle holds it */
	OUT_NOTHING(&n);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), 2 * RTT_MS + 200);
	OUT(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 20);
	ck_assert_uint_eq(CNT(&n, TcpRetransSegs), 0);
	tcp_net_end(&n);
}
END_TEST

/* 7.2: a probe that would come after the retransmission timer is sent in its place, and the timer starts again. */
START_TEST(tail_loss_probe_in_place_of_the_timeout)
{
	struct tcp_net n;
	begin(&n, &tcp_net_modern);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	uint32_t cwnd = tcb(&n)->cwnd;
	int64_t rto = tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT);
	ck_assert_int_lt(rto, 2 * RTT_MS + 200);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), rto);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPLossProbes), 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 0);
	ck_assert_uint_eq(tcb(&n)->cwnd, cwnd);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), rto);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 1);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), 2 * rto);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	tcp_net_end(&n);
}
END_TEST

/* 7.4.2: the probe's retransmission repaired the loss: congestion is answered. A duplicate report says it was not
 * lost. */
START_TEST(tail_loss_probe_that_repairs)
{
	for (int duplicate = 0; duplicate < 2; duplicate++) {
		struct tcp_net n;
		uint32_t mss = begin(&n, &tcp_net_modern);
		do_send(&n, 3 * mss);
		tcp_net_skip_output(&n);
		tcp_net_pass_until_output(&n, 1000);
		OUT(&n, TCP_ACK, .seq = 1 + 2 * mss, .ack = 1, .len = mss);
		uint32_t cwnd = tcb(&n)->cwnd;
		if (duplicate)
			IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 3 * mss, .sacks = 1, .sack = {{1 + 2 * mss, 1 + 3 * mss}});
		else
			IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 3 * mss);
		ck_assert_int_eq(tcb(&n)->cwnd < cwnd, !duplicate);
		tcp_net_end(&n);
	}
}
END_TEST

/* RFC 6298 5.4 to 5.6: all is lost, the first segment goes, one segment of window; then slow start. */
START_TEST(timeout)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.cc = TCP_CC_RENO;
	uint32_t mss = begin(&n, &opt);
	do_send(&n, 4 * mss);
	tcp_net_skip_output(&n);
	int64_t rto = tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 5000), rto);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	ck_assert_uint_eq(tcb(&n)->cwnd, mss);
	ck_assert_uint_eq(tcb(&n)->ssthresh, 2 * mss);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT), 2 * rto);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + mss);
	OUT(&n, TCP_ACK, .seq = 1 + mss, .ack = 1, .len = mss);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 4 * mss);
	ck_assert_int_eq(tcb(&n)->recovery, TCP_OPEN);
	tcp_net_end(&n);
}
END_TEST

/* RFC 2018 8: a peer may forget what it has sacked; after a time-out the first segment goes in any case. */
START_TEST(reneging)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	fly(&n, 3);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1, 1 + mss}});
	tcp_net_skip_output(&n);
	while (CNT(&n, TcpExtTCPTimeouts) == 0) {
		tcp_net_skip_output(&n);
		tcp_net_pass_until_output(&n, 10000);
	}
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = mss);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 6675 5: an ACK that a later one has overtaken still tells by its blocks what has arrived. */
START_TEST(sack_blocks_of_an_overtaken_ack)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	fly(&n, 10);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 2 * mss);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + mss, .sacks = 1, .sack = {{1 + 5 * mss, 1 + 10 * mss}});
	ck_assert_int_eq(tcb(&n)->recovery, TCP_RECOVERY);
	ck_assert_uint_eq(tcb(&n)->snd.una.n - n.iss, 1 + 2 * mss);
	for (uint32_t i = 2; i < 5; i++)
		OUT(&n, TCP_ACK, .seq = 1 + i * mss, .ack = 1, .len = mss);
	OUT_NOTHING(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(sack_blocks_that_lie)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	fly(&n, 4);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + mss, 1 + 5 * mss}}); /* beyond SND.NXT */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + 2 * mss, 1 + mss}}); /* reversed */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + mss, 1 + mss}});     /* empty */
	ck_assert_uint_eq(CNT(&n, TcpExtTCPSACKDiscard), 3);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + mss, .sacks = 1, .sack = {{1, 1 + mss}}); /* RFC 2883: a duplicate */
	ck_assert_uint_eq(CNT(&n, TcpExtTCPSACKDiscard), 3);
	ck_assert_uint_eq(tcb(&n)->pipe, 3 * mss);
	OUT_NOTHING(&n);
	tcp_net_end(&n);
}
END_TEST

/* SACK blocks that cut super-frames anywhere: the records stay consistent, and the stream gets through. */
START_TEST(any_sack_blocks)
{
	for (uint64_t seed = 0; seed < UNIT_SEEDS; seed++) {
		struct tcp_net n;
		struct rng rng;
		struct tcp_net_options opt = tcp_net_modern;
		rng_seed(&rng, seed);
		if (seed % 2)
			opt.caps = (struct link_caps){.csum = true, .gso_max = FRAME_MAX};
		begin(&n, &opt);
		uint32_t una = 1;
		for (int step = 0; step < 60; step++) {
			if (n.written < 100000)
				do_send(&n, 1 + rng_below(&rng, 5000));
			uint32_t nxt = tcb(&n)->snd.nxt.n - n.iss, flight = nxt - una;
			struct tseg g = {.flags = TCP_ACK, .seq = 1, .ack = una, .sacks = (int)rng_below(&rng, 4)};
			for (int i = 0; i < g.sacks; i++) {
				g.sack[i].start = una + rng_below(&rng, flight + 1);
				g.sack[i].end = g.sack[i].start + rng_below(&rng, 4000);
			}
			if (rng_below(&rng, 4) == 0)
				g.ack = una += rng_below(&rng, flight + 1);
			tcp_net_push(&n, g);
			tcp_net_turn(&n);
			tcp_net_pass(&n, rng_below(&rng, 100));
			tcp_net_skip_output(&n);
		}
		for (int i = 0; i < 200 && socket_send_queued(n.so); i++) {
			IN(&n, TCP_ACK, .seq = 1, .ack = tcb(&n)->snd.nxt.n - n.iss);
			tcp_net_pass(&n, 300);
			tcp_net_skip_output(&n);
		}
		ck_assert_uint_eq(socket_send_queued(n.so), 0);
		ck_assert_uint_eq(tcb(&n)->pipe, 0);
		tcp_net_end(&n);
	}
}
END_TEST

/* 7.2: what was sacked is never probed: the reordering timer is at work then. */
START_TEST(no_probe_while_something_is_sacked)
{
	struct tcp_net n;
	uint32_t mss = begin(&n, &tcp_net_modern);
	do_send(&n, 3 * mss);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + 2 * mss, 1 + 3 * mss}});
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_PROBE), -1);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_loss_suite(void);
Suite *tcp_loss_suite(void)
{
	UNIT_SUITE("tcp_loss", fast_retransmit_without_sack, partial_acks_without_sack, what_is_a_duplicate_ack,
	           fast_retransmit_with_sack, rack_waits_for_reordering, rack_waits_longer_after_duplicates,
	           rack_finds_a_lost_retransmission, tail_loss_probe, tail_loss_probe_with_new_text,
	           tail_loss_probe_in_place_of_the_timeout, rack_counts_small_segments, tail_loss_probe_that_repairs,
	           no_probe_while_something_is_sacked, timeout, reneging, sack_blocks_of_an_overtaken_ack,
	           sack_blocks_that_lie, any_sack_blocks);
}
