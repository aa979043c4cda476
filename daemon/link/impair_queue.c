/* See impair_queue.h. */
#include "link/impair_queue.h"

static bool chance(struct impair_queue *q, uint32_t ppm)
{
	/* No draw for what is switched off: the other impairments of a seed do not change with it. */
	return ppm > 0 && rng_below(&q->rng, IMPAIR_PPM) < ppm;
}

const char *impair_direction_check(const struct impair_direction *d)
{
	const struct {
		uint64_t value, max;
		const char *text;
	} bound[] = {
	        {d->loss_ppm, IMPAIR_PPM, "loss_ppm is above 1000000"},
	        {d->burst_enter_ppm, IMPAIR_PPM, "burst_enter_ppm is above 1000000"},
	        {d->burst_leave_ppm, IMPAIR_PPM, "burst_leave_ppm is above 1000000"},
	        {d->duplicate_ppm, IMPAIR_PPM, "duplicate_ppm is above 1000000"},
	        {d->reorder_ppm, IMPAIR_PPM, "reorder_ppm is above 1000000"},
	        {d->reorder_us, IMPAIR_TIME_MAX_US, "reorder_us is above 60 seconds"},
	        {d->corrupt_ppm, IMPAIR_PPM, "corrupt_ppm is above 1000000"},
	        {d->delay_us, IMPAIR_TIME_MAX_US, "delay_us is above 60 seconds"},
	        {d->jitter_us, IMPAIR_TIME_MAX_US, "jitter_us is above 60 seconds"},
	        {d->rate_bps, IMPAIR_RATE_MAX, "rate_bps is above 100 Gbit/s"},
	        {d->queue_bytes, IMPAIR_QUEUE_MAX, "queue_bytes is above 64 MiB"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bound); i++)
		if (bound[i].value > bound[i].max)
			return bound[i].text;
	if (d->burst_enter_ppm > 0 && d->burst_leave_ppm == 0)
		return "burst_leave_ppm is 0: the first burst would never end";
	if (d->reorder_ppm > 0 && d->reorder_us == 0)
		return "reorder_us is 0: a frame held back for no time is not reordered";
	return NULL;
}

bool impair_direction_active(const struct impair_direction *d)
{
	return d->loss_ppm || d->burst_enter_ppm || d->duplicate_ppm || d->reorder_ppm || d->corrupt_ppm ||
	       d->delay_us || d->jitter_us || d->rate_bps;
}

void impair_queue_init(struct impair_queue *q, struct env *env, uint64_t seed)
{
	*q = (struct impair_queue){.env = env};
	q->used = &q->memory;
	list_init(&q->ordered);
	list_init(&q->held);
	impair_queue_seed(q, seed);
}

void impair_queue_free(struct impair_queue *q)
{
	flat_list_free(q->env, &q->ordered);
	flat_list_free(q->env, &q->held);
	q->memory = 0;
}

void impair_queue_share(struct impair_queue *q, struct impair_queue *owner)
{
	assert(!impair_queue_next(q));
	q->used = &owner->memory;
}

static void insert_by_due(struct list *l, struct flat_frame *f)
{
	struct list *at = l;
	while (at->prev != l && instant_lt(f->due, list_entry(at->prev, struct flat_frame, link)->due))
		at = at->prev;
	list_insert_before(at, &f->link);
}

void impair_queue_merge(struct impair_queue *q, struct impair_queue *owner)
{
	struct flat_frame *f;

	assert(q->used == &owner->memory);
	while ((f = impair_queue_next(q))) {
		list_remove(&f->link);
		insert_by_due(&owner->held, f);
	}
}

void impair_queue_seed(struct impair_queue *q, uint64_t seed)
{
	rng_seed(&q->rng, seed);
}

void impair_queue_set(struct impair_queue *q, const struct impair_direction *d)
{
	assert(!impair_direction_check(d));
	q->set = *d;
	if (d->burst_enter_ppm == 0)
		q->bad = false;
}

static size_t frame_memory(const struct flat_frame *f)
{
	return sizeof(*f) + f->len;
}

static duration transmission_time(uint64_t bytes, uint64_t rate_bps)
{
	return (duration){(int64_t)(bytes * 8 * (uint64_t)NS_PER_S / rate_bps)};
}

