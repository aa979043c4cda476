/* Any bytes as frames into one stack with a listener and datagram sockets, and what an application does meanwhile.
 *
 * The input is records. A record is a byte of flags, a byte of length in units of 8 (so that frames stay small), an
 * offload header when asked for, then the frame; checksums are completed unless a flag forbids it, and MORE lets it
 * wait for the next one of the same turn. A record of length 0 is a command instead: a byte that says which, a byte of
 * argument. So one input holds fragments in small steps of time, errors that quote what was just sent, and an
 * allocation that fails in the middle of both. */
#include "fuzz.h"
#include "link/vnet.h"

enum { RAW = 1, OFFLOAD = 2, HOLD = 4, NO_ETHER = 8, LATER = 16, MUCH_LATER = 32, RELOAD = 64, MORE = 128 };

#define BATCH_MAX 8
#define REDIRECT  5 /* the ICMP type */
/* What a stack of so few sockets may ever hold: buffers of 64 sockets, the caps of ip/, tables. */
#define MEMORY_MAX (8u << 20)

/* Sockets of fuzz_begin, by their ids. */
enum { ID_UDP = 2, ID_PING = 3, ID_RAW = 4 };

struct world {
	struct env env;
	struct stack *s;
	struct frame_in batch[BATCH_MAX];
	uint8_t *bytes[BATCH_MAX];
	int n;
	bool take;
	/* IP datagrams that were sent last, to be quoted: a command sends an error about one. */
	uint8_t sent[64];
};

static void on_sent(void *ctx, const struct frame_out *f)
{
	struct world *w = ctx;
	const uint8_t *p = frame_hdr_const(f);

	if (f->hdr_len <= ETHER_HDR_LEN || load_be16(p + 12) != ETHER_TYPE_IP4)
		return;
	memset(w->sent, 0, sizeof(w->sent));
	memcpy(w->sent, p + ETHER_HDR_LEN, size_min(sizeof(w->sent), f->hdr_len - (size_t)ETHER_HDR_LEN));
}

static void turn(struct world *w)
{
	fuzz_turn(w->s, w->batch, w->n, w->take, on_sent, w);
	while (w->n > 0)
		free(w->bytes[--w->n]);
	FUZZ_NEED(w->env.allocated <= MEMORY_MAX);
}

