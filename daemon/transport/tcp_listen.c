/* Passive opens: a listener, its children in SYN-RECEIVED, and the queue of those that wait for accept.
 *
 * A SYN allocates a child at once (RFC 9293 3.10.7.2). It is linked into listener->children until the handshake is
 * complete, then into listener->accept_queue; accept takes it out. When the accept queue is full a SYN is dropped, and
 * so is the ACK that would complete a handshake: the peer sends again, and the child's SYN-ACK timer goes on. */
#include "transport/tcp_internal.h"

static uint8_t *put_endpoint(uint8_t *p, const struct endpoint *e)
{
	memcpy(p, e->addr.b, sizeof(e->addr.b));
	store_be16(p + sizeof(e->addr.b), e->port);
	return p + sizeof(e->addr.b) + 2;
}

static uint32_t keyed(struct tcp_layer *l, const struct tcp *t, uint8_t purpose)
{
	uint8_t in[2 * (16 + 2) + 1], *p = in;

	p = put_endpoint(p, &t->pcb.local);
	p = put_endpoint(p, &t->pcb.remote);
	*p = purpose;
	return (uint32_t)siphash(&l->isn_key, in, sizeof(in));
}

/* RFC 6528 3: ISN = M + F(localip, localport, remoteip, remoteport, secret); M ticks every 4 microseconds. */
seq32 tcp_isn(struct tcp_layer *l, const struct tcp *t)
{
	uint32_t m = (uint32_t)(l->env->now.ns / (4 * NS_PER_US));

	return seq_of(m + keyed(l, t, 0));
}

/* RFC 7323 7.1: a random offset for each connection. The same for all of one 4-tuple, so that RFC 6191 works. */
uint32_t tcp_ts_offset(struct tcp_layer *l, const struct tcp *t)
{
	return keyed(l, t, 1);
}

void tcp_child_unlink(struct tcp *t)
{
	struct tcp *parent = t->parent;

	list_remove(&t->accept_link);
	if (t->embryonic)
		parent->syn_count--;
	else
		parent->accept_count--;
	t->embryonic = false;
	t->parent = NULL;
}

bool tcp_child_ready(struct tcp_layer *l, struct tcp *t)
{
	struct tcp *parent = t->parent;

	if (parent->accept_count >= parent->backlog) {
		COUNT(l->cnt, TcpExtListenOverflows);
		return false;
	}
	list_remove(&t->accept_link);
	parent->syn_count--;
	t->embryonic = false;
	list_push_back(&parent->accept_queue, &t->accept_link);
	parent->accept_count++;
	l->up.event(l->up.ctx, parent, TCP_EVENT_ACCEPT);
	return true;
}

struct tcp *tcp_accept(struct tcp_layer *l, struct tcp *listener)
{
	(void)l;
	if (list_empty(&listener->accept_queue))
		return NULL;
	struct tcp *t = list_entry(listener->accept_queue.next, struct tcp, accept_link);
	tcp_child_unlink(t);
	return t;
}

static void inherit(struct tcp *t, const struct tcp *listener)
{
	t->parent = NULL;
	t->rcvbuf = listener->rcvbuf;
	t->sndbuf = listener->sndbuf;
	t->rcvbuf_fixed = listener->rcvbuf_fixed;
	t->sndbuf_fixed = listener->sndbuf_fixed;
	t->nodelay = listener->nodelay;
	t->cc = listener->cc;
	t->keepalive = listener->keepalive;
	t->keep_idle = listener->keep_idle;
	t->keep_interval = listener->keep_interval;
	t->keep_count = listener->keep_count;
	t->user_timeout = listener->user_timeout;
	t->ttl = listener->ttl;
	t->tos = listener->tos;
	t->user_mss = listener->user_mss;
	t->route = listener->route;
	t->route_given = listener->route_given;
	t->passive = true;
	t->cork = listener->cork;
	t->knob = listener->knob;
	t->rcv.mss = listener->rcv.mss;
	t->rcv.wind_shift = tcp_window_shift(t);
	t->pcb.reuse_addr = listener->pcb.reuse_addr;
	t->pcb.reuse_port = listener->pcb.reuse_port;
}

