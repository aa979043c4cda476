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
        {OPT_SO_REUSEPORT, 0, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_IP_MULTICAST_TTL, NO, 1, 255, -2, 256},
        {OPT_IP_MULTICAST_LOOP, NO, 1, 0, INT64_MIN, INT64_MAX},
        {OPT_IP_MULTICAST_ALL, NO, 1, 0, -1, 2},
        {OPT_SO_DOMAIN, 2, 2, NO, 0, 0},
        {OPT_SO_PROTOCOL, 6, 17, NO, 0, 0},
        {OPT_IP_TOS, 0, 0, 0x28, -1, 256},
        {OPT_IP_TTL, 64, 64, 1, 0, 256},
        {OPT_IP_MTU_DISCOVER, NO, 1, 3, -1, 4},
        {OPT_IP_PKTINFO, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_IP_RECVTTL, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_IP_RECVTOS, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_IP_RECVOPTS, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_IP_RETOPTS, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_IP_RECVERR, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_SO_TIMESTAMP, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_SO_TIMESTAMPNS, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_SO_RXQ_OVFL, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_SO_NO_CHECK, NO, 0, 1, INT64_MIN, INT64_MAX},
        {OPT_TOYNET_UDP_REQUIRE_CHECKSUM, NO, 0, 1, -1, 2},
        {OPT_TCP_NODELAY, 0, NO, 1, INT64_MIN, INT64_MAX},
        {OPT_TCP_MAXSEG, 536, NO, 1000, -1, 65536},
        {OPT_TCP_CORK, 0, NO, 1, INT64_MIN, INT64_MAX},
        {OPT_TCP_QUICKACK, 1, NO, 0, INT64_MIN, INT64_MAX},
        {OPT_TCP_SYNCNT, 7, NO, 3, 0, 128},
        {OPT_TCP_LINGER2, 60, NO, 5, -1, INT64_C(1) << 31},
        {OPT_TCP_WINDOW_CLAMP, 0, NO, 20000, -1, INT64_C(1) << 31},
        {OPT_TOYNET_TCP_TIMESTAMPS, 1, NO, 0, -1, 2},
        {OPT_TOYNET_TCP_SACK, 1, NO, 0, -1, 2},
        {OPT_TOYNET_TCP_WINDOW_SCALING, 1, NO, 0, -1, 2},
        {OPT_TOYNET_TCP_ECN, TCP_ECN_PASSIVE, NO, TCP_ECN_ON, -1, TCP_ECNS},
        {OPT_TOYNET_TCP_INITIAL_WINDOW, 10, NO, 4, 0, 101},
        {OPT_TOYNET_TCP_DELACK, 40, NO, 499, -1, 500},
        {OPT_TOYNET_TCP_TIME_WAIT, 60000, NO, 0, -1, 3600001},
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

/* Also that each bit of what is to be passed up is its own. */
START_TEST(figures_of_a_datagram_socket)
{
	static const int pass[] = {OPT_IP_PKTINFO, OPT_IP_RECVTTL,   OPT_IP_RECVTOS,     OPT_IP_RECVOPTS,
	                           OPT_IP_RETOPTS, OPT_SO_TIMESTAMP, OPT_SO_TIMESTAMPNS, OPT_SO_RXQ_OVFL};
	struct tcp_net n;
	struct socket *so;
	struct socket_option_value v;
	uint32_t figure[9];
	tcp_net_begin(&n, &tcp_net_plain);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 0, 1, &so), 0);
	for (size_t i = 0; i < ARRAY_LEN(pass); i++) {
		ck_assert_int_eq(set(&n, so, pass[i], 1), 0);
		for (size_t j = 0; j < ARRAY_LEN(pass); j++)
			ck_assert_int_eq(get(&n, so, pass[j]), i == j);
		ck_assert_int_eq(set(&n, so, pass[i], 0), 0);
	}
	ck_assert_int_eq(socket_get_option(n.stack, so, OPT_IP_MTU, &v), ENOTCONN);
	ck_assert_int_eq(socket_get_option(n.stack, tcp_net_open(&n), OPT_IP_MTU, &v), ENOTCONN);
	ck_assert_int_eq(socket_connect(n.stack, so, (struct endpoint){addr(PEER), 9}), 0);
	ck_assert_int_eq(get(&n, so, OPT_IP_MTU), 1500);
	ck_assert_int_eq(set(&n, so, OPT_IP_MTU, 1000), ENOPROTOOPT);
	so->dgram.drops = 7;
	ck_assert_int_eq(socket_get_option(n.stack, so, OPT_SO_MEMINFO, &v), 0);
	ck_assert_uint_eq(v.len, sizeof(figure));
	memcpy(figure, v.bytes, sizeof(figure));
	ck_assert_uint_eq(figure[1], so->dgram.rcvbuf);
	ck_assert_uint_eq(figure[8], 7);
	v = (struct socket_option_value){.kind = OPTION_RAW, .len = 7, .bytes = {7, 7, 4}};
	ck_assert_int_eq(socket_set_option(n.stack, so, OPT_IP_OPTIONS, v), 0);
	v.bytes[0] = 131;
	ck_assert_int_eq(socket_set_option(n.stack, so, OPT_IP_OPTIONS, v), EPERM);
	ck_assert_int_eq(socket_get_option(n.stack, so, OPT_IP_OPTIONS, &v), 0);
	ck_assert_uint_eq(v.len, 7);
	ck_assert_uint_eq(v.bytes[0], 7);
	tcp_net_end(&n);
}
END_TEST

