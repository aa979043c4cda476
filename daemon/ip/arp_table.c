/* The ARP table is a hash table by address, bounded by ARP_ENTRIES_MAX, and a list for each rank, in the order of
 * filing. An entry is filed anew whenever it is asked for, confirmed or used.
 *
 * Who makes room is found in constant time: the first of the lowest rank that may. An entry that was asked for within
 * the last second must not go, or its address could be asked for twice in a second (RFC 1122 2.3.2.1). When the first
 * of a list was, then all of the list were filed within that second, and none of them needs to be looked at: they are
 * used harder than any that could be displaced for. What a station merely claims displaces other claims only. At most
 * ARP_UNRESOLVED_MAX entries are of addresses that nobody has (yet), and beyond these only they make room for each
 * other: so whoever sends to all addresses of a network does not displace the stations in use. */
#include "ip/arp_table.h"

#include "ip/ipv4.h"

#define ARP_BUCKETS_FIRST 64

const char *const arp_state_names[ARP_STATES] = {
        [ARP_INCOMPLETE] = "incomplete", [ARP_REACHABLE] = "reachable", [ARP_REFRESH] = "refresh",
        [ARP_FAILED] = "failed",         [ARP_STATIC] = "static",
};

static uint64_t arp_hash(const struct ip_layer *ip, struct ip_addr a)
{
	return siphash(&ip->key, &a, sizeof(a));
}

struct arp_entry *arp_find(const struct ip_layer *ip, struct ip_addr a)
{
	struct hash_node *n = hash_table_first(&ip->arp_table, arp_hash(ip, a));
	for (; n; n = hash_node_next(n)) {
		struct arp_entry *e = container_of(n, struct arp_entry, node);
		if (ip_eq(e->addr, a))
			return e;
	}
	return NULL;
}

bool arp_may_ask(const struct ip_layer *ip, const struct arp_entry *e)
{
	return instant_is_never(e->asked) || instant_le(instant_add(e->asked, ARP_REQUEST_INTERVAL), ip->env->now);
}

static enum arp_rank rank_of(const struct arp_entry *e)
{
	switch (e->state) {
	case ARP_REACHABLE:
		if (e->used)
			return ARP_RANK_USED;
		return instant_is_never(e->asked) ? ARP_RANK_HEARD : ARP_RANK_IDLE;
	case ARP_FAILED:
		return ARP_RANK_FAILED;
	case ARP_INCOMPLETE:
	case ARP_REFRESH:
	case ARP_STATIC:
		return ARP_RANK_HELD;
	case ARP_STATES:
		break;
	}
	assert(false);
	return ARP_RANK_HELD;
}

static instant deadline_of(const struct ip_layer *ip, const struct arp_entry *e)
{
	const duration reachable = ip->cfg.arp_timeout.ns ? ip->cfg.arp_timeout : IP_ARP_TIMEOUT;
	switch (e->state) {
	case ARP_REACHABLE:
		return instant_add(e->since, reachable);
	case ARP_INCOMPLETE:
	case ARP_REFRESH:
		return instant_add(e->asked, ARP_REQUEST_INTERVAL);
	case ARP_FAILED:
		return e->queued ? instant_add(e->asked, ARP_REQUEST_INTERVAL) : instant_add(e->since, ARP_FAILED_FOR);
	case ARP_STATIC:
		return INSTANT_NEVER;
	case ARP_STATES:
		break;
	}
	assert(false);
	return INSTANT_NEVER;
}

void arp_file(struct ip_layer *ip, struct arp_entry *e)
{
	list_remove(&e->link);
	list_push_back(&ip->arp_rank[rank_of(e)], &e->link);
	timer_update(ip->timers, &e->timer, deadline_of(ip, e));
}

static void count_state(struct ip_layer *ip, enum arp_state state, uint32_t n)
{
	ip->arp_unresolved += state == ARP_INCOMPLETE || state == ARP_FAILED ? n : 0;
	ip->arp_failed += state == ARP_FAILED ? n : 0;
	ip->arp_static += state == ARP_STATIC ? n : 0;
}

void arp_set_state(struct ip_layer *ip, struct arp_entry *e, enum arp_state state)
{
	count_state(ip, e->state, UINT32_MAX);
	count_state(ip, state, 1);
	e->state = state;
}

