/* The user's calls: OPEN, SEND, CLOSE, ABORT (RFC 9293 3.10.1 to 3.10.5), and what the sockets API adds. */
#include "transport/tcp_internal.h"

bool tcp_init(struct tcp_layer *l, struct env *env, struct counters *cnt, struct ip_layer *ip,
              struct timer_queue *timers, struct ring_pool *rings, const struct tcp_config *cfg, struct tcp_upcalls up)
{
	*l = (struct tcp_layer){
	        .env = env, .cnt = cnt, .ip = ip, .timers = timers, .rings = rings, .cfg = *cfg, .up = up};
	for (size_t i = 0; i < sizeof(l->isn_key.b); i++)
		l->isn_key.b[i] = (uint8_t)rng_u32(&env->rng);
	for (size_t i = 0; i < sizeof(l->cookie_key.b); i++)
		l->cookie_key.b[i] = (uint8_t)rng_u32(&env->rng);
	list_init(&l->out);
	list_init(&l->borrowers);
	if (!pcb_table_init(&l->pcbs, env))
		return false;
	ip_register(ip, IP_PROTO_TCP, (struct ip_handler){.input = tcp_input, .error = tcp_icmp_error, .ctx = l});
	return true;
}

void tcp_free(struct tcp_layer *l)
{
	env_free(l->env, l->arrival, l->arrival_capacity * sizeof(*l->arrival));
	pcb_table_free(&l->pcbs);
}

/* Smallest shift with which the largest buffer can be advertised. */
uint8_t tcp_window_shift(const struct tcp *t)
{
	uint8_t shift = 0;

	while (t->knob.window_scaling && shift < TCP_WIND_SHIFT_MAX && (TCP_BUF_MAX >> shift) > UINT16_MAX)
		shift++;
	return shift;
}

/* The MSS to advertise. */
static uint16_t advertised_mss(const struct tcp_layer *l, const struct tcp *t)
{
	uint32_t mss = (uint32_t)l->ip->cfg.mtu - IPV4_HDR_MIN - TCP_HDR_MIN;

	return (uint16_t)(t->user_mss ? u32_min(mss, t->user_mss) : mss);
}

/* The variables of a new incarnation; identity, buffers and options stay. */
void tcp_reset_variables(struct tcp_layer *l, struct tcp *t)
{
	memset(&t->snd, 0, sizeof(t->snd));
	memset(&t->rcv, 0, sizeof(t->rcv));
	t->rcv.mss = advertised_mss(l, t);
	t->rcv.wind_shift = tcp_window_shift(t);
	t->snd.mss = t->snd.mss_peer = TCP_MSS_DEFAULT;
	t->rto = l->cfg.rto_initial;
	t->srtt = t->rttvar = t->rtt_min = (duration){0};
	t->rtt_valid = false;
	t->recovery = TCP_OPEN;
	t->rack_sent = INSTANT_NEVER;
	t->reordering_seen = t->probe_owed = t->probe_out = t->retransmit_owed = false;
	t->backoff = t->retries = t->dupacks = 0;
	t->fin_owed = t->fin_sent = t->fin_received = t->ack_owed = t->syn_owed = t->persist_owed = false;
	t->cwnd_limited = t->input_shut = false;
	t->ts_ok = t->ws_ok = t->sack_ok = false;
	t->ecn_ok = t->ece_owed = t->cwr_owed = false;
	t->error = t->soft_error = 0;
	t->last_sent = t->last_received = t->alive = t->established_at = t->progress = INSTANT_NEVER;
	memset(&t->tune, 0, sizeof(t->tune));
	memset(&t->stat, 0, sizeof(t->stat));
	t->stat.data_sent = t->stat.data_received = t->stat.ack_received = INSTANT_NEVER;
	memset(&t->rate, 0, sizeof(t->rate));
	memset(&t->limit, 0, sizeof(t->limit));
	t->keepalive_owed = t->push_owed = false;
	t->quick_until = TCP_QUICK_ACKS;
	memset(&t->path, 0, sizeof(t->path));
	t->path.until = INSTANT_NEVER;
	t->path.sent_max = t->path.acked_max = IPV4_MTU_MIN;
	memset(&t->mtup, 0, sizeof(t->mtup));
	t->keep_probes = 0;
	memset(&t->undo, 0, sizeof(t->undo));
	t->frto = TCP_FRTO_OFF;
	tcp_cc_init(t);
}

