/* The observer: an end as a receiver. What it may and must acknowledge, SACK blocks, window edges, timestamps. */
#include "sim.h"
#include "wire.h"

#define FAIL(h, g, ...)                                                                                  \
	do {                                                                                             \
		char what_[160];                                                                         \
		snprintf(what_, sizeof(what_), __VA_ARGS__);                                             \
		world_fail((h)->world, "host %d port %u>%u: %s", (h)->index, (g)->src, (g)->dst, what_); \
		return;                                                                                  \
	} while (0)

#define FULL_SEGMENTS_MAX 2 /* RFC 9293 3.8.6.3, SHLD-19: an ACK at least for every second */

static bool timestamps(const struct wire_end *e)
{
	return e->own.ts && e->peer.ts;
}

/* RFC 7323 3.2: on every segment or on none; TSval never goes back; TSecr is what has come. */
static void check_timestamps(struct sim_host *h, struct wire_end *e, const struct wire_seg *g)
{
	if (!(g->flags & WIRE_SYN) && g->has_ts != timestamps(e))
		FAIL(h, g, "timestamps: %s", g->has_ts ? "not agreed on" : "missing");
	if (!g->has_ts)
		return;
	if (e->tsval_known && (int32_t)(g->tsval - e->tsval_last) < 0)
		FAIL(h, g, "TSval goes back");
	e->tsval_known = true;
	e->tsval_last = g->tsval;
	if (!(g->flags & WIRE_ACK) || !e->ts_known)
		return;
	if ((int32_t)(g->tsecr - e->tsecr_last) < 0 || (int32_t)(e->ts_max - g->tsecr) < 0)
		FAIL(h, g, "TSecr %u: not what has come", g->tsecr);
	e->tsecr_last = g->tsecr;
}

/* RFC 2018 3, RFC 2883 4: what has come and is not acknowledged; a duplicate only in the first block. */
static void check_sack(struct sim_host *h, const struct wire_end *e, const struct wire_seg *g, int32_t ack)
{
	int32_t start[4], end[4];

	if (g->sacks && !(e->own.sack && e->peer.sack))
		FAIL(h, g, "SACK was not agreed on");
	for (int i = 0; i < g->sacks; i++) {
		start[i] = (int32_t)(g->sack[i].start - e->irs);
		end[i] = (int32_t)(g->sack[i].end - e->irs);
		bool former = i == 0 && start[i] < 1 && end[i] <= ack; /* a duplicate from another incarnation */
		if (!former && (start[i] >= end[i] || !ranges_hold(&e->got, start[i], end[i])))
			FAIL(h, g, "SACK block %d..%d was not received", start[i], end[i]);
		bool duplicate = i == 0 && (end[0] <= ack || g->sacks > 1);
		if (!duplicate && start[i] <= ack)
			FAIL(h, g, "SACK block %d..%d with ACK %d", start[i], end[i], ack);
		for (int j = 1; j < i; j++)
			if (start[i] <= end[j] && start[j] <= end[i])
				FAIL(h, g, "SACK blocks that touch each other");
	}
}

/* RFC 9293 3.8.6, SHLD-14: the right edge never moves left, but for what the window's scale rounds off. */
static void check_edge(struct sim_host *h, struct wire_end *e, const struct wire_seg *g, int32_t ack)
{
	bool scaled = e->own.ws && e->peer.ws && !(g->flags & WIRE_SYN);
	uint32_t shift = scaled ? e->own.shift : 0;
	int32_t edge = ack + (int32_t)(g->wnd << shift);

	/* RFC 7323 2.2: a SYN that is sent again cannot tell of more than 64 KiB. */
	if (!(g->flags & WIRE_SYN) && edge + (int32_t)(1u << shift) <= e->adv)
		FAIL(h, g, "the right edge moves left, from %d to %d", e->adv, edge);
	e->adv = edge > e->adv ? edge : e->adv;
}

void wire_sent_ack(struct sim_host *h, struct wire_end *e, const struct wire_seg *g)
{
	check_timestamps(h, e, g);
	if (!(g->flags & WIRE_ACK)) {
		if (!(g->flags & WIRE_SYN))
			FAIL(h, g, "neither SYN nor ACK");
		e->adv = 1 + (int32_t)g->wnd;
		return;
	}
	if (h->world->failure)
		return;
	int32_t ack = (int32_t)(g->ack - e->irs);
	if (!e->irs_known || ack < e->acked || ack < 1)
		FAIL(h, g, "ACK %d, before it was %d", ack, e->acked);
	if (ack > e->expect)
		FAIL(h, g, "ACK %d of what did not come: %d", ack, e->expect);
	if (ack < e->sure && !h->world->wire.arp_answered[h->index]) /* it may have waited for an address */
		FAIL(h, g, "ACK %d although %d came", ack, e->sure);
	ranges_add(&e->taken, 0, ack);
	e->sure = ranges_run_end(&e->taken, ack);
	check_sack(h, e, g, ack);
	if (h->world->failure)
		return;
	check_edge(h, e, g, ack);
	e->acked = ack;
	e->hidden_ack = h->world->wire.arp_open[h->index] || h->world->wire.arp_answered[h->index];
	e->ack_now = false;
	e->pending_since = INSTANT_NEVER;
	e->pending_full = 0;
}

