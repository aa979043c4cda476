/* Datagrams on their way to an application.
 *
 * A datagram that arrives is put in the layer's arrival list, payload borrowed; the socket remembers its first and last
 * one. The application's view is one queue: what the receive ring holds, then this turn's arrivals. At the end of the
 * turn, arrivals that nobody took are copied into the ring, or dropped when SO_RCVBUF is used up. */
#include "transport/dgram_internal.h"

#include "transport/dgram_queue.h"
#include <errno.h>

#define ARRIVALS_FIRST 64

struct dgram_arrival {
	struct dgram *d;
	struct dgram_record rec;
	const uint8_t *payload; /* borrowed until the turn's end */
	uint32_t next;          /* the socket's next arrival, index + 1; 0: none */
};

/* Why a datagram does not reach its socket. */
static const struct {
	enum counter full, no_memory, shut;
} reasons[DGRAM_KINDS] = {
        [DGRAM_UDP] = {CNT_UdpRcvbufErrors, CNT_UdpMemErrors, CNT_UdpInShut},
        [DGRAM_PING] = {CNT_PingRcvbufErrors, CNT_PingRcvbufErrors, CNT_PingInShut},
        [DGRAM_RAW] = {CNT_RawRcvbufErrors, CNT_RawRcvbufErrors, CNT_RawInShut},
};

static bool arrival_room(struct dgram_layer *l)
{
	if (l->arrival_count < l->arrival_capacity)
		return true;
	uint32_t capacity = l->arrival_capacity > 0 ? l->arrival_capacity * 2 : ARRIVALS_FIRST;
	struct dgram_arrival *a = env_realloc(l->env, l->arrival, l->arrival_capacity * sizeof(*a),
	                                      capacity * sizeof(*a));
	if (!a)
		return false;
	l->arrival = a;
	l->arrival_capacity = capacity;
	return true;
}

void dgram_arrivals_free(struct dgram_layer *l)
{
	env_free(l->env, l->arrival, l->arrival_capacity * sizeof(*l->arrival));
	l->arrival = NULL;
	l->arrival_capacity = l->arrival_count = 0;
}

/* False: no memory. */
static bool arrive(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, const uint8_t *payload)
{
	if (!arrival_room(l))
		return false;
	struct dgram_arrival *a = &l->arrival[l->arrival_count++];
	*a = (struct dgram_arrival){.d = d, .rec = *rec, .payload = payload};
	a->rec.at = l->env->now;
	a->rec.drops = (uint32_t)d->drops;
	uint32_t mine = l->arrival_count;
	if (d->arrivals == 0)
		d->arrivals = mine;
	else
		l->arrival[d->arrivals_tail - 1].next = mine;
	d->arrivals_tail = mine;
	d->arrived_bytes += rec->len;
	if (!list_linked(&d->ready_link))
		list_push_back(&l->ready, &d->ready_link);
	d->last_received = l->env->now;
	l->up.arrived(l->up.ctx, d);
	return true;
}

bool dgram_arrive(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, const uint8_t *payload)
{
	enum counter reason = reasons[d->kind].shut;
	if (!d->input_shut) {
		if (arrive(l, d, rec, payload))
			return true;
		reason = reasons[d->kind].no_memory;
	}
	d->drops++;
	ip_drop(l->ip, reason, payload, rec->len);
	return false;
}

bool dgram_peek(struct dgram_layer *l, struct dgram *d, struct dgram_record *rec, struct iovec iov[2], int *niov)
{
	if (dgram_queue_front(&d->rcv, rec)) {
		*niov = dgram_queue_payload(&d->rcv, rec, iov);
		return true;
	}
	if (d->arrivals == 0)
		return false;
	const struct dgram_arrival *a = &l->arrival[d->arrivals - 1];
	*rec = a->rec;
	*niov = 0;
	if (a->rec.len > 0)
		iov[(*niov)++] = (struct iovec){.iov_base = (void *)(uintptr_t)a->payload, .iov_len = a->rec.len};
	return true;
}

static const struct dgram_arrival *next_arrival(struct dgram_layer *l, struct dgram *d)
{
	const struct dgram_arrival *a = &l->arrival[d->arrivals - 1];
	d->arrivals = a->next;
	if (d->arrivals == 0)
		d->arrivals_tail = 0;
	d->arrived_bytes -= a->rec.len;
	return a;
}

static void count_in(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec)
{
	if (rec->error)
		return;
	d->in++;
	if (d->kind == DGRAM_UDP)
		COUNT(l->cnt, UdpInDatagrams);
}

