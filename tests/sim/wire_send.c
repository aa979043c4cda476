/* The observer: an end as a sender. Sequence numbers, bytes, both windows, back-off, and that it never falls silent
 * while it has something to send. */
#include "sim.h"
#include "wire.h"

#define FAIL(h, g, ...)                                                                                  \
	do {                                                                                             \
		char what_[160];                                                                         \
		snprintf(what_, sizeof(what_), __VA_ARGS__);                                             \
		world_fail((h)->world, "host %d port %u>%u: %s", (h)->index, (g)->src, (g)->dst, what_); \
		return;                                                                                  \
	} while (0)

#define IP_AND_TCP  40
#define MSS_DEFAULT 536 /* RFC 9293 3.7.1, MUST-15 */
#define MSS_FLOOR   TCP_MSS_FLOOR

static int32_t max32(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

/* RFC 9293 3.7.1: the largest text that a segment with a header of so many bytes may have. */
static uint32_t text_max(const struct sim_host *h, const struct wire_end *e, uint32_t header)
{
	uint32_t mss = e->irs_known && e->peer.mss ? u32_max(e->peer.mss, MSS_FLOOR) : MSS_DEFAULT;

	return u32_min(mss, h->world->cfg[h->index].ip.mtu - (uint32_t)IP_AND_TCP) - (header - 20);
}

static void check_bytes(struct sim_host *h, const struct wire_end *e, const struct wire_seg *g, int32_t at)
{
	if (!g->len)
		return;
	const struct sim_app *a = e->app;
	if (!a || (uint64_t)(at - 1) + g->len > a->sent)
		FAIL(h, g, "text that no application has written");
	if (!stream_equal(h->world, a->connection, h->index, (uint64_t)(at - 1), g->text, g->len))
		FAIL(h, g, "the bytes of a segment are not those of the stream");
}

static void check_fin(struct sim_host *h, struct wire_end *e, const struct wire_seg *g, int32_t end)
{
	if (g->flags & WIRE_FIN) {
		const struct sim_app *a = e->app;
		if (!a || !(a->shut || a->closed) || end - 2 != (int32_t)a->sent)
			FAIL(h, g, "FIN where the stream does not end");
		if (e->fin != WIRE_NONE && e->fin != end)
			FAIL(h, g, "a second FIN");
		e->fin = end;
	} else if (e->fin != WIRE_NONE && end > e->fin) {
		FAIL(h, g, "text beyond the FIN");
	}
}

/* RFC 9293 3.8.6: nothing beyond the right edge but a probe of one octet. */
static void check_window(struct sim_host *h, struct wire_end *e, const struct wire_seg *g, int32_t at, int32_t end)
{
	int32_t edge = max32(e->edge, e->una);
	bool probe = end - at == 1 && e->zero_window && end <= edge + 1;

	if (end > edge && !probe)
		FAIL(h, g, "%d..%d goes beyond the peer's right edge %d", at, end, edge);
}

/* RFC 5681 3.1, RFC 6928: without any loss or duplicate, at most the initial window and what was acknowledged. */
static void check_flight(struct sim_host *h, struct wire_end *e, const struct wire_seg *g, int32_t end)
{
	uint32_t mss = text_max(h, e, 20);
	int32_t iw = (int32_t)u32_min(10 * mss, u32_max(2 * mss, 14600));

	if (!e->retransmitted && !e->dupacks && !e->sacked.count && end - e->una > iw + e->una + (int32_t)mss)
		FAIL(h, g, "a flight of %d after %d were acknowledged", end - e->una, e->una);
}

/* RFC 6298 5.5: in silence each retransmission waits twice as long as the one before. Other causes (a tail loss probe,
 * the reordering timer) send once each, so the first two gaps prove nothing. RFC 5681 3.1: one segment each time. */
static void check_backoff(struct sim_host *h, struct wire_end *e, const struct wire_seg *g, uint32_t space)
{
	instant now = h->world->now;
	duration gap = e->silence.count ? instant_since(now, e->silence.last) : (duration){0};
	int64_t least = duration_min((duration){2 * e->silence.gap.ns}, h->world->cfg[h->index].tcp.rto_max).ns;

	if (e->silence.count >= 3 && gap.ns + NS_PER_MS < least)
		FAIL(h, g, "retransmission %u after %.3f s, the one before waited %.3f s", e->silence.count + 1,
		     (double)gap.ns / 1e9, (double)e->silence.gap.ns / 1e9);
	e->silence.gap = gap;
	e->silence.last = now;
	e->silence.bytes = space;
	e->silence.count++;
	e->head_sends++;
}

static void check_again(struct sim_host *h, struct wire_end *e, const struct wire_seg *g, int32_t at, int32_t end)
{
	e->retransmitted = true;
	if (at <= e->una) {
		check_backoff(h, e, g, (uint32_t)(end - at));
		return;
	}
	if (ranges_hold(&e->sacked, at, end))
		FAIL(h, g, "%d..%d is sent again although it was sacked", at, end);
	e->silence.bytes += (uint32_t)(end - at);
	if (e->silence.count >= 3 && e->silence.bytes > text_max(h, e, 20) + 1)
		FAIL(h, g, "%u bytes after a timeout without an answer", e->silence.bytes);
}

void wire_sent_text(struct sim_host *h, struct wire_end *e, const struct wire_seg *g)
{
	bool syn = g->flags & WIRE_SYN, fin = g->flags & WIRE_FIN;
	int32_t at = (int32_t)(g->seq - e->iss) + syn, text_end = at + (int32_t)g->len, end = text_end + fin;
	uint32_t cut = g->cut ? g->cut : g->len;

	if (e->over)
		FAIL(h, g, "a segment of a connection that has ended");
	/* A keep-alive probe (RFC 9293 3.8.4) is an octet that was acknowledged, without the octet. */
	if (at < 0 || (at > e->nxt + syn && !e->hidden))
		FAIL(h, g, "sequence number %d, next is %d", at, e->nxt);
	if (!syn && cut > text_max(h, e, g->header))
		FAIL(h, g, "%u bytes of text, MSS %u, header %u", cut, e->peer.mss, g->header);
	check_bytes(h, e, g, at);
	check_fin(h, e, g, end);
	if (syn) {
		at = 0;
		end = 1;
	}
	if (end == at || h->world->failure)
		return;
	e->business_since = h->world->now;
	if (!syn)
		check_window(h, e, g, at, end);
	if (at < e->nxt && !h->world->failure)
		check_again(h, e, g, at, end);
	if (end > e->nxt && !h->world->failure) {
		if (!syn)
			check_flight(h, e, g, end);
		e->nxt = end;
	}
}

/* Is the segment certainly one that the stack uses? */
static bool certain(const struct wire_end *e, const struct wire_seg *g)
{
	if (e->own.ts && e->peer.ts && (!g->has_ts || (int32_t)(g->tsval - e->ts_max) < 0))
		return false;
	/* RFC 9293 3.4, Table 6, for a segment without text. */
	int32_t at = (int32_t)(g->seq - e->irs);
	return e->sure == e->expect && (e->adv > e->expect ? at >= e->expect && at < e->adv : at == e->expect);
}

void wire_learn_ack(struct sim_host *h, struct wire_end *e, const struct wire_seg *g)
{
	int32_t ack = (int32_t)(g->ack - e->iss);
	bool scaled = e->own.ws && e->peer.ws && !(g->flags & WIRE_SYN);

	/* RFC 9293 3.10.7.4: of a segment that is not acceptable the ACK does not count, but for a bare one just before
	 * the window.
	 */
	int32_t first = (int32_t)(g->seq - e->irs), next = first + (int32_t)g->len;
	bool old = e->irs_known && !(g->flags & (WIRE_SYN | WIRE_FIN)) &&
	           (g->len ? next <= e->sure : first < e->sure - 1);
	if (ack < 0 || ack > e->nxt || old)
		return;
	if (ack >= e->una)
		e->last_arrived = h->world->now;
	int32_t wnd = (int32_t)(scaled ? g->wnd << e->peer.shift : g->wnd);
	e->edge = max32(e->edge, ack + wnd);
	if (ack >= e->una)
		e->zero_window = wnd == 0;
	if (ack > e->una) {
		e->una = ack;
		e->una_moved = h->world->now;
		if (!instant_is_never(e->business_since)) /* RFC 6298 5.3: the timer begins again */
			e->business_since = h->world->now;
		e->head_sends = 0;
	} else if (ack == e->una && !g->len) {
		e->dupacks = true;
	}
	e->dupacks = e->dupacks || g->sacks;
	if (!certain(e, g))
		return;
	for (int i = 0; i < g->sacks; i++) {
		int32_t start = (int32_t)(g->sack[i].start - e->iss), end = (int32_t)(g->sack[i].end - e->iss);
		if (start > e->una && end <= e->nxt)
			ranges_add(&e->sacked, start, end);
	}
}

/* Sent and not acknowledged, written and not sent, or a FIN to be sent. */
static bool has_business(const struct wire_end *e)
{
	const struct sim_app *a = e->app;

	if (e->nxt > e->una)
		return true;
	if (!a || !e->irs_known || e->una < 1)
		return false;
	bool ended = a->shut || (a->closed && !a->aborted);
	return (int64_t)a->sent + 1 > e->nxt - (e->fin != WIRE_NONE) || (ended && e->fin == WIRE_NONE);
}

/* RFC 6298 5, RFC 9293 3.8.6.1: some timer brings on whatever is to be sent. */
void wire_check_business(struct sim_host *h, struct wire_end *e)
{
	struct world *w = h->world;

	if (!has_business(e)) {
		e->business_since = INSTANT_NEVER;
		return;
	}
	if (instant_is_never(e->business_since) || w->wire.arp_open[h->index])
		e->business_since = w->now;
	int64_t most = w->cfg[h->index].tcp.rto_max.ns + NS_PER_S;
	if (w->alloc_failures)
		most *= 4;
	if (instant_since(w->now, e->business_since).ns > most)
		world_fail(w, "host %d: silent for %.3f s with %d..%d to be acknowledged and %llu bytes written%s",
		           h->index, (double)instant_since(w->now, e->business_since).ns / 1e9, e->una, e->nxt,
		           e->app ? (unsigned long long)e->app->sent : 0, e->fin == WIRE_NONE ? ", no FIN sent" : "");
}
