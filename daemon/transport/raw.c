/* Raw IP sockets, for the privileged: datagrams of one protocol, past the transports.
 *
 * Each socket gets a copy of every datagram of its protocol that is for us, from its IP header on, unless it is bound
 * to another address or connected to another sender; the transports get theirs besides. A copy is as it came from the
 * link: a transport checksum that the link vouches for may not be there. What it sends gets an IP
 * header, or brings its own (IP_HDRINCL), of which lengths, checksum and what is left zero are filled in; RFC 1122
 * 3.2.1.3: its source must be one of our addresses. */
#include "transport/dgram_internal.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include <errno.h>

#define OFF_LEN   2
#define OFF_ID    4
#define OFF_PROTO 9
#define OFF_CSUM  10
#define OFF_SRC   12
#define OFF_DST   16

#define ICMP_FILTER_TYPES 32

static int raw_bind(struct dgram_layer *l, struct dgram *d, struct endpoint local)
{
	(void)l;
	d->pcb.local.addr = ip_is_unspecified(local.addr) ? (struct ip_addr){0} : local.addr;
	d->pcb.addr_chosen = false;
	return 0;
}

static int raw_connect(struct dgram_layer *l, struct dgram *d, struct endpoint remote, struct ip_addr source)
{
	(void)l;
	pcb_choose_source(&d->pcb, source);
	d->pcb.remote = (struct endpoint){.addr = remote.addr};
	return 0;
}

static void raw_disconnect(struct dgram_layer *l, struct dgram *d)
{
	(void)l;
	d->pcb.remote = (struct endpoint){0};
	if (d->pcb.addr_chosen)
		d->pcb.local.addr = (struct ip_addr){0};
	d->pcb.addr_chosen = false;
}

static int raw_bind_to_send(struct dgram_layer *l, struct dgram *d)
{
	(void)l;
	(void)d;
	return 0;
}

/* With a header of its own, the datagram goes where that says. */
static int raw_judge(struct dgram_layer *l, const struct dgram *d, struct dgram_record *rec, const uint8_t *data)
{
	rec->addr.port = 0;
	if (!rec->whole)
		return 0;
	uint32_t hdr_len = rec->len >= IPV4_HDR_MIN ? (data[0] & 0x0fu) * 4 : 0;
	if (hdr_len < IPV4_HDR_MIN || hdr_len > rec->len || data[0] >> 4 != 4)
		return EINVAL;
	struct ip_addr src = ip4_from_bytes(data + OFF_SRC);
	if (!ip_is_unspecified(src) && !ip_is_ours(l->ip, src))
		return EINVAL;
	rec->addr.addr = ip4_from_bytes(data + OFF_DST);
	/* 0 means nothing more than "do not send" to dgram.c. */
	rec->ttl = 1;
	return dgram_check_destination(l, d, rec->addr.addr, NULL, NULL);
}

static void raw_build(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, struct frame_out *f,
                      struct ip_tx *tx)
{
	tx->protocol = dgram_protocol(d);
	if (!rec->whole)
		return;
	uint8_t first = 0;
	for (int i = 0; i < f->niov && first == 0; i++)
		if (f->iov[i].iov_len > 0)
			first = *(const uint8_t *)f->iov[i].iov_base;
	uint16_t hdr_len = (uint16_t)((first & 0x0f) * 4);
	uint8_t *p = dgram_take_front(f, hdr_len);
	store_be16(p + OFF_LEN, (uint16_t)rec->len);
	if (load_be16(p + OFF_ID) == 0)
		store_be16(p + OFF_ID, (uint16_t)rng_u32(&l->env->rng));
	if (ip_is_unspecified(ip4_from_bytes(p + OFF_SRC)))
		memcpy(p + OFF_SRC, tx->src.b, 4);
	store_be16(p + OFF_CSUM, 0);
	store_be16(p + OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, hdr_len)));
}

static void raw_release(struct dgram_layer *l, struct dgram *d)
{
	(void)l;
	list_remove(&d->raw_link);
}

static void raw_snap(struct snap *s, struct dgram_layer *l, struct dgram *d)
{
	(void)l;
	snap_endpoint(s, &d->pcb.local);
	snap_endpoint(s, &d->pcb.remote);
	snap_bool(s, &d->pcb.addr_chosen);
	snap_check(s, d->pcb.local.port <= RAW_PROTOCOL, "not a protocol");
}

const struct dgram_ops raw_ops = {
        .headers = IPV4_HDR_MIN,
        .bind = raw_bind,
        .connect = raw_connect,
        .disconnect = raw_disconnect,
        .bind_to_send = raw_bind_to_send,
        .judge = raw_judge,
        .build = raw_build,
        .release = raw_release,
        .snap = raw_snap,
};

static bool matches(const struct dgram *d, const struct ip_rx *rx)
{
	const struct pcb *p = &d->pcb;
	if (p->local.port != rx->protocol || p->local.port == RAW_PROTOCOL)
		return false;
	if (!ip_is_unspecified(p->local.addr) && !ip_eq(p->local.addr, rx->dst))
		return false;
	if (dgram_connected(d) && !ip_eq(p->remote.addr, rx->src))
		return false;
	if (ip_is_multicast(rx->dst) && !igmp_set_wants(&d->groups, rx->dst, rx->src, d->mc_all))
		return false;
	if (rx->protocol != IP_PROTO_ICMP || rx->payload_len == 0 || rx->payload[0] >= ICMP_FILTER_TYPES)
		return true;
	return (d->icmp_filter & UINT32_C(1) << rx->payload[0]) == 0;
}

bool raw_input(void *ctx, const struct ip_rx *rx)
{
	struct dgram_layer *l = ctx;
	struct dgram_record rec = {.addr = {.addr = rx->src}, .len = rx->header_len + rx->payload_len};
	bool some = false;
	dgram_received(l, rx, &rec);
	list_for_each(it, &l->raw)
	{
		struct dgram *d = list_entry(it, struct dgram, raw_link);
		if (!matches(d, rx))
			continue;
		(void)dgram_arrive(l, d, &rec, rx->header);
		some = true;
	}
	return some;
}

/* Sent by d? */
static bool is_sender(const struct dgram *d, const struct ip_error *e)
{
	const struct pcb *p = &d->pcb;
	return p->local.port == e->protocol && (ip_is_unspecified(p->local.addr) || ip_eq(p->local.addr, e->src)) &&
	       (!dgram_connected(d) || ip_eq(p->remote.addr, e->dst));
}

bool raw_error(void *ctx, const struct ip_error *e)
{
	struct dgram_layer *l = ctx;
	bool some = false;
	list_for_each(it, &l->raw)
	{
		struct dgram *d = list_entry(it, struct dgram, raw_link);
		if (!is_sender(d, e))
			continue;
		if (!ip_is_unspecified(e->redirect)) {
			ip_redirect(l->ip, e);
			return true;
		}
		if (!some)
			dgram_path_narrows(l, e);
		some = dgram_error(l, d, (struct endpoint){.addr = e->dst}, e, 0) || some;
	}
	return some;
}
