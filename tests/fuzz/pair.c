/* Two stacks joined by a line that the input commands: frames are delivered, dropped, repeated, reordered and damaged,
 * applications write, read, shut down and close, time passes, snapshots replace the stacks, allocations fail.
 *
 * What must hold: each side reads a prefix of what the other wrote, whatever becomes of the frames; and when the line
 * is good again and nobody has given up, all of it. One changed byte cannot pass a checksum. Only an input that
 * completes the checksums of what it forged (FORGE) may break that; from there on memory and liveness are all that is
 * demanded.
 *
 * The input: a byte for each side's abilities, then instructions of two bytes, the second an argument. */
#include "fuzz.h"
#include "link/flat.h"

#define QUEUE_MAX     64
#define WRITTEN_MAX   200000u
#define SETTLE_ROUNDS 3000
#define NO_SOCKET     0

struct side {
	struct env env;
	struct stack *s;
	uint64_t id;       /* of the connection */
	struct list queue; /* frames under way to the other side */
	int queued;
	uint32_t written, read; /* bytes of the stream */
	bool hold, shut, gone, reset;
};

struct world {
	struct side side[2];
	struct env line; /* of the frames under way */
	bool forged;
};

/* The byte at this place of the stream that side i writes. */
static uint8_t pattern(int i, uint32_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 17 + (at >> 16) + (unsigned)i * 101);
}

static struct socket *connection(const struct side *me)
{
	return me->id == NO_SOCKET ? NULL : socket_by_id(me->s, me->id);
}

static void read_stream(struct world *w, int i, const struct stack_delivery *d)
{
	struct side *me = &w->side[i];
	bool whole = me->hold || d->socket->id != me->id;

	for (int k = 0; !whole && k < d->niov; k++) {
		const uint8_t *p = d->iov[k].iov_base;
		for (size_t j = 0; j < d->iov[k].iov_len; j++, me->read++)
			FUZZ_NEED(w->forged || p[j] == pattern(!i, me->read));
	}
	FUZZ_NEED(w->forged || me->read <= w->side[!i].written);
	stack_delivered(me->s, d, whole ? 0 : d->len, !whole);
	if (!whole)
		socket_set_held(me->s, d->socket, 0);
}

static void see(struct world *w, int i, struct socket *so, unsigned events)
{
	struct side *me = &w->side[i];
	struct socket *child;

	if (events & SOCKET_ACCEPT)
		while (socket_accept(me->s, so, &child) == 0) {
			child->channel = me;
			stack_offer(me->s, child);
			if (me->id == NO_SOCKET)
				me->id = child->id;
		}
	if (so->id != me->id)
		return;
	if (events & SOCKET_ERROR)
		me->reset = true;
	/* The end comes behind the last byte. */
	if (events & SOCKET_EOF)
		FUZZ_NEED(w->forged || ((w->side[!i].shut || w->side[!i].gone) && me->read == w->side[!i].written));
}

static void turn(struct world *w, int i, struct frame_in *frames, int n)
{
	struct side *me = &w->side[i];
	struct stack_delivery d;
	struct frame_out out;
	struct socket *so;
	unsigned events;

	if (n)
		stack_input(me->s, frames, n);
	stack_tick(me->s);
	while (stack_delivery(me->s, &d))
		read_stream(w, i, &d);
	while ((so = stack_ready(me->s, &events)))
		see(w, i, so, events);
	while (stack_output(me->s, &out)) {
		struct flat_frame *f = me->queued < QUEUE_MAX ? flat_from_out(&w->line, &out) : NULL;
		if (!f)
			continue;
		list_push_back(&me->queue, &f->link);
		me->queued++;
	}
	stack_turn_end(me->s);
}

/* The k-th frame that side i has under way, from 0. */
static struct flat_frame *frame_at(struct side *me, unsigned k)
{
	struct list *it = me->queue.next;

	if (me->queued == 0)
		return NULL;
	for (k %= (unsigned)me->queued; k > 0; k--)
		it = it->next;
	return list_entry(it, struct flat_frame, link);
}

static void take_off(struct side *me, struct flat_frame *f)
{
	list_remove(&f->link);
	me->queued--;
}

/* In memory of its own size. */
static void arrive(struct world *w, int from, const struct flat_frame *f)
{
	uint8_t *copy = malloc(f->len);

	FUZZ_NEED(copy);
	memcpy(copy, f->bytes, f->len);
	struct frame_in in = {.data = copy, .len = f->len, .off = f->off};
	turn(w, !from, &in, 1);
	free(copy);
}

