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

static void fill(void)
{
#define SYS_FIND(result, name, parameters) find(&sys.name, #name);
	SYS_CALLS(SYS_FIND)
#undef SYS_FIND
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
