/* See tcp_net.h. Frames are written and read here without the help of the code under test. */
#include "tcp_net.h"

#include <stdlib.h>

#define ETHER_IP (ETHER_HDR_LEN + IPV4_HDR_MIN)
#define PEER_TS  UINT32_C(0xfffffff0) /* wraps early, too */

const struct tcp_net_options tcp_net_plain = {
        .peer_mss = 1460, .peer_ws = -1, .peer_wnd = 65535, .mtu = 1500, .tcp = TCP_CONFIG_DEFAULT};
const struct tcp_net_options tcp_net_modern = {.peer_mss = 1460,
                                               .peer_ws = 7,
                                               .peer_sack = true,
                                               .peer_ts = true,
                                               .peer_wnd = 65535,
                                               .mtu = 1500,
                                               .tcp = TCP_CONFIG_DEFAULT};

uint8_t tcp_net_byte(bool ours, uint32_t seq)
{
	uint32_t x = seq * 2654435761u + (ours ? 17 : 99);

	return (uint8_t)(x >> 13 ^ x >> 24);
}

static void on_trace(void *ctx, const struct trace_event *ev)
{
	struct tcp_net *n = ctx;

	if (ev->kind == TRACE_DROP)
		n->dropped = ev->reason;
}

static uint32_t write_ether(uint8_t *p, struct mac_addr dst, uint16_t type)
{
	ether_build(p, &(struct ether_hdr){.dst = dst, .src = PEER_MAC, .type = type});
	return ETHER_HDR_LEN;
}

static void push_arp(struct tcp_net *n, uint16_t op)
{
	uint8_t *f = n->buffer[n->frames], *p = f + write_ether(f, US_MAC, ETHER_TYPE_ARP);
	static const uint8_t fixed[6] = {0, 1, 8, 0, 6, 4};

	memcpy(p, fixed, sizeof(fixed));
	store_be16(p + 6, op);
	memcpy(p + 8, PEER_MAC.b, 6);
	memcpy(p + 14, op == REPLY ? n->arp_target : addr(PEER).b, 4);
	memcpy(p + 18, US_MAC.b, 6);
	memcpy(p + 24, addr(US).b, 4);
	n->frame[n->frames++] = (struct frame_in){.data = f, .len = ETHER_HDR_LEN + 28};
}

static uint8_t *option_words(uint8_t *p, uint8_t kind, const uint32_t *v, int count)
{
	*p++ = 1;
	*p++ = 1;
	*p++ = kind;
	*p++ = (uint8_t)(2 + 4 * count);
	for (int i = 0; i < count; i++, p += 4)
		store_be32(p, v[i]);
	return p;
}

static uint32_t write_options(const struct tcp_net *n, const struct tseg *g, uint8_t *start)
{
	uint8_t *p = start;

	if (g->mss) {
		*p++ = 2;
		*p++ = 4;
		store_be16(p, g->mss);
		p += 2;
	}
	if (g->has_ws) {
		const uint8_t ws[] = {1, 3, 3, g->ws};
		memcpy(p, ws, sizeof(ws));
		p += sizeof(ws);
	}
	if (g->sack_permitted) {
		const uint8_t permitted[] = {1, 1, 4, 2};
		memcpy(p, permitted, sizeof(permitted));
		p += sizeof(permitted);
	}
	if (g->has_ts)
		p = option_words(p, 8, (const uint32_t[]){g->tsval, g->tsecr}, 2);
	if (g->sacks) {
		uint32_t v[8];
		for (int i = 0; i < g->sacks; i++) {
			v[2 * i] = n->iss + g->sack[i].start;
			v[2 * i + 1] = n->iss + g->sack[i].end;
		}
		p = option_words(p, 5, v, 2 * g->sacks);
	}
	if (g->raw_options_len)
		memcpy(p, g->raw_options, g->raw_options_len);
	return (uint32_t)(p - start) + g->raw_options_len;
}

static void write_ip(uint8_t *p, const struct tseg *g, uint32_t total)
{
	memset(p, 0, IPV4_HDR_MIN);
	p[0] = 0x45;
	p[1] = g->tos;
	store_be16(p + IPV4_OFF_LEN, (uint16_t)total);
	p[8] = 64;
	p[IPV4_OFF_PROTO] = IP_PROTO_TCP;
	memcpy(p + IPV4_OFF_SRC, addr(g->src ? g->src : PEER).b, 4);
	memcpy(p + IPV4_OFF_DST, addr(g->dst ? g->dst : US).b, 4);
	store_be16(p + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, IPV4_HDR_MIN)));
}

