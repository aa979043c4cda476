/* acd: RFC 5227. Probing, announcing and defending an address; what a tentative one is not. */
#include "ip/acd.h"
#include "ip/route.h"
#include "net.h"

#define NEW    "192.0.2.9"
#define NO_ONE "0.0.0.0"

struct agent {
	int events[IP_ADDRESS_EVENTS];
	struct ip_addr last;
	bool was_ours; /* in the upcall */
	struct net *n;
};

static void changed(void *ctx, struct ip_addr a, enum ip_address_event event)
{
	struct agent *g = ctx;
	g->events[event]++;
	g->last = a;
	g->was_ours = ip_is_ours(&g->n->ip, a);
}

static struct agent listen_to(struct net *n)
{
	return (struct agent){.n = n};
}

/* One more address, from a DHCP server or not. */
static void add(struct net *n, struct agent *g, enum ip_origin origin, enum ip_acd how)
{
	n->ip.address_changed = changed;
	n->ip.address_ctx = g;
	ck_assert_int_eq(ip_address_add(&n->ip, (struct ip_prefix){addr(NEW), 24}, origin, how), 0);
}

static void out_probe(struct net *n)
{
	out_arp_from(n, REQUEST, MAC_BROADCAST, NO_ONE, NEW);
	static const uint8_t zero[6];
	ck_assert_mem_eq(n->out + ETHER_HDR_LEN + 18, zero, 6);
}

static void out_announcement(struct net *n)
{
	out_arp_from(n, REQUEST, MAC_BROADCAST, NEW, NEW);
}

/* The next frame that the layer sends by its timers, and how long it took, in milliseconds. */
static int64_t wait_frame(struct net *n)
{
	for (int64_t ms = 0; ms <= 100000; ms++) {
		if (!list_empty(&n->ip.owed))
			return ms;
		net_pass(n, 1);
	}
	ck_abort_msg("no frame in 100 s");
}

static void between(int64_t ms, int64_t least, int64_t most)
{
	ck_assert_msg(ms >= least && ms <= most, "%lld ms, not %lld to %lld", (long long)ms, (long long)least,
	              (long long)most);
}

static void probed(struct net *n)
{
	between(wait_frame(n), 0, 1001);
	out_probe(n);
	net_reload(n);
	for (int i = 0; i < 2; i++) {
		between(wait_frame(n), 1000, 2001);
		out_probe(n);
		out_nothing(n);
	}
	net_reload(n);
}

START_TEST(three_probes_two_announcements)
{
	struct net n;
	net_begin(&n);
	struct agent g = listen_to(&n);
	add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
	probed(&n);
	net_pass(&n, 1999);
	out_nothing(&n);
	ck_assert(!ip_is_ours(&n.ip, addr(NEW)));
	net_pass(&n, 1);
	out_announcement(&n);
	ck_assert_int_eq(g.events[IP_ADDRESS_READY], 1);
	ck_assert(ip_eq(g.last, addr(NEW)) && g.was_ours);
	net_reload(&n);
	net_pass(&n, 1999);
	out_nothing(&n);
	net_pass(&n, 1);
	out_announcement(&n);
	net_pass(&n, 600000);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(the_delays_are_random)
{
	int64_t first[8], least = INT64_MAX, most = 0;
	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		struct net n;
		net_begin(&n);
		rng_seed(&n.env.rng, i);
		struct agent g = listen_to(&n);
		add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
		first[i] = wait_frame(&n);
		least = first[i] < least ? first[i] : least;
		most = first[i] > most ? first[i] : most;
		net_end(&n);
	}
	ck_assert_int_ge(most - least, 200);
}
END_TEST

