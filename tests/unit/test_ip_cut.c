/* ip_cut: what is too long for its path leaves in fragments that a receiver can put together. */
#include "dgram_net.h"

#define MF 0x2000

static uint8_t content[IP_TOTAL_MAX + 1];

struct collected {
	uint8_t payload[IP_TOTAL_MAX];
	uint32_t len, frames, header_len;
	uint16_t id;
};

static struct collected got_whole;

/* The frame in n->out is the next fragment; true: it is the last. */
static bool collect_one(struct net *n, uint32_t mtu)
{
	struct collected *c = &got_whole;
	const uint8_t *p = n->out + ETHER_HDR_LEN;
	uint32_t hdr = (p[0] & 0x0fu) * 4, total = load_be16(p + IPV4_OFF_LEN);
	uint16_t field = load_be16(p + IPV4_OFF_FRAG);
	ck_assert_mem_eq(n->out, PEER_MAC.b, 6);
	ck_assert_uint_eq(load_be16(n->out + 12), ETHER_TYPE_IP4);
	ck_assert_uint_eq(total + ETHER_HDR_LEN, n->out_len);
	ck_assert_uint_le(total, mtu);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, hdr)), 0);
	ck_assert(!n->out_off.needs_csum && n->out_off.gso == GSO_NONE);
	ck_assert_uint_eq((field & 0x1fffu) * 8, c->len);
	ck_assert_uint_eq(field & 0xc000, 0);
	if (c->frames == 0)
		c->id = load_be16(p + IPV4_OFF_ID);
	ck_assert_uint_eq(load_be16(p + IPV4_OFF_ID), c->id);
	ck_assert_uint_le(c->len + total - hdr, sizeof(c->payload));
	memcpy(c->payload + c->len, p + hdr, total - hdr);
	c->len += total - hdr;
	c->header_len = hdr;
	c->frames++;
	/* Only the last one has room left. */
	ck_assert(!(field & MF) || total + 8 > mtu);
	return !(field & MF);
}

/* Pulls fragments up to the last. */
static void collect(struct net *n, uint32_t mtu)
{
	do
		ck_assert_msg(net_pull(n), "a fragment is missing behind %u bytes", got_whole.len);
	while (!collect_one(n, mtu));
}

/* Header of 20 bytes, then `content`: as a transport sends it. */
static enum ip_sent output(struct net *n, uint32_t payload, const struct ip_source_route *route)
{
	struct frame_out f;
	struct ip_tx tx = {.src = addr(US), .dst = addr(PEER), .protocol = IP_PROTO_TCP, .ttl = 9, .route = route};
	for (uint32_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 31 + i / 253);
	got_whole = (struct collected){0};
	frame_begin(&f);
	memset(frame_prepend(&f, 20), 0x5a, 20);
	f.iov[0] = (struct iovec){.iov_base = content, .iov_len = 1};
	f.iov[1] = (struct iovec){.iov_base = content + 1, .iov_len = payload - 1};
	f.niov = 2;
	f.payload = payload;
	ip_transport_csum(&n->ip, &f, &tx, 16);
	enum ip_sent sent = ip_output(&n->ip, &f, &tx);
	if (sent == IP_FRAME_READY)
		keep_out(n, &f);
	return sent;
}

static void check_whole(uint32_t payload)
{
	const uint8_t *p = got_whole.payload;
	ck_assert_uint_eq(got_whole.len, 20 + payload);
	ck_assert_mem_eq(p + 20, content, payload);
	ck_assert_uint_eq(csum_finish(csum_add(csum_pseudo(addr(US), addr(PEER), 6, got_whole.len), p, got_whole.len)),
	                  0);
}

