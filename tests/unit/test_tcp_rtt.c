/* tcp_rtt: RFC 6298, with its own numbers. */
#include "tcp_net.h"

static const struct tcp_layer layer = {.cfg = TCP_CONFIG_DEFAULT};

static struct env env;

static void sample(struct tcp *t, int64_t ms)
{
	struct tcp_layer l = layer;

	l.env = &env;
	tcp_rtt_sample(&l, t, DURATION_MS(ms));
}

/* 2.2: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR. */
START_TEST(first_sample)
{
	struct tcp t = {0};
	sample(&t, 400);
	ck_assert_int_eq(t.srtt.ns, 400 * NS_PER_MS);
	ck_assert_int_eq(t.rttvar.ns, 200 * NS_PER_MS);
	ck_assert_int_eq(t.rto.ns, 1200 * NS_PER_MS);
	ck_assert_int_eq(t.rtt_min.ns, 400 * NS_PER_MS);
}
END_TEST

/* 2.3: RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R'|, then SRTT = 7/8 SRTT + 1/8 R'. */
START_TEST(later_samples)
{
	struct tcp t = {0};
	sample(&t, 400);
	sample(&t, 240);
	ck_assert_int_eq(t.rttvar.ns, 190 * NS_PER_MS);
	ck_assert_int_eq(t.srtt.ns, 380 * NS_PER_MS);
	ck_assert_int_eq(t.rto.ns, (380 + 760) * NS_PER_MS);
	sample(&t, 780);
	ck_assert_int_eq(t.rttvar.ns, 242500000);
	ck_assert_int_eq(t.srtt.ns, 430 * NS_PER_MS);
	ck_assert_int_eq(t.rtt_min.ns, 240 * NS_PER_MS);
}
END_TEST

/* RFC 8985 6.1: the minimum is forgotten when it is old. */
START_TEST(the_minimum_is_of_the_last_minutes)
{
	struct tcp t = {0};
	sample(&t, 10);
	env.now.ns += 200 * NS_PER_S;
	sample(&t, 50);
	ck_assert_int_eq(t.rtt_min.ns, 10 * NS_PER_MS);
	env.now.ns += 101 * NS_PER_S;
	sample(&t, 40);
	ck_assert_int_eq(t.rtt_min.ns, 40 * NS_PER_MS);
	sample(&t, 50);
	ck_assert_int_eq(t.rtt_min.ns, 40 * NS_PER_MS);
}
END_TEST

START_TEST(rto_has_bounds)
{
	struct tcp t = {0};
	sample(&t, 0);
	ck_assert_int_gt(t.srtt.ns, 0);
	ck_assert_int_eq(t.rto.ns, t.srtt.ns + layer.cfg.rto_min.ns);
	t = (struct tcp){0};
	sample(&t, 1000 * 1000);
	ck_assert_int_eq(t.rto.ns, layer.cfg.rto_max.ns);
}
END_TEST

/* 5.5 */
START_TEST(back_off_doubles_up_to_the_maximum)
{
	struct tcp t = {.rto = DURATION_S(1)};
	int64_t want = 1;
	for (unsigned i = 0; i <= UINT8_MAX; i++) {
		t.backoff = (uint8_t)i;
		ck_assert_int_eq(tcp_rto_backed_off(&layer, &t).ns, want * NS_PER_S);
		want = want * 2 > 120 ? 120 : want * 2;
	}
}
END_TEST

/* 3, Karn: a segment that was sent twice gives no sample. */
START_TEST(a_retransmitted_segment_gives_no_sample)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 100);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	duration before = tcb(&n)->srtt;
	tcp_net_pass_until_output(&n, 10000);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	tcp_net_pass(&n, 50);
	IN(&n, TCP_ACK, .seq = 1, .ack = 101);
	ck_assert_int_eq(tcb(&n)->srtt.ns, before.ns);
	tcp_net_end(&n);
}
END_TEST

START_TEST(the_handshake_gives_a_sample)
{
	struct tcp_net n;
	in_syn_sent(&n, &tcp_net_plain);
	tcp_net_pass(&n, 80);
	IN(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert_int_eq(tcb(&n)->srtt.ns, 80 * NS_PER_MS);
	tcp_net_end(&n);
	in_syn_received(&n, &tcp_net_plain);
	tcp_net_pass(&n, 30);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	ck_assert_int_eq(tcb(&n)->srtt.ns, 30 * NS_PER_MS);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_rtt_suite(void);
Suite *tcp_rtt_suite(void)
{
	UNIT_SUITE("tcp_rtt", first_sample, later_samples, the_minimum_is_of_the_last_minutes, rto_has_bounds,
	           back_off_doubles_up_to_the_maximum, a_retransmitted_segment_gives_no_sample,
	           the_handshake_gives_a_sample);
}
