/* Structured mutations into a connection: segments near what the stack expects, calls of the application, time.
 *
 * The input is a program of 8-byte instructions. Sequence and acknowledgment numbers are offsets from RCV.NXT and
 * SND.UNA, so that most segments land in or near the window. */
#include "fuzz.h"

struct machine {
	struct env env;
	struct stack *s;
	uint64_t id; /* of the connection */
	uint32_t iss;
	uint16_t port;
	uint32_t ts;
	bool take;
};

static void on_sent(void *ctx, const struct frame_out *f)
{
	struct machine *m = ctx;
	const uint8_t *p = frame_hdr_const(f), *tcp = p + ETHER_HDR_LEN + IPV4_HDR_MIN;

	if (load_be16(p + 12) != ETHER_TYPE_IP4 || p[ETHER_HDR_LEN + IPV4_OFF_PROTO] != IP_PROTO_TCP)
		return;
	if (tcp[13] & TCP_SYN) {
		m->iss = load_be32(tcp + 4);
		m->port = load_be16(tcp);
	}
}

static void turn(struct machine *m, const struct frame_in *f, int n)
{
	fuzz_turn(m->s, f, n, m->take, on_sent, m);
}

static uint8_t *put_options(struct machine *m, uint8_t *p, uint8_t which, seq32 una)
{
	if (which & 1) {
		const uint8_t ts[] = {1, 1, 8, 10};
		memcpy(p, ts, 4);
		store_be32(p + 4, m->ts);
		store_be32(p + 8, 0);
		p += 12;
	}
	if (which & 2) {
		int blocks = 1 + (which >> 2 & 1);
		p[0] = p[1] = 1;
		p[2] = 5;
		p[3] = (uint8_t)(2 + 8 * blocks);
		p += 4;
		for (int i = 0; i < blocks; i++, p += 8) {
			store_be32(p, una.n + (which >> 3) * 700u + 3000u * (unsigned)i);
			store_be32(p + 4, una.n + (which >> 3) * 700u + 3000u * (unsigned)i + 1 + which * 13u);
		}
	}
	return p;
}

struct spec {
	unsigned flags;
	seq32 seq, ack;
	uint16_t wnd, len;
	uint8_t options;
};

