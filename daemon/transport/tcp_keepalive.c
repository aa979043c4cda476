/* Keep-alives (RFC 9293 3.8.4) and the user timeout (RFC 9293 3.8.3, RFC 5482).
 *
 * Keep-alives are off unless SO_KEEPALIVE is set. The timer is not moved by each segment: when it fires, the time of
 * the last segment received that was acceptable (a stranger's is not) tells whether the connection was idle, and the
 * timer is set to when it will have been. A
 * probe is <SEQ=SND.NXT-1><ACK=RCV.NXT><CTL=ACK> without text; any answer ends the series.
 *
 * The user timeout bounds the time that text may stay unacknowledged; while it is 0 the number of retries does. */
#include "transport/tcp_internal.h"

void tcp_keepalive_arm(struct tcp_layer *l, struct tcp *t)
{
	t->keep_probes = 0;
	if (t->keepalive && tcp_synchronized(t->state) && t->state != TCP_TIME_WAIT)
		tcp_timer_set(l, t, TCP_TIMER_KEEPALIVE, t->keep_idle);
	else
		tcp_timer_stop(t, TCP_TIMER_KEEPALIVE);
}

void tcp_keepalive_timeout(struct tcp_layer *l, struct tcp *t)
{
	if (!t->keepalive || !tcp_synchronized(t->state) || t->state == TCP_TIME_WAIT)
		return;
	duration idle = instant_since(l->env->now, t->alive);
	/* MUST-26: only when nothing has come for the interval; while text is outstanding, its own timer decides. */
	if (t->keep_probes == 0 && duration_lt(idle, t->keep_idle)) {
		tcp_timer_set(l, t, TCP_TIMER_KEEPALIVE, (duration){t->keep_idle.ns - idle.ns});
		return;
	}
	if (t->txq.count || tcp_unsent(t)) {
		tcp_timer_set(l, t, TCP_TIMER_KEEPALIVE, t->keep_idle);
		return;
	}
	/* MUST-29: one probe without an answer says nothing; a series of them does. */
	bool given_up = t->user_timeout.ns ? t->keep_probes > 0 && duration_lt(t->user_timeout, idle)
	                                   : t->keep_probes >= t->keep_count;
	if (given_up) {
		COUNT(l->cnt, TcpKeepaliveDrops);
		tcp_send_reset(l, t, "no answer to keep-alive probes");
		tcp_end(l, t, ETIMEDOUT, "no answer to keep-alive probes");
		return;
	}
	t->keep_probes++;
	t->keepalive_owed = true;
	tcp_output_wanted(l, t);
	tcp_timer_set(l, t, TCP_TIMER_KEEPALIVE, t->keep_interval);
}

bool tcp_user_timed_out(const struct tcp_layer *l, const struct tcp *t)
{
	return t->user_timeout.ns && !instant_lt(l->env->now, instant_add(t->progress, t->user_timeout));
}

duration tcp_user_timeout_clamp(const struct tcp_layer *l, const struct tcp *t, duration d)
{
	if (!t->user_timeout.ns)
		return d;
	duration left = instant_since(instant_add(t->progress, t->user_timeout), l->env->now);
	return left.ns <= 0 ? (duration){0} : duration_min(d, left);
}

void tcp_set_keepalive(struct tcp_layer *l, struct tcp *t, bool on)
{
	t->keepalive = on;
	tcp_keepalive_arm(l, t);
}

void tcp_set_keep_idle(struct tcp_layer *l, struct tcp *t, duration idle)
{
	t->keep_idle = idle;
	tcp_keepalive_arm(l, t);
}
