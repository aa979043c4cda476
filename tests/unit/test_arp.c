/* arp: resolution with a queue, ageing and refresh, what is learned and what is not. */
#include "net.h"

#define THIRD "10.0.0.3"

/* A UDP datagram of ours, one byte of payload that tells it apart. */
static enum ip_sent send_one(struct net *n, const char *dst, uint8_t mark)
{
	struct frame_out f;
	struct ip_tx tx = {.src = addr(US), .dst = addr(dst), .protocol = IP_PROTO_UDP, .ttl = 64};
	frame_begin(&f);
	uint8_t *p = frame_prepend(&f, 9);
	memset(p, 0, 9);
	p[8] = mark;
	enum ip_sent sent = ip_output(&n->ip, &f, &tx);
	if (sent == IP_FRAME_READY)
		keep_out(n, &f);
	return sent;
}

static void ready(struct net *n, const char *dst, struct mac_addr to, uint8_t mark)
{
	uint32_t len;
	ck_assert_int_eq(send_one(n, dst, mark), IP_FRAME_READY);
	ck_assert_uint_eq(check_ip(n, to, US, dst, IP_PROTO_UDP, &len)[8], mark);
}

static void taken(struct net *n, const char *dst, uint8_t mark)
{
	ck_assert_int_eq(send_one(n, dst, mark), IP_FRAME_TAKEN);
}

static void released(struct net *n, const char *dst, struct mac_addr to, uint8_t mark)
{
	uint32_t len;
	ck_assert_uint_eq(out_ip(n, to, US, dst, IP_PROTO_UDP, &len)[8], mark);
}

START_TEST(resolves_and_releases_in_order)
{
	struct net n;
	net_begin(&n);
	taken(&n, PEER, 1);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	taken(&n, PEER, 2);
	out_nothing(&n);
	net_reload(&n);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	net_reload(&n);
	released(&n, PEER, PEER_MAC, 1);
	released(&n, PEER, PEER_MAC, 2);
	out_nothing(&n);
	ready(&n, PEER, PEER_MAC, 3);
	net_end(&n);
}
END_TEST

START_TEST(one_request_a_second_then_failure)
{
	struct net n;
	net_begin(&n);
	taken(&n, PEER, 1);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	net_pass(&n, 999);
	taken(&n, PEER, 2);
	out_nothing(&n);
	net_pass(&n, 1);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	net_reload(&n);
	net_pass(&n, 1000);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	net_pass(&n, 1000);
	out_nothing(&n);
	net_expect_drop(&n, CNT_ArpFailedDrops);
	ck_assert_uint_eq(n.cnt.v[CNT_ArpFailed], 1);
	ck_assert_uint_eq(n.cnt.v[CNT_ArpFailedDrops], 2);
	net_end(&n);
}
END_TEST

struct heard {
	int calls, error;
	struct ip_addr dst;
	uint32_t quoted_len;
};

static void hear(void *ctx, const struct ip_error *e)
{
	struct heard *h = ctx;
	h->calls++;
	h->error = e->error;
	h->dst = e->dst;
	h->quoted_len = e->quoted_len;
}

START_TEST(failure_is_reported_to_the_transport)
{
	struct net n;
	struct heard h = {0};
	net_begin(&n);
	ip_register(&n.ip, IP_PROTO_UDP, (struct ip_handler){.error = hear, .ctx = &h});
	taken(&n, PEER, 1);
	net_pass(&n, 3000);
	ck_assert_int_eq(h.calls, 1);
	ck_assert_int_eq(h.error, EHOSTUNREACH);
	ck_assert(ip_eq(h.dst, addr(PEER)));
	ck_assert_uint_eq(h.quoted_len, 9);
	net_end(&n);
}
END_TEST

START_TEST(the_queue_keeps_the_latest)
{
	struct net n;
	net_begin(&n);
	for (int i = 0; i < ARP_QUEUE_FRAMES_MAX + 2; i++)
		taken(&n, PEER, (uint8_t)i);
	net_expect_drop(&n, CNT_ArpQueueDrops);
	ck_assert_uint_eq(n.cnt.v[CNT_ArpQueueDrops], 2);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	for (int i = 2; i < ARP_QUEUE_FRAMES_MAX + 2; i++)
		released(&n, PEER, PEER_MAC, (uint8_t)i);
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.arp_queued, 0);
	net_end(&n);
}
END_TEST

