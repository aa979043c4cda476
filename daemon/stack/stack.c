/* The stack's turn. See stack.h for its order; this file only passes each call to the layer that owns it. */
#include "stack/stack.h"
#include "socket/socket_internal.h"
#include "stack/dhcp_net.h"

#define TIMER_TIE_IP (UINT64_C(1) << 63) /* socket ids never reach it */

const struct stack_config stack_config_default = {
        .tcp = TCP_CONFIG_DEFAULT,
        .udp_rcvbuf = 1u << 18,
        .udp_sndbuf = 1u << 18,
        .sockets_max = 65536,
        .sockets_per_uid = 16384,
};

static void address_changed(void *ctx, struct ip_addr a, enum ip_address_event event)
{
	struct stack *s = ctx;

	/* The client deletes an address that is lost: after the resets. */
	if (event == IP_ADDRESS_LOST)
		socket_address_lost(s, a);
	if (s->address_watch)
		s->address_watch(s->address_watch_ctx, a, event, s->ip.acd.claimant);
	if (s->dhcp)
		dhcp_client_address(s->dhcp, a, event);
}

void stack_watch_addresses(struct stack *s, stack_address_watch *watch, void *ctx)
{
	s->address_watch = watch;
	s->address_watch_ctx = ctx;
}

/* The DHCP client, with a place for its timer. */
static bool open_dhcp(struct stack *s, const struct dhcp_config *cfg)
{
	if (!cfg->on)
		return true;
	if (!timer_reserve(&s->timers, s->env, STACK_TIMERS_MAX))
		return false;
	s->dhcp = dhcp_client_new(s, cfg);
	return s->dhcp != NULL;
}

struct stack *stack_new(struct env *env, const struct stack_config *cfg, struct link_caps caps)
{
	struct stack *s = env_alloc(env, sizeof(*s));

	if (!s)
		return NULL;
	s->env = env;
	s->udp_rcvbuf = cfg->udp_rcvbuf;
	s->udp_sndbuf = cfg->udp_sndbuf;
	timer_queue_init(&s->timers);
	ring_pool_init(&s->rings, env);
	if (!ip_init(&s->ip, env, &s->counters, &s->timers, &cfg->ip, caps))
		goto no_ip;
	struct tcp_upcalls tcp_up = {socket_tcp_child, socket_tcp_closed, socket_tcp_event, s};
	if (!tcp_init(&s->tcp, env, &s->counters, &s->ip, &s->timers, &s->rings, &cfg->tcp, tcp_up))
		goto no_tcp;
	struct dgram_upcalls dgram_up = {socket_dgram_arrived, socket_dgram_writable, s};
	if (!dgram_layer_init(&s->dgram, env, &s->counters, &s->ip, &s->rings, dgram_up))
		goto no_dgram;
	if (!socket_table_init(&s->sockets, env, cfg->sockets_max, cfg->sockets_per_uid))
		goto no_sockets;
	if (!open_dhcp(s, &cfg->dhcp))
		goto no_dhcp;
	s->ip.address_changed = address_changed;
	s->ip.address_ctx = s;
	return s;
no_dhcp:
	socket_table_free(&s->sockets, env);
no_sockets:
	dgram_layer_free(&s->dgram);
no_dgram:
	tcp_free(&s->tcp);
no_tcp:
	ip_free(&s->ip);
no_ip:
	timer_queue_free(&s->timers, env);
	env_free(env, s, sizeof(*s));
	return NULL;
}

void stack_free(struct stack *s)
{
	struct env *env = s->env;

	list_for_each_safe(it, tmp, &s->sockets.all) socket_free(s, list_entry(it, struct socket, all));
	dhcp_client_free(s->dhcp);
	socket_table_free(&s->sockets, env);
	dgram_layer_free(&s->dgram);
	tcp_free(&s->tcp);
	ip_free(&s->ip);
	ring_pool_free(&s->rings);
	timer_queue_free(&s->timers, env);
	env_free(env, s, sizeof(*s));
}

void stack_set_caps(struct stack *s, struct link_caps caps)
{
	s->ip.caps = caps;
}

void stack_set_tcp_config(struct stack *s, const struct tcp_config *cfg)
{
	s->tcp.cfg = *cfg;
}

void stack_input(struct stack *s, const struct frame_in *frames, int n)
{
	assert(n <= STACK_BATCH_MAX);
	for (int i = 0; i < n; i++) {
		COUNT(&s->counters, LinkInFrames);
		COUNT_ADD(&s->counters, LinkInOctets, frames[i].len);
		trace_emit(s->env, &(struct trace_event){.kind = TRACE_FRAME_IN,
		                                         .bytes = frames[i].data,
		                                         .len = frames[i].len,
		                                         .frame_len = frames[i].len});
		ip_frame_input(&s->ip, &frames[i]);
	}
}

void stack_tick(struct stack *s)
{
	struct timer_node *n;

	ip_loop_input(&s->ip);
	while ((n = timer_pop(&s->timers, s->env->now)) != NULL) {
		if (n->tie & TIMER_TIE_IP)
			ip_timer(&s->ip, n);
		else if (n->tie == DHCP_TIMER_TIE)
			dhcp_timer(&s->dhcp->dhcp);
		else
			tcp_timer_run(&s->tcp, container_of(n, struct tcp, timer));
	}
}

struct socket *stack_ready(struct stack *s, unsigned *events)
{
	if (list_empty(&s->sockets.ready))
		return NULL;
	struct socket *so = list_entry(s->sockets.ready.next, struct socket, ready_link);
	list_remove(&so->ready_link);
	*events = so->events;
	so->events = 0;
	if (so->awaited && !so->owned && so->tcp.state == TCP_CLOSED)
		list_push_back(&s->sockets.reap, &so->ready_link);
	return so;
}

