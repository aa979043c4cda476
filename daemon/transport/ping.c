/* Ping sockets: ICMP echo for everybody (RFC 792), as Linux has them under SOCK_DGRAM and IPPROTO_ICMP.
 *
 * The application sends a whole ICMP message, which must be an echo request; its identifier becomes the socket's port
 * and the checksum is computed here. It receives the echo replies with that identifier, and when it is connected the
 * errors that quote its requests. A peer is kept in the control block only: the sockets lie in the table by port. */
#include "transport/dgram_internal.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include <errno.h>

#define ECHO_HDR_LEN 8
#define ECHO_REQUEST 8
#define ECHO_CSUM    2
#define ECHO_ID      4

static int ping_bind(struct dgram_layer *l, struct dgram *d, struct endpoint local)
{
	if (d->pcb.bound)
		return EINVAL;
	if (local.port == 0)
		return pcb_bind_ephemeral(&l->ping, &d->pcb, local.addr, (struct endpoint){0});
	return pcb_bind(&l->ping, &d->pcb, local, NULL);
}

static int ping_bind_to_send(struct dgram_layer *l, struct dgram *d)
{
	if (d->pcb.bound)
		return 0;
	return pcb_bind_ephemeral(&l->ping, &d->pcb, d->pcb.local.addr, (struct endpoint){0}) ? EAGAIN : 0;
}

static int ping_connect(struct dgram_layer *l, struct dgram *d, struct endpoint remote, struct ip_addr source)
{
	if (ping_bind_to_send(l, d) != 0)
		return EADDRINUSE;
	pcb_choose_source(&d->pcb, source);
	d->pcb.remote = (struct endpoint){.addr = remote.addr};
	return 0;
}

static void ping_disconnect(struct dgram_layer *l, struct dgram *d)
{
	(void)l;
	d->pcb.remote = (struct endpoint){0};
	if (d->pcb.addr_chosen)
		d->pcb.local.addr = (struct ip_addr){0};
	d->pcb.addr_chosen = false;
}

static int ping_judge(struct dgram_layer *l, const struct dgram *d, struct dgram_record *rec, const uint8_t *data)
{
	(void)l;
	(void)d;
	rec->addr.port = 0;
	return rec->len >= ECHO_HDR_LEN && data[0] == ECHO_REQUEST && data[1] == 0 ? 0 : EINVAL;
}

static void ping_build(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, struct frame_out *f,
                       struct ip_tx *tx)
{
	uint8_t *p = dgram_take_front(f, ECHO_HDR_LEN);
	uint32_t at = ECHO_HDR_LEN;
	(void)rec;
	tx->protocol = IP_PROTO_ICMP;
	store_be16(p + ECHO_ID, d->pcb.local.port);
	store_be16(p + ECHO_CSUM, 0);
	csum sum = csum_add(CSUM_ZERO, p, ECHO_HDR_LEN);
	for (int i = 0; i < f->niov; i++) {
		sum = csum_add_at(sum, f->iov[i].iov_base, f->iov[i].iov_len, at);
		at += (uint32_t)f->iov[i].iov_len;
	}
	store_be16(p + ECHO_CSUM, csum_finish(sum));
	COUNT(l->cnt, IcmpOutMsgs);
	COUNT(l->cnt, IcmpOutEchos);
}

static void ping_release(struct dgram_layer *l, struct dgram *d)
{
	pcb_remove(&l->ping, &d->pcb);
}

static void ping_snap(struct snap *s, struct dgram_layer *l, struct dgram *d)
{
	snap_pcb(s, &l->ping, &d->pcb);
}

const struct dgram_ops ping_ops = {
        .headers = IPV4_HDR_MIN,
        .bind = ping_bind,
        .connect = ping_connect,
        .disconnect = ping_disconnect,
        .bind_to_send = ping_bind_to_send,
        .judge = ping_judge,
        .build = ping_build,
        .release = ping_release,
        .snap = ping_snap,
};

/* The socket with this identifier that may hear from the peer. */
static struct dgram *find(struct dgram_layer *l, struct ip_addr local, uint16_t id, struct ip_addr peer)
{
	struct endpoint at = {.addr = local, .port = id};
	uint64_t after = 0;
	struct pcb *p;
	while ((p = pcb_next_match(&l->ping, at, after))) {
		after = p->bind_seq;
		if (p->remote.addr.family == IP_NONE || ip_eq(p->remote.addr, peer))
			return dgram_of_pcb(p);
	}
	return NULL;
}

bool ping_input(void *ctx, const struct ip_rx *rx)
{
	struct dgram_layer *l = ctx;
	struct dgram_record rec = {.addr = {.addr = rx->src}, .len = rx->payload_len};
	struct dgram *d = find(l, rx->dst, load_be16(rx->payload + ECHO_ID), rx->src);
	if (!d)
		return false;
	dgram_received(l, rx, &rec);
	(void)dgram_arrive(l, d, &rec, rx->payload);
	return true;
}

bool ping_error(void *ctx, const struct ip_error *e)
{
	struct dgram_layer *l = ctx;
	if (e->quoted[0] != ECHO_REQUEST)
		return false;
	struct dgram *d = find(l, e->src, load_be16(e->quoted + ECHO_ID), e->dst);
	if (d && !ip_is_unspecified(e->redirect)) {
		ip_redirect(l->ip, e);
		return true;
	}
	if (!d)
		return false;
	dgram_path_narrows(l, e);
	return dgram_error(l, d, (struct endpoint){.addr = e->dst}, e, 0);
}
