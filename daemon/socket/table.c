/* The table of sockets: allocation, identity, quotas, readiness, and the deferred end.
 *
 * A socket that has ended is put on the reap list and freed when the turn ends, never in the middle of a call: so a
 * transport may finish what it was doing with a block that has just passed to CLOSED. */
#include "socket/socket_internal.h"

#define BUCKETS_FIRST 64

bool socket_table_init(struct socket_table *st, struct env *env, uint32_t max, uint32_t per_uid)
{
	*st = (struct socket_table){.max = max, .per_uid = per_uid};
	for (size_t i = 0; i < sizeof(st->key.b); i++)
		st->key.b[i] = (uint8_t)rng_u32(&env->rng);
	list_init(&st->all);
	list_init(&st->ready);
	list_init(&st->deliver);
	list_init(&st->reap);
	list_init(&st->owners);
	return hash_table_init(&st->by_id, env, BUCKETS_FIRST);
}

void socket_table_free(struct socket_table *st, struct env *env)
{
	assert(st->count == 0 && list_empty(&st->all) && list_empty(&st->owners));
	hash_table_free(&st->by_id, env);
}

static struct socket_owner *owner_of(struct socket_table *st, uint32_t uid)
{
	list_for_each(it, &st->owners)
	{
		struct socket_owner *o = list_entry(it, struct socket_owner, link);
		if (o->uid == uid)
			return o;
	}
	return NULL;
}

/* Counts one more socket of uid. 0, or ENOBUFS: the quota, or no memory. Root has no quota of its own. */
static int charge(struct stack *s, uint32_t uid)
{
	struct socket_table *st = &s->sockets;
	struct socket_owner *o = owner_of(st, uid);

	if (st->count >= st->max || (o && uid != 0 && o->count >= st->per_uid)) {
		COUNT(&s->counters, SocketQuotaRefused);
		return ENOBUFS;
	}
	if (!o) {
		o = env_alloc(s->env, sizeof(*o));
		if (!o)
			return ENOBUFS;
		o->uid = uid;
		list_push_back(&st->owners, &o->link);
	}
	o->count++;
	st->count++;
	return 0;
}

static void discharge(struct stack *s, uint32_t uid)
{
	struct socket_owner *o = owner_of(&s->sockets, uid);

	assert(o && o->count);
	s->sockets.count--;
	if (--o->count == 0) {
		list_remove(&o->link);
		env_free(s->env, o, sizeof(*o));
	}
}

static const enum dgram_kind kinds[] = {
        [SOCKET_UDP] = DGRAM_UDP,
        [SOCKET_PING] = DGRAM_PING,
        [SOCKET_RAW] = DGRAM_RAW,
};
_Static_assert(ARRAY_LEN(kinds) == SOCKET_PROTOCOLS, "a kind for each protocol but TCP");

struct socket *socket_new(struct stack *s, enum socket_protocol protocol, uint8_t family, uint32_t uid, uint64_t id,
                          int *error)
{
	struct socket_table *st = &s->sockets;

	*error = charge(s, uid);
	if (*error)
		return NULL;
	struct socket *so = env_alloc(s->env, sizeof(*so));
	if (!so || !timer_reserve(&s->timers, s->env, (size_t)STACK_TIMERS_MAX + st->count)) {
		env_free(s->env, so, sizeof(*so));
		discharge(s, uid);
		COUNT(&s->counters, SocketNoMemory);
		*error = ENOBUFS;
		return NULL;
	}
	so->id = id ? id : ++st->last_id;
	so->protocol = protocol;
	so->family = family;
	so->uid = uid;
	so->opened = s->env->now;
	list_init(&so->ready_link);
	list_init(&so->deliver_link);
	list_push_back(&st->all, &so->all);
	hash_table_insert(&st->by_id, s->env, &so->by_id, siphash(&st->key, &so->id, sizeof(so->id)));
	switch (protocol) {
	case SOCKET_TCP:
		tcp_pcb_init(&s->tcp, &so->tcp, so->id);
		so->tcp.pcb.uid = uid;
		break;
	case SOCKET_UDP:
	case SOCKET_PING:
	case SOCKET_RAW:
		dgram_init(&s->dgram, &so->dgram, kinds[protocol], s->udp_rcvbuf, s->udp_sndbuf);
		so->dgram.pcb.uid = uid;
		break;
	case SOCKET_PROTOCOLS:
		break;
	}
	COUNT(&s->counters, SocketOpens);
	return so;
}

