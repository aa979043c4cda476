/* ARP: from a neighbour's address to its station. Each entry of the table is in one of five states.
 *
 *   ARP_INCOMPLETE  made when a frame has to go to an unknown address. Up to ARP_TRIES_MAX requests by broadcast, one a
 *                   second; frames wait in the entry's queue, the oldest is dropped when it is full. Then the entry is
 *                   ARP_FAILED, and the transports hear EHOSTUNREACH for what waited.
 *   ARP_REACHABLE   confirmed by a packet of that station. After the ARP timeout an entry that was not used goes; one
 *                   that was is ARP_REFRESH.
 *   ARP_REFRESH     still used, while up to ARP_TRIES_MAX requests by unicast ask whether it still holds (RFC 1122
 *                   2.3.2.1 (2)). Without an answer the entry goes, and the next frame asks by broadcast.
 *   ARP_FAILED      a negative entry, for ARP_FAILED_FOR, and longer while it is wanted. The transport of a frame hears
 *                   EHOSTUNREACH at once, that is, before the next turn; routes by way of it are avoided. A frame asks
 *                   again when the last request is a second old, and waits a second for the answer: so a connection
 * that retransmits rarely goes on with the retransmission that finds its peer back. Any packet of the station ends the
 * state. ARP_STATIC      entered by an administrator. No packet changes it, no timer ends it.
 *
 * No address is asked for twice within a second, whatever happens to its entry: `asked` outlives every change of state,
 * and no entry goes before it is a second old (arp_table.c).
 *
 * RFC 826 merges whatever a station says of itself into an entry that is there, asked for or not, a gratuitous packet
 * or not: that is how a station moves, and how a standby router takes over. So any neighbour can redirect our frames;
 * ARP has no defence against that. One it has against being raced: within ARP_LOCKED_FOR after a confirmation another
 * MAC address is not believed. Of two answers to one request the first holds, as with Linux's locktime, and two
 * stations with one address do not make an entry flutter. */
#include "ip/arp.h"

#include "ip/acd.h"
#include "ip/address.h"
#include "ip/arp_packet.h"
#include "ip/arp_table.h"
#include "ip/icmp.h"
#include "ip/ip_owed.h"
#include "ip/ipv4.h"
#include "ip/redirect.h"
#include "ip/route.h"
#include "ip/source_route.h"
#include <errno.h>

#define ARP_QUOTE_MAX 576 /* of a frame that is reported while it waits still */

static void arp_request(struct ip_layer *ip, struct arp_entry *e)
{
	assert(arp_may_ask(ip, e));
	e->asked = ip->env->now;
	arp_file(ip, e);
	/* RFC 826: any of ours will do; the one in its network is known there. */
	const struct ip_address *a = address_on_link(ip, e->addr);
	struct ip_addr sender = a ? a->prefix.addr : address_first(ip);
	/* RFC 5227 1.1: without a sender it would be a probe. */
	if (!ip_is_unspecified(sender))
		arp_send(ip, ARP_OP_REQUEST, e->state == ARP_REFRESH ? e->mac : MAC_BROADCAST, sender, e->addr);
}

/* RFC 1122 2.3.2.2: the saved packets are transmitted when the address has been resolved. */
static void arp_release(struct ip_layer *ip, struct arp_entry *e)
{
	while (!list_empty(&e->queue)) {
		struct flat_frame *f = arp_dequeue(ip, e);
		memcpy(f->bytes, e->mac.b, 6);
		ip_owe_released(ip, f);
	}
}

/* A packet of the station shows that e->addr is at mac. */
static void arp_confirm(struct ip_layer *ip, struct arp_entry *e, struct mac_addr mac)
{
	if (e->state == ARP_STATIC) {
		if (!mac_eq(e->mac, mac))
			COUNT(ip->cnt, ArpInStaticConflicts);
		return;
	}
	if (e->state == ARP_REACHABLE && !mac_eq(e->mac, mac) &&
	    instant_lt(ip->env->now, instant_add(e->since, ARP_LOCKED_FOR))) {
		COUNT(ip->cnt, ArpInLocked);
		return;
	}
	e->mac = mac;
	e->used = e->queued > 0;
	arp_set_state(ip, e, ARP_REACHABLE);
	e->tries = 0;
	e->since = ip->env->now;
	arp_file(ip, e);
	arp_release(ip, e);
}

