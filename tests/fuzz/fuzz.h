/* What the fuzz targets share: a stack with a listener, datagram sockets and a resolved neighbour, and its turns.
 *
 * The input decides everything; time moves only as it says. A target ends by freeing the stack and demanding that no
 * memory is left. */
#ifndef TOYNET_TESTS_FUZZ_H
#define TOYNET_TESTS_FUZZ_H

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/ipv4.h"
#include "link/ether.h"
#include "socket/socket_internal.h"
#include "stack/stack.h"
#include "transport/tcp_internal.h"
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_US_MAC   ((struct mac_addr){{0x02, 0, 0, 0, 0, 0x01}})
#define FUZZ_PEER_MAC ((struct mac_addr){{0x02, 0, 0, 0, 0, 0x02}})
#define FUZZ_PORT     7
#define FUZZ_TIME     (INT64_C(1000) * NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops as an assertion does, whatever the build. */
#define FUZZ_NEED(cond)          \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static inline struct ip_addr fuzz_us(void)
{
	return ip4(10, 0, 0, 1);
}
static inline struct ip_addr fuzz_peer(void)
{
	return ip4(10, 0, 0, 2);
}

static inline struct stack_config fuzz_config(void)
{
	struct stack_config cfg = stack_config_default;

	cfg.ip.mac = FUZZ_US_MAC;
	cfg.ip.address = (struct ip_prefix){fuzz_us(), 24};
	cfg.ip.gateway = ip4(10, 0, 0, 254);
	cfg.ip.mtu = 1500;
	cfg.ip.redirects = true;
	cfg.ip.conflict_detection = IP_ACD_ANNOUNCE;
	cfg.tcp.rcvbuf = cfg.tcp.sndbuf = 20000;
	cfg.sockets_max = 200;
	return cfg;
}

/* The ARP request of the peer, from which its address is learnt. */
static inline uint32_t fuzz_arp(uint8_t *f)
{
	static const uint8_t fixed[8] = {0, 1, 8, 0, 6, 4, 0, 1};

	ether_build(f, &(struct ether_hdr){.dst = MAC_BROADCAST, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_ARP});
	memcpy(f + 14, fixed, sizeof(fixed));
	memcpy(f + 22, FUZZ_PEER_MAC.b, 6);
	memcpy(f + 28, fuzz_peer().b, 4);
	memset(f + 32, 0, 6);
	memcpy(f + 38, fuzz_us().b, 4);
	return 42;
}

/* Bytes delivered are read at once, and touched. */
static inline void fuzz_deliver(struct stack *s, bool take)
{
	struct stack_delivery d;
	volatile uint8_t sum = 0;

	while (stack_delivery(s, &d)) {
		for (int i = 0; i < d.niov; i++)
			for (size_t j = 0; j < d.iov[i].iov_len; j++)
				sum = (uint8_t)(sum + ((const uint8_t *)d.iov[i].iov_base)[j]);
		stack_delivered(s, &d, take ? d.len : 0, take);
		if (take && d.socket->protocol == SOCKET_TCP)
			socket_set_held(s, d.socket, 0);
	}
}

static inline void fuzz_accept(struct stack *s, struct socket *so, void *channel)
{
	struct socket *child;

	while (so->protocol == SOCKET_TCP && socket_accept(s, so, &child) == 0) {
		child->channel = channel;
		stack_offer(s, child);
	}
}

/* One turn; frames sent are looked at by `sent`, which may be NULL. */
static inline void fuzz_turn(struct stack *s, const struct frame_in *f, int n, bool take,
                             void (*sent)(void *ctx, const struct frame_out *f), void *ctx)
{
	struct frame_out out;
	struct socket *so;
	unsigned events;

	if (n)
		stack_input(s, f, n);
	stack_tick(s);
	while ((so = stack_ready(s, &events)))
		if (events & SOCKET_ACCEPT)
			fuzz_accept(s, so, s);
	fuzz_deliver(s, take);
	while (stack_output(s, &out)) {
		volatile uint8_t sum = 0;
		FUZZ_NEED(frame_len(&out) <= FRAME_MAX);
		for (int i = 0; i < out.niov; i++)
			for (size_t j = 0; j < out.iov[i].iov_len; j++)
				sum = (uint8_t)(sum + ((const uint8_t *)out.iov[i].iov_base)[j]);
		if (sent)
			sent(ctx, &out);
	}
	stack_turn_end(s);
}

static inline struct socket *fuzz_open(struct stack *s, enum socket_protocol protocol, uint16_t port)
{
	struct socket *so;

	FUZZ_NEED(socket_open(s, protocol, IP_V4, 0, 1, &so) == 0);
	so->channel = s;
	if (port)
		FUZZ_NEED(socket_bind(s, so, (struct endpoint){ip4(0, 0, 0, 0), port}) == 0);
	return so;
}

/* What receives datagrams: UDP on FUZZ_PORT, a member of a group with a source and of one without; a connected ping
 * socket with the identifier FUZZ_PORT; a raw socket for ICMP. */
