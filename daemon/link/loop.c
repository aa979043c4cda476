/* See loop.h. */
#include "link/loop.h"

static bool loop_send(struct link *link, const struct frame_out *f)
{
	struct loop *l = container_of(link, struct loop, link);
	if (frame_len(f) > LOOP_BYTES_MAX - l->bytes)
		return false;
	struct flat_frame *flat = flat_from_out(l->env, f);
	if (!flat)
		return false;
	list_push_back(&l->sent, &flat->link);
	l->bytes += flat->len;
	return true;
}

static int loop_recv(struct link *link, struct frame_in *frames, int max)
{
	struct loop *l = container_of(link, struct loop, link);
	int n = 0;
	flat_list_free(l->env, &l->lent);
	while (n < max && !list_empty(&l->sent)) {
		struct flat_frame *f = list_entry(l->sent.next, struct flat_frame, link);
		list_remove(&f->link);
		list_push_back(&l->lent, &f->link);
		l->bytes -= f->len;
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
	flat_list_free(l->env, &l->lent);
	l->bytes = 0;
}
