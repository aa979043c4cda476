/* The timers of a connection. All share one node in the stack's queue, which knows the earliest; see base/timer.h. */
#include "transport/tcp_internal.h"

const char *const tcp_timer_names[TCP_TIMERS] = {
        [TCP_TIMER_RETRANSMIT] = "retransmit",
        [TCP_TIMER_PERSIST] = "persist",
        [TCP_TIMER_DELACK] = "delayed-ack",
        [TCP_TIMER_REORDER] = "reorder",
        [TCP_TIMER_PROBE] = "loss-probe",
        [TCP_TIMER_KEEPALIVE] = "keepalive",
        [TCP_TIMER_CORK] = "cork",
        [TCP_TIMER_WAIT] = "wait",
};
_Static_assert(ARRAY_LEN(tcp_timer_names) == TCP_TIMERS, "every timer has a name");

static instant earliest(const struct tcp *t)
{
	instant e = t->deadline[0];

	for (int i = 1; i < TCP_TIMERS; i++)
		e = instant_min(e, t->deadline[i]);
	return e;
}

void tcp_timer_set(struct tcp_layer *l, struct tcp *t, enum tcp_timer which, duration in)
{
	t->deadline[which] = instant_add(l->env->now, in);
	timer_update(l->timers, &t->timer, earliest(t));
}

/* The node keeps its place: when it comes up, tcp_timer_run finds nothing due and sets the next. */
void tcp_timer_stop(struct tcp *t, enum tcp_timer which)
{
	t->deadline[which] = INSTANT_NEVER;
	t->timer.deadline = earliest(t);
}

void tcp_timers_stop(struct tcp *t)
{
	for (int i = 0; i < TCP_TIMERS; i++)
		t->deadline[i] = INSTANT_NEVER;
	t->timer.deadline = INSTANT_NEVER;
}

void tcp_rearm(struct tcp_layer *l, struct tcp *t)
{
	if (t->txq.count && (t->snd.wnd || t->txq.count > 1 || !tcp_timer_on(t, TCP_TIMER_PERSIST))) {
		/* RFC 6298 5.1, 5.3 */
		tcp_timer_stop(t, TCP_TIMER_PERSIST);
		tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, tcp_user_timeout_clamp(l, t, tcp_rto_backed_off(l, t)));
		return;
	}
	/* RFC 6298 5.2: nothing outstanding. */
	if (!t->txq.count)
		tcp_timer_stop(t, TCP_TIMER_RETRANSMIT);
	/* RFC 9293 3.8.6.1: data wait, and the window is zero. */
	/* RFC 9293 3.8.6.2.1: text waits for the override, whatever arrives meanwhile. */
	if (t->snd.wnd && !t->txq.count && tcp_unsent(t) && tcp_timer_on(t, TCP_TIMER_PERSIST) &&
	    tcp_synchronized(t->state))
		return;
	bool blocked = t->snd.wnd == 0 && (tcp_unsent(t) || (t->fin_owed && !t->fin_sent) || t->txq.count);
	if (!blocked || !tcp_synchronized(t->state)) {
		tcp_timer_stop(t, TCP_TIMER_PERSIST);
		if (!t->txq.count)
			t->retries = 0;
	} else if (!tcp_timer_on(t, TCP_TIMER_PERSIST)) {
		tcp_timer_set(l, t, TCP_TIMER_PERSIST, tcp_user_timeout_clamp(l, t, tcp_rto_backed_off(l, t)));
	}
}

/* How many expiries in a row end the connection (RFC 9293 3.8.3, R2). */
static uint8_t retry_limit(const struct tcp_layer *l, const struct tcp *t)
{
	if (!tcp_synchronized(t->state))
		return t->knob.syn_retries;
	return t->orphan ? l->cfg.orphan_retries : l->cfg.retries;
}

/* RFC 9293 3.8.3: text has stayed unacknowledged for longer than the user allows. */
static void give_up_user_timeout(struct tcp_layer *l, struct tcp *t)
{
	COUNT(l->cnt, TcpUserTimeouts);
	if (tcp_synchronized(t->state))
		tcp_send_reset(l, t, "user timeout");
	tcp_end(l, t, t->soft_error ? t->soft_error : ETIMEDOUT, "user timeout");
}

