/* Output: the one segment that is owed next.
 *
 * The order: SYN; what is lost; new text (with FIN when it is the last); a zero-window probe; a tail loss probe; a bare
 * acknowledgment. Each builder returns whether it put a segment into the frame. When none does, the connection leaves
 * the output list until input, a timer or the application puts it back. Connections take turns, a frame each. */
#include "transport/tcp_internal.h"

#define SWS_OVERRIDE DURATION_MS(200) /* RFC 9293 3.8.6.2.1 (4): 0.1 to 1 s */

void tcp_output_wanted(struct tcp_layer *l, struct tcp *t)
{
	if (!list_linked(&t->out_link))
		list_push_back(&l->out, &t->out_link);
}

uint32_t tcp_unsent(const struct tcp *t)
{
	seq32 end = seq_add(t->snd.head, t->snd_ring.len);

	return seq_lt(t->snd.nxt, end) ? seq_len(seq_max(t->snd.nxt, t->snd.head), end) : 0;
}

uint32_t tcp_flight_size(const struct tcp *t)
{
	return seq_len(t->snd.una, t->snd.nxt);
}

uint32_t tcp_send_queued(const struct tcp *t)
{
	return t->snd_ring.len;
}

/* What a segment of this connection looks like now. */
struct segment {
	seq32 seq;
	uint32_t len; /* payload */
	uint16_t mss; /* payload bytes of each segment of a super-frame */
	unsigned flags;
	bool new_text; /* sent for the first time: may be ECT (RFC 3168 6.1.5) */
	bool again;    /* nothing in it that was not sent before */
};

static void put_payload(const struct tcp *t, struct frame_out *f, const struct segment *g)
{
	if (!g->len)
		return;
	f->niov = ring_iov(&t->snd_ring, seq_len(t->snd.head, g->seq), g->len, f->iov);
	f->payload = g->len;
	if (g->len > g->mss) {
		f->off.gso = GSO_TCPV4;
		f->off.gso_size = g->mss;
	}
}

/* Every segment but SYN-SENT's carries an acknowledgment: what was owed is now told. */
static void acknowledged(struct tcp *t)
{
	t->ack_owed = false;
	t->rcv.unacked_segments = 0;
	t->last_ack_sent = t->rcv.nxt;
	t->rcv.dsack.start = t->rcv.dsack.end;
	tcp_timer_stop(t, TCP_TIMER_DELACK);
}

static void count_window(const struct tcp_layer *l, uint16_t window)
{
	if (window > 0)
		COUNT(l->cnt, TcpExtTCPFromZeroWindowAdv);
	else
		COUNT(l->cnt, TcpExtTCPToZeroWindowAdv);
}

static void count_dsack(const struct tcp_layer *l, const struct tcp *t)
{
	if (seq_lt(t->rcv.dsack.start, t->rcv.nxt))
		COUNT(l->cnt, TcpExtTCPDSACKOldSent);
	else
		COUNT(l->cnt, TcpExtTCPDSACKOfoSent);
}

static enum ip_sent emit(struct tcp_layer *l, struct tcp *t, struct frame_out *f, const struct segment *g)
{
	uint8_t options[TCP_HDR_MAX - TCP_HDR_MIN];
	bool syn = (g->flags & TCP_SYN) != 0;
	uint16_t n = tcp_build_options(l, t, syn, options);
	struct ip_tx tx = {.src = t->pcb.local.addr,
	                   .dst = t->pcb.remote.addr,
	                   .protocol = IP_PROTO_TCP,
	                   .ttl = t->ttl,
	                   .tos = tcp_ecn_tos(t, g->new_text),
	                   .dont_fragment = !t->path.fragment,
	                   .route = &t->route};

