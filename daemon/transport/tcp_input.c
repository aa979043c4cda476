/* SEGMENT ARRIVES: RFC 9293 3.10.7, with RFC 5961 and RFC 7323, by state.
 *
 * A segment is parsed and verified once, at the edge, into a struct tcp_seg. Then the state chooses: nobody (3.10.7.1),
 * LISTEN (tcp_listen.c), SYN-SENT (3.10.7.3), or one of the others, which go through the eight checks of 3.10.7.4 in
 * order. */
#include "base/checksum.h"
#include "transport/tcp_internal.h"

void tcp_drop(struct tcp_layer *l, const struct tcp *t, enum counter reason)
{
	trace_emit(l->env, &(struct trace_event){.kind = TRACE_DROP, .reason = reason, .socket = t ? t->id : 0});
}

/* Bounded parse. False: malformed, counted. */
static bool parse(struct tcp_layer *l, const struct ip_rx *rx, struct tcp_seg *g)
{
	struct reader r = reader_of(rx->payload, rx->payload_len);

	/* RFC 9293 3.9.2.3, MUST-57: never to or from a group. */
	if (rx->group || ip_is_multicast(rx->src) || ip_is_broadcast(l->ip, rx->src)) {
		TCP_DROP(l, NULL, TcpInGroup);
		return false;
	}
	g->remote = (struct endpoint){rx->src, read_be16(&r)};
	g->local = (struct endpoint){rx->dst, read_be16(&r)};
	g->seq = seq_of(read_be32(&r));
	g->ack = seq_of(read_be32(&r));
	uint8_t offset = read_u8(&r);
	g->flags = read_u8(&r);
	g->wnd = read_be16(&r);
	read_be16(&r); /* checksum: ip_verify_csum looks at the whole */
	g->up = read_be16(&r);
	uint32_t header = (offset >> 4) * 4u;
	if (r.short_input || header < TCP_HDR_MIN || header > rx->payload_len) {
		TCP_DROP(l, NULL, TcpInMalformed);
		return false;
	}
	if (!ip_verify_csum(rx)) {
		TCP_DROP(l, NULL, TcpInCsumErrors);
		return false;
	}
	tcp_parse_options(r.p, header - TCP_HDR_MIN, &g->opt);
	if (g->opt.malformed)
		COUNT(l->cnt, TcpInBadOptions);
	g->tos = rx->tos;
	ip_source_route_back(rx, &g->back);
	g->text = rx->payload + header;
	g->text_len = rx->payload_len - header;
	g->reopens = false;
	if (rx->off.gso != GSO_NONE && rx->off.gso_size)
		g->segments = u32_max(1, (g->text_len + rx->off.gso_size - 1) / rx->off.gso_size);
	return true;
}

/* t: the connection whose TTL, Differentiated Services field and timestamps (RFC 7323 3.2: also in a RST) it has; NULL:
 * none. */
static void send_bare(struct tcp_layer *l, const struct tcp *t, const struct ip_source_route *route,
                      struct endpoint from, struct endpoint to, seq32 seq, seq32 ack, unsigned flags)
{
	uint8_t p[TCP_HDR_MAX] = {0};
	uint16_t header = (uint16_t)(TCP_HDR_MIN + (t ? tcp_build_bare_options(l, t, p + TCP_HDR_MIN) : 0));
	struct ip_tx tx = {.src = from.addr,
	                   .dst = to.addr,
	                   .protocol = IP_PROTO_TCP,
	                   .ttl = t ? t->ttl : l->ip->cfg.ttl,
	                   .tos = t ? t->tos : 0,
	                   .dont_fragment = true,
	                   .route = route};

	store_be16(p, from.port);
	store_be16(p + 2, to.port);
	store_be32(p + 4, seq.n);
	store_be32(p + 8, flags & TCP_ACK ? ack.n : 0);
	p[12] = (uint8_t)(header / 4 << 4);
	p[13] = (uint8_t)flags;
	COUNT(l->cnt, TcpOutSegs);
	ip_send_copy(l->ip, &tx, p, header, 16);
}

