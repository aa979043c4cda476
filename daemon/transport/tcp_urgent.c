/* The urgent mechanism (RFC 9293 3.8.5, RFC 6093): a mark in the stream, in either direction, and no second channel.
 *
 * Urgent text is text: it stays in its place and is delivered with the rest. The mark is the sequence number of the
 * octet that follows the urgent text (MUST-62). A mark that has been passed is forgotten, since it would seem to lie
 * ahead again after half of the sequence space. */
#include "transport/tcp_internal.h"

/* The octet that the application reads next. */
static seq32 read_point(const struct tcp *t)
{
	return seq_sub(t->rcv.nxt, tcp_recv_queued(t) + t->fin_received);
}

void tcp_urgent_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	seq32 up = seq_add(g->seq, g->up);

	/* RFC 9293 3.10.7.4, sixth step: RCV.UP <- max(RCV.UP, SEG.UP); MUST-32: tell when it is ahead and new. */
	if (!(g->flags & TCP_URG) || t->input_shut || seq_le(up, t->rcv.urgent ? t->rcv.up : read_point(t)))
		return;
	t->rcv.up = up;
	t->rcv.urgent = true;
	l->up.event(l->up.ctx, t, TCP_EVENT_REPORT);
}

void tcp_urgent_read(struct tcp *t)
{
	if (t->rcv.urgent && seq_le(t->rcv.up, read_point(t)))
		t->rcv.urgent = false;
}

uint32_t tcp_urgent_queued(const struct tcp *t)
{
	return t->rcv.urgent ? seq_len(read_point(t), t->rcv.up) : 0;
}

uint32_t tcp_urgent_undelivered(const struct tcp *t)
{
	seq32 next = seq_sub(t->rcv.nxt, t->rcv_ring.len + t->rcv.borrowed + t->fin_received);

	return t->rcv.urgent && seq_gt(t->rcv.up, next) ? seq_len(next, t->rcv.up) : 0;
}

void tcp_send_urgent(struct tcp_layer *l, struct tcp *t)
{
	if (!t->snd_ring.len)
		return;
	t->snd.up = seq_add(t->snd.head, t->snd_ring.len);
	t->snd.urgent = true;
	t->ack_owed = tcp_synchronized(t->state); /* the mark does not wait for the window to open */
	tcp_output_wanted(l, t);
}

void tcp_urgent_acked(struct tcp *t)
{
	if (t->snd.urgent && seq_le(t->snd.up, t->snd.una))
		t->snd.urgent = false;
}

uint16_t tcp_urgent_pointer(const struct tcp *t, seq32 seq)
{
	if (!t->snd.urgent || seq_le(t->snd.up, seq))
		return 0;
	return (uint16_t)u32_min(seq_len(seq, t->snd.up), UINT16_MAX);
}
