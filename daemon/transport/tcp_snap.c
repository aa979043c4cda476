/* Saving and loading of TCP control blocks. Between turns nothing is borrowed; list memberships are saved as flags, and
 * the stack restores the order of the output list and of the accept queues (stack/stack_snap.c). */
#include "transport/tcp_internal.h"

#define SPENT_MAX DURATION_S(1000000000)

static void snap_ring(struct snap *s, struct tcp_layer *l, struct ring *r, uint32_t extent)
{
	uint32_t len = r->len, stored = extent;

	snap_u32(s, &len);
	snap_u32(s, &stored);
	if (snap_loading(s)) {
		snap_check(s, len <= stored && stored <= RING_MAX_SIZE, "ring length out of range");
		if (!snap_ok(s))
			return;
		if (stored && !ring_reserve(r, l->rings, stored, 0)) {
			snap_fail(s, "out of memory");
			return;
		}
		r->len = len;
	}
	struct iovec iov[2];
	int n = stored ? ring_iov(r, 0, stored, iov) : 0;
	for (int i = 0; i < n; i++)
		snap_bytes(s, iov[i].iov_base, iov[i].iov_len);
}

static void snap_txq(struct snap *s, struct tcp_layer *l, struct tcp *t)
{
	uint32_t count = t->txq.count;
	seq32 expect = t->snd.una;

	snap_u32(s, &count);
	if (snap_loading(s)) {
		snap_check(s, count <= TCP_TXREC_MAX, "too many transmission records");
		if (!snap_ok(s))
			return;
		if (count && !txq_reserve(&t->txq, l->env, count)) {
			snap_fail(s, "out of memory");
			return;
		}
		t->txq.count = count;
	}
	for (uint32_t i = 0; i < count && snap_ok(s); i++) {
		struct tcp_txrec *r = txq_at(&t->txq, i);
		bool sacked = r->sacked, lost = r->lost, retrans = r->retrans, app_limited = r->app_limited;
		snap_seq(s, &r->seq);
		snap_u32(s, &r->len);
		snap_u16(s, &r->mss);
		snap_instant(s, &r->sent);
		snap_bool(s, &sacked);
		snap_bool(s, &lost);
		snap_bool(s, &retrans);
		snap_bool(s, &app_limited);
		snap_u32(s, &r->rate_delivered);
		snap_u32(s, &r->rate_delivered_us);
		snap_u32(s, &r->rate_first_us);
		if (!snap_loading(s))
			continue;
		snap_check(s, seq_eq(r->seq, expect) && r->len && !(sacked && lost), "transmission records do not fit");
		r->sacked = sacked;
		r->lost = lost;
		r->retrans = retrans;
		r->app_limited = app_limited;
		txrec_enter(t, r);
		expect = txrec_end(r);
	}
	if (snap_loading(s) && count)
		snap_check(s, seq_eq(expect, t->snd.nxt), "transmission records do not end at SND.NXT");
}

static void snap_gaps(struct snap *s, struct tcp_layer *l, struct tcp *t)
{
	uint16_t gaps = t->rcv.gaps;
	seq32 last = t->rcv.nxt;

	snap_u16(s, &gaps);
	if (snap_loading(s) && gaps) {
		snap_check(s, gaps <= TCP_GAPS_MAX, "too many intervals");
		if (!snap_ok(s))
			return;
		t->rcv.gap = env_alloc(l->env, gaps * sizeof(*t->rcv.gap));
		if (!t->rcv.gap) {
			snap_fail(s, "out of memory");
			return;
		}
		t->rcv.gap_capacity = t->rcv.gaps = gaps;
	}
	for (uint32_t i = 0; i < gaps && snap_ok(s); i++) {
		struct tcp_gap *g = &t->rcv.gap[i];
		snap_seq(s, &g->start);
		snap_seq(s, &g->end);
		snap_check(s,
		           seq_lt(last, g->start) && seq_lt(g->start, g->end) &&
		                   seq_len(t->rcv.nxt, g->end) <= RING_MAX_SIZE,
		           "intervals do not fit");
		last = g->end;
	}
}