/* RFC 9293 3.5.2, group 1, and 3.10.7.1 */
void tcp_reset_reply(struct tcp_layer *l, const struct tcp_seg *g, const char *why)
{
	if (g->flags & TCP_RST)
		return;
	COUNT(l->cnt, TcpOutRsts);
	trace_emit(l->env, &(struct trace_event){.kind = TRACE_RESET, .why = why});
	if (g->flags & TCP_ACK)
		send_bare(l, NULL, &g->back, g->local, g->remote, g->ack, seq_of(0), TCP_RST);
	else
		send_bare(l, NULL, &g->back, g->local, g->remote, seq_of(0), seq_add(g->seq, seg_len(g)),
		          TCP_RST | TCP_ACK);
}

void tcp_send_reset(struct tcp_layer *l, struct tcp *t, const char *why)
{
	COUNT(l->cnt, TcpOutRsts);
	trace_emit(l->env, &(struct trace_event){.kind = TRACE_RESET, .socket = t->id, .why = why});
	send_bare(l, t, &t->route, t->pcb.local, t->pcb.remote, t->snd.nxt, t->rcv.nxt, TCP_RST | TCP_ACK);
}

void tcp_send_last_ack(struct tcp_layer *l, struct tcp *t)
{
	t->ack_owed = false;
	send_bare(l, t, &t->route, t->pcb.local, t->pcb.remote, t->snd.nxt, t->rcv.nxt, TCP_ACK);
}

/* RFC 5961 7: the limit is each connection's own, so that no other one can be observed through it. */
void tcp_challenge_ack(struct tcp_layer *l, struct tcp *t)
{
	if (duration_lt(DURATION_S(1), instant_since(l->env->now, t->challenge_second))) {
		t->challenge_second = l->env->now;
		t->challenges = 0;
	}
	if (t->challenges >= TCP_CHALLENGES_PER_S) {
		COUNT(l->cnt, TcpExtTCPACKSkippedChallenge);
		return;
	}
	t->challenges++;
	COUNT(l->cnt, TcpExtTCPChallengeACK);
	t->ack_owed = true;
	tcp_output_wanted(l, t);
}

void tcp_learn_syn(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	t->rcv.irs = g->seq;
	t->rcv.nxt = seq_add(g->seq, 1);
	t->rcv.up = t->rcv.nxt;
	/* Our SYN, if we sent one, offered a window before there was a sequence number to count it from. */
	uint32_t offered = t->state == TCP_SYN_SENT ? t->rcv.adv.n : 0;
	t->rcv.adv = seq_add(t->rcv.nxt, offered);
	t->last_ack_sent = t->rcv.nxt;
	t->snd.mss_peer = g->opt.has_mss ? (uint16_t)u32_max(g->opt.mss, TCP_MSS_FLOOR) : TCP_MSS_DEFAULT;
	/* RFC 7323 2.2, 3.2; RFC 2018 2: in force when both sides offered it. */
	t->ws_ok = t->knob.window_scaling && g->opt.has_ws;
	t->snd.wind_shift = t->ws_ok ? g->opt.ws : 0;
	if (!t->ws_ok)
		t->rcv.wind_shift = 0;
	t->ts_ok = t->knob.timestamps && g->opt.has_ts;
	if (t->ts_ok) {
		t->ts_recent = g->opt.tsval;
		t->ts_recent_age = l->env->now;
	}
	t->sack_ok = t->knob.sack && g->opt.sack_permitted;
	t->snd.wnd = g->wnd;
	t->snd.wnd_max = g->wnd;
	t->snd.wl1 = g->seq;
	t->snd.wl2 = g->ack;
	tcp_ecn_learn_syn(t, g);
	tcp_update_mss(l, t);
	tcp_cc_init(t);
	tcp_rack_reset(t);
}

void tcp_established(struct tcp_layer *l, struct tcp *t)
{
	t->established_at = t->alive = l->env->now;
	t->soft_error = 0;
	tcp_mtup_established(l, t);
	tcp_keepalive_arm(l, t);
	tcp_tune_begin(l, t);
	t->syn_owed = false; /* the timer may have fired in this very turn */
	tcp_timer_stop(t, TCP_TIMER_RETRANSMIT);
	if (t->retries) {
		/* RFC 5681 3.1: after a lost SYN the initial window is one segment; RFC 6298 5.7: RTO is 3 s. */
		t->cwnd = t->snd.mss;
		t->rto = duration_max(t->rto, DURATION_S(3));
	}
	t->backoff = t->retries = 0;
	if (t->rcv_ring.len || t->rcv.borrowed) /* came with the SYN */
		l->up.event(l->up.ctx, t, TCP_EVENT_DATA);
	if (t->snd_ring.len || t->fin_owed)
		tcp_output_wanted(l, t);
	if (t->fin_owed)
		tcp_set_state(l, t, TCP_FIN_WAIT_1, "closed before it was established");
}