void tcp_pcb_init(struct tcp_layer *l, struct tcp *t, uint64_t id)
{
	t->id = id;
	timer_node_init(&t->timer, id);
	list_init(&t->out_link);
	list_init(&t->borrow_link);
	list_init(&t->accept_queue);
	list_init(&t->accept_link);
	list_init(&t->children);
	t->cookies_until = INSTANT_NEVER;
	for (int i = 0; i < TCP_TIMERS; i++)
		t->deadline[i] = INSTANT_NEVER;
	t->rcvbuf = l->cfg.rcvbuf;
	t->sndbuf = l->cfg.sndbuf;
	t->ttl = l->ip->cfg.ttl;
	t->cc = l->cfg.cc;
	t->keepalive = l->cfg.keepalive;
	t->keep_idle = l->cfg.keep_idle;
	t->keep_interval = l->cfg.keep_interval;
	t->keep_count = l->cfg.keep_count;
	t->user_timeout = l->cfg.user_timeout;
	t->user_mss = l->cfg.max_segment;
	t->knob = (struct tcp_knobs){
	        .timestamps = l->cfg.timestamps,
	        .window_scaling = l->cfg.window_scaling,
	        .sack = l->cfg.sack,
	        .ecn = l->cfg.ecn,
	        .initial_window = l->cfg.initial_window,
	        .syn_retries = l->cfg.syn_retries,
	        .delack = l->cfg.delack,
	        .time_wait = l->cfg.time_wait,
	        .fin_wait_2 = l->cfg.fin_wait_2,
	};
	tcp_reset_variables(l, t);
}

void tcp_pcb_release(struct tcp_layer *l, struct tcp *t)
{
	if (t->parent)
		tcp_child_unlink(t);
	while (!list_empty(&t->children))
		tcp_child_unlink(list_entry(t->children.next, struct tcp, accept_link));
	while (!list_empty(&t->accept_queue))
		tcp_child_unlink(list_entry(t->accept_queue.next, struct tcp, accept_link));
	tcp_census_leave(l, t);
	tcp_timers_stop(t);
	timer_cancel(l->timers, &t->timer);
	list_remove(&t->out_link);
	txq_release(&t->txq, l->env);
	tcp_rcv_discard(l, t);
	ring_release(&t->snd_ring, l->rings);
	pcb_remove(&l->pcbs, &t->pcb);
}

static bool lingers_in_time_wait(const struct pcb *p)
{
	const struct tcp *t = (const struct tcp *)(const void *)p; /* pcb is the first member */

	return t->state == TCP_TIME_WAIT;
}

int tcp_bind(struct tcp_layer *l, struct tcp *t, struct endpoint local)
{
	if (t->state != TCP_CLOSED || t->pcb.bound)
		return EINVAL;
	if (!ip_is_unspecified(local.addr) && !ip_is_ours(l->ip, local.addr))
		return EADDRNOTAVAIL;
	if (local.port == 0)
		return pcb_bind_ephemeral(&l->pcbs, &t->pcb, local.addr, (struct endpoint){0});
	return pcb_bind(&l->pcbs, &t->pcb, local, lingers_in_time_wait);
}

static int connect_bind(struct tcp_layer *l, struct tcp *t, struct endpoint remote)
{
	struct ip_addr source;
	int e = ip_route_lookup(l->ip, remote.addr, &source, NULL);

	if (e)
		return e;
	/* RFC 1122 3.2.1.3 (g): 127/8 must not appear outside a host. */
	if (ip_is_loopback(t->pcb.local.addr) && !ip_is_ours(l->ip, remote.addr))
		return EINVAL;
	if (!t->pcb.bound) {
		e = pcb_bind_ephemeral(&l->pcbs, &t->pcb, source, remote);
		if (e)
			return e == EADDRINUSE ? EADDRNOTAVAIL : e; /* connect(2): no ephemeral port is free */
	}
	pcb_choose_source(&t->pcb, source);
	return pcb_connect(&l->pcbs, &t->pcb, remote);
}

