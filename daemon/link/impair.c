/* See impair.h. Frames that leave are sent when they are due: whoever drives calls recv at the deadline, which also
 * moves what is due outwards. */
#include "link/impair.h"

#define SEED_OUT UINT64_C(0x9e3779b97f4a7c15) /* sets the two generators of one seed apart */

bool impair_wants_plain_frames(const struct impair *im)
{
	return impair_direction_active(&im->in.set) || impair_direction_active(&im->out.set);
}

void impair_update_caps(struct impair *im)
{
	im->link.caps = impair_wants_plain_frames(im) ? (struct link_caps){0} : im->below->caps;
}

static bool line_is_straight(const struct impair_queue *q)
{
	return !impair_direction_active(&q->set) && instant_is_never(impair_queue_deadline(q));
}

static void flush_out(struct impair *im)
{
	struct flat_frame *f;
	while ((f = impair_queue_pop(&im->out, im->env->now))) {
		struct frame_out out;
		flat_view_out(f, &out);
		if (!im->below->ops->send(im->below, &out))
			im->out_refused++;
		flat_free(im->env, f);
	}
}

static bool impair_send(struct link *link, const struct frame_out *f)
{
	struct impair *im = container_of(link, struct impair, link);
	if (line_is_straight(&im->out))
		return im->below->ops->send(im->below, f);
	impair_queue_push_out(&im->out, im->env->now, f);
	flush_out(im);
	return true;
}

/* Everything that the link below has goes on the line. */
static void fill_in(struct impair *im)
{
	struct frame_in batch[IMPAIR_BATCH];
	int n = IMPAIR_BATCH;
	for (int round = 0; round < IMPAIR_BATCHES_MAX && n == IMPAIR_BATCH; round++) {
		n = im->below->ops->recv(im->below, batch, IMPAIR_BATCH);
		for (int i = 0; i < n; i++)
			impair_queue_push(&im->in, im->env->now, &batch[i]);
	}
}

static int impair_recv(struct link *link, struct frame_in *frames, int max)
{
	struct impair *im = container_of(link, struct impair, link);
	int n = 0;
	flat_list_free(im->env, &im->lent);
	flush_out(im);
	if (line_is_straight(&im->in))
		return im->below->ops->recv(im->below, frames, max);
	fill_in(im);
	while (n < max) {
		struct flat_frame *f = impair_queue_pop(&im->in, im->env->now);
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
	instant lines = instant_min(impair_queue_deadline(&im->in), impair_queue_deadline(&im->out));
	return instant_min(lines, im->below->ops->deadline(im->below));
}

static const struct link_ops impair_ops = {.send = impair_send, .recv = impair_recv, .deadline = impair_deadline};

void impair_init(struct impair *im, struct env *env, struct link *below, uint64_t seed)
{
	*im = (struct impair){.link = {.ops = &impair_ops}, .below = below, .env = env};
	impair_queue_init(&im->in, env, seed);
	impair_queue_init(&im->out, env, seed ^ SEED_OUT);
	list_init(&im->lent);
	impair_update_caps(im);
}

void impair_free(struct impair *im)
{
	impair_queue_free(&im->in);
	impair_queue_free(&im->out);
	flat_list_free(im->env, &im->lent);
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
	if (seed != 0) {
		impair_queue_seed(&im->in, seed);
		impair_queue_seed(&im->out, seed ^ SEED_OUT);
	}
	impair_update_caps(im);
	return NULL;
}
