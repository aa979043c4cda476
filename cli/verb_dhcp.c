/* toynetctl dhcp: what the DHCP client does, and the lease that it has. */
#include "cli.h"
#include <stdio.h>
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__GetDhcpResponse Dhcp;

#define LIST_TEXT_MAX 2048
#define FOR_EVER      UINT32_MAX

#define TEXT(name)                                                                   \
	static struct value get_##name(const void *item)                             \
	{                                                                            \
		const char *text = ((const Dhcp *)item)->name;                       \
		return (struct value){.kind = VALUE_TEXT, .text = text ? text : ""}; \
	}
TEXT(state)
TEXT(address)
TEXT(server)
TEXT(domain)
TEXT(search)
TEXT(client_id)
TEXT(hostname)

static bool leased(const Dhcp *d)
{
	return d->address && *d->address;
}

/* Nothing without a lease, and for what has no end. */
static struct value seconds(const Dhcp *d, uint32_t s)
{
	return (struct value){.kind = leased(d) && s != FOR_EVER ? VALUE_UNSIGNED : VALUE_NONE, .number = s};
}
static struct value duration(const Dhcp *d, uint32_t s)
{
	if (leased(d) && s == FOR_EVER)
		return (struct value){.kind = VALUE_TEXT, .text = "for ever"};
	return (struct value){.kind = leased(d) ? VALUE_MICROSECONDS : VALUE_NONE,
	                      .signed_number = (int64_t)s * 1000000};
}

#define SECONDS(name)                                              \
	static struct value get_##name(const void *item)           \
	{                                                          \
		return seconds(item, ((const Dhcp *)item)->name);  \
	}                                                          \
	static struct value text_##name(const void *item)          \
	{                                                          \
		return duration(item, ((const Dhcp *)item)->name); \
	}
SECONDS(lease_s)
SECONDS(left_s)
SECONDS(renew_s)
SECONDS(rebind_s)

static struct value get_mtu(const void *item)
{
	const Dhcp *d = item;

	return (struct value){.kind = d->mtu ? VALUE_UNSIGNED : VALUE_NONE, .number = d->mtu};
}

/* Appends a word, with a blank or a comma before it. */
static void append(char text[LIST_TEXT_MAX], const char *between, const char *word)
{
	size_t n = strlen(text);

	snprintf(text + n, LIST_TEXT_MAX - n, "%s%s", n ? between : "", word);
}

/* The texts of lists are separated by blanks, and valid until the next call. */
static struct value get_routers(const void *item)
{
	static char text[LIST_TEXT_MAX];
	const Dhcp *d = item;

	text[0] = 0;
	for (size_t i = 0; i < d->n_routers; i++)
		append(text, " ", d->routers[i]);
	return (struct value){.kind = VALUE_TEXT, .text = text};
}

static struct value get_dns(const void *item)
{
	static char text[LIST_TEXT_MAX];
	const Dhcp *d = item;

	text[0] = 0;
	for (size_t i = 0; i < d->n_dns; i++)
		append(text, " ", d->dns[i]);
	return (struct value){.kind = VALUE_TEXT, .text = text};
}

static struct value get_routes(const void *item)
{
	static char text[LIST_TEXT_MAX];
	const Dhcp *d = item;

	text[0] = 0;
	for (size_t i = 0; i < d->n_routes; i++) {
		append(text, ", ", d->routes[i]->prefix);
		append(text, " via ", d->routes[i]->gateway);
	}
	return (struct value){.kind = VALUE_TEXT, .text = text};
}

static const struct column dhcp_columns[] = {
        {"state", "state", IN_BOTH, false, get_state},
        {"address", "address", IN_BOTH, false, get_address},
        {"server", "server", IN_BOTH, false, get_server},
        {"lease_s", "lease", IN_JSON, false, get_lease_s},
        {"lease", "lease", IN_TEXT, false, text_lease_s},
        {"left_s", "left of it", IN_JSON, false, get_left_s},
        {"left", "left of it", IN_TEXT, false, text_left_s},
        {"renew_s", "T1 (renew)", IN_JSON, false, get_renew_s},
        {"renew", "T1 (renew)", IN_TEXT, false, text_renew_s},
        {"rebind_s", "T2 (rebind)", IN_JSON, false, get_rebind_s},
        {"rebind", "T2 (rebind)", IN_TEXT, false, text_rebind_s},
        {"routers", "routers", IN_BOTH, false, get_routers},
        {"routes", "routes", IN_BOTH, false, get_routes},
        {"dns", "name servers", IN_BOTH, false, get_dns},
        {"domain", "domain", IN_BOTH, false, get_domain},
        {"search", "search list", IN_BOTH, false, get_search},
        {"mtu", "MTU", IN_BOTH, false, get_mtu},
        {"client_id", "client identifier", IN_BOTH, false, get_client_id},
        {"hostname", "host name", IN_BOTH, false, get_hostname},
};

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__GetDhcpRequest request = TOYNET__V1__GET_DHCP_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	enum exit_status status;
	struct renderer *r;

	if (argc > 1)
		return cli_usage(argv[0], "unknown argument '%s'", argv[1]);
	status = cli_call(c, "/toynet.v1.Admin/GetDhcp", &request.base, &toynet__v1__get_dhcp_response__descriptor,
	                  &answer);
	if (status != EXIT_OK)
		return status;
	r = render_new(c->json, stdout);
	render_record(r, "dhcp", NULL, COLUMNS(dhcp_columns), answer);
	render_end(r);
	protobuf_c_message_free_unpacked(answer, NULL);
	return EXIT_OK;
}

const struct verb verb_dhcp = {
        .name = "dhcp",
        .summary = "the DHCP client and its lease",
        .help = "Usage: toynetctl dhcp [--json]\n"
                "State of the DHCP client (RFC 2131); address, server, times and parameters of the lease that it\n"
                "has. In the state checking the address is tested for conflicts, and not in use yet.\n",
        .run = run,
};