/* RFC 9293 3.10.1, active OPEN. */
int tcp_connect(struct tcp_layer *l, struct tcp *t, struct endpoint remote)
{
	if (t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED)
		return EALREADY;
	if (t->state == TCP_LISTEN)
		return EOPNOTSUPP;
	if (t->state != TCP_CLOSED || !instant_is_never(t->established_at))
		return EISCONN;
	/* RFC 9293 3.9.2.3, MUST-46: no OPEN to a group. */
	if (ip_is_unspecified(remote.addr) || ip_is_multicast(remote.addr) || ip_is_broadcast(l->ip, remote.addr))
		return ENETUNREACH;
	if (remote.port == 0)
		return EADDRNOTAVAIL;
	int e = connect_bind(l, t, remote);
	if (e)
		return e;
	tcp_rcv_discard(l, t);
	tcp_reset_variables(l, t);
	t->ts_offset = tcp_ts_offset(l, t);
	t->snd.iss = tcp_isn(l, t);
	t->snd.una = t->snd.nxt = t->snd.up = t->fack = t->snd.iss;
	t->snd.head = seq_add(t->snd.iss, 1);
	tcp_update_mss(l, t);
	tcp_set_state(l, t, TCP_SYN_SENT, "connect");
	COUNT(l->cnt, TcpActiveOpens);
	t->syn_owed = true;
	tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, l->cfg.rto_initial);
	tcp_output_wanted(l, t);
	return EINPROGRESS;
}

int tcp_listen(struct tcp_layer *l, struct tcp *t, uint32_t backlog)
{
	if (t->state != TCP_CLOSED && t->state != TCP_LISTEN)
		return EINVAL;
	if (!instant_is_never(t->established_at))
		return EINVAL;
	if (!t->pcb.bound) {
		int e = tcp_bind(l, t, (struct endpoint){.addr = {.family = IP_V4}});
		if (e)
			return e;
	}
	if (t->state == TCP_CLOSED) {
		int e = pcb_listen(&l->pcbs, &t->pcb);
		if (e)
			return e;
	}
	t->backlog = u32_max(1, u32_min(backlog, l->cfg.backlog_max));
	tcp_set_state(l, t, TCP_LISTEN, "listen");
	return 0;
}

int tcp_send_reserve(struct tcp_layer *l, struct tcp *t, uint32_t want, struct iovec iov[2], int *error)
{
	if (!tcp_may_send(t) || t->fin_owed) {
		*error = t->error ? t->error : instant_is_never(t->established_at) ? ENOTCONN : EPIPE;
		return 0;
	}
	uint32_t free = t->snd_ring.len < t->sndbuf ? t->sndbuf - t->snd_ring.len : 0;
	want = u32_min(want, free);
	*error = EAGAIN;
	if (!want) {
		t->writable_wanted = true;
		tcp_limit_judge(l, t);
		return 0;
	}
	/* Grow in large steps only as far as the bytes at hand need it. */
	if (!ring_reserve(&t->snd_ring, l->rings, t->snd_ring.len + want, t->snd_ring.len)) {
		want = u32_min(want, t->snd_ring.size - t->snd_ring.len);
		if (!want) {
			*error = ENOBUFS;
			return 0;
		}
	}
	return ring_iov(&t->snd_ring, t->snd_ring.len, want, iov);
}

void tcp_send_commit(struct tcp_layer *l, struct tcp *t, uint32_t n)
{
	ring_commit(&t->snd_ring, n);
	if (t->snd_ring.len == 0)
		ring_release(&t->snd_ring, l->rings);
	else if (n)
		tcp_output_wanted(l, t);
}

/* RFC 9293 3.10.4, CLOSE: a FIN after the text. */
int tcp_shutdown_write(struct tcp_layer *l, struct tcp *t)
{
	switch (t->state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED: /* queued until established */
		t->fin_owed = true;
		return 0;
	case TCP_ESTABLISHED:
		t->fin_owed = true;
		tcp_set_state(l, t, TCP_FIN_WAIT_1, "closed for writing");
		break;
	case TCP_CLOSE_WAIT:
		t->fin_owed = true;
		tcp_set_state(l, t, TCP_LAST_ACK, "closed for writing");
		break;
	case TCP_CLOSED:
	case TCP_LISTEN:
		return ENOTCONN;
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
	case TCP_STATES:
		return 0;
	}
	tcp_output_wanted(l, t);
	return 0;
}

void tcp_shutdown_read(struct tcp_layer *l, struct tcp *t)
{
	t->input_shut = true;
	t->rcv.urgent = false;
	/* What lies beyond a gap may be forgotten, sacked or not (RFC 2018 8). */
	tcp_rcv_discard(l, t);
	tcp_check_eof(l, t);
	if (tcp_window_update_due(t))
		tcp_output_wanted(l, t);
}

/* A connection that the application has closed may not end in order: RST. */
static void close_with_reset(struct tcp_layer *l, struct tcp *t, const char *why)
{
	tcp_send_reset(l, t, why);
	tcp_end(l, t, ECONNRESET, why);
}

