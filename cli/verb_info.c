/* toynetctl info: which daemon answers, and the interface that it owns. */
#include "cli.h"
#include <toynet/v1/toynet.pb-c.h>

#define TEXT(name)                                                                    \
	static struct value get_##name(const void *item)                              \
	{                                                                             \
		const char *text = ((const Toynet__V1__GetInfoResponse *)item)->name; \
		return (struct value){.kind = VALUE_TEXT, .text = text ? text : ""};  \
	}
TEXT(version)
TEXT(interface)
TEXT(mac)
TEXT(address)

#define NUMBER(name)                                                                                \
	static struct value get_##name(const void *item)                                            \
	{                                                                                           \
		return (struct value){.kind = VALUE_UNSIGNED,                                       \
		                      .number = ((const Toynet__V1__GetInfoResponse *)item)->name}; \
	}
NUMBER(mtu)
NUMBER(pid)
NUMBER(uptime_ms)
NUMBER(memory)

static struct value get_uptime(const void *item)
{
	uint64_t ms = ((const Toynet__V1__GetInfoResponse *)item)->uptime_ms;

	return (struct value){.kind = VALUE_MICROSECONDS, .signed_number = (int64_t)ms * 1000};
}

static const struct column info_columns[] = {
        {"version", "version", IN_BOTH, false, get_version},
        {"interface", "interface", IN_BOTH, false, get_interface},
        {"mac", "hardware address", IN_BOTH, false, get_mac},
        {"address", "address", IN_BOTH, false, get_address},
        {"mtu", "MTU", IN_BOTH, false, get_mtu},
        {"uptime_ms", "up for", IN_JSON, false, get_uptime_ms},
        {"uptime", "up for", IN_TEXT, false, get_uptime},
        {"pid", "pid", IN_BOTH, false, get_pid},
        {"memory", "allocated by the stack", IN_BOTH, false, get_memory},
};

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__GetInfoRequest request = TOYNET__V1__GET_INFO_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	enum exit_status status;
	struct renderer *r;

	if (argc > 1)
		return cli_usage(argv[0], "unknown argument '%s'", argv[1]);
	status = cli_call(c, "/toynet.v1.Admin/GetInfo", &request.base, &toynet__v1__get_info_response__descriptor,
	                  &answer);
	if (status != EXIT_OK)
		return status;
	r = render_new(c->json, stdout);
	render_record(r, "info", NULL, COLUMNS(info_columns), answer);
	render_end(r);
	protobuf_c_message_free_unpacked(answer, NULL);
	return EXIT_OK;
}

const struct verb verb_info = {
        .name = "info",
        .summary = "the daemon and the interface that it owns",
        .help = "Usage: toynetctl info [--json]\n"
                "Version, interface, hardware address, address and prefix, MTU, running time and pid of the daemon, and the bytes of memory\n"
                "that its stack has allocated (without the heap of the program around it).\n",
        .run = run,
};
