/* TCP options: RFC 9293 3.1 (EOL, NOP, MSS), RFC 7323 (window scale, timestamps), RFC 2018 (SACK).
 *
 * Parsing is one pass over a bounded reader. A malformed option ends the parsing: what came before it counts, the rest
 * is ignored (RFC 9293 MUST-7: an illegal length does no harm). */
#include "transport/tcp_internal.h"

enum {
	OPT_EOL = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WINDOW_SCALE = 3,
	OPT_SACK_PERMITTED = 4,
	OPT_SACK = 5,
	OPT_TIMESTAMPS = 8,
};

#define OPT_LEN_MSS            4
#define OPT_LEN_WINDOW_SCALE   3
#define OPT_LEN_SACK_PERMITTED 2
#define OPT_LEN_TIMESTAMPS     10
#define OPT_LEN_SACK_BLOCK     8
#define OPTIONS_MAX            40

static void parse_one(struct tcp_options *o, uint8_t kind, struct reader r)
{
	switch (kind) {
	case OPT_MSS:
		if (r.len == OPT_LEN_MSS - 2) {
			o->has_mss = true;
			o->mss = read_be16(&r);
		}
		break;
	case OPT_WINDOW_SCALE:
		if (r.len == OPT_LEN_WINDOW_SCALE - 2) {
			o->has_ws = true;
			/* RFC 7323 2.3: a shift above 14 is taken as 14. */
			o->ws = (uint8_t)u32_min(read_u8(&r), TCP_WIND_SHIFT_MAX);
		}
		break;
	case OPT_SACK_PERMITTED:
		o->sack_permitted = o->sack_permitted || r.len == OPT_LEN_SACK_PERMITTED - 2;
		break;
	case OPT_SACK:
		if (r.len % OPT_LEN_SACK_BLOCK != 0)
			break;
		for (o->sacks = 0; o->sacks < TCP_SACK_BLOCKS && r.len; o->sacks++) {
			o->sack[o->sacks].start = seq_of(read_be32(&r));
			o->sack[o->sacks].end = seq_of(read_be32(&r));
		}
		break;
	case OPT_TIMESTAMPS:
		if (r.len == OPT_LEN_TIMESTAMPS - 2) {
			o->has_ts = true;
			o->tsval = read_be32(&r);
			o->tsecr = read_be32(&r);
		}
		break;
	default: /* RFC 9293 MUST-6: an unknown option is ignored */
		break;
	}
}

void tcp_parse_options(const uint8_t *p, size_t len, struct tcp_options *o)
{
	struct reader r = reader_of(p, len);

	*o = (struct tcp_options){0};
	while (r.len) {
		uint8_t kind = read_u8(&r);
		if (kind == OPT_EOL)
			return;
		if (kind == OPT_NOP)
			continue;
		uint8_t n = read_u8(&r);
		if (n < 2 || (size_t)(n - 2) > r.len) {
			o->malformed = true;
			return;
		}
		parse_one(o, kind, reader_of(r.p, (size_t)(n - 2)));
		read_bytes(&r, (size_t)(n - 2));
	}
}

uint32_t tcp_ts_now(const struct tcp_layer *l, const struct tcp *t)
{
	/* RFC 7323 5.4: a clock of 1 ms; 7.1: with a random offset for each connection. */
	return (uint32_t)(l->env->now.ns / NS_PER_MS) + t->ts_offset;
}

static uint8_t *put_timestamps(const struct tcp_layer *l, const struct tcp *t, uint8_t *p)
{
	*p++ = OPT_NOP;
	*p++ = OPT_NOP;
	*p++ = OPT_TIMESTAMPS;
	*p++ = OPT_LEN_TIMESTAMPS;
	store_be32(p, tcp_ts_now(l, t));
	/* RFC 7323 3.2: TSecr is valid with ACK only, else zero. */
	store_be32(p + 4, t->state == TCP_SYN_SENT ? 0 : t->ts_recent);
	return p + 8;
}

static uint8_t *put_block(uint8_t *p, struct tcp_gap g)
{
	store_be32(p, g.start.n);
	store_be32(p + 4, g.end.n);
	return p + OPT_LEN_SACK_BLOCK;
}

