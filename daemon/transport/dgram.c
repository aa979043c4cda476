/* Datagram sockets: their life, what they send, their snapshot. Input is in dgram_input.c.
 *
 * Sockets with datagrams to send stand in the layer's out list and take turns, one datagram each. A datagram leaves its
 * ring when the frame is lent out; the ring's memory goes back to the pool only after that frame is done with. */
#include "transport/dgram.h"

#include "ip/ip_options.h"
#include "transport/dgram_internal.h"
#include "transport/dgram_queue.h"
#include <errno.h>

#define DGRAM_SNAP_TAG 0x4447524du /* "DGRM" */

static const struct dgram_ops *const ops[] = {
        [DGRAM_UDP] = &udp_ops,
        [DGRAM_PING] = &ping_ops,
        [DGRAM_RAW] = &raw_ops,
};
_Static_assert(ARRAY_LEN(ops) == DGRAM_KINDS, "functions for each kind");

bool dgram_layer_init(struct dgram_layer *l, struct env *env, struct counters *cnt, struct ip_layer *ip,
                      struct ring_pool *rings, struct dgram_upcalls up)
{
	*l = (struct dgram_layer){.env = env, .cnt = cnt, .ip = ip, .rings = rings, .up = up};
	list_init(&l->out);
	list_init(&l->ready);
	list_init(&l->raw);
	if (!pcb_table_init(&l->udp, env))
		return false;
	if (!pcb_table_init(&l->ping, env)) {
		pcb_table_free(&l->udp);
		return false;
	}
	ip_register(ip, IP_PROTO_UDP, (struct ip_handler){.input = udp_input, .error = udp_error, .ctx = l});
	ip->echo = (struct ip_tap){.input = ping_input, .error = ping_error, .ctx = l};
	ip->raw = (struct ip_tap){.input = raw_input, .error = raw_error, .ctx = l};
	return true;
}

void dgram_layer_free(struct dgram_layer *l)
{
	assert(list_empty(&l->out) && list_empty(&l->ready) && list_empty(&l->raw));
	dgram_arrivals_free(l);
	pcb_table_free(&l->udp);
	pcb_table_free(&l->ping);
}

void dgram_init(struct dgram_layer *l, struct dgram *d, enum dgram_kind kind, uint32_t rcvbuf, uint32_t sndbuf)
{
	*d = (struct dgram){
	        .kind = kind,
	        .rcvbuf = rcvbuf,
	        .sndbuf = sndbuf,
	        .ttl = l->ip->cfg.ttl,
	        .last_sent = INSTANT_NEVER,
	        .last_received = INSTANT_NEVER,
	        .mc_ttl = DGRAM_MULTICAST_TTL,
	        .mc_loop = true,
	        .mc_all = true,
	        .pmtu = DGRAM_PMTU_WANT,
	};
	list_init(&d->raw_link);
	list_init(&d->ready_link);
	list_init(&d->out_link);
	list_init(&d->groups);
	if (kind == DGRAM_RAW)
		list_push_back(&l->raw, &d->raw_link);
}

void dgram_set_protocol(struct dgram *d, uint8_t protocol)
{
	assert(d->kind == DGRAM_RAW);
	d->pcb.local.port = protocol;
	d->own_header = protocol == RAW_PROTOCOL;
}

void dgram_release(struct dgram_layer *l, struct dgram *d)
{
	if (l->lent == d)
		l->lent = NULL;
	list_remove(&d->ready_link);
	list_remove(&d->out_link);
	dgram_forget_received(l, d);
	for (struct dgram_record rec; dgram_queue_front(&d->snd, &rec); dgram_queue_pop(&d->snd))
		COUNT(l->cnt, SocketUnsent);
	d->snd_bytes = 0;
	ring_release(&d->snd, l->rings);
	igmp_leave_all(l->ip, &d->groups);
	ops[d->kind]->release(l, d);
}

bool dgram_connected(const struct dgram *d)
{
	return d->pcb.remote.addr.family != IP_NONE;
}

uint8_t dgram_protocol(const struct dgram *d)
{
	assert(d->kind == DGRAM_RAW);
	return (uint8_t)d->pcb.local.port;
}

int dgram_check_local(const struct dgram_layer *l, struct ip_addr a)
{
	bool ok = ip_is_unspecified(a) || ip_is_ours(l->ip, a) || ip_is_broadcast(l->ip, a) || ip_is_multicast(a);
	return ok ? 0 : EADDRNOTAVAIL;
}

int dgram_bind(struct dgram_layer *l, struct dgram *d, struct endpoint local)
{
	int error = dgram_check_local(l, local.addr);
	return error ? error : ops[d->kind]->bind(l, d, local);
}