/* Must the stack take it? Old timestamps, old acknowledgments and text beyond the window are not certain. */
static bool certain(const struct sim_host *h, const struct wire_end *e, const struct wire_seg *g, int32_t end)
{
	int32_t ack = (int32_t)(g->ack - e->iss);

	if (h->world->alloc_failures || !(g->flags & WIRE_ACK) || ack < e->una || ack > e->nxt || end > e->adv)
		return false;
	if (timestamps(e) && (!g->has_ts || (e->ts_known && (int32_t)(g->tsval - e->ts_max) < 0)))
		return false;
	return e->app && !e->app->closed;
}

static void owe(struct sim_host *h, struct wire_end *e, const struct wire_seg *g, int32_t at, bool beyond)
{
	uint32_t segments = g->cut ? (g->len + g->cut - 1) / g->cut : 1;

	/* RFC 5681 4.2: at once what is out of order, what is old, and what fills a gap; RFC 9293: a FIN. */
	if (at > e->expect || at + (int32_t)g->len <= e->sure || beyond || g->flags & WIRE_FIN) {
		e->ack_now = true;
		return;
	}
	if (e->sure != e->expect) /* which of these it is depends on what was refused */
		return;
	e->max_text = u32_max(e->max_text, g->cut ? g->cut : g->len);
	if (instant_is_never(e->pending_since))
		e->pending_since = h->world->now;
	if (g->cut || g->len >= e->max_text)
		e->pending_full += segments;
}

void wire_learn_text(struct sim_host *h, struct wire_end *e, const struct wire_seg *g)
{
	bool fin = g->flags & WIRE_FIN;
	int32_t at = (int32_t)(g->seq - e->irs), text_end = at + (int32_t)g->len;
	int32_t from = at < 1 ? 1 : at, to;

	/* An edge that it has offered may have been lost while an address was asked for. */
	to = e->hidden_ack || text_end < e->adv ? text_end : e->adv;
	if (at < -(1 << 30) || at > 1 << 30 || !(g->flags & WIRE_ACK))
		return;
	bool sure = certain(h, e, g, text_end + fin);
	if (timestamps(e) && g->has_ts && (!e->ts_known || (int32_t)(g->tsval - e->ts_max) > 0)) {
		e->ts_known = true;
		e->ts_max = g->tsval;
	}
	if (!g->len && !fin)
		return;
	bool whole = text_end + fin > e->acked && to == text_end;
	if (sure)
		owe(h, e, g, at, ranges_beyond(&e->taken, e->sure));
	ranges_add(&e->got, from, to);
	if (fin && whole) {
		ranges_add(&e->got, text_end, text_end + 1);
		e->peer_fin = text_end + 1;
	}
	if (sure)
		ranges_add(&e->taken, from, text_end + fin);
	e->expect = ranges_run_end(&e->got, e->expect);
	e->sure = ranges_run_end(&e->taken, e->sure);
}

/* RFC 9293 3.8.6.2.2: a window that has grown enough is told at once to a peer that is held up. */
static bool update_missing(const struct sim_host *h, const struct wire_end *e)
{
	const struct sim_app *a = e->app;

	if (!a || a->closed || e->sure != e->expect || e->peer_fin != WIRE_NONE || !e->spoke)
		return false;
	uint32_t shift = e->own.ws && e->peer.ws ? e->own.shift : 0;
	int64_t held = (int64_t)(e->expect - 1) - (int64_t)(a->received - a->channel);
	int64_t free = (int64_t)h->world->cfg[h->index].tcp.rcvbuf - held, offered = e->adv - e->expect;
	int64_t most = (int64_t)UINT16_MAX << shift, step = e->own.mss;
	free = free < most ? free : most;
	return free - offered > (offered > step ? offered : step) + (1 << shift);
}

void wire_check_owed(struct sim_host *h, struct wire_end *e)
{
	struct world *w = h->world;
	uint16_t port = e->app ? e->app->local_port : 0;

	if (w->wire.arp_open[h->index] || e->hidden_ack || !e->irs_known || e->in_time_wait || e->una < 1)
		return;
	if (e->ack_now)
		world_fail(w, "host %d port %u: no ACK for a segment that asks for one at once", h->index, port);
	else if (e->pending_full > FULL_SEGMENTS_MAX - 1)
		world_fail(w, "host %d port %u: %u full segments without an ACK", h->index, port, e->pending_full);
	else if (!instant_is_never(e->pending_since) &&
	         duration_lt(w->cfg[h->index].tcp.delack, instant_since(w->now, e->pending_since)))
		world_fail(w, "host %d port %u: an ACK was delayed for more than %lld ms", h->index, port,
		           (long long)(w->cfg[h->index].tcp.delack.ns / NS_PER_MS));
	else if (update_missing(h, e))
		world_fail(w, "host %d port %u: the window is open and the peer does not know: %d of %d", h->index,
		           port, e->adv - e->expect, (int)w->cfg[h->index].tcp.rcvbuf);
}