/* RFC 1122 3.4, ADVISE_DELIVPROB. */
START_TEST(advice_of_a_datagram_socket)
{
	struct tcp_net n;
	struct socket *so;
	struct socket_option_value v;
	tcp_net_begin(&n, &tcp_net_plain);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 0, 1, &so), 0);
	ck_assert_int_eq(set(&n, so, OPT_TOYNET_ADVISE_DEAD, 1), ENOTCONN);
	ck_assert_int_eq(socket_connect(n.stack, so, (struct endpoint){addr(PEER), 9}), 0);
	uint64_t before = n.stack->counters.v[CNT_ArpOutRequests];
	ck_assert_int_eq(set(&n, so, OPT_TOYNET_ADVISE_DEAD, 1), 0);
	tcp_net_pass(&n, 10);
	ck_assert_int_eq(socket_send_datagram(n.stack, so, (struct endpoint){0}, NULL, "x", 1), 0);
	tcp_net_pass(&n, 10);
	ck_assert_uint_eq(n.stack->counters.v[CNT_ArpOutRequests], before + 1);
	ck_assert_int_eq(socket_get_option(n.stack, so, OPT_TOYNET_ADVISE_DEAD, &v), ENOPROTOOPT);
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

static int set_raw(struct tcp_net *n, struct socket *so, int option, const char *bytes, uint8_t len)
{
	struct socket_option_value v = {.kind = OPTION_RAW, .len = len};
	memcpy(v.bytes, bytes, len);
	return socket_set_option(n->stack, so, option, v);
}

START_TEST(memberships_and_interfaces)
{
	struct tcp_net n;
	struct socket *udp, *raw;
	struct socket_option_value v;
	tcp_net_begin(&n, &tcp_net_plain);
	const uint8_t *us = stack_ip_config(n.stack)->address.addr.b;
	char mreq[12] = {(char)239, 1, 1, 1}, of[5];
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 0, 1, &udp), 0);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_ADD_MEMBERSHIP, mreq, 7), EINVAL);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_ADD_MEMBERSHIP, mreq, 9), EINVAL);
	mreq[4] = 9; /* not an address of ours */
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_ADD_MEMBERSHIP, mreq, 8), ENODEV);
	memcpy(mreq + 4, us, 4);
	mreq[8] = 1; /* an index */
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_ADD_MEMBERSHIP, mreq, 12), ENODEV);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_ADD_MEMBERSHIP, mreq, 8), 0);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_ADD_MEMBERSHIP, mreq, 8), EADDRINUSE);
	ck_assert_int_eq(socket_get_option(n.stack, udp, OPT_IP_ADD_MEMBERSHIP, &v), ENOPROTOOPT);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_BLOCK_SOURCE, mreq, 8), EINVAL);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_BLOCK_SOURCE, mreq, 12), 0);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_UNBLOCK_SOURCE, mreq, 12), 0);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_DROP_MEMBERSHIP, mreq, 8), 0);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_ADD_SOURCE_MEMBERSHIP, mreq, 12), 0);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_DROP_SOURCE_MEMBERSHIP, mreq, 12), 0);

	memcpy(of, us, 4);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_MULTICAST_IF, of, 4), 0);
	ck_assert_int_eq(socket_get_option(n.stack, udp, OPT_IP_MULTICAST_IF, &v), 0);
	ck_assert_uint_eq(v.len, 4);
	ck_assert_mem_eq(v.bytes, us, 4);
	of[0]++;
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_MULTICAST_IF, of, 4), EADDRNOTAVAIL);
	ck_assert_int_eq(set_raw(&n, udp, OPT_IP_MULTICAST_IF, of, 5), EINVAL);

	ck_assert_int_eq(set(&n, udp, OPT_IP_HDRINCL, 1), ENOPROTOOPT);
	ck_assert_int_eq(socket_open_raw(n.stack, IP_PROTO_ICMP, IP_V4, 0, 1, &raw), 0);
	ck_assert_int_eq(get(&n, raw, OPT_SO_PROTOCOL), IP_PROTO_ICMP);
	ck_assert_int_eq(get(&n, raw, OPT_SO_TYPE), 3);
	ck_assert_int_eq(set(&n, raw, OPT_IP_HDRINCL, 1), 0);
	ck_assert_int_eq(get(&n, raw, OPT_IP_HDRINCL), 1);
	ck_assert_int_eq(set_raw(&n, raw, OPT_ICMP_FILTER, "\x01\x02\x03\x04", 4), 0);
	ck_assert_int_eq(socket_get_option(n.stack, raw, OPT_ICMP_FILTER, &v), 0);
	ck_assert_mem_eq(v.bytes, "\x01\x02\x03\x04", 4);
	ck_assert_int_eq(socket_open_raw(n.stack, 200, IP_V4, 0, 1, &raw), 0);
	ck_assert_int_eq(set_raw(&n, raw, OPT_ICMP_FILTER, "\x01\x02\x03\x04", 4), EOPNOTSUPP);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_PING, IP_V4, 0, 1, &raw), 0);
	ck_assert_int_eq(get(&n, raw, OPT_SO_PROTOCOL), IP_PROTO_ICMP);
	ck_assert_int_eq(get(&n, raw, OPT_SO_TYPE), 2);
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

