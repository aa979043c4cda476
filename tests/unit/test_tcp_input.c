/* tcp_input: SEGMENT ARRIVES by state (RFC 9293 3.10.7), RFC 5961, PAWS, and what is refused at the edge. */
#include "tcp_net.h"

START_TEST(active_open)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1400);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_CONNECTED);
	ck_assert_uint_eq(tcb(&n)->snd.mss, 1400);
	ck_assert_uint_eq(CNT(&n, TcpActiveOpens), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(passive_open)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert_uint_eq(n.listener_events, SOCKET_ACCEPT);
	do_accept(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(CNT(&n, TcpPassiveOpens), 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.5, Figure 7. */
START_TEST(simultaneous_open)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_modern);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN));
	tcp_net_turn(&n);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	EXPECT_STATE(&n, TCP_SYN_RECEIVED);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN | TCP_ACK));
	tcp_net_turn(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_CONNECTED);
	ck_assert(tcb(&n)->sack_ok && tcb(&n)->ts_ok && tcb(&n)->ws_ok);
	tcp_net_skip_output(&n); /* an ACK of the second SYN is allowed */
	n.ts_on = true;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	tcp_net_end(&n);
}
END_TEST

/* RFC 7323 2.2: the window of a SYN is never scaled, not even that of the SYN-ACK that ends SYN-RECEIVED. */
START_TEST(simultaneous_open_does_not_scale_the_window)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_modern;
	opt.peer_wnd = 5000;
	in_syn_sent(&n, &opt);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN));
	tcp_net_turn(&n);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN | TCP_ACK));
	tcp_net_turn(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_gt(tcb(&n)->snd.wnd, 5000 - 128);
	ck_assert_uint_le(tcb(&n)->snd.wnd, 5000);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(simultaneous_open_ends_with_a_bare_ack)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_CONNECTED);
	tcp_net_end(&n);
}
END_TEST

/* 3.10.7.3: an ACK that acknowledges nothing of ours is answered with its own number. */
START_TEST(syn_sent_refuses_a_wrong_ack)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 2);
	OUT(&n, TCP_RST, .seq = 2);
	IN(&n, TCP_ACK, .seq = 0, .ack = 0);
	OUT(&n, TCP_RST, .seq = 0);
	IN(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 2);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_SYN_SENT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(syn_sent_takes_a_reset_that_acknowledges_the_syn)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_RST, .seq = 0);
	EXPECT_DROP(&n, TcpInBadReset);
	EXPECT_STATE(&n, TCP_SYN_SENT);
	IN(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_ERROR);
	ck_assert_int_eq(socket_take_error(n.so), ECONNREFUSED);
	ck_assert_uint_eq(CNT(&n, TcpAttemptFails), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(syn_sent_ignores_what_has_no_syn)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_DROP(&n, TcpInBadState);
	IN(&n, TCP_FIN, .seq = 1);
	EXPECT_DROP(&n, TcpInBadState);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_SYN_SENT);
	tcp_net_end(&n);
}
END_TEST

/* 3.10.7.3, last paragraph: text and FIN on a SYN are taken from the sixth check on. */
START_TEST(text_and_fin_on_the_syn_ack)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	tcp_net_push(&n, (struct tseg){.flags = TCP_ACK, .seq = 1, .ack = 1, .len = 5});
	/* Text in a segment with SYN begins one number later; write it by hand. */
	uint8_t *tcp = n.buffer[0] + ETHER_HDR_LEN + IPV4_HDR_MIN;
	store_be32(tcp + 4, PEER_ISS);
	tcp[13] = TCP_SYN | TCP_ACK | TCP_FIN;
	store_be16(tcp + 16, 0);
	csum c = csum_pseudo(addr(PEER), addr(US), IP_PROTO_TCP, 25);
	store_be16(tcp + 16, csum_finish(csum_add(c, tcp, 25)));
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 7);
	ck_assert_uint_eq(n.received, 5);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_CONNECTED | SOCKET_EOF);
	tcp_net_end(&n);
}
END_TEST

/* 3.10.7.1 */
START_TEST(a_segment_for_nobody_is_reset)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	n.port = 4444;
	IN(&n, TCP_SYN, .seq = 0);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_SYN | TCP_FIN, .seq = 5, .len = 10);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 17);
	IN(&n, TCP_ACK, .seq = 5, .ack = 77, .len = 10);
	OUT(&n, TCP_RST, .seq = 77);
	IN(&n, TCP_RST, .seq = 5);
	IN(&n, TCP_RST | TCP_ACK, .seq = 5, .ack = 77);
	OUT_NOTHING(&n);
	ck_assert_uint_eq(CNT(&n, TcpInNoSocket), 5);
	ck_assert_uint_eq(CNT(&n, TcpOutRsts), 3);
	tcp_net_end(&n);
}
END_TEST