/* A datagram of ours will not be delivered: its transport hears of it as of an ICMP host unreachable (RFC 1122 2.4). */
static void report_one(struct ip_layer *ip, const struct flat_frame *f)
{
	const uint8_t *p = f->bytes + ETHER_HDR_LEN;
	const uint32_t headers = ETHER_HDR_LEN + (p[0] & 0x0fu) * 4;
	struct ip_error e = {
	        .from = ip4_from_bytes(p + IPV4_OFF_SRC),
	        .type = ICMP_DEST_UNREACH,
	        .code = ICMP_UNREACH_HOST,
	        .protocol = p[IPV4_OFF_PROTO],
	        .src = ip4_from_bytes(p + IPV4_OFF_SRC),
	        .dst = ipv4_final_dst(p, headers - ETHER_HDR_LEN),
	        .error = EHOSTUNREACH,
	        .quoted = f->bytes + headers,
	        .quoted_len = f->len < headers ? 0 : f->len - headers,
	};
	if (e.quoted_len >= 8)
		(void)ip_report_error(ip, p[IPV4_OFF_PROTO], &e);
}

/* A handler may send again, which reports more: that is for the next time. */
void arp_report(struct ip_layer *ip)
{
	for (uint32_t n = ip->arp_reports; n > 0; n--) {
		struct flat_frame *f = list_entry(ip->arp_report.next, struct flat_frame, link);
		list_remove(&f->link);
		ip->arp_reports--;
		ip->arp_queued -= f->len;
		report_one(ip, f);
		flat_free(ip->env, f);
	}
}

/* Its transport hears of it by arp_report: not now, for it may be in the midst of sending. */
static void report_later(struct ip_layer *ip, struct flat_frame *f)
{
	list_push_back(&ip->arp_report, &f->link);
	ip->arp_reports++;
	ip->arp_queued += f->len;
	timer_update(ip->timers, &ip->arp_report_timer, ip->env->now);
}

static bool may_report(const struct ip_layer *ip, uint32_t len)
{
	return ip->arp_reports < ARP_REPORTS_MAX && ip->arp_queued + len <= ARP_QUEUE_BYTES_TOTAL;
}

/* Nobody answered. */
static void arp_fail(struct ip_layer *ip, struct arp_entry *e)
{
	COUNT(ip->cnt, ArpFailed);
	/* RFC 1122 3.3.1.4: no route leads by way of it as long as there is another. */
	redirect_forget(ip, e->addr);
	if (e->state == ARP_REFRESH) {
		arp_remove(ip, e);
		return;
	}
	while (!list_empty(&e->queue)) {
		struct flat_frame *f = arp_dequeue(ip, e);
		ip_drop(ip, CNT_ArpFailedDrops, f->bytes, f->len);
		report_later(ip, f);
	}
	arp_set_state(ip, e, ARP_FAILED);
	e->used = false;
	e->since = ip->env->now;
	arp_file(ip, e);
}

/* The frame that asked has waited for a second, or the entry has been negative for long enough. */
static void failed_timer(struct ip_layer *ip, struct arp_entry *e)
{
	arp_discard(ip, e);
	if (instant_lt(ip->env->now, instant_add(e->since, ARP_FAILED_FOR))) {
		arp_file(ip, e);
		return;
	}
	if (!e->used) {
		arp_remove(ip, e);
		return;
	}
	e->used = false;
	e->since = ip->env->now;
	if (arp_may_ask(ip, e))
		arp_request(ip, e);
	else
		arp_file(ip, e);
}

void arp_timer(struct ip_layer *ip, struct timer_node *n)
{
	struct arp_entry *e = container_of(n, struct arp_entry, timer);
	if (e->state == ARP_FAILED) {
		failed_timer(ip, e);
		return;
	}
	if (e->state == ARP_REACHABLE) {
		if (!e->used) {
			arp_remove(ip, e);
			return;
		}
		arp_set_state(ip, e, ARP_REFRESH);
		e->tries = 0;
	}
	if (e->tries == ARP_TRIES_MAX) {
		arp_fail(ip, e);
		return;
	}
	e->tries++;
	arp_request(ip, e);
}

bool arp_resolve(struct ip_layer *ip, struct ip_addr hop, struct mac_addr *mac)
{
	struct arp_entry *e = arp_find(ip, hop);
	if (!e || e->state == ARP_INCOMPLETE || e->state == ARP_FAILED)
		return false;
	if (e->state == ARP_REACHABLE && (!e->used || ip->arp_rank[ARP_RANK_USED].prev != &e->link)) {
		e->used = true;
		arp_file(ip, e);
	}
	*mac = e->mac;
	return true;
}

void arp_suspect(struct ip_layer *ip, struct ip_addr hop)
{
	struct arp_entry *e = arp_find(ip, hop);
	if (!e || e->state != ARP_REACHABLE)
		return;
	arp_set_state(ip, e, ARP_REFRESH);
	e->tries = 0;
	if (arp_may_ask(ip, e))
		arp_timer(ip, &e->timer);
	else
		arp_file(ip, e);
}

