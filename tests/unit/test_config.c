/* Configuration: the same keys from the command line and from a file, and one line that says what is wrong. */
#include "unit.h"

#include "host/config_keys.h"
#include "host/units.h"
#include <errno.h>
#include <stdlib.h>

static char why[CONFIG_ERROR_MAX];

/* The command line, after the program's name. */
static enum config_verdict read_args(struct config *c, char **args)
{
	char *argv[20] = {"toynetd"};
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = args[argc - 1];
	FILE *out = fopen("/dev/null", "w");
	why[0] = '\0';
	enum config_verdict v = config_read(c, argc, argv, out, why);
	fclose(out);
	return v;
}
#define READ(c, ...) read_args(c, (char *[]){__VA_ARGS__, NULL})

static bool read_text(struct config *c, const char *text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	config_defaults(c);
	why[0] = '\0';
	bool ok = config_read_stream(c, f, "t.conf", why);
	fclose(f);
	return ok;
}

START_TEST(test_command_line)
{
	struct config c;

	ck_assert_int_eq(READ(&c, "--address", "10.0.0.2/24", "--interface=tap7", "--gateway=10.0.0.1", "--time-wait",
	                      "2.5s", "--retries=7", "--in-loss=2%", "--out-delay", "10ms", "--out-rate=5Mbit",
	                      "--rcvbuf=64K", "--sack=no"),
	                 CONFIG_RUN);
	ck_assert_str_eq(c.interface, "tap7");
	ck_assert(ip_eq(c.address.list[0].addr, ip4(10, 0, 0, 2)));
	ck_assert_uint_eq(c.address.list[0].len, 24);
	ck_assert(ip_eq(c.gateway, ip4(10, 0, 0, 1)));
	ck_assert_int_eq(c.stack.tcp.time_wait.ns, 2500 * NS_PER_MS);
	ck_assert_uint_eq(c.stack.tcp.retries, 7);
	ck_assert_uint_eq(c.impair.in.loss_ppm, 20000);
	ck_assert_uint_eq(c.impair.out.delay_us, 10000);
	ck_assert_uint_eq(c.impair.out.rate_bps, 5000000);
	ck_assert_uint_eq(c.stack.tcp.rcvbuf, 65536);
	ck_assert(!c.stack.tcp.sack);
	ck_assert(c.stack.tcp.timestamps);
}
END_TEST

START_TEST(test_command_line_errors)
{
	static const struct {
		char *args[3];
		const char *says;
	} t[] = {
	        {{"--address", "10.0.0/24"},
	         "--address 10.0.0/24: not valid; it must be IPv4 addresses with prefix length"},
	        {{"--adress", "10.0.0.2/24"}, "there is no option --adress"},
	        {{"--address"}, "--address wants a value"},
	        {{"tap0"}, "`tap0' is no option"},
	        {{"-a"}, "`-a' is no option"},
	        {{"--retries=256"}, "a whole number from 1 to 100"},
	        {{"--retries=-1"}, "a whole number from 1 to 100"},
	        {{"--sack=maybe"}, "yes or no"},
	        {{"--in-loss=101%"}, "a share such as 2%"},
	        {{"--in-loss=2"}, "a share such as 2%"},
	        {{"--delack=500ms"}, "from 0ms to 499ms"},
	        {{"--conflict-detection=yes"}, "off, announce or probe"},
	        {{"--mac=01:00:00:00:00:01"}, "a station's MAC address"},
	        {{"--socket-mode=888"}, "octal"},
	        {{"--interface=a-name-that-is-too-long"}, "1 to 15 bytes"},
	        {{"--config=/nonexistent.conf"}, "cannot open configuration file /nonexistent.conf"},
	        {{"--interface=tap1"}, "`address' is required"},
	        {{"--address=10.0.0.2/24, "}, "with commas between, at most 16"},
	        {{"--address=10.0.0.2/24,,10.0.0.3/24"}, "with commas between, at most 16"},
	        {{"--route=10.5.0.0/16 via"}, "it must be NETWORK/LENGTH or default [via ADDRESS]"},
	        {{"--route=10.5.0.0/16 metric -1"}, "it must be NETWORK/LENGTH"},
	        {{"--route=10.5.0.0/16 dev tap0"}, "it must be NETWORK/LENGTH"},
	        {{"--route=10.5.0.0/33"}, "it must be NETWORK/LENGTH"},
	        {{"--neighbor=10.0.0.9"}, "each with its MAC address"},
	        {{"--neighbor=10.0.0.9 03:00:00:00:00:09"}, "each with its MAC address"},
	        {{"--neighbor=10.0.0.9 02:00:00:00:00:09 10.0.0.8"}, "with commas between"},
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct config c;
		ck_assert_int_eq(read_args(&c, (char **)(uintptr_t)t[i].args), CONFIG_ERROR);
		ck_assert_msg(strstr(why, t[i].says), "%zu: `%s' does not say `%s'", i, why, t[i].says);
		ck_assert_msg(!strchr(why, '\n'), "more than one line: %s", why);
	}
}
END_TEST

