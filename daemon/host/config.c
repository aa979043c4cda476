/* Reads the command line and the file by the table of config_keys.c.
 *
 * The file is read by libinih, line by line through a reader of our own, which counts lines (Debian's libinih does not
 * tell them) and refuses one that libinih would cut. The command line is looked at twice: first for --config and for
 * what answers at once, then, after the file, for the keys. */
#include "host/config_keys.h"
#include "host/config_list.h"
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>
#include <toynet/descriptor.h>

#ifndef TOYNET_VERSION
#define TOYNET_VERSION "unknown"
#endif
#define ALLOWED_MAX 160

void config_defaults(struct config *c)
{
	*c = (struct config){
	        .interface = "tap0",
	        .socket_path = TOYNET_DEFAULT_SOCKET,
	        .socket_mode = 0666,
	        .stack = stack_config_default,
	};
	c->stack.ip.ttl = IP_DEFAULT_TTL;
	c->stack.ip.redirects = true;
	c->stack.ip.conflict_detection = IP_ACD_ANNOUNCE;
	c->stack.ip.arp_timeout = IP_ARP_TIMEOUT;
}

struct file_reader {
	struct config *config;
	FILE *file;
	const char *name;
	char *why;
	unsigned line;
	bool failed;
};

static void file_error(struct file_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void file_error(struct file_reader *r, const char *fmt, ...)
{
	va_list ap;

	if (r->failed)
		return;
	r->failed = true;
	int n = snprintf(r->why, CONFIG_ERROR_MAX, "%s:%u: ", r->name, r->line);
	if (n < 0 || n >= CONFIG_ERROR_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(r->why + n, CONFIG_ERROR_MAX - (size_t)n, fmt, ap);
	va_end(ap);
}

static char *read_line(char *buf, int size, void *stream)
{
	struct file_reader *r = stream;

	if (r->failed || !fgets(buf, size, r->file))
		return NULL;
	r->line++;
	size_t len = strlen(buf);
	if (len + 1 == (size_t)size && buf[len - 1] != '\n')
		file_error(r, "the line is too long (at most %d bytes)", size - 3);
	/* An indented line is a line of its own, not the continuation that libinih takes it for. */
	size_t indent = strspn(buf, " \t");
	memmove(buf, buf + indent, len + 1 - indent);
	return r->failed ? NULL : buf;
}

/* libinih wants 1 for success. Without `=' in a line it reports an error by its return value alone. */
static int take_pair(void *ctx, const char *section, const char *name, const char *value)
{
	struct file_reader *r = ctx;
	char allowed[ALLOWED_MAX];
	const struct config_key *k = config_key_find(name);

	if (*section && !config_section_known(section))
		file_error(r, "there is no section [%s]", section);
	else if (!k)
		file_error(r, "there is no key `%s'; see toynetd --help", name);
	else if (*section && strcmp(section, k->section) != 0)
		file_error(r, "key `%s' belongs into section [%s]", name, k->section);
	else if (!config_key_set(r->config, k, value, allowed, sizeof(allowed)))
		file_error(r, "%s = %s: not valid; it must be %s", name, value, allowed);
	return !r->failed;
}

bool config_read_stream(struct config *c, FILE *f, const char *name, char why[CONFIG_ERROR_MAX])
{
	struct file_reader r = {.config = c, .file = f, .name = name};

	r.why = why;
	int rc = ini_parse_stream(read_line, &r, take_pair, &r);

	if (!r.failed && rc != 0) {
		r.line = rc > 0 ? (unsigned)rc : r.line;
		file_error(&r, "not understood; it must be [section], key = value, or a comment");
	}
	if (!r.failed && ferror(f))
		file_error(&r, "cannot be read");
	return !r.failed;
}

bool config_read_file(struct config *c, const char *path, char why[CONFIG_ERROR_MAX])
{
	FILE *f = fopen(path, "re");

	if (!f) {
		snprintf(why, CONFIG_ERROR_MAX, "cannot open configuration file %s: %s", path, strerror(errno));
		return false;
	}
	bool ok = config_read_stream(c, f, path, why);
	fclose(f);
	return ok;
}

/* RFC 1035 2.3.1, RFC 1123 2.1: one label. */
static bool hostname_valid(const char *name)
{
	size_t len = strlen(name);

	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len && len > 0 &&
	       name[0] != '-' && name[len - 1] != '-';
}

/* What is wrong with where the address comes from; NULL: nothing. */
static const char *check_dhcp(const struct config *c)
{
	const struct dhcp_config *d = &c->stack.dhcp;

	if (!d->on && c->address.count == 0)
		return "key `address' is required: the stack's address with prefix length, such as --address "
		       "10.0.0.2/24; or --dhcp yes";
	if (d->on && c->address.count)
		return "keys `address' and `dhcp' exclude each other: the address is given, or leased";
	if (d->on && c->gateway.family != IP_NONE)
		return "keys `gateway' and `dhcp' exclude each other: the router comes with the lease";
	if (d->on && c->route.count)
		return "keys `route' and `dhcp' exclude each other: routes come with the lease";
	if (!d->on && d->hostname[0])
		return "key `hostname' is for the DHCP server: it needs --dhcp yes";
	if (!d->on && d->client_id.len)
		return "key `client-id' is for the DHCP server: it needs --dhcp yes";
	if (d->hostname[0] && !hostname_valid(d->hostname))
		return "key `hostname' is not a name of letters, digits and hyphens without a dot";
	return NULL;
}

bool config_check(const struct config *c, char why[CONFIG_ERROR_MAX])
{
	const char *bad = check_dhcp(c);

	if (!bad && c->stack.tcp.rto_min.ns > c->stack.tcp.rto_max.ns)
		bad = "key `rto-min' is above `rto-max'";
	if (!bad && c->stack.tcp.max_segment && c->stack.tcp.max_segment < TCP_MAX_SEGMENT_MIN)
		bad = "key `max-segment' is below 88, the least that leaves room for text";
	if (bad) {
		snprintf(why, CONFIG_ERROR_MAX, "%s", bad);
		return false;
	}
	if (!config_lists_check(c, why))
		return false;
	const char *in = impair_direction_check(&c->impair.in), *out = impair_direction_check(&c->impair.out);
	if (in || out) {
		snprintf(why, CONFIG_ERROR_MAX, "section [impair-%s]: %s", in ? "in" : "out", in ? in : out);
		return false;
	}
	return true;
}

int config_change(struct config *c, const char *name, const char *value, char why[CONFIG_ERROR_MAX])
{
	const struct config_key *k = config_key_named(name);
	char allowed[ALLOWED_MAX];

	if (!k)
		snprintf(why, CONFIG_ERROR_MAX, "there is no key `%.*s'", CONFIG_NAME_MAX, name);
	else if (!config_key_changeable(k))
		snprintf(why, CONFIG_ERROR_MAX, "key `%s' cannot be changed while the daemon runs", k->name);
	else if (!config_key_set(c, k, value, allowed, sizeof(allowed)))
		snprintf(why, CONFIG_ERROR_MAX, "%s = %.*s: not valid; it must be %s", k->name, CONFIG_NAME_MAX, value,
		         allowed);
	else
		return 0;
	return EINVAL;
}

void config_help(FILE *out)
{
	const char *section = "";

	fputs("usage: toynetd --address ADDRESS/LEN [--KEY VALUE ...] [--config FILE]\n"
	      "Owns a TAP interface and runs a TCP/IP stack on it, for the programs that connect to its control "
	      "socket.\n\n"
	      "  --config FILE       read keys from FILE first: `key = value' lines in the sections below\n"
	      "  --check-config      read and check the configuration, and end\n"
	      "  --help, --version\n",
	      out);
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		if (strcmp(section, k->section) != 0)
			fprintf(out, "\n[%s]\n", k->section);
		section = k->section;
		fprintf(out, "  --%-18s %s\n", k->name, k->help);
	}
}

/* The value of option argv[*i]: behind `=', or the next argument (then *i moves). NULL: there is none. */
static const char *value_of(int argc, char *const argv[], int *i)
{
	const char *equals = strchr(argv[*i], '=');

	if (equals)
		return equals + 1;
	return *i + 1 < argc ? argv[++*i] : NULL;
}

static enum config_verdict refuse(char why[CONFIG_ERROR_MAX], const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
static enum config_verdict refuse(char why[CONFIG_ERROR_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CONFIG_ERROR_MAX, fmt, ap);
	va_end(ap);
	return CONFIG_ERROR;
}

/* The name of an option without dashes and value, in name. False: it is none. */
static bool option_name(const char *arg, char *name, size_t size)
{
	if (strncmp(arg, "--", 2) != 0)
		return false;
	size_t len = strcspn(arg + 2, "=");
	if (len == 0 || len >= size)
		return false;
	memcpy(name, arg + 2, len);
	name[len] = '\0';
	return true;
}

static enum config_verdict read_option(struct config *c, int argc, char *const argv[], int *i, char why[])
{
	char name[CONFIG_NAME_MAX], allowed[ALLOWED_MAX];
	const char *arg = argv[*i];

	assert(arg);
	if (!option_name(arg, name, sizeof(name)))
		return refuse(why, "command line: `%s' is no option; options begin with --, see toynetd --help", arg);
	if (strcmp(name, "check-config") == 0)
		return CONFIG_RUN;
	bool file = strcmp(name, "config") == 0;
	const struct config_key *k = file ? NULL : config_key_find(name);
	if (!file && !k)
		return refuse(why, "command line: there is no option --%s; see toynetd --help", name);
	const char *value = value_of(argc, argv, i);
	if (!value)
		return refuse(why, "command line: --%s wants a value", name);
	if (k && !config_key_set(c, k, value, allowed, sizeof(allowed)))
		return refuse(why, "command line: --%s %s: not valid; it must be %s", name, value, allowed);
	return CONFIG_RUN;
}

/* What must be known before the keys are read. */
static bool early_options(int argc, char *const argv[], const char **file, bool *check, FILE *out)
{
	for (int i = 1; i < argc; i++) {
		char name[CONFIG_NAME_MAX];
		if (!option_name(argv[i], name, sizeof(name)))
			continue;
		if (strcmp(name, "help") == 0) {
			config_help(out);
			return false;
		}
		if (strcmp(name, "version") == 0) {
			fprintf(out, "toynetd %s\n", TOYNET_VERSION);
			return false;
		}
		if (strcmp(name, "check-config") == 0)
			*check = true;
		else if (strcmp(name, "config") == 0)
			*file = value_of(argc, argv, &i);
		else
			(void)value_of(argc, argv, &i);
	}
	return true;
}

enum config_verdict config_read(struct config *c, int argc, char *const argv[], FILE *out, char why[CONFIG_ERROR_MAX])
{
	const char *file = NULL;
	bool check = false;

	config_defaults(c);
	if (!early_options(argc, argv, &file, &check, out))
		return CONFIG_DONE;
	if (file && !config_read_file(c, file, why))
		return CONFIG_ERROR;
	config_lists_close(c);
	for (int i = 1; i < argc; i++)
		if (read_option(c, argc, argv, &i, why) != CONFIG_RUN)
			return CONFIG_ERROR;
	if (!config_check(c, why))
		return CONFIG_ERROR;
	if (check) {
		fputs("toynetd: the configuration is valid\n", out);
		return CONFIG_DONE;
	}
	return CONFIG_RUN;
}
