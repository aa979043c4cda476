/* ARP: a bounded table of neighbours, each in one of three states.
 *
 *   ARP_INCOMPLETE  made when a frame has to go to an unknown address. Up to ARP_TRIES_MAX requests by broadcast, one a
 *                   second; frames wait in the entry's queue, the oldest is dropped when it is full. Then the
 *                   entry goes, and the transports hear EHOSTUNREACH for what waited.
 *   ARP_REACHABLE   confirmed by a packet of that station. After ARP_REACHABLE_FOR an entry that was not used goes; one
 * that was is refreshed. ARP_REFRESH     still used, while up to ARP_TRIES_MAX requests by unicast ask whether it still
 * holds (RFC 1122 2.3.2.1 (2)). Without an answer the entry goes, and the next frame asks by broadcast.
 *
 * An entry goes only a second or more after its last request, so an address is asked for at most once a second,
 * whatever the history. The table is full at ARP_ENTRIES_MAX: then an entry that was not used since its confirmation
 * makes room, the least recently used first; for a frame of ours, also one that was used; never one that resolves. So a
 * station that claims many addresses cannot displace those that we talk to. Nor can an application that sends to many
 * addresses that nobody has: at most ARP_RESOLVING_MAX entries resolve at once, and what needs another is dropped. */
#include "ip/arp.h"

#include "ip/acd.h"
#include "ip/address.h"
#include "ip/arp_packet.h"
#include "ip/icmp.h"
#include "ip/ip_owed.h"
#include "ip/ipv4.h"
#include "ip/route.h"
#include "ip/source_route.h"
#include <errno.h>

#define ARP_BUCKETS_FIRST 64

const char *const arp_state_names[ARP_STATES] = {
        [ARP_INCOMPLETE] = "incomplete",
        [ARP_REACHABLE] = "reachable",
        [ARP_REFRESH] = "refresh",
};

static uint64_t arp_hash(const struct ip_layer *ip, struct ip_addr a)
{
	return siphash(&ip->key, &a, sizeof(a));
}

static struct arp_entry *arp_find(const struct ip_layer *ip, struct ip_addr a)
{
	struct hash_node *n = hash_table_first(&ip->arp_table, arp_hash(ip, a));
	for (; n; n = hash_node_next(n)) {
		struct arp_entry *e = container_of(n, struct arp_entry, node);
		if (ip_eq(e->addr, a))
			return e;
	}
	return NULL;
}

static instant arp_deadline(const struct arp_entry *e)
{
	switch (e->state) {
	case ARP_REACHABLE:
		return instant_add(e->since, ARP_REACHABLE_FOR);
	case ARP_INCOMPLETE:
	case ARP_REFRESH:
		return instant_add(e->since, ARP_REQUEST_INTERVAL);
	case ARP_STATES:
		break;
	}
	assert(false);
	return INSTANT_NEVER;
}

static void arp_remove(struct ip_layer *ip, struct arp_entry *e)
{
	assert(list_empty(&e->queue));
	ip->arp_resolving -= e->state == ARP_INCOMPLETE;
	timer_cancel(ip->timers, &e->timer);
	hash_table_remove(&ip->arp_table, &e->node);
	list_remove(&e->lru);
	env_free(ip->env, e, sizeof(*e));
}

/* Makes room for one more. `needed`: for a frame of ours, and not for what we merely heard. */
static bool arp_make_room(struct ip_layer *ip, bool needed)
{
	struct arp_entry *used = NULL;
	if (ip->arp_table.count < ARP_ENTRIES_MAX)
		return true;
	list_for_each(it, &ip->arp_lru)
	{
		struct arp_entry *e = list_entry(it, struct arp_entry, lru);
		if (e->state == ARP_INCOMPLETE)
			continue;
		if (!e->used) {
			arp_remove(ip, e);
			return true;
		}
		if (!used)
			used = e;
	}
	if (!needed || !used)
		return false;
	arp_remove(ip, used);
	return true;
}

static struct arp_entry *arp_add(struct ip_layer *ip, struct ip_addr a, enum arp_state state)
{
	struct arp_entry *e = env_alloc(ip->env, sizeof(*e));
	if (!e)
		return NULL;
	e->addr = a;
	e->state = state;
	ip->arp_resolving += state == ARP_INCOMPLETE;
	list_init(&e->queue);
	timer_node_init(&e->timer, ARP_TIMER_TIE | ip4_to_u32(a));
	list_init(&e->lru);
	list_push_back(&ip->arp_lru, &e->lru);
	hash_table_insert(&ip->arp_table, ip->env, &e->node, arp_hash(ip, a));
	return e;
}

static void arp_touch(struct ip_layer *ip, struct arp_entry *e)
{
	e->used = true;
	list_remove(&e->lru);
	list_push_back(&ip->arp_lru, &e->lru);
}

