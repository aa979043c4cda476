/* toynet_goodput: what TCP makes of a path, in virtual time.
 *
 * Theory of operation. Two stacks, one bulk connection, and between them a line of a fixed rate with a queue of one
 * bandwidth-delay product, independent loss in the direction of the data, and half the round trip each way. The sender
 * always has more to send, the receiver reads at once. For each point of loss x round trip the bytes that arrived in
 * the time are turned into a rate; the median of the seeds stands in the table.
 *
 * Nothing here depends on the machine: a table differs only when the stack behaves differently. `--check FILE` compares
 * with a kept table, which a change of congestion control or loss recovery must explain by changing it. */
#include "base/bytes.h"
#include "link/impair_queue.h"
#include "socket/socket.h"
#include "stack/stack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define EPOCH      (INT64_C(1000) * NS_PER_S)
#define RATE_BPS   UINT64_C(200000000)
#define QUEUE_MIN  (128u << 10) /* bytes */
#define TIME       DURATION_S(20)
#define SEEDS_MAX  25
#define PORT       7
#define FRAME_SIZE 2048
#define TEXT_MAX   4096

struct end {
	struct env env;
	struct stack *stack;
	struct impair_queue out;
	struct socket *bulk; /* the socket that sends, or receives */
	uint64_t bytes;      /* received */
};

struct path {
	uint32_t loss_ppm;
	uint32_t rtt_ms;
};

struct run {
	struct end end[2];
	struct env line_env;
	instant now;
	bool verbose;
};

static const uint32_t losses[] = {0, 1000, 10000, 30000, 100000}; /* ppm */
static const uint32_t rtts[] = {1, 20, 100};                      /* ms */

static void print_frame(const struct run *r, const struct trace_event *ev)
{
	const struct tcp *t = &r->end[0].bulk->tcp;
	const uint8_t *b = ev->bytes;

	if (ev->len < 54 || b[12] != 8 || b[23] != IP_PROTO_TCP)
		return;
	printf("%.6f %d seq %" PRIu32 " ack %" PRIu32 " len %zu cwnd %u ssthresh %u pipe %u wnd %u srtt_us %" PRId64
	       " recovery %d\n",
	       (double)(r->now.ns - EPOCH) / 1e9, b[11] - 1, load_be32(b + 38), load_be32(b + 42),
	       ev->frame_len - 34 - (size_t)(b[46] >> 4) * 4, t->cwnd, t->ssthresh, t->pipe, t->snd.wnd,
	       t->srtt.ns / NS_PER_US, (int)t->recovery);
}

static void on_trace(void *ctx, const struct trace_event *ev)
{
	const struct run *r = ctx;

	if (ev->kind == TRACE_FRAME_OUT)
		print_frame(r, ev);
}

static bool open_end(struct run *r, int i, const struct path *p, uint64_t seed)
{
	struct end *e = &r->end[i];
	struct stack_config cfg = stack_config_default;
	uint32_t bdp = (uint32_t)(RATE_BPS / 8 * p->rtt_ms / 1000);
	struct impair_direction line = {.delay_us = p->rtt_ms * 500, .rate_bps = RATE_BPS};

	line.queue_bytes = u32_max(bdp, QUEUE_MIN);
	line.loss_ppm = i == 0 ? p->loss_ppm : 0;
	cfg.ip.mac = (struct mac_addr){{2, 0, 0, 0, 0, (uint8_t)(i + 1)}};
	cfg.ip.address = (struct ip_prefix){ip4(10, 0, 0, (uint8_t)(i + 1)), 24};
	cfg.ip.mtu = 1500;
	e->env.now = r->now;
	rng_seed(&e->env.rng, seed * 2 + (uint64_t)i);
	if (r->verbose) {
		e->env.trace = on_trace;
		e->env.trace_ctx = r;
	}
	e->stack = stack_new(&e->env, &cfg, (struct link_caps){0});
	impair_queue_init(&e->out, &r->line_env, seed * 7 + (uint64_t)i);
	impair_queue_set(&e->out, &line);
	return e->stack && socket_open(e->stack, SOCKET_TCP, IP_V4, 0, 1, &e->bulk) == 0;
}

static void send_all(struct end *e)
{
	struct iovec iov[2];
	int error, n;

	while ((n = socket_send_reserve(e->stack, e->bulk, 1u << 20, iov, &error)) > 0) {
		uint32_t put = 0;
		for (int i = 0; i < n; i++) {
			memset(iov[i].iov_base, 'x', iov[i].iov_len);
			put += (uint32_t)iov[i].iov_len;
		}
		socket_send_commit(e->stack, e->bulk, put);
	}
}

static void events(struct end *e, struct socket *so, unsigned ev)
{
	struct socket *child;

	if (ev & SOCKET_ACCEPT && socket_accept(e->stack, so, &child) == 0) {
		e->bulk = child;
		child->channel = e;
		stack_offer(e->stack, child);
	}
	if (ev & (SOCKET_CONNECTED | SOCKET_WRITABLE))
		send_all(e);
}