START_TEST(malformed_segments_are_counted)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .bad_csum = true);
	EXPECT_DROP(&n, TcpInCsumErrors);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .cut = 1);
	EXPECT_DROP(&n, TcpInMalformed);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .data_offset = 4);
	EXPECT_DROP(&n, TcpInMalformed);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .data_offset = 6, .len = 3);
	EXPECT_DROP(&n, TcpInMalformed);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .data_offset = 15);
	EXPECT_DROP(&n, TcpInMalformed);
	OUT_NOTHING(&n);
	ck_assert_uint_eq(n.received, 0);
	/* RFC 9293 MUST-7: an illegal option length does no harm to the segment. */
	static const uint8_t bad[4] = {8, 1, 0, 0};
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .raw_options = bad, .raw_options_len = 4, .len = 4);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 5);
	ck_assert_uint_eq(CNT(&n, TcpInMalformed), 4);
	ck_assert_uint_eq(CNT(&n, TcpInBadOptions), 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.9.2.3, MUST-57 */
START_TEST(groups_have_no_connections)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 1);
	IN(&n, TCP_SYN, .seq = 0, .dst = "10.0.0.255", .mac = MAC_BROADCAST);
	EXPECT_DROP(&n, TcpInGroup);
	IN(&n, TCP_SYN, .seq = 0, .dst = "224.0.0.1", .mac = {{1, 0, 0x5e, 0, 0, 1}});
	EXPECT_DROP(&n, TcpInGroup);
	IN(&n, TCP_SYN, .seq = 0, .mac = MAC_BROADCAST);
	EXPECT_DROP(&n, IpInAddrErrors);
	OUT_NOTHING(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.4, Table 6. RCV.NXT is 1 and the window 10,000 bytes. */
START_TEST(acceptability)
{
	static const struct {
		uint32_t seq, len;
		bool acceptable;
	} row[] = {
	        {0, 0, false},
	        {1, 0, true},
	        {10000, 0, true},
	        {10001, 0, false},
	        {0, 1, false},
	        {0, 2, true},
	        {1, 1, true},
	        {10000, 1, true},
	        {10000, 9, true},
	        {10001, 1, false},
	        {UINT32_MAX - 4, 5, false},
	        {UINT32_MAX - 4, 6, false},
	        {UINT32_MAX - 4, 20000, true},
	        {0x80000000, 1, false},
	};
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = 10000;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp_net n;
		in_established(&n, &opt);
		IN(&n, TCP_ACK, .seq = row[i].seq, .ack = 1, .len = row[i].len);
		bool dropped = CNT(&n, TcpInUnacceptable) + CNT(&n, TcpDuplicateData) > 0;
		ck_assert_msg(dropped != row[i].acceptable, "row %zu", i);
		/* Whatever is not acceptable is answered, and so is text. */
		if (dropped || row[i].len)
			ck_assert_uint_eq(OUT_ANY(&n)->flags, TCP_ACK);
		tcp_net_end(&n);
	}
}
END_TEST

/* With a zero window only a bare segment at RCV.NXT is acceptable; the ACK of another one counts all the same. */
START_TEST(acceptability_with_a_zero_window)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = 4096;
	in_established(&n, &opt);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 4096);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 4097, .zero_wnd = true);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 4097, .len = 100);
	IN(&n, TCP_ACK, .seq = 4097, .ack = 101, .len = 1);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 4097, .zero_wnd = true);
	EXPECT_DROP(&n, TcpInUnacceptable);
	ck_assert_uint_eq(tcb(&n)->snd_ring.len, 0);
	IN(&n, TCP_ACK, .seq = 4098, .ack = 101);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 4097, .zero_wnd = true);
	IN(&n, TCP_RST, .seq = 4097);
	EXPECT_STATE(&n, TCP_CLOSED);
	tcp_net_end(&n);
}
END_TEST

/* A peer that has filled the window acknowledges from its right edge. */
START_TEST(an_ack_at_the_right_edge)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = 10000;
	in_established(&n, &opt);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	IN(&n, TCP_ACK, .seq = 10001, .ack = 101);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 1);
	ck_assert_uint_eq(tcb(&n)->snd_ring.len, 0);
	IN(&n, TCP_RST, .seq = 10001);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

