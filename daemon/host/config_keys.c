/* Every key with its kind, bounds and text, in the order of --help. */
#include "host/config_keys.h"
#include "host/config_list.h"
#include "host/units.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FIELD(member)    (uint16_t)sizeof(((struct config *)NULL)->member), (uint32_t)offsetof(struct config, member)
#define TIME_MAX_MS      UINT64_C(3600000)
#define KEEPALIVE_MAX_MS UINT64_C(32767000) /* as Linux bounds TCP_KEEPIDLE */
#define QUEUE_MAX        ((uint64_t)IMPAIR_QUEUE_MAX)

#define IMPAIR_KEYS(section, prefix, dir, which)                                                                     \
	{section, prefix "loss", KIND_PPM, FIELD(impair.dir.loss_ppm), 0, 0, "frames lost " which},                  \
	        {section,                                                                                            \
	         prefix "burst-enter",                                                                               \
	         KIND_PPM,                                                                                           \
	         FIELD(impair.dir.burst_enter_ppm),                                                                  \
	         0,                                                                                                  \
	         0,                                                                                                  \
	         "chance per frame that a burst of loss begins"},                                                    \
	        {section, prefix "burst-leave",           KIND_PPM, FIELD(impair.dir.burst_leave_ppm), 0,            \
	         0,       "chance per frame that it ends"},                                                          \
	        {section, prefix "duplicate", KIND_PPM, FIELD(impair.dir.duplicate_ppm), 0, 0, "frames duplicated"}, \
	        {section, prefix "reorder", KIND_PPM, FIELD(impair.dir.reorder_ppm), 0, 0, "frames held back"},      \
	        {section, prefix "reorder-delay", KIND_MICROSECONDS, FIELD(impair.dir.reorder_us),                   \
	         0,       IMPAIR_TIME_MAX_US,     "for how long"},                                                   \
	        {section,                                                                                            \
	         prefix "corrupt",                                                                                   \
	         KIND_PPM,                                                                                           \
	         FIELD(impair.dir.corrupt_ppm),                                                                      \
	         0,                                                                                                  \
	         0,                                                                                                  \
	         "frames with one bit flipped"},                                                                     \
	        {section, prefix "delay", KIND_MICROSECONDS, FIELD(impair.dir.delay_us), 0, IMPAIR_TIME_MAX_US,      \
	         "delay"},                                                                                           \
	        {section, prefix "jitter",    KIND_MICROSECONDS,        FIELD(impair.dir.jitter_us),                 \
	         0,       IMPAIR_TIME_MAX_US, "delay varies by so much"},                                            \
	        {section,                                                                                            \
	         prefix "rate",                                                                                      \
	         KIND_RATE,                                                                                          \
	         FIELD(impair.dir.rate_bps),                                                                         \
	         0,                                                                                                  \
	         IMPAIR_RATE_MAX,                                                                                    \
	         "bits per second, 0: unlimited"},                                                                   \
	{                                                                                                            \
		section, prefix "queue", KIND_BYTES, FIELD(impair.dir.queue_bytes), 0, QUEUE_MAX,                    \
		        "queue of the rate limiter"                                                                  \
	}

static const char *const acd_names[] = {
        [IP_ACD_NONE] = "off",
        [IP_ACD_ANNOUNCE] = "announce",
        [IP_ACD_PROBE] = "probe",
};
_Static_assert(ARRAY_LEN(acd_names) == IP_ACDS, "one for each");

