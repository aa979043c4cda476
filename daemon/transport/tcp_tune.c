/* Buffers that tune themselves, until SO_RCVBUF or SO_SNDBUF fixes them.
 *
 * The receive buffer follows what the application takes: the bytes that it read in one round trip are what the path
 * delivers, and twice as much leaves room for that rate to double. When it has just grown, it goes on growing while the
 * new window is on its way, so the room grows by twice that share. The round trip is measured at the receiver by echoed
 * timestamps (RFC 7323 4), else the sender's estimate serves. The send buffer follows the congestion window: twice as
 * much, so that the next window is at hand while one is in flight. Both only grow, up to the configured bounds. */
#include "transport/tcp_internal.h"

void tcp_tune_begin(struct tcp_layer *l, struct tcp *t)
{
	t->tune.since = l->env->now;
	t->tune.taken = 0;
}

/* A segment with text echoed a timestamp: the round trip as its receiver sees it, smoothed. */
void tcp_tune_rtt(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!t->ts_ok || !g->opt.has_ts || !g->text_len || !g->opt.tsecr)
		return;
	int32_t ms = (int32_t)(tcp_ts_now(l, t) - g->opt.tsecr);
	if (ms < 0)
		return;
	duration sample = DURATION_MS(ms);
	t->tune.rtt.ns = t->tune.rtt.ns ? t->tune.rtt.ns + (sample.ns - t->tune.rtt.ns) / 8 : sample.ns;
}

void tcp_tune_taken(struct tcp_layer *l, struct tcp *t, uint32_t bytes)
{
	duration rtt = duration_max(t->tune.rtt, t->srtt);

	t->tune.taken += bytes;
	if (t->rcvbuf_fixed || duration_lt(instant_since(l->env->now, t->tune.since), rtt))
		return;
	uint64_t taken = u32_min(t->tune.taken, TCP_BUF_MAX), want = 2 * taken;
	if (t->tune.last && taken > t->tune.last)
		want += 2 * want * (taken - t->tune.last) / t->tune.last;
	t->tune.last = u32_max(t->tune.last, (uint32_t)taken);
	if (want > t->rcvbuf && t->rcvbuf < l->cfg.rcvbuf_max)
		t->rcvbuf = want < l->cfg.rcvbuf_max ? (uint32_t)want : l->cfg.rcvbuf_max;
	tcp_tune_begin(l, t);
}

void tcp_tune_send(struct tcp_layer *l, struct tcp *t)
{
	if (t->sndbuf_fixed || t->sndbuf >= l->cfg.sndbuf_max)
		return;
	uint32_t want = u32_min(t->cwnd, TCP_BUF_MAX / 2) * 2u;
	t->sndbuf = u32_max(t->sndbuf, u32_min(want, l->cfg.sndbuf_max));
}

void tcp_set_rcvbuf(struct tcp *t, uint32_t bytes)
{
	t->rcvbuf = bytes;
	t->rcvbuf_fixed = true;
}

void tcp_set_sndbuf(struct tcp *t, uint32_t bytes)
{
	t->sndbuf = bytes;
	t->sndbuf_fixed = true;
}
