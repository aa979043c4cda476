/* The receive side: text in and out of order, the window, FIN, delivery.
 *
 * Positions in the receive ring count from its head, which is the oldest byte that the application has not been given:
 * first the ring's own bytes (len), then this turn's borrowed arrivals, then RCV.NXT; bytes beyond a gap are stored at
 * their final positions. Memory for a segment is reserved before RCV.NXT moves over it, so an acknowledged byte is
 * never lost.
 *
 * The first FIN that arrives, wherever it stands, fixes the end of the stream: nothing beyond it is taken, and it is
 * processed when RCV.NXT reaches it. So what is in the intervals always ends at or before a FIN that is known. */
#include "transport/tcp_internal.h"

/* Ring position of a sequence number at or beyond RCV.NXT. */
static uint32_t position(const struct tcp *t, seq32 seq)
{
	return t->rcv_ring.len + t->rcv.borrowed + seq_len(t->rcv.nxt, seq);
}

/* Positions in use: in order, borrowed, and beyond gaps. */
static uint32_t extent(const struct tcp *t)
{
	if (t->rcv.gaps)
		return position(t, t->rcv.gap[t->rcv.gaps - 1].end);
	return t->rcv_ring.len;
}

uint32_t tcp_rcv_wnd(const struct tcp *t)
{
	uint32_t used = t->rcv_ring.len + t->rcv.borrowed + t->rcv.held;

	uint32_t room = used < t->rcvbuf ? t->rcvbuf - used : 0;
	return t->knob.window_clamp ? u32_min(room, t->knob.window_clamp) : room;
}

/* RFC 9293 3.8.6.2.2: the right edge moves by so much at least: a segment, or half of the buffer. */
static uint32_t worthwhile_step(const struct tcp *t)
{
	uint32_t most = t->knob.window_clamp ? u32_min(t->rcvbuf, t->knob.window_clamp) : t->rcvbuf;

	return u32_min(most / 2, t->rcv.mss);
}

uint16_t tcp_advertise(struct tcp *t, bool syn)
{
	uint32_t shift = syn ? 0 : t->rcv.wind_shift; /* RFC 7323 2.2: a SYN's window is never scaled */
	uint32_t offered = seq_gt(t->rcv.adv, t->rcv.nxt) ? seq_len(t->rcv.nxt, t->rcv.adv) : 0;
	uint32_t free = tcp_rcv_wnd(t);

	/* RFC 9293 3.8.6.2.2: silly window avoidance; the right edge stays until it can move by a worthwhile step. */
	if (free < offered || free - offered < worthwhile_step(t))
		free = offered;
	uint32_t field = u32_min(free >> shift, UINT16_MAX);
	/* RFC 9293 3.8.6, SHLD-14: never move the right edge to the left; rounding owes it one step while the buffer
	 * can bear it. RFC 7323 2.4: beyond that it seems to move left, and what was offered is still taken. */
	uint32_t up = u32_min((offered + (1u << shift) - 1) >> shift, UINT16_MAX);
	if (field < up && up << shift < tcp_rcv_wnd(t) + (1u << shift))
		field = up;
	seq32 edge = seq_add(t->rcv.nxt, field << shift);
	if (seq_gt(edge, t->rcv.adv))
		t->rcv.adv = edge;
	return (uint16_t)field;
}

bool tcp_window_update_due(const struct tcp *t)
{
	if (!tcp_may_receive(t->state))
		return false;
	uint32_t offered = seq_gt(t->rcv.adv, t->rcv.nxt) ? seq_len(t->rcv.nxt, t->rcv.adv) : 0;
	/* What the field can say: else the update would change nothing, and be due again. */
	uint32_t free = u32_min(tcp_rcv_wnd(t) >> t->rcv.wind_shift, UINT16_MAX) << t->rcv.wind_shift;

	/* A SYN cannot say more than 65,535, which is enough to begin with: the first ACK of text says the rest. */
	if (!t->bytes_received && offered >= UINT16_MAX / 2)
		return false;
	/* Worth a segment when the peer may be held up: what it sees has doubled, and by a full segment at least. */
	return free > offered && free - offered >= u32_max(offered, worthwhile_step(t));
}

