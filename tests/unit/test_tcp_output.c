/* tcp_output: Nagle and silly windows, zero-window probes, segment sizes, super-frames. */
#include "tcp_net.h"

/* RFC 9293 3.7.4 */
START_TEST(nagle)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	do_send(&n, 10);
	do_send(&n, 10);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 11);
	ck_assert(OUT(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 20)->psh);
	do_send(&n, 1500); /* a full segment goes, the rest waits */
	OUT(&n, TCP_ACK, .seq = 31, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	do_shutdown_write(&n); /* nothing more will join it */
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1491, .ack = 1, .len = 40);
	tcp_net_end(&n);
}
END_TEST

START_TEST(nodelay)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	do_send(&n, 10);
	OUT_NOTHING(&n);
	ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_TCP_NODELAY, (struct socket_option_value){.number = 1}),
	                 0);
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10);
	do_send(&n, 1);
	OUT(&n, TCP_ACK, .seq = 21, .ack = 1, .len = 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.6.2.1: neither full, nor all, nor half of the largest window: not before the override time-out. */
START_TEST(silly_window_of_the_sender)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 100);
	do_send(&n, 1000);
	OUT_NOTHING(&n);
	int64_t waited = tcp_net_pass_until_output(&n, 2000);
	ck_assert_int_ge(waited, 100);
	ck_assert_int_le(waited, 1000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	IN(&n, TCP_ACK, .seq = 1, .ack = 101, .wnd = 40000);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 1, .len = 900);
	tcp_net_end(&n);
}
END_TEST

START_TEST(half_of_a_small_window_is_not_silly)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.peer_wnd = 1000;
	in_established(&n, &opt);
	do_send(&n, 5000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1001, .wnd = 499);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1001, .wnd = 500);
	OUT(&n, TCP_ACK, .seq = 1001, .ack = 1, .len = 500);
	tcp_net_end(&n);
}
END_TEST

START_TEST(never_beyond_the_window)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.peer_wnd = 4000;
	in_established(&n, &opt);
	do_send(&n, 5000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1460);
	OUT_NOTHING(&n); /* 1,080 of 2,080 would be silly */
	IN(&n, TCP_ACK, .seq = 1, .ack = 2921, .wnd = 2079);
	OUT(&n, TCP_ACK, .seq = 2921, .ack = 1, .len = 1460);
	do_shutdown_write(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 4381, .wnd = 620); /* room for the text, none for the FIN */
	OUT(&n, TCP_ACK, .seq = 4381, .ack = 1, .len = 620);
	IN(&n, TCP_ACK, .seq = 1, .ack = 5001, .wnd = 1);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 5001, .ack = 1);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.6.1, MUST-36, MUST-37: probes go on, ever more slowly, as long as an application holds the socket. */
START_TEST(zero_window_probes_never_end)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	do_send(&n, 5000);
	OUT_NOTHING(&n);
	int64_t last = 0;
	for (int i = 0; i < 100; i++) {
		int64_t waited = tcp_net_pass_until_output(&n, 200 * 1000);
		ck_assert_int_ge(waited, last);
		ck_assert_int_le(waited, 120 * 1000);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
		OUT_NOTHING(&n);
		last = waited;
	}
	ck_assert_int_eq(last, 120 * 1000);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPWinProbe), 100);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	/* The window opens: what the probe carried was refused, and goes again at once. */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 65535);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2, .wnd = 65535);
	uint32_t seen = tcb(&n)->snd.nxt.n - n.iss;
	ck_assert_uint_ge(seen, 1 + 4 * 1460 - 1460);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = seen, .wnd = 65535);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 5001, .wnd = 65535);
	ck_assert_uint_eq(socket_send_queued(n.so), 0);
	tcp_net_end(&n);
}
END_TEST

/* An ACK of ours must be acceptable while a probe is out that the peer refuses. */
START_TEST(acks_stay_within_a_zero_window)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	do_send(&n, 5000);
	tcp_net_pass_until_output(&n, 200 * 1000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100, .zero_wnd = true);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 101);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.6.2.1 (4): the override comes although segments of the peer arrive all the time. */
