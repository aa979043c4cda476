/* The world: events in order of virtual time, turns, traces, saving and loading. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define POISON         0xdb
#define RELOAD_PERCENT 3

void world_fail(struct world *w, const char *format, ...)
{
	va_list ap;

	if (w->failure)
		return;
	va_start(ap, format);
	vsnprintf(w->failure_text, sizeof(w->failure_text), format, ap);
	va_end(ap);
	w->failure = w->failure_text;
}

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
	if (ev->len >= 54 && b[12] == 8 && b[13] == 0 && b[23] == 6)
		printf(" tcp %u>%u seq %u ack %u flags %02x wnd %u len %zu", b[34] << 8 | b[35], b[36] << 8 | b[37],
		       (unsigned)b[38] << 24 | (unsigned)b[39] << 16 | (unsigned)b[40] << 8 | b[41],
		       (unsigned)b[42] << 24 | (unsigned)b[43] << 16 | (unsigned)b[44] << 8 | b[45], b[47],
		       b[48] << 8 | b[49], ev->frame_len - 34 - (size_t)(b[46] >> 4) * 4);
	printf("\n");
}

static void on_trace(void *ctx, const struct trace_event *ev)
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
	if (!w->opt.verbose)
		return;
	if (ev->kind == TRACE_FRAME_IN || ev->kind == TRACE_FRAME_OUT)
		print_frame(h, ev);
	else
		printf("%12.6f host %d socket %llu %s %s -> %s: %s\n", (double)(w->now.ns - SIM_EPOCH) / 1e9, h->index,
		       (unsigned long long)ev->socket,
		       ev->kind == TRACE_DROP    ? counter_names[ev->reason]
		       : ev->kind == TRACE_RESET ? "RST"
		                                 : "",
		       tcp_state_names[ev->from], tcp_state_names[ev->to], ev->why ? ev->why : "");
}

void world_init(struct world *w, uint64_t seed, struct sim_options opt)
{
	*w = (struct world){.seed = seed, .opt = opt, .now = {SIM_EPOCH}, .trace_hash = 1469598103934665603u};
	rng_seed(&w->rng, seed);
	rng_seed(&w->reload_rng, ~seed);
	for (int i = 0; i < STACK_BATCH_MAX; i++)
		w->buffer[i] = malloc(FRAME_MAX);
	scenario_draw(w);
	for (int i = 0; i < 2; i++) {
		struct sim_host *h = &w->host[i];
		h->world = w;
		h->index = i;
		h->env.now = w->now;
		h->env.trace = on_trace;
		h->env.trace_ctx = h;
		rng_seed(&h->env.rng, rng_u64(&w->rng));
		h->out = &w->line[i];
		h->stack = stack_new(&h->env, &w->cfg[i], w->caps);
		app_start(h);
	}
}

void world_free(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		struct sim_host *h = &w->host[i];
		list_for_each(it, &h->stack->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
		stack_free(h->stack);
		if (h->env.allocated)
			world_fail(w, "host %d leaks %zu bytes", i, h->env.allocated);
		impair_queue_free(&w->line[i]);
	}
	if (w->line_env.allocated)
		world_fail(w, "the line leaks %zu bytes", w->line_env.allocated);
	for (int i = 0; i < STACK_BATCH_MAX; i++)
		free(w->buffer[i]);
}

/* Save, free, load: nobody may notice. */
static void reload(struct sim_host *h)
{
	struct snap save, load;
	struct rng rng = h->env.rng;

	stack_save(h->stack, &save);
	if (!snap_ok(&save)) {
		world_fail(h->world, "saving failed: %s", save.error);
		return;
	}
	list_for_each(it, &h->stack->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	stack_free(h->stack);
	if (h->env.allocated)
		world_fail(h->world, "host %d leaks %zu bytes when it is reloaded", h->index, h->env.allocated);
	snap_load_begin(&load, save.buf, save.len);
	h->stack = stack_load(&h->env, &load);
	if (!h->stack) {
		fprintf(stderr, "loading failed: %s\n", load.error);
		abort();
	}
	h->env.rng = rng;
	snap_save_free(&save);
	h->world->reloads++;
	for (int i = 0; i < h->apps; i++) {
		struct socket *so = h->app[i].socket ? socket_by_id(h->stack, h->app[i].socket) : NULL;
		if (so)
			so->channel = &h->app[i];
	}
}

static void fail_some_allocation(struct sim_host *h)
{
	if (h->world->alloc_failures && h->env.fail_at <= h->env.allocations)
		h->env.fail_at = h->env.allocations + 1 + rng_below(&h->world->rng, 200);
}

void host_turn(struct sim_host *h, struct frame_in *frames, int n)
{
	struct world *w = h->world;
	struct stack_delivery d;
	struct frame_out out;
	struct socket *so;
	unsigned events;

	fail_some_allocation(h);
	if (n)
		stack_input(h->stack, frames, n);
	stack_tick(h->stack);
	do {
		while (!w->failure && (so = stack_ready(h->stack, &events)))
			app_events(h, so, events);
		while (!w->failure && stack_delivery(h->stack, &d))
			stack_delivered(h->stack, &d, app_take(h, &d), true);
		for (int i = 0; i < h->apps && !w->failure; i++)
			if (instant_le(h->app[i].next_action, w->now))
				app_act(&h->app[i]);
	} while (!w->failure && (so = stack_ready(h->stack, &events)) && (app_events(h, so, events), true));
	while (!w->failure && stack_output(h->stack, &out)) {
		struct flat_frame *f = flat_from_out(&w->line_env, &out);
		check_frame(h, f);
		flat_free(&w->line_env, f);
		impair_queue_push_out(h->out, w->now, &out);
	}
	stack_turn_end(h->stack);
	for (int i = 0; i < n; i++)
		memset(w->buffer[i], POISON, frames[i].len);
	check_host(h);
	if (w->opt.reload && !w->alloc_failures && !w->failure && rng_below(&w->reload_rng, 100) < RELOAD_PERCENT)
		reload(h);
}

static instant next_event(struct world *w)
{
	instant t = INSTANT_NEVER;

	for (int i = 0; i < 2; i++) {
		struct sim_host *h = &w->host[i];
		t = instant_min(t, stack_deadline(h->stack));
		t = instant_min(t, impair_queue_deadline(&w->line[i]));
		for (int j = 0; j < h->apps; j++)
			t = instant_min(t, h->app[j].next_action);
	}
	return t;
}

static bool host_due(struct sim_host *h)
{
	if (instant_le(stack_deadline(h->stack), h->world->now))
		return true;
	for (int j = 0; j < h->apps; j++)
		if (instant_le(h->app[j].next_action, h->world->now))
			return true;
	return false;
}

static void step_host(struct sim_host *h)
{
	struct world *w = h->world;
	struct impair_queue *in = &w->line[1 - h->index];
	struct frame_in frames[STACK_BATCH_MAX];
	struct flat_frame *f;
	int n = 0;

	while (n < STACK_BATCH_MAX && (f = impair_queue_pop(in, w->now))) {
		frames[n] = flat_view_in(f);
		memcpy(w->buffer[n], frames[n].data, frames[n].len);
		frames[n].data = w->buffer[n];
		n++;
		flat_free(&w->line_env, f);
	}
	if (n || host_due(h))
		host_turn(h, frames, n);
}

/* Every application has ended and every control block is gone. */
static bool world_quiet(const struct world *w)
{
	for (int i = 0; i < 2; i++) {
		if (stack_socket_count(w->host[i].stack))
			return false;
		for (int j = 0; j < w->host[i].apps; j++)
			if (!app_done(&w->host[i].app[j]))
				return false;
	}
	return true;
}

/* Who has not finished, for a run that hangs. */
static void print_unfinished(const struct world *w)
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < w->host[i].apps; j++) {
			const struct sim_app *a = &w->host[i].app[j];
			const struct socket *so = a->socket ? socket_by_id(w->host[i].stack, a->socket) : NULL;
			if (app_done(a))
				continue;
			printf("host %d connection %d socket %llu %s: sent %llu/%llu received %llu/%llu channel %u"
			       "%s%s%s%s\n",
			       i, a->connection, (unsigned long long)a->socket,
			       so ? tcp_state_names[socket_state(so)] : "-", (unsigned long long)a->sent,
			       (unsigned long long)a->to_send, (unsigned long long)a->received,
			       (unsigned long long)a->to_receive, a->channel, a->connected ? " connected" : "",
			       a->eof ? " eof" : "", a->failed ? " failed" : "", a->shut ? " shut" : "");
		}
}

bool world_run(struct world *w)
{
	while (!w->failure && !world_quiet(w)) {
		instant t = next_event(w);
		if (instant_is_never(t)) {
			world_fail(w, "nothing will ever happen again");
			break;
		}
		if (instant_lt(w->now, t))
			w->now = t;
		if (duration_lt(SIM_TIME_MAX, instant_since(w->now, (instant){SIM_EPOCH})) ||
		    ++w->steps > SIM_STEPS_MAX) {
			print_unfinished(w);
			world_fail(w, "not done after %llu steps, %.0f s", (unsigned long long)w->steps,
			           (double)(w->now.ns - SIM_EPOCH) / 1e9);
			break;
		}
		for (int i = 0; i < 2; i++)
			w->host[i].env.now = w->now;
		for (int i = 0; i < 2 && !w->failure; i++)
			step_host(&w->host[i]);
	}
	return w->failure == NULL;
}
