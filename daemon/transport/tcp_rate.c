/* Delivery rate (draft-cheng-iccrg-delivery-rate-estimation): how fast bytes leave the network.
 *
 * Each transmission notes how much had been delivered when it was sent, and when. Its delivery then gives a sample:
 * what was delivered meanwhile, over the longer of the time in which it was sent and the time in which it was
 * acknowledged, so that neither compressed ACKs nor a burst can flatter. A sample taken while the application had no
 * more to send says less than the path can bear: it counts only when it is higher. Section numbers are the draft's. */
#include "transport/tcp_internal.h"

static uint32_t microseconds(const struct tcp_layer *l)
{
	return (uint32_t)(l->env->now.ns / NS_PER_US);
}

void tcp_rate_sent(const struct tcp_layer *l, struct tcp *t, struct tcp_txrec *r)
{
	/* 3.2: with nothing in flight, the next delivery ends no earlier interval. */
	if (t->txq.count == 1 && !r->retrans)
		t->rate.first_us = t->rate.delivered_us = microseconds(l);
	r->rate_delivered = (uint32_t)t->rate.delivered;
	r->rate_delivered_us = t->rate.delivered_us;
	r->rate_first_us = t->rate.first_us;
	r->app_limited = t->rate.app_limited != 0;
}

void tcp_rate_delivered(const struct tcp_layer *l, struct tcp *t, const struct tcp_txrec *r, struct tcp_ack_news *news)
{
	uint32_t sent_us = (uint32_t)(r->sent.ns / NS_PER_US);

	t->stat.delivered += txrec_segments(t, r);
	if (seq_eq(r->seq, t->snd.iss))
		return;
	t->rate.delivered += r->len;
	t->rate.delivered_us = microseconds(l);
	/* 3.3: of those that this ACK delivers, the one that was sent last gives the sample. */
	if (news->rate.valid && (int32_t)(r->rate_delivered - news->rate.prior_delivered) <= 0)
		return;
	news->rate.valid = true;
	news->rate.app_limited = r->app_limited;
	news->rate.prior_delivered = r->rate_delivered;
	news->rate.interval_us = u32_max(sent_us - r->rate_first_us, t->rate.delivered_us - r->rate_delivered_us);
	t->rate.first_us = sent_us;
}

void tcp_rate_acked(struct tcp *t, const struct tcp_ack_news *news)
{
	if (t->rate.app_limited && t->rate.delivered > t->rate.app_limited)
		t->rate.app_limited = 0;
	if (!news->rate.valid || !news->rate.interval_us)
		return;
	/* 3.3: nothing is delivered within less than the smallest RTT. */
	if (t->rtt_valid && (int64_t)news->rate.interval_us * NS_PER_US < t->rtt_min.ns)
		return;
	uint32_t bytes = (uint32_t)t->rate.delivered - news->rate.prior_delivered;
	bool higher = (uint64_t)bytes * t->rate.sample_us >= (uint64_t)t->rate.sample_bytes * news->rate.interval_us;
	if (news->rate.app_limited && !higher)
		return;
	t->rate.sample_bytes = bytes;
	t->rate.sample_us = news->rate.interval_us;
	t->rate.sample_app_limited = news->rate.app_limited;
}

/* 3.4: what is in flight now will be delivered in a bubble. */
void tcp_rate_idle(struct tcp *t)
{
	if (tcp_unsent(t) >= t->snd.mss || t->lost || tcp_cc_room(t) < t->snd.mss)
		return;
	t->rate.app_limited = t->rate.delivered + t->pipe;
	if (!t->rate.app_limited)
		t->rate.app_limited = 1;
}

uint64_t tcp_rate(const struct tcp *t)
{
	return t->rate.sample_us ? (uint64_t)t->rate.sample_bytes * 1000000 / t->rate.sample_us : 0;
}
