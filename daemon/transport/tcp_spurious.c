/* Retransmissions that were not needed: found out, and their effect on the congestion state taken back.
 *
 * When recovery or a timeout begins, the congestion state is saved. Three signs tell that nothing was lost:
 *
 *   Eifel (RFC 3522)    the first ACK that advances echoes a timestamp older than the first retransmission
 *   D-SACK (RFC 2883)   every retransmission is reported as a duplicate
 *   F-RTO (RFC 5682)    after a timeout, the second ACK acknowledges bytes that were never sent again
 *
 * A retransmission of an earlier recovery, or a tail loss probe, may still be in the network when the next recovery
 * begins. Its ACK is older than what this one retransmits, and its duplicate is reported as well, so that neither may
 * be taken for a sign: the timestamp is that of the first retransmission since none was outstanding, and so is the
 * count.
 *
 * The response restores the window and takes the marks off what is still in the network (RFC 4015). */
#include "transport/tcp_internal.h"

#define FRTO_NEW_SEGMENTS 2 /* RFC 5682 2.1, step 2b */

static bool retransmission_outstanding(const struct tcp *t)
{
	return t->undo.ts_known && seq_gt(t->undo.retrans_end, t->snd.una);
}

void tcp_undo_save(struct tcp *t)
{
	t->undo.valid = true;
	t->undo.first = true;
	if (!retransmission_outstanding(t)) {
		t->undo.ts_known = false;
		t->undo.retrans = 0;
	}
	t->undo.cwnd = t->cwnd;
	t->undo.ssthresh = t->ssthresh;
	t->undo.w_max = t->cubic.w_max;
	t->undo.marker = t->snd.una;
}

void tcp_undo_retransmitted(const struct tcp_layer *l, struct tcp *t, seq32 end)
{
	bool another = retransmission_outstanding(t);

	t->undo.retrans++;
	t->undo.retrans_end = another ? seq_max(t->undo.retrans_end, end) : end;
	/* While a recovery goes on, its first retransmission counts, outstanding or not. */
	if (another || (t->recovery != TCP_OPEN && t->undo.ts_known))
		return;
	t->undo.ts_known = true;
	t->undo.ts = tcp_ts_now(l, t);
}

static void undo(struct tcp *t)
{
	t->undo.valid = false;
	t->frto = TCP_FRTO_OFF;
	t->cwnd = u32_max(t->cwnd, t->undo.cwnd);
	t->ssthresh = u32_max(t->ssthresh, t->undo.ssthresh);
	t->cubic.w_max = t->undo.w_max;
	t->cubic.epoch = INSTANT_NEVER;
	for (uint32_t i = 0; i < t->txq.count; i++) {
		struct tcp_txrec *r = txq_at(&t->txq, i);
		if (!r->lost)
			continue;
		txrec_leave(t, r);
		r->lost = false;
		txrec_enter(t, r);
	}
	t->recovery = TCP_OPEN;
	t->retransmit_owed = false;
	t->dupacks = 0;
	t->backoff = 0;
}

/* RFC 2883 4: the first block reports a duplicate when it lies below the cumulative ACK, or within the second block. */
bool tcp_reports_duplicate(const struct tcp_seg *g)
{
	if (g->opt.sacks == 0)
		return false;
	const struct tcp_gap *d = &g->opt.sack[0], *next = &g->opt.sack[1];
	if (seq_le(d->end, g->ack))
		return true;
	return g->opt.sacks > 1 && seq_ge(d->start, next->start) && seq_le(d->end, next->end);
}

static void look_at_duplicates(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!tcp_reports_duplicate(g))
		return;
	if (seq_le(g->opt.sack[0].end, g->ack))
		COUNT(l->cnt, TcpExtTCPDSACKRecv);
	else
		COUNT(l->cnt, TcpExtTCPDSACKOfoRecv);
	if (!t->undo.valid || !t->undo.retrans || seq_lt(g->opt.sack[0].start, t->undo.marker))
		return;
	if (--t->undo.retrans > 0)
		return;
	COUNT(l->cnt, TcpExtTCPDSACKUndo);
	undo(t);
}

static void look_at_timestamp(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	bool decides = t->undo.valid && t->undo.first && t->undo.ts_known;

	t->undo.first = false;
	if (!decides || !t->ts_ok || !g->opt.has_ts || (int32_t)(g->opt.tsecr - t->undo.ts) >= 0)
		return;
	if (t->recovery == TCP_LOSS)
		COUNT(l->cnt, TcpExtTCPLossUndo);
	else
		COUNT(l->cnt, TcpExtTCPFullUndo);
	undo(t);
}

void tcp_frto_begin(struct tcp *t, bool eligible)
{
	t->frto = eligible ? TCP_FRTO_RETRANSMITTED : TCP_FRTO_OFF;
}

/* RFC 5682 2.1 */
static void frto(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, bool advanced)
{
	switch (t->frto) {
	case TCP_FRTO_OFF:
		break;
	case TCP_FRTO_RETRANSMITTED:
		/* Step 2: go on only with a partial advance, and when there is new text to send. */
		if (!advanced || seq_ge(g->ack, t->recover) || !tcp_unsent(t)) {
			t->frto = TCP_FRTO_OFF;
			break;
		}
		t->frto = TCP_FRTO_NEW_DATA;
		t->cwnd = t->pipe + FRTO_NEW_SEGMENTS * (uint32_t)t->snd.mss;
		break;
	case TCP_FRTO_NEW_DATA:
		/* Step 3b: bytes were acknowledged that were sent only once. */
		if (advanced) {
			COUNT(l->cnt, TcpExtTCPLossUndo);
			COUNT(l->cnt, TcpExtTCPSpuriousRTOs);
			undo(t);
		}
		t->frto = TCP_FRTO_OFF;
		break;
	case TCP_FRTOS:
		break;
	}
}

void tcp_spurious_detect(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, bool advanced)
{
	look_at_duplicates(l, t, g);
	if (advanced)
		look_at_timestamp(l, t, g);
	frto(l, t, g, advanced);
	if (t->recovery == TCP_OPEN && seq_ge(g->ack, t->recover) && !t->undo.retrans)
		t->undo.valid = false;
}
