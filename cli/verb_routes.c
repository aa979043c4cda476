/* toynetctl routes: the routing table; add, replace and delete.
 *
 * The words behind a destination are those of ip-route(8). Addresses are looked at by the daemon. */
#include "quantity.h"
#include "table.h"
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__Route Route;

#define DEFAULT "0.0.0.0/0"

static struct value get_destination(const void *item)
{
	return table_text(((const Route *)item)->destination);
}
static struct value get_destination_text(const void *item)
{
	const char *destination = ((const Route *)item)->destination;

	return table_text(strcmp(destination, DEFAULT) == 0 ? "default" : destination);
}
static struct value get_gateway(const void *item)
{
	return table_text(((const Route *)item)->gateway);
}
static struct value get_source(const void *item)
{
	return table_text(((const Route *)item)->source);
}
static struct value get_metric(const void *item)
{
	return (struct value){.kind = VALUE_UNSIGNED, .number = ((const Route *)item)->metric};
}
static struct value get_interface(const void *item)
{
	return table_text(((const Route *)item)->interface);
}
static struct value get_origin(const void *item)
{
	return table_origin(((const Route *)item)->origin);
}

static const struct column columns[] = {
        {"destination", "", IN_JSON, false, get_destination}, {"", "Destination", IN_TEXT, false, get_destination_text},
        {"gateway", "Gateway", IN_BOTH, false, get_gateway},  {"source", "Source", IN_BOTH, false, get_source},
        {"metric", "Metric", IN_BOTH, true, get_metric},      {"interface", "Interface", IN_BOTH, false, get_interface},
        {"origin", "Origin", IN_BOTH, false, get_origin},
};

static const Toynet__V1__ListRoutesRequest list = TOYNET__V1__LIST_ROUTES_REQUEST__INIT;
static const struct table table = {
        .key = "routes",
        .method = "/toynet.v1.Admin/ListRoutes",
        .request = &list.base,
        .row = &toynet__v1__route__descriptor,
        COLUMNS(columns),
};

/* argv[2] on: a destination and pairs of a word and its operand. */
static enum exit_status parse(Route *route, bool *metric, int argc, char **argv)
{
	uint64_t n;

	if (argc < 3)
		return cli_usage(argv[0],
		                 "'%s' needs a destination: a network such as 10.5.0.0/16, an address, or default",
		                 argv[1]);
	route->destination = strcmp(argv[2], "default") == 0 ? (char *)(uintptr_t)DEFAULT : argv[2];
	for (int i = 3; i < argc; i += 2) {
		const char *word = argv[i];
		char *operand = argv[i + 1]; /* the vector ends with NULL */

		if (strcmp(word, "via") != 0 && strcmp(word, "src") != 0 && strcmp(word, "metric") != 0)
			return cli_usage(argv[0], "unknown word '%s'; it is via, src or metric", word);
		if (!operand)
			return cli_usage(argv[0], "'%s' needs an operand", word);
		if (strcmp(word, "via") == 0) {
			route->gateway = operand;
		} else if (strcmp(word, "src") == 0) {
			route->source = operand;
		} else if (parse_number(operand, &n) && n <= UINT32_MAX) {
			route->metric = (uint32_t)n;
			*metric = true;
		} else {
			return cli_usage(argv[0], "'metric %s': this is not a number up to 4294967295", operand);
		}
	}
	return EXIT_OK;
}

static enum exit_status add(struct cli *c, Route *route, bool replace)
{
	Toynet__V1__AddRouteRequest request = TOYNET__V1__ADD_ROUTE_REQUEST__INIT;

	request.route = route;
	request.replace = replace;
	return table_change(c, &table, "/toynet.v1.Admin/AddRoute", &request.base);
}

static enum exit_status delete_route(struct cli *c, const Route *route, bool metric)
{
	Toynet__V1__DeleteRouteRequest request = TOYNET__V1__DELETE_ROUTE_REQUEST__INIT;

	request.destination = route->destination;
	request.gateway = route->gateway;
	if (metric) {
		request.wanted_case = TOYNET__V1__DELETE_ROUTE_REQUEST__WANTED_METRIC;
		request.metric = route->metric;
	}
	return table_change(c, &table, "/toynet.v1.Admin/DeleteRoute", &request.base);
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	enum table_action action = table_action(argc, argv);
	Route route = TOYNET__V1__ROUTE__INIT;
	enum exit_status status = EXIT_OK;
	bool metric = false;

	if (action != TABLE_LIST && action != TABLE_UNKNOWN)
		status = parse(&route, &metric, argc, argv);
	if (status != EXIT_OK)
		return status;
	switch (action) {
	case TABLE_LIST:
		return table_show(c, &table, argc, argv);
	case TABLE_ADD:
	case TABLE_REPLACE:
		return add(c, &route, action == TABLE_REPLACE);
	case TABLE_DELETE:
		if (*route.source)
			return cli_usage(argv[0], "'delete' takes via and metric, not src");
		return delete_route(c, &route, metric);
	case TABLE_UNKNOWN:
		break;
	}
	return cli_usage(argv[0], "unknown argument '%s'; it is list, add, replace or delete", argv[1]);
}

const struct verb verb_routes = {
        .name = "routes",
        .summary = "the routing table; add, replace and delete",
        .help = "Usage: toynetctl routes [list] [-H] [--json]\n"
                "       toynetctl routes {add|replace} DESTINATION [via GATEWAY] [src ADDRESS] [metric N]\n"
                "       toynetctl routes delete DESTINATION [via GATEWAY] [metric N]\n"
                "DESTINATION is a network with its length, one address, or default. The longest network that a\n"
                "destination is in decides, then the lowest metric: the first line that fits is the one in use.\n"
                "Without via the destination is on the link itself. src is the source that is preferred. add fails "
                "when\n"
                "there is a route with this destination and metric, replace puts the new one in its place. delete\n"
                "deletes the first that fits. What is changed holds until the daemon ends.\n"
                "  -H, --no-header  without the line of titles\n"
                "Examples: toynetctl routes add 10.5.0.0/16 via 10.77.0.9 metric 10\n"
                "          toynetctl routes add default via 10.77.0.1\n"
                "          toynetctl routes delete 10.5.0.0/16 metric 10\n"
                "Changing needs root or the group toynet.\n",
        .run = run,
};
