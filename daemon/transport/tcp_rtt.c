/* Round-trip time and retransmission timeout (RFC 6298). */
#include "transport/tcp_internal.h"

#define RTT_MIN_WINDOW DURATION_S(300) /* RFC 8985 6.1: paths change, so the minimum is that of some minutes */

/* RFC 6298 2.2, 2.3: alpha = 1/8, beta = 1/4, K = 4. Its clock granularity G is below the resolution that matters here.
 */
void tcp_rtt_sample(struct tcp_layer *l, struct tcp *t, duration rtt)
{
	if (rtt.ns < NS_PER_US)
		rtt.ns = NS_PER_US;
	tcp_hystart_rtt(t, rtt);
	if (!t->rtt_valid) {
		t->srtt = rtt;
		t->rttvar.ns = rtt.ns / 2;
		t->rtt_min = rtt;
		t->rtt_min_at = l->env->now;
		t->rtt_valid = true;
	} else {
		int64_t err = t->srtt.ns - rtt.ns;
		t->rttvar.ns += ((err < 0 ? -err : err) - t->rttvar.ns) / 4;
		t->srtt.ns -= err / 8;
		if (!duration_lt(t->rtt_min, rtt) ||
		    duration_lt(RTT_MIN_WINDOW, instant_since(l->env->now, t->rtt_min_at))) {
			t->rtt_min = rtt;
			t->rtt_min_at = l->env->now;
		}
	}
	/* The floor stands on top of SRTT, not below the sum: on a long and steady path the sum comes close to SRTT,
	 * and neither a delayed ACK nor a tail loss probe (RFC 8985 7.2) would have its time. */
	duration margin = duration_max((duration){4 * t->rttvar.ns}, l->cfg.rto_min);
	t->rto = duration_min((duration){t->srtt.ns + margin.ns}, l->cfg.rto_max);
}

/* RFC 6298 5.5: doubled at each expiry, up to the maximum. */
duration tcp_rto_backed_off(const struct tcp_layer *l, const struct tcp *t)
{
	duration d = t->rto;

	for (unsigned i = 0; i < t->backoff && duration_lt(d, l->cfg.rto_max); i++)
		d.ns *= 2;
	return duration_min(d, l->cfg.rto_max);
}