START_TEST(the_override_is_not_put_off)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 4380);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 4381, .wnd = 162);
	do_send(&n, 5000);
	OUT_NOTHING(&n);
	for (uint32_t i = 0; i < 3; i++) {
		tcp_net_pass(&n, 60);
		IN(&n, TCP_ACK, .seq = 1 + i * 10, .ack = 4381, .len = 10, .wnd = 162);
		OUT(&n, TCP_ACK, .seq = 4381, .ack = 11 + i * 10);
	}
	tcp_net_pass(&n, 21);
	OUT(&n, TCP_ACK, .seq = 4381, .ack = 31, .len = 162);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_PERSIST), -1);
	ck_assert_int_gt(tcp_net_timer_ms(&n, TCP_TIMER_RETRANSMIT), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_probe_that_is_taken)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	do_send(&n, 10);
	for (uint32_t i = 1; i <= 9; i++) {
		tcp_net_pass_until_output(&n, 200 * 1000);
		OUT(&n, TCP_ACK, .seq = i, .ack = 1, .len = 1);
		IN(&n, TCP_ACK, .seq = 1, .ack = i + 1, .zero_wnd = true);
	}
	ck_assert_uint_eq(socket_send_queued(n.so), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_fin_probes_a_zero_window)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	do_shutdown_write(&n);
	OUT_NOTHING(&n);
	tcp_net_pass_until_output(&n, 200 * 1000);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2, .zero_wnd = true);
	EXPECT_STATE(&n, TCP_FIN_WAIT_2);
	tcp_net_end(&n);
}
END_TEST

/* A window that closes over what is in flight: the connection lives on while the peer answers. */
START_TEST(a_window_that_shrinks)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 2920);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	for (int i = 0; i < 60; i++) {
		tcp_net_pass_until_output(&n, 200 * 1000);
		ck_assert_uint_eq(OUT_ANY(&n)->seq, 1);
		tcp_net_skip_output(&n);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	}
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	tcp_net_pass(&n, 240 * 1000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2921);
	ck_assert_uint_eq(socket_send_queued(n.so), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.7.1: from the peer's option, the MTU, TCP_MAXSEG, less the options that every segment carries. */
START_TEST(effective_mss)
{
	static const struct {
		uint16_t peer, mtu, user;
		bool ts;
		uint32_t len;
	} row[] = {
	        {1460, 1500, 0, false, 1460}, {0, 1500, 0, false, 536},    {9000, 1500, 0, false, 1460},
	        {1460, 1500, 0, true, 1448},  {1460, 576, 0, true, 524},   {1460, 1500, 1000, false, 1000},
	        {700, 1500, 1000, true, 688}, {8960, 9000, 0, true, 8948}, {1, 1500, 0, false, TCP_MSS_FLOOR},
	        {65535, 1500, 0, true, 1448}, {64, 1500, 0, false, 64},    {64, 1500, 0, true, 52},
	};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp_net n;
		struct tcp_net_options opt = row[i].ts ? tcp_net_modern : tcp_net_plain;
		opt.peer_mss = row[i].peer;
		opt.mtu = row[i].mtu;
		in_established(&n, &opt);
		if (row[i].user)
			ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_TCP_MAXSEG,
			                                   (struct socket_option_value){.number = row[i].user}),
			                 0);
		do_send(&n, row[i].len + 1);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = row[i].len);
		tcp_net_skip_output(&n);
		tcp_net_reload(&n);
		tcp_net_end(&n);
	}
}
END_TEST

