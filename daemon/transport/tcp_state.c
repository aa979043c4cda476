/* The states of RFC 9293 3.3.2: which change into which, and the one function that changes them.
 *
 * The table is Figure 5 of RFC 9293 with what its text adds: every state may end in CLOSED (reset, abort, time-out),
 * SYN-SENT and SYN-RECEIVED may be closed before they are established, and a SYN that acknowledges ours passes from
 * SYN-SENT to ESTABLISHED at once. A transition that is not in the table is a bug of ours. */
#include "transport/tcp_internal.h"

const char *const tcp_state_names[TCP_STATES] = {
        [TCP_CLOSED] = "CLOSED",           [TCP_LISTEN] = "LISTEN",
        [TCP_SYN_SENT] = "SYN-SENT",       [TCP_SYN_RECEIVED] = "SYN-RECEIVED",
        [TCP_ESTABLISHED] = "ESTABLISHED", [TCP_FIN_WAIT_1] = "FIN-WAIT-1",
        [TCP_FIN_WAIT_2] = "FIN-WAIT-2",   [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
        [TCP_CLOSING] = "CLOSING",         [TCP_LAST_ACK] = "LAST-ACK",
        [TCP_TIME_WAIT] = "TIME-WAIT",
};
_Static_assert(ARRAY_LEN(tcp_state_names) == TCP_STATES, "every state has a name");

#define TO(s) (1u << TCP_##s)

static const struct {
	unsigned to;       /* states that may follow */
	bool synchronized; /* both sides know both sequence numbers */
	bool may_send;     /* the application may hand over text */
	bool may_receive;  /* text from the peer is expected */
} fact[TCP_STATES] = {
        [TCP_CLOSED] = {TO(LISTEN) | TO(SYN_SENT) | TO(SYN_RECEIVED), false, false, false},
        [TCP_LISTEN] = {TO(CLOSED), false, false, false},
        [TCP_SYN_SENT] = {TO(CLOSED) | TO(SYN_RECEIVED) | TO(ESTABLISHED), false, true, false},
        [TCP_SYN_RECEIVED] = {TO(CLOSED) | TO(ESTABLISHED) | TO(FIN_WAIT_1), false, true, false},
        [TCP_ESTABLISHED] = {TO(CLOSED) | TO(FIN_WAIT_1) | TO(CLOSE_WAIT), true, true, true},
        [TCP_FIN_WAIT_1] = {TO(CLOSED) | TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT), true, false, true},
        [TCP_FIN_WAIT_2] = {TO(CLOSED) | TO(TIME_WAIT), true, false, true},
        [TCP_CLOSE_WAIT] = {TO(CLOSED) | TO(LAST_ACK), true, true, false},
        [TCP_CLOSING] = {TO(CLOSED) | TO(TIME_WAIT), true, false, false},
        [TCP_LAST_ACK] = {TO(CLOSED), true, false, false},
        [TCP_TIME_WAIT] = {TO(CLOSED), true, false, false},
};
_Static_assert(ARRAY_LEN(fact) == TCP_STATES, "facts for every state");

/* How the block counts against the limits of orphans and of TIME-WAIT, and among the established. */
static void census(struct tcp_layer *l, const struct tcp *t, bool enter)
{
	uint32_t *count = t->state == TCP_TIME_WAIT ? &l->time_waits : &l->orphans;

	if (t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT) /* RFC 4022: tcpCurrEstab */
		l->established += enter ? 1u : UINT32_MAX;
	if (t->state == TCP_CLOSED || t->state == TCP_LISTEN || (t->state != TCP_TIME_WAIT && !t->orphan))
		return;
	if (enter)
		++*count;
	else
		--*count;
}

void tcp_census_enter(struct tcp_layer *l, const struct tcp *t)
{
	census(l, t, true);
}

void tcp_census_leave(struct tcp_layer *l, const struct tcp *t)
{
	census(l, t, false);
}

void tcp_disown(struct tcp_layer *l, struct tcp *t)
{
	census(l, t, false);
	t->orphan = true;
	census(l, t, true);
}

void tcp_set_state(struct tcp_layer *l, struct tcp *t, enum tcp_state to, const char *why)
{
	if (t->state == to)
		return;
	assert(fact[t->state].to & (1u << to));
	trace_emit(l->env, &(struct trace_event){.kind = TRACE_TRANSITION,
	                                         .socket = t->id,
	                                         .from = (uint8_t)t->state,
	                                         .to = (uint8_t)to,
	                                         .why = why});
	census(l, t, false);
	t->state = to;
	census(l, t, true);
}

bool tcp_synchronized(enum tcp_state s)
{
	return fact[s].synchronized;
}

bool tcp_sending_ended(const struct tcp *t)
{
	return t->state == TCP_CLOSED || t->state == TCP_LISTEN || t->state == TCP_FIN_WAIT_2 ||
	       t->state == TCP_TIME_WAIT;
}

bool tcp_may_send(const struct tcp *t)
{
	return fact[t->state].may_send;
}

bool tcp_may_receive(enum tcp_state s)
{
	return fact[s].may_receive;
}

/* What no state after the connection's end needs. The receive ring stays: the application may still read it. */
static void forget_sending(struct tcp_layer *l, struct tcp *t)
{
	tcp_timers_stop(t);
	txq_release(&t->txq, l->env);
	ring_release(&t->snd_ring, l->rings);
	t->pipe = t->lost = 0;
	t->syn_owed = t->fin_owed = t->persist_owed = t->retransmit_owed = t->probe_owed = false;
}

void tcp_end(struct tcp_layer *l, struct tcp *t, int error, const char *why)
{
	if (t->state == TCP_CLOSED)
		return;
	bool embryonic = t->embryonic;
	if (!tcp_synchronized(t->state) && t->state != TCP_LISTEN)
		COUNT(l->cnt, TcpAttemptFails);
	else if (t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT) /* RFC 4022: straight to CLOSED */
		COUNT(l->cnt, TcpEstabResets);
	forget_sending(l, t);
	list_remove(&t->out_link);
	t->ack_owed = false;
	/* A child that waits for accept stays in its queue: accept returns it, with its error. */
	if (embryonic)
		tcp_child_unlink(t);
	pcb_remove(&l->pcbs, &t->pcb);
	tcp_set_state(l, t, TCP_CLOSED, why);
	t->error = error;
	t->soft_error = 0;
	if (t->orphan || embryonic)
		l->up.closed(l->up.ctx, t);
	else if (error)
		l->up.event(l->up.ctx, t, TCP_EVENT_ERROR);
}

void tcp_enter_time_wait(struct tcp_layer *l, struct tcp *t)
{
	if (l->time_waits >= l->cfg.time_wait_max) {
		/* The peer gets its ACK; should that be lost, its FIN is answered with a reset, when it has all text.
		 */
		COUNT(l->cnt, TcpExtTCPTimeWaitOverflow);
		if (t->ack_owed)
			tcp_send_last_ack(l, t);
		tcp_end(l, t, 0, "too many connections are in TIME-WAIT");
		return;
	}
	COUNT(l->cnt, TcpExtTW);
	forget_sending(l, t);
	tcp_set_state(l, t, TCP_TIME_WAIT, "both FINs acknowledged");
	/* RFC 9293 3.6.1, MUST-13: linger for 2 MSL. */
	tcp_timer_set(l, t, TCP_TIMER_WAIT, t->knob.time_wait);
}