void tcp_net_push(struct tcp_net *n, struct tseg g)
{
	ck_assert_int_lt(n->frames, BATCH_MAX);
	uint8_t *f = n->buffer[n->frames], *p = f + ETHER_IP;

	if (n->ts_on && !g.no_ts && !g.has_ts && !(g.flags & TCP_RST)) {
		g.has_ts = true;
		g.tsval = n->peer_ts_base + (uint32_t)((n->env.now.ns - TCP_NET_TIME) / NS_PER_MS);
		g.tsecr = n->last_tsval;
	}
	memset(p, 0, TCP_HDR_MIN);
	store_be16(p, g.peer_port ? g.peer_port : PEER_PORT);
	store_be16(p + 2, g.port ? g.port : n->port);
	store_be32(p + 4, PEER_ISS + g.seq);
	store_be32(p + 8, g.flags & TCP_ACK ? n->iss + g.ack : 0);
	uint32_t header = TCP_HDR_MIN + write_options(n, &g, p + TCP_HDR_MIN);
	ck_assert_uint_eq(header % 4, 0);
	p[12] = (uint8_t)((g.data_offset ? g.data_offset : header / 4) << 4);
	p[13] = (uint8_t)g.flags;
	store_be16(p + 14, g.zero_wnd ? 0 : g.wnd ? g.wnd : 65535);
	store_be16(p + 18, g.urg);
	for (uint32_t i = 0; i < g.len; i++)
		p[header + i] = tcp_net_byte(false, g.seq + i + ((g.flags & TCP_SYN) != 0));
	uint32_t len = header + g.len - g.cut;
	csum c = csum_pseudo(addr(g.src ? g.src : PEER), addr(g.dst ? g.dst : US), IP_PROTO_TCP, len);
	struct offload off = {0};
	store_be16(p + 16, (uint16_t)(csum_finish(csum_add(c, p, len)) ^ (g.bad_csum ? 0x5555 : 0)));
	if (g.gso_size) {
		off.needs_csum = true;
		off.csum_start = ETHER_IP;
		off.csum_offset = 16;
		off.gso = GSO_TCPV4;
		off.gso_size = g.gso_size;
		off.hdr_len = (uint16_t)(ETHER_IP + header);
	}
	write_ether(f, mac_eq(g.mac, ZERO_MAC) ? US_MAC : g.mac, ETHER_TYPE_IP4);
	write_ip(f + ETHER_HDR_LEN, &g, IPV4_HDR_MIN + len);
	n->frame[n->frames++] = (struct frame_in){.data = f, .len = ETHER_IP + len, .off = off};
}

void tcp_net_ip_options(struct tcp_net *n, const uint8_t *options, uint32_t len)
{
	struct frame_in *f = &n->frame[n->frames - 1];
	uint8_t *ip = n->buffer[n->frames - 1] + ETHER_HDR_LEN;

	memmove(ip + IPV4_HDR_MIN + len, ip + IPV4_HDR_MIN, f->len - ETHER_HDR_LEN - IPV4_HDR_MIN);
	memcpy(ip + IPV4_HDR_MIN, options, len);
	f->len += len;
	ip[0] = (uint8_t)(0x40 | (IPV4_HDR_MIN + len) / 4);
	store_be16(ip + IPV4_OFF_LEN, (uint16_t)(f->len - ETHER_HDR_LEN));
	store_be16(ip + IPV4_OFF_CSUM, 0);
	store_be16(ip + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, ip, IPV4_HDR_MIN + len)));
}

static uint8_t *write_icmp_ip(uint8_t *p, const char *from, const char *to, uint8_t protocol, uint32_t total)
{
	memset(p, 0, IPV4_HDR_MIN);
	p[0] = 0x45;
	store_be16(p + IPV4_OFF_LEN, (uint16_t)total);
	p[8] = 64;
	p[IPV4_OFF_PROTO] = protocol;
	memcpy(p + IPV4_OFF_SRC, addr(from).b, 4);
	memcpy(p + IPV4_OFF_DST, addr(to).b, 4);
	store_be16(p + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, IPV4_HDR_MIN)));
	return p + IPV4_HDR_MIN;
}

