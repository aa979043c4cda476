/* tcp_tune: buffers follow what is read and what is sent, within bounds, unless they are fixed. */
#include "tcp_net.h"

static struct tcp_net_options tuned(void)
{
	struct tcp_net_options o = tcp_net_modern;

	o.tcp.rcvbuf = 16384;
	o.tcp.rcvbuf_max = 100000;
	o.tcp.sndbuf = 16384;
	o.tcp.sndbuf_max = 100000;
	return o;
}

/* The peer sends and the application reads `bytes`, in one round trip. */
static void round_trip(struct tcp_net *n, uint32_t *seq, uint32_t bytes)
{
	for (uint32_t done = 0; done < bytes; done += 1000) {
		IN(n, TCP_ACK, .seq = *seq, .ack = 1, .len = 1000);
		*seq += 1000;
		do_read(n, 1000);
	}
	tcp_net_pass(n, 50);
	tcp_net_skip_output(n);
}

START_TEST(the_receive_buffer_follows_what_is_read)
{
	struct tcp_net_options o = tuned();
	struct tcp_net n;
	uint32_t seq = 1;
	in_established(&n, &o);
	ck_assert_uint_eq(tcb(&n)->rcvbuf, 16384);
	round_trip(&n, &seq, 6000);
	round_trip(&n, &seq, 1000);
	ck_assert_uint_eq(tcb(&n)->rcvbuf, 16384); /* twice 6000 is less */
	round_trip(&n, &seq, 15000);
	round_trip(&n, &seq, 1000);
	/* Twice as much, and twice the share by which it grew. */
	ck_assert_uint_ge(tcb(&n)->rcvbuf, 28000);
	for (int i = 0; i < 5; i++)
		round_trip(&n, &seq, 80000);
	ck_assert_uint_eq(tcb(&n)->rcvbuf, 100000);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_fixed_buffer_stays)
{
	struct tcp_net_options o = tuned();
	struct tcp_net n;
	uint32_t seq = 1;
	in_established(&n, &o);
	struct socket_option_value v = {.number = 20000};
	ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_SO_RCVBUF, v), 0);
	ck_assert_int_eq(socket_set_option(n.stack, n.so, OPT_SO_SNDBUF, v), 0);
	for (int i = 0; i < 5; i++)
		round_trip(&n, &seq, 18000);
	ck_assert_uint_eq(tcb(&n)->rcvbuf, 20000);
	ck_assert_uint_eq(tcb(&n)->sndbuf, 20000);
	tcp_net_end(&n);
}
END_TEST

START_TEST(the_send_buffer_follows_the_congestion_window)
{
	struct tcp_net_options o = tuned();
	struct tcp_net n;
	in_established(&n, &o);
	do_send(&n, 16384);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 14480);
	tcp_net_skip_output(&n);
	ck_assert_uint_eq(tcb(&n)->sndbuf, u32_min(2 * tcb(&n)->cwnd, 100000));
	ck_assert_uint_gt(tcb(&n)->sndbuf, 16384);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_tune_suite(void);
Suite *tcp_tune_suite(void)
{
	UNIT_SUITE("tcp_tune", the_receive_buffer_follows_what_is_read, a_fixed_buffer_stays,
	           the_send_buffer_follows_the_congestion_window);
}