	frame_begin(f);
	put_payload(t, f, g);
	uint8_t *p = frame_prepend(f, (uint16_t)(TCP_HDR_MIN + n));
	/* Offsets count from here; ip_output moves them along. */
	f->off.csum_start = 0;
	f->off.hdr_len = (uint16_t)(TCP_HDR_MIN + n);
	store_be16(p, t->pcb.local.port);
	store_be16(p + 2, t->pcb.remote.port);
	store_be32(p + 4, g->seq.n);
	store_be32(p + 8, g->flags & TCP_ACK ? t->rcv.nxt.n : 0);
	p[12] = (uint8_t)((TCP_HDR_MIN + n) / 4 << 4);
	p[13] = (uint8_t)(g->flags | (syn ? tcp_ecn_syn_flags(t) : tcp_ecn_flags(t, g->new_text)));
	/* Before the window moves: what was offered at the last ACK. */
	bool open = seq_gt(t->rcv.adv, t->last_ack_sent);
	uint16_t window = tcp_advertise(t, syn);
	if (!syn && open != (window > 0))
		count_window(l, window);
	store_be16(p + 14, window);
	store_be16(p + 16, 0);
	store_be16(p + 18, g->flags & TCP_URG ? tcp_urgent_pointer(t, g->seq) : 0);
	memcpy(p + TCP_HDR_MIN, options, n);
	ip_transport_csum(l->ip, f, &tx, 16);
	if (tcp_dsack_owed(t) && !syn)
		count_dsack(l, t);
	if (g->flags & TCP_ACK)
		acknowledged(t);
	uint32_t segments = g->len > g->mss ? (g->len + g->mss - 1) / g->mss : 1;
	t->segs_out += segments;
	if (g->len)
		tcp_path_sent(t, (uint32_t)IPV4_HDR_MIN + ip_source_route_len(&t->route) + TCP_HDR_MIN + n +
		                         u32_min(g->len, g->mss));
	t->last_sent = l->env->now;
	if (g->len) {
		t->stat.data_segs_out += segments;
		t->stat.bytes_sent += g->len;
		t->stat.data_sent = l->env->now;
	}
	/* RFC 4022: tcpOutSegs is without what holds nothing but retransmitted octets. */
	if (!g->again)
		COUNT_ADD(l->cnt, TcpOutSegs, segments);
	if (!g->again && g->len)
		COUNT_ADD(l->cnt, TcpExtTCPOrigDataSent, segments);
	return ip_output(l->ip, f, &tx);
}

static struct segment segment_of(const struct tcp *t, seq32 seq, uint32_t len)
{
	/* SACK blocks take room that snd.mss does not know of. */
	uint16_t sack = 0;

	if (t->sack_ok && (t->rcv.gaps || tcp_dsack_owed(t))) {
		uint32_t fit = (40u - tcp_data_option_len(t) - 4) / 8;
		sack = (uint16_t)(4 + 8 * u32_min(u32_min(fit, TCP_SACK_BLOCKS),
		                                  t->rcv.gaps + (uint32_t)tcp_dsack_owed(t)));
	}
	return (struct segment){.seq = seq,
	                        .len = len,
	                        .mss = (uint16_t)(t->snd.mss - sack),
	                        .flags = TCP_ACK | (tcp_urgent_pointer(t, seq) ? TCP_URG : 0)};
}

/* Payload of the largest frame that the link takes. */
static uint32_t frame_payload_max(const struct tcp_layer *l, const struct segment *g)
{
	uint32_t gso = ip_gso_max(l->ip), headers = IPV4_HDR_MAX + TCP_HDR_MAX;

	if (gso < headers + 2u * g->mss || g->flags & TCP_URG) /* the link would repeat the urgent pointer */
		return g->mss;
	return (gso - headers) / g->mss * g->mss;
}

static enum ip_sent send_syn(struct tcp_layer *l, struct tcp *t, struct frame_out *f)
{
	struct segment g = {.seq = t->snd.iss, .mss = t->snd.mss, .flags = TCP_SYN};

	t->syn_owed = false;
	if (t->txq.count) {
		struct tcp_txrec *r = txq_at(&t->txq, 0);
		r->sent = l->env->now;
		r->retrans = true;
		t->segs_retrans++;
		g.again = true;
		COUNT(l->cnt, TcpRetransSegs);
		COUNT(l->cnt, TcpExtTCPSynRetrans);
	} else {
		if (!txq_reserve(&t->txq, l->env, 1))
			return IP_FRAME_DROPPED; /* the retransmission timer runs: try again then */
		txq_push(&t->txq, t->snd.iss, 1, 0, l->env->now);
		t->progress = l->env->now;
		t->pipe += 1;
		t->snd.nxt = seq_add(t->snd.iss, 1);
	}
	if (t->state == TCP_SYN_RECEIVED)
		g.flags |= TCP_ACK;
	return emit(l, t, f, &g);
}