struct tcp *tcp_child_new(struct tcp_layer *l, struct tcp *listener, const struct tcp_seg *syn, seq32 iss)
{
	struct tcp *t = l->up.child(l->up.ctx, listener);

	if (!t) {
		TCP_DROP(l, listener, TcpListenNoMemory);
		return NULL;
	}
	inherit(t, listener);
	if (pcb_accept(&l->pcbs, &t->pcb, syn->local, syn->remote) != 0) {
		TCP_DROP(l, listener, TcpListenNoMemory);
		l->up.closed(l->up.ctx, t);
		return NULL;
	}
	t->ts_offset = tcp_ts_offset(l, t);
	t->snd.iss = iss;
	t->snd.una = t->snd.nxt = t->snd.up = t->fack = iss;
	t->snd.head = seq_add(iss, 1);
	t->parent = listener;
	t->embryonic = true;
	list_push_back(&listener->children, &t->accept_link);
	listener->syn_count++;
	tcp_set_state(l, t, TCP_SYN_RECEIVED, "SYN to a listener");
	tcp_learn_route(l, t, syn);
	tcp_learn_syn(l, t, syn);
	t->last_received = l->env->now;
	t->segs_in = 1;
	COUNT(l->cnt, TcpPassiveOpens);
	return t;
}

static void open_child(struct tcp_layer *l, struct tcp *listener, const struct tcp_seg *g)
{
	seq32 iss = tcp_isn(l, &(struct tcp){.pcb = {.local = g->local, .remote = g->remote}});

	if (g->reopens)
		iss = seq_max(iss, g->iss_least);
	struct tcp *t = tcp_child_new(l, listener, g, iss);
	if (!t)
		return;
	if (g->text_len && listener->syn_count <= TCP_SYN_TEXT_MAX) {
		/* RFC 9293 3.10.7.2, third: other controls and text are processed in SYN-RECEIVED. No window was
		 * offered yet; what the SYN-ACK will offer is taken. */
		t->rcv.adv = seq_add(t->rcv.nxt, u32_min(tcp_rcv_wnd(t), UINT16_MAX));
		tcp_syn_text(l, t, g);
	}
	t->syn_owed = true;
	tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, l->cfg.rto_initial);
	tcp_output_wanted(l, t);
}

bool tcp_listen_room(const struct tcp *t)
{
	return t->accept_count < t->backlog && t->syn_count < u32_max(t->backlog, TCP_SYN_QUEUE_MIN);
}

/* RFC 9293 3.10.7.2 */
void tcp_listen_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (g->flags & TCP_RST) {
		TCP_DROP(l, t, TcpInBadReset);
		return;
	}
	if (g->flags & TCP_ACK) {
		if (tcp_cookie_open(l, t, g))
			return;
		TCP_DROP(l, t, TcpInBadAck);
		tcp_reset_reply(l, g, "ACK to a listener");
		return;
	}
	/* A SYN with FIN opens nothing that a correct peer would ask for. */
	if (!(g->flags & TCP_SYN) || (g->flags & TCP_FIN)) {
		TCP_DROP(l, t, TcpInBadState);
		return;
	}
	if (t->accept_count >= t->backlog) {
		TCP_DROP(l, t, TcpExtListenOverflows);
		return;
	}
	if (!tcp_listen_room(t)) {
		if (l->cfg.syn_cookies)
			tcp_cookie_answer(l, t, g);
		else
			TCP_DROP(l, t, TcpExtTCPReqQFullDrop);
		return;
	}
	open_child(l, t, g);
}

/* RFC 9293 3.10.4: outstanding children of a closed listener are reset. */
void tcp_listener_close(struct tcp_layer *l, struct tcp *t)
{
	list_for_each_safe(it, tmp, &t->children) tcp_abort(l, list_entry(it, struct tcp, accept_link), ECONNRESET);
	list_for_each_safe(it2, tmp2, &t->accept_queue)
	        tcp_abort(l, list_entry(it2, struct tcp, accept_link), ECONNRESET);
	tcp_end(l, t, 0, "listener closed");
}
