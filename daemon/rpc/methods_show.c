/* The Sockets service, part three: the rows of List and the whole control block of Get.
 *
 * List keeps only the id of its last row between two pages, so that sockets may come and go while a client reads
 * slowly: a socket that lives all the while is shown exactly once. */
#include "rpc/methods.h"

#define LIST_PAGE 8192u /* bytes after which a page is full */

static const Toynet__V1__State states[] = {
        [TCP_CLOSED] = TOYNET__V1__STATE__STATE_CLOSED,
        [TCP_LISTEN] = TOYNET__V1__STATE__STATE_LISTEN,
        [TCP_SYN_SENT] = TOYNET__V1__STATE__STATE_SYN_SENT,
        [TCP_SYN_RECEIVED] = TOYNET__V1__STATE__STATE_SYN_RECEIVED,
        [TCP_ESTABLISHED] = TOYNET__V1__STATE__STATE_ESTABLISHED,
        [TCP_FIN_WAIT_1] = TOYNET__V1__STATE__STATE_FIN_WAIT_1,
        [TCP_FIN_WAIT_2] = TOYNET__V1__STATE__STATE_FIN_WAIT_2,
        [TCP_CLOSE_WAIT] = TOYNET__V1__STATE__STATE_CLOSE_WAIT,
        [TCP_CLOSING] = TOYNET__V1__STATE__STATE_CLOSING,
        [TCP_LAST_ACK] = TOYNET__V1__STATE__STATE_LAST_ACK,
        [TCP_TIME_WAIT] = TOYNET__V1__STATE__STATE_TIME_WAIT,
};
_Static_assert(ARRAY_LEN(states) == TCP_STATES, "one for each state");

static char *const recovery_names[] = {
        [TCP_OPEN] = "open",
        [TCP_RECOVERY] = "recovery",
        [TCP_LOSS] = "loss",
};
_Static_assert(ARRAY_LEN(recovery_names) == TCP_RECOVERIES, "one for each phase");

static const Toynet__V1__Protocol protocols[] = {
        [SOCKET_TCP] = TOYNET__V1__PROTOCOL__PROTOCOL_TCP,
        [SOCKET_UDP] = TOYNET__V1__PROTOCOL__PROTOCOL_UDP,
        [SOCKET_PING] = TOYNET__V1__PROTOCOL__PROTOCOL_PING,
        [SOCKET_RAW] = TOYNET__V1__PROTOCOL__PROTOCOL_RAW,
};
_Static_assert(ARRAY_LEN(protocols) == SOCKET_PROTOCOLS, "one for each protocol");

/* Bytes received and not read by the application; the core's figure is right but for what it last heard of the pair. Of
 * a listener, the connections that wait for accept: in the core, and as records in the pair. */
static uint64_t unread_bytes(const struct rpc_server *srv, struct socket *so)
{
	uint64_t queued = socket_recv_queued(so);

	if (!so->channel)
		return queued;
	if (so->protocol != SOCKET_TCP || socket_state(so) == TCP_LISTEN)
		return queued + srv->host->pair_unread(srv->ctx, so);
	if (so->tcp.rcv.held == 0)
		return queued;
	return queued - so->tcp.rcv.held + srv->host->pair_unread(srv->ctx, so);
}

void row_fill(const struct rpc_server *srv, struct socket *so, struct row_message *row)
{
	struct endpoint local, peer;

	socket_stack_names(so, &local, &peer);
	address_fill(&row->local, local);
	toynet__v1__socket_row__init(&row->m);
	row->m.id = so->id;
	row->m.cookie = so->cookie;
	row->m.inode = so->inode;
	row->m.protocol = protocols[so->protocol];
	row->m.family = (Toynet__V1__Family)so->family;
	row->m.state = states[socket_state(so)];
	row->m.recv_q = unread_bytes(srv, so);
	row->m.send_q = socket_send_queued(so);
	row->m.local = &row->local.m;
	if (socket_has_peer(so)) {
		address_fill(&row->peer, peer);
		row->m.peer = &row->peer.m;
	}
	row->m.uid = so->uid;
	row->m.creator_pid = so->pid;
	row->m.owned = so->owned;
	row->m.age_ms = (uint64_t)(instant_since(srv->env->now, so->opened).ns / NS_PER_MS);
}

bool row_visible(const struct rpc_conn *conn, const struct socket *so)
{
	return conn->peer.admin || conn->peer.uid == so->uid;
}

void sockets_list(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	(void)request;
	(void)so;
	call_stream(c);
}