static void turn(struct run *r, int i)
{
	struct end *e = &r->end[i];
	uint8_t bytes[FRAME_SIZE];
	struct flat_frame *f = impair_queue_pop(&r->end[1 - i].out, r->now);
	struct stack_delivery d;
	struct frame_out out;
	struct socket *so;
	unsigned ev;

	e->env.now = r->now;
	if (f) {
		struct frame_in in = flat_view_in(f);
		memcpy(bytes, in.data, in.len);
		in.data = bytes;
		stack_input(e->stack, &in, 1);
		flat_free(&r->line_env, f);
	}
	stack_tick(e->stack);
	while ((so = stack_ready(e->stack, &ev)))
		events(e, so, ev);
	while (stack_delivery(e->stack, &d)) {
		e->bytes += d.len;
		stack_delivered(e->stack, &d, d.len, true);
		socket_set_held(e->stack, d.socket, 0);
	}
	while (stack_output(e->stack, &out))
		impair_queue_push_out(&e->out, r->now, &out);
	stack_turn_end(e->stack);
}

static bool due(const struct run *r, int i)
{
	return instant_le(impair_queue_deadline(&r->end[1 - i].out), r->now) ||
	       instant_le(stack_deadline(r->end[i].stack), r->now);
}

/* Goodput in kbit/s, or a negative number when no connection came about. */
static int64_t measure(const struct path *p, uint64_t seed, bool verbose)
{
	struct run r = {.now = {EPOCH}, .verbose = verbose};
	instant stop = instant_add(r.now, TIME);
	struct endpoint server = {.addr = ip4(10, 0, 0, 2), .port = PORT};

	bool ok = open_end(&r, 0, p, seed) && open_end(&r, 1, p, seed) &&
	          socket_bind(r.end[1].stack, r.end[1].bulk, server) == 0 &&
	          socket_listen(r.end[1].stack, r.end[1].bulk, 1) == 0 &&
	          socket_connect(r.end[0].stack, r.end[0].bulk, server) == EINPROGRESS;
	turn(&r, 0);
	while (ok && instant_lt(r.now, stop)) {
		instant t = stop;
		for (int i = 0; i < 2; i++) {
			t = instant_min(t, stack_deadline(r.end[i].stack));
			t = instant_min(t, impair_queue_deadline(&r.end[i].out));
		}
		if (instant_lt(r.now, t))
			r.now = t;
		for (int i = 0; i < 2; i++)
			if (due(&r, i))
				turn(&r, i);
	}
	if (verbose)
		for (int c = 0; c < CNT_COUNT; c++)
			if (stack_counters(r.end[0].stack)->v[c])
				printf("%s %" PRIu64 "\n", counter_names[c], stack_counters(r.end[0].stack)->v[c]);
	r.end[1].bulk->channel = NULL;
	for (int i = 0; i < 2; i++) {
		stack_free(r.end[i].stack);
		impair_queue_free(&r.end[i].out);
	}
	return ok ? (int64_t)(r.end[1].bytes * 8 / (uint64_t)(TIME.ns / NS_PER_MS)) : -1;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(const struct path *p, int seeds)
{
	int64_t v[SEEDS_MAX];

	for (int s = 0; s < seeds; s++)
		v[s] = measure(p, (uint64_t)s + 1, false);
	qsort(v, (size_t)seeds, sizeof(v[0]), by_value);
	return v[seeds / 2];
}

static void table(char *text, size_t size, int seeds)
{
	size_t n = (size_t)snprintf(text, size, "loss\trtt_ms\tkbit_per_s\n");

	for (size_t l = 0; l < ARRAY_LEN(losses); l++)
		for (size_t t = 0; t < ARRAY_LEN(rtts); t++) {
			struct path p = {losses[l], rtts[t]};
			n += (size_t)snprintf(text + n, size - n, "%u.%u%%\t%u\t%" PRId64 "\n", p.loss_ppm / 10000,
			                      p.loss_ppm / 1000 % 10, p.rtt_ms, median(&p, seeds));
		}
}

static int check(const char *file, const char *text)
{
	char kept[TEXT_MAX];
	FILE *f = fopen(file, "r");

	if (!f) {
		perror(file);
		return 1;
	}
	kept[fread(kept, 1, sizeof(kept) - 1, f)] = 0;
	fclose(f);
	if (strcmp(kept, text) == 0)
		return 0;
	printf("%s is not what the stack does now; if the change is meant, write the new table there and say why.\n",
	       file);
	return 1;
}

int main(int argc, char **argv)
{
	char text[TEXT_MAX];
	int seeds = 5;

	if (argc == 5 && !strcmp(argv[1], "--one")) {
		struct path p = {(uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3])};
		printf("%" PRId64 " kbit/s\n", measure(&p, (uint64_t)atoi(argv[4]), true));
		return 0;
	}
	bool with_check = argc == 3 && !strcmp(argv[1], "--check");
	if (argc == 3 && !strcmp(argv[1], "--seeds"))
		seeds = atoi(argv[2]);
	else if (argc != 1 && !with_check)
		seeds = 0;
	if (seeds < 1 || seeds > SEEDS_MAX) {
		fprintf(stderr, "usage: toynet_goodput [--seeds 1..%d | --check FILE | --one LOSS_PPM RTT_MS SEED]\n",
		        SEEDS_MAX);
		return 2;
	}
	table(text, sizeof(text), seeds);
	fputs(text, stdout);
	return with_check ? check(argv[2], text) : 0;
}
