/* Memberships and the reception state that they make; reports of its changes; timers; the snapshot. What arrives is in
 * igmp_input.c, what is sent in igmp_output.c.
 *
 * A group exists as long as a socket is a member or a report is owed. The reports that are owed are counted: for a
 * change of the filter mode in the group (mode_left), for a change of the source list in each source (left); sources
 * that are no longer listed stay until their count is zero (RFC 3376 5.1). In the older versions only mode_left is
 * used, for the repetitions of the first report. */
#include "ip/igmp_internal.h"

#include "ip/ip.h"
#include <errno.h>

#define IGMP_SNAP_TAG 0x49474d50u /* "IGMP" */

void igmp_init(struct ip_layer *ip)
{
	struct igmp_layer *l = &ip->igmp;
	*l = (struct igmp_layer){
	        .answer_at = INSTANT_NEVER,
	        .v1_until = INSTANT_NEVER,
	        .v2_until = INSTANT_NEVER,
	        .version = 3,
	        .robustness = IGMP_ROBUSTNESS,
	        .query_interval = IGMP_QUERY_INTERVAL,
	        .tokens = IGMP_REPORTS_BURST,
	        .refilled = ip->env->now,
	};
	list_init(&l->groups);
	timer_node_init(&l->timer, IGMP_TIMER_TIE);
	ip_register(ip, IP_PROTO_IGMP, (struct ip_handler){.input = igmp_input, .ctx = ip});
}

static void group_free(struct ip_layer *ip, struct igmp_group *g)
{
	assert(list_empty(&g->members));
	list_remove(&g->link);
	ip->igmp.count--;
	env_free(ip->env, g, sizeof(*g));
}

void igmp_free(struct ip_layer *ip)
{
	list_for_each_safe(it, tmp, &ip->igmp.groups) group_free(ip, list_entry(it, struct igmp_group, link));
	timer_cancel(ip->timers, &ip->igmp.timer);
}

struct igmp_group *igmp_find(const struct ip_layer *ip, struct ip_addr group)
{
	list_for_each(it, &ip->igmp.groups)
	{
		struct igmp_group *g = list_entry(it, struct igmp_group, link);
		if (ip_eq(g->addr, group))
			return g;
	}
	return NULL;
}

static struct igmp_group *group_new(struct ip_layer *ip, struct ip_addr group)
{
	if (ip->igmp.count == IGMP_GROUPS_MAX) {
		COUNT(ip->cnt, IgmpTableFull);
		return NULL;
	}
	struct igmp_group *g = env_alloc(ip->env, sizeof(*g));
	if (!g)
		return NULL;
	*g = (struct igmp_group){
	        .addr = group, .mode = IGMP_INCLUDE, .change_at = INSTANT_NEVER, .answer_at = INSTANT_NEVER};
	list_init(&g->members);
	list_push_back(&ip->igmp.groups, &g->link);
	ip->igmp.count++;
	return g;
}

instant igmp_random_within(struct ip_layer *ip, duration most)
{
	uint32_t us = u32_max(1, (uint32_t)(most.ns / NS_PER_US));
	return instant_add(ip->env->now, DURATION_US(1 + rng_below(&ip->env->rng, us)));
}

static struct igmp_source *source_find(struct igmp_group *g, struct ip_addr source)
{
	for (uint8_t i = 0; i < g->count; i++)
		if (ip_eq(g->source[i].addr, source))
			return &g->source[i];
	return NULL;
}

static bool list_has(const struct igmp_membership *m, struct ip_addr source)
{
	for (uint8_t i = 0; i < m->count; i++)
		if (ip_eq(m->source[i], source))
			return true;
	return false;
}

static uint32_t listed(const struct igmp_group *g)
{
	uint32_t n = 0;
	for (uint8_t i = 0; i < g->count; i++)
		n += g->source[i].listed;
	return n;
}

bool igmp_joined(const struct igmp_group *g)
{
	return g->mode == IGMP_EXCLUDE || listed(g) > 0;
}

/* A filter under construction. */
struct filter {
	enum igmp_mode mode;
	uint32_t count;
	struct ip_addr source[IGMP_GROUP_SOURCES_MAX];
};

static bool filter_has(const struct filter *f, struct ip_addr source)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (ip_eq(f->source[i], source))
			return true;
	return false;
}

