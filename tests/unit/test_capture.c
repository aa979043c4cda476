/* capture: what a sink gets for frames, drops and transitions at their places in the turn; bounds. */
#include "base/bytes.h"
#include "link/capture.h"
#include "link/impair.h"
#include "link/loop.h"
#include "pcapng_read.h"
#include "unit.h"
#include <errno.h>
#include <stdlib.h>

#define FILE_MAX (6u << 20)

static const char *const names[] = {"A", "B", "C"};

/* A loop below, perhaps with loss between. */
struct desk {
	struct env env;
	struct loop loop;
	struct impair im;
	struct capture c;
	struct capture_sink sink;
	int readies;
	uint8_t *file;
	size_t len, at;
	struct frame_in in[CAPTURE_BATCH_MAX];
	int n;
	bool refuse;
	struct link door; /* above the impairment: refuses when it is told to */
};

static void ready(void *ctx)
{
	((struct desk *)ctx)->readies++;
}

/* Port 80 has a socket: at either end. */
static void find(void *ctx, const struct flow *f, enum link_way way, struct flow_owner *owner)
{
	(void)ctx;
	if ((way == LINK_IN ? f->dst.port : f->src.port) == 80)
		*owner = (struct flow_owner){.socket = 9, .pid = 123, .state = 1, .tcp = true};
}

static bool door_send(struct link *l, const struct frame_out *f)
{
	struct desk *d = container_of(l, struct desk, door);
	return !d->refuse && d->im.link.ops->send(&d->im.link, f);
}
static int door_recv(struct link *l, struct frame_in *frames, int max)
{
	struct desk *d = container_of(l, struct desk, door);
	return d->im.link.ops->recv(&d->im.link, frames, max);
}
static instant door_deadline(struct link *l)
{
	(void)l;
	return INSTANT_NEVER;
}
static const struct link_ops door_ops = {door_send, door_recv, door_deadline};

static void begin(struct desk *d, struct capture_options o)
{
	*d = (struct desk){.env = unit_env(1), .door = {.ops = &door_ops}};
	d->file = malloc(FILE_MAX);
	loop_init(&d->loop, &d->env);
	impair_init(&d->im, &d->env, &d->loop.link, 5);
	capture_init(&d->c, &d->env, &d->door, "tap0", "test", names);
	d->im.watch = (struct impair_watch){capture_lost, &d->c};
	d->c.lookup.find = find;
	d->c.epoch_ns = 1000;
	d->env.trace = capture_trace;
	d->env.trace_ctx = &d->c;
	d->sink.ready = ready;
	d->sink.ctx = d;
	ck_assert_int_eq(capture_open(&d->c, &d->sink, &o), 0);
}

static void end(struct desk *d)
{
	capture_close(&d->c, &d->sink);
	capture_free(&d->c);
	impair_free(&d->im);
	loop_free(&d->loop);
	unit_env_end(&d->env);
	free(d->file);
}

static void send_frame(struct desk *d, uint16_t sport, uint16_t dport, uint32_t text)
{
	static uint8_t zero[FRAME_MAX];
	struct frame_out f;
	frame_begin(&f);
	uint8_t *p = frame_prepend(&f, 54);
	memset(p, 0, 54);
	store_be16(p + 12, 0x0800);
	p[14] = 0x45;
	p[23] = 6;
	store_be16(p + 34, sport);
	store_be16(p + 36, dport);
	f.iov[0] = (struct iovec){zero, text / 2};
	f.iov[1] = (struct iovec){zero, text - text / 2};
	f.niov = 2;
	f.payload = text;
	d->c.link.ops->send(&d->c.link, &f);
}

static void emit(struct desk *d, struct trace_event ev)
{
	trace_emit(&d->env, &ev);
}

