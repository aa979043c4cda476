/* tcp_info: the figures of TCP_INFO follow what goes over the wire. */
#include "tcp_net.h"
#include "transport/tcp_info.h"

static struct tcp_info info(struct tcp_net *n, struct socket *so)
{
	struct tcp_info i;

	socket_tcp_info(n->stack, so, &i);
	return i;
}

START_TEST(before_anything_has_happened)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct tcp_info i = info(&n, tcp_net_open(&n));
	ck_assert_int_eq(i.state, TCP_CLOSED);
	ck_assert_uint_eq(i.rtt, 0);
	ck_assert_uint_eq(i.min_rtt, 0);
	ck_assert_uint_eq(i.delivery_rate, 0);
	ck_assert_uint_eq(i.last_data_sent, 0);
	ck_assert_uint_eq(i.snd_ssthresh, TCP_INFO_NO_SSTHRESH);
	ck_assert_uint_eq(i.rto, 1000000);
	ck_assert_uint_eq(i.ato, 40000);
	ck_assert_uint_eq(i.pacing_rate, UINT64_MAX);
	ck_assert(!i.timestamps && !i.sack && !i.window_scale && !i.ecn);
	tcp_net_end(&n);
}
END_TEST

/* The queue of accept and its bound, as ss shows them. */
START_TEST(a_listener)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 5);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	ck_assert_uint_eq(info(&n, n.listener).unacked, 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	struct tcp_info i = info(&n, n.listener);
	ck_assert_int_eq(i.state, TCP_LISTEN);
	ck_assert_uint_eq(i.unacked, 1);
	ck_assert_uint_eq(i.sacked, 5);
	tcp_net_end(&n);
}
END_TEST

START_TEST(options_in_force)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	struct tcp_info i = info(&n, n.so);
	ck_assert(i.timestamps && i.sack && i.window_scale && !i.ecn);
	ck_assert_uint_eq(i.snd_wscale, 7);
	ck_assert_uint_eq(i.rcv_wscale, tcb(&n)->rcv.wind_shift);
	ck_assert_uint_eq(i.snd_mss, 1448);
	ck_assert_uint_eq(i.advmss, 1460);
	ck_assert_uint_eq(i.pmtu, 1500);
	ck_assert_uint_eq(i.snd_wnd, 65535);
	ck_assert_uint_eq(i.snd_cwnd, 10);
	tcp_net_end(&n);
	in_established(&n, &tcp_net_plain);
	i = info(&n, n.so);
	ck_assert(!i.timestamps && !i.sack && !i.window_scale);
	ck_assert_uint_eq(i.snd_wscale, 0);
	ck_assert_uint_eq(i.rcv_wscale, 0);
	tcp_net_end(&n);
}
END_TEST

/* Five segments go; the third arrives, the second is found lost and goes again, with the tail. */
START_TEST(segments_in_flight)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 5 * 1448);
	tcp_net_skip_output(&n);
	struct tcp_info i = info(&n, n.so);
	ck_assert_uint_eq(i.unacked, 5);
	ck_assert_uint_eq(i.data_segs_out, 5);
	ck_assert_uint_eq(i.bytes_sent, 5 * 1448);
	ck_assert_uint_eq(i.notsent_bytes, 0);
	ck_assert_int_eq(i.ca_state, TCP_CA_OPEN);
	tcp_net_us(&n, 20000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + 2 * 1448, 1 + 3 * 1448}});
	i = info(&n, n.so);
	ck_assert_int_eq(i.ca_state, TCP_CA_DISORDER);
	ck_assert_uint_eq(i.sacked, 1);
	ck_assert_uint_eq(i.delivered, 2); /* and our SYN */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1 + 2 * 1448, 1 + 5 * 1448}});
	i = info(&n, n.so);
	ck_assert_int_eq(i.ca_state, TCP_CA_RECOVERY);
	ck_assert_uint_eq(i.unacked, 5);
	ck_assert_uint_eq(i.sacked, 3);
	ck_assert_uint_eq(i.lost + i.retrans, 2);
	ck_assert_uint_ge(i.retrans, 1);
	ck_assert_uint_ge(i.total_retrans, i.retrans); /* a tail loss probe among them */
	ck_assert_uint_eq(i.bytes_retrans, i.total_retrans * 1448);
	ck_assert_uint_eq(i.bytes_sent, 5 * 1448 + i.bytes_retrans);
	ck_assert_uint_lt(i.snd_ssthresh, TCP_INFO_NO_SSTHRESH);
	tcp_net_skip_output(&n);
	tcp_net_us(&n, 20000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 5 * 1448);
	i = info(&n, n.so);
	ck_assert_uint_eq(i.unacked, 0);
	ck_assert_uint_eq(i.sacked + i.lost + i.retrans, 0);
	ck_assert_uint_eq(i.bytes_acked, 5 * 1448);
	ck_assert_uint_eq(i.delivered, 6);
	ck_assert_int_eq(i.ca_state, TCP_CA_OPEN);
	tcp_net_end(&n);
}
END_TEST