static void deliver(struct world *w, int from, unsigned k, bool keep)
{
	struct side *me = &w->side[from];
	struct flat_frame *f = frame_at(me, k);

	if (!f)
		return;
	if (!keep)
		take_off(me, f);
	arrive(w, from, f);
	if (!keep)
		flat_free(&w->line, f);
}

static void drop(struct world *w, int from, unsigned k)
{
	struct flat_frame *f = frame_at(&w->side[from], k);

	if (!f)
		return;
	take_off(&w->side[from], f);
	flat_free(&w->line, f);
}

/* Damages a copy. Checksums that a device would complete are completed first. */
static void damage(struct world *w, int from, uint8_t arg, struct reader *r)
{
	struct flat_frame *f = frame_at(&w->side[from], arg & 7);
	uint16_t at = read_be16(r);
	uint8_t with = read_u8(r);

	if (!f || f->off.gso || (f->off.needs_csum && !flat_complete_csum(f)))
		return;
	struct frame_in view = flat_view_in(f);
	struct flat_frame *bad = flat_from_in(&w->line, &view);
	FUZZ_NEED(bad);
	bad->off = (struct offload){0};
	bad->bytes[at % bad->len] ^= with;
	if (arg & 128 && with) {
		w->forged = true;
		fuzz_fix_checksums(bad->bytes, bad->len);
	}
	arrive(w, from, bad);
	flat_free(&w->line, bad);
}

static void write_stream(struct side *me, int i, uint32_t want)
{
	struct socket *so = connection(me);
	struct iovec iov[2];
	int error;

	if (!so || so->tcp.state == TCP_LISTEN || me->written + want > WRITTEN_MAX)
		return;
	int n = socket_send_reserve(me->s, so, want, iov, &error);
	uint32_t put = 0;
	for (int k = 0; k < n; k++)
		for (size_t j = 0; j < iov[k].iov_len && put < want; j++, put++)
			((uint8_t *)iov[k].iov_base)[j] = pattern(i, me->written + put);
	if (n)
		socket_send_commit(me->s, so, put);
	me->written += put;
}

/* Of both sides at once: they share the world's time. */
static void pass(struct world *w, instant to)
{
	for (int i = 0; i < 2; i++) {
		w->side[i].env.now = to;
		turn(w, i, NULL, 0);
	}
}

static instant next_deadline(struct world *w)
{
	instant t = instant_min(stack_deadline(w->side[0].s), stack_deadline(w->side[1].s));

	return instant_lt(t, w->side[0].env.now) ? w->side[0].env.now : t;
}

static void set_option(struct side *me, uint8_t arg)
{
#define NUMBER(name, n) (n),
	static const int options[] = {SOCKET_OPTIONS(NUMBER)};
#undef NUMBER
	static const int64_t values[] = {0, 1, 100, 3000};
	struct socket *so = connection(me);
	struct socket_option_value v = {.number = values[arg >> 6]};

	if (so)
		socket_set_option(me->s, so, options[(arg & 63) % ARRAY_LEN(options)], v);
}

static void end(struct side *me, uint8_t how)
{
	struct socket *so = connection(me);

	if (!so || so->tcp.state == TCP_LISTEN)
		return;
	me->gone = true;
	so->channel = NULL;
	if (how & 1) {
		me->reset = true;
		socket_abort(me->s, so);
	} else {
		/* RFC 9293 3.10.4: in SYN-SENT what was written is lost; text that was not read makes the end a RST. */
		me->reset |= me->hold || so->tcp.state == TCP_SYN_SENT;
		socket_close(me->s, so, me->hold);
	}
	me->id = NO_SOCKET;
}

static void shut(struct side *me)
{
	struct socket *so = connection(me);

	if (so && socket_shutdown(me->s, so, false, true) == 0)
		me->shut = true;
}

static void reload(struct world *w, int i)
{
	struct side *me = &w->side[i];
	struct rng rng = me->env.rng;

	me->s = fuzz_reload(&me->env, me->s);
	me->env.rng = rng;
}

