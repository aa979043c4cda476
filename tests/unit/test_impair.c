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

Suite *impair_suite(void);
Suite *impair_suite(void)
{
	UNIT_SUITE("impair", a_perfect_line_passes_everything, loss_is_as_asked, loss_of_everything,
	           bursts_are_as_asked, duplicates_follow_their_original, delay_is_exact, jitter_keeps_the_order,
	           a_reordered_frame_lets_others_pass, reordering_is_as_asked, corruption_flips_one_bit,
	           corruption_comes_after_the_checksum, a_super_frame_is_lost_instead_of_corrupted,
	           the_rate_spaces_frames_out, the_rate_has_a_queue, memory_is_bounded, a_seed_replays,
	           settings_are_checked, the_link_passes_through_until_asked, each_direction_has_its_own_settings,
	           switching_off_lets_the_line_drain, max_frames_a_recv);
}
