/* Source routes (RFC 791 3.1, RFC 1122 3.2.1.8 (c)), in force with `source-route = yes' only: RFC 7126 4.3 and 4.4
 * advise to drop such datagrams, and so does the default.
 *
 * A route is the routers that a datagram is to pass, the first first; its destination is not among them. On the wire
 * (RFC 1122, form A) the header's destination is the next router, the option holds the others and the destination at
 * its end, and each router writes its own address over the one that it takes. So what arrives holds the routers in the
 * order in which they were passed, and the way back is that order reversed. We are never a router: an option that is
 * not at its end is refused. */
#include "ip/source_route.h"

#include "base/bytes.h"

#define OPT_LEN_AT    1
#define OPT_POINTER   2
#define OPT_FIXED     3 /* type, length, pointer */
#define POINTER_FIRST 4 /* counts from 1 */
#define HOP_LEN       4

bool source_route_valid(const uint8_t *option, uint32_t len)
{
	return len >= OPT_FIXED && (len - OPT_FIXED) % HOP_LEN == 0 && option[OPT_POINTER] >= POINTER_FIRST &&
	       option[OPT_POINTER] % HOP_LEN == 0;
}

bool source_route_complete(const uint8_t *option)
{
	return option[OPT_POINTER] > option[OPT_LEN_AT];
}

bool ip_source_route_back(const struct ip_rx *rx, struct ip_source_route *r)
{
	const uint8_t *option = rx->route;

	*r = (struct ip_source_route){0};
	if (!option)
		return false;
	r->strict = option[0] == IPV4_OPT_SSRR;
	const uint8_t *first = option + OPT_FIXED, *p = option + option[OPT_LEN_AT];
	while (p > first) {
		p -= HOP_LEN;
		/* RFC 1122 3.2.1.8 (c), case (B): the source may have recorded itself. */
		if (p == first && ip_eq(ip4_from_bytes(p), rx->src))
			break;
		memcpy(r->hop[r->hops++], p, HOP_LEN);
	}
	return r->hops > 0;
}

bool ip_source_route_parse(const uint8_t *options, uint32_t len, struct ip_source_route *r)
{
	struct reader in = reader_of(options, len);

	*r = (struct ip_source_route){0};
	while (in.len) {
		const uint8_t *option = in.p;
		uint8_t type = read_u8(&in);
		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t n = read_u8(&in);
		/* RFC 1122 3.2.1.8 (c): more than one source route must not be sent. */
		if ((type != IPV4_OPT_LSRR && type != IPV4_OPT_SSRR) || r->hops || n < OPT_FIXED + HOP_LEN ||
		    n - 2u > in.len || !source_route_valid(option, n) || option[OPT_POINTER] != POINTER_FIRST)
			return false;
		uint32_t hops = (n - (uint32_t)OPT_FIXED) / HOP_LEN;
		if (hops > IP_ROUTE_HOPS_MAX)
			return false;
		memcpy(r->hop, option + OPT_FIXED, hops * (size_t)HOP_LEN);
		r->hops = (uint8_t)hops;
		r->strict = type == IPV4_OPT_SSRR;
		read_bytes(&in, n - 2u);
	}
	return !in.short_input;
}

static uint8_t *put_head(const struct ip_source_route *r, uint8_t *p)
{
	p[0] = r->strict ? IPV4_OPT_SSRR : IPV4_OPT_LSRR;
	p[OPT_LEN_AT] = (uint8_t)(OPT_FIXED + r->hops * HOP_LEN);
	p[OPT_POINTER] = POINTER_FIRST;
	return p + OPT_FIXED;
}

uint32_t ip_source_route_format(const struct ip_source_route *r, uint8_t *p)
{
	if (!r->hops)
		return 0;
	memcpy(put_head(r, p), r->hop, r->hops * (size_t)HOP_LEN);
	p[OPT_FIXED + r->hops * HOP_LEN] = IPV4_OPT_END;
	return ip_source_route_len(r);
}

void source_route_write(const struct ip_source_route *r, struct ip_addr dst, uint8_t *p)
{
	uint8_t *q = put_head(r, p);

	memcpy(q, r->hop[1], (r->hops - 1u) * (size_t)HOP_LEN);
	memcpy(q + (r->hops - 1) * HOP_LEN, dst.b, HOP_LEN);
	q[r->hops * HOP_LEN] = IPV4_OPT_END;
}

struct ip_addr ipv4_final_dst(const uint8_t *header, uint32_t header_len)
{
	struct reader in = reader_of(header + IPV4_HDR_MIN, header_len - IPV4_HDR_MIN);

	while (in.len) {
		const uint8_t *option = in.p;
		uint8_t type = read_u8(&in);
		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t n = read_u8(&in);
		if (n < 2 || n - 2u > in.len)
			break;
		if ((type == IPV4_OPT_LSRR || type == IPV4_OPT_SSRR) && source_route_valid(option, n) &&
		    n > OPT_FIXED && !source_route_complete(option))
			return ip4_from_bytes(option + n - HOP_LEN);
		read_bytes(&in, n - 2u);
	}
	return ip4_from_bytes(header + 16);
}

void snap_source_route(struct snap *s, struct ip_source_route *r)
{
	snap_u8(s, &r->hops);
	snap_bool(s, &r->strict);
	snap_check(s, r->hops <= IP_ROUTE_HOPS_MAX, "a source route of too many routers");
	snap_bytes(s, r->hop, sizeof(r->hop));
}
