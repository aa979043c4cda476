/* Explicit congestion notification (RFC 3168 6.1).
 *
 * Asked for in the SYN (ECE and CWR), agreed to in the SYN-ACK (ECE). Then new text travels as ECT(0); a receiver that
 * sees CE sets ECE in every ACK until the sender's CWR; a sender that sees ECE reduces its window once a round trip, as
 * for a loss, and says CWR with its next new text. Retransmissions, probes and bare ACKs are never ECT. */
#include "transport/tcp_internal.h"

#define IP_ECN_MASK 3u
#define IP_ECT_0    2u

const char *const tcp_ecn_names[TCP_ECNS] = {[TCP_ECN_OFF] = "off", [TCP_ECN_PASSIVE] = "passive", [TCP_ECN_ON] = "on"};

unsigned tcp_ecn_syn_flags(const struct tcp *t)
{
	if (t->state == TCP_SYN_RECEIVED)
		return t->ecn_ok ? TCP_ECE : 0;
	/* 6.1.1.1: a SYN that was not answered may have been dropped for its flags. */
	return t->knob.ecn == TCP_ECN_ON && t->retries == 0 ? TCP_ECE | TCP_CWR : 0;
}

void tcp_ecn_learn_syn(struct tcp *t, const struct tcp_seg *g)
{
	unsigned setup = g->flags & (TCP_ECE | TCP_CWR);

	if (t->state == TCP_SYN_SENT)
		t->ecn_ok = t->knob.ecn == TCP_ECN_ON && (g->flags & TCP_ACK) && setup == TCP_ECE;
	else
		t->ecn_ok = t->knob.ecn != TCP_ECN_OFF && setup == (TCP_ECE | TCP_CWR);
	t->ecn_recover = t->snd.una;
}

void tcp_ecn_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	if (!t->ecn_ok)
		return;
	t->stat.ect_seen = t->stat.ect_seen || g->tos & IP_ECN_MASK;
	/* 6.1.3: CWR ends the echo, unless this very segment was marked again. */
	if (g->flags & TCP_CWR)
		t->ece_owed = false;
	if ((g->tos & IP_ECN_MASK) == IP_ECN_MASK && g->text_len) {
		COUNT(l->cnt, TcpInCE);
		t->ece_owed = true;
		t->ack_owed = true;
	}
}

void tcp_ecn_acked(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g)
{
	/* 6.1.2: at most once for each window of data, so not before something that was sent after the last reduction,
	 * and may have said CWR, is acknowledged. */
	if (!t->ecn_ok || seq_le(g->ack, t->ecn_recover))
		return;
	t->ecn_recover = seq_sub(g->ack,
	                         1); /* keeps up, or it would seem to lie ahead after half of the sequence space */
	/* A loss in this window has had its answer already. */
	if (!(g->flags & TCP_ECE) || t->recovery != TCP_OPEN)
		return;
	COUNT(l->cnt, TcpEcnReductions);
	tcp_cc_enter_recovery(t);
	t->ecn_recover = t->snd.nxt;
	t->cwr_owed = true;
}

unsigned tcp_ecn_flags(struct tcp *t, bool new_text)
{
	unsigned flags = t->ece_owed ? TCP_ECE : 0;

	if (new_text && t->cwr_owed) {
		t->cwr_owed = false;
		flags |= TCP_CWR;
	}
	return flags;
}

uint8_t tcp_ecn_tos(const struct tcp *t, bool new_text)
{
	return (uint8_t)((t->tos & ~IP_ECN_MASK) | (t->ecn_ok && new_text ? IP_ECT_0 : 0));
}
