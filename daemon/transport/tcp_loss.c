/* Loss: what the scoreboard says after each ACK (RFC 2018, RFC 6675), time-based detection (RACK-TLP, RFC 8985), and
 * recovery without SACK (RFC 5681, RFC 6582).
 *
 * A record is in one of three conditions: in the pipe, sacked, or lost. An ACK takes acknowledged records off the front
 * and marks others sacked; detection then marks records lost: by RACK (tcp_rack.c), when a record that was sent
 * sufficiently later has been delivered; without SACK, the first record after three duplicate ACKs and after each
 * partial ACK. tcp_output sends what is lost first. */
#include "transport/tcp_internal.h"

#define TS_RTT_MAX_MS     (10 * 60 * 1000) /* an echo older than that is a lie */
#define TLP_MAX_ACK_DELAY DURATION_MS(200) /* RFC 8985 7.2: worst delayed-ACK time of a peer */

void tcp_loss_mark(struct tcp *t, struct tcp_txrec *r)
{
	if (!txrec_in_pipe(r))
		return;
	txrec_leave(t, r);
	r->lost = true;
	txrec_enter(t, r);
}

/* A record was delivered, by ACK or SACK: RTT (Karn), RACK.xmit_ts, reordering. */
static void delivered(struct tcp_layer *l, struct tcp *t, const struct tcp_txrec *r, const struct tcp_seg *g,
                      struct tcp_ack_news *news)
{
	duration rtt = instant_since(l->env->now, r->sent);
	seq32 end = txrec_end(r);

	tcp_rate_delivered(l, t, r, news);
	tcp_path_delivered(t, r);
	/* RFC 8985 6.2 step 2: the ACK may be for the original of a retransmitted segment. */
	if (r->retrans) {
		uint32_t sent_ts = (uint32_t)(r->sent.ns / NS_PER_MS) + t->ts_offset;
		if (t->ts_ok && g->opt.has_ts && (int32_t)(g->opt.tsecr - sent_ts) < 0)
			return;
		if (t->rtt_valid && duration_lt(rtt, t->rtt_min))
			return;
	} else {
		news->rtt = news->rtt_valid ? duration_min(news->rtt, rtt) : rtt;
		news->rtt_valid = true;
		/* RFC 8985 6.2 step 3 */
		if (seq_lt(end, t->fack)) {
			t->reordering_seen = true;
			t->stat.reorderings += txrec_segments(t, r);
		}
	}
	t->fack = seq_max(t->fack, end);
	if (instant_is_never(t->rack_sent) || instant_lt(t->rack_sent, r->sent) ||
	    (t->rack_sent.ns == r->sent.ns && seq_lt(t->rack_end, end))) {
		t->rack_sent = r->sent;
		t->rack_end = end;
		t->rack_rtt = rtt;
	}
}

static void pop_acked(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, struct tcp_ack_news *news)
{
	while (t->txq.count) {
		struct tcp_txrec *r = txq_at(&t->txq, 0);
		if (seq_le(g->ack, r->seq))
			return;
		if (seq_lt(g->ack, txrec_end(r)) && !txq_split(&t->txq, l->env, 0, g->ack)) {
			/* Without memory for the split, the record shrinks from its front: same bytes, same facts. */
			uint32_t cut = seq_len(r->seq, g->ack);
			txrec_leave(t, r);
			r->seq = g->ack;
			r->len -= cut;
			news->delivered += r->sacked ? 0 : cut;
			txrec_enter(t, r);
			return;
		}
		r = txq_at(&t->txq, 0);
		txrec_leave(t, r);
		if (!r->sacked) {
			news->delivered += r->len;
			delivered(l, t, r, g, news);
		}
		txq_pop(&t->txq);
	}
}

