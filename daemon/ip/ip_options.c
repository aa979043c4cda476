/* See ip_options.h. What comes from an application is checked option by option before it is ever sent; what comes from
 * the network was checked by ipv4_input.c for lengths only, so that each option is looked at again before it is
 * changed.
 *
 * In a timestamp option our own stamp is put in on the way out and on the way in (RFC 1122 3.2.1.8 (e)). It counts
 * milliseconds from an arbitrary beginning, which RFC 791 allows where the high bit is set: the stack has no clock that
 * knows the day. */
#include "ip/ip_options.h"

#include "base/bytes.h"
#include "ip/ipv4.h"
#include "ip/source_route.h"

#define OPT_RECORD_ROUTE  7
#define OPT_TIMESTAMP     68
#define OPT_SECURITY      130 /* RFC 1108 */
#define OPT_SECURITY_MORE 133 /* RFC 1108, extended */
#define OPT_CIPSO         134 /* FIPS 188 */

#define OFF_LEN          1
#define OFF_POINTER      2
#define OFF_FLAGS        3
#define ROUTE_FIXED      3 /* type, length, pointer */
#define TIMESTAMP_FIXED  4 /* and overflow and flags */
#define ROUTER_ALERT_LEN 4
#define FLAG_ONLY        0 /* time stamps */
#define FLAG_ADDRESS     1 /* each behind the address of who has put it there */
#define FLAG_PRESET      3 /* only of those whose addresses are given */
#define OVERFLOW_ONE     0x10
#define OVERFLOW_MASK    0xf0
#define NON_STANDARD     0x80000000u

static bool timestamp_valid(const uint8_t *option, uint32_t len)
{
	if (len < TIMESTAMP_FIXED || len > IP_OPTIONS_MAX)
		return false;
	uint8_t flags = option[OFF_FLAGS] & 0x0f;
	uint32_t entry = flags == FLAG_ONLY ? 4 : 8;
	return (flags == FLAG_ONLY || flags == FLAG_ADDRESS || flags == FLAG_PRESET) &&
	       (len - TIMESTAMP_FIXED) % entry == 0 && option[OFF_POINTER] > TIMESTAMP_FIXED &&
	       (option[OFF_POINTER] - TIMESTAMP_FIXED - 1u) % entry == 0;
}

static bool record_route_valid(const uint8_t *option, uint32_t len)
{
	return len > ROUTE_FIXED && (len - ROUTE_FIXED) % 4 == 0 && option[OFF_POINTER] > ROUTE_FIXED &&
	       option[OFF_POINTER] % 4 == 0;
}

/* One option of an application that is to be sent as it is. */
static bool may_be_sent(const uint8_t *option, uint32_t len)
{
	switch (option[0]) {
	case OPT_RECORD_ROUTE:
		return record_route_valid(option, len);
	case OPT_TIMESTAMP:
		return timestamp_valid(option, len);
	case IPV4_OPT_ROUTER_ALERT:
		return len == ROUTER_ALERT_LEN;
	case OPT_SECURITY:
	case OPT_SECURITY_MORE:
	case OPT_CIPSO:
		return true;
	default: /* RFC 1122 3.2.1.8 (b): the stream identifier should not be sent; what others do is not known */
		return false;
	}
}

bool ip_options_parse(const uint8_t *p, uint32_t len, struct ip_options *o)
{
	struct reader in = reader_of(p, len);

	*o = (struct ip_options){0};
	if (len > IP_OPTIONS_MAX)
		return false;
	while (in.len) {
		const uint8_t *option = in.p;
		uint8_t type = read_u8(&in);
		if (type == IPV4_OPT_END)
			break;
		uint8_t n = type == IPV4_OPT_NOP ? 1 : read_u8(&in);
		if (type != IPV4_OPT_NOP && (in.short_input || n < 2 || !read_bytes(&in, n - 2u)))
			return false;
		if (type == IPV4_OPT_LSRR || type == IPV4_OPT_SSRR) {
			/* RFC 1122 3.2.1.8 (c): more than one source route must not be sent. */
			if (o->route.hops || !ip_source_route_parse(option, n, &o->route))
				return false;
			continue;
		}
		if (type != IPV4_OPT_NOP && !may_be_sent(option, n))
			return false;
		memcpy(o->bytes + o->len, option, n);
		o->len = (uint8_t)(o->len + n);
	}
	while (o->len % 4 != 0)
		o->bytes[o->len++] = IPV4_OPT_NOP;
	return o->len + ip_source_route_len(&o->route) <= IP_OPTIONS_MAX;
}

