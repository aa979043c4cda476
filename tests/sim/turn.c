/* One turn of a host, made with the calls that the daemon makes; its trace; and switching it off. */
#include "sim.h"

#define POISON          0xdb
#define TURN_FRAMES_MAX 100000u

static void mix(struct world *w, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		w->trace_hash = (w->trace_hash ^ b[i]) * UINT64_C(0x100000001b3);
}

static void print_frame(const struct sim_host *h, const struct trace_event *ev)
{
	const uint8_t *b = ev->bytes;

	printf("%12.6f host %d %s", (double)(h->world->now.ns - SIM_EPOCH) / 1e9, h->index,
	       ev->kind == TRACE_FRAME_OUT ? "out" : "in ");
	if (ev->kind == TRACE_FRAME_IN && h->frames_at > h->forged_from)
		printf(" forged");
	if (ev->len >= 54 && b[12] == 8 && b[13] == 0 && b[23] == 6)
		printf(" tcp %u>%u seq %u ack %u flags %02x wnd %u len %zu", b[34] << 8 | b[35], b[36] << 8 | b[37],
		       (unsigned)b[38] << 24 | (unsigned)b[39] << 16 | (unsigned)b[40] << 8 | b[41],
		       (unsigned)b[42] << 24 | (unsigned)b[43] << 16 | (unsigned)b[44] << 8 | b[45], b[47],
		       b[48] << 8 | b[49], ev->frame_len - 34 - (size_t)(b[46] >> 4) * 4);
	printf("\n");
}

static void print_event(const struct sim_host *h, const struct trace_event *ev)
{
	if (ev->kind == TRACE_FRAME_IN || ev->kind == TRACE_FRAME_OUT) {
		print_frame(h, ev);
		return;
	}
	printf("%12.6f host %d socket %llu %s %s -> %s: %s\n", (double)(h->world->now.ns - SIM_EPOCH) / 1e9, h->index,
	       (unsigned long long)ev->socket,
	       ev->kind == TRACE_DROP    ? counter_names[ev->reason]
	       : ev->kind == TRACE_RESET ? "RST"
	                                 : "",
	       tcp_state_names[ev->from], tcp_state_names[ev->to], ev->why ? ev->why : "");
}

void host_trace(void *ctx, const struct trace_event *ev)
{
	struct sim_host *h = ctx;
	struct world *w = h->world;

	mix(w, &w->now, sizeof(w->now));
	mix(w, &h->index, sizeof(h->index));
	mix(w, &ev->kind, sizeof(ev->kind));
	mix(w, &ev->from, 1);
	mix(w, &ev->to, 1);
	if (ev->kind == TRACE_FRAME_OUT)
		mix(w, ev->bytes, ev->len);
	if (ev->kind == TRACE_FRAME_IN && h->frames_at < h->frames_count) {
		int i = h->frames_at++;
		wire_arrived(h, &h->frames[i], i >= h->forged_from);
	}
	if (w->opt.verbose)
		print_event(h, ev);
	if (ev->kind == TRACE_TRANSITION)
		wire_transition(h, ev->socket, ev->from, ev->to, ev->why);
	if (ev->kind == TRACE_RESET)
		wire_reset_sent(h, ev->socket, ev->why);
}

static void fail_some_allocation(struct sim_host *h)
{
	if (h->world->alloc_failures && h->env.fail_at <= h->env.allocations)
		h->env.fail_at = h->env.allocations + 1 + rng_below(&h->world->rng, 200);
}

/* A block that has sent nothing yet may begin anywhere: near the wrap. */
static void move_start(struct sim_host *h, struct tcp *t)
{
	struct sim_app *a = app_of_ports(h, t->pcb.local.port, t->pcb.remote.port);
	const struct world *w = h->world;
	int c = t->pcb.local.port == SIM_PORT ? t->pcb.remote.port - SIM_PORT_CLIENT : -1;

	if (!a && c >= 0 && c < w->ports)
		a = &h->world->plan[1][c];
	if (!a || t->txq.count || !seq_eq(t->snd.nxt, t->snd.iss))
		return;
	/* Both still grow as RFC 6528 and RFC 7323 have it, so a port may be opened again. */
	uint32_t us4 = (uint32_t)((w->now.ns - SIM_EPOCH) / (4 * NS_PER_US));
	if (a->iss_below) {
		seq32 iss = seq_of(us4 - a->iss_below);
		t->snd.iss = t->snd.una = t->snd.nxt = t->snd.up = t->fack = iss;
		t->ecn_recover = t->hystart.round_end = iss;
		t->snd.head = seq_add(iss, 1);
	}
	if (a->ts_below)
		t->ts_offset = 0u - (uint32_t)(SIM_EPOCH / NS_PER_MS) - a->ts_below;
}

static void move_starts(struct sim_host *h)
{
	list_for_each(it, &h->stack->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		if (so->protocol != SOCKET_TCP)
			continue;
		if (so->tcp.state == TCP_SYN_SENT || so->tcp.state == TCP_SYN_RECEIVED)
			move_start(h, &so->tcp);
	}
}

static void send_all(struct sim_host *h)
{
	struct world *w = h->world;
	struct frame_out out;
	unsigned sent = 0;

	for (check_before(h); !w->failure && stack_output(h->stack, &out); check_before(h)) {
		struct flat_frame *f = flat_from_out(&w->line_env, &out);
		if (++sent > TURN_FRAMES_MAX)
			world_fail(w, "host %d: a turn without end", h->index);
		wire_sent(h, f);
		check_frame(h, f);
		line_push(&w->line[h->index], w->now, f);
		if (w->line[h->index].too_big)
			path_too_big(h, f);
		flat_free(&w->line_env, f);
	}
}

void host_turn(struct sim_host *h, struct frame_in *frames, int n)
{
	struct world *w = h->world;
	struct stack_delivery d;
	struct socket *so;
	unsigned events;

	fail_some_allocation(h);
	wire_turn_begin(h);
	for (int i = 0; i < n; i++)
		recut(h, w->buffer[i], &frames[i]);
	h->frames = frames;
	h->frames_at = 0;
	h->forged_from = n;
	if (n < STACK_BATCH_MAX && forge(h, w->buffer[n], &frames[n]))
		n++;
	h->frames_count = n;
	if (n)
		stack_input(h->stack, frames, n);
	stack_tick(h->stack);
	move_starts(h);
	do {
		while (!w->failure && (so = stack_ready(h->stack, &events)))
			app_events(h, so, events);
		while (!w->failure && stack_delivery(h->stack, &d))
			stack_delivered(h->stack, &d, app_take(h, &d), true);
		for (int i = 0; i < h->apps && !w->failure; i++)
			if (instant_le(h->app[i].next_action, w->now))
				app_act(&h->app[i]);
		move_starts(h);
	} while (!w->failure && (so = stack_ready(h->stack, &events)) && (app_events(h, so, events), true));
	send_all(h);
	stack_turn_end(h->stack);
	for (int i = 0; i < n; i++)
		memset(w->buffer[i], POISON, frames[i].len);
	check_host(h);
	if (!w->failure)
		wire_turn_end(h);
}

void host_reboot(struct sim_host *h)
{
	struct world *w = h->world;

	list_for_each(it, &h->stack->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	stack_free(h->stack);
	if (h->env.allocated)
		world_fail(w, "host %d leaks %zu bytes when it is switched off", h->index, h->env.allocated);
	wire_reboot(h);
	for (int i = 0; i < h->apps; i++)
		app_dies(&h->app[i]);
	h->env.fail_at = 0;
	h->stack = stack_new(&h->env, &w->cfg[h->index], w->caps);
}
