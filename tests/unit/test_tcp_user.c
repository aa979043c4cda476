/* tcp_user: OPEN, SEND, CLOSE, ABORT and their errors. */
#include "tcp_net.h"

static struct endpoint at(const char *text, uint16_t port)
{
	return (struct endpoint){addr(text), port};
}

START_TEST(bind_errors)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *a = tcp_net_open(&n), *b = tcp_net_open(&n);
	ck_assert_int_eq(socket_bind(n.stack, a, at("10.0.0.9", 80)), EADDRNOTAVAIL);
	ck_assert_int_eq(socket_bind(n.stack, a, at(US, 80)), 0);
	ck_assert_int_eq(socket_bind(n.stack, a, at(US, 81)), EINVAL);
	ck_assert_int_eq(socket_bind(n.stack, b, at("0.0.0.0", 80)), EADDRINUSE);
	ck_assert_int_eq(socket_bind(n.stack, b, at("0.0.0.0", 0)), 0);
	ck_assert_uint_ge(b->tcp.pcb.local.port, PORT_EPHEMERAL_MIN);
	ck_assert_uint_le(b->tcp.pcb.local.port, PORT_EPHEMERAL_MAX);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.9.2.3, MUST-46, and what else has no other end. */
START_TEST(connect_errors)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	static const char *const nobody[] = {"0.0.0.0", "224.0.0.1", "255.255.255.255", "10.0.0.255"};
	for (size_t i = 0; i < ARRAY_LEN(nobody); i++)
		ck_assert_int_eq(socket_connect(n.stack, so, at(nobody[i], 80)), ENETUNREACH);
	ck_assert_int_eq(socket_connect(n.stack, so, at(PEER, 0)), EADDRNOTAVAIL);
	ck_assert_int_eq(socket_connect(n.stack, so, (struct endpoint){.port = 80}), EINVAL);
	ck_assert(!so->tcp.pcb.bound);
	struct socket *local = tcp_net_open(&n);
	ck_assert_int_eq(socket_bind(n.stack, local, at("127.0.0.1", 0)), 0);
	ck_assert_int_eq(socket_connect(n.stack, local, at(PEER, 80)), EINVAL);
	ck_assert_int_eq(socket_connect(n.stack, so, at(PEER, 80)), EINPROGRESS);
	ck_assert_int_eq(socket_connect(n.stack, so, at(PEER, 80)), EALREADY);
	ck_assert_int_eq(socket_listen(n.stack, so, 1), EINVAL);
	tcp_net_turn(&n);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(socket_connect(n.stack, n.so, at(PEER, 80)), EISCONN);
	ck_assert_int_eq(socket_listen(n.stack, n.so, 1), EINVAL);
	tcp_net_end(&n);
	in_listen(&n, &tcp_net_plain, 1);
	ck_assert_int_eq(socket_connect(n.stack, n.listener, at(PEER, 80)), EOPNOTSUPP);
	ck_assert_int_eq(socket_listen(n.stack, n.listener, 7), 0);
	ck_assert_uint_eq(n.listener->tcp.backlog, 7);
	tcp_net_end(&n);
}
END_TEST

START_TEST(connect_again_after_a_refusal)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(socket_take_error(n.so), ECONNREFUSED);
	n.iss_known = false;
	ck_assert_int_eq(socket_connect(n.stack, n.so, at(PEER, PEER_PORT)), EINPROGRESS);
	tcp_net_turn(&n);
	OUT(&n, TCP_SYN, .seq = 0);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	tcp_net_end(&n);
}
END_TEST

START_TEST(send_errors)
{
	struct tcp_net n;
	struct iovec iov[2];
	int error;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(socket_send_reserve(n.stack, so, 1, iov, &error), 0);
	ck_assert_int_eq(error, ENOTCONN);
	ck_assert_int_eq(socket_shutdown(n.stack, so, false, true), ENOTCONN);
	tcp_net_end(&n);
	in_fin_wait_1(&n, &tcp_net_plain);
	ck_assert_int_eq(socket_send_reserve(n.stack, n.so, 1, iov, &error), 0);
	ck_assert_int_eq(error, EPIPE);
	ck_assert_int_eq(socket_shutdown(n.stack, n.so, false, true), 0);
	tcp_net_end(&n);
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_RST, .seq = 1);
	ck_assert_int_eq(socket_send_reserve(n.stack, n.so, 1, iov, &error), 0);
	ck_assert_int_eq(error, ECONNRESET);
	tcp_net_end(&n);
}
END_TEST