static bool borrow(struct tcp_layer *l, struct tcp *t, const uint8_t *p, uint32_t len)
{
	if (l->arrival_count == l->arrival_capacity) {
		uint32_t capacity = l->arrival_capacity ? 2 * l->arrival_capacity : 64;
		struct tcp_arrival *a = env_realloc(l->env, l->arrival, l->arrival_capacity * sizeof(*a),
		                                    capacity * sizeof(*a));
		if (!a)
			return false;
		l->arrival = a;
		l->arrival_capacity = capacity;
	}
	l->arrival[l->arrival_count] = (struct tcp_arrival){.p = p, .len = len};
	uint32_t index = ++l->arrival_count;
	if (!list_linked(&t->borrow_link))
		list_push_back(&l->borrowers, &t->borrow_link);
	if (t->rcv.arrivals)
		l->arrival[t->rcv.arrivals_tail - 1].next = index;
	else
		t->rcv.arrivals = index;
	t->rcv.arrivals_tail = index;
	t->rcv.borrowed += len;
	return true;
}

/* Moves what is borrowed into the ring, where its memory is reserved. */
static void flush_borrowed(struct tcp_layer *l, struct tcp *t)
{
	for (uint32_t i = t->rcv.arrivals; i; i = l->arrival[i - 1].next) {
		const struct tcp_arrival *a = &l->arrival[i - 1];
		ring_write_at(&t->rcv_ring, t->rcv_ring.len, a->p, a->len);
		ring_commit(&t->rcv_ring, a->len);
	}
	t->rcv.arrivals = t->rcv.arrivals_tail = 0;
	t->rcv.borrowed = 0;
}

static void gap_remove(struct tcp *t, uint32_t i, uint32_t n)
{
	for (uint32_t j = i; j + n < t->rcv.gaps; j++)
		t->rcv.gap[j] = t->rcv.gap[j + n];
	t->rcv.gaps = (uint16_t)(t->rcv.gaps - n);
}

static bool gap_reserve(struct tcp_layer *l, struct tcp *t)
{
	if (t->rcv.gaps < t->rcv.gap_capacity)
		return true;
	if (t->rcv.gaps == TCP_GAPS_MAX)
		return false;
	uint16_t capacity = t->rcv.gap_capacity ? (uint16_t)u32_min(2u * t->rcv.gap_capacity, TCP_GAPS_MAX) : 8;
	struct tcp_gap *g = env_realloc(l->env, t->rcv.gap, t->rcv.gap_capacity * sizeof(*g), capacity * sizeof(*g));
	if (!g)
		return false;
	t->rcv.gap = g;
	t->rcv.gap_capacity = capacity;
	return true;
}

static void gaps_release(struct tcp_layer *l, struct tcp *t)
{
	env_free(l->env, t->rcv.gap, t->rcv.gap_capacity * sizeof(*t->rcv.gap));
	t->rcv.gap = NULL;
	t->rcv.gaps = t->rcv.gap_capacity = 0;
	t->rcv.recents = 0;
}

/* Enters [b.start, b.end), merging what it touches. False: too many intervals, or no memory. */
static bool gap_insert(struct tcp_layer *l, struct tcp *t, struct tcp_gap b)
{
	uint32_t i = 0, touched = 0;

	while (i < t->rcv.gaps && seq_lt(t->rcv.gap[i].end, b.start))
		i++;
	while (i + touched < t->rcv.gaps && seq_le(t->rcv.gap[i + touched].start, b.end))
		touched++;
	if (touched) {
		b.start = seq_min(b.start, t->rcv.gap[i].start);
		b.end = seq_max(b.end, t->rcv.gap[i + touched - 1].end);
		t->rcv.gap[i] = b;
		gap_remove(t, i + 1, touched - 1);
		return true;
	}
	if (!gap_reserve(l, t))
		return false;
	for (uint32_t j = t->rcv.gaps; j > i; j--)
		t->rcv.gap[j] = t->rcv.gap[j - 1];
	t->rcv.gap[i] = b;
	t->rcv.gaps++;
	return true;
}

void tcp_note_duplicate(struct tcp *t, seq32 start, seq32 end)
{
	if (t->sack_ok)
		t->rcv.dsack = (struct tcp_gap){start, end};
}

