/* socket: the calls of the sockets API over both protocols. */
#include "tcp_net.h"

static struct endpoint at(const char *text, uint16_t port)
{
	return (struct endpoint){addr(text), port};
}

static struct socket *open_udp(struct tcp_net *n)
{
	struct socket *so;

	ck_assert_int_eq(socket_open(n->stack, SOCKET_UDP, IP_V4, 0, 1, &so), 0);
	return so;
}

START_TEST(a_fresh_socket)
{
	struct tcp_net n;
	struct endpoint local, peer;
	struct socket *so;
	tcp_net_begin(&n, &tcp_net_plain);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_TCP, IP_V4, 42, 4242, &so), 0);
	ck_assert(so->owned && so->uid == 42 && so->pid == 4242);
	ck_assert_int_eq(so->opened.ns, n.env.now.ns);
	socket_names(so, &local, &peer);
	ck_assert_uint_eq(local.addr.family, IP_V4);
	ck_assert_uint_eq(local.port, 0);
	ck_assert_uint_eq(peer.port, 0);
	ck_assert_int_eq(socket_state(so), TCP_CLOSED);
	ck_assert_uint_eq(socket_recv_queued(so), 0);
	ck_assert_uint_eq(socket_send_queued(so), 0);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_PING, IP_V6, 0, 1, &so), EAFNOSUPPORT);
	ck_assert_int_eq(socket_open_raw(n.stack, 1, IP_V6, 0, 1, &so), EAFNOSUPPORT);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, 0, 0, 1, &so), EAFNOSUPPORT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(calls_of_the_wrong_protocol)
{
	struct tcp_net n;
	struct socket *child;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *tcp = tcp_net_open(&n), *udp = open_udp(&n);
	ck_assert_int_eq(socket_listen(n.stack, udp, 1), EOPNOTSUPP);
	ck_assert_int_eq(socket_accept(n.stack, udp, &child), EINVAL);
	ck_assert_int_eq(socket_accept(n.stack, tcp, &child), EINVAL);
	ck_assert_int_eq(socket_send_datagram(n.stack, tcp, at(PEER, 1), NULL, "x", 1), EOPNOTSUPP);
	ck_assert_int_eq(socket_shutdown(n.stack, udp, true, true), ENOTCONN);
	struct endpoint v6 = {.addr = {.family = IP_V6}, .port = 80};
	ck_assert_int_eq(socket_bind(n.stack, tcp, v6), EAFNOSUPPORT);
	ck_assert_int_eq(socket_connect(n.stack, tcp, v6), EAFNOSUPPORT);
	ck_assert_int_eq(socket_connect(n.stack, udp, v6), EAFNOSUPPORT);
	ck_assert_int_eq(socket_send_datagram(n.stack, udp, v6, NULL, "x", 1), EAFNOSUPPORT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(names)
{
	struct tcp_net n;
	struct endpoint local, peer;
	in_established(&n, &tcp_net_plain);
	socket_names(n.so, &local, &peer);
	ck_assert(endpoint_eq(peer, at(PEER, PEER_PORT)));
	ck_assert(endpoint_eq(local, at(US, n.port)));
	/* They stay for those who ask after the end. */
	IN(&n, TCP_RST, .seq = 1);
	socket_names(n.so, &local, &peer);
	ck_assert(endpoint_eq(peer, at(PEER, PEER_PORT)));
	ck_assert(endpoint_eq(local, at(US, n.port)));
	tcp_net_end(&n);
}
END_TEST

START_TEST(udp_connects_and_disconnects)
{
	struct tcp_net n;
	struct endpoint local, peer;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = open_udp(&n);
	ck_assert_int_eq(socket_connect(n.stack, so, at(PEER, 53)), 0);
	ck_assert_int_eq(socket_state(so), TCP_ESTABLISHED);
	ck_assert_int_eq(socket_shutdown(n.stack, so, true, false), 0);
	ck_assert(so->dgram.input_shut);
	ck_assert_int_eq(socket_connect(n.stack, so, (struct endpoint){0}), 0);
	ck_assert_int_eq(socket_state(so), TCP_CLOSED);
	socket_names(so, &local, &peer);
	ck_assert_uint_eq(peer.port, 0);
	tcp_net_end(&n);
}
END_TEST

START_TEST(errors_are_read_once)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_RST, .seq = 1);
	ck_assert_int_eq(socket_take_error(n.so), ECONNRESET);
	ck_assert_int_eq(socket_take_error(n.so), 0);
	tcp_net_end(&n);
}
END_TEST

/* An application that closes leaves an orphan; a connection that ended stays until the application closes. */
START_TEST(both_must_let_go)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_close(&n, false);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
	ck_assert(!n.so->owned && !n.so->channel && !n.so->cookie);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
	ck_assert(!tcp_net_gone(&n));
	tcp_net_pass(&n, 60000);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_RST, .seq = 1);
	tcp_net_pass(&n, 600000);
	ck_assert(!tcp_net_gone(&n));
	do_close(&n, false);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
}
END_TEST

START_TEST(queues)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	n.channel_max = 40;
	do_send(&n, 70);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	ck_assert_uint_eq(socket_recv_queued(n.so), 100); /* the channel's part included */
	ck_assert_uint_eq(socket_send_queued(n.so), 70);
	do_read(&n, 40);
	ck_assert_uint_eq(socket_recv_queued(n.so), 60);
	IN(&n, TCP_ACK, .seq = 101, .ack = 71);
	ck_assert_uint_eq(socket_send_queued(n.so), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *socket_suite(void);
Suite *socket_suite(void)
{
	UNIT_SUITE("socket", a_fresh_socket, calls_of_the_wrong_protocol, names, udp_connects_and_disconnects,
	           errors_are_read_once, both_must_let_go, queues);
}