int dgram_check_destination(const struct dgram_layer *l, const struct dgram *d, struct ip_addr dst,
                            struct ip_addr *source, uint16_t *mtu)
{
	int error = ip_route_lookup(l->ip, dst, source, mtu);
	if (error)
		return error;
	/* RFC 1122 3.2.1.3 (g): 127/8 must not appear outside a host. */
	if (ip_is_loopback(d->pcb.local.addr) && !ip_is_ours(l->ip, dst))
		return EINVAL;
	return ip_is_broadcast(l->ip, dst) && !d->broadcast ? EACCES : 0;
}

int dgram_connect(struct dgram_layer *l, struct dgram *d, struct endpoint remote)
{
	struct ip_addr source;
	if (remote.addr.family == IP_NONE) {
		ops[d->kind]->disconnect(l, d);
		return 0;
	}
	if (d->kind == DGRAM_UDP && remote.port == 0)
		return EINVAL;
	int error = dgram_check_destination(l, d, remote.addr, &source, NULL);
	return error ? error : ops[d->kind]->connect(l, d, remote, source);
}

int dgram_check(struct dgram_layer *l, const struct dgram *d, struct endpoint dst, const struct dgram_control *control,
                uint32_t len, uint32_t *max)
{
	uint16_t mtu, options_len;
	int error = control ? dgram_check_control(l, control) : 0;
	if (error)
		return error;
	if (dst.addr.family == IP_NONE) {
		if (!dgram_connected(d))
			return EDESTADDRREQ;
		dst = d->pcb.remote;
	}
	if (d->kind == DGRAM_UDP && dst.port == 0)
		return EINVAL;
	struct ip_addr first = dgram_first_hop(d, control, dst.addr, &options_len);
	error = dgram_check_destination(l, d, first, NULL, &mtu);
	if (error)
		return error;
	uint32_t headers = d->own_header ? 0u : (uint32_t)ops[d->kind]->headers + options_len;
	*max = dgram_total_max(l, d, dst.addr, mtu) - headers;
	return len > *max ? EMSGSIZE : 0;
}

static void enter_out(struct dgram_layer *l, struct dgram *d)
{
	d->out_seq = ++l->out_seq;
	list_push_back(&l->out, &d->out_link);
}

int dgram_send(struct dgram_layer *l, struct dgram *d, struct endpoint dst, const struct dgram_control *control,
               const void *data, uint32_t len)
{
	uint32_t max;
	int error = dgram_check(l, d, dst, control, len, &max);
	if (error == EMSGSIZE && len + ops[d->kind]->headers <= IP_TOTAL_MAX)
		COUNT(l->cnt, SocketTooLong);
	if (error)
		return error;
	struct dgram_record rec = {
	        .addr = dst.addr.family == IP_NONE ? d->pcb.remote : dst, .len = len, .whole = d->own_header};
	dgram_fill(d, control, &rec);
	error = ops[d->kind]->judge(l, d, &rec, data);
	if (!error)
		error = ops[d->kind]->bind_to_send(l, d);
	if (error)
		return error;
	error = dgram_queue_push(&d->snd, l->rings, d->sndbuf, &rec, data);
	if (error) {
		d->writable_wanted = d->writable_wanted || error == EAGAIN;
		return error;
	}
	d->snd_bytes += len;
	if (!list_linked(&d->out_link))
		enter_out(l, d);
	if (d->kind == DGRAM_UDP)
		udp_loop(l, d, &rec, data);
	return 0;
}

void dgram_return_lent(struct dgram_layer *l)
{
	struct dgram *d = l->lent;
	if (!d)
		return;
	l->lent = NULL;
	if (d->snd.len == 0)
		ring_release(&d->snd, l->rings);
	if (d->writable_wanted && d->snd.len <= d->sndbuf / 2) {
		d->writable_wanted = false;
		l->up.writable(l->up.ctx, d);
	}
}

uint8_t *dgram_take_front(struct frame_out *f, uint16_t n)
{
	uint8_t *p = frame_prepend(f, n);
	uint16_t got = 0;
	assert(f->payload >= n);
	while (got < n) {
		struct iovec *v = &f->iov[0];
		size_t some = size_min(v->iov_len, (size_t)(n - got));
		memcpy(p + got, v->iov_base, some);
		got = (uint16_t)(got + some);
		v->iov_base = (uint8_t *)v->iov_base + some;
		v->iov_len -= some;
		if (v->iov_len == 0) {
			f->iov[0] = f->iov[1];
			f->niov--;
		}
	}
	f->payload -= n;
	return p;
}

bool dgram_choose_source(const struct dgram_layer *l, const struct dgram *d, const struct dgram_record *rec,
                         struct ip_addr first, struct ip_addr *source)
{
	*source = ip_is_unspecified(rec->local) ? d->pcb.local.addr : rec->local;
	return (!ip_is_unspecified(*source) && ip_is_ours(l->ip, *source)) ||
	       ip_route_lookup(l->ip, first, source, NULL) == 0;
}

