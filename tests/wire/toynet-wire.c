/* toynet-wire: a bad line between two TAPs, in real time.
 *
 * Theory of operation. What the kernel (or toynetd's host) sends into one TAP comes out of the other, through the
 * project's own impair queues, one in each direction; so two kernel stacks, or a kernel and toynetd, cross the very
 * same line. While the line is perfect both TAPs offer offloads to their kernels and super-frames pass whole; while it
 * is not, frames pass one by one. One impair link is laid over TAP B: its `out' is the direction from A to B, its `in'
 * the one from B to A. A timerfd wakes the loop for the next frame that is due.
 *
 *   toynet-wire END_A END_B [SETTING...]
 *
 * An end is TAP or NETNS/TAP; a TAP that does not exist is made, and lives as long as toynet-wire. A setting is
 * `a-to-b' or `b-to-a' or `both', which says what the following name=value words are about, or seed=N. Lines of
 * settings on standard input change the line while it runs; a direction that is named begins perfect again. Each line
 * is answered by `ok' or `error ...'. The line `stats' prints the counters, as does the end (SIGTERM, SIGINT). */
#include "host/clock.h"
#include "host/tap.h"
#include "host/units.h"
#include "link/impair.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define WORDS_MAX      64
#define BATCHES_MAX    8 /* of one TAP, before the other has its turn */

enum field_kind { FIELD_PPM, FIELD_TIME, FIELD_RATE, FIELD_BYTES };

static const struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
} fields[] = {
        {"loss", FIELD_PPM, offsetof(struct impair_direction, loss_ppm)},
        {"burst-enter", FIELD_PPM, offsetof(struct impair_direction, burst_enter_ppm)},
        {"burst-leave", FIELD_PPM, offsetof(struct impair_direction, burst_leave_ppm)},
        {"duplicate", FIELD_PPM, offsetof(struct impair_direction, duplicate_ppm)},
        {"reorder", FIELD_PPM, offsetof(struct impair_direction, reorder_ppm)},
        {"reorder-delay", FIELD_TIME, offsetof(struct impair_direction, reorder_us)},
        {"corrupt", FIELD_PPM, offsetof(struct impair_direction, corrupt_ppm)},
        {"delay", FIELD_TIME, offsetof(struct impair_direction, delay_us)},
        {"jitter", FIELD_TIME, offsetof(struct impair_direction, jitter_us)},
        {"rate", FIELD_RATE, offsetof(struct impair_direction, rate_bps)},
        {"queue", FIELD_BYTES, offsetof(struct impair_direction, queue_bytes)},
};

struct wire {
	struct env env;
	struct tap a, b;
	struct impair impair; /* over b */
	int timerfd, signalfd;
	bool input_open;
	uint64_t a_refused; /* frames that TAP A refused */
	char line[LINE_MAX_BYTES];
	size_t line_len;
};

static bool set_field(struct impair_direction *d, const struct field *f, const char *text)
{
	uint8_t *at = (uint8_t *)d + f->offset;
	duration time;
	uint64_t v = 0;
	uint32_t v32 = 0;

	switch (f->kind) {
	case FIELD_PPM:
		if (!units_ppm(text, &v32))
			return false;
		break;
	case FIELD_TIME:
		if (!units_duration(text, &time) || time.ns > IMPAIR_TIME_MAX_US * NS_PER_US)
			return false;
		v32 = (uint32_t)(time.ns / NS_PER_US);
		break;
	case FIELD_BYTES:
		if (!units_bytes(text, IMPAIR_QUEUE_MAX, &v))
			return false;
		v32 = (uint32_t)v;
		break;
	case FIELD_RATE:
		if (!units_rate(text, &v))
			return false;
		memcpy(at, &v, sizeof(v));
		return true;
	}
	memcpy(at, &v32, sizeof(v32));
	return true;
}