START_TEST(test_answered_at_once)
{
	struct config c;

	ck_assert_int_eq(READ(&c, "--help"), CONFIG_DONE);
	ck_assert_int_eq(READ(&c, "--version"), CONFIG_DONE);
	ck_assert_int_eq(READ(&c, "--check-config", "--address=10.0.0.2/24"), CONFIG_DONE);
	ck_assert_int_eq(READ(&c, "--check-config"), CONFIG_ERROR);
}
END_TEST

START_TEST(test_file)
{
	struct config c;

	ck_assert_msg(read_text(&c, "# a comment\n"
	                            "interface = tap3\n"
	                            "[stack]\n"
	                            "  address = 10.1.0.2/16 ; where we are\n"
	                            "[tcp]\n"
	                            "delack = 20ms\n"
	                            "\n"
	                            "[impair-in]\n"
	                            "in-loss = 0.5%\n"
	                            "in-reorder = 1%\n"
	                            "in-reorder-delay = 3ms\n"),
	              "%s", why);
	ck_assert_str_eq(c.interface, "tap3");
	ck_assert(ip_eq(c.address.list[0].addr, ip4(10, 1, 0, 2)));
	ck_assert_int_eq(c.stack.tcp.delack.ns, 20 * NS_PER_MS);
	ck_assert_uint_eq(c.impair.in.loss_ppm, 5000);
	ck_assert_uint_eq(c.impair.in.reorder_us, 3000);
	ck_assert_msg(config_check(&c, why), "%s", why);
}
END_TEST

START_TEST(test_file_errors)
{
	static const struct {
		const char *text, *says;
	} t[] = {
	        {"\n\ninterfaces = tap0\n", "t.conf:3: there is no key `interfaces'"},
	        {"[stack]\naddress = 10.0.0.300/24\n", "t.conf:2: address = 10.0.0.300/24: not valid"},
	        {"[stacks]\naddress = 10.0.0.3/24\n", "t.conf:2: there is no section [stacks]"},
	        {"[tcp]\naddress = 10.0.0.3/24\n", "t.conf:2: key `address' belongs into section [stack]"},
	        {"interface = tap0\nnonsense\n", "t.conf:2: not understood"},
	        {"[tcp\n", "t.conf:1: not understood"},
	        {"# ok\n interface =\n", "t.conf:2: interface = : not valid"},
	};
	struct config c;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		ck_assert(!read_text(&c, t[i].text));
		ck_assert_msg(strstr(why, t[i].says), "%zu: `%s' does not say `%s'", i, why, t[i].says);
	}
	char line[400];
	snprintf(line, sizeof(line), "interface = %0300d\n", 0);
	ck_assert(!read_text(&c, line));
	ck_assert_msg(strstr(why, "t.conf:1: the line is too long"), "%s", why);
}
END_TEST

/* The command line goes before the file, wherever --config stands. */
START_TEST(test_precedence)
{
	struct config c;
	char path[] = "/tmp/toynet-config-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	FILE *f = fdopen(fd, "w");
	fputs("[stack]\naddress = 10.1.0.2/16\n[tcp]\nretries = 5\nsyn-retries = 3\n", f);
	fclose(f);
	enum config_verdict v = READ(&c, "--retries=9", "--config", path);
	remove(path);
	ck_assert_msg(v == CONFIG_RUN, "%s", why);
	ck_assert_uint_eq(c.stack.tcp.retries, 9);
	ck_assert_uint_eq(c.stack.tcp.syn_retries, 3);
	ck_assert_uint_eq(c.address.list[0].len, 16);
}
END_TEST

