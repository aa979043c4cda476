/* Classes of addresses, prefixes, and the text forms of all address types.
 *
 * Text is parsed strictly: what a formatter writes is accepted, and each address has one spelling that is. inet_pton is
 * not used, because it takes no MAC address and no prefix, and inet_aton's shortened forms are a trap. */
#include "base/addr.h"
#include "base/bytes.h"
#include <stdio.h>

#define IPV4_BITS   32
#define IPV6_BITS   128
#define IPV6_GROUPS 8

static uint8_t family_bits(uint8_t family)
{
	switch ((enum ip_family)family) {
	case IP_V4:
		return IPV4_BITS;
	case IP_V6:
		return IPV6_BITS;
	case IP_NONE:
		break;
	}
	return 0;
}

bool ip_is_unspecified(struct ip_addr a)
{
	static const uint8_t zero[16];

	return a.family == IP_NONE || memcmp(a.b, zero, sizeof(zero)) == 0;
}

bool ip_is_multicast(struct ip_addr a)
{
	switch ((enum ip_family)a.family) {
	case IP_V4:
		/* RFC 5771 1: 224.0.0.0/4 */
		return (a.b[0] & 0xf0) == 0xe0;
	case IP_V6:
		/* RFC 4291 2.7: ff00::/8 */
		return a.b[0] == 0xff;
	case IP_NONE:
		break;
	}
	return false;
}

bool ip_is_loopback(struct ip_addr a)
{
	static const uint8_t ipv6_loopback[16] = {[15] = 1};

	switch ((enum ip_family)a.family) {
	case IP_V4:
		/* RFC 1122 3.2.1.3 (g): 127.0.0.0/8 */
		return a.b[0] == 127;
	case IP_V6:
		/* RFC 4291 2.5.3: ::1 */
		return memcmp(a.b, ipv6_loopback, sizeof(ipv6_loopback)) == 0;
	case IP_NONE:
		break;
	}
	return false;
}

bool ip_is_mapped(struct ip_addr a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

	return a.family == IP_V6 && memcmp(a.b, mapped, sizeof(mapped)) == 0;
}

bool ip_is_limited_broadcast(struct ip_addr a)
{
	return a.family == IP_V4 && ip4_to_u32(a) == UINT32_MAX;
}

bool prefix_contains(struct ip_prefix p, struct ip_addr a)
{
	if (p.addr.family != a.family || p.len > family_bits(a.family))
		return false;
	size_t whole = p.len / 8;
	unsigned rest = p.len % 8;

	if (memcmp(p.addr.b, a.b, whole) != 0)
		return false;
	return rest == 0 || ((p.addr.b[whole] ^ a.b[whole]) >> (8 - rest)) == 0;
}

struct ip_addr prefix_broadcast(struct ip_prefix p)
{
	/* RFC 3021 2.1: a /31 has two hosts and no broadcast address. */
	if (p.addr.family != IP_V4 || p.len > IPV4_BITS - 2)
		return (struct ip_addr){0};
	return ip4_from_u32(ip4_to_u32(p.addr) | (UINT32_MAX >> p.len));
}

/* RFC 5952 4.2: the longest run of two or more zero groups, the first of equals; length 0 when there is none. */
static void ipv6_zero_run(const uint16_t group[IPV6_GROUPS], int *start, int *length)
{
	*start = -1;
	*length = 0;
	for (int i = 0; i < IPV6_GROUPS; i++) {
		int n = 0;
		while (i + n < IPV6_GROUPS && group[i + n] == 0)
			n++;
		if (n >= 2 && n > *length) {
			*start = i;
			*length = n;
		}
	}
}