/* clang-format off */
const struct config_key config_keys[] = {
	{"interface", "interface", KIND_NAME, FIELD(interface), 1, IFNAMSIZ, "TAP to own; created when it does not exist"},
	{"interface", "host-address", KIND_PREFIX, FIELD(host_address), 0, 0, "address of the kernel's side of the TAP"},
	{"interface", "mtu", KIND_NUMBER, FIELD(mtu), 576, 65535, "largest IP datagram in bytes"},
	{"interface", "mac", KIND_MAC, FIELD(mac), 0, 0, "MAC address of the stack; derived from the TAP's when not given"},
	{"stack", "address", KIND_ADDRESSES, FIELD(address), 0, 0, "addresses of the stack with the length of their networks; the first is the primary one (required)"},
	{"stack", "gateway", KIND_ADDR, FIELD(gateway), 0, 0, "router for all other networks"},
	{"stack", "route", KIND_ROUTES, FIELD(route), 0, 0, "routes: 10.5.0.0/16 via 10.0.0.9 metric 10, ..."},
	{"stack", "neighbor", KIND_NEIGHBORS, FIELD(neighbor), 0, 0, "static ARP entries: 10.0.0.9 02:00:00:00:00:09, ..."},
	{"stack", "dhcp", KIND_BOOL, FIELD(stack.dhcp.on), 0, 0, "address, routes and name servers from a DHCP server, instead of address"},
	{"stack", "hostname", KIND_NAME, FIELD(stack.dhcp.hostname), 1, DHCP_HOSTNAME_MAX, "name of this host, told to the DHCP server"},
	{"stack", "client-id", KIND_CLIENT_ID, FIELD(stack.dhcp.client_id), 1, DHCP_CLIENT_ID_MAX, "DHCP client identifier; made of the MAC address when not given"},
	{"stack", "sockets-max", KIND_NUMBER, FIELD(stack.sockets_max), 1, 10000000, "sockets of all users together"},
	{"stack", "sockets-per-uid", KIND_NUMBER, FIELD(stack.sockets_per_uid), 1, 10000000, "sockets of one user; root is exempt"},
	{"ip", "ttl", KIND_NUMBER, FIELD(stack.ip.ttl), 1, 255, "time to live of what a socket does not give one (RFC 1122 3.2.1.7)"},
	{"ip", "redirects", KIND_BOOL, FIELD(stack.ip.redirects), 0, 0, "believe redirects of the gateway in use (RFC 1122 3.2.2.2)"},
	{"ip", "conflict-detection", KIND_ACD, FIELD(stack.ip.conflict_detection), 0, 0, "other stations with our address: off, announce or probe (RFC 5227)"},
	{"ip", "arp-timeout", KIND_DURATION, FIELD(stack.ip.arp_timeout), 1000, TIME_MAX_MS, "how long a MAC address is believed before it is asked for again (RFC 1122 2.3.2.1)"},
	{"ip", "source-route", KIND_BOOL, FIELD(stack.ip.source_route), 0, 0, "obey source routes: IP_OPTIONS, and routes that peers record (RFC 1122 3.2.1.8)"},
	{"resolver", "dns", KIND_SERVERS, FIELD(dns), 0, 0, "name servers that libtoynet asks: 10.0.0.53, 10.0.0.54:5353; else DHCP's, else /etc/resolv.conf"},
	{"resolver", "search", KIND_DOMAINS, FIELD(search), 0, 0, "domains in which it looks for short names"},
	{"tcp", "rcvbuf", KIND_BYTES, FIELD(stack.tcp.rcvbuf), TCP_BUF_MIN, TCP_BUF_MAX, "receive buffer of a connection"},
	{"tcp", "sndbuf", KIND_BYTES, FIELD(stack.tcp.sndbuf), TCP_BUF_MIN, TCP_BUF_MAX, "send buffer of a connection"},
	{"tcp", "rcvbuf-max", KIND_BYTES, FIELD(stack.tcp.rcvbuf_max), TCP_BUF_MIN, TCP_BUF_MAX, "how far the receive buffer tunes itself"},
	{"tcp", "sndbuf-max", KIND_BYTES, FIELD(stack.tcp.sndbuf_max), TCP_BUF_MIN, TCP_BUF_MAX, "how far the send buffer tunes itself"},
	{"tcp", "backlog-max", KIND_NUMBER, FIELD(stack.tcp.backlog_max), 1, 65535, "bound on listen's backlog"},
	{"tcp", "timestamps", KIND_BOOL, FIELD(stack.tcp.timestamps), 0, 0, "timestamps option (RFC 7323)"},
	{"tcp", "window-scaling", KIND_BOOL, FIELD(stack.tcp.window_scaling), 0, 0, "window scale option (RFC 7323)"},
	{"tcp", "sack", KIND_BOOL, FIELD(stack.tcp.sack), 0, 0, "selective acknowledgments (RFC 2018)"},
	{"tcp", "ecn", KIND_ECN, FIELD(stack.tcp.ecn), 0, 0, "explicit congestion notification: off, passive or on (RFC 3168)"},
	{"tcp", "mtu-probing", KIND_MTU_PROBING, FIELD(stack.tcp.mtu_probing), 0, 0, "search for the path MTU: off, blackhole or on (RFC 4821)"},
	{"tcp", "syn-cookies", KIND_BOOL, FIELD(stack.tcp.syn_cookies), 0, 0, "SYN cookies when the SYN queue is full (RFC 4987)"},
	{"tcp", "congestion-control", KIND_CC, FIELD(stack.tcp.cc), 0, 0, "algorithm of new sockets: cubic or reno"},
	{"tcp", "initial-window", KIND_NUMBER, FIELD(stack.tcp.initial_window), 1, TCP_INITIAL_WINDOW_MAX, "segments sent before the first ACK (RFC 6928)"},
	{"tcp", "max-segment", KIND_NUMBER, FIELD(stack.tcp.max_segment), 0, UINT16_MAX, "TCP_MAXSEG of new sockets, 88 at least; 0: what the MTU allows"},
	{"tcp", "cork-time", KIND_DURATION, FIELD(stack.tcp.cork_time), 1, 10000, "how long TCP_CORK may hold text back"},
	{"tcp", "delack", KIND_DURATION, FIELD(stack.tcp.delack), 0, TCP_DELACK_MAX_MS, "longest delay of an acknowledgment"},
	{"tcp", "rto-min", KIND_DURATION, FIELD(stack.tcp.rto_min), 1, 60000, "least time by which the RTO exceeds the smoothed round trip"},
	{"tcp", "rto-max", KIND_DURATION, FIELD(stack.tcp.rto_max), 1000, TIME_MAX_MS, "largest retransmission timeout"},
	{"tcp", "rto-initial", KIND_DURATION, FIELD(stack.tcp.rto_initial), 1, 60000, "before the first measurement"},
	{"tcp", "syn-retries", KIND_NUMBER, FIELD(stack.tcp.syn_retries), 0, 30, "retransmissions of a SYN before ETIMEDOUT"},
	{"tcp", "retries", KIND_NUMBER, FIELD(stack.tcp.retries), 1, 100, "retransmissions of data before ETIMEDOUT"},
	{"tcp", "orphan-retries", KIND_NUMBER, FIELD(stack.tcp.orphan_retries), 1, 100, "the same once the application has closed"},
	{"tcp", "orphans-max", KIND_NUMBER, FIELD(stack.tcp.orphans_max), 0, 10000000, "connections that end without an application"},
	{"tcp", "time-wait-max", KIND_NUMBER, FIELD(stack.tcp.time_wait_max), 0, 10000000, "connections in TIME-WAIT"},
	{"tcp", "time-wait", KIND_DURATION, FIELD(stack.tcp.time_wait), 0, TCP_TIME_WAIT_MAX_MS, "length of TIME-WAIT (2 MSL)"},
	{"tcp", "fin-wait-2", KIND_DURATION, FIELD(stack.tcp.fin_wait_2), 1, TIME_MAX_MS, "FIN-WAIT-2 after the application has closed"},
	{"tcp", "keepalive", KIND_BOOL, FIELD(stack.tcp.keepalive), 0, 0, "SO_KEEPALIVE of new sockets"},
	{"tcp", "keepalive-idle", KIND_DURATION, FIELD(stack.tcp.keep_idle), 1000, KEEPALIVE_MAX_MS, "silence before the first probe"},
	{"tcp", "keepalive-interval", KIND_DURATION, FIELD(stack.tcp.keep_interval), 1000, KEEPALIVE_MAX_MS, "time between probes"},
	{"tcp", "keepalive-probes", KIND_NUMBER, FIELD(stack.tcp.keep_count), 1, 127, "probes without an answer before ETIMEDOUT"},
	{"tcp", "user-timeout", KIND_DURATION, FIELD(stack.tcp.user_timeout), 0, KEEPALIVE_MAX_MS, "time that data may stay unacknowledged; 0: retries decide"},
	{"udp", "udp-rcvbuf", KIND_BYTES, FIELD(stack.udp_rcvbuf), TCP_BUF_MIN, TCP_BUF_MAX, "receive buffer of a UDP socket"},
	{"udp", "udp-sndbuf", KIND_BYTES, FIELD(stack.udp_sndbuf), TCP_BUF_MIN, TCP_BUF_MAX, "send buffer of a UDP socket"},
	{"control", "socket", KIND_NAME, FIELD(socket_path), 1, CONFIG_PATH_MAX, "path of the control socket"},
	{"control", "socket-mode", KIND_MODE, FIELD(socket_mode), 0, 0777, "its permissions, octal"},
	{"control", "user", KIND_NAME, FIELD(user), 1, CONFIG_NAME_MAX, "user to become after start; `toynet' when that user exists"},
	{"control", "group", KIND_NAME, FIELD(group), 1, CONFIG_NAME_MAX, "group to become; the user's when not given"},
	{"link", "capture", KIND_NAME, FIELD(capture), 1, CONFIG_FILE_MAX, "file into which every frame is captured (pcapng)"},
	{"link", "capture-snap-length", KIND_NUMBER, FIELD(capture_snap_length), 0, FRAME_MAX, "bytes stored of each frame; 0: all"},
	{"impair", "impair-seed", KIND_NUMBER, FIELD(impair.seed), 0, UINT64_MAX, "seed of the impair link; 0: random"},
	IMPAIR_KEYS("impair-in", "in-", in, "towards the stack"),
	IMPAIR_KEYS("impair-out", "out-", out, "away from the stack"),
};
/* clang-format on */
const size_t config_key_count = ARRAY_LEN(config_keys);