/* With SACK blocks to report there is less room for text: the packet never outgrows the MTU. */
START_TEST(room_for_sack_blocks)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	for (uint32_t i = 1; i <= 4; i++)
		IN(&n, TCP_ACK, .seq = 1 + 100 * i, .ack = 1, .len = 50);
	tcp_net_skip_output(&n);
	do_send(&n, 3000);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460 - 40);
	ck_assert_int_eq(g->sacks, 3);
	ck_assert_uint_eq(g->frame_len, 14 + 1500);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(super_frames)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.caps = (struct link_caps){.csum = true, .gso_max = FRAME_MAX};
	opt.peer_ws = 7;
	in_established(&n, &opt);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 65535);
	do_send(&n, 10 * 1460 + 100);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10 * 1460);
	ck_assert_uint_eq(g->gso_size, 1460);
	ck_assert_uint_eq(CNT(&n, TcpOutSegs), 1 + 1 + 10);
	/* A wide window: as much as an IP datagram holds, in whole segments. */
	tcb(&n)->cwnd = 1 << 20;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * 1460, .wnd = 65535);
	OUT(&n, TCP_ACK, .seq = 1 + 10 * 1460, .ack = 1, .len = 100);
	do_send(&n, 100000);
	g = OUT(&n, TCP_ACK, .seq = 1 + 10 * 1460 + 100, .ack = 1, .len = 44 * 1460);
	ck_assert_uint_le(g->frame_len, FRAME_MAX);
	OUT(&n, TCP_ACK, .seq = 1 + 54 * 1460 + 100, .ack = 1, .len = 100000 - 44 * 1460); /* the last may be short */
	tcp_net_end(&n);
}
END_TEST

/* A retransmission is cut anew: after a time-out one segment, whatever the record was. */
START_TEST(a_super_frame_is_sent_again_in_segments)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.caps = (struct link_caps){.csum = true, .gso_max = FRAME_MAX};
	in_established(&n, &opt);
	do_send(&n, 5 * 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 5 * 1460);
	stack_set_caps(n.stack, (struct link_caps){0});
	tcp_net_pass_until_output(&n, 10000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_TCP_MAXSEG, (struct socket_option_value){.number = 1000}),
	                 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 1000);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(ttl_and_tos)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_IP_TTL, (struct socket_option_value){.number = 9}), 0);
	ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_IP_TOS, (struct socket_option_value){.number = 0x10}), 0);
	do_send(&n, 1);
	const struct tseg *g = OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1);
	ck_assert_uint_eq(g->ttl, 9);
	ck_assert_uint_eq(g->tos, 0x10);
	tcp_net_end(&n);
}
END_TEST

/* Two connections with much to send: a frame each in turn. */
START_TEST(connections_take_turns)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	struct socket *first = n.so;
	uint32_t iss = n.iss;
	uint16_t port = n.port;
	n.iss_known = false;
	n.so = tcp_net_open(&n);
	n.id = n.so->id;
	ck_assert_int_eq(socket_connect(n.stack, n.so, (struct endpoint){addr(PEER), PEER_PORT}), EINPROGRESS);
	tcp_net_turn(&n);
	OUT(&n, TCP_SYN, .seq = 0);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	struct socket *both[2] = {first, n.so};
	for (int k = 0; k < 2; k++) {
		struct iovec iov[2];
		int error;
		ck_assert_int_eq(socket_send_reserve(n.stack, both[k], 3 * 1460, iov, &error), 1);
		memset(iov[0].iov_base, 0, 3 * 1460);
		socket_send_commit(n.stack, both[k], 3 * 1460);
	}
	struct frame_out out;
	for (int i = 0; i < 6; i++) {
		ck_assert(stack_output(n.stack, &out));
		const uint8_t *tcp = frame_hdr_const(&out) + ETHER_HDR_LEN + IPV4_HDR_MIN;
		ck_assert_uint_eq(load_be16(tcp), i % 2 ? n.port : port);
		ck_assert_uint_eq(load_be32(tcp + 4), (i % 2 ? n.iss : iss) + 1 + (uint32_t)(i / 2) * 1460);
	}
	ck_assert(!stack_output(n.stack, &out));
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_output_suite(void);
Suite *tcp_output_suite(void)
{
	UNIT_SUITE("tcp_output", nagle, nodelay, silly_window_of_the_sender, half_of_a_small_window_is_not_silly,
	           never_beyond_the_window, zero_window_probes_never_end, the_override_is_not_put_off,
	           acks_stay_within_a_zero_window, a_probe_that_is_taken, a_fin_probes_a_zero_window,
	           a_window_that_shrinks, effective_mss, room_for_sack_blocks, super_frames,
	           a_super_frame_is_sent_again_in_segments, ttl_and_tos, connections_take_turns);
}