/* A peer that keeps the connection alive, or does not know yet that its probe was taken. */
START_TEST(an_ack_just_before_the_window)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	IN(&n, TCP_ACK, .seq = 0, .ack = 51);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 1);
	ck_assert_uint_eq(tcb(&n)->snd_ring.len, 50);
	IN(&n, TCP_ACK, .seq = UINT32_MAX, .ack = 101);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 1);
	ck_assert_uint_eq(tcb(&n)->snd_ring.len, 50);
	tcp_net_end(&n);
}
END_TEST

/* RFC 5961 3.2: exactly RCV.NXT resets. */
START_TEST(reset_at_rcv_nxt)
{
	static const int error[TCP_STATES] = {
	        [TCP_ESTABLISHED] = ECONNRESET,
	        [TCP_FIN_WAIT_1] = ECONNRESET,
	        [TCP_FIN_WAIT_2] = ECONNRESET,
	        [TCP_CLOSE_WAIT] = EPIPE,
	};
	for (size_t i = 0; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		struct tcp_net n;
		s->enter(&n, &tcp_net_plain);
		IN(&n, TCP_RST, .seq = s->peer_next);
		OUT_NOTHING(&n);
		if (s->state == TCP_SYN_RECEIVED) { /* back to LISTEN, nobody is told */
			ck_assert(tcp_net_gone(&n));
			ck_assert_uint_eq(CNT(&n, TcpAttemptFails), 1);
		} else if (s->state == TCP_TIME_WAIT) { /* RFC 1337 */
			EXPECT_STATE(&n, TCP_TIME_WAIT);
		} else {
			EXPECT_STATE(&n, TCP_CLOSED);
			ck_assert_int_eq(socket_take_error(n.so), error[s->state]);
			bool estab = s->state == TCP_ESTABLISHED || s->state == TCP_CLOSE_WAIT;
			ck_assert_uint_eq(CNT(&n, TcpEstabResets), estab);
		}
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(reset_elsewhere_in_the_window)
{
	for (size_t i = 0; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		struct tcp_net n;
		s->enter(&n, &tcp_net_plain);
		IN(&n, TCP_RST, .seq = s->peer_next + 1);
		OUT(&n, TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
		EXPECT_DROP(&n, TcpInBadReset);
		EXPECT_STATE(&n, s->state);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(reset_outside_of_the_window)
{
	for (size_t i = 0; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		struct tcp_net n;
		s->enter(&n, &tcp_net_plain);
		IN(&n, TCP_RST, .seq = s->peer_next - 1);
		EXPECT_DROP(&n, TcpInUnacceptable);
		IN(&n, TCP_RST, .seq = s->peer_next + 100000);
		EXPECT_DROP(&n, TcpInUnacceptable);
		OUT_NOTHING(&n);
		EXPECT_STATE(&n, s->state);
		tcp_net_end(&n);
	}
}
END_TEST

/* RFC 5961 4.2 */
START_TEST(syn_in_a_synchronized_state)
{
	for (size_t i = 0; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		struct tcp_net n;
		if (s->state == TCP_SYN_RECEIVED)
			continue;
		s->enter(&n, &tcp_net_plain);
		IN(&n, TCP_SYN | TCP_ACK, .seq = s->peer_next, .ack = s->our_next);
		OUT(&n, TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
		EXPECT_STATE(&n, s->state);
		IN(&n, TCP_SYN, .seq = s->peer_next - 500);
		OUT(&n, TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
		EXPECT_STATE(&n, s->state);
		ck_assert_uint_ge(CNT(&n, TcpExtTCPChallengeACK), 1);
		tcp_net_end(&n);
	}
}
END_TEST

/* 3.10.7.4, fourth: a SYN in the window ends a passive open; the peer's own SYN again asks for our SYN-ACK. */
START_TEST(syn_in_syn_received)
{
	struct tcp_net n;
	in_syn_received(&n, &tcp_net_plain);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	EXPECT_STATE(&n, TCP_SYN_RECEIVED);
	IN(&n, TCP_SYN | TCP_RST, .seq = 0, .mss = 1460);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_SYN_RECEIVED);
	IN(&n, TCP_SYN, .seq = 9);
	OUT_NOTHING(&n);
	ck_assert(tcp_net_gone(&n));
	ck_assert_uint_eq(n.listener->tcp.syn_count, 0);
	tcp_net_end(&n);
}
END_TEST

START_TEST(syn_received_refuses_a_wrong_ack)
{
	struct tcp_net n;
	in_syn_received(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2);
	OUT(&n, TCP_RST, .seq = 2);
	IN(&n, TCP_ACK, .seq = 1, .ack = 0);
	OUT(&n, TCP_RST, .seq = 0);
	EXPECT_STATE(&n, TCP_SYN_RECEIVED);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 1, .ack = 1, .len = 3);
	do_accept(&n);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 5);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	ck_assert_uint_eq(n.received, 3);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_EOF);
	tcp_net_end(&n);
}
END_TEST

START_TEST(challenge_acks_are_limited)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	for (int i = 0; i < 30; i++)
		IN(&n, TCP_RST, .seq = 100);
	ck_assert_int_eq(tcp_net_waiting(&n), TCP_CHALLENGES_PER_S);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPACKSkippedChallenge), 30 - TCP_CHALLENGES_PER_S);
	tcp_net_skip_output(&n);
	tcp_net_pass(&n, 1100);
	IN(&n, TCP_RST, .seq = 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_segment_without_ack_is_dropped)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, 0, .seq = 1, .len = 10);
	EXPECT_DROP(&n, TcpInBadState);
	IN(&n, TCP_FIN, .seq = 1);
	EXPECT_DROP(&n, TcpInBadState);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(n.received, 0);
	tcp_net_end(&n);
}
END_TEST

