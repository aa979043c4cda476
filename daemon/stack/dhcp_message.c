/* See dhcp_message.h: the walk over options, the table of those that we know, the builder. */
#include "stack/dhcp_message.h"

#include "base/bytes.h"

#define BOOTREQUEST    1
#define BOOTREPLY      2
#define HTYPE_ETHERNET 1
#define OFF_XID        4
#define OFF_SECS       8
#define OFF_FLAGS      10
#define OFF_CIADDR     12
#define OFF_YIADDR     16
#define OFF_CHADDR     28
#define OFF_SNAME      44
#define SNAME_LEN      64
#define OFF_FILE       108
#define FILE_LEN       128
#define OFF_COOKIE     236
#define OFF_OPTIONS    240
#define MAGIC_COOKIE   0x63825363u
#define FLAG_BROADCAST 0x8000

/* Options: RFC 2132; RFC 3397 (119), RFC 3442 (121). */
enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTERS = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_LIST = 55,
	OPT_TEXT = 56,
	OPT_MAX_SIZE = 57,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLIENT_ID = 61,
	OPT_SEARCH = 119,
	OPT_ROUTES = 121,
	OPT_END = 255,
};
enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2, OVERLOAD_BITS = 3 };

#define OPTION_FIELDS 3
#define OPTION_MAX    4096 /* octets of one option, its pieces together (RFC 3396) */
#define LABEL_MAX     63
#define JUMPS_MAX     16 /* compression pointers within one name */
#define MTU_LEAST     68 /* RFC 2132 5.1 */

/* Where options are, in the order in which RFC 2131 4.1 wants them read. */
struct fields {
	struct reader field[OPTION_FIELDS];
	int count;
};

/* The next option of a field. False: the field ends here, or (short_input) the option runs past it. A missing end
 * option is forgiven. */
static bool next_option(struct reader *r, uint8_t *code, struct reader *value)
{
	do {
		if (r->len == 0)
			return false;
		*code = read_u8(r);
	} while (*code == OPT_PAD);
	if (*code == OPT_END)
		return false;
	uint8_t len = read_u8(r);
	const uint8_t *p = read_bytes(r, len);
	*value = reader_of(p, p ? len : 0);
	return p != NULL;
}

/* Every option lies within the field. */
static bool walk(struct reader r, uint8_t *overload)
{
	struct reader value;
	uint8_t code;

	while (next_option(&r, &code, &value)) {
		if (code != OPT_OVERLOAD || !overload)
			continue;
		*overload = read_u8(&value);
		if (value.short_input || value.len || *overload == 0 || *overload > OVERLOAD_BITS)
			return false;
	}
	return !r.short_input;
}

/* RFC 2131 4.1: the options field is read first; then `file', then `sname', where option overload says so. */
static bool find_fields(const uint8_t *p, size_t len, struct fields *f)
{
	uint8_t overload = 0;

	*f = (struct fields){.count = 1, .field = {reader_of(p + OFF_OPTIONS, len - OFF_OPTIONS)}};
	if (!walk(f->field[0], &overload))
		return false;
	if (overload & OVERLOAD_FILE)
		f->field[f->count++] = reader_of(p + OFF_FILE, FILE_LEN);
	if (overload & OVERLOAD_SNAME)
		f->field[f->count++] = reader_of(p + OFF_SNAME, SNAME_LEN);
	for (int i = 1; i < f->count; i++)
		if (!walk(f->field[i], NULL))
			return false;
	return true;
}

enum gathered { OPTION_ABSENT, OPTION_WHOLE, OPTION_TOO_LONG };

/* RFC 3396 7: the pieces of an option, in the order of the fields, are one value. */
static enum gathered gather(const struct fields *f, uint8_t wanted, uint8_t buf[OPTION_MAX], uint32_t *len)
{
	enum gathered found = OPTION_ABSENT;
	struct reader value;
	uint8_t code;

	*len = 0;
	for (int i = 0; i < f->count; i++) {
		struct reader r = f->field[i];
		while (next_option(&r, &code, &value)) {
			if (code != wanted)
				continue;
			if (value.len > OPTION_MAX - *len)
				return OPTION_TOO_LONG;
			memcpy(buf + *len, value.p, value.len);
			*len += (uint32_t)value.len;
			found = OPTION_WHOLE;
		}
	}
	return found;
}