/* What is negotiated is chosen before the connection is opened, and reads as what came of it. */
START_TEST(negotiated_before_the_opening)
{
	static const int options[] = {OPT_TOYNET_TCP_TIMESTAMPS, OPT_TOYNET_TCP_SACK, OPT_TOYNET_TCP_WINDOW_SCALING};
	struct tcp_net n;
	in_established(&n, &tcp_net_plain); /* the peer offers none of it */
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		ck_assert_int_eq(get(&n, n.so, options[i]), 0);
		ck_assert_int_eq(set(&n, n.so, options[i], 1), EISCONN);
	}
	ck_assert_int_eq(set(&n, n.so, OPT_TOYNET_TCP_ECN, TCP_ECN_ON), EISCONN);
	ck_assert_int_eq(get(&n, n.so, OPT_TOYNET_TCP_ECN), TCP_ECN_OFF);
	ck_assert_int_eq(set(&n, n.so, OPT_TOYNET_TCP_INITIAL_WINDOW, 3), EISCONN);
	tcp_net_end(&n);
	in_established(&n, &tcp_net_modern);
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		ck_assert_int_eq(get(&n, n.so, options[i]), 1);
	IN(&n, TCP_RST, .seq = 1);
	ck_assert_int_eq(set(&n, n.so, OPT_TOYNET_TCP_SACK, 1), EISCONN); /* it has been one */
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_syn_without_options)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_modern);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(set(&n, so, OPT_TOYNET_TCP_TIMESTAMPS, 0), 0);
	ck_assert_int_eq(set(&n, so, OPT_TOYNET_TCP_SACK, 0), 0);
	ck_assert_int_eq(set(&n, so, OPT_TOYNET_TCP_WINDOW_SCALING, 0), 0);
	ck_assert_int_eq(set(&n, so, OPT_TOYNET_TCP_ECN, TCP_ECN_ON), 0);
	ck_assert_int_eq(set(&n, so, OPT_TCP_MAXSEG, 1000), 0);
	struct endpoint peer = {.addr = ip4(10, 0, 0, 2), .port = PEER_PORT};
	ck_assert_int_eq(socket_connect(n.stack, so, peer), EINPROGRESS);
	tcp_net_turn(&n);
	const struct tseg *syn = OUT_ANY(&n);
	ck_assert_uint_eq(syn->flags, TCP_SYN | TCP_ECE | TCP_CWR);
	ck_assert_uint_eq(syn->mss, 1000);
	ck_assert(!syn->has_ts && !syn->has_ws && !syn->sack_permitted);
	tcp_net_end(&n);
}
END_TEST

