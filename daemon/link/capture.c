/* See capture.h. */
#include "link/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What became of a frame. */
struct note {
	struct flow_owner owner; /* .state: after the frame */
	uint8_t from;            /* state before it */
	bool dropped;
	enum counter drop;
	const char *reset; /* why a RST was sent or heard; NULL: none was */
};

struct capture_frame {
	struct list link;
	enum link_way way;
	instant time;
	uint32_t len, stored;
	const uint8_t *lent; /* LINK_IN: the frame's own bytes, valid during the turn; only compared with */
	struct offload off;
	bool has_flow;
	struct flow flow;
	struct note note;
	uint8_t bytes[]; /* stored of them */
};

_Static_assert(CAPTURE_BATCH_MAX *(FRAME_MAX + sizeof(struct capture_frame)) < CAPTURE_TURN_MAX, "a batch fits");

static struct capture_sink *sink_of(struct list *it)
{
	return list_entry(it, struct capture_sink, link);
}

static struct capture_frame *frame_of(struct list *it)
{
	return list_entry(it, struct capture_frame, link);
}

static const struct flow *flow_of(const struct capture_frame *f)
{
	return f->has_flow ? &f->flow : NULL;
}

/* May the sink want a frame of this flow? Whose it is will be known only later. */
static bool may_want(const struct capture_sink *s, const struct flow *f, enum link_way way)
{
	static const struct flow_lookup nobody;
	struct flow_match m = s->opt.match;

	if (m.socket && !f)
		return false;
	m.socket = 0;
	return !s->ended && flow_matches(&m, f, way, &nobody);
}

/* False: no sink wants the frame. *stored: how much of it the most curious one does. */
static bool wanted(const struct capture *c, const struct flow *f, enum link_way way, uint32_t len, uint32_t *stored)
{
	bool any = false;

	*stored = 0;
	list_for_each(it, &c->sinks)
	{
		const struct capture_sink *s = sink_of(it);
		if (!may_want(s, f, way))
			continue;
		any = true;
		*stored = u32_max(*stored, s->opt.snap_length ? s->opt.snap_length : FRAME_MAX);
	}
	*stored = u32_min(*stored, len);
	return any;
}

static void lose_everywhere(struct capture *c)
{
	list_for_each(it, &c->sinks)
	{
		struct capture_sink *s = sink_of(it);
		s->lost += !s->ended;
		s->lost_since += !s->ended;
	}
}

static void flush(struct capture *c);

/* A new frame at the end of the turn's list, with the flow of its headers but without its bytes. NULL: nobody wants it,
 * or there is no memory, and then it is counted as lost. */
static struct capture_frame *frame_new(struct capture *c, enum link_way way, uint32_t len, const struct offload *off,
                                       const uint8_t *hdr, uint32_t hdr_len)
{
	struct flow flow;
	bool has_flow = flow_parse(hdr, hdr_len, &flow);
	uint32_t stored;

	if (!wanted(c, has_flow ? &flow : NULL, way, len, &stored))
		return NULL;
	if (c->memory + sizeof(struct capture_frame) + stored > CAPTURE_TURN_MAX)
		flush(c);
	struct capture_frame *f = env_alloc(c->env, sizeof(*f) + stored);
	if (!f) {
		lose_everywhere(c);
		return NULL;
	}
	f->way = way;
	f->time = c->env->now;
	f->len = len;
	f->stored = stored;
	f->off = *off;
	f->has_flow = has_flow;
	f->flow = flow;
	list_push_back(&c->frames, &f->link);
	c->memory += sizeof(*f) + stored;
	return f;
}

static void know_owner(struct capture *c, struct capture_frame *f)
{
	f->note.owner = flow_owner(flow_of(f), f->way, &c->lookup);
	f->note.from = f->note.owner.state;
}

static struct capture_frame *frame_in_new(struct capture *c, const struct frame_in *in)
{
	struct capture_frame *f = frame_new(c, LINK_IN, in->len, &in->off, in->data, in->len);

	if (!f)
		return NULL;
	f->lent = in->data;
	if (f->stored > 0)
		memcpy(f->bytes, in->data, f->stored);
	return f;
}

