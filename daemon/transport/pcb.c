/* See pcb.h.
 *
 * Invariants: `bound` means in the list of the port's users; `connected` (which implies bound) in the tuple table;
 * bound and not connected in the port table. */
#include "transport/pcb.h"

#include <errno.h>

#define BUCKETS_FIRST  64
#define EPHEMERAL_SPAN (PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1)

#define by_tuple_pcb(n) container_of(n, struct pcb, by_tuple)
#define by_port_pcb(n)  container_of(n, struct pcb, by_port)

static uint64_t hash_tuple(const struct pcb_table *t, struct endpoint local, struct endpoint remote)
{
	uint8_t b[2 * (sizeof(struct ip_addr) + 2)];
	uint8_t *p = b;
	memcpy(p, &local.addr, sizeof(local.addr));
	p += sizeof(local.addr);
	memcpy(p, &local.port, 2);
	p += 2;
	memcpy(p, &remote.addr, sizeof(remote.addr));
	p += sizeof(remote.addr);
	memcpy(p, &remote.port, 2);
	return siphash(&t->key, b, sizeof(b));
}

static uint64_t hash_port(const struct pcb_table *t, uint16_t port)
{
	return siphash(&t->key, &port, sizeof(port));
}

static struct list *port_users(const struct pcb_table *t, uint16_t port)
{
	return &t->users[port & (PCB_USER_LISTS - 1)];
}

bool pcb_table_init(struct pcb_table *t, struct env *env)
{
	*t = (struct pcb_table){.env = env};
	for (size_t i = 0; i < sizeof(t->key.b); i++)
		t->key.b[i] = (uint8_t)rng_u32(&env->rng);
	for (size_t i = 0; i < PCB_PORT_CLASSES; i++)
		t->port_next[i] = rng_u32(&env->rng);
	if (!hash_table_init(&t->tuples, env, BUCKETS_FIRST))
		return false;
	if (!hash_table_init(&t->ports, env, BUCKETS_FIRST))
		goto no_ports;
	t->users = env_alloc(env, PCB_USER_LISTS * sizeof(*t->users));
	if (!t->users)
		goto no_users;
	for (size_t i = 0; i < PCB_USER_LISTS; i++)
		list_init(&t->users[i]);
	return true;
no_users:
	hash_table_free(&t->ports, env);
no_ports:
	hash_table_free(&t->tuples, env);
	return false;
}

void pcb_table_free(struct pcb_table *t)
{
	for (size_t i = 0; i < PCB_USER_LISTS; i++)
		assert(list_empty(&t->users[i]));
	hash_table_free(&t->tuples, t->env);
	hash_table_free(&t->ports, t->env);
	env_free(t->env, t->users, PCB_USER_LISTS * sizeof(*t->users));
	t->users = NULL;
}

/* No address at all is IPv4's wildcard. */
static bool one_family(struct ip_addr a, struct ip_addr b)
{
	return (a.family == IP_V6) == (b.family == IP_V6);
}

static bool is_wildcard_of(struct ip_addr a, struct ip_addr b)
{
	return ip_is_unspecified(a) && one_family(a, b);
}

static bool addresses_overlap(struct ip_addr a, struct ip_addr b)
{
	return one_family(a, b) && (ip_is_unspecified(a) || ip_is_unspecified(b) || ip_eq(a, b));
}

static bool share_port(const struct pcb *p, const struct pcb *other)
{
	return p->reuse_port && other->reuse_port && p->uid == other->uid;
}

/* The rules of Linux (socket(7), SO_REUSEADDR): overlapping addresses of one port conflict, unless both ask for reuse
 * and the other does not listen, or the other only lingers in TIME-WAIT and we ask; or unless both share the port by
 * SO_REUSEPORT. */
static bool binds_conflict(const struct pcb *p, const struct pcb *other, struct ip_addr addr,
                           bool (*time_wait)(const struct pcb *))
{
	if (!addresses_overlap(addr, other->local.addr))
		return false;
	if (share_port(p, other))
		return false;
	if (!p->reuse_addr || other->listening)
		return true;
	return !other->reuse_addr && !(time_wait && time_wait(other));
}

static void enter_users(struct pcb_table *t, struct pcb *p)
{
	list_push_back(port_users(t, p->local.port), &p->port_link);
	p->bound = true;
}

static void enter_ports(struct pcb_table *t, struct pcb *p)
{
	hash_table_insert(&t->ports, t->env, &p->by_port, hash_port(t, p->local.port));
}

static void enter_bound(struct pcb_table *t, struct pcb *p, struct endpoint local)
{
	p->local = local;
	p->bind_seq = ++t->bind_seq;
	enter_users(t, p);
	enter_ports(t, p);
}

