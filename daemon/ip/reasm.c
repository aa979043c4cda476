/* Reassembly of IPv4 datagrams.
 *
 * Theory of operation. A datagram under way is found by source, destination, protocol and identification (RFC 791 3.2)
 * in a hash table with a secret key. Its fragments are copies, in an array that is sorted by offset, so that a fragment
 * finds its place in a few steps whatever the order in which they come. When the last gap closes, header and fragments
 * are copied into one run of bytes, which is delivered like a frame and lives until the end of the turn.
 *
 * A sender never makes fragments that overlap, so one that overlaps another without being the same is an attack or
 * a mixture of two datagrams, and the whole datagram is dropped: RFC 5722 says so for IPv6, and it holds as well here.
 * The same is done with fragments that contradict each other about the end. What is dropped so is remembered without
 * its bytes until its time is over: fragments of it that are still to come do not begin it anew (RFC 5722 3).
 *
 * Three bounds hold for all together: bytes, datagrams, and fragments of one datagram. Where there is no room for a new
 * fragment, the oldest datagrams go. All wait for the same time, so that the oldest one is the first to expire, and one
 * timer is enough. */
#include "ip/reasm.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/icmp.h"
#include "ip/ipv4.h"
#include "link/flat.h"

#define FRAGMENT_UNIT 8u /* RFC 791: offsets count in units of 8 octets */
#define KEY_LEN       11
#define PARTS_FIRST   4u
#define ECN_MASK      3u
#define ECN_NOT_ECT   0u
#define ECN_CE        3u
#define NOTHING_WRONG CNT_IpReasmReqds

struct part {
	uint16_t at, len; /* bytes from the start of the payload */
	uint8_t bytes[];
};

struct datagram {
	struct hash_node node;
	struct list age;
	instant expires;
	uint8_t key[KEY_LEN];
	bool refused;                 /* dropped: what comes of it is dropped as well */
	bool group;                   /* the first fragment's */
	uint8_t ecn;                  /* bit n: a fragment has ECN codepoint n */
	uint8_t header_len;           /* 0: the first fragment is not there */
	uint8_t header[IPV4_HDR_MAX]; /* the first fragment's */
	uint32_t total;               /* bytes of payload; 0: the last fragment is not there */
	uint32_t held;                /* bytes of payload in parts */
	uint32_t parts, capacity;
	struct part **part; /* by offset; they do not overlap */
};

/* A fragment as it arrived. */
struct piece {
	uint32_t at, len;
	const uint8_t *bytes;
	bool last;
};

static size_t part_size(uint32_t len)
{
	return sizeof(struct part) + len;
}

static void make_key(const uint8_t *header, uint8_t key[KEY_LEN])
{
	memcpy(key, header + IPV4_OFF_SRC, 8);
	memcpy(key + 8, header + IPV4_OFF_ID, 2);
	key[10] = header[IPV4_OFF_PROTO];
}

static struct datagram *find(const struct ip_layer *ip, const uint8_t key[KEY_LEN])
{
	struct hash_node *n = hash_table_first(&ip->reasm.table, siphash(&ip->key, key, KEY_LEN));
	for (; n; n = hash_node_next(n)) {
		struct datagram *d = container_of(n, struct datagram, node);
		if (memcmp(d->key, key, KEY_LEN) == 0)
			return d;
	}
	return NULL;
}

static struct datagram *oldest(const struct ip_layer *ip)
{
	return list_entry(ip->reasm.by_age.next, struct datagram, age);
}

static void set_timer(struct ip_layer *ip)
{
	instant at = list_empty(&ip->reasm.by_age) ? INSTANT_NEVER : oldest(ip)->expires;
	timer_update(ip->timers, &ip->reasm.timer, at);
}

static void *take(struct ip_layer *ip, size_t size)
{
	void *p = env_alloc(ip->env, size);
	if (p)
		ip->reasm.memory += (uint32_t)size;
	return p;
}

static void give(struct ip_layer *ip, void *p, size_t size)
{
	if (!p)
		return;
	env_free(ip->env, p, size);
	ip->reasm.memory -= (uint32_t)size;
}