/* 3.10.2: text that is handed over in SYN-SENT waits for ESTABLISHED. */
START_TEST(text_in_syn_sent_waits)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	do_send(&n, 100);
	OUT_NOTHING(&n);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	tcp_net_end(&n);
}
END_TEST

START_TEST(send_buffer_is_bounded)
{
	struct tcp_net n;
	struct iovec iov[2];
	int error;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.sndbuf = 10000;
	in_established(&n, &opt);
	do_send(&n, 9000);
	tcp_net_skip_output(&n);
	int count = socket_send_reserve(n.stack, n.so, 5000, iov, &error);
	size_t room = 0;
	for (int i = 0; i < count; i++)
		room += iov[i].iov_len;
	ck_assert_uint_eq(room, 1000);
	socket_send_commit(n.stack, n.so, 0); /* the application thought better of it */
	ck_assert_uint_eq(socket_send_queued(n.so), 9000);
	n.env.fail_at = n.env.allocations + 1;
	n.env.failures_repeat = true;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 8760);
	n.env.fail_at = 0;
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
	in_established(&n, &opt);
	n.env.fail_at = n.env.allocations + 1;
	n.env.failures_repeat = true;
	ck_assert_int_eq(socket_send_reserve(n.stack, n.so, 5000, iov, &error), 0);
	ck_assert_int_eq(error, ENOBUFS);
	n.env.fail_at = 0;
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.6.1, RFC 2525 2.17: text that nobody will read is answered with a reset. */
START_TEST(close_with_unread_text)
{
	struct tcp_net n;
	for (int where = 0; where < 3; where++) {
		(where == 2 ? in_fin_wait_2 : in_established)(&n, &tcp_net_plain);
		uint32_t next = where == 2 ? 2 : 1;
		n.channel_max = where == 1 ? 0 : UINT32_MAX; /* in the ring, or in the channel */
		IN(&n, TCP_ACK, .seq = 1, .ack = next, .len = 10);
		OUT(&n, TCP_ACK, .seq = next, .ack = 11);
		do_close(&n, where != 1);
		OUT(&n, TCP_RST | TCP_ACK, .seq = next, .ack = 11);
		ck_assert(tcp_net_gone(&n));
		ck_assert_uint_eq(CNT(&n, TcpExtTCPAbortOnClose), 1);
		tcp_net_end(&n);
	}
}
END_TEST

/* The same in each state that may hold unread text. In TIME-WAIT the peer has ended: no reset, and TIME-WAIT stays. */
START_TEST(close_with_unread_text_in_every_state)
{
	for (size_t i = 1; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		for (int channel = 0; channel < 2; channel++) { /* left in the ring, or in the channel */
			struct tcp_net n;
			in_established(&n, &tcp_net_plain);
			n.channel_max = channel ? UINT32_MAX : 0;
			IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
			OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
			uint32_t ours = s->our_next, peer = s->peer_next;
			if (s->state == TCP_CLOSE_WAIT || s->state == TCP_LAST_ACK)
				IN(&n, TCP_FIN | TCP_ACK, .seq = 11, .ack = 1);
			if (ours == 2)
				do_shutdown_write(&n);
			if (s->state == TCP_FIN_WAIT_2 || s->state == TCP_TIME_WAIT)
				IN(&n, TCP_ACK, .seq = 11, .ack = 2);
			if (s->state == TCP_CLOSING || s->state == TCP_TIME_WAIT)
				IN(&n, TCP_FIN | TCP_ACK, .seq = 11, .ack = s->state == TCP_CLOSING ? 1 : 2);
			tcp_net_skip_output(&n);
			EXPECT_STATE(&n, s->state);
			do_close(&n, channel != 0);
			if (s->state == TCP_TIME_WAIT) {
				OUT_NOTHING(&n);
				EXPECT_STATE(&n, TCP_TIME_WAIT);
				tcp_net_pass(&n, 60000);
			} else {
				OUT(&n, TCP_RST | TCP_ACK, .seq = ours, .ack = peer + 10);
			}
			ck_assert(tcp_net_gone(&n));
			ck_assert_uint_eq(CNT(&n, TcpExtTCPAbortOnClose), s->state != TCP_TIME_WAIT);
			tcp_net_end(&n);
		}
	}
}
END_TEST