static void ipv6_format(const uint8_t b[16], char buf[IP_ADDR_TEXT_MAX])
{
	uint16_t group[IPV6_GROUPS];
	int run, run_length;
	size_t at = 0;

	/* RFC 5952 5: of a mapped address the last part is written as IPv4's. */
	if (ip_is_mapped(ip6_from_bytes(b))) {
		snprintf(buf, IP_ADDR_TEXT_MAX, "::ffff:%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		return;
	}
	for (size_t i = 0; i < IPV6_GROUPS; i++)
		group[i] = load_be16(b + 2 * i);
	ipv6_zero_run(group, &run, &run_length);
	for (int i = 0; i < IPV6_GROUPS; i++) {
		if (i == run) {
			at += (size_t)snprintf(buf + at, IP_ADDR_TEXT_MAX - at, "::");
			i += run_length - 1;
			continue;
		}
		const char *colon = i > 0 && i != run + run_length ? ":" : "";
		at += (size_t)snprintf(buf + at, IP_ADDR_TEXT_MAX - at, "%s%x", colon, group[i]);
	}
}

char *ip_format(struct ip_addr a, char buf[IP_ADDR_TEXT_MAX])
{
	switch ((enum ip_family)a.family) {
	case IP_V4:
		snprintf(buf, IP_ADDR_TEXT_MAX, "%u.%u.%u.%u", a.b[0], a.b[1], a.b[2], a.b[3]);
		return buf;
	case IP_V6:
		ipv6_format(a.b, buf);
		return buf;
	case IP_NONE:
		break;
	}
	buf[0] = '\0';
	return buf;
}

char *endpoint_format(struct endpoint e, char buf[ENDPOINT_TEXT_MAX])
{
	char ip[IP_ADDR_TEXT_MAX];

	if (ip_is_unspecified(e.addr))
		snprintf(buf, ENDPOINT_TEXT_MAX, "*:%u", e.port);
	else if (e.addr.family == IP_V6)
		snprintf(buf, ENDPOINT_TEXT_MAX, "[%s]:%u", ip_format(e.addr, ip), e.port);
	else
		snprintf(buf, ENDPOINT_TEXT_MAX, "%s:%u", ip_format(e.addr, ip), e.port);
	return buf;
}

char *mac_format(struct mac_addr m, char buf[MAC_TEXT_MAX])
{
	snprintf(buf, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", m.b[0], m.b[1], m.b[2], m.b[3], m.b[4], m.b[5]);
	return buf;
}

char *prefix_format(struct ip_prefix p, char buf[PREFIX_TEXT_MAX])
{
	char ip[IP_ADDR_TEXT_MAX];

	snprintf(buf, PREFIX_TEXT_MAX, "%s/%u", ip_format(p.addr, ip), p.len);
	return buf;
}

/* A decimal number of 1 to 3 digits without leading zeros, at most max. Returns the text behind it, NULL when it is
 * none. */
static const char *parse_decimal(const char *text, unsigned max, uint8_t *out)
{
	unsigned v = 0;
	int digits = 0;

	while (digits < 3 && text[digits] >= '0' && text[digits] <= '9')
		v = v * 10 + (unsigned)(text[digits++] - '0');
	if (digits == 0 || (digits > 1 && text[0] == '0') || v > max)
		return NULL;
	*out = (uint8_t)v;
	return text + digits;
}

/* Returns the text behind the address, NULL when it is none. */
static const char *parse_ipv4(const char *text, struct ip_addr *out)
{
	uint8_t b[4];

	for (int i = 0; i < 4; i++) {
		if (i > 0 && *text++ != '.')
			return NULL;
		text = parse_decimal(text, UINT8_MAX, &b[i]);
		if (!text)
			return NULL;
	}
	*out = ip4_from_bytes(b);
	return text;
}

bool ip_parse(const char *text, struct ip_addr *out)
{
	struct ip_addr a;
	const char *end = parse_ipv4(text, &a);

	if (!end || *end != '\0')
		return false;
	*out = a;
	return true;
}

/* -1 when c is no hexadecimal digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One group of up to four digits. Returns the text behind it, NULL when there is none. */
static const char *parse_group(const char *text, uint8_t b[2])
{
	unsigned v = 0;
	int digits = 0;

	for (; digits < 4 && hex_value(text[digits]) >= 0; digits++)
		v = v << 4 | (unsigned)hex_value(text[digits]);
	store_be16(b, (uint16_t)v);
	return digits ? text + digits : NULL;
}

bool ip6_parse(const char *text, struct ip_addr *out)
{
	struct ip_addr four;
	uint8_t b[16] = {0};
	size_t n = 0, gap = SIZE_MAX; /* bytes before "::", if there is one */

	if (text[0] == ':' && text[1] == ':') {
		gap = 0;
		text += 2;
	}
	while (*text) {
		const char *end = n <= 12 ? parse_ipv4(text, &four) : NULL;
		if (end && *end == '\0') {
			memcpy(b + n, four.b, 4);
			n += 4;
			break;
		}
		end = n < sizeof(b) ? parse_group(text, b + n) : NULL;
		if (!end || (*end != ':' && *end != '\0'))
			return false;
		n += 2;
		text = *end ? end + 1 : end;
		if (*end && *text == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = n;
			text++;
		} else if (*end && !*text) {
			return false;
		}
	}
	if (gap == SIZE_MAX ? n != sizeof(b) : n > sizeof(b) - 2)
		return false;
	gap = gap < n ? gap : n;
	*out = (struct ip_addr){.family = IP_V6};
	memcpy(out->b, b, gap);
	memcpy(out->b + sizeof(b) - (n - gap), b + gap, n - gap);
	return true;
}

bool mac_parse(const char *text, struct mac_addr *out)
{
	struct mac_addr m;

	for (size_t i = 0; i < sizeof(m.b); i++) {
		if (i > 0 && *text++ != ':')
			return false;
		int high = hex_value(text[0]);
		if (high < 0)
			return false;
		int low = hex_value(text[1]);
		if (low < 0)
			return false;
		m.b[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return false;
	*out = m;
	return true;
}

bool prefix_parse(const char *text, struct ip_prefix *out)
{
	struct ip_prefix p;

	text = parse_ipv4(text, &p.addr);
	if (!text || *text++ != '/')
		return false;
	text = parse_decimal(text, IPV4_BITS, &p.len);
	if (!text || *text != '\0')
		return false;
	*out = p;
	return true;
}