/* The first `room` bytes of a frame. */
static void copy_out(const struct frame_out *out, uint8_t *to, uint32_t room)
{
	uint32_t n = u32_min(out->hdr_len, room);

	memcpy(to, frame_hdr_const(out), n);
	for (int i = 0; i < out->niov && n < room; i++) {
		uint32_t part = (uint32_t)size_min(out->iov[i].iov_len, room - n);
		if (part > 0)
			memcpy(to + n, out->iov[i].iov_base, part);
		n += part;
	}
}

static struct capture_frame *frame_out_new(struct capture *c, const struct frame_out *out)
{
	struct capture_frame *f = frame_new(c, LINK_OUT, frame_len(out), &out->off, frame_hdr_const(out), out->hdr_len);

	if (!f)
		return NULL;
	copy_out(out, f->bytes, f->stored);
	know_owner(c, f);
	for (uint32_t i = 0; f->note.owner.socket && i < CAPTURE_CHANGES; i++) {
		if (c->changes[i].socket != f->note.owner.socket)
			continue;
		f->note.from = c->changes[i].from;
		c->changes[i].socket = 0;
	}
	return f;
}

static void note_drop(struct capture_frame *f, enum counter reason)
{
	if (!f || f->note.dropped)
		return;
	f->note.dropped = true;
	f->note.drop = reason;
}

/* The frame of this batch that the bytes lie in. */
static struct capture_frame *frame_with(struct capture *c, const uint8_t *bytes)
{
	for (int i = 0; i < c->inputs; i++) {
		struct capture_frame *f = c->input[i];
		if (f && (uintptr_t)bytes >= (uintptr_t)f->lent && (uintptr_t)bytes < (uintptr_t)f->lent + f->len)
			return f;
	}
	return NULL;
}

static void on_drop(struct capture *c, const struct trace_event *ev)
{
	static const char tcp[] = "Tcp";

	/* Bytes that lie in no frame are those of a packet of ours that never became one. TCP names a socket, not
	 * bytes. */
	if (ev->bytes)
		note_drop(frame_with(c, ev->bytes), ev->reason);
	else if (strncmp(counter_names[ev->reason], tcp, sizeof(tcp) - 1) == 0)
		note_drop(c->current, ev->reason);
}

/* Keeps where the socket came from until a frame of its own tells it: the first state of several. */
static void remember_change(struct capture *c, const struct trace_event *ev)
{
	for (uint32_t i = 0; i < CAPTURE_CHANGES; i++)
		if (c->changes[i].socket == ev->socket)
			return;
	c->changes[c->change_at % CAPTURE_CHANGES].socket = ev->socket;
	c->changes[c->change_at % CAPTURE_CHANGES].from = ev->from;
	c->change_at++;
}

static void on_transition(struct capture *c, const struct trace_event *ev)
{
	struct note *n = c->current ? &c->current->note : NULL;

	if (!n) {
		remember_change(c, ev);
		return;
	}
	/* A listener's frame is told as that of the child which it makes. */
	if (n->owner.socket != ev->socket) {
		n->owner.socket = ev->socket;
		n->from = ev->from;
	}
	n->owner.tcp = true;
	n->owner.state = ev->to;
}

void capture_trace(void *ctx, const struct trace_event *ev)
{
	struct capture *c = ctx;

	switch (ev->kind) {
	case TRACE_FRAME_IN:
		c->current = c->input_at < c->inputs ? c->input[c->input_at] : NULL;
		c->input_at++;
		if (c->current)
			know_owner(c, c->current);
		break;
	case TRACE_FRAME_OUT:
		break;
	case TRACE_DROP:
		on_drop(c, ev);
		break;
	case TRACE_TRANSITION:
		on_transition(c, ev);
		break;
	case TRACE_RESET:
		if (c->current)
			c->current->note.reset = ev->why;
		break;
	}
}

void capture_lost(void *ctx, const struct frame_in *in, enum counter reason)
{
	struct capture *c = ctx;

	if (!capture_active(c))
		return;
	struct capture_frame *f = in ? frame_in_new(c, in) : c->sending;
	if (f && in)
		know_owner(c, f);
	note_drop(f, reason);
}

