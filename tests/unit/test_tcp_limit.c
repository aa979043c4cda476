/* tcp_limit: for how long the sender was busy, and what held it back. */
#include "tcp_net.h"

static int64_t ms(struct tcp_net *n, enum tcp_limit by)
{
	return tcp_limited(&n->stack->tcp, tcb(n), by).ns / NS_PER_MS;
}

START_TEST(busy_while_text_is_outstanding)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	tcp_net_pass(&n, 50);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_BUSY), 0);
	do_send(&n, 1460);
	tcp_net_skip_output(&n);
	tcp_net_pass(&n, 30);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_BUSY), 30);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	tcp_net_pass(&n, 100);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_BUSY), 30);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_RWND), 0);
	tcp_net_end(&n);
}
END_TEST

START_TEST(the_window_of_the_peer)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 2920);
	do_send(&n, 10 * 1460);
	tcp_net_skip_output(&n);
	tcp_net_pass(&n, 20);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_RWND), 20);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 65000);
	tcp_net_skip_output(&n);
	tcp_net_pass(&n, 10);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_RWND), 20);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_BUSY), 10);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* All that the buffer holds is in the network, and the application waits to write more. */
START_TEST(our_send_buffer)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	tcp_set_sndbuf(tcb(&n), TCP_BUF_MIN);
	tcb(&n)->nodelay = true;
	do_send(&n, TCP_BUF_MIN);
	tcp_net_skip_output(&n);
	struct iovec iov[2];
	int error;
	ck_assert_int_eq(socket_send_reserve(n.stack, n.so, 1, iov, &error), 0);
	tcp_net_pass(&n, 15);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_SNDBUF), 15);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + TCP_BUF_MIN);
	tcp_net_pass(&n, 15);
	ck_assert_int_eq(ms(&n, TCP_LIMIT_SNDBUF), 15);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_limit_suite(void);
Suite *tcp_limit_suite(void)
{
	UNIT_SUITE("tcp_limit", busy_while_text_is_outstanding, the_window_of_the_peer, our_send_buffer);
}