START_TEST(timeouts_and_duplicates)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 1448);
	tcp_net_skip_output(&n);
	tcp_net_pass(&n, 1500);
	tcp_net_skip_output(&n);
	struct tcp_info i = info(&n, n.so);
	ck_assert_int_eq(i.ca_state, TCP_CA_LOSS);
	ck_assert_uint_ge(i.retransmits, 1);
	ck_assert_uint_eq(i.retransmits, i.backoff);
	ck_assert_uint_gt(i.rto, 200000);
	ck_assert_uint_eq(i.snd_cwnd, 1);
	/* The peer had it all the time. */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1449, .sacks = 1, .sack = {{1, 1449}});
	i = info(&n, n.so);
	ck_assert_uint_eq(i.dsack_dups, 1);
	ck_assert_uint_eq(i.retransmits, 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(what_comes)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	ck_assert_uint_eq(info(&n, n.so).rcv_mss, 536);
	tcp_net_pass(&n, 100);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1000);
	IN(&n, TCP_ACK, .seq = 2001, .ack = 1, .len = 500);
	tcp_net_skip_output(&n);
	struct tcp_info i = info(&n, n.so);
	ck_assert_uint_eq(i.rcv_mss, 1000);
	ck_assert_uint_eq(i.data_segs_in, 2);
	ck_assert_uint_eq(i.segs_in, 3);
	ck_assert_uint_eq(i.bytes_received, 1000);
	ck_assert_uint_eq(i.rcv_ooopack, 1);
	ck_assert_uint_eq(i.last_data_recv, 0);
	ck_assert_uint_eq(i.last_data_sent, 100); /* none yet: since ESTABLISHED */
	tcp_net_pass(&n, 250);
	i = info(&n, n.so);
	ck_assert_uint_eq(i.last_data_recv, 250);
	ck_assert_uint_eq(i.last_ack_recv, 250);
	IN(&n, TCP_ACK, .seq = 1001, .ack = 1, .len = 1000);
	ck_assert_uint_eq(info(&n, n.so).bytes_received, 2500);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* A later segment is delivered first, and it was the network, not a loss. */
START_TEST(reordering_is_seen)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 2 * 1448);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .sacks = 1, .sack = {{1449, 2897}});
	ck_assert_uint_eq(info(&n, n.so).reord_seen, 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 2897);
	ck_assert_uint_eq(info(&n, n.so).reord_seen, 1);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(congestion_marks)
{
	struct tcp_net_options o = tcp_net_plain;
	struct tcp_net n;
	o.tcp.ecn = TCP_ECN_ON;
	in_listen(&n, &o, 5);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN | TCP_ECE | TCP_CWR));
	tcp_net_turn(&n);
	OUT_ANY(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	do_accept(&n);
	ck_assert(info(&n, n.so).ecn && !info(&n, n.so).ecn_seen);
	do_send(&n, 4 * 1460);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK | TCP_ECE, .seq = 1, .ack = 1 + 2 * 1460);
	struct tcp_info i = info(&n, n.so);
	ck_assert_uint_eq(i.delivered_ce, 2);
	ck_assert_uint_eq(i.delivered, 3);
	ck_assert_int_eq(i.ca_state, TCP_CA_CWR);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 2 * 1460, .len = 10, .tos = 2);
	ck_assert(info(&n, n.so).ecn_seen);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* Every figure survives a restart. */
START_TEST(a_reload_changes_nothing)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 8 * 1448);
	tcp_net_us(&n, 30000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1449, .len = 100, .sacks = 1, .sack = {{1 + 3 * 1448, 1 + 6 * 1448}});
	tcp_net_skip_output(&n);
	tcp_net_us(&n, 30000);
	struct tcp_info before = info(&n, n.so);
	tcp_net_reload(&n);
	struct tcp_info after = info(&n, n.so);
#define SAME(type, name) ck_assert_uint_eq(before.name, after.name);
	TCP_INFO_FIELDS(SAME)
#undef SAME
	ck_assert_int_eq(before.state, after.state);
	ck_assert_int_eq(before.ca_state, after.ca_state);
	ck_assert_uint_gt(after.delivery_rate, 0);
	ck_assert_uint_gt(after.busy_time, 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_info_suite(void);
Suite *tcp_info_suite(void)
{
	UNIT_SUITE("tcp_info", before_anything_has_happened, a_listener, options_in_force, segments_in_flight,
	           timeouts_and_duplicates, what_comes, reordering_is_seen, congestion_marks, a_reload_changes_nothing);
}