enum produced sockets_list_produce(struct call *c)
{
	struct rpc_server *srv = c->conn->srv;
	struct row_message row;
	struct socket *so;

	while ((so = socket_after(srv->stack, c->cursor))) {
		c->cursor = so->id;
		if (!row_visible(c->conn, so))
			continue;
		row_fill(srv, so, &row);
		if (!call_append(c, &row.m.base))
			return PRODUCE_END;
		if (c->out_len >= LIST_PAGE)
			return PRODUCE_MORE;
	}
	return PRODUCE_END;
}

/* -1: not yet. */
static int64_t us_since(const struct rpc_server *srv, instant t)
{
	return instant_is_never(t) ? -1 : instant_since(srv->env->now, t).ns / NS_PER_US;
}

static void knobs_fill(const struct tcp *t, Toynet__V1__TcpControlBlock *m)
{
	m->ask_timestamps = t->knob.timestamps;
	m->ask_sack = t->knob.sack;
	m->ask_window_scaling = t->knob.window_scaling;
	m->ask_ecn = (char *)(uintptr_t)tcp_ecn_names[t->knob.ecn];
	m->initial_window = t->knob.initial_window;
	m->delack_us = t->knob.delack.ns / NS_PER_US;
	m->time_wait_us = t->knob.time_wait.ns / NS_PER_US;
	m->fin_wait_2_us = t->knob.fin_wait_2.ns / NS_PER_US;
	m->syn_retries = t->knob.syn_retries;
	m->max_segment = t->user_mss;
	m->window_clamp = t->knob.window_clamp;
	m->nodelay = t->nodelay;
	m->cork = t->cork;
	m->user_timeout_us = t->user_timeout.ns / NS_PER_US;
	m->keepalive = t->keepalive;
	m->keepalive_idle_us = t->keep_idle.ns / NS_PER_US;
	m->keepalive_interval_us = t->keep_interval.ns / NS_PER_US;
	m->keepalive_probes = t->keep_count;
}

static void tcp_fill(const struct tcp *t, Toynet__V1__TcpControlBlock *m)
{
	toynet__v1__tcp_control_block__init(m);
	m->snd_una = t->snd.una.n;
	m->snd_nxt = t->snd.nxt.n;
	m->snd_wnd = t->snd.wnd;
	m->snd_up = t->snd.up.n;
	m->snd_wl1 = t->snd.wl1.n;
	m->snd_wl2 = t->snd.wl2.n;
	m->iss = t->snd.iss.n;
	m->rcv_nxt = t->rcv.nxt.n;
	m->rcv_wnd = seq_gt(t->rcv.adv, t->rcv.nxt) ? seq_len(t->rcv.nxt, t->rcv.adv) : 0;
	m->rcv_up = t->rcv.up.n;
	m->irs = t->rcv.irs.n;
	m->snd_wind_shift = t->snd.wind_shift;
	m->rcv_wind_shift = t->rcv.wind_shift;
	m->snd_mss = t->snd.mss;
	m->rcv_mss = t->rcv.mss;
	m->cwnd = t->cwnd;
	m->ssthresh = t->ssthresh;
	m->flight_size = tcp_flight_size(t);
	if (t->rtt_valid) {
		m->srtt_us = t->srtt.ns / NS_PER_US;
		m->rttvar_us = t->rttvar.ns / NS_PER_US;
	}
	m->rto_us = t->rto.ns / NS_PER_US;
	m->backoff = t->backoff;
	m->timestamps = t->ts_ok;
	m->sack = t->sack_ok;
	m->ts_recent = t->ts_recent;
	m->last_ack_sent = t->last_ack_sent.n;
	m->bytes_acked = t->bytes_acked;
	m->bytes_received = t->bytes_received;
	m->segments_out = t->segs_out;
	m->segments_in = t->segs_in;
	m->segments_retransmitted = t->segs_retrans;
	for (uint16_t i = 0; i < t->rcv.gaps; i++)
		m->bytes_out_of_order += seq_len(t->rcv.gap[i].start, t->rcv.gap[i].end);
	m->recovery = recovery_names[t->recovery];
	m->congestion_control = (char *)(uintptr_t)tcp_cc_names[t->cc];
	m->rtt_min_us = t->rtt_min.ns / NS_PER_US;
	knobs_fill(t, m);
}