void tcp_net_push_icmp(struct tcp_net *n, struct ticmp e)
{
	ck_assert_int_lt(n->frames, BATCH_MAX);
	uint32_t quoted = e.none ? 0 : e.quoted ? e.quoted : 8, options = e.route ? 12 : 0;
	uint32_t len = ICMP_HDR_LEN + IPV4_HDR_MIN + options + quoted;
	uint8_t *f = n->buffer[n->frames], *p = f + ETHER_HDR_LEN;

	write_ether(f, US_MAC, ETHER_TYPE_IP4);
	p = write_icmp_ip(p, e.from ? e.from : GATEWAY, US, IP_PROTO_ICMP, IPV4_HDR_MIN + len);
	memset(p, 0, len);
	p[0] = e.type;
	p[1] = e.code;
	store_be16(p + 6, e.mtu);
	uint8_t *q = write_icmp_ip(p + ICMP_HDR_LEN, US, e.remote ? e.remote : PEER, IP_PROTO_TCP,
	                           e.total ? e.total : 1500);
	if (e.route) {
		q[-IPV4_HDR_MIN] = 0x48;
		memcpy(q, e.route, options);
		q += options;
	}
	uint8_t tcp[TCP_HDR_MIN] = {0};
	store_be16(tcp, e.port ? e.port : n->port);
	store_be16(tcp + 2, e.peer_port ? e.peer_port : PEER_PORT);
	store_be32(tcp + 4, n->iss + e.seq);
	memcpy(q, tcp, quoted);
	store_be16(p + ICMP_CSUM_OFFSET, csum_finish(csum_add(CSUM_ZERO, p, len)));
	n->frame[n->frames++] = (struct frame_in){.data = f, .len = ETHER_IP + len};
}

static void read_options(struct tcp_net *n, struct tseg *g, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (*p == 1) {
			p++;
			continue;
		}
		ck_assert_msg(p + 1 < end && p[1] >= 2 && p + p[1] <= end, "malformed option %u sent", *p);
		switch (*p) {
		case 2:
			ck_assert_uint_eq(p[1], 4);
			g->mss = load_be16(p + 2);
			break;
		case 3:
			ck_assert_uint_eq(p[1], 3);
			g->has_ws = true;
			g->ws = p[2];
			break;
		case 4:
			ck_assert_uint_eq(p[1], 2);
			g->sack_permitted = true;
			break;
		case 5:
			ck_assert_int_eq((p[1] - 2) % 8, 0);
			for (g->sacks = 0; g->sacks < (p[1] - 2) / 8; g->sacks++) {
				g->sack[g->sacks].start = load_be32(p + 2 + 8 * g->sacks) - PEER_ISS;
				g->sack[g->sacks].end = load_be32(p + 6 + 8 * g->sacks) - PEER_ISS;
			}
			break;
		case 8:
			ck_assert_uint_eq(p[1], 10);
			g->has_ts = true;
			g->tsval = load_be32(p + 2);
			g->tsecr = load_be32(p + 6);
			n->last_tsval = g->tsval;
			break;
		default:
			ck_abort_msg("option %u sent", *p);
		}
		p += p[1];
	}
}