/* RFC 9293 3.10.7.3: the SYN of the peer is acceptable. */
static void syn_sent_syn(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	bool acked = (g->flags & TCP_ACK) != 0;

	tcp_learn_syn(l, t, g);
	if (!acked) {
		tcp_set_state(l, t, TCP_SYN_RECEIVED, "simultaneous open");
		tcp_syn_text(l, t, g); /* 3.10.7.3: queued until ESTABLISHED */
		t->syn_owed = true;
		tcp_output_wanted(l, t);
		return;
	}
	struct tcp_ack_news news = {0};
	tcp_loss_acked(l, t, g, &news);
	t->snd.una = g->ack;
	tcp_set_state(l, t, TCP_ESTABLISHED, "our SYN is acknowledged");
	tcp_established(l, t);
	t->ack_owed = true;
	tcp_output_wanted(l, t);
	l->up.event(l->up.ctx, t, TCP_EVENT_CONNECTED);
	if (g->text_len || (g->flags & TCP_FIN)) {
		/* Text or FIN on the SYN-ACK: the sixth check onward (3.10.7.3, last paragraph). */
		struct tcp_seg rest = *g;
		rest.seq = t->rcv.nxt;
		tcp_urgent_input(l, t, &rest);
		tcp_syn_text(l, t, g);
	}
}

static void syn_sent_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	bool ack_ok = false;

	if (g->flags & TCP_ACK) {
		ack_ok = seq_gt(g->ack, t->snd.iss) && seq_le(g->ack, t->snd.nxt);
		if (!ack_ok) {
			TCP_DROP(l, t, TcpInBadAck);
			tcp_reset_reply(l, g, "unacceptable ACK in SYN-SENT");
			return;
		}
	}
	if (g->flags & TCP_RST) {
		/* RFC 5961 3.2: in SYN-SENT a reset counts only with an ACK of our SYN. */
		if (!ack_ok) {
			TCP_DROP(l, t, TcpInBadReset);
			return;
		}
		tcp_end(l, t, ECONNREFUSED, "the SYN was answered with a RST");
		return;
	}
	if (!(g->flags & TCP_SYN)) {
		TCP_DROP(l, t, TcpInBadState);
		return;
	}
	syn_sent_syn(l, t, g);
}

/* RFC 9293 3.4, Table 6: is any of it in the window? */
static bool acceptable(const struct tcp *t, const struct tcp_seg *g)
{
	uint32_t wnd = seq_gt(t->rcv.adv, t->rcv.nxt) ? seq_len(t->rcv.nxt, t->rcv.adv) : 0;
	uint32_t len = seg_len(g);
	seq32 edge = seq_add(t->rcv.nxt, wnd);

	/* RFC 9293 3.4, MUST-66: a reset counts even when the window is zero, with text (SHLD-2) or without. */
	if (wnd == 0)
		return (len == 0 || g->flags & TCP_RST) && seq_eq(g->seq, t->rcv.nxt);
	bool first_in = seq_ge(g->seq, t->rcv.nxt) && seq_lt(g->seq, edge);
	if (len == 0)
		return first_in;
	seq32 last = seq_add(g->seq, len - 1);
	return first_in || (seq_ge(last, t->rcv.nxt) && seq_lt(last, edge)) ||
	       (seq_lt(g->seq, t->rcv.nxt) && seq_ge(last, edge));
}

/* RFC 7323 5.3 R1. True: the segment is old and must be dropped. */
static bool paws(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!t->ts_ok || !g->opt.has_ts || (g->flags & TCP_RST))
		return false;
	if ((int32_t)(g->opt.tsval - t->ts_recent) >= 0)
		return false;
	/* 5.5: an idle connection's timestamp grows stale. */
	return !duration_lt(TCP_PAWS_IDLE, instant_since(l->env->now, t->ts_recent_age));
}

/* RFC 7323 4.3 (2) */
static void update_ts_recent(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!t->ts_ok || !g->opt.has_ts || !seq_le(g->seq, t->last_ack_sent))
		return;
	if ((int32_t)(g->opt.tsval - t->ts_recent) >= 0 ||
	    duration_lt(TCP_PAWS_IDLE, instant_since(l->env->now, t->ts_recent_age))) {
		t->ts_recent = g->opt.tsval;
		t->ts_recent_age = l->env->now;
	}
}

