/* toynetctl interfaces: the link below the stack, and what has gone over it. */
#include "table.h"
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__Interface Interface;

#define TEXT(name)                                                  \
	static struct value get_##name(const void *item)            \
	{                                                           \
		return table_text(((const Interface *)item)->name); \
	}
TEXT(name)
TEXT(mac)

#define NUMBER(name)                                                                                      \
	static struct value get_##name(const void *item)                                                  \
	{                                                                                                 \
		return (struct value){.kind = VALUE_UNSIGNED, .number = ((const Interface *)item)->name}; \
	}
NUMBER(mtu)
NUMBER(in_frames)
NUMBER(in_octets)
NUMBER(in_dropped)
NUMBER(out_frames)
NUMBER(out_octets)
NUMBER(out_refused)
NUMBER(segment_offload)

static struct value get_checksum_offload(const void *item)
{
	return (struct value){.kind = VALUE_BOOL, .yes = ((const Interface *)item)->checksum_offload};
}

static struct value get_state(const void *item)
{
	static const char *const names[] = {"unknown", "up", "down"};
	unsigned state = (unsigned)((const Interface *)item)->state;

	return table_text(names[state < sizeof(names) / sizeof(names[0]) ? state : 0]);
}

static struct value get_offloads(const void *item)
{
	const Interface *i = item;

	if (!i->checksum_offload)
		return table_text("none");
	return table_text(i->segment_offload ? "checksum,segments" : "checksum");
}

static const struct column columns[] = {
        {"name", "Name", IN_BOTH, false, get_name},
        {"state", "State", IN_BOTH, false, get_state},
        {"mtu", "MTU", IN_BOTH, true, get_mtu},
        {"mac", "MAC", IN_BOTH, false, get_mac},
        {"in_frames", "In-Frames", IN_BOTH, true, get_in_frames},
        {"in_octets", "In-Octets", IN_BOTH, true, get_in_octets},
        {"in_dropped", "", IN_JSON, true, get_in_dropped},
        {"out_frames", "Out-Frames", IN_BOTH, true, get_out_frames},
        {"out_octets", "Out-Octets", IN_BOTH, true, get_out_octets},
        {"out_refused", "", IN_JSON, true, get_out_refused},
        {"offloads", "Offloads", IN_TEXT, false, get_offloads},
        {"checksum_offload", "", IN_JSON, false, get_checksum_offload},
        {"segment_offload", "", IN_JSON, true, get_segment_offload},
};

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	const Toynet__V1__ListInterfacesRequest list = TOYNET__V1__LIST_INTERFACES_REQUEST__INIT;
	const struct table table = {
	        .key = "interfaces",
	        .method = "/toynet.v1.Admin/ListInterfaces",
	        .request = &list.base,
	        .row = &toynet__v1__interface__descriptor,
	        COLUMNS(columns),
	};

	if (table_action(argc, argv) != TABLE_LIST)
		return cli_usage(argv[0], "unknown argument '%s'", argv[1]);
	return table_show(c, &table, argc, argv);
}

const struct verb verb_interfaces = {
        .name = "interfaces",
        .summary = "the link below the stack: state, MTU, frames and octets",
        .help = "Usage: toynetctl interfaces [list] [-H] [--json]\n"
                "The TAP that the stack is on: whether its kernel's side is up, the MTU, the MAC address of the "
                "stack,\n"
                "frames and octets since the start of the daemon, and the offloads in use: transport checksums, and\n"
                "TCP segments handed over as one frame. An impairment switches offloads off.\n"
                "  -H, --no-header  without the line of titles\n",
        .run = run,
};