static void step(struct world *w, struct reader *r)
{
	uint8_t op = read_u8(r), arg = read_u8(r);
	int i = op & 1;
	struct side *me = &w->side[i];

	switch (op >> 1 & 15) {
	case 0:
	case 1:
		write_stream(me, i, 1 + arg * (uint32_t)arg);
		break;
	case 2:
		me->hold = arg & 1;
		if (connection(me) && !me->hold)
			stack_offer(me->s, connection(me));
		break;
	case 3:
	case 4:
	case 5:
		for (int n = arg >> 4; n >= 0; n--)
			deliver(w, i, arg & 15, false);
		break;
	case 6:
		drop(w, i, arg);
		break;
	case 7:
		deliver(w, i, arg, true);
		break;
	case 8:
		damage(w, i, arg, r);
		break;
	case 9:
		pass(w, instant_add(me->env.now, DURATION_US(arg * (int64_t)arg * (i ? 1 : 40))));
		break;
	case 10:
		if (!instant_is_never(next_deadline(w)))
			pass(w, next_deadline(w));
		break;
	case 11:
		shut(me);
		break;
	case 12:
		if (arg < 8)
			end(me, arg);
		break;
	case 13:
		reload(w, i);
		break;
	case 14:
		set_option(me, arg);
		break;
	default:
		me->env.fail_at = me->env.allocations + 1 + (arg & 63);
		me->env.failures_repeat = arg & 64;
		break;
	}
	turn(w, i, NULL, 0);
}

static bool done(const struct side *me, const struct side *peer)
{
	return me->reset || me->gone || me->read == peer->written;
}

/* A good line, readers that read: all that was written arrives. Sides that have ended by an error, as the long waits of
 * an input may well cause, owe nothing. */
static void settle(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		struct side *me = &w->side[i];
		me->env.fail_at = 0;
		me->hold = false;
		if (connection(me))
			stack_offer(me->s, connection(me));
		turn(w, i, NULL, 0);
	}
	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		struct side *a = &w->side[0], *b = &w->side[1];
		if (done(a, b) && done(b, a) && !a->queued && !b->queued)
			break;
		for (int i = 0; i < 2; i++)
			for (int n = w->side[i].queued; n > 0; n--)
				deliver(w, i, 0, false);
		if (!a->queued && !b->queued && !instant_is_never(next_deadline(w)))
			pass(w, next_deadline(w));
	}
	if (w->forged || w->side[0].reset || w->side[1].reset)
		return;
	for (int i = 0; i < 2; i++)
		FUZZ_NEED(done(&w->side[i], &w->side[!i]));
}

static struct stack_config config(int i, uint8_t how)
{
	struct stack_config cfg = fuzz_config();

	if (i) {
		cfg.ip.mac = FUZZ_PEER_MAC;
		cfg.ip.address.addr = fuzz_peer();
	}
	cfg.ip.mtu = how & 1 ? 300 : 1500;
	cfg.tcp.rcvbuf = how & 2 ? 3000 : 60000;
	return cfg;
}

static void start(struct world *w, struct reader *r)
{
	for (int i = 0; i < 2; i++) {
		struct side *me = &w->side[i];
		uint8_t how = read_u8(r);
		struct stack_config cfg = config(i, how);
		me->env.now = (instant){FUZZ_TIME};
		rng_seed(&me->env.rng, (uint64_t)i + 1);
		list_init(&me->queue);
		me->s = stack_new(&me->env, &cfg,
		                  (struct link_caps){.csum = how & 4, .gso_max = (how & 12) == 12 ? FRAME_MAX : 0});
		FUZZ_NEED(me->s);
	}
	FUZZ_NEED(socket_listen(w->side[1].s, fuzz_open(w->side[1].s, SOCKET_TCP, FUZZ_PORT), 4) == 0);
	struct socket *so = fuzz_open(w->side[0].s, SOCKET_TCP, 0);
	w->side[0].id = so->id;
	FUZZ_NEED(socket_connect(w->side[0].s, so, (struct endpoint){fuzz_peer(), FUZZ_PORT}) == EINPROGRESS);
	turn(w, 0, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.forged = false};
	struct reader r = reader_of(data, size_min(size, 1024));

	start(&w, &r);
	while (r.len)
		step(&w, &r);
	settle(&w);
	for (int i = 0; i < 2; i++) {
		while (w.side[i].queued)
			drop(&w, i, 0);
		fuzz_end(&w.side[i].env, w.side[i].s);
	}
	FUZZ_NEED(w.line.allocated == 0);
	return 0;
}