/* The oldest datagram of d as a frame; it leaves the ring. False: the internet layer kept or dropped it. */
static bool build(struct dgram_layer *l, struct dgram *d, struct frame_out *f)
{
	struct dgram_record rec;
	bool some = dgram_queue_front(&d->snd, &rec);
	assert(some);
	(void)some;
	frame_begin(f);
	f->niov = dgram_queue_payload(&d->snd, &rec, f->iov);
	f->payload = rec.len;
	d->snd_bytes -= rec.len;
	dgram_queue_pop(&d->snd);
	struct ip_tx tx = {.dst = rec.addr.addr, .ttl = rec.ttl, .tos = rec.tos};
	struct ip_options o = {0};
	uint32_t total = rec.len + ops[d->kind]->headers + dgram_use_options(&rec, &o, &tx);
	struct ip_addr first = o.route.hops ? ip4_from_bytes(o.route.hop[0]) : tx.dst;
	if (!dgram_choose_source(l, d, &rec, first, &tx.src)) {
		ip_drop(l->ip, CNT_IpOutNoRoutes, NULL, rec.len);
		return false;
	}
	/* IP_MULTICAST_TTL 0: only for this host, which has it already. */
	if (rec.ttl == 0)
		return false;
	tx.dont_fragment = dgram_dont_fragment(l, (enum dgram_pmtu)rec.pmtu, tx.dst, total);
	ops[d->kind]->build(l, d, &rec, f, &tx);
	enum ip_sent sent = rec.whole ? ip_output_whole(l->ip, f, tx.dst) : ip_output(l->ip, f, &tx);
	if (sent != IP_FRAME_DROPPED) {
		if (d->kind == DGRAM_UDP)
			COUNT(l->cnt, UdpOutDatagrams);
		d->out++;
		d->last_sent = l->env->now;
	}
	return sent == IP_FRAME_READY;
}

bool dgram_output(struct dgram_layer *l, struct frame_out *f)
{
	dgram_return_lent(l);
	while (!list_empty(&l->out)) {
		struct dgram *d = list_entry(l->out.next, struct dgram, out_link);
		bool ready = build(l, d, f);
		list_remove(&d->out_link);
		if (d->snd.len > 0)
			enter_out(l, d);
		l->lent = d;
		if (ready)
			return true;
		dgram_return_lent(l);
	}
	return false;
}

uint32_t dgram_send_queued(const struct dgram *d)
{
	return d->snd_bytes;
}

/* A loaded socket goes where it stood among those that send. */
static void enter_out_loaded(struct dgram_layer *l, struct dgram *d)
{
	struct list *at = &l->out;
	while (at->prev != &l->out && list_entry(at->prev, struct dgram, out_link)->out_seq > d->out_seq)
		at = at->prev;
	list_insert_before(at, &d->out_link);
}

void snap_dgram(struct snap *s, struct dgram_layer *l, struct dgram *d)
{
	assert(d->arrivals == 0);
	ops[d->kind]->snap(s, l, d);
	snap_u64(s, &d->out_seq);
	snap_u32(s, &d->rcvbuf);
	snap_u32(s, &d->sndbuf);
	snap_u64(s, &d->in);
	snap_u64(s, &d->out);
	snap_u64(s, &d->drops);
	snap_instant(s, &d->last_sent);
	snap_instant(s, &d->last_received);
	snap_u8(s, &d->ttl);
	snap_u8(s, &d->tos);
	snap_bool(s, &d->broadcast);
	snap_bool(s, &d->input_shut);
	snap_bool(s, &d->writable_wanted);
	snap_ip(s, &d->mc_local);
	snap_u8(s, &d->mc_ttl);
	snap_bool(s, &d->mc_loop);
	snap_bool(s, &d->mc_all);
	snap_u16(s, &d->pass);
	snap_check(s, (d->pass & ~(unsigned)DGRAM_PASS_ALL) == 0, "an unknown thing to pass with datagrams");
	snap_u8(s, &d->pmtu);
	snap_bool(s, &d->recverr);
	snap_bool(s, &d->no_csum);
	snap_bool(s, &d->csum_wanted);
	snap_dgram_options(s, d->options, &d->options_len);
	snap_check(s, d->pmtu <= DGRAM_PMTU_PROBE, "an unknown IP_MTU_DISCOVER");
	snap_bool(s, &d->own_header);
	snap_u32(s, &d->icmp_filter);
	snap_igmp_set(s, l->ip, &d->groups);
	snap_dgram_queue(s, &d->rcv, l->rings, &d->rcv_bytes, false);
	snap_dgram_queue(s, &d->snd, l->rings, &d->snd_bytes, true);
	if (!snap_loading(s) || !snap_ok(s) || d->snd.len == 0)
		return;
	snap_check(s, d->pcb.local.port != 0, "datagrams to send, but no port");
	enter_out_loaded(l, d);
}

void snap_dgram_layer(struct snap *s, struct dgram_layer *l)
{
	assert(list_empty(&l->ready));
	snap_tag(s, DGRAM_SNAP_TAG);
	snap_pcb_table(s, &l->udp);
	snap_pcb_table(s, &l->ping);
	snap_u64(s, &l->out_seq);
}
