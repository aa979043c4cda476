/* One direction of a bad line: frames are pushed in, and popped when they come out at the other end, if they do.
 *
 * Theory of operation. A frame meets, in this order: loss (independent, and in bursts by a Gilbert-Elliott model whose
 * bad state loses everything), duplication, corruption of one bit, the rate limiter with its queue, then delay with
 * jitter. The line keeps the order of frames, so jitter never lets one overtake another; reordering does: a frame that
 * is chosen for it is held back for reorder_us more, and those behind it pass.
 *
 * All chance comes from a generator of its own, so a seed and the same frames at the same instants give the same
 * result, whatever else goes on. Settings may change at any time; frames already on the line keep the instant that they
 * were given.
 *
 * Used by the impair link and, alone, by tests/wire. */
#ifndef TOYNET_LINK_IMPAIR_QUEUE_H
#define TOYNET_LINK_IMPAIR_QUEUE_H

#include "base/rng.h"
#include "link/flat.h"

#define IMPAIR_PPM           1000000u
#define IMPAIR_TIME_MAX_US   60000000u       /* delay_us, jitter_us, reorder_us */
#define IMPAIR_RATE_MAX      100000000000ull /* bits per second */
#define IMPAIR_QUEUE_DEFAULT (256u << 10)    /* bytes of the rate limiter's queue */
#define IMPAIR_QUEUE_MAX     (64u << 20)
#define IMPAIR_LINE_MAX      (128u << 20) /* bytes of memory for frames on the line */

/* The fields of ImpairDirection in toynet.proto. Probabilities are in parts per million. All zero: the line is perfect.
 */
struct impair_direction {
	uint32_t loss_ppm;
	uint32_t burst_enter_ppm;
	uint32_t burst_leave_ppm;
	uint32_t duplicate_ppm;
	uint32_t reorder_ppm;
	uint32_t reorder_us;
	uint32_t corrupt_ppm;
	uint32_t delay_us;
	uint32_t jitter_us;
	uint64_t rate_bps;    /* 0: unlimited */
	uint32_t queue_bytes; /* 0: IMPAIR_QUEUE_DEFAULT */
};

struct impair_counters {
	uint64_t passed;     /* frames that came out */
	uint64_t lost;       /* independently */
	uint64_t burst_lost; /* in the bad state */
	uint64_t duplicated; /* additional frames */
	uint64_t reordered;  /* held back */
	uint64_t corrupted;
	uint64_t queue_dropped; /* the rate limiter's queue, or the memory for frames on the line, was full */
};

struct impair_queue {
	struct env *env; /* for memory only */
	struct rng rng;
	struct impair_direction set;
	struct impair_counters count;
	bool bad;            /* state of the Gilbert-Elliott model */
	instant line_free;   /* when the rate limiter has sent all that it accepted */
	struct list ordered; /* flat frames; one waits for those before it, even when due earlier */
	struct list held;    /* those held back, ascending by due */
	size_t memory;       /* in both, and in those of queues that share this one's bound */
	size_t *used; /* whose memory counts against IMPAIR_LINE_MAX: our own, or that of the queue shared with */
};

/* NULL, or what is wrong with the settings: static text that begins with the field's name. */
const char *impair_direction_check(const struct impair_direction *d);
/* Does it change anything? */
bool impair_direction_active(const struct impair_direction *d);

void impair_queue_init(struct impair_queue *q, struct env *env, uint64_t seed);
void impair_queue_free(struct impair_queue *q);
/* q, which is empty, and owner have the bound on memory in common from here on. owner outlives q. */
void impair_queue_share(struct impair_queue *q, struct impair_queue *owner);
/* Moves what is on the line of q, which shares the bound of owner, to that of owner. The frames keep the instants that
 * they were given. */
void impair_queue_merge(struct impair_queue *q, struct impair_queue *owner);
/* d must pass impair_direction_check. */
void impair_queue_set(struct impair_queue *q, const struct impair_direction *d);
void impair_queue_seed(struct impair_queue *q, uint64_t seed);
/* Takes a frame. What does not come out is counted here. A corrupted frame loses the link's word for its checksum
 * (offload.csum_valid), and one whose checksum is owed gets it before a bit flips, so that the receiver can notice. A
 * super-frame, seen only while offloads are being switched off, is lost when it should be corrupted. */
void impair_queue_push(struct impair_queue *q, instant now, const struct frame_in *f);
void impair_queue_push_out(struct impair_queue *q, instant now, const struct frame_out *f);
/* The next frame that is out by now; the caller owns it (flat_free). NULL: none. */
struct flat_frame *impair_queue_pop(struct impair_queue *q, instant now);
/* The frame that comes out next, which stays; at one instant those in order go first. NULL: the line is empty. */
struct flat_frame *impair_queue_next(const struct impair_queue *q);
/* When the next frame comes out; INSTANT_NEVER when the line is empty. */
instant impair_queue_deadline(const struct impair_queue *q);

#endif
