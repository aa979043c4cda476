/* Lists of addresses, routes and neighbours, in the words of ip(8); of name servers and domains.
 *
 * A list may stand in one line, with commas between its items, or in several lines with the same key: a file adds to
 * what it has said before, and so does the command line, but the first mention on the command line replaces the list of
 * the file. What can be wrong with one item by itself is refused by its parser, in the line where it stands; what does
 * not fit the other keys is found when all of them are there, and named by its item. */
#include "host/config_list.h"
#include "host/units.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ITEM_MAX 256
#define BLANK    " \t"

/* The next item between commas, without blanks around it, in item; *at moves behind it. False: there is none, or it is
 * too long. */
static bool next_item(const char **at, char item[ITEM_MAX])
{
	const char *from = *at + strspn(*at, BLANK);
	size_t len = strcspn(from, ",");

	*at = from + len + (from[len] == ',');
	while (len > 0 && strchr(BLANK, from[len - 1]))
		len--;
	if (len == 0 || len >= ITEM_MAX)
		return false;
	memcpy(item, from, len);
	item[len] = '\0';
	return true;
}

/* Calls parse for every item with room for it, which lies `size` bytes behind the one before; there is room for max. */
static bool parse_items(const char *text, void *list, size_t size, uint8_t *count, uint8_t max,
                        bool (*parse)(char *item, void *to))
{
	char item[ITEM_MAX];
	bool last;

	do {
		last = !strchr(text, ',');
		if (*count == max || !next_item(&text, item) || !parse(item, (uint8_t *)list + *count * size))
			return false;
		++*count;
	} while (!last);
	return true;
}

static bool parse_address(char *item, void *to)
{
	return prefix_parse(item, to);
}

/* "default", a network with its length, or one address. */
static bool parse_destination(const char *word, struct ip_prefix *p)
{
	if (strcmp(word, "default") == 0) {
		*p = (struct ip_prefix){.addr = ip4(0, 0, 0, 0)};
		return true;
	}
	if (prefix_parse(word, p))
		return true;
	p->len = 32;
	return ip_parse(word, &p->addr);
}

static bool parse_route(char *item, void *to)
{
	struct ip_route r = {.origin = IP_ORIGIN_STATIC};
	char *save, *word = strtok_r(item, BLANK, &save);

	if (!word || !parse_destination(word, &r.prefix))
		return false;
	while ((word = strtok_r(NULL, BLANK, &save)) != NULL) {
		const char *operand = strtok_r(NULL, BLANK, &save);
		uint64_t metric;

		if (!operand)
			return false;
		if (strcmp(word, "via") == 0 && ip_parse(operand, &r.gateway))
			continue;
		if (strcmp(word, "src") == 0 && ip_parse(operand, &r.source))
			continue;
		if (strcmp(word, "metric") != 0 || !units_number(operand, UINT32_MAX, &metric))
			return false;
		r.metric = (uint32_t)metric;
	}
	memcpy(to, &r, sizeof(r));
	return true;
}

/* "10.0.0.9 02:00:00:00:00:09", with `lladdr' between for those who are used to it. */
static bool parse_neighbor(char *item, void *to)
{
	struct config_neighbor n;
	char *save, *word = strtok_r(item, BLANK, &save), *mac = strtok_r(NULL, BLANK, &save);

	if (mac && strcmp(mac, "lladdr") == 0)
		mac = strtok_r(NULL, BLANK, &save);
	if (!mac || strtok_r(NULL, BLANK, &save) || !ip_parse(word, &n.addr) || !mac_parse(mac, &n.mac) ||
	    mac_is_group(n.mac))
		return false;
	memcpy(to, &n, sizeof(n));
	return true;
}

bool config_addresses_parse(const char *text, struct config_addresses *to)
{
	struct config_addresses l = to->open ? *to : (struct config_addresses){.open = true};

	if (!parse_items(text, l.list, sizeof(l.list[0]), &l.count, CONFIG_LIST_MAX, parse_address))
		return false;
	*to = l;
	return true;
}

bool config_routes_parse(const char *text, struct config_routes *to)
{
	struct config_routes l = to->open ? *to : (struct config_routes){.open = true};

	if (!parse_items(text, l.list, sizeof(l.list[0]), &l.count, CONFIG_LIST_MAX, parse_route))
		return false;
	*to = l;
	return true;
}

/* ADDRESS or ADDRESS:PORT. */
static bool parse_server(char *item, void *to)
{
	struct endpoint e = {0};
	char *colon = strchr(item, ':');
	uint64_t port = 0;

	if (colon)
		*colon++ = '\0';
	if (!ip_parse(item, &e.addr) || ip_is_unspecified(e.addr) ||
	    (colon && (!units_number(colon, UINT16_MAX, &port) || !port)))
		return false;
	e.port = (uint16_t)port;
	memcpy(to, &e, sizeof(e));
	return true;
}