/* Beyond orphans-max a close is a reset, whatever the state; what ends makes room again. */
START_TEST(orphans_are_limited)
{
	for (size_t i = 1; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		for (uint32_t max = 0; max < 2; max++) {
			struct tcp_net_options opt = tcp_net_modern;
			struct tcp_net n;
			opt.tcp.orphans_max = max;
			s->enter(&n, &opt);
			ck_assert_uint_eq(n.stack->tcp.orphans, 0);
			do_close(&n, false);
			if (s->state == TCP_TIME_WAIT) { /* which is no orphan */
				EXPECT_STATE(&n, TCP_TIME_WAIT);
				ck_assert_uint_eq(CNT(&n, TcpExtTCPAbortOnMemory), 0);
			} else if (max == 0) {
				const struct tseg *g = OUT(&n, TCP_RST | TCP_ACK, .seq = s->our_next,
				                           .ack = s->peer_next);
				ck_assert(g->has_ts); /* RFC 7323 3.2: a SHOULD */
				ck_assert(tcp_net_gone(&n));
				ck_assert_uint_eq(CNT(&n, TcpExtTCPAbortOnMemory), 1);
				ck_assert_uint_eq(n.stack->tcp.orphans, 0);
			} else {
				tcp_net_reload(&n);
				ck_assert_uint_eq(n.stack->tcp.orphans, 1);
				IN(&n, TCP_RST, .seq = s->peer_next);
				ck_assert(tcp_net_gone(&n));
				ck_assert_uint_eq(n.stack->tcp.orphans, 0);
				tcp_net_skip_output(&n);
			}
			tcp_net_end(&n);
		}
	}
}
END_TEST

/* Beyond time-wait-max a connection skips TIME-WAIT; the peer's FIN is acknowledged all the same. */
START_TEST(time_wait_is_limited)
{
	for (int closing = 0; closing < 2; closing++) {
		struct tcp_net_options opt = tcp_net_modern;
		struct tcp_net n;
		opt.tcp.time_wait_max = 0;
		(closing ? in_closing : in_fin_wait_2)(&n, &opt);
		if (closing) {
			IN(&n, TCP_ACK, .seq = 2, .ack = 2);
			OUT_NOTHING(&n);
		} else {
			IN(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
			ck_assert(OUT(&n, TCP_ACK, .seq = 2, .ack = 2)->has_ts);
			ck_assert_uint_eq(tcp_net_events(&n), SOCKET_EOF);
		}
		EXPECT_STATE(&n, TCP_CLOSED);
		ck_assert_int_eq(n.so->error, 0);
		ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeWaitOverflow), 1);
		ck_assert_uint_eq(CNT(&n, TcpExtTW), 0);
		tcp_net_end(&n);
	}
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.time_wait_max = 1;
	in_time_wait(&n, &opt);
	tcp_net_reload(&n);
	ck_assert_uint_eq(n.stack->tcp.time_waits, 1);
	tcp_net_pass(&n, 60000);
	ck_assert_uint_eq(n.stack->tcp.time_waits, 0);
	tcp_net_end(&n);
}
END_TEST

START_TEST(close_after_all_is_read)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	do_read(&n, 10);
	do_send(&n, 5);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11, .len = 5);
	do_close(&n, false);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 6, .ack = 11);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 11, .ack = 7);
	OUT(&n, TCP_ACK, .seq = 7, .ack = 12);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_pass(&n, 60000);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

