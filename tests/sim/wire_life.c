/* The observer: the life of an end. Which transitions RFC 9293 has (Figure 5 and 3.10), what must have happened before
 * each, and which resets there may be. */
#include "sim.h"
#include "wire.h"

#define TO(s) (1u << TCP_##s)

static const unsigned follows[TCP_STATES] = {
        [TCP_CLOSED] = TO(LISTEN) | TO(SYN_SENT) | TO(SYN_RECEIVED),
        [TCP_LISTEN] = TO(CLOSED),
        [TCP_SYN_SENT] = TO(CLOSED) | TO(SYN_RECEIVED) | TO(ESTABLISHED),
        [TCP_SYN_RECEIVED] = TO(CLOSED) | TO(ESTABLISHED),
        [TCP_ESTABLISHED] = TO(CLOSED) | TO(FIN_WAIT_1) | TO(CLOSE_WAIT),
        [TCP_FIN_WAIT_1] = TO(CLOSED) | TO(FIN_WAIT_2) | TO(CLOSING),
        [TCP_FIN_WAIT_2] = TO(CLOSED) | TO(TIME_WAIT),
        [TCP_CLOSE_WAIT] = TO(CLOSED) | TO(LAST_ACK),
        [TCP_CLOSING] = TO(CLOSED) | TO(TIME_WAIT),
        [TCP_LAST_ACK] = TO(CLOSED),
        [TCP_TIME_WAIT] = TO(CLOSED),
};

/* What the judge of a reason may look at. */
struct event {
	const struct sim_host *h;
	const struct wire_end *e;  /* NULL: no connection with these ports was ever seen */
	const struct wire_seg *g;  /* the segment that came last in this turn, or NULL */
	const struct sim_app *app; /* of e */
	const struct tcp_config *cfg;
	enum tcp_state from;
};

static bool live(const struct event *v)
{
	return v->e && !v->e->over;
}

static duration since(const struct event *v, instant t)
{
	return instant_since(v->h->world->now, t);
}

static int32_t ack_of(const struct event *v)
{
	return (int32_t)(v->g->ack - v->e->iss);
}

/* RFC 9293 3.10.7.1: nobody is there. */
static bool nobody(const struct event *v)
{
	return v->g && !live(v);
}

static bool ack_to_listener(const struct event *v)
{
	return v->g && !live(v) && (v->g->flags & WIRE_ACK) && v->g->dst == SIM_PORT;
}

/* The SYN itself may still wait for an address. */
static bool bad_handshake_ack(const struct event *v)
{
	return v->g && (v->g->flags & WIRE_ACK) &&
	       (!live(v) || (!v->e->established && (ack_of(v) < 1 || ack_of(v) > v->e->nxt)));
}

static bool app_aborts(const struct event *v)
{
	return (v->app && v->app->aborted) || v->h->listener_closed;
}

static bool unread_text(const struct event *v)
{
	return v->app && v->app->closed && v->e->expect - 1 > (int64_t)(v->app->received - v->app->channel);
}

static bool text_after_close(const struct event *v)
{
	return v->app && v->app->closed && v->g && v->g->len;
}

static bool user_timeout(const struct event *v)
{
	if (!v->app || !v->app->user_timeout.ns)
		return false;
	/* The first SYN may have waited for an address, unseen. */
	bool opening = v->app->active && (v->from == TCP_SYN_SENT || v->from == TCP_SYN_RECEIVED);
	instant from = opening ? v->app->opened_at : v->e->una_moved;
	return !duration_lt(since(v, from), v->app->user_timeout);
}

static bool retries_exhausted(const struct event *v)
{
	unsigned limit = v->from == TCP_SYN_SENT || v->from == TCP_SYN_RECEIVED ? v->cfg->syn_retries
	                 : v->app && v->app->closed                             ? v->cfg->orphan_retries
	                                                                        : v->cfg->retries;
	return v->e && (v->e->hidden || v->e->head_sends + 1 >= limit);
}

static bool orphan_probed(const struct event *v)
{
	return v->app && v->app->closed && v->e->zero_window;
}

