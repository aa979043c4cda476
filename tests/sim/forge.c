/* Forged segments: what an attacker who knows the ports and the window could send, and what a former incarnation, or
 * the same sequence numbers one wrap ago, could still bring. Each must change nothing: no byte of it may be delivered,
 * and no connection may end. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "sim.h"

enum forgery {
	OLD_TIMESTAMP, /* RFC 7323 5.3: PAWS */
	RST_IN_WINDOW, /* RFC 5961 3.2 */
	RST_OUTSIDE,   /* RFC 9293 3.5.3 */
	SYN_IN_WINDOW, /* RFC 5961 4.2 */
	ACK_OF_FUTURE, /* RFC 9293 3.10.7.4, fifth check */
	ACK_OF_PAST,   /* RFC 5961 5.2 */
	NO_ACK,        /* RFC 9293 3.10.7.4, fifth check: dropped */
	TEXT_OUTSIDE,  /* RFC 9293 3.10.7.4, first check */
	TEXT_AT_EDGE,  /* the octet at the right edge, a zero window's probe apart */
	BAD_CHECKSUM,  /* RFC 9293 3.1, MUST-3 */
	FORGERIES,
};

#define TEXT_MAX 64u
#define FAR_AWAY (1 << 30)

static bool fits(const struct wire_end *e, enum forgery what)
{
	switch (what) {
	case OLD_TIMESTAMP:
		return e->own.ts && e->peer.ts;
	case SYN_IN_WINDOW: /* it may open a new incarnation in TIME-WAIT, which this very turn may bring */
		return e->adv - e->expect > 1 && e->fin == WIRE_NONE;
	case RST_IN_WINDOW:
		return e->adv - e->expect > 1;
	case TEXT_OUTSIDE:
	case TEXT_AT_EDGE: /* the observer knows what it has offered */
		return e->adv - e->expect > 1 && !e->hidden_ack;
	case ACK_OF_FUTURE: /* the observer knows how far it has sent */
		return !e->hidden;
	case RST_OUTSIDE:
	case ACK_OF_PAST:
	case NO_ACK:
	case BAD_CHECKSUM:
		return true;
	case FORGERIES:
		break;
	}
	return false;
}

static struct wire_seg compose(struct rng *r, const struct wire_end *e, enum forgery what)
{
	int32_t at = e->expect, ack = e->una;
	struct wire_seg g = {.flags = WIRE_ACK, .len = 1 + rng_below(r, TEXT_MAX), .wnd = 1000};

	g.has_ts = e->own.ts && e->peer.ts;
	g.tsval = e->tsecr_last; /* a newer one would be taken note of (RFC 7323 5.3 R3), and old segments refused */
	g.tsecr = e->tsval_last;
	switch (what) {
	case OLD_TIMESTAMP:
		g.tsval = e->tsecr_last - 1 - rng_below(r, 1u << 29);
		break;
	case RST_IN_WINDOW:
		g.flags = WIRE_RST;
		g.len = 0;
		at += 1 + (int32_t)rng_below(r, (uint32_t)(e->adv - e->expect - 1));
		break;
	case RST_OUTSIDE:
		g.flags = WIRE_RST;
		g.len = 0;
		at = rng_below(r, 2) ? e->acked - 1 - (int32_t)rng_below(r, 1000)
		                     : e->adv + 1 + (int32_t)rng_below(r, 1000) + 70000;
		break;
	case SYN_IN_WINDOW:
		g.flags = WIRE_SYN;
		g.len = 0;
		g.has_ts = false;
		at += (int32_t)rng_below(r, (uint32_t)(e->adv - e->expect));
		break;
	case ACK_OF_FUTURE:
		ack = e->nxt + 1 + (int32_t)rng_below(r, 100000);
		break;
	case ACK_OF_PAST:
		ack = e->una - FAR_AWAY;
		break;
	case NO_ACK:
		g.flags = rng_below(r, 2) ? WIRE_FIN : 0;
		break;
	case TEXT_OUTSIDE:
		at = e->adv + 1 + (int32_t)rng_below(r, 100000);
		break;
	case TEXT_AT_EDGE:
		at = e->adv;
		break;
	case BAD_CHECKSUM:
	case FORGERIES:
		break;
	}
	g.seq = e->irs + (uint32_t)at;
	g.ack = g.flags & WIRE_ACK ? e->iss + (uint32_t)ack : 0;
	return g;
}

