/* family: sockets of IPv6, which are sockets of IPv4 inside. */
#include "tcp_net.h"

static struct ip_addr six(const char *text)
{
	struct ip_addr a;
	ck_assert_msg(ip6_parse(text, &a), "%s", text);
	return a;
}

static struct endpoint at(const char *text, uint16_t port)
{
	return (struct endpoint){strchr(text, ':') ? six(text) : addr(text), port};
}

static struct socket *open6(struct tcp_net *n, enum socket_protocol protocol)
{
	struct socket *so;
	ck_assert_int_eq(socket_open(n->stack, protocol, IP_V6, 0, 1, &so), 0);
	return so;
}

static int set(struct tcp_net *n, struct socket *so, int option, int64_t v)
{
	return socket_set_option(n->stack, so, option,
	                         (struct socket_option_value){.kind = OPTION_NUMBER, .number = v});
}

static int64_t get(struct tcp_net *n, struct socket *so, int option)
{
	struct socket_option_value v;
	ck_assert_int_eq(socket_get_option(n->stack, so, option, &v), 0);
	return v.number;
}

static struct socket *open_v6only(struct tcp_net *n, enum socket_protocol protocol)
{
	struct socket *so = open6(n, protocol);
	ck_assert_int_eq(set(n, so, OPT_IPV6_V6ONLY, 1), 0);
	return so;
}

static void named(const struct socket *so, const char *local, const char *peer)
{
	struct endpoint l, p;
	char text[IP_ADDR_TEXT_MAX];
	socket_names(so, &l, &p);
	ck_assert_str_eq(ip_format(l.addr, text), local);
	ck_assert_str_eq(ip_format(p.addr, text), peer);
}

static const enum socket_protocol both[] = {SOCKET_TCP, SOCKET_UDP};

START_TEST(what_it_is_bound_to)
{
	static const struct {
		const char *address;
		int error, error_v6only;
		const char *name, *name_v6only;
	} row[] = {
	        {"::", 0, 0, "::", "::"},
	        {"::1", 0, 0, "::ffff:127.0.0.1", "::1"},
	        {"::ffff:" US, 0, EINVAL, "::ffff:" US, NULL},
	        {"::ffff:0.0.0.0", 0, EINVAL, "::", NULL},
	        {"::ffff:10.0.0.77", EADDRNOTAVAIL, EINVAL, NULL, NULL},
	        {"2001:db8::1", EADDRNOTAVAIL, EADDRNOTAVAIL, NULL, NULL},
	        {US, EINVAL, EINVAL, NULL, NULL},
	};
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	for (size_t p = 0; p < ARRAY_LEN(both); p++) {
		for (size_t i = 0; i < ARRAY_LEN(row); i++) {
			struct socket *so = open6(&n, both[p]), *only = open_v6only(&n, both[p]);
			named(so, "::", "");
			ck_assert_int_eq(socket_bind(n.stack, so, at(row[i].address, 81)), row[i].error);
			ck_assert_int_eq(socket_bind(n.stack, only, at(row[i].address, 82)), row[i].error_v6only);
			tcp_net_reload(&n);
			so = socket_after(n.stack, 0);
			only = socket_after(n.stack, so->id);
			if (row[i].name)
				named(so, row[i].name, "");
			if (row[i].name_v6only)
				named(only, row[i].name_v6only, "");
			socket_abort(n.stack, so);
			socket_abort(n.stack, only);
			tcp_net_turn(&n);
		}
	}
	tcp_net_end(&n);
}
END_TEST

START_TEST(whom_it_reaches)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	for (size_t p = 0; p < ARRAY_LEN(both); p++) {
		struct socket *so = open6(&n, both[p]), *only = open_v6only(&n, both[p]);
		bool tcp = both[p] == SOCKET_TCP;
		ck_assert_int_eq(socket_connect(n.stack, so, at("2001:db8::1", 9)), ENETUNREACH);
		ck_assert_int_eq(socket_connect(n.stack, only, at("::ffff:" PEER, 9)), ENETUNREACH);
		ck_assert_int_eq(socket_connect(n.stack, only, at("::1", 9)), ENETUNREACH);
		ck_assert_int_eq(socket_connect(n.stack, only, at(PEER, 9)), tcp ? EINVAL : EAFNOSUPPORT);
		ck_assert_int_eq(socket_connect(n.stack, so, at(PEER, 9)), tcp ? EINVAL : 0);
		if (!tcp)
			named(so, "::ffff:" US, "::ffff:" PEER);
		ck_assert_int_eq(socket_connect(n.stack, so, at("::ffff:" PEER, 9)), tcp ? EINPROGRESS : 0);
		named(so, "::ffff:" US, "::ffff:" PEER);
		if (tcp)
			continue;
		ck_assert_int_eq(socket_send_datagram(n.stack, so, at("::ffff:" PEER, 9), NULL, "x", 1), 0);
		ck_assert_int_eq(socket_send_datagram(n.stack, so, at(PEER, 9), NULL, "x", 1), 0);
		ck_assert_int_eq(socket_send_datagram(n.stack, so, (struct endpoint){0}, NULL, "x", 1), 0);
		ck_assert_int_eq(socket_send_datagram(n.stack, so, at("fe80::1", 9), NULL, "x", 1), ENETUNREACH);
		ck_assert_int_eq(socket_send_datagram(n.stack, only, at(PEER, 9), NULL, "x", 1), ENETUNREACH);
		ck_assert_int_eq(socket_send_datagram(n.stack, only, at("::ffff:" PEER, 9), NULL, "x", 1), ENETUNREACH);
		ck_assert_int_eq(socket_connect(n.stack, so, (struct endpoint){0}), 0);
		named(so, "::", "");
	}
	tcp_net_turn(&n);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* As on Linux: one that hears IPv4 needs the port of IPv4, one that does not is in nobody's way. */