START_TEST(unused_entries_age_out)
{
	struct net n;
	net_begin_known(&n);
	net_pass(&n, 60000);
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	net_end(&n);
}
END_TEST

START_TEST(the_timeout_can_be_configured)
{
	struct net n;
	net_begin(&n);
	n.ip.cfg.arp_timeout = DURATION_S(5);
	in_arp(&n, REQUEST, PEER_MAC, PEER, US);
	out_arp(&n, REPLY, PEER_MAC, PEER);
	ready(&n, PEER, PEER_MAC, 1);
	net_pass(&n, 4999);
	out_nothing(&n);
	net_pass(&n, 1);
	out_arp(&n, REQUEST, PEER_MAC, PEER);
	net_end(&n);
}
END_TEST

START_TEST(used_entries_are_refreshed_by_unicast)
{
	struct net n;
	net_begin_known(&n);
	ready(&n, PEER, PEER_MAC, 1);
	net_pass(&n, 60000);
	out_arp(&n, REQUEST, PEER_MAC, PEER);
	ready(&n, PEER, PEER_MAC, 2); /* still used */
	net_reload(&n);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	net_pass(&n, 59999);
	out_nothing(&n);
	ready(&n, PEER, PEER_MAC, 3);
	net_pass(&n, 1);
	out_arp(&n, REQUEST, PEER_MAC, PEER);
	net_pass(&n, 1000);
	out_arp(&n, REQUEST, PEER_MAC, PEER);
	net_pass(&n, 1000);
	out_arp(&n, REQUEST, PEER_MAC, PEER);
	ready(&n, PEER, PEER_MAC, 4);
	net_pass(&n, 1000);
	out_nothing(&n);
	taken(&n, PEER, 5);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	net_end(&n);
}
END_TEST

START_TEST(what_waited_was_a_use)
{
	struct net n;
	net_begin(&n);
	taken(&n, PEER, 1);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	released(&n, PEER, PEER_MAC, 1);
	net_pass(&n, 60000);
	out_arp(&n, REQUEST, PEER_MAC, PEER);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	net_pass(&n, 60000); /* not used since: it goes */
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	net_end(&n);
}
END_TEST

START_TEST(a_known_station_may_move)
{
	struct net n;
	net_begin_known(&n);
	net_pass(&n, 1000);
	in_arp(&n, REPLY, EVIL_MAC, PEER, THIRD); /* RFC 826: merged whoever is the target */
	ready(&n, PEER, EVIL_MAC, 1);
	net_pass(&n, 1000);
	in_arp(&n, REQUEST, PEER_MAC, PEER, PEER); /* gratuitous */
	ready(&n, PEER, PEER_MAC, 2);
	net_end(&n);
}
END_TEST

START_TEST(an_answer_just_come_is_not_overruled)
{
	struct net n;
	net_begin(&n);
	taken(&n, PEER, 1);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	released(&n, PEER, PEER_MAC, 1);
	net_reload(&n);
	net_pass(&n, 999);
	in_arp(&n, REPLY, EVIL_MAC, PEER, US);
	in_arp(&n, REQUEST, EVIL_MAC, PEER, PEER);
	ck_assert_uint_eq(n.cnt.v[CNT_ArpInLocked], 2);
	ready(&n, PEER, PEER_MAC, 2);
	in_arp(&n, REPLY, PEER_MAC, PEER, US); /* the same again: confirmed anew */
	net_pass(&n, 999);
	in_arp(&n, REPLY, EVIL_MAC, PEER, US);
	ready(&n, PEER, PEER_MAC, 3);
	ck_assert_uint_eq(n.cnt.v[CNT_ArpInLocked], 3);
	net_end(&n);
}
END_TEST

/* A datagram to nobody: ARP_FAILED after three seconds. */
static void net_begin_failed(struct net *n, struct heard *h)
{
	net_begin(n);
	ip_register(&n->ip, IP_PROTO_UDP, (struct ip_handler){.error = hear, .ctx = h});
	taken(n, PEER, 0);
	net_pass(n, 3000);
	for (int i = 0; i < ARP_TRIES_MAX; i++)
		out_arp(n, REQUEST, MAC_BROADCAST, PEER);
	out_nothing(n);
	ck_assert_int_eq(h->calls, 1);
	ck_assert_uint_eq(n->ip.arp_failed, 1);
}

