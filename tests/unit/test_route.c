/* route: longest prefix, replacement, what is refused, what is never routed. */
#include "ip/route.h"
#include "net.h"

static struct ip_route route(const char *prefix, const char *gateway)
{
	struct ip_route r = {0};
	ck_assert(prefix_parse(prefix, &r.prefix));
	if (gateway)
		r.gateway = addr(gateway);
	return r;
}

static int add(struct net *n, const char *prefix, const char *gateway)
{
	struct ip_route r = route(prefix, gateway);
	return ip_route_add(&n->ip, &r);
}

/* The next hop, or NULL without a route. */
static void hop(const struct net *n, const char *dst, const char *want)
{
	struct ip_addr got, source;
	bool found = route_next_hop(&n->ip, addr(dst), &got, &source);
	ck_assert_msg(found == (want != NULL), "route to %s", dst);
	if (found)
		ck_assert(ip_eq(got, addr(want)) && ip_eq(source, addr(US)));
}

START_TEST(longest_prefix_wins_in_any_order)
{
	struct net n;
	net_begin(&n);
	ck_assert_int_eq(add(&n, "192.0.2.0/24", "10.0.0.3"), 0);
	ck_assert_int_eq(add(&n, "192.0.2.128/25", "10.0.0.4"), 0);
	ck_assert_int_eq(add(&n, "192.0.0.0/16", "10.0.0.5"), 0);
	ck_assert_int_eq(add(&n, "192.0.2.200/32", "10.0.0.6"), 0);
	hop(&n, "192.0.2.200", "10.0.0.6");
	hop(&n, "192.0.2.201", "10.0.0.4");
	hop(&n, "192.0.2.1", "10.0.0.3");
	hop(&n, "192.0.9.1", "10.0.0.5");
	hop(&n, "198.51.100.1", GATEWAY);
	hop(&n, "10.0.0.77", "10.0.0.77");
	net_reload(&n);
	hop(&n, "192.0.2.201", "10.0.0.4");
	net_end(&n);
}
END_TEST

START_TEST(the_same_prefix_is_replaced)
{
	struct net n;
	net_begin(&n);
	int before = n.ip.routes;
	ck_assert_int_eq(add(&n, "192.0.2.0/24", "10.0.0.3"), 0);
	ck_assert_int_eq(add(&n, "192.0.2.77/24", "10.0.0.4"), 0);
	ck_assert_int_eq(n.ip.routes, before + 1);
	hop(&n, "192.0.2.1", "10.0.0.4");
	net_end(&n);
}
END_TEST

/* RFC 1812 5.2.4.3 (5): of routes to the same prefix the metric decides. */
START_TEST(the_lowest_metric_is_used)
{
	struct net n;
	struct ip_route r = route("192.0.2.0/24", "10.0.0.3");
	net_begin(&n);
	r.metric = 20;
	ck_assert_int_eq(ip_route_add(&n.ip, &r), 0);
	r.metric = 10;
	r.gateway = addr("10.0.0.4");
	ck_assert_int_eq(ip_route_add(&n.ip, &r), 0);
	r.metric = 30;
	r.gateway = addr("10.0.0.5");
	ck_assert_int_eq(ip_route_add(&n.ip, &r), 0);
	hop(&n, "192.0.2.1", "10.0.0.4");
	net_reload(&n);
	ck_assert_int_eq(ip_route_delete(&n.ip, r.prefix, 10), 0);
	hop(&n, "192.0.2.1", "10.0.0.3");
	ck_assert_int_eq(ip_route_delete(&n.ip, r.prefix, 10), ESRCH);
	ck_assert_int_eq(ip_route_delete(&n.ip, r.prefix, 20), 0);
	hop(&n, "192.0.2.1", "10.0.0.5");
	ck_assert_int_eq(ip_route_delete(&n.ip, route("10.0.0.0/24", NULL).prefix, 0), EPERM);
	r = route("10.0.0.0/24", "10.0.0.9");
	ck_assert_int_eq(ip_route_add(&n.ip, &r), EEXIST);
	net_end(&n);
}
END_TEST

START_TEST(bad_routes_are_refused)
{
	struct net n;
	struct ip_route r = route("192.0.2.0/24", NULL);
	net_begin(&n);
	ck_assert_int_eq(add(&n, "192.0.2.0/24", "10.9.0.1"), EINVAL); /* gateway not on the link */
	ck_assert_int_eq(add(&n, "192.0.2.0/24", US), EINVAL);
	ck_assert_int_eq(add(&n, "192.0.2.0/24", "10.0.0.255"), EINVAL);
	r.source = addr(PEER);
	ck_assert_int_eq(ip_route_add(&n.ip, &r), EINVAL);
	r = (struct ip_route){0};
	ck_assert_int_eq(ip_route_add(&n.ip, &r), EINVAL);
	net_end(&n);
}
END_TEST