static void free_parts(struct ip_layer *ip, struct datagram *d)
{
	for (uint32_t i = 0; i < d->parts; i++)
		give(ip, d->part[i], part_size(d->part[i]->len));
	give(ip, d->part, d->capacity * sizeof(struct part *));
	d->part = NULL;
	d->parts = d->capacity = d->held = 0;
}

static void forget(struct ip_layer *ip, struct datagram *d)
{
	free_parts(ip, d);
	hash_table_remove(&ip->reasm.table, &d->node);
	list_remove(&d->age);
	give(ip, d, sizeof(*d));
	set_timer(ip);
}

/* Drops the datagram, and what is still to come of it. */
static void refuse(struct ip_layer *ip, struct datagram *d)
{
	COUNT(ip->cnt, IpReasmFails);
	free_parts(ip, d);
	d->refused = true;
	d->header_len = 0;
	d->total = 0;
}

static void evict(struct ip_layer *ip, struct datagram *d)
{
	if (!d->refused) {
		COUNT(ip->cnt, IpReasmFails);
		ip_drop(ip, CNT_IpReasmEvicted, d->header, d->header_len);
	}
	forget(ip, d);
}

/* The oldest datagrams but `keep` make room for so many bytes. */
static bool make_room(struct ip_layer *ip, const struct datagram *keep, size_t bytes)
{
	while (ip->reasm.memory + bytes > IP_REASM_MEMORY_MAX) {
		struct list *first = ip->reasm.by_age.next;
		if (keep && first == &keep->age)
			first = first->next;
		if (first == &ip->reasm.by_age)
			return false;
		evict(ip, list_entry(first, struct datagram, age));
	}
	return true;
}

static struct datagram *begin(struct ip_layer *ip, const uint8_t key[KEY_LEN], instant expires)
{
	if (ip->reasm.table.count >= IP_REASM_DATAGRAMS_MAX)
		evict(ip, oldest(ip));
	struct datagram *d = make_room(ip, NULL, sizeof(*d)) ? take(ip, sizeof(*d)) : NULL;
	if (!d)
		return NULL;
	memcpy(d->key, key, KEY_LEN);
	d->expires = expires;
	list_init(&d->age);
	list_push_back(&ip->reasm.by_age, &d->age);
	hash_table_insert(&ip->reasm.table, ip->env, &d->node, siphash(&ip->key, key, KEY_LEN));
	set_timer(ip);
	return d;
}

static bool grow(struct ip_layer *ip, struct datagram *d)
{
	if (d->parts < d->capacity)
		return true;
	uint32_t capacity = d->capacity > 0 ? d->capacity * 2 : PARTS_FIRST;
	if (!make_room(ip, d, capacity * sizeof(struct part *)))
		return false;
	struct part **bigger = take(ip, capacity * sizeof(*bigger));
	if (!bigger)
		return false;
	if (d->parts > 0)
		memcpy(bigger, d->part, d->parts * sizeof(*bigger));
	give(ip, d->part, d->capacity * sizeof(*bigger));
	d->part = bigger;
	d->capacity = capacity;
	return true;
}