const struct config_key *config_key_find(const char *name)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	return NULL;
}

bool config_section_known(const char *section)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].section, section) == 0)
			return true;
	return false;
}

static void store(uint8_t *field, uint16_t size, uint64_t v)
{
	/* Bounds in the table keep v within the field; little and big endian machines alike. */
	uint8_t v8 = (uint8_t)v;
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;

	switch (size) {
	case 1:
		memcpy(field, &v8, 1);
		return;
	case 2:
		memcpy(field, &v16, 2);
		return;
	case 4:
		memcpy(field, &v32, 4);
		return;
	default:
		assert(size == sizeof(v));
		memcpy(field, &v, sizeof(v));
	}
}

static bool set_bool(uint8_t *field, const char *text)
{
	static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};
	bool v;

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		v = strcasecmp(text, yes[i]) == 0;
		if (v || strcasecmp(text, no[i]) == 0) {
			memcpy(field, &v, sizeof(v));
			return true;
		}
	}
	return false;
}

static bool set_mode(uint8_t *field, const char *text, uint64_t max)
{
	uint32_t mode = 0;
	size_t digits = strspn(text, "01234567");

	if (digits == 0 || digits > 4 || text[digits])
		return false;
	for (; *text; text++)
		mode = mode * 8 + (uint32_t)(*text - '0');
	if (mode > max)
		return false;
	memcpy(field, &mode, sizeof(mode));
	return true;
}