int pcb_bind(struct pcb_table *t, struct pcb *p, struct endpoint local, bool (*time_wait)(const struct pcb *))
{
	assert(!p->bound && local.port != 0);
	list_for_each(it, port_users(t, local.port))
	{
		const struct pcb *other = list_entry(it, struct pcb, port_link);
		if (other->local.port == local.port && binds_conflict(p, other, local.addr, time_wait))
			return EADDRINUSE;
	}
	enter_bound(t, p, local);
	return 0;
}

/* Nobody whom we could be mistaken for: no user of the port at our address that is unconnected, and, when there is no
 * remote, none at all. */
static bool ephemeral_free(const struct pcb_table *t, struct endpoint local, struct endpoint remote)
{
	if (remote.port != 0 && pcb_lookup_tuple(t, local, remote))
		return false;
	list_for_each(it, port_users(t, local.port))
	{
		const struct pcb *other = list_entry(it, struct pcb, port_link);
		if (other->local.port == local.port && (remote.port == 0 || !other->connected) &&
		    addresses_overlap(local.addr, other->local.addr))
			return false;
	}
	return true;
}

int pcb_bind_ephemeral(struct pcb_table *t, struct pcb *p, struct ip_addr local, struct endpoint remote)
{
	assert(!p->bound);
	/* RFC 6056 3.3.4, algorithm 4: F and G are two parts of one keyed hash over the destination. */
	uint64_t h = hash_tuple(t, (struct endpoint){.addr = local}, remote);
	uint32_t offset = (uint32_t)h;
	uint32_t *next = &t->port_next[(h >> 32) % PCB_PORT_CLASSES];
	for (uint32_t i = 0; i < EPHEMERAL_SPAN; i++) {
		uint32_t port = PORT_EPHEMERAL_MIN + (offset + (*next)++) % EPHEMERAL_SPAN;
		struct endpoint e = {.addr = local, .port = (uint16_t)port};
		if (!ephemeral_free(t, e, remote))
			continue;
		enter_bound(t, p, e);
		p->port_chosen = true;
		return 0;
	}
	return EADDRINUSE;
}

int pcb_listen(struct pcb_table *t, struct pcb *p)
{
	assert(p->bound && !p->connected);
	list_for_each(it, port_users(t, p->local.port))
	{
		const struct pcb *other = list_entry(it, struct pcb, port_link);
		if (other != p && other->listening && other->local.port == p->local.port &&
		    addresses_overlap(p->local.addr, other->local.addr) && !share_port(p, other))
			return EADDRINUSE;
	}
	p->listening = true;
	return 0;
}

void pcb_choose_source(struct pcb *p, struct ip_addr source)
{
	if (!ip_is_unspecified(p->local.addr))
		return;
	p->local.addr = source;
	p->addr_chosen = true;
}

static void forget_source(struct pcb *p)
{
	if (p->addr_chosen)
		p->local.addr = (struct ip_addr){0};
	p->addr_chosen = false;
}

int pcb_connect(struct pcb_table *t, struct pcb *p, struct endpoint remote)
{
	assert(p->bound && !p->connected && !ip_is_unspecified(p->local.addr));
	if (pcb_lookup_tuple(t, p->local, remote)) {
		forget_source(p);
		return EADDRINUSE;
	}
	hash_table_remove(&t->ports, &p->by_port);
	p->remote = remote;
	p->connected = true;
	hash_table_insert(&t->tuples, t->env, &p->by_tuple, hash_tuple(t, p->local, remote));
	return 0;
}

int pcb_accept(struct pcb_table *t, struct pcb *p, struct endpoint local, struct endpoint remote)
{
	assert(!p->bound && local.port != 0);
	if (pcb_lookup_tuple(t, local, remote))
		return EADDRINUSE;
	enter_bound(t, p, local);
	return pcb_connect(t, p, remote);
}

void pcb_disconnect(struct pcb_table *t, struct pcb *p)
{
	if (!p->connected)
		return;
	hash_table_remove(&t->tuples, &p->by_tuple);
	p->connected = false;
	p->remote = (struct endpoint){0};
	forget_source(p);
	enter_ports(t, p);
	if (p->port_chosen) {
		pcb_remove(t, p);
		p->local.port = 0;
		p->port_chosen = false;
	}
}

void pcb_remove(struct pcb_table *t, struct pcb *p)
{
	if (!p->bound)
		return;
	if (p->connected)
		hash_table_remove(&t->tuples, &p->by_tuple);
	else
		hash_table_remove(&t->ports, &p->by_port);
	list_remove(&p->port_link);
	p->bound = p->connected = p->listening = false;
}

struct pcb *pcb_lookup_tuple(const struct pcb_table *t, struct endpoint local, struct endpoint remote)
{
	struct hash_node *n = hash_table_first(&t->tuples, hash_tuple(t, local, remote));
	for (; n; n = hash_node_next(n)) {
		struct pcb *p = by_tuple_pcb(n);
		if (endpoint_eq(p->local, local) && endpoint_eq(p->remote, remote))
			return p;
	}
	return NULL;
}

