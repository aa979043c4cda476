/* See sys.h and run.h. The table is filled once, by whichever comes first: the constructor, or a call of another
 * library's constructor. */
#include "run/run.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sys_table sys;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ISO C has no conversion from an object pointer to a function's. */
static void find(void *slot, const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (!symbol) {
		static const char missing[] = "toynet-run: the C library lacks a function\n";
		if (write(STDERR_FILENO, missing, sizeof(missing) - 1) < 0)
			abort();
		abort();
	}
	memcpy(slot, &symbol, sizeof(symbol));
}

/* What the environment says, in the order of `names`; empty: not set. Without malloc, which may be the program's own
 * and not ready yet. A path that is cut off here is too long for a socket in any case. */
static const char *const names[] = {TOYNET_SOCKET_ENV, RUN_VERBOSE_ENV, RUN_FAMILIES_ENV};
#define NAMES     (sizeof(names) / sizeof(names[0]))
#define VALUE_MAX 256
static char values[NAMES][VALUE_MAX];

static void keep_environment(void)
{
	for (size_t i = 0; i < NAMES; i++) {
		const char *value = secure_getenv(names[i]);
		if (value)
			strncpy(values[i], value, VALUE_MAX - 1);
	}
}

static void fill(void)
{
#define SYS_FIND(result, name, parameters) find(&sys.name, #name);
	SYS_CALLS(SYS_FIND)
#undef SYS_FIND
	keep_environment();
}

const char *sys_environment(const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	return "";
}

void run_ready(void)
{
	pthread_once(&once, fill);
}

__attribute__((constructor)) static void begin(void)
{
	run_ready();
	run_learn_inherited();
}
