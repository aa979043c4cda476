/* tcp_listen: children, the queues, what a full one does, and what becomes of them when the listener closes. */
#include "tcp_net.h"

static void syn_from(struct tcp_net *n, uint16_t peer_port)
{
	n->iss_known = false;
	IN(n, TCP_SYN, .seq = 0, .mss = 1460, .peer_port = peer_port);
}

/* A whole handshake; returns our ISS. */
static uint32_t connect_from(struct tcp_net *n, uint16_t peer_port)
{
	syn_from(n, peer_port);
	ck_assert_uint_eq(OUT(n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1)->remote_port, peer_port);
	IN(n, TCP_ACK, .seq = 1, .ack = 1, .peer_port = peer_port);
	return n->iss;
}

/* RFC 9293 3.10.7.2 */
START_TEST(what_a_listener_takes)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	IN(&n, TCP_RST, .seq = 0);
	EXPECT_DROP(&n, TcpInBadReset);
	IN(&n, TCP_ACK, .seq = 0, .ack = 500);
	OUT(&n, TCP_RST, .seq = 500);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 500);
	OUT(&n, TCP_RST, .seq = 500);
	IN(&n, TCP_FIN, .seq = 0);
	EXPECT_DROP(&n, TcpInBadState);
	IN(&n, 0, .seq = 0, .len = 5);
	EXPECT_DROP(&n, TcpInBadState);
	IN(&n, TCP_SYN | TCP_FIN, .seq = 0);
	EXPECT_DROP(&n, TcpInBadState);
	IN(&n, TCP_SYN | TCP_RST, .seq = 0);
	OUT_NOTHING(&n);
	ck_assert_uint_eq(stack_socket_count(n.stack), 1);
	tcp_net_end(&n);
}
END_TEST

/* Established children in the order of their handshakes; beyond the backlog SYNs are dropped. */
START_TEST(backlog)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 2);
	struct endpoint local, peer;
	connect_from(&n, 1001);
	connect_from(&n, 1002);
	ck_assert_uint_eq(socket_recv_queued(n.listener), 2);
	ck_assert_uint_eq(socket_send_queued(n.listener), 2);
	syn_from(&n, 1003);
	EXPECT_DROP(&n, TcpExtListenOverflows);
	OUT_NOTHING(&n);
	do_accept(&n);
	socket_names(n.so, &local, &peer);
	ck_assert_uint_eq(peer.port, 1001);
	ck_assert_uint_eq(local.port, LISTEN_PORT);
	ck_assert(ip_eq(local.addr, addr(US)));
	connect_from(&n, 1003);
	do_accept(&n);
	socket_names(n.so, &local, &peer);
	ck_assert_uint_eq(peer.port, 1002);
	tcp_net_end(&n);
}
END_TEST

/* The queue fills while a handshake is under way: its last ACK is dropped, and the SYN-ACK goes again. */
START_TEST(overflow_at_the_end_of_a_handshake)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 1);
	syn_from(&n, 1001);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	uint32_t first = n.iss;
	connect_from(&n, 1002);
	n.iss = first;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .peer_port = 1001);
	OUT_NOTHING(&n);
	ck_assert_uint_eq(CNT(&n, TcpExtListenOverflows), 1);
	ck_assert_uint_eq(n.listener->tcp.syn_count, 1);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 5000), 1000);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	struct socket *child;
	ck_assert_int_eq(socket_accept(n.stack, n.listener, &child), 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 5, .peer_port = 1001); /* with its first text */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 6);
	ck_assert_uint_eq(n.listener->tcp.accept_count, 1);
	do_accept(&n);
	ck_assert_uint_eq(n.received, 5);
	tcp_net_end(&n);
}
END_TEST