/* The rank of one of those that share a port, for this remote. */
static uint64_t share_rank(const struct pcb_table *t, const struct pcb *p, struct endpoint remote)
{
	struct endpoint member = {.addr = ip4_from_u32((uint32_t)p->bind_seq), .port = (uint16_t)(p->bind_seq >> 32)};
	return hash_tuple(t, member, remote);
}

static bool unconnected_match(const struct pcb *p, struct endpoint local, bool listening_only)
{
	return p->local.port == local.port && (p->listening || !listening_only) &&
	       (ip_eq(p->local.addr, local.addr) || is_wildcard_of(p->local.addr, local.addr));
}

static bool same_place(const struct pcb *a, const struct pcb *b)
{
	bool any = ip_is_unspecified(a->local.addr) && is_wildcard_of(b->local.addr, a->local.addr);
	return a->local.port == b->local.port && (any || ip_eq(a->local.addr, b->local.addr));
}

static struct pcb *share_pick(const struct pcb_table *t, struct pcb *first, struct endpoint remote, bool listening_only)
{
	struct pcb *best = first;
	uint64_t best_rank = share_rank(t, first, remote);
	struct hash_node *n = hash_table_first(&t->ports, hash_port(t, first->local.port));
	for (; n; n = hash_node_next(n)) {
		struct pcb *p = by_port_pcb(n);
		if (p == first || !p->reuse_port || !same_place(p, first) || (listening_only && !p->listening))
			continue;
		uint64_t rank = share_rank(t, p, remote);
		if (rank > best_rank) {
			best = p;
			best_rank = rank;
		}
	}
	return best;
}

struct pcb *pcb_lookup_port(const struct pcb_table *t, struct endpoint local, struct endpoint remote,
                            bool listening_only)
{
	struct pcb *best = NULL;
	bool best_exact = false;
	struct hash_node *n = hash_table_first(&t->ports, hash_port(t, local.port));
	for (; n; n = hash_node_next(n)) {
		struct pcb *p = by_port_pcb(n);
		bool exact = ip_eq(p->local.addr, local.addr);
		if (!unconnected_match(p, local, listening_only))
			continue;
		if (!best || (exact && !best_exact) || (exact == best_exact && p->bind_seq > best->bind_seq)) {
			best = p;
			best_exact = exact;
		}
	}
	return best && best->reuse_port ? share_pick(t, best, remote, listening_only) : best;
}

struct pcb *pcb_next_match(const struct pcb_table *t, struct endpoint local, uint64_t after)
{
	struct pcb *next = NULL;
	struct hash_node *n = hash_table_first(&t->ports, hash_port(t, local.port));
	for (; n; n = hash_node_next(n)) {
		struct pcb *p = by_port_pcb(n);
		if (p->local.port == local.port && p->bind_seq > after && (!next || p->bind_seq < next->bind_seq) &&
		    (is_wildcard_of(p->local.addr, local.addr) || ip_eq(p->local.addr, local.addr)))
			next = p;
	}
	return next;
}

void snap_pcb_table(struct snap *s, struct pcb_table *t)
{
	snap_bytes(s, t->key.b, sizeof(t->key.b));
	snap_u64(s, &t->bind_seq);
	for (size_t i = 0; i < PCB_PORT_CLASSES; i++)
		snap_u32(s, &t->port_next[i]);
}

void snap_pcb(struct snap *s, struct pcb_table *t, struct pcb *p)
{
	bool bound = p->bound, connected = p->connected;
	snap_endpoint(s, &p->local);
	snap_endpoint(s, &p->remote);
	snap_u64(s, &p->bind_seq);
	snap_bool(s, &bound);
	snap_bool(s, &connected);
	snap_bool(s, &p->reuse_addr);
	snap_bool(s, &p->reuse_port);
	snap_bool(s, &p->listening);
	snap_bool(s, &p->port_chosen);
	snap_bool(s, &p->addr_chosen);
	if (!snap_loading(s) || !snap_ok(s) || !bound)
		return;
	snap_check(s, p->local.port != 0, "bound without a port");
	snap_check(s, !connected || (!ip_is_unspecified(p->local.addr) && !p->listening), "connected, but how");
	snap_check(s, !connected || !pcb_lookup_tuple(t, p->local, p->remote), "two sockets with one 4-tuple");
	if (!snap_ok(s))
		return;
	enter_users(t, p);
	if (connected) {
		p->connected = true;
		hash_table_insert(&t->tuples, t->env, &p->by_tuple, hash_tuple(t, p->local, p->remote));
	} else {
		enter_ports(t, p);
	}
}
