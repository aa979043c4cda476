/* Invariants of the control blocks, checked after every turn, and around every frame that leaves a host. */
#include "sim.h"

#define NEED(h, t, cond)                                                                             \
	do {                                                                                         \
		if (!(cond)) {                                                                       \
			world_fail((h)->world, "host %d socket %llu (%s): %s", (h)->index,           \
			           (unsigned long long)(t)->id, tcp_state_names[(t)->state], #cond); \
			return;                                                                      \
		}                                                                                    \
	} while (0)

static void check_records(struct sim_host *h, const struct tcp *t)
{
	uint32_t pipe = 0, lost = 0;
	seq32 at = t->snd.una;

	for (uint32_t i = 0; i < t->txq.count; i++) {
		const struct tcp_txrec *r = txq_at(&t->txq, i);
		NEED(h, t, seq_eq(r->seq, at) && r->len > 0);
		NEED(h, t, !(r->sacked && r->lost));
		at = txrec_end(r);
		if (r->lost)
			lost += r->len;
		else if (!r->sacked)
			pipe += r->len;
	}
	NEED(h, t, t->txq.count == 0 || seq_eq(at, t->snd.nxt));
	NEED(h, t, pipe == t->pipe);
	NEED(h, t, lost == t->lost);
}

static void check_timers(struct sim_host *h, const struct tcp *t)
{
	bool outstanding = t->txq.count && t->state != TCP_CLOSED && t->state != TCP_TIME_WAIT;

	/* Whatever is outstanding, some timer will bring it on. */
	NEED(h, t, !outstanding || tcp_timer_on(t, TCP_TIMER_RETRANSMIT) || tcp_timer_on(t, TCP_TIMER_PERSIST));
	NEED(h, t, !(tcp_timer_on(t, TCP_TIMER_RETRANSMIT) && tcp_timer_on(t, TCP_TIMER_PERSIST)));
	NEED(h, t, t->state != TCP_TIME_WAIT || tcp_timer_on(t, TCP_TIMER_WAIT));
}

static void check_receive(struct sim_host *h, struct tcp *t)
{
	struct sim_app *a = app_of(h, t->id);

	NEED(h, t, t->rcv.borrowed == 0 && t->rcv.arrivals == 0);
	for (uint32_t i = 0; i < t->rcv.gaps; i++) {
		NEED(h, t, seq_lt(t->rcv.gap[i].start, t->rcv.gap[i].end));
		NEED(h, t, seq_gt(t->rcv.gap[i].start, i ? t->rcv.gap[i - 1].end : t->rcv.nxt));
	}
	if (!a || !tcp_synchronized(t->state) || !tcp_may_receive(t->state))
		return;
	NEED(h, t, tcp_recv_queued(t) <= t->rcvbuf + (1u << t->rcv.wind_shift));
	if (a->adv_known)
		NEED(h, t, seq_ge(t->rcv.adv, a->adv_seen));
	a->adv_seen = t->rcv.adv;
	a->adv_known = true;
}

void check_host(struct sim_host *h)
{
	list_for_each(it, &h->stack->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		if (so->protocol != SOCKET_TCP || h->world->failure)
			continue;
		struct tcp *t = &so->tcp;
		check_records(h, t);
		check_timers(h, t);
		check_receive(h, t);
		if (tcp_synchronized(t->state) && t->state != TCP_TIME_WAIT && !h->world->failure) {
			NEED(h, t, seq_le(t->snd.una, t->snd.nxt));
			NEED(h, t, t->cwnd >= t->snd.mss);
			NEED(h, t, t->recovery == TCP_OPEN || t->ssthresh >= 2u * t->snd.mss);
		}
	}
}

/* What the congestion window holds back, and what may pass it: RFC 6675 5 (4.3), a tail loss probe, a window probe. */
void check_before(struct sim_host *h)
{
	h->before_count = 0;
	list_for_each(it, &h->stack->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		if (so->protocol != SOCKET_TCP || h->before_count == SIM_APPS_MAX)
			continue;
		h->before[h->before_count].socket = so->id;
		h->before[h->before_count].pipe = so->tcp.pipe;
		h->before[h->before_count].exempt = so->tcp.retransmit_owed || so->tcp.probe_owed ||
		                                    so->tcp.persist_owed;
		h->before_count++;
	}
}

void check_frame(struct sim_host *h, const struct flat_frame *f)
{
	struct wire_seg g;

	if (!wire_parse(f->bytes, f->len, &f->off, &g) || !g.len) /* a FIN takes no room */
		return;
	struct endpoint local = {ip4_from_bytes(f->bytes + 26), g.src}, remote = {ip4_from_bytes(f->bytes + 30), g.dst};
	struct pcb *p = pcb_lookup_tuple(&h->stack->tcp.pcbs, local, remote);
	if (!p)
		return;
	const struct tcp *t = container_of(p, struct tcp, pcb);
	/* Without memory to cut a record, all of it counts as sent again, whatever went. */
	if (h->world->alloc_failures)
		return;
	/* RFC 3042, RFC 6582 3.2: without SACK each duplicate ACK lets one segment more go. */
	uint32_t window = t->cwnd + (t->sack_ok || t->recovery == TCP_LOSS ? 0 : (uint32_t)t->dupacks * t->snd.mss);
	for (int i = 0; i < h->before_count; i++)
		if (h->before[i].socket == t->id && !h->before[i].exempt && t->pipe > h->before[i].pipe &&
		    t->pipe > window + 1)
			world_fail(h->world, "host %d socket %llu: %u octets in flight, window %u", h->index,
			           (unsigned long long)t->id, t->pipe, window);
}