/* RFC 7323 5.3: R1, and R3's update of TS.Recent. */
START_TEST(paws)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	uint32_t now = n.peer_ts_base;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .has_ts = true, .tsval = now + 100);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	ck_assert_uint_eq(g->tsecr, now + 100);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10, .has_ts = true, .tsval = now + 99);
	EXPECT_DROP(&n, TcpExtPAWSEstab);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	IN(&n, TCP_RST, .seq = 11, .has_ts = true, .tsval = now + 5);
	EXPECT_STATE(&n, TCP_CLOSED); /* a reset is not subject to PAWS */
	tcp_net_end(&n);
}
END_TEST

/* RFC 7323 5.5 */
START_TEST(paws_forgets_after_24_days)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .has_ts = true, .tsval = 1000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	tcp_net_pass(&n, INT64_C(25) * 24 * 3600 * 1000);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10, .has_ts = true, .tsval = 500);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 21);
	ck_assert_uint_eq(CNT(&n, TcpExtPAWSEstab), 0);
	tcp_net_end(&n);
}
END_TEST

/* RFC 7323 3.2: dropped in silence in every state that has agreed on timestamps, but for resets, and SYNs, which
 * negotiate anew; nothing ends because of it. */
START_TEST(a_segment_without_its_timestamp)
{
	for (size_t i = 0; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		struct tcp_net n;
		s->enter(&n, &tcp_net_modern);
		IN(&n, TCP_ACK, .seq = s->peer_next, .ack = s->our_next, .len = 10, .no_ts = true);
		EXPECT_DROP(&n, TcpNoTimestamp);
		IN(&n, TCP_FIN | TCP_ACK, .seq = s->peer_next, .ack = s->our_next, .no_ts = true);
		EXPECT_DROP(&n, TcpNoTimestamp);
		OUT_NOTHING(&n);
		EXPECT_STATE(&n, s->state);
		ck_assert_uint_eq(n.received, 0);
		if (s->state != TCP_SYN_RECEIVED) {
			IN(&n, TCP_SYN, .seq = 99, .no_ts = true);
			OUT(&n, TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
		}
		IN(&n, TCP_RST, .seq = s->peer_next);
		if (s->state == TCP_TIME_WAIT) /* RFC 1337 */
			EXPECT_STATE(&n, TCP_TIME_WAIT);
		else
			ck_assert(tcp_net_gone(&n) || tcb(&n)->state == TCP_CLOSED);
		tcp_net_end(&n);
	}
}
END_TEST

/* RFC 7323 3.2: a timestamp that was not agreed on is ignored. */
START_TEST(a_timestamp_that_was_not_agreed)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .has_ts = true, .tsval = 1, .tsecr = 2);
	ck_assert(!OUT(&n, TCP_ACK, .seq = 1, .ack = 11)->has_ts);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10, .has_ts = true, .tsval = 0, .tsecr = 0);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 21);
	tcp_net_end(&n);
}
END_TEST