/* What of b lies in an interval that is already there: RFC 2883 4.1. */
static void note_duplicate_beyond(struct tcp *t, struct tcp_gap b)
{
	for (uint32_t i = 0; i < t->rcv.gaps; i++) {
		seq32 start = seq_max(b.start, t->rcv.gap[i].start), end = seq_min(b.end, t->rcv.gap[i].end);
		if (seq_lt(start, end)) {
			tcp_note_duplicate(t, start, end);
			return;
		}
	}
}

const struct tcp_gap *tcp_gap_of(const struct tcp *t, seq32 seq)
{
	uint32_t low = 0, high = t->rcv.gaps;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (seq_le(t->rcv.gap[middle].end, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->rcv.gaps && seq_le(t->rcv.gap[low].start, seq) ? &t->rcv.gap[low] : NULL;
}

/* RFC 2018 4: seq lies in the interval that grew last. Of what was reported before, each interval is kept once, and
 * those that RCV.NXT has passed are forgotten. */
static void note_recent(struct tcp *t, seq32 seq)
{
	const struct tcp_gap *grown = tcp_gap_of(t, seq);
	seq32 was[TCP_SACK_BLOCKS];
	uint8_t n = t->rcv.recents, kept = 0;

	memcpy(was, t->rcv.recent, sizeof(was));
	t->rcv.recent[kept++] = seq;
	for (uint8_t i = 0; i < n && kept < TCP_SACK_BLOCKS; i++) {
		const struct tcp_gap *g = tcp_gap_of(t, was[i]);
		if (g && g != grown)
			t->rcv.recent[kept++] = was[i];
	}
	t->rcv.recents = kept;
}

void tcp_ack_soon(struct tcp *t)
{
	t->ack_owed = true;
	if (t->quick_until < t->segs_in + TCP_QUICK_ACKS)
		t->quick_until = t->segs_in + TCP_QUICK_ACKS;
}

static void out_of_order(struct tcp_layer *l, struct tcp *t, seq32 seq, const uint8_t *p, uint32_t len,
                         uint32_t segments)
{
	struct tcp_gap b = {seq, seq_add(seq, len)};
	uint32_t pos = position(t, seq);

	/* RFC 5681 4.2: answer out-of-order text at once. */
	tcp_ack_soon(t);
	if (!ring_reserve(&t->rcv_ring, l->rings, pos + len, extent(t))) {
		TCP_DROP(l, t, TcpExtTCPOFODrop);
		return;
	}
	note_duplicate_beyond(t, b);
	if (!gap_insert(l, t, b)) {
		TCP_DROP(l, t, TcpExtTCPOFODrop);
		return;
	}
	COUNT(l->cnt, TcpExtTCPOFOQueue);
	t->stat.out_of_order += segments;
	ring_write_at(&t->rcv_ring, pos, p, len);
	note_recent(t, seq);
}

/* RCV.NXT has reached the first interval: its bytes join the ring. */
static void close_gaps(struct tcp_layer *l, struct tcp *t)
{
	if (!t->rcv.gaps || seq_lt(t->rcv.nxt, t->rcv.gap[0].start))
		return;
	flush_borrowed(l, t);
	while (t->rcv.gaps && seq_ge(t->rcv.nxt, t->rcv.gap[0].start)) {
		if (seq_gt(t->rcv.gap[0].end, t->rcv.nxt)) {
			uint32_t n = seq_len(t->rcv.nxt, t->rcv.gap[0].end);
			ring_commit(&t->rcv_ring, n);
			t->rcv.nxt = t->rcv.gap[0].end;
			t->bytes_received += n;
		}
		gap_remove(t, 0, 1);
	}
	if (!t->rcv.gaps)
		gaps_release(l, t);
	/* RFC 5681 4.2: a segment that fills a gap is acknowledged at once. */
	t->ack_owed = true;
}

static void in_order(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, const uint8_t *p, uint32_t len)
{
	if (t->input_shut) {
		TCP_DROP(l, t, TcpInShut);
		t->rcv.nxt = seq_add(t->rcv.nxt, len);
	} else {
		uint32_t need = position(t, seq_add(t->rcv.nxt, len));
		if (!ring_reserve(&t->rcv_ring, l->rings, need, extent(t)) || !borrow(l, t, p, len)) {
			TCP_DROP(l, t, TcpExtTCPRcvQDrop);
			return;
		}
		t->rcv.nxt = seq_add(t->rcv.nxt, len);
	}
	t->bytes_received += len;
	bool had_gaps = t->rcv.gaps || t->rcv.fin_known;
	close_gaps(l, t);
	if (!t->input_shut)
		l->up.event(l->up.ctx, t, TCP_EVENT_DATA);
	/* RFC 5681 4.2: so is one that fills part of a gap, be it in front of a FIN alone. */
	if (had_gaps)
		t->ack_owed = true;
	/* RFC 9293 3.8.6.3: an ACK for at least every second full segment, and within the delayed-ACK time. */
	t->rcv.unacked_segments += g->segments;
	if (t->rcv.unacked_segments >= 2 || t->segs_in <= t->quick_until)
		t->ack_owed = true;
	else if (!tcp_timer_on(t, TCP_TIMER_DELACK))
		tcp_timer_set(l, t, TCP_TIMER_DELACK, t->knob.delack);
}

static void text_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	const uint8_t *p = g->text;
	uint32_t len = g->text_len;
	seq32 seq = g->seq;

	if (!len)
		return;
	t->stat.data_segs_in += g->segments;
	t->stat.data_received = l->env->now;
	t->stat.seg_max = u32_max(t->stat.seg_max, (len + g->segments - 1) / g->segments);
	if (seq_lt(seq, t->rcv.nxt)) { /* trim what we have */
		uint32_t old = seq_len(seq, t->rcv.nxt);
		tcp_note_duplicate(t, seq, seq_add(seq, u32_min(old, len)));
		if (old >= len) {
			TCP_DROP(l, t, TcpDuplicateData);
			tcp_ack_soon(t);
			return;
		}
		p += old;
		len -= old;
		seq = t->rcv.nxt;
	}
	uint32_t window = seq_gt(t->rcv.adv, seq) ? seq_len(seq, t->rcv.adv) : 0;
	if (len > window) {
		TCP_DROP(l, t, TcpBeyondWindow);
		t->ack_owed = true;
		len = window;
		if (!len)
			return;
	}
	if (t->rcv.fin_known && seq_gt(seq_add(seq, len), t->rcv.fin)) {
		TCP_DROP(l, t, TcpFinMismatch);
		t->ack_owed = true;
		if (seq_ge(seq, t->rcv.fin))
			return;
		len = seq_len(seq, t->rcv.fin);
	}
	tcp_tune_rtt(l, t, g);
	if (seq_eq(seq, t->rcv.nxt)) {
		in_order(l, t, g, p, len);
	} else if (t->input_shut) {
		TCP_DROP(l, t, TcpInShut);
		t->ack_owed = true;
	} else {
		out_of_order(l, t, seq, p, len, g->segments);
	}
}

void tcp_check_eof(struct tcp_layer *l, struct tcp *t)
{
	if (t->fin_received && !t->rcv_ring.len && !t->rcv.borrowed)
		l->up.event(l->up.ctx, t, TCP_EVENT_EOF);
}

/* RFC 9293 3.10.7.4, eighth step. The FIN is in order. */
static void fin_input(struct tcp_layer *l, struct tcp *t)
{
	t->rcv.nxt = seq_add(t->rcv.nxt, 1);
	t->rcv.fin_known = false;
	t->fin_received = true;
	t->ack_owed = true;
	switch (t->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		tcp_set_state(l, t, TCP_CLOSE_WAIT, "FIN received");
		break;
	case TCP_FIN_WAIT_1: /* our FIN is not acknowledged: else the ACK step had moved on to FIN-WAIT-2 */
		tcp_set_state(l, t, TCP_CLOSING, "FIN received");
		break;
	case TCP_FIN_WAIT_2:
		tcp_enter_time_wait(l, t);
		break;
	case TCP_CLOSED:
	case TCP_LISTEN:
	case TCP_SYN_SENT:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
	case TCP_STATES:
		break;
	}
	tcp_check_eof(l, t);
}

bool tcp_fin_fits(const struct tcp *t, seq32 fin)
{
	return seq_ge(fin, t->rcv.nxt) && (!t->rcv.gaps || seq_le(t->rcv.gap[t->rcv.gaps - 1].end, fin));
}

/* RFC 9293 3.10.7.4, SHLD-31: a FIN beyond a gap is held. It needs no buffer, so one right at the edge of the window is
 * taken; one beyond it stands behind text that will come again. */
static void note_fin(struct tcp_layer *l, struct tcp *t, seq32 fin)
{
	t->ack_owed = true;
	if (seq_gt(fin, seq_max(t->rcv.adv, t->rcv.nxt)))
		return;
	if (t->rcv.fin_known ? seq_eq(fin, t->rcv.fin) : tcp_fin_fits(t, fin)) {
		t->rcv.fin_known = true;
		t->rcv.fin = fin;
		return;
	}
	TCP_DROP(l, t, TcpFinMismatch);
}

void tcp_text_and_fin(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (g->flags & TCP_FIN)
		note_fin(l, t, seq_add(g->seq, g->text_len));
	text_input(l, t, g);
	if (t->rcv.fin_known && seq_eq(t->rcv.fin, t->rcv.nxt) && t->state != TCP_SYN_RECEIVED)
		fin_input(l, t);
}

void tcp_syn_text(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	struct tcp_seg rest = *g;

	rest.seq = t->rcv.nxt;
	rest.flags &= ~TCP_SYN;
	if (!(g->flags & TCP_ACK))
		rest.opt.has_ts = false; /* RFC 7323 3.2: TSecr means nothing without ACK */
	tcp_text_and_fin(l, t, &rest);
}

int tcp_deliver(const struct tcp_layer *l, const struct tcp *t, struct iovec *iov, int max)
{
	if (t->state == TCP_SYN_RECEIVED) /* RFC 9293 3.5: not before it is clear that the text is valid */
		return 0;
	int n = t->rcv_ring.len ? ring_iov(&t->rcv_ring, 0, t->rcv_ring.len, iov) : 0;

	for (uint32_t i = t->rcv.arrivals; i && n < max; i = l->arrival[i - 1].next) {
		union { /* an iovec has no const form; delivery only reads */
			const uint8_t *in;
			void *out;
		} p = {.in = l->arrival[i - 1].p};
		iov[n++] = (struct iovec){.iov_base = p.out, .iov_len = l->arrival[i - 1].len};
	}
	return n;
}

static void take_arrivals(struct tcp_layer *l, struct tcp *t, uint32_t n)
{
	t->rcv.borrowed -= n;
	ring_skip(&t->rcv_ring, n);
	while (n) {
		struct tcp_arrival *a = &l->arrival[t->rcv.arrivals - 1];
		uint32_t part = u32_min(n, a->len);
		a->p += part;
		a->len -= part;
		n -= part;
		if (!a->len)
			t->rcv.arrivals = a->next;
	}
	if (!t->rcv.arrivals)
		t->rcv.arrivals_tail = 0;
}

static void release_if_empty(struct tcp_layer *l, struct tcp *t)
{
	if (!t->rcv_ring.len && !t->rcv.borrowed && !t->rcv.gaps)
		ring_release(&t->rcv_ring, l->rings);
}

void tcp_delivered(struct tcp_layer *l, struct tcp *t, uint32_t n)
{
	uint32_t from_ring = u32_min(n, t->rcv_ring.len);

	t->rcv.held += n;
	ring_consume(&t->rcv_ring, from_ring);
	if (n > from_ring)
		take_arrivals(l, t, n - from_ring);
	release_if_empty(l, t);
	tcp_check_eof(l, t);
}

void tcp_turn_end(struct tcp_layer *l)
{
	list_for_each_safe(it, tmp, &l->borrowers)
	{
		struct tcp *t = list_entry(it, struct tcp, borrow_link);
		flush_borrowed(l, t);
		release_if_empty(l, t);
		list_remove(it);
	}
	l->arrival_count = 0;
}

void tcp_rcv_discard(struct tcp_layer *l, struct tcp *t)
{
	t->rcv.arrivals = t->rcv.arrivals_tail = 0;
	t->rcv.borrowed = 0;
	gaps_release(l, t);
	ring_release(&t->rcv_ring, l->rings);
	list_remove(&t->borrow_link);
}

void tcp_set_held(struct tcp_layer *l, struct tcp *t, uint32_t bytes)
{
	if (bytes < t->rcv.held)
		tcp_tune_taken(l, t, t->rcv.held - bytes);
	t->rcv.held = bytes;
	tcp_urgent_read(t);
	if (tcp_window_update_due(t))
		tcp_output_wanted(l, t);
}

uint32_t tcp_recv_queued(const struct tcp *t)
{
	return t->rcv_ring.len + t->rcv.borrowed + t->rcv.held;
}