static inline void fuzz_open_datagrams(struct stack *s)
{
	struct socket *udp = fuzz_open(s, SOCKET_UDP, FUZZ_PORT), *ping = fuzz_open(s, SOCKET_PING, FUZZ_PORT), *raw;
	struct ip_addr none = {0};

	FUZZ_NEED(igmp_change(&s->ip, &udp->dgram.groups, IGMP_JOIN, ip4(239, 1, 1, 1), none) == 0);
	FUZZ_NEED(igmp_change(&s->ip, &udp->dgram.groups, IGMP_JOIN_SOURCE, ip4(239, 1, 1, 2), fuzz_peer()) == 0);
	FUZZ_NEED(socket_connect(s, ping, (struct endpoint){.addr = fuzz_peer()}) == 0);
	FUZZ_NEED(socket_open_raw(s, IP_PROTO_ICMP, IP_V4, 0, 1, &raw) == 0);
	raw->channel = s;
}

/* A stack with a listener and datagram sockets that knows its peer. */
static inline struct stack *fuzz_begin(struct env *env, struct link_caps caps)
{
	struct stack_config cfg = fuzz_config();
	uint8_t arp[64];

	env->now = (instant){FUZZ_TIME};
	rng_seed(&env->rng, 1);
	struct stack *s = stack_new(env, &cfg, caps);
	FUZZ_NEED(s);
	FUZZ_NEED(socket_listen(s, fuzz_open(s, SOCKET_TCP, FUZZ_PORT), 8) == 0);
	fuzz_open_datagrams(s);
	struct frame_in f = {.data = arp, .len = fuzz_arp(arp)};
	fuzz_turn(s, &f, 1, true, NULL, NULL);
	return s;
}

static inline void fuzz_end(struct env *env, struct stack *s)
{
	list_for_each(it, &s->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	stack_free(s);
	FUZZ_NEED(env->allocated == 0);
}

/* Save, free, load: the same snapshot must come of it again. Channels of sockets that are owned are set to the stack.
 * The stack given is no longer valid. */
static inline struct stack *fuzz_reload(struct env *env, struct stack *s)
{
	struct snap save, load, again;

	env->fail_at = 0;
	stack_save(s, &save);
	if (!snap_ok(&save))
		fprintf(stderr, "this stack cannot be saved: %s\n", save.error);
	FUZZ_NEED(snap_ok(&save));
	list_for_each(it, &s->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	stack_free(s);
	FUZZ_NEED(env->allocated == 0);
	snap_load_begin(&load, save.buf, save.len);
	s = stack_load(env, &load);
	if (!s)
		fprintf(stderr, "the snapshot of this stack is refused at %zu: %s\n", load.pos, load.error);
	FUZZ_NEED(s);
	stack_save(s, &again);
	FUZZ_NEED(snap_ok(&again) && again.len == save.len && memcmp(again.buf, save.buf, save.len) == 0);
	snap_save_free(&again);
	snap_save_free(&save);
	list_for_each(it, &s->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		so->channel = so->owned ? s : NULL;
	}
	return s;
}

/* Completes the length and the checksums of an Ethernet frame that holds IPv4 and TCP, UDP, ICMP or IGMP, so that
 * mutations get deeper. */
static inline void fuzz_fix_checksums(uint8_t *f, uint32_t len)
{
	static const uint8_t field[256] = {
	        [IP_PROTO_TCP] = 16, [IP_PROTO_UDP] = 6, [IP_PROTO_ICMP] = 2, [IP_PROTO_IGMP] = 2};
	uint8_t *ip = f + ETHER_HDR_LEN;

	if (len < ETHER_HDR_LEN + IPV4_HDR_MIN || load_be16(f + 12) != ETHER_TYPE_IP4)
		return;
	uint32_t header = (ip[0] & 15u) * 4, at = field[ip[IPV4_OFF_PROTO]], total = len - ETHER_HDR_LEN;
	if (header < IPV4_HDR_MIN || header > total)
		return;
	/* A length that leaves padding behind the datagram is kept. */
	if (load_be16(ip + IPV4_OFF_LEN) >= header && load_be16(ip + IPV4_OFF_LEN) < total)
		total = load_be16(ip + IPV4_OFF_LEN);
	store_be16(ip + IPV4_OFF_LEN, (uint16_t)total);
	store_be16(ip + IPV4_OFF_CSUM, 0);
	store_be16(ip + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, ip, header)));
	if (!at || at + 2 > total - header)
		return;
	csum c = ip[IPV4_OFF_PROTO] == IP_PROTO_ICMP || ip[IPV4_OFF_PROTO] == IP_PROTO_IGMP
	                 ? CSUM_ZERO
	                 : csum_pseudo(ip4_from_bytes(ip + IPV4_OFF_SRC), ip4_from_bytes(ip + IPV4_OFF_DST),
	                               ip[IPV4_OFF_PROTO], total - header);
	store_be16(ip + header + at, 0);
	store_be16(ip + header + at, csum_finish(csum_add(c, ip + header, total - header)));
}

#endif
