/* A set of positions in a sequence space, as disjoint, ascending runs. Plain arithmetic on signed positions that count
 * from an initial sequence number: nothing here wraps, so it cannot share a mistake with the stack. */
#ifndef TOYNET_TESTS_SIM_RANGES_H
#define TOYNET_TESTS_SIM_RANGES_H

#include <stdbool.h>
#include <stdint.h>

struct range {
	int32_t start, end; /* [start, end) */
};

struct ranges {
	struct range *run;
	int count, capacity;
};

void ranges_add(struct ranges *s, int32_t start, int32_t end);
/* Is all of [start, end) in the set? */
bool ranges_hold(const struct ranges *s, int32_t start, int32_t end);
/* The end of the run that holds `from`, or `from`. */
int32_t ranges_run_end(const struct ranges *s, int32_t from);
/* Is anything in the set at or beyond `from`? */
bool ranges_beyond(const struct ranges *s, int32_t from);
void ranges_free(struct ranges *s);

#endif
