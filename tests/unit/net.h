/* A station under test, for the suites of ip/ and UDP: an ip_layer with one neighbour, frames written and read one per
 * line.
 *
 * We are US_MAC, 10.0.0.1/24, gateway 10.0.0.254, MTU 1500. The neighbour is PEER_MAC, 10.0.0.2. Addresses are written
 * as text. Named states: net_begin (nobody is known), net_begin_known (PEER is resolved). net_end checks for leaks. */
#ifndef TOYNET_TESTS_NET_H
#define TOYNET_TESTS_NET_H

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/arp.h"
#include "ip/icmp.h"
#include "ip/ipv4.h"
#include "unit.h"
#include <errno.h>
#include <string.h>

#define US_MAC   ((struct mac_addr){{0x02, 0, 0, 0, 0, 0x01}})
#define PEER_MAC ((struct mac_addr){{0x02, 0, 0, 0, 0, 0x02}})
#define EVIL_MAC ((struct mac_addr){{0x02, 0, 0, 0, 0, 0x66}})
#define US       "10.0.0.1"
#define PEER     "10.0.0.2"
#define GATEWAY  "10.0.0.254"
#define ZERO_MAC ((struct mac_addr){{0}})
#define REQUEST  1
#define REPLY    2

#define NET_FRAMES    16
#define NET_FRAME_MAX 2048

struct net {
	struct env env;
	struct counters cnt;
	struct timer_queue timers;
	struct ip_layer ip;
	uint8_t store[NET_FRAMES][NET_FRAME_MAX]; /* received frames: they stay borrowed for a turn */
	uint32_t received;
	uint8_t *in;            /* the one received last */
	uint8_t out[FRAME_MAX]; /* the frame that was sent last */
	uint32_t out_len;
	struct offload out_off;
	enum counter dropped; /* reason of the last drop; CNT_COUNT: none since net_expect_drop */
};

static inline void net_trace(void *ctx, const struct trace_event *ev)
{
	struct net *n = ctx;
	if (ev->kind == TRACE_DROP)
		n->dropped = ev->reason;
}

static inline struct ip_addr addr(const char *text)
{
	struct ip_addr a = {0};
	ck_assert_msg(ip_parse(text, &a), "bad address %s", text);
	return a;
}

static inline void net_begin_as(struct net *n, enum ip_acd conflict_detection, struct link_caps caps)
{
	struct ip_config cfg = {.mac = US_MAC,
	                        .address = {addr(US), 24},
	                        .gateway = addr(GATEWAY),
	                        .mtu = 1500,
	                        .conflict_detection = conflict_detection};
	memset(n, 0, sizeof(*n));
	n->env = unit_env(1);
	n->env.trace = net_trace;
	n->env.trace_ctx = n;
	n->dropped = CNT_COUNT;
	n->in = n->store[0];
	timer_queue_init(&n->timers);
	ck_assert(ip_init(&n->ip, &n->env, &n->cnt, &n->timers, &cfg, caps));
}

static inline void net_begin_caps(struct net *n, struct link_caps caps)
{
	net_begin_as(n, IP_ACD_NONE, caps);
}

static inline void net_begin(struct net *n)
{
	net_begin_caps(n, (struct link_caps){0});
}

static inline void net_end(struct net *n)
{
	ip_free(&n->ip);
	timer_queue_free(&n->timers, &n->env);
	unit_env_end(&n->env);
}

/* Time passes; its timers fire. */
static inline void net_pass(struct net *n, int64_t ms)
{
	instant end = instant_add(n->env.now, DURATION_MS(ms));
	while (instant_le(timer_next(&n->timers), end)) {
		n->env.now = timer_next(&n->timers);
		struct timer_node *node = timer_pop(&n->timers, n->env.now);
		ck_assert(node->tie & ARP_TIMER_TIE);
		ip_timer(&n->ip, node);
	}
	n->env.now = end;
}

static inline void frame_in_off(struct net *n, uint32_t len, struct offload off)
{
	struct frame_in f = {.data = n->in, .len = len, .off = off};
	ip_frame_input(&n->ip, &f);
}

/* The last drop had this reason, and there was one. */
static inline void net_expect_drop(struct net *n, enum counter reason)
{
	ck_assert_str_eq(n->dropped == CNT_COUNT ? "no drop" : counter_names[n->dropped], counter_names[reason]);
	n->dropped = CNT_COUNT;
}

static inline void net_expect_no_drop(const struct net *n)
{
	ck_assert_msg(n->dropped == CNT_COUNT, "dropped: %s", counter_names[n->dropped]);
}