/* 3.10.5: a reset where the peer still waits for something; nothing in CLOSING, LAST-ACK, TIME-WAIT. */
START_TEST(abort_in_every_state)
{
	for (size_t i = 1; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		bool reset = s->state == TCP_ESTABLISHED || s->state == TCP_FIN_WAIT_1 || s->state == TCP_FIN_WAIT_2 ||
		             s->state == TCP_CLOSE_WAIT;
		struct tcp_net n;
		s->enter(&n, &tcp_net_plain);
		do_abort(&n);
		if (reset)
			OUT(&n, TCP_RST | TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
		OUT_NOTHING(&n);
		ck_assert(tcp_net_gone(&n));
		tcp_net_end(&n);
	}
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	do_abort(&n);
	OUT_NOTHING(&n);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

/* SO_LINGER's first two meanings; the third is the library's (client/socket.c). On with zero is an abort, but in
 * TIME-WAIT, which nobody may cut short; off, or with a time, the end goes on in the background. */
START_TEST(linger_of_zero_resets)
{
	for (size_t i = 1; i < TCP_NET_STATES; i++) {
		const struct tcp_net_state *s = &tcp_net_states[i];
		bool reset = s->state != TCP_CLOSING && s->state != TCP_LAST_ACK && s->state != TCP_TIME_WAIT;
		struct tcp_net n;
		s->enter(&n, &tcp_net_plain);
		ck_assert_int_eq(
		        socket_set_option(n.stack, n.so, OPT_SO_LINGER,
		                          (struct socket_option_value){.kind = OPTION_LINGER, .linger_on = true}),
		        0);
		do_close(&n, false);
		if (reset)
			OUT(&n, TCP_RST | TCP_ACK, .seq = s->our_next, .ack = s->peer_next);
		OUT_NOTHING(&n);
		ck_assert(tcp_net_gone(&n) == (s->state != TCP_TIME_WAIT));
		ck_assert_uint_eq(CNT(&n, TcpLingerAborts), s->state != TCP_TIME_WAIT);
		tcp_net_end(&n);
	}
}
END_TEST

/* What a call that waits for the end of a close hears: SOCKET_SENT when our FIN is acknowledged, or the connection
 * over. */
START_TEST(the_end_of_sending_is_told_to_who_awaits_it)
{
	static const struct {
		enum tcp_state from;
		unsigned flags;
		uint32_t seq, ack;
		enum tcp_state to;
	} row[] = {
	        {TCP_ESTABLISHED, TCP_ACK, 1, 2, TCP_FIN_WAIT_2},
	        {TCP_CLOSE_WAIT, TCP_ACK, 2, 2, TCP_CLOSED},
	        {TCP_CLOSING, TCP_ACK, 2, 2, TCP_TIME_WAIT},
	        {TCP_FIN_WAIT_1, TCP_FIN | TCP_ACK, 1, 2, TCP_TIME_WAIT},
	        {TCP_ESTABLISHED, TCP_RST | TCP_ACK, 1, 2, TCP_CLOSED},
	};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		for (size_t j = 0; j < TCP_NET_STATES; j++) {
			struct tcp_net n;
			if (tcp_net_states[j].state != row[i].from)
				continue;
			tcp_net_states[j].enter(&n, &tcp_net_plain);
			do_close(&n, false);
			n.so->awaited = true;
			ck_assert(!tcp_sending_ended(tcb(&n)));
			IN(&n, row[i].flags, .seq = row[i].seq, .ack = row[i].ack);
			ck_assert_uint_eq(tcp_net_events(&n), SOCKET_SENT);
			if (row[i].to == TCP_CLOSED)
				ck_assert(tcp_net_gone(&n));
			else
				ck_assert(tcb(&n)->state == row[i].to && tcp_sending_ended(tcb(&n)));
			tcp_net_skip_output(&n);
			tcp_net_end(&n);
		}
	}
}
END_TEST

START_TEST(linger_with_text_under_way)
{
	for (int on = 0; on < 3; on++) { /* off, on with a time, on with zero */
		struct tcp_net n;
		in_established(&n, &tcp_net_plain);
		do_send(&n, 10);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
		struct socket_option_value v = {.kind = OPTION_LINGER, .number = on == 1 ? 5 : 0, .linger_on = on != 0};
		ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_SO_LINGER, v), 0);
		do_close(&n, false);
		if (on == 2) {
			OUT(&n, TCP_RST | TCP_ACK, .seq = 11, .ack = 1);
			ck_assert(tcp_net_gone(&n));
		} else {
			OUT(&n, TCP_FIN | TCP_ACK, .seq = 11, .ack = 1);
			EXPECT_STATE(&n, TCP_FIN_WAIT_1);
			tcp_net_pass(&n, 10000); /* longer than the time: the text is still sent again */
			EXPECT_STATE(&n, TCP_FIN_WAIT_1);
			tcp_net_skip_output(&n);
		}
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(maxseg_has_bounds)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(tcp_set_mss(&n.stack->tcp, tcb(&n), TCP_MSS_MIN - 1), EINVAL);
	ck_assert_int_eq(tcp_set_mss(&n.stack->tcp, tcb(&n), 65536), EINVAL);
	ck_assert_int_eq(tcp_set_mss(&n.stack->tcp, tcb(&n), 65535), 0);
	ck_assert_uint_eq(tcb(&n)->snd.mss, 1460);
	tcp_net_end(&n);
}
END_TEST