START_TEST(a_tentative_address_is_not_ours)
{
	struct net n;
	struct ip_addr hop, source;
	net_begin(&n);
	struct agent g = listen_to(&n);
	add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
	for (int i = 0; i < 2; i++) {
		ck_assert(!ip_is_ours(&n.ip, addr(NEW)) && !ip_is_broadcast(&n.ip, addr("192.0.2.255")));
		ck_assert(route_next_hop(&n.ip, addr("192.0.2.1"), &hop, &source));
		ck_assert(ip_eq(hop, addr(GATEWAY)) && ip_eq(source, addr(US)));
		ck_assert_int_eq(
		        ip_address_add(&n.ip, (struct ip_prefix){addr(NEW), 24}, IP_ORIGIN_STATIC, IP_ACD_NONE),
		        EEXIST);
		in_arp(&n, REQUEST, PEER_MAC, PEER, NEW); /* not answered: it is not ours */
		out_nothing(&n);
		in_ip(&n, (struct ip_spec){.dst = NEW, .protocol = 99});
		net_expect_drop(&n, CNT_IpInAddrErrors);
		net_reload(&n);
	}
	ck_assert_int_eq(ip_address_delete(&n.ip, addr(NEW)), 0);
	net_pass(&n, 20000);
	out_nothing(&n);
	ck_assert_int_eq(ip_address_delete(&n.ip, addr(NEW)), EADDRNOTAVAIL);
	net_end(&n);
}
END_TEST

/* RFC 5227 2.1.1: each of these ends the test, at any time in it. */
START_TEST(an_address_in_use_is_refused)
{
	static const struct {
		uint16_t op;
		const char *spa, *tpa;
	} claims[] = {{REPLY, NEW, NO_ONE}, {REQUEST, NEW, PEER}, {REQUEST, NEW, NEW}, {REQUEST, NO_ONE, NEW}};
	for (size_t i = 0; i < ARRAY_LEN(claims) * 2; i++) {
		struct net n;
		net_begin(&n);
		struct agent g = listen_to(&n);
		add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
		if (i >= ARRAY_LEN(claims)) {
			probed(&n);
			net_pass(&n, 1999);
		}
		in_arp(&n, claims[i % ARRAY_LEN(claims)].op, EVIL_MAC, claims[i % ARRAY_LEN(claims)].spa,
		       claims[i % ARRAY_LEN(claims)].tpa);
		net_expect_drop(&n, CNT_ArpProbeConflicts);
		ck_assert_int_eq(g.events[IP_ADDRESS_CONFLICT], 1);
		ck_assert(mac_eq(n.ip.acd.claimant, EVIL_MAC) && !g.was_ours);
		net_pass(&n, 100000);
		out_nothing(&n);
		ck_assert_int_eq(ip_address_delete(&n.ip, addr(NEW)), EADDRNOTAVAIL);
		net_end(&n);
	}
}
END_TEST

START_TEST(our_own_probe_come_back_is_no_conflict)
{
	struct net n;
	net_begin(&n);
	struct agent g = listen_to(&n);
	add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
	in_arp(&n, REQUEST, US_MAC, NO_ONE, NEW);
	in_arp(&n, REPLY, EVIL_MAC, PEER, NEW); /* a reply, and not for it */
	in_arp(&n, REQUEST, EVIL_MAC, PEER, NEW);
	ck_assert_int_eq(g.events[IP_ADDRESS_CONFLICT], 0);
	probed(&n);
	net_end(&n);
}
END_TEST

START_TEST(ten_conflicts_slow_the_tests_down)
{
	struct net n;
	net_begin(&n);
	struct agent g = listen_to(&n);
	for (int i = 0; i < ACD_MAX_CONFLICTS; i++) {
		add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
		between(wait_frame(&n), 0, 1001);
		out_probe(&n);
		in_arp(&n, REPLY, EVIL_MAC, NEW, NO_ONE);
	}
	instant last = n.ip.acd.attempted;
	for (int i = 0; i < 3; i++) {
		add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
		net_reload(&n);
		in_arp(&n, REPLY, EVIL_MAC, NEW, NO_ONE); /* the test has not begun: nobody asked */
		ck_assert_int_eq(g.events[IP_ADDRESS_CONFLICT], ACD_MAX_CONFLICTS + i);
		wait_frame(&n);
		ck_assert_int_ge(instant_since(n.env.now, last).ns, ACD_RATE_LIMIT_INTERVAL.ns);
		last = n.ip.acd.attempted;
		out_probe(&n);
		in_arp(&n, REPLY, EVIL_MAC, NEW, NO_ONE);
	}
	net_end(&n);
}
END_TEST

