/* IPv4 output: transport checksum, IP header, next hop, Ethernet header.
 *
 * ip_output works on a frame whose payload is borrowed; it is copied only when it must wait for ARP. ip_send_copy
 * builds a flat frame, because the packet is not the caller's to lend beyond the call. Both write the same header and
 * find the same way. A datagram with DF is at most the MTU; one without is cut (ip_cut.c) where it is longer than the
 * path's. A super-frame, whose segments are checked instead, may be larger. */
#include "ip/ipv4.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/arp.h"
#include "ip/ip_cut.h"
#include "ip/ip_options.h"
#include "ip/ip_owed.h"
#include "ip/route.h"
#include "link/ether.h"
#include "link/flat.h"

/* What of it may leave as one datagram. RFC 791 3.2: without DF it is cut here rather than by a router. */
static uint16_t whole_max(struct ip_layer *ip, const struct ip_tx *tx)
{
	if (ip_is_ours(ip, tx->dst))
		return IP_TOTAL_MAX;
	return tx->dont_fragment ? ip->cfg.mtu : ip_path_to(ip, tx->dst).mtu;
}

/* Does the link take a datagram of so many bytes, or a super-frame and each segment that it makes of it? */
static bool fits(const struct ip_layer *ip, uint32_t total, uint16_t max, const struct offload *off)
{
	if (off->gso == GSO_NONE)
		return total <= max;
	assert(off->needs_csum && off->gso_size > 0 && total >= off->hdr_len);
	return total <= ip_gso_max(ip) && (uint32_t)off->hdr_len + off->gso_size <= ip->cfg.mtu;
}

/* RFC 6864 4.1: an atomic datagram's identification means nothing, and a constant lets a receiver merge segments. The
 * others get one at random, because a counter tells every peer how much is sent to the others (RFC 7739 5.2). */
static uint16_t identification(const struct ip_layer *ip, const struct ip_tx *tx)
{
	return tx->dont_fragment ? 0 : (uint16_t)rng_u32(&ip->env->rng);
}

/* The destination in the header: the first router of a source route. */
static struct ip_addr next_dst(const struct ip_tx *tx)
{
	return tx->route && tx->route->hops ? ip4_from_bytes(tx->route->hop[0]) : tx->dst;
}

/* RFC 1122 3.2.1.3 (g): 127/8 must not appear outside a host. */
static bool may_leave(const struct ip_layer *ip, struct ip_addr src, struct ip_addr hop)
{
	return !ip_is_loopback(src) || ip_is_ours(ip, hop);
}

/* RFC 2131 4.4.5: an address that was ours is not used any more; before the first one there is 0.0.0.0. */
static bool source_ours(const struct ip_layer *ip, struct ip_addr src)
{
	return ip_is_unspecified(src) || ip_is_ours(ip, src);
}

/* RFC 791 3.1: the first router of a strict route is on our link. */
static bool find_way(const struct ip_layer *ip, const struct ip_tx *tx, struct ip_addr *hop)
{
	struct ip_addr dst = next_dst(tx), source;

	return route_next_hop(ip, dst, hop, &source) && source_ours(ip, tx->src) && may_leave(ip, tx->src, *hop) &&
	       (!ip_source_route_len(tx->route) || !tx->route->strict || ip_eq(*hop, dst));
}

static uint32_t header_len(const struct ip_tx *tx)
{
	return (uint32_t)IPV4_HDR_MIN + ip_source_route_len(tx->route) + (tx->options ? tx->options->len : 0u);
}

static void ipv4_write_header(const struct ip_layer *ip, uint8_t *p, const struct ip_tx *tx, uint32_t total)
{
	uint32_t header = header_len(tx);
	p[0] = (uint8_t)(4 << 4 | header / 4);
	p[1] = tx->tos;
	store_be16(p + IPV4_OFF_LEN, (uint16_t)total);
	store_be16(p + IPV4_OFF_ID, identification(ip, tx));
	store_be16(p + IPV4_OFF_FRAG, tx->dont_fragment ? IPV4_FLAG_DF : 0);
	p[8] = tx->ttl;
	p[IPV4_OFF_PROTO] = tx->protocol;
	store_be16(p + IPV4_OFF_CSUM, 0);
	memcpy(p + IPV4_OFF_SRC, tx->src.b, 4);
	memcpy(p + IPV4_OFF_DST, next_dst(tx).b, 4);
	if (header > IPV4_HDR_MIN)
		ip_options_write(ip, tx, p + IPV4_HDR_MIN);
	store_be16(p + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, header)));
}