static uint32_t build(const struct wire_seg *g, int to, uint8_t *p, struct rng *r)
{
	uint32_t options = g->has_ts ? 12 : 0, tcp = 20 + options + g->len, total = 20 + tcp;
	uint8_t *ip = p + 14, *t = ip + 20;
	struct ip_addr src = ip4(10, 0, 0, (uint8_t)(2 - to)), dst = ip4(10, 0, 0, (uint8_t)(to + 1));

	memset(p, 0, 14 + total);
	p[0] = p[6] = 2;
	p[5] = (uint8_t)(to + 1);
	p[11] = (uint8_t)(2 - to);
	store_be16(p + 12, 0x0800);
	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)total);
	ip[8] = 64;
	ip[9] = IP_PROTO_TCP;
	memcpy(ip + 12, (const uint8_t[4]){10, 0, 0, (uint8_t)(2 - to)}, 4);
	memcpy(ip + 16, (const uint8_t[4]){10, 0, 0, (uint8_t)(to + 1)}, 4);
	store_be16(ip + 10, csum_finish(csum_add(CSUM_ZERO, ip, 20)));
	store_be16(t, g->src);
	store_be16(t + 2, g->dst);
	store_be32(t + 4, g->seq);
	store_be32(t + 8, g->ack);
	t[12] = (uint8_t)((20 + options) / 4 << 4);
	t[13] = (uint8_t)g->flags;
	store_be16(t + 14, (uint16_t)g->wnd);
	if (options) {
		store_be32(t + 20, 0x0101080a);
		store_be32(t + 24, g->tsval);
		store_be32(t + 28, g->tsecr);
	}
	for (uint32_t i = 0; i < g->len; i++)
		t[20 + options + i] = (uint8_t)rng_u32(r);
	store_be16(t + 16, csum_finish(csum_add(csum_pseudo(src, dst, IP_PROTO_TCP, tcp), t, tcp)));
	return 14 + total;
}

bool forge(struct sim_host *h, uint8_t *bytes, struct frame_in *frame)
{
	struct world *w = h->world;
	struct rng *r = &w->forge_rng;

	if (!w->forge_ppm || !w->wire.pairs || rng_below(r, 1000000) >= w->forge_ppm)
		return false;
	struct wire_pair *p = &w->wire.pair[rng_below(r, (uint32_t)w->wire.pairs)];
	struct wire_end *e = &p->end[h->index];
	enum forgery what = (enum forgery)rng_below(r, FORGERIES);
	if (!e->used || e->over || !e->established || !e->irs_known || e->una < 1 || e->in_time_wait || !fits(e, what))
		return false;
	struct wire_seg g = compose(r, e, what);
	g.src = p->port[1 - h->index];
	g.dst = p->port[h->index];
	*frame = (struct frame_in){.data = bytes, .len = build(&g, h->index, bytes, r)};
	if (what == BAD_CHECKSUM)
		bytes[14 + 20 + 17] ^= 0x55;
	return true;
}

void recut(struct sim_host *h, uint8_t *bytes, struct frame_in *frame)
{
	struct world *w = h->world;
	struct rng *r = &w->forge_rng;
	struct wire_seg g;

	if (!w->recuts || frame->off.gso != GSO_NONE || rng_below(r, 50) != 0 ||
	    !wire_parse(frame->data, frame->len, &frame->off, &g) || !g.len || g.flags & WIRE_SYN)
		return;
	const struct wire_end *from = wire_end_of(w, 1 - h->index, g.src, g.dst);
	int32_t at = from ? (int32_t)(g.seq - from->iss) : 0;
	if (at < 2 || at > from->nxt || !from->app)
		return;
	uint32_t more = 1 + rng_below(r, u32_min(TEXT_MAX, (uint32_t)at - 1));
	uint8_t *ip = bytes + 14, *t = ip + 20, *text = t + g.header;
	uint16_t tcp = (uint16_t)(g.header + g.len + more);
	memmove(text + more, text, g.len);
	stream_fill(w, from->app->connection, 1 - h->index, (uint64_t)(at - 1) - more, text, more);
	store_be16(ip + 2, (uint16_t)(20 + tcp));
	memset(ip + 10, 0, 2);
	store_be16(ip + 10, csum_finish(csum_add(CSUM_ZERO, ip, 20)));
	store_be32(t + 4, g.seq - more);
	memset(t + 16, 0, 2);
	csum c = csum_pseudo(ip4_from_bytes(ip + 12), ip4_from_bytes(ip + 16), IP_PROTO_TCP, tcp);
	store_be16(t + 16, csum_finish(csum_add(c, t, tcp)));
	*frame = (struct frame_in){.data = bytes, .len = 34u + tcp};
}