static bool read_type(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len != 1 || p[0] == 0 || p[0] >= DHCP_TYPES)
		return false;
	m->type = p[0];
	return true;
}

static bool read_server(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len != 4)
		return false;
	m->server_id = ip4_from_bytes(p);
	return true;
}

static bool read_client_id(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len == 0 || len > DHCP_CLIENT_ID_MAX)
		return false;
	m->client_id.len = (uint8_t)len;
	memcpy(m->client_id.b, p, len);
	return true;
}

static bool read_lease(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len != 4)
		return false;
	m->has_lease = true;
	m->lease_s = load_be32(p);
	return true;
}

static bool read_t1(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len != 4)
		return false;
	m->t1_s = load_be32(p);
	return true;
}

static bool read_t2(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len != 4)
		return false;
	m->t2_s = load_be32(p);
	return true;
}

static bool read_mask(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len != 4)
		return false;
	uint32_t mask = load_be32(p);
	uint8_t ones = 0;
	for (; mask >> 31; mask <<= 1)
		ones++;
	if (mask)
		return false;
	m->params.has_mask = true;
	m->params.mask = ones;
	return true;
}

/* A list of addresses, of which the first `max' are kept. */
static bool read_addresses(const uint8_t *p, uint32_t len, struct ip_addr *a, uint8_t max, uint8_t *count)
{
	if (len == 0 || len % 4)
		return false;
	for (uint32_t i = 0; i < len / 4 && i < max; i++)
		a[(*count)++] = ip4_from_bytes(p + 4 * (size_t)i);
	return true;
}

static bool read_routers(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	return read_addresses(p, len, m->params.router, DHCP_ROUTERS_MAX, &m->params.routers);
}

static bool read_dns(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	return read_addresses(p, len, m->params.dns_server, DHCP_DNS_MAX, &m->params.dns);
}

static bool read_mtu(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	if (len != 2 || load_be16(p) < MTU_LEAST)
		return false;
	m->params.mtu = load_be16(p);
	return true;
}

static bool name_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A name in text form: labels of 1 to 63 octets with a dot between two. Servers may add a NUL or a final dot. */
static bool read_domain(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	uint32_t label = 0;

	while (len > 0 && p[len - 1] == '\0')
		len--;
	if (len > 0 && p[len - 1] == '.')
		len--;
	if (len == 0 || len >= DHCP_DOMAIN_MAX)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		bool dot = p[i] == '.';
		if (dot ? label == 0 : !name_octet(p[i]) || label == LABEL_MAX)
			return false;
		label = dot ? 0 : label + 1;
	}
	if (label == 0)
		return false;
	memcpy(m->params.domain, p, len);
	m->params.domain[len] = '\0';
	return true;
}

/* One label at *r, appended to the text of n octets. False: it is not valid, or the text is too long. */
static bool append_label(struct reader *r, uint8_t label, char *text, uint32_t *n)
{
	const uint8_t *p = read_bytes(r, label);

	if (!p || *n + label + 1u >= DHCP_DOMAIN_MAX)
		return false;
	if (*n)
		text[(*n)++] = '.';
	for (uint8_t i = 0; i < label; i++) {
		if (!name_octet(p[i]))
			return false;
		text[(*n)++] = (char)p[i];
	}
	return true;
}

/* One name in wire form (RFC 1035 4.1.4) at *r, which moves past it. A pointer leads backwards within the option. */
static bool read_name(const uint8_t *option, struct reader *r, char text[DHCP_DOMAIN_MAX])
{
	struct reader at = *r;
	bool jumped = false;
	uint32_t n = 0;

	for (int jumps = 0;;) {
		size_t here = (size_t)(at.p - option);
		uint8_t label = read_u8(&at);
		if (at.short_input)
			return false;
		if (label > LABEL_MAX) {
			size_t to = (size_t)(label & LABEL_MAX) << 8 | read_u8(&at);
			if (at.short_input || label >> 6 != 3 || to >= here || ++jumps > JUMPS_MAX)
				return false;
			if (!jumped)
				*r = at;
			jumped = true;
			at = reader_of(option + to, here - to);
			continue;
		}
		if (label == 0)
			break;
		if (!append_label(&at, label, text, &n))
			return false;
	}
	if (!jumped)
		*r = at;
	text[n] = '\0';
	return n > 0;
}