/* Keeps a copy of a frame that was sent. */
static inline void keep_out(struct net *n, const struct frame_out *f)
{
	n->out_len = 0;
	memcpy(n->out, frame_hdr_const(f), f->hdr_len);
	n->out_len = f->hdr_len;
	for (int i = 0; i < f->niov; i++) {
		memcpy(n->out + n->out_len, f->iov[i].iov_base, f->iov[i].iov_len);
		n->out_len += (uint32_t)f->iov[i].iov_len;
	}
	n->out_off = f->off;
	ck_assert_uint_eq(n->out_len, frame_len(f));
}

static inline bool net_pull(struct net *n)
{
	struct frame_out f;
	if (!ip_pull(&n->ip, &f))
		return false;
	keep_out(n, &f);
	return true;
}

static inline void out_nothing(struct net *n)
{
	ck_assert_msg(!net_pull(n), "a frame of type %04x was sent", load_be16(n->out + 12));
}

/* Begins a frame; returns where its payload goes. */
static inline uint8_t *ether_write(struct net *n, struct mac_addr dst, struct mac_addr src, uint16_t type)
{
	n->in = n->store[n->received++ % NET_FRAMES];
	ether_build(n->in, &(struct ether_hdr){.dst = dst, .src = src, .type = type});
	return n->in + ETHER_HDR_LEN;
}

/* ARP in: op, sender MAC and IP, target IP. */
static inline void in_arp(struct net *n, uint16_t op, struct mac_addr sha, const char *spa, const char *tpa)
{
	uint8_t *p = ether_write(n, op == REQUEST ? MAC_BROADCAST : US_MAC, sha, ETHER_TYPE_ARP);
	static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4};
	memcpy(p, fixed, 6);
	store_be16(p + 6, op);
	memcpy(p + 8, sha.b, 6);
	memcpy(p + 14, addr(spa).b, 4);
	memset(p + 18, 0, 6);
	memcpy(p + 24, addr(tpa).b, 4);
	frame_in_off(n, ETHER_HDR_LEN + 28, (struct offload){0});
}

/* ARP out: op, to whom on the link, the sender IP, the target IP. The sender is always our station. */
static inline void out_arp_from(struct net *n, uint16_t op, struct mac_addr to, const char *spa, const char *tpa)
{
	ck_assert_msg(net_pull(n), "no frame, ARP expected");
	const uint8_t *p = n->out + ETHER_HDR_LEN;
	ck_assert_uint_eq(n->out_len, ETHER_HDR_LEN + 28);
	ck_assert_mem_eq(n->out, to.b, 6);
	ck_assert_mem_eq(n->out + 6, US_MAC.b, 6);
	ck_assert_uint_eq(load_be16(n->out + 12), ETHER_TYPE_ARP);
	ck_assert_uint_eq(load_be16(p + 6), op);
	ck_assert_mem_eq(p + 8, US_MAC.b, 6);
	ck_assert_mem_eq(p + 14, addr(spa).b, 4);
	ck_assert_mem_eq(p + 24, addr(tpa).b, 4);
}

static inline void out_arp(struct net *n, uint16_t op, struct mac_addr to, const char *tpa)
{
	out_arp_from(n, op, to, US, tpa);
}

static inline void net_begin_known(struct net *n)
{
	net_begin(n);
	in_arp(n, REQUEST, PEER_MAC, PEER, US);
	out_arp(n, REPLY, PEER_MAC, PEER);
}

/* An IPv4 datagram; what is zero has its usual value. */
struct ip_spec {
	const char *src, *dst; /* PEER to US */
	struct mac_addr mac;   /* destination: US_MAC */
	uint8_t protocol;      /* UDP */
	const void *data;
	uint32_t len; /* of data */
	uint8_t version_ihl;
	const uint8_t *options;
	uint32_t options_len;
	uint16_t id, frag;
	uint8_t tos;
	int total_delta; /* the total length is wrong by so much */
	bool bad_csum;
	uint32_t padding; /* bytes behind the datagram */
	struct offload off;
};

