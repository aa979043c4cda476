/* Memory that the stack has given back goes back to the kernel.
 *
 * Theory of operation. What a burst has made the heap grow by (fragments that waited, buffers of many connections)
 * stays with the process when it is freed, in holes between what is in use. malloc_trim finds the whole pages among
 * them, but walks the heap for it; so it is called only when the stack's own count has fallen by TRIM_BYTES from its
 * highest value since the last call, and at most once in TRIM_INTERVAL. */
#ifndef TOYNET_HOST_TRIM_H
#define TOYNET_HOST_TRIM_H

#include "base/types.h"

#define TRIM_BYTES    (512u << 10)
#define TRIM_INTERVAL DURATION_S(1)

/* All zero: nothing was allocated yet. */
struct trim {
	size_t peak;  /* the highest count since the last call */
	instant next; /* not before */
};

/* Notes how many bytes are allocated now. True: the heap is to be trimmed, and the caller does it. */
bool trim_due(struct trim *t, size_t allocated, instant now);
/* When trim_due is to be asked again although nothing happens: never, unless there is something to give back. */
instant trim_deadline(const struct trim *t, size_t allocated);

#endif
