/* CUBIC (RFC 9438): the congestion window as a cubic function of the time since the last congestion event.
 *
 * Arithmetic is in bytes and milliseconds. C = 0.4 segments/s^3 and beta = 0.7. Section numbers are those of the RFC.
 */
#include "transport/tcp_internal.h"

#define BETA_NUM    7u /* 4.6: beta = 0.7 */
#define BETA_DEN    10u
#define FAST_NUM    17u /* 4.7: (1 + beta) / 2 */
#define FAST_DEN    20u
#define ALPHA_NUM   9u /* 4.3: 3 (1 - beta) / (1 + beta) = 9/17 */
#define ALPHA_DEN   17u
#define T_MAX_MS    50000 /* beyond it the cube leaves 64 bits; the window has long met its bound */
#define W_EST_SCALE 1024u

/* Largest r with r^3 <= x. */
static uint32_t cube_root(uint64_t x)
{
	uint64_t r = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t c = r | UINT64_C(1) << bit;
		if (c * c * c <= x)
			r = c;
	}
	return (uint32_t)r;
}

/* 4.2, Figure 1: W_cubic(t) = C (t - K)^3 + W_max; t in ms since the epoch. */
static uint32_t w_cubic(const struct tcp *t, int64_t ms)
{
	int64_t d = ms - t->cubic.k_ms;

	d = d > T_MAX_MS ? T_MAX_MS : d < -T_MAX_MS ? -T_MAX_MS : d;
	/* 0.4 * mss * (d / 1000)^3, without losing the low digits of small d */
	int64_t delta = d * d * d / 1000 * 4 * t->snd.mss / 10000000;
	int64_t w = (int64_t)t->cubic.w_max + delta;
	return w < 0 ? 0 : w > TCP_BUF_MAX ? TCP_BUF_MAX : (uint32_t)w;
}

static void epoch_begin(struct tcp *t, instant now)
{
	t->cubic.epoch = now;
	t->cubic.w_est = (uint64_t)t->cwnd * W_EST_SCALE;
	t->cubic.credit = 0;
	if (t->cubic.w_max <= t->cwnd) { /* 4.2: K is 0 when the window already stands above */
		t->cubic.w_max = t->cwnd;
		t->cubic.k_ms = 0;
		return;
	}
	/* 4.2, Figure 2: K = cbrt((W_max - cwnd_epoch) / C), here in ms: cbrt(segments * 2.5e9) */
	t->cubic.k_ms = cube_root((uint64_t)(t->cubic.w_max - t->cwnd) * UINT64_C(2500000000) / t->snd.mss);
}

static uint32_t reno_friendly(struct tcp *t, uint32_t bytes)
{
	bool as_reno = t->cubic.w_est >= (uint64_t)t->cubic.cwnd_prior * W_EST_SCALE;
	uint64_t step = (uint64_t)bytes * t->snd.mss * W_EST_SCALE / t->cwnd;

	/* 4.3, Figure 4 */
	t->cubic.w_est += as_reno ? step : step * ALPHA_NUM / ALPHA_DEN;
	uint64_t w = t->cubic.w_est / W_EST_SCALE;
	return w > TCP_BUF_MAX ? TCP_BUF_MAX : (uint32_t)w;
}

void tcp_cubic_paused(struct tcp *t)
{
	t->cubic.paused = true;
}

/* 5.8: t does not count the time in which the application, not the window, was the limit. */
static void leave_out_the_pause(struct tcp *t, instant now)
{
	if (t->cubic.paused && !instant_is_never(t->cubic.epoch))
		t->cubic.epoch = instant_add(t->cubic.epoch, instant_since(now, t->cubic.counted));
	t->cubic.paused = false;
	t->cubic.counted = now;
}

void tcp_cubic_avoidance(struct tcp *t, uint32_t bytes)
{
	instant now = t->last_received; /* the ACK that is being processed */

	leave_out_the_pause(t, now);
	if (instant_is_never(t->cubic.epoch))
		epoch_begin(t, now);
	int64_t ms = instant_since(now, t->cubic.epoch).ns / NS_PER_MS;
	uint32_t estimate = reno_friendly(t, bytes);
	if (w_cubic(t, ms) < estimate) {
		t->cwnd = u32_max(t->cwnd, estimate);
		return;
	}
	/* 4.2: target = W_cubic(t + RTT), within [cwnd, 1.5 cwnd]; 4.4, 4.5: cwnd grows by (target - cwnd) / cwnd a
	 * segment */
	uint32_t target = w_cubic(t, ms + t->srtt.ns / NS_PER_MS);
	target = u32_min(u32_max(target, t->cwnd), t->cwnd + t->cwnd / 2);
	t->cubic.credit += (uint64_t)bytes * (target - t->cwnd);
	uint32_t step = (uint32_t)(t->cubic.credit / t->cwnd);
	t->cubic.credit -= (uint64_t)step * t->cwnd;
	t->cwnd += step;
}

uint32_t tcp_cubic_ssthresh(struct tcp *t)
{
	uint32_t flight = u32_min(tcp_flight_size(t), t->cwnd);

	t->cubic.cwnd_prior = t->cwnd;
	/* 4.7: fast convergence */
	t->cubic.w_max = t->cwnd < t->cubic.w_max ? (uint32_t)((uint64_t)t->cwnd * FAST_NUM / FAST_DEN) : t->cwnd;
	t->cubic.epoch = INSTANT_NEVER;
	return u32_max((uint32_t)((uint64_t)flight * BETA_NUM / BETA_DEN), 2u * t->snd.mss);
}

void tcp_cubic_reset(struct tcp *t)
{
	memset(&t->cubic, 0, sizeof(t->cubic));
	t->cubic.epoch = INSTANT_NEVER;
}