START_TEST(who_may_have_the_port)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	for (size_t p = 0; p < ARRAY_LEN(both); p++) {
		struct socket *four, *so = open6(&n, both[p]), *only = open_v6only(&n, both[p]),
		                     *second = open_v6only(&n, both[p]);
		ck_assert_int_eq(socket_open(n.stack, both[p], IP_V4, 0, 1, &four), 0);
		ck_assert_int_eq(socket_bind(n.stack, four, at("0.0.0.0", 80)), 0);
		ck_assert_int_eq(socket_bind(n.stack, so, at("::", 80)), EADDRINUSE);
		ck_assert_int_eq(socket_bind(n.stack, so, at("::ffff:" US, 80)), EADDRINUSE);
		ck_assert_int_eq(socket_bind(n.stack, only, at("::", 80)), 0);
		ck_assert_int_eq(socket_bind(n.stack, second, at("::1", 80)), EADDRINUSE);
	}
	tcp_net_end(&n);
}
END_TEST

START_TEST(a_listener_and_its_child)
{
	struct tcp_net n;
	struct socket *child;
	tcp_net_begin(&n, &tcp_net_plain);
	n.listener = open6(&n, SOCKET_TCP);
	n.listener->channel = &n;
	ck_assert_int_eq(socket_bind(n.stack, n.listener, at("::", LISTEN_PORT)), 0);
	ck_assert_int_eq(socket_listen(n.stack, n.listener, 4), 0);
	n.port = LISTEN_PORT;
	IN(&n, TCP_SYN, .seq = 0, .peer_port = PEER_PORT);
	OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .peer_port = PEER_PORT);
	ck_assert_int_eq(socket_accept(n.stack, n.listener, &child), 0);
	ck_assert_int_eq(child->family, IP_V6);
	ck_assert(!child->v6only);
	named(child, "::ffff:" US, "::ffff:" PEER);
	struct endpoint l, p;
	socket_stack_names(child, &l, &p);
	ck_assert(ip_eq(l.addr, addr(US)) && ip_eq(p.addr, addr(PEER)));
	socket_abort(n.stack, child);
	tcp_net_turn(&n);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(one_that_hears_nobody)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *unbound = open_v6only(&n, SOCKET_TCP);
	n.listener = open_v6only(&n, SOCKET_TCP);
	n.listener->channel = &n;
	ck_assert_int_eq(socket_bind(n.stack, n.listener, at("::", LISTEN_PORT)), 0);
	ck_assert_int_eq(set(&n, n.listener, OPT_IPV6_V6ONLY, 0), EINVAL);
	ck_assert_int_eq(socket_listen(n.stack, n.listener, 4), 0);
	ck_assert_int_eq(socket_listen(n.stack, unbound, 4), 0);
	named(unbound, "::", "");
	ck_assert_int_eq(unbound->tcp.pcb.local.addr.family, IP_V6);
	ck_assert_uint_ne(unbound->tcp.pcb.local.port, 0);
	struct socket *udp = open_v6only(&n, SOCKET_UDP);
	ck_assert_int_eq(socket_bind(n.stack, udp, at("::", 0)), 0);
	n.port = LISTEN_PORT;
	for (int i = 0; i < 2; i++) {
		IN(&n, TCP_SYN, .seq = 0, .peer_port = PEER_PORT);
		OUT(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
		tcp_net_reload(&n);
	}
	tcp_net_end(&n);
}
END_TEST

