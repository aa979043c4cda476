/* Congestion control: Reno with the initial window of RFC 6928 (RFC 5681, RFC 6582).
 *
 * The window bounds `pipe`, the bytes believed to be in the network, not the span from SND.UNA (RFC 6675 2). So no
 * inflation by duplicate ACKs is needed: what was sacked or lost has left the pipe. One ACK may answer a batch of
 * segments; growth is by bytes, so such an ACK counts as the ACKs that it stands for. */
#include "transport/tcp_internal.h"

void tcp_cc_init(struct tcp *t)
{
	/* RFC 6928 2 */
	t->cwnd = u32_min(TCP_IW_SEGMENTS * t->snd.mss, u32_max(2u * t->snd.mss, 14600));
	t->ssthresh = UINT32_MAX;
	t->cwnd_acked = 0;
}

uint32_t tcp_cc_room(const struct tcp *t)
{
	uint32_t window = t->cwnd;

	/* Without SACK each duplicate ACK tells that some segment has left the pipe: RFC 6582 3.2 (inflation), RFC 3042
	 * (limited transmit). */
	if (!t->sack_ok && t->recovery != TCP_LOSS)
		window += (uint32_t)t->dupacks * t->snd.mss;
	return window > t->pipe ? window - t->pipe : 0;
}

void tcp_cc_acked(struct tcp *t, uint32_t bytes)
{
	/* A window that is not used says nothing about the path: it does not grow. */
	if (!t->cwnd_limited || t->recovery == TCP_RECOVERY)
		return;
	if (t->cwnd < t->ssthresh) {
		/* RFC 5681 3.1: slow start. */
		uint32_t room = t->ssthresh - t->cwnd;
		uint32_t grow = u32_min(bytes, room);
		t->cwnd += grow;
		bytes -= grow;
	}
	/* RFC 5681 3.1: congestion avoidance, one segment for each window of acknowledged bytes. */
	t->cwnd_acked += bytes;
	if (t->cwnd_acked >= t->cwnd) {
		t->cwnd_acked -= t->cwnd;
		t->cwnd += t->snd.mss;
	}
	if (t->cwnd > TCP_BUF_MAX)
		t->cwnd = TCP_BUF_MAX;
}

/* RFC 5681 eqn. 4 */
static uint32_t half_of_flight(const struct tcp *t)
{
	return u32_max(tcp_flight_size(t) / 2, 2u * t->snd.mss);
}

void tcp_cc_enter_recovery(struct tcp *t)
{
	t->ssthresh = half_of_flight(t);
	t->cwnd = t->ssthresh;
	t->cwnd_acked = 0;
}

void tcp_cc_timeout(struct tcp *t, bool first)
{
	/* RFC 5681 3.1: when the same segment times out again, ssthresh is held. */
	if (first)
		t->ssthresh = half_of_flight(t);
	t->cwnd = t->snd.mss;
	t->cwnd_acked = 0;
}

void tcp_cc_after_idle(struct tcp_layer *l, struct tcp *t)
{
	/* RFC 5681 4.1: after an idle period of more than RTO, restart from at most the initial window. */
	if (instant_is_never(t->last_sent) || t->txq.count)
		return;
	if (duration_lt(t->rto, instant_since(l->env->now, t->last_sent)))
		t->cwnd = u32_min(t->cwnd, TCP_IW_SEGMENTS * t->snd.mss);
}
