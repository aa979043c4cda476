/* Path MTU cache (RFC 1191): what routers have said of the paths to destinations.
 *
 * An entry exists only for a destination whose path is narrower than the link. It is made or lowered by
 * ip_path_narrows, which a transport calls when it believes an ICMP message (transport/tcp_path.c decides that), never
 * raised, and forgotten IP_PMTU_AGE after the last message: then the link's MTU is tried again (RFC 1191 6.3). Aging
 * needs no timer: an entry that is too old is removed when somebody asks for it. The cache is full at
 * IP_PMTU_ENTRIES_MAX; then the entry that was not asked for the longest goes, which costs one more ICMP message.
 *
 * Every change of an entry advances pmtu_generation, so that a transport that keeps a copy sees when to ask again.
 *
 * A path is never taken to be narrower than IP_PMTU_MIN, although RFC 791 allows 68 bytes: a peer that makes us send
 * tiny segments multiplies our cost by ten, and no link of today needs them. What says less leaves the entry at
 * IP_PMTU_MIN and lets datagrams be fragmented, so that such a path still works. Linux does the same (min_pmtu). */
#include "ip/pmtu.h"

#define PMTU_BUCKETS_FIRST 16

/* RFC 1191 7.1, Table 7-1 */
static const uint16_t plateau[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};

uint16_t ip_pmtu_plateau(uint16_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(plateau); i++)
		if (plateau[i] < len)
			return plateau[i];
	return IPV4_MTU_MIN;
}

static uint64_t pmtu_hash(const struct ip_layer *ip, struct ip_addr dst)
{
	return siphash(&ip->key, &dst, sizeof(dst));
}

static struct pmtu_entry *pmtu_find(const struct ip_layer *ip, struct ip_addr dst)
{
	struct hash_node *n = hash_table_first(&ip->pmtu_table, pmtu_hash(ip, dst));

	for (; n; n = hash_node_next(n)) {
		struct pmtu_entry *e = container_of(n, struct pmtu_entry, node);
		if (ip_eq(e->dst, dst))
			return e;
	}
	return NULL;
}

static void pmtu_remove(struct ip_layer *ip, struct pmtu_entry *e)
{
	hash_table_remove(&ip->pmtu_table, &e->node);
	list_remove(&e->lru);
	env_free(ip->env, e, sizeof(*e));
	ip->pmtu_generation++;
}

static struct pmtu_entry *pmtu_add(struct ip_layer *ip, struct ip_addr dst)
{
	if (ip->pmtu_table.count >= IP_PMTU_ENTRIES_MAX)
		pmtu_remove(ip, list_entry(ip->pmtu_lru.next, struct pmtu_entry, lru));
	struct pmtu_entry *e = env_alloc(ip->env, sizeof(*e));
	if (!e)
		return NULL;
	e->dst = dst;
	list_init(&e->lru);
	list_push_back(&ip->pmtu_lru, &e->lru);
	hash_table_insert(&ip->pmtu_table, ip->env, &e->node, pmtu_hash(ip, dst));
	return e;
}

/* The entry, most recently used now; NULL: none, or none that is young enough. */
static struct pmtu_entry *pmtu_use(struct ip_layer *ip, struct ip_addr dst)
{
	struct pmtu_entry *e = ip->pmtu_table.count ? pmtu_find(ip, dst) : NULL;

	if (e && instant_le(e->until, ip->env->now)) {
		pmtu_remove(ip, e);
		COUNT(ip->cnt, IpPmtuAged);
		return NULL;
	}
	if (e) {
		list_remove(&e->lru);
		list_push_back(&ip->pmtu_lru, &e->lru);
	}
	return e;
}

struct ip_path ip_path_to(struct ip_layer *ip, struct ip_addr dst)
{
	const struct pmtu_entry *e = pmtu_use(ip, dst);