/* One of the names; the value is its index. The field is an enum. */
static bool set_choice(uint8_t *field, const char *text, const char *const *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(text, names[i]) == 0) {
			memcpy(field, &i, sizeof(i));
			return true;
		}
	return false;
}

static bool set_quantity(uint8_t *field, const struct config_key *k, const char *text)
{
	uint64_t v = 0;
	uint32_t ppm = 0;
	duration d = {0};
	bool ok = false;

	if (k->kind == KIND_NUMBER)
		ok = units_number(text, k->max, &v);
	else if (k->kind == KIND_BYTES)
		ok = units_bytes(text, k->max, &v);
	else if (k->kind == KIND_RATE)
		ok = units_rate(text, &v) && v <= k->max;
	else if (k->kind == KIND_PPM && (ok = units_ppm(text, &ppm)))
		v = ppm;
	else if (k->kind == KIND_MICROSECONDS && (ok = units_duration(text, &d)))
		v = (uint64_t)(d.ns / NS_PER_US), ok = v <= k->max;
	if (!ok || v < k->min)
		return false;
	store(field, k->size, v);
	return true;
}

static bool set_duration(uint8_t *field, const struct config_key *k, const char *text)
{
	duration d;

	if (!units_duration(text, &d) || d.ns < (int64_t)k->min * NS_PER_MS || d.ns > (int64_t)k->max * NS_PER_MS)
		return false;
	memcpy(field, &d, sizeof(d));
	return true;
}