struct flat_frame *arp_dequeue(struct ip_layer *ip, struct arp_entry *e)
{
	struct flat_frame *f = list_entry(e->queue.next, struct flat_frame, link);
	list_remove(&f->link);
	e->queued--;
	e->queued_bytes -= f->len;
	ip->arp_queued -= f->len;
	return f;
}

void arp_discard(struct ip_layer *ip, struct arp_entry *e)
{
	while (!list_empty(&e->queue)) {
		struct flat_frame *f = arp_dequeue(ip, e);
		ip_drop(ip, CNT_ArpFailedDrops, f->bytes, f->len);
		flat_free(ip->env, f);
	}
}

void arp_remove(struct ip_layer *ip, struct arp_entry *e)
{
	arp_discard(ip, e);
	count_state(ip, e->state, UINT32_MAX);
	timer_cancel(ip->timers, &e->timer);
	hash_table_remove(&ip->arp_table, &e->node);
	list_remove(&e->link);
	env_free(ip->env, e, sizeof(*e));
}

static bool evict(struct ip_layer *ip, enum arp_rank rank)
{
	struct list *l = &ip->arp_rank[rank];
	/* A gateway that is avoided because it failed has a second chance: without its entry it would be tried again.
	 */
	for (uint32_t n = ip->arp_failed; rank == ARP_RANK_FAILED && n > 0; n--) {
		struct arp_entry *e = list_entry(l->next, struct arp_entry, link);
		if (!e->used)
			break;
		e->used = false;
		arp_file(ip, e);
	}
	struct arp_entry *e = list_empty(l) ? NULL : list_entry(l->next, struct arp_entry, link);
	if (!e || !arp_may_ask(ip, e))
		return false;
	arp_remove(ip, e);
	return true;
}

static bool make_room(struct ip_layer *ip, enum arp_state state)
{
	/* What was merely heard makes no room but of its kind. */
	const enum arp_rank last = state == ARP_REACHABLE ? ARP_RANK_HEARD : ARP_RANK_USED;
	if (state == ARP_INCOMPLETE && ip->arp_unresolved >= ARP_UNRESOLVED_MAX && !evict(ip, ARP_RANK_FAILED))
		return false;
	bool room = ip->arp_table.count < ARP_ENTRIES_MAX;
	for (enum arp_rank r = ARP_RANK_HEARD; !room && r <= last; r++)
		room = evict(ip, r);
	return room;
}

static struct arp_entry *insert(struct ip_layer *ip, struct ip_addr a, enum arp_state state)
{
	struct arp_entry *e = env_alloc(ip->env, sizeof(*e));
	if (!e)
		return NULL;
	e->addr = a;
	e->state = state;
	e->since = ip->env->now;
	e->asked = INSTANT_NEVER;
	count_state(ip, state, 1);
	list_init(&e->queue);
	list_init(&e->link);
	timer_node_init(&e->timer, ARP_TIMER_TIE | ip4_to_u32(a));
	hash_table_insert(&ip->arp_table, ip->env, &e->node, arp_hash(ip, a));
	return e;
}

struct arp_entry *arp_add(struct ip_layer *ip, struct ip_addr a, enum arp_state state)
{
	return make_room(ip, state) ? insert(ip, a, state) : NULL;
}

