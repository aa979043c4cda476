/* See impair.h. Frames that leave are sent when they are due: whoever drives calls recv at the deadline, which also
 * moves what is due outwards. */
#include "link/impair.h"

#define SEED_OUT   UINT64_C(0x9e3779b97f4a7c15) /* sets the two generators of one seed apart */
#define SEED_RULES UINT64_C(0xbf58476d1ce4e5b9)

static struct impair_queue *rest_of(struct impair *im, enum link_way way)
{
	return way == LINK_IN ? &im->in : &im->out;
}

static struct impair_rule *rule_of(struct list *it)
{
	return list_entry(it, struct impair_rule, link);
}

bool impair_wants_plain_frames(const struct impair *im)
{
	for (int way = 0; way < LINK_WAYS; way++)
		list_for_each(it,
		              &im->rules[way].list) if (impair_direction_active(&rule_of(it)->queue.set)) return true;
	return impair_direction_active(&im->in.set) || impair_direction_active(&im->out.set);
}

void impair_update_caps(struct impair *im)
{
	im->link.caps = impair_wants_plain_frames(im) ? (struct link_caps){0} : im->below->caps;
}

static bool rest_is_straight(const struct impair_queue *q)
{
	return !impair_direction_active(&q->set) && !impair_queue_next(q);
}

static bool way_is_straight(struct impair *im, enum link_way way)
{
	return im->rules[way].count == 0 && rest_is_straight(rest_of(im, way));
}

/* The line of the first rule that the frame fits, else the rest's. */
static struct impair_queue *choose(struct impair *im, enum link_way way, const uint8_t *bytes, uint32_t len)
{
	struct flow parsed;
	const struct flow *f = NULL;

	if (im->rules[way].count > 0 && flow_parse(bytes, len, &parsed))
		f = &parsed;
	list_for_each(it, &im->rules[way].list)
	{
		struct impair_rule *r = rule_of(it);
		if (flow_matches(&r->match, f, way, &im->lookup)) {
			r->frames++;
			return &r->queue;
		}
	}
	return rest_of(im, way);
}

/* Tells of what became of the frame that was pushed last; before: q's counters then. */
static void report(struct impair *im, const struct impair_queue *q, const struct impair_counters *before,
                   const struct frame_in *in)
{
	const struct {
		uint64_t now, before;
		enum counter reason;
	} fates[] = {
	        {q->count.lost, before->lost, CNT_ImpairLost},
	        {q->count.burst_lost, before->burst_lost, CNT_ImpairBurstLost},
	        {q->count.queue_dropped, before->queue_dropped, CNT_ImpairQueueDrops},
	};
	for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
		if (fates[i].now == fates[i].before)
			continue;
		if (im->counters)
			im->counters->v[fates[i].reason] += fates[i].now - fates[i].before;
		if (im->watch.lost)
			im->watch.lost(im->watch.ctx, in, fates[i].reason);
	}
}

/* The line whose next frame comes out first; at one instant the rest goes first, then the rules in order. */
static struct impair_queue *first_line(struct impair *im, enum link_way way)
{
	struct impair_queue *first = rest_of(im, way);

	list_for_each(it, &im->rules[way].list)
	{
		struct impair_queue *q = &rule_of(it)->queue;
		if (instant_lt(impair_queue_deadline(q), impair_queue_deadline(first)))
			first = q;
	}
	return first;
}

static void flush_out(struct impair *im)
{
	struct flat_frame *f;
	while ((f = impair_queue_pop(first_line(im, LINK_OUT), im->env->now))) {
		struct frame_out out;
		flat_view_out(f, &out);
		if (!im->below->ops->send(im->below, &out)) {
			im->out_refused++;
			if (im->counters)
				COUNT(im->counters, LinkOutRefused);
		}
		flat_free(im->env, f);
	}
}

static bool impair_send(struct link *link, const struct frame_out *f)
{
	struct impair *im = container_of(link, struct impair, link);
	if (way_is_straight(im, LINK_OUT))
		return im->below->ops->send(im->below, f);
	struct impair_queue *q = choose(im, LINK_OUT, frame_hdr_const(f), f->hdr_len);
	if (q == &im->out && rest_is_straight(q))
		return im->below->ops->send(im->below, f);
	struct impair_counters before = q->count;
	impair_queue_push_out(q, im->env->now, f);
	report(im, q, &before, NULL);
	flush_out(im);
	return true;
}

