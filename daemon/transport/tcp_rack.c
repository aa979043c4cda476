/* RACK (RFC 8985 6): a record is lost when one that was sent sufficiently later has been delivered.
 *
 * "Sufficiently" is the reordering window: zero while the path has not been seen to reorder and the evidence is strong,
 * else a quarter of the minimal RTT. Each round trip in which the peer reports a duplicate (RFC 2883) shows that the
 * window was too small, and makes it a quarter larger, to SRTT at most; after sixteen recoveries without such a report
 * it is small again. */
#include "transport/tcp_internal.h"

#define REO_WND_DIVISOR 4  /* 6.2 step 4: min_RTT / 4 */
#define REO_WND_PERSIST 16 /* recoveries */

void tcp_rack_reset(struct tcp *t)
{
	t->rack_mult = 1;
	t->rack_persist = 0;
	t->rack_dsack_round = t->snd.una;
}

/* 6.2 step 4: once in a round trip. */
void tcp_rack_duplicate(struct tcp *t)
{
	if (seq_lt(t->snd.una, t->rack_dsack_round))
		return;
	t->rack_dsack_round = t->snd.nxt;
	t->rack_persist = REO_WND_PERSIST;
	if (t->rack_mult < UINT8_MAX)
		t->rack_mult++;
}

void tcp_rack_recovered(struct tcp *t)
{
	if (t->rack_persist && --t->rack_persist == 0)
		t->rack_mult = 1;
}

/* Segments of any size: an application that writes little at a time sends small ones. */
static uint32_t sacked_segments(const struct tcp *t)
{
	uint32_t segments = 0;

	for (uint32_t i = 0; i < t->txq.count && segments < TCP_DUPTHRESH; i++)
		if (txq_at(&t->txq, i)->sacked)
			segments += txrec_segments(t, txq_at(&t->txq, i));
	return segments;
}

/* RFC 8985 6.2 step 4 */
static duration reordering_window(const struct tcp *t)
{
	if (!t->reordering_seen && (t->recovery != TCP_OPEN || sacked_segments(t) >= TCP_DUPTHRESH))
		return (duration){0};
	return duration_min((duration){t->rack_mult * t->rtt_min.ns / REO_WND_DIVISOR}, t->srtt);
}

/* RFC 8985 6.2 step 5 */
bool tcp_rack_detect(struct tcp_layer *l, struct tcp *t)
{
	duration wait = {0}, window = reordering_window(t);
	bool found = false;

	if (instant_is_never(t->rack_sent))
		return false;
	for (uint32_t i = 0; i < t->txq.count; i++) {
		struct tcp_txrec *r = txq_at(&t->txq, i);
		if (!txrec_in_pipe(r))
			continue;
		bool sent_before = instant_lt(r->sent, t->rack_sent) ||
		                   (r->sent.ns == t->rack_sent.ns && seq_lt(txrec_end(r), t->rack_end));
		if (!sent_before) {
			if (!r->retrans) /* the rest was sent later still */
				break;
			continue;
		}
		duration left = {r->sent.ns + t->rack_rtt.ns + window.ns - l->env->now.ns};
		if (left.ns <= 0) {
			tcp_loss_mark(t, r);
			found = true;
		} else {
			wait = duration_max(wait, left);
		}
	}
	if (wait.ns > 0)
		tcp_timer_set(l, t, TCP_TIMER_REORDER, wait);
	else
		tcp_timer_stop(t, TCP_TIMER_REORDER);
	return found;
}
