/* ICMP errors about our segments (RFC 9293 3.9.2.2, RFC 5927).
 *
 * An error counts only when it quotes a sequence number that is in flight, which somebody off the path would have to
 * guess. A soft error ends nothing: it is reported, and is the reason given should the retries run out. So are hard
 * errors once the connection is synchronized (RFC 5927 5.2); before, they end the attempt. Fragmentation needed is for
 * tcp_path.c; source quench does not come here (RFC 6633 3). */
#include "transport/tcp_internal.h"

void tcp_soft_error(struct tcp_layer *l, struct tcp *t, int error)
{
	t->soft_error = error;
	l->up.event(l->up.ctx, t, TCP_EVENT_REPORT);
}

/* The connection whose segment is quoted; NULL: none, or one that has nothing of the kind in flight. */
static struct tcp *quoted(struct tcp_layer *l, const struct ip_error *e, seq32 *at)
{
	struct reader r = reader_of(e->quoted, e->quoted_len);
	struct endpoint local = {e->src, read_be16(&r)}, remote = {e->dst, read_be16(&r)};
	seq32 seq = seq_of(read_be32(&r));
	struct pcb *p = r.short_input ? NULL : pcb_lookup_tuple(&l->pcbs, local, remote);

	if (!p) {
		COUNT(l->cnt, IcmpInIgnored);
		return NULL;
	}
	struct tcp *t = container_of(p, struct tcp, pcb);
	*at = seq;
	/* RFC 5927 4.1: SND.UNA =< SEG.SEQ < SND.NXT. What our own ARP quotes is no forgery: it may be a bare ACK. */
	bool in_flight = seq_le(t->snd.una, seq) && seq_lt(seq, t->snd.nxt);
	if (in_flight || (ip_is_ours(l->ip, e->from) && seq_eq(seq, t->snd.nxt)))
		return t;
	TCP_DROP(l, t, TcpExtOutOfWindowIcmps);
	return NULL;
}

void tcp_icmp_error(void *ctx, const struct ip_error *e)
{
	struct tcp_layer *l = ctx;
	seq32 at;
	struct tcp *t = quoted(l, e, &at);

	if (!t)
		return;
	if (!ip_is_unspecified(e->redirect)) {
		ip_redirect(l->ip, e);
		return;
	}
	if (e->error == EMSGSIZE) {
		tcp_path_message(l, t, e, at);
		return;
	}
	/* What our own ARP says is no ICMP message: the host is not on the link. */
	bool certain = e->hard || ip_is_ours(l->ip, e->from);
	/* RFC 9293 3.9.2.2, MUST-56: a soft error must not end the connection. */
	if (t->state == TCP_SYN_SENT && certain)
		tcp_end(l, t, e->error, "ICMP error while opening");
	else
		tcp_soft_error(l, t, e->error);
}