/* What was sent comes around the loop; each frame is the current one in turn until the next call. */
static void receive(struct desk *d, int n)
{
	d->n = d->c.link.ops->recv(&d->c.link, d->in, CAPTURE_BATCH_MAX);
	ck_assert_int_eq(d->n, n);
}
static void current(struct desk *d, int i)
{
	emit(d, (struct trace_event){.kind = TRACE_FRAME_IN, .bytes = d->in[i].data, .len = d->in[i].len});
}
static void drop(struct desk *d, enum counter reason, const void *bytes)
{
	emit(d, (struct trace_event){.kind = TRACE_DROP, .reason = reason, .bytes = bytes, .len = 1});
}
static void transition(struct desk *d, uint64_t socket, uint8_t from, uint8_t to)
{
	emit(d, (struct trace_event){.kind = TRACE_TRANSITION, .socket = socket, .from = from, .to = to});
}

static void take(struct desk *d)
{
	size_t n;
	while ((n = capture_take(&d->sink, d->file + d->len, FILE_MAX - d->len)) > 0)
		d->len += n;
}

/* The next packet is this one; "" for no comment, NULL for whatever it says. */
static struct packet_read packet(struct desk *d, enum link_way way, const char *comment)
{
	struct packet_read p;
	uint32_t type;
	take(d);
	while ((type = pcapng_next(d->file, d->len, &d->at, &p)) != 6)
		ck_assert_msg(type != 0, "no packet, want %s", comment ? comment : "any");
	ck_assert_uint_eq(p.flags, way == LINK_IN ? 1 : 2);
	if (comment)
		ck_assert_str_eq(p.comment, comment);
	return p;
}

static void no_packet(struct desk *d)
{
	struct packet_read p;
	uint32_t type;
	take(d);
	while ((type = pcapng_next(d->file, d->len, &d->at, &p)))
		ck_assert_uint_ne(type, 6);
}

START_TEST(both_directions_in_order)
{
	struct desk d;
	struct packet_read p;
	begin(&d, (struct capture_options){0});
	d.env.now = (instant){234};
	send_frame(&d, 80, 7, 10);
	send_frame(&d, 8, 80, 0);
	no_packet(&d); /* the turn has not ended */
	receive(&d, 2);
	current(&d, 0);
	current(&d, 1);
	capture_input_end(&d.c);
	capture_turn_end(&d.c);
	ck_assert_int_eq(d.readies, 1);
	d.at = 0;
	p = packet(&d, LINK_OUT, "socket=9 pid=123 state=B");
	ck_assert(p.time_ns == 1234 && p.len == 64 && p.stored == 64 && p.lost == 0);
	ck_assert_uint_eq(load_be16(p.bytes + 34), 80);
	packet(&d, LINK_OUT, "");
	packet(&d, LINK_IN, "");
	packet(&d, LINK_IN, "socket=9 pid=123 state=B");
	no_packet(&d);
	capture_turn_end(&d.c);
	ck_assert_int_eq(d.readies, 1);
	end(&d);
}
END_TEST

START_TEST(what_the_stack_decides_is_the_frames)
{
	struct desk d;
	begin(&d, (struct capture_options){0});
	for (uint16_t i = 0; i < 5; i++)
		send_frame(&d, 7, i == 4 ? 6 : 80, 8);
	capture_turn_end(&d.c);
	receive(&d, 5);
	current(&d, 0);
	transition(&d, 9, 1, 2);
	current(&d, 1);
	drop(&d, CNT_TcpInUnacceptable, NULL);
	drop(&d, CNT_TcpInBadAck, NULL); /* the first reason stands */
	emit(&d, (struct trace_event){.kind = TRACE_RESET, .why = "no such thing"});
	current(&d, 2);
	transition(&d, 10, 0, 1); /* a child */
	transition(&d, 10, 1, 2);
	current(&d, 3);
	drop(&d, CNT_IpOutDiscards, NULL); /* not of a frame */
	drop(&d, CNT_ArpQueueDrops, &d);   /* of another packet */
	current(&d, 4);
	drop(&d, CNT_UdpNoPorts, d.in[4].data + 14);
	capture_input_end(&d.c);
	drop(&d, CNT_TcpExtTCPRcvQDrop, NULL);            /* of nothing that is under way */
	drop(&d, CNT_UdpRcvbufErrors, d.in[3].data + 42); /* at the end of the turn */
	capture_turn_end(&d.c);
	for (int i = 0; i < 5; i++)
		packet(&d, LINK_OUT, "");
	packet(&d, LINK_IN, "socket=9 pid=123 state=B->C");
	packet(&d, LINK_IN, "socket=9 pid=123 state=B drop=TcpInUnacceptable reset=no such thing");
	packet(&d, LINK_IN, "socket=10 pid=123 state=A->C");
	packet(&d, LINK_IN, "socket=9 pid=123 state=B drop=UdpRcvbufErrors");
	packet(&d, LINK_IN, "drop=UdpNoPorts");
	end(&d);
}
END_TEST