static int capture_recv(struct link *link, struct frame_in *frames, int max)
{
	struct capture *c = container_of(link, struct capture, link);

	c->inputs = c->input_at = 0;
	int n = c->below->ops->recv(c->below, frames, max < CAPTURE_BATCH_MAX ? max : CAPTURE_BATCH_MAX);
	/* Frames that an impairment lost meanwhile are complete. Without them the batch stays below the bound. */
	flush(c);
	for (int i = 0; i < n; i++)
		c->input[c->inputs++] = frame_in_new(c, &frames[i]);
	return n;
}

static bool capture_send(struct link *link, const struct frame_out *out)
{
	struct capture *c = container_of(link, struct capture, link);

	c->sending = frame_out_new(c, out);
	bool taken = c->below->ops->send(c->below, out);
	if (!taken)
		note_drop(c->sending, CNT_LinkOutRefused);
	c->sending = NULL;
	return taken;
}

static instant capture_deadline(struct link *link)
{
	struct capture *c = container_of(link, struct capture, link);

	return c->below->ops->deadline(c->below);
}

static const struct link_ops capture_ops = {.send = capture_send, .recv = capture_recv, .deadline = capture_deadline};

void capture_input_end(struct capture *c)
{
	c->current = NULL;
}

/* Adds words to a comment, with a blank before all but the first. */
static void say(char text[PCAPNG_TEXT_MAX], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(char text[PCAPNG_TEXT_MAX], const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	if (n > 0 && n + 1 < PCAPNG_TEXT_MAX)
		text[n++] = ' ';
	va_start(ap, fmt);
	vsnprintf(text + n, PCAPNG_TEXT_MAX - n, fmt, ap);
	va_end(ap);
}

static void comment(const struct capture *c, const struct capture_frame *f, char text[PCAPNG_TEXT_MAX])
{
	const struct note *n = &f->note;

	text[0] = '\0';
	if (n->owner.socket)
		say(text, "socket=%" PRIu64, n->owner.socket);
	if (n->owner.socket && n->owner.pid)
		say(text, "pid=%u", n->owner.pid);
	if (n->owner.tcp && n->from != n->owner.state)
		say(text, "state=%s->%s", c->state_names[n->from], c->state_names[n->owner.state]);
	else if (n->owner.tcp)
		say(text, "state=%s", c->state_names[n->owner.state]);
	if (n->dropped)
		say(text, "drop=%s", counter_names[n->drop]);
	if (f->off.gso != GSO_NONE)
		say(text, "gso=%u", f->off.gso_size);
	if (f->off.needs_csum)
		say(text, "csum=partial");
	if (n->reset)
		say(text, "reset=%s", n->reset);
}

/* False: there is no room for it. */
static bool enqueue(struct capture *c, struct capture_sink *s, const uint8_t *block, size_t len, uint32_t bound)
{
	uint32_t n = (uint32_t)len;

	if (s->queue.len + n > bound || !ring_reserve(&s->queue, &c->rings, s->queue.len + n, s->queue.len))
		return false;
	ring_write_at(&s->queue, s->queue.len, block, n);
	ring_commit(&s->queue, n);
	s->fresh = true;
	return true;
}

static uint64_t utc_ns(const struct capture *c, instant t)
{
	return (uint64_t)(c->epoch_ns + t.ns);
}

/* The owner that was noted, for a match by socket: by now it may be gone. */
static void noted_owner(void *frame, const struct flow *flow, enum link_way way, struct flow_owner *owner)
{
	(void)flow;
	(void)way;
	*owner = ((const struct capture_frame *)frame)->note.owner;
}

static void sink_frame(struct capture *c, struct capture_sink *s, struct capture_frame *f, const char *text)
{
	const struct flow_lookup noted = {noted_owner, f};

	if (s->ended || !flow_matches(&s->opt.match, flow_of(f), f->way, &noted))
		return;
	struct pcapng_packet p = {
	        .time_ns = utc_ns(c, f->time),
	        .way = f->way,
	        .bytes = f->bytes,
	        .stored = s->opt.snap_length ? u32_min(f->stored, s->opt.snap_length) : f->stored,
	        .len = f->len,
	        .lost = s->lost_since,
	        .comment = text,
	};
	if (!enqueue(c, s, c->block, pcapng_packet(c->block, &p), CAPTURE_QUEUE_MAX)) {
		s->lost++;
		s->lost_since++;
		return;
	}
	s->captured++;
	s->lost_since = 0;
	if (s->opt.count && s->captured >= s->opt.count)
		capture_end(c, s);
}

/* Gives the frames of the turn to the sinks. */
static void flush(struct capture *c)
{
	char text[PCAPNG_TEXT_MAX];

	c->current = c->sending = NULL;
	c->inputs = 0;
	list_for_each_safe(it, tmp, &c->frames)
	{
		struct capture_frame *f = frame_of(it);
		comment(c, f, text);
		for (struct list *s = c->sinks.next; s != &c->sinks; s = s->next)
			sink_frame(c, sink_of(s), f, text);
		list_remove(it);
		env_free(c->env, f, sizeof(*f) + f->stored);
	}
	c->memory = 0;
}

void capture_turn_end(struct capture *c)
{
	flush(c);
	list_for_each_safe(it, tmp, &c->sinks)
	{
		struct capture_sink *s = sink_of(it);
		if (!s->fresh)
			continue;
		s->fresh = false;
		s->ready(s->ctx);
	}
}

void capture_init(struct capture *c, struct env *env, struct link *below, const char *interface,
                  const char *application, const char *const *state_names)
{
	*c = (struct capture){
	        .link = {.ops = &capture_ops, .caps = below->caps},
	        .below = below,
	        .env = env,
	        .interface = interface,
	        .application = application,
	        .state_names = state_names,
	};
	list_init(&c->sinks);
	list_init(&c->frames);
	ring_pool_init(&c->rings, env);
}

void capture_free(struct capture *c)
{
	assert(!capture_active(c) && list_empty(&c->frames));
	ring_pool_free(&c->rings);
}

int capture_open(struct capture *c, struct capture_sink *s, const struct capture_options *o)
{
	if (o->snap_length > FRAME_MAX)
		return EINVAL;
	if (c->sink_count >= CAPTURE_SINKS_MAX)
		return ENOBUFS;
	if (!c->block)
		c->block = env_alloc(c->env, CAPTURE_BLOCK_MAX);
	s->opt = *o;
	if (!c->block || !enqueue(c, s, c->block, pcapng_section(c->block, c->application), CAPTURE_QUEUE_MAX) ||
	    !enqueue(c, s, c->block, pcapng_interface(c->block, c->interface, o->snap_length), CAPTURE_QUEUE_MAX)) {
		ring_release(&s->queue, &c->rings);
		return ENOBUFS;
	}
	list_push_back(&c->sinks, &s->link);
	c->sink_count++;
	return 0;
}

void capture_end(struct capture *c, struct capture_sink *s)
{
	if (s->ended)
		return;
	s->ended = true;
	/* There is always room for the last block, unless memory is short: then it is missing. */
	size_t n = pcapng_statistics(c->block, utc_ns(c, c->env->now), s->captured, s->lost);
	enqueue(c, s, c->block, n, CAPTURE_QUEUE_MAX + PCAPNG_BLOCK_MAX);
	s->fresh = true;
}

void capture_close(struct capture *c, struct capture_sink *s)
{
	ring_release(&s->queue, &c->rings);
	list_remove(&s->link);
	c->sink_count--;
	if (capture_active(c))
		return;
	flush(c);
	memset(c->changes, 0, sizeof(c->changes));
	env_free(c->env, c->block, CAPTURE_BLOCK_MAX);
	c->block = NULL;
	ring_pool_free(&c->rings);
	ring_pool_init(&c->rings, c->env);
}

size_t capture_take(struct capture_sink *s, uint8_t *to, size_t max)
{
	uint8_t prefix[PCAPNG_PREFIX];
	size_t n = 0;

	assert(max >= CAPTURE_BLOCK_MAX);
	while (s->queue.len > 0) {
		ring_read_at(&s->queue, 0, prefix, sizeof(prefix));
		uint32_t len = pcapng_block_length(prefix);
		if (n + len > max)
			break;
		ring_read_at(&s->queue, 0, to + n, len);
		ring_consume(&s->queue, len);
		n += len;
	}
	return n;
}