void dgram_consume(struct dgram_layer *l, struct dgram *d)
{
	struct dgram_record rec;
	if (dgram_queue_front(&d->rcv, &rec)) {
		d->rcv_bytes -= rec.len;
		dgram_queue_pop(&d->rcv);
		if (d->rcv.len == 0)
			ring_release(&d->rcv, l->rings);
		return;
	}
	assert(d->arrivals != 0);
	count_in(l, d, &next_arrival(l, d)->rec);
}

void dgram_forget_received(struct dgram_layer *l, struct dgram *d)
{
	struct dgram_record rec;
	for (; d->arrivals != 0; COUNT(l->cnt, SocketUnread))
		(void)next_arrival(l, d);
	for (; dgram_queue_front(&d->rcv, &rec); dgram_queue_pop(&d->rcv))
		COUNT(l->cnt, SocketUnread);
	d->rcv_bytes = 0;
	ring_release(&d->rcv, l->rings);
}

/* Into the ring, or dropped. */
static void keep(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, const uint8_t *payload)
{
	int error = dgram_queue_push(&d->rcv, l->rings, d->rcvbuf, rec, payload);
	if (error == 0) {
		d->rcv_bytes += rec->len;
		count_in(l, d, rec);
		return;
	}
	enum counter reason = error == ENOBUFS ? reasons[d->kind].no_memory : reasons[d->kind].full;
	d->drops++;
	ip_drop(l->ip, rec->error ? CNT_SocketErrorDrops : reason, payload, rec->len);
}

void dgram_path_narrows(struct dgram_layer *l, const struct ip_error *e)
{
	/* RFC 1191 5: an old router tells no MTU. */
	if (e->error == EMSGSIZE)
		ip_path_narrows(l->ip, e->dst, e->mtu ? e->mtu : ip_pmtu_plateau(e->total));
}

/* The whole report, copied now, behind all that has arrived: what it quotes lives for this call only. */
static void report(struct dgram_layer *l, struct dgram *d, struct dgram_record *rec, const struct ip_error *e,
                   uint32_t header)
{
	uint32_t skipped = u32_min(header, e->quoted_len);

	rec->reported = true;
	rec->icmp_type = e->type;
	rec->icmp_code = e->code;
	rec->mtu = e->error == EMSGSIZE && e->mtu == 0 ? ip_pmtu_plateau(e->total) : e->mtu;
	rec->offender = e->from;
	rec->ttl = e->ttl;
	rec->tos = e->tos;
	rec->at = l->env->now;
	rec->drops = (uint32_t)d->drops;
	rec->len = e->quoted_len - skipped;
	while (d->arrivals != 0) {
		const struct dgram_arrival *a = next_arrival(l, d);
		keep(l, d, &a->rec, a->payload);
	}
	keep(l, d, rec, e->quoted + skipped);
	d->last_received = l->env->now;
	l->up.arrived(l->up.ctx, d);
}

bool dgram_error(struct dgram_layer *l, struct dgram *d, struct endpoint remote, const struct ip_error *e,
                 uint32_t header)
{
	struct dgram_record rec = {.addr = remote, .error = e->error, .dst = e->src, .local = e->src};

	if (!d->recverr && !dgram_connected(d))
		return false;
	/* Whoever lets his datagrams be cut need not hear of it (Linux: IP_PMTUDISC_DONT). */
	if (e->error == EMSGSIZE && d->pmtu == DGRAM_PMTU_DONT)
		return false;
	if (d->recverr && !d->input_shut)
		report(l, d, &rec, e, header);
	else if (d->input_shut || !arrive(l, d, &rec, NULL)) {
		d->drops++;
		ip_drop(l->ip, CNT_SocketErrorDrops, e->quoted, e->quoted_len);
	}
	return true;
}

void dgram_loop(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, const uint8_t *payload)
{
	if (d->input_shut) {
		d->drops++;
		ip_drop(l->ip, reasons[d->kind].shut, payload, rec->len);
		return;
	}
	struct dgram_record mine = *rec;
	mine.at = l->env->now;
	mine.drops = (uint32_t)d->drops;
	keep(l, d, &mine, payload);
	d->last_received = l->env->now;
	l->up.arrived(l->up.ctx, d);
}

void dgram_turn_end(struct dgram_layer *l)
{
	list_for_each_safe(it, tmp, &l->ready)
	{
		struct dgram *d = list_entry(it, struct dgram, ready_link);
		list_remove(it);
		while (d->arrivals != 0) {
			const struct dgram_arrival *a = next_arrival(l, d);
			keep(l, d, &a->rec, a->payload);
		}
	}
	l->arrival_count = 0;
	dgram_return_lent(l);
}

uint32_t dgram_recv_queued(const struct dgram *d)
{
	return d->rcv_bytes + d->arrived_bytes;
}
