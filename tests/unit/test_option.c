/* option: the table of socket options, for both protocols. */
#include "tcp_net.h"

enum { NO = -1, CONFIGURED = -2 };

/* What each option is at first, and what may be set: out of range is EINVAL, read-only and unknown ENOPROTOOPT. */
static const struct {
	int option;
	int64_t tcp, udp; /* NO: that protocol does not have it; CONFIGURED: tcp.sndbuf, tcp.rcvbuf */
	int64_t set, too_small, too_large;
} row[] = {
        {OPT_SO_REUSEADDR, 0, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_SO_TYPE, 1, 2, NO, 0, 0},
        {OPT_SO_ERROR, 0, 0, NO, 0, 0},
        {OPT_SO_BROADCAST, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_SO_SNDBUF, CONFIGURED, 1 << 18, 50000, -1, INT64_C(1) << 31},
        {OPT_SO_RCVBUF, CONFIGURED, 1 << 18, 50000, -1, INT64_C(1) << 31},
        {OPT_SO_LINGER, 0, 0, 5, -1, INT64_C(1) << 31},
        {OPT_SO_ACCEPTCONN, 0, 0, NO, 0, 0},
        {OPT_SO_DOMAIN, 2, 2, NO, 0, 0},
        {OPT_SO_PROTOCOL, 6, 17, NO, 0, 0},
        {OPT_IP_TOS, 0, 0, 0x28, -1, 256},
        {OPT_IP_TTL, 64, 64, 1, 0, 256},
        {OPT_TCP_NODELAY, 0, NO, 1, INT64_MIN, INT64_MAX},
        {OPT_TCP_MAXSEG, 536, NO, 1000, -1, 65536},
};

static int set(struct tcp_net *n, struct socket *so, int option, int64_t v)
{
	enum socket_option_kind kind = option == OPT_SO_LINGER ? OPTION_LINGER : OPTION_NUMBER;

	return socket_set_option(n->stack, so, option, (struct socket_option_value){.kind = kind, .number = v});
}

static int64_t get(struct tcp_net *n, struct socket *so, int option)
{
	struct socket_option_value v;

	ck_assert_int_eq(socket_get_option(n->stack, so, option, &v), 0);
	return v.number;
}

START_TEST(every_option)
{
	struct tcp_net n;
	struct socket_option_value v;
	tcp_net_begin(&n, &tcp_net_plain);
	for (int udp = 0; udp < 2; udp++) {
		struct socket *so;
		ck_assert_int_eq(socket_open(n.stack, udp ? SOCKET_UDP : SOCKET_TCP, IP_V4, 0, 1, &so), 0);
		for (size_t i = 0; i < ARRAY_LEN(row); i++) {
			int64_t initial = udp ? row[i].udp : row[i].tcp;
			if (initial == CONFIGURED)
				initial = row[i].option == OPT_SO_SNDBUF ? n.opt.tcp.sndbuf : n.opt.tcp.rcvbuf;
			if (initial == NO) {
				ck_assert_int_eq(socket_get_option(n.stack, so, row[i].option, &v), ENOPROTOOPT);
				ck_assert_int_eq(set(&n, so, row[i].option, 1), ENOPROTOOPT);
				continue;
			}
			ck_assert_int_eq(get(&n, so, row[i].option), initial);
			if (row[i].set == NO) {
				ck_assert_int_eq(set(&n, so, row[i].option, 1), ENOPROTOOPT);
				continue;
			}
			ck_assert_int_eq(set(&n, so, row[i].option, row[i].too_small), EINVAL);
			ck_assert_int_eq(set(&n, so, row[i].option, row[i].too_large), EINVAL);
			ck_assert_int_eq(get(&n, so, row[i].option), initial);
			ck_assert_int_eq(set(&n, so, row[i].option, row[i].set), 0);
			ck_assert_int_eq(get(&n, so, row[i].option), row[i].set);
		}
	}
	tcp_net_end(&n);
}
END_TEST

START_TEST(what_is_not_in_the_table)
{
	struct tcp_net n;
	struct socket_option_value v;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	static const int unknown[] = {0, -1, 31, 34, 99, 1000000};
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		ck_assert_int_eq(set(&n, so, unknown[i], 1), ENOPROTOOPT);
		ck_assert_int_eq(socket_get_option(n.stack, so, unknown[i], &v), ENOPROTOOPT);
	}
	tcp_net_end(&n);
}
END_TEST

START_TEST(buffers_are_granted_within_bounds)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(set(&n, so, OPT_SO_RCVBUF, 1), 0);
	ck_assert_int_eq(get(&n, so, OPT_SO_RCVBUF), TCP_BUF_MIN);
	ck_assert_int_eq(set(&n, so, OPT_SO_SNDBUF, INT32_MAX), 0);
	ck_assert_int_eq(get(&n, so, OPT_SO_SNDBUF), TCP_BUF_MAX);
	tcp_net_end(&n);
}
END_TEST

