/* UDP: the life of a socket, what it sends, its snapshot. Input is in udp_input.c.
 *
 * Sockets with datagrams to send stand in the layer's out list and take turns, one datagram each. A datagram leaves its
 * ring when the frame is lent out; the ring's memory goes back to the pool only after that frame is done with. */
#include "transport/udp.h"

#include "base/bytes.h"
#include "transport/udp_internal.h"
#include "transport/udp_queue.h"
#include <errno.h>

#define UDP_CSUM_OFFSET   6
#define UDP_MULTICAST_TTL 1           /* RFC 1112 6.1 */
#define UDP_SNAP_TAG      0x55445020u /* "UDP " */

bool udp_init(struct udp_layer *l, struct env *env, struct counters *cnt, struct ip_layer *ip, struct ring_pool *rings,
              struct udp_upcalls up)
{
	*l = (struct udp_layer){.env = env, .cnt = cnt, .ip = ip, .rings = rings, .up = up};
	list_init(&l->out);
	list_init(&l->ready);
	if (!pcb_table_init(&l->pcbs, env))
		return false;
	ip_register(ip, IP_PROTO_UDP, (struct ip_handler){.input = udp_input, .error = udp_error, .ctx = l});
	return true;
}

void udp_free(struct udp_layer *l)
{
	assert(list_empty(&l->out) && list_empty(&l->ready));
	udp_arrivals_free(l);
	pcb_table_free(&l->pcbs);
}

void udp_pcb_init(struct udp *u, uint32_t rcvbuf, uint32_t sndbuf)
{
	*u = (struct udp){
	        .rcvbuf = rcvbuf,
	        .sndbuf = sndbuf,
	        .ttl = IP_DEFAULT_TTL,
	        .last_sent = INSTANT_NEVER,
	        .last_received = INSTANT_NEVER,
	};
	list_init(&u->ready_link);
	list_init(&u->out_link);
}

void udp_pcb_release(struct udp_layer *l, struct udp *u)
{
	if (l->lent == u)
		l->lent = NULL;
	list_remove(&u->ready_link);
	list_remove(&u->out_link);
	u->arrivals = u->arrivals_tail = u->arrived_bytes = 0;
	u->rcv_bytes = u->snd_bytes = 0;
	ring_release(&u->rcv, l->rings);
	ring_release(&u->snd, l->rings);
	pcb_remove(&l->pcbs, &u->pcb);
}

int udp_bind(struct udp_layer *l, struct udp *u, struct endpoint local)
{
	if (u->pcb.bound)
		return EINVAL;
	if (!ip_is_unspecified(local.addr) && !ip_is_ours(l->ip, local.addr) && !ip_is_broadcast(l->ip, local.addr))
		return EADDRNOTAVAIL;
	if (local.port == 0)
		return pcb_bind_ephemeral(&l->pcbs, &u->pcb, local.addr, (struct endpoint){0});
	return pcb_bind(&l->pcbs, &u->pcb, local, NULL);
}

/* May u send to dst? *source: from which address. */
static int udp_check_destination(const struct udp_layer *l, const struct udp *u, struct endpoint dst,
                                 struct ip_addr *source, uint16_t *mtu)
{
	if (dst.port == 0)
		return EINVAL;
	int error = ip_route_lookup(l->ip, dst.addr, source, mtu);
	if (error)
		return error;
	if (ip_is_broadcast(l->ip, dst.addr) && !u->broadcast)
		return EACCES;
	return 0;
}

int udp_connect(struct udp_layer *l, struct udp *u, struct endpoint remote)
{
	struct pcb *p = &u->pcb;
	struct ip_addr source;
	if (remote.addr.family == IP_NONE) {
		pcb_disconnect(&l->pcbs, p);
		return 0;
	}
	int error = udp_check_destination(l, u, remote, &source, NULL);
	if (error)
		return error;
	if (p->connected) {
		/* A second connect keeps the port. */
		bool chosen = p->port_chosen;
		p->port_chosen = false;
		pcb_disconnect(&l->pcbs, p);
		p->port_chosen = chosen;
	}
	if (!p->bound) {
		error = pcb_bind_ephemeral(&l->pcbs, p, source, remote);
		if (error)
			return error;
		p->addr_chosen = true;
	}
	pcb_choose_source(p, source);
	return pcb_connect(&l->pcbs, p, remote);
}

static void enter_out(struct udp_layer *l, struct udp *u)
{
	u->out_seq = ++l->out_seq;
	list_push_back(&l->out, &u->out_link);
}

int udp_send(struct udp_layer *l, struct udp *u, struct endpoint dst, const void *data, uint32_t len)
{
	struct ip_addr source;
	uint16_t mtu;
	if (dst.addr.family == IP_NONE) {
		if (!u->pcb.connected)
			return EDESTADDRREQ;
		dst = u->pcb.remote;
	}
	if (len > UDP_PAYLOAD_MAX)
		return EMSGSIZE;
	int error = udp_check_destination(l, u, dst, &source, &mtu);
	if (error)
		return error;
	if (IPV4_HDR_MIN + UDP_HDR_LEN + len > mtu) {
		COUNT(l->cnt, IpOutFragNeeded);
		return EMSGSIZE;
	}
	/* RFC 6056 and bind(2): an unbound socket gets an ephemeral port with its first datagram. */
	if (!u->pcb.bound && pcb_bind_ephemeral(&l->pcbs, &u->pcb, u->pcb.local.addr, (struct endpoint){0}) != 0)
		return EAGAIN;
	struct udp_record rec = {.addr = dst, .len = len, .ttl = u->ttl};
	error = udp_queue_push(&u->snd, l->rings, u->sndbuf, &rec, data);
	if (error) {
		COUNT(l->cnt, UdpSndbufErrors);
		u->writable_wanted = u->writable_wanted || error == EAGAIN;
		return error;
	}
	u->snd_bytes += len;
	if (!list_linked(&u->out_link))
		enter_out(l, u);
	return 0;
}

