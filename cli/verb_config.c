/* toynetctl config: shows the daemon's configuration, and changes it at run time.
 *
 * Theory of operation. Keys and values are the daemon's business: an argument KEY=VALUE goes there as it is, and what
 * is wrong with it comes back as the error of the call. A KEY alone only chooses what is shown. */
#include "cli.h"
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__ConfigEntry Entry;

#define SETTINGS_MAX 64
#define KEY_MAX      64

static struct value text_of(const char *text)
{
	return (struct value){.kind = VALUE_TEXT, .text = text ? text : ""};
}
static struct value get_key(const void *item)
{
	return text_of(((const Entry *)item)->key);
}
static struct value get_value(const void *item)
{
	return text_of(((const Entry *)item)->value);
}
static struct value get_changeable(const void *item)
{
	return (struct value){.kind = VALUE_BOOL, .yes = ((const Entry *)item)->changeable};
}
static struct value get_help(const void *item)
{
	return text_of(((const Entry *)item)->help);
}

static const struct column config_columns[] = {
        {"key", "Key", IN_BOTH, false, get_key},
        {"value", "Value", IN_BOTH, false, get_value},
        {"changeable", "Changeable", IN_BOTH, false, get_changeable},
        {"help", "Meaning", IN_BOTH, false, get_help},
};

/* Is it the key itself, or its name without the section? */
static bool is_key(const Entry *e, const char *wanted)
{
	const char *dot = strchr(e->key, '.');

	return strcmp(e->key, wanted) == 0 || (dot && strcmp(dot + 1, wanted) == 0);
}

static bool chosen(const Entry *e, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (is_key(e, argv[i]))
			return true;
	return argc < 2;
}

/* The entries of the answer that are named, or all; false: a name stands for none. */
static bool show(struct cli *c, const Toynet__V1__Config *answer, int argc, char **argv)
{
	struct renderer *r;

	for (int i = 1; i < argc; i++) {
		bool found = false;
		for (size_t k = 0; k < answer->n_entries; k++)
			found = found || is_key(answer->entries[k], argv[i]);
		if (!found)
			return cli_fail(EXIT_CALL, "config: there is no key '%s'; see toynetctl config", argv[i]) ==
			       EXIT_OK;
	}
	r = render_new(c->json, stdout);
	render_table_begin(r, "config", true, COLUMNS(config_columns));
	for (size_t k = 0; k < answer->n_entries; k++)
		if (chosen(answer->entries[k], argc, argv))
			render_row(r, answer->entries[k]);
	render_table_end(r);
	render_end(r);
	return true;
}

static enum exit_status get(struct cli *c, int argc, char **argv)
{
	Toynet__V1__GetConfigRequest request = TOYNET__V1__GET_CONFIG_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	enum exit_status status = cli_call(c, "/toynet.v1.Admin/GetConfig", &request.base,
	                                   &toynet__v1__config__descriptor, &answer);

	if (status != EXIT_OK)
		return status;
	if (!show(c, (const Toynet__V1__Config *)answer, argc, argv))
		status = EXIT_CALL;
	protobuf_c_message_free_unpacked(answer, NULL);
	return status;
}

static enum exit_status set(struct cli *c, int argc, char **argv)
{
	Toynet__V1__SetConfigRequest request = TOYNET__V1__SET_CONFIG_REQUEST__INIT;
	Toynet__V1__ConfigSetting settings[SETTINGS_MAX], *pointers[SETTINGS_MAX];
	char keys[SETTINGS_MAX][KEY_MAX];
	ProtobufCMessage *answer = NULL;
	enum exit_status status;

	if (argc - 1 > SETTINGS_MAX)
		return cli_usage(argv[0], "at most %d settings at once", SETTINGS_MAX);
	request.settings = pointers;
	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');
		size_t n = request.n_settings++;

		if (!equals)
			return cli_usage(argv[0], "'%s' has no value; either every argument has one or none", argv[i]);
		if ((size_t)(equals - argv[i]) >= sizeof(keys[n]))
			return cli_usage(argv[0], "'%s': there is no such key", argv[i]);
		memcpy(keys[n], argv[i], (size_t)(equals - argv[i]));
		keys[n][equals - argv[i]] = '\0';
		toynet__v1__config_setting__init(&settings[n]);
		settings[n].key = keys[n];
		settings[n].value = equals + 1;
		pointers[n] = &settings[n];
	}
	status = cli_call(c, "/toynet.v1.Admin/SetConfig", &request.base, &toynet__v1__config__descriptor, &answer);
	if (status != EXIT_OK)
		return status;
	show(c, (const Toynet__V1__Config *)answer, 1, argv);
	protobuf_c_message_free_unpacked(answer, NULL);
	return EXIT_OK;
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strchr(argv[i], '='))
			return set(c, argc, argv);
	return get(c, argc, argv);
}

const struct verb verb_config = {
        .name = "config",
        .summary = "shows the configuration, and changes it at run time",
        .help = "Usage: toynetctl config [KEY...] [--json]\n"
                "       toynetctl config KEY=VALUE...\n"
                "KEY is a key of toynetd.conf(5), with its section (tcp.ecn) or without (ecn). Without arguments every "
                "key.\n"
                "With values the keys are changed in the running daemon, all of them or none; the file stays as it "
                "is.\n"
                "What sockets have of their own (timestamps, sack, ecn, ...) holds for sockets that are opened from "
                "then\n"
                "on, the rest at once. Only the keys that are marked changeable can be changed, which needs root or\n"
                "the group toynet.\n"
                "Example: toynetctl config tcp.ecn=on tcp.delack=10ms\n",
        .run = run,
};