static bool keepalive_failed(const struct event *v)
{
	return v->app && v->app->keepalive && !duration_lt(since(v, v->e->last_arrived), SIM_KEEP_IDLE);
}

static bool rst_came(const struct event *v)
{
	return v->e && v->e->rst_ok;
}

static bool not_open_yet(const struct event *v)
{
	return v->from == TCP_SYN_SENT && v->app && v->app->closed;
}

static bool fin_acked(const struct event *v)
{
	return v->e && v->e->fin != WIRE_NONE && v->e->una >= v->e->fin;
}

static bool both_fins(const struct event *v)
{
	return fin_acked(v) && v->e->peer_fin != WIRE_NONE && v->e->expect >= v->e->peer_fin;
}

/* RFC 9293 3.6.1, MUST-13 */
static bool two_msl(const struct event *v)
{
	return v->e && v->e->in_time_wait && !duration_lt(since(v, v->e->since), v->cfg->time_wait);
}

static bool orphan_waited(const struct event *v)
{
	return v->e && v->e->in_fin_wait_2 && v->app && v->app->closed &&
	       !duration_lt(since(v, v->app->closed_at), v->cfg->fin_wait_2);
}

/* RFC 6191 */
static bool reopened(const struct event *v)
{
	return v->e && v->e->in_time_wait && v->g && (v->g->flags & (WIRE_SYN | WIRE_ACK | WIRE_RST)) == WIRE_SYN;
}

static bool listener_closes(const struct event *v)
{
	return v->h->listener_closed;
}

static bool syn_in_syn_received(const struct event *v)
{
	return v->g && (v->g->flags & WIRE_SYN) && v->from == TCP_SYN_RECEIVED;
}

static bool handshake_done(const struct event *v)
{
	return v->e && v->e->irs_known && v->e->una >= 1;
}

static bool peer_fin(const struct event *v)
{
	return v->e && v->e->peer_fin != WIRE_NONE && v->e->expect >= v->e->peer_fin;
}

static bool app_closes(const struct event *v)
{
	return v->app && (v->app->shut || v->app->closed);
}

/* RFC 9293 3.9.2.2 (ICMP), and an address that does not resolve. */
static bool unreachable(const struct event *v)
{
	return (v->from == TCP_SYN_SENT || v->from == TCP_SYN_RECEIVED) && v->h->world->wire.arp_open[v->h->index];
}

static bool always(const struct event *v)
{
	(void)v;
	return true;
}

/* Every reason that the stack may give, and what must be true then. */
static const struct reason {
	const char *why;
	bool (*holds)(const struct event *v);
} reset_reasons[] =
        {
                {"no socket", nobody},
                {"ACK to a listener", ack_to_listener},
                {"unacceptable ACK in SYN-SENT", bad_handshake_ack},
                {"unacceptable ACK in SYN-RECEIVED", bad_handshake_ack},
                {"aborted", app_aborts},
                {"closed with unread text", unread_text},
                {"text after the application closed", text_after_close},
                {"user timeout", user_timeout},
                {"too many retransmissions", retries_exhausted},
                {"orphan facing a zero window", orphan_probed},
                {"no answer to keep-alive probes", keepalive_failed},
},
  end_reasons[] = {
          {"the SYN was answered with a RST", rst_came},
          {"RST in SYN-RECEIVED", rst_came},
          {"RST received", rst_came},
          {"RST received while closing", rst_came},
          {"our FIN is acknowledged", fin_acked},
          {"2 MSL are over", two_msl},
          {"orphan waited long enough for a FIN", orphan_waited},
          {"a new incarnation opens", reopened},
          {"listener closed", listener_closes},
          {"closed before it was established", not_open_yet},
          {"ICMP error while opening", unreachable},
          {"SYN in SYN-RECEIVED", syn_in_syn_received},
          {"aborted", app_aborts},
          {"closed with unread text", unread_text},
          {"text after the application closed", text_after_close},
          {"user timeout", user_timeout},
          {"too many retransmissions", retries_exhausted},
          {"orphan facing a zero window", orphan_probed},
          {"no answer to keep-alive probes", keepalive_failed},
};