START_TEST(a_static_address_is_tested_again_each_minute)
{
	struct net n;
	struct ip_addr hop, source;
	net_begin_as(&n, IP_ACD_PROBE, (struct link_caps){0});
	struct agent g = listen_to(&n);
	n.ip.address_changed = changed;
	n.ip.address_ctx = &g;
	ck_assert_int_eq(n.ip.addresses, 0);
	ck_assert(!route_next_hop(&n.ip, addr("192.0.2.1"), &hop, &source));
	for (int i = 1; i <= 2; i++) {
		wait_frame(&n);
		out_arp_from(&n, REQUEST, MAC_BROADCAST, NO_ONE, US);
		in_arp(&n, REPLY, EVIL_MAC, US, NO_ONE);
		ck_assert_int_eq(g.events[IP_ADDRESS_CONFLICT], i);
		net_pass(&n, 59999);
		out_nothing(&n);
	}
	net_reload(&n);
	for (int i = 0; i < 3; i++) {
		wait_frame(&n);
		out_arp_from(&n, REQUEST, MAC_BROADCAST, NO_ONE, US);
	}
	net_pass(&n, 2000);
	out_arp_from(&n, REQUEST, MAC_BROADCAST, US, US);
	ck_assert_int_eq(g.events[IP_ADDRESS_READY], 1);
	/* The configured router came with the configured address. */
	ck_assert(route_next_hop(&n.ip, addr("192.0.2.1"), &hop, &source) && ip_eq(hop, addr(GATEWAY)));
	net_end(&n);
}
END_TEST

START_TEST(an_announced_address_is_ours_at_once)
{
	struct net n;
	net_begin(&n);
	struct agent g = listen_to(&n);
	add(&n, &g, IP_ORIGIN_STATIC, IP_ACD_ANNOUNCE);
	ck_assert(ip_is_ours(&n.ip, addr(NEW)));
	net_reload(&n);
	net_pass(&n, 0);
	out_announcement(&n);
	out_nothing(&n);
	net_pass(&n, 1999);
	out_nothing(&n);
	net_reload(&n);
	net_pass(&n, 1);
	out_announcement(&n);
	net_pass(&n, 600000);
	out_nothing(&n);
	ck_assert_int_eq(g.events[IP_ADDRESS_READY], 0);
	net_end(&n);
}
END_TEST

static void announced(struct net *n, struct agent *g, enum ip_origin origin)
{
	*g = listen_to(n);
	add(n, g, origin, IP_ACD_ANNOUNCE);
	net_pass(n, 0);
	out_announcement(n);
	net_pass(n, 2000);
	out_announcement(n);
}

/* RFC 5227 2.4 (c) */
START_TEST(a_static_address_is_defended_once_in_ten_seconds)
{
	struct net n;
	struct agent g;
	net_begin(&n);
	announced(&n, &g, IP_ORIGIN_STATIC);
	for (int i = 1; i <= 3; i++) {
		in_arp(&n, REPLY, EVIL_MAC, NEW, NEW);
		net_expect_drop(&n, CNT_ArpInConflicts);
		out_announcement(&n);
		ck_assert_int_eq(g.events[IP_ADDRESS_CLAIMED], i);
		net_reload(&n);
		net_pass(&n, 9999);
		in_arp(&n, REQUEST, EVIL_MAC, NEW, PEER);
		net_expect_drop(&n, CNT_ArpInConflicts);
		out_nothing(&n);
		net_pass(&n, 1);
	}
	ck_assert_int_eq(g.events[IP_ADDRESS_CLAIMED], 3);
	ck_assert_uint_eq(n.cnt.v[CNT_ArpInConflicts], 6);
	ck_assert(ip_is_ours(&n.ip, addr(NEW)));
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	net_end(&n);
}
END_TEST