START_TEST(every_size_arrives)
{
	static const uint32_t size[] = {1461, 1462, 2939, 2940, 2941, 5000, 65494, 65495};
	for (int offload = 0; offload < 2; offload++) {
		struct net n;
		net_begin_caps(&n, (struct link_caps){.csum = offload, .gso_max = offload ? FRAME_MAX : 0});
		in_arp(&n, REQUEST, PEER_MAC, PEER, US);
		out_arp(&n, REPLY, PEER_MAC, PEER);
		for (size_t i = 0; i < ARRAY_LEN(size); i++) {
			ck_assert_int_eq(output(&n, size[i], NULL), IP_FRAME_READY);
			ck_assert(!collect_one(&n, 1500));
			collect(&n, 1500);
			check_whole(size[i]);
			ck_assert_uint_eq(got_whole.frames, (20 + size[i] + 1479) / 1480);
			out_nothing(&n);
		}
		ck_assert_uint_eq(n.cnt.v[CNT_IpFragOKs], ARRAY_LEN(size));
		ck_assert_int_eq(output(&n, 65496, NULL), IP_FRAME_DROPPED);
		net_expect_drop(&n, CNT_IpOutFragNeeded);
		/* What fits is not cut. */
		ck_assert_int_eq(output(&n, 1460, NULL), IP_FRAME_READY);
		out_nothing(&n);
		net_end(&n);
	}
}
END_TEST

START_TEST(the_paths_mtu_counts)
{
	struct net n;
	net_begin_known(&n);
	ck_assert_int_eq(ip_path_narrows(&n.ip, addr(PEER), 1000), IP_PMTU_LOWERED);
	ck_assert_int_eq(output(&n, 1460, NULL), IP_FRAME_READY);
	ck_assert(!collect_one(&n, 1000));
	collect(&n, 1000);
	check_whole(1460);
	ck_assert_uint_eq(got_whole.frames, 2);
	net_end(&n);
}
END_TEST

/* RFC 791 3.1: a source route stands in every fragment. */
START_TEST(a_source_route_is_copied)
{
	struct ip_source_route route = {.hops = 1, .hop = {{10, 0, 0, 2}}};
	struct net n;
	net_begin_known(&n);
	ck_assert_int_eq(output(&n, 4000, &route), IP_FRAME_READY);
	ck_assert(!collect_one(&n, 1500));
	const uint8_t *option = n.out + ETHER_HDR_LEN + IPV4_HDR_MIN;
	uint8_t first[8];
	memcpy(first, option, 8);
	ck_assert_uint_eq(first[0], 131);
	while (net_pull(&n)) {
		collect_one(&n, 1500);
		ck_assert_mem_eq(option, first, 8);
		ck_assert_uint_eq(got_whole.header_len, 28);
	}
	check_whole(4000);
	net_end(&n);
}
END_TEST