static const Toynet__V1__CaState ca_states[] = {
        [TCP_CA_OPEN] = TOYNET__V1__CA_STATE__CA_STATE_OPEN,
        [TCP_CA_DISORDER] = TOYNET__V1__CA_STATE__CA_STATE_DISORDER,
        [TCP_CA_CWR] = TOYNET__V1__CA_STATE__CA_STATE_CWR,
        [TCP_CA_RECOVERY] = TOYNET__V1__CA_STATE__CA_STATE_RECOVERY,
        [TCP_CA_LOSS] = TOYNET__V1__CA_STATE__CA_STATE_LOSS,
};
_Static_assert(ARRAY_LEN(ca_states) == TCP_CA_STATES, "one for each state");

void tcp_info_fill(struct stack *s, const struct socket *so, Toynet__V1__TcpInfo *m)
{
	struct tcp_info info;

	socket_tcp_info(s, so, &info);
	toynet__v1__tcp_info__init(m);
	m->state = states[info.state];
	m->ca_state = ca_states[info.ca_state];
	m->timestamps = info.timestamps;
	m->sack = info.sack;
	m->window_scale = info.window_scale;
	m->ecn = info.ecn;
	m->ecn_seen = info.ecn_seen;
	m->delivery_rate_app_limited = info.app_limited;
#define FILL(type, name) m->name = info.name;
	TCP_INFO_FIELDS(FILL)
#undef FILL
}

/* Returns how many run. */
static size_t timers_fill(const struct tcp *t, instant now, Toynet__V1__Timer timers[TCP_TIMERS],
                          Toynet__V1__Timer *pointers[TCP_TIMERS])
{
	size_t n = 0;

	for (size_t i = 0; i < TCP_TIMERS; i++) {
		if (instant_is_never(t->deadline[i]))
			continue;
		toynet__v1__timer__init(&timers[n]);
		timers[n].name = (char *)(uintptr_t)tcp_timer_names[i];
		timers[n].expires_us = instant_since(t->deadline[i], now).ns / NS_PER_US;
		pointers[n] = &timers[n];
		n++;
	}
	return n;
}

static void reply_tcp(struct call *c, const struct socket *so, Toynet__V1__Socket *m)
{
	const struct rpc_server *srv = c->conn->srv;
	const struct tcp *t = &so->tcp;
	Toynet__V1__TcpControlBlock block;
	Toynet__V1__TcpInfo info;
	Toynet__V1__Timer timers[TCP_TIMERS], *pointers[TCP_TIMERS];

	m->sndbuf = t->sndbuf;
	m->rcvbuf = t->rcvbuf;
	m->send_buffered = t->snd_ring.len;
	m->receive_buffered = t->rcv_ring.len;
	m->since_send_us = us_since(srv, t->last_sent);
	m->since_receive_us = us_since(srv, t->last_received);
	m->n_timers = timers_fill(t, srv->env->now, timers, pointers);
	m->timers = pointers;
	tcp_fill(t, &block);
	tcp_info_fill(srv->stack, so, &info);
	block.info = &info;
	m->control_block_case = TOYNET__V1__SOCKET__CONTROL_BLOCK_TCP;
	m->tcp = &block;
	call_reply(c, &m->base);
}

static void reply_dgram(struct call *c, const struct socket *so, Toynet__V1__Socket *m)
{
	const struct rpc_server *srv = c->conn->srv;
	const struct dgram *d = &so->dgram;
	Toynet__V1__UdpControlBlock block = TOYNET__V1__UDP_CONTROL_BLOCK__INIT;
	struct address_message group[IGMP_MEMBERSHIPS_MAX];
	char *groups[IGMP_MEMBERSHIPS_MAX];

	m->sndbuf = d->sndbuf;
	m->rcvbuf = d->rcvbuf;
	m->send_buffered = d->snd.len;
	m->receive_buffered = d->rcv.len;
	m->since_send_us = us_since(srv, d->last_sent);
	m->since_receive_us = us_since(srv, d->last_received);
	block.datagrams_in = d->in;
	block.datagrams_out = d->out;
	block.receive_drops = d->drops;
	list_for_each(it, &d->groups)
	{
		const struct igmp_membership *g = list_entry(it, struct igmp_membership, of_socket);
		groups[block.n_groups] = ip_format(g->group->addr, group[block.n_groups].ip);
		block.n_groups++;
	}
	block.groups = groups;
	m->control_block_case = TOYNET__V1__SOCKET__CONTROL_BLOCK_UDP;
	m->udp = &block;
	call_reply(c, &m->base);
}

void sockets_get(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	Toynet__V1__Socket m = TOYNET__V1__SOCKET__INIT;
	struct row_message row;

	(void)request;
	row_fill(c->conn->srv, so, &row);
	m.row = &row.m;
	if (so->protocol == SOCKET_TCP)
		reply_tcp(c, so, &m);
	else
		reply_dgram(c, so, &m);
}