START_TEST(test_values_must_fit_together)
{
	static const struct {
		char *args[4];
		const char *says;
	} t[] = {
	        {{"--address=10.0.0.2/24", "--gateway=10.0.1.1"}, "10.0.1.1 is not another host on 10.0.0.2/24"},
	        {{"--address=10.0.0.2/24", "--gateway=10.0.0.2"}, "is not another host"},
	        {{"--address=10.0.0.0/24"}, "address of its network"},
	        {{"--address=10.0.0.255/24"}, "broadcast"},
	        {{"--address=127.0.0.1/8"}, "not the address of a host"},
	        {{"--address=224.0.0.1/24"}, "not the address of a host"},
	        {{"--address=10.0.0.1/0"}, "prefix length 0"},
	        {{"--address=10.0.0.2/24,10.0.1.0/24"}, "10.0.1.0/24 is the address of its network"},
	        {{"--address=10.0.0.2/24", "--address=10.0.0.127/25"}, "10.0.0.127/25 is the broadcast"},
	        {{"--address=10.0.0.2/24", "--address=10.0.0.2/25"}, "10.0.0.2/25 is there twice"},
	        {{"--address=10.0.0.2/24,10.0.0.3/24", "--host-address=10.0.0.3/24"}, "are the same, 10.0.0.3/24"},
	        {{"--address=10.0.0.2/24", "--route=10.5.0.0/16 via 10.0.1.1"},
	         "10.5.0.0/16 via 10.0.1.1: the gateway is not another host"},
	        {{"--address=10.0.0.2/24", "--route=10.5.0.0/16 via 10.0.0.2"}, "the gateway is not another host"},
	        {{"--address=10.0.0.2/24", "--route=10.5.0.0/16 src 10.0.0.9"}, "src is not an address of"},
	        {{"--address=10.0.0.2/24", "--route=10.0.0.9/24"}, "leads there already; give the route a metric"},
	        {{"--address=10.0.0.2/24", "--route=10.5.0.0/16, 10.5.1.0/16"}, "give them different metrics"},
	        {{"--address=10.0.0.2/24", "--neighbor=10.0.1.9 02:00:00:00:00:09"}, "10.0.1.9 is not another host"},
	        {{"--address=10.0.0.2/24", "--neighbor=10.0.0.9 02:00:00:00:00:09, 10.0.0.9 02:00:00:00:00:08"},
	         "10.0.0.9 is there twice"},
	        {{"--address=10.0.0.2/24", "--gateway=10.0.0.1", "--route=default via 10.0.0.9"},
	         "key `gateway' is this route already"},
	        {{"--address=10.0.0.2/24", "--host-address=10.0.0.2/24"}, "are the same"},
	        {{"--address=10.0.0.2/24", "--rto-min=3s", "--rto-max=2s"}, "`rto-min' is above `rto-max'"},
	        {{"--address=10.0.0.2/24", "--out-reorder=1%"}, "section [impair-out]: reorder_us is 0"},
	};
	struct config c;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		ck_assert_int_eq(read_args(&c, (char **)(uintptr_t)t[i].args), CONFIG_ERROR);
		ck_assert_msg(strstr(why, t[i].says), "%zu: `%s' does not say `%s'", i, why, t[i].says);
	}
	ck_assert_int_eq(READ(&c, "--address=10.0.0.0/31", "--gateway=10.0.0.1"), CONFIG_RUN);
	/* The gateway may be on the network of any of our addresses. */
	ck_assert_int_eq(READ(&c, "--address=10.0.0.2/24,10.1.0.2/16", "--gateway=10.1.0.1",
	                      "--route=default via 10.0.0.1 metric 5", "--route=10.0.0.0/24 metric 1"),
	                 CONFIG_RUN);
}
END_TEST