/* What must have happened before a state other than CLOSED is entered. */
static bool (*const entry[TCP_STATES])(const struct event *v) = {
        [TCP_CLOSED] = always,
        [TCP_LISTEN] = always,
        [TCP_SYN_SENT] = always,
        [TCP_SYN_RECEIVED] = always,
        [TCP_ESTABLISHED] = handshake_done,
        [TCP_FIN_WAIT_1] = app_closes,
        [TCP_FIN_WAIT_2] = fin_acked,
        [TCP_CLOSE_WAIT] = peer_fin,
        [TCP_CLOSING] = peer_fin,
        [TCP_LAST_ACK] = app_closes,
        [TCP_TIME_WAIT] = both_fins,
};

static bool judge(const struct reason *r, size_t n, const char *why, const struct event *v)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(r[i].why, why))
			return r[i].holds(v);
	return false;
}

static struct wire_end *end_of_socket(const struct sim_host *h, uint64_t socket)
{
	const struct socket *so = socket_by_id(h->stack, socket);
	struct endpoint local, remote;

	if (!so)
		return NULL;
	socket_names(so, &local, &remote);
	return wire_end_of(h->world, h->index, local.port, remote.port);
}

static struct event event_of(struct sim_host *h, uint64_t socket, const struct wire_end *e, enum tcp_state from)
{
	const struct wire *v = &h->world->wire;
	const struct sim_app *a = app_of(h, socket);

	return (struct event){.h = h,
	                      .e = e,
	                      .g = v->now_valid[h->index] ? &v->now[h->index] : NULL,
	                      .app = a   ? a
	                             : e ? e->app
	                                 : NULL,
	                      .cfg = &h->world->cfg[h->index].tcp,
	                      .from = from};
}

void wire_transition(struct sim_host *h, uint64_t socket, uint8_t from, uint8_t to, const char *why)
{
	struct wire_end *e = end_of_socket(h, socket);
	struct event v = event_of(h, socket, e, (enum tcp_state)from);

	if (!(follows[from] & (1u << to))) {
		world_fail(h->world, "host %d: %s follows %s", h->index, tcp_state_names[to], tcp_state_names[from]);
		return;
	}
	if (from == TCP_CLOSED || from == TCP_LISTEN)
		return;
	/* An end that was opened and closed in one turn has sent nothing. */
	bool unseen = (!e || e->over) && (from == TCP_SYN_SENT || from == TCP_SYN_RECEIVED) && to == TCP_CLOSED;
	bool legal = unseen             ? true
	             : to == TCP_CLOSED ? judge(end_reasons, ARRAY_LEN(end_reasons), why, &v)
	                                : entry[to](&v);
	if (!legal)
		world_fail(h->world, "host %d socket %llu: %s to %s (%s) without cause", h->index,
		           (unsigned long long)socket, tcp_state_names[from], tcp_state_names[to], why);
	if (!e)
		return;
	e->over = e->over || to == TCP_CLOSED;
	e->established = to == TCP_ESTABLISHED || (e->established && to != TCP_CLOSED);
	e->in_time_wait = to == TCP_TIME_WAIT;
	e->in_fin_wait_2 = to == TCP_FIN_WAIT_2;
	e->since = h->world->now;
}

void wire_reset_sent(struct sim_host *h, uint64_t socket, const char *why)
{
	const struct wire *v = &h->world->wire;
	struct wire_end *e = NULL;

	if (socket)
		e = end_of_socket(h, socket);
	else if (v->now_valid[h->index])
		e = wire_end_of(h->world, h->index, v->now[h->index].dst, v->now[h->index].src);
	enum tcp_state from = socket && socket_by_id(h->stack, socket) ? socket_state(socket_by_id(h->stack, socket))
	                                                               : TCP_CLOSED;
	struct event ev = event_of(h, socket, e, from);
	if (!judge(reset_reasons, ARRAY_LEN(reset_reasons), why, &ev))
		world_fail(h->world, "host %d socket %llu: a RST without cause (%s)", h->index,
		           (unsigned long long)socket, why);
}