static void retransmit_timeout(struct tcp_layer *l, struct tcp *t)
{
	if (instant_le(t->deadline[TCP_TIMER_PROBE], l->env->now) && !tcp_user_timed_out(l, t)) {
		/* RFC 8985 7.2: a loss probe due by now comes first; it takes the timer with it. */
		tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, tcp_user_timeout_clamp(l, t, tcp_rto_backed_off(l, t)));
		return;
	}
	COUNT(l->cnt, TcpExtTCPTimeouts);
	if (tcp_user_timed_out(l, t)) {
		give_up_user_timeout(l, t);
		return;
	}
	if (!t->user_timeout.ns && t->retries >= retry_limit(l, t)) {
		COUNT(l->cnt, TcpRetransmitDrops);
		if (tcp_synchronized(t->state))
			tcp_send_reset(l, t, "too many retransmissions");
		tcp_end(l, t, t->soft_error ? t->soft_error : ETIMEDOUT, "too many retransmissions");
		return;
	}
	if (t->retries < UINT8_MAX)
		t->retries++;
	if (t->backoff < UINT8_MAX)
		t->backoff++;
	if (t->retries == TCP_R1) {
		/* RFC 9293 3.8.3 (b), (e): IP may know a better way, and the application hears of the trouble. */
		ip_advise_dead(l->ip, t->pcb.remote.addr);
		tcp_soft_error(l, t, t->soft_error ? t->soft_error : ETIMEDOUT);
	}
	if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED) {
		t->syn_owed = true;
	} else {
		tcp_path_timeout(l, t);
		tcp_mtup_timeout(l, t);
		tcp_loss_timeout(t);
	}
	/* RFC 6298 5.7: a lost SYN makes the RTO start again at 3 s once established; see tcp_established. */
	tcp_timer_stop(t, TCP_TIMER_REORDER);
	tcp_timer_stop(t, TCP_TIMER_PROBE);
	tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, tcp_user_timeout_clamp(l, t, tcp_rto_backed_off(l, t)));
	tcp_output_wanted(l, t);
}

static void persist_timeout(struct tcp_layer *l, struct tcp *t)
{
	/* RFC 9293 3.8.6.1, MUST-37: a connection that is owned is probed as long as the peer answers; an orphan is
	 * not. */
	if (tcp_user_timed_out(l, t)) {
		give_up_user_timeout(l, t);
		return;
	}
	if (t->orphan && t->retries >= l->cfg.orphan_retries) {
		COUNT(l->cnt, TcpPersistDrops);
		tcp_send_reset(l, t, "orphan facing a zero window");
		tcp_end(l, t, ETIMEDOUT, "orphan facing a zero window");
		return;
	}
	if (t->retries < UINT8_MAX)
		t->retries++;
	if (t->backoff < UINT8_MAX)
		t->backoff++;
	t->persist_owed = true;
	tcp_timer_set(l, t, TCP_TIMER_PERSIST, tcp_user_timeout_clamp(l, t, tcp_rto_backed_off(l, t)));
	tcp_output_wanted(l, t);
}

static void wait_timeout(struct tcp_layer *l, struct tcp *t)
{
	if (t->state == TCP_FIN_WAIT_2)
		COUNT(l->cnt, TcpAbortOnOrphan);
	tcp_end(l, t, 0, t->state == TCP_TIME_WAIT ? "2 MSL are over" : "orphan waited long enough for a FIN");
}

static void run_one(struct tcp_layer *l, struct tcp *t, enum tcp_timer which)
{
	switch (which) {
	case TCP_TIMER_RETRANSMIT:
		retransmit_timeout(l, t);
		break;
	case TCP_TIMER_PERSIST:
		persist_timeout(l, t);
		break;
	case TCP_TIMER_DELACK:
		COUNT(l->cnt, TcpExtDelayedACKs);
		t->ack_owed = true;
		tcp_output_wanted(l, t);
		break;
	case TCP_TIMER_REORDER:
		tcp_reorder_timer(l, t);
		break;
	case TCP_TIMER_PROBE:
		t->probe_owed = true;
		tcp_output_wanted(l, t);
		break;
	case TCP_TIMER_KEEPALIVE:
		tcp_keepalive_timeout(l, t);
		break;
	case TCP_TIMER_CORK:
		tcp_cork_timeout(l, t);
		break;
	case TCP_TIMER_WAIT:
		wait_timeout(l, t);
		break;
	case TCP_TIMERS:
		break;
	}
}

void tcp_timer_run(struct tcp_layer *l, struct tcp *t)
{
	for (int i = 0; i < TCP_TIMERS; i++) {
		if (!instant_le(t->deadline[i], l->env->now))
			continue;
		t->deadline[i] = INSTANT_NEVER;
		run_one(l, t, (enum tcp_timer)i);
	}
	timer_update(l->timers, &t->timer, earliest(t));
}