static bool set_name(uint8_t *field, const struct config_key *k, const char *text)
{
	size_t len = strlen(text);

	if (len < k->min || len >= k->size)
		return false;
	memcpy(field, text, len + 1);
	return true;
}

#define TEXT_OF(number)  #number
#define VALUE_OF(number) TEXT_OF(number)

/* What a kind takes, where the key's bounds are no part of it. */
static const char *const allowed_values[] = {
        [KIND_ADDR] = "an IPv4 address such as 10.0.0.1",
        [KIND_PREFIX] = "an IPv4 address with prefix length such as 10.0.0.2/24",
        [KIND_ADDRESSES] =
                "IPv4 addresses with prefix length such as 10.0.0.2/24, with commas between, at most " VALUE_OF(
                        CONFIG_LIST_MAX),
        [KIND_NEIGHBORS] = "addresses, each with its MAC address, such as 10.0.0.9 02:00:00:00:00:09, with commas "
                           "between, at most " VALUE_OF(CONFIG_LIST_MAX),
        [KIND_ROUTES] = "NETWORK/LENGTH or default [via ADDRESS] [src ADDRESS] [metric NUMBER], with commas between, "
                        "at most " VALUE_OF(CONFIG_LIST_MAX),
        [KIND_SERVERS] = "IPv4 addresses such as 10.0.0.53 or 10.0.0.53:5353, with commas between, at most " VALUE_OF(
                RPC_RESOLVER_SERVERS_MAX),
        [KIND_DOMAINS] = "domains such as example.org, with commas between, at most " VALUE_OF(RPC_RESOLVER_SEARCH_MAX),
        [KIND_MAC] = "a station's MAC address such as 02:00:00:00:00:01",
        [KIND_BOOL] = "yes or no",
        [KIND_PPM] = "a share such as 2%, 0.1% or 500ppm",
        [KIND_CC] = "cubic or reno",
        [KIND_ECN] = "off, passive or on",
        [KIND_MTU_PROBING] = "off, blackhole or on",
        [KIND_ACD] = "off, announce or probe",
        [KIND_MODE] = "an octal mode up to 0777",
        [KIND_CLIENT_ID] = "1 to " VALUE_OF(DHCP_CLIENT_ID_MAX) " octets in hexadecimal such as 01:02:00:00:00:00:01",
        [KIND_RATE] = "bits per second such as 10Mbit or 0",
};

static void say_allowed(const struct config_key *k, char *allowed, size_t size)
{
	if (k->kind < ARRAY_LEN(allowed_values) && allowed_values[k->kind])
		snprintf(allowed, size, "%s", allowed_values[k->kind]);
	else if (k->kind == KIND_NAME)
		snprintf(allowed, size, "a text of 1 to %u bytes", k->size - 1u);
	else if (k->kind == KIND_NUMBER)
		snprintf(allowed, size, "a whole number from %" PRIu64 " to %" PRIu64, k->min, k->max);
	else if (k->kind == KIND_BYTES)
		snprintf(allowed, size, "bytes from %" PRIu64 " to %" PRIu64 ", such as 65536, 64K or 1M", k->min,
		         k->max);
	else if (k->kind == KIND_DURATION)
		snprintf(allowed, size, "a time from %" PRIu64 "ms to %" PRIu64 "ms, such as 40ms or 1.5s", k->min,
		         k->max);
	else
		snprintf(allowed, size, "a time up to %" PRIu64 "us, such as 500us or 10ms", k->max);
}