START_TEST(a_failed_address_fails_at_once_and_is_asked_for_once_a_second)
{
	struct net n;
	struct heard h = {0};
	net_begin_failed(&n, &h);
	for (int i = 1; i <= 3; i++) {
		/* The frame that asks again waits for the answer; its transport hears all the same. */
		taken(&n, PEER, 1);
		out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
		ck_assert_int_eq(h.calls, 5 * i - 4); /* not within the call */
		net_reload(&n);
		net_pass(&n, 0);
		ck_assert_int_eq(h.calls, 5 * i - 3);
		ck_assert_int_eq(h.error, EHOSTUNREACH);
		ck_assert_uint_eq(h.quoted_len, 9);
		for (uint8_t j = 0; j < 4; j++)
			ck_assert_int_eq(send_one(&n, PEER, j), IP_FRAME_DROPPED);
		net_expect_drop(&n, CNT_ArpFailedDrops);
		out_nothing(&n);
		net_reload(&n);
		net_pass(&n, 999);
		ck_assert_int_eq(h.calls, 5 * i + 1);
		out_nothing(&n);
		net_pass(&n, 1);
		out_nothing(&n);
		ck_assert_uint_eq(n.cnt.v[CNT_ArpFailedDrops], 1 + 5u * (uint32_t)i);
	}
	ck_assert_uint_eq(n.ip.arp_queued, 0);
	net_end(&n);
}
END_TEST

START_TEST(a_station_come_back_gets_the_frame_that_asked)
{
	struct net n;
	struct heard h = {0};
	net_begin_failed(&n, &h);
	taken(&n, PEER, 7);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	released(&n, PEER, PEER_MAC, 7);
	ready(&n, PEER, PEER_MAC, 8);
	ck_assert_uint_eq(n.ip.arp_failed, 0);
	ck_assert_uint_eq(n.ip.arp_unresolved, 0);
	net_end(&n);
}
END_TEST

START_TEST(any_packet_of_the_station_ends_the_failure)
{
	struct net n;
	struct heard h = {0};
	net_begin_failed(&n, &h);
	in_arp(&n, REQUEST, PEER_MAC, PEER, THIRD);
	ready(&n, PEER, PEER_MAC, 1);
	net_end(&n);
}
END_TEST

START_TEST(a_failure_that_nobody_minds_is_forgotten)
{
	struct net n;
	struct heard h = {0};
	net_begin_failed(&n, &h);
	net_pass(&n, 9999);
	ck_assert_uint_eq(n.ip.arp_table.count, 1);
	net_reload(&n);
	net_pass(&n, 1);
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	taken(&n, PEER, 1); /* waits again */
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	net_end(&n);
}
END_TEST

START_TEST(a_suspicion_asks_no_sooner)
{
	struct net n;
	net_begin(&n);
	taken(&n, PEER, 1);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	released(&n, PEER, PEER_MAC, 1);
	net_pass(&n, 400);
	arp_suspect(&n.ip, addr(PEER));
	out_nothing(&n);
	net_reload(&n);
	net_pass(&n, 599);
	out_nothing(&n);
	net_pass(&n, 1);
	out_arp(&n, REQUEST, PEER_MAC, PEER);
	net_end(&n);
}
END_TEST

START_TEST(static_entries_are_not_asked_for_and_not_changed)
{
	struct net n;
	struct ip_neighbor seen;
	net_begin(&n);
	taken(&n, PEER, 1);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr(PEER), PEER_MAC), 0);
	released(&n, PEER, PEER_MAC, 1);
	ck_assert_int_eq(ip_neighbor_delete(&n.ip, addr(PEER)), EBUSY); /* it was asked for just now */
	for (int i = 1; i <= 2; i++) {
		net_pass(&n, 600000);
		ready(&n, PEER, PEER_MAC, 2);
		in_arp(&n, REPLY, EVIL_MAC, PEER, US);
		ck_assert_uint_eq(n.cnt.v[CNT_ArpInStaticConflicts], (uint64_t)i);
		arp_suspect(&n.ip, addr(PEER));
		out_nothing(&n);
		ready(&n, PEER, PEER_MAC, 3);
		net_reload(&n);
	}
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	ck_assert_uint_eq(n.cnt.v[CNT_ArpInStaticConflicts], 2);
	ck_assert(ip_neighbor_next(&n.ip, (struct ip_addr){0}, &seen));
	ck_assert_int_eq(seen.state, ARP_STATIC);
	ck_assert(mac_eq(seen.mac, PEER_MAC));
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr(PEER), EVIL_MAC), 0);
	ready(&n, PEER, EVIL_MAC, 4);
	ck_assert_int_eq(ip_neighbor_delete(&n.ip, addr(PEER)), 0);
	ck_assert_int_eq(ip_neighbor_delete(&n.ip, addr(PEER)), ESRCH);
	ck_assert_uint_eq(n.ip.arp_static, 0);
	taken(&n, PEER, 5);
	net_end(&n);
}
END_TEST

