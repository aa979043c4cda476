/* tcp_prr: RFC 6937, its two regimes. */
#include "tcp_net.h"

#define MSS 1000u

static struct tcp recovering(uint32_t flight, uint32_t pipe, uint32_t ssthresh)
{
	struct tcp t = {
	        .snd = {.mss = MSS, .nxt = {flight}}, .pipe = pipe, .ssthresh = ssthresh, .recovery = TCP_RECOVERY};

	tcp_prr_begin(&t);
	return t;
}

START_TEST(proportional_while_the_pipe_is_above_ssthresh)
{
	struct tcp t = recovering(100 * MSS, 99 * MSS, 50 * MSS);
	uint32_t sent = 0;

	/* Each ACK delivers a segment: one goes out for every two. */
	for (int i = 0; i < 40; i++) {
		t.pipe -= MSS;
		tcp_prr_acked(&t, MSS);
		while (t.cwnd >= t.pipe + MSS) {
			t.pipe += MSS;
			tcp_prr_sent(&t, MSS);
			sent++;
		}
	}
	ck_assert_uint_ge(sent, 19);
	ck_assert_uint_le(sent, 21);
}
END_TEST

START_TEST(slow_start_bound_below_ssthresh)
{
	struct tcp t = recovering(100 * MSS, 20 * MSS, 50 * MSS);

	t.pipe -= MSS;
	tcp_prr_acked(&t, MSS);
	ck_assert_uint_eq(t.cwnd, 19 * MSS + 2 * MSS);
	/* Never beyond ssthresh. */
	t.pipe = 49 * MSS + 500;
	tcp_prr_acked(&t, 10 * MSS);
	ck_assert_uint_eq(t.cwnd, 50 * MSS);
}
END_TEST

START_TEST(only_what_is_sent_in_recovery_counts)
{
	struct tcp t = recovering(10 * MSS, 9 * MSS, 5 * MSS);

	tcp_prr_sent(&t, MSS);
	ck_assert_uint_eq(t.prr.out, MSS);
	t.recovery = TCP_OPEN;
	tcp_prr_sent(&t, MSS);
	ck_assert_uint_eq(t.prr.out, MSS);
}
END_TEST

Suite *tcp_prr_suite(void);
Suite *tcp_prr_suite(void)
{
	UNIT_SUITE("tcp_prr", proportional_while_the_pipe_is_above_ssthresh, slow_start_bound_below_ssthresh,
	           only_what_is_sent_in_recovery_counts);
}
