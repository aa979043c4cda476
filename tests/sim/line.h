/* One direction of the simulated line: an impair queue, and what it cannot do: it fails altogether for a while (flaps),
 * carries only frames up to a size, lets old frames come again much later, and becomes perfect in the end. */
#ifndef TOYNET_TESTS_SIM_LINE_H
#define TOYNET_TESTS_SIM_LINE_H

#include "link/impair_queue.h"

#define LINE_FLAPS_MAX 4

struct sim_line {
	struct impair_queue q;
	struct {
		instant from, to;
	} flap[LINE_FLAPS_MAX];
	int flaps;
	struct rng rng;
	struct list late;   /* copies that come again, ascending by due */
	uint32_t late_ppm;  /* of frames */
	uint32_t late_left; /* how many more */
	duration late_most;
	uint16_t mtu; /* bytes of a datagram that pass from mtu_from on; 0: any */
	bool tells;   /* the router says so */
	instant mtu_from;
	bool too_big; /* the last frame pushed was dropped for its size */
	instant calm; /* from then on it is perfect */
};

void line_init(struct sim_line *l, struct env *env, uint64_t seed);
void line_free(struct sim_line *l);
void line_push(struct sim_line *l, instant now, const struct flat_frame *f);
/* The next frame that is out by now, or NULL; the caller frees it. */
struct flat_frame *line_pop(struct sim_line *l, instant now);
instant line_deadline(const struct sim_line *l);

#endif
