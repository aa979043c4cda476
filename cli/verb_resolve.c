/* toynetctl resolve: what libtoynet's resolver finds, with the servers that the daemon names. */
#include "cli.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <toynet.h>
#include <toynet/descriptor.h>

#define TIMEOUT_MAX_S 3600

struct found {
	const char *name, *family;
	char address[INET6_ADDRSTRLEN];
};

static struct value get_address(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = ((const struct found *)item)->address};
}

static struct value get_family(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = ((const struct found *)item)->family};
}

static struct value get_name(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = ((const struct found *)item)->name};
}

static const struct column columns[] = {
        {"address", "Address", IN_BOTH, false, get_address},
        {"family", "Family", IN_BOTH, false, get_family},
        {"name", "Name", IN_BOTH, false, get_name},
};

struct resolve_arguments {
	const char *name;
	int family, timeout_ms; /* below 0: the library's */
};

static bool seconds(const char *text, int *timeout_ms)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end || !(s > 0) || s > TIMEOUT_MAX_S)
		return false;
	*timeout_ms = (int)(s * 1000);
	return true;
}

static enum exit_status read_arguments(int argc, char **argv, struct resolve_arguments *a)
{
	*a = (struct resolve_arguments){.family = AF_UNSPEC, .timeout_ms = -1};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-4") == 0)
			a->family = AF_INET;
		else if (strcmp(argv[i], "-6") == 0)
			a->family = AF_INET6;
		else if (strcmp(argv[i], "--timeout") == 0 && i + 1 < argc && seconds(argv[i + 1], &a->timeout_ms))
			i++;
		else if (strcmp(argv[i], "--timeout") == 0)
			return cli_usage(argv[0], "--timeout needs seconds, at most %d", TIMEOUT_MAX_S);
		else if (argv[i][0] == '-' || a->name)
			return cli_usage(argv[0], "unknown argument '%s'", argv[i]);
		else
			a->name = argv[i];
	}
	return a->name ? EXIT_OK : cli_usage(argv[0], "which name, or which address?");
}

static enum exit_status failed(const char *name, int error)
{
	if (error == EAI_SYSTEM && (errno == ENOENT || errno == ECONNREFUSED))
		return cli_fail(EXIT_NO_DAEMON, "%s", toynet_error_detail());
	return cli_fail(EXIT_CALL, "%s: %s (%s)", name, toynet_gai_strerror(error), toynet_error_detail());
}

/* An address: the name that belongs to it. */
static enum exit_status reverse(struct cli *c, const struct addrinfo *ai, const char *text)
{
	char name[NI_MAXHOST];
	struct found row = {.name = name, .family = ai->ai_family == AF_INET ? "IPv4" : "IPv6"};
	int error = toynet_getnameinfo(ai->ai_addr, ai->ai_addrlen, name, sizeof(name), NULL, 0, NI_NAMEREQD);

	if (error)
		return failed(text, error);
	snprintf(row.address, sizeof(row.address), "%s", text);
	struct renderer *r = render_new(c->json, stdout);
	render_table_begin(r, "addresses", false, COLUMNS(columns));
	render_row(r, &row);
	render_table_end(r);
	render_end(r);
	return EXIT_OK;
}

static void show(struct cli *c, const struct addrinfo *list)
{
	struct renderer *r = render_new(c->json, stdout);

	render_table_begin(r, "addresses", false, COLUMNS(columns));
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		struct found row = {.name = list->ai_canonname, .family = ai->ai_family == AF_INET ? "IPv4" : "IPv6"};
		toynet_getnameinfo(ai->ai_addr, ai->ai_addrlen, row.address, sizeof(row.address), NULL, 0,
		                   NI_NUMERICHOST);
		render_row(r, &row);
	}
	render_table_end(r);
	render_end(r);
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *list;
	struct resolve_arguments a;
	enum exit_status status = read_arguments(argc, argv, &a);

	if (status != EXIT_OK)
		return status;
	if (setenv(TOYNET_SOCKET_ENV, c->socket_path, 1) != 0)
		return cli_fail(EXIT_CALL, "out of memory");
	if (toynet_getaddrinfo(a.name, NULL, &hints, &list) == 0) {
		status = reverse(c, list, a.name);
	} else {
		hints.ai_family = a.family;
		hints.ai_flags = AI_CANONNAME;
		int error = toynet_getaddrinfo_timeout(a.name, NULL, &hints, a.timeout_ms, &list);
		if (error)
			return failed(a.name, error);
		show(c, list);
	}
	toynet_freeaddrinfo(list);
	return status;
}

const struct verb verb_resolve = {
        .name = "resolve",
        .summary = "addresses of a name, or the name of an address",
        .help = "Usage: toynetctl resolve [-4|-6] [--timeout SECONDS] NAME|ADDRESS [--json]\n"
                "Asks as programs on libtoynet do: the hosts file first, then the name servers of the daemon's\n"
                "configuration or of DHCP, over the daemon's own network.\n"
                "  -4, -6             addresses of this family only\n"
                "  --timeout SECONDS  how long it may take (15)\n",
        .run = run,
};
