/* tcp_cubic: the curve of RFC 9438 against its formula in floating point, and the decrease. */
#include "tcp_net.h"

#include <math.h>

#define MSS 1000u

static struct tcp after_loss(uint32_t cwnd, int64_t rtt_ms)
{
	struct tcp t = {.snd = {.mss = MSS},
	                .cc = TCP_CC_CUBIC,
	                .cwnd = cwnd,
	                .cwnd_limited = true,
	                .srtt = DURATION_MS(rtt_ms)};

	tcp_cubic_reset(&t);
	t.snd.nxt = seq_of(cwnd);
	tcp_cc_enter_recovery(&t);
	return t;
}

START_TEST(decrease_is_to_seven_tenths)
{
	struct tcp t = after_loss(100 * MSS, 100);

	ck_assert_uint_eq(t.ssthresh, 70 * MSS);
	ck_assert_uint_eq(t.cubic.w_max, 100 * MSS);
}
END_TEST

START_TEST(fast_convergence_gives_way)
{
	struct tcp t = after_loss(100 * MSS, 100);

	t.cwnd = 70 * MSS;
	t.snd.nxt = seq_of(70 * MSS);
	tcp_cc_enter_recovery(&t);
	ck_assert_uint_eq(t.cubic.w_max, 70 * MSS * 17 / 20);
	ck_assert_uint_eq(t.ssthresh, 49 * MSS);
}
END_TEST

/* One ACK for a whole window each RTT follows the cubic function. */
START_TEST(growth_follows_the_curve)
{
	const int64_t rtt = 100;
	struct tcp t = after_loss(1000 * MSS, rtt);
	double k = cbrt((1000.0 - 700.0) / 0.4);

	t.cwnd = t.ssthresh;
	t.last_received = (instant){0};
	for (int64_t ms = 0; ms <= 15000; ms += rtt) {
		t.last_received = (instant){ms * NS_PER_MS};
		for (int i = 0; i < 10; i++) {
			t.cwnd_limited = true;
			tcp_cc_acked(&t, t.cwnd / 10);
		}
		double seconds = (double)(ms + rtt) / 1000.0;
		double want = 1000.0 + 0.4 * pow(seconds - k, 3);
		double have = (double)t.cwnd / MSS;
		ck_assert_msg(fabs(have - want) < 0.02 * want + 2, "at %.1f s: %.1f segments, the curve has %.1f",
		              seconds, have, want);
	}
	ck_assert_uint_gt(t.cwnd, 1000 * MSS);
}
END_TEST

/* 5.8: what passes while the application is the limit does not count. */
START_TEST(an_idle_application_stops_the_clock)
{
	struct tcp t = after_loss(1000 * MSS, 100);
	t.cwnd = t.ssthresh;
	t.last_received = (instant){0};
	for (int64_t ms = 0; ms <= 1000; ms += 100) {
		t.last_received.ns = ms * NS_PER_MS;
		tcp_cc_acked(&t, t.cwnd);
	}
	uint32_t before = t.cwnd;
	t.cwnd_limited = false;
	for (int64_t ms = 1100; ms <= 60000; ms += 100) {
		t.last_received.ns = ms * NS_PER_MS;
		tcp_cc_acked(&t, 10 * MSS);
	}
	ck_assert_uint_eq(t.cwnd, before);
	t.cwnd_limited = true;
	t.last_received.ns += 100 * NS_PER_MS;
	tcp_cc_acked(&t, t.cwnd);
	ck_assert_uint_lt(t.cwnd, before + before / 20);
}
END_TEST

/* In a short network the Reno-friendly estimate is above the curve, and 4.3 holds: 0.53 segments an RTT. */
START_TEST(reno_friendly_region)
{
	struct tcp t = after_loss(20 * MSS, 1);

	t.cwnd = t.ssthresh;
	for (int64_t ms = 0; ms < 10; ms++) {
		t.last_received = (instant){ms * NS_PER_MS};
		t.cwnd_limited = true;
		tcp_cc_acked(&t, t.cwnd);
	}
	ck_assert_uint_ge(t.cwnd, 14 * MSS + 5 * MSS);
	ck_assert_uint_le(t.cwnd, 14 * MSS + 6 * MSS);
}
END_TEST

Suite *tcp_cubic_suite(void);
Suite *tcp_cubic_suite(void)
{
	UNIT_SUITE("tcp_cubic", decrease_is_to_seven_tenths, fast_convergence_gives_way, growth_follows_the_curve,
	           an_idle_application_stops_the_clock, reno_friendly_region);
}