static void snap_send_space(struct snap *s, struct tcp *t)
{
	snap_seq(s, &t->snd.una);
	snap_seq(s, &t->snd.nxt);
	snap_seq(s, &t->snd.up);
	snap_seq(s, &t->snd.wl1);
	snap_seq(s, &t->snd.wl2);
	snap_seq(s, &t->snd.iss);
	snap_seq(s, &t->snd.head);
	snap_u32(s, &t->snd.wnd);
	snap_u32(s, &t->snd.wnd_max);
	snap_u8(s, &t->snd.wind_shift);
	snap_bool(s, &t->snd.urgent);
	snap_u16(s, &t->snd.mss);
	snap_u16(s, &t->snd.mss_peer);
	snap_check(s, t->snd.wind_shift <= TCP_WIND_SHIFT_MAX && t->snd.mss > 0 && t->snd.mss_peer >= TCP_MSS_FLOOR,
	           "send variables out of range");
}

static void snap_receive_space(struct snap *s, struct tcp *t)
{
	snap_seq(s, &t->rcv.nxt);
	snap_seq(s, &t->rcv.up);
	snap_seq(s, &t->rcv.irs);
	snap_seq(s, &t->rcv.adv);
	snap_u8(s, &t->rcv.wind_shift);
	snap_bool(s, &t->rcv.urgent);
	snap_u16(s, &t->rcv.mss);
	snap_u32(s, &t->rcv.held);
	snap_u32(s, &t->rcv.unacked_segments);
	snap_u8(s, &t->rcv.recents);
	snap_check(s, t->rcv.recents <= TCP_SACK_BLOCKS, "too many SACK blocks");
	for (uint32_t i = 0; i < t->rcv.recents && snap_ok(s); i++)
		snap_seq(s, &t->rcv.recent[i]);
	snap_bool(s, &t->rcv.fin_known);
	snap_seq(s, &t->rcv.fin);
	snap_seq(s, &t->rcv.dsack.start);
	snap_seq(s, &t->rcv.dsack.end);
	snap_check(s, t->rcv.wind_shift <= TCP_WIND_SHIFT_MAX, "receive variables out of range");
}

static void snap_congestion(struct snap *s, struct tcp *t)
{
	snap_u32(s, &t->cwnd);
	snap_u32(s, &t->ssthresh);
	snap_u32(s, &t->cwnd_acked);
	snap_bool(s, &t->undo.valid);
	snap_bool(s, &t->undo.first);
	snap_bool(s, &t->undo.ts_known);
	snap_u32(s, &t->undo.cwnd);
	snap_u32(s, &t->undo.ssthresh);
	snap_u32(s, &t->undo.w_max);
	snap_u32(s, &t->undo.ts);
	snap_u32(s, &t->undo.retrans);
	snap_seq(s, &t->undo.marker);
	snap_seq(s, &t->undo.retrans_end);
	SNAP_ENUM(s, t->frto, TCP_FRTOS);
	SNAP_ENUM(s, t->cc, TCP_CCS);
	snap_instant(s, &t->cubic.epoch);
	snap_instant(s, &t->cubic.counted);
	snap_bool(s, &t->cubic.paused);
	snap_u32(s, &t->cubic.w_max);
	snap_u32(s, &t->cubic.cwnd_prior);
	snap_u32(s, &t->cubic.k_ms);
	snap_u64(s, &t->cubic.w_est);
	snap_u64(s, &t->cubic.credit);
	snap_duration_or_infinite(s, &t->hystart.last_min);
	snap_duration_or_infinite(s, &t->hystart.current_min);
	snap_duration_or_infinite(s, &t->hystart.css_baseline);
	snap_seq(s, &t->hystart.round_end);
	snap_u8(s, &t->hystart.samples);
	snap_u8(s, &t->hystart.css_rounds);
	snap_bool(s, &t->hystart.css);
	snap_u32(s, &t->prr.delivered);
	snap_u32(s, &t->prr.out);
	snap_u32(s, &t->prr.recover_fs);
	SNAP_ENUM(s, t->recovery, TCP_RECOVERIES);
	snap_seq(s, &t->recover);
	snap_u8(s, &t->dupacks);
	snap_duration(s, &t->srtt);
	snap_duration(s, &t->rttvar);
	snap_duration(s, &t->rto);
	snap_duration(s, &t->rtt_min);
	snap_instant(s, &t->rtt_min_at);
	snap_bool(s, &t->rtt_valid);
	snap_u8(s, &t->retries);
	snap_u8(s, &t->backoff);
	snap_instant(s, &t->rack_sent);
	snap_seq(s, &t->rack_end);
	snap_duration(s, &t->rack_rtt);
	snap_bool(s, &t->reordering_seen);
	snap_u8(s, &t->rack_mult);
	snap_u8(s, &t->rack_persist);
	snap_seq(s, &t->rack_dsack_round);
	snap_seq(s, &t->fack);
	snap_seq(s, &t->ecn_recover);
	snap_bool(s, &t->retransmit_owed);
	snap_bool(s, &t->probe_owed);
	snap_bool(s, &t->probe_out);
	snap_bool(s, &t->probe_retrans);
	snap_seq(s, &t->probe_end);
}

