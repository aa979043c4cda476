/* The layer as a whole: its life, where a frame goes, checksums over a pseudo-header, the snapshot. */
#include "ip/ip.h"

#include "base/checksum.h"
#include "ip/acd.h"
#include "ip/address.h"
#include "ip/arp.h"
#include "ip/icmp.h"
#include "ip/ip_cut.h"
#include "ip/ip_owed.h"
#include "ip/ipv4.h"
#include "ip/pmtu.h"
#include "ip/reasm.h"
#include "ip/redirect.h"
#include "ip/route.h"
#include "link/ether.h"

#define IP_SNAP_TAG 0x49504c59u /* "IPLY" */

bool ip_init(struct ip_layer *ip, struct env *env, struct counters *cnt, struct timer_queue *timers,
             const struct ip_config *cfg, struct link_caps caps)
{
	assert(cfg->mtu >= IPV4_MTU_MIN);
	*ip = (struct ip_layer){.env = env, .cnt = cnt, .timers = timers, .caps = caps, .cfg = *cfg};
	if (!ip->cfg.ttl)
		ip->cfg.ttl = IP_DEFAULT_TTL;
	list_init(&ip->owed);
	loop_init(&ip->loop, env);
	cut_init(ip);
	for (size_t i = 0; i < sizeof(ip->key.b); i++)
		ip->key.b[i] = (uint8_t)rng_u32(&env->rng);
	if (!arp_init(ip))
		return false;
	if (!pmtu_init(ip))
		goto no_pmtu;
	if (!reasm_init(ip))
		goto no_reasm;
	icmp_init(ip);
	igmp_init(ip);
	acd_init(ip);

	int error = 0;
	if (!ip_is_unspecified(cfg->address.addr))
		error = ip_address_add(ip, cfg->address, IP_ORIGIN_STATIC, cfg->conflict_detection);
	assert(!error);
	(void)error;
	return true;
no_reasm:
	pmtu_free(ip);
no_pmtu:
	arp_free(ip);
	return false;
}

void ip_free(struct ip_layer *ip)
{
	arp_free(ip);
	pmtu_free(ip);
	reasm_free(ip);
	igmp_free(ip);
	acd_free(ip);
	ip_owed_free(ip);
	loop_free(&ip->loop);
	cut_free(ip);
}

void ip_register(struct ip_layer *ip, uint8_t protocol, struct ip_handler h)
{
	ip->handler[protocol] = h;
}

bool ip_report_error(struct ip_layer *ip, uint8_t protocol, const struct ip_error *e)
{
	const struct ip_handler *h = &ip->handler[protocol];
	bool raw = ip->raw.error && ip->raw.error(ip->raw.ctx, e);
	if (protocol == IP_PROTO_ICMP)
		return (ip->echo.error && ip->echo.error(ip->echo.ctx, e)) || raw;
	if (!h->error)
		return raw;
	h->error(h->ctx, e);
	return true;
}

uint32_t ip_gso_max(const struct ip_layer *ip)
{
	if (!ip->caps.csum || ip->caps.gso_max <= ETHER_HDR_LEN)
		return 0;
	return u32_min(ip->caps.gso_max - ETHER_HDR_LEN, IP_TOTAL_MAX);
}

void ip_drop(const struct ip_layer *ip, enum counter reason, const void *bytes, size_t len)
{
	ip->cnt->v[reason]++;
	trace_emit(ip->env,
	           &(struct trace_event){
	                   .kind = TRACE_DROP, .reason = reason, .bytes = bytes, .len = len, .frame_len = len});
}