void udp_return_lent(struct udp_layer *l)
{
	struct udp *u = l->lent;
	if (!u)
		return;
	l->lent = NULL;
	if (u->snd.len == 0)
		ring_release(&u->snd, l->rings);
	if (u->writable_wanted && u->snd.len <= u->sndbuf / 2) {
		u->writable_wanted = false;
		l->up.writable(l->up.ctx, u);
	}
}

/* The oldest datagram of u as a frame; it leaves the ring. False: the internet layer kept or dropped it. */
static bool udp_build(struct udp_layer *l, struct udp *u, struct frame_out *f)
{
	struct udp_record rec;
	struct ip_addr source = u->pcb.local.addr;
	bool some = udp_queue_front(&u->snd, &rec);
	assert(some);
	(void)some;
	frame_begin(f);
	f->niov = udp_queue_payload(&u->snd, &rec, f->iov);
	f->payload = rec.len;
	u->snd_bytes -= rec.len;
	udp_queue_pop(&u->snd);
	if (!ip_is_ours(l->ip, source) && ip_route_lookup(l->ip, rec.addr.addr, &source, NULL) != 0) {
		ip_drop(l->ip, CNT_IpOutNoRoutes, NULL, rec.len);
		return false;
	}
	struct ip_tx tx = {
	        .src = source,
	        .dst = rec.addr.addr,
	        .protocol = IP_PROTO_UDP,
	        .ttl = ip_is_multicast(rec.addr.addr) ? UDP_MULTICAST_TTL : rec.ttl,
	        .tos = u->tos,
	};
	uint8_t *p = frame_prepend(f, UDP_HDR_LEN);
	store_be16(p, u->pcb.local.port);
	store_be16(p + 2, rec.addr.port);
	store_be16(p + 4, (uint16_t)(UDP_HDR_LEN + rec.len));
	/* RFC 1122 4.1.3.4: datagrams are sent with a checksum. */
	ip_transport_csum(l->ip, f, &tx, UDP_CSUM_OFFSET);
	enum ip_sent sent = ip_output(l->ip, f, &tx);
	if (sent != IP_FRAME_DROPPED) {
		COUNT(l->cnt, UdpOutDatagrams);
		u->out++;
		u->last_sent = l->env->now;
	}
	return sent == IP_FRAME_READY;
}

bool udp_output(struct udp_layer *l, struct frame_out *f)
{
	udp_return_lent(l);
	while (!list_empty(&l->out)) {
		struct udp *u = list_entry(l->out.next, struct udp, out_link);
		bool ready = udp_build(l, u, f);
		list_remove(&u->out_link);
		if (u->snd.len > 0)
			enter_out(l, u);
		l->lent = u;
		if (ready)
			return true;
		udp_return_lent(l);
	}
	return false;
}

uint32_t udp_send_queued(const struct udp *u)
{
	return u->snd_bytes;
}

/* A loaded socket goes where it stood among those that send. */
static void enter_out_loaded(struct udp_layer *l, struct udp *u)
{
	struct list *at = &l->out;
	while (at->prev != &l->out && list_entry(at->prev, struct udp, out_link)->out_seq > u->out_seq)
		at = at->prev;
	list_insert_before(at, &u->out_link);
}

void snap_udp(struct snap *s, struct udp_layer *l, struct udp *u)
{
	assert(u->arrivals == 0);
	snap_pcb(s, &l->pcbs, &u->pcb);
	snap_u64(s, &u->out_seq);
	snap_u32(s, &u->rcvbuf);
	snap_u32(s, &u->sndbuf);
	snap_u64(s, &u->in);
	snap_u64(s, &u->out);
	snap_u64(s, &u->drops);
	snap_instant(s, &u->last_sent);
	snap_instant(s, &u->last_received);
	snap_u8(s, &u->ttl);
	snap_u8(s, &u->tos);
	snap_bool(s, &u->broadcast);
	snap_bool(s, &u->input_shut);
	snap_bool(s, &u->writable_wanted);
	snap_udp_queue(s, &u->rcv, l->rings, &u->rcv_bytes);
	snap_udp_queue(s, &u->snd, l->rings, &u->snd_bytes);
	if (!snap_loading(s) || !snap_ok(s) || u->snd.len == 0)
		return;
	snap_check(s, u->pcb.bound, "datagrams to send, but no port");
	enter_out_loaded(l, u);
}

void snap_udp_layer(struct snap *s, struct udp_layer *l)
{
	assert(list_empty(&l->ready));
	snap_tag(s, UDP_SNAP_TAG);
	snap_pcb_table(s, &l->pcbs);
	snap_u64(s, &l->out_seq);
}
