/* Proportional Rate Reduction (RFC 6937): in recovery, what may be sent follows what is delivered.
 *
 * While more is in the network than ssthresh, the pipe shrinks in proportion; below it, the slow-start bound lets it
 * grow back to ssthresh. cwnd is set to the pipe plus what this ACK allows. Needs SACK: without, RFC 6582 rules. */
#include "transport/tcp_internal.h"

void tcp_prr_begin(struct tcp *t)
{
	t->prr.delivered = t->prr.out = 0;
	t->prr.recover_fs = u32_max(tcp_flight_size(t), 1);
}

void tcp_prr_sent(struct tcp *t, uint32_t bytes)
{
	if (t->recovery == TCP_RECOVERY)
		t->prr.out += bytes;
}

void tcp_prr_acked(struct tcp *t, uint32_t delivered)
{
	uint32_t allowed;

	t->prr.delivered += delivered;
	if (t->pipe > t->ssthresh) {
		uint64_t share = ((uint64_t)t->prr.delivered * t->ssthresh + t->prr.recover_fs - 1) / t->prr.recover_fs;
		allowed = share > t->prr.out ? (uint32_t)(share - t->prr.out) : 0;
	} else {
		/* 3.1, slow start reduction bound */
		uint32_t owed = t->prr.delivered > t->prr.out ? t->prr.delivered - t->prr.out : 0;
		allowed = u32_min(t->ssthresh - t->pipe, u32_max(owed, delivered) + t->snd.mss);
	}
	t->cwnd = u32_max(t->pipe + allowed, t->snd.mss);
}