/* The frame leaves: header and checksums are verified, text compared, the segment kept. */
static void capture_tcp(struct tcp_net *n, const uint8_t *f, uint32_t len, const struct offload *off)
{
	const uint8_t *ip = f + ETHER_HDR_LEN, *p = ip + (ip[0] & 15) * 4;
	uint32_t ip_hdr = (ip[0] & 15u) * 4, tcp_len = len - ETHER_HDR_LEN - ip_hdr,
	         header = (uint32_t)(p[12] >> 4) * 4;

	ck_assert_mem_eq(f, PEER_MAC.b, 6);
	ck_assert_uint_eq(ip[0] >> 4, 4);
	ck_assert(ip_hdr == IPV4_HDR_MIN || n->opt.source_route);
	ck_assert_uint_eq(load_be16(ip + IPV4_OFF_LEN), len - ETHER_HDR_LEN);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, ip, ip_hdr)), 0);
	ck_assert_uint_ge(tcp_len, header);
	if (!off->needs_csum) {
		csum c = csum_pseudo(addr(US), addr(PEER), IP_PROTO_TCP, tcp_len);
		ck_assert_uint_eq(csum_finish(csum_add(c, p, tcp_len)), 0);
	}
	if (off->gso == GSO_NONE)
		ck_assert_uint_le(len - ETHER_HDR_LEN, n->opt.mtu);
	struct tseg g = {.local_port = load_be16(p), .remote_port = load_be16(p + 2), .at = n->env.now};
	g.flags = p[13] & ~TCP_PSH;
	g.psh = (p[13] & TCP_PSH) != 0;
	if ((g.flags & TCP_SYN) && !n->iss_known) {
		n->iss = load_be32(p + 4);
		n->iss_known = true;
		n->port = g.local_port;
	}
	g.seq = load_be32(p + 4) - n->iss;
	g.ack = load_be32(p + 8) - PEER_ISS;
	g.wnd = load_be16(p + 14);
	g.urg = load_be16(p + 18);
	g.len = tcp_len - header;
	g.ttl = ip[8];
	g.ip_options_len = ip_hdr - IPV4_HDR_MIN;
	memcpy(g.ip_options, ip + IPV4_HDR_MIN, g.ip_options_len);
	memcpy(g.ip_dst, ip + IPV4_OFF_DST, 4);
	g.df = (load_be16(ip + IPV4_OFF_FRAG) & IPV4_FLAG_DF) != 0;
	g.tos = ip[1];
	g.gso_size = off->gso_size;
	g.frame_len = len;
	read_options(n, &g, p + TCP_HDR_MIN, p + header);
	for (uint32_t i = 0; i < g.len; i++)
		if (p[header + i] != tcp_net_byte(true, g.seq + i)) /* an assertion costs a system call each */
			ck_abort_msg("byte %u sent is wrong", g.seq + i);
	ck_assert_int_lt(n->sent_count, SENT_MAX);
	n->sent[n->sent_count++] = g;
}

static void capture(struct tcp_net *n, const struct frame_out *out)
{
	static uint8_t f[FRAME_MAX];
	uint32_t len = out->hdr_len;

	memcpy(f, frame_hdr_const(out), out->hdr_len);
	for (int i = 0; i < out->niov; i++) {
		memcpy(f + len, out->iov[i].iov_base, out->iov[i].iov_len);
		len += (uint32_t)out->iov[i].iov_len;
	}
	ck_assert_uint_eq(len, frame_len(out));
	if (load_be16(f + 12) == ETHER_TYPE_ARP) {
		/* An announcement asks nobody. */
		if (memcmp(f + ETHER_HDR_LEN + 14, f + ETHER_HDR_LEN + 24, 4) == 0)
			return;
		n->arp_asked = n->arp_asked || load_be16(f + ETHER_HDR_LEN + 6) == REQUEST;
		memcpy(n->arp_target, f + ETHER_HDR_LEN + 24, 4);
		return;
	}
	ck_assert_uint_eq(load_be16(f + 12), ETHER_TYPE_IP4);
	if (f[ETHER_HDR_LEN + IPV4_OFF_PROTO] == IP_PROTO_TCP)
		capture_tcp(n, f, len, &out->off);
}

static uint32_t deliver(struct tcp_net *n, const struct stack_delivery *d)
{
	uint32_t room = n->channel_max - n->held, taken = 0;

	ck_assert_ptr_eq(d->socket, n->so);
	for (int i = 0; i < d->niov; i++) {
		const uint8_t *p = d->iov[i].iov_base;
		for (size_t j = 0; j < d->iov[i].iov_len && taken < room; j++, taken++)
			if (p[j] != tcp_net_byte(false, 1 + n->received + taken))
				ck_abort_msg("byte %u delivered is wrong", n->received + taken);
	}
	n->received += taken;
	n->held += taken;
	return taken;
}

static void apply_events(struct tcp_net *n)
{
	struct socket *so;
	unsigned events;

	while ((so = stack_ready(n->stack, &events))) {
		if (so == n->listener)
			n->listener_events |= events;
		else if (so->id == n->id)
			n->events |= events;
	}
}

