/* Invariants, checked after every turn, and of every frame that leaves a host. */
#include "base/bytes.h"
#include "sim.h"
#include "transport/tcp_internal.h"

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

/* The frame leaves host h: what the other host knows must agree with it. */
void check_frame(struct sim_host *h, const struct flat_frame *f)
{
	struct sim_host *peer = &h->world->host[1 - h->index];
	const uint8_t *ip = f->bytes + 14;

	if (f->len < 14 + 20 || load_be16(f->bytes + 12) != 0x0800)
		return;
	NEED(h, &(struct tcp){.id = 0}, load_be16(ip + 2) == f->len - 14);
	NEED(h, &(struct tcp){.id = 0}, f->off.gso != GSO_NONE || f->len - 14 <= h->world->cfg[h->index].ip.mtu);
	if (ip[9] != IP_PROTO_TCP)
		return;
	const uint8_t *th = ip + 20;
	struct endpoint local = {ip4_from_bytes(ip + 16), load_be16(th + 2)};
	struct endpoint remote = {ip4_from_bytes(ip + 12), load_be16(th)};
	uint32_t text = f->len - 14 - 20 - (uint32_t)(th[12] >> 4) * 4;
	seq32 end = seq_add(seq_of(load_be32(th + 4)), text);
	struct pcb *p = pcb_lookup_tuple(&peer->stack->tcp.pcbs, local, remote);
	if (!p || !text)
		return;
	const struct tcp *t = container_of(p, struct tcp, pcb);
	if (!tcp_synchronized(t->state) || t->state == TCP_TIME_WAIT)
		return;
	/* RFC 9293 3.8.6: never beyond the right edge that the peer has advertised; a probe has one octet. */
	NEED(h, t, seq_le(end, seq_add(t->rcv.adv, 1)));
}
