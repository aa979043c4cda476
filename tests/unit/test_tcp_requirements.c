/* What RFC 9293 Appendix B requires and no other suite shows; tests/requirements/rfc9293.tsv says which test is for
 * which requirement. */
#include "tcp_net.h"

static int option(struct tcp_net *n, int which, int64_t value)
{
	return socket_set_option(n->stack, n->so, which, (struct socket_option_value){.number = value});
}

static struct endpoint peer_at(uint16_t port)
{
	return (struct endpoint){addr(PEER), port};
}

/* MUST-60, MUST-61, SHLD-27, SHLD-28: small writes go together, in full segments; PSH once, on the last. */
START_TEST(psh_on_the_last_segment)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 1);
	ck_assert(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1)->psh);
	for (int i = 0; i < 29; i++)
		do_send(&n, 100);
	ck_assert(!OUT(&n, TCP_ACK, .seq = 2, .ack = 1, .len = 1460)->psh);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1462);
	ck_assert(OUT(&n, TCP_ACK, .seq = 1462, .ack = 1, .len = 1440)->psh);
	tcp_net_end(&n);
}
END_TEST

/* MUST-1, REC-1: a window of 2^15 and more is no negative number; a scaled one has more than 16 bits. */
START_TEST(windows_are_unsigned)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 0x8001);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 0x8001);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	tcp_net_end(&n);
	in_established(&n, &tcp_net_modern);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 0xffff);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 0xffffu << 7);
	tcp_net_end(&n);
}
END_TEST

/* SHLD-15, SHLD-16, MUST-34: over a window that shrank, no new text; what was sent and fits is sent again. */
START_TEST(a_negative_usable_window)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 2920);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 1500);
	do_send(&n, 1460);
	OUT_NOTHING(&n);
	tcp_net_pass_until_output(&n, 2000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

/* SHLD-29, SHLD-30: the first probe after the RTO, the next each after twice the time. */
START_TEST(zero_window_probes_back_off)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	int64_t rto = tcb(&n)->rto.ns / NS_PER_MS;
	do_send(&n, 100);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(tcp_net_pass_until_output(&n, 100000), rto << i);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	}
	tcp_net_end(&n);
}
END_TEST

/* MAY-8: the window stays closed as long as the application does not read; each probe is answered. */
START_TEST(our_window_stays_closed)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = opt.tcp.rcvbuf_max = 4096;
	in_established(&n, &opt);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 4096);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 4097, .zero_wnd = true);
	for (int i = 0; i < 50; i++) {
		tcp_net_pass(&n, 60000);
		IN(&n, TCP_ACK, .seq = 4097, .ack = 1, .len = 1);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 4097, .zero_wnd = true);
	}
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	do_read(&n, 4096);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 4097, .wnd = 4096);
	tcp_net_end(&n);
}
END_TEST

/* MUST-66, SHLD-2: a reset counts with a zero window, and with text. */
START_TEST(reset_with_text)
{
	for (int closed = 0; closed < 2; closed++) {
		struct tcp_net n;
		struct tcp_net_options opt = tcp_net_plain;
		opt.tcp.rcvbuf = opt.tcp.rcvbuf_max = 4096;
		in_established(&n, &opt);
		uint32_t len = closed ? 4096 : 10;
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = len);
		tcp_net_skip_output(&n);
		IN(&n, TCP_RST | TCP_ACK, .seq = 1 + len, .ack = 1, .len = 20);
		EXPECT_STATE(&n, TCP_CLOSED);
		ck_assert_int_eq(socket_take_error(n.so), ECONNRESET);
		ck_assert_uint_eq(n.received, len);
		tcp_net_end(&n);
	}
}
END_TEST

/* MUST-32, MUST-33, MUST-62, MUST-66: the mark is reported when it appears and when it advances, and not again; what
 * is left up to it can be asked, a zero window or not. */