void ip_frame_input(struct ip_layer *ip, const struct frame_in *whole)
{
	struct frame_in cut = *whole;
	const struct frame_in *f = &cut;
	struct ether_hdr h;
	switch (ether_parse(f->data, f->len, &h)) {
	case ETHER_TOO_SHORT:
		ip_drop(ip, CNT_LinkInTooShort, f->data, f->len);
		return;
	case ETHER_LENGTH_FRAME:
		ip_drop(ip, CNT_LinkInLengthFrames, f->data, f->len);
		return;
	case ETHER_TYPED:
		break;
	}
	if (h.frame_len)
		cut.len = h.frame_len;
	if (!ether_for_us(&h, ip->cfg.mac))
		ip_drop(ip, CNT_LinkInNotForUs, f->data, f->len);
	else if (h.type == ETHER_TYPE_IP4)
		ipv4_input(ip, f, h.len, mac_is_group(h.dst), false);
	else if (h.type == ETHER_TYPE_ARP)
		arp_input(ip, f->data + h.len, f->len - h.len);
	else
		ip_drop(ip, CNT_LinkInUnknownType, f->data, f->len);
}

void ip_loop_input(struct ip_layer *ip)
{
	struct frame_in frames[IP_LOOP_BATCH];
	int n = ip->loop.link.ops->recv(&ip->loop.link, frames, IP_LOOP_BATCH);
	for (int i = 0; i < n; i++)
		ipv4_input(ip, &frames[i], ETHER_HDR_LEN, false, true);
}

instant ip_loop_deadline(struct ip_layer *ip)
{
	return ip->loop.link.ops->deadline(&ip->loop.link);
}

void ip_turn_end(struct ip_layer *ip)
{
	reasm_turn_end(ip);
	loop_release(&ip->loop);
}

void ip_timer(struct ip_layer *ip, struct timer_node *n)
{
	if (n == &ip->igmp.timer)
		igmp_timer(ip);
	else if (n == &ip->reasm.timer)
		reasm_timer(ip);
	else if (n == &ip->acd.timer)
		acd_timer(ip);
	else if (n == &ip->arp_report_timer)
		arp_report(ip);
	else
		arp_timer(ip, n);
}

void ip_advise_dead(struct ip_layer *ip, struct ip_addr dst)
{
	struct ip_addr hop, source;
	if (!route_next_hop(ip, dst, &hop, &source))
		return;
	redirect_forget(ip, hop);
	arp_suspect(ip, hop);
}

bool ip_verify_csum(const struct ip_rx *rx)
{
	if (rx->off.csum_valid || rx->off.needs_csum)
		return true;
	csum sum = csum_pseudo(rx->src, rx->dst, rx->protocol, rx->payload_len);
	return csum_finish(csum_add(sum, rx->payload, rx->payload_len)) == 0;
}

static void snap_ip_config(struct snap *s, struct ip_config *c)
{
	snap_mac(s, &c->mac);
	snap_ip(s, &c->address.addr);
	snap_u8(s, &c->address.len);
	snap_ip(s, &c->gateway);
	snap_u16(s, &c->mtu);
	snap_u8(s, &c->ttl);
	snap_bool(s, &c->redirects);
	snap_bool(s, &c->source_route);
	SNAP_ENUM(s, c->conflict_detection, IP_ACDS);
	snap_duration(s, &c->arp_timeout);
	snap_check(s, c->arp_timeout.ns >= 0, "ARP timeout out of range");
	snap_check(s, !snap_loading(s) || c->mtu >= IPV4_MTU_MIN, "MTU too small");
}

void snap_ip_layer(struct snap *s, struct ip_layer *ip)
{
	snap_tag(s, IP_SNAP_TAG);
	snap_bytes(s, ip->key.b, sizeof(ip->key.b));
	snap_u32(s, &ip->icmp_tokens);
	snap_past(s, &ip->icmp_refilled, ip->env->now);
	snap_check(s, ip->icmp_tokens <= ICMP_ERRORS_BURST, "the rate limit of ICMP errors");
	snap_ip_config(s, &ip->cfg);
	snap_addresses(s, ip);
	snap_acd(s, ip);
	snap_routes(s, ip);
	snap_redirects(s, ip);
	snap_arp(s, ip);
	snap_pmtu(s, ip);
	snap_igmp(s, ip);
	snap_reasm(s, ip);
	snap_ip_owed(s, ip);
	snap_cut(s, ip);
	snap_loop(s, &ip->loop);
}