/* The first part that ends behind `at`. */
static uint32_t place_of(const struct datagram *d, uint32_t at)
{
	uint32_t low = 0, high = d->parts;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if ((uint32_t)d->part[mid]->at + d->part[mid]->len > at)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static bool same(const struct part *a, const struct piece *p)
{
	return a->at == p->at && a->len == p->len && memcmp(a->bytes, p->bytes, p->len) == 0;
}

/* Copies a piece to its place. What is wrong with it, or NOTHING_WRONG. */
static enum counter place(struct ip_layer *ip, struct datagram *d, const struct piece *p)
{
	const uint32_t end = p->at + p->len, i = place_of(d, p->at);
	uint32_t reached = d->parts > 0 ? (uint32_t)d->part[d->parts - 1]->at + d->part[d->parts - 1]->len : 0;

	if (i < d->parts && d->part[i]->at < end)
		return same(d->part[i], p) ? CNT_IpReasmDuplicates : CNT_IpExtReasmOverlaps;
	if (p->last ? (d->total > 0 || end < reached) : (d->total > 0 && end > d->total))
		return CNT_IpReasmErrors;
	if (d->parts == IP_REASM_FRAGMENTS_MAX)
		return CNT_IpReasmTooMany;
	if (!grow(ip, d) || !make_room(ip, d, part_size(p->len)))
		return CNT_IpReasmNoMemory;
	struct part *part = take(ip, part_size(p->len));
	if (!part)
		return CNT_IpReasmNoMemory;
	part->at = (uint16_t)p->at;
	part->len = (uint16_t)p->len;
	memcpy(part->bytes, p->bytes, p->len);
	memmove(d->part + i + 1, d->part + i, (d->parts - i) * sizeof(struct part *));
	d->part[i] = part;
	d->parts++;
	d->held += p->len;
	if (p->last)
		d->total = end;
	return NOTHING_WRONG;
}

/* The datagram in one run of bytes. NULL: no memory. */
static struct flat_frame *join(struct ip_layer *ip, const struct datagram *d)
{
	uint32_t len = d->header_len + d->total;
	if (ip->reasm.whole_memory + len > IP_REASM_MEMORY_MAX)
		return NULL;
	struct flat_frame *f = flat_new(ip->env, len);
	if (!f)
		return NULL;
	uint8_t *p = f->bytes;
	memcpy(p, d->header, d->header_len);
	/* RFC 3168 5.3: the mark of one fragment is the datagram's. */
	if (d->ecn & 1u << ECN_CE)
		p[1] |= ECN_CE;
	store_be16(p + IPV4_OFF_LEN, (uint16_t)len);
	store_be16(p + IPV4_OFF_FRAG, 0);
	store_be16(p + IPV4_OFF_CSUM, 0);
	store_be16(p + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, d->header_len)));
	for (uint32_t i = 0; i < d->parts; i++)
		memcpy(p + d->header_len + d->part[i]->at, d->part[i]->bytes, d->part[i]->len);
	list_push_back(&ip->reasm.whole, &f->link);
	ip->reasm.whole_memory += len;
	return f;
}

/* Nothing is missing: *rx becomes the datagram. What is wrong with it, or NOTHING_WRONG. */
static enum counter complete(struct ip_layer *ip, const struct datagram *d, struct ip_rx *rx)
{
	/* RFC 3168 5.3: a mark beside a fragment that is not ECN-capable: the datagram is dropped. */
	if ((d->ecn & 1u << ECN_CE && d->ecn & 1u << ECN_NOT_ECT) || d->header_len + d->total > IP_TOTAL_MAX)
		return CNT_IpReasmErrors;
	struct flat_frame *f = join(ip, d);
	if (!f)
		return CNT_IpReasmNoMemory;
	rx->tos = f->bytes[1];
	rx->ttl = f->bytes[8];
	rx->group = d->group;
	rx->header = f->bytes;
	rx->header_len = d->header_len;
	rx->route = NULL;
	rx->payload = f->bytes + d->header_len;
	rx->payload_len = d->total;
	rx->off = (struct offload){0};
	return NOTHING_WRONG;
}

/* RFC 791 3.1: only the last fragment may end between units; none goes beyond the largest datagram (the ping of death).
 * A fragment of nothing has no place among the others. */
static bool piece_of(const struct ip_rx *rx, struct piece *p)
{
	uint16_t field = load_be16(rx->header + IPV4_OFF_FRAG);
	*p = (struct piece){
	        .at = (field & IPV4_FRAG_OFFSET) * FRAGMENT_UNIT,
	        .len = rx->payload_len,
	        .bytes = rx->payload,
	        .last = !(field & IPV4_FLAG_MF),
	};
	return p->len > 0 && (p->last || p->len % FRAGMENT_UNIT == 0) &&
	       rx->header_len + p->at + p->len <= IP_TOTAL_MAX;
}

