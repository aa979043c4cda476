/* The path MTU of a connection: RFC 1191 6.4, and what RFC 5927 7.2 demands before a message is believed.
 *
 * The effective send MSS follows from the path MTU, which is the smaller of what ip/pmtu.c knows of the destination and
 * of what tcp_mtup.c has found by probing. Each connection keeps a copy and looks again when the cache has changed or
 * its entry is old (tcp_path_refresh, before each segment).
 *
 * A "fragmentation needed" message is for the connection whose segment it quotes. It can be forged by whoever guesses a
 * sequence number in flight, so two sizes decide: sent_max, of the largest datagram sent since the path MTU was last
 * lowered, and acked_max, of the largest that is known to have arrived. What claims as much as sent_max is a lie. What
 * claims at least acked_max is believed at once (initial discovery). What claims less contradicts what has arrived: it
 * waits (pending) until a segment times out, and is forgotten when the quoted segment is acknowledged.
 *
 * When the path MTU is lowered the segments in flight that were too long for it are lost for certain. They are sent
 * again at once, cut anew, without a congestion response: no router was congested. A record knows the size of its
 * segments (txrec.mss), so that the further messages of one flight find nothing left to be sent again. */
#include "transport/tcp_internal.h"

uint16_t tcp_header_len(const struct tcp *t)
{
	return (uint16_t)(IPV4_HDR_MIN + ip_source_route_len(&t->route) + TCP_HDR_MIN + tcp_data_option_len(t));
}

uint16_t tcp_path_ceiling(struct tcp_layer *l, struct tcp *t)
{
	uint32_t mtu = ip_path_to(l->ip, t->pcb.remote.addr).mtu, mss = t->snd.mss_peer;

	if (t->user_mss)
		mss = u32_min(mss, t->user_mss);
	return (uint16_t)u32_min(mtu, mss + IPV4_HDR_MIN + TCP_HDR_MIN);
}

/* RFC 9293 3.7.1: Eff.snd.MSS = min(SendMSS + 20, MMS_S) - TCPhdrsize - IPoptionsize. */
void tcp_update_mss(struct tcp_layer *l, struct tcp *t)
{
	struct ip_path path = ip_path_to(l->ip, t->pcb.remote.addr);
	uint32_t mtu = tcp_path_ceiling(l, t);

	t->path.fragment = path.fragment;
	t->path.until = path.until;
	t->path.generation = l->ip->pmtu_generation;
	if (t->mtup.low)
		mtu = u32_min(mtu, t->mtup.low);
	t->path.mtu = t->mtup.low ? (uint16_t)u32_min(path.mtu, t->mtup.low) : path.mtu;
	t->snd.mss = (uint16_t)(mtu - tcp_header_len(t));
	/* RFC 5681 3.1: both count in segments, which may have grown. */
	t->cwnd = u32_max(t->cwnd, t->snd.mss);
	t->ssthresh = u32_max(t->ssthresh, 2u * t->snd.mss);
}

/* The longest headers must leave room for text. */
static bool has_room_for_routes(const struct tcp_layer *l)
{
	return l->ip->cfg.mtu >= IPV4_HDR_MAX + TCP_HDR_MAX + 8;
}

int tcp_set_ip_options(struct tcp_layer *l, struct tcp *t, const uint8_t *options, uint32_t len)
{
	struct ip_source_route r;

	if (!ip_source_route_parse(options, len, &r))
		return EINVAL;
	if (!l->ip->cfg.source_route)
		return EPERM;
	if (r.hops && !has_room_for_routes(l))
		return ENOBUFS;
	t->route = r;
	t->route_given = r.hops > 0;
	if (t->state != TCP_CLOSED && t->state != TCP_LISTEN)
		tcp_update_mss(l, t);
	return 0;
}