	if (!e)
		return (struct ip_path){.mtu = ip->cfg.mtu, .until = INSTANT_NEVER};
	return (struct ip_path){
	        .mtu = (uint16_t)u32_min(e->mtu, ip->cfg.mtu), .fragment = e->fragment, .until = e->until};
}

void ip_set_mtu(struct ip_layer *ip, uint16_t mtu)
{
	assert(mtu >= IPV4_MTU_MIN);
	if (mtu == ip->cfg.mtu)
		return;
	ip->cfg.mtu = mtu;
	ip->pmtu_generation++;
}

enum ip_pmtu ip_path_narrows(struct ip_layer *ip, struct ip_addr dst, uint16_t mtu)
{
	struct pmtu_entry *e = pmtu_use(ip, dst);
	uint16_t now = e ? e->mtu : ip->cfg.mtu;
	bool fragment = mtu < IP_PMTU_MIN;
	uint16_t lowered = (uint16_t)u32_min(u32_max(mtu, IP_PMTU_MIN), ip->cfg.mtu);

	/* RFC 1191 3: the estimate must not be raised by a message, nor go below 68. */
	if (mtu < IPV4_MTU_MIN || mtu > now || (!e && mtu == now)) {
		COUNT(ip->cnt, IpPmtuRefused);
		return IP_PMTU_REFUSED;
	}
	bool news = !e || lowered < now || (fragment && !e->fragment);
	if (!e)
		e = pmtu_add(ip, dst);
	if (!e) {
		COUNT(ip->cnt, IpPmtuRefused);
		return IP_PMTU_REFUSED;
	}
	e->until = instant_add(ip->env->now, IP_PMTU_AGE);
	ip->pmtu_generation++;
	if (!news)
		return IP_PMTU_KNOWN;
	COUNT(ip->cnt, IpPmtuLowered);
	e->mtu = lowered;
	e->fragment = fragment;
	return IP_PMTU_LOWERED;
}

bool pmtu_init(struct ip_layer *ip)
{
	list_init(&ip->pmtu_lru);
	return hash_table_init(&ip->pmtu_table, ip->env, PMTU_BUCKETS_FIRST);
}

void pmtu_free(struct ip_layer *ip)
{
	while (!list_empty(&ip->pmtu_lru))
		pmtu_remove(ip, list_entry(ip->pmtu_lru.next, struct pmtu_entry, lru));
	hash_table_free(&ip->pmtu_table, ip->env);
}

static void snap_entry(struct snap *s, struct ip_addr *dst, struct pmtu_entry *e)
{
	snap_ip(s, dst);
	snap_u16(s, &e->mtu);
	snap_bool(s, &e->fragment);
	snap_instant(s, &e->until);
}

void snap_pmtu(struct snap *s, struct ip_layer *ip)
{
	uint32_t generation = ip->pmtu_generation, count = (uint32_t)ip->pmtu_table.count;

	snap_u32(s, &count);
	snap_check(s, count <= IP_PMTU_ENTRIES_MAX, "too many path MTUs");
	if (!snap_loading(s)) {
		list_for_each(it, &ip->pmtu_lru)
		{
			struct pmtu_entry *e = list_entry(it, struct pmtu_entry, lru);
			snap_entry(s, &e->dst, e);
		}
	}
	for (uint32_t i = 0; snap_loading(s) && i < count && snap_ok(s); i++) {
		struct pmtu_entry in = {0};
		struct ip_addr dst = {0};
		snap_entry(s, &dst, &in);
		snap_check(s, in.mtu >= IPV4_MTU_MIN && !pmtu_find(ip, dst), "a path MTU out of range");
		struct pmtu_entry *e = snap_ok(s) ? pmtu_add(ip, dst) : NULL;
		if (!e) {
			snap_fail(s, "out of memory");
			return;
		}
		e->mtu = in.mtu;
		e->fragment = in.fragment;
		e->until = in.until;
	}
	snap_u32(s, &generation);
	ip->pmtu_generation = generation;
}