START_TEST(a_change_without_a_frame_is_told_with_the_next)
{
	struct desk d;
	begin(&d, (struct capture_options){0});
	transition(&d, 9, 0, 2);
	transition(&d, 9, 2, 1);
	for (uint64_t i = 0; i < CAPTURE_CHANGES - 1; i++)
		transition(&d, 100 + i, 0, 1);
	send_frame(&d, 80, 1, 0);
	send_frame(&d, 80, 1, 0);
	capture_turn_end(&d.c);
	packet(&d, LINK_OUT, "socket=9 pid=123 state=A->B");
	packet(&d, LINK_OUT, "socket=9 pid=123 state=B");
	end(&d);
}
END_TEST

START_TEST(lost_below)
{
	struct desk d;
	struct impair_direction loss = {.loss_ppm = IMPAIR_PPM}, none = {0};
	begin(&d, (struct capture_options){0});
	ck_assert_ptr_null(impair_set(&d.im, 0, &none, &loss));
	send_frame(&d, 80, 1, 0);
	ck_assert_ptr_null(impair_set(&d.im, 0, &loss, &none));
	send_frame(&d, 1, 80, 0);
	receive(&d, 0);
	d.refuse = true;
	send_frame(&d, 2, 3, 0);
	capture_turn_end(&d.c);
	packet(&d, LINK_OUT, "socket=9 pid=123 state=B drop=ImpairLost");
	packet(&d, LINK_OUT, "");
	packet(&d, LINK_IN, "socket=9 pid=123 state=B drop=ImpairLost");
	packet(&d, LINK_OUT, "drop=LinkOutRefused");
	end(&d);
}
END_TEST

START_TEST(a_sink_chooses)
{
	struct desk d;
	struct packet_read p;
	begin(&d, (struct capture_options){.match = {.socket = 9}, .snap_length = 60, .count = 2});
	struct capture_sink all = {.ready = ready, .ctx = &d};
	ck_assert_int_eq(capture_open(&d.c, &all, &(struct capture_options){0}), 0);
	for (int i = 0; i < 3; i++) {
		send_frame(&d, 80, 1, 100);
		send_frame(&d, 81, 1, 100);
	}
	capture_turn_end(&d.c);
	ck_assert_int_eq(d.readies, 2);
	p = packet(&d, LINK_OUT, "socket=9 pid=123 state=B");
	ck_assert(p.stored == 60 && p.len == 154);
	packet(&d, LINK_OUT, "socket=9 pid=123 state=B");
	ck_assert(d.sink.ended && d.sink.captured == 2);
	ck_assert_uint_eq(pcapng_next(d.file, d.len, &d.at, &p), 5);
	no_packet(&d);
	ck_assert_uint_eq(all.captured, 6);
	capture_close(&d.c, &all);
	end(&d);
}
END_TEST

START_TEST(what_nobody_wants_costs_nothing)
{
	struct desk d;
	begin(&d, (struct capture_options){.match = {.port = 80}});
	size_t before = d.env.allocated;
	for (int i = 0; i < CAPTURE_BATCH_MAX; i++) {
		uint64_t allocations = d.env.allocations;
		send_frame(&d, 1, 2, 1000);
		ck_assert_uint_eq(d.env.allocations, allocations + 1); /* the loop's */
	}
	receive(&d, CAPTURE_BATCH_MAX);
	for (int i = 0; i < CAPTURE_BATCH_MAX; i++) {
		current(&d, i);
		drop(&d, CNT_TcpInBadAck, NULL);
	}
	capture_input_end(&d.c);
	capture_turn_end(&d.c);
	no_packet(&d);
	receive(&d, 0);
	ck_assert_uint_eq(d.env.allocated, before);
	ck_assert_uint_eq(d.sink.lost, 0);
	end(&d);
}
END_TEST