/* RFC 7323 3.2: once timestamps are agreed, a segment without one is dropped in silence, unless it is a reset. A SYN
 * negotiates anew: it gets the challenge ACK of RFC 5961 4, without which a half-open connection would stay. */
static bool lacks_timestamp(struct tcp_layer *l, const struct tcp *t, const struct tcp_seg *g)
{
	if (!t->ts_ok || g->opt.has_ts || (g->flags & (TCP_RST | TCP_SYN)))
		return false;
	TCP_DROP(l, t, TcpNoTimestamp);
	return true;
}

/* Outside the window, but from a peer that knows it: one that has filled the window acknowledges from its right edge;
 * one whose probe octet was taken and does not know it yet (send_ack), or that keeps the connection alive, from one
 * before RCV.NXT. */
static bool bare_ack_beside_window(const struct tcp *t, const struct tcp_seg *g)
{
	return tcp_synchronized(t->state) && seg_len(g) == 0 &&
	       (seq_eq(g->seq, t->rcv.adv) || seq_eq(g->seq, seq_sub(t->rcv.nxt, 1)));
}

/* First check. False: not acceptable; answered with an ACK unless it is a reset. */
static bool check_sequence(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (paws(l, t, g)) {
		if (t->state == TCP_TIME_WAIT)
			TCP_DROP(l, t, TcpExtPAWSTimewait);
		else
			TCP_DROP(l, t, TcpExtPAWSEstab);
	} else if (acceptable(t, g)) {
		return true;
	} else {
		/* RFC 9293 3.10.7.4: with a zero window, valid ACKs, resets and urgent pointers still count. */
		bool probe = tcp_synchronized(t->state) && seq_eq(g->seq, t->rcv.nxt) && seq_eq(t->rcv.adv, t->rcv.nxt);
		if ((probe || bare_ack_beside_window(t, g)) && (g->flags & TCP_ACK) &&
		    !(g->flags & (TCP_SYN | TCP_RST)))
			tcp_ack_input(l, t, g);
		if (t->state == TCP_CLOSED)
			return false;
		if (probe && tcp_may_receive(t->state))
			tcp_urgent_input(l, t, g);
		if (seq_lt(g->seq, t->rcv.nxt) && g->text_len) {
			tcp_note_duplicate(t, g->seq, seq_min(seq_add(g->seq, g->text_len), t->rcv.nxt));
			TCP_DROP(l, t, TcpDuplicateData);
		} else {
			TCP_DROP(l, t, TcpInUnacceptable);
		}
		/* RFC 9293 3.10.7.4, TIME-WAIT: the remote FIN once more restarts the 2 MSL timeout. */
		if (t->state == TCP_TIME_WAIT && (g->flags & (TCP_FIN | TCP_RST)) == TCP_FIN &&
		    seq_eq(seq_add(g->seq, seg_len(g)), t->rcv.nxt))
			tcp_timer_set(l, t, TCP_TIMER_WAIT, t->knob.time_wait);
	}
	if (g->flags & TCP_RST)
		return false;
	if (g->text_len || seg_len(g)) {
		tcp_ack_soon(t); /* text sent again asks for the ACK that was lost */
		tcp_output_wanted(l, t);
	} else {
		tcp_challenge_ack(l, t);
	}
	return false;
}

/* Second check: RST (RFC 5961 3.2). The segment is in the window. */
static void reset_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!seq_eq(g->seq, t->rcv.nxt)) {
		TCP_DROP(l, t, TcpInBadReset);
		tcp_challenge_ack(l, t);
		return;
	}
	switch (t->state) {
	case TCP_SYN_RECEIVED:
		if (t->embryonic)
			COUNT(l->cnt, TcpExtEmbryonicRsts);
		tcp_end(l, t, ECONNREFUSED, "RST in SYN-RECEIVED");
		break;
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
		tcp_end(l, t, t->state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET, "RST received");
		break;
	case TCP_TIME_WAIT:
		/* RFC 1337 4: a reset does not end TIME-WAIT. */
		TCP_DROP(l, t, TcpInBadReset);
		break;
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		tcp_end(l, t, 0, "RST received while closing");
		break;
	case TCP_CLOSED:
	case TCP_LISTEN:
	case TCP_SYN_SENT:
	case TCP_STATES:
		assert(tcp_synchronized(t->state)); /* the caller has seen to it */
		break;
	}
}