START_TEST(handshakes_under_way_are_bounded)
{
	struct tcp_net_options o = tcp_net_plain;
	struct tcp_net n;
	o.tcp.syn_cookies = false;
	in_listen(&n, &o, 1);
	for (uint16_t i = 0; i < TCP_SYN_QUEUE_MIN + 20; i++) {
		syn_from(&n, (uint16_t)(2000 + i));
		tcp_net_skip_output(&n);
	}
	ck_assert_uint_eq(n.listener->tcp.syn_count, TCP_SYN_QUEUE_MIN);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPReqQFullDrop), 20);
	/* All give up at last, without a word. */
	for (int i = 0; i < 300; i++) {
		tcp_net_pass(&n, 1000);
		tcp_net_skip_output(&n);
	}
	ck_assert_uint_eq(n.listener->tcp.syn_count, 0);
	ck_assert_uint_eq(stack_socket_count(n.stack), 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(syn_ack_is_sent_again_and_given_up)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.tcp.syn_retries = 3;
	in_syn_received(&n, &opt);
	for (int64_t wait = 1000; wait <= 4000; wait *= 2) {
		ck_assert_int_eq(tcp_net_pass_until_output(&n, 100000), wait);
		OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	}
	tcp_net_pass(&n, 8000);
	OUT_NOTHING(&n);
	ck_assert(tcp_net_gone(&n));
	ck_assert_uint_eq(n.listener->tcp.syn_count, 0);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.10.4: a listener that closes resets its children, accepted ones excepted. */
START_TEST(closing_a_listener_resets_its_children)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	uint32_t accepted = connect_from(&n, 1001);
	do_accept(&n);
	uint32_t queued = connect_from(&n, 1002);
	syn_from(&n, 1003);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	uint32_t embryonic = n.iss;
	struct socket *listener = n.listener;
	n.listener = NULL;
	socket_close(n.stack, listener, false);
	tcp_net_turn(&n);
	const struct tseg *g = OUT_ANY(&n);
	ck_assert_uint_eq(g->remote_port, 1003);
	ck_assert_uint_eq(g->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(g->seq + n.iss, embryonic + 1);
	g = OUT_ANY(&n);
	ck_assert_uint_eq(g->remote_port, 1002);
	ck_assert_uint_eq(g->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(g->seq + n.iss, queued + 1);
	ck_assert_uint_eq(stack_socket_count(n.stack), 1);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	n.iss = accepted;
	syn_from(&n, 1004);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 0 - n.iss, .ack = 1);
	tcp_net_end(&n);
}
END_TEST

/* What befalls a child before accept is told by accept. */
START_TEST(a_child_that_was_reset_in_the_queue)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	connect_from(&n, PEER_PORT);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	tcp_net_skip_output(&n);
	IN(&n, TCP_RST, .seq = 11);
	tcp_net_reload(&n);
	do_accept(&n);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert(tcp_net_events(&n) & SOCKET_ERROR);
	ck_assert_int_eq(socket_take_error(n.so), ECONNRESET);
	do_close(&n, false);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

START_TEST(text_and_fin_before_accept)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	connect_from(&n, PEER_PORT);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1000);
	IN(&n, TCP_ACK | TCP_FIN, .seq = 1001, .ack = 1, .len = 100);
	tcp_net_skip_output(&n);
	tcp_net_reload(&n);
	do_accept(&n);
	ck_assert_uint_eq(n.received, 1100);
	ck_assert(tcp_net_events(&n) & SOCKET_EOF);
	EXPECT_STATE(&n, TCP_CLOSE_WAIT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_child_inherits)
{
	struct tcp_net n;
	struct socket_option_value v;
	static const struct {
		int option;
		int64_t value;
	} row[] = {
	        {OPT_SO_RCVBUF, 30000}, {OPT_SO_SNDBUF, 40000}, {OPT_TCP_NODELAY, 1}, {OPT_IP_TTL, 7}, {OPT_IP_TOS, 8}};
	in_listen(&n, &tcp_net_plain, 5);
	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		ck_assert_int_eq(socket_set_option(n.stack, n.listener, row[i].option,
		                                   (struct socket_option_value){.number = row[i].value}),
		                 0);
	connect_from(&n, PEER_PORT);
	do_accept(&n);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		ck_assert_int_eq(socket_get_option(n.stack, n.so, row[i].option, &v), 0);
		ck_assert_int_eq(v.number, row[i].value);
	}
	ck_assert_uint_eq(n.so->uid, n.listener->uid);
	tcp_net_end(&n);
}
END_TEST

START_TEST(children_count_against_the_quota)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	opt.sockets_per_uid = 2;
	in_listen(&n, &opt, 5);
	connect_from(&n, 1001);
	syn_from(&n, 1002);
	EXPECT_DROP(&n, TcpListenNoMemory);
	ck_assert_uint_eq(CNT(&n, SocketQuotaRefused), 1);
	OUT_NOTHING(&n);
	tcp_net_end(&n);
}
END_TEST

/* RFC 6528: the same for one 4-tuple but for the clock; others are unrelated. */
START_TEST(initial_sequence_numbers)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	syn_from(&n, 1001);
	uint32_t first = n.iss;
	tcp_net_skip_output(&n);
	IN(&n, TCP_RST, .seq = 1, .peer_port = 1001);
	tcp_net_pass(&n, 100);
	syn_from(&n, 1001);
	ck_assert_uint_eq(n.iss - first, 100 * 1000 / 4);
	uint32_t again = n.iss;
	syn_from(&n, 1002);
	uint32_t far = n.iss - again;
	ck_assert(far > 1000 && far < UINT32_MAX - 1000);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_listener_on_one_address)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	n.listener = tcp_net_open(&n);
	n.port = LISTEN_PORT;
	ck_assert_int_eq(socket_bind(n.stack, n.listener, (struct endpoint){addr(US), LISTEN_PORT}), 0);
	ck_assert_int_eq(socket_listen(n.stack, n.listener, 0), 0); /* a backlog of nothing is one of one */
	connect_from(&n, 1001);
	syn_from(&n, 1002);
	EXPECT_DROP(&n, TcpExtListenOverflows);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_listen_suite(void);
Suite *tcp_listen_suite(void)
{
	UNIT_SUITE("tcp_listen", what_a_listener_takes, backlog, overflow_at_the_end_of_a_handshake,
	           handshakes_under_way_are_bounded, syn_ack_is_sent_again_and_given_up,
	           closing_a_listener_resets_its_children, a_child_that_was_reset_in_the_queue,
	           text_and_fin_before_accept, a_child_inherits, children_count_against_the_quota,
	           initial_sequence_numbers, a_listener_on_one_address);
}