static inline uint32_t ip_write(struct net *n, const struct ip_spec *s)
{
	static const uint8_t zero[6];
	uint8_t *p = ether_write(n, memcmp(s->mac.b, zero, 6) ? s->mac : US_MAC, PEER_MAC, ETHER_TYPE_IP4);
	uint32_t hdr = IPV4_HDR_MIN + s->options_len, total = hdr + s->len;
	memset(p, 0, hdr);
	p[0] = s->version_ihl ? s->version_ihl : (uint8_t)(0x40 | hdr / 4);
	store_be16(p + IPV4_OFF_LEN, (uint16_t)((int)total + s->total_delta));
	p[1] = s->tos;
	store_be16(p + IPV4_OFF_ID, s->id);
	store_be16(p + IPV4_OFF_FRAG, s->frag);
	p[8] = 64;
	p[IPV4_OFF_PROTO] = s->protocol ? s->protocol : IP_PROTO_UDP;
	memcpy(p + IPV4_OFF_SRC, addr(s->src ? s->src : PEER).b, 4);
	memcpy(p + IPV4_OFF_DST, addr(s->dst ? s->dst : US).b, 4);
	if (s->options_len)
		memcpy(p + IPV4_HDR_MIN, s->options, s->options_len);
	store_be16(p + IPV4_OFF_CSUM, (uint16_t)(csum_finish(csum_add(CSUM_ZERO, p, hdr)) ^ (s->bad_csum ? 1 : 0)));
	if (s->len)
		memcpy(p + hdr, s->data, s->len);
	memset(p + total, 0xee, s->padding);
	return ETHER_HDR_LEN + total + s->padding;
}

/* IPv4 in. */
static inline void in_ip(struct net *n, struct ip_spec s)
{
	frame_in_off(n, ip_write(n, &s), s.off);
}

/* IPv4 out, header checked: to whom on the link, source, destination, protocol. Returns the payload. */
static inline const uint8_t *check_ip(struct net *n, struct mac_addr to, const char *src, const char *dst,
                                      uint8_t protocol, uint32_t *len)
{
	const uint8_t *p = n->out + ETHER_HDR_LEN;
	ck_assert_mem_eq(n->out, to.b, 6);
	ck_assert_mem_eq(n->out + 6, US_MAC.b, 6);
	ck_assert_uint_eq(load_be16(n->out + 12), ETHER_TYPE_IP4);
	ck_assert_uint_eq(p[0], 0x45);
	ck_assert_uint_eq(load_be16(p + IPV4_OFF_LEN), n->out_len - ETHER_HDR_LEN);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, IPV4_HDR_MIN)), 0);
	ck_assert_uint_eq(p[IPV4_OFF_PROTO], protocol);
	ck_assert_mem_eq(p + IPV4_OFF_SRC, addr(src).b, 4);
	ck_assert_mem_eq(p + IPV4_OFF_DST, addr(dst).b, 4);
	*len = n->out_len - ETHER_HDR_LEN - IPV4_HDR_MIN;
	return p + IPV4_HDR_MIN;
}

static inline const uint8_t *out_ip(struct net *n, struct mac_addr to, const char *src, const char *dst,
                                    uint8_t protocol, uint32_t *len)
{
	ck_assert_msg(net_pull(n), "no frame, IPv4 expected");
	return check_ip(n, to, src, dst, protocol, len);
}

/* Saves the layer, frees it, and loads it into a new one, from which everything goes on. */
static inline void net_reload(struct net *n)
{
	struct snap save, load, again;
	struct ip_handler handler[ARRAY_LEN(n->ip.handler)];
	struct ip_config cfg = n->ip.cfg;
	struct link_caps caps = n->ip.caps;
	memcpy(handler, n->ip.handler, sizeof(handler));
	void (*address_changed)(void *, struct ip_addr, enum ip_address_event) = n->ip.address_changed;
	void *address_ctx = n->ip.address_ctx;
	snap_save_begin(&save);
	snap_ip_layer(&save, &n->ip);
	ck_assert_msg(snap_ok(&save), "%s", save.error);
	ip_free(&n->ip);
	ck_assert(ip_init(&n->ip, &n->env, &n->cnt, &n->timers, &cfg, caps));
	memcpy(n->ip.handler, handler, sizeof(handler));
	n->ip.address_changed = address_changed;
	n->ip.address_ctx = address_ctx;
	snap_load_begin(&load, save.buf, save.len);
	snap_ip_layer(&load, &n->ip);
	ck_assert_msg(snap_ok(&load), "%s", load.error);
	ck_assert_uint_eq(load.pos, load.len);
	snap_save_begin(&again);
	snap_ip_layer(&again, &n->ip);
	ck_assert_uint_eq(again.len, save.len);
	ck_assert_mem_eq(again.buf, save.buf, save.len);
	snap_save_free(&save);
	snap_save_free(&again);
}

#endif