START_TEST(children_have_their_listeners_choice)
{
	struct tcp_net n;
	in_listen(&n, &tcp_net_modern, 1);
	ck_assert_int_eq(set(&n, n.listener, OPT_TOYNET_TCP_TIMESTAMPS, 0), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_TOYNET_TCP_SACK, 0), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_TOYNET_TCP_WINDOW_SCALING, 0), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_TOYNET_TCP_INITIAL_WINDOW, 2), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_TOYNET_TCP_DELACK, 123), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_TOYNET_TCP_TIME_WAIT, 456), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_TCP_CORK, 1), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_TCP_MAXSEG, 900), 0);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN));
	tcp_net_turn(&n);
	const struct tseg *s = OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	ck_assert(!s->has_ts && !s->has_ws && !s->sack_permitted);
	ck_assert_uint_eq(s->mss, 900);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	do_accept(&n);
	tcp_net_reload(&n);
	ck_assert_int_eq(get(&n, n.so, OPT_TOYNET_TCP_TIMESTAMPS), 0);
	ck_assert_int_eq(get(&n, n.so, OPT_TOYNET_TCP_INITIAL_WINDOW), 2);
	ck_assert_int_eq(get(&n, n.so, OPT_TOYNET_TCP_DELACK), 123);
	ck_assert_int_eq(get(&n, n.so, OPT_TOYNET_TCP_TIME_WAIT), 456);
	ck_assert_int_eq(get(&n, n.so, OPT_TCP_CORK), 1);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_CORK, 0), 0);
	/* Two segments of 900 bytes, and no third. */
	do_send(&n, 5 * 900);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 900);
	OUT(&n, TCP_ACK, .seq = 901, .ack = 1, .len = 900);
	OUT_NOTHING(&n);
	/* The delayed acknowledgment and TIME-WAIT take their own time. */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 5 * 900);
	tcp_net_skip_output(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1 + 5 * 900);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(delayed_acks_and_quick_ones)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(set(&n, n.so, OPT_TOYNET_TCP_DELACK, 300), 0);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10); /* at the start of a connection at once */
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	ck_assert_int_eq(get(&n, n.so, OPT_TCP_QUICKACK), 1);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_QUICKACK, 0), 0);
	ck_assert_int_eq(get(&n, n.so, OPT_TCP_QUICKACK), 0);
	IN(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 10);
	OUT_NOTHING(&n);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), 300);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 21);
	/* What is owed goes at once, and so do the next ones, but not for ever. */
	IN(&n, TCP_ACK, .seq = 21, .ack = 1, .len = 10);
	OUT_NOTHING(&n);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_QUICKACK, 1), 0);
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 31);
	uint32_t seq = 31, quick = 0;
	for (int i = 0; i < 100; i++, seq += 10) {
		IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 10);
		if (!tcp_net_waiting(&n))
			break;
		OUT(&n, TCP_ACK, .seq = 1, .ack = seq + 10);
		quick++;
	}
	ck_assert_uint_eq(quick, TCP_QUICK_ACKS);
	tcp_net_reload(&n);
	ck_assert_int_eq(get(&n, n.so, OPT_TCP_QUICKACK), 0);
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_cork_holds_back_what_is_no_full_segment)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_CORK, 1), 0);
	do_send(&n, 100);
	OUT_NOTHING(&n);
	do_send(&n, 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1461);
	OUT_NOTHING(&n);
	tcp_net_reload(&n);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_CORK, 0), 0);
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 1461, .ack = 1, .len = 100);
	tcp_net_end(&n);
}
END_TEST

/* As Linux: 200 ms, and no longer. */
START_TEST(a_cork_leaks)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_CORK, 1), 0);
	do_send(&n, 100);
	tcp_net_pass(&n, 50);
	do_send(&n, 100);
	OUT_NOTHING(&n);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_CORK), 150);
	ck_assert_int_eq(tcp_net_pass_until_output(&n, 1000), 150);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 200);
	do_send(&n, 100);
	OUT_NOTHING(&n);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_CORK), 200);
	tcp_net_end(&n);
}
END_TEST

/* TCP_NODELAY does not undo a cork, but pushes what it holds. A FIN and urgent text go, too. */
START_TEST(a_cork_and_what_pushes)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_CORK, 1), 0);
	do_send(&n, 100);
	OUT_NOTHING(&n);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_NODELAY, 1), 0);
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100);
	do_send(&n, 50);
	OUT_NOTHING(&n);
	do_shutdown_write(&n);
	OUT(&n, TCP_FIN | TCP_ACK, .seq = 101, .ack = 1, .len = 50);
	tcp_net_end(&n);
	/* Without a cork it pushes what Nagle held back. */
	in_established(&n, &tcp_net_plain);
	do_send(&n, 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	do_send(&n, 20);
	OUT_NOTHING(&n);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_NODELAY, 1), 0);
	tcp_net_turn(&n);
	OUT(&n, TCP_ACK, .seq = 11, .ack = 1, .len = 20);
	tcp_net_end(&n);
}
END_TEST