bool arp_is_dead(const struct ip_layer *ip, struct ip_addr hop)
{
	struct arp_entry *e = ip->arp_failed ? arp_find(ip, hop) : NULL;
	if (!e || e->state != ARP_FAILED)
		return false;
	e->used = true;
	return true;
}

/* A frame for an address that nobody answers for. */
static bool hold_failed(struct ip_layer *ip, struct arp_entry *e, struct flat_frame *f)
{
	e->used = true;
	if (!arp_may_ask(ip, e)) {
		arp_file(ip, e);
		ip_drop(ip, CNT_ArpFailedDrops, f->bytes, f->len);
		if (may_report(ip, f->len))
			report_later(ip, f);
		else
			flat_free(ip->env, f);
		return false;
	}
	uint32_t len = u32_min(f->len, ARP_QUOTE_MAX);
	struct flat_frame *quote = may_report(ip, len) ? flat_new(ip->env, len) : NULL;
	if (quote) {
		memcpy(quote->bytes, f->bytes, len);
		report_later(ip, quote);
	}
	bool held = arp_enqueue(ip, e, f);
	arp_request(ip, e);
	return held;
}

bool arp_hold(struct ip_layer *ip, struct ip_addr hop, struct flat_frame *f)
{
	struct arp_entry *e = arp_find(ip, hop);
	if (e && e->state == ARP_FAILED)
		return hold_failed(ip, e, f);
	if (!e) {
		e = arp_add(ip, hop, ARP_INCOMPLETE);
		if (!e) {
			ip_drop(ip, CNT_ArpTableFull, f->bytes, f->len);
			flat_free(ip->env, f);
			return false;
		}
		e->tries = 1;
		arp_request(ip, e);
	}
	return arp_enqueue(ip, e, f);
}

void arp_input(struct ip_layer *ip, const uint8_t *packet, uint32_t len)
{
	struct arp_packet a;
	if (!arp_parse(ip, packet, len, &a)) {
		ip_drop(ip, CNT_ArpInErrors, packet, len);
		return;
	}
	if (a.op == ARP_OP_REQUEST)
		COUNT(ip->cnt, ArpInRequests);
	else
		COUNT(ip->cnt, ArpInReplies);
	/* RFC 5227 2.4: another station claims our address. Its claim is not adopted. */
	enum counter reason = acd_input(ip, &a);
	if (reason != CNT_COUNT) {
		ip_drop(ip, reason, packet, len);
		return;
	}
	bool for_us = address_find(ip, a.tpa);
	if (!ip_is_unspecified(a.spa)) {
		/* RFC 826: an entry that is there is updated; one is added only when we are the target. */
		struct arp_entry *e = arp_find(ip, a.spa);
		if (!e && for_us && a.op == ARP_OP_REQUEST && address_on_link(ip, a.spa)) {
			e = arp_add(ip, a.spa, ARP_REACHABLE);
			if (e)
				e->mac = a.sha;
		}
		if (e)
			arp_confirm(ip, e, a.sha);
	}
	if (for_us && a.op == ARP_OP_REQUEST)
		arp_send(ip, ARP_OP_REPLY, a.sha, a.tpa, a.spa);
}

int ip_neighbor_add(struct ip_layer *ip, struct ip_addr a, struct mac_addr mac)
{
	static const struct mac_addr none;
	if (!ip4_is_host(ip, a) || ip_is_ours(ip, a) || !address_on_link(ip, a) || mac_is_group(mac) ||
	    mac_eq(mac, none) || mac_eq(mac, ip->cfg.mac))
		return EINVAL;
	struct arp_entry *e = arp_find(ip, a);
	if ((!e || e->state != ARP_STATIC) && ip->arp_static == ARP_STATIC_MAX)
		return ENOBUFS;
	if (!e)
		e = arp_add(ip, a, ARP_STATIC);
	if (!e)
		return ENOBUFS;
	e->mac = mac;
	e->used = false;
	arp_set_state(ip, e, ARP_STATIC);
	e->tries = 0;
	e->since = ip->env->now;
	arp_file(ip, e);
	arp_release(ip, e);
	return 0;
}

int ip_neighbor_delete(struct ip_layer *ip, struct ip_addr a)
{
	struct arp_entry *e = arp_find(ip, a);
	if (!e)
		return ESRCH;
	/* RFC 1122 2.3.2.1: without its entry it could be asked for again at once. */
	if (!arp_may_ask(ip, e))
		return EBUSY;
	arp_remove(ip, e);
	return 0;
}