/* RFC 5227 2.4 (b) */
START_TEST(a_leased_address_is_defended_once_and_then_given_up)
{
	struct net n;
	struct agent g;
	net_begin(&n);
	announced(&n, &g, IP_ORIGIN_DHCP);
	in_arp(&n, REPLY, EVIL_MAC, NEW, NEW);
	out_announcement(&n);
	net_pass(&n, 10000);
	in_arp(&n, REPLY, EVIL_MAC, NEW, NEW);
	out_announcement(&n);
	ck_assert_int_eq(g.events[IP_ADDRESS_LOST], 0);
	net_reload(&n);
	net_pass(&n, 9999);
	in_arp(&n, REPLY, EVIL_MAC, NEW, NEW);
	out_nothing(&n);
	ck_assert_int_eq(g.events[IP_ADDRESS_LOST], 1);
	ck_assert(g.was_ours); /* in the upcall, so that connections can be reset */
	ck_assert(!ip_is_ours(&n.ip, addr(NEW)));
	net_end(&n);
}
END_TEST

/* RFC 5227 2.5 */
START_TEST(probes_are_answered)
{
	struct net n;
	struct agent g;
	net_begin(&n);
	announced(&n, &g, IP_ORIGIN_STATIC);
	in_arp(&n, REQUEST, EVIL_MAC, NO_ONE, NEW);
	out_arp_from(&n, REPLY, EVIL_MAC, NEW, NO_ONE);
	ck_assert_int_eq(g.events[IP_ADDRESS_CLAIMED], 0);
	net_end(&n);
}
END_TEST

START_TEST(off_counts_and_tells)
{
	struct net n;
	net_begin(&n);
	struct agent g = listen_to(&n);
	add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_NONE);
	for (int i = 0; i < 5; i++) {
		in_arp(&n, REPLY, EVIL_MAC, NEW, NEW);
		net_expect_drop(&n, CNT_ArpInConflicts);
		out_nothing(&n);
	}
	ck_assert_int_eq(g.events[IP_ADDRESS_CLAIMED], 1);
	ck_assert(ip_is_ours(&n.ip, addr(NEW)));
	net_end(&n);
}
END_TEST

static void give_back(void *ctx, struct ip_addr a, enum ip_address_event event)
{
	struct net *n = ctx;
	(void)ip_address_delete(&n->ip, a);
	if (event == IP_ADDRESS_CONFLICT)
		ck_assert_int_eq(ip_address_add(&n->ip, (struct ip_prefix){a, 24}, IP_ORIGIN_DHCP, IP_ACD_ANNOUNCE), 0);
}

START_TEST(addresses_change_in_the_upcall)
{
	struct net n;
	net_begin(&n);
	struct agent g = listen_to(&n);
	add(&n, &g, IP_ORIGIN_DHCP, IP_ACD_PROBE);
	n.ip.address_changed = give_back;
	n.ip.address_ctx = &n;
	in_arp(&n, REPLY, EVIL_MAC, NEW, NO_ONE);
	ck_assert(ip_is_ours(&n.ip, addr(NEW)));
	net_pass(&n, 0);
	out_announcement(&n);
	in_arp(&n, REPLY, EVIL_MAC, NEW, NEW);
	out_announcement(&n);
	ck_assert(!ip_is_ours(&n.ip, addr(NEW)));
	net_end(&n);
}
END_TEST

Suite *acd_suite(void);
Suite *acd_suite(void)
{
	UNIT_SUITE("acd", three_probes_two_announcements, the_delays_are_random, a_tentative_address_is_not_ours,
	           an_address_in_use_is_refused, our_own_probe_come_back_is_no_conflict,
	           ten_conflicts_slow_the_tests_down, a_static_address_is_tested_again_each_minute,
	           an_announced_address_is_ours_at_once, a_static_address_is_defended_once_in_ten_seconds,
	           a_leased_address_is_defended_once_and_then_given_up, probes_are_answered, off_counts_and_tells,
	           addresses_change_in_the_upcall);
}
