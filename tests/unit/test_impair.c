/* impair: each impairment alone, its rate and its effect on order, replay by seed, bounds; then the link around
 * another. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "link/impair.h"
#include "link/loop.h"
#include "unit.h"
#include <string.h>

#define FRAMES 20000
#define LEN    100

struct line {
	struct env env;
	struct impair_queue q;
	instant now;
};

static void begin_seed(struct line *l, struct impair_direction d, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->env = unit_env(1);
	impair_queue_init(&l->q, &l->env, seed);
	ck_assert_ptr_null(impair_direction_check(&d));
	impair_queue_set(&l->q, &d);
}

static void begin(struct line *l, struct impair_direction d)
{
	begin_seed(l, d, 7);
}

static void end(struct line *l)
{
	impair_queue_free(&l->q);
	unit_env_end(&l->env);
}

/* A frame of LEN bytes that carries a number. */
static void push(struct line *l, uint32_t number)
{
	uint8_t bytes[LEN] = {0};
	store_be32(bytes, number);
	impair_queue_push(&l->q, l->now, &(struct frame_in){.data = bytes, .len = LEN});
}

/* The number of the next frame that is out; -1: none. */
static int64_t pop(struct line *l)
{
	struct flat_frame *f = impair_queue_pop(&l->q, l->now);
	if (!f)
		return -1;
	int64_t number = load_be32(f->bytes);
	ck_assert_uint_eq(f->len, LEN);
	flat_free(&l->env, f);
	return number;
}

static void pass_us(struct line *l, int64_t us)
{
	l->now = instant_add(l->now, DURATION_US(us));
}

static void in_order(struct line *l, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		ck_assert_int_eq(pop(l), i);
	ck_assert_int_eq(pop(l), -1);
}

/* Within 10 % of the expected share of FRAMES. */
static void about(uint64_t got, uint64_t ppm)
{
	uint64_t want = FRAMES * ppm / IMPAIR_PPM;
	ck_assert_uint_ge(got, want * 9 / 10);
	ck_assert_uint_le(got, want * 11 / 10);
}

START_TEST(a_perfect_line_passes_everything)
{
	struct line l;
	begin(&l, (struct impair_direction){0});
	for (uint32_t i = 0; i < 100; i++)
		push(&l, i);
	in_order(&l, 0, 100);
	ck_assert_uint_eq(l.q.count.passed, 100);
	ck_assert_uint_eq(l.q.memory, 0);
	ck_assert(instant_is_never(impair_queue_deadline(&l.q)));
	end(&l);
}
END_TEST

START_TEST(loss_is_as_asked)
{
	struct line l;
	begin(&l, (struct impair_direction){.loss_ppm = 50000});
	for (uint32_t i = 0; i < FRAMES; i++) {
		push(&l, i);
		pop(&l);
	}
	about(l.q.count.lost, 50000);
	ck_assert_uint_eq(l.q.count.passed + l.q.count.lost, FRAMES);
	end(&l);
}
END_TEST

START_TEST(loss_of_everything)
{
	struct line l;
	begin(&l, (struct impair_direction){.loss_ppm = IMPAIR_PPM});
	for (uint32_t i = 0; i < 100; i++)
		push(&l, i);
	ck_assert_int_eq(pop(&l), -1);
	ck_assert_uint_eq(l.q.count.lost, 100);
	end(&l);
}
END_TEST

/* Share of the bad state: enter / (enter + leave); mean length of a burst: 1 / leave. */
START_TEST(bursts_are_as_asked)
{
	struct line l;
	uint64_t bursts = 0;
	int64_t last = -1;
	begin(&l, (struct impair_direction){.burst_enter_ppm = 20000, .burst_leave_ppm = 200000});
	for (uint32_t i = 0; i < FRAMES; i++) {
		push(&l, i);
		int64_t got = pop(&l);
		bursts += got < 0 && last >= 0;
		last = got;
	}
	about(l.q.count.burst_lost, 20000 * 1000 / 220 * 1);
	ck_assert_uint_ge(l.q.count.burst_lost, bursts * 4);
	ck_assert_uint_le(l.q.count.burst_lost, bursts * 6);
	ck_assert_uint_eq(l.q.count.lost, 0);
	end(&l);
}
END_TEST

