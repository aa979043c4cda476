/* See loop.h. */
#include "link/loop.h"

static bool loop_send(struct link *link, const struct frame_out *f)
{
	struct loop *l = container_of(link, struct loop, link);
	if (frame_len(f) > LOOP_BYTES_MAX - l->bytes || l->count == LOOP_FRAMES_MAX)
		return false;
	struct flat_frame *flat = flat_from_out(l->env, f);
	if (!flat)
		return false;
	list_push_back(&l->sent, &flat->link);
	l->bytes += flat->len;
	l->count++;
	return true;
}

static int loop_recv(struct link *link, struct frame_in *frames, int max)
{
	struct loop *l = container_of(link, struct loop, link);
	int n = 0;
	loop_release(l);
	while (n < max && !list_empty(&l->sent)) {
		struct flat_frame *f = list_entry(l->sent.next, struct flat_frame, link);
		list_remove(&f->link);
		list_push_back(&l->lent, &f->link);
		l->bytes -= f->len;
		l->count--;
		frames[n++] = flat_view_in(f);
	}
	return n;
}

static instant loop_deadline(struct link *link)
{
	struct loop *l = container_of(link, struct loop, link);
	return list_empty(&l->sent) ? INSTANT_NEVER : l->env->now;
}

static const struct link_ops loop_ops = {.send = loop_send, .recv = loop_recv, .deadline = loop_deadline};

void loop_init(struct loop *l, struct env *env)
{
	*l = (struct loop){
	        .link = {.ops = &loop_ops, .caps = {.csum = true, .gso_max = FRAME_MAX}},
	        .env = env,
	};
	list_init(&l->sent);
	list_init(&l->lent);
}

void loop_free(struct loop *l)
{
	flat_list_free(l->env, &l->sent);
	loop_release(l);
	l->bytes = l->count = 0;
}

void loop_release(struct loop *l)
{
	flat_list_free(l->env, &l->lent);
}

void snap_loop(struct snap *s, struct loop *l)
{
	assert(list_empty(&l->lent));
	snap_flat_list(s, l->env, &l->sent, LOOP_FRAMES_MAX);
	if (!snap_loading(s))
		return;
	list_for_each(it, &l->sent)
	{
		l->bytes += list_entry(it, struct flat_frame, link)->len;
		l->count++;
	}
	snap_check(s, l->bytes <= LOOP_BYTES_MAX, "too much on the loop");
}