START_TEST(the_table_is_bounded)
{
	struct net n;
	char text[PREFIX_TEXT_MAX];
	net_begin(&n);
	for (int i = n.ip.routes; i < IP_ROUTES_MAX; i++) {
		struct ip_prefix p = {ip4(172, 16, (uint8_t)i, 0), 24};
		ck_assert_int_eq(add(&n, prefix_format(p, text), "10.0.0.3"), 0);
	}
	ck_assert_int_eq(add(&n, "192.0.2.0/24", "10.0.0.3"), ENOBUFS);
	ck_assert_int_eq(add(&n, "172.16.9.0/24", "10.0.0.4"), 0);
	net_end(&n);
}
END_TEST

START_TEST(some_addresses_have_no_route)
{
	struct net n;
	uint16_t mtu;
	struct ip_addr source;
	net_begin(&n);
	hop(&n, "0.0.0.0", NULL);
	hop(&n, "240.0.0.1", NULL);
	hop(&n, "255.255.255.255", "255.255.255.255");
	hop(&n, "224.0.0.9", "224.0.0.9");
	ck_assert_int_eq(ip_route_lookup(&n.ip, addr("240.0.0.1"), NULL, NULL), ENETUNREACH);
	ck_assert_int_eq(ip_route_lookup(&n.ip, addr(PEER), &source, &mtu), 0);
	ck_assert(ip_eq(source, addr(US)));
	ck_assert_uint_eq(mtu, 1500);
	n.ip.routes = 1; /* no default route */
	hop(&n, "198.51.100.1", NULL);
	net_end(&n);
}
END_TEST

START_TEST(broadcast_depends_on_the_prefix)
{
	struct net n;
	net_begin(&n);
	ck_assert(ip_is_broadcast(&n.ip, addr("10.0.0.255")));
	ck_assert(ip_is_broadcast(&n.ip, addr("255.255.255.255")));
	ck_assert(!ip_is_broadcast(&n.ip, addr("10.0.1.255")));
	n.ip.address[0].prefix.len = 31; /* RFC 3021 */
	ck_assert(!ip_is_broadcast(&n.ip, addr(US)));
	ck_assert(ip_is_ours(&n.ip, addr(US)));
	net_end(&n);
}
END_TEST

/* A frame to a station that does not answer; three seconds later it is known to be dead. */
static void die(struct net *n, const char *station)
{
	struct flat_frame *f = flat_new(&n->env, 60);
	ck_assert(f && arp_hold(&n->ip, addr(station), f));
	net_pass(n, 3000);
	for (int i = 0; i < ARP_TRIES_MAX; i++)
		out_arp(n, REQUEST, MAC_BROADCAST, station);
}

/* RFC 1122 3.3.1.4, 3.3.1.5 */
START_TEST(a_dead_gateway_is_avoided_until_it_answers)
{
	struct net n;
	net_begin(&n);
	struct ip_route spare = route("0.0.0.0/0", "10.0.0.3");
	spare.metric = 10;
	ck_assert_int_eq(ip_route_add(&n.ip, &spare), 0);
	hop(&n, "192.0.2.1", GATEWAY);
	die(&n, GATEWAY);
	for (int i = 0; i < 3; i++) {
		hop(&n, "192.0.2.1", "10.0.0.3");
		net_reload(&n);
		net_pass(&n, 9999);
		out_nothing(&n);
		hop(&n, "192.0.2.1", "10.0.0.3");
		net_pass(&n, 1); /* it is wanted: asked again, rarely */
		out_arp(&n, REQUEST, MAC_BROADCAST, GATEWAY);
	}
	in_arp(&n, REPLY, PEER_MAC, GATEWAY, US);
	hop(&n, "192.0.2.1", GATEWAY);
	net_end(&n);
}
END_TEST

START_TEST(a_less_specific_route_serves_for_a_dead_gateway)
{
	struct net n;
	net_begin(&n);
	ck_assert_int_eq(add(&n, "192.0.2.0/24", "10.0.0.3"), 0);
	die(&n, "10.0.0.3");
	hop(&n, "192.0.2.1", GATEWAY);
	die(&n, GATEWAY);
	hop(&n, "192.0.2.1", "10.0.0.3"); /* both are: the better route */
	hop(&n, "198.51.100.1", GATEWAY);
	hop(&n, "10.0.0.3", "10.0.0.3"); /* the station itself is on our link */
	net_end(&n);
}
END_TEST

START_TEST(a_gateway_that_nobody_wants_is_not_asked_for)
{
	struct net n;
	net_begin(&n);
	die(&n, GATEWAY);
	net_pass(&n, 60000);
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	net_end(&n);
}
END_TEST

Suite *route_suite(void);
Suite *route_suite(void)
{
	UNIT_SUITE("route", a_dead_gateway_is_avoided_until_it_answers, a_less_specific_route_serves_for_a_dead_gateway,
	           a_gateway_that_nobody_wants_is_not_asked_for, longest_prefix_wins_in_any_order,
	           the_same_prefix_is_replaced, the_lowest_metric_is_used, bad_routes_are_refused, the_table_is_bounded,
	           some_addresses_have_no_route, broadcast_depends_on_the_prefix);
}
