/* tcp_rcv: text in order and beyond gaps, the window, delayed ACKs, FIN. */
#include "tcp_net.h"

/* Past the segments at the start that are acknowledged at once. */
static uint32_t past_quick_acks(struct tcp_net *n)
{
	uint32_t seq = 1;

	for (int i = 0; i < TCP_QUICK_ACKS; i++, seq += 10) {
		IN(n, TCP_ACK, .seq = seq, .ack = 1, .len = 10);
		tcp_net_pass(n, 500);
	}
	tcp_net_skip_output(n);
	return seq;
}

/* RFC 9293 3.8.6.3: an ACK for every second segment, and within 500 ms. */
START_TEST(delayed_ack)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	uint32_t seq = past_quick_acks(&n);
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = seq + 1460, .ack = 1, .len = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 2920);
	IN(&n, TCP_ACK, .seq = seq + 2920, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 500), 40);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 4380);
	tcp_net_end(&n);
}
END_TEST

/* After a sign of loss the sender's window may be one segment: no ACK is delayed for a while. */
START_TEST(no_delay_after_a_loss)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	uint32_t seq = past_quick_acks(&n);
	IN(&n, TCP_ACK, .seq = seq + 1460, .ack = 1, .len = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq);
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 1460);
	seq += 2920;
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq);
	for (int i = 0; i < TCP_QUICK_ACKS - 1; i++, seq += 10) {
		IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 10);
		OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 10);
	}
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 10);
	OUT_NOTHING(&n);
	tcp_net_pass(&n, 500);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 10);
	/* What arrives twice was lost, or its ACK was. */
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 10);
	IN(&n, TCP_ACK, .seq = seq + 10, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 20);
	tcp_net_end(&n);
}
END_TEST

START_TEST(data_take_the_ack_along)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	uint32_t seq = past_quick_acks(&n);
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 100);
	OUT_NOTHING(&n);
	do_send(&n, 50);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 100, .len = 50);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_DELACK), -1);
	tcp_net_end(&n);
}
END_TEST

/* A batch that holds two segments, or one super-frame of two, is answered at once, and once. */
START_TEST(one_ack_for_a_batch)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	uint32_t seq = past_quick_acks(&n);
	BATCH(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 1460);
	BATCH(&n, TCP_ACK, .seq = seq + 1460, .ack = 1, .len = 1460);
	BATCH(&n, TCP_ACK, .seq = seq + 2920, .ack = 1, .len = 1460);
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 4380);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = seq + 4380, .ack = 1, .len = 2000, .gso_size = 1000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 6380);
	ck_assert_uint_eq(n.received, seq + 6380 - 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 5681 4.2: out of order is answered at once, and so is what fills a gap. RFC 2018 4: the newest block first. */
START_TEST(out_of_order_with_sack)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	uint32_t seq = past_quick_acks(&n);
	IN(&n, TCP_ACK, .seq = seq + 100, .ack = 1, .len = 50);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq, .sacks = 1, .sack = {{seq + 100, seq + 150}});
	IN(&n, TCP_ACK, .seq = seq + 300, .ack = 1, .len = 50);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq, .sacks = 2, .sack = {{seq + 300, seq + 350}, {seq + 100, seq + 150}});
	IN(&n, TCP_ACK, .seq = seq + 150, .ack = 1, .len = 20);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq, .sacks = 2, .sack = {{seq + 100, seq + 170}, {seq + 300, seq + 350}});
	IN(&n, TCP_ACK, .seq = seq + 500, .ack = 1, .len = 50);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq, .sacks = 3,
	    .sack = {{seq + 500, seq + 550}, {seq + 100, seq + 170}, {seq + 300, seq + 350}});
	/* With timestamps three blocks have room. */
	IN(&n, TCP_ACK, .seq = seq + 700, .ack = 1, .len = 50);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq, .sacks = 3,
	    .sack = {{seq + 700, seq + 750}, {seq + 500, seq + 550}, {seq + 100, seq + 170}});
	ck_assert_uint_eq(CNT(&n, TcpExtTCPOFOQueue), 5);
	/* Gaps fill from the left. */
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 170);
	IN(&n, TCP_ACK, .seq = seq + 170, .ack = 1, .len = 400);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 570, .sacks = 1, .sack = {{seq + 700, seq + 750}});
	IN(&n, TCP_ACK, .seq = seq + 570, .ack = 1, .len = 130);
	ck_assert_int_eq(OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 750)->sacks, 0);
	ck_assert_uint_eq(n.received, seq + 750 - 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 2018 4: the others in the order in which they were reported, the most recent first; four without timestamps. */
START_TEST(recent_blocks_come_first)
{
	struct tcp_net_options opt = tcp_net_modern;
	opt.peer_ts = false;
	struct tcp_net n;
	in_established(&n, &opt);
	for (uint32_t i = 1; i <= 5; i++) {
		IN(&n, TCP_ACK, .seq = 1 + 100 * i, .ack = 1, .len = 50);
		tcp_net_skip_output(&n);
	}
	IN(&n, TCP_ACK, .seq = 251, .ack = 1, .len = 10); /* grows the second */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 4, .sack = {{201, 261}, {501, 551}, {401, 451}, {301, 351}});
	IN(&n, TCP_ACK, .seq = 451, .ack = 1, .len = 50); /* joins the fourth and the fifth */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 4, .sack = {{401, 551}, {201, 261}, {301, 351}, {101, 151}});
	tcp_net_reload(&n);
	IN(&n, TCP_ACK, .seq = 701, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 4, .sack = {{701, 711}, {401, 551}, {201, 261}, {301, 351}});
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 200); /* what RCV.NXT has passed is not reported */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 261, .sacks = 3, .sack = {{701, 711}, {401, 551}, {301, 351}});
	tcp_net_end(&n);
}
END_TEST

