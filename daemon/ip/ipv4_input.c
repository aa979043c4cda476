/* IPv4 input: a datagram is checked whole before any handler sees it.
 *
 * The order is RFC 1122 3.2.1's: version, header checksum, lengths, options, source, destination, then fragments, which
 * are put together (reasm.c) before anything else is done with them.
 * Everything that fails is dropped silently (RFC 1122 3.2.1.1 to 3.2.1.3) and counted under its own name. Bytes behind
 * the total length are Ethernet padding and are cut off. */
#include "ip/ipv4.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/address.h"
#include "ip/icmp.h"
#include "ip/reasm.h"
#include "ip/route.h"
#include "ip/source_route.h"
#include "link/ether.h"

#define TCP_CSUM_OFFSET 16
#define UDP_CSUM_OFFSET 6
#define ECN_MASK        3u /* RFC 3168 5 */

struct ipv4_view {
	const uint8_t *p; /* the header */
	uint32_t avail;   /* bytes of the frame from p on */
	uint16_t hdr_len, total;
	const uint8_t *route; /* source route option; NULL none */
};

/* 0 means well formed; else the name of what is wrong. CNT_IpInReceives stands for "nothing". */
#define IPV4_WELL_FORMED CNT_IpInReceives

/* The octet that is wrong, counted from the header's first; 0: none is. */
static uint8_t ipv4_check_options(struct ipv4_view *v)
{
	struct reader r = reader_of(v->p + IPV4_HDR_MIN, v->hdr_len - (uint32_t)IPV4_HDR_MIN);
	while (r.len > 0) {
		const uint8_t *opt = r.p;
		uint8_t type = read_u8(&r);
		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t opt_len = read_u8(&r);
		if (r.short_input || opt_len < 2 || !read_bytes(&r, opt_len - 2u))
			return (uint8_t)(opt + 1 - v->p);
		/* Other options are ignored. */
		if (type != IPV4_OPT_LSRR && type != IPV4_OPT_SSRR)
			continue;
		if (v->route || !source_route_valid(opt, opt_len))
			return (uint8_t)(opt - v->p);
		v->route = opt;
	}
	return 0;
}

static enum counter ipv4_check_header(struct ipv4_view *v)
{
	if (v->avail < IPV4_HDR_MIN)
		return CNT_IpInMalformed;
	/* RFC 1122 3.2.1.1: another version is silently discarded. */
	v->hdr_len = (uint16_t)((v->p[0] & 0x0f) * 4);
	if (v->p[0] >> 4 != 4 || v->hdr_len < IPV4_HDR_MIN || v->hdr_len > v->avail)
		return CNT_IpInMalformed;
	/* RFC 1122 3.2.1.2: the checksum of every datagram is verified. */
	if (csum_finish(csum_add(CSUM_ZERO, v->p, v->hdr_len)) != 0)
		return CNT_IpExtInCsumErrors;
	v->total = load_be16(v->p + IPV4_OFF_LEN);
	if (v->total < v->hdr_len)
		return CNT_IpInMalformed;
	if (v->total > v->avail)
		return CNT_IpExtInTruncatedPkts;
	return IPV4_WELL_FORMED;
}

/* RFC 1122 3.3.6: hosts of old wrote zeros where broadcast addresses have ones. */
static bool is_old_broadcast(const struct ip_layer *ip, struct ip_addr dst)
{
	if (ip_is_unspecified(dst))
		return true;
	const struct ip_address *a = address_on_link(ip, dst);
	return a && a->prefix.len < 31 && !(ip4_to_u32(dst) << a->prefix.len);
}

