/* TIME-WAIT: how a new incarnation opens (RFC 6191), and what becomes of old duplicates (RFC 1337). */
#include "tcp_net.h"

/* A connection of a listener in TIME-WAIT whose next numbers are 2 (ours) and peer_next. */
static void in_accepted_time_wait(struct tcp_net *n, const struct tcp_net_options *opt, uint32_t text)
{
	in_accepted(n, opt);
	if (text) {
		IN(n, TCP_ACK, .seq = 1, .ack = 1, .len = text);
		OUT(n, TCP_ACK, .seq = 1, .ack = 1 + text);
		do_read(n, text);
	}
	do_close(n, false);
	OUT(n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 1 + text);
	IN(n, TCP_FIN | TCP_ACK, .seq = 1 + text, .ack = 2);
	OUT(n, TCP_ACK, .seq = 2, .ack = 2 + text);
	EXPECT_STATE(n, TCP_TIME_WAIT);
	tcp_net_pass(n, 10);
	n->ts_on = false;
}

/* RFC 9293 3.10.7.4 and RFC 6191 2, each case of its list. What is not honoured gets the ACK of RFC 5961 4.2 where
 * RFC 6191 would be silent: RFC 9293 3.10.7.4 asks for it, and it ends a half-open connection. */
START_TEST(time_wait_is_reused_by_a_later_syn)
{
	static const struct {
		const char *rule;
		bool was, is;  /* timestamps of the former and the new incarnation */
		int32_t later; /* than TS.Recent, in ticks */
		uint32_t seq;  /* the FIN stood at 101 */
		bool honoured;
	} row[] = {
	        {"timestamp greater", true, true, 1, 0, true},
	        {"timestamp equal, sequence number greater", true, true, 0, 102, true},
	        {"timestamp equal, sequence number the last", true, true, 0, 101, false},
	        {"timestamp less", true, true, -1, 5000, false},
	        {"no timestamp, sequence number greater", true, false, 0, 102, true},
	        {"no timestamp, sequence number the last", true, false, 0, 101, false},
	        {"timestamps are new", false, true, 0, 0, true},
	        {"never a timestamp, sequence number greater", false, false, 0, 102, true},
	        {"never a timestamp, sequence number the last", false, false, 0, 101, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct tcp_net_options opt = tcp_net_modern;
		struct tcp_net n;
		opt.peer_ts = row[i].was;
		in_accepted_time_wait(&n, &opt, 100);
		struct tseg syn = {.flags = TCP_SYN, .seq = row[i].seq, .mss = 1460, .has_ts = row[i].is};
		syn.tsval = tcb(&n)->ts_recent + (uint32_t)row[i].later;
		uint32_t last = n.iss + 1;
		if (row[i].honoured)
			n.iss_known = false;
		tcp_net_push(&n, syn);
		tcp_net_turn(&n);
		ck_assert_msg(tcp_net_gone(&n) == row[i].honoured, "%s", row[i].rule);
		ck_assert_uint_eq(CNT(&n, TcpTimeWaitReused), row[i].honoured);
		if (row[i].honoured) {
			OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = row[i].seq + 1);
			ck_assert_int_gt((int32_t)(n.iss - last), 0); /* RFC 9293 3.6.1, MAY-2 (1) */
		} else {
			OUT(&n, TCP_ACK, .seq = 2, .ack = 102);
		}
		tcp_net_end(&n);
	}
}
END_TEST

/* RFC 6191 2, note: timestamps of the new incarnation need the listener's consent, too. */
START_TEST(a_listener_without_timestamps)
{
	struct tcp_net n;
	in_accepted_time_wait(&n, &tcp_net_modern, 100);
	n.listener->tcp.knob.timestamps = false;
	uint32_t later = tcb(&n)->ts_recent + 1;
	IN(&n, TCP_SYN, .seq = 101, .mss = 1460, .has_ts = true, .tsval = later);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 102);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	n.iss_known = false;
	IN(&n, TCP_SYN, .seq = 102, .mss = 1460, .has_ts = true, .tsval = later);
	ck_assert(!OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 103)->has_ts);
	tcp_net_end(&n);
}
END_TEST