/* RFC 2883 4: the duplicate, then the block that holds it, then the rest. */
START_TEST(a_duplicate_before_the_recent_blocks)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	for (uint32_t i = 1; i <= 3; i++) {
		IN(&n, TCP_ACK, .seq = 1 + 100 * i, .ack = 1, .len = 50);
		tcp_net_skip_output(&n);
	}
	IN(&n, TCP_ACK, .seq = 111, .ack = 1, .len = 20);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 3, .sack = {{111, 131}, {101, 151}, {301, 351}});
	IN(&n, TCP_ACK, .seq = 501, .ack = 1, .len = 20);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 3, .sack = {{501, 521}, {101, 151}, {301, 351}});
	tcp_net_end(&n);
}
END_TEST

START_TEST(no_sack_blocks_unless_permitted)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 101, .ack = 1, .len = 50);
	ck_assert_int_eq(OUT(&n, TCP_ACK, .seq = 1, .ack = 1)->sacks, 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 151);
	ck_assert_uint_eq(n.received, 150);
	tcp_net_end(&n);
}
END_TEST

/* Segments in every order, overlapping, some twice: the stream comes out whole. */
START_TEST(any_order)
{
	for (uint64_t seed = 0; seed < UNIT_SEEDS; seed++) {
		struct tcp_net n;
		struct rng rng;
		bool there[200] = {false};
		rng_seed(&rng, seed);
		in_established(&n, seed % 2 ? &tcp_net_modern : &tcp_net_plain);
		n.channel_max = seed % 3 ? UINT32_MAX : 500;
		while (n.received < 2000) {
			uint32_t from = rng_below(&rng, 200), count = 1 + rng_below(&rng, 8);
			count = u32_min(count, 200 - from);
			uint32_t next = tcb(&n)->rcv.nxt.n - PEER_ISS;
			if (rng_below(&rng, 3) == 0)
				from = next / 10 < 200 ? u32_min(next / 10, 199) : 199, count = 1;
			for (uint32_t i = from; i < from + count; i++)
				there[i] = true;
			BATCH(&n, TCP_ACK, .seq = 1 + from * 10, .ack = 1, .len = count * 10);
			if (rng_below(&rng, 3) == 0 || n.frames == BATCH_MAX)
				tcp_net_turn(&n);
			if (n.held && rng_below(&rng, 2) && !n.frames)
				do_read(&n, n.held);
			tcp_net_skip_output(&n);
		}
		uint32_t whole = 0;
		while (whole < 200 && there[whole])
			whole++;
		ck_assert_uint_eq(whole, 200);
		ck_assert_uint_eq(n.received, 2000);
		tcp_net_turn(&n);
		tcp_net_skip_output(&n);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(duplicates_and_overlaps)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 101);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 101);
	EXPECT_DROP(&n, TcpDuplicateData);
	IN(&n, TCP_ACK, .seq = 51, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 151);
	ck_assert_uint_eq(n.received, 150);
	ck_assert_uint_eq(tcb(&n)->bytes_received, 150);
	tcp_net_end(&n);
}
END_TEST