static void arp_request(struct ip_layer *ip, struct arp_entry *e)
{
	e->tries++;
	e->since = ip->env->now;
	timer_update(ip->timers, &e->timer, arp_deadline(e));
	/* RFC 826: any of ours will do; the one in its network is known there. */
	const struct ip_address *a = address_on_link(ip, e->addr);
	arp_send(ip, ARP_OP_REQUEST, e->state == ARP_REFRESH ? e->mac : MAC_BROADCAST,
	         a ? a->prefix.addr : address_first(ip), e->addr);
}

static struct flat_frame *arp_dequeue(struct ip_layer *ip, struct arp_entry *e)
{
	struct flat_frame *f = list_entry(e->queue.next, struct flat_frame, link);
	list_remove(&f->link);
	e->queued--;
	e->queued_bytes -= f->len;
	ip->arp_queued -= f->len;
	return f;
}

/* A packet of the station shows that e->addr is at mac. */
static void arp_confirm(struct ip_layer *ip, struct arp_entry *e, struct mac_addr mac)
{
	e->mac = mac;
	e->used = e->state == ARP_INCOMPLETE;
	ip->arp_resolving -= e->state == ARP_INCOMPLETE;
	e->state = ARP_REACHABLE;
	e->tries = 0;
	e->since = ip->env->now;
	timer_update(ip->timers, &e->timer, arp_deadline(e));
	/* RFC 1122 2.3.2.2: the saved packets are transmitted when the address has been resolved. */
	while (!list_empty(&e->queue)) {
		struct flat_frame *f = arp_dequeue(ip, e);
		memcpy(f->bytes, mac.b, 6);
		ip_owe_released(ip, f);
	}
}

/* A datagram of ours will not be delivered: its transport hears of it as of an ICMP host unreachable (RFC 1122 2.4). */
static void arp_report_failure(struct ip_layer *ip, const struct flat_frame *f)
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

/* Nobody answered. The entry is gone before a handler is called, which may send again. */
static void arp_fail(struct ip_layer *ip, struct arp_entry *e)
{
	struct list failed;
	list_init(&failed);
	COUNT(ip->cnt, ArpFailed);
	while (!list_empty(&e->queue))
		list_push_back(&failed, &arp_dequeue(ip, e)->link);
	arp_remove(ip, e);
	while (!list_empty(&failed)) {
		struct flat_frame *f = list_entry(failed.next, struct flat_frame, link);
		list_remove(&f->link);
		ip_drop(ip, CNT_ArpFailedDrops, f->bytes, f->len);
		arp_report_failure(ip, f);
		flat_free(ip->env, f);
	}
}

void arp_timer(struct ip_layer *ip, struct timer_node *n)
{
	struct arp_entry *e = container_of(n, struct arp_entry, timer);
	if (e->state == ARP_REACHABLE) {
		if (!e->used) {
			arp_remove(ip, e);
			return;
		}
		e->state = ARP_REFRESH;
		e->tries = 0;
	}
	if (e->tries < ARP_TRIES_MAX)
		arp_request(ip, e);
	else
		arp_fail(ip, e);
}

bool arp_resolve(struct ip_layer *ip, struct ip_addr hop, struct mac_addr *mac)
{
	struct arp_entry *e = arp_find(ip, hop);
	if (!e || e->state == ARP_INCOMPLETE)
		return false;
	if (!e->used || ip->arp_lru.prev != &e->lru)
		arp_touch(ip, e);
	*mac = e->mac;
	return true;
}

void arp_suspect(struct ip_layer *ip, struct ip_addr hop)
{
	struct arp_entry *e = arp_find(ip, hop);
	if (!e || e->state != ARP_REACHABLE)
		return;
	e->state = ARP_REFRESH;
	e->tries = 0;
	arp_request(ip, e);
}

bool arp_hold(struct ip_layer *ip, struct ip_addr hop, struct flat_frame *f)
{
	enum counter reason = CNT_ArpTableFull;
	struct arp_entry *e = arp_find(ip, hop);
	if (!e && ip->arp_resolving < ARP_RESOLVING_MAX && arp_make_room(ip, true)) {
		e = arp_add(ip, hop, ARP_INCOMPLETE);
		if (e)
			arp_request(ip, e);
	}
	if (e && ip->arp_queued + f->len > ARP_QUEUE_BYTES_TOTAL && e->queued_bytes < f->len)
		reason = CNT_ArpQueueDrops;
	else if (e)
		reason = CNT_COUNT;
	if (reason != CNT_COUNT) {
		ip_drop(ip, reason, f->bytes, f->len);
		flat_free(ip->env, f);
		return false;
	}
	arp_touch(ip, e);
	/* RFC 1122 2.3.2.2: the latest packets are the ones to keep. */
	while (e->queued > 0 && (e->queued == ARP_QUEUE_FRAMES_MAX || e->queued_bytes + f->len > ARP_QUEUE_BYTES_MAX ||
	                         ip->arp_queued + f->len > ARP_QUEUE_BYTES_TOTAL)) {
		struct flat_frame *oldest = arp_dequeue(ip, e);
		ip_drop(ip, CNT_ArpQueueDrops, oldest->bytes, oldest->len);
		flat_free(ip->env, oldest);
	}
	list_push_back(&e->queue, &f->link);
	e->queued++;
	e->queued_bytes += f->len;
	ip->arp_queued += f->len;
	return true;
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
	enum counter conflict = acd_input(ip, &a);
	if (conflict != CNT_COUNT) {
		ip_drop(ip, conflict, packet, len);
		return;
	}
	bool for_us = address_find(ip, a.tpa);
	if (!ip_is_unspecified(a.spa)) {
		/* RFC 826: an entry that is there is updated; one is added only when we are the target. */
		struct arp_entry *e = arp_find(ip, a.spa);
		if (!e && for_us && a.op == ARP_OP_REQUEST && address_on_link(ip, a.spa) && arp_make_room(ip, false))
			e = arp_add(ip, a.spa, ARP_REACHABLE);
		if (e)
			arp_confirm(ip, e, a.sha);
	}
	if (for_us && a.op == ARP_OP_REQUEST)
		arp_send(ip, ARP_OP_REPLY, a.sha, a.tpa, a.spa);
}

