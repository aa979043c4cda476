/* The impair link: a decorator that makes any link a bad one, each direction on its own (see impair_queue.h).
 *
 * While both directions are perfect and nothing is on the line, frames pass straight through and the caps are those of
 * the link below. While any impairment is active, frames must be seen one by one as they would be on a wire: the caps
 * offer no offload then, and the driver must switch off what the device below offers towards us
 * (impair_wants_plain_frames). The one who drives the stack passes the changed caps on to it. */
#ifndef TOYNET_LINK_IMPAIR_H
#define TOYNET_LINK_IMPAIR_H

#include "link/impair_queue.h"
#include "link/link.h"

#define IMPAIR_BATCH       64 /* frames read from below at a time */
#define IMPAIR_BATCHES_MAX 16 /* in one recv */

struct impair {
	struct link link;   /* first */
	struct link *below; /* not owned */
	struct env *env;
	struct impair_queue in;  /* towards the stack */
	struct impair_queue out; /* away from the stack */
	struct list lent;        /* flat frames that the last recv gave */
	uint64_t out_refused;    /* frames that the link below refused when they came out */
};

/* env gives memory and `now`. Both directions are perfect at first. */
void impair_init(struct impair *im, struct env *env, struct link *below, uint64_t seed);
/* Drops what is on the line. */
void impair_free(struct impair *im);
/* Changes settings; NULL leaves a direction as it is; seed 0 keeps the generators. Recomputes im->link.caps. NULL, or
 * what is wrong, and then nothing was changed. */
const char *impair_set(struct impair *im, uint64_t seed, const struct impair_direction *in,
                       const struct impair_direction *out);
/* The link below changed its caps: recomputes ours. */
void impair_update_caps(struct impair *im);
/* Must the device below deliver frames of at most the MTU with checksums complete? */
bool impair_wants_plain_frames(const struct impair *im);

#endif