static bool set(struct config *c, const struct config_key *k, const char *text)
{
	uint8_t *field = (uint8_t *)c + k->offset;
	struct ip_prefix prefix;
	struct ip_addr addr;
	struct mac_addr mac;

	switch (k->kind) {
	case KIND_NAME:
		return set_name(field, k, text);
	case KIND_ADDR:
		return ip_parse(text, &addr) && memcpy(field, &addr, sizeof(addr));
	case KIND_PREFIX:
		return prefix_parse(text, &prefix) && memcpy(field, &prefix, sizeof(prefix));
	case KIND_ADDRESSES:
		return config_addresses_parse(text, (struct config_addresses *)(void *)field);
	case KIND_NEIGHBORS:
		return config_neighbors_parse(text, (struct config_neighbors *)(void *)field);
	case KIND_ROUTES:
		return config_routes_parse(text, (struct config_routes *)(void *)field);
	case KIND_SERVERS:
		return config_servers_parse(text, (struct config_servers *)(void *)field);
	case KIND_DOMAINS:
		return config_domains_parse(text, (struct config_domains *)(void *)field);
	case KIND_MAC:
		return mac_parse(text, &mac) && !mac_is_group(mac) && memcpy(field, &mac, sizeof(mac));
	case KIND_NUMBER:
	case KIND_BYTES:
	case KIND_PPM:
	case KIND_MICROSECONDS:
	case KIND_RATE:
		return set_quantity(field, k, text);
	case KIND_DURATION:
		return set_duration(field, k, text);
	case KIND_BOOL:
		return set_bool(field, text);
	case KIND_CC:
		return set_choice(field, text, tcp_cc_names, TCP_CCS);
	case KIND_ECN:
		return set_choice(field, text, tcp_ecn_names, TCP_ECNS);
	case KIND_MTU_PROBING:
		return set_choice(field, text, tcp_mtu_probing_names, TCP_MTU_PROBINGS);
	case KIND_ACD:
		return set_choice(field, text, acd_names, IP_ACDS);
	case KIND_MODE:
		return set_mode(field, text, k->max);
	case KIND_CLIENT_ID: {
		struct dhcp_client_id *id = (struct dhcp_client_id *)(void *)field;
		return units_octets(text, sizeof(id->b), id->b, &id->len);
	}
	}
	return false;
}

static uint64_t load(const uint8_t *field, uint16_t size)
{
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v = 0;

	switch (size) {
	case 1:
		memcpy(&v8, field, 1);
		return v8;
	case 2:
		memcpy(&v16, field, 2);
		return v16;
	case 4:
		memcpy(&v32, field, 4);
		return v32;
	default:
		assert(size == sizeof(v));
		memcpy(&v, field, sizeof(v));
		return v;
	}
}

static void format_time(char *text, uint64_t us)
{
	if (us % 1000000 == 0)
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64 "s", us / 1000000);
	else if (us % 1000 == 0)
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64 "ms", us / 1000);
	else
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64 "us", us);
}

/* An address, prefix or MAC address; empty when it was not given. */
static void format_address(char *text, enum config_kind kind, const uint8_t *field)
{
	static const struct mac_addr no_mac;
	struct ip_prefix prefix;
	struct mac_addr mac;
	struct ip_addr addr;

	text[0] = '\0';
	if (kind == KIND_ADDR) {
		memcpy(&addr, field, sizeof(addr));
		if (addr.family != IP_NONE)
			ip_format(addr, text);
	} else if (kind == KIND_PREFIX) {
		memcpy(&prefix, field, sizeof(prefix));
		if (prefix.addr.family != IP_NONE)
			prefix_format(prefix, text);
	} else {
		memcpy(&mac, field, sizeof(mac));
		if (!mac_eq(mac, no_mac))
			mac_format(mac, text);
	}
}