/* A frame in memory of its own size, so that reading past its end is seen. */
static void one_frame(struct world *w, struct reader *r, uint8_t flags, uint32_t len)
{
	struct offload off = {0};
	uint8_t vnet[VNET_HDR_LEN] = {0};

	if (flags & OFFLOAD) {
		const uint8_t *p = read_bytes(r, VNET_HDR_LEN);
		if (!p)
			return;
		memcpy(vnet, p, VNET_HDR_LEN);
	}
	len = (uint32_t)size_min(len, r->len);
	uint32_t ether = flags & NO_ETHER ? 0 : ETHER_HDR_LEN;
	uint8_t *frame = malloc(ether + len + !(ether + len));
	FUZZ_NEED(frame);
	if (ether)
		ether_build(frame,
		            &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	memcpy(frame + ether, r->p, len);
	read_bytes(r, len);
	if (!(flags & RAW))
		fuzz_fix_checksums(frame, ether + len);
	if ((flags & OFFLOAD) && !vnet_parse(vnet, frame, ether + len, &off)) {
		free(frame);
		return;
	}
	w->batch[w->n] = (struct frame_in){.data = frame, .len = ether + len, .off = off};
	w->bytes[w->n++] = frame;
	w->take = !(flags & HOLD);
	if (!(flags & MORE) || w->n == BATCH_MAX)
		turn(w);
}

/* A frame that this file builds is borrowed until the turn ends. */
static void arrive(struct world *w, uint8_t *f, uint32_t len)
{
	fuzz_fix_checksums(f, len);
	w->batch[w->n] = (struct frame_in){.data = f, .len = len};
	w->bytes[w->n++] = f;
	turn(w);
}

/* The peer's answer to the segment sent last: what it asks for, with other flags and some text; to a SYN also one whose
 * number only the sender of a SYN cookie knows. */
static void answer(struct world *w, uint8_t flags, uint8_t len)
{
	const uint8_t *tcp = w->sent + IPV4_HDR_MIN;
	uint8_t *f = calloc(1, ETHER_HDR_LEN + IPV4_HDR_MIN + TCP_HDR_MIN + 256u), *ip = f + ETHER_HDR_LEN;
	uint8_t *to = ip + IPV4_HDR_MIN;

	FUZZ_NEED(f);
	if (w->sent[IPV4_OFF_PROTO] != IP_PROTO_TCP) {
		free(f);
		return;
	}
	ether_build(f, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	ip[0] = 0x45;
	ip[1] = len >> 6; /* ECN */
	ip[8] = 64;
	ip[IPV4_OFF_PROTO] = IP_PROTO_TCP;
	memcpy(ip + IPV4_OFF_SRC, w->sent + IPV4_OFF_DST, 4);
	memcpy(ip + IPV4_OFF_DST, w->sent + IPV4_OFF_SRC, 4);
	memcpy(to, tcp + 2, 2);
	memcpy(to + 2, tcp, 2);
	memcpy(to + 4, tcp + 8, 4);
	store_be32(to + 8, load_be32(tcp + 4) + ((tcp[13] & (TCP_SYN | TCP_FIN)) != 0));
	to[12] = 5 << 4;
	to[13] = flags;
	store_be16(to + 14, 5000);
	arrive(w, f, ETHER_HDR_LEN + IPV4_HDR_MIN + TCP_HDR_MIN + (len & 63u));
}

/* An ICMP error from the peer, or a redirect from the gateway, that quotes the datagram sent last. */
static void quote(struct world *w, uint8_t type, uint8_t code_and_mtu)
{
	uint8_t *f = calloc(1, ETHER_HDR_LEN + IPV4_HDR_MIN + 8 + sizeof(w->sent)), *ip = f + ETHER_HDR_LEN;

	FUZZ_NEED(f);
	ether_build(f, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	ip[0] = 0x45;
	ip[8] = 64;
	ip[IPV4_OFF_PROTO] = IP_PROTO_ICMP;
	memcpy(ip + IPV4_OFF_SRC, type == REDIRECT ? ip4(10, 0, 0, 254).b : fuzz_peer().b, 4);
	memcpy(ip + IPV4_OFF_DST, fuzz_us().b, 4);
	ip[IPV4_HDR_MIN] = type;
	ip[IPV4_HDR_MIN + 1] = code_and_mtu & 15;
	store_be16(ip + IPV4_HDR_MIN + 6, (uint16_t)((code_and_mtu >> 4) * 100));
	if (type == REDIRECT)
		memcpy(ip + IPV4_HDR_MIN + 4, ip4(10, 0, 0, code_and_mtu >> 4).b, 4);
	memcpy(ip + IPV4_HDR_MIN + 8, w->sent, sizeof(w->sent));
	arrive(w, f, ETHER_HDR_LEN + IPV4_HDR_MIN + 8 + sizeof(w->sent));
}

/* A datagram of the application: text of arg with what goes along, or from the input, bytes with a header of their own.
 */
static void send_one(struct world *w, uint64_t id, uint8_t arg, bool more, struct reader *r)
{
	static const uint8_t text[16384];
	struct socket *so = socket_by_id(w->s, id);
	struct endpoint dst = {fuzz_peer(), 9};
	struct dgram_control c = {0};

	if (!so)
		return;
	if (more) {
		c = (struct dgram_control){.ttl = read_u8(r), .has_options = true};
		c.options_len = (uint8_t)size_min(read_u8(r) % (IP_OPTIONS_MAX + 1u), r->len);
		memcpy(c.options, r->p, c.options_len);
		read_bytes(r, c.options_len);
	}
	if (arg & 1)
		dst.addr = (const struct ip_addr[]){ip4(10, 0, 0, 9), ip4(239, 1, 1, 1), ip4(192, 0, 2, 1),
		                                    ip4(10, 0, 0, 255)}[arg >> 1 & 3];
	if (so->protocol == SOCKET_UDP) {
		socket_send_datagram(w->s, so, dst, more ? &c : NULL, text, arg * 64u);
		return;
	}
	uint32_t len = (uint32_t)size_min(r->len, arg);
	socket_send_datagram(w->s, so, so->protocol == SOCKET_PING ? (struct endpoint){0} : dst, more ? &c : NULL, r->p,
	                     len);
	read_bytes(r, len);
}

static void set_option(struct world *w, uint8_t arg, struct reader *r)
{
	static const int options[] = {OPT_IP_TTL,
	                              OPT_IP_TOS,
	                              OPT_IP_ADD_MEMBERSHIP,
	                              OPT_IP_DROP_MEMBERSHIP,
	                              OPT_IP_BLOCK_SOURCE,
	                              OPT_IP_ADD_SOURCE_MEMBERSHIP,
	                              OPT_ICMP_FILTER,
	                              OPT_IP_HDRINCL,
	                              OPT_IP_MULTICAST_IF,
	                              OPT_IP_OPTIONS,
	                              OPT_SO_BROADCAST,
	                              OPT_IP_DROP_SOURCE_MEMBERSHIP};
	struct socket *so = socket_by_id(w->s, 2 + (arg & 3));
	struct socket_option_value v = {.kind = arg & 4 ? OPTION_RAW : OPTION_NUMBER, .number = arg >> 3};

	if (!so)
		return;
	int option = options[read_u8(r) % ARRAY_LEN(options)];
	if (v.kind == OPTION_RAW) {
		v.len = (uint8_t)size_min(r->len, arg >> 3);
		memcpy(v.bytes, r->p, v.len);
		read_bytes(r, v.len);
	}
	socket_set_option(w->s, so, option, v);
	socket_get_option(w->s, so, option, &v);
}

/* More SYNs than a listener remembers: SYN cookies follow. */
static void flood(struct world *w)
{
	static const uint8_t options[] = {2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0};

	for (uint16_t i = 0; i < TCP_SYN_QUEUE_MIN + 2; i++) {
		uint32_t len = ETHER_HDR_LEN + IPV4_HDR_MIN + TCP_HDR_MIN + sizeof(options);
		uint8_t *f = calloc(1, len), *ip = f + ETHER_HDR_LEN, *tcp = ip + IPV4_HDR_MIN;
		FUZZ_NEED(f);
		ether_build(f, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
		ip[0] = 0x45;
		ip[8] = 64;
		ip[IPV4_OFF_PROTO] = IP_PROTO_TCP;
		memcpy(ip + IPV4_OFF_SRC, fuzz_peer().b, 4);
		memcpy(ip + IPV4_OFF_DST, fuzz_us().b, 4);
		store_be16(tcp, (uint16_t)(3000 + i));
		store_be16(tcp + 2, FUZZ_PORT);
		tcp[12] = (TCP_HDR_MIN + sizeof(options)) / 4 << 4;
		tcp[13] = TCP_SYN;
		store_be16(tcp + 14, 5000);
		memcpy(tcp + TCP_HDR_MIN, options, sizeof(options));
		arrive(w, f, len);
	}
}

static void connect_out(struct world *w, uint8_t arg)
{
	struct socket *so;

	if (socket_open(w->s, SOCKET_TCP, IP_V4, 0, 1, &so))
		return;
	so->channel = w->s;
	socket_bind(w->s, so, (struct endpoint){.port = (uint16_t)(100 + (arg & 7))});
	socket_connect(w->s, so, (struct endpoint){arg & 8 ? ip4(10, 0, 0, 9) : fuzz_peer(), 9});
}

static void pass(struct world *w, uint8_t arg)
{
	instant at = stack_deadline(w->s);

	if (arg & 1 && !instant_is_never(at) && instant_lt(w->env.now, at))
		w->env.now = at;
	else if (arg & 2)
		w->env.now = instant_add(w->env.now, DURATION_S(arg * (int64_t)arg));
	else
		w->env.now = instant_add(w->env.now, DURATION_US(arg));
}

static void command(struct world *w, uint8_t flags, struct reader *r)
{
	uint8_t what = read_u8(r), arg = read_u8(r);

	switch (what % 8) {
	case 0:
		w->env.fail_at = w->env.allocations + 1 + arg % 32;
		w->env.failures_repeat = flags & 1;
		break;
	case 1:
		send_one(w, ID_UDP, arg, flags & 1, r);
		break;
	case 2:
		send_one(w, arg & 128 ? ID_RAW : ID_PING, arg & 127, flags & 1, r);
		break;
	case 3:
		pass(w, arg);
		break;
	case 4:
		if (what / 8 % 6 == 5)
			answer(w, arg, read_u8(r));
		else
			quote(w, (const uint8_t[]){3, 11, 12, 4, REDIRECT}[what / 8 % 6], arg);
		break;
	case 5:
		set_option(w, arg, r);
		break;
	case 6:
		connect_out(w, arg);
		break;
	default:
		w->s->ip.cfg.source_route = arg & 1;
		stack_set_caps(w->s, (struct link_caps){.csum = arg & 2, .gso_max = arg & 4 ? FRAME_MAX : 0});
		if ((arg & 0xf8) == 8)
			flood(w);
		break;
	}
	turn(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.take = true};
	struct reader r = reader_of(data, size);

	w.s = fuzz_begin(&w.env, (struct link_caps){0});
	while (r.len) {
		uint8_t flags = read_u8(&r), len = read_u8(&r);
		if (len == 0) {
			command(&w, flags, &r);
			continue;
		}
		one_frame(&w, &r, flags, len * 8u);
		w.env.now = instant_add(w.env.now, flags & LATER ? DURATION_MS(50) : DURATION_US(100));
		if (flags & MUCH_LATER)
			w.env.now = instant_add(w.env.now, DURATION_S(5));
		if ((flags & RELOAD) && w.n == 0)
			w.s = fuzz_reload(&w.env, w.s);
	}
	turn(&w);
	fuzz_end(&w.env, w.s);
	return 0;
}