static void snap_path(struct snap *s, struct tcp *t)
{
	snap_source_route(s, &t->route);
	snap_bool(s, &t->route_given);
	snap_bool(s, &t->passive);
	snap_u16(s, &t->path.mtu);
	snap_bool(s, &t->path.fragment);
	snap_u32(s, &t->path.generation);
	snap_instant(s, &t->path.until);
	snap_u16(s, &t->path.sent_max);
	snap_u16(s, &t->path.acked_max);
	snap_u16(s, &t->path.pending);
	snap_seq(s, &t->path.pending_seq);
	snap_u16(s, &t->mtup.low);
	snap_u16(s, &t->mtup.high);
	snap_u16(s, &t->mtup.size);
	snap_seq(s, &t->mtup.end);
	snap_instant(s, &t->mtup.next);
	bool search = t->mtup.low != 0;
	snap_check(s, !search || t->mtup.low >= TCP_MSS_MIN + IPV4_HDR_MIN + TCP_HDR_MIN,
	           "a search for a path MTU out of range");
	snap_check(s, t->mtup.size == 0 || (search && t->mtup.size > t->mtup.low), "a probe without its search");
}

static void snap_flags(struct snap *s, struct tcp *t)
{
	bool *const flag[] = {
	        &t->ecn_ok,
	        &t->ece_owed,
	        &t->cwr_owed,
	        &t->ts_ok,
	        &t->ws_ok,
	        &t->sack_ok,
	        &t->syn_owed,
	        &t->fin_owed,
	        &t->fin_sent,
	        &t->ack_owed,
	        &t->persist_owed,
	        &t->fin_received,
	        &t->input_shut,
	        &t->orphan,
	        &t->writable_wanted,
	        &t->cork,
	        &t->push_owed,
	        &t->knob.timestamps,
	        &t->knob.window_scaling,
	        &t->knob.sack,
	        &t->cwnd_limited,
	        &t->nodelay,
	        &t->keepalive,
	        &t->keepalive_owed,
	        &t->embryonic,
	};

	for (size_t i = 0; i < ARRAY_LEN(flag); i++)
		snap_bool(s, flag[i]);
}

static void snap_history(struct snap *s, struct tcp *t)
{
	snap_u32(s, &t->ts_offset);
	snap_u32(s, &t->ts_recent);
	snap_instant(s, &t->ts_recent_age);
	snap_seq(s, &t->last_ack_sent);
	snap_u8(s, &t->ttl);
	snap_u8(s, &t->tos);
	snap_u16(s, &t->user_mss);
	snap_seq(s, &t->push);
	snap_u64(s, &t->quick_until);
	SNAP_ENUM(s, t->knob.ecn, TCP_ECNS);
	snap_u8(s, &t->knob.initial_window);
	snap_u8(s, &t->knob.syn_retries);
	snap_duration(s, &t->knob.delack);
	snap_duration(s, &t->knob.time_wait);
	snap_duration(s, &t->knob.fin_wait_2);
	snap_u32(s, &t->knob.window_clamp);
	snap_i32(s, &t->error);
	snap_i32(s, &t->soft_error);
	snap_u32(s, &t->backlog);
	snap_instant(s, &t->cookies_until);
	snap_u8(s, &t->keep_count);
	snap_u8(s, &t->keep_probes);
	snap_instant(s, &t->alive);
	snap_duration(s, &t->keep_idle);
	snap_duration(s, &t->keep_interval);
	snap_duration(s, &t->user_timeout);
	snap_instant(s, &t->progress);
	snap_instant(s, &t->challenge_second);
	snap_u8(s, &t->challenges);
	snap_instant(s, &t->last_sent);
	snap_instant(s, &t->last_received);
	snap_instant(s, &t->established_at);
	snap_u64(s, &t->bytes_acked);
	snap_u64(s, &t->bytes_received);
	snap_u64(s, &t->segs_out);
	snap_u64(s, &t->segs_in);
	snap_u64(s, &t->segs_retrans);
}