START_TEST(duplicates_follow_their_original)
{
	struct line l;
	begin(&l, (struct impair_direction){.duplicate_ppm = IMPAIR_PPM});
	push(&l, 1);
	push(&l, 2);
	ck_assert_int_eq(pop(&l), 1);
	ck_assert_int_eq(pop(&l), 1);
	ck_assert_int_eq(pop(&l), 2);
	ck_assert_int_eq(pop(&l), 2);
	ck_assert_int_eq(pop(&l), -1);
	ck_assert_uint_eq(l.q.count.duplicated, 2);
	end(&l);
}
END_TEST

START_TEST(delay_is_exact)
{
	struct line l;
	begin(&l, (struct impair_direction){.delay_us = 500});
	push(&l, 0);
	pass_us(&l, 100);
	push(&l, 1);
	ck_assert_int_eq(impair_queue_deadline(&l.q).ns, 500 * NS_PER_US);
	pass_us(&l, 399);
	ck_assert_int_eq(pop(&l), -1);
	pass_us(&l, 1);
	in_order(&l, 0, 1);
	pass_us(&l, 100);
	in_order(&l, 1, 2);
	end(&l);
}
END_TEST

START_TEST(jitter_keeps_the_order)
{
	struct line l;
	int64_t next = 0, earliest = INT64_MAX, latest = 0;
	begin(&l, (struct impair_direction){.delay_us = 1000, .jitter_us = 1000});
	for (uint32_t i = 0; i < 5000; i++) {
		push(&l, i);
		int64_t us = impair_queue_deadline(&l.q).ns / NS_PER_US - (int64_t)i * 3000;
		earliest = us < earliest ? us : earliest;
		latest = us > latest ? us : latest;
		pass_us(&l, 3000);
		ck_assert_int_eq(pop(&l), next++);
	}
	ck_assert_int_ge(earliest, 0);
	ck_assert_int_lt(earliest, 50);
	ck_assert_int_gt(latest, 1950);
	ck_assert_int_le(latest, 2000);
	for (uint32_t i = 0; i < 1000; i++) {
		push(&l, (uint32_t)next + i);
		pass_us(&l, 1);
	}
	pass_us(&l, 2000);
	in_order(&l, (uint32_t)next, (uint32_t)next + 1000);
	end(&l);
}
END_TEST

START_TEST(a_reordered_frame_lets_others_pass)
{
	struct line l;
	struct impair_direction d = {.reorder_ppm = IMPAIR_PPM, .reorder_us = 1000, .delay_us = 10};
	begin(&l, d);
	push(&l, 0);
	d.reorder_ppm = 0;
	impair_queue_set(&l.q, &d);
	push(&l, 1);
	push(&l, 2);
	pass_us(&l, 10);
	in_order(&l, 1, 3);
	ck_assert_int_eq(impair_queue_deadline(&l.q).ns, 1010 * NS_PER_US);
	pass_us(&l, 1000);
	in_order(&l, 0, 1);
	ck_assert_uint_eq(l.q.count.reordered, 1);
	end(&l);
}
END_TEST

START_TEST(reordering_is_as_asked)
{
	struct line l;
	begin(&l, (struct impair_direction){.reorder_ppm = 100000, .reorder_us = 300});
	uint64_t late = 0;
	int64_t highest = -1;
	for (uint32_t i = 0; i < FRAMES; i++) {
		push(&l, i);
		for (int64_t got = pop(&l); got >= 0; got = pop(&l)) {
			late += got < highest;
			highest = got > highest ? got : highest;
		}
		pass_us(&l, 100);
	}
	about(l.q.count.reordered, 100000);
	ck_assert_uint_ge(late, l.q.count.reordered * 9 / 10);
	end(&l);
}
END_TEST

START_TEST(corruption_flips_one_bit)
{
	struct line l;
	uint8_t sent[LEN], bits = 0;
	begin(&l, (struct impair_direction){.corrupt_ppm = IMPAIR_PPM});
	memset(sent, 0x55, sizeof(sent));
	struct frame_in in = {.data = sent, .len = LEN, .off = {.csum_valid = true}};
	impair_queue_push(&l.q, l.now, &in);
	struct flat_frame *f = impair_queue_pop(&l.q, l.now);
	for (uint32_t i = 0; i < LEN; i++)
		bits = (uint8_t)(bits + __builtin_popcount(f->bytes[i] ^ sent[i]));
	ck_assert_uint_eq(bits, 1);
	ck_assert(!f->off.csum_valid);
	flat_free(&l.env, f);
	end(&l);
}
END_TEST

