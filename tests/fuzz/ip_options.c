/* Any bytes as IPv4 options: the form of IP_OPTIONS that an application sets, and those of a header that arrives or is
 * quoted. What is accepted has a way back of no more routers, and is written as it was read. */
#include "ip/ip_options.h"
#include "fuzz.h"
#include "ip/source_route.h"

#define OPTIONS_MAX 40

static void from_application(const uint8_t *p, uint32_t len)
{
	uint8_t text[OPTIONS_MAX], again[OPTIONS_MAX];
	struct ip_source_route r, back;

	if (!ip_source_route_parse(p, len, &r))
		return;
	FUZZ_NEED(r.hops <= IP_ROUTE_HOPS_MAX);
	uint32_t n = ip_source_route_format(&r, text);
	FUZZ_NEED(n == ip_source_route_len(&r) && n <= sizeof(text));
	FUZZ_NEED(ip_source_route_parse(text, n, &back) && back.hops == r.hops && back.strict == r.strict);
	FUZZ_NEED(ip_source_route_format(&back, again) == n && memcmp(text, again, n) == 0);
	if (r.hops)
		source_route_write(&r, fuzz_peer(), text);
}

/* All kinds of options: what is accepted fits in a header, and what goes back can be sent. */
static void all_kinds(const uint8_t *p, uint32_t len)
{
	uint8_t back[IP_OPTIONS_MAX];
	struct ip_options o;

	if (ip_options_parse(p, len, &o))
		FUZZ_NEED(o.len % 4 == 0 && o.len + ip_source_route_len(&o.route) <= IP_OPTIONS_MAX);
	if (len > IP_OPTIONS_MAX)
		return;
	uint8_t n = ip_options_back(p, (uint8_t)len, fuzz_peer(), back);
	FUZZ_NEED(n <= sizeof(back) && ip_options_parse(back, n, &o));
}

/* As one that has arrived: its last routers are the way back. */
static void from_header(const uint8_t *p, uint32_t len)
{
	struct ip_rx rx = {.route = p, .src = fuzz_peer(), .dst = fuzz_us()};
	struct ip_source_route back;
	uint8_t *header = calloc(1, IPV4_HDR_MIN + (size_t)len);

	FUZZ_NEED(header);
	memcpy(header + IPV4_HDR_MIN, p, len);
	(void)ipv4_final_dst(header, IPV4_HDR_MIN + len);
	free(header);
	if (len < 3 || len > OPTIONS_MAX || p[1] != len || !source_route_valid(p, len) || !source_route_complete(p))
		return;
	if (ip_source_route_back(&rx, &back))
		FUZZ_NEED(back.hops && back.hops <= (len - 3) / 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = (uint32_t)size_min(size, 64);
	uint8_t *copy = malloc(len + !len);

	FUZZ_NEED(copy);
	memcpy(copy, data, len);
	from_application(copy, len);
	from_header(copy, len);
	all_kinds(copy, len);
	free(copy);
	return 0;
}