START_TEST(options)
{
	struct tcp_net n;
	struct socket *four;
	struct socket_option_value v;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *tcp = open6(&n, SOCKET_TCP), *udp = open6(&n, SOCKET_UDP);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 0, 1, &four), 0);
	ck_assert_int_eq(get(&n, tcp, OPT_SO_DOMAIN), 10);
	ck_assert_int_eq(get(&n, tcp, OPT_IPV6_V6ONLY), 0);
	ck_assert_int_eq(set(&n, tcp, OPT_IPV6_V6ONLY, 0), 0);
	ck_assert_int_eq(get(&n, tcp, OPT_IPV6_UNICAST_HOPS), 64);
	ck_assert_int_eq(set(&n, tcp, OPT_IPV6_UNICAST_HOPS, 3), 0);
	ck_assert_int_eq(get(&n, tcp, OPT_IP_TTL), 3);
	ck_assert_int_eq(set(&n, tcp, OPT_IPV6_UNICAST_HOPS, -1), 0);
	ck_assert_int_eq(get(&n, tcp, OPT_IP_TTL), 64);
	ck_assert_int_eq(set(&n, tcp, OPT_IPV6_UNICAST_HOPS, 0), EINVAL);
	ck_assert_int_eq(set(&n, tcp, OPT_IPV6_UNICAST_HOPS, 256), EINVAL);
	ck_assert_int_eq(set(&n, tcp, OPT_IPV6_TCLASS, 0x28), 0);
	ck_assert_int_eq(get(&n, tcp, OPT_IP_TOS), 0x28);
	ck_assert_int_eq(set(&n, tcp, OPT_IPV6_TCLASS, -1), 0);
	ck_assert_int_eq(get(&n, tcp, OPT_IPV6_TCLASS), 0);
	static const int passes[] = {OPT_IPV6_RECVPKTINFO, OPT_IPV6_RECVHOPLIMIT, OPT_IPV6_RECVTCLASS};
	for (size_t i = 0; i < ARRAY_LEN(passes); i++) {
		ck_assert_int_eq(get(&n, udp, passes[i]), 0);
		ck_assert_int_eq(set(&n, udp, passes[i], 1), 0);
		ck_assert_int_eq(get(&n, udp, passes[i]), 1);
		ck_assert_int_eq(set(&n, tcp, passes[i], 1), ENOPROTOOPT);
	}
	ck_assert_int_eq(get(&n, udp, OPT_IP_PKTINFO), 0);
	ck_assert_int_eq(set(&n, udp, OPT_IPV6_RECVERR, 1), 0);
	ck_assert_int_eq(get(&n, udp, OPT_IP_RECVERR), 1);
	ck_assert_int_eq(set(&n, udp, OPT_IPV6_MTU_DISCOVER, 2), 0);
	ck_assert_int_eq(get(&n, udp, OPT_IP_MTU_DISCOVER), 2);
	ck_assert_int_eq(socket_get_option(n.stack, udp, OPT_IPV6_MTU, &v), ENOTCONN);
	ck_assert_int_eq(socket_connect(n.stack, udp, at("::ffff:" PEER, 9)), 0);
	ck_assert_int_eq(get(&n, udp, OPT_IPV6_MTU), 1500);
	ck_assert_int_eq(set(&n, udp, OPT_IPV6_V6ONLY, 1), EINVAL);
	for (int option = OPT_IPV6_V6ONLY; option <= OPT_IPV6_MTU; option++) {
		ck_assert_int_eq(set(&n, four, option, 1), ENOPROTOOPT);
		ck_assert_int_eq(socket_get_option(n.stack, four, option, &v), ENOPROTOOPT);
	}
	const uint64_t id = udp->id;
	tcp_net_reload(&n);
	udp = socket_by_id(n.stack, id);
	ck_assert_int_eq(get(&n, udp, OPT_IPV6_RECVTCLASS), 1);
	ck_assert_int_eq(get(&n, udp, OPT_SO_DOMAIN), 10);
	tcp_net_end(&n);
}
END_TEST

START_TEST(addresses_that_come_out)
{
	struct tcp_net n;
	struct socket *four;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *udp = open6(&n, SOCKET_UDP);
	ck_assert_int_eq(socket_open(n.stack, SOCKET_UDP, IP_V4, 0, 1, &four), 0);
	ck_assert(ip_eq(socket_address_out(udp, addr(PEER)), six("::ffff:" PEER)));
	ck_assert(ip_eq(socket_address_out(udp, (struct ip_addr){0}), six("::")));
	ck_assert(ip_eq(socket_address_out(udp, addr("0.0.0.0")), six("::")));
	ck_assert(ip_eq(socket_address_out(udp, six("fe80::1")), six("fe80::1")));
	ck_assert(ip_eq(socket_address_out(four, addr(PEER)), addr(PEER)));
	ck_assert(ip_eq(socket_address_out(four, (struct ip_addr){0}), (struct ip_addr){0}));
	tcp_net_end(&n);
}
END_TEST

Suite *family_suite(void);
Suite *family_suite(void)
{
	UNIT_SUITE("family", what_it_is_bound_to, whom_it_reaches, who_may_have_the_port, a_listener_and_its_child,
	           one_that_hears_nobody, options, addresses_that_come_out);
}