/* Several lines with one key make one list; the command line's takes the place of the file's. */
START_TEST(test_lists)
{
	struct config c;
	char text[CONFIG_VALUE_MAX], path[] = "/tmp/toynet-config-XXXXXX";

	ck_assert_msg(read_text(&c, "address = 10.0.0.2/24,10.0.0.3/24\n"
	                            "address = 10.1.0.2/16\n"
	                            "route = 10.5.0.0/16 via 10.0.0.9 metric 10 , default via 10.1.0.1 src 10.1.0.2\n"
	                            "route = 192.0.2.7\n"
	                            "neighbor = 10.0.0.9 lladdr 02:00:00:00:00:09,10.1.0.1 02:00:00:00:01:01\n"),
	              "%s", why);
	ck_assert_msg(config_check(&c, why), "%s", why);
	config_key_format(&c, config_key_named("address"), text);
	ck_assert_str_eq(text, "10.0.0.2/24, 10.0.0.3/24, 10.1.0.2/16");
	config_key_format(&c, config_key_named("route"), text);
	ck_assert_str_eq(text, "10.5.0.0/16 via 10.0.0.9 metric 10, default via 10.1.0.1 src 10.1.0.2, 192.0.2.7/32");
	config_key_format(&c, config_key_named("neighbor"), text);
	ck_assert_str_eq(text, "10.0.0.9 02:00:00:00:00:09, 10.1.0.1 02:00:00:00:01:01");
	ck_assert(!read_text(&c, "address = 10.0.0.2/24\n\nroute = 10.5.0.0/16 over 10.0.0.9\n"));
	ck_assert_msg(strstr(why, "t.conf:3: route = 10.5.0.0/16 over 10.0.0.9: not valid; it must be"), "%s", why);

	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	FILE *f = fdopen(fd, "w");
	fputs("address = 10.0.0.2/24\naddress = 10.0.0.3/24\n", f);
	fclose(f);
	ck_assert_int_eq(READ(&c, "--config", path), CONFIG_RUN);
	ck_assert_uint_eq(c.address.count, 2);
	ck_assert_int_eq(READ(&c, "--address=10.0.0.7/24", "--config", path, "--address=10.0.0.8/24"), CONFIG_RUN);
	remove(path);
	config_key_format(&c, config_key_named("address"), text);
	ck_assert_str_eq(text, "10.0.0.7/24, 10.0.0.8/24");
}
END_TEST

/* The longest lists there can be have room as text. */
START_TEST(test_longest_lists)
{
	struct config c;
	char text[CONFIG_VALUE_MAX], allowed[160];

	config_defaults(&c);
	for (int i = 0; i < CONFIG_LIST_MAX; i++) {
		snprintf(text, sizeof(text),
		         "255.255.255.%d/32 via 255.255.255.255 src 255.255.255.255 metric 4294967295", 100 + i);
		ck_assert(config_key_set(&c, config_key_find("route"), text, allowed, sizeof(allowed)));
	}
	ck_assert(!config_key_set(&c, config_key_find("route"), "default", allowed, sizeof(allowed)));
	ck_assert_uint_eq(c.route.count, CONFIG_LIST_MAX);
	config_key_format(&c, config_key_find("route"), text);
	ck_assert_ptr_nonnull(strstr(text, "255.255.255.115/32"));
}
END_TEST

/* Every key is found by its name, and by that name alone. */
START_TEST(test_table)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		ck_assert_ptr_eq(config_key_find(k->name), k);
		ck_assert_uint_le(k->offset + k->size, sizeof(struct config));
		ck_assert(config_section_known(k->section));
		ck_assert_uint_lt(strlen(k->name), CONFIG_NAME_MAX);
	}
	ck_assert_ptr_null(config_key_find("addres"));
	ck_assert(!config_section_known("links"));
}
END_TEST

