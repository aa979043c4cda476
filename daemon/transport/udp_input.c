/* UDP input: from a datagram of the internet layer to a record for an application.
 *
 * A datagram that arrives is put in the layer's arrival list, payload borrowed; the socket remembers its first and last
 * one. The application's view is one queue: what the receive ring holds, then this turn's arrivals. At the end of the
 * turn, arrivals that nobody took are copied into the ring, or dropped when SO_RCVBUF is used up. */
#include "transport/udp_internal.h"

#include "base/bytes.h"
#include "transport/udp_queue.h"
#include <errno.h>

#define ARRIVALS_FIRST 64

struct udp_arrival {
	struct udp *u;
	struct udp_record rec;
	const uint8_t *payload; /* borrowed until the turn's end */
	uint32_t next;          /* the socket's next arrival, index + 1; 0: none */
};

static bool arrival_room(struct udp_layer *l)
{
	if (l->arrival_count < l->arrival_capacity)
		return true;
	uint32_t capacity = l->arrival_capacity > 0 ? l->arrival_capacity * 2 : ARRIVALS_FIRST;
	struct udp_arrival *a = env_realloc(l->env, l->arrival, l->arrival_capacity * sizeof(*a),
	                                    capacity * sizeof(*a));
	if (!a)
		return false;
	l->arrival = a;
	l->arrival_capacity = capacity;
	return true;
}

void udp_arrivals_free(struct udp_layer *l)
{
	env_free(l->env, l->arrival, l->arrival_capacity * sizeof(*l->arrival));
	l->arrival = NULL;
	l->arrival_capacity = l->arrival_count = 0;
}

/* False: no memory. */
static bool arrive(struct udp_layer *l, struct udp *u, const struct udp_record *rec, const uint8_t *payload)
{
	if (!arrival_room(l))
		return false;
	l->arrival[l->arrival_count++] = (struct udp_arrival){.u = u, .rec = *rec, .payload = payload};
	uint32_t mine = l->arrival_count;
	if (u->arrivals == 0)
		u->arrivals = mine;
	else
		l->arrival[u->arrivals_tail - 1].next = mine;
	u->arrivals_tail = mine;
	u->arrived_bytes += rec->len;
	if (!list_linked(&u->ready_link))
		list_push_back(&l->ready, &u->ready_link);
	u->last_received = l->env->now;
	l->up.arrived(l->up.ctx, u);
	return true;
}

static void deliver(struct udp_layer *l, struct udp *u, const struct ip_rx *rx, const struct udp_record *rec)
{
	enum counter reason = CNT_UdpInShut;
	if (!u->input_shut) {
		if (arrive(l, u, rec, rx->payload + UDP_HDR_LEN))
			return;
		reason = CNT_UdpRcvbufErrors;
	}
	u->drops++;
	ip_drop(l->ip, reason, rx->header, rx->header_len + rx->payload_len);
}

/* RFC 1122 4.1.3.5: a datagram to a group goes to every socket that is bound to its port. False: there is none. */
static bool deliver_group(struct udp_layer *l, const struct ip_rx *rx, struct endpoint dst,
                          const struct udp_record *rec)
{
	uint64_t after = 0;
	struct pcb *p;
	while ((p = pcb_next_match(&l->pcbs, dst, after))) {
		after = p->bind_seq;
		deliver(l, udp_of_pcb(p), rx, rec);
	}
	return after != 0;
}

static bool deliver_single(struct udp_layer *l, const struct ip_rx *rx, struct endpoint dst,
                           const struct udp_record *rec)
{
	struct pcb *p = pcb_lookup_tuple(&l->pcbs, dst, rec->addr);
	if (!p)
		p = pcb_lookup_port(&l->pcbs, dst, false);
	if (!p)
		return false;
	deliver(l, udp_of_pcb(p), rx, rec);
	return true;
}

