/* Frames through impairment by rules and a capture into a stack and back: the capture is a well-formed file, every
 * frame of it within bounds, and no memory is left. The input: number of rules, each rule, then the frames with two
 * bytes of length in front of each. */
#include "fuzz.h"
#include "link/capture.h"
#include "link/impair.h"
#include <stdio.h>

#define RULES_MAX  4
#define FRAMES_MAX 16
#define STEP_US    50 /* a turn; a delay is a few of them */
#define TURNS      40

/* The bottom: gives the frames of the input, one batch a recv, and takes what is sent. */
struct bottom {
	struct link link; /* first */
	struct reader *input;
	uint8_t *copy[FRAMES_MAX];
	int copies;
	uint32_t sent;
};

static bool bottom_send(struct link *l, const struct frame_out *f)
{
	struct bottom *b = container_of(l, struct bottom, link);

	FUZZ_NEED(frame_len(f) <= FRAME_MAX);
	return b->sent++ % 7 != 6;
}

static void bottom_forget(struct bottom *b)
{
	while (b->copies > 0)
		free(b->copy[--b->copies]);
}

static int bottom_recv(struct link *l, struct frame_in *frames, int max)
{
	struct bottom *b = container_of(l, struct bottom, link);

	bottom_forget(b);
	while (b->copies < max && b->copies < FRAMES_MAX && b->input->len > 2) {
		uint32_t len = (uint32_t)size_min(read_be16(b->input) & 0x7ff, b->input->len);
		uint8_t *copy = malloc(len + 1); /* its own, so that reading past it is seen */
		FUZZ_NEED(copy);
		memcpy(copy, read_bytes(b->input, len), len);
		fuzz_fix_checksums(copy, len);
		frames[b->copies] = (struct frame_in){.data = copy, .len = len};
		b->copy[b->copies++] = copy;
	}
	return b->copies;
}

static instant bottom_deadline(struct link *l)
{
	(void)l;
	return INSTANT_NEVER;
}

static const struct link_ops bottom_ops = {bottom_send, bottom_recv, bottom_deadline};

static void read_match(struct reader *r, struct flow_match *m)
{
	unsigned has = read_u8(r);

	*m = (struct flow_match){0};
	if (has & 1)
		m->src = (struct ip_prefix){ip4_from_u32(read_be32(r)), (uint8_t)(read_u8(r) % 33)};
	if (has & 2)
		m->host = (struct ip_prefix){fuzz_peer(), (uint8_t)(read_u8(r) % 33)};
	if (has & 4)
		m->dst_port = FUZZ_PORT;
	if (has & 8)
		m->port = read_be16(r);
	if (has & 16)
		m->protocol = read_u8(r);
	if (has & 32)
		m->socket = read_u8(r) % 8;
}

static void add_rules(struct reader *r, struct impair *im)
{
	for (int n = read_u8(r) % (RULES_MAX + 1); n > 0; n--) {
		struct flow_match m;
		unsigned kind = read_u8(r);
		struct impair_direction d = {
		        .loss_ppm = kind & 2 ? IMPAIR_PPM / 2 : 0,
		        .duplicate_ppm = kind & 4 ? IMPAIR_PPM / 2 : 0,
		        .corrupt_ppm = kind & 8 ? IMPAIR_PPM / 4 : 0,
		        .delay_us = kind & 16 ? 2 * STEP_US : 0,
		        .reorder_ppm = kind & 32 ? IMPAIR_PPM / 4 : 0,
		        .reorder_us = 3 * STEP_US,
		        .rate_bps = kind & 64 ? 10000000 : 0,
		        .queue_bytes = 3000,
		};
		read_match(r, &m);
		FUZZ_NEED(impair_rule_add(im, kind & 1 ? LINK_IN : LINK_OUT, &m, &d));
	}
}

/* Every block is whole, and no packet stores more than it should. */
static void check_file(struct capture_sink *s, uint32_t snap)
{
	static uint8_t file[CAPTURE_BLOCK_MAX];
	size_t n;

	while ((n = capture_take(s, file, sizeof(file))) > 0) {
		for (size_t at = 0; at < n;) {
			uint32_t len = pcapng_block_length(file + at);
			uint8_t type = file[at], tail[PCAPNG_PREFIX] = {0};
			FUZZ_NEED(len % 4 == 0 && len >= 12 && len <= n - at);
			memcpy(tail + PCAPNG_LENGTH_AT, file + at + len - 4, 4);
			FUZZ_NEED(pcapng_block_length(tail) == len);
			uint32_t stored = (uint32_t)file[at + 20] | (uint32_t)file[at + 21] << 8 |
			                  (uint32_t)file[at + 22] << 16;
			FUZZ_NEED(type != 6 || (stored <= len && (!snap || stored <= snap)));
			at += len;
		}
	}
}

static void ready(void *ctx)
{
	(void)ctx;
}

static void pump(struct env *env, struct stack *s, struct capture *c)
{
	struct frame_in frames[FRAMES_MAX];
	struct frame_out out;

	for (int turn = 0; turn < TURNS; turn++) {
		int n = c->link.ops->recv(&c->link, frames, FRAMES_MAX);
		if (n)
			stack_input(s, frames, n);
		capture_input_end(c);
		stack_tick(s);
		fuzz_deliver(s, turn % 3 != 0);
		while (stack_output(s, &out))
			if (!c->link.ops->send(&c->link, &out))
				stack_output_refused(s);
		stack_turn_end(s);
		capture_turn_end(c);
		env->now = instant_add(env->now, DURATION_US(STEP_US));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	struct env env = {0};
	struct stack *s = fuzz_begin(&env, (struct link_caps){0});
	struct bottom bottom = {.link.ops = &bottom_ops, .input = &r};
	struct capture_sink sink = {.ready = ready}, some = {.ready = ready};
	struct capture_options o = {.snap_length = 40};
	struct impair im;
	struct capture c;
	uint64_t before = s->counters.v[CNT_LinkOutFrames] + s->counters.v[CNT_LinkInFrames];

	impair_init(&im, &env, &bottom.link, 1);
	capture_init(&c, &env, &im.link, "fuzz", "fuzz", tcp_state_names);
	im.lookup = c.lookup = (struct flow_lookup){stack_flow_owner, s};
	im.watch = (struct impair_watch){capture_lost, &c};
	im.counters = &s->counters;
	env.trace = capture_trace;
	env.trace_ctx = &c;
	add_rules(&r, &im);
	read_match(&r, &o.match);
	FUZZ_NEED(capture_open(&c, &sink, &(struct capture_options){0}) == 0 && capture_open(&c, &some, &o) == 0);
	pump(&env, s, &c);
	FUZZ_NEED(sink.captured >= some.captured && sink.lost == 0);
	FUZZ_NEED(sink.captured >= s->counters.v[CNT_LinkOutFrames] + s->counters.v[CNT_LinkInFrames] - before);
	capture_end(&c, &sink);
	check_file(&sink, 0);
	check_file(&some, o.snap_length);
	capture_close(&c, &sink);
	capture_close(&c, &some);
	env.trace = NULL;
	capture_free(&c);
	impair_free(&im);
	bottom_forget(&bottom);
	fuzz_end(&env, s);
	return 0;
}
