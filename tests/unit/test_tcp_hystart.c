/* tcp_hystart: RFC 9406. Rounds are driven by hand: samples, then an ACK beyond the round's end. */
#include "tcp_net.h"

#define MSS 1000u

static struct tcp starting(void)
{
	struct tcp t = {.snd = {.mss = MSS}, .cwnd = 10 * MSS, .ssthresh = UINT32_MAX};

	t.snd.nxt = seq_of(10 * MSS);
	tcp_hystart_reset(&t);
	return t;
}

/* One round in which every RTT sample is rtt_ms. Returns what the last ACK of 8 segments added. */
static uint32_t pass_round(struct tcp *t, int64_t rtt_ms, int samples)
{
	uint32_t grown = 0;

	t->snd.nxt = seq_add(t->snd.nxt, 100 * MSS);
	for (int i = 0; i < samples; i++)
		tcp_hystart_rtt(t, DURATION_MS(rtt_ms));
	grown = tcp_hystart_growth(t, 8 * MSS);
	t->snd.una = t->hystart.round_end;
	tcp_hystart_growth(t, 0);
	t->snd.una = seq_sub(t->snd.nxt, 1);
	return grown;
}

START_TEST(a_steady_rtt_keeps_slow_start)
{
	struct tcp t = starting();

	for (int i = 0; i < 10; i++)
		ck_assert_uint_eq(pass_round(&t, 50, 10), 8 * MSS);
	ck_assert(!t.hystart.css);
	ck_assert_uint_eq(t.ssthresh, UINT32_MAX);
}
END_TEST

START_TEST(a_rise_slows_growth_and_ends_it_after_five_rounds)
{
	struct tcp t = starting();

	pass_round(&t, 50, 10);
	pass_round(&t, 50, 10);
	ck_assert_uint_eq(pass_round(&t, 57, 10), 2 * MSS); /* 50 / 8 = 6.25 ms */
	ck_assert(t.hystart.css);
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_eq(t.ssthresh, UINT32_MAX);
		pass_round(&t, 57, 10);
	}
	ck_assert_uint_eq(t.ssthresh, t.cwnd);
}
END_TEST

START_TEST(a_rise_below_the_threshold_is_nothing)
{
	struct tcp t = starting();

	pass_round(&t, 50, 10);
	ck_assert_uint_eq(pass_round(&t, 56, 10), 8 * MSS);
	ck_assert(!t.hystart.css);
	/* The threshold is at least 4 ms. */
	t = starting();
	pass_round(&t, 8, 10);
	ck_assert_uint_eq(pass_round(&t, 11, 10), 8 * MSS);
	/* and at most 16 */
	t = starting();
	pass_round(&t, 400, 10);
	ck_assert_uint_eq(pass_round(&t, 417, 10), 2 * MSS);
}
END_TEST

START_TEST(few_samples_say_nothing)
{
	struct tcp t = starting();

	pass_round(&t, 50, 10);
	ck_assert_uint_eq(pass_round(&t, 100, 7), 8 * MSS);
}
END_TEST

START_TEST(a_fall_takes_the_rise_back)
{
	struct tcp t = starting();

	pass_round(&t, 50, 10);
	pass_round(&t, 60, 10);
	ck_assert(t.hystart.css);
	pass_round(&t, 50, 10);
	ck_assert(!t.hystart.css);
	ck_assert_uint_eq(t.ssthresh, UINT32_MAX);
}
END_TEST

Suite *tcp_hystart_suite(void);
Suite *tcp_hystart_suite(void)
{
	UNIT_SUITE("tcp_hystart", a_steady_rtt_keeps_slow_start, a_rise_slows_growth_and_ends_it_after_five_rounds,
	           a_rise_below_the_threshold_is_nothing, few_samples_say_nothing, a_fall_takes_the_rise_back);
}