START_TEST(static_entries_that_are_refused)
{
	struct net n;
	static const char *const bad[] = {US, "10.0.0.255", "192.0.2.1", "224.0.0.1", "127.0.0.1", "0.0.0.0"};
	net_begin(&n);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(ip_neighbor_add(&n.ip, addr(bad[i]), PEER_MAC), EINVAL);
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr(PEER), MAC_BROADCAST), EINVAL);
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr(PEER), ZERO_MAC), EINVAL);
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr(PEER), US_MAC), EINVAL);
	n.ip.address[0].prefix.len = 16;
	for (uint32_t i = 0; i < ARP_STATIC_MAX; i++)
		ck_assert_int_eq(ip_neighbor_add(&n.ip, ip4_from_u32(0x0a000100 + i), PEER_MAC), 0);
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr(PEER), PEER_MAC), ENOBUFS);
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr("10.0.1.7"), EVIL_MAC), 0); /* one that is there */
	net_end(&n);
}
END_TEST

START_TEST(neighbors_are_listed_by_address)
{
	struct net n;
	struct ip_neighbor seen = {0};
	net_begin_known(&n);
	taken(&n, "10.0.0.200", 1);
	taken(&n, "10.0.0.200", 2);
	ck_assert_int_eq(ip_neighbor_add(&n.ip, addr("10.0.0.100"), EVIL_MAC), 0);
	net_pass(&n, 1500);
	ck_assert(ip_neighbor_next(&n.ip, seen.addr, &seen) && ip_eq(seen.addr, addr(PEER)));
	ck_assert(seen.state == ARP_REACHABLE && mac_eq(seen.mac, PEER_MAC) && seen.queued == 0);
	ck_assert_int_eq(seen.age.ns, 1500 * NS_PER_MS);
	ck_assert(ip_neighbor_next(&n.ip, seen.addr, &seen) && ip_eq(seen.addr, addr("10.0.0.100")));
	ck_assert_int_eq(seen.state, ARP_STATIC);
	ck_assert(ip_neighbor_next(&n.ip, seen.addr, &seen) && ip_eq(seen.addr, addr("10.0.0.200")));
	ck_assert(seen.state == ARP_INCOMPLETE && seen.queued == 2 && seen.tries == 2);
	ck_assert(!ip_neighbor_next(&n.ip, seen.addr, &seen));
	net_end(&n);
}
END_TEST

START_TEST(only_requests_to_us_teach_new_stations)
{
	struct net n;
	net_begin(&n);
	in_arp(&n, REQUEST, PEER_MAC, PEER, THIRD);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	in_arp(&n, REPLY, PEER_MAC, PEER, PEER);
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	out_nothing(&n);
	in_arp(&n, REQUEST, PEER_MAC, PEER, US);
	out_arp(&n, REPLY, PEER_MAC, PEER);
	ck_assert_uint_eq(n.ip.arp_table.count, 1);
	ready(&n, PEER, PEER_MAC, 1);
	in_arp(&n, REQUEST, EVIL_MAC, "192.168.7.7", US); /* not on our link: answered, not learned */
	out_arp(&n, REPLY, EVIL_MAC, "192.168.7.7");
	ck_assert_uint_eq(n.ip.arp_table.count, 1);
	net_end(&n);
}
END_TEST

START_TEST(our_address_is_defended)
{
	struct net n;
	net_begin(&n);
	in_arp(&n, REPLY, EVIL_MAC, US, US);
	net_expect_drop(&n, CNT_ArpInConflicts);
	in_arp(&n, REQUEST, EVIL_MAC, US, PEER);
	net_expect_drop(&n, CNT_ArpInConflicts);
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	in_arp(&n, REQUEST, EVIL_MAC, "0.0.0.0", US); /* RFC 5227: a probe */
	out_arp(&n, REPLY, EVIL_MAC, "0.0.0.0");
	ck_assert_uint_eq(n.ip.arp_table.count, 0);
	net_end(&n);
}
END_TEST