/* False: too many sources for the interface. */
static bool filter_add(struct filter *f, struct ip_addr source)
{
	if (filter_has(f, source))
		return true;
	if (f->count == IGMP_GROUP_SOURCES_MAX)
		return false;
	f->source[f->count++] = source;
	return true;
}

/* Is the source in every EXCLUDE list and in no INCLUDE list? */
static bool excluded_by_all(const struct igmp_group *g, struct ip_addr source)
{
	list_for_each(it, &g->members)
	{
		const struct igmp_membership *m = list_entry(it, struct igmp_membership, of_group);
		if (list_has(m, source) != (m->mode == IGMP_EXCLUDE))
			return false;
	}
	return true;
}

/* RFC 3376 3.2: the interface excludes what all EXCLUDE lists have in common less the INCLUDE lists; without an EXCLUDE
 * list it includes the union. Sources beyond the bound make it take all. */
static struct filter merge(const struct igmp_group *g)
{
	const struct filter everything = {.mode = IGMP_EXCLUDE};
	struct filter f = {.mode = IGMP_INCLUDE};
	const struct igmp_membership *exclude = NULL;
	list_for_each(it, &g->members)
	{
		const struct igmp_membership *m = list_entry(it, struct igmp_membership, of_group);
		if (m->mode == IGMP_EXCLUDE) {
			exclude = m;
			break;
		}
		for (uint8_t i = 0; i < m->count; i++)
			if (!filter_add(&f, m->source[i]))
				return everything;
	}
	if (!exclude)
		return f;
	f = everything;
	for (uint8_t i = 0; i < exclude->count; i++)
		if (excluded_by_all(g, exclude->source[i]))
			(void)filter_add(&f, exclude->source[i]); /* IGMP_SOURCES_MAX at most */
	return f;
}

static void source_remove(struct igmp_group *g, uint8_t i)
{
	g->count--;
	for (; i < g->count; i++)
		g->source[i] = g->source[i + 1];
}

/* Room for one more: a source that is not listed gives way, its report repeated less often. */
static struct igmp_source *source_new(struct igmp_group *g)
{
	for (uint8_t i = 0; g->count == IGMP_GROUP_SOURCES_MAX; i++) {
		assert(i < g->count);
		if (!g->source[i].listed)
			source_remove(g, i);
	}
	return &g->source[g->count++];
}

static void forget_unlisted(struct igmp_group *g)
{
	for (uint8_t i = g->count; i-- > 0;)
		if (!g->source[i].listed && g->source[i].left == 0)
			source_remove(g, i);
}

void igmp_forget_changes(struct igmp_group *g)
{
	g->mode_left = 0;
	for (uint8_t i = 0; i < g->count; i++)
		g->source[i].left = 0;
	forget_unlisted(g);
}

/* Takes the filter over; every source that enters or leaves the list has `left` reports. False: nothing differs. */
static bool set_sources(struct igmp_group *g, const struct filter *f, uint8_t left)
{
	bool differs = false;
	for (uint8_t i = 0; i < g->count; i++) {
		struct igmp_source *s = &g->source[i];
		bool now = filter_has(f, s->addr);
		if (now == s->listed)
			continue;
		s->listed = now;
		s->left = left;
		differs = true;
	}
	for (uint32_t i = 0; i < f->count; i++) {
		if (source_find(g, f->source[i]))
			continue;
		*source_new(g) = (struct igmp_source){.addr = f->source[i], .listed = true, .left = left};
		differs = true;
	}
	forget_unlisted(g);
	return differs;
}

void igmp_drop_if_done(struct ip_layer *ip, struct igmp_group *g)
{
	if (list_empty(&g->members) && instant_is_never(g->change_at))
		group_free(ip, g);
}

/* State-change reports are sent at once, IGMP_REPORTS_BURST of them and then IGMP_REPORTS_PER_SECOND. */
static bool take_token(struct ip_layer *ip)
{
	struct igmp_layer *l = &ip->igmp;
	const int64_t token_ns = NS_PER_S / IGMP_REPORTS_PER_SECOND;
	int64_t grown = instant_since(ip->env->now, l->refilled).ns / token_ns;
	if (grown >= (int64_t)(IGMP_REPORTS_BURST - l->tokens)) {
		l->tokens = IGMP_REPORTS_BURST;
		l->refilled = ip->env->now;
	} else {
		l->tokens += (uint32_t)grown;
		l->refilled = instant_add(l->refilled, (duration){grown * token_ns});
	}
	if (l->tokens == 0)
		return false;
	l->tokens--;
	return true;
}