/* RFC 9293 3.10.7.4 (TIME-WAIT), RFC 6191 2: may this SYN open a new incarnation? The last sequence number of the
 * former one is that of its FIN, which is before RCV.NXT. */
static bool reopens(const struct tcp *t, const struct tcp *listener, const struct tcp_seg *g)
{
	bool timestamps = listener->knob.timestamps && g->opt.has_ts;

	if (timestamps && !t->ts_ok)
		return true;
	if (timestamps && g->opt.tsval != t->ts_recent)
		return (int32_t)(g->opt.tsval - t->ts_recent) > 0;
	return seq_ge(g->seq, t->rcv.nxt);
}

/* A SYN meets a connection in TIME-WAIT. Returns the listener when it opens a new incarnation, for which the old one
 * goes: RFC 9293 3.6.1, MAY-2 (1), the new one's numbers begin above the old one's. Else, and without a listener that
 * has room, the SYN is an old duplicate like any other. */
static struct tcp *reopen(struct tcp_layer *l, struct tcp *old, struct tcp_seg *g)
{
	if (old->state != TCP_TIME_WAIT || (g->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return NULL;
	struct pcb *p = pcb_lookup_port(&l->pcbs, g->local, g->remote, true);
	struct tcp *listener = p ? container_of(p, struct tcp, pcb) : NULL;
	if (!listener || !tcp_listen_room(listener) || !reopens(old, listener, g))
		return NULL;
	COUNT(l->cnt, TcpTimeWaitReused);
	g->reopens = true;
	g->iss_least = seq_add(old->snd.nxt, TCP_REOPEN_STEP);
	tcp_end(l, old, 0, "a new incarnation opens");
	return listener;
}

/* Fifth check in SYN-RECEIVED. False: the segment is dropped. */
static bool syn_received_ack(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!(seq_lt(t->snd.una, g->ack) && seq_le(g->ack, t->snd.nxt))) {
		TCP_DROP(l, t, TcpInBadAck);
		tcp_reset_reply(l, g, "unacceptable ACK in SYN-RECEIVED");
		return false;
	}
	if (t->parent && !tcp_child_ready(l, t))
		return false;
	tcp_set_state(l, t, TCP_ESTABLISHED, "our SYN is acknowledged");
	t->snd.wnd = (uint32_t)g->wnd << t->snd.wind_shift;
	t->snd.wnd_max = u32_max(t->snd.wnd_max, t->snd.wnd);
	t->snd.wl1 = g->seq;
	t->snd.wl2 = g->ack;
	tcp_established(l, t);
	if (!t->parent)
		l->up.event(l->up.ctx, t, TCP_EVENT_CONNECTED);
	return true;
}

/* What an acknowledged FIN changes. */
static void fin_acked(struct tcp_layer *l, struct tcp *t)
{
	switch (t->state) {
	case TCP_FIN_WAIT_1:
		tcp_set_state(l, t, TCP_FIN_WAIT_2, "our FIN is acknowledged");
		l->up.event(l->up.ctx, t, TCP_EVENT_SENT);
		if (t->orphan)
			tcp_timer_set(l, t, TCP_TIMER_WAIT, t->knob.fin_wait_2);
		break;
	case TCP_CLOSING:
		tcp_enter_time_wait(l, t);
		l->up.event(l->up.ctx, t, TCP_EVENT_SENT);
		break;
	case TCP_LAST_ACK:
		tcp_end(l, t, 0, "our FIN is acknowledged");
		break;
	case TCP_CLOSED:
	case TCP_LISTEN:
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_TIME_WAIT:
	case TCP_STATES:
		break;
	}
}

/* Sixth to eighth check: URG, text, FIN. */
static void text_and_fin(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!tcp_may_receive(t->state)) {
		if (g->text_len)
			TCP_DROP(l, t, TcpFinMismatch);
		/* RFC 9293 3.10.7.4, eighth: a FIN behind the FIN is acknowledged and changes nothing, but that in
		 * TIME-WAIT it restarts the 2 MSL timeout. */
		if (g->flags & TCP_FIN)
			t->ack_owed = true;
		if (t->state == TCP_TIME_WAIT && (g->flags & TCP_FIN))
			tcp_timer_set(l, t, TCP_TIMER_WAIT, t->knob.time_wait);
		return;
	}
	if (t->orphan && g->text_len && seq_gt(seq_add(g->seq, g->text_len), t->rcv.nxt)) {
		/* RFC 1122 4.2.2.13: new text after the application is gone: the peer must know that it is lost. */
		TCP_DROP(l, t, TcpDataAfterClose);
		tcp_send_reset(l, t, "text after the application closed");
		tcp_end(l, t, ECONNRESET, "text after the application closed");
		return;
	}
	tcp_urgent_input(l, t, g);
	tcp_text_and_fin(l, t, g);
}