/* A FIN that is held behind the interval is reported with it. */
static struct tcp_gap with_fin(const struct tcp *t, struct tcp_gap g)
{
	if (t->rcv.fin_known && seq_eq(g.end, t->rcv.fin))
		g.end = seq_add(g.end, 1);
	return g;
}

static bool among(const struct tcp_gap *const *set, uint32_t n, const struct tcp_gap *g)
{
	for (uint32_t i = 0; i < n; i++)
		if (set[i] == g)
			return true;
	return false;
}

/* RFC 2883 4: a duplicate comes first. RFC 2018 4: then the block that holds the segment that came last, then those
 * that were reported most recently; as many as there are, so what was never reported first fills the rest. */
static uint8_t *put_sack(const struct tcp *t, uint8_t *p, size_t room)
{
	bool duplicate = tcp_dsack_owed(t);
	uint32_t max = u32_min((uint32_t)((room - 4) / OPT_LEN_SACK_BLOCK), TCP_SACK_BLOCKS);
	uint32_t n = u32_min(max, t->rcv.gaps + (uint32_t)duplicate);
	const struct tcp_gap *reported[TCP_SACK_BLOCKS];
	uint32_t blocks = 0;

	*p++ = OPT_NOP;
	*p++ = OPT_NOP;
	*p++ = OPT_SACK;
	*p++ = (uint8_t)(2 + n * OPT_LEN_SACK_BLOCK);
	if (duplicate) {
		p = put_block(p, t->rcv.dsack);
		n--;
	}
	for (uint32_t i = 0; i < t->rcv.recents && blocks < n; i++) {
		const struct tcp_gap *g = tcp_gap_of(t, t->rcv.recent[i]);
		if (g && !among(reported, blocks, g))
			reported[blocks++] = g;
	}
	for (uint32_t i = 0; i < t->rcv.gaps && blocks < n; i++)
		if (!among(reported, blocks, &t->rcv.gap[i]))
			reported[blocks++] = &t->rcv.gap[i];
	for (uint32_t i = 0; i < blocks; i++)
		p = put_block(p, with_fin(t, *reported[i]));
	return p;
}

static uint8_t *put_syn_options(const struct tcp *t, uint8_t *p)
{
	bool answer = t->state == TCP_SYN_RECEIVED; /* offer only what the peer offered */

	*p++ = OPT_MSS;
	*p++ = OPT_LEN_MSS;
	store_be16(p, t->rcv.mss);
	p += 2;
	if (answer ? t->ws_ok : t->knob.window_scaling) {
		*p++ = OPT_NOP;
		*p++ = OPT_WINDOW_SCALE;
		*p++ = OPT_LEN_WINDOW_SCALE;
		*p++ = t->rcv.wind_shift;
	}
	if (answer ? t->sack_ok : t->knob.sack) {
		*p++ = OPT_NOP;
		*p++ = OPT_NOP;
		*p++ = OPT_SACK_PERMITTED;
		*p++ = OPT_LEN_SACK_PERMITTED;
	}
	return p;
}

uint16_t tcp_build_options(const struct tcp_layer *l, const struct tcp *t, bool syn, uint8_t *p)
{
	uint8_t *q = p;

	if (syn)
		q = put_syn_options(t, q);
	if (syn && t->state == TCP_SYN_SENT ? t->knob.timestamps : t->ts_ok)
		q = put_timestamps(l, t, q);
	if (!syn && t->sack_ok && (t->rcv.gaps || tcp_dsack_owed(t)))
		q = put_sack(t, q, (size_t)(OPTIONS_MAX - (q - p)));
	assert(q - p <= OPTIONS_MAX && (q - p) % 4 == 0);
	return (uint16_t)(q - p);
}

uint16_t tcp_build_bare_options(const struct tcp_layer *l, const struct tcp *t, uint8_t *p)
{
	return t->ts_ok ? (uint16_t)(put_timestamps(l, t, p) - p) : 0;
}

uint16_t tcp_data_option_len(const struct tcp *t)
{
	return t->ts_ok ? OPT_LEN_TIMESTAMPS + 2 : 0;
}
