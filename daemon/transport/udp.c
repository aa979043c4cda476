/* UDP (RFC 768, RFC 1122 4.1): ports, the header with its checksum, delivery to one socket or to many, errors.
 *
 * A datagram for one host goes to the socket that is connected to its sender, else to the best match of its port. One
 * for a group or a broadcast address goes to every socket that is bound to the port and to that address or to none; of
 * a group also only where the socket's memberships want it (RFC 3376 3.1). What we send to a group or a broadcast
 * address reaches our own sockets, too. */
#include "transport/dgram_internal.h"

#include "base/bytes.h"
#include <errno.h>

#define UDP_CSUM_OFFSET 6

static int udp_bind(struct dgram_layer *l, struct dgram *d, struct endpoint local)
{
	if (d->pcb.bound)
		return EINVAL;
	if (local.port && local.port == l->service.port)
		return EADDRINUSE;
	if (local.port == 0)
		return pcb_bind_ephemeral(&l->udp, &d->pcb, local.addr, (struct endpoint){0});
	return pcb_bind(&l->udp, &d->pcb, local, NULL);
}

static int udp_connect(struct dgram_layer *l, struct dgram *d, struct endpoint remote, struct ip_addr source)
{
	struct pcb *p = &d->pcb;
	if (p->connected) {
		/* A second connect keeps the port. */
		bool chosen = p->port_chosen;
		p->port_chosen = false;
		pcb_disconnect(&l->udp, p);
		p->port_chosen = chosen;
	}
	if (!p->bound) {
		int error = pcb_bind_ephemeral(&l->udp, p, source, remote);
		if (error)
			return error;
		p->addr_chosen = true;
	}
	pcb_choose_source(p, source);
	return pcb_connect(&l->udp, p, remote);
}

static void udp_disconnect(struct dgram_layer *l, struct dgram *d)
{
	pcb_disconnect(&l->udp, &d->pcb);
}

/* RFC 6056 and bind(2): an unbound socket gets an ephemeral port with its first datagram. */
static int udp_bind_to_send(struct dgram_layer *l, struct dgram *d)
{
	if (d->pcb.bound)
		return 0;
	return pcb_bind_ephemeral(&l->udp, &d->pcb, d->pcb.local.addr, (struct endpoint){0}) ? EAGAIN : 0;
}

static int udp_judge(struct dgram_layer *l, const struct dgram *d, struct dgram_record *rec, const uint8_t *data)
{
	(void)l;
	(void)d;
	(void)rec;
	(void)data;
	return 0;
}

static void udp_build(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, struct frame_out *f,
                      struct ip_tx *tx)
{
	uint8_t *p = frame_prepend(f, UDP_HDR_LEN);
	tx->protocol = IP_PROTO_UDP;
	store_be16(p, d->pcb.local.port);
	store_be16(p + 2, rec->addr.port);
	store_be16(p + 4, (uint16_t)(UDP_HDR_LEN + rec->len));
	/* RFC 1122 4.1.3.4: datagrams are sent with a checksum, unless the application does not want it. */
	if (d->no_csum)
		store_be16(p + UDP_CSUM_OFFSET, 0);
	else
		ip_transport_csum(l->ip, f, tx, UDP_CSUM_OFFSET);
}

static void udp_release(struct dgram_layer *l, struct dgram *d)
{
	pcb_remove(&l->udp, &d->pcb);
}

static void udp_snap(struct snap *s, struct dgram_layer *l, struct dgram *d)
{
	snap_pcb(s, &l->udp, &d->pcb);
}

const struct dgram_ops udp_ops = {
        .headers = IPV4_HDR_MIN + UDP_HDR_LEN,
        .bind = udp_bind,
        .connect = udp_connect,
        .disconnect = udp_disconnect,
        .bind_to_send = udp_bind_to_send,
        .judge = udp_judge,
        .build = udp_build,
        .release = udp_release,
        .snap = udp_snap,
};

static bool wants(const struct dgram *d, struct ip_addr dst, struct ip_addr src)
{
	return !ip_is_multicast(dst) || igmp_set_wants(&d->groups, dst, src, d->mc_all);
}

/* RFC 1122 4.1.3.5, and Linux: to every socket of the port. False: nobody wants it. */
static bool deliver_group(struct dgram_layer *l, struct endpoint dst, const struct dgram_record *rec,
                          const uint8_t *payload,
                          void (*deliver)(struct dgram_layer *, struct dgram *, const struct dgram_record *,
                                          const uint8_t *))
{
	uint64_t after = 0;
	bool some = false;
	struct pcb *p = pcb_lookup_tuple(&l->udp, dst, rec->addr);
	if (p && wants(dgram_of_pcb(p), dst.addr, rec->addr.addr)) {
		deliver(l, dgram_of_pcb(p), rec, payload);
		some = true;
	}
	while ((p = pcb_next_match(&l->udp, dst, after))) {
		after = p->bind_seq;
		if (!wants(dgram_of_pcb(p), dst.addr, rec->addr.addr))
			continue;
		deliver(l, dgram_of_pcb(p), rec, payload);
		some = true;
	}
	return some;
}