static void keep_header(struct datagram *d, const struct ip_rx *rx)
{
	d->header_len = (uint8_t)rx->header_len;
	memcpy(d->header, rx->header, rx->header_len);
	d->group = rx->group;
}

/* What becomes of a fragment of d. */
static enum counter add(struct ip_layer *ip, struct datagram *d, const struct piece *p, struct ip_rx *rx, bool *whole)
{
	enum counter wrong = d->refused ? CNT_IpReasmLate : place(ip, d, p);
	if (wrong != NOTHING_WRONG)
		return wrong;
	d->ecn |= (uint8_t)(1u << (rx->tos & ECN_MASK));
	if (p->at == 0)
		keep_header(d, rx);
	if (d->total == 0 || d->held < d->total)
		return NOTHING_WRONG;
	wrong = complete(ip, d, rx);
	*whole = wrong == NOTHING_WRONG;
	return wrong;
}

bool reasm_input(struct ip_layer *ip, struct ip_rx *rx)
{
	const uint8_t *bytes = rx->header;
	size_t len = rx->header_len + rx->payload_len;
	uint8_t key[KEY_LEN];
	struct piece p;
	bool whole = false;

	COUNT(ip->cnt, IpReasmReqds);
	if (!piece_of(rx, &p)) {
		COUNT(ip->cnt, IpReasmFails);
		ip_drop(ip, CNT_IpReasmErrors, bytes, len);
		return false;
	}
	make_key(rx->header, key);
	struct datagram *d = find(ip, key);
	if (!d)
		d = begin(ip, key, instant_add(ip->env->now, IP_REASM_TIMEOUT));
	enum counter wrong = d ? add(ip, d, &p, rx, &whole) : CNT_IpReasmNoMemory;
	if (whole) {
		COUNT(ip->cnt, IpReasmOKs);
		forget(ip, d);
		return true;
	}
	if (wrong == NOTHING_WRONG)
		return false;
	ip_drop(ip, wrong, bytes, len);
	if (d && wrong != CNT_IpReasmLate && wrong != CNT_IpReasmDuplicates)
		refuse(ip, d);
	return false;
}

/* RFC 1122 3.3.2: its time is over. If the first fragment is there, the sender hears of it, with a quote of that. */
static void expire(struct ip_layer *ip, struct datagram *d)
{
	uint8_t quote[ICMP_ERROR_MAX];
	if (!d->refused) {
		COUNT(ip->cnt, IpReasmFails);
		ip_drop(ip, CNT_IpReasmTimeout, d->header, d->header_len);
	}
	if (d->header_len > 0) {
		const struct part *first = d->part[0];
		uint32_t len = u32_min(first->len, ICMP_ERROR_MAX - IPV4_HDR_MAX);
		memcpy(quote, d->header, d->header_len);
		memcpy(quote + d->header_len, first->bytes, len);
		struct ip_rx rx = {
		        .src = ip4_from_bytes(quote + IPV4_OFF_SRC),
		        .dst = ip4_from_bytes(quote + IPV4_OFF_DST),
		        .protocol = quote[IPV4_OFF_PROTO],
		        .group = d->group,
		        .header = quote,
		        .header_len = d->header_len,
		        .payload = quote + d->header_len,
		        .payload_len = len,
		};
		icmp_send_reassembly_time_exceeded(ip, &rx);
	}
	forget(ip, d);
}

void reasm_timer(struct ip_layer *ip)
{
	while (!list_empty(&ip->reasm.by_age) && instant_le(oldest(ip)->expires, ip->env->now))
		expire(ip, oldest(ip));
}

void reasm_turn_end(struct ip_layer *ip)
{
	flat_list_free(ip->env, &ip->reasm.whole);
	ip->reasm.whole_memory = 0;
}

bool reasm_init(struct ip_layer *ip)
{
	list_init(&ip->reasm.by_age);
	list_init(&ip->reasm.whole);
	timer_node_init(&ip->reasm.timer, REASM_TIMER_TIE);
	return hash_table_init(&ip->reasm.table, ip->env, IP_REASM_DATAGRAMS_MAX);
}

