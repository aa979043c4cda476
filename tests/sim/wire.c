/* The observer's ears: parsing, which end a segment belongs to, and the order of events. See wire.h. */
#include "wire.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "link/ether.h"
#include "sim.h"

#define IP_AT  ETHER_HDR_LEN
#define TCP_AT (ETHER_HDR_LEN + 20)

static void parse_options(const uint8_t *p, uint32_t len, struct wire_seg *g)
{
	while (len) {
		uint32_t kind = p[0], n = kind <= 1 || len < 2 ? 1 : p[1];
		if (kind == 0 || n > len || (kind > 1 && n < 2))
			return;
		if (kind == 2 && n == 4)
			g->offer.mss = load_be16(p + 2);
		if (kind == 3 && n == 3) {
			g->offer.ws = true;
			g->offer.shift = p[2] > 14 ? 14 : p[2];
		}
		if (kind == 4 && n == 2)
			g->offer.sack = true;
		if (kind == 8 && n == 10) {
			g->has_ts = g->offer.ts = true;
			g->tsval = load_be32(p + 2);
			g->tsecr = load_be32(p + 6);
		}
		if (kind == 5)
			for (uint32_t at = 2; at + 8 <= n && g->sacks < 4; at += 8, g->sacks++) {
				g->sack[g->sacks].start = load_be32(p + at);
				g->sack[g->sacks].end = load_be32(p + at + 4);
			}
		p += n;
		len -= n;
	}
}

static bool checksums_right(const uint8_t *frame, uint32_t total, const struct offload *off)
{
	const uint8_t *ip = frame + IP_AT;

	if (csum_finish(csum_add(CSUM_ZERO, ip, 20)) != 0)
		return false;
	if (off->needs_csum || off->csum_valid)
		return true;
	csum c = csum_pseudo(ip4_from_bytes(ip + 12), ip4_from_bytes(ip + 16), IP_PROTO_TCP, total - 20);
	return csum_finish(csum_add(c, ip + 20, total - 20)) == 0;
}

bool wire_parse(const uint8_t *frame, uint32_t len, const struct offload *off, struct wire_seg *g)
{
	const uint8_t *ip = frame + IP_AT, *t = frame + TCP_AT;

	if (len < TCP_AT + 20 || load_be16(frame + 12) != ETHER_TYPE_IP4 || ip[0] != 0x45 || ip[9] != IP_PROTO_TCP)
		return false;
	uint32_t total = load_be16(ip + 2);
	if (total < 40 || total > len - IP_AT || (load_be16(ip + 6) & 0x3fff) || !checksums_right(frame, total, off))
		return false;
	uint32_t header = (uint32_t)(t[12] >> 4) * 4;
	if (header < 20 || header > total - 20)
		return false;
	*g = (struct wire_seg){.src = load_be16(t),
	                       .dst = load_be16(t + 2),
	                       .seq = load_be32(t + 4),
	                       .ack = load_be32(t + 8),
	                       .flags = t[13],
	                       .wnd = load_be16(t + 14),
	                       .text = t + header,
	                       .len = total - 20 - header,
	                       .header = header,
	                       .cut = off->gso != GSO_NONE ? off->gso_size : 0};
	parse_options(t + 20, header - 20, g);
	return true;
}

static struct wire_pair *pair_of(struct world *w, uint16_t port0, uint16_t port1)
{
	struct wire *v = &w->wire;

	for (int i = 0; i < v->pairs; i++)
		if (v->pair[i].port[0] == port0 && v->pair[i].port[1] == port1)
			return &v->pair[i];
	if (v->pairs == WIRE_PAIRS_MAX)
		return NULL;
	struct wire_pair *p = &v->pair[v->pairs++];
	p->port[0] = port0;
	p->port[1] = port1;
	return p;
}

static struct wire_pair *pair_of_seg(struct world *w, int host, const struct wire_seg *g, bool out)
{
	bool from0 = (host == 0) == out;