static void deliver_one(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, const uint8_t *payload)
{
	/* RFC 1122 4.1.3.4: an application may refuse datagrams without a checksum. */
	if (d->csum_wanted && load_be16(payload - UDP_HDR_LEN + UDP_CSUM_OFFSET) == 0) {
		d->drops++;
		ip_drop(l->ip, CNT_UdpInNoCsums, payload - UDP_HDR_LEN, rec->len + UDP_HDR_LEN);
		return;
	}
	(void)dgram_arrive(l, d, rec, payload);
}

static bool deliver_single(struct dgram_layer *l, struct endpoint dst, const struct dgram_record *rec,
                           const uint8_t *payload)
{
	struct pcb *p = pcb_lookup_tuple(&l->udp, dst, rec->addr);
	if (!p)
		p = pcb_lookup_port(&l->udp, dst, rec->addr, false);
	if (!p)
		return false;
	deliver_one(l, dgram_of_pcb(p), rec, payload);
	return true;
}

void udp_input(void *ctx, const struct ip_rx *whole)
{
	struct dgram_layer *l = ctx;
	struct ip_rx rx = *whole;
	const uint8_t *p = rx.payload;
	uint32_t len = rx.payload_len >= UDP_HDR_LEN ? load_be16(p + 4) : 0;
	if (len < UDP_HDR_LEN || len > rx.payload_len) {
		ip_drop(l->ip, CNT_UdpInMalformed, rx.header, rx.header_len + rx.payload_len);
		return;
	}
	rx.payload_len = len;
	/* RFC 768: an all zero checksum means that the transmitter generated none. RFC 1122 4.1.3.4. */
	if (load_be16(p + 6) != 0 && !ip_verify_csum(&rx)) {
		ip_drop(l->ip, CNT_UdpInCsumErrors, rx.header, rx.header_len + len);
		return;
	}
	struct endpoint dst = {.addr = rx.dst, .port = load_be16(p + 2)};
	if (dst.port && dst.port == l->service.port) {
		COUNT(l->cnt, UdpInDatagrams);
		l->service.input(l->service.ctx, &rx, p + UDP_HDR_LEN, len - UDP_HDR_LEN);
		return;
	}
	struct dgram_record rec = {
	        .addr = {.addr = rx.src, .port = load_be16(p)},
	        .len = len - UDP_HDR_LEN,
	};
	dgram_received(l, &rx, &rec);
	bool found = rx.group ? deliver_group(l, dst, &rec, p + UDP_HDR_LEN, deliver_one)
	                      : deliver_single(l, dst, &rec, p + UDP_HDR_LEN);
	if (found)
		return;
	if (rx.group) {
		ip_drop(l->ip, CNT_UdpIgnoredMulti, rx.header, rx.header_len + len);
		return;
	}
	ip_drop(l->ip, CNT_UdpNoPorts, rx.header, rx.header_len + len);
	/* RFC 1122 4.1.3.1: a datagram for a port on which nobody listens SHOULD be answered with port unreachable. */
	icmp_send_unreachable(l->ip, &rx, ICMP_UNREACH_PORT);
}

void udp_loop(struct dgram_layer *l, struct dgram *d, const struct dgram_record *sent, const uint8_t *payload)
{
	struct endpoint dst = sent->addr;
	bool group = ip_is_multicast(dst.addr);
	if (!(group && d->mc_loop) && !ip_is_broadcast(l->ip, dst.addr))
		return;
	struct dgram_record rec = {.addr = {.port = d->pcb.local.port},
	                           .len = sent->len,
	                           .ttl = sent->ttl,
	                           .tos = sent->tos,
	                           .dst = dst.addr};
	if (!dgram_choose_source(l, d, sent, dst.addr, &rec.addr.addr))
		return;
	rec.local = rec.addr.addr;
	if (group && !igmp_wants(l->ip, dst.addr, rec.addr.addr, IP_PROTO_UDP))
		return;
	(void)deliver_group(l, dst, &rec, payload, dgram_loop);
}

void udp_error(void *ctx, const struct ip_error *e)
{
	struct dgram_layer *l = ctx;
	struct endpoint local = {.addr = e->src, .port = load_be16(e->quoted)};
	struct endpoint remote = {.addr = e->dst, .port = load_be16(e->quoted + 2)};
	struct pcb *p = pcb_lookup_tuple(&l->udp, local, remote);
	bool connected = p != NULL;
	if (!p)
		p = pcb_lookup_port(&l->udp, local, remote, false);
	if (p && !ip_is_unspecified(e->redirect)) {
		ip_redirect(l->ip, e);
		return;
	}
	/* The path is narrower for whoever has sent to it, connected or not. */
	if (p)
		dgram_path_narrows(l, e);
	/* RFC 1122 4.1.3.3: ICMP errors are passed up; an unconnected socket could not tell which peer is meant, unless
	 * it asks for reports. */
	if (!p || (!connected && dgram_connected(dgram_of_pcb(p))) ||
	    !dgram_error(l, dgram_of_pcb(p), remote, e, UDP_HDR_LEN))
		ip_drop(l->ip, CNT_IcmpInIgnored, e->quoted, e->quoted_len);
}