START_TEST(fragments_wait_for_arp)
{
	struct net n;
	net_begin(&n);
	ck_assert_int_eq(output(&n, 5000, NULL), IP_FRAME_TAKEN);
	out_arp(&n, REQUEST, MAC_BROADCAST, PEER);
	out_nothing(&n);
	in_arp(&n, REPLY, PEER_MAC, PEER, US);
	collect(&n, 1500);
	check_whole(5000);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

START_TEST(it_goes_on_after_a_reload)
{
	struct net n;
	net_begin_known(&n);
	ck_assert_int_eq(output(&n, 5000, NULL), IP_FRAME_READY);
	ck_assert(!collect_one(&n, 1500));
	net_reload(&n);
	collect(&n, 1500);
	check_whole(5000);
	out_nothing(&n);
	net_end(&n);
}
END_TEST

/* RFC 1122 3.2.2.6: all data of an echo request, however long, are in the reply. */
START_TEST(a_large_echo_is_answered)
{
	enum { LEN = 65515 };
	static uint8_t echo[LEN];
	struct net n;
	net_begin_known(&n);
	for (uint32_t i = 8; i < LEN; i++)
		echo[i] = (uint8_t)(i * 3 + i / 255);
	echo[0] = ICMP_ECHO;
	echo[2] = echo[3] = 0;
	store_be16(echo + 2, csum_finish(csum_add(CSUM_ZERO, echo, LEN)));
	got_whole = (struct collected){0};
	for (uint32_t at = 0; at < LEN; at += 1480) {
		uint32_t len = u32_min(1480, LEN - at);
		in_ip(&n, (struct ip_spec){.protocol = IP_PROTO_ICMP,
		                           .frag = (uint16_t)(at / 8 | (at + len < LEN ? MF : 0)),
		                           .data = echo + at,
		                           .len = len});
	}
	ip_turn_end(&n.ip);
	collect(&n, 1500);
	out_nothing(&n);
	ck_assert_uint_eq(got_whole.len, LEN);
	ck_assert_uint_eq(got_whole.payload[0], ICMP_ECHO_REPLY);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, got_whole.payload, LEN)), 0);
	ck_assert_mem_eq(got_whole.payload + 4, echo + 4, LEN - 4);
	net_end(&n);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
	static const uint8_t packet[65000];
	struct ip_tx tx = {.src = addr(US), .dst = addr(PEER), .protocol = IP_PROTO_TCP, .ttl = 64};
	struct net n;
	uint32_t taken = 0;
	net_begin_known(&n);
	for (; n.cnt.v[CNT_IpFragQueueDrops] == 0; taken++)
		ip_send_copy(&n.ip, &tx, packet, sizeof(packet), 16);
	net_expect_drop(&n, CNT_IpFragQueueDrops);
	ck_assert_uint_eq(taken - 1, IP_CUT_BYTES_MAX / 65020);
	ck_assert_uint_le(n.env.allocated, IP_CUT_BYTES_MAX + (1u << 20));
	for (uint32_t i = 0; i + 1 < taken; i++) {
		got_whole = (struct collected){0};
		collect(&n, 1500);
		ck_assert_uint_eq(got_whole.len, sizeof(packet));
	}
	out_nothing(&n);
	ck_assert_uint_eq(n.ip.cut.bytes, 0);
	net_end(&n);
}
END_TEST

START_TEST(no_memory_is_a_counted_drop)
{
	bool done = false;
	for (uint64_t k = 1; !done; k++) {
		struct net n;
		net_begin_known(&n);
		n.env.fail_at = n.env.allocations + k;
		done = output(&n, 5000, NULL) == IP_FRAME_READY;
		if (!done)
			net_expect_drop(&n, CNT_IpFragQueueDrops);
		ck_assert(!done || k == 3);
		net_end(&n);
	}
}
END_TEST

START_TEST(the_largest_udp_datagram)
{
	struct dgram_net w;
	struct frame_out f;
	begin_kind(&w, DGRAM_UDP);
	got_whole = (struct collected){0};
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 9), NULL, content, UDP_PAYLOAD_MAX), 0);
	ck_assert(dgram_output(&w.l, &f));
	keep_out(&w.n, &f);
	ck_assert(!collect_one(&w.n, 1500));
	collect(&w.n, 1500);
	out_nothing(&w.n);
	ck_assert_uint_eq(got_whole.len, UDP_HDR_LEN + UDP_PAYLOAD_MAX);
	ck_assert_uint_eq(load_be16(got_whole.payload + 4), UDP_HDR_LEN + UDP_PAYLOAD_MAX);
	ck_assert_mem_eq(got_whole.payload + UDP_HDR_LEN, content, UDP_PAYLOAD_MAX);
	ck_assert_uint_eq(csum_finish(csum_add(csum_pseudo(addr(US), addr(PEER), IP_PROTO_UDP, got_whole.len),
	                                       got_whole.payload, got_whole.len)),
	                  0);
	end(&w);
}
END_TEST

Suite *ip_cut_suite(void);
Suite *ip_cut_suite(void)
{
	UNIT_SUITE("ip_cut", every_size_arrives, the_paths_mtu_counts, a_source_route_is_copied, fragments_wait_for_arp,
	           it_goes_on_after_a_reload, a_large_echo_is_answered, the_queue_is_bounded,
	           no_memory_is_a_counted_drop, the_largest_udp_datagram);
}