/* The records of what is outstanding agree with the variables, and some timer will bring them on. */
static void check_invariants(struct tcp_net *n)
{
	list_for_each(it, &n->stack->sockets.all)
	{
		const struct socket *so = list_entry(it, struct socket, all);
		if (so->protocol != SOCKET_TCP)
			continue;
		const struct tcp *t = &so->tcp;
		seq32 at = t->snd.una;
		uint32_t pipe = 0, lost = 0;
		for (uint32_t i = 0; i < t->txq.count; i++) {
			const struct tcp_txrec *r = txq_at(&t->txq, i);
			ck_assert(seq_eq(r->seq, at));
			at = txrec_end(r);
			*(r->lost ? &lost : &pipe) += r->sacked ? 0 : r->len;
		}
		ck_assert(!t->txq.count || seq_eq(at, t->snd.nxt));
		ck_assert_uint_eq(t->pipe, pipe);
		ck_assert_uint_eq(t->lost, lost);
		ck_assert(!t->txq.count || tcp_timer_on(t, TCP_TIMER_RETRANSMIT) || tcp_timer_on(t, TCP_TIMER_PERSIST));
		ck_assert_uint_eq(t->rcv.borrowed, 0);
	}
}

void tcp_net_turn(struct tcp_net *n)
{
	struct stack_delivery d;
	struct frame_out out;
	int frames = n->frames;

	n->frames = 0;
	n->arp_asked = false;
	if (frames)
		stack_input(n->stack, n->frame, frames);
	stack_tick(n->stack);
	apply_events(n);
	while (stack_delivery(n->stack, &d))
		stack_delivered(n->stack, &d, deliver(n, &d), true);
	apply_events(n);
	while (stack_output(n->stack, &out))
		capture(n, &out);
	stack_turn_end(n->stack);
	for (int i = 0; i < frames; i++)
		memset(n->buffer[i], 0xdb, n->frame[i].len);
	if (tcp_net_gone(n))
		n->so = NULL;
	check_invariants(n);
	if (n->arp_asked) {
		push_arp(n, REPLY);
		tcp_net_turn(n);
	}
}

void tcp_net_begin(struct tcp_net *n, const struct tcp_net_options *opt)
{
	struct stack_config cfg = stack_config_default;

	*n = (struct tcp_net){.opt = *opt, .env = unit_env(7), .channel_max = UINT32_MAX, .dropped = CNT_COUNT};
	n->env.now.ns = TCP_NET_TIME;
	n->env.trace = on_trace;
	n->env.trace_ctx = n;
	n->peer_ts_base = PEER_TS;
	cfg.ip = (struct ip_config){.mac = US_MAC,
	                            .address = {addr(US), 24},
	                            .gateway = addr(GATEWAY),
	                            .mtu = opt->mtu,
	                            .source_route = opt->source_route};
	cfg.tcp = opt->tcp;
	if (opt->sockets_per_uid)
		cfg.sockets_per_uid = opt->sockets_per_uid;
	if (opt->sockets_max)
		cfg.sockets_max = opt->sockets_max;
	n->stack = stack_new(&n->env, &cfg, opt->caps);
	ck_assert_ptr_nonnull(n->stack);
	push_arp(n, REQUEST);
	tcp_net_turn(n);
}

