/* See line.h. */
#include "line.h"

void line_init(struct sim_line *l, struct env *env, uint64_t seed)
{
	*l = (struct sim_line){.calm = INSTANT_NEVER, .mtu_from = INSTANT_NEVER};
	impair_queue_init(&l->q, env, seed);
	rng_seed(&l->rng, ~seed);
	list_init(&l->late);
}

void line_free(struct sim_line *l)
{
	impair_queue_free(&l->q);
	flat_list_free(l->q.env, &l->late);
}

static bool is_down(const struct sim_line *l, instant now)
{
	for (int i = 0; i < l->flaps; i++)
		if (instant_le(l->flap[i].from, now) && instant_lt(now, l->flap[i].to))
			return true;
	return false;
}

/* A copy that will come again. */
static void keep_for_later(struct sim_line *l, instant now, const struct flat_frame *f)
{
	if (!l->late_left || f->off.gso != GSO_NONE || rng_below(&l->rng, IMPAIR_PPM) >= l->late_ppm)
		return;
	struct frame_in view = flat_view_in(f);
	struct flat_frame *twin = flat_from_in(l->q.env, &view);
	l->late_left--;
	twin->due = instant_add(now, (duration){(int64_t)(rng_u64(&l->rng) % (uint64_t)l->late_most.ns)});
	struct list *at = &l->late;
	while (at->prev != &l->late && instant_lt(twin->due, list_entry(at->prev, struct flat_frame, link)->due))
		at = at->prev;
	list_insert_before(at, &twin->link);
}

void line_push(struct sim_line *l, instant now, const struct flat_frame *f)
{
	uint32_t datagram = (f->off.gso == GSO_NONE ? f->len : (uint32_t)f->off.hdr_len + f->off.gso_size) - 14;
	l->too_big = l->mtu && instant_le(l->mtu_from, now) && datagram > l->mtu;
	if (instant_le(l->calm, now)) {
		struct impair_direction perfect = {.delay_us = l->q.set.delay_us};
		impair_queue_set(&l->q, &perfect);
		l->late_left = 0;
	}
	keep_for_later(l, now, f);
	if (l->too_big || is_down(l, now))
		return;
	struct frame_in view = flat_view_in(f);
	impair_queue_push(&l->q, now, &view);
}

static struct flat_frame *late_due(const struct sim_line *l, instant now)
{
	struct flat_frame *f = list_empty(&l->late) ? NULL : list_entry(l->late.next, struct flat_frame, link);

	return f && instant_le(f->due, now) ? f : NULL;
}

struct flat_frame *line_pop(struct sim_line *l, instant now)
{
	struct flat_frame *f = impair_queue_pop(&l->q, now);

	if (f)
		return f;
	f = late_due(l, now);
	if (f)
		list_remove(&f->link);
	return f;
}

instant line_deadline(const struct sim_line *l)
{
	instant t = impair_queue_deadline(&l->q);

	return list_empty(&l->late) ? t : instant_min(t, list_entry(l->late.next, struct flat_frame, link)->due);
}
