/* Timers that cost nothing per packet, and little with 100,000 sockets.
 *
 * Theory of operation. An object owns one `struct timer_node`, whatever the number of its timers: it knows its earliest
 * deadline and tells it with timer_update. The queue is a 4-ary heap on (position, tie). A deadline that moves later
 * only writes node->deadline; the heap position is corrected when it reaches the top. So re-arming a retransmission
 * timer on every ACK touches no heap at all; a deadline that moves earlier sifts up.
 *
 * Order is a function of the deadlines alone (deadline first, then `tie`), never of history: a stack that was saved and
 * loaded fires in the same order. */
#ifndef TOYNET_BASE_TIMER_H
#define TOYNET_BASE_TIMER_H

#include "base/env.h"
#include "base/types.h"

struct timer_node {
	instant deadline; /* the real one; INSTANT_NEVER when idle */
	instant position; /* where the heap has it; at or before the deadline */
	uint64_t tie;     /* unique within the queue, stable across save and load */
	size_t index;     /* in the heap + 1; 0 when not in it */
};

struct timer_queue {
	struct timer_node **heap;
	size_t count, capacity;
};

void timer_queue_init(struct timer_queue *q);
/* No node may be queued. */
void timer_queue_free(struct timer_queue *q, struct env *env);
/* Makes room for `nodes` nodes in all; called with the number of living nodes plus one before an object with a timer is
 * allocated, so that timer_update cannot fail. False: out of memory; the queue is as it was. */
bool timer_reserve(struct timer_queue *q, struct env *env, size_t nodes);
void timer_node_init(struct timer_node *n, uint64_t tie);
/* Sets the earliest deadline; INSTANT_NEVER takes the node out lazily. */
void timer_update(struct timer_queue *q, struct timer_node *n, instant deadline);
/* Takes the node out now; before its memory goes. */
void timer_cancel(struct timer_queue *q, struct timer_node *n);
/* The earliest real deadline; INSTANT_NEVER when there is none. */
instant timer_next(struct timer_queue *q);
/* Takes out and returns the first node whose deadline is at or before now; NULL when none is. Its deadline becomes
 * never. */
struct timer_node *timer_pop(struct timer_queue *q, instant now);

#endif