/* Index of the first record that ends after seq. */
static uint32_t record_after(const struct tcp_txq *q, seq32 seq)
{
	uint32_t lo = 0, hi = q->count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (seq_le(txrec_end(txq_at(q, mid)), seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* An honest receiver's blocks begin and end with segments, so that about one record for each segment in flight is all
 * they can ask for, and twice that after the segments were cut anew. What cuts finer costs memory now and time with
 * each ACK to come: such an edge is ignored, and what it would have parted counts as not sacked. */
static bool sack_split(struct tcp_layer *l, struct tcp *t, uint32_t i, seq32 at)
{
	if (t->txq.count >= TCP_SACK_RECORDS_MIN + 2 * (tcp_flight_size(t) / t->snd.mss)) {
		COUNT(l->cnt, TcpSackEdgesIgnored);
		return false;
	}
	return txq_split(&t->txq, l->env, i, at);
}

static void sack_block(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, struct tcp_gap b,
                       struct tcp_ack_news *news)
{
	for (uint32_t i = record_after(&t->txq, b.start); i < t->txq.count; i++) {
		struct tcp_txrec *r = txq_at(&t->txq, i);
		if (seq_le(b.end, r->seq))
			return;
		if (r->sacked)
			continue;
		if (seq_lt(r->seq, b.start)) { /* the block begins inside: the next turn takes the second part */
			sack_split(l, t, i, b.start);
			continue;
		}
		if (seq_lt(b.end, txrec_end(r))) {
			if (!sack_split(l, t, i, b.end))
				return;
			r = txq_at(&t->txq, i);
		}
		txrec_leave(t, r);
		r->sacked = true;
		r->lost = false;
		news->delivered += r->len;
		delivered(l, t, r, g, news);
	}
}

/* RFC 2018, RFC 2883 4: a block at or below SND.UNA is a duplicate report; one beyond SND.NXT is a lie. */
static void sack_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, struct tcp_ack_news *news)
{
	for (int i = 0; i < g->opt.sacks; i++) {
		struct tcp_gap b = g->opt.sack[i];
		COUNT(l->cnt, TcpSackBlocksIn);
		if (!seq_lt(b.start, b.end) || seq_gt(b.end, t->snd.nxt)) {
			COUNT(l->cnt, TcpExtTCPSACKDiscard);
			continue;
		}
		if (seq_le(b.end, t->snd.una))
			continue;
		b.start = seq_max(b.start, t->snd.una);
		sack_block(l, t, g, b, news);
	}
}

void tcp_loss_acked(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, struct tcp_ack_news *news)
{
	uint32_t delivered_before = t->stat.delivered;

	if (seq_gt(g->ack, t->snd.una)) {
		pop_acked(l, t, g, news);
		news->acked = seq_len(t->snd.una, g->ack);
	}
	if (t->sack_ok && g->opt.sacks)
		sack_input(l, t, g, news);
	t->stat.ack_received = l->env->now;
	t->stat.dsacks += tcp_reports_duplicate(g);
	if (t->ecn_ok && g->flags & TCP_ECE)
		t->stat.delivered_ce += t->stat.delivered - delivered_before;
	if (!news->rtt_valid && news->acked && t->ts_ok && g->opt.has_ts) {
		/* RFC 7323 4.1: the echoed timestamp tells which transmission was acknowledged, so Karn's rule is met.
		 */
		int32_t ms = (int32_t)(tcp_ts_now(l, t) - g->opt.tsecr);
		news->rtt_valid = ms >= 0 && ms < TS_RTT_MAX_MS;
		news->rtt = DURATION_MS(ms);
	}
	if (news->rtt_valid) {
		t->backoff = 0;
		tcp_rtt_sample(l, t, news->rtt);
	}
	tcp_rate_acked(t, news);
}

static void enter_recovery(struct tcp_layer *l, struct tcp *t)
{
	if (t->recovery != TCP_OPEN || tcp_mtup_lost(l, t))
		return;
	if (t->sack_ok)
		COUNT(l->cnt, TcpExtTCPSackRecovery);
	else
		COUNT(l->cnt, TcpExtTCPRenoRecovery);
	tcp_undo_save(t);
	tcp_cc_enter_recovery(t);
	tcp_prr_begin(t);
	t->recovery = TCP_RECOVERY;
	t->recover = t->snd.nxt;
	t->retransmit_owed = true;
	tcp_timer_stop(t, TCP_TIMER_PROBE);
}

/* Marks the first segment in the pipe lost; the record is cut to one segment so that no more is sent again. */
static void mark_first(struct tcp_layer *l, struct tcp *t)
{
	struct tcp_txrec *r = t->txq.count ? txq_at(&t->txq, 0) : NULL;

	if (!r || !txrec_in_pipe(r))
		return;
	if (r->len > t->snd.mss && txq_split(&t->txq, l->env, 0, seq_add(r->seq, t->snd.mss)))
		r = txq_at(&t->txq, 0);
	tcp_loss_mark(t, r);
}

/* RFC 6582 3.2, for a peer without SACK. */
static void newreno(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, const struct tcp_ack_news *news)
{
	if (news->acked) {
		t->dupacks = 0;
		if (t->recovery == TCP_RECOVERY && seq_lt(g->ack, t->recover)) {
			mark_first(l, t);
			t->retransmit_owed = t->lost != 0;
		}
		return;
	}
	/* RFC 5681 2: a duplicate acknowledgment; not one that answers a zero-window probe. */
	bool duplicate = t->txq.count && t->snd.wnd && g->text_len == 0 && !(g->flags & (TCP_SYN | TCP_FIN)) &&
	                 seq_eq(g->ack, t->snd.una) && (uint32_t)g->wnd << t->snd.wind_shift == t->snd.wnd;
	if (!duplicate || t->dupacks == UINT8_MAX)
		return;
	t->dupacks++;
	if (t->dupacks == TCP_DUPTHRESH && t->recovery == TCP_OPEN) {
		if (tcp_mtup_is_first(t))
			tcp_loss_mark(t, txq_at(&t->txq, 0));
		enter_recovery(l, t);
		mark_first(l, t);
	}
}

static void leave_recovery(struct tcp *t)
{
	/* RFC 6582 3.2 step 3: no burst of more than what the pipe allows. */
	if (t->recovery == TCP_RECOVERY)
		t->cwnd = t->sack_ok ? t->ssthresh : u32_min(t->ssthresh, u32_max(t->pipe, t->snd.mss) + t->snd.mss);
	t->recovery = TCP_OPEN;
	t->dupacks = 0;
	tcp_rack_recovered(t);
}

/* RFC 8985 7.4.2: the probe itself repaired a loss that nothing else showed. */
static void probe_acked(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!t->probe_out || seq_lt(g->ack, t->probe_end))
		return;
	t->probe_out = false;
	if (t->probe_retrans && t->recovery == TCP_OPEN && !tcp_reports_duplicate(g)) {
		COUNT(l->cnt, TcpExtTCPLossProbeRecovery);
		tcp_cc_enter_recovery(t);
	}
}

/* After the blocks of an ACK: what is lost now, and how much recovery may send. */
static void sack_detect(struct tcp_layer *l, struct tcp *t, const struct tcp_ack_news *news)
{
	if (t->txq.count && tcp_rack_detect(l, t))
		enter_recovery(l, t);
	else if (!t->txq.count)
		tcp_timer_stop(t, TCP_TIMER_REORDER);
	if (t->recovery == TCP_RECOVERY)
		tcp_prr_acked(t, news->delivered);
}

void tcp_loss_overtaken(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	struct tcp_ack_news news = {0};

	if (!t->sack_ok || !g->opt.sacks)
		return;
	tcp_loss_acked(l, t, g, &news);
	if (!news.delivered)
		return;
	sack_detect(l, t, &news);
	tcp_probe_arm(l, t);
}

void tcp_loss_detect(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, const struct tcp_ack_news *news)
{
	probe_acked(l, t, g);
	if (tcp_reports_duplicate(g))
		tcp_rack_duplicate(t);
	tcp_spurious_detect(l, t, g, news->acked != 0);
	if (t->recovery != TCP_OPEN && seq_ge(g->ack, t->recover))
		leave_recovery(t);
	if (!t->sack_ok)
		newreno(l, t, g, news);
	else
		sack_detect(l, t, news);
	tcp_probe_arm(l, t);
}

void tcp_reorder_timer(struct tcp_layer *l, struct tcp *t)
{
	if (tcp_rack_detect(l, t)) {
		enter_recovery(l, t);
		tcp_output_wanted(l, t);
	}
}

void tcp_loss_timeout(struct tcp *t)
{
	tcp_frto_begin(t, t->recovery == TCP_OPEN && t->retries == 1);
	if (t->recovery == TCP_OPEN)
		tcp_undo_save(t);
	tcp_cc_timeout(t, t->retries == 1);
	for (uint32_t i = 0; i < t->txq.count; i++) {
		struct tcp_txrec *r = txq_at(&t->txq, i);
		/* RFC 2018 8: after a timeout what was sacked may have been reneged, when the first record itself was.
		 */
		if (i == 0 && r->sacked) {
			r->sacked = false;
			txrec_enter(t, r);
		}
		tcp_loss_mark(t, r);
	}
	t->recovery = TCP_LOSS;
	t->recover = t->snd.nxt;
	t->retransmit_owed = true;
	t->probe_owed = t->probe_out = false;
	t->dupacks = 0;
}

void tcp_probe_arm(struct tcp_layer *l, struct tcp *t)
{
	/* RFC 8985 7.2: with SACK, an RTT, outside recovery, and with nothing sacked. */
	bool sacked = t->pipe + t->lost < tcp_flight_size(t);
	if (!t->sack_ok || !t->rtt_valid || !t->txq.count || t->recovery != TCP_OPEN || t->probe_out || !t->snd.wnd ||
	    sacked || !tcp_synchronized(t->state)) {
		tcp_timer_stop(t, TCP_TIMER_PROBE);
		return;
	}
	duration pto = {2 * t->srtt.ns};
	if (tcp_flight_size(t) <= t->snd.mss)
		pto.ns += TLP_MAX_ACK_DELAY.ns;
	pto = duration_max(pto, DURATION_MS(2));
	/* 7.2: at the latest when the retransmission timer fires, in whose place the probe is sent. */
	if (tcp_timer_on(t, TCP_TIMER_RETRANSMIT))
		pto = duration_min(pto, instant_since(t->deadline[TCP_TIMER_RETRANSMIT], l->env->now));
	tcp_timer_set(l, t, TCP_TIMER_PROBE, pto);
}