static void segment(struct machine *m, const struct spec *g, seq32 una)
{
	uint8_t *f = calloc(1, 4096), *ip = f + ETHER_HDR_LEN, *tcp = ip + IPV4_HDR_MIN;

	FUZZ_NEED(f);
	ether_build(f, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	ip[0] = 0x45;
	ip[8] = 64;
	ip[IPV4_OFF_PROTO] = IP_PROTO_TCP;
	memcpy(ip + IPV4_OFF_SRC, fuzz_peer().b, 4);
	memcpy(ip + IPV4_OFF_DST, fuzz_us().b, 4);
	store_be16(tcp, 80);
	store_be16(tcp + 2, m->port);
	store_be32(tcp + 4, g->seq.n);
	store_be32(tcp + 8, g->ack.n);
	tcp[13] = (uint8_t)g->flags;
	store_be16(tcp + 14, g->wnd);
	uint8_t *end = put_options(m, tcp + TCP_HDR_MIN, g->options, una);
	tcp[12] = (uint8_t)((end - tcp) / 4 << 4);
	uint32_t len = (uint32_t)(end - f) + g->len;
	fuzz_fix_checksums(f, len);
	struct frame_in in = {.data = f, .len = len};
	turn(m, &in, 1);
	free(f);
}

static struct socket *connection(const struct machine *m)
{
	return socket_by_id(m->s, m->id);
}

static void start(struct machine *m, uint8_t how)
{
	static const uint8_t options[] = {2, 4, 0x05, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2,
	                                  1, 1, 8,    10,   0, 0, 0, 1, 0, 0, 0, 0};
	struct link_caps caps = {.csum = how & 1, .gso_max = how & 2 ? FRAME_MAX : 0};
	struct socket *so;

	m->take = true;
	m->ts = 1;
	m->s = fuzz_begin(&m->env, caps);
	so = fuzz_open(m->s, SOCKET_TCP, 0);
	m->id = so->id;
	FUZZ_NEED(socket_connect(m->s, so, (struct endpoint){fuzz_peer(), 80}) == EINPROGRESS);
	turn(m, NULL, 0);
	uint8_t f[128] = {0}, *ip = f + ETHER_HDR_LEN, *tcp = ip + IPV4_HDR_MIN;
	ether_build(f, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	ip[0] = 0x45;
	ip[IPV4_OFF_PROTO] = IP_PROTO_TCP;
	memcpy(ip + IPV4_OFF_SRC, fuzz_peer().b, 4);
	memcpy(ip + IPV4_OFF_DST, fuzz_us().b, 4);
	store_be16(tcp, 80);
	store_be16(tcp + 2, m->port);
	store_be32(tcp + 4, 0xfffff000);
	store_be32(tcp + 8, m->iss + 1);
	uint32_t n = how & 4 ? sizeof(options) : 4;
	memcpy(tcp + TCP_HDR_MIN, options, n);
	tcp[12] = (uint8_t)((TCP_HDR_MIN + n) / 4 << 4);
	tcp[13] = TCP_SYN | TCP_ACK;
	store_be16(tcp + 14, 30000);
	uint32_t len = ETHER_HDR_LEN + IPV4_HDR_MIN + TCP_HDR_MIN + n;
	fuzz_fix_checksums(f, len);
	struct frame_in in = {.data = f, .len = len};
	turn(m, &in, 1);
	FUZZ_NEED(so->tcp.state == TCP_ESTABLISHED);
}

static void write_some(struct machine *m, struct socket *so, uint32_t want)
{
	struct iovec iov[2];
	int error, n = socket_send_reserve(m->s, so, want, iov, &error);
	uint32_t put = 0;

	for (int i = 0; i < n; i++) {
		memset(iov[i].iov_base, 'x', iov[i].iov_len);
		put += (uint32_t)iov[i].iov_len;
	}
	if (n)
		socket_send_commit(m->s, so, put);
}

/* Any option with a number; it may well be refused. */
static void set_some_option(struct machine *m, struct socket *so, uint16_t arg)
{
#define NUMBER(name, n) (n),
	static const int options[] = {SOCKET_OPTIONS(NUMBER)};
#undef NUMBER
	static const int64_t values[] = {0, 1, 2, 40, 300, 1000, 5000, 100000};
	struct socket_option_value v = {.number = values[arg / 64 % ARRAY_LEN(values)]};

	socket_set_option(m->s, so, options[arg % ARRAY_LEN(options)], v);
	socket_get_option(m->s, so, options[arg / 512 % ARRAY_LEN(options)], &v);
	if (v.kind == OPTION_INFO) {
		struct tcp_info info;
		socket_tcp_info(m->s, so, &info);
		FUZZ_NEED(info.sacked + info.lost + info.retrans <= info.unacked);
	}
}

/* Calls of the application. */
static void act(struct machine *m, struct socket *so, uint8_t what, uint16_t arg)
{
	switch (what % 8) {
	case 0:
		write_some(m, so, 1 + arg % 20000u);
		if (arg & 0x4000)
			socket_send_urgent(m->s, so);
		break;
	case 1:
		set_some_option(m, so, arg);
		break;
	case 2:
		socket_shutdown(m->s, so, arg & 1, !(arg & 1));
		break;
	case 3:
		if (arg % 16 == 0) {
			socket_close(m->s, so, arg & 32);
			m->id = 0;
		}
		break;
	case 4:
		if (arg % 64 == 0) {
			socket_abort(m->s, so);
			m->id = 0;
		}
		break;
	case 5:
		m->take = !m->take;
		stack_offer(m->s, so);
		break;
	case 6:
		socket_set_option(m->s, so, OPT_TCP_MAXSEG, (struct socket_option_value){.number = 88 + arg % 2000});
		socket_set_option(m->s, so, OPT_TCP_NODELAY, (struct socket_option_value){.number = arg & 1});
		break;
	default:
		socket_set_option(m->s, so, OPT_SO_RCVBUF, (struct socket_option_value){.number = arg});
		break;
	}
	turn(m, NULL, 0);
}

static void pass(struct machine *m, uint16_t arg)
{
	instant at = stack_deadline(m->s);

	if (arg & 1 && !instant_is_never(at) && instant_lt(m->env.now, at))
		m->env.now = at; /* to the next timer */
	else
		m->env.now = instant_add(m->env.now, DURATION_US(arg));
	m->ts = (uint32_t)(m->env.now.ns / NS_PER_MS);
	turn(m, NULL, 0);
}

/* What must hold whatever the peer says. */
static void check(const struct machine *m)
{
	list_for_each(it, &m->s->sockets.all)
	{
		const struct socket *so = list_entry(it, struct socket, all);
		if (so->protocol != SOCKET_TCP)
			continue;
		const struct tcp *t = &so->tcp;
		seq32 at = t->snd.una;
		uint32_t pipe = 0, lost = 0;
		for (uint32_t i = 0; i < t->txq.count; i++) {
			const struct tcp_txrec *r = txq_at(&t->txq, i);
			FUZZ_NEED(seq_eq(r->seq, at) && r->len);
			at = txrec_end(r);
			lost += r->lost ? r->len : 0;
			pipe += txrec_in_pipe(r) ? r->len : 0;
		}
		FUZZ_NEED(!t->txq.count || seq_eq(at, t->snd.nxt));
		FUZZ_NEED(pipe == t->pipe && lost == t->lost);
		FUZZ_NEED(!t->txq.count || tcp_timer_on(t, TCP_TIMER_RETRANSMIT) || tcp_timer_on(t, TCP_TIMER_PERSIST));
		FUZZ_NEED(tcp_recv_queued(t) <= TCP_BUF_MAX + (1u << 15));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m = {.env = {0}};
	struct reader r = reader_of(data, size);

	start(&m, read_u8(&r));
	while (r.len >= 8 && m.id) {
		struct socket *so = connection(&m);
		if (!so)
			break;
		uint8_t op = read_u8(&r), flags = read_u8(&r);
		uint16_t a = read_be16(&r), b = read_be16(&r), c = read_be16(&r);
		if (op < 48) {
			act(&m, so, op, a);
		} else if (op < 96) {
			pass(&m, a);
		} else {
			const struct tcp *t = &so->tcp;
			struct spec g = {.flags = flags & 0x3f,
			                 .seq = seq_add(t->rcv.nxt, (uint32_t)(int32_t)(int16_t)a),
			                 .ack = seq_add(t->snd.una, b % 8 == 7 ? (uint32_t)(int32_t)(int16_t)b
			                                                       : b % (tcp_flight_size(t) + 1)),
			                 .wnd = (uint16_t)(c & 1 ? c & 0xf : c),
			                 .len = op & 1 ? c % 1460 : 0,
			                 .options = (uint8_t)(flags >> 6 | (op & 0xfc))};
			if (op & 2) /* in order, and a usual ACK */
				g.seq = t->rcv.nxt, g.flags = TCP_ACK | (flags & TCP_FIN & -(unsigned)(a % 16 == 0));
			segment(&m, &g, t->snd.una);
		}
		check(&m);
	}
	fuzz_end(&m.env, m.s);
	return 0;
}
