/* env: all that a stack takes from outside. Whoever drives the stack (daemon/host or tests/sim) owns it, sets `now`
 * once per turn, and may make the k-th allocation fail.
 *
 * Memory: env_alloc and env_free are the only allocation the core uses. Every allocation states its size again when it
 * is freed, so that `allocated` is exact and a leak is a number that is not zero. */
#ifndef TOYNET_BASE_ENV_H
#define TOYNET_BASE_ENV_H

#include "base/rng.h"
#include "base/types.h"

struct trace_event;

struct env {
	instant now;
	struct rng rng;
	/* Bytes that env_alloc gave and env_free has not yet taken back. */
	size_t allocated;
	/* Allocations made so far. */
	uint64_t allocations;
	/* The allocation with this ordinal fails (0: none does); failures_repeat makes every later one fail too. */
	uint64_t fail_at;
	bool failures_repeat;
	/* Called for every trace event when not NULL; the event is valid during the call only. */
	void (*trace)(void *ctx, const struct trace_event *ev);
	void *trace_ctx;
};

/* Zeroed memory, or NULL. size > 0. */
void *env_alloc(struct env *env, size_t size);
/* p may be NULL. size is what was asked for. */
void env_free(struct env *env, void *p, size_t size);
/* Grows or shrinks; the new part is not zeroed. On failure NULL is returned and the old block stands. */
void *env_realloc(struct env *env, void *p, size_t old_size, size_t new_size);

#endif