START_TEST(urgent_text_is_reported)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.rcvbuf = opt.tcp.rcvbuf_max = 4096;
	in_established(&n, &opt);
	IN(&n, TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .len = 10, .urg = 4);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_REPORT);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 4);
	do_read(&n, 3);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 1);
	IN(&n, TCP_ACK | TCP_URG, .seq = 11, .ack = 1, .len = 10, .urg = UINT16_MAX); /* far beyond the text */
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_REPORT);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 10 + UINT16_MAX - 3);
	tcp_net_reload(&n);
	IN(&n, TCP_ACK | TCP_URG, .seq = 21, .ack = 1, .len = 4, .urg = 100); /* recedes: nothing new */
	ck_assert_uint_eq(tcp_net_events(&n), 0);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 10 + UINT16_MAX - 3);
	IN(&n, TCP_ACK, .seq = 25, .ack = 1, .len = 4096 - 21);
	tcp_net_skip_output(&n);
	tcp_net_events(&n);
	ck_assert(seq_eq(tcb(&n)->rcv.adv, tcb(&n)->rcv.nxt));
	IN(&n, TCP_ACK | TCP_URG, .seq = 1 + n.received, .ack = 1, .urg = UINT16_MAX);
	ck_assert_uint_eq(tcp_net_events(&n), SOCKET_REPORT);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* A mark that was passed is history, also when the numbers have gone half around since. */
START_TEST(urgent_text_that_was_read)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .len = 10, .urg = 10);
	do_read(&n, 10);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 0);
	tcp_net_events(&n);
	IN(&n, TCP_ACK | TCP_URG, .seq = 11, .ack = 1, .len = 10, .urg = 0);
	ck_assert_uint_eq(tcp_net_events(&n), 0);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 0);
	socket_shutdown(n.stack, n.so, true, false);
	IN(&n, TCP_ACK | TCP_URG, .seq = 21, .ack = 1, .len = 10, .urg = 5);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* MUST-30, MUST-62, SHLD-13: URG only on request, and then in each segment up to the mark, which is what follows. */
START_TEST(urgent_text_is_marked)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	do_send(&n, 2000);
	OUT(&n, TCP_ACK, .seq = 101, .ack = 1, .len = 1460);
	tcp_send_urgent(&n.stack->tcp, tcb(&n)); /* Nagle holds back 540 bytes: they go now */
	tcp_net_turn(&n);
	ck_assert_uint_eq(OUT(&n, TCP_ACK | TCP_URG, .seq = 1561, .ack = 1, .len = 540)->urg, 540);
	tcp_net_reload(&n);
	tcp_net_pass_until_output(&n, 2000);
	ck_assert_uint_eq(OUT(&n, TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .len = 100)->urg, 2100);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2101);
	tcp_net_skip_output(&n);
	do_send(&n, 10);
	ck_assert_uint_eq(OUT(&n, TCP_ACK, .seq = 2101, .ack = 1, .len = 10)->urg, 0);
	tcp_net_end(&n);
}
END_TEST

/* MUST-31: more urgent text than the pointer can span, also on a link that takes super-frames. */
START_TEST(urgent_text_of_any_length)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.caps = (struct link_caps){.csum = true, .gso_max = 65535};
	in_established(&n, &opt);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .zero_wnd = true);
	do_send(&n, 100000);
	OUT_NOTHING(&n);
	tcp_send_urgent(&n.stack->tcp, tcb(&n));
	tcp_net_turn(&n);
	/* The peer hears of it although its window is zero. */
	ck_assert_uint_eq(OUT(&n, TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .len = 0)->urg, UINT16_MAX);
	uint32_t acked = 1;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	for (int turn = 0; acked < 100001 && turn < 1000; turn++) {
		while (tcp_net_waiting(&n)) {
			const struct tseg *g = OUT_ANY(&n);
			ck_assert(g->flags & TCP_URG);
			ck_assert_uint_eq(g->gso_size, 0);
			ck_assert_uint_eq(g->urg, u32_min(100001 - g->seq, UINT16_MAX));
			acked = u32_max(acked, g->seq + g->len);
		}
		tcp_net_skip_output(&n);
		IN(&n, TCP_ACK, .seq = 1, .ack = acked);
	}
	ck_assert_uint_eq(acked, 100001);
	ck_assert(!tcb(&n)->snd.urgent);
	tcp_net_end(&n);
}
END_TEST

/* MUST-4, MUST-5, MUST-6, MUST-64, MUST-68: options at any alignment, in any segment; unknown ones are skipped by their
 * length. */
