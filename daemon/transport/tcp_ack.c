/* The acknowledgment field (RFC 9293 3.10.7.4, fifth step): what leaves the send ring, the send window, loss detection,
 * congestion control, and the timers that follow. */
#include "transport/tcp_internal.h"

#define WRITABLE_DIVISOR 3
#define WRITABLE_MAX     (256u << 10) /* bytes */

/* RFC 9293 3.10.7.4: an old segment must not shrink the window: compare with SND.WL1 and SND.WL2. */
/* A segment that acknowledges new data is newer than all before it, even when it repeats old text and so has an old
 * SEG.SEQ; the two variables alone would keep a window that its sender has long replaced. */
static void update_snd_wnd(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, bool advanced)
{
	if (!(advanced || seq_lt(t->snd.wl1, g->seq) || (seq_eq(t->snd.wl1, g->seq) && seq_le(t->snd.wl2, g->ack))))
		return;
	bool was_zero = t->snd.wnd == 0;
	t->snd.wnd = (uint32_t)g->wnd << t->snd.wind_shift;
	t->snd.wnd_max = u32_max(t->snd.wnd_max, t->snd.wnd);
	t->snd.wl1 = g->seq;
	t->snd.wl2 = g->ack;
	if (!was_zero || t->snd.wnd == 0 || (!tcp_timer_on(t, TCP_TIMER_PERSIST) && !t->backoff))
		return;
	/* The window opens: what the probe carried was refused, so send it again now. */
	tcp_timer_stop(t, TCP_TIMER_PERSIST);
	t->backoff = t->retries = 0;
	t->persist_owed = false;
	for (uint32_t i = 0; i < t->txq.count; i++)
		tcp_loss_mark(t, txq_at(&t->txq, i));
	t->retransmit_owed = t->txq.count != 0;
	tcp_rearm(l, t);
}

/* Room enough that waking the application pays; a small part of a big buffer does, or the path would run dry. */
static bool worth_telling(const struct tcp *t)
{
	return t->snd_ring.len <= t->sndbuf - u32_min(t->sndbuf / WRITABLE_DIVISOR, WRITABLE_MAX);
}

/* Bytes of the ring that an advance of SND.UNA sets free: SYN and FIN take sequence numbers but no bytes. */
static void free_acked_bytes(struct tcp_layer *l, struct tcp *t)
{
	if (seq_lt(t->snd.una, t->snd.head))
		return;
	uint32_t bytes = u32_min(seq_len(t->snd.head, t->snd.una), t->snd_ring.len);

	ring_consume(&t->snd_ring, bytes);
	t->snd.head = seq_add(t->snd.head, bytes);
	t->bytes_acked += bytes;
	if (t->snd_ring.len == 0)
		ring_release(&t->snd_ring, l->rings);
	if (bytes && t->writable_wanted && tcp_may_send(t) && worth_telling(t)) {
		t->writable_wanted = false;
		l->up.event(l->up.ctx, t, TCP_EVENT_WRITABLE);
	}
}

static bool ack_acceptable(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	/* RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, else a challenge ACK. */
	if (seq_gt(g->ack, t->snd.nxt) || seq_lt(g->ack, seq_sub(t->snd.una, t->snd.wnd_max))) {
		TCP_DROP(l, t, TcpInBadAck);
		tcp_challenge_ack(l, t);
		return false;
	}
	return true;
}

bool tcp_ack_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	struct tcp_ack_news news = {0};

	if (!ack_acceptable(l, t, g))
		return false;
	t->alive = l->env->now;
	t->keep_probes = 0;
	if (seq_lt(g->ack, t->snd.una)) { /* an old ACK: its text and its blocks may still be new */
		tcp_loss_overtaken(l, t, g);
		tcp_output_wanted(l, t);
		return true;
	}
	tcp_loss_acked(l, t, g, &news);
	if (news.acked) {
		t->snd.una = g->ack;
		t->progress = l->env->now;
		t->retries = 0;
		t->soft_error = 0;
		tcp_urgent_acked(t);
		tcp_path_acked(t);
		tcp_mtup_acked(l, t);
		free_acked_bytes(l, t);
		tcp_cc_acked(t, news.acked);
		tcp_tune_send(l, t);
	} else if (t->snd.wnd == 0 && g->wnd == 0 && !t->orphan) {
		t->retries = 0; /* RFC 9293 3.8.6.1, MUST-37: the peer lives, its window is zero */
	}
	tcp_loss_detect(l, t, g, &news);
	tcp_ecn_acked(l, t, g);
	update_snd_wnd(l, t, g, news.acked != 0);
	if (news.acked || !t->txq.count || t->snd.wnd == 0) {
		/* RFC 6298 5.3: the timer restarts with each ACK of new data. */
		tcp_rearm(l, t);
		tcp_probe_arm(l, t);
	}
	tcp_output_wanted(l, t);
	return true;
}
