/* tcp_urgent: where the mark lies among the bytes that are yet to be delivered. The rules of RFC 9293 are in
 * test_tcp_requirements.c. */
#include "tcp_net.h"

START_TEST(ahead_of_the_next_delivery)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_uint_eq(socket_urgent_ahead(n.so), 0);
	n.channel_max = 0; /* nothing is taken */
	IN(&n, TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .len = 10, .urg = 4);
	ck_assert_uint_eq(socket_urgent_ahead(n.so), 4);
	/* More of it is announced than has come. */
	IN(&n, TCP_ACK | TCP_URG, .seq = 11, .ack = 1, .len = 10, .urg = 50);
	ck_assert_uint_eq(socket_urgent_ahead(n.so), 60);
	tcp_net_reload(&n);
	ck_assert_uint_eq(socket_urgent_ahead(n.so), 60);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* In the channel it is out of our hands, though the application has not read it. */
START_TEST(not_once_it_is_in_the_channel)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	n.channel_max = 3;
	IN(&n, TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .len = 10, .urg = 4);
	ck_assert_uint_eq(n.received, 3);
	ck_assert_uint_eq(socket_urgent_ahead(n.so), 1);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 4);
	n.channel_max = UINT32_MAX;
	stack_offer(n.stack, n.so);
	tcp_net_turn(&n);
	ck_assert_uint_eq(n.received, 10);
	ck_assert_uint_eq(socket_urgent_ahead(n.so), 0);
	ck_assert_uint_eq(tcp_urgent_queued(tcb(&n)), 4);
	/* A FIN behind it takes no place among the bytes. */
	n.channel_max = n.held;
	IN(&n, TCP_ACK | TCP_URG | TCP_FIN, .seq = 11, .ack = 1, .len = 5, .urg = 5);
	ck_assert_uint_eq(socket_urgent_ahead(n.so), 5);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(sending_by_the_socket)
{
	struct tcp_net n;
	struct socket *udp;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	struct iovec iov[2];
	int error;
	ck_assert_int_eq(socket_send_reserve(n.stack, n.so, 1, iov, &error), 1);
	*(uint8_t *)iov[0].iov_base = tcp_net_byte(true, 11);
	socket_send_commit(n.stack, n.so, 1);
	n.written = 11;
	socket_send_urgent(n.stack, n.so);
	tcp_net_turn(&n);
	ck_assert_uint_eq(OUT(&n, TCP_ACK | TCP_URG, .seq = 11, .ack = 1, .len = 1)->urg, 1);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 0, 1, &udp), 0);
	socket_send_urgent(n.stack, udp); /* means nothing there */
	ck_assert_uint_eq(socket_urgent_ahead(udp), 0);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_urgent_suite(void);
Suite *tcp_urgent_suite(void)
{
	UNIT_SUITE("tcp_urgent", ahead_of_the_next_delivery, not_once_it_is_in_the_channel, sending_by_the_socket);
}
