/* The cache of the resolver: a table of fixed size, shared by the threads of the process.
 *
 * Theory of operation. The place of a name is its hash; another name with the same place replaces it. What is kept ends
 * with its TTL, counted in CLOCK_MONOTONIC; positive answers are kept for at most a day, negative ones for three hours
 * (RFC 2308 5), whatever a server says. A child of fork goes on with what its parent knew. */
#include "resolve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENTRIES        256
#define POSITIVE_MAX_S 86400u
#define NEGATIVE_MAX_S 10800u

struct entry {
	char name[RESOLVE_NAME_MAX + 1];
	int family; /* 0: nothing here */
	int64_t until_ms;
	struct resolve_answer answer;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct entry *entries; /* NULL until something is kept */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void register_fork(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

/* FNV-1a over the lower case; whoever chooses names only displaces what his own process knows. */
static struct entry *place(const char *name, int family)
{
	uint32_t h = 2166136261u ^ (uint32_t)family;

	for (; *name; name++) {
		uint8_t c = (uint8_t)*name;
		h = (h ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * 16777619u;
	}
	return &entries[h % ENTRIES];
}

bool resolve_cache_find(const char *name, int family, struct resolve_answer *answer)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	if (entries) {
		const struct entry *e = place(name, family);
		found = e->family == family && strcasecmp(e->name, name) == 0 && client_now_ms() < e->until_ms;
		if (found)
			*answer = e->answer;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

void resolve_cache_store(const char *name, int family, const struct resolve_answer *answer, uint32_t ttl_s)
{
	const uint32_t most = answer->error ? NEGATIVE_MAX_S : POSITIVE_MAX_S;

	if (ttl_s == 0 || strlen(name) > RESOLVE_NAME_MAX)
		return;
	pthread_once(&once, register_fork);
	pthread_mutex_lock(&lock);
	if (!entries)
		entries = calloc(ENTRIES, sizeof(*entries));
	if (entries) {
		struct entry *e = place(name, family);
		strcpy(e->name, name);
		e->family = family;
		e->answer = *answer;
		e->until_ms = client_now_ms() + (int64_t)(ttl_s < most ? ttl_s : most) * 1000;
	}
	pthread_mutex_unlock(&lock);
}