bool ip_neighbor_next(const struct ip_layer *ip, struct ip_addr after, struct ip_neighbor *out)
{
	const struct arp_entry *best = NULL;
	uint32_t last = ip_is_unspecified(after) ? 0 : ip4_to_u32(after);
	list_for_each(it, &ip->arp_lru)
	{
		const struct arp_entry *e = list_entry(it, struct arp_entry, lru);
		if (ip4_to_u32(e->addr) > last && (!best || ip4_to_u32(e->addr) < ip4_to_u32(best->addr)))
			best = e;
	}
	if (!best)
		return false;
	*out = (struct ip_neighbor){.addr = best->addr,
	                            .mac = best->mac,
	                            .state = best->state,
	                            .age = instant_since(ip->env->now, best->since),
	                            .queued = best->queued,
	                            .tries = best->tries};
	return true;
}

bool arp_init(struct ip_layer *ip)
{
	if (!timer_reserve(ip->timers, ip->env, ip->timers->count + IP_TIMERS_MAX))
		return false;
	return hash_table_init(&ip->arp_table, ip->env, ARP_BUCKETS_FIRST);
}

void arp_free(struct ip_layer *ip)
{
	list_for_each_safe(it, tmp, &ip->arp_lru)
	{
		struct arp_entry *e = list_entry(it, struct arp_entry, lru);
		flat_list_free(ip->env, &e->queue);
		arp_remove(ip, e);
	}
	hash_table_free(&ip->arp_table, ip->env);
}

static void snap_arp_entry(struct snap *s, struct ip_layer *ip, struct arp_entry *e)
{
	snap_mac(s, &e->mac);
	SNAP_ENUM(s, e->state, ARP_STATES);
	snap_u8(s, &e->tries);
	snap_bool(s, &e->used);
	snap_instant(s, &e->since);
	snap_flat_list(s, ip->env, &e->queue, ARP_QUEUE_FRAMES_MAX);
	if (!snap_loading(s))
		return;
	ip->arp_resolving += e->state == ARP_INCOMPLETE;
	snap_check(s, ip->arp_resolving <= ARP_RESOLVING_MAX, "too many ARP entries that resolve");
	list_for_each(it, &e->queue)
	{
		const struct flat_frame *f = list_entry(it, struct flat_frame, link);
		snap_check(s, f->len >= ETHER_HDR_LEN + IPV4_HDR_MIN, "queued frame too short");
		e->queued++;
		e->queued_bytes += f->len;
		ip->arp_queued += f->len;
	}
	snap_check(s, e->queued == 0 || e->state == ARP_INCOMPLETE, "frames wait for a known address");
	snap_check(s, e->tries <= ARP_TRIES_MAX, "too many tries");
	timer_update(ip->timers, &e->timer, arp_deadline(e));
}

void snap_arp(struct snap *s, struct ip_layer *ip)
{
	uint32_t count = (uint32_t)ip->arp_table.count;
	snap_u32(s, &count);
	snap_check(s, count <= ARP_ENTRIES_MAX, "too many ARP entries");
	struct list *it = ip->arp_lru.next;
	for (uint32_t i = 0; i < count && snap_ok(s); i++) {
		struct arp_entry *e = NULL;
		struct ip_addr addr = {0};
		if (!snap_loading(s)) {
			e = list_entry(it, struct arp_entry, lru);
			addr = e->addr;
			it = it->next;
		}
		snap_ip(s, &addr);
		if (snap_loading(s)) {
			snap_check(s, addr.family == IP_V4 && !arp_find(ip, addr), "bad ARP address");
			if (!snap_ok(s))
				return;
			e = arp_add(ip, addr, ARP_REACHABLE);
			if (!e) {
				snap_fail(s, "no memory");
				return;
			}
		}
		snap_arp_entry(s, ip, e);
	}
}