static bool reports_left(const struct igmp_group *g)
{
	for (uint8_t i = 0; i < g->count; i++)
		if (g->source[i].left > 0)
			return true;
	return g->mode_left > 0;
}

/* One report less to be sent. */
static void count_down(struct igmp_group *g)
{
	if (g->mode_left > 0)
		g->mode_left--;
	for (uint8_t i = 0; i < g->count; i++)
		if (g->source[i].left > 0)
			g->source[i].left--;
	forget_unlisted(g);
}

void igmp_report_change(struct ip_layer *ip, struct igmp_group *g)
{
	duration within = ip->igmp.version == 3 ? IGMP_UNSOLICITED : IGMP_V2_UNSOLICITED;
	g->change_at = INSTANT_NEVER;
	if (!reports_left(g)) {
		igmp_drop_if_done(ip, g);
		return;
	}
	if (!take_token(ip)) {
		COUNT(ip->cnt, IgmpOutRateLimited);
		g->change_at = instant_add(ip->env->now, IGMP_RATE_WAIT);
		return;
	}
	switch (ip->igmp.version) {
	case 3:
		igmp_send_change(ip, g);
		break;
	case 2:
		igmp_send_simple(ip, igmp_joined(g) ? IGMP_V2_REPORT : IGMP_V2_LEAVE, g->addr);
		break;
	default: /* RFC 1112 has no leave */
		if (igmp_joined(g))
			igmp_send_simple(ip, IGMP_V1_REPORT, g->addr);
		break;
	}
	count_down(g);
	if (reports_left(g))
		g->change_at = igmp_random_within(ip, within);
	igmp_drop_if_done(ip, g);
}

/* The memberships of g have changed. */
static void update(struct ip_layer *ip, struct igmp_group *g)
{
	bool joined = igmp_joined(g);
	struct filter f = merge(g);
	uint8_t left = ip->igmp.robustness, before = g->mode_left;
	bool differs = false;
	if (f.mode != g->mode) {
		/* RFC 3376 5.1: TO_IN and TO_EX tell the whole list; what was to be said of former sources is void. */
		g->mode = f.mode;
		g->count = 0;
		g->mode_left = left;
		differs = true;
	}
	if (set_sources(g, &f, left))
		differs = true;
	if (ip->igmp.version < 3) {
		/* RFC 2236 3: a report when joining, repeated; one leave. */
		differs = joined != igmp_joined(g);
		igmp_forget_changes(g);
		g->mode_left = !differs ? before : igmp_joined(g) ? left : 1;
	}
	/* RFC 3376 5: nothing is ever said of 224.0.0.1. */
	if (ip_eq(g->addr, IGMP_ALL_SYSTEMS)) {
		igmp_forget_changes(g);
		differs = false;
	}
	if (differs)
		igmp_report_change(ip, g);
	else
		igmp_drop_if_done(ip, g);
	igmp_arm(ip);
}

void igmp_arm(struct ip_layer *ip)
{
	const struct igmp_layer *l = &ip->igmp;
	instant next = instant_min(l->answer_at, instant_min(l->v1_until, l->v2_until));
	list_for_each(it, &l->groups)
	{
		const struct igmp_group *g = list_entry(it, struct igmp_group, link);
		next = instant_min(next, instant_min(g->change_at, g->answer_at));
	}
	timer_update(ip->timers, &ip->igmp.timer, next);
}

/* Memberships. */

static struct igmp_membership *membership_find(const struct list *set, struct ip_addr group)
{
	list_for_each(it, set)
	{
		struct igmp_membership *m = list_entry(it, struct igmp_membership, of_socket);
		if (ip_eq(m->group->addr, group))
			return m;
	}
	return NULL;
}

static struct igmp_membership *membership_new(struct ip_layer *ip, struct list *set, struct igmp_group *g,
                                              enum igmp_mode mode)
{
	struct igmp_membership *m = env_alloc(ip->env, sizeof(*m));
	if (!m)
		return NULL;
	m->group = g;
	m->mode = mode;
	list_push_back(set, &m->of_socket);
	list_push_back(&g->members, &m->of_group);
	return m;
}