/* The rate limiter: *sent is when the last bit of a frame of len bytes has left it. False: its queue is full. */
static bool transmit(struct impair_queue *q, instant now, uint32_t len, instant *sent)
{
	*sent = now;
	if (q->set.rate_bps == 0)
		return true;
	uint32_t limit = q->set.queue_bytes ? q->set.queue_bytes : IMPAIR_QUEUE_DEFAULT;
	duration time = transmission_time(len, q->set.rate_bps);
	if (instant_lt(now, q->line_free)) {
		int64_t waiting = instant_since(q->line_free, now).ns;
		if (waiting + time.ns > transmission_time(limit, q->set.rate_bps).ns)
			return false;
		now = q->line_free;
	}
	*sent = q->line_free = instant_add(now, time);
	return true;
}

static int64_t draw_delay(struct impair_queue *q)
{
	int64_t us = q->set.delay_us;
	if (q->set.jitter_us > 0)
		us += (int64_t)rng_below(&q->rng, 2 * q->set.jitter_us + 1) - q->set.jitter_us;
	return us > 0 ? us * NS_PER_US : 0;
}

/* Puts f on the line, or drops it. */
static void enter_line(struct impair_queue *q, instant now, struct flat_frame *f)
{
	instant sent;
	if (*q->used + frame_memory(f) > IMPAIR_LINE_MAX || !transmit(q, now, f->len, &sent)) {
		q->count.queue_dropped++;
		flat_free(q->env, f);
		return;
	}
	*q->used += frame_memory(f);
	f->due = instant_add(sent, (duration){draw_delay(q)});
	if (chance(q, q->set.reorder_ppm)) {
		q->count.reordered++;
		f->due = instant_add(f->due, DURATION_US(q->set.reorder_us));
		insert_by_due(&q->held, f);
		return;
	}
	list_push_back(&q->ordered, &f->link);
}

static bool is_lost(struct impair_queue *q)
{
	if (q->set.burst_enter_ppm > 0) {
		if (chance(q, q->bad ? q->set.burst_leave_ppm : q->set.burst_enter_ppm))
			q->bad = !q->bad;
		if (q->bad) {
			q->count.burst_lost++;
			return true;
		}
	}
	if (!chance(q, q->set.loss_ppm))
		return false;
	q->count.lost++;
	return true;
}

/* Flips one bit. False: a super-frame, or one whose checksum cannot be completed. */
static bool corrupt(struct impair_queue *q, struct flat_frame *f)
{
	q->count.corrupted++;
	if (f->len == 0)
		return true;
	uint32_t bit = rng_below(&q->rng, f->len * 8);
	if (f->off.gso != GSO_NONE || !flat_complete_csum(f))
		return false;
	f->off.csum_valid = false;
	f->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	return true;
}

static struct flat_frame *flat_copy(struct env *env, const struct flat_frame *f)
{
	struct frame_in view = flat_view_in(f);
	return flat_from_in(env, &view);
}

static void push(struct impair_queue *q, instant now, struct flat_frame *f)
{
	struct flat_frame *twin = NULL;
	if (chance(q, q->set.duplicate_ppm)) {
		twin = flat_copy(q->env, f);
		q->count.duplicated += twin ? 1 : 0;
	}
	if (chance(q, q->set.corrupt_ppm) && !corrupt(q, f))
		flat_free(q->env, f);
	else
		enter_line(q, now, f);
	if (twin)
		enter_line(q, now, twin);
}

void impair_queue_push(struct impair_queue *q, instant now, const struct frame_in *in)
{
	if (is_lost(q))
		return;
	struct flat_frame *f = flat_from_in(q->env, in);
	if (f)
		push(q, now, f);
	else
		q->count.queue_dropped++;
}

void impair_queue_push_out(struct impair_queue *q, instant now, const struct frame_out *out)
{
	if (is_lost(q))
		return;
	struct flat_frame *f = flat_from_out(q->env, out);
	if (f)
		push(q, now, f);
	else
		q->count.queue_dropped++;
}

struct flat_frame *impair_queue_next(const struct impair_queue *q)
{
	struct flat_frame *a = list_empty(&q->ordered) ? NULL : list_entry(q->ordered.next, struct flat_frame, link);
	struct flat_frame *b = list_empty(&q->held) ? NULL : list_entry(q->held.next, struct flat_frame, link);
	if (!a || !b)
		return a ? a : b;
	return instant_le(a->due, b->due) ? a : b;
}

struct flat_frame *impair_queue_pop(struct impair_queue *q, instant now)
{
	struct flat_frame *f = impair_queue_next(q);
	if (!f || instant_lt(now, f->due))
		return NULL;
	list_remove(&f->link);
	*q->used -= frame_memory(f);
	q->count.passed++;
	return f;
}

instant impair_queue_deadline(const struct impair_queue *q)
{
	const struct flat_frame *f = impair_queue_next(q);
	return f ? f->due : INSTANT_NEVER;
}
