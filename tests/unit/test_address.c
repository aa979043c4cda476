/* address: several of our own, each with its network; what comes and goes with them. */
#include "ip/address.h"
#include "ip/route.h"
#include "net.h"

static int add(struct net *n, const char *prefix)
{
	struct ip_prefix p;
	ck_assert(prefix_parse(prefix, &p));
	return ip_address_add(&n->ip, p, IP_ORIGIN_STATIC, IP_ACD_NONE);
}

static void way(const struct net *n, const char *dst, const char *want_hop, const char *want_source)
{
	struct ip_addr hop, source;
	bool found = route_next_hop(&n->ip, addr(dst), &hop, &source);
	ck_assert_msg(found == (want_hop != NULL), "route to %s", dst);
	if (found)
		ck_assert(ip_eq(hop, addr(want_hop)) && ip_eq(source, addr(want_source)));
}

START_TEST(each_has_its_network)
{
	struct net n;
	net_begin(&n);
	ck_assert_int_eq(add(&n, "192.0.2.9/25"), 0);
	ck_assert_int_eq(add(&n, "10.0.0.9/24"), 0);
	for (int i = 0; i < 2; i++) {
		way(&n, "192.0.2.1", "192.0.2.1", "192.0.2.9");
		way(&n, "192.0.2.127", "192.0.2.127", "192.0.2.9"); /* its broadcast address */
		way(&n, "192.0.2.129", GATEWAY, US);
		way(&n, "10.0.0.5", "10.0.0.5", US);
		way(&n, "192.0.2.9", "192.0.2.9", "192.0.2.9");
		way(&n, "127.1.2.3", "127.1.2.3", "127.0.0.1");
		ck_assert(ip_is_ours(&n.ip, addr("10.0.0.9")) && ip_is_ours(&n.ip, addr("127.0.0.1")));
		ck_assert(ip_is_broadcast(&n.ip, addr("192.0.2.127")));
		net_reload(&n);
	}
	net_end(&n);
}
END_TEST

START_TEST(what_goes_with_one)
{
	struct net n;
	struct ip_route r = {.prefix = {addr("198.51.100.0"), 24}, .gateway = addr("192.0.2.1")};
	net_begin(&n);
	ck_assert_int_eq(add(&n, "192.0.2.9/25"), 0);
	ck_assert_int_eq(add(&n, "10.0.0.9/24"), 0);
	ck_assert_int_eq(ip_route_add(&n.ip, &r), 0);
	way(&n, "198.51.100.7", "192.0.2.1", "192.0.2.9");
	ck_assert_int_eq(ip_address_delete(&n.ip, addr("192.0.2.9")), 0);
	way(&n, "198.51.100.7", GATEWAY, US); /* its gateway is not on the link any more */
	way(&n, "192.0.2.1", GATEWAY, US);
	ck_assert_int_eq(ip_address_delete(&n.ip, addr(US)), 0);
	way(&n, "10.0.0.5", "10.0.0.5", "10.0.0.9"); /* the other one of that network takes over */
	way(&n, "198.51.100.7", GATEWAY, "10.0.0.9");
	ck_assert_int_eq(ip_address_delete(&n.ip, addr("10.0.0.9")), 0);
	way(&n, "10.0.0.5", NULL, NULL);
	ck_assert_int_eq(n.ip.routes, 0);
	ck_assert_int_eq(ip_route_lookup(&n.ip, addr("255.255.255.255"), NULL, NULL), ENETUNREACH);
	ck_assert_int_eq(ip_address_delete(&n.ip, addr("10.0.0.9")), EADDRNOTAVAIL);
	net_end(&n);
}
END_TEST

START_TEST(what_is_refused)
{
	struct net n;
	char text[PREFIX_TEXT_MAX];
	static const char *const bad[] = {"127.0.0.5/8", "224.0.0.5/24", "0.0.0.5/8", "192.0.2.255/24",
	                                  "255.255.255.255/32"};
	net_begin(&n);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(add(&n, bad[i]), EINVAL);
	ck_assert_int_eq(add(&n, US "/8"), EEXIST);
	for (int i = n.ip.addresses; i < IP_ADDRESSES_MAX; i++)
		ck_assert_int_eq(add(&n, prefix_format((struct ip_prefix){ip4(172, 16, (uint8_t)i, 1), 24}, text)), 0);
	ck_assert_int_eq(add(&n, "192.0.2.9/24"), ENOBUFS);
	net_end(&n);
}
END_TEST

/* RFC 826: a reply speaks for the address that was asked for; a request, for ours in the target's network. */
START_TEST(arp_speaks_for_the_right_one)
{
	struct net n;
	net_begin(&n);
	ck_assert_int_eq(add(&n, "192.0.2.9/25"), 0);
	in_arp(&n, REQUEST, PEER_MAC, PEER, "192.0.2.9");
	ck_assert(net_pull(&n));
	ck_assert_mem_eq(n.out + ETHER_HDR_LEN + 14, addr("192.0.2.9").b, 4);
	in_arp(&n, REQUEST, PEER_MAC, PEER, "127.0.0.1");
	ck_assert(!net_pull(&n));
	struct flat_frame *f = flat_new(&n.env, 60);
	ck_assert(f && arp_hold(&n.ip, addr("192.0.2.1"), f));
	ck_assert(net_pull(&n));
	ck_assert_mem_eq(n.out + ETHER_HDR_LEN + 14, addr("192.0.2.9").b, 4);
	net_end(&n);
}
END_TEST

Suite *address_suite(void);
Suite *address_suite(void)
{
	UNIT_SUITE("address", each_has_its_network, what_goes_with_one, what_is_refused, arp_speaks_for_the_right_one);
}