/* RFC 1035 2.3.4: labels of 1 to 63 bytes. */
static bool parse_domain(char *item, void *to)
{
	size_t len = strlen(item);

	if (len > 1 && item[len - 1] == '.')
		item[--len] = '\0';
	if (len >= RPC_DOMAIN_MAX)
		return false;
	for (const char *label = item; label; label = strchr(label, '.') ? strchr(label, '.') + 1 : NULL) {
		size_t n = strcspn(label, ".");
		if (n == 0 || n > 63 || strcspn(label, " \t\"\\;#") < n)
			return false;
	}
	memcpy(to, item, len + 1);
	return true;
}

bool config_servers_parse(const char *text, struct config_servers *to)
{
	struct config_servers l = to->open ? *to : (struct config_servers){.open = true};

	if (!parse_items(text, l.list, sizeof(l.list[0]), &l.count, RPC_RESOLVER_SERVERS_MAX, parse_server))
		return false;
	*to = l;
	return true;
}

bool config_domains_parse(const char *text, struct config_domains *to)
{
	struct config_domains l = to->open ? *to : (struct config_domains){.open = true};

	if (!parse_items(text, l.list, sizeof(l.list[0]), &l.count, RPC_RESOLVER_SEARCH_MAX, parse_domain))
		return false;
	*to = l;
	return true;
}

bool config_neighbors_parse(const char *text, struct config_neighbors *to)
{
	struct config_neighbors l = to->open ? *to : (struct config_neighbors){.open = true};

	if (!parse_items(text, l.list, sizeof(l.list[0]), &l.count, CONFIG_LIST_MAX, parse_neighbor))
		return false;
	*to = l;
	return true;
}

char *config_route_format(const struct ip_route *r, char buf[ROUTE_TEXT_MAX])
{
	char p[PREFIX_TEXT_MAX], a[IP_ADDR_TEXT_MAX];
	int n = snprintf(buf, ROUTE_TEXT_MAX, "%s", r->prefix.len ? prefix_format(r->prefix, p) : "default");

	if (r->gateway.family != IP_NONE)
		n += snprintf(buf + n, ROUTE_TEXT_MAX - (size_t)n, " via %s", ip_format(r->gateway, a));
	if (r->source.family != IP_NONE)
		n += snprintf(buf + n, ROUTE_TEXT_MAX - (size_t)n, " src %s", ip_format(r->source, a));
	if (r->metric)
		n += snprintf(buf + n, ROUTE_TEXT_MAX - (size_t)n, " metric %u", r->metric);
	assert(n < ROUTE_TEXT_MAX);
	return buf;
}

/* Adds an item to a text; there is room by the bounds of the items. */
static void append(char text[CONFIG_VALUE_MAX], const char *item)
{
	size_t len = strlen(text);

	assert(len + strlen(item) + 2 < CONFIG_VALUE_MAX);
	snprintf(text + len, CONFIG_VALUE_MAX - len, "%s%s", len ? ", " : "", item);
}

void config_addresses_format(const struct config_addresses *l, char text[CONFIG_VALUE_MAX])
{
	char p[PREFIX_TEXT_MAX];

	text[0] = '\0';
	for (int i = 0; i < l->count; i++)
		append(text, prefix_format(l->list[i], p));
}

void config_routes_format(const struct config_routes *l, char text[CONFIG_VALUE_MAX])
{
	char r[ROUTE_TEXT_MAX];

	text[0] = '\0';
	for (int i = 0; i < l->count; i++)
		append(text, config_route_format(&l->list[i], r));
}

void config_servers_format(const struct config_servers *l, char text[CONFIG_VALUE_MAX])
{
	char e[ENDPOINT_TEXT_MAX];

	text[0] = '\0';
	for (int i = 0; i < l->count; i++)
		append(text, l->list[i].port ? endpoint_format(l->list[i], e) : ip_format(l->list[i].addr, e));
}

void config_domains_format(const struct config_domains *l, char text[CONFIG_VALUE_MAX])
{
	text[0] = '\0';
	for (int i = 0; i < l->count; i++)
		append(text, l->list[i]);
}

void config_neighbors_format(const struct config_neighbors *l, char text[CONFIG_VALUE_MAX])
{
	char a[IP_ADDR_TEXT_MAX], m[MAC_TEXT_MAX], item[ITEM_MAX];

	text[0] = '\0';
	for (int i = 0; i < l->count; i++) {
		snprintf(item, sizeof(item), "%s %s", ip_format(l->list[i].addr, a), mac_format(l->list[i].mac, m));
		append(text, item);
	}
}

void config_lists_close(struct config *c)
{
	c->address.open = c->route.open = c->neighbor.open = c->dns.open = c->search.open = false;
}