START_TEST(options_anywhere)
{
	static const uint8_t syn[] = {1, 2, 4, 0x03, 0xe8, 1, 253, 5, 1, 2, 3, 0};
	static const uint8_t other[] = {1, 1, 1, 254, 4, 0xff, 0xff, 0};
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .raw_options = syn, .raw_options_len = sizeof(syn));
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert_uint_eq(tcb(&n)->snd.mss, 1000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 7, .raw_options = other, .raw_options_len = sizeof(other));
	OUT(&n, TCP_ACK, .seq = 1, .ack = 8);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 8, .ack = 1, .raw_options = other, .raw_options_len = sizeof(other));
	OUT(&n, TCP_ACK, .seq = 1, .ack = 9);
	ck_assert_uint_eq(n.received, 7);
	do_shutdown_write(&n);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 9);
	IN(&n, TCP_RST, .seq = 9, .raw_options = other, .raw_options_len = sizeof(other));
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_uint_eq(CNT(&n, TcpInMalformed) + CNT(&n, TcpInBadOptions), 0);
	tcp_net_end(&n);
}
END_TEST

/* MUST-65, MUST-67, SHLD-6, MUST-69: MSS is the MTU less 40, on SYNs only; a header is filled with options or NOPs. */
START_TEST(mss_follows_the_mtu)
{
	static const uint16_t mtu[] = {576, 1280, 1500, 9000};
	for (size_t i = 0; i < ARRAY_LEN(mtu); i++) {
		struct tcp_net n;
		struct tcp_net_options opt = tcp_net_modern;
		opt.mtu = mtu[i];
		in_listen(&n, &opt, 1);
		tcp_net_push(&n, peer_syn(&n, TCP_SYN));
		tcp_net_turn(&n);
		OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = (uint16_t)(mtu[i] - 40));
		tcp_net_end(&n);
		in_accepted(&n, &opt);
		do_send(&n, 10);
		ck_assert_uint_eq(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10)->mss, 0);
		do_shutdown_write(&n);
		ck_assert_uint_eq(OUT(&n, TCP_FIN | TCP_ACK, .seq = 11, .ack = 1)->mss, 0);
		do_abort(&n);
		ck_assert_uint_eq(OUT(&n, TCP_RST | TCP_ACK, .seq = 12, .ack = 1)->mss, 0);
		tcp_net_end(&n);
	}
}
END_TEST

/* SHLD-1, MUST-9: the same connection at the same time has another number in a stack with another secret. */
START_TEST(the_isn_has_a_secret)
{
	uint32_t iss[8];
	for (int i = 0; i < 8; i++) {
		struct tcp_net n;
		tcp_net_begin(&n, &tcp_net_plain);
		for (size_t j = 0; j < sizeof(n.stack->tcp.isn_key.b); j++)
			n.stack->tcp.isn_key.b[j] ^= (uint8_t)(i * (j == 3));
		struct socket *so = tcp_net_open(&n);
		ck_assert_int_eq(socket_bind(n.stack, so, (struct endpoint){addr(US), 5000}), 0);
		ck_assert_int_eq(socket_connect(n.stack, so, peer_at(PEER_PORT)), EINPROGRESS);
		tcp_net_turn(&n);
		OUT(&n, TCP_SYN, .seq = 0);
		iss[i] = n.iss;
		for (int j = 0; j < i; j++)
			ck_assert_uint_ne(iss[i], iss[j]);
		tcp_net_end(&n);
	}
}
END_TEST