void tcp_segment_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *seg)
{
	struct tcp_seg copy = *seg, *g = &copy;

	/* The peer's SYN once more: in SYN-RECEIVED it asks for our SYN-ACK, or, after an active open, brings the ACK
	 * of a simultaneous one (RFC 9293 3.5, Figure 7, line 7). */
	if (t->state == TCP_SYN_RECEIVED && (g->flags & (TCP_SYN | TCP_RST)) == TCP_SYN && seq_eq(g->seq, t->rcv.irs)) {
		if (!(g->flags & TCP_ACK)) {
			t->syn_owed = true;
			tcp_output_wanted(l, t);
			return;
		}
		if (!t->parent) {
			g->flags &= ~TCP_SYN;
			g->seq = seq_add(g->seq, 1);
			/* RFC 7323 2.2: a SYN's window is not scaled. */
			g->wnd = (uint16_t)(g->wnd >> t->snd.wind_shift);
		}
	}
	if (lacks_timestamp(l, t, g) || !check_sequence(l, t, g))
		return;
	update_ts_recent(l, t, g);
	if (g->flags & TCP_RST) {
		reset_input(l, t, g);
		return;
	}
	if (g->flags & TCP_SYN) {
		TCP_DROP(l, t, TcpInBadState);
		if (t->embryonic) { /* RFC 9293 3.10.7.4, fourth check: a passive open returns to LISTEN */
			COUNT(l->cnt, TcpExtEmbryonicRsts);
			tcp_end(l, t, 0, "SYN in SYN-RECEIVED");
		} else { /* RFC 5961 4.2 */
			tcp_challenge_ack(l, t);
		}
		return;
	}
	if (!(g->flags & TCP_ACK)) {
		TCP_DROP(l, t, TcpInBadState);
		return;
	}
	if (t->state == TCP_SYN_RECEIVED && !syn_received_ack(l, t, g))
		return;
	tcp_ecn_input(l, t, g);
	if (!tcp_ack_input(l, t, g))
		return;
	tcp_learn_route(l, t, g);
	if (t->fin_sent && seq_eq(t->snd.una, t->snd.nxt))
		fin_acked(l, t);
	if (t->state != TCP_CLOSED)
		text_and_fin(l, t, g);
	if (t->state != TCP_CLOSED && t->ack_owed)
		tcp_output_wanted(l, t);
}

void tcp_input(void *ctx, const struct ip_rx *rx)
{
	struct tcp_layer *l = ctx;
	struct tcp_seg g;

	g.segments = 1;
	bool good = parse(l, rx, &g);
	COUNT_ADD(l->cnt, TcpInSegs, g.segments);
	if (!good)
		return;
	struct pcb *p = pcb_lookup_tuple(&l->pcbs, g.local, g.remote);
	struct tcp *t = p ? container_of(p, struct tcp, pcb) : NULL;
	struct tcp *listener = t ? reopen(l, t, &g) : NULL;
	if (listener) {
		t = listener;
	} else if (!t) {
		p = pcb_lookup_port(&l->pcbs, g.local, g.remote, true);
		t = p ? container_of(p, struct tcp, pcb) : NULL;
	}
	if (!t) {
		TCP_DROP(l, NULL, TcpInNoSocket);
		tcp_reset_reply(l, &g, "no socket");
		return;
	}
	if (t->state == TCP_LISTEN) {
		tcp_listen_input(l, t, &g);
		return;
	}
	t->segs_in += g.segments;
	t->last_received = l->env->now;
	if (t->state == TCP_SYN_SENT)
		syn_sent_input(l, t, &g);
	else
		tcp_segment_input(l, t, &g);
}