static void membership_free(struct ip_layer *ip, struct igmp_membership *m)
{
	list_remove(&m->of_socket);
	list_remove(&m->of_group);
	env_free(ip->env, m, sizeof(*m));
}

static int join(struct ip_layer *ip, struct list *set, struct ip_addr group, enum igmp_mode mode, struct ip_addr source)
{
	uint32_t count = 0;
	list_for_each(it, set) count++;
	if (count >= IGMP_MEMBERSHIPS_MAX)
		return ENOBUFS;
	struct igmp_group *g = igmp_find(ip, group);
	if (!g)
		g = group_new(ip, group);
	if (!g)
		return ENOBUFS;
	struct igmp_membership *m = membership_new(ip, set, g, mode);
	if (!m) {
		igmp_drop_if_done(ip, g);
		return ENOBUFS;
	}
	if (mode == IGMP_INCLUDE)
		m->source[m->count++] = source;
	update(ip, g);
	return 0;
}

static void leave(struct ip_layer *ip, struct igmp_membership *m)
{
	struct igmp_group *g = m->group;
	membership_free(ip, m);
	update(ip, g);
}

static int add_source(struct ip_layer *ip, struct igmp_membership *m, struct ip_addr source)
{
	if (list_has(m, source))
		return EADDRNOTAVAIL; /* as Linux */
	if (m->count == IGMP_SOURCES_MAX)
		return ENOBUFS;
	m->source[m->count++] = source;
	update(ip, m->group);
	return 0;
}

static int remove_source(struct ip_layer *ip, struct igmp_membership *m, struct ip_addr source)
{
	if (!list_has(m, source))
		return EADDRNOTAVAIL;
	uint8_t i = 0;
	while (!ip_eq(m->source[i], source))
		i++;
	m->source[i] = m->source[--m->count];
	/* A membership that includes nothing is none. */
	if (m->count == 0 && m->mode == IGMP_INCLUDE)
		leave(ip, m);
	else
		update(ip, m->group);
	return 0;
}

int igmp_change(struct ip_layer *ip, struct list *set, enum igmp_change what, struct ip_addr group,
                struct ip_addr source)
{
	if (!ip_is_multicast(group))
		return EINVAL;
	struct igmp_membership *m = membership_find(set, group);
	switch (what) {
	case IGMP_JOIN:
		return m ? EADDRINUSE : join(ip, set, group, IGMP_EXCLUDE, source);
	case IGMP_LEAVE:
		if (!m)
			return EADDRNOTAVAIL;
		leave(ip, m);
		return 0;
	case IGMP_JOIN_SOURCE:
		if (!m)
			return join(ip, set, group, IGMP_INCLUDE, source);
		return m->mode == IGMP_INCLUDE ? add_source(ip, m, source) : EINVAL;
	case IGMP_LEAVE_SOURCE:
		if (!m)
			return EADDRNOTAVAIL;
		return m->mode == IGMP_INCLUDE ? remove_source(ip, m, source) : EINVAL;
	case IGMP_BLOCK:
		if (!m || m->mode != IGMP_EXCLUDE)
			return EINVAL;
		return add_source(ip, m, source);
	case IGMP_UNBLOCK:
		if (!m || m->mode != IGMP_EXCLUDE)
			return EINVAL;
		return remove_source(ip, m, source);
	}
	return EINVAL;
}

void igmp_leave_all(struct ip_layer *ip, struct list *set)
{
	list_for_each_safe(it, tmp, set) leave(ip, list_entry(it, struct igmp_membership, of_socket));
}

bool igmp_set_wants(const struct list *set, struct ip_addr group, struct ip_addr src, bool other)
{
	const struct igmp_membership *m = membership_find(set, group);
	return m ? list_has(m, src) == (m->mode == IGMP_INCLUDE) : other;
}

bool igmp_wants(const struct ip_layer *ip, struct ip_addr group, struct ip_addr src, uint8_t protocol)
{
	/* RFC 1112 7.2, RFC 3376 5: a host always belongs to 224.0.0.1. */
	if (ip_eq(group, IGMP_ALL_SYSTEMS))
		return true;
	struct igmp_group *g = igmp_find(ip, group);
	if (!g || !igmp_joined(g))
		return false;
	const struct igmp_source *s = source_find(g, src);
	return protocol == IP_PROTO_IGMP || (s && s->listed) == (g->mode == IGMP_INCLUDE);
}