/* MUST-11: a reset in SYN-RECEIVED returns a passive open to LISTEN and refuses an active one. */
START_TEST(syn_received_knows_where_it_came_from)
{
	struct tcp_net n;
	in_syn_received(&n, &tcp_net_plain);
	IN(&n, TCP_RST, .seq = 1);
	ck_assert(tcp_net_gone(&n));
	ck_assert_uint_eq(n.listener_events & SOCKET_ERROR, 0);
	ck_assert_int_eq(n.listener->tcp.state, TCP_LISTEN);
	tcp_net_end(&n);
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	EXPECT_STATE(&n, TCP_SYN_RECEIVED);
	IN(&n, TCP_RST, .seq = 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(socket_take_error(n.so), ECONNREFUSED);
	tcp_net_end(&n);
}
END_TEST

/* MUST-41, MUST-42: a passive open that fails changes nothing; a port can be listened on while one of its connections
 * is in SYN-SENT or SYN-RECEIVED. */
START_TEST(passive_opens_do_not_interfere)
{
	struct tcp_net n;
	in_syn_received(&n, &tcp_net_plain);
	struct socket *second = tcp_net_open(&n);
	ck_assert_int_eq(socket_bind(n.stack, second, (struct endpoint){addr(US), LISTEN_PORT}), EADDRINUSE);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	IN(&n, TCP_SYN, .seq = 0, .peer_port = 7001, .mss = 1460);
	ck_assert_uint_eq(n.listener->tcp.syn_count, 1);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);

	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *active = tcp_net_open(&n);
	n.listener = tcp_net_open(&n);
	struct socket_option_value on = {.number = 1};
	ck_assert_int_eq(socket_set_option(n.stack, active, OPT_SO_REUSEADDR, on), 0);
	ck_assert_int_eq(socket_set_option(n.stack, n.listener, OPT_SO_REUSEADDR, on), 0);
	ck_assert_int_eq(socket_bind(n.stack, active, (struct endpoint){addr(US), 5000}), 0);
	ck_assert_int_eq(socket_connect(n.stack, active, peer_at(PEER_PORT)), EINPROGRESS);
	ck_assert_int_eq(socket_bind(n.stack, n.listener, (struct endpoint){addr(US), 5000}), 0);
	ck_assert_int_eq(socket_listen(n.stack, n.listener, 1), 0);
	tcp_net_turn(&n);
	OUT(&n, TCP_SYN, .seq = 0);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert_int_eq(active->tcp.state, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

/* MUST-43, MUST-44, MUST-45: the local address is the caller's, or IP's choice, and stays. */
START_TEST(local_address)
{
	for (int given = 0; given < 2; given++) {
		struct tcp_net n;
		tcp_net_begin(&n, &tcp_net_plain);
		struct socket *so = tcp_net_open(&n);
		struct endpoint local, peer;
		if (given)
			ck_assert_int_eq(socket_bind(n.stack, so, (struct endpoint){addr(US), 5000}), 0);
		ck_assert_int_eq(socket_connect(n.stack, so, peer_at(PEER_PORT)), EINPROGRESS);
		socket_names(so, &local, &peer);
		ck_assert(ip_eq(local.addr, addr(US)));
		ck_assert(!given || local.port == 5000);
		tcp_net_turn(&n);
		OUT(&n, TCP_SYN, .seq = 0);
		IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1); /* the harness demands our address as the source */
		socket_names(so, &local, &peer);
		ck_assert(ip_eq(local.addr, addr(US)));
		tcp_net_end(&n);
	}
}
END_TEST

/* MUST-63: a SYN from what is no host. */
START_TEST(syn_from_nobody)
{
	static const char *const nobody[] = {"0.0.0.0",   "224.0.0.1", "255.255.255.255", "10.0.0.255", "127.0.0.1",
	                                     "240.0.0.1", US};
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 1);
	for (size_t i = 0; i < ARRAY_LEN(nobody); i++) {
		IN(&n, TCP_SYN, .seq = 0, .src = nobody[i]);
		EXPECT_DROP(&n, IpInMartians);
	}
	OUT_NOTHING(&n);
	ck_assert_uint_eq(n.listener->tcp.syn_count, 0);
	tcp_net_end(&n);
}
END_TEST

/* MUST-13: TIME-WAIT lasts for 2 MSL. */
START_TEST(time_wait_lasts)
{
	struct tcp_net n;
	in_time_wait(&n, &tcp_net_plain);
	tcp_net_pass(&n, tcp_net_plain.tcp.time_wait.ns / NS_PER_MS - 1);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_pass(&n, 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	tcp_net_end(&n);
}
END_TEST

/* MUST-20, MUST-22, SHLD-9, SHLD-10: after three retransmissions IP asks for the next hop again and the application
 * hears of it; R2 ends the connection. */
START_TEST(r1_and_r2)
{
	for (int opening = 0; opening < 2; opening++) {
		struct tcp_net n;
		struct tcp_net_options opt = tcp_net_plain;
		opt.tcp.retries = opt.tcp.syn_retries = 5;
		(opening ? in_syn_sent : in_established)(&n, &opt);
		if (!opening)
			do_send(&n, 10);
		tcp_net_skip_output(&n);
		uint64_t asked = CNT(&n, ArpOutRequests);
		for (int i = 1; i <= 5; i++) {
			tcp_net_pass_until_output(&n, 100000);
			OUT_ANY(&n);
			ck_assert_uint_eq(CNT(&n, ArpOutRequests) - asked, i >= 3);
			ck_assert_uint_eq(tcp_net_events(&n), i == 3 ? SOCKET_REPORT : 0);
		}
		tcp_net_pass(&n, 100000);
		EXPECT_STATE(&n, TCP_CLOSED);
		ck_assert_uint_eq(tcp_net_events(&n), SOCKET_ERROR);
		ck_assert_int_eq(socket_take_error(n.so), ETIMEDOUT);
		tcp_net_skip_output(&n);
		tcp_net_end(&n);
	}
}
END_TEST

/* MUST-24, MUST-28: on request; by default after two hours. */
START_TEST(keepalive_defaults)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(option(&n, OPT_SO_KEEPALIVE, 1), 0);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, INT64_C(9999) * 1000), 7200 * 1000);
	OUT(&n, TCP_ACK, .seq = 0, .ack = 1, .len = 0);
	tcp_net_end(&n);
}
END_TEST

