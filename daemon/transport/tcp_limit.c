/* What holds the sender back, and for how long: nothing to send, the network, the peer's window, or our send buffer.
 *
 * The condition is judged when output has nothing more to send, which is after every ACK and every write, and when the
 * application finds no room; the time until the next judgement counts for it. */
#include "transport/tcp_internal.h"

static enum tcp_limit limit_of(const struct tcp *t)
{
	if (!t->snd_ring.len || !tcp_synchronized(t->state))
		return TCP_LIMIT_IDLE;
	uint32_t unsent = tcp_unsent(t);
	if (!unsent)
		return t->writable_wanted ? TCP_LIMIT_SNDBUF : TCP_LIMIT_BUSY;
	seq32 edge = seq_add(t->snd.una, t->snd.wnd);
	uint32_t usable = seq_lt(t->snd.nxt, edge) ? seq_len(t->snd.nxt, edge) : 0;
	uint32_t wanted = u32_min(unsent, t->snd.mss);
	return usable < wanted && tcp_cc_room(t) >= wanted ? TCP_LIMIT_RWND : TCP_LIMIT_BUSY;
}

void tcp_limit_judge(const struct tcp_layer *l, struct tcp *t)
{
	enum tcp_limit now = limit_of(t);

	if (now == t->limit.now)
		return;
	t->limit.spent[t->limit.now].ns += instant_since(l->env->now, t->limit.since).ns;
	t->limit.now = now;
	t->limit.since = l->env->now;
}

duration tcp_limited(const struct tcp_layer *l, const struct tcp *t, enum tcp_limit by)
{
	duration d = t->limit.spent[by];

	if (t->limit.now == by && t->state != TCP_CLOSED)
		d.ns += instant_since(l->env->now, t->limit.since).ns;
	return d;
}