	return from0 ? pair_of(w, g->src, g->dst) : pair_of(w, g->dst, g->src);
}

struct wire_end *wire_end_of(struct world *w, int host, uint16_t local, uint16_t remote)
{
	struct wire_pair *p = host == 0 ? pair_of(w, local, remote) : pair_of(w, remote, local);

	return p && p->end[host].used ? &p->end[host] : NULL;
}

void wire_end_reset(struct wire_end *e)
{
	ranges_free(&e->sacked);
	ranges_free(&e->got);
	ranges_free(&e->taken);
	*e = (struct wire_end){.fin = WIRE_NONE, .peer_fin = WIRE_NONE};
	e->business_since = e->pending_since = INSTANT_NEVER;
}

void wire_free(struct wire *v)
{
	for (int i = 0; i < v->pairs; i++)
		for (int j = 0; j < 2; j++)
			wire_end_reset(&v->pair[i].end[j]);
}

static void for_each_end(struct sim_host *h, void (*f)(struct sim_host *h, struct wire_end *e))
{
	struct wire *v = &h->world->wire;

	for (int i = 0; i < v->pairs && !h->world->failure; i++)
		if (v->pair[i].end[h->index].used)
			f(h, &v->pair[i].end[h->index]);
}

/* Frames that waited for an address come in a bunch: their times say nothing. */
static void forget_silence(struct sim_host *h, struct wire_end *e)
{
	(void)h;
	e->silence.count = 0;
}

static void hide(struct sim_host *h, struct wire_end *e)
{
	forget_silence(h, e);
	e->hidden = e->hidden_ack = true;
}

/* The peer's SYN, as this end takes it. */
static void learn_irs(struct sim_host *h, struct wire_end *e, uint32_t irs, const struct wire_offer *offer)
{
	e->irs = irs;
	e->irs_known = true;
	e->peer = *offer;
	e->expect = e->sure = 1;
	ranges_add(&e->got, 0, 1);
	e->last_arrived = h->world->now;
}

static bool is_alive(const struct sim_host *h, const struct wire_seg *syn)
{
	struct endpoint local = {ip4(10, 0, 0, (uint8_t)(1 + h->index)), syn->src};
	struct endpoint remote = {ip4(10, 0, 0, (uint8_t)(2 - h->index)), syn->dst};
	const struct pcb *p = pcb_lookup_tuple(&h->stack->tcp.pcbs, local, remote);

	return p && ((const struct tcp *)(const void *)p)->snd.iss.n == syn->seq;
}

/* A SYN with a new sequence number opens a new end. */
static void open_end(struct sim_host *h, struct wire_pair *p, const struct wire_seg *g)
{
	struct world *w = h->world;
	struct wire_end *e = &p->end[h->index];

	if (e->used && !e->over && !(e->app && e->app->attempts > 1)) {
		world_fail(w, "host %d port %u: a second initial sequence number", h->index, g->src);
		return;
	}
	if (e->app)
		e->app->peer_fin = e->peer_fin;
	wire_end_reset(e);
	e->used = true;
	e->iss = g->seq;
	e->own = g->offer;
	e->opened = e->una_moved = e->last_arrived = w->now;
	e->over = !is_alive(h, g);
	e->app = app_of_ports(h, g->src, g->dst);
	if (g->src == SIM_PORT)
		e->app = NULL; /* until it is accepted */
	else if (h->index == 0 && e->app && w->opened_count < SIM_OPENED_MAX) {
		w->opened[w->opened_count].iss = g->seq;
		w->opened[w->opened_count++].connection = e->app->connection;
	}
}

