/* The world: events in order of virtual time, saving and loading, and the end. */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>

/* Often at first, when connections open; then now and then, so that long runs do not take for ever. */
#define RELOAD_OFTEN 40

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

void world_init(struct world *w, uint64_t seed, struct sim_options opt)
{
	*w = (struct world){.seed = seed, .opt = opt, .now = {SIM_EPOCH}, .trace_hash = 1469598103934665603u};
	rng_seed(&w->rng, seed);
	rng_seed(&w->reload_rng, ~seed);
	rng_seed(&w->forge_rng, seed * 3 + 1);
	for (int i = 0; i < STACK_BATCH_MAX; i++)
		w->buffer[i] = malloc(FRAME_MAX);
	w->progress_at = w->now;
	scenario_draw(w);
	for (int i = 0; i < 2; i++) {
		struct sim_host *h = &w->host[i];
		h->world = w;
		h->index = i;
		h->env.now = w->now;
		h->env.trace = host_trace;
		h->env.trace_ctx = h;
		rng_seed(&h->env.rng, rng_u64(&w->rng));
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
		line_free(&w->line[i]);
	}
	if (w->line_env.allocated)
		world_fail(w, "the line leaks %zu bytes", w->line_env.allocated);
	for (int i = 0; i < STACK_BATCH_MAX; i++)
		free(w->buffer[i]);
	wire_free(&w->wire);
}

static bool reload_now(struct world *w)
{
	return w->opt.reload && !w->alloc_failures && !w->failure &&
	       rng_below(&w->reload_rng, w->reloads < RELOAD_OFTEN ? 30 : 500) == 0;
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
		fprintf(stderr, "seed %llu: loading failed: %s\n", (unsigned long long)h->world->seed, load.error);
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

static instant next_event(struct world *w)
{
	instant t = w->reboot_host >= 0 ? w->reboot_at : INSTANT_NEVER;

	for (int i = 0; i < 2; i++) {
		struct sim_host *h = &w->host[i];
		t = instant_min(t, stack_deadline(h->stack));
		t = instant_min(t, line_deadline(&w->line[i]));
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
	struct sim_line *in = &w->line[1 - h->index];
	struct frame_in frames[STACK_BATCH_MAX];
	struct flat_frame *f;
	int n = 0;

	while (n < STACK_BATCH_MAX && (f = line_pop(in, w->now))) {
		frames[n] = flat_view_in(f);
		memcpy(w->buffer[n], frames[n].data, frames[n].len);
		frames[n].data = w->buffer[n];
		n++;
		flat_free(&w->line_env, f);
	}
	if (!n && !host_due(h))
		return;
	host_turn(h, frames, n);
	if (reload_now(w))
		reload(h);
}

static bool apps_done(const struct world *w)
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < w->host[i].apps; j++)
			if (!app_done(&w->host[i].app[j]))
				return false;
	return true;
}

/* Every application has ended and every control block is gone. */
static bool world_quiet(const struct world *w)
{
	return !stack_socket_count(w->host[0].stack) && !stack_socket_count(w->host[1].stack) && apps_done(w);
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

/* On a line that works again every connection goes on. */
static void check_progress(struct world *w)
{
	uint64_t sum = 0;

	for (int i = 0; i < 2; i++)
		for (int j = 0; j < w->host[i].apps; j++) {
			const struct sim_app *a = &w->host[i].app[j];
			sum += a->sent + a->received * 3 - a->channel + a->closed + a->shut + a->eof + a->connected +
			       a->attempts;
		}
	if (sum != w->progress || instant_lt(w->now, w->calm)) {
		w->progress = sum;
		w->progress_at = w->now;
		return;
	}
	if (w->aborts || duration_lt(instant_since(w->now, w->progress_at), SIM_PROGRESS) || apps_done(w))
		return;
	print_unfinished(w);
	world_fail(w, "no progress in %.0f s on a perfect line",
	           (double)instant_since(w->now, w->progress_at).ns / 1e9);
}

static void check_bounds(struct world *w)
{
	if (instant_since(w->now, (instant){SIM_EPOCH}).ns <= SIM_TIME_MAX.ns && ++w->steps <= SIM_STEPS_MAX)
		return;
	print_unfinished(w);
	world_fail(w, "not done after %llu steps, %.0f s", (unsigned long long)w->steps,
	           (double)(w->now.ns - SIM_EPOCH) / 1e9);
}

bool world_run(struct world *w)
{
	while (!w->failure && !world_quiet(w)) {
		instant t = next_event(w);
		if (instant_is_never(t)) {
			print_unfinished(w);
			world_fail(w, "nothing will ever happen again");
			break;
		}
		if (instant_lt(w->now, t))
			w->now = t;
		check_bounds(w);
		for (int i = 0; i < 2; i++)
			w->host[i].env.now = w->now;
		if (w->reboot_host >= 0 && instant_le(w->reboot_at, w->now)) {
			host_reboot(&w->host[w->reboot_host]);
			w->reboot_host = -1;
		}
		for (int i = 0; i < 2 && !w->failure; i++)
			step_host(&w->host[i]);
		if (!w->failure)
			check_progress(w);
	}
	return w->failure == NULL;
}