START_TEST(text_beyond_the_window_is_cut)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = 4096;
	in_established(&n, &opt);
	n.channel_max = 0;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 5000);
	EXPECT_DROP(&n, TcpBeyondWindow);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 4097, .zero_wnd = true);
	ck_assert_uint_eq(tcp_recv_queued(tcb(&n)), 4096);
	/* A FIN behind what was cut does not count. */
	tcp_net_end(&n);
	in_established(&n, &opt);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .len = 5000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 4097, .zero_wnd = true);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.6, SHLD-14: while the application does not read, the edge stays where it is. */
START_TEST(the_right_edge_never_moves_left)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = 20000;
	in_established(&n, &opt);
	uint32_t edge = 1 + 20000, seq = 1;
	static const uint32_t sizes[] = {1, 1460, 3, 700, 1460, 1460, 1000, 2000, 9000};
	for (size_t i = 0; i < ARRAY_LEN(sizes); seq += sizes[i++]) {
		IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = sizes[i]);
		const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = seq + sizes[i]);
		ck_assert_uint_eq(g->ack + g->wnd, edge);
	}
	/* RFC 9293 3.8.6.2.2: it opens when there is a segment's worth. */
	do_read(&n, 1459);
	OUT_NOTHING(&n);
	do_read(&n, 1);
	OUT_NOTHING(&n); /* the peer still has 2,916 bytes */
	do_read(&n, 1460);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = seq);
	ck_assert_uint_eq(g->ack + g->wnd, edge + 2920);
	/* A smaller buffer takes nothing back. */
	ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_SO_RCVBUF, (struct socket_option_value){.number = 4096}),
	                 0);
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 1000);
	g = OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 1000);
	ck_assert_uint_eq(g->ack + g->wnd, edge + 2920);
	tcp_net_end(&n);
}
END_TEST

/* RFC 7323 2.4: a scaled window cannot say every edge; small segments must not push it through the buffer. */
START_TEST(small_segments_do_not_outgrow_the_buffer)
{
	static const uint32_t sizes[] = {1, 7, 100, 128, 255, 1448};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct tcp_net n;
		struct tcp_net_options opt = tcp_net_modern;
		opt.tcp.rcvbuf = 8192;
		in_established(&n, &opt);
		uint32_t unit = 1u << tcb(&n)->rcv.wind_shift, seq = 1, edge = 0;
		for (int k = 0; k < 20000 && tcp_recv_queued(tcb(&n)) < 8192 + unit; k++) {
			uint32_t room = tcb(&n)->rcv.adv.n - tcb(&n)->rcv.nxt.n, len = u32_min(sizes[i], room);
			if (!len)
				break;
			IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = len);
			seq += len;
			ck_assert_uint_ge(tcb(&n)->rcv.adv.n - PEER_ISS, edge);
			edge = tcb(&n)->rcv.adv.n - PEER_ISS;
			tcp_net_skip_output(&n);
		}
		ck_assert_uint_le(edge, 1 + 8192 + unit);
		ck_assert_uint_eq(tcb(&n)->rcv.nxt.n - PEER_ISS, seq); /* all that was offered was taken */
		ck_assert_uint_le(tcp_recv_queued(tcb(&n)), 8192 + unit);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(window_opens_when_the_application_reads)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = 10000;
	in_established(&n, &opt);
	n.channel_max = 3000;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 10001, .zero_wnd = true);
	ck_assert_uint_eq(n.received, 3000);
	ck_assert_uint_eq(socket_recv_queued(n.so), 10000);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPToZeroWindowAdv), 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPFromZeroWindowAdv), 0);
	do_read(&n, 3000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 10001, .wnd = 3000);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPToZeroWindowAdv), 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPFromZeroWindowAdv), 1);
	ck_assert_uint_eq(n.received, 6000);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.6.2.2: the right edge stays until it can move by min(RCV.BUFF / 2, MSS), however small the steps in
 * which the application reads, or the peer sends. */