START_TEST(a_slow_reader_loses)
{
	struct desk d;
	begin(&d, (struct capture_options){0});
	for (int turn = 0; turn < 100; turn++) {
		send_frame(&d, 1, 2, 60000);
		capture_turn_end(&d.c);
	}
	ck_assert_uint_le(d.sink.queue.len, CAPTURE_QUEUE_MAX);
	ck_assert_uint_gt(d.sink.lost, 20);
	ck_assert_uint_eq(d.sink.captured + d.sink.lost, 100);
	uint64_t lost = d.sink.lost, before = d.sink.captured;
	for (uint64_t i = 0; i < before; i++)
		packet(&d, LINK_OUT, NULL);
	send_frame(&d, 1, 2, 60000);
	capture_turn_end(&d.c);
	ck_assert_uint_eq(packet(&d, LINK_OUT, NULL).lost, lost);
	capture_end(&d.c, &d.sink);
	send_frame(&d, 1, 2, 0);
	capture_turn_end(&d.c);
	struct packet_read p;
	take(&d);
	ck_assert_uint_eq(pcapng_next(d.file, d.len, &d.at, &p), 5);
	ck_assert_uint_eq(pcapng_next(d.file, d.len, &d.at, &p), 0);
	end(&d);
}
END_TEST

START_TEST(a_turn_is_bounded)
{
	struct desk d;
	begin(&d, (struct capture_options){.snap_length = 54});
	struct capture_sink all = {.ready = ready, .ctx = &d};
	ck_assert_int_eq(capture_open(&d.c, &all, &(struct capture_options){0}), 0);
	for (int i = 0; i < 300; i++) {
		send_frame(&d, 1, 2, 60000);
		ck_assert_uint_le(d.c.memory, CAPTURE_TURN_MAX);
	}
	capture_turn_end(&d.c);
	ck_assert_uint_eq(d.sink.captured, 300);
	d.env.fail_at = d.env.allocations + 1;
	send_frame(&d, 1, 2, 0);
	send_frame(&d, 1, 2, 0);
	capture_turn_end(&d.c);
	for (int i = 0; i < 300; i++)
		packet(&d, LINK_OUT, NULL);
	ck_assert_uint_eq(packet(&d, LINK_OUT, NULL).lost, 1);
	capture_close(&d.c, &all);
	end(&d);
}
END_TEST

START_TEST(sinks_are_bounded)
{
	struct desk d;
	struct capture_sink more[CAPTURE_SINKS_MAX] = {{.ready = NULL}};
	begin(&d, (struct capture_options){0});
	ck_assert_int_eq(capture_open(&d.c, &more[0], &(struct capture_options){.snap_length = FRAME_MAX + 1}), EINVAL);
	for (int i = 0; i < CAPTURE_SINKS_MAX - 1; i++)
		ck_assert_int_eq(capture_open(&d.c, &more[i], &(struct capture_options){0}), 0);
	ck_assert_int_eq(capture_open(&d.c, &more[CAPTURE_SINKS_MAX - 1], &(struct capture_options){0}), ENOBUFS);
	for (int i = 0; i < CAPTURE_SINKS_MAX - 1; i++)
		capture_close(&d.c, &more[i]);
	d.env.fail_at = d.env.allocations + 1;
	d.env.failures_repeat = true;
	more[0] = (struct capture_sink){0};
	ck_assert_int_eq(capture_open(&d.c, &more[0], &(struct capture_options){0}), 0); /* out of the pool */
	capture_close(&d.c, &more[0]);
	d.env.failures_repeat = false;
	end(&d);
}
END_TEST

Suite *capture_suite(void);
Suite *capture_suite(void)
{
	UNIT_SUITE("capture", both_directions_in_order, what_the_stack_decides_is_the_frames,
	           a_change_without_a_frame_is_told_with_the_next, lost_below, a_sink_chooses,
	           what_nobody_wants_costs_nothing, a_slow_reader_loses, a_turn_is_bounded, sinks_are_bounded);
}
