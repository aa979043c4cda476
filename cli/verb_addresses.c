/* toynetctl addresses: the stack's own addresses; add and delete. */
#include "table.h"
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__InterfaceAddress Own;

static struct value get_cidr(const void *item)
{
	return table_text(((const Own *)item)->address);
}
static struct value get_broadcast(const void *item)
{
	return table_text(((const Own *)item)->broadcast);
}
static struct value get_interface(const void *item)
{
	return table_text(((const Own *)item)->interface);
}
static struct value get_origin(const void *item)
{
	return table_origin(((const Own *)item)->origin);
}
static struct value get_state(const void *item)
{
	static const char *const names[] = {"?", "ready", "tentative", "conflict"};
	unsigned state = (unsigned)((const Own *)item)->state;

	return table_text(names[state < sizeof(names) / sizeof(names[0]) ? state : 0]);
}
static struct value get_primary(const void *item)
{
	return (struct value){.kind = VALUE_BOOL, .yes = ((const Own *)item)->primary};
}

static const struct column columns[] = {
        {"address", "Address", IN_BOTH, false, get_cidr},
        {"broadcast", "Broadcast", IN_BOTH, false, get_broadcast},
        {"interface", "Interface", IN_BOTH, false, get_interface},
        {"origin", "Origin", IN_BOTH, false, get_origin},
        {"primary", "Primary", IN_BOTH, false, get_primary},
        {"state", "State", IN_BOTH, false, get_state},
};

static const Toynet__V1__ListAddressesRequest list = TOYNET__V1__LIST_ADDRESSES_REQUEST__INIT;
static const struct table table = {
        .key = "addresses",
        .method = "/toynet.v1.Admin/ListAddresses",
        .request = &list.base,
        .row = &toynet__v1__interface_address__descriptor,
        COLUMNS(columns),
};

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__AddAddressRequest add = TOYNET__V1__ADD_ADDRESS_REQUEST__INIT;
	Toynet__V1__DeleteAddressRequest delete = TOYNET__V1__DELETE_ADDRESS_REQUEST__INIT;
	enum table_action action = table_action(argc, argv);

	switch (action) {
	case TABLE_LIST:
		return table_show(c, &table, argc, argv);
	case TABLE_ADD:
	case TABLE_DELETE:
		break;
	case TABLE_REPLACE:
	case TABLE_UNKNOWN:
		return cli_usage(argv[0], "unknown argument '%s'; it is list, add or delete", argv[1]);
	}
	if (argc != 3)
		return cli_usage(argv[0], "'%s' needs one address%s", argv[1],
		                 action == TABLE_ADD ? " with the length of its network, such as 10.0.0.3/24" : "");
	add.address = delete.address = argv[2];
	if (action == TABLE_ADD)
		return table_change(c, &table, "/toynet.v1.Admin/AddAddress", &add.base);
	return table_change(c, &table, "/toynet.v1.Admin/DeleteAddress", &delete.base);
}

const struct verb verb_addresses = {
        .name = "addresses",
        .summary = "the addresses of the stack; add and delete",
        .help = "Usage: toynetctl addresses [list] [-H] [--json]\n"
                "       toynetctl addresses add ADDRESS/LENGTH\n"
                "       toynetctl addresses delete ADDRESS[/LENGTH]\n"
                "The primary address is the source of what is sent where no other address is nearer. The network of "
                "an\n"
                "address is a route. Deleting an address deletes the routes that cannot be used without it; "
                "connections\n"
                "from it stay, and time out unless it comes back. What is changed holds until the daemon ends.\n"
                "  -H, --no-header  without the line of titles\n"
                "Example: toynetctl addresses add 10.0.0.3/24\n"
                "Changing needs root or the group toynet.\n",
        .run = run,
};
