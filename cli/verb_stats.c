/* toynetctl stats: the counters of the stack, which name every drop. */
#include "cli.h"
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>

static struct value get_name(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = ((const Toynet__V1__Counter *)item)->name};
}

static struct value get_value(const void *item)
{
	return (struct value){.kind = VALUE_UNSIGNED, .number = ((const Toynet__V1__Counter *)item)->value};
}

static struct value get_kind(const void *item)
{
	static const char *const names[] = {
	        [TOYNET__V1__COUNTER_KIND__COUNTER_KIND_EVENTS] = "events",
	        [TOYNET__V1__COUNTER_KIND__COUNTER_KIND_TOTAL] = "total",
	        [TOYNET__V1__COUNTER_KIND__COUNTER_KIND_GAUGE] = "gauge",
	};
	unsigned kind = ((const Toynet__V1__Counter *)item)->kind;

	if (kind >= sizeof(names) / sizeof(names[0]) || !names[kind])
		return (struct value){.kind = VALUE_NONE};
	return (struct value){.kind = VALUE_TEXT, .text = names[kind]};
}

static struct value get_part_of(const void *item)
{
	const char *total = ((const Toynet__V1__Counter *)item)->part_of;

	return total[0] ? (struct value){.kind = VALUE_TEXT, .text = total} : (struct value){.kind = VALUE_NONE};
}

static const struct column counter_columns[] = {
        {"name", "Counter", IN_BOTH, false, get_name},
        {"value", "Value", IN_BOTH, true, get_value},
        {"kind", "Kind", IN_JSON, false, get_kind},
        {"part_of", "Part of", IN_BOTH, false, get_part_of},
};

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__GetStatsRequest request = TOYNET__V1__GET_STATS_REQUEST__INIT;
	const Toynet__V1__GetStatsResponse *stats;
	ProtobufCMessage *answer = NULL;
	enum exit_status status;
	struct renderer *r;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-a") != 0 && strcmp(argv[i], "--all") != 0)
			return cli_usage(argv[0], "unknown argument '%s'", argv[i]);
		request.all = 1;
	}
	status = cli_call(c, "/toynet.v1.Admin/GetStats", &request.base, &toynet__v1__get_stats_response__descriptor,
	                  &answer);
	if (status != EXIT_OK)
		return status;
	stats = (const Toynet__V1__GetStatsResponse *)answer;
	r = render_new(c->json, stdout);
	render_table_begin(r, "counters", false, COLUMNS(counter_columns));
	for (size_t i = 0; i < stats->n_counters; i++)
		render_row(r, stats->counters[i]);
	render_table_end(r);
	render_end(r);
	protobuf_c_message_free_unpacked(answer, NULL);
	return EXIT_OK;
}

const struct verb verb_stats = {
        .name = "stats",
        .summary = "the counters of the stack",
        .help = "Usage: toynetctl stats [-a] [--json]\n"
                "  -a, --all  the counters that are zero, too\n"
                "Every event and every reason for a drop has a counter; the names are those of RFC 4022, 4113 and 4293 "
                "and\n"
                "of nstat where they have one. The third column names the total that the counter is a part of.\n",
        .run = run,
};
