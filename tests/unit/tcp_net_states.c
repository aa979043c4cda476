/* The named states of tcp_net.h, and the calls that an application makes on the way. */
#include "tcp_net.h"

struct socket *tcp_net_open(struct tcp_net *n)
{
	struct socket *so;

	ck_assert_int_eq(socket_open(n->stack, SOCKET_TCP, IP_V4, 1000, 1, &so), 0);
	so->channel = n;
	return so;
}

static void adopt(struct tcp_net *n, struct socket *so)
{
	n->so = so;
	n->id = so->id;
}

void do_send(struct tcp_net *n, uint32_t len)
{
	struct iovec iov[2];
	int error;

	while (len) {
		int count = socket_send_reserve(n->stack, n->so, len, iov, &error);
		ck_assert_msg(count > 0, "send failed with %s", error_name(error));
		uint32_t put = 0;
		for (int i = 0; i < count; i++)
			for (size_t j = 0; j < iov[i].iov_len; j++, put++)
				((uint8_t *)iov[i].iov_base)[j] = tcp_net_byte(true, 1 + n->written + put);
		socket_send_commit(n->stack, n->so, put);
		n->written += put;
		len -= put;
	}
	tcp_net_turn(n);
}

void do_shutdown_write(struct tcp_net *n)
{
	ck_assert_int_eq(socket_shutdown(n->stack, n->so, false, true), 0);
	tcp_net_turn(n);
}

void do_close(struct tcp_net *n, bool unread)
{
	socket_close(n->stack, n->so, unread);
	tcp_net_turn(n);
}

void do_abort(struct tcp_net *n)
{
	socket_abort(n->stack, n->so);
	tcp_net_turn(n);
}

void do_read(struct tcp_net *n, uint32_t len)
{
	ck_assert_uint_le(len, n->held);
	n->held -= len;
	socket_set_held(n->stack, n->so, n->held);
	stack_offer(n->stack, n->so);
	tcp_net_turn(n);
}

void do_accept(struct tcp_net *n)
{
	struct socket *child;

	ck_assert_int_eq(socket_accept(n->stack, n->listener, &child), 0);
	child->channel = n;
	adopt(n, child);
	n->held = 0;
	tcp_net_turn(n);
}

struct tseg peer_syn(const struct tcp_net *n, unsigned flags)
{
	struct tseg g = {.flags = flags,
	                 .ack = 1,
	                 .mss = n->opt.peer_mss,
	                 .has_ws = n->opt.peer_ws >= 0,
	                 .ws = (uint8_t)n->opt.peer_ws,
	                 .sack_permitted = n->opt.peer_sack,
	                 .wnd = n->opt.peer_wnd,
	                 .has_ts = n->opt.peer_ts};

	g.tsval = n->peer_ts_base + (uint32_t)((n->env.now.ns - TCP_NET_TIME) / NS_PER_MS);
	g.tsecr = flags & TCP_ACK ? n->last_tsval : 0;
	return g;
}

void in_listen(struct tcp_net *n, const struct tcp_net_options *opt, int backlog)
{
	tcp_net_begin(n, opt);
	n->listener = tcp_net_open(n);
	struct endpoint local = {.addr = ip4(0, 0, 0, 0), .port = LISTEN_PORT};
	ck_assert_int_eq(socket_bind(n->stack, n->listener, local), 0);
	ck_assert_int_eq(socket_listen(n->stack, n->listener, backlog), 0);
	n->port = LISTEN_PORT;
}

void in_syn_sent(struct tcp_net *n, const struct tcp_net_options *opt)
{
	tcp_net_begin(n, opt);
	adopt(n, tcp_net_open(n));
	struct endpoint peer = {.addr = addr(PEER), .port = PEER_PORT};
	ck_assert_int_eq(socket_connect(n->stack, n->so, peer), EINPROGRESS);
	tcp_net_turn(n);
	OUT(n, TCP_SYN, .seq = 0);
	EXPECT_STATE(n, TCP_SYN_SENT);
}

void in_syn_received(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_listen(n, opt, 8);
	tcp_net_push(n, peer_syn(n, TCP_SYN));
	tcp_net_turn(n);
	OUT(n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	adopt(n, socket_after(n->stack, n->listener->id));
	n->ts_on = tcb(n)->ts_ok;
	EXPECT_STATE(n, TCP_SYN_RECEIVED);
}

void in_established(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_syn_sent(n, opt);
	tcp_net_push(n, peer_syn(n, TCP_SYN | TCP_ACK));
	tcp_net_turn(n);
	n->ts_on = tcb(n)->ts_ok;
	OUT(n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(n, TCP_ESTABLISHED);
	ck_assert_uint_eq(tcp_net_events(n), SOCKET_CONNECTED);
}

void in_accepted(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_syn_received(n, opt);
	IN(n, TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(n, TCP_ESTABLISHED);
	do_accept(n);
}

void in_fin_wait_1(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_established(n, opt);
	do_shutdown_write(n);
	OUT(n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	EXPECT_STATE(n, TCP_FIN_WAIT_1);
}

void in_fin_wait_2(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_fin_wait_1(n, opt);
	IN(n, TCP_ACK, .seq = 1, .ack = 2);
	EXPECT_STATE(n, TCP_FIN_WAIT_2);
}

void in_close_wait(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_established(n, opt);
	IN(n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	OUT(n, TCP_ACK, .seq = 1, .ack = 2);
	EXPECT_STATE(n, TCP_CLOSE_WAIT);
	ck_assert_uint_eq(tcp_net_events(n), SOCKET_EOF);
}

void in_closing(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_fin_wait_1(n, opt);
	IN(n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	OUT(n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(n, TCP_CLOSING);
	ck_assert_uint_eq(tcp_net_events(n), SOCKET_EOF);
}

void in_last_ack(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_close_wait(n, opt);
	do_shutdown_write(n);
	OUT(n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	EXPECT_STATE(n, TCP_LAST_ACK);
}

void in_time_wait(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_fin_wait_2(n, opt);
	IN(n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	OUT(n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(n, TCP_TIME_WAIT);
	ck_assert_uint_eq(tcp_net_events(n), SOCKET_EOF);
}

const struct tcp_net_state tcp_net_states[TCP_NET_STATES] = {
        {TCP_SYN_RECEIVED, in_syn_received, 1, 1}, {TCP_ESTABLISHED, in_established, 1, 1},
        {TCP_FIN_WAIT_1, in_fin_wait_1, 1, 2},     {TCP_FIN_WAIT_2, in_fin_wait_2, 1, 2},
        {TCP_CLOSE_WAIT, in_close_wait, 2, 1},     {TCP_CLOSING, in_closing, 2, 2},
        {TCP_LAST_ACK, in_last_ack, 2, 2},         {TCP_TIME_WAIT, in_time_wait, 2, 2},
};