static void detach_channels(struct tcp_net *n)
{
	list_for_each(it, &n->stack->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
}

void tcp_net_end(struct tcp_net *n)
{
	if (tcp_net_waiting(n))
		ck_abort_msg("%d segments were sent that the test does not expect; the first: flags %02x seq %u ack %u "
		             "len %u",
		             tcp_net_waiting(n), n->sent[n->sent_next].flags, n->sent[n->sent_next].seq,
		             n->sent[n->sent_next].ack, n->sent[n->sent_next].len);
	detach_channels(n);
	stack_free(n->stack);
	unit_env_end(&n->env);
}

void tcp_net_reload(struct tcp_net *n)
{
	struct snap save, load, again;
	uint64_t listener = n->listener ? n->listener->id : 0;

	stack_save(n->stack, &save);
	ck_assert_msg(snap_ok(&save), "%s", save.error);
	detach_channels(n);
	stack_free(n->stack);
	ck_assert_uint_eq(n->env.allocated, 0);
	snap_load_begin(&load, save.buf, save.len);
	n->stack = stack_load(&n->env, &load);
	ck_assert_msg(n->stack != NULL, "%s", load.error);
	ck_assert_uint_eq(load.pos, load.len);
	stack_save(n->stack, &again);
	ck_assert_uint_eq(again.len, save.len);
	ck_assert_mem_eq(again.buf, save.buf, save.len);
	snap_save_free(&save);
	snap_save_free(&again);
	n->listener = listener ? socket_by_id(n->stack, listener) : NULL;
	n->so = n->id ? socket_by_id(n->stack, n->id) : NULL;
	if (n->so && n->so->owned)
		n->so->channel = n;
}

int tcp_net_waiting(const struct tcp_net *n)
{
	return n->sent_count - n->sent_next;
}

void tcp_net_skip_output(struct tcp_net *n)
{
	n->sent_next = n->sent_count = 0;
}

const struct tseg *tcp_net_next(struct tcp_net *n, int line)
{
	ck_assert_msg(tcp_net_waiting(n) > 0, "line %d: nothing was sent", line);
	const struct tseg *g = &n->sent[n->sent_next++];
	return g;
}

const struct tseg *tcp_net_expect(struct tcp_net *n, struct tseg want, int line)
{
	if (n->sent_next == n->sent_count)
		ck_abort_msg("line %d: nothing was sent; expected flags %02x seq %u ack %u len %u", line, want.flags,
		             want.seq, want.ack, want.len);
	const struct tseg *g = &n->sent[n->sent_next];
	bool ok = g->flags == want.flags && g->seq == want.seq && g->len == want.len &&
	          (!(want.flags & TCP_ACK) || g->ack == want.ack) && (!want.wnd || g->wnd == want.wnd) &&
	          (!want.zero_wnd || g->wnd == 0) && (!want.mss || g->mss == want.mss) &&
	          (!want.has_ws || (g->has_ws && g->ws == want.ws));
	for (int i = 0; i < want.sacks && ok; i++)
		ok = g->sacks == want.sacks && g->sack[i].start == want.sack[i].start &&
		     g->sack[i].end == want.sack[i].end;
	ck_assert_msg(ok,
	              "line %d: expected flags %02x seq %u ack %u len %u wnd %u sacks %d, "
	              "sent flags %02x seq %u ack %u len %u wnd %u mss %u sacks %d [%u, %u)",
	              line, want.flags, want.seq, want.ack, want.len, want.wnd, want.sacks, g->flags, g->seq, g->ack,
	              g->len, g->wnd, g->mss, g->sacks, g->sack[0].start, g->sack[0].end);
	n->sent_next++;
	if (n->sent_next == n->sent_count)
		n->sent_next = n->sent_count = 0;
	return g;
}

void tcp_net_nothing(struct tcp_net *n, int line)
{
	if (!tcp_net_waiting(n))
		return;
	const struct tseg *g = &n->sent[n->sent_next];
	ck_abort_msg("line %d: sent flags %02x seq %u ack %u len %u, expected nothing", line, g->flags, g->seq, g->ack,
	             g->len);
}

void tcp_net_pass(struct tcp_net *n, int64_t ms)
{
	instant end = instant_add(n->env.now, DURATION_MS(ms)), at;

	while (instant_le(at = stack_deadline(n->stack), end)) {
		if (instant_lt(n->env.now, at))
			n->env.now = at;
		tcp_net_turn(n);
	}
	n->env.now = end;
	tcp_net_turn(n);
}

int64_t tcp_net_pass_until_output(struct tcp_net *n, int64_t max_ms)
{
	instant begin = n->env.now, end = instant_add(begin, DURATION_MS(max_ms)), at;
	int before = tcp_net_waiting(n);

	while (tcp_net_waiting(n) == before && instant_le(at = stack_deadline(n->stack), end)) {
		if (instant_lt(n->env.now, at))
			n->env.now = at;
		tcp_net_turn(n);
	}
	return instant_since(n->env.now, begin).ns / NS_PER_MS;
}

bool tcp_net_gone(const struct tcp_net *n)
{
	return n->id && !socket_by_id(n->stack, n->id);
}

struct tcp *tcb(struct tcp_net *n)
{
	ck_assert_msg(n->so != NULL, "the socket is gone");
	return &n->so->tcp;
}

unsigned tcp_net_events(struct tcp_net *n)
{
	unsigned e = n->events;

	n->events = 0;
	return e;
}

int64_t tcp_net_timer_ms(struct tcp_net *n, enum tcp_timer which)
{
	instant at = tcb(n)->deadline[which];

	return instant_is_never(at) ? -1 : instant_since(at, n->env.now).ns / NS_PER_MS;
}