/* The first acknowledgment tells which SYN it takes. */
static void first_ack(struct sim_host *h, const struct wire_pair *p, struct wire_end *e, const struct wire_seg *g)
{
	struct world *w = h->world;

	for (unsigned i = 0; i < WIRE_SYNS; i++) {
		if (i >= p->syns[h->index] || p->syn[h->index][i].seq != g->ack - 1)
			continue;
		const struct wire_offer *o = &p->syn[h->index][i].offer;
		uint32_t ts = p->syn[h->index][i].tsval;
		bool again = e->irs_known; /* it came more than once: either may have been taken */
		if (!again)
			learn_irs(h, e, g->ack - 1, o);
		e->ts_known = o->ts;
		e->ts_max = again && (int32_t)(e->ts_max - ts) > 0 ? e->ts_max : ts;
		e->tsecr_last = again && (int32_t)(e->tsecr_last - ts) < 0 ? e->tsecr_last : ts;
		e->edge = 1 + (int32_t)p->syn[h->index][i].wnd;
		/* RFC 7323 2.2, 3.2; RFC 2018 2: only what the SYN offered. */
		if (g->flags & WIRE_SYN &&
		    ((g->offer.ts && !o->ts) || (g->offer.ws && !o->ws) || (g->offer.sack && !o->sack)))
			world_fail(w, "host %d port %u: SYN-ACK offers what the SYN did not", h->index, g->src);
	}
	if (e->irs_known)
		return;
	world_fail(w, "host %d port %u: SYN-ACK for a SYN that never came", h->index, g->src);
}

void wire_sent(struct sim_host *h, const struct flat_frame *f)
{
	struct world *w = h->world;
	struct wire_seg g;

	if (f->len >= ETHER_HDR_LEN && load_be16(f->bytes + 12) == ETHER_TYPE_ARP) {
		w->wire.arp_open[h->index] = true;
		for_each_end(h, hide);
		return;
	}
	if (f->len < TCP_AT || f->bytes[IP_AT + 9] != IP_PROTO_TCP)
		return;
	if (!wire_parse(f->bytes, f->len, &f->off, &g)) {
		world_fail(w, "host %d sends a frame that is not whole", h->index);
		return;
	}
	if (f->off.gso == GSO_NONE && f->len - ETHER_HDR_LEN > w->cfg[h->index].ip.mtu)
		world_fail(w, "host %d sends %u bytes with an MTU of %u", h->index, f->len - ETHER_HDR_LEN,
		           w->cfg[h->index].ip.mtu);
	struct wire_pair *p = pair_of_seg(w, h->index, &g, true);
	if (!p || g.flags & WIRE_RST) /* wire_reset_sent has judged it */
		return;
	struct wire_end *e = &p->end[h->index];
	if (g.flags & WIRE_SYN && (!e->used || e->over || e->iss != g.seq))
		open_end(h, p, &g);
	if (w->failure)
		return;
	if (!e->used) {
		world_fail(w, "host %d port %u sends without a SYN", h->index, g.src);
		return;
	}
	if (e->over && w->wire.arp_answered[h->index]) /* it waited for an address, and its connection has ended */
		return;
	if (g.flags & WIRE_ACK && !e->irs_known)
		first_ack(h, p, e, &g);
	wire_sent_ack(h, e, &g);
	wire_sent_text(h, e, &g);
	if (!(g.flags & WIRE_SYN))
		e->spoke = true;
}

/* A SYN reaches h: perhaps the one that an open end waits for. */
static void syn_arrived(struct sim_host *h, struct wire_pair *p, struct wire_end *e, const struct wire_seg *g)
{
	unsigned i = p->syns[h->index]++ % WIRE_SYNS;

	p->syn[h->index][i].seq = g->seq;
	p->syn[h->index][i].offer = g->offer;
	p->syn[h->index][i].tsval = g->tsval;
	p->syn[h->index][i].wnd = g->wnd;
	if (p->syns[h->index] >= 2 * WIRE_SYNS)
		p->syns[h->index] -= WIRE_SYNS;
	if (!e->used || e->over || e->irs_known)
		return;
	if (g->flags & WIRE_ACK && g->ack != e->iss + 1)
		return;
	learn_irs(h, e, g->seq, &g->offer);
	e->edge = 1 + (int32_t)g->wnd;
	e->ts_known = g->has_ts;
	e->ts_max = e->tsecr_last = g->tsval;
	if (g->flags & WIRE_ACK) {
		e->una = 1;
		e->una_moved = h->world->now;
	}
}