START_TEST(the_right_edge_moves_in_worthwhile_steps)
{
	static const struct {
		uint32_t buffer, step;
	} row[] = {{20000, 1460}, {TCP_BUF_MIN, 1460}};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp_net n;
		struct tcp_net_options opt = tcp_net_plain;
		opt.tcp.rcvbuf = row[i].buffer;
		in_established(&n, &opt);
		for (uint32_t at = 0; at < row[i].buffer; at += 512) {
			IN(&n, TCP_ACK, .seq = 1 + at, .ack = 1, .len = u32_min(512, row[i].buffer - at));
			tcp_net_skip_output(&n);
		}
		seq32 edge = tcb(&n)->rcv.adv;
		ck_assert(seq_eq(edge, tcb(&n)->rcv.nxt));
		for (uint32_t read = 0; read < row[i].buffer / 7 * 7; read += 7) {
			do_read(&n, 7);
			if (seq_eq(tcb(&n)->rcv.adv, edge)) {
				OUT_NOTHING(&n);
				continue;
			}
			ck_assert_uint_ge(seq_len(edge, tcb(&n)->rcv.adv), row[i].step);
			edge = tcb(&n)->rcv.adv;
			tcp_net_skip_output(&n);
		}
		ck_assert_uint_ge(seq_len(tcb(&n)->rcv.nxt, edge), row[i].buffer / 2);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(fin_with_text)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	n.channel_max = 4;
	IN(&n, TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 12);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	ck_assert_uint_eq(tcp_net_events(&n), 0); /* not before every byte is delivered */
	do_read(&n, 4);
	ck_assert_uint_eq(tcp_net_events(&n), 0);
	do_read(&n, 4);
	ck_assert_uint_eq(n.received, 10);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_EOF);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.10.7.4, SHLD-31: a FIN beyond a gap counts when the gap closes; the peer need not repeat it. */
START_TEST(fin_beyond_a_gap_is_held)
{
	for (int reload = 0; reload < 2; reload++) {
		struct tcp_net n;
		in_established(&n, &tcp_net_modern);
		IN(&n, TCP_ACK | TCP_FIN, .seq = 11, .ack = 1, .len = 10);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{11, 22}});
		EXPECT_STATE(&n, TCP_ESTABLISHED);
		if (reload)
			tcp_net_reload(&n);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 22);
		EXPECT_STATE(&n, TCP_CLOSE_WAIT);
		ck_assert_uint_eq(n.received, 20);
		ck_assert_uint_eq(tcp_net_events(&n), SOCKET_EOF);
		ck_assert_uint_eq(CNT(&n, TcpFinMismatch), 0);
		tcp_net_end(&n);
	}
}
END_TEST

/* Alone, or with text of which a part is still missing; the text may come in any order. */
START_TEST(a_bare_fin_beyond_a_gap)
{
	struct tcp_net n;
	in_fin_wait_2(&n, &tcp_net_modern);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 21, .ack = 2);
	ck_assert_int_eq(OUT(&n, TCP_ACK, .seq = 2, .ack = 1)->sacks, 0);
	IN(&n, TCP_ACK, .seq = 6, .ack = 2, .len = 5);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 1, .sacks = 1, .sack = {{6, 11}});
	IN(&n, TCP_ACK, .seq = 11, .ack = 2, .len = 10);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 1, .sacks = 1, .sack = {{6, 22}});
	EXPECT_STATE(&n, TCP_FIN_WAIT_2);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2, .len = 5);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 22);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_end(&n);
}
END_TEST

/* The first FIN fixes the end of the stream; a peer that contradicts itself changes nothing, and is counted. */
/* RFC 5681 4.2: what fills part of the gap in front of the FIN is acknowledged at once. */
START_TEST(a_gap_before_a_fin_is_filled_in_part)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	uint32_t seq = past_quick_acks(&n);
	IN(&n, TCP_FIN | TCP_ACK, .seq = seq + 3000, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq);
	tcb(&n)->quick_until = 0;
	IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 1000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 1000);
	IN(&n, TCP_ACK, .seq = seq + 1000, .ack = 1, .len = 2000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 3001);
	tcp_net_events(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_second_fin_elsewhere)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 11, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 31, .ack = 1); /* later */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_DROP(&n, TcpFinMismatch);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 15, .ack = 1); /* earlier, within text that is there */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_DROP(&n, TcpFinMismatch);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .len = 5); /* in order */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 6);
	EXPECT_DROP(&n, TcpFinMismatch);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	IN(&n, TCP_ACK, .seq = 6, .ack = 1, .len = 5);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 22);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	ck_assert_uint_eq(n.received, 20);
	ck_assert_uint_eq(CNT(&n, TcpFinMismatch), 3);
	tcp_net_end(&n);
}
END_TEST