void reasm_free(struct ip_layer *ip)
{
	reasm_turn_end(ip);
	while (!list_empty(&ip->reasm.by_age))
		forget(ip, oldest(ip));
	timer_cancel(ip->timers, &ip->reasm.timer);
	hash_table_free(&ip->reasm.table, ip->env);
}

static void save_parts(struct snap *s, const struct datagram *d)
{
	for (uint32_t i = 0; i < d->parts; i++) {
		snap_u16(s, &d->part[i]->at);
		snap_u16(s, &d->part[i]->len);
		snap_bytes(s, d->part[i]->bytes, d->part[i]->len);
	}
}

static void load_parts(struct snap *s, struct ip_layer *ip, struct datagram *d, uint32_t count)
{
	uint8_t bytes[IP_TOTAL_MAX];
	for (uint32_t i = 0; i < count && snap_ok(s); i++) {
		uint16_t at = 0, len = 0;
		snap_u16(s, &at);
		snap_u16(s, &len);
		snap_bytes(s, bytes, len);
		struct piece p = {.at = at, .len = len, .bytes = bytes};
		snap_check(s, len > 0 && at + len <= IP_TOTAL_MAX && snap_ok(s) && place(ip, d, &p) == NOTHING_WRONG,
		           "a fragment that does not fit");
	}
}

static void snap_datagram(struct snap *s, struct ip_layer *ip, struct datagram *d)
{
	uint32_t count = d->parts, total = d->total;
	snap_bool(s, &d->refused);
	snap_bool(s, &d->group);
	snap_u8(s, &d->ecn);
	snap_u8(s, &d->header_len);
	snap_check(s, d->header_len == 0 || (d->header_len >= IPV4_HDR_MIN && d->header_len <= IPV4_HDR_MAX),
	           "the header of a fragment");
	if (snap_ok(s))
		snap_bytes(s, d->header, d->header_len);
	snap_u32(s, &total);
	snap_u32(s, &count);
	snap_check(s, count <= IP_REASM_FRAGMENTS_MAX && total <= IP_TOTAL_MAX, "fragments out of range");
	if (!snap_loading(s)) {
		save_parts(s, d);
		return;
	}
	load_parts(s, ip, d, count);
	d->total = total;
	bool begun = d->parts > 0 && d->part[0]->at == 0;
	uint32_t reached = d->parts > 0 ? (uint32_t)d->part[d->parts - 1]->at + d->part[d->parts - 1]->len : 0;
	snap_check(s, begun == (d->header_len > 0) && (total == 0 || (reached == total && d->held < total)),
	           "fragments that contradict each other");
	snap_check(s, d->refused == (d->parts == 0), "a datagram without fragments");
}

void snap_reasm(struct snap *s, struct ip_layer *ip)
{
	uint32_t count = (uint32_t)ip->reasm.table.count;
	assert(list_empty(&ip->reasm.whole));
	snap_u32(s, &count);
	snap_check(s, count <= IP_REASM_DATAGRAMS_MAX, "too many datagrams in fragments");
	struct list *it = ip->reasm.by_age.next;
	instant before = {0};
	for (uint32_t i = 0; i < count && snap_ok(s); i++) {
		uint8_t key[KEY_LEN] = {0};
		instant expires = {0};
		struct datagram *d = NULL;
		if (!snap_loading(s)) {
			d = list_entry(it, struct datagram, age);
			memcpy(key, d->key, KEY_LEN);
			expires = d->expires;
			it = it->next;
		}
		snap_bytes(s, key, KEY_LEN);
		snap_instant(s, &expires);
		if (snap_loading(s)) {
			snap_check(s, (i == 0 || instant_le(before, expires)) && !find(ip, key),
			           "fragments out of order");
			d = snap_ok(s) ? begin(ip, key, expires) : NULL;
			snap_check(s, d != NULL, "no memory");
		}
		before = expires;
		if (d)
			snap_datagram(s, ip, d);
	}
}