static bool carries_fin(const struct tcp *t, const struct tcp_txrec *r)
{
	return t->fin_sent && seq_eq(txrec_end(r), t->snd.nxt);
}

/* Sends (part of) record i again: at most `room` bytes, cut anew at the current MSS. */
static enum ip_sent retransmit(struct tcp_layer *l, struct tcp *t, struct frame_out *f, uint32_t i, uint32_t room)
{
	struct tcp_txrec *r = txq_at(&t->txq, i);
	struct segment g = segment_of(t, r->seq, 0);
	uint32_t max = u32_min(frame_payload_max(l, &g), u32_max(room / g.mss * g.mss, g.mss));
	uint32_t text = r->len - carries_fin(t, r);

	if (text > max && txq_split(&t->txq, l->env, i, seq_add(r->seq, max)))
		r = txq_at(&t->txq, i);
	g.len = u32_min(r->len - carries_fin(t, r), max);
	if (carries_fin(t, r) && g.len + 1 == r->len)
		g.flags |= TCP_FIN;
	if (seq_eq(seq_add(g.seq, g.len), seq_add(t->snd.head, t->snd_ring.len)))
		g.flags |= TCP_PSH;
	if (seq_lt(r->seq, t->mtup.end) && seq_ge(txrec_end(r), t->mtup.end))
		tcp_mtup_unclear(l, t);
	txrec_leave(t, r);
	r->lost = false;
	r->retrans = true;
	r->mss = g.mss;
	r->sent = l->env->now;
	txrec_enter(t, r);
	tcp_rate_sent(l, t, r);
	tcp_prr_sent(t, r->len);
	tcp_undo_retransmitted(l, t, txrec_end(r));
	uint32_t segments = u32_max(1, (g.len + g.mss - 1) / g.mss);
	t->segs_retrans += segments;
	t->stat.bytes_retrans += g.len;
	g.again = true;
	COUNT_ADD(l->cnt, TcpRetransSegs, segments);
	if (t->recovery == TCP_RECOVERY)
		COUNT_ADD(l->cnt, TcpExtTCPFastRetrans, segments);
	else if (t->recovery == TCP_LOSS)
		COUNT_ADD(l->cnt, TcpExtTCPSlowStartRetrans, segments);
	if (!tcp_timer_on(t, TCP_TIMER_RETRANSMIT) && !tcp_timer_on(t, TCP_TIMER_PERSIST))
		tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, tcp_rto_backed_off(l, t));
	return emit(l, t, f, &g);
}

static bool send_lost(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent)
{
	if (!t->lost || t->frto == TCP_FRTO_NEW_DATA)
		return false;
	uint32_t i = tcp_first_lost(t);
	assert(i < t->txq.count);
	const struct tcp_txrec *r = txq_at(&t->txq, i);
	uint32_t room = tcp_cc_room(t);
	/* RFC 6675 5 (4.3): the first retransmission does not wait for the pipe to drain. */
	bool forced = t->retransmit_owed;
	if (!forced && room < u32_min(r->len, t->snd.mss))
		return false;
	/* Beyond the right edge only what the peer has once offered and still owes an answer for: the first record. */
	if (i > 0 && seq_gt(txrec_end(r), seq_add(t->snd.una, t->snd.wnd)))
		return false;
	t->retransmit_owed = false;
	*sent = retransmit(l, t, f, i, room);
	return true;
}

static enum ip_sent send_new(struct tcp_layer *l, struct tcp *t, struct frame_out *f, struct segment *g, bool fin)
{
	uint32_t rest = tcp_unsent(t) - g->len;

	if (fin)
		g->flags |= TCP_FIN;
	if (g->len && !rest)
		g->flags |= TCP_PSH; /* RFC 9293 3.9.1.2: the last of what is buffered */
	if (!t->txq.count)
		t->progress = l->env->now;
	txq_push(&t->txq, g->seq, g->len + fin, g->mss, l->env->now);
	tcp_rate_sent(l, t, txq_at(&t->txq, t->txq.count - 1));
	t->pipe += g->len + fin;
	tcp_prr_sent(t, g->len + fin);
	t->snd.nxt = seq_add(t->snd.nxt, g->len + fin);
	if (t->push_owed && seq_ge(t->snd.nxt, t->push))
		t->push_owed = false;
	if (!rest)
		tcp_timer_stop(t, TCP_TIMER_CORK);
	if (fin)
		t->fin_sent = true;
	if (t->snd.wnd) /* the override is over, or this is what it sends: from here on it is ordinary flight */
		tcp_timer_stop(t, TCP_TIMER_PERSIST);
	if (!tcp_timer_on(t, TCP_TIMER_RETRANSMIT) && !tcp_timer_on(t, TCP_TIMER_PERSIST))
		tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, tcp_rto_backed_off(l, t));
	tcp_probe_arm(l, t);
	return emit(l, t, f, g);
}