/* MAY-2 (1) again: a connection that sent faster than the clock of the ISN ticks. */
START_TEST(a_new_incarnation_begins_above_the_old_one)
{
	struct tcp_net n;
	in_accepted(&n, &tcp_net_plain);
	uint32_t sent = 1;
	for (int i = 0; i < 100; i++) { /* 1 MB in no time; the clock ticks 4 us */
		do_send(&n, 10000);
		sent += 10000;
		tcp_net_skip_output(&n);
		for (int j = 0; j < 4 && tcb(&n)->snd.una.n - n.iss != sent; j++) {
			IN(&n, TCP_ACK, .seq = 1, .ack = tcb(&n)->snd.nxt.n - n.iss);
			tcp_net_skip_output(&n);
		}
	}
	do_close(&n, false);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = sent, .ack = 1);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = sent + 1);
	OUT(&n, TCP_ACK, .seq = sent + 1, .ack = 2);
	uint32_t last = n.iss + sent;
	n.iss_known = false;
	IN(&n, TCP_SYN, .seq = 2);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 3);
	ck_assert_int_gt((int32_t)(n.iss - last), 0);
	tcp_net_end(&n);
}
END_TEST

/* A listener without room does not cost the old incarnation its TIME-WAIT. */
START_TEST(time_wait_stays_when_the_listener_is_full)
{
	struct tcp_net n;
	in_accepted_time_wait(&n, &tcp_net_plain, 0);
	ck_assert_int_eq(socket_listen(n.stack, n.listener, 1), 0);
	BATCH(&n, TCP_SYN, .seq = 0, .peer_port = 7001);
	tcp_net_turn(&n);
	uint32_t iss = n.sent[0].seq + n.iss;
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = iss + 1 - n.iss, .peer_port = 7001);
	tcp_net_skip_output(&n);
	ck_assert_uint_eq(n.listener->tcp.accept_count, 1);
	IN(&n, TCP_SYN, .seq = 5000);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.10.7.4 and RFC 1337: what TIME-WAIT does with old duplicates. */
START_TEST(old_duplicates_in_time_wait)
{
	for (int modern = 0; modern < 2; modern++) {
		struct tcp_net n;
		in_time_wait(&n, modern ? &tcp_net_modern : &tcp_net_plain);
		tcp_net_pass(&n, 30000);
		IN(&n, TCP_ACK, .seq = 0xfffffff0, .ack = 2, .len = 10); /* text */
		OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
		IN(&n, TCP_ACK, .seq = 0xfffffff0, .ack = 1); /* a bare ACK */
		OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
		IN(&n, TCP_FIN | TCP_ACK, .seq = 0xfffffff0, .ack = 1); /* a FIN of an older incarnation */
		OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
		IN(&n, TCP_RST, .seq = 2); /* RFC 1337 4, fix F1 */
		IN(&n, TCP_RST | TCP_ACK, .seq = 2, .ack = 2);
		IN(&n, TCP_RST, .seq = 0xfffffff0);
		OUT_NOTHING(&n);
		EXPECT_STATE(&n, TCP_TIME_WAIT);
		ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT),
		                 30000); /* only the FIN of this one restarts it */
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(time_wait_without_a_listener_is_not_reused)
{
	struct tcp_net n;
	in_time_wait(&n, &tcp_net_plain);
	IN(&n, TCP_SYN, .seq = 5000);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_end(&n);
}
END_TEST

/* Whatever FIN restarts it, the time is the connection's own. */
START_TEST(time_wait_of_its_own_length)
{
	static const uint32_t seq[] = {1, 2}; /* the FIN again; one behind it */

	for (size_t i = 0; i < ARRAY_LEN(seq); i++) {
		struct tcp_net n;
		in_time_wait(&n, &tcp_net_plain);
		tcb(&n)->knob.time_wait = DURATION_S(5);
		IN(&n, TCP_FIN | TCP_ACK, .seq = seq[i], .ack = 2);
		OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
		ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), 5000);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(time_wait_answers_a_fin_again)
{
	struct tcp_net n;
	in_time_wait(&n, &tcp_net_plain);
	tcp_net_pass(&n, 50000);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), 60000);
	tcp_net_pass(&n, 59999);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	tcp_net_pass(&n, 1);
	EXPECT_STATE(&n, TCP_CLOSED);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_time_wait_suite(void);
Suite *tcp_time_wait_suite(void)
{
	UNIT_SUITE("tcp_time_wait", time_wait_is_reused_by_a_later_syn, a_listener_without_timestamps,
	           a_new_incarnation_begins_above_the_old_one, time_wait_stays_when_the_listener_is_full,
	           old_duplicates_in_time_wait, time_wait_without_a_listener_is_not_reused, time_wait_of_its_own_length,
	           time_wait_answers_a_fin_again);
}
