/* Any bytes as a snapshot: stack_load refuses them, or gives a stack that runs, can be saved and loaded again, and
 * freed. The checksum is made right, or it would refuse all.
 *
 * A mode byte comes first: 0 takes the rest as it is; else the rest are patches (offset, then one byte, or with WIDE
 * four) to the snapshot of a busy stack, which gets deeper than bytes out of the blue. */
#include "fuzz.h"
#include "stack/dhcp_net.h"

enum { CUT = 1, WIDE = 2 };

#define TURNS 12
#define YEAR  DURATION_S(365 * 86400)

static uint8_t *base;
static size_t base_len;

static void keep_syn(void *ctx, const struct frame_out *f)
{
	const uint8_t *tcp = frame_hdr_const(f) + ETHER_HDR_LEN + IPV4_HDR_MIN;

	if (f->hdr_len >= ETHER_HDR_LEN + IPV4_HDR_MIN + TCP_HDR_MIN)
		*(uint32_t *)ctx = load_be32(tcp + 4);
}

static void peer_segment(struct stack *s, uint16_t from, uint32_t seq, uint32_t ack, uint8_t flags, uint32_t len,
                         uint32_t *their_seq)
{
	uint8_t f[256] = {0}, *ip = f + ETHER_HDR_LEN, *tcp = ip + IPV4_HDR_MIN;

	ether_build(f, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	ip[0] = 0x45;
	ip[IPV4_OFF_PROTO] = IP_PROTO_TCP;
	memcpy(ip + IPV4_OFF_SRC, fuzz_peer().b, 4);
	memcpy(ip + IPV4_OFF_DST, fuzz_us().b, 4);
	store_be16(tcp, from);
	store_be16(tcp + 2, FUZZ_PORT);
	store_be32(tcp + 4, seq);
	store_be32(tcp + 8, ack);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	store_be16(tcp + 14, 500);
	uint32_t n = ETHER_HDR_LEN + IPV4_HDR_MIN + TCP_HDR_MIN + len;
	fuzz_fix_checksums(f, n);
	struct frame_in in = {.data = f, .len = n};
	fuzz_turn(s, &in, 1, false, keep_syn, their_seq);
}

/* A DHCP client that has a lease of another address. */
static void lease_address(struct stack *s)
{
	const struct dhcp_config cfg = {.on = true};
	const struct ip_prefix address = {ip4(10, 0, 0, 5), 24};

	FUZZ_NEED(timer_reserve(&s->timers, s->env, STACK_TIMERS_MAX + s->sockets.count));
	s->dhcp = dhcp_client_new(s, &cfg);
	FUZZ_NEED(s->dhcp && ip_address_add(&s->ip, address, IP_ORIGIN_DHCP, IP_ACD_ANNOUNCE) == 0);
	struct dhcp *d = &s->dhcp->dhcp;
	d->lease = (struct dhcp_lease){.address = address, .server = fuzz_peer(), .lease_s = 600};
	d->lease.params = (struct dhcp_params){.routes = 1, .dns = 1};
	d->lease.params.route[0] = (struct dhcp_route){{ip4(10, 1, 0, 0), 16}, fuzz_peer()};
	d->lease.params.dns_server[0] = fuzz_peer();
	d->began = d->since = d->sent = s->env->now;
	d->lease.t1 = instant_add(d->sent, DURATION_S(1));
	d->lease.t2 = instant_add(d->sent, DURATION_S(2));
	d->lease.expires = instant_add(d->sent, DURATION_S(3));
	d->state = DHCP_BOUND;
	timer_update(&s->timers, &d->timer, d->lease.t1);
	d->calls.configure(d->calls.ctx, &d->lease, NULL);
}

/* A datagram of the peer, or a part of one. */
static void peer_datagram(struct stack *s, uint8_t protocol, uint16_t fragment, const uint8_t *payload, uint32_t len)
{
	uint8_t f[256] = {0}, *ip = f + ETHER_HDR_LEN;

	ether_build(f, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	ip[0] = 0x45;
	ip[8] = 64;
	store_be16(ip + 6, fragment);
	ip[IPV4_OFF_PROTO] = protocol;
	memcpy(ip + IPV4_OFF_SRC, fuzz_peer().b, 4);
	memcpy(ip + IPV4_OFF_DST, fuzz_us().b, 4);
	memcpy(ip + IPV4_HDR_MIN, payload, len);
	fuzz_fix_checksums(f, ETHER_HDR_LEN + IPV4_HDR_MIN + len);
	struct frame_in in = {.data = f, .len = ETHER_HDR_LEN + IPV4_HDR_MIN + len};
	fuzz_turn(s, &in, 1, false, NULL, NULL);
}

/* Datagrams that wait for the application, for an address, for their other fragments; a path with an MTU of its own. */
static void make_datagrams(struct stack *s)
{
	static const uint8_t text[] = {0, 9, 0, FUZZ_PORT, 0, 24, 0, 0, 't', 'e', 'x', 't',
	                               0, 0, 0, 0,         0, 0,  0, 0, 0,   0,   0,   0};
	/* Fragmentation needed: 1,000 bytes. It quotes a datagram from FUZZ_PORT to port 9. */
	static const uint8_t narrow[] = {3, 4, 0,  0, 0, 0, 3,  0xe8, 0x45, 0, 5, 0xdc,      0, 1, 0x40, 0,    64, 17,
	                                 0, 0, 10, 0, 0, 1, 10, 0,    0,    2, 0, FUZZ_PORT, 0, 9, 5,    0xc8, 0,  0};
	struct socket *udp = socket_by_id(s, 2), *out;

	FUZZ_NEED(udp && udp->protocol == SOCKET_UDP);
	socket_send_datagram(s, udp, (struct endpoint){fuzz_peer(), 9}, NULL, text, sizeof(text));
	socket_send_datagram(s, udp, (struct endpoint){ip4(10, 0, 0, 9), 9}, NULL, text, sizeof(text));
	fuzz_turn(s, NULL, 0, false, NULL, NULL);
	peer_datagram(s, IP_PROTO_ICMP, 0, narrow, sizeof(narrow));
	peer_datagram(s, IP_PROTO_UDP, 0, text, sizeof(text));
	peer_datagram(s, IP_PROTO_UDP, 0x2000, text, sizeof(text));
	socket_send_datagram(s, udp, (struct endpoint){ip4(10, 0, 0, 9), 9}, NULL, text, sizeof(text));
	FUZZ_NEED(socket_open(s, SOCKET_TCP, IP_V4, 0, 1, &out) == 0);
	out->channel = s;
	FUZZ_NEED(socket_connect(s, out, (struct endpoint){fuzz_peer(), 9}) == EINPROGRESS);
	fuzz_turn(s, NULL, 0, false, NULL, NULL);
}

/* A stack with a lease, a listener, a child in SYN-RECEIVED, one whose peer has closed, a connection with text each
 * way, some of it out of order, one in SYN-SENT, and datagrams in every queue. */
static void make_base(void)
{
	struct env env = {0};
	struct stack *s = fuzz_begin(&env, (struct link_caps){0});
	uint32_t iss = 0;
	struct snap save;
	struct iovec iov[2];
	int error;

	peer_segment(s, 90, 5, 0, TCP_SYN, 0, &iss);
	peer_segment(s, 92, 5, 0, TCP_SYN, 0, &iss);
	peer_segment(s, 92, 6, iss + 1, TCP_ACK | TCP_FIN, 20, &iss);
	peer_segment(s, 91, 5, 0, TCP_SYN, 0, &iss);
	peer_segment(s, 91, 6, iss + 1, TCP_ACK, 50, &iss);
	peer_segment(s, 91, 106, iss + 1, TCP_ACK, 50, &iss);
	struct socket *so = socket_by_id(s, s->sockets.last_id);
	FUZZ_NEED(so->tcp.state == TCP_ESTABLISHED);
	lease_address(s);
	int n = socket_send_reserve(s, so, 600, iov, &error);
	FUZZ_NEED(n == 1);
	memset(iov[0].iov_base, 'y', 600);
	socket_send_commit(s, so, 600);
	make_datagrams(s);
	stack_save(s, &save);
	FUZZ_NEED(snap_ok(&save));
	base_len = save.len;
	base = malloc(base_len);
	FUZZ_NEED(base);
	memcpy(base, save.buf, base_len);
	snap_save_free(&save);
	fuzz_end(&env, s);
}

/* The peer goes on, applications write, timers run: nothing that was accepted may stop the stack. */
static void live(struct env *env, struct stack *s)
{
	uint32_t iss = 0;
	struct iovec iov[2];
	int error;

	list_for_each(it, &s->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		so->channel = so->owned ? s : NULL;
	}
	for (int i = 0; i < TURNS; i++) {
		instant at = stack_deadline(s);
		if (instant_lt(env->now, at) && instant_lt(at, instant_add(env->now, YEAR)))
			env->now = at;
		fuzz_turn(s, NULL, 0, i > 1, NULL, NULL);
		if (i == 2)
			peer_segment(s, 92, 5, 0, TCP_SYN, 0, &iss);
		if (i == 3)
			peer_segment(s, 91, 6, iss, TCP_ACK, 100, &iss);
		struct socket *so = socket_after(s, (uint64_t)i);
		if (!so || i < 4)
			continue;
		if (so->protocol != SOCKET_TCP) {
			socket_send_datagram(s, so, (struct endpoint){fuzz_peer(), 9}, NULL, "12345678", 8);
		} else if (so->tcp.state != TCP_LISTEN) {
			int n = socket_send_reserve(s, so, 100, iov, &error);
			for (int k = 0; k < n; k++)
				memset(iov[k].iov_base, 'z', iov[k].iov_len);
			if (n)
				socket_send_commit(s, so, (uint32_t)(iov[0].iov_len + (n > 1 ? iov[1].iov_len : 0)));
		}
	}
}

static void load(uint8_t *p, size_t n)
{
	static const struct hash_key key;
	struct env env = {.now = {FUZZ_TIME}};
	struct snap in;

	if (n > 8) {
		uint64_t sum = siphash(&key, p, n - 8);
		for (size_t i = 0; i < 8; i++)
			p[n - 8 + i] = (uint8_t)(sum >> (8 * i));
	}
	rng_seed(&env.rng, 1);
	snap_load_begin(&in, p, n);
	struct stack *s = stack_load(&env, &in);
	FUZZ_NEED((s != NULL) == snap_ok(&in));
	if (s) {
		live(&env, s);
		fuzz_end(&env, fuzz_reload(&env, s));
	}
	FUZZ_NEED(env.allocated == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!base)
		make_base();
	if (!size)
		return 0;
	if (data[0] == 0) {
		uint8_t *raw = malloc(size);
		FUZZ_NEED(raw);
		memcpy(raw, data + 1, size - 1);
		load(raw, size - 1);
		free(raw);
		return 0;
	}
	uint8_t *copy = malloc(base_len);
	FUZZ_NEED(copy);
	memcpy(copy, base, base_len);
	struct reader r = reader_of(data + 1, size - 1);
	while (r.len >= 3) {
		uint16_t at = read_be16(&r);
		for (int i = data[0] & WIDE ? 4 : 1; i > 0; i--)
			copy[at++ % base_len] = read_u8(&r);
	}
	load(copy, base_len - (r.len && data[0] & CUT ? *r.p % base_len : 0));
	free(copy);
	return 0;
}
