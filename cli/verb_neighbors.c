/* toynetctl neighbors: the ARP table; add, replace and delete. */
#include "table.h"
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__Neighbor Neighbor;

static struct value get_address(const void *item)
{
	return table_text(((const Neighbor *)item)->address);
}
static struct value get_mac(const void *item)
{
	return table_text(((const Neighbor *)item)->mac);
}
static struct value get_interface(const void *item)
{
	return table_text(((const Neighbor *)item)->interface);
}
static struct value get_state(const void *item)
{
	static const char *const names[] = {"?", "incomplete", "reachable", "refresh", "failed", "static"};
	unsigned state = (unsigned)((const Neighbor *)item)->state;

	return table_text(names[state < sizeof(names) / sizeof(names[0]) ? state : 0]);
}
static struct value get_age_ms(const void *item)
{
	return (struct value){.kind = VALUE_UNSIGNED, .number = ((const Neighbor *)item)->age_ms};
}
static struct value get_age(const void *item)
{
	uint64_t ms = ((const Neighbor *)item)->age_ms;

	return (struct value){.kind = VALUE_MICROSECONDS, .signed_number = (int64_t)ms * 1000};
}
static struct value get_queued(const void *item)
{
	return (struct value){.kind = VALUE_UNSIGNED, .number = ((const Neighbor *)item)->queued_frames};
}
static struct value get_requests(const void *item)
{
	return (struct value){.kind = VALUE_UNSIGNED, .number = ((const Neighbor *)item)->requests};
}

static const struct column columns[] = {
        {"address", "Address", IN_BOTH, false, get_address},
        {"mac", "MAC", IN_BOTH, false, get_mac},
        {"state", "State", IN_BOTH, false, get_state},
        {"interface", "Interface", IN_BOTH, false, get_interface},
        {"age_ms", "", IN_JSON, true, get_age_ms},
        {"", "Age", IN_TEXT, true, get_age},
        {"queued_frames", "Waiting", IN_BOTH, true, get_queued},
        {"requests", "Requests", IN_BOTH, true, get_requests},
};

static const Toynet__V1__ListNeighborsRequest list = TOYNET__V1__LIST_NEIGHBORS_REQUEST__INIT;
static const struct table table = {
        .key = "neighbors",
        .method = "/toynet.v1.Admin/ListNeighbors",
        .request = &list.base,
        .row = &toynet__v1__neighbor__descriptor,
        COLUMNS(columns),
};

static enum exit_status add(struct cli *c, bool replace, int argc, char **argv)
{
	Toynet__V1__AddNeighborRequest request = TOYNET__V1__ADD_NEIGHBOR_REQUEST__INIT;

	if (argc != 5 || strcmp(argv[3], "lladdr") != 0)
		return cli_usage(argv[0],
		                 "'%s' needs an address and its MAC address: 10.0.0.9 lladdr 02:00:00:00:00:09",
		                 argv[1]);
	request.address = argv[2];
	request.mac = argv[4];
	request.replace = replace;
	return table_change(c, &table, "/toynet.v1.Admin/AddNeighbor", &request.base);
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__DeleteNeighborRequest delete = TOYNET__V1__DELETE_NEIGHBOR_REQUEST__INIT;
	enum table_action action = table_action(argc, argv);

	switch (action) {
	case TABLE_LIST:
		return table_show(c, &table, argc, argv);
	case TABLE_ADD:
	case TABLE_REPLACE:
		return add(c, action == TABLE_REPLACE, argc, argv);
	case TABLE_DELETE:
		if (argc != 3)
			return cli_usage(argv[0], "'%s' needs one address", argv[1]);
		delete.address = argv[2];
		return table_change(c, &table, "/toynet.v1.Admin/DeleteNeighbor", &delete.base);
	case TABLE_UNKNOWN:
		break;
	}
	return cli_usage(argv[0], "unknown argument '%s'; it is list, add, replace or delete", argv[1]);
}

const struct verb verb_neighbors = {
        .name = "neighbors",
        .summary = "the ARP table; add, replace and delete",
        .help = "Usage: toynetctl neighbors [list] [-H] [--json]\n"
                "       toynetctl neighbors {add|replace} ADDRESS lladdr MAC\n"
                "       toynetctl neighbors delete ADDRESS\n"
                "Who is on the link, as far as the stack has had to do with them. Age is the time since a neighbour "
                "was\n"
                "confirmed, or asked for when it is not known; Waiting counts frames that wait for its MAC address,\n"
                "Requests what was sent since it was confirmed. add makes a static entry, which ARP does not change;\n"
                "it fails when there is a static one, which replace does not. What is changed holds until the daemon "
                "ends.\n"
                "  -H, --no-header  without the line of titles\n"
                "Example: toynetctl neighbors add 10.77.0.9 lladdr 02:00:00:00:00:09\n"
                "Changing needs root or the group toynet.\n",
        .run = run,
};