static void rst_arrived(struct wire_end *e, const struct wire_seg *g)
{
	int32_t at = (int32_t)(g->seq - e->irs);

	if (!e->irs_known) /* SYN-SENT */
		e->rst_ok = (g->flags & WIRE_ACK) && g->ack == e->iss + 1;
	else if (at >= e->sure && at <= e->expect)
		e->rst_ok = true;
}

void wire_arrived(struct sim_host *h, const struct frame_in *f, bool forged)
{
	struct world *w = h->world;
	struct wire_seg g;

	w->wire.now_valid[h->index] = false;
	if (f->len >= ETHER_HDR_LEN && load_be16(f->data + 12) == ETHER_TYPE_ARP) {
		w->wire.arp_open[h->index] = false;
		w->wire.arp_answered[h->index] = true;
		for_each_end(h, hide);
		return;
	}
	if (f->len > TCP_AT &&
	    f->data[IP_AT + 9] == IP_PROTO_ICMP) /* RFC 1191 6.5: what was too big goes again at once */
		for_each_end(h, forget_silence);
	if (!wire_parse(f->data, f->len, &f->off, &g) || memcmp(f->data, w->cfg[h->index].ip.mac.b, 6) != 0)
		return;
	w->wire.now[h->index] = g;
	w->wire.now_valid[h->index] = true;
	struct wire_pair *p = pair_of_seg(w, h->index, &g, false);
	if (!p)
		return;
	struct wire_end *e = &p->end[h->index];
	e->silence.count = 0;
	if (forged)
		return;
	if (g.flags & WIRE_RST) {
		/* RFC 7323 5.3 R3: taken note of before the reset is looked at, which TIME-WAIT ignores (RFC 1337). */
		if (e->ts_known && g.has_ts && (int32_t)(g.tsval - e->ts_max) > 0)
			e->ts_max = g.tsval;
		rst_arrived(e, &g);
		return;
	}
	bool knew = e->irs_known;
	if (g.flags & WIRE_SYN)
		syn_arrived(h, p, e, &g);
	if (!e->used || e->over || !e->irs_known)
		return;
	/* A SYN-ACK in SYN-RECEIVED (simultaneous open) acknowledges; later SYNs are refused. */
	if (g.flags & WIRE_SYN && knew && (g.seq != e->irs || e->una > 0))
		return;
	if (g.flags & WIRE_ACK)
		wire_learn_ack(h, e, &g);
	if (!(g.flags & WIRE_SYN))
		wire_learn_text(h, e, &g);
	else if (g.has_ts && (int32_t)(g.tsval - e->ts_max) > 0)
		e->ts_max = g.tsval;
}

static void begin(struct sim_host *h, struct wire_end *e)
{
	(void)h;
	e->ack_now = false;
	e->rst_ok = false;
}

void wire_turn_begin(struct sim_host *h)
{
	h->world->wire.now_valid[h->index] = false;
	h->world->wire.arp_answered[h->index] = false;
	for_each_end(h, begin);
}

static void finish(struct sim_host *h, struct wire_end *e)
{
	if (e->over)
		return;
	wire_check_owed(h, e);
	wire_check_business(h, e);
}

void wire_turn_end(struct sim_host *h)
{
	for_each_end(h, finish);
}

static void forget(struct sim_host *h, struct wire_end *e)
{
	(void)h;
	e->over = true;
}

void wire_reboot(struct sim_host *h)
{
	for_each_end(h, forget);
	h->world->wire.arp_open[h->index] = false;
}