/* Everything that the link below has goes on the lines. */
static void fill_in(struct impair *im)
{
	struct frame_in batch[IMPAIR_BATCH];
	int n = IMPAIR_BATCH;
	for (int round = 0; round < IMPAIR_BATCHES_MAX && n == IMPAIR_BATCH; round++) {
		n = im->below->ops->recv(im->below, batch, IMPAIR_BATCH);
		for (int i = 0; i < n; i++) {
			struct impair_queue *q = choose(im, LINK_IN, batch[i].data, batch[i].len);
			struct impair_counters before = q->count;
			impair_queue_push(q, im->env->now, &batch[i]);
			report(im, q, &before, &batch[i]);
		}
	}
}

static int impair_recv(struct link *link, struct frame_in *frames, int max)
{
	struct impair *im = container_of(link, struct impair, link);
	int n = 0;
	flat_list_free(im->env, &im->lent);
	flush_out(im);
	if (way_is_straight(im, LINK_IN))
		return im->below->ops->recv(im->below, frames, max);
	fill_in(im);
	while (n < max) {
		struct flat_frame *f = impair_queue_pop(first_line(im, LINK_IN), im->env->now);
		if (!f)
			break;
		list_push_back(&im->lent, &f->link);
		frames[n++] = flat_view_in(f);
	}
	return n;
}

static instant impair_deadline(struct link *link)
{
	struct impair *im = container_of(link, struct impair, link);
	instant lines = instant_min(impair_queue_deadline(first_line(im, LINK_IN)),
	                            impair_queue_deadline(first_line(im, LINK_OUT)));
	return instant_min(lines, im->below->ops->deadline(im->below));
}

static const struct link_ops impair_ops = {.send = impair_send, .recv = impair_recv, .deadline = impair_deadline};

void impair_init(struct impair *im, struct env *env, struct link *below, uint64_t seed)
{
	*im = (struct impair){.link = {.ops = &impair_ops}, .below = below, .env = env};
	impair_queue_init(&im->in, env, seed);
	impair_queue_init(&im->out, env, seed ^ SEED_OUT);
	rng_seed(&im->seeds, seed ^ SEED_RULES);
	list_init(&im->rules[LINK_IN].list);
	list_init(&im->rules[LINK_OUT].list);
	list_init(&im->lent);
	impair_update_caps(im);
}

static void rule_free(struct impair *im, enum link_way way, struct impair_rule *r)
{
	impair_queue_merge(&r->queue, rest_of(im, way));
	list_remove(&r->link);
	im->rules[way].count--;
	env_free(im->env, r, sizeof(*r));
}

void impair_free(struct impair *im)
{
	impair_rule_delete(im, 0);
	impair_queue_free(&im->in);
	impair_queue_free(&im->out);
	flat_list_free(im->env, &im->lent);
}

static void seed_all(struct impair *im, uint64_t seed)
{
	impair_queue_seed(&im->in, seed);
	impair_queue_seed(&im->out, seed ^ SEED_OUT);
	rng_seed(&im->seeds, seed ^ SEED_RULES);
	for (int way = 0; way < LINK_WAYS; way++)
		list_for_each(it, &im->rules[way].list) impair_queue_seed(&rule_of(it)->queue, rng_u64(&im->seeds));
}

const char *impair_set(struct impair *im, uint64_t seed, const struct impair_direction *in,
                       const struct impair_direction *out)
{
	const char *wrong = in ? impair_direction_check(in) : NULL;
	if (!wrong && out)
		wrong = impair_direction_check(out);
	if (wrong)
		return wrong;
	if (in)
		impair_queue_set(&im->in, in);
	if (out)
		impair_queue_set(&im->out, out);
	if (seed != 0)
		seed_all(im, seed);
	impair_update_caps(im);
	return NULL;
}

struct impair_rule *impair_rule_add(struct impair *im, enum link_way way, const struct flow_match *m,
                                    const struct impair_direction *d)
{
	struct impair_rule *r = NULL;

	if (im->rules[way].count < IMPAIR_RULES_MAX)
		r = env_alloc(im->env, sizeof(*r));
	if (!r)
		return NULL;
	r->id = ++im->last_id;
	r->match = *m;
	impair_queue_init(&r->queue, im->env, rng_u64(&im->seeds));
	impair_queue_share(&r->queue, rest_of(im, way));
	impair_queue_set(&r->queue, d);
	list_push_back(&im->rules[way].list, &r->link);
	im->rules[way].count++;
	impair_update_caps(im);
	return r;
}

bool impair_rule_delete(struct impair *im, uint32_t id)
{
	bool found = id == 0;

	for (int way = 0; way < LINK_WAYS; way++) {
		list_for_each_safe(it, tmp, &im->rules[way].list)
		{
			struct impair_rule *r = rule_of(it);
			if (id && r->id != id)
				continue;
			rule_free(im, (enum link_way)way, r);
			found = true;
		}
	}
	impair_update_caps(im);
	return found;
}
