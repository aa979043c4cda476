/* HyStart++ (RFC 9406): slow start that ends when the round-trip time grows, before the queue overflows.
 *
 * Rounds are counted by sequence number. While the smallest RTT of a round exceeds that of the round before by a
 * threshold, slow start gives way to Conservative Slow Start (CSS), which grows at a quarter of the pace for five
 * rounds and then sets ssthresh; when the RTT falls again in that time, the rise was spurious and slow start goes on.
 */
#include "transport/tcp_internal.h"

#define MIN_RTT_THRESH     DURATION_MS(4)
#define MAX_RTT_THRESH     DURATION_MS(16)
#define MIN_RTT_DIVISOR    8
#define N_RTT_SAMPLE       8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS         5

static const duration infinite = {INT64_MAX};

void tcp_hystart_reset(struct tcp *t)
{
	t->hystart.last_min = t->hystart.current_min = t->hystart.css_baseline = infinite;
	t->hystart.samples = t->hystart.css_rounds = 0;
	t->hystart.css = false;
	t->hystart.round_end = t->snd.nxt;
}

void tcp_hystart_rtt(struct tcp *t, duration rtt)
{
	if (t->ssthresh != UINT32_MAX)
		return;
	t->hystart.current_min = duration_min(t->hystart.current_min, rtt);
	if (t->hystart.samples < UINT8_MAX)
		t->hystart.samples++;
}

static void round_ended(struct tcp *t)
{
	t->hystart.last_min = t->hystart.current_min;
	t->hystart.current_min = infinite;
	t->hystart.samples = 0;
	t->hystart.round_end = t->snd.nxt;
	if (t->hystart.css && ++t->hystart.css_rounds >= CSS_ROUNDS) {
		t->ssthresh = t->cwnd;
		t->hystart.css = false;
	}
}

static bool known(duration d)
{
	return d.ns != infinite.ns;
}

static void look_at_delay(struct tcp *t)
{
	if (t->hystart.samples < N_RTT_SAMPLE)
		return;
	if (t->hystart.css) {
		if (duration_lt(t->hystart.current_min, t->hystart.css_baseline)) {
			t->hystart.css = false;
			t->hystart.css_baseline = infinite;
		}
		return;
	}
	if (!known(t->hystart.last_min) || !known(t->hystart.current_min))
		return;
	duration thresh = {t->hystart.last_min.ns / MIN_RTT_DIVISOR};
	thresh = duration_max(MIN_RTT_THRESH, duration_min(thresh, MAX_RTT_THRESH));
	if (t->hystart.current_min.ns >= t->hystart.last_min.ns + thresh.ns) {
		t->hystart.css_baseline = t->hystart.current_min;
		t->hystart.css = true;
		t->hystart.css_rounds = 0;
	}
}

uint32_t tcp_hystart_growth(struct tcp *t, uint32_t bytes)
{
	/* Only the first slow start is a search in the dark; later ones know ssthresh. */
	if (t->ssthresh != UINT32_MAX)
		return bytes;
	look_at_delay(t);
	uint32_t grow = t->hystart.css ? bytes / CSS_GROWTH_DIVISOR : bytes;
	if (seq_ge(t->snd.una, t->hystart.round_end))
		round_ended(t);
	return grow;
}
