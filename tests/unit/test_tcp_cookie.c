/* tcp_cookie: beyond the SYN queue a listener answers without memory, and a returning ACK opens the connection. */
#include "tcp_net.h"

#define VICTIM 9999

/* Fills the SYN queue, then sends one SYN more, whose answer is looked at. */
static struct tseg flooded(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_listen(n, opt, 5);
	for (uint16_t i = 0; i < TCP_SYN_QUEUE_MIN; i++) {
		struct tseg syn = peer_syn(n, TCP_SYN);
		syn.peer_port = (uint16_t)(2000 + i);
		tcp_net_push(n, syn);
		tcp_net_turn(n);
		tcp_net_skip_output(n);
	}
	struct tseg syn = peer_syn(n, TCP_SYN);
	syn.peer_port = VICTIM;
	uint32_t sockets = stack_socket_count(n->stack);
	tcp_net_push(n, syn);
	tcp_net_turn(n);
	ck_assert_uint_eq(stack_socket_count(n->stack), sockets);
	ck_assert_uint_eq(CNT(n, TcpExtSyncookiesSent), 1);
	return *OUT_ANY(n);
}

/* The ACK of the cookie: sequence numbers of ours are relative to the ISS that the first SYN-ACK had. */
static struct tseg answer(const struct tseg *synack)
{
	return (struct tseg){.flags = TCP_ACK, .seq = 1, .ack = synack->seq + 1, .peer_port = VICTIM};
}

START_TEST(a_returning_cookie_opens_the_connection)
{
	struct tcp_net n;
	struct tseg synack = flooded(&n, &tcp_net_plain);
	ck_assert_uint_eq(synack.flags, TCP_SYN | TCP_ACK);
	ck_assert_uint_eq(synack.mss, 1460);
	tcp_net_push(&n, answer(&synack));
	tcp_net_turn(&n);
	tcp_net_skip_output(&n);
	ck_assert_uint_eq(CNT(&n, TcpExtSyncookiesRecv), 1);
	ck_assert_uint_eq(n.listener->tcp.accept_count, 1);
	do_accept(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert_uint_eq(tcb(&n)->snd.mss, 1460);
	ck_assert(!tcb(&n)->sack_ok && !tcb(&n)->ws_ok);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(options_travel_in_the_timestamp)
{
	struct tcp_net n;
	struct tseg synack = flooded(&n, &tcp_net_modern);
	struct tseg ack = answer(&synack);
	ck_assert(synack.has_ts && synack.sack_permitted && synack.has_ws);
	ack.has_ts = true;
	ack.tsval = 5000;
	ack.tsecr = synack.tsval;
	tcp_net_push(&n, ack);
	tcp_net_turn(&n);
	do_accept(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	ck_assert(tcb(&n)->sack_ok && tcb(&n)->ws_ok && tcb(&n)->ts_ok);
	ck_assert_uint_eq(tcb(&n)->snd.wind_shift, 7);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_forged_cookie_is_reset)
{
	struct tcp_net n;
	struct tseg synack = flooded(&n, &tcp_net_plain);
	for (uint32_t bit = 0; bit < 32; bit++) {
		struct tseg ack = answer(&synack);
		ack.ack = ((n.iss + ack.ack - 1) ^ (1u << bit)) + 1 - n.iss;
		tcp_net_push(&n, ack);
		tcp_net_turn(&n);
		ck_assert_uint_eq(OUT_ANY(&n)->flags, TCP_RST);
	}
	ck_assert_uint_eq(n.listener->tcp.accept_count, 0);
	ck_assert_uint_eq(CNT(&n, TcpExtSyncookiesFailed), 32);
	tcp_net_end(&n);
}
END_TEST

START_TEST(an_old_cookie_is_reset)
{
	struct tcp_net n;
	struct tseg synack = flooded(&n, &tcp_net_plain);
	for (int i = 0; i < 130; i++) {
		tcp_net_pass(&n, 1000);
		tcp_net_skip_output(&n);
	}
	tcp_net_push(&n, answer(&synack));
	tcp_net_turn(&n);
	ck_assert_uint_eq(OUT_ANY(&n)->flags, TCP_RST);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_cookie_suite(void);
Suite *tcp_cookie_suite(void)
{
	UNIT_SUITE("tcp_cookie", a_returning_cookie_opens_the_connection, options_travel_in_the_timestamp,
	           a_forged_cookie_is_reset, an_old_cookie_is_reset);
}