static void format_choice(char text[CONFIG_VALUE_MAX], const char *const *names, const uint8_t *field)
{
	unsigned choice;

	memcpy(&choice, field, sizeof(choice));
	snprintf(text, CONFIG_VALUE_MAX, "%s", names[choice]);
}

void config_key_format(const struct config *c, const struct config_key *k, char text[CONFIG_VALUE_MAX])
{
	const uint8_t *field = (const uint8_t *)c + k->offset;
	duration d;

	switch (k->kind) {
	case KIND_NAME:
		snprintf(text, CONFIG_VALUE_MAX, "%s", (const char *)field);
		return;
	case KIND_ADDR:
	case KIND_PREFIX:
	case KIND_MAC:
		format_address(text, k->kind, field);
		return;
	case KIND_ADDRESSES:
		config_addresses_format((const struct config_addresses *)(const void *)field, text);
		return;
	case KIND_NEIGHBORS:
		config_neighbors_format((const struct config_neighbors *)(const void *)field, text);
		return;
	case KIND_ROUTES:
		config_routes_format((const struct config_routes *)(const void *)field, text);
		return;
	case KIND_SERVERS:
		config_servers_format((const struct config_servers *)(const void *)field, text);
		return;
	case KIND_DOMAINS:
		config_domains_format((const struct config_domains *)(const void *)field, text);
		return;
	case KIND_NUMBER:
	case KIND_BYTES:
	case KIND_RATE:
		/* Below the least is what stands for a value that was not given. */
		text[0] = '\0';
		if (load(field, k->size) >= k->min)
			snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64, load(field, k->size));
		return;
	case KIND_PPM:
		snprintf(text, CONFIG_VALUE_MAX, "%" PRIu64 "ppm", load(field, k->size));
		return;
	case KIND_MICROSECONDS:
		format_time(text, load(field, k->size));
		return;
	case KIND_DURATION:
		memcpy(&d, field, sizeof(d));
		format_time(text, (uint64_t)(d.ns / NS_PER_US));
		return;
	case KIND_BOOL:
		snprintf(text, CONFIG_VALUE_MAX, "%s", load(field, sizeof(bool)) ? "yes" : "no");
		return;
	case KIND_CC:
		format_choice(text, tcp_cc_names, field);
		return;
	case KIND_ECN:
		format_choice(text, tcp_ecn_names, field);
		return;
	case KIND_MTU_PROBING:
		format_choice(text, tcp_mtu_probing_names, field);
		return;
	case KIND_ACD:
		format_choice(text, acd_names, field);
		return;
	case KIND_CLIENT_ID:
		dhcp_client_id_format((const struct dhcp_client_id *)(const void *)field, text);
		return;
	case KIND_MODE:
		snprintf(text, CONFIG_VALUE_MAX, "%04o", (unsigned)load(field, k->size));
		return;
	}
}

/* What lies in struct tcp_config is looked at whenever it is needed; all else is used once. */
bool config_key_changeable(const struct config_key *k)
{
	size_t begin = offsetof(struct config, stack.tcp);

	return k->offset >= begin && k->offset < begin + sizeof(struct tcp_config);
}

const struct config_key *config_key_named(const char *name)
{
	const char *dot = strchr(name, '.');
	const struct config_key *k = config_key_find(dot ? dot + 1 : name);

	if (!k || !dot)
		return k;
	size_t len = (size_t)(dot - name);
	return strlen(k->section) == len && memcmp(k->section, name, len) == 0 ? k : NULL;
}

bool config_key_set(struct config *c, const struct config_key *k, const char *text, char *allowed, size_t size)
{
	if (set(c, k, text))
		return true;
	say_allowed(k, allowed, size);
	return false;
}