void tcp_close(struct tcp_layer *l, struct tcp *t, bool unread)
{
	tcp_disown(l, t);
	switch (t->state) {
	case TCP_CLOSED:
		l->up.closed(l->up.ctx, t);
		return;
	case TCP_LISTEN:
		tcp_listener_close(l, t);
		return;
	case TCP_SYN_SENT:
		tcp_end(l, t, 0, "closed before it was established");
		return;
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		break;
	case TCP_TIME_WAIT: /* the peer has ended: a reset would tell nobody, and would cut TIME-WAIT short */
		tcp_rcv_discard(l, t);
		t->rcv.held = 0;
		return;
	case TCP_STATES:
		return;
	}
	/* RFC 9293 3.6.1, RFC 2525 2.17: unread text is lost, and the peer must know. */
	if (unread || t->rcv_ring.len || t->rcv.borrowed) {
		COUNT(l->cnt, TcpExtTCPAbortOnClose);
		close_with_reset(l, t, "closed with unread text");
		return;
	}
	if (l->orphans > l->cfg.orphans_max) {
		COUNT(l->cnt, TcpExtTCPAbortOnMemory);
		close_with_reset(l, t, "too many orphans");
		return;
	}
	tcp_rcv_discard(l, t);
	t->rcv.held = 0;
	tcp_shutdown_write(l, t);
	if (t->state == TCP_FIN_WAIT_2)
		tcp_timer_set(l, t, TCP_TIMER_WAIT, t->knob.fin_wait_2);
}

/* RFC 9293 3.10.5 */
void tcp_abort(struct tcp_layer *l, struct tcp *t, int error)
{
	if (t->state == TCP_LISTEN) {
		tcp_disown(l, t);
		tcp_listener_close(l, t);
		return;
	}
	bool queued = t->parent && !t->embryonic;
	if (queued) {
		tcp_child_unlink(t);
		tcp_disown(l, t);
	}
	if (t->state == TCP_CLOSED) {
		if (t->orphan)
			l->up.closed(l->up.ctx, t);
		return;
	}
	/* In CLOSING, LAST-ACK and TIME-WAIT the peer has all it needs: no reset. */
	if (t->state == TCP_SYN_RECEIVED || t->state == TCP_ESTABLISHED || t->state == TCP_FIN_WAIT_1 ||
	    t->state == TCP_FIN_WAIT_2 || t->state == TCP_CLOSE_WAIT)
		tcp_send_reset(l, t, "aborted");
	tcp_end(l, t, error, "aborted");
}

/* All that waits goes now. */
static void push(struct tcp_layer *l, struct tcp *t)
{
	if (!tcp_unsent(t) || t->state == TCP_CLOSED)
		return;
	t->push_owed = true;
	t->push = seq_add(t->snd.head, t->snd_ring.len);
	tcp_output_wanted(l, t);
}

void tcp_set_nodelay(struct tcp_layer *l, struct tcp *t, bool on)
{
	t->nodelay = on;
	if (on) /* what Nagle, or a cork, held back */
		push(l, t);
}

void tcp_set_cork(struct tcp_layer *l, struct tcp *t, bool on)
{
	t->cork = on;
	if (!on)
		push(l, t);
}

void tcp_cork_timeout(struct tcp_layer *l, struct tcp *t)
{
	push(l, t);
}

void tcp_set_quickack(struct tcp_layer *l, struct tcp *t, bool on)
{
	t->quick_until = on ? t->segs_in + TCP_QUICK_ACKS : 0;
	if (!on || !tcp_timer_on(t, TCP_TIMER_DELACK))
		return;
	t->ack_owed = true;
	tcp_output_wanted(l, t);
}

bool tcp_quickack(const struct tcp *t)
{
	return t->segs_in < t->quick_until;
}

bool tcp_unopened(const struct tcp *t)
{
	return t->state == TCP_LISTEN || (t->state == TCP_CLOSED && instant_is_never(t->established_at));
}

int tcp_set_mss(struct tcp_layer *l, struct tcp *t, uint32_t mss)
{
	if (mss && (mss < TCP_MSS_MIN || mss > 65535))
		return EINVAL;
	t->user_mss = (uint16_t)mss;
	if (tcp_unopened(t))
		t->rcv.mss = advertised_mss(l, t);
	else if (t->state != TCP_CLOSED)
		tcp_update_mss(l, t);
	return 0;
}