/* RFC 791 3.1: our stamp at the place of the pointer, or the count of those who found no room. */
static void stamp(const struct ip_layer *ip, uint8_t *option, struct ip_addr us)
{
	const uint8_t flags = option[OFF_FLAGS] & 0x0f, entry = flags == FLAG_ONLY ? 4 : 8;
	uint8_t *p = option + option[OFF_POINTER] - 1;

	if (option[OFF_POINTER] - 1 + entry > option[OFF_LEN]) {
		if (flags != FLAG_PRESET && (option[OFF_FLAGS] & OVERFLOW_MASK) != OVERFLOW_MASK)
			option[OFF_FLAGS] = (uint8_t)(option[OFF_FLAGS] + OVERFLOW_ONE);
		return;
	}
	if (flags == FLAG_PRESET && !ip_is_ours(ip, ip4_from_bytes(p)))
		return;
	if (flags == FLAG_ADDRESS)
		memcpy(p, us.b, 4);
	store_be32(p + entry - 4, (uint32_t)(ip->env->now.ns / NS_PER_MS) | NON_STANDARD);
	option[OFF_POINTER] = (uint8_t)(option[OFF_POINTER] + entry);
}

/* RFC 1122 3.2.1.8 (e): the originating host and the destination host record a timestamp. */
static void stamp_all(const struct ip_layer *ip, uint8_t *options, uint32_t len, struct ip_addr us)
{
	struct reader in = reader_of(options, len);

	while (in.len) {
		uint8_t *option = options + (len - in.len);
		uint8_t type = read_u8(&in);
		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t n = read_u8(&in);
		if (in.short_input || n < 2 || !read_bytes(&in, n - 2u))
			break;
		if (type == OPT_TIMESTAMP && timestamp_valid(option, n))
			stamp(ip, option, us);
	}
}

void ip_options_write(const struct ip_layer *ip, const struct ip_tx *tx, uint8_t *p)
{
	const struct ip_options *o = tx->options;

	if (o && o->len) {
		memcpy(p, o->bytes, o->len);
		stamp_all(ip, p, o->len, tx->src);
		p += o->len;
	}
	/* The last, because it ends with an end of list. */
	if (ip_source_route_len(tx->route))
		source_route_write(tx->route, tx->dst, p);
}

uint8_t ip_options_received(const struct ip_layer *ip, const struct ip_rx *rx, uint8_t out[IP_OPTIONS_MAX])
{
	const uint32_t len = rx->header_len - (uint32_t)IPV4_HDR_MIN;

	if (len == 0)
		return 0;
	memcpy(out, rx->header + IPV4_HDR_MIN, len);
	stamp_all(ip, out, len, rx->dst);
	return (uint8_t)len;
}

uint8_t ip_options_back(const uint8_t *options, uint8_t len, struct ip_addr src, uint8_t out[IP_OPTIONS_MAX])
{
	struct reader in = reader_of(options, len);
	uint8_t room[2 * IP_OPTIONS_MAX];
	struct ip_source_route back = {0};
	uint32_t total = 0;

	while (in.len) {
		const uint8_t *option = in.p;
		uint8_t type = read_u8(&in);
		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t n = read_u8(&in);
		if (in.short_input || n < 2 || !read_bytes(&in, n - 2u))
			break;
		if (type == IPV4_OPT_LSRR || type == IPV4_OPT_SSRR) {
			if (source_route_valid(option, n) && source_route_complete(option))
				ip_source_route_back(&(struct ip_rx){.src = src, .route = option}, &back);
		} else if ((type == OPT_RECORD_ROUTE && record_route_valid(option, n)) ||
		           (type == OPT_TIMESTAMP && timestamp_valid(option, n))) {
			memcpy(room + total, option, n);
			total += n;
		}
	}
	total += ip_source_route_format(&back, room + total);
	if (total > IP_OPTIONS_MAX)
		return 0;
	memcpy(out, room, total);
	return (uint8_t)total;
}

/* RFC 791 3.1: our address at the place of the pointer, where there is room. */
static void record(uint8_t *option, struct ip_addr us)
{
	uint8_t *pointer = option + OFF_POINTER;
	if (*pointer + 3 > option[OFF_LEN])
		return;
	memcpy(option + *pointer - 1, us.b, 4);
	*pointer = (uint8_t)(*pointer + 4);
}

void ip_options_reflect(const struct ip_layer *ip, const struct ip_rx *rx, uint32_t route_len, struct ip_options *o)
{
	struct reader in = reader_of(rx->header + IPV4_HDR_MIN, rx->header_len - (uint32_t)IPV4_HDR_MIN);

	*o = (struct ip_options){0};
	while (in.len) {
		const uint8_t *option = in.p;
		uint8_t *copy = o->bytes + o->len, type = read_u8(&in);
		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t n = read_u8(&in);
		if (in.short_input || n < 2 || !read_bytes(&in, n - 2u))
			break;
		bool recorded = type == OPT_RECORD_ROUTE && record_route_valid(option, n);
		if (!recorded && !(type == OPT_TIMESTAMP && timestamp_valid(option, n)))
			continue;
		memcpy(copy, option, n);
		o->len = (uint8_t)(o->len + n);
		if (recorded)
			record(copy, rx->dst);
		else
			stamp(ip, copy, rx->dst);
	}
	while (o->len % 4 != 0)
		o->bytes[o->len++] = IPV4_OPT_NOP;
	if (o->len + route_len > IP_OPTIONS_MAX)
		o->len = 0;
}