static duration spent(int64_t ns)
{
	return duration_max((duration){0}, duration_min((duration){ns}, SPENT_MAX));
}

/* A figure that nothing depends on: what the life of a connection cannot reach is cut. */
static void snap_spent(struct snap *s, duration *d)
{
	int64_t ns = spent(d->ns).ns;

	snap_i64(s, &ns);
	if (snap_loading(s))
		*d = spent(ns);
}

static void snap_figures(struct snap *s, const struct tcp_layer *l, struct tcp *t)
{
	snap_u64(s, &t->stat.bytes_sent);
	snap_u64(s, &t->stat.bytes_retrans);
	snap_u32(s, &t->stat.data_segs_out);
	snap_u32(s, &t->stat.data_segs_in);
	snap_u32(s, &t->stat.delivered);
	snap_u32(s, &t->stat.delivered_ce);
	snap_u32(s, &t->stat.dsacks);
	snap_u32(s, &t->stat.reorderings);
	snap_u32(s, &t->stat.out_of_order);
	snap_u32(s, &t->stat.seg_max);
	snap_instant(s, &t->stat.data_sent);
	snap_instant(s, &t->stat.data_received);
	snap_instant(s, &t->stat.ack_received);
	snap_bool(s, &t->stat.ect_seen);
	snap_u64(s, &t->rate.delivered);
	snap_u64(s, &t->rate.app_limited);
	snap_u32(s, &t->rate.delivered_us);
	snap_u32(s, &t->rate.first_us);
	snap_u32(s, &t->rate.sample_bytes);
	snap_u32(s, &t->rate.sample_us);
	snap_bool(s, &t->rate.sample_app_limited);
	SNAP_ENUM(s, t->limit.now, TCP_LIMITS);
	snap_past(s, &t->limit.since, l->env->now);
	for (int i = 0; i < TCP_LIMITS; i++)
		snap_spent(s, &t->limit.spent[i]);
}

static bool any_timer(const struct tcp *t)
{
	for (int i = 0; i < TCP_TIMERS; i++)
		if (tcp_timer_on(t, (enum tcp_timer)i))
			return true;
	return false;
}

/* What the other files take for granted of a block between two turns. */
static bool consistent(const struct tcp *t)
{
	bool live = t->state != TCP_CLOSED && t->state != TCP_LISTEN;
	seq32 end = seq_add(t->snd.head, t->snd_ring.len + t->fin_sent);

	if (t->pcb.connected != live || (t->pcb.bound && t->pcb.listening) != (t->state == TCP_LISTEN))
		return false;
	if (t->rcv.gaps && t->rcv_ring.len + seq_len(t->rcv.nxt, t->rcv.gap[t->rcv.gaps - 1].end) > t->rcv_ring.size)
		return false;
	if (t->rcv.fin_known && (t->fin_received || !tcp_fin_fits(t, t->rcv.fin)))
		return false;
	if (!live)
		return t->txq.count == 0 && !any_timer(t);
	/* SND.UNA is the SYN's, that of the ring's first octet, or behind the FIN. */
	bool syn = seq_eq(t->snd.una, t->snd.iss) && seq_eq(t->snd.head, seq_add(t->snd.iss, 1));
	bool fin = t->fin_sent && seq_eq(t->snd.una, end) && t->snd_ring.len == 0;
	if (!syn && !fin && !seq_eq(t->snd.una, t->snd.head))
		return false;
	/* A SYN is acknowledged when its state has gone by, and goes again by the retransmission timer alone. */
	if (syn && (tcp_synchronized(t->state) || t->persist_owed || t->probe_owed || t->lost ||
	            tcp_timer_on(t, TCP_TIMER_PERSIST) || tcp_timer_on(t, TCP_TIMER_PROBE)))
		return false;
	/* Records are of SYN alone, or of what the ring holds, and FIN. */
	return t->txq.count ? seq_le(t->snd.nxt, end) : seq_eq(t->snd.nxt, t->snd.una);
}

