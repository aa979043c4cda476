/* Congestion control: one small interface, and Reno (RFC 5681, RFC 6582) behind it; CUBIC is in tcp_cubic.c.
 *
 * An algorithm has three parts: how the window grows in slow start, how in congestion avoidance, and the new ssthresh
 * after a congestion event. The rest is common: initial window (RFC 6928), recovery, timeouts, restart after idle.
 *
 * The window bounds `pipe`, the bytes believed to be in the network, not the span from SND.UNA (RFC 6675 2). So no
 * inflation by duplicate ACKs is needed: what was sacked or lost has left the pipe. One ACK may answer a batch of
 * segments; growth is by bytes, so such an ACK counts as the ACKs that it stands for. */
#include "transport/tcp_internal.h"

static void no_clock(struct tcp *t)
{
	(void)t;
}

#define IW_SEGMENT 1460u /* bytes: ten of them are RFC 6928's 14,600 */

static uint32_t all_of(struct tcp *t, uint32_t bytes)
{
	(void)t;
	return bytes;
}

/* RFC 5681 3.1: congestion avoidance, one segment for each window of acknowledged bytes. */
static void reno_avoidance(struct tcp *t, uint32_t bytes)
{
	t->cwnd_acked += bytes;
	if (t->cwnd_acked >= t->cwnd) {
		t->cwnd_acked -= t->cwnd;
		t->cwnd += t->snd.mss;
	}
}

/* RFC 5681 eqn. 4 */
static uint32_t reno_ssthresh(struct tcp *t)
{
	return u32_max(tcp_flight_size(t) / 2, 2u * t->snd.mss);
}

const char *const tcp_cc_names[TCP_CCS] = {[TCP_CC_RENO] = "reno", [TCP_CC_CUBIC] = "cubic"};

static const struct {
	uint32_t (*slow_start)(struct tcp *t, uint32_t bytes); /* bytes to add of those acknowledged */
	void (*avoidance)(struct tcp *t, uint32_t bytes);
	uint32_t (*ssthresh)(struct tcp *t);
	void (*paused)(struct tcp *t); /* the window is not what limits the sender */
} algorithm[TCP_CCS] = {
        [TCP_CC_RENO] = {all_of, reno_avoidance, reno_ssthresh, no_clock},
        [TCP_CC_CUBIC] = {tcp_hystart_growth, tcp_cubic_avoidance, tcp_cubic_ssthresh, tcp_cubic_paused},
};

/* RFC 6928 2, with another number of segments when asked for. */
static uint32_t initial_window(const struct tcp *t)
{
	uint32_t segments = t->knob.initial_window;

	return u32_min(segments * t->snd.mss, u32_max(u32_min(segments, 2) * t->snd.mss, segments * IW_SEGMENT));
}

void tcp_cc_init(struct tcp *t)
{
	t->cwnd = initial_window(t);
	t->ssthresh = UINT32_MAX;
	t->cwnd_acked = 0;
	tcp_cubic_reset(t);
	tcp_hystart_reset(t);
}

void tcp_set_cc(struct tcp *t, enum tcp_cc cc)
{
	if (t->cc == cc)
		return;
	t->cc = cc;
	t->cwnd_acked = 0;
	tcp_cubic_reset(t);
	tcp_hystart_reset(t);
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
	if (!t->cwnd_limited) {
		algorithm[t->cc].paused(t);
		return;
	}
	if (t->recovery == TCP_RECOVERY)
		return;
	if (t->cwnd < t->ssthresh) {
		/* RFC 5681 3.1: slow start. */
		uint32_t used = u32_min(bytes, t->ssthresh - t->cwnd);
		t->cwnd += algorithm[t->cc].slow_start(t, used);
		bytes -= used;
	}
	if (bytes)
		algorithm[t->cc].avoidance(t, bytes);
	if (t->cwnd > TCP_BUF_MAX)
		t->cwnd = TCP_BUF_MAX;
}

void tcp_cc_enter_recovery(struct tcp *t)
{
	t->ssthresh = algorithm[t->cc].ssthresh(t);
	t->cwnd = t->ssthresh;
	t->cwnd_acked = 0;
}

void tcp_cc_timeout(struct tcp *t, bool first)
{
	/* RFC 5681 3.1: when the same segment times out again, ssthresh is held. */
	if (first)
		t->ssthresh = algorithm[t->cc].ssthresh(t);
	t->cwnd = t->snd.mss;
	t->cwnd_acked = 0;
}

void tcp_cc_after_idle(struct tcp_layer *l, struct tcp *t)
{
	/* RFC 5681 4.1: when no data were sent for more than RTO, restart from at most the initial window. The
	 * acknowledgment of the request that ends the pause is no data. */
	if (instant_is_never(t->stat.data_sent) || t->txq.count)
		return;
	algorithm[t->cc].paused(t);
	if (duration_lt(t->rto, instant_since(l->env->now, t->stat.data_sent)))
		t->cwnd = u32_min(t->cwnd, initial_window(t));
}