bool arp_enqueue(struct ip_layer *ip, struct arp_entry *e, struct flat_frame *f)
{
	if (ip->arp_queued + f->len > ARP_QUEUE_BYTES_TOTAL && e->queued_bytes < f->len) {
		ip_drop(ip, CNT_ArpQueueDrops, f->bytes, f->len);
		flat_free(ip->env, f);
		return false;
	}
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

bool ip_neighbor_next(const struct ip_layer *ip, struct ip_addr after, struct ip_neighbor *out)
{
	const struct arp_entry *best = NULL;
	uint32_t last = ip_is_unspecified(after) ? 0 : ip4_to_u32(after);
	for (int r = 0; r < ARP_RANKS; r++)
		list_for_each(it, &ip->arp_rank[r])
		{
			const struct arp_entry *e = list_entry(it, struct arp_entry, link);
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
	for (int r = 0; r < ARP_RANKS; r++)
		list_init(&ip->arp_rank[r]);
	list_init(&ip->arp_report);
	timer_node_init(&ip->arp_report_timer, ARP_REPORT_TIMER_TIE);
	if (!timer_reserve(ip->timers, ip->env, ip->timers->count + IP_TIMERS_MAX))
		return false;
	return hash_table_init(&ip->arp_table, ip->env, ARP_BUCKETS_FIRST);
}

void arp_free(struct ip_layer *ip)
{
	for (int r = 0; r < ARP_RANKS; r++)
		list_for_each_safe(it, tmp, &ip->arp_rank[r])
		{
			struct arp_entry *e = list_entry(it, struct arp_entry, link);
			flat_list_free(ip->env, &e->queue);
			arp_remove(ip, e);
		}
	flat_list_free(ip->env, &ip->arp_report);
	timer_cancel(ip->timers, &ip->arp_report_timer);
	hash_table_free(&ip->arp_table, ip->env);
}

/* Frames of a list that was loaded: counts them. */
static uint32_t loaded_frames(struct snap *s, struct ip_layer *ip, struct list *l, uint32_t *bytes)
{
	uint32_t n = 0;
	list_for_each(it, l)
	{
		const struct flat_frame *f = list_entry(it, struct flat_frame, link);
		snap_check(s, f->len >= ETHER_HDR_LEN + IPV4_HDR_MIN, "queued frame too short");
		n++;
		*bytes += f->len;
	}
	ip->arp_queued += *bytes;
	return n;
}

static void snap_arp_entry(struct snap *s, struct ip_layer *ip, struct arp_entry *e)
{
	enum arp_state state = e->state;
	snap_mac(s, &e->mac);
	SNAP_ENUM(s, state, ARP_STATES);
	snap_u8(s, &e->tries);
	snap_bool(s, &e->used);
	snap_instant(s, &e->since);
	snap_instant(s, &e->asked);
	snap_flat_list(s, ip->env, &e->queue, ARP_QUEUE_FRAMES_MAX);
	if (!snap_loading(s))
		return;
	arp_set_state(ip, e, state);
	e->queued = loaded_frames(s, ip, &e->queue, &e->queued_bytes);
	snap_check(s, e->queued == 0 || state == ARP_INCOMPLETE || (state == ARP_FAILED && e->queued == 1),
	           "frames wait for a known address");
	snap_check(s, e->tries <= ARP_TRIES_MAX, "too many tries");
	snap_check(s, state != ARP_INCOMPLETE || !instant_is_never(e->asked), "nobody was asked");
	arp_file(ip, e);
}

static void load_arp_entry(struct snap *s, struct ip_layer *ip)
{
	struct ip_addr addr = {0};
	snap_ip(s, &addr);
	snap_check(s, addr.family == IP_V4 && !arp_find(ip, addr), "bad ARP address");
	struct arp_entry *e = snap_ok(s) ? insert(ip, addr, ARP_REACHABLE) : NULL;
	if (!e) {
		snap_fail(s, "no memory");
		return;
	}
	arp_file(ip, e);
	snap_arp_entry(s, ip, e);
}

void snap_arp(struct snap *s, struct ip_layer *ip)
{
	uint32_t count = (uint32_t)ip->arp_table.count, bytes = 0;
	snap_u32(s, &count);
	snap_check(s, count <= ARP_ENTRIES_MAX, "too many ARP entries");
	for (uint32_t i = 0; snap_loading(s) && i < count && snap_ok(s); i++)
		load_arp_entry(s, ip);
	for (int r = 0; r < ARP_RANKS && !snap_loading(s); r++)
		list_for_each(it, &ip->arp_rank[r])
		{
			struct arp_entry *e = list_entry(it, struct arp_entry, link);
			snap_ip(s, &e->addr);
			snap_arp_entry(s, ip, e);
		}
	snap_check(s, ip->arp_unresolved <= ARP_UNRESOLVED_MAX, "too many ARP entries that resolve");
	snap_check(s, ip->arp_static <= ARP_STATIC_MAX, "too many static ARP entries");
	instant report_at = ip->arp_report_timer.deadline;
	snap_instant(s, &report_at);
	snap_flat_list(s, ip->env, &ip->arp_report, ARP_REPORTS_MAX + ARP_ENTRIES_MAX * ARP_QUEUE_FRAMES_MAX);
	if (!snap_loading(s))
		return;
	ip->arp_reports = loaded_frames(s, ip, &ip->arp_report, &bytes);
	snap_check(s, instant_is_never(report_at) == list_empty(&ip->arp_report), "frames that nobody hears of");
	if (snap_ok(s))
		timer_update(ip->timers, &ip->arp_report_timer, report_at);
}