/* Is the datagram for us? *group: also for others. */
static bool ipv4_dst_ok(const struct ip_layer *ip, const struct ip_rx *rx, bool link_group, bool *group)
{
	struct ip_addr dst = rx->dst;
	*group = link_group;
	if (rx->looped) {
		*group = false;
		return ip_is_ours(ip, dst);
	}
	/* RFC 1122 3.3.6: a link-layer broadcast to a single IP address is silently discarded. 3.2.1.3 (g): 127/8 does
	 * not come by a wire. */
	if (address_find(ip, dst))
		return !link_group;
	*group = true;
	if (ip_is_multicast(dst))
		return igmp_wants(ip, dst, rx->src, rx->protocol);
	return ip_is_broadcast(ip, dst) || is_old_broadcast(ip, dst);
}

/* What the link says about the transport checksum holds only if it speaks of this transport header. False: the frame is
 * a super-frame of something else than what the link says. */
static bool ipv4_check_offload(struct ip_rx *rx)
{
	struct offload *off = &rx->off;
	uint32_t field = rx->protocol == IP_PROTO_TCP ? TCP_CSUM_OFFSET : UDP_CSUM_OFFSET;
	bool transport = rx->protocol == IP_PROTO_TCP || rx->protocol == IP_PROTO_UDP;
	bool ours = transport && off->csum_start == ETHER_HDR_LEN + rx->header_len && off->csum_offset == field &&
	            field + 2 <= rx->payload_len;
	if (off->needs_csum && !ours)
		off->needs_csum = false;
	if (off->gso == GSO_NONE)
		return true;
	return off->gso == GSO_TCPV4 && rx->protocol == IP_PROTO_TCP && off->needs_csum && off->gso_size > 0 &&
	       off->hdr_len >= ETHER_HDR_LEN + rx->header_len;
}

/* RFC 7126 4.3, 4.4: by default source routes are refused. RFC 1122 3.3.5: we forward nothing, and say so. */
static bool ipv4_route_ok(struct ip_layer *ip, const struct ip_rx *rx)
{
	if (!rx->route)
		return true;
	if (!ip->cfg.source_route)
		return false;
	if (source_route_complete(rx->route))
		return true;
	icmp_send_unreachable(ip, rx, ICMP_UNREACH_SOURCE_ROUTE);
	return false;
}

static void ipv4_deliver(struct ip_layer *ip, const struct ip_rx *rx)
{
	const struct ip_handler *h = &ip->handler[rx->protocol];
	bool taken = ip->raw.input && ip->raw.input(ip->raw.ctx, rx);
	if (!h->input && taken) {
		COUNT(ip->cnt, IpInDelivers);
		return;
	}
	if (!h->input) {
		ip_drop(ip, CNT_IpInUnknownProtos, rx->header, rx->header_len + rx->payload_len);
		/* RFC 1122 3.2.2.1: code 2 SHOULD be sent when the transport protocol is not supported. */
		icmp_send_unreachable(ip, rx, ICMP_UNREACH_PROTOCOL);
		return;
	}
	COUNT(ip->cnt, IpInDelivers);
	h->input(h->ctx, rx);
}

/* RFC 1122 3.2.2.5: the source of a datagram for us hears which octet of its options is wrong. */
static bool ipv4_options_ok(struct ip_layer *ip, struct ipv4_view *v, struct ip_rx *rx)
{
	uint8_t wrong = ipv4_check_options(v);
	rx->route = v->route;
	if (!wrong)
		return true;
	ip_drop(ip, CNT_IpInMalformed, v->p, v->avail);
	/* RFC 1122 3.2.2: not about a fragment other than the first. */
	if (!(load_be16(v->p + IPV4_OFF_FRAG) & IPV4_FRAG_OFFSET))
		icmp_send_parameter_problem(ip, rx, wrong);
	return false;
}

/* A whole datagram for us. */
static void ipv4_accept(struct ip_layer *ip, struct ip_rx *rx)
{
	if (!ipv4_route_ok(ip, rx))
		ip_drop(ip, CNT_IpInSourceRoutes, rx->header, rx->header_len + rx->payload_len);
	else if (!ipv4_check_offload(rx))
		ip_drop(ip, CNT_IpInBadOffload, rx->header, rx->header_len + rx->payload_len);
	else
		ipv4_deliver(ip, rx);
}