START_TEST(linger)
{
	struct tcp_net n;
	struct socket_option_value v = {0};
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(
	        socket_set_option(n.stack, so, OPT_SO_LINGER,
	                          (struct socket_option_value){.kind = OPTION_LINGER, .number = 9, .linger_on = true}),
	        0);
	ck_assert_int_eq(socket_get_option(n.stack, so, OPT_SO_LINGER, &v), 0);
	ck_assert(v.linger_on && v.number == 9);
	tcp_net_end(&n);
}
END_TEST

static int set_text(struct tcp_net *n, struct socket *so, int option, const char *text)
{
	struct socket_option_value v = {.kind = OPTION_TEXT, .len = (uint8_t)strlen(text)};

	memcpy(v.bytes, text, v.len);
	return socket_set_option(n->stack, so, option, v);
}

static void expect_text(struct tcp_net *n, struct socket *so, int option, const char *text)
{
	struct socket_option_value v;

	ck_assert_int_eq(socket_get_option(n->stack, so, option, &v), 0);
	ck_assert_int_eq(v.kind, OPTION_TEXT);
	ck_assert_uint_eq(v.len, strlen(text));
	ck_assert_int_eq(memcmp(v.bytes, text, v.len), 0);
}

START_TEST(a_value_of_another_kind)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	struct socket_option_value v = {.kind = OPTION_TEXT, .number = 1, .len = 1, .bytes = "1"};
	ck_assert_int_eq(socket_set_option(n.stack, so, OPT_TCP_NODELAY, v), EINVAL);
	v.kind = OPTION_LINGER;
	ck_assert_int_eq(socket_set_option(n.stack, so, OPT_TCP_NODELAY, v), EINVAL);
	v.kind = OPTION_RAW;
	ck_assert_int_eq(socket_set_option(n.stack, so, OPT_TCP_CONGESTION, v), EINVAL);
	v.kind = OPTION_NUMBER;
	ck_assert_int_eq(socket_set_option(n.stack, so, OPT_SO_LINGER, v), EINVAL);
	ck_assert_int_eq(get(&n, so, OPT_TCP_NODELAY), 0);
	tcp_net_end(&n);
}
END_TEST

/* The algorithm of a connection under way may change; a listener's children have its own. */
START_TEST(congestion_control_by_name)
{
	struct tcp_net n;
	struct socket *udp;
	in_listen(&n, &tcp_net_plain, 1);
	expect_text(&n, n.listener, OPT_TCP_CONGESTION, "cubic");
	static const char *const unknown[] = {"bbr", "ren", "reno2", "Reno", "fifteen-bytes--"};
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		ck_assert_int_eq(set_text(&n, n.listener, OPT_TCP_CONGESTION, unknown[i]), ENOENT);
	ck_assert_int_eq(set_text(&n, n.listener, OPT_TCP_CONGESTION, ""), EINVAL);
	ck_assert_int_eq(set_text(&n, n.listener, OPT_TCP_CONGESTION, "sixteen-bytes---"), EINVAL);
	expect_text(&n, n.listener, OPT_TCP_CONGESTION, "cubic");
	ck_assert_int_eq(set_text(&n, n.listener, OPT_TCP_CONGESTION, "reno"), 0);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	do_accept(&n);
	expect_text(&n, n.so, OPT_TCP_CONGESTION, "reno");
	tcp_net_reload(&n);
	expect_text(&n, n.so, OPT_TCP_CONGESTION, "reno");
	do_send(&n, 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	uint32_t cwnd = tcb(&n)->cwnd;
	ck_assert_int_eq(set_text(&n, n.so, OPT_TCP_CONGESTION, "cubic"), 0);
	ck_assert_uint_eq(tcb(&n)->cwnd, cwnd);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	expect_text(&n, n.so, OPT_TCP_CONGESTION, "cubic");
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 0, 1, &udp), 0);
	ck_assert_int_eq(set_text(&n, udp, OPT_TCP_CONGESTION, "reno"), ENOPROTOOPT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(state_shows_in_options)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_plain, 1);
	ck_assert_int_eq(get(&n, n.listener, OPT_SO_ACCEPTCONN), 1);
	tcp_net_end(&n);
	in_syn_sent(&n, &tcp_net_plain);
	IN(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
	ck_assert_int_eq(get(&n, n.so, OPT_SO_ERROR), ECONNREFUSED);
	ck_assert_int_eq(get(&n, n.so, OPT_SO_ERROR), 0); /* read once */
	tcp_net_end(&n);
	in_established(&n, &tcp_net_modern);
	ck_assert_int_eq(get(&n, n.so, OPT_TCP_MAXSEG), 1448);
	tcp_net_end(&n);
}
END_TEST

Suite *option_suite(void);
Suite *option_suite(void)
{
	UNIT_SUITE("option", every_option, what_is_not_in_the_table, buffers_are_granted_within_bounds, linger,
	           a_value_of_another_kind, congestion_control_by_name, state_shows_in_options);
}
