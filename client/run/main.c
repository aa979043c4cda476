/* toynet-run: runs a program unmodified on toynet.
 *
 * Theory of operation. The program is started with the library of toynet-run preloaded and told by the environment
 * which daemon to use; then this process is that program. What cannot be helped is found out before, so that no program
 * uses the kernel's network where its user believes otherwise. */
#include "program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <toynet/descriptor.h>
#include <unistd.h>

#define LIBRARY      "libtoynet-run.so"
#define EXIT_USAGE   125
#define EXIT_NO_EXEC 126
#define EXIT_MISSING 127

struct options {
	bool check, verbose;
	const char *socket, *families;
};

static int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(int status, const char *format, ...)
{
	va_list args;

	fputs("toynet-run: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

static void help(void)
{
	puts("Usage: toynet-run [OPTION...] PROGRAM [ARGUMENT...]\n"
	     "Runs a program unmodified on toynet, the TCP/IP stack as a service.\n\n"
	     "  --socket PATH      control socket of the daemon (default: $" TOYNET_SOCKET_ENV
	     ", else " TOYNET_DEFAULT_SOCKET ")\n"
	     "  --families=kernel  sockets of other families than IP and Unix go to the kernel; else EAFNOSUPPORT\n"
	     "  -v, --verbose      tells on standard error which calls toynet takes over\n"
	     "  --check            says whether the program can be helped, and if not why; runs nothing\n"
	     "  --version, --help\n\n"
	     "Exit status: the program's; 125 usage, 126 it cannot be helped, 127 there is no such program.\n"
	     "With --check: 0, 126 or 127.");
}

/* Takes the options; returns the index of PROGRAM, 0: done with *status. */
static int read_options(int argc, char **argv, struct options *o, int *status)
{
	int i;

	*status = 0;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc) {
			o->socket = argv[++i];
		} else if (strncmp(argv[i], "--socket=", 9) == 0) {
			o->socket = argv[i] + 9;
		} else if (strcmp(argv[i], "--families=kernel") == 0) {
			o->families = "kernel";
		} else if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0) {
			o->verbose = true;
		} else if (strcmp(argv[i], "--check") == 0) {
			o->check = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help();
			return 0;
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("toynet-run " TOYNET_RUN_VERSION);
			return 0;
		} else {
			*status = fail(EXIT_USAGE, "unknown option '%s'; see toynet-run --help", argv[i]);
			return 0;
		}
	}
	if (i < argc)
		return i;
	*status = fail(EXIT_USAGE, "which program? see toynet-run --help");
	return 0;
}

/* Beside this program, as in a build, or where it was installed. */
static bool find_library(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n > 0) {
		path[n] = '\0';
		char *slash = strrchr(path, '/');
		size_t room = PATH_MAX - (size_t)(slash + 1 - path);
		if ((size_t)snprintf(slash + 1, room, LIBRARY) < room && access(path, R_OK) == 0)
			return true;
	}
	snprintf(path, PATH_MAX, "%s/" LIBRARY, TOYNET_LIBRARY_DIR);
	return access(path, R_OK) == 0;
}

static bool set(const char *name, const char *value)
{
	return setenv(name, value, 1) == 0;
}

/* Ours goes first: what was to be preloaded besides stands behind it. */
static bool set_environment(const struct options *o, const char *library)
{
	char list[PATH_MAX * 2];
	const char *others = getenv("LD_PRELOAD");

	if ((size_t)snprintf(list, sizeof(list), "%s%s%s", library, others && *others ? ":" : "",
	                     others ? others : "") >= sizeof(list))
		return false;
	return set("LD_PRELOAD", list) && (!o->socket || set(TOYNET_SOCKET_ENV, o->socket)) &&
	       (!o->families || set("TOYNET_RUN_FAMILIES", o->families)) &&
	       (!o->verbose || set("TOYNET_RUN_VERBOSE", "1"));
}

int main(int argc, char **argv)
{
	struct options o = {0};
	char path[PATH_MAX], why[PROGRAM_WHY_MAX], library[PATH_MAX];
	int status, at = read_options(argc, argv, &o, &status);

	if (at == 0)
		return status;
	enum program_verdict verdict = program_check(argv[at], path, why);
	if (verdict == PROGRAM_MISSING)
		return fail(EXIT_MISSING, "%s", why);
	if (verdict == PROGRAM_NOT)
		return fail(EXIT_NO_EXEC, "%s", why);
	if (o.check) {
		printf("%s can run on toynet\n", argv[at]);
		return 0;
	}
	if (!find_library(library))
		return fail(EXIT_NO_EXEC, LIBRARY " is not where it was installed: %s", library);
	if (!set_environment(&o, library))
		return fail(EXIT_NO_EXEC, "the environment is too large");
	execvp(argv[at], argv + at);
	return fail(errno == ENOENT ? EXIT_MISSING : EXIT_NO_EXEC, "%s: %s", argv[at], strerror(errno));
}