START_TEST(malformed_packets_are_counted)
{
	struct net n;
	net_begin(&n);
	in_arp(&n, REQUEST, PEER_MAC, "10.0.0.255", US);
	net_expect_drop(&n, CNT_ArpInErrors);
	in_arp(&n, REQUEST, PEER_MAC, "224.0.0.9", US);
	net_expect_drop(&n, CNT_ArpInErrors);
	in_arp(&n, REQUEST, MAC_BROADCAST, PEER, US);
	net_expect_drop(&n, CNT_ArpInErrors);
	in_arp(&n, 3, PEER_MAC, PEER, US);
	net_expect_drop(&n, CNT_ArpInErrors);
	uint64_t before = n.cnt.v[CNT_ArpInErrors];
	for (uint32_t len = 0; len < 28; len++)
		frame_in_off(&n, ETHER_HDR_LEN + len, (struct offload){0});
	ck_assert_uint_eq(n.cnt.v[CNT_ArpInErrors], before + 28);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(a_flood_of_claims_displaces_nobody_in_use)
{
	struct net n;
	net_begin_known(&n);
	struct ip_prefix wide = {addr(US), 16};
	n.ip.address[0].prefix = wide;
	ready(&n, PEER, PEER_MAC, 1);
	for (int i = 0; i < 3 * ARP_ENTRIES_MAX; i++) {
		char text[IP_ADDR_TEXT_MAX];
		in_arp(&n, REQUEST, EVIL_MAC,
		       ip_format(ip4(10, 0, (uint8_t)(1 + i / 200), (uint8_t)(1 + i % 200)), text), US);
		net_pull(&n);
	}
	ck_assert_uint_eq(n.ip.arp_table.count, ARP_ENTRIES_MAX);
	ready(&n, PEER, PEER_MAC, 2);
	net_end(&n);
}
END_TEST

/* Frames to many addresses that nobody has. */
static void resolve_many(struct net *n)
{
	n->ip.cfg.address.len = 16;
	n->ip.route[0].prefix = (struct ip_prefix){addr("10.0.0.0"), 16};
	for (int i = 0; i < ARP_UNRESOLVED_MAX; i++) {
		char text[IP_ADDR_TEXT_MAX];
		taken(n, ip_format(ip4(10, 0, (uint8_t)(1 + i / 200), (uint8_t)(1 + i % 200)), text), 1);
		net_pull(n);
	}
	ck_assert_uint_eq(n->ip.arp_unresolved, ARP_UNRESOLVED_MAX);
}

START_TEST(so_many_resolve_at_once)
{
	struct net n;
	net_begin(&n);
	resolve_many(&n);
	ck_assert_int_eq(send_one(&n, PEER, 1), IP_FRAME_DROPPED);
	net_expect_drop(&n, CNT_ArpTableFull);
	net_reload(&n);
	ck_assert_uint_eq(n.ip.arp_unresolved, ARP_UNRESOLVED_MAX);
	for (int second = 0; second < ARP_TRIES_MAX; second++) {
		net_pass(&n, 1000);
		net_pull(&n);
	}
	/* Now they are ARP_FAILED, and each makes room for a new one. */
	ck_assert_uint_eq(n.ip.arp_failed, ARP_UNRESOLVED_MAX);
	taken(&n, PEER, 2);
	ck_assert_uint_eq(n.ip.arp_failed, ARP_UNRESOLVED_MAX - 1);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	ck_assert_uint_eq(n.ip.arp_unresolved, ARP_UNRESOLVED_MAX - 1);
	net_end(&n);
}
END_TEST

/* An application that sends to everybody does not take away the station that another one talks to. */
START_TEST(a_flood_of_resolutions_displaces_nobody_in_use)
{
	struct net n;
	net_begin_known(&n);
	ready(&n, PEER, PEER_MAC, 1);
	resolve_many(&n);
	ck_assert_int_eq(send_one(&n, THIRD, 1), IP_FRAME_DROPPED);
	net_expect_drop(&n, CNT_ArpTableFull);
	ready(&n, PEER, PEER_MAC, 2);
	net_end(&n);
}
END_TEST

/* Every address of a /16 in turn, all the time: what is asked is noted by the low half of the address. */
START_TEST(no_address_is_asked_for_twice_in_a_second)
{
	static instant asked[65536];
	struct net n;
	net_begin(&n);
	n.ip.address[0].prefix.len = 16;
	n.ip.route[0].prefix = (struct ip_prefix){addr("10.0.0.0"), 16};
	in_arp(&n, REQUEST, PEER_MAC, PEER, US);
	out_arp(&n, REPLY, PEER_MAC, PEER);
	ready(&n, PEER, PEER_MAC, 1);
	for (uint32_t i = 0; i < 65536; i++)
		asked[i] = INSTANT_NEVER;
	size_t most = 0;
	uint64_t requests = 0, wrong = 0; /* one assertion for all: each writes to a file */
	for (uint32_t i = 0; i < 2 * 65536; i++) {
		struct frame_out f;
		/* Long enough for some to fail and to be displaced; the first thousand come again soon. */
		uint32_t host = i % 3 ? i % 65536 : rng_below(&n.env.rng, 1024);
		struct ip_tx tx = {.src = addr(US), .dst = ip4_from_u32(0x0a000000 + host), .protocol = 99, .ttl = 64};
		if (host <= 2 || host == 65535)
			continue;
		frame_begin(&f);
		memset(frame_prepend(&f, 9), 0, 9);
		wrong += ip_output(&n.ip, &f, &tx) == IP_FRAME_READY;
		while (ip_pull(&n.ip, &f)) {
			const uint8_t *tpa = frame_hdr_const(&f) + ETHER_HDR_LEN + 24;
			instant *last = &asked[tpa[2] << 8 | tpa[3]];
			wrong += load_be16(frame_hdr_const(&f) + 12) != ETHER_TYPE_ARP;
			wrong += !instant_is_never(*last) &&
			         instant_since(n.env.now, *last).ns < ARP_REQUEST_INTERVAL.ns;
			*last = n.env.now;
			requests++;
		}
		if (i % 64 == 0) {
			net_pass(&n, 10);
			ready(&n, PEER, PEER_MAC, 1); /* in use all the time: not displaced */
		}
		most = n.env.allocated > most ? n.env.allocated : most;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_le(n.ip.arp_table.count, ARP_ENTRIES_MAX);
	ck_assert_uint_le(n.ip.arp_unresolved, ARP_UNRESOLVED_MAX);
	ck_assert_uint_gt(requests, 2 * ARP_ENTRIES_MAX);
	ck_assert_uint_lt(most, 1u << 20);
	net_end(&n);
}
END_TEST

START_TEST(no_memory_at_any_allocation)
{
	for (uint64_t k = 1; k < 8; k++) {
		struct net n;
		net_begin(&n);
		n.env.fail_at = n.env.allocations + k;
		send_one(&n, PEER, 1);
		in_arp(&n, REPLY, PEER_MAC, PEER, US);
		in_arp(&n, REQUEST, EVIL_MAC, THIRD, US);
		net_end(&n);
	}
}
END_TEST

Suite *arp_suite(void);
Suite *arp_suite(void)
{
	UNIT_SUITE("arp", the_timeout_can_be_configured, an_answer_just_come_is_not_overruled,
	           a_failed_address_fails_at_once_and_is_asked_for_once_a_second,
	           a_station_come_back_gets_the_frame_that_asked, any_packet_of_the_station_ends_the_failure,
	           a_failure_that_nobody_minds_is_forgotten, a_suspicion_asks_no_sooner,
	           static_entries_are_not_asked_for_and_not_changed, static_entries_that_are_refused,
	           neighbors_are_listed_by_address, no_address_is_asked_for_twice_in_a_second,
	           resolves_and_releases_in_order, one_request_a_second_then_failure,
	           failure_is_reported_to_the_transport, the_queue_keeps_the_latest, unused_entries_age_out,
	           used_entries_are_refreshed_by_unicast, what_waited_was_a_use, a_known_station_may_move,
	           only_requests_to_us_teach_new_stations, our_address_is_defended, malformed_packets_are_counted,
	           a_flood_of_claims_displaces_nobody_in_use, so_many_resolve_at_once,
	           a_flood_of_resolutions_displaces_nobody_in_use, no_memory_at_any_allocation);
}