/* A checksum that a link still owes would be over the datagram, and a fragment has only part of it. */
static void ipv4_fragment(struct ip_layer *ip, struct ip_rx *rx)
{
	if (rx->off.gso != GSO_NONE || rx->off.needs_csum) {
		ip_drop(ip, CNT_IpInBadOffload, rx->header, rx->header_len + rx->payload_len);
		return;
	}
	if (!reasm_input(ip, rx))
		return;
	/* The first fragment's options were valid when it came. */
	struct ipv4_view v = {.p = rx->header, .hdr_len = rx->header_len};
	uint8_t wrong = ipv4_check_options(&v);
	assert(!wrong);
	(void)wrong;
	rx->route = v.route;
	ipv4_accept(ip, rx);
}

/* RFC 1122 3.2.1.3: a source that is not one host, or is ourselves, is silently discarded. */
static bool ipv4_src_ok(const struct ip_layer *ip, const struct ip_rx *rx)
{
	if (rx->looped)
		return ip_is_ours(ip, rx->src);
	return ip4_is_host(ip, rx->src) && !address_find(ip, rx->src);
}

static void count_group(const struct ip_layer *ip, struct ip_addr dst, uint32_t octets)
{
	if (ip_is_multicast(dst)) {
		COUNT(ip->cnt, IpExtInMcastPkts);
		COUNT_ADD(ip->cnt, IpExtInMcastOctets, octets);
	} else {
		COUNT(ip->cnt, IpExtInBcastPkts);
		COUNT_ADD(ip->cnt, IpExtInBcastOctets, octets);
	}
}

_Static_assert(CNT_IpExtInCEPkts - CNT_IpExtInNoECTPkts == ECN_MASK, "one counter for each value of the ECN field");

void ipv4_input(struct ip_layer *ip, const struct frame_in *f, uint32_t link_len, bool link_group, bool looped)
{
	struct ipv4_view v = {.p = f->data + link_len, .avail = f->len - link_len};
	COUNT(ip->cnt, IpInReceives);
	enum counter bad = ipv4_check_header(&v);
	if (bad != IPV4_WELL_FORMED) {
		COUNT_ADD(ip->cnt, IpExtInOctets, v.avail);
		ip_drop(ip, bad, v.p, v.avail);
		return;
	}
	COUNT_ADD(ip->cnt, IpExtInOctets, v.total);
	ip->cnt->v[CNT_IpExtInNoECTPkts + (v.p[1] & ECN_MASK)]++;
	struct ip_rx rx = {
	        .src = ip4_from_bytes(v.p + IPV4_OFF_SRC),
	        .dst = ip4_from_bytes(v.p + IPV4_OFF_DST),
	        .tos = v.p[1],
	        .ttl = v.p[8],
	        .protocol = v.p[IPV4_OFF_PROTO],
	        .looped = looped,
	        .header = v.p,
	        .header_len = v.hdr_len,
	        .payload = v.p + v.hdr_len,
	        .payload_len = (uint32_t)v.total - v.hdr_len,
	        .off = f->off,
	};
	/* No link leaves work on these frames to us: what it says of their offsets is about others. */
	if (link_len != ETHER_HDR_LEN)
		rx.off = (struct offload){0};
	if (!ipv4_src_ok(ip, &rx)) {
		ip_drop(ip, CNT_IpInMartians, v.p, v.avail);
		return;
	}
	if (!ipv4_dst_ok(ip, &rx, link_group, &rx.group)) {
		ip_drop(ip, CNT_IpInAddrErrors, v.p, v.avail);
		return;
	}
	if (rx.group)
		count_group(ip, rx.dst, v.total);
	if (!ipv4_options_ok(ip, &v, &rx))
		return;
	if (!(load_be16(v.p + IPV4_OFF_FRAG) & IPV4_FRAG_MASK))
		ipv4_accept(ip, &rx);
	else
		ipv4_fragment(ip, &rx);
}