/* The snapshot. */

static void snap_source(struct snap *s, struct igmp_source *src)
{
	snap_ip(s, &src->addr);
	snap_bool(s, &src->listed);
	snap_u8(s, &src->left);
}

static void snap_group(struct snap *s, struct igmp_group *g)
{
	SNAP_ENUM(s, g->mode, IGMP_MODES);
	snap_u8(s, &g->mode_left);
	snap_instant(s, &g->change_at);
	snap_instant(s, &g->answer_at);
	snap_u8(s, &g->count);
	snap_u8(s, &g->queried);
	snap_check(s, g->count <= IGMP_GROUP_SOURCES_MAX && g->queried <= IGMP_QUERIED_MAX, "too many sources");
	for (uint8_t i = 0; i < g->count && snap_ok(s); i++)
		snap_source(s, &g->source[i]);
	for (uint8_t i = 0; i < g->queried && snap_ok(s); i++)
		snap_ip(s, &g->asked[i]);
}

void snap_igmp(struct snap *s, struct ip_layer *ip)
{
	struct igmp_layer *l = &ip->igmp;
	uint32_t count = l->count;
	snap_tag(s, IGMP_SNAP_TAG);
	snap_instant(s, &l->answer_at);
	snap_instant(s, &l->v1_until);
	snap_instant(s, &l->v2_until);
	snap_u8(s, &l->version);
	snap_u8(s, &l->robustness);
	snap_u32(s, &l->query_interval);
	snap_u32(s, &l->tokens);
	snap_past(s, &l->refilled, ip->env->now);
	snap_u32(s, &count);
	snap_check(s, l->version >= 1 && l->version <= 3 && l->robustness >= 1 && l->robustness <= 7, "IGMP version");
	snap_check(s, l->tokens <= IGMP_REPORTS_BURST && count <= IGMP_GROUPS_MAX, "IGMP bounds");
	struct list *it = l->groups.next;
	for (uint32_t i = 0; i < count && snap_ok(s); i++) {
		struct igmp_group *g = snap_loading(s) ? NULL : list_entry(it, struct igmp_group, link);
		struct ip_addr addr = g ? g->addr : (struct ip_addr){0};
		it = it->next;
		snap_ip(s, &addr);
		if (snap_loading(s)) {
			snap_check(s, ip_is_multicast(addr) && !igmp_find(ip, addr), "not a group");
			g = snap_ok(s) ? group_new(ip, addr) : NULL;
			if (!g) {
				snap_fail(s, "no memory");
				return;
			}
			it = l->groups.next;
		}
		snap_group(s, g);
	}
	if (snap_loading(s))
		igmp_arm(ip);
}

static void snap_membership(struct snap *s, struct igmp_membership *m)
{
	SNAP_ENUM(s, m->mode, IGMP_MODES);
	snap_u8(s, &m->count);
	snap_check(s, m->count <= IGMP_SOURCES_MAX, "too many sources");
	for (uint8_t i = 0; i < m->count && snap_ok(s); i++)
		snap_ip(s, &m->source[i]);
}

void snap_igmp_set(struct snap *s, struct ip_layer *ip, struct list *set)
{
	uint8_t count = 0;
	list_for_each(it, set) count++;
	snap_u8(s, &count);
	snap_check(s, count <= IGMP_MEMBERSHIPS_MAX, "too many memberships");
	struct list *it = set->next;
	for (uint8_t i = 0; i < count && snap_ok(s); i++) {
		struct igmp_membership *m = NULL;
		struct ip_addr group = {0};
		if (!snap_loading(s)) {
			m = list_entry(it, struct igmp_membership, of_socket);
			group = m->group->addr;
			it = it->next;
		}
		snap_ip(s, &group);
		if (snap_loading(s)) {
			struct igmp_group *g = igmp_find(ip, group);
			snap_check(s, g && !membership_find(set, group), "a membership without its group");
			m = snap_ok(s) ? membership_new(ip, set, g, IGMP_INCLUDE) : NULL;
			if (!m) {
				snap_fail(s, "no memory");
				return;
			}
		}
		snap_membership(s, m);
	}
}
