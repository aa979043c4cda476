/* TCP_INFO: a snapshot of a control block for people and programs.
 *
 * Reading changes nothing. Counters that exist for this alone are t->stat, counted where the segment passes; segments
 * in flight are counted from the transmission records when asked for. The delivery rate is tcp_rate.c's, the times
 * are tcp_limit.c's. */
#include "transport/tcp_info.h"
#include "transport/tcp_internal.h"

static uint32_t us(duration d)
{
	return d.ns <= 0 ? 0 : (uint32_t)(d.ns / NS_PER_US > UINT32_MAX ? UINT32_MAX : d.ns / NS_PER_US);
}

/* Milliseconds since `at`, or else since the connection was established. */
static uint32_t age_ms(const struct tcp_layer *l, const struct tcp *t, instant at)
{
	instant from = instant_is_never(at) ? t->established_at : at;

	return instant_is_never(from) ? 0 : us(instant_since(l->env->now, from)) / 1000;
}

static enum tcp_ca_state ca_state(const struct tcp *t, bool any_sacked)
{
	switch (t->recovery) {
	case TCP_RECOVERY:
		return TCP_CA_RECOVERY;
	case TCP_LOSS:
		return TCP_CA_LOSS;
	case TCP_OPEN:
	case TCP_RECOVERIES:
		break;
	}
	if (t->ecn_ok && seq_lt(t->snd.una, t->ecn_recover))
		return TCP_CA_CWR;
	return any_sacked || t->dupacks ? TCP_CA_DISORDER : TCP_CA_OPEN;
}

static void count_flight(const struct tcp *t, struct tcp_info *i)
{
	for (uint32_t k = 0; k < t->txq.count; k++) {
		const struct tcp_txrec *r = txq_at(&t->txq, k);
		uint32_t n = txrec_segments(t, r);
		i->unacked += n;
		i->sacked += r->sacked ? n : 0;
		i->lost += r->lost ? n : 0;
		i->retrans += r->retrans && txrec_in_pipe(r) ? n : 0;
	}
}

static void read_sender(const struct tcp_layer *l, const struct tcp *t, struct tcp_info *i)
{
	i->retransmits = t->retries;
	i->probes = tcp_timer_on(t, TCP_TIMER_PERSIST) ? t->retries : t->keep_probes;
	i->backoff = t->backoff;
	i->rto = us(tcp_rto_backed_off(l, t));
	i->snd_mss = t->snd.mss;
	i->snd_wnd = t->snd.wnd;
	i->snd_cwnd = t->cwnd / t->snd.mss;
	i->snd_ssthresh = t->ssthresh == UINT32_MAX ? TCP_INFO_NO_SSTHRESH : t->ssthresh / t->snd.mss;
	i->reordering = TCP_DUPTHRESH;
	if (t->rtt_valid) {
		i->rtt = us(t->srtt);
		i->rttvar = us(t->rttvar);
		i->min_rtt = us(t->rtt_min);
	}
	i->notsent_bytes = tcp_unsent(t);
	i->total_retrans = (uint32_t)t->segs_retrans;
	i->pacing_rate = i->max_pacing_rate = UINT64_MAX;
	i->bytes_acked = t->bytes_acked;
	i->bytes_sent = t->stat.bytes_sent;
	i->bytes_retrans = t->stat.bytes_retrans;
	i->data_segs_out = t->stat.data_segs_out;
	i->delivered = t->stat.delivered;
	i->delivered_ce = t->stat.delivered_ce;
	i->dsack_dups = t->stat.dsacks;
	i->reord_seen = t->stat.reorderings;
	i->delivery_rate = tcp_rate(t);
	i->app_limited = t->rate.sample_app_limited;
	i->rwnd_limited = (uint64_t)tcp_limited(l, t, TCP_LIMIT_RWND).ns / NS_PER_US;
	i->sndbuf_limited = (uint64_t)tcp_limited(l, t, TCP_LIMIT_SNDBUF).ns / NS_PER_US;
	i->busy_time = (uint64_t)tcp_limited(l, t, TCP_LIMIT_BUSY).ns / NS_PER_US + i->rwnd_limited + i->sndbuf_limited;
}

static void read_receiver(const struct tcp *t, struct tcp_info *i)
{
	i->ato = us(t->knob.delack);
	i->rcv_mss = t->stat.seg_max ? t->stat.seg_max : TCP_MSS_DEFAULT;
	i->rcv_ssthresh = t->rcvbuf;
	i->advmss = t->rcv.mss;
	i->rcv_rtt = us(t->tune.rtt);
	i->rcv_space = u32_max(t->tune.last, t->tune.taken);
	i->bytes_received = t->bytes_received;
	i->segs_in = (uint32_t)t->segs_in;
	i->segs_out = (uint32_t)t->segs_out;
	i->data_segs_in = t->stat.data_segs_in;
	i->rcv_ooopack = t->stat.out_of_order;
}

void tcp_info_read(const struct tcp_layer *l, const struct tcp *t, struct tcp_info *info)
{
	uint16_t mtu = l->ip->cfg.mtu;

	*info = (struct tcp_info){.state = t->state};
	info->timestamps = t->ts_ok;
	info->sack = t->sack_ok;
	info->window_scale = t->ws_ok;
	info->ecn = t->ecn_ok;
	info->ecn_seen = t->stat.ect_seen;
	if (t->ws_ok) {
		info->snd_wscale = t->snd.wind_shift;
		info->rcv_wscale = t->rcv.wind_shift;
	}
	if (t->state == TCP_LISTEN) {
		info->unacked = t->accept_count;
		info->sacked = t->backlog;
	} else {
		count_flight(t, info);
	}
	info->ca_state = ca_state(t, info->sacked != 0);
	ip_route_lookup(l->ip, t->pcb.remote.addr, NULL, &mtu);
	info->pmtu = t->path.mtu ? t->path.mtu : mtu;
	info->last_data_sent = age_ms(l, t, t->stat.data_sent);
	info->last_data_recv = age_ms(l, t, t->stat.data_received);
	info->last_ack_recv = age_ms(l, t, t->stat.ack_received);
	read_sender(l, t, info);
	read_receiver(t, info);
}
