/* Packetization layer path MTU discovery (RFC 4821): for paths whose routers drop what is too long without a word.
 *
 * A search keeps two sizes of datagrams: low, which is known to arrive and bounds the MSS, and high, above which none
 * does. No search (low == 0): the path MTU is what ip/pmtu.c says. With `mtu-probing = blackhole' a search begins when
 * a full-sized segment has timed out TCP_R1 times in a row, with `on' when the connection is established. It begins at
 * TCP_MTUP_BASE bytes of text; each further timeout halves that, down to TCP_MSS_MIN.
 *
 * Upwards it goes by probes: one segment of new text, longer than the MSS, sent when enough text follows it that its
 * loss shows by the acknowledgments of what follows. The first probe has the largest size that the link and the peer
 * allow: if the timeouts had another reason, the search ends with it. Then the interval is halved, until it is
 * narrower than TCP_MTUP_NARROW. TCP_MTUP_AGAIN later the upper half is searched again, because paths change.
 *
 * The loss of a probe alone is no sign of congestion (RFC 4821 7.5): its text is sent again in segments of the MSS, and
 * the congestion window stays. When more than the probe was lost, or a timeout came between, the probe tells nothing
 * and is repeated later. */
#include "transport/tcp_internal.h"

#define TCP_MTUP_BASE   1024 /* RFC 4821 7.2: bytes of text */
#define TCP_MTUP_NARROW 8    /* bytes: closer is near enough */
#define TCP_MTUP_CWND   11   /* segments: below, a loss would cost too much */
#define TCP_MTUP_AGAIN  DURATION_S(600)
#define TCP_MTUP_PAUSE  DURATION_S(1) /* after a probe that told nothing */

const char *const tcp_mtu_probing_names[TCP_MTU_PROBINGS] = {
        [TCP_MTU_PROBING_OFF] = "off", [TCP_MTU_PROBING_BLACKHOLE] = "blackhole", [TCP_MTU_PROBING_ON] = "on"};

static void begin(struct tcp_layer *l, struct tcp *t, uint32_t mss)
{
	t->mtup.low = (uint16_t)(mss + tcp_header_len(t));
	t->mtup.high = tcp_path_ceiling(l, t);
	t->mtup.size = 0;
	t->mtup.next = l->env->now;
	tcp_update_mss(l, t);
}

void tcp_mtup_established(struct tcp_layer *l, struct tcp *t)
{
	if (l->cfg.mtu_probing == TCP_MTU_PROBING_ON && t->snd.mss > TCP_MTUP_BASE)
		begin(l, t, TCP_MTUP_BASE);
}

void tcp_mtup_timeout(struct tcp_layer *l, struct tcp *t)
{
	if (t->mtup.size) {
		t->mtup.size = 0;
		t->mtup.next = instant_add(l->env->now, TCP_MTUP_PAUSE);
	}
	/* What may be fragmented falls into no black hole. */
	if (l->cfg.mtu_probing == TCP_MTU_PROBING_OFF || t->retries < TCP_R1 || t->path.fragment || !t->txq.count)
		return;
	const struct tcp_txrec *r = txq_at(&t->txq, 0);
	uint32_t mss = t->snd.mss > TCP_MTUP_BASE ? TCP_MTUP_BASE : t->snd.mss / 2;
	mss = u32_max(mss, TCP_MSS_MIN);
	if (u32_min(r->len, r->mss) <= mss)
		return;
	COUNT(l->cnt, TcpMTUPBlackHoles);
	begin(l, t, mss);
}

/* Narrow enough, or the search is over when nothing more can be found. */
static void settle(struct tcp_layer *l, struct tcp *t)
{
	if (t->mtup.low >= tcp_path_ceiling(l, t))
		t->mtup.low = 0;
	else if (t->mtup.high - t->mtup.low < TCP_MTUP_NARROW)
		t->mtup.next = instant_add(l->env->now, TCP_MTUP_AGAIN);
	tcp_update_mss(l, t);
}