static uint32_t iov_bytes(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return (uint32_t)sum;
}

/* What of so can be delivered now. */
static bool fill_delivery(struct stack *s, struct socket *so, struct stack_delivery *d)
{
	d->socket = so;
	switch (so->protocol) {
	case SOCKET_TCP:
		d->niov = tcp_deliver(&s->tcp, &so->tcp, d->iov, STACK_DELIVERY_IOV);
		d->len = iov_bytes(d->iov, d->niov);
		return d->niov > 0;
	case SOCKET_UDP:
	case SOCKET_PING:
	case SOCKET_RAW:
		if (!dgram_peek(&s->dgram, &so->dgram, &d->rec, d->iov, &d->niov))
			return false;
		d->len = d->rec.len;
		return true;
	case SOCKET_PROTOCOLS:
		break;
	}
	return false;
}

bool stack_delivery(struct stack *s, struct stack_delivery *d)
{
	while (!list_empty(&s->sockets.deliver)) {
		struct socket *so = list_entry(s->sockets.deliver.next, struct socket, deliver_link);
		list_remove(&so->deliver_link);
		/* A child that nobody has accepted is offered by accept. */
		if (so->owned && so->channel && fill_delivery(s, so, d))
			return true;
	}
	return false;
}

void stack_delivered(struct stack *s, const struct stack_delivery *d, uint32_t n, bool taken)
{
	struct socket *so = d->socket;

	switch (so->protocol) {
	case SOCKET_TCP:
		if (n)
			tcp_delivered(&s->tcp, &so->tcp, n);
		if (n == d->len)
			socket_offer(s, so);
		break;
	case SOCKET_UDP:
	case SOCKET_PING:
	case SOCKET_RAW:
		if (!taken)
			break;
		dgram_consume(&s->dgram, &so->dgram);
		socket_offer(s, so);
		break;
	case SOCKET_PROTOCOLS:
		break;
	}
}

void stack_offer(struct stack *s, struct socket *so)
{
	socket_offer(s, so);
}

bool stack_output(struct stack *s, struct frame_out *f)
{
	/* The last one: what a transport sent may wait for an ARP request that is owed only now. */
	if (!ip_pull(&s->ip, f) && !tcp_output(&s->tcp, f) && !dgram_output(&s->dgram, f) && !ip_pull(&s->ip, f))
		return false;
	COUNT(&s->counters, LinkOutFrames);
	COUNT_ADD(&s->counters, LinkOutOctets, frame_len(f));
	trace_emit(s->env, &(struct trace_event){.kind = TRACE_FRAME_OUT,
	                                         .bytes = frame_hdr_const(f),
	                                         .len = f->hdr_len,
	                                         .frame_len = frame_len(f)});
	return true;
}

void stack_output_refused(struct stack *s)
{
	COUNT(&s->counters, LinkOutRefused);
}

void stack_turn_end(struct stack *s)
{
	tcp_turn_end(&s->tcp);
	dgram_turn_end(&s->dgram);
	ip_turn_end(&s->ip);
	socket_reap(s);
}

instant stack_deadline(struct stack *s)
{
	return instant_min(timer_next(&s->timers), ip_loop_deadline(&s->ip));
}

struct env *stack_env(struct stack *s)
{
	return s->env;
}

struct counters *stack_counters(struct stack *s)
{
	return &s->counters;
}

struct ip_layer *stack_ip(struct stack *s)
{
	return &s->ip;
}

#define TCP_RTO_RFC2988 5 /* RFC 4022: tcpRtoAlgorithm, rfc2988(5), which RFC 6298 replaces */

void stack_stats(const struct stack *s, struct counters *out)
{
	*out = s->counters;
	counters_add_up(out);
	out->v[CNT_IpForwarding] = IP_NOT_FORWARDING;
	out->v[CNT_IpDefaultTTL] = s->ip.cfg.ttl;
	out->v[CNT_TcpRtoAlgorithm] = TCP_RTO_RFC2988;
	out->v[CNT_TcpRtoMin] = (uint64_t)(s->tcp.cfg.rto_min.ns / NS_PER_MS);
	out->v[CNT_TcpRtoMax] = (uint64_t)(s->tcp.cfg.rto_max.ns / NS_PER_MS);
	out->v[CNT_TcpMaxConn] = s->sockets.max;
	out->v[CNT_TcpCurrEstab] = s->tcp.established;
}

const struct ip_config *stack_ip_config(const struct stack *s)
{
	return &s->ip.cfg;
}

const struct dhcp *stack_dhcp(const struct stack *s)
{
	return s->dhcp ? &s->dhcp->dhcp : NULL;
}

void stack_dhcp_start(struct stack *s)
{
	if (s->dhcp)
		dhcp_start(&s->dhcp->dhcp);
}

void stack_dhcp_stop(struct stack *s)
{
	if (s->dhcp)
		dhcp_stop(&s->dhcp->dhcp);
}

void stack_dhcp_watch(struct stack *s, void (*watch)(void *ctx, enum dhcp_event event), void *ctx)
{
	if (!s->dhcp)
		return;
	s->dhcp->watch = watch;
	s->dhcp->watch_ctx = ctx;
}

bool stack_awaits_arp(const struct stack *s)
{
	return s->ip.arp_queued > 0;
}

uint32_t stack_socket_count(const struct stack *s)
{
	return s->sockets.count;
}