/* Nothing in flight will bring an ACK that lets us go on: a timer must. */
static void wait_for_override(struct tcp_layer *l, struct tcp *t, duration d)
{
	if (!t->txq.count && !tcp_timer_on(t, TCP_TIMER_PERSIST))
		tcp_timer_set(l, t, TCP_TIMER_PERSIST, d);
}

/* TCP_CORK holds back what is less than a segment. */
static bool held_by_cork(const struct tcp *t)
{
	return t->cork && !t->push_owed && !t->snd.urgent && !t->fin_owed;
}

/* RFC 9293 3.8.6.2.1 (sender's silly window avoidance) and 3.7.4 (Nagle). text: what could be sent of `unsent`. */
static bool worth_sending(const struct tcp *t, uint32_t text, uint32_t unsent, uint16_t mss)
{
	if (text >= mss)
		return true;
	if (t->push_owed && seq_ge(seq_add(t->snd.nxt, text), t->push))
		return true;
	if (text == unsent && held_by_cork(t))
		return false;
	if (text == unsent) /* all of it fits */
		return t->nodelay || t->snd.urgent || t->fin_owed || !t->txq.count;
	return text >= t->snd.wnd_max / 2;
}

/* New text and FIN, within the peer's window and, unless `probe`, the congestion window. */
static bool send_text(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent, bool probe)
{
	uint32_t unsent = tcp_unsent(t);
	bool fin = t->fin_owed && !t->fin_sent;

	if ((!unsent && !fin) || !tcp_synchronized(t->state))
		return false;
	seq32 edge = seq_add(t->snd.una, t->snd.wnd);
	uint32_t usable = seq_lt(t->snd.nxt, edge) ? seq_len(t->snd.nxt, edge) : 0;
	if (!usable) {
		if (!t->txq.count)
			tcp_rearm(l, t);
		return false;
	}
	struct segment g = segment_of(t, t->snd.nxt, u32_min(unsent, usable));
	if (unsent && !probe && !worth_sending(t, g.len, unsent, g.mss)) {
		if (g.len < unsent)
			wait_for_override(l, t, SWS_OVERRIDE);
		else if (held_by_cork(t) && !tcp_timer_on(t, TCP_TIMER_CORK))
			tcp_timer_set(l, t, TCP_TIMER_CORK, l->cfg.cork_time);
		return false;
	}
	tcp_cc_after_idle(l, t);
	uint32_t room = probe ? g.mss : tcp_cc_room(t);
	if (room < u32_min(g.len, g.mss))
		return false;
	g.len = u32_min(g.len, u32_min(u32_max(room, g.mss), frame_payload_max(l, &g)));
	if (g.len > g.mss && (g.len < unsent || held_by_cork(t)))
		g.len -= g.len % g.mss;
	if (!txq_reserve(&t->txq, l->env, 1)) {
		wait_for_override(l, t, SWS_OVERRIDE);
		return false;
	}
	if (t->cwr_owed) /* one segment says CWR, not each of a super-frame */
		g.len = u32_min(g.len, g.mss);
	g.new_text = g.len > 0;
	fin = fin && g.len == unsent && usable > g.len;
	*sent = send_new(l, t, f, &g, fin);
	return true;
}

/* RFC 9293 3.8.6.1: one octet of new data, or what was refused before; or the override of 3.8.6.2.1. */
static bool send_persist(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent)
{
	if (!t->persist_owed)
		return false;
	t->persist_owed = false;
	if (t->snd.wnd == 0)
		COUNT(l->cnt, TcpExtTCPWinProbe);
	if (t->txq.count) {
		*sent = retransmit(l, t, f, 0, t->snd.mss);
		return true;
	}
	uint32_t unsent = tcp_unsent(t);
	bool fin = t->fin_owed && !t->fin_sent;
	if ((!unsent && !fin) || !txq_reserve(&t->txq, l->env, 1))
		return false;
	struct segment g = segment_of(t, t->snd.nxt, 0);
	g.len = u32_min(unsent, u32_min(u32_max(t->snd.wnd, 1), g.mss));
	*sent = send_new(l, t, f, &g, fin && g.len == unsent && !unsent);
	return true;
}