START_TEST(text_beyond_a_fin)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 21, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	IN(&n, TCP_ACK, .seq = 31, .ack = 1, .len = 10); /* all of it */
	ck_assert_int_eq(OUT(&n, TCP_ACK, .seq = 1, .ack = 1)->sacks, 0);
	EXPECT_DROP(&n, TcpFinMismatch);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 20); /* half of it */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{11, 22}});
	EXPECT_DROP(&n, TcpFinMismatch);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 40);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 22);
	EXPECT_DROP(&n, TcpFinMismatch);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	ck_assert_uint_eq(n.received, 20);
	tcp_net_end(&n);
}
END_TEST

/* A FIN behind text that does not fit into the window is not where the stream ends yet; one at its edge is. */
START_TEST(fin_beyond_the_window)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = 4096;
	in_established(&n, &opt);
	n.channel_max = 0;
	IN(&n, TCP_ACK | TCP_FIN, .seq = 4090, .ack = 1, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert(!tcb(&n)->rcv.fin_known);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 4001, .ack = 1, .len = 96);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert(tcb(&n)->rcv.fin_known);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 4000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 4098);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	tcp_net_end(&n);
}
END_TEST

/* Want of memory loses the text, not the FIN's place. */
START_TEST(fin_of_a_segment_without_memory)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	n.env.fail_at = n.env.allocations + 1;
	IN(&n, TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .len = 10);
	n.env.fail_at = 0;
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_DROP(&n, TcpExtTCPRcvQDrop);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 12);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(retransmitted_fin_is_acknowledged_again)
{
	struct tcp_net n;
	in_close_wait(&n, &tcp_net_plain);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 1, .ack = 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 2);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(the_number_of_gaps_is_bounded)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	for (uint32_t i = 0; i < TCP_GAPS_MAX + 10; i++) {
		BATCH(&n, TCP_ACK, .seq = 3 + 2 * i, .ack = 1, .len = 1);
		if (n.frames == BATCH_MAX)
			tcp_net_turn(&n);
		tcp_net_skip_output(&n);
	}
	tcp_net_turn(&n);
	ck_assert_uint_eq(tcb(&n)->rcv.gaps, TCP_GAPS_MAX);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPOFODrop), 10);
	tcp_net_reload(&n); /* the bound is the same afterwards */
	IN(&n, TCP_ACK, .seq = 1 + 2 * (TCP_GAPS_MAX + 30), .ack = 1, .len = 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPOFODrop), 11);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 2 * TCP_GAPS_MAX);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 2 * TCP_GAPS_MAX + 2);
	tcp_net_end(&n);
}
END_TEST

/* The same, in time and memory: a segment costs the same whether 8 or TCP_GAPS_MAX holes are open, but for the shift of
 * the intervals behind it, and the intervals of one connection never take more than their bound. */
START_TEST(one_byte_holes_are_cheap)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	size_t before = n.env.allocated;
	for (uint32_t i = 0; i < 4 * TCP_GAPS_MAX; i++) { /* from the right, which shifts them all */
		BATCH(&n, TCP_ACK, .seq = 3 + 2 * (4 * TCP_GAPS_MAX - i), .ack = 1, .len = 1);
		if (n.frames == BATCH_MAX)
			tcp_net_turn(&n);
		tcp_net_skip_output(&n);
	}
	ck_assert_uint_eq(tcb(&n)->rcv.gaps, TCP_GAPS_MAX);
	ck_assert_uint_eq(tcb(&n)->rcv.gap_capacity, TCP_GAPS_MAX);
	ck_assert_uint_le(n.env.allocated - before, 2 * TCP_GAPS_MAX * sizeof(struct tcp_gap) + (64u << 10));
	ck_assert_uint_eq(CNT(&n, TcpExtTCPOFODrop), 3 * TCP_GAPS_MAX);
	tcp_net_end(&n);
}
END_TEST