START_TEST(test_dhcp)
{
	static const struct {
		char *args[4];
		const char *says;
	} t[] = {
	        {{"--dhcp=yes", "--address=10.0.0.2/24"}, "`address' and `dhcp' exclude each other"},
	        {{"--dhcp=yes", "--gateway=10.0.0.1"}, "`gateway' and `dhcp' exclude each other"},
	        {{"--dhcp=yes", "--route=default via 10.0.0.1"}, "`route' and `dhcp' exclude each other"},
	        {{"--address=10.0.0.2/24", "--hostname=a"}, "`hostname' is for the DHCP server"},
	        {{"--address=10.0.0.2/24", "--client-id=01"}, "`client-id' is for the DHCP server"},
	        {{"--dhcp=yes", "--hostname=a.b"}, "letters, digits and hyphens"},
	        {{"--dhcp=yes", "--hostname=-a"}, "letters, digits and hyphens"},
	        {{"--dhcp=yes", "--client-id=1"}, "1 to 64 octets in hexadecimal"},
	};
	struct config c;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		ck_assert_int_eq(read_args(&c, (char **)(uintptr_t)t[i].args), CONFIG_ERROR);
		ck_assert_msg(strstr(why, t[i].says), "%zu: `%s' does not say `%s'", i, why, t[i].says);
	}
	ck_assert_int_eq(READ(&c, "--dhcp=yes", "--hostname=host-1", "--client-id=ff:01"), CONFIG_RUN);
	ck_assert(c.stack.dhcp.on && c.address.count == 0);
	ck_assert_str_eq(c.stack.dhcp.hostname, "host-1");
	ck_assert_uint_eq(c.stack.dhcp.client_id.len, 2);
	ck_assert_int_eq(READ(&c, "--address=10.0.0.2/24"), CONFIG_RUN);
	ck_assert(!c.stack.dhcp.on);
}
END_TEST

/* The widths of the fields hold their bounds. */
START_TEST(test_bounds_fit_fields)
{
	struct config c;
	char allowed[160], text[32];

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		if (k->kind != KIND_NUMBER && k->kind != KIND_BYTES)
			continue;
		config_defaults(&c);
		snprintf(text, sizeof(text), "%llu", (unsigned long long)k->max);
		ck_assert_msg(config_key_set(&c, k, text, allowed, sizeof(allowed)), "%s", k->name);
		uint64_t v = 0;
		memcpy(&v, (const char *)&c + k->offset, k->size);
		ck_assert_msg(v == k->max, "%s: %llu is stored as %llu", k->name, (unsigned long long)k->max,
		              (unsigned long long)v);
	}
}
END_TEST

START_TEST(test_units)
{
	uint64_t v;
	uint32_t ppm;
	duration d;

	ck_assert(units_duration("1.5", &d) && d.ns == 1500 * NS_PER_MS);
	ck_assert(units_duration("250us", &d) && d.ns == 250 * NS_PER_US);
	ck_assert(units_duration("0", &d) && d.ns == 0);
	ck_assert(units_duration("2min", &d) && d.ns == 120 * NS_PER_S);
	ck_assert(!units_duration("", &d) && !units_duration("ms", &d) && !units_duration("-1s", &d));
	ck_assert(!units_duration("1 s", &d) && !units_duration("1.s", &d) && !units_duration("1e3s", &d));
	ck_assert(!units_duration("99999999999999999999s", &d));
	ck_assert(units_ppm("0", &ppm) && ppm == 0);
	ck_assert(units_ppm("0.01%", &ppm) && ppm == 100);
	ck_assert(units_ppm("100%", &ppm) && ppm == 1000000);
	ck_assert(!units_ppm("100.1%", &ppm) && !units_ppm("1", &ppm));
	ck_assert(units_bytes("1.5K", UINT64_MAX, &v) && v == 1536);
	ck_assert(!units_bytes("2K", 2047, &v));
	ck_assert(units_rate("2.5Gbit", &v) && v == 2500000000u);
	ck_assert(units_number("18446744073709551615", UINT64_MAX, &v) && v == UINT64_MAX);
	ck_assert(!units_number("18446744073709551616", UINT64_MAX, &v));
	ck_assert(!units_number("1.5", UINT64_MAX, &v));

	uint8_t octets[4], count;
	ck_assert(units_octets("01:aB:00:ff", sizeof(octets), octets, &count) && count == 4);
	ck_assert_mem_eq(octets, "\1\xab\0\xff", 4);
	ck_assert(units_octets("7f", sizeof(octets), octets, &count) && count == 1);
	ck_assert(!units_octets("01:02:03:04:05", sizeof(octets), octets, &count) && count == 1);
	static const char *const bad[] = {"", "0", ":", "01:", "01:2", "01 02", "0g", "01::02", "01-02", "012"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!units_octets(bad[i], sizeof(octets), octets, &count), "%s", bad[i]);
}
END_TEST