/* RFC 3397 2: the names that do not fit are left out. */
static bool read_search(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	struct reader r = reader_of(p, len);
	char *text = m->params.search, name[DHCP_DOMAIN_MAX];
	size_t n = 0;

	while (r.len > 0) {
		if (!read_name(p, &r, name)) {
			text[0] = '\0';
			return false;
		}
		size_t more = strlen(name);
		if (n + more + 2 > DHCP_SEARCH_MAX)
			break;
		if (n)
			text[n++] = ' ';
		memcpy(text + n, name, more + 1);
		n += more;
	}
	return n > 0;
}

/* RFC 3442: the length of a prefix, its significant octets, a router. */
static bool read_routes(const uint8_t *p, uint32_t len, struct dhcp_message *m)
{
	struct reader r = reader_of(p, len);
	uint8_t count = 0;

	while (r.len > 0) {
		struct dhcp_route route;
		uint8_t bytes[4] = {0};
		route.prefix.len = read_u8(&r);
		size_t significant = (route.prefix.len + 7u) / 8;
		const uint8_t *prefix = route.prefix.len <= 32 ? read_bytes(&r, significant) : NULL;
		const uint8_t *gateway = prefix ? read_bytes(&r, 4) : NULL;
		if (!gateway)
			return false;
		memcpy(bytes, prefix, significant);
		uint32_t mask = route.prefix.len ? UINT32_MAX << (32 - route.prefix.len) : 0;
		/* "the client MUST install a route whose destination is masked". */
		route.prefix.addr = ip4_from_u32(load_be32(bytes) & mask);
		route.gateway = ip4_from_bytes(gateway);
		if (count < DHCP_ROUTES_MAX)
			m->params.route[count++] = route;
	}
	m->params.routes = count;
	return count > 0;
}

static const struct {
	uint8_t code;
	bool needed; /* malformed: so is the message */
	bool (*read)(const uint8_t *p, uint32_t len, struct dhcp_message *m);
} options[] = {
        {OPT_TYPE, true, read_type},      {OPT_SERVER, true, read_server},    {OPT_CLIENT_ID, true, read_client_id},
        {OPT_LEASE, true, read_lease},    {OPT_T1, false, read_t1},           {OPT_T2, false, read_t2},
        {OPT_MASK, false, read_mask},     {OPT_ROUTERS, false, read_routers}, {OPT_DNS, false, read_dns},
        {OPT_DOMAIN, false, read_domain}, {OPT_SEARCH, false, read_search},   {OPT_MTU, false, read_mtu},
        {OPT_ROUTES, false, read_routes},
};

bool dhcp_message_parse(const uint8_t *p, size_t len, struct dhcp_message *m)
{
	uint8_t value[OPTION_MAX];
	struct fields f;
	uint32_t n;

	if (len < OFF_OPTIONS || p[0] != BOOTREPLY || p[1] != HTYPE_ETHERNET || p[2] != sizeof(m->chaddr.b) ||
	    load_be32(p + OFF_COOKIE) != MAGIC_COOKIE || !find_fields(p, len, &f))
		return false;
	memset(m, 0, sizeof(*m));
	m->xid = load_be32(p + OFF_XID);
	m->yiaddr = ip4_from_bytes(p + OFF_YIADDR);
	memcpy(m->chaddr.b, p + OFF_CHADDR, sizeof(m->chaddr.b));
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		enum gathered found = gather(&f, options[i].code, value, &n);
		if (found == OPTION_ABSENT || (found == OPTION_WHOLE && options[i].read(value, n, m)))
			continue;
		if (options[i].needed)
			return false;
		m->bad_options++;
	}
	/* Without a type it is a message of BOOTP. */
	return m->type != 0;
}

struct writer {
	uint8_t *p;
	uint32_t len;
};

static void put_option(struct writer *w, uint8_t code, const void *value, size_t len)
{
	assert(len <= UINT8_MAX && w->len + 2 + len < DHCP_SEND_MAX);
	w->p[w->len++] = code;
	w->p[w->len++] = (uint8_t)len;
	memcpy(w->p + w->len, value, len);
	w->len += (uint32_t)len;
}

static void put_address(struct writer *w, uint8_t code, struct ip_addr a)
{
	if (a.family == IP_V4)
		put_option(w, code, a.b, 4);
}

static void put_text(struct writer *w, uint8_t code, const char *text, size_t max)
{
	if (text && *text)
		put_option(w, code, text, strnlen(text, max));
}

