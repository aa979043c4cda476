/* A loopback link: what is sent is received by the next recv. Offloads need no work: a checksum still owed is as good
 * as verified, and super-frames stay whole. */
#ifndef TOYNET_LINK_LOOP_H
#define TOYNET_LINK_LOOP_H

#include "link/flat.h"
#include "link/link.h"

#define LOOP_BYTES_MAX (4u << 20) /* of frames that wait; a frame beyond is refused */

struct loop {
	struct link link; /* first */
	struct env *env;
	struct list sent; /* flat frames */
	struct list lent; /* those that the last recv gave */
	uint32_t bytes;   /* in sent */
};

void loop_init(struct loop *l, struct env *env);
void loop_free(struct loop *l);

#endif