static bool refuse(char why[CONFIG_ERROR_MAX], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(char why[CONFIG_ERROR_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CONFIG_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

static struct ip_addr network_of(struct ip_prefix p)
{
	return ip4_from_u32(p.len ? ip4_to_u32(p.addr) & UINT32_MAX << (32 - p.len) : 0);
}

static bool is_own(const struct config *c, struct ip_addr a)
{
	for (int i = 0; i < c->address.count; i++)
		if (ip_eq(c->address.list[i].addr, a))
			return true;
	return false;
}

static bool is_broadcast(const struct config *c, struct ip_addr a)
{
	for (int i = 0; i < c->address.count; i++)
		if (ip_eq(prefix_broadcast(c->address.list[i]), a))
			return true;
	return false;
}

/* Is a another host on one of our networks? */
static bool is_neighbor(const struct config *c, struct ip_addr a)
{
	if (is_own(c, a) || is_broadcast(c, a))
		return false;
	for (int i = 0; i < c->address.count; i++)
		if (prefix_contains(c->address.list[i], a))
			return true;
	return false;
}

static bool check_address(const struct config *c, int at, char why[CONFIG_ERROR_MAX])
{
	struct ip_prefix p = c->address.list[at];
	struct ip_addr own = p.addr;
	char text[PREFIX_TEXT_MAX];

	prefix_format(p, text);
	if (own.b[0] == 0 || ip_is_multicast(own) || ip_is_loopback(own) || own.b[0] >= 240)
		return refuse(why, "key `address': %s is not the address of a host", text);
	if (p.len == 0)
		return refuse(
		        why, "key `address': %s has prefix length 0: give the length of the network that the TAP is on",
		        text);
	if (is_broadcast(c, own))
		return refuse(why, "key `address': %s is the broadcast address of its network", text);
	if (p.len < 31 && ip_eq(own, network_of(p)))
		return refuse(why, "key `address': %s is the address of its network, not of a host", text);
	if (ip_eq(c->host_address.addr, own))
		return refuse(
		        why,
		        "keys `address' and `host-address' are the same, %s: the kernel and the stack need one each",
		        text);
	for (int i = 0; i < at; i++)
		if (ip_eq(c->address.list[i].addr, own))
			return refuse(why, "key `address': %s is there twice", text);
	return true;
}

static bool same_place(const struct ip_route *a, struct ip_prefix p, uint32_t metric)
{
	return a->metric == metric && a->prefix.len == p.len && ip_eq(network_of(a->prefix), network_of(p));
}

static bool check_route(const struct config *c, int at, char why[CONFIG_ERROR_MAX])
{
	const struct ip_route *r = &c->route.list[at];
	char text[ROUTE_TEXT_MAX];

	config_route_format(r, text);
	if (r->gateway.family != IP_NONE && !is_neighbor(c, r->gateway))
		return refuse(why, "key `route': %s: the gateway is not another host on a network of key `address'",
		              text);
	if (r->source.family != IP_NONE && !is_own(c, r->source))
		return refuse(why, "key `route': %s: src is not an address of key `address'", text);
	for (int i = 0; i < c->address.count; i++)
		if (same_place(r, c->address.list[i], 0))
			return refuse(
			        why, "key `route': %s: an address of ours leads there already; give the route a metric",
			        text);
	for (int i = 0; i < at; i++)
		if (same_place(&c->route.list[i], r->prefix, r->metric))
			return refuse(why,
			              "key `route': %s: there are two with this network and metric; give them "
			              "different metrics",
			              text);
	if (c->gateway.family != IP_NONE && r->prefix.len == 0 && r->metric == 0)
		return refuse(why, "key `route': %s: key `gateway' is this route already; give one of them a metric",
		              text);
	return true;
}

static bool check_neighbor(const struct config *c, int at, char why[CONFIG_ERROR_MAX])
{
	struct ip_addr addr = c->neighbor.list[at].addr;
	char text[IP_ADDR_TEXT_MAX];

	if (!is_neighbor(c, addr))
		return refuse(why, "key `neighbor': %s is not another host on a network of key `address'",
		              ip_format(addr, text));
	for (int i = 0; i < at; i++)
		if (ip_eq(c->neighbor.list[i].addr, addr))
			return refuse(why, "key `neighbor': %s is there twice", ip_format(addr, text));
	return true;
}

bool config_lists_check(const struct config *c, char why[CONFIG_ERROR_MAX])
{
	char a[IP_ADDR_TEXT_MAX], text[CONFIG_VALUE_MAX];

	for (int i = 0; i < c->address.count; i++)
		if (!check_address(c, i, why))
			return false;
	if (c->gateway.family != IP_NONE && !is_neighbor(c, c->gateway)) {
		config_addresses_format(&c->address, text);
		return refuse(why, "key `gateway': %s is not another host on %s", ip_format(c->gateway, a), text);
	}
	for (int i = 0; i < c->route.count; i++)
		if (!check_route(c, i, why))
			return false;
	for (int i = 0; i < c->neighbor.count; i++)
		if (!check_neighbor(c, i, why))
			return false;
	return true;
}
