/* tcp_cc: RFC 5681 in arithmetic, and the initial window of RFC 6928. */
#include "tcp_net.h"

#define MSS 1000u

static struct tcp flying(uint32_t cwnd, uint32_t ssthresh, uint32_t flight)
{
	return (struct tcp){.snd = {.mss = MSS, .nxt = {flight}},
	                    .cwnd = cwnd,
	                    .ssthresh = ssthresh,
	                    .cwnd_limited = true,
	                    .knob.initial_window = 10,
	                    .pipe = flight};
}

START_TEST(initial_window)
{
	static const struct {
		uint8_t segments;
		uint16_t mss;
		uint32_t cwnd;
	} row[] = {{10, 1460, 14600}, {10, 536, 5360}, {10, 8960, 17920}, {10, 2190, 14600},
	           {1, 1460, 1460},   {1, 8960, 8960}, {3, 1460, 4380},   {40, 1460, 58400}};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp t = {.snd = {.mss = row[i].mss}, .knob.initial_window = row[i].segments};
		tcp_cc_init(&t);
		ck_assert_uint_eq(t.cwnd, row[i].cwnd);
		ck_assert_uint_eq(t.ssthresh, UINT32_MAX);
	}
}
END_TEST

START_TEST(slow_start_grows_by_what_is_acknowledged)
{
	struct tcp t = flying(10 * MSS, UINT32_MAX, 10 * MSS);
	tcp_cc_acked(&t, 3 * MSS);
	ck_assert_uint_eq(t.cwnd, 13 * MSS);
	tcp_cc_acked(&t, 500);
	ck_assert_uint_eq(t.cwnd, 13 * MSS + 500);
}
END_TEST

START_TEST(congestion_avoidance_grows_by_a_segment_a_window)
{
	struct tcp t = flying(10 * MSS, 10 * MSS, 10 * MSS);
	for (int i = 0; i < 9; i++)
		tcp_cc_acked(&t, MSS);
	ck_assert_uint_eq(t.cwnd, 10 * MSS);
	tcp_cc_acked(&t, MSS);
	ck_assert_uint_eq(t.cwnd, 11 * MSS);
	/* One ACK that crosses ssthresh counts partly here, partly there. */
	t = flying(9 * MSS, 10 * MSS, 10 * MSS);
	tcp_cc_acked(&t, 4 * MSS);
	ck_assert_uint_eq(t.cwnd, 10 * MSS);
	ck_assert_uint_eq(t.cwnd_acked, 3 * MSS);
}
END_TEST

START_TEST(a_window_that_is_not_used_does_not_grow)
{
	struct tcp t = flying(10 * MSS, UINT32_MAX, MSS);
	t.cwnd_limited = false;
	tcp_cc_acked(&t, MSS);
	ck_assert_uint_eq(t.cwnd, 10 * MSS);
	t.cwnd_limited = true;
	t.recovery = TCP_RECOVERY;
	tcp_cc_acked(&t, MSS);
	ck_assert_uint_eq(t.cwnd, 10 * MSS);
}
END_TEST

/* eqn. 4: half of what is in flight, and at least two segments. */
START_TEST(recovery_halves_the_flight)
{
	struct tcp t = flying(20 * MSS, UINT32_MAX, 16 * MSS);
	tcp_cc_enter_recovery(&t);
	ck_assert_uint_eq(t.ssthresh, 8 * MSS);
	ck_assert_uint_eq(t.cwnd, 8 * MSS);
	t = flying(20 * MSS, UINT32_MAX, 3 * MSS);
	tcp_cc_enter_recovery(&t);
	ck_assert_uint_eq(t.ssthresh, 2 * MSS);
}
END_TEST

/* 3.1: loss window of one segment; ssthresh is held when the same segment times out again. */
START_TEST(a_timeout_leaves_one_segment)
{
	struct tcp t = flying(20 * MSS, UINT32_MAX, 20 * MSS);
	tcp_cc_timeout(&t, true);
	ck_assert_uint_eq(t.ssthresh, 10 * MSS);
	ck_assert_uint_eq(t.cwnd, MSS);
	t.snd.nxt.n = 2 * MSS;
	tcp_cc_timeout(&t, false);
	ck_assert_uint_eq(t.ssthresh, 10 * MSS);
	ck_assert_uint_eq(t.cwnd, MSS);
}
END_TEST

/* 4.1 */
START_TEST(an_idle_connection_restarts)
{
	struct env env = unit_env(1);
	struct tcp_layer l = {.env = &env};
	struct tcp t = flying(100 * MSS, UINT32_MAX, 0);
	t.rto = DURATION_MS(200);
	t.stat.data_sent = (instant){0};
	env.now = (instant){200 * NS_PER_MS};
	tcp_cc_after_idle(&l, &t);
	ck_assert_uint_eq(t.cwnd, 100 * MSS);
	env.now.ns++;
	tcp_cc_after_idle(&l, &t);
	ck_assert_uint_eq(t.cwnd, 10 * MSS);
	t.cwnd = 3 * MSS;
	tcp_cc_after_idle(&l, &t);
	ck_assert_uint_eq(t.cwnd, 3 * MSS);
	/* Large segments: no more than their initial window, which is two (RFC 6928 2). */
	t.snd.mss = 8960;
	t.cwnd = 30 * 8960;
	tcp_cc_after_idle(&l, &t);
	ck_assert_uint_eq(t.cwnd, 2 * 8960);
}
END_TEST

START_TEST(the_window_is_bounded)
{
	struct tcp t = flying(TCP_BUF_MAX - 10, UINT32_MAX, TCP_BUF_MAX);
	tcp_cc_acked(&t, 100 * MSS);
	ck_assert_uint_eq(t.cwnd, TCP_BUF_MAX);
}
END_TEST

/* The pause is over when a request comes: its acknowledgment, sent at once, is not what ends the pause. */
START_TEST(a_request_after_a_pause)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10 * 1460);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * 1460);
	ck_assert_uint_eq(tcb(&n)->cwnd, 20 * 1460);
	tcp_net_pass(&n, 2000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 10 * 1460, .len = 100);
	OUT(&n, TCP_ACK, .seq = 1 + 10 * 1460, .ack = 101);
	do_send(&n, 30 * 1460);
	ck_assert_uint_eq(tcb(&n)->cwnd, 10 * 1460);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* On the wire: ten segments, then two for each one acknowledged. */
START_TEST(slow_start_on_the_wire)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 60 * 1460);
	for (uint32_t i = 0; i < 10; i++)
		OUT(&n, TCP_ACK, .seq = 1 + i * 1460, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 2 * 1460);
	for (uint32_t i = 10; i < 14; i++)
		OUT(&n, TCP_ACK, .seq = 1 + i * 1460, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_cc_suite(void);
Suite *tcp_cc_suite(void)
{
	UNIT_SUITE("tcp_cc", initial_window, slow_start_grows_by_what_is_acknowledged,
	           congestion_avoidance_grows_by_a_segment_a_window, a_window_that_is_not_used_does_not_grow,
	           recovery_halves_the_flight, a_timeout_leaves_one_segment, an_idle_connection_restarts,
	           a_request_after_a_pause, the_window_is_bounded, slow_start_on_the_wire);
}
