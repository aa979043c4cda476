/* SYN cookies (RFC 4987 3.6): answering SYNs without memory when the queue of half-open connections is full.
 *
 * The ISN of the SYN-ACK holds what must be known when the ACK comes back:
 *
 *     bits 31..27  a counter that ticks every 64 s, modulo 32
 *     bits 26..24  the peer's MSS, as an index into a table
 *     bits 23..0   a keyed hash over the 4-tuple, the peer's ISN, the counter and the index
 *
 * With timestamps the other options travel in the low six bits of TSval, which the peer echoes: window scale (15: none)
 * and SACK; without, they are not used. An ACK whose cookie fits, not older than one tick before this one, opens the
 * connection; what does not fit is answered as any ACK to a listener. */
#include "base/checksum.h"
#include "transport/tcp_internal.h"

#define COOKIE_TICK       (64 * NS_PER_S)
#define COOKIE_TICKS_MASK 31u
#define COOKIE_MAC_MASK   0xffffffu
#define COOKIE_LIFE       DURATION_S(128)
#define TS_BITS           6u
#define TS_MASK           ((1u << TS_BITS) - 1)
#define TS_NO_SCALE       15u
#define TS_SACK           (1u << 4)

static const uint16_t mss_table[8] = {TCP_MSS_FLOOR, 536, 1220, 1400, 1440, 1452, 1460, 8960};

static uint32_t mac(const struct tcp_layer *l, const struct tcp_seg *g, seq32 irs, uint32_t tick, uint32_t index)
{
	uint8_t in[2 * 18 + 12], *p = in;

	memcpy(p, g->local.addr.b, 16);
	store_be16(p + 16, g->local.port);
	memcpy(p + 18, g->remote.addr.b, 16);
	store_be16(p + 34, g->remote.port);
	store_be32(p + 36, irs.n);
	store_be32(p + 40, tick);
	store_be32(p + 44, index);
	return (uint32_t)siphash(&l->cookie_key, in, sizeof(in)) & COOKIE_MAC_MASK;
}

static uint32_t tick_now(const struct tcp_layer *l)
{
	return (uint32_t)(l->env->now.ns / COOKIE_TICK);
}

static uint32_t mss_index(const struct tcp_seg *g)
{
	uint32_t mss = g->opt.has_mss ? g->opt.mss : TCP_MSS_DEFAULT, i = 0;

	while (i + 1 < ARRAY_LEN(mss_table) && mss_table[i + 1] <= mss)
		i++;
	return i;
}

/* Our timestamp, at most now, with the options in its low bits. */
static uint32_t ts_with_options(const struct tcp *t, uint32_t now)
{
	uint32_t bits = (t->ws_ok ? t->snd.wind_shift : TS_NO_SCALE) | (t->sack_ok ? TS_SACK : 0);
	uint32_t ts = (now & ~TS_MASK) | bits;

	return (int32_t)(ts - now) > 0 ? ts - TS_MASK - 1 : ts;
}

void tcp_cookie_answer(struct tcp_layer *l, struct tcp *listener, const struct tcp_seg *g)
{
	struct tcp t = {.state = TCP_SYN_RECEIVED,
	                .rcvbuf = listener->rcvbuf,
	                .user_mss = listener->user_mss,
	                .knob = listener->knob};
	uint8_t packet[TCP_HDR_MAX] = {0};
	uint32_t index = mss_index(g), tick = tick_now(l);

	tcp_reset_variables(l, &t);
	t.pcb.local = g->local;
	t.pcb.remote = g->remote;
	t.ts_offset = tcp_ts_offset(l, &t);
	tcp_learn_syn(l, &t, g);
	if (!t.ts_ok) {
		t.ws_ok = t.sack_ok = false;
		t.rcv.wind_shift = 0;
	}
	t.ts_offset += ts_with_options(&t, tcp_ts_now(l, &t)) - tcp_ts_now(l, &t);
	uint32_t isn = (tick & COOKIE_TICKS_MASK) << 27 | index << 24 | mac(l, g, g->seq, tick, index);
	uint16_t options = tcp_build_options(l, &t, true, packet + TCP_HDR_MIN);
	uint16_t len = (uint16_t)(TCP_HDR_MIN + options);
	struct ip_tx tx = {.src = g->local.addr,
	                   .dst = g->remote.addr,
	                   .protocol = IP_PROTO_TCP,
	                   .ttl = listener->ttl,
	                   .tos = listener->tos,
	                   .dont_fragment = true,
	                   .route = listener->route_given ? &listener->route : &g->back};

	store_be16(packet, g->local.port);
	store_be16(packet + 2, g->remote.port);
	store_be32(packet + 4, isn);
	store_be32(packet + 8, t.rcv.nxt.n);
	packet[12] = (uint8_t)(len / 4 << 4);
	packet[13] = TCP_SYN | TCP_ACK;
	store_be16(packet + 14, tcp_advertise(&t, true));
	COUNT(l->cnt, TcpOutSegs);
	COUNT(l->cnt, TcpExtSyncookiesSent);
	listener->cookies_until = instant_add(l->env->now, COOKIE_LIFE);
	ip_send_copy(l->ip, &tx, packet, len, 16);
}

/* The SYN that the cookie stands for. */
static bool syn_of(const struct tcp_layer *l, const struct tcp_seg *g, struct tcp_seg *syn)
{
	uint32_t isn = g->ack.n - 1, tick = tick_now(l), index = isn >> 24 & 7;
	seq32 irs = seq_sub(g->seq, 1);

	if ((isn >> 27) != (tick & COOKIE_TICKS_MASK))
		tick--;
	if ((isn >> 27) != (tick & COOKIE_TICKS_MASK) || (isn & COOKIE_MAC_MASK) != mac(l, g, irs, tick, index))
		return false;
	*syn = (struct tcp_seg){.local = g->local,
	                        .remote = g->remote,
	                        .seq = irs,
	                        .wnd = g->wnd,
	                        .flags = TCP_SYN,
	                        .segments = 1,
	                        .back = g->back};
	syn->opt.has_mss = true;
	syn->opt.mss = mss_table[index];
	if (!g->opt.has_ts)
		return true;
	uint32_t bits = g->opt.tsecr & TS_MASK, shift = bits & TS_NO_SCALE;
	syn->opt.has_ts = true;
	syn->opt.tsval = g->opt.tsval;
	syn->opt.has_ws = shift != TS_NO_SCALE;
	syn->opt.ws = (uint8_t)(syn->opt.has_ws ? shift : 0);
	syn->opt.sack_permitted = (bits & TS_SACK) != 0;
	return true;
}

bool tcp_cookie_open(struct tcp_layer *l, struct tcp *listener, const struct tcp_seg *g)
{
	struct tcp_seg syn;

	if (instant_is_never(listener->cookies_until) || instant_lt(listener->cookies_until, l->env->now))
		return false;
	if ((g->flags & (TCP_SYN | TCP_FIN)) || !syn_of(l, g, &syn)) {
		COUNT(l->cnt, TcpExtSyncookiesFailed);
		return false;
	}
	COUNT(l->cnt, TcpExtSyncookiesRecv);
	if (listener->accept_count >= listener->backlog) {
		TCP_DROP(l, listener, TcpExtListenOverflows);
		return true;
	}
	struct tcp *t = tcp_child_new(l, listener, &syn, seq_sub(g->ack, 1));
	if (!t)
		return true;
	t->snd.nxt = g->ack;
	tcp_advertise(t, true);
	tcp_segment_input(l, t, g);
	return true;
}