void tcp_mtup_acked(struct tcp_layer *l, struct tcp *t)
{
	if (!t->mtup.size || seq_lt(t->snd.una, t->mtup.end))
		return;
	COUNT(l->cnt, TcpExtTCPMTUPSuccess);
	t->mtup.low = t->mtup.size;
	t->mtup.size = 0;
	settle(l, t);
}

static void failed(struct tcp_layer *l, struct tcp *t)
{
	COUNT(l->cnt, TcpExtTCPMTUPFail);
	t->mtup.high = (uint16_t)(t->mtup.size - 1);
	t->mtup.size = 0;
	settle(l, t);
}

void tcp_mtup_narrowed(struct tcp_layer *l, struct tcp *t, uint16_t mtu)
{
	if (!t->mtup.low)
		return;
	if (t->mtup.size > mtu)
		failed(l, t);
	t->mtup.high = (uint16_t)u32_min(t->mtup.high, mtu);
	t->mtup.low = (uint16_t)u32_min(t->mtup.low, mtu);
}

bool tcp_mtup_lost(struct tcp_layer *l, struct tcp *t)
{
	if (!t->mtup.size || t->recovery != TCP_OPEN)
		return false;
	uint32_t i = tcp_first_lost(t);
	const struct tcp_txrec *r = i < t->txq.count ? txq_at(&t->txq, i) : NULL;
	if (!r || !seq_eq(txrec_end(r), t->mtup.end) || t->lost != r->len) {
		tcp_mtup_unclear(l, t);
		return false;
	}
	failed(l, t);
	t->retransmit_owed = true;
	return true;
}

bool tcp_mtup_is_first(const struct tcp *t)
{
	return t->mtup.size && t->txq.count && seq_eq(txrec_end(txq_at(&t->txq, 0)), t->mtup.end);
}

void tcp_mtup_unclear(struct tcp_layer *l, struct tcp *t)
{
	if (!t->mtup.size)
		return;
	t->mtup.size = 0;
	t->mtup.next = instant_add(l->env->now, TCP_MTUP_PAUSE);
}

/* Nothing is amiss, and as much may be sent as a probe and its followers take. */
static bool calm(const struct tcp *t, uint32_t text)
{
	seq32 edge = seq_add(t->snd.una, t->snd.wnd);
	uint32_t usable = seq_lt(t->snd.nxt, edge) ? seq_len(t->snd.nxt, edge) : 0;
	uint32_t wanted = text + (TCP_DUPTHRESH + 1u) * t->snd.mss;

	return t->recovery == TCP_OPEN && t->frto == TCP_FRTO_OFF && !t->lost && !t->dupacks && !t->snd.urgent &&
	       !t->cwr_owed && !t->rcv.gaps && !tcp_dsack_owed(t) && t->cwnd >= TCP_MTUP_CWND * (uint32_t)t->snd.mss &&
	       tcp_cc_room(t) >= text && usable >= wanted && tcp_unsent(t) >= wanted;
}

uint32_t tcp_mtup_probe(struct tcp_layer *l, struct tcp *t)
{
	if (!t->mtup.low || t->mtup.size || instant_lt(l->env->now, t->mtup.next))
		return 0;
	uint16_t ceiling = tcp_path_ceiling(l, t);
	/* The interval was narrow, and it is time to look again. */
	if (t->mtup.high - t->mtup.low < TCP_MTUP_NARROW || t->mtup.high > ceiling)
		t->mtup.high = ceiling;
	if (t->mtup.high <= t->mtup.low) {
		settle(l, t);
		return 0;
	}
	uint32_t size = t->mtup.high == ceiling ? ceiling : (t->mtup.low + t->mtup.high + 1u) / 2;
	uint32_t text = size - tcp_header_len(t);
	if (!calm(t, text) || !txq_reserve(&t->txq, l->env, 1))
		return 0;
	t->mtup.size = (uint16_t)size;
	t->mtup.end = seq_add(t->snd.nxt, text);
	return text;
}