/* The station that gets frames for the next hop, to which so many octets go. False: ARP must ask. */
static bool link_address(struct ip_layer *ip, struct ip_addr hop, uint32_t octets, struct mac_addr *mac)
{
	if (ip_is_broadcast(ip, hop)) {
		COUNT(ip->cnt, IpExtOutBcastPkts);
		COUNT_ADD(ip->cnt, IpExtOutBcastOctets, octets);
		*mac = MAC_BROADCAST;
		return true;
	}
	if (ip_is_multicast(hop)) {
		COUNT(ip->cnt, IpExtOutMcastPkts);
		COUNT_ADD(ip->cnt, IpExtOutMcastOctets, octets);
		*mac = ether_multicast_ip4(hop);
		return true;
	}
	return arp_resolve(ip, hop, mac);
}

/* RFC 4293: supplied to the lower layers, of which ARP is one. */
static void transmitted(const struct ip_layer *ip, uint32_t octets)
{
	COUNT(ip->cnt, IpOutTransmits);
	COUNT_ADD(ip->cnt, IpExtOutOctets, octets);
}

static enum ip_sent loop_output(struct ip_layer *ip, struct frame_out *f)
{
	if (ip->loop.link.ops->send(&ip->loop.link, f))
		return IP_FRAME_TAKEN;
	ip_drop(ip, CNT_LoopQueueDrops, frame_hdr(f), f->hdr_len);
	return IP_FRAME_DROPPED;
}

enum ip_sent ipv4_link_output(struct ip_layer *ip, struct frame_out *f, struct ip_addr hop)
{
	struct ether_hdr h = {.src = ip->cfg.mac, .dst = ip->cfg.mac, .type = ETHER_TYPE_IP4};
	const uint32_t octets = frame_len(f);
	bool ours = ip_is_ours(ip, hop), known = ours || link_address(ip, hop, octets, &h.dst);
	ether_build(frame_prepend(f, ETHER_HDR_LEN), &h);
	struct flat_frame *flat = known ? NULL : flat_from_out(ip->env, f);
	if (!known && !flat) {
		ip_drop(ip, CNT_IpOutDiscards, frame_hdr(f), f->hdr_len);
		return IP_FRAME_DROPPED;
	}
	transmitted(ip, octets);
	if (ours)
		return loop_output(ip, f);
	if (known)
		return IP_FRAME_READY;
	return arp_hold(ip, hop, flat) ? IP_FRAME_TAKEN : IP_FRAME_DROPPED;
}

/* f is too long, its IP header stands: it leaves in fragments. */
static enum ip_sent cut_output(struct ip_layer *ip, struct frame_out *f, struct ip_addr hop, uint16_t max)
{
	struct flat_frame *whole = flat_from_out(ip->env, f);
	if (!whole) {
		ip_drop(ip, CNT_IpFragQueueDrops, frame_hdr(f), f->hdr_len);
		return IP_FRAME_DROPPED;
	}
	/* A checksum that was left to the link: it sees only parts of what the checksum is over. */
	bool complete = flat_complete_csum(whole);
	assert(complete);
	(void)complete;
	if (!cut_add(ip, whole, hop, max))
		return IP_FRAME_DROPPED;
	return cut_pull(ip, f) ? IP_FRAME_READY : IP_FRAME_TAKEN;
}

enum ip_sent ip_output(struct ip_layer *ip, struct frame_out *f, const struct ip_tx *tx)
{
	const uint16_t header = (uint16_t)header_len(tx);
	struct ip_addr hop;
	COUNT(ip->cnt, IpOutRequests);
	if (!find_way(ip, tx, &hop)) {
		ip_drop(ip, CNT_IpOutNoRoutes, frame_hdr(f), f->hdr_len);
		return IP_FRAME_DROPPED;
	}
	uint8_t *p = frame_prepend(f, header);
	uint32_t total = frame_len(f);
	uint16_t max = whole_max(ip, tx);
	bool cut = !fits(ip, total, max, &f->off);
	if (cut && (tx->dont_fragment || f->off.gso != GSO_NONE || total > IP_TOTAL_MAX)) {
		ip_drop(ip, CNT_IpOutFragNeeded, frame_hdr(f) + header, f->hdr_len - (size_t)header);
		return IP_FRAME_DROPPED;
	}
	ipv4_write_header(ip, p, tx, total);
	return cut ? cut_output(ip, f, hop, max) : ipv4_link_output(ip, f, hop);
}

enum ip_sent ip_output_whole(struct ip_layer *ip, struct frame_out *f, struct ip_addr dst)
{
	struct ip_addr hop, source;
	COUNT(ip->cnt, IpOutRequests);
	struct ip_addr src = ip4_from_bytes(frame_hdr(f) + IPV4_OFF_SRC);
	bool way = route_next_hop(ip, dst, &hop, &source) && may_leave(ip, src, hop);
	enum counter bad = way ? CNT_IpOutFragNeeded : CNT_IpOutNoRoutes;
	if (!way || frame_len(f) > ip->cfg.mtu) {
		ip_drop(ip, bad, frame_hdr(f), f->hdr_len);
		return IP_FRAME_DROPPED;
	}
	return ipv4_link_output(ip, f, hop);
}

