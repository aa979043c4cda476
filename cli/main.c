/* toynetctl: the command line.
 *
 * Theory of operation. The options that every verb has (--socket, --json, --help) may stand before or after the verb;
 * they are taken out of the command line, and the verb sees the rest. Errors are one line on standard error that says
 * what failed and what to do; the exit status tells usage, a refused call and a missing daemon apart. */
#include "cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <toynet/descriptor.h>

static const struct verb *const verbs[] = {
        &verb_sockets, &verb_socket,  &verb_stats,  &verb_interfaces, &verb_addresses, &verb_routes, &verb_neighbors,
        &verb_impair,  &verb_capture, &verb_config, &verb_resolve,    &verb_info,      &verb_dhcp,   &verb_version,
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void help(void)
{
	puts("Usage: toynetctl [--socket PATH] [--json] VERB [ARGUMENT...]\n"
	     "Shows and controls toynetd, the TCP/IP stack as a service.\n");
	for (size_t i = 0; i < VERBS; i++)
		printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	puts("\nOptions, before or after the verb:\n"
	     "  --socket PATH  control socket (default: $" TOYNET_SOCKET_ENV ", else " TOYNET_DEFAULT_SOCKET ")\n"
	     "  --json         write JSON instead of text\n"
	     "  --help         explain the verb\n"
	     "  --version      same as the verb version\n"
	     "Exit status: 0 ok, 1 the call failed, 2 usage, 3 no daemon.");
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

/* Takes the options that every verb has out of the command line; argv[0] is the verb afterwards. False: usage. */
static bool take_options(struct cli *c, int *argc, char **argv, bool *want_help)
{
	int n = 0;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			*want_help = true;
		else if (strcmp(argv[i], "--socket") == 0 && i + 1 < *argc)
			c->socket_path = argv[++i];
		else if (strncmp(argv[i], "--socket=", strlen("--socket=")) == 0)
			c->socket_path = argv[i] + strlen("--socket=");
		else if (strcmp(argv[i], "--socket") == 0)
			return cli_usage(NULL, "--socket needs a path") == EXIT_OK;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	*argc = n;
	return true;
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	const struct verb *verb;
	bool want_help = false;

	if (!take_options(c, &argc, argv, &want_help))
		return EXIT_USAGE;
	if (argc == 0 && want_help) {
		help();
		return EXIT_OK;
	}
	if (argc == 0)
		return cli_usage(NULL, "which verb?");
	verb = strcmp(argv[0], "--version") == 0 ? &verb_version : find_verb(argv[0]);
	if (!verb)
		return cli_usage(NULL, "unknown verb '%s'", argv[0]);
	if (want_help) {
		fputs(verb->help, stdout);
		return EXIT_OK;
	}
	return verb->run(c, argc, argv);
}

int main(int argc, char **argv)
{
	struct cli c = {.socket_path = getenv(TOYNET_SOCKET_ENV)};
	enum exit_status status;

	if (!c.socket_path || !*c.socket_path)
		c.socket_path = TOYNET_DEFAULT_SOCKET;
	status = run(&c, argc, argv);
	rpc_close(c.rpc);
	if (status == EXIT_OK && (fflush(stdout) != 0 || ferror(stdout)))
		status = cli_fail(EXIT_CALL, "cannot write the output: %s", strerror(errno));
	return (int)status;
}