/* What is shown can be given back, whatever the key. */
START_TEST(test_every_value_reads_back)
{
	struct config c, again;
	char text[CONFIG_VALUE_MAX], twice[CONFIG_VALUE_MAX], allowed[160];

	ck_assert_int_eq(READ(&c, "--address", "10.0.0.2/24", "--gateway=10.0.0.1", "--mac=02:00:00:00:00:07",
	                      "--in-loss=2%", "--out-delay=1500us", "--in-rate=10Mbit", "--user=somebody",
	                      "--host-address=10.0.0.1/24", "--route=10.5.0.0/16 via 10.0.0.9 metric 10,10.6.0.0/16",
	                      "--neighbor=10.0.0.9 02:00:00:00:00:09", "--conflict-detection=probe", "--delack=1500us",
	                      "--time-wait=90s", "--ecn=on"),
	                 CONFIG_RUN);
	config_defaults(&again);
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		config_key_format(&c, k, text);
		if (!*text) /* not given */
			continue;
		ck_assert_msg(config_key_set(&again, k, text, allowed, sizeof(allowed)), "%s = %s", k->name, text);
		config_key_format(&again, k, twice);
		ck_assert_str_eq(text, twice);
	}
	config_key_format(&c, config_key_named("tcp.delack"), text);
	ck_assert_str_eq(text, "1500us");
	config_key_format(&c, config_key_named("tcp.ecn"), text);
	ck_assert_str_eq(text, "on");
	config_key_format(&c, config_key_named("address"), text);
	ck_assert_str_eq(text, "10.0.0.2/24");
}
END_TEST

START_TEST(test_change_at_run_time)
{
	struct config c;

	ck_assert_int_eq(READ(&c, "--address", "10.0.0.2/24"), CONFIG_RUN);
	ck_assert_int_eq(config_change(&c, "tcp.ecn", "on", why), 0);
	ck_assert_int_eq(c.stack.tcp.ecn, TCP_ECN_ON);
	ck_assert_int_eq(config_change(&c, "initial-window", "4", why), 0);
	ck_assert_uint_eq(c.stack.tcp.initial_window, 4);
	ck_assert_int_eq(config_change(&c, "tcp.max-segment", "1200", why), 0);
	ck_assert_int_eq(config_change(&c, "tcp.cork-time", "100ms", why), 0);
	ck_assert_int_eq(c.stack.tcp.cork_time.ns, 100 * NS_PER_MS);
	static const char *const refused[][3] = {
	        {"tcp.nonsense", "1", "no key"},
	        {"udp.ecn", "on", "no key"},
	        {"stack.address", "10.0.0.3/24", "cannot be changed"},
	        {"tcp.ecn", "maybe", "off, passive or on"},
	        {"tcp.delack", "500ms", "499ms"},
	        {"tcp.initial-window", "0", "1 to 100"},
	        {"impair-in.in-loss", "1%", "cannot be changed"},
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		ck_assert_int_eq(config_change(&c, refused[i][0], refused[i][1], why), EINVAL);
		ck_assert_msg(strstr(why, refused[i][2]) != NULL, "%s: %s", refused[i][0], why);
	}
	ck_assert_int_eq(c.stack.tcp.ecn, TCP_ECN_ON);
	ck_assert_int_eq(config_change(&c, "max-segment", "50", why), 0);
	ck_assert(!config_check(&c, why));
	ck_assert_ptr_nonnull(strstr(why, "max-segment"));
}
END_TEST

Suite *config_suite(void);
Suite *config_suite(void)
{
	UNIT_SUITE("config", test_dhcp, test_every_value_reads_back, test_change_at_run_time, test_command_line,
	           test_command_line_errors, test_answered_at_once, test_file, test_file_errors, test_precedence,
	           test_values_must_fit_together, test_lists, test_longest_lists, test_table, test_bounds_fit_fields,
	           test_units);
}
