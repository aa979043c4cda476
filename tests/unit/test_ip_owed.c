/* ip_owed: order, the bound, and frames that were built for another link. */
#include "ip/ip_owed.h"
#include "net.h"

static void send_copy(struct net *n, uint8_t mark)
{
	uint8_t packet[20] = {mark};
	struct ip_tx tx = {.src = addr(US), .dst = addr(PEER), .protocol = IP_PROTO_TCP, .ttl = 64};
	ip_send_copy(&n->ip, &tx, packet, sizeof(packet), 16);
}

static void pulled(struct net *n, uint8_t mark)
{
	uint32_t len;
	const uint8_t *p = out_ip(n, PEER_MAC, US, PEER, IP_PROTO_TCP, &len);
	ck_assert_uint_eq(p[0], mark);
	ck_assert_uint_eq(csum_finish(csum_add(csum_pseudo(addr(US), addr(PEER), 6, len), p, len)), 0);
}

START_TEST(first_in_first_out_across_a_reload)
{
	struct net n;
	net_begin_known(&n);
	for (uint8_t i = 1; i <= 3; i++)
		send_copy(&n, i);
	pulled(&n, 1);
	net_reload(&n);
	ck_assert_uint_eq(n.ip.owed_count, 2);
	pulled(&n, 2);
	pulled(&n, 3);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(the_bound_holds)
{
	struct net n;
	net_begin_known(&n);
	for (int i = 0; i < IP_CONTROL_QUEUE_MAX; i++)
		send_copy(&n, (uint8_t)i);
	net_expect_no_drop(&n);
	send_copy(&n, 0);
	net_expect_drop(&n, CNT_ControlQueueDrops);
	for (int i = 0; i < IP_CONTROL_QUEUE_MAX; i++)
		pulled(&n, (uint8_t)i);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(too_long_and_no_memory_are_counted)
{
	struct net n;
	uint8_t packet[1481] = {0};
	struct ip_tx tx = {.src = addr(US), .dst = addr(PEER), .protocol = IP_PROTO_TCP, .ttl = 64};
	net_begin_known(&n);
	tx.dont_fragment = true;
	ip_send_copy(&n.ip, &tx, packet, 1481, 16);
	net_expect_drop(&n, CNT_IpOutFragNeeded);
	ip_send_copy(&n.ip, &tx, packet, 1480, 16);
	net_expect_no_drop(&n);
	n.env.fail_at = n.env.allocations + 1;
	send_copy(&n, 1);
	net_expect_drop(&n, CNT_IpOutDiscards);
	net_end(&n);
}
END_TEST

/* Queued by ARP while the link could complete checksums and cut super-frames; released when it no longer can. */
static void queue_offloaded(struct net *n, uint32_t payload, uint16_t gso_size)
{
	static uint8_t bytes[4000];
	struct frame_out f;
	struct ip_tx tx = {.src = addr(US), .dst = addr(PEER), .protocol = IP_PROTO_TCP, .ttl = 64};
	frame_begin(&f);
	memset(frame_prepend(&f, 20), 7, 20);
	f.iov[0] = (struct iovec){.iov_base = bytes, .iov_len = payload};
	f.niov = 1;
	f.payload = payload;
	f.off.gso = gso_size ? GSO_TCPV4 : GSO_NONE;
	f.off.gso_size = gso_size;
	ip_transport_csum(&n->ip, &f, &tx, 16);
	ck_assert_int_eq(ip_output(&n->ip, &f, &tx), IP_FRAME_TAKEN);
}

START_TEST(offloads_are_completed_for_a_lesser_link)
{
	struct net n;
	net_begin_caps(&n, (struct link_caps){.csum = true, .gso_max = FRAME_MAX});
	queue_offloaded(&n, 3000, 1400);
	queue_offloaded(&n, 101, 0);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	n.ip.caps = (struct link_caps){0};
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	pulled(&n, 7);
	ck_assert(!n.out_off.needs_csum);
	net_expect_drop(&n, CNT_IpOutLinkChanged);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(a_damaged_snapshot_is_refused)
{
	struct net n;
	struct snap save;
	net_begin_known(&n);
	send_copy(&n, 1);
	snap_save_begin(&save);
	snap_ip_layer(&save, &n.ip);
	for (size_t cut = 0; cut < save.len; cut++) {
		struct snap load;
		ip_free(&n.ip);
		struct ip_config cfg = n.ip.cfg;
		cfg.address = (struct ip_prefix){addr(US), 24};
		cfg.mtu = 1500;
		cfg.gateway = addr(GATEWAY);
		ck_assert(ip_init(&n.ip, &n.env, &n.cnt, &n.timers, &cfg, (struct link_caps){0}));
		snap_load_begin(&load, save.buf, cut);
		snap_ip_layer(&load, &n.ip);
		ck_assert_msg(!snap_ok(&load), "cut at %zu", cut);
	}
	snap_save_free(&save);
	net_end(&n);
}
END_TEST

Suite *ip_owed_suite(void);
Suite *ip_owed_suite(void)
{
	UNIT_SUITE("ip_owed", first_in_first_out_across_a_reload, the_bound_holds, too_long_and_no_memory_are_counted,
	           offloads_are_completed_for_a_lesser_link, a_damaged_snapshot_is_refused);
}