/* One name=value word for one or both directions (NULL: not this one). */
static bool set_word(char *word, struct impair_direction *ab, struct impair_direction *ba)
{
	char *value = strchr(word, '=');

	if (!value || (!ab && !ba))
		return false;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, word) == 0)
			return (!ab || set_field(ab, &fields[i], value)) && (!ba || set_field(ba, &fields[i], value));
	return false;
}

static void update_offloads(struct wire *w)
{
	bool plain = impair_wants_plain_frames(&w->impair);

	tap_set_offload(&w->a, !plain);
	tap_set_offload(&w->b, !plain);
	impair_update_caps(&w->impair);
}

/* NULL, or what is wrong; nothing is changed then. */
static const char *apply(struct wire *w, char **words, int n)
{
	struct impair_direction ab = w->impair.out.set, ba = w->impair.in.set;
	struct impair_direction *to_ab = NULL, *to_ba = NULL;
	uint64_t seed = 0;

	for (int i = 0; i < n; i++) {
		bool one = strcmp(words[i], "a-to-b") == 0, other = strcmp(words[i], "b-to-a") == 0;
		bool both = strcmp(words[i], "both") == 0;
		if (one || other || both) {
			to_ab = one || both ? &ab : NULL;
			to_ba = other || both ? &ba : NULL;
			if (to_ab)
				ab = (struct impair_direction){0};
			if (to_ba)
				ba = (struct impair_direction){0};
		} else if (strncmp(words[i], "seed=", 5) == 0) {
			if (!units_number(words[i] + 5, UINT64_MAX, &seed))
				return "seed is not a number";
		} else if (!set_word(words[i], to_ab, to_ba)) {
			return "not understood: want a-to-b, b-to-a or both, then name=value words such as loss=2% "
			       "delay=10ms";
		}
	}
	const char *bad = impair_set(&w->impair, seed, &ba, &ab);
	if (!bad)
		update_offloads(w);
	return bad;
}

static void print_counters(const char *name, const struct impair_counters *c, uint64_t refused)
{
	printf("%s passed %llu lost %llu burst-lost %llu duplicated %llu reordered %llu corrupted %llu queue-dropped "
	       "%llu "
	       "refused %llu\n",
	       name, (unsigned long long)c->passed, (unsigned long long)c->lost, (unsigned long long)c->burst_lost,
	       (unsigned long long)c->duplicated, (unsigned long long)c->reordered, (unsigned long long)c->corrupted,
	       (unsigned long long)c->queue_dropped, (unsigned long long)refused);
}

static void print_stats(const struct wire *w)
{
	print_counters("a-to-b", &w->impair.out.count, w->impair.out_refused);
	print_counters("b-to-a", &w->impair.in.count, w->a_refused);
	fflush(stdout);
}

static void command(struct wire *w, char *line)
{
	char *words[WORDS_MAX], *rest = NULL;
	int n = 0;

	for (char *word = strtok_r(line, " \t", &rest); word && n < WORDS_MAX; word = strtok_r(NULL, " \t", &rest))
		words[n++] = word;
	if (n == 1 && strcmp(words[0], "stats") == 0) {
		print_stats(w);
		return;
	}
	const char *bad = apply(w, words, n);
	if (bad)
		printf("error %s\n", bad);
	else
		puts("ok");
	fflush(stdout);
}

static void read_commands(struct wire *w)
{
	ssize_t n = read(STDIN_FILENO, w->line + w->line_len, sizeof(w->line) - 1 - w->line_len);

	if (n <= 0) {
		w->input_open = false;
		return;
	}
	w->line_len += (size_t)n;
	w->line[w->line_len] = '\0';
	char *start = w->line, *end;
	while ((end = strchr(start, '\n')) != NULL) {
		*end = '\0';
		command(w, start);
		start = end + 1;
	}
	w->line_len = strlen(start);
	memmove(w->line, start, w->line_len);
	if (w->line_len == sizeof(w->line) - 1)
		w->line_len = 0; /* no command is so long */
}