/* SHLD-21, SHLD-22, MUST-48: the field is set before and during a connection, and goes out unchanged, on resets too. */
START_TEST(differentiated_services)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	for (int tos = 0; tos < 256; tos += 4) {
		ck_assert_int_eq(option(&n, OPT_IP_TOS, tos), 0);
		do_send(&n, 1);
		tcp_net_pass_until_output(&n, 10);
		ck_assert_int_eq(OUT_ANY(&n)->tos, tos);
		tcp_net_skip_output(&n);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1 + n.written);
	}
	do_abort(&n);
	ck_assert_uint_eq(OUT_ANY(&n)->tos, 252);
	tcp_net_end(&n);
}
END_TEST

/* MUST-50: record route, timestamp, an unknown one: ignored, and the text counts. */
START_TEST(ip_options_are_ignored)
{
	static const uint8_t options[] = {7,  7, 4, 0, 0, 0, 0, 1,               /* record route */
	                                  68, 8, 5, 0, 0, 0, 0, 0, 94, 3, 9, 0}; /* timestamp, experimental, end */
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	BATCH(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	tcp_net_ip_options(&n, options, sizeof(options));
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	ck_assert_uint_eq(n.received, 10);
	tcp_net_end(&n);
}
END_TEST

/* MUST-55: source quench about our segment in flight does nothing at all. */
START_TEST(source_quench)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 100);
	tcp_net_skip_output(&n);
	BATCH(&n, TCP_ACK, .seq = 1, .ack = 1);
	struct frame_in *f = &n.frame[n.frames - 1];
	uint8_t *ip = n.buffer[n.frames - 1] + ETHER_HDR_LEN, *p = ip + IPV4_HDR_MIN;
	memset(p, 0, 36);
	p[0] = 4; /* RFC 792: source quench */
	memcpy(p + 8, ip, IPV4_HDR_MIN);
	memcpy(p + 8 + IPV4_OFF_SRC, addr(US).b, 4);
	memcpy(p + 8 + IPV4_OFF_DST, addr(PEER).b, 4);
	store_be16(p + 28, n.port);
	store_be16(p + 30, PEER_PORT);
	store_be32(p + 32, n.iss + 1);
	store_be16(p + 2, csum_finish(csum_add(CSUM_ZERO, p, 36)));
	ip[IPV4_OFF_PROTO] = IP_PROTO_ICMP;
	store_be16(ip + IPV4_OFF_LEN, IPV4_HDR_MIN + 36);
	store_be16(ip + IPV4_OFF_CSUM, 0);
	store_be16(ip + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, ip, IPV4_HDR_MIN)));
	f->len = ETHER_HDR_LEN + IPV4_HDR_MIN + 36;
	uint32_t cwnd = tcb(&n)->cwnd;
	tcp_net_turn(&n);
	EXPECT_DROP(&n, IcmpInIgnored);
	ck_assert_uint_eq(tcb(&n)->cwnd, cwnd);
	ck_assert_uint_eq(tcp_net_events(&n), 0);
	OUT_NOTHING(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_requirements_suite(void);
Suite *tcp_requirements_suite(void)
{
	UNIT_SUITE("tcp_requirements", psh_on_the_last_segment, windows_are_unsigned, a_negative_usable_window,
	           zero_window_probes_back_off, our_window_stays_closed, reset_with_text, urgent_text_is_reported,
	           urgent_text_that_was_read, urgent_text_is_marked, urgent_text_of_any_length, options_anywhere,
	           mss_follows_the_mtu, the_isn_has_a_secret, syn_received_knows_where_it_came_from,
	           passive_opens_do_not_interfere, local_address, syn_from_nobody, time_wait_lasts, r1_and_r2,
	           keepalive_defaults, differentiated_services, ip_options_are_ignored, source_quench);
}