static bool has_pseudo_header(uint8_t protocol)
{
	return protocol == IP_PROTO_TCP || protocol == IP_PROTO_UDP;
}

void ip_transport_csum(const struct ip_layer *ip, struct frame_out *f, const struct ip_tx *tx, uint16_t csum_offset)
{
	uint8_t *field = frame_hdr(f) + csum_offset;
	assert(csum_offset + 2u <= f->hdr_len);
	store_be16(field, 0);
	csum sum = csum_pseudo(tx->src, tx->dst, tx->protocol, frame_len(f));
	if (ip->caps.csum) {
		f->off.needs_csum = true;
		f->off.csum_start = 0;
		f->off.csum_offset = csum_offset;
		store_be16(field, csum_fold(sum));
		return;
	}
	assert(f->off.gso == GSO_NONE);
	uint32_t at = f->hdr_len;
	sum = csum_add(sum, frame_hdr(f), at);
	for (int i = 0; i < f->niov; i++) {
		sum = csum_add_at(sum, f->iov[i].iov_base, f->iov[i].iov_len, at);
		at += (uint32_t)f->iov[i].iov_len;
	}
	uint16_t value = csum_finish(sum);
	/* RFC 768: a computed checksum of zero is transmitted as all ones. */
	if (value == 0 && tx->protocol == IP_PROTO_UDP)
		value = 0xffff;
	store_be16(field, value);
}

/* A transport packet with its checksum, and room in front. NULL: no memory. */
static struct flat_frame *flat_packet(struct ip_layer *ip, const struct ip_tx *tx, const void *packet, uint32_t len,
                                      uint16_t csum_offset, uint32_t front)
{
	struct flat_frame *f = flat_new(ip->env, front + len);
	if (!f)
		return NULL;
	uint8_t *p = f->bytes + front;
	memcpy(p, packet, len);
	store_be16(p + csum_offset, 0);
	csum sum = has_pseudo_header(tx->protocol) ? csum_pseudo(tx->src, tx->dst, tx->protocol, len) : CSUM_ZERO;
	uint16_t value = csum_finish(csum_add(sum, p, len));
	if (value == 0 && tx->protocol == IP_PROTO_UDP)
		value = 0xffff;
	store_be16(p + csum_offset, value);
	return f;
}

/* f is whole but for its Ethernet header. */
static void flat_output(struct ip_layer *ip, struct flat_frame *f, struct ip_addr hop)
{
	struct ether_hdr h = {.src = ip->cfg.mac, .dst = ip->cfg.mac, .type = ETHER_TYPE_IP4};
	const uint32_t octets = f->len - (uint32_t)ETHER_HDR_LEN;
	bool ours = ip_is_ours(ip, hop), known = ours || link_address(ip, hop, octets, &h.dst);
	ether_build(f->bytes, &h);
	transmitted(ip, octets);
	if (ours) {
		struct frame_out view;
		flat_view_out(f, &view);
		(void)loop_output(ip, &view);
		flat_free(ip->env, f);
	} else if (known) {
		ip_owe(ip, f);
	} else {
		arp_hold(ip, hop, f);
	}
}

void ip_send_copy(struct ip_layer *ip, const struct ip_tx *tx, const void *packet, uint32_t len, uint16_t csum_offset)
{
	const uint32_t header = header_len(tx);
	const uint16_t max = whole_max(ip, tx);
	const bool cut = len + header > max;
	struct ip_addr hop;
	COUNT(ip->cnt, IpOutRequests);
	assert(csum_offset + 2u <= len);
	if (!find_way(ip, tx, &hop)) {
		ip_drop(ip, CNT_IpOutNoRoutes, packet, len);
		return;
	}
	if (cut && (tx->dont_fragment || len + header > IP_TOTAL_MAX)) {
		ip_drop(ip, CNT_IpOutFragNeeded, packet, len);
		return;
	}
	uint32_t at = cut ? 0 : ETHER_HDR_LEN;
	struct flat_frame *f = flat_packet(ip, tx, packet, len, csum_offset, at + header);
	if (!f) {
		ip_drop(ip, CNT_IpOutDiscards, packet, len);
		return;
	}
	ipv4_write_header(ip, f->bytes + at, tx, header + len);
	if (cut) {
		cut_add(ip, f, hop, max);
		return;
	}
	flat_output(ip, f, hop);
}
