/* tcp_rate: draft-cheng-iccrg-delivery-rate-estimation. */
#include "tcp_net.h"

#define MSS 1460u

/* Ten segments at once; an ACK for each comes every millisecond after a round trip of ten: a segment per ms. */
START_TEST(the_rate_of_the_acknowledgments)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10 * MSS);
	tcp_net_skip_output(&n);
	tcp_net_us(&n, 10000);
	for (uint32_t i = 1; i <= 10; i++) {
		IN(&n, TCP_ACK, .seq = 1, .ack = 1 + i * MSS);
		tcp_net_us(&n, 1000);
	}
	/* Ten segments in the 19 ms from their sending to the last ACK. */
	ck_assert_uint_eq(tcp_rate(tcb(&n)), 10 * MSS * UINT64_C(1000000) / 19000);
	tcp_net_end(&n);
}
END_TEST

/* ACKs that come in a bunch do not make the path faster than the text was sent. */
START_TEST(compressed_acks_do_not_flatter)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	for (int i = 0; i < 10; i++) {
		do_send(&n, MSS);
		tcp_net_us(&n, 1000);
	}
	tcp_net_skip_output(&n);
	tcp_net_us(&n, 10000);
	for (uint32_t i = 1; i <= 10; i++)
		IN(&n, TCP_ACK, .seq = 1, .ack = 1 + i * MSS);
	ck_assert_uint_le(tcp_rate(tcb(&n)), 10 * MSS * UINT64_C(1000000) / 19000);
	ck_assert_uint_gt(tcp_rate(tcb(&n)), 0);
	tcp_net_end(&n);
}
END_TEST

/* A trickle after a burst says nothing of the path: it is marked, and the burst's rate stands. */
START_TEST(a_trickle_does_not_lower_the_rate)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 30 * MSS); /* more than the window: not limited by the application */
	tcp_net_skip_output(&n);
	tcp_net_us(&n, 10000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * MSS);
	ck_assert_uint_eq(tcp_rate(tcb(&n)), 10 * MSS * UINT64_C(100));
	ck_assert(tcb(&n)->rate.sample_app_limited); /* it had been idle */
	tcp_net_skip_output(&n);
	tcp_net_us(&n, 10000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 30 * MSS);
	uint64_t burst = tcp_rate(tcb(&n));
	ck_assert_uint_eq(burst, 20 * MSS * UINT64_C(100));
	ck_assert(!tcb(&n)->rate.sample_app_limited);
	uint32_t sent = 30;
	for (int i = 0; i < 3; i++) {
		do_send(&n, MSS);
		tcp_net_skip_output(&n);
		tcp_net_us(&n, 10000);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1 + ++sent * MSS);
	}
	ck_assert_uint_eq(tcp_rate(tcb(&n)), burst);
	tcp_net_end(&n);
}
END_TEST

START_TEST(only_a_trickle_is_marked)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	for (uint32_t i = 0; i < 3; i++) {
		do_send(&n, MSS);
		OUT(&n, TCP_ACK, .seq = 1 + i * MSS, .ack = 1, .len = MSS);
		tcp_net_us(&n, 10000);
		IN(&n, TCP_ACK, .seq = 1, .ack = 1 + (i + 1) * MSS);
	}
	ck_assert(tcb(&n)->rate.sample_app_limited);
	ck_assert_uint_eq(tcp_rate(tcb(&n)), MSS * UINT64_C(100));
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_rate_suite(void);
Suite *tcp_rate_suite(void)
{
	UNIT_SUITE("tcp_rate", the_rate_of_the_acknowledgments, compressed_acks_do_not_flatter,
	           a_trickle_does_not_lower_the_rate, only_a_trickle_is_marked);
}