/* RFC 9293 3.8.6.2.1: a push is no leave for silly windows. */
START_TEST(a_push_does_not_fill_a_small_window)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 200);
	do_send(&n, 500);
	OUT_NOTHING(&n);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_NODELAY, 1), 0);
	tcp_net_turn(&n);
	OUT_NOTHING(&n);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 600);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 500);
	tcp_net_end(&n);
}
END_TEST

START_TEST(the_clamp_bounds_the_window)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(set(&n, so, OPT_TCP_WINDOW_CLAMP, 1), 0);
	ck_assert_int_eq(get(&n, so, OPT_TCP_WINDOW_CLAMP), 1152);
	tcp_net_end(&n);
	in_listen(&n, &tcp_net_plain, 1);
	ck_assert_int_eq(set(&n, n.listener, OPT_TCP_WINDOW_CLAMP, 2000), 0);
	IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .wnd = 2000);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1);
	do_accept(&n);
	/* What the application reads is offered again, though it is less than a segment of 1460. */
	for (uint32_t seq = 1; seq < 20000; seq += 1000) {
		IN(&n, TCP_ACK, .seq = seq, .ack = 1, .len = 1000);
		tcp_net_skip_output(&n);
		do_read(&n, 1000);
		tcp_net_skip_output(&n);
		tcp_net_pass(&n, 50);
		tcp_net_skip_output(&n);
	}
	ck_assert_uint_eq(n.received, 20000);
	ck_assert_uint_le(seq_len(tcb(&n)->rcv.nxt, tcb(&n)->rcv.adv), 2000);
	tcp_net_end(&n);
}
END_TEST

/* The SYN goes again so many times. */
START_TEST(syn_retries_of_its_own)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(set(&n, so, OPT_TCP_SYNCNT, 2), 0);
	struct endpoint peer = {.addr = ip4(10, 0, 0, 2), .port = PEER_PORT};
	ck_assert_int_eq(socket_connect(n.stack, so, peer), EINPROGRESS);
	tcp_net_turn(&n);
	tcp_net_pass(&n, 20000);
	ck_assert_int_eq(tcp_net_waiting(&n), 3);
	tcp_net_skip_output(&n);
	ck_assert_int_eq(get(&n, so, OPT_SO_ERROR), ETIMEDOUT);
	tcp_net_end(&n);
}
END_TEST

START_TEST(fin_wait_2_and_time_wait_of_its_own)
{
	struct tcp_net n;
	in_fin_wait_2(&n, &tcp_net_plain);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_LINGER2, 1000), 0);
	ck_assert_int_eq(get(&n, n.so, OPT_TCP_LINGER2), 120);
	ck_assert_int_eq(set(&n, n.so, OPT_TCP_LINGER2, 3), 0);
	do_close(&n, false);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), 3000);
	tcp_net_pass(&n, 3000);
	ck_assert(tcp_net_gone(&n));
	tcp_net_end(&n);
	in_fin_wait_2(&n, &tcp_net_plain);
	ck_assert_int_eq(set(&n, n.so, OPT_TOYNET_TCP_TIME_WAIT, 700), 0);
	IN(&n, TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
	OUT(&n, TCP_ACK, .seq = 2, .ack = 2);
	EXPECT_STATE(&n, TCP_TIME_WAIT);
	ck_assert_int_eq(tcp_net_timer_ms(&n, TCP_TIMER_WAIT), 700);
	tcp_net_end(&n);
}
END_TEST

START_TEST(tcp_info_is_read_only)
{
	struct tcp_net n;
	struct socket_option_value v;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(socket_get_option(n.stack, so, OPT_TCP_INFO, &v), 0);
	ck_assert_int_eq(v.kind, OPTION_INFO);
	v.kind = OPTION_NUMBER;
	ck_assert_int_eq(socket_set_option(n.stack, so, OPT_TCP_INFO, v), ENOPROTOOPT);
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
	UNIT_SUITE("option", every_option, what_is_not_in_the_table, figures_of_a_datagram_socket,
	           advice_of_a_datagram_socket, buffers_are_granted_within_bounds, linger, a_value_of_another_kind,
	           congestion_control_by_name, memberships_and_interfaces, negotiated_before_the_opening,
	           a_syn_without_options, children_have_their_listeners_choice, delayed_acks_and_quick_ones,
	           a_cork_holds_back_what_is_no_full_segment, a_cork_leaks, a_cork_and_what_pushes,
	           a_push_does_not_fill_a_small_window, the_clamp_bounds_the_window, syn_retries_of_its_own,
	           fin_wait_2_and_time_wait_of_its_own, tcp_info_is_read_only, state_shows_in_options);
}
