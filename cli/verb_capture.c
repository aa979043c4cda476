/* toynetctl capture: frames in and out, as a pcapng file.
 *
 * Theory of operation. The daemon writes the file; this verb asks for it and passes the bytes on as they come, whole
 * blocks at a time, so that the file is well formed whenever the capture is ended. SIGINT and SIGTERM end it. */
#include "cli.h"
#include "match.h"
#include "quantity.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>
#include <unistd.h>

struct writer {
	FILE *file;
	const char *path;
	uint64_t captured, lost;
	int error; /* errno of a write that failed */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* Without SA_RESTART: the wait for the daemon ends. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void write_chunk(void *ctx, const ProtobufCMessage *message)
{
	const Toynet__V1__CaptureChunk *m = (const Toynet__V1__CaptureChunk *)message;
	struct writer *w = ctx;

	w->captured = m->captured;
	w->lost = m->lost;
	if (w->error)
		return;
	if (fwrite(m->pcapng.data, 1, m->pcapng.len, w->file) != m->pcapng.len || fflush(w->file) != 0) {
		w->error = errno;
		stopped = 1;
	}
}

/* The options and the match; *path stays NULL when there is no -w. */
static enum exit_status parse(Toynet__V1__CaptureRequest *m, const char **path, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		uint64_t n = 0;
		bool taken, snap = strcmp(argv[i], "-s") == 0, count = strcmp(argv[i], "-c") == 0;
		bool option = snap || count || strcmp(argv[i], "-w") == 0;

		if (option && i + 1 >= argc)
			return cli_usage(argv[0], "'%s' needs an operand", argv[i]);
		if ((snap || count) && (!parse_number(argv[i + 1], &n) || n == 0 || (snap && n > UINT32_MAX)))
			return cli_usage(argv[0], "'%s %s': this is not a number above 0", argv[i], argv[i + 1]);
		if (option) {
			i++;
			if (snap)
				m->snap_length = (uint32_t)n;
			else if (count)
				m->count = n;
			else
				*path = argv[i];
			continue;
		}
		enum exit_status status = match_take(argv[0], m->match, argc, argv, &i, &taken);
		if (status != EXIT_OK)
			return status;
		if (!taken)
			return cli_usage(argv[0], "unknown word '%s'", argv[i]);
	}
	return *path ? EXIT_OK : cli_usage(argv[0], "where to? -w FILE, or -w - for standard output");
}

static enum exit_status open_file(struct writer *w)
{
	if (strcmp(w->path, "-") != 0) {
		w->file = fopen(w->path, "wbe");
		if (!w->file)
			return cli_fail(EXIT_CALL, "%s: %s", w->path, strerror(errno));
		return EXIT_OK;
	}
	w->file = stdout;
	if (isatty(STDOUT_FILENO))
		return cli_usage("capture", "a terminal cannot show a capture: toynetctl capture -w - | tcpdump -nr -");
	return EXIT_OK;
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__CaptureRequest m = TOYNET__V1__CAPTURE_REQUEST__INIT;
	Toynet__V1__FlowMatch match = TOYNET__V1__FLOW_MATCH__INIT;
	struct writer w = {0};

	m.match = &match;
	enum exit_status status = parse(&m, &w.path, argc, argv);
	if (status == EXIT_OK)
		status = cli_connect(c);
	if (status == EXIT_OK)
		status = open_file(&w);
	if (status != EXIT_OK)
		return status;
	catch_signals();
	rpc_wait_until(c->rpc, &stopped);
	status = cli_stream(c, "/toynet.v1.Admin/Capture", &m.base, &toynet__v1__capture_chunk__descriptor, write_chunk,
	                    &w);
	if (w.file != stdout && fclose(w.file) != 0 && !w.error)
		w.error = errno;
	if (w.error)
		return cli_fail(EXIT_CALL, "%s: %s", w.path, strerror(w.error));
	if (status == EXIT_OK)
		fprintf(stderr, "%" PRIu64 " frames captured, %" PRIu64 " lost\n", w.captured, w.lost);
	return status;
}

const struct verb verb_capture = {
        .name = "capture",
        .summary = "writes frames in and out to a pcapng file",
        .help = "Usage: toynetctl capture -w FILE [-s BYTES] [-c COUNT] [MATCH...]\n"
                "Every frame in and out, or those that have all of the match, until the count is reached or the\n"
                "program is interrupted. FILE - is standard output:\n"
                "    toynetctl capture -w - port 80 | tcpdump -nr -\n"
                "  -w FILE   where to\n"
                "  -s BYTES  stored of each frame at most\n"
                "  -c COUNT  ends after so many frames\n"
                "The words of a match:\n" MATCH_HELP
                "Each packet has a comment: its socket, the process that opened it, the state of TCP before and after\n"
                "it, and the counter of the reason for which it was dropped.\n"
                "Needs root or the group toynet.\n",
        .run = run,
};