/* A port whose last connection lingers in TIME-WAIT can be bound with SO_REUSEADDR; the 4-tuple is taken. */
START_TEST(time_wait_holds_its_4_tuple)
{
	struct tcp_net n;
	in_time_wait(&n, &tcp_net_plain);
	struct socket *a = tcp_net_open(&n), *b = tcp_net_open(&n);
	ck_assert_int_eq(socket_bind(n.stack, a, at(US, n.port)), EADDRINUSE);
	ck_assert_int_eq(socket_set_option(n.stack, b, OPT_SO_REUSEADDR, (struct socket_option_value){.number = 1}), 0);
	int e = socket_bind(n.stack, b, at(US, n.port));
	if (!e)
		ck_assert_int_eq(socket_connect(n.stack, b, at(PEER, PEER_PORT)), EADDRINUSE);
	else
		ck_assert_int_eq(e, EADDRINUSE);
	tcp_net_end(&n);
}
END_TEST

/* Every allocation of a whole connection fails once: nothing leaks, and what was reported holds. */
START_TEST(any_allocation_fails)
{
	for (uint64_t k = 1; k < 60; k++) {
		struct tcp_net n;
		in_listen(&n, &tcp_net_modern, 5);
		n.env.fail_at = n.env.allocations + k;
		for (int try = 0; try < 8 && !n.listener->tcp.accept_count; try++) {
			n.iss_known = false;
			tcp_net_push(&n, peer_syn(&n, TCP_SYN));
			tcp_net_turn(&n);
			if (!n.iss_known)
				continue;
			n.ts_on = true;
			IN(&n, TCP_ACK, .seq = 1, .ack = 1);
			tcp_net_pass(&n, 100);
			n.ts_on = false;
		}
		do_accept(&n);
		n.ts_on = true;
		for (int i = 0; i < 3; i++)
			IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 3000);
		struct iovec iov[2];
		int error;
		if (socket_send_reserve(n.stack, n.so, 100, iov, &error) > 0) {
			for (uint32_t i = 0; i < 100; i++)
				((uint8_t *)iov[0].iov_base)[i] = tcp_net_byte(true, 1 + i);
			socket_send_commit(n.stack, n.so, 100);
		}
		tcp_net_turn(&n);
		tcp_net_pass(&n, 1000);
		ck_assert_uint_eq(n.received, 3000);
		do_abort(&n);
		tcp_net_skip_output(&n);
		tcp_net_end(&n);
	}
}
END_TEST

Suite *tcp_user_suite(void);
Suite *tcp_user_suite(void)
{
	UNIT_SUITE("tcp_user", bind_errors, connect_errors, connect_again_after_a_refusal, send_errors,
	           text_in_syn_sent_waits, send_buffer_is_bounded, close_with_unread_text,
	           close_with_unread_text_in_every_state, orphans_are_limited, time_wait_is_limited,
	           close_after_all_is_read, abort_in_every_state, linger_of_zero_resets, linger_with_text_under_way,
	           the_end_of_sending_is_told_to_who_awaits_it, maxseg_has_bounds, time_wait_holds_its_4_tuple,
	           any_allocation_fails);
}
