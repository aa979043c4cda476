/* The allocation hook of the core: the C heap, with exact accounting and failures on demand.
 *
 * Every call that could run out of memory has an ordinal (env->allocations). A test runs a scenario once to learn how
 * many there are, then once for each k with fail_at = k, and demands that `allocated` comes back to where it was. */
#include "base/env.h"
#include <stdlib.h>

/* Counts one allocation; true when a test wants it to fail. */
static bool allocation_fails(struct env *env)
{
	env->allocations++;
	if (env->fail_at == 0)
		return false;
	return env->allocations == env->fail_at || (env->failures_repeat && env->allocations > env->fail_at);
}

void *env_alloc(struct env *env, size_t size)
{
	assert(size > 0);
	if (allocation_fails(env))
		return NULL;
	void *p = calloc(1, size);
	if (p)
		env->allocated += size;
	return p;
}

void env_free(struct env *env, void *p, size_t size)
{
	if (!p)
		return;
	assert(size > 0 && env->allocated >= size);
	env->allocated -= size;
	free(p);
}

void *env_realloc(struct env *env, void *p, size_t old_size, size_t new_size)
{
	assert(new_size > 0);
	assert((p == NULL) == (old_size == 0));
	assert(env->allocated >= old_size);
	if (allocation_fails(env))
		return NULL;
	void *grown = realloc(p, new_size);
	if (grown)
		env->allocated = env->allocated - old_size + new_size;
	return grown;
}
