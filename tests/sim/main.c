/* toynet_sim: runs seeds. Each seed is run twice, with and without saving and loading at random steps; both runs must
 * succeed and leave the same trace. In some seeds allocations fail; those are not reloaded, since the failures would
 * fall on other allocations. */
#include "sim.h"

#include <stdlib.h>

struct outcome {
	uint64_t trace, steps, reloads;
	bool ok;
};

static struct outcome run(uint64_t seed, struct sim_options opt)
{
	static struct world w;
	struct outcome o;

	world_init(&w, seed, opt);
	world_run(&w);
	world_free(&w);
	o = (struct outcome){.trace = w.trace_hash, .steps = w.steps, .reloads = w.reloads, .ok = w.failure == NULL};
	if (!o.ok)
		printf("seed %llu: step %llu: %s\n\tto see it: toynet_sim --seed %llu%s --verbose\n",
		       (unsigned long long)seed, (unsigned long long)w.steps, w.failure, (unsigned long long)seed,
		       opt.reload ? " --reload" : "");
	return o;
}

/* Every so many seeds one is run a second time as it was: the same seed must give the same trace. */
#define REPEAT_EVERY 20

static bool run_seed(uint64_t seed, bool once, uint64_t *reloads)
{
	struct outcome plain = run(seed, (struct sim_options){0});
	if (once)
		return plain.ok;
	struct outcome saved = run(seed, (struct sim_options){.reload = true});

	if (!plain.ok || !saved.ok)
		return false;
	*reloads += saved.reloads;
	if (saved.trace != plain.trace) {
		printf("seed %llu: the reloaded run leaves another trace\n", (unsigned long long)seed);
		return false;
	}
	if (seed % REPEAT_EVERY == 0 && run(seed, (struct sim_options){0}).trace != plain.trace) {
		printf("seed %llu: two runs differ\n", (unsigned long long)seed);
		return false;
	}
	return true;
}

static void usage(void)
{
	fprintf(stderr, "usage: toynet_sim [--seeds N] [--first N] [--plain] [--stop]\n"
	                "       toynet_sim --seed N [--reload] [--verbose]\n"
	                "  --plain  each seed once, without saving and loading\n"
	                "  --stop   at the first seed that fails\n");
	exit(2);
}

int main(int argc, char **argv)
{
	uint64_t seeds = 1000, first = 1, one = 0, failed = 0, reloads = 0;
	bool plain = false, stop = false;
	struct sim_options opt = {0};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		bool value = i + 1 < argc;
		if (!strcmp(argv[i], "--seeds") && value)
			seeds = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--first") && value)
			first = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seed") && value)
			one = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--reload"))
			opt.reload = true;
		else if (!strcmp(argv[i], "--verbose"))
			opt.verbose = true;
		else if (!strcmp(argv[i], "--plain"))
			plain = true;
		else if (!strcmp(argv[i], "--stop"))
			stop = true;
		else
			usage();
	}
	if (one)
		return run(one, opt).ok ? 0 : 1;
	for (uint64_t s = first; s < first + seeds && !(stop && failed); s++)
		failed += !run_seed(s, plain, &reloads);
	printf("sim: %llu seeds, %llu reloads, %llu failed\n", (unsigned long long)seeds, (unsigned long long)reloads,
	       (unsigned long long)failed);
	return failed ? 1 : 0;
}