/* SHUT_RD: what waits, in order or not, is dropped; what comes is acknowledged and dropped. */
START_TEST(shut_down_for_reading)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	n.channel_max = 0;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	IN(&n, TCP_ACK, .seq = 21, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11, .sacks = 1, .sack = {{21, 31}});
	ck_assert_int_eq(socket_shutdown(n.stack, n.so, true, false), 0);
	tcp_net_turn(&n);
	ck_assert_uint_eq(tcp_recv_queued(tcb(&n)), 0);
	n.channel_max = UINT32_MAX;
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 20);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 31);
	IN(&n, TCP_ACK, .seq = 41, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 31);
	IN(&n, TCP_ACK, .seq = 31, .ack = 1, .len = 10);
	ck_assert_uint_eq(OUT_ANY(&n)->flags, TCP_ACK);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 41, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 52);
	ck_assert_uint_eq(n.received, 0);
	ck_assert_uint_eq(tcp_recv_queued(tcb(&n)), 0);
	ck_assert(tcp_net_events(&n) & SOCKET_EOF);
	ck_assert_uint_eq(CNT(&n, TcpInShut), 4);
	do_close(&n, false);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 52);
	tcp_net_end(&n);
}
END_TEST

/* Memory for a segment is there before it is acknowledged: what was refused comes again. */
START_TEST(want_of_memory)
{
	for (int k = 1; k < 8; k++) {
		struct tcp_net n;
		in_established(&n, &tcp_net_modern);
		n.channel_max = 0;
		n.env.fail_at = n.env.allocations + (uint64_t)k;
		for (int i = 0; i < 4; i++) { /* each segment until it is acknowledged */
			IN(&n, TCP_ACK, .seq = 1 + 3000 * (3u - (uint32_t)i), .ack = 1, .len = 3000);
			IN(&n, TCP_ACK, .seq = 1 + 3000 * (3u - (uint32_t)i), .ack = 1, .len = 3000);
		}
		ck_assert_uint_eq(tcb(&n)->rcv.nxt.n - PEER_ISS, 12001);
		tcp_net_skip_output(&n);
		n.channel_max = UINT32_MAX;
		stack_offer(n.stack, n.so);
		tcp_net_turn(&n);
		ck_assert_uint_eq(n.received, 12000);
		tcp_net_skip_output(&n);
		tcp_net_end(&n);
	}
}
END_TEST

/* A window smaller than one step of its scale cannot be told: no update is due, or there would be no end of them. */
START_TEST(no_update_that_the_scale_rounds_off)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_modern;
	opt.mtu = 140;
	in_established(&n, &opt);
	struct tcp *t = tcb(&n);
	uint32_t rcvbuf = t->rcvbuf;
	t->rcv.adv = t->rcv.nxt;
	t->rcvbuf = (1u << t->rcv.wind_shift) - 1;
	ck_assert_uint_gt(t->rcvbuf, t->rcv.mss);
	ck_assert(!tcp_window_update_due(t));
	t->rcvbuf = rcvbuf;
	ck_assert(tcp_window_update_due(t));
	tcp_advertise(t, false);
	ck_assert(!tcp_window_update_due(t));
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_rcv_suite(void);
Suite *tcp_rcv_suite(void)
{
	UNIT_SUITE("tcp_rcv", no_update_that_the_scale_rounds_off, delayed_ack, no_delay_after_a_loss,
	           data_take_the_ack_along, one_ack_for_a_batch, out_of_order_with_sack,
	           no_sack_blocks_unless_permitted, any_order, duplicates_and_overlaps, text_beyond_the_window_is_cut,
	           the_right_edge_never_moves_left, small_segments_do_not_outgrow_the_buffer,
	           window_opens_when_the_application_reads, the_right_edge_moves_in_worthwhile_steps, fin_with_text,
	           fin_beyond_a_gap_is_held, a_bare_fin_beyond_a_gap, a_gap_before_a_fin_is_filled_in_part,
	           a_second_fin_elsewhere, text_beyond_a_fin, fin_beyond_the_window, fin_of_a_segment_without_memory,
	           recent_blocks_come_first, a_duplicate_before_the_recent_blocks, one_byte_holes_are_cheap,
	           retransmitted_fin_is_acknowledged_again, the_number_of_gaps_is_bounded, shut_down_for_reading,
	           want_of_memory);
}