void snap_tcp(struct snap *s, struct tcp_layer *l, struct tcp *t)
{
	SNAP_ENUM(s, t->state, TCP_STATES);
	snap_pcb(s, &l->pcbs, &t->pcb);
	for (int i = 0; i < TCP_TIMERS; i++)
		snap_instant(s, &t->deadline[i]);
	snap_send_space(s, t);
	snap_receive_space(s, t);
	snap_u32(s, &t->sndbuf);
	snap_u32(s, &t->rcvbuf);
	snap_bool(s, &t->sndbuf_fixed);
	snap_bool(s, &t->rcvbuf_fixed);
	snap_instant(s, &t->tune.since);
	snap_u32(s, &t->tune.taken);
	snap_u32(s, &t->tune.last);
	snap_duration(s, &t->tune.rtt);
	snap_check(s, t->sndbuf <= TCP_BUF_MAX && t->rcvbuf <= TCP_BUF_MAX, "buffer sizes out of range");
	snap_congestion(s, t);
	snap_path(s, t);
	snap_flags(s, t);
	snap_history(s, t);
	snap_figures(s, l, t);
	snap_txq(s, l, t);
	snap_gaps(s, l, t);
	uint32_t extent = t->rcv_ring.len;
	if (t->rcv.gaps && snap_ok(s))
		extent += seq_len(t->rcv.nxt, t->rcv.gap[t->rcv.gaps - 1].end);
	snap_ring(s, l, &t->snd_ring, t->snd_ring.len);
	snap_ring(s, l, &t->rcv_ring, extent);
	if (snap_ok(s))
		snap_check(s, consistent(t), "a TCP block contradicts itself");
	if (snap_loading(s) && snap_ok(s)) {
		instant e = t->deadline[0];
		for (int i = 1; i < TCP_TIMERS; i++)
			e = instant_min(e, t->deadline[i]);
		timer_update(l->timers, &t->timer, e);
		tcp_census_enter(l, t);
	}
}

void snap_tcp_layer(struct snap *s, struct tcp_layer *l)
{
	snap_bytes(s, l->isn_key.b, sizeof(l->isn_key.b));
	snap_bytes(s, l->cookie_key.b, sizeof(l->cookie_key.b));
	snap_duration(s, &l->cfg.time_wait);
	snap_duration(s, &l->cfg.fin_wait_2);
	snap_duration(s, &l->cfg.rto_min);
	snap_duration(s, &l->cfg.rto_max);
	snap_duration(s, &l->cfg.rto_initial);
	snap_duration(s, &l->cfg.delack);
	snap_u32(s, &l->cfg.rcvbuf);
	snap_u32(s, &l->cfg.sndbuf);
	snap_u32(s, &l->cfg.rcvbuf_max);
	snap_u32(s, &l->cfg.sndbuf_max);
	snap_u8(s, &l->cfg.syn_retries);
	snap_u8(s, &l->cfg.retries);
	snap_u8(s, &l->cfg.orphan_retries);
	snap_u16(s, &l->cfg.backlog_max);
	snap_u32(s, &l->cfg.orphans_max);
	snap_u32(s, &l->cfg.time_wait_max);
	snap_bool(s, &l->cfg.timestamps);
	snap_bool(s, &l->cfg.window_scaling);
	snap_bool(s, &l->cfg.sack);
	SNAP_ENUM(s, l->cfg.ecn, TCP_ECNS);
	SNAP_ENUM(s, l->cfg.mtu_probing, TCP_MTU_PROBINGS);
	snap_bool(s, &l->cfg.syn_cookies);
	SNAP_ENUM(s, l->cfg.cc, TCP_CCS);
	snap_bool(s, &l->cfg.keepalive);
	snap_duration(s, &l->cfg.keep_idle);
	snap_duration(s, &l->cfg.keep_interval);
	snap_u8(s, &l->cfg.keep_count);
	snap_duration(s, &l->cfg.user_timeout);
	snap_u8(s, &l->cfg.initial_window);
	snap_u16(s, &l->cfg.max_segment);
	snap_duration(s, &l->cfg.cork_time);
	snap_pcb_table(s, &l->pcbs);
}
