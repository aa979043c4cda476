/* The impair link: a decorator that makes any link a bad one, each direction on its own (see impair_queue.h).
 *
 * Theory of operation. A direction is a list of rules and a rest. A rule is a match (flow.h) and a line of its own: a
 * frame goes on the line of the first rule that it fits, and on the rest's, whose settings are those of impair_set,
 * when it fits none. A rule whose settings are all zero is an exception: what fits it passes unharmed. Lines do not
 * wait for each other; frames on one line keep their order. What lay on the line of a rule that is deleted still comes
 * out when it is due.
 *
 * While a direction has no rules, its rest is perfect and nothing is on the line, its frames pass straight through. The
 * caps are those of the link below while nothing is impaired in either direction. While anything is, frames must be
 * seen one by one as they would be on a wire: the caps offer no offload then, and the driver must switch off what the
 * device below offers towards us (impair_wants_plain_frames). The one who drives the stack passes the changed caps on
 * to it. */
#ifndef TOYNET_LINK_IMPAIR_H
#define TOYNET_LINK_IMPAIR_H

#include "base/counters.h"
#include "link/flow.h"
#include "link/impair_queue.h"
#include "link/link.h"

#define IMPAIR_BATCH       64 /* frames read from below at a time */
#define IMPAIR_BATCHES_MAX 16 /* in one recv */
#define IMPAIR_RULES_MAX   32 /* in one direction */

struct impair_rule {
	struct list link; /* in the order in which they are tried */
	uint32_t id;      /* 1, 2, 3 ... in the life of the link */
	struct flow_match match;
	struct impair_queue queue;
	uint64_t frames; /* that it took */
};

struct impair_rules {
	struct list list;
	uint32_t count;
};

/* Hears of each frame that is lost here, before it is gone. */
struct impair_watch {
	/* in: the frame, which came from below; NULL: the one that is being sent. */
	void (*lost)(void *ctx, const struct frame_in *in, enum counter reason);
	void *ctx;
};

struct impair {
	struct link link;   /* first */
	struct link *below; /* not owned */
	struct env *env;
	struct impair_queue in;  /* the rest, towards the stack */
	struct impair_queue out; /* the rest, away from the stack */
	struct impair_rules rules[LINK_WAYS];
	uint32_t last_id;
	struct rng seeds;          /* of the rules' generators */
	struct flow_lookup lookup; /* for rules that name a socket; the driver's to set */
	struct impair_watch watch; /* lost may be NULL; the driver's to set */
	struct counters *counters; /* NULL until the driver has a stack */
	struct list lent;          /* flat frames that the last recv gave */
	uint64_t out_refused;      /* frames that the link below refused when they came out */
};

/* env gives memory and `now`. Both directions are perfect at first. */
void impair_init(struct impair *im, struct env *env, struct link *below, uint64_t seed);
/* Drops what is on the line, and the rules. */
void impair_free(struct impair *im);
/* Changes the settings of the rest; NULL leaves a direction as it is; seed 0 keeps the generators, another one starts
 * those of the rules anew too. Recomputes im->link.caps. NULL, or what is wrong, and then nothing was changed. */
const char *impair_set(struct impair *im, uint64_t seed, const struct impair_direction *in,
                       const struct impair_direction *out);
/* Adds a rule behind the others; d passes impair_direction_check. NULL: IMPAIR_RULES_MAX, or memory. */
struct impair_rule *impair_rule_add(struct impair *im, enum link_way way, const struct flow_match *m,
                                    const struct impair_direction *d);
/* Deletes one rule, or with id 0 all of them. False: there is none of this id. */
bool impair_rule_delete(struct impair *im, uint32_t id);
/* The link below changed its caps: recomputes ours. */
void impair_update_caps(struct impair *im);
/* Must the device below deliver frames of at most the MTU with checksums complete? */
bool impair_wants_plain_frames(const struct impair *im);

#endif