void udp_input(void *ctx, const struct ip_rx *whole)
{
	struct udp_layer *l = ctx;
	struct ip_rx rx = *whole;
	const uint8_t *p = rx.payload;
	uint32_t len = rx.payload_len >= UDP_HDR_LEN ? load_be16(p + 4) : 0;
	if (len < UDP_HDR_LEN || len > rx.payload_len) {
		ip_drop(l->ip, CNT_UdpInErrors, rx.header, rx.header_len + rx.payload_len);
		return;
	}
	rx.payload_len = len;
	/* RFC 768: an all zero checksum means that the transmitter generated none. RFC 1122 4.1.3.4. */
	if (load_be16(p + 6) != 0 && !ip_verify_csum(&rx)) {
		ip_drop(l->ip, CNT_UdpInCsumErrors, rx.header, rx.header_len + len);
		return;
	}
	struct endpoint dst = {.addr = rx.dst, .port = load_be16(p + 2)};
	struct udp_record rec = {
	        .addr = {.addr = rx.src, .port = load_be16(p)},
	        .len = len - UDP_HDR_LEN,
	        .ttl = rx.ttl,
	};
	if (rx.group ? deliver_group(l, &rx, dst, &rec) : deliver_single(l, &rx, dst, &rec))
		return;
	ip_drop(l->ip, CNT_UdpNoPorts, rx.header, rx.header_len + len);
	/* RFC 1122 4.1.3.1: a datagram for a port on which nobody listens SHOULD be answered with port unreachable. */
	icmp_send_unreachable(l->ip, &rx, ICMP_UNREACH_PORT);
}

void udp_error(void *ctx, const struct ip_error *e)
{
	struct udp_layer *l = ctx;
	struct endpoint local = {.addr = e->src, .port = load_be16(e->quoted)};
	struct endpoint remote = {.addr = e->dst, .port = load_be16(e->quoted + 2)};
	struct pcb *p = pcb_lookup_tuple(&l->pcbs, local, remote);
	/* RFC 1122 4.1.3.3: ICMP errors are passed up; an unconnected socket could not tell which peer is meant. */
	if (!p) {
		ip_drop(l->ip, CNT_IcmpInIgnored, e->quoted, e->quoted_len);
		return;
	}
	struct udp *u = udp_of_pcb(p);
	struct udp_record rec = {.addr = remote, .error = e->error};
	if (u->input_shut || !arrive(l, u, &rec, NULL)) {
		u->drops++;
		ip_drop(l->ip, u->input_shut ? CNT_UdpInShut : CNT_UdpRcvbufErrors, e->quoted, e->quoted_len);
	}
}

bool udp_peek(struct udp_layer *l, struct udp *u, struct udp_record *rec, struct iovec iov[2], int *niov)
{
	if (udp_queue_front(&u->rcv, rec)) {
		*niov = udp_queue_payload(&u->rcv, rec, iov);
		return true;
	}
	if (u->arrivals == 0)
		return false;
	const struct udp_arrival *a = &l->arrival[u->arrivals - 1];
	*rec = a->rec;
	*niov = 0;
	if (a->rec.len > 0)
		iov[(*niov)++] = (struct iovec){.iov_base = (void *)(uintptr_t)a->payload, .iov_len = a->rec.len};
	return true;
}

static const struct udp_arrival *next_arrival(struct udp_layer *l, struct udp *u)
{
	const struct udp_arrival *a = &l->arrival[u->arrivals - 1];
	u->arrivals = a->next;
	if (u->arrivals == 0)
		u->arrivals_tail = 0;
	u->arrived_bytes -= a->rec.len;
	return a;
}

static void count_in(struct udp_layer *l, struct udp *u, const struct udp_record *rec)
{
	if (rec->error)
		return;
	u->in++;
	COUNT(l->cnt, UdpInDatagrams);
}

void udp_consume(struct udp_layer *l, struct udp *u)
{
	struct udp_record rec;
	if (udp_queue_front(&u->rcv, &rec)) {
		u->rcv_bytes -= rec.len;
		udp_queue_pop(&u->rcv);
		if (u->rcv.len == 0)
			ring_release(&u->rcv, l->rings);
		return;
	}
	assert(u->arrivals != 0);
	count_in(l, u, &next_arrival(l, u)->rec);
}

void udp_turn_end(struct udp_layer *l)
{
	list_for_each_safe(it, tmp, &l->ready)
	{
		struct udp *u = list_entry(it, struct udp, ready_link);
		list_remove(it);
		while (u->arrivals != 0) {
			const struct udp_arrival *a = next_arrival(l, u);
			if (udp_queue_push(&u->rcv, l->rings, u->rcvbuf, &a->rec, a->payload) == 0) {
				u->rcv_bytes += a->rec.len;
				count_in(l, u, &a->rec);
			} else {
				u->drops++;
				ip_drop(l->ip, CNT_UdpRcvbufErrors, a->payload, a->rec.len);
			}
		}
	}
	l->arrival_count = 0;
	udp_return_lent(l);
}

uint32_t udp_recv_queued(const struct udp *u)
{
	return u->rcv_bytes + u->arrived_bytes;
}