/* RFC 4821 7.4: new text, in a segment that is longer than the MSS. */
static bool send_mtu_probe(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent)
{
	uint32_t len = tcp_synchronized(t->state) ? tcp_mtup_probe(l, t) : 0;

	if (!len)
		return false;
	struct segment g = segment_of(t, t->snd.nxt, len);
	g.mss = (uint16_t)len;
	g.new_text = true;
	*sent = send_new(l, t, f, &g, false);
	return true;
}

/* RFC 8985 7.3: new text if there is any, else the last segment once more. */
static bool send_probe(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent)
{
	if (!t->probe_owed)
		return false;
	t->probe_owed = false;
	if (!t->txq.count || t->recovery != TCP_OPEN)
		return false;
	COUNT(l->cnt, TcpExtTCPLossProbes);
	t->probe_out = true;
	t->probe_retrans = false;
	bool done = send_text(l, t, f, sent, true);
	if (!done) {
		uint32_t last = t->txq.count - 1;
		const struct tcp_txrec *r = txq_at(&t->txq, last);
		if (r->len > t->snd.mss && txq_split(&t->txq, l->env, last, seq_add(r->seq, r->len - t->snd.mss)))
			last++;
		t->probe_retrans = true;
		*sent = retransmit(l, t, f, last, t->snd.mss);
	}
	t->probe_end = t->snd.nxt;
	tcp_timer_stop(t, TCP_TIMER_PROBE);
	tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, tcp_rto_backed_off(l, t));
	return true;
}

/* RFC 9293 3.8.4: a segment that a living peer must answer. */
static bool send_keepalive(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent)
{
	if (!t->keepalive_owed)
		return false;
	t->keepalive_owed = false;
	if (!tcp_synchronized(t->state))
		return false;
	COUNT(l->cnt, TcpExtTCPKeepAlive);
	struct segment g = segment_of(t, seq_sub(t->snd.nxt, 1), 0);
	*sent = emit(l, t, f, &g);
	return true;
}

static bool send_ack(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent)
{
	if (t->state == TCP_CLOSED || t->state == TCP_LISTEN || t->state == TCP_SYN_SENT)
		return false;
	if (!t->ack_owed && !tcp_window_update_due(t))
		return false;
	/* While the peer refuses the octet of a zero-window probe, it would not accept what stands behind it. */
	bool probing = t->snd.wnd == 0 && tcp_flight_size(t) == 1;
	struct segment g = segment_of(t, probing ? t->snd.una : t->snd.nxt, 0);
	*sent = emit(l, t, f, &g);
	return true;
}

/* True when a segment was built, whatever became of it. */
static bool next_segment(struct tcp_layer *l, struct tcp *t, struct frame_out *f, enum ip_sent *sent)
{
	if (t->syn_owed) {
		*sent = send_syn(l, t, f);
		return true;
	}
	tcp_path_refresh(l, t);
	return send_lost(l, t, f, sent) || send_mtu_probe(l, t, f, sent) || send_text(l, t, f, sent, false) ||
	       send_persist(l, t, f, sent) || send_probe(l, t, f, sent) || send_keepalive(l, t, f, sent) ||
	       send_ack(l, t, f, sent);
}

bool tcp_output(struct tcp_layer *l, struct frame_out *f)
{
	enum ip_sent sent = IP_FRAME_DROPPED;

	while (!list_empty(&l->out)) {
		struct tcp *t = list_entry(l->out.next, struct tcp, out_link);
		list_remove(&t->out_link);
		if (!next_segment(l, t, f, &sent)) {
			t->cwnd_limited = tcp_cc_room(t) < t->snd.mss;
			tcp_rate_idle(t);
			tcp_limit_judge(l, t);
			continue;
		}
		list_push_back(&l->out, &t->out_link);
		if (sent == IP_FRAME_READY)
			return true;
	}
	return false;
}