void socket_free(struct stack *s, struct socket *so)
{
	switch (so->protocol) {
	case SOCKET_TCP:
		tcp_pcb_release(&s->tcp, &so->tcp);
		break;
	case SOCKET_UDP:
	case SOCKET_PING:
	case SOCKET_RAW:
		dgram_release(&s->dgram, &so->dgram);
		break;
	case SOCKET_PROTOCOLS:
		break;
	}
	assert(so->channel == NULL);
	list_remove(&so->ready_link);
	list_remove(&so->deliver_link);
	list_remove(&so->all);
	hash_table_remove(&s->sockets.by_id, &so->by_id);
	discharge(s, so->uid);
	COUNT(&s->counters, SocketCloses);
	env_free(s->env, so, sizeof(*so));
}

void socket_reap(struct stack *s)
{
	while (!list_empty(&s->sockets.reap))
		socket_free(s, list_entry(s->sockets.reap.next, struct socket, ready_link));
}

void socket_notify(struct stack *s, struct socket *so, unsigned events)
{
	if (so->awaited) /* nobody is there for the rest */
		events &= SOCKET_SENT;
	so->events |= events;
	if ((so->owned || (so->awaited && events)) && !list_linked(&so->ready_link))
		list_push_back(&s->sockets.ready, &so->ready_link);
}

void socket_offer(struct stack *s, struct socket *so)
{
	if (!list_linked(&so->deliver_link))
		list_push_back(&s->sockets.deliver, &so->deliver_link);
}

struct socket *socket_by_id(const struct stack *s, uint64_t id)
{
	uint64_t hash = siphash(&s->sockets.key, &id, sizeof(id));

	for (struct hash_node *n = hash_table_first(&s->sockets.by_id, hash); n; n = hash_node_next(n)) {
		struct socket *so = container_of(n, struct socket, by_id);
		if (so->id == id)
			return so;
	}
	return NULL;
}

struct socket *socket_after(const struct stack *s, uint64_t after)
{
	struct socket *so = after ? socket_by_id(s, after) : NULL;

	if (so) { /* the usual case of a listing: the next in the list */
		struct list *next = so->all.next;
		return next == &s->sockets.all ? NULL : list_entry(next, struct socket, all);
	}
	list_for_each(it, &s->sockets.all)
	{
		struct socket *next = list_entry(it, struct socket, all);
		if (next->id > after)
			return next;
	}
	return NULL;
}

/* The transports' calls. */

struct tcp *socket_tcp_child(void *ctx, struct tcp *listener)
{
	struct stack *s = ctx;
	struct socket *parent = socket_of_tcp(listener);
	int error;
	struct socket *so = socket_new(s, SOCKET_TCP, parent->family, parent->uid, 0, &error);

	if (!so)
		return NULL;
	so->pid = parent->pid;
	so->linger_on = parent->linger_on;
	so->linger_s = parent->linger_s;
	return &so->tcp;
}

void socket_tcp_closed(void *ctx, struct tcp *t)
{
	struct stack *s = ctx;
	struct socket *so = socket_of_tcp(t);

	list_remove(&so->ready_link);
	so->owned = false;
	if (so->awaited) /* stack_ready passes it on */
		socket_notify(s, so, SOCKET_SENT);
	else
		list_push_back(&s->sockets.reap, &so->ready_link);
}

void socket_tcp_event(void *ctx, struct tcp *t, unsigned events)
{
	struct stack *s = ctx;
	struct socket *so = socket_of_tcp(t);
	unsigned mine = 0;

	if (events & TCP_EVENT_DATA)
		socket_offer(s, so);
	if (events & TCP_EVENT_CONNECTED)
		mine |= SOCKET_CONNECTED;
	if (events & TCP_EVENT_WRITABLE)
		mine |= SOCKET_WRITABLE;
	if (events & TCP_EVENT_EOF)
		mine |= SOCKET_EOF;
	if (events & TCP_EVENT_ACCEPT)
		mine |= SOCKET_ACCEPT;
	if (events & TCP_EVENT_ERROR) {
		so->error = t->error;
		mine |= SOCKET_ERROR;
	}
	if (events & TCP_EVENT_REPORT)
		mine |= SOCKET_REPORT;
	if (events & TCP_EVENT_SENT && so->awaited)
		mine |= SOCKET_SENT;
	if (mine)
		socket_notify(s, so, mine);
}

void socket_dgram_arrived(void *ctx, struct dgram *d)
{
	socket_offer(ctx, socket_of_dgram(d));
}

void socket_dgram_writable(void *ctx, struct dgram *d)
{
	socket_notify(ctx, socket_of_dgram(d), SOCKET_WRITABLE);
}
