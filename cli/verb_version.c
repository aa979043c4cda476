/* toynetctl version: of this program; needs no daemon (toynetctl info tells the daemon's). */
#include "cli.h"

static struct value get_version(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = item};
}

static const struct column version_columns[] = {
        {"toynetctl", "toynetctl", IN_BOTH, false, get_version},
};

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	struct renderer *r;

	if (argc > 1)
		return cli_usage(argv[0], "unknown argument '%s'", argv[1]);
	r = render_new(c->json, stdout);
	render_record(r, "version", NULL, COLUMNS(version_columns), TOYNET_VERSION);
	render_end(r);
	return EXIT_OK;
}

const struct verb verb_version = {
        .name = "version",
        .summary = "the version of toynetctl",
        .help = "Usage: toynetctl version [--json]\n"
                "The version of this program. That of the running daemon is in toynetctl info.\n",
        .run = run,
};