/* A frame whose checksum was left to the link must not arrive with a checksum that is right for the corrupted bytes. */
START_TEST(corruption_comes_after_the_checksum)
{
	for (uint64_t seed = 1; seed <= UNIT_SEEDS; seed++) {
		struct line l;
		uint8_t sent[LEN] = {0};
		csum pseudo = csum_pseudo(ip4(10, 0, 0, 1), ip4(10, 0, 0, 2), 6, LEN - 34);
		begin_seed(&l, (struct impair_direction){.corrupt_ppm = IMPAIR_PPM}, seed);
		store_be16(sent + 50, csum_fold(pseudo));
		struct frame_in in = {
		        .data = sent, .len = LEN, .off = {.needs_csum = true, .csum_start = 34, .csum_offset = 16}};
		impair_queue_push(&l.q, l.now, &in);
		struct flat_frame *f = impair_queue_pop(&l.q, l.now);
		ck_assert(!f->off.needs_csum);
		bool in_headers = memcmp(f->bytes, sent, 34) != 0;
		bool valid = csum_finish(csum_add(pseudo, f->bytes + 34, LEN - 34)) == 0;
		ck_assert(in_headers == valid);
		flat_free(&l.env, f);
		end(&l);
	}
}
END_TEST

START_TEST(a_super_frame_is_lost_instead_of_corrupted)
{
	struct line l;
	uint8_t sent[LEN] = {0};
	begin(&l, (struct impair_direction){.corrupt_ppm = IMPAIR_PPM});
	struct frame_in in = {.data = sent, .len = LEN, .off = {.gso = GSO_TCPV4, .gso_size = 10}};
	impair_queue_push(&l.q, l.now, &in);
	ck_assert_ptr_null(impair_queue_pop(&l.q, l.now));
	ck_assert_uint_eq(l.q.count.corrupted, 1);
	end(&l);
}
END_TEST

/* 100 bytes at 800,000 bit/s take 1 ms. */
START_TEST(the_rate_spaces_frames_out)
{
	struct line l;
	begin(&l, (struct impair_direction){.rate_bps = 800000, .queue_bytes = 10000});
	for (uint32_t i = 0; i < 3; i++)
		push(&l, i);
	for (uint32_t i = 0; i < 3; i++) {
		pass_us(&l, 999);
		ck_assert_int_eq(pop(&l), -1);
		pass_us(&l, 1);
		in_order(&l, i, i + 1);
	}
	pass_us(&l, 5000); /* an idle line saves nothing up */
	push(&l, 3);
	pass_us(&l, 999);
	ck_assert_int_eq(pop(&l), -1);
	pass_us(&l, 1);
	in_order(&l, 3, 4);
	end(&l);
}
END_TEST

START_TEST(the_rate_has_a_queue)
{
	struct line l;
	begin(&l, (struct impair_direction){.rate_bps = 800000, .queue_bytes = 5 * LEN});
	for (uint32_t i = 0; i < 9; i++)
		push(&l, i);
	ck_assert_uint_eq(l.q.count.queue_dropped, 4);
	pass_us(&l, 5000);
	in_order(&l, 0, 5);
	end(&l);
}
END_TEST

START_TEST(memory_is_bounded)
{
	struct line l;
	static uint8_t big[FRAME_MAX];
	begin(&l, (struct impair_direction){.delay_us = 1000000});
	for (int i = 0; i < 3000; i++)
		impair_queue_push(&l.q, l.now, &(struct frame_in){.data = big, .len = FRAME_MAX});
	ck_assert_uint_le(l.env.allocated, IMPAIR_LINE_MAX);
	ck_assert_uint_gt(l.q.count.queue_dropped, 0);
	impair_queue_push(&l.q, l.now, &(struct frame_in){.data = big, .len = 0});
	l.env.fail_at = l.env.allocations + 1;
	uint64_t dropped = l.q.count.queue_dropped;
	push(&l, 1);
	ck_assert_uint_eq(l.q.count.queue_dropped, dropped + 1);
	end(&l);
}
END_TEST

