/* A loopback link: what is sent is received by the next recv. Offloads need no work: a checksum still owed is as good
 * as verified, and super-frames stay whole. */
#ifndef TOYNET_LINK_LOOP_H
#define TOYNET_LINK_LOOP_H

#include "link/flat.h"
#include "link/link.h"

#define LOOP_BYTES_MAX  (16u << 20) /* of frames that wait; a frame beyond is refused */
#define LOOP_FRAMES_MAX (LOOP_BYTES_MAX / 64)

struct loop {
	struct link link; /* first */
	struct env *env;
	struct list sent; /* flat frames */
	struct list lent; /* those that the last recv gave, until loop_release or the next recv */
	uint32_t bytes;   /* in sent */
	uint32_t count;   /* frames in sent */
};

void loop_init(struct loop *l, struct env *env);
void loop_free(struct loop *l);
/* What the last recv gave is not used any more. */
void loop_release(struct loop *l);
/* The frames that wait. Loading wants an empty loop. */
void snap_loop(struct snap *s, struct loop *l);

#endif