/* A received frame as one to be sent. */
static void turn_around(const struct frame_in *in, struct frame_out *out)
{
	uint16_t head = (uint16_t)u32_min(in->len, FRAME_HDR_MAX);

	frame_begin(out);
	memcpy(frame_prepend(out, head), in->data, head);
	out->off = in->off;
	if (in->len > head) {
		out->niov = 1;
		out->payload = in->len - head;
		out->iov[0] = (struct iovec){.iov_base = (void *)(uintptr_t)(in->data + head), .iov_len = out->payload};
	}
}

static void move(struct link *from, struct link *to, uint64_t *refused)
{
	struct frame_in frames[TAP_BATCH];
	struct frame_out out;
	int n = TAP_BATCH;

	for (int i = 0; i < BATCHES_MAX && n == TAP_BATCH; i++) {
		n = from->ops->recv(from, frames, TAP_BATCH);
		for (int k = 0; k < n; k++) {
			turn_around(&frames[k], &out);
			if (!to->ops->send(to, &out))
				*refused += 1;
		}
	}
}

static bool run(struct wire *w)
{
	struct pollfd p[] = {
	        {.fd = w->a.fd, .events = POLLIN},      {.fd = w->b.fd, .events = POLLIN},
	        {.fd = w->timerfd, .events = POLLIN},   {.fd = w->signalfd, .events = POLLIN},
	        {.fd = STDIN_FILENO, .events = POLLIN},
	};
	struct link *b = &w->impair.link;

	while (!w->a.error && !w->b.error) {
		clock_arm(w->timerfd, b->ops->deadline(b));
		p[4].fd = w->input_open ? STDIN_FILENO : -1;
		if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			return false;
		w->env.now = clock_now();
		if (p[4].revents)
			read_commands(w);
		if (p[3].revents)
			return true;
		if (p[0].revents)
			move(&w->a.link, b, &w->impair.out_refused);
		/* Also sends what is due towards B. */
		move(b, &w->a.link, &w->a_refused);
	}
	fprintf(stderr, "toynet-wire: an interface is gone\n");
	return false;
}

static bool open_end(struct tap *t, const char *end)
{
	char netns[64], why[TAP_ERROR_MAX];
	const char *slash = strchr(end, '/');
	struct tap_options o = {.interface = slash ? slash + 1 : end, .offload = true};

	if (slash) {
		snprintf(netns, sizeof(netns), "%.*s", (int)(slash - end), end);
		o.netns = netns;
	}
	if (tap_open(t, &o, why))
		return true;
	fprintf(stderr, "toynet-wire: %s\n", why);
	return false;
}

static bool open_wire(struct wire *w, char **argv)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	w->signalfd = signalfd(-1, &signals, SFD_CLOEXEC);
	w->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	w->input_open = true;
	if (w->signalfd < 0 || w->timerfd < 0 || !clock_seed(&w->env.rng)) {
		perror("toynet-wire");
		return false;
	}
	w->env.now = clock_now();
	return open_end(&w->a, argv[1]) && open_end(&w->b, argv[2]);
}

int main(int argc, char **argv)
{
	static struct wire w;

	if (argc < 3) {
		fputs("usage: toynet-wire [NETNS/]TAP_A [NETNS/]TAP_B [a-to-b|b-to-a|both NAME=VALUE...] [seed=N]\n",
		      stderr);
		return EXIT_FAILURE;
	}
	if (!open_wire(&w, argv))
		return EXIT_FAILURE;
	impair_init(&w.impair, &w.env, &w.b.link, rng_u64(&w.env.rng));
	const char *bad = apply(&w, argv + 3, argc - 3);
	if (bad) {
		fprintf(stderr, "toynet-wire: %s\n", bad);
		return EXIT_FAILURE;
	}
	puts("ready");
	fflush(stdout);
	bool orderly = run(&w);
	print_stats(&w);
	impair_free(&w.impair);
	tap_close(&w.a);
	tap_close(&w.b);
	return orderly ? EXIT_SUCCESS : EXIT_FAILURE;
}