uint32_t dhcp_message_build(const struct dhcp_request *q, uint8_t out[DHCP_SEND_MAX])
{
	/* RFC 3442: the classless routes are asked for before the routers. */
	static const uint8_t list[] = {OPT_MASK,   OPT_ROUTES, OPT_ROUTERS, OPT_DNS, OPT_DOMAIN,
	                               OPT_SEARCH, OPT_MTU,    OPT_LEASE,   OPT_T1,  OPT_T2};
	struct writer w = {out, OFF_OPTIONS};
	uint8_t type = (uint8_t)q->type, size[2];

	memset(out, 0, DHCP_SEND_MAX);
	out[0] = BOOTREQUEST;
	out[1] = HTYPE_ETHERNET;
	out[2] = sizeof(q->chaddr.b);
	store_be32(out + OFF_XID, q->xid);
	store_be16(out + OFF_SECS, q->secs);
	store_be16(out + OFF_FLAGS, q->broadcast ? FLAG_BROADCAST : 0);
	memcpy(out + OFF_CIADDR, q->ciaddr.b, 4);
	memcpy(out + OFF_CHADDR, q->chaddr.b, sizeof(q->chaddr.b));
	store_be32(out + OFF_COOKIE, MAGIC_COOKIE);
	put_option(&w, OPT_TYPE, &type, 1);
	if (q->client_id && q->client_id->len)
		put_option(&w, OPT_CLIENT_ID, q->client_id->b, q->client_id->len);
	put_address(&w, OPT_REQUESTED, q->requested);
	put_address(&w, OPT_SERVER, q->server_id);
	/* RFC 2131 table 5: not in DHCPDECLINE and DHCPRELEASE. */
	if (q->max_size) {
		store_be16(size, q->max_size);
		put_option(&w, OPT_MAX_SIZE, size, sizeof(size));
		put_option(&w, OPT_LIST, list, sizeof(list));
	}
	put_text(&w, OPT_HOSTNAME, q->hostname, DHCP_HOSTNAME_MAX - 1);
	put_text(&w, OPT_TEXT, q->text, DHCP_TEXT_MAX);
	out[w.len++] = OPT_END;
	return u32_max(w.len, DHCP_SEND_MIN);
}

char *dhcp_client_id_format(const struct dhcp_client_id *id, char text[DHCP_CLIENT_ID_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	char *t = text;

	for (int i = 0; i < id->len; i++) {
		if (i)
			*t++ = ':';
		*t++ = digits[id->b[i] >> 4];
		*t++ = digits[id->b[i] & 15];
	}
	*t = '\0';
	return text;
}

void snap_dhcp_client_id(struct snap *s, struct dhcp_client_id *id)
{
	snap_u8(s, &id->len);
	snap_check(s, id->len <= DHCP_CLIENT_ID_MAX, "client identifier too long");
	snap_bytes(s, id->b, sizeof(id->b));
}

static void snap_text(struct snap *s, char *text, size_t size)
{
	snap_bytes(s, text, size);
	snap_check(s, text[size - 1] == '\0', "text without an end");
}

void snap_dhcp_params(struct snap *s, struct dhcp_params *p)
{
	snap_bool(s, &p->has_mask);
	snap_u8(s, &p->mask);
	snap_u16(s, &p->mtu);
	snap_u8(s, &p->routers);
	snap_u8(s, &p->routes);
	snap_u8(s, &p->dns);
	snap_check(s,
	           p->mask <= 32 && p->routers <= DHCP_ROUTERS_MAX && p->routes <= DHCP_ROUTES_MAX &&
	                   p->dns <= DHCP_DNS_MAX,
	           "parameters of a lease out of range");
	for (int i = 0; i < p->routers && snap_ok(s); i++)
		snap_ip(s, &p->router[i]);
	for (int i = 0; i < p->routes && snap_ok(s); i++) {
		snap_ip(s, &p->route[i].prefix.addr);
		snap_u8(s, &p->route[i].prefix.len);
		snap_check(s, p->route[i].prefix.len <= 32, "not an IPv4 prefix");
		snap_ip(s, &p->route[i].gateway);
	}
	for (int i = 0; i < p->dns && snap_ok(s); i++)
		snap_ip(s, &p->dns_server[i]);
	snap_text(s, p->domain, sizeof(p->domain));
	snap_text(s, p->search, sizeof(p->search));
}