/* RFC 7323 4.3: the echo is that of the segment that advanced the left edge, not of one beyond a gap. */
START_TEST(ts_recent_comes_from_the_left_edge)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	uint32_t now = n.peer_ts_base;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10, .has_ts = true, .tsval = now + 1);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	IN(&n, TCP_ACK, .seq = 21, .ack = 1, .len = 10, .has_ts = true, .tsval = now + 3);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = 11, .sacks = 1, .sack = {{21, 31}});
	ck_assert_uint_eq(g->tsecr, now + 1);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10, .has_ts = true, .tsval = now + 2);
	g = OUT(&n, TCP_ACK, .seq = 1, .ack = 31);
	ck_assert_uint_eq(g->tsecr, now + 2);
	tcp_net_end(&n);
}
END_TEST

/* RFC 1122 4.2.2.13 */
START_TEST(text_after_close_is_reset)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_close(&n, false);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2, .len = 10);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 2, .ack = 1);
	EXPECT_DROP(&n, TcpDataAfterClose);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

/* A hard ICMP error that quotes our SYN ends the attempt; a soft one, later, or with a wrong sequence number, none does
 * (RFC 9293 MUST-56, RFC 5927). What our own ARP says of the SYN ends it, too. */
START_TEST(icmp_errors)
{
	static const struct {
		bool established;
		uint32_t seq;
		bool hard, arp, ends, reported;
	} row[] = {{false, 0, true, false, true, true},    {false, 0, false, true, true, true},
	           {false, 0, false, false, false, true},  {false, 5, true, false, false, false},
	           {true, 1, true, false, false, true},    {true, 1, false, false, false, true},
	           {true, 100, true, false, false, false}, {true, 11, true, false, false, false},
	           {true, 1, false, true, false, true}};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp_net n;
		(row[i].established ? in_established : in_syn_sent)(&n, &tcp_net_plain);
		if (row[i].established) {
			do_send(&n, 10);
			OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
		}
		uint8_t quoted[8];
		store_be16(quoted, n.port);
		store_be16(quoted + 2, PEER_PORT);
		store_be32(quoted + 4, n.iss + row[i].seq);
		struct ip_error e = {.from = addr(row[i].arp ? US : GATEWAY),
		                     .src = addr(US),
		                     .dst = addr(PEER),
		                     .error = EHOSTUNREACH,
		                     .hard = row[i].hard,
		                     .quoted = quoted,
		                     .quoted_len = 8};
		tcp_icmp_error(&n.stack->tcp, &e);
		tcp_net_turn(&n);
		ck_assert_int_eq(tcb(&n)->state == TCP_CLOSED, row[i].ends);
		ck_assert_uint_eq(tcp_net_events(&n), row[i].ends ? SOCKET_ERROR : row[i].reported ? SOCKET_REPORT : 0);
		struct socket_option_value v;
		for (int asked = 0; asked < 2; asked++) {
			ck_assert_int_eq(socket_get_option(n.stack, n.so, OPT_SO_ERROR, &v), 0);
			ck_assert_int_eq(v.number, asked == 0 && row[i].reported ? EHOSTUNREACH : 0);
		}
		tcp_net_end(&n);
	}
}
END_TEST

Suite *tcp_input_suite(void);
Suite *tcp_input_suite(void)
{
	UNIT_SUITE("tcp_input", active_open, passive_open, simultaneous_open,
	           simultaneous_open_does_not_scale_the_window, simultaneous_open_ends_with_a_bare_ack,
	           syn_sent_refuses_a_wrong_ack, syn_sent_takes_a_reset_that_acknowledges_the_syn,
	           syn_sent_ignores_what_has_no_syn, text_and_fin_on_the_syn_ack, a_segment_for_nobody_is_reset,
	           malformed_segments_are_counted, groups_have_no_connections, acceptability,
	           acceptability_with_a_zero_window, an_ack_at_the_right_edge, an_ack_just_before_the_window,
	           reset_at_rcv_nxt, reset_elsewhere_in_the_window, reset_outside_of_the_window,
	           syn_in_a_synchronized_state, syn_in_syn_received, syn_received_refuses_a_wrong_ack,
	           challenge_acks_are_limited, a_segment_without_ack_is_dropped, paws, paws_forgets_after_24_days,
	           a_segment_without_its_timestamp, a_timestamp_that_was_not_agreed, ts_recent_comes_from_the_left_edge,
	           text_after_close_is_reset, icmp_errors);
}