/* What comes out, and when, as one number. */
static uint64_t history(uint64_t seed)
{
	struct line l;
	uint64_t h = 0;
	begin_seed(&l,
	           (struct impair_direction){.loss_ppm = 100000,
	                                     .burst_enter_ppm = 10000,
	                                     .burst_leave_ppm = 300000,
	                                     .duplicate_ppm = 50000,
	                                     .reorder_ppm = 50000,
	                                     .reorder_us = 700,
	                                     .delay_us = 300,
	                                     .jitter_us = 200,
	                                     .rate_bps = 20000000},
	           seed);
	for (uint32_t i = 0; i < 2000; i++) {
		push(&l, i);
		pass_us(&l, 50);
		for (int64_t got = pop(&l); got >= 0; got = pop(&l))
			h = h * 31 + (uint64_t)got + (uint64_t)l.now.ns;
	}
	end(&l);
	return h;
}

START_TEST(a_seed_replays)
{
	ck_assert(history(1) == history(1));
	ck_assert(history(1) != history(2));
	ck_assert(history(0) == history(0));
}
END_TEST

START_TEST(settings_are_checked)
{
	static const struct {
		struct impair_direction d;
		const char *text;
	} bad[] = {
	        {{.loss_ppm = IMPAIR_PPM + 1}, "loss_ppm"},
	        {{.burst_enter_ppm = 1}, "burst_leave_ppm"},
	        {{.reorder_ppm = 1}, "reorder_us"},
	        {{.delay_us = IMPAIR_TIME_MAX_US + 1}, "delay_us"},
	        {{.rate_bps = IMPAIR_RATE_MAX + 1}, "rate_bps"},
	        {{.queue_bytes = IMPAIR_QUEUE_MAX + 1}, "queue_bytes"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *text = impair_direction_check(&bad[i].d);
		ck_assert_ptr_nonnull(text);
		ck_assert_mem_eq(text, bad[i].text, strlen(bad[i].text));
	}
	ck_assert_ptr_null(impair_direction_check(&(struct impair_direction){0}));
}
END_TEST

struct station {
	struct env env;
	struct loop loop;
	struct impair im;
};

static void begin_station(struct station *s)
{
	memset(s, 0, sizeof(*s));
	s->env = unit_env(1);
	loop_init(&s->loop, &s->env);
	impair_init(&s->im, &s->env, &s->loop.link, 5);
}

static void end_station(struct station *s)
{
	impair_free(&s->im);
	loop_free(&s->loop);
	unit_env_end(&s->env);
}

static void send_number(struct station *s, uint8_t number)
{
	struct frame_out f;
	frame_begin(&f);
	memset(frame_prepend(&f, 60), number, 60);
	ck_assert(s->im.link.ops->send(&s->im.link, &f));
}

static int recv_all(struct station *s, struct frame_in *in, int max)
{
	return s->im.link.ops->recv(&s->im.link, in, max);
}

START_TEST(the_link_passes_through_until_asked)
{
	struct station s;
	struct frame_in in[4];
	begin_station(&s);
	ck_assert(s.im.link.caps.csum && s.im.link.caps.gso_max == FRAME_MAX);
	send_number(&s, 1);
	send_number(&s, 2);
	ck_assert_int_eq(recv_all(&s, in, 4), 2);
	ck_assert_uint_eq(in[1].data[0], 2);
	ck_assert_uint_eq(s.im.in.count.passed, 0); /* not even looked at */
	end_station(&s);
}
END_TEST

START_TEST(each_direction_has_its_own_settings)
{
	struct station s;
	struct frame_in in[4];
	struct impair_direction out = {.delay_us = 100}, to_us = {.delay_us = 1000};
	begin_station(&s);
	ck_assert_ptr_null(impair_set(&s.im, 0, &to_us, &out));
	ck_assert(impair_wants_plain_frames(&s.im));
	ck_assert(!s.im.link.caps.csum && s.im.link.caps.gso_max == 0);
	send_number(&s, 1);
	ck_assert_int_eq(s.im.link.ops->deadline(&s.im.link).ns, 100 * NS_PER_US);
	ck_assert_int_eq(recv_all(&s, in, 4), 0);
	s.env.now = (instant){100 * NS_PER_US};
	ck_assert_int_eq(recv_all(&s, in, 4), 0); /* left, went around the loop, is on its way back */
	ck_assert_int_eq(s.im.link.ops->deadline(&s.im.link).ns, 1100 * NS_PER_US);
	s.env.now = (instant){1100 * NS_PER_US};
	ck_assert_int_eq(recv_all(&s, in, 4), 1);
	ck_assert_uint_eq(in[0].data[0], 1);
	ck_assert_uint_eq(in[0].len, 60);
	end_station(&s);
}
END_TEST

START_TEST(switching_off_lets_the_line_drain)
{
	struct station s;
	struct frame_in in[4];
	struct impair_direction delay = {.delay_us = 100}, none = {0}, wrong = {.loss_ppm = IMPAIR_PPM + 1};
	begin_station(&s);
	ck_assert_ptr_null(impair_set(&s.im, 9, NULL, &delay));
	send_number(&s, 1);
	ck_assert_ptr_nonnull(impair_set(&s.im, 0, &delay, &wrong));
	ck_assert(!impair_direction_active(&s.im.in.set)); /* nothing was changed */
	ck_assert_ptr_null(impair_set(&s.im, 0, NULL, &none));
	ck_assert(s.im.link.caps.csum);
	send_number(&s, 2); /* behind the first */
	ck_assert_int_eq(recv_all(&s, in, 4), 0);
	s.env.now = (instant){100 * NS_PER_US};
	ck_assert_int_eq(recv_all(&s, in, 4), 2);
	ck_assert_uint_eq(in[0].data[0], 1);
	ck_assert_uint_eq(in[1].data[0], 2);
	send_number(&s, 3);
	end_station(&s);
}
END_TEST

START_TEST(max_frames_a_recv)
{
	struct station s;
	struct frame_in in[4];
	struct impair_direction d = {.duplicate_ppm = IMPAIR_PPM};
	begin_station(&s);
	ck_assert_ptr_null(impair_set(&s.im, 0, &d, NULL));
	for (uint8_t i = 0; i < 3; i++)
		send_number(&s, i);
	ck_assert_int_eq(recv_all(&s, in, 4), 4);
	ck_assert_int_le(s.im.link.ops->deadline(&s.im.link).ns, s.env.now.ns);
	ck_assert_int_eq(recv_all(&s, in, 4), 2);
	ck_assert_int_eq(recv_all(&s, in, 4), 0);
	end_station(&s);
}
END_TEST

/* A UDP frame for a port, with a number in its last byte; goes around the loop. */
static void send_to_port(struct station *s, uint16_t port, uint8_t number)
{
	struct frame_out f;
	frame_begin(&f);
	uint8_t *p = frame_prepend(&f, 60);
	memset(p, 0, 60);
	store_be16(p + 12, 0x0800);
	p[14] = 0x45;
	p[23] = 17;
	store_be16(p + 36, port);
	p[59] = number;
	ck_assert(s->im.link.ops->send(&s->im.link, &f));
}

static void receive(struct station *s, const char *numbers)
{
	struct frame_in in[16];
	int n = recv_all(s, in, 16);
	ck_assert_int_eq(n, (int)strlen(numbers));
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(in[i].data[59], numbers[i]);
}

static struct impair_rule *rule(struct station *s, enum link_way way, uint16_t port, struct impair_direction d)
{
	struct impair_rule *r = impair_rule_add(&s->im, way, &(struct flow_match){.dst_port = port}, &d);
	ck_assert_ptr_nonnull(r);
	return r;
}

START_TEST(a_rule_takes_what_it_fits)
{
	for (int way = 0; way < LINK_WAYS; way++) {
		struct station s;
		begin_station(&s);
		struct impair_rule *r = rule(&s, (enum link_way)way, 80,
		                             (struct impair_direction){.loss_ppm = IMPAIR_PPM});
		struct counters counters = {0};
		s.im.counters = &counters;
		ck_assert(impair_wants_plain_frames(&s.im) && !s.im.link.caps.csum);
		for (uint8_t i = 0; i < 4; i++) {
			send_to_port(&s, 80, 'x');
			send_to_port(&s, 81, (uint8_t)('a' + i));
		}
		send_number(&s, 'e'); /* not IPv4 */
		receive(&s, "abcde");
		ck_assert_uint_eq(r->frames, 4);
		ck_assert_uint_eq(r->queue.count.lost, 4);
		ck_assert_uint_eq(counters.v[CNT_ImpairLost], 4);
		ck_assert(impair_rule_delete(&s.im, r->id));
		ck_assert(!impair_wants_plain_frames(&s.im) && s.im.link.caps.csum);
		send_to_port(&s, 80, 'f');
		receive(&s, "f");
		end_station(&s);
	}
}
END_TEST

START_TEST(the_first_rule_decides)
{
	struct station s;
	struct impair_direction loss = {.loss_ppm = IMPAIR_PPM};
	begin_station(&s);
	struct impair_rule *pass = rule(&s, LINK_OUT, 22, (struct impair_direction){0});
	struct impair_rule *late = rule(&s, LINK_OUT, 80, (struct impair_direction){.delay_us = 100});
	struct impair_rule *never = rule(&s, LINK_OUT, 80, loss);
	ck_assert_ptr_null(impair_set(&s.im, 0, NULL, &loss)); /* the rest */
	send_to_port(&s, 80, 'c');
	send_to_port(&s, 22, 'a');
	send_to_port(&s, 23, 'x');
	send_to_port(&s, 22, 'b');
	receive(&s, "ab");
	ck_assert_int_eq(s.im.link.ops->deadline(&s.im.link).ns, 100 * NS_PER_US);
	s.env.now = (instant){100 * NS_PER_US};
	receive(&s, "c");
	ck_assert(pass->frames == 2 && late->frames == 1 && never->frames == 0);
	ck_assert(pass->id == 1 && late->id == 2 && never->id == 3);
	end_station(&s);
}
END_TEST

START_TEST(what_lay_on_a_deleted_rules_line_still_comes)
{
	struct station s;
	begin_station(&s);
	struct impair_rule *r = rule(&s, LINK_IN, 80, (struct impair_direction){.delay_us = 100});
	send_to_port(&s, 80, 'b');
	send_to_port(&s, 80, 'c');
	send_to_port(&s, 81, 'a');
	receive(&s, "a");
	ck_assert_uint_gt(s.im.in.memory, 0); /* the bound is shared */
	ck_assert(impair_rule_delete(&s.im, r->id));
	ck_assert(!impair_rule_delete(&s.im, 1));
	receive(&s, "");
	s.env.now = (instant){100 * NS_PER_US};
	receive(&s, "bc");
	ck_assert_uint_eq(s.im.in.memory, 0);
	end_station(&s);
}
END_TEST

START_TEST(rules_are_bounded)
{
	struct station s;
	struct flow_match m = {.port = 1};
	struct impair_direction d = {.delay_us = 5};
	begin_station(&s);
	for (int i = 0; i < IMPAIR_RULES_MAX; i++)
		ck_assert_ptr_nonnull(impair_rule_add(&s.im, LINK_IN, &m, &d));
	ck_assert_ptr_null(impair_rule_add(&s.im, LINK_IN, &m, &d));
	s.env.fail_at = s.env.allocations + 1;
	ck_assert_ptr_null(impair_rule_add(&s.im, LINK_OUT, &m, &d));
	ck_assert_ptr_nonnull(impair_rule_add(&s.im, LINK_OUT, &m, &d));
	send_to_port(&s, 1, 'a');
	ck_assert(impair_rule_delete(&s.im, 0));
	ck_assert(!impair_wants_plain_frames(&s.im));
	ck_assert_uint_eq(s.im.rules[LINK_IN].count + s.im.rules[LINK_OUT].count, 0);
	end_station(&s);
}
END_TEST

Suite *impair_suite(void);
Suite *impair_suite(void)
{
	UNIT_SUITE("impair", a_perfect_line_passes_everything, loss_is_as_asked, loss_of_everything,
	           bursts_are_as_asked, duplicates_follow_their_original, delay_is_exact, jitter_keeps_the_order,
	           a_reordered_frame_lets_others_pass, reordering_is_as_asked, corruption_flips_one_bit,
	           corruption_comes_after_the_checksum, a_super_frame_is_lost_instead_of_corrupted,
	           the_rate_spaces_frames_out, the_rate_has_a_queue, memory_is_bounded, a_seed_replays,
	           settings_are_checked, the_link_passes_through_until_asked, each_direction_has_its_own_settings,
	           switching_off_lets_the_line_drain, max_frames_a_recv, a_rule_takes_what_it_fits,
	           the_first_rule_decides, what_lay_on_a_deleted_rules_line_still_comes, rules_are_bounded);
}