void tcp_learn_route(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	/* MUST-52: what the application has given goes before what is received. */
	if (!g->back.hops || !t->passive || t->route_given || !has_room_for_routes(l) ||
	    memcmp(&t->route, &g->back, sizeof(t->route)) == 0)
		return;
	t->route = g->back;
	tcp_update_mss(l, t);
}

void tcp_path_refresh(struct tcp_layer *l, struct tcp *t)
{
	if (t->path.generation == l->ip->pmtu_generation && instant_lt(l->env->now, t->path.until))
		return;
	if (t->state == TCP_SYN_RECEIVED || tcp_synchronized(t->state))
		tcp_update_mss(l, t);
}

void tcp_path_sent(struct tcp *t, uint32_t datagram)
{
	t->path.sent_max = (uint16_t)u32_max(t->path.sent_max, datagram);
}

void tcp_path_delivered(struct tcp *t, const struct tcp_txrec *r)
{
	uint32_t text = u32_min(r->len, r->mss);

	if (text)
		t->path.acked_max = (uint16_t)u32_max(t->path.acked_max, text + tcp_header_len(t));
}

/* RFC 1191 6.4: in response to a message that decreases a path MTU which this connection has used; the congestion
 * window stays. */
static void resend_too_long(struct tcp_layer *l, struct tcp *t)
{
	bool found = false;

	for (uint32_t i = 0; i < t->txq.count; i++) {
		struct tcp_txrec *r = txq_at(&t->txq, i);
		if (!txrec_in_pipe(r) || u32_min(r->len, r->mss) <= t->snd.mss)
			continue;
		tcp_loss_mark(t, r);
		found = true;
	}
	if (!found)
		return;
	t->frto = TCP_FRTO_OFF;
	t->retransmit_owed = true;
	t->probe_owed = t->probe_out = false;
	tcp_timer_stop(t, TCP_TIMER_PROBE);
	tcp_timer_set(l, t, TCP_TIMER_RETRANSMIT, tcp_user_timeout_clamp(l, t, tcp_rto_backed_off(l, t)));
	tcp_output_wanted(l, t);
}

static void believe(struct tcp_layer *l, struct tcp *t, uint16_t mtu)
{
	t->path.pending = 0;
	if (ip_path_narrows(l->ip, t->pcb.remote.addr, mtu) == IP_PMTU_REFUSED)
		return;
	t->path.sent_max = IPV4_MTU_MIN;
	t->path.acked_max = (uint16_t)u32_min(t->path.acked_max, mtu);
	tcp_mtup_narrowed(l, t, mtu);
	tcp_update_mss(l, t);
	resend_too_long(l, t);
}

void tcp_path_message(struct tcp_layer *l, struct tcp *t, const struct ip_error *e, seq32 quoted)
{
	uint16_t mtu = e->mtu;

	/* RFC 1191 5: an old router does not tell its MTU; take the next lower one that is common. */
	if (!mtu)
		mtu = ip_pmtu_plateau((uint16_t)u32_min(t->path.sent_max, e->total ? e->total : t->path.sent_max));
	if (mtu < IPV4_MTU_MIN) {
		COUNT(l->cnt, IpPmtuRefused);
	} else if (mtu >= t->path.sent_max) {
		/* RFC 5927 7.2: nothing so large was sent. */
		COUNT(l->cnt, TcpPmtuIgnored);
	} else if (mtu < t->path.acked_max) {
		COUNT(l->cnt, TcpPmtuDelayed);
		t->path.pending = mtu;
		t->path.pending_seq = quoted;
	} else {
		believe(l, t, mtu);
	}
}

void tcp_path_acked(struct tcp *t)
{
	/* RFC 5927 7.2: there is progress, so the message lied. */
	if (t->path.pending && seq_gt(t->snd.una, t->path.pending_seq))
		t->path.pending = 0;
}

void tcp_path_timeout(struct tcp_layer *l, struct tcp *t)
{
	/* RFC 5927 7.2, MAXSEGRTO = 1 */
	if (t->path.pending)
		believe(l, t, t->path.pending);
}
