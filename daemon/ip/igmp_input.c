/* IGMP messages in: queries, and the reports of others while an older router asks. The timer, which sends what they
 * ask for. */
#include "ip/igmp_internal.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/ipv4.h"

#define V1_RESPONSE DURATION_S(10) /* RFC 3376 7.2.1: what a Max Resp Code of 0 means */

struct query {
	uint8_t version;
	duration response; /* Max Resp Time */
	struct ip_addr group;
	bool general;
	uint8_t robustness;      /* 0: not told */
	uint32_t query_interval; /* seconds; 0: not told */
	const uint8_t *source;
	uint32_t sources;
};

/* RFC 3376 4.1.1, 4.1.7: values above 127 are floating. */
static uint32_t decode(uint8_t code)
{
	return code < 128 ? code : ((code & 0x0fu) | 0x10u) << (((code >> 4) & 7u) + 3);
}

/* RFC 3376 7.1: the version is told by length and code. False: malformed. */
static bool query_read(const struct ip_rx *rx, struct query *q)
{
	const uint8_t *p = rx->payload;
	*q = (struct query){.group = ip4_from_bytes(p + 4)};
	q->general = ip_is_unspecified(q->group);
	if (!q->general && !ip_is_multicast(q->group))
		return false;
	if (rx->payload_len == IGMP_HDR_LEN) {
		q->version = p[1] == 0 ? 1 : 2;
		q->response = p[1] == 0 ? V1_RESPONSE : DURATION_MS(100 * (int64_t)p[1]);
		return true;
	}
	if (rx->payload_len < IGMP_V3_QUERY)
		return false;
	q->version = 3;
	q->response = DURATION_MS(100 * (int64_t)decode(p[1]));
	q->robustness = p[8] & 7;
	q->query_interval = decode(p[9]);
	q->sources = load_be16(p + 10);
	q->source = p + IGMP_V3_QUERY;
	return rx->payload_len >= IGMP_V3_QUERY + 4 * q->sources && (!q->general || q->sources == 0);
}

static bool router_alert(const struct ip_rx *rx)
{
	struct reader r = reader_of(rx->header + IPV4_HDR_MIN, rx->header_len - (size_t)IPV4_HDR_MIN);
	while (r.len > 0) {
		uint8_t type = read_u8(&r);
		if (type == IPV4_OPT_ROUTER_ALERT)
			return true;
		if (type == IPV4_OPT_END)
			return false;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t len = read_u8(&r);
		if (len < 2 || !read_bytes(&r, len - 2u))
			return false;
	}
	return false;
}

/* RFC 3376 7.2.1: the mode follows the timers of older queriers; a change cancels all that is pending. */
static void set_version(struct ip_layer *ip)
{
	struct igmp_layer *l = &ip->igmp;
	uint8_t version = !instant_is_never(l->v1_until) ? 1 : !instant_is_never(l->v2_until) ? 2 : 3;
	if (version == l->version)
		return;
	l->version = version;
	l->answer_at = INSTANT_NEVER;
	list_for_each_safe(it, tmp, &l->groups)
	{
		struct igmp_group *g = list_entry(it, struct igmp_group, link);
		g->change_at = g->answer_at = INSTANT_NEVER;
		g->queried = 0;
		igmp_forget_changes(g);
		igmp_drop_if_done(ip, g);
	}
}

static void learn(struct ip_layer *ip, const struct query *q)
{
	struct igmp_layer *l = &ip->igmp;
	if (q->version == 3) {
		/* RFC 3376 4.1.6, 4.1.7: zero means the default. */
		l->robustness = q->robustness ? q->robustness : IGMP_ROBUSTNESS;
		l->query_interval = q->query_interval ? q->query_interval : IGMP_QUERY_INTERVAL;
		return;
	}
	/* RFC 3376 8.12. */
	duration present = DURATION_S((int64_t)l->robustness * l->query_interval);
	instant until = instant_add(instant_add(ip->env->now, present), q->response);
	if (q->version == 1)
		l->v1_until = until;
	else if (q->general)
		l->v2_until = until;
	set_version(ip);
}

/* RFC 2236 3: each group has a timer, which is set anew only when the answer is wanted sooner. */
static void plan_older(struct ip_layer *ip, const struct query *q)
{
	instant end = instant_add(ip->env->now, q->response);
	list_for_each(it, &ip->igmp.groups)
	{
		struct igmp_group *g = list_entry(it, struct igmp_group, link);
		bool asked = q->general || ip_eq(g->addr, q->group);
		if (!asked || !igmp_joined(g) || ip_eq(g->addr, IGMP_ALL_SYSTEMS))
			continue;
		if (instant_lt(end, g->answer_at))
			g->answer_at = igmp_random_within(ip, q->response);
	}
}

/* The sources that the query names; with too many, the answer will be about the whole group. */
static void note_sources(struct igmp_group *g, const struct query *q)
{
	for (uint32_t i = 0; i < q->sources; i++) {
		struct ip_addr a = ip4_from_bytes(q->source + 4 * (size_t)i);
		uint8_t at = 0;
		while (at < g->queried && !ip_eq(g->asked[at], a))
			at++;
		if (at < g->queried)
			continue;
		if (g->queried == IGMP_QUERIED_MAX) {
			g->queried = 0;
			return;
		}
		g->asked[g->queried++] = a;
	}
}

/* RFC 3376 5.2: the five rules. */
static void plan(struct ip_layer *ip, const struct query *q)
{
	struct igmp_layer *l = &ip->igmp;
	instant at = igmp_random_within(ip, q->response);
	if (instant_le(l->answer_at, at)) /* 1 */
		return;
	if (q->general) { /* 2 */
		if (l->count > 0)
			l->answer_at = at;
		return;
	}
	struct igmp_group *g = igmp_find(ip, q->group);
	if (!g || !igmp_joined(g) || ip_eq(g->addr, IGMP_ALL_SYSTEMS))
		return;
	bool pending = !instant_is_never(g->answer_at);
	g->answer_at = instant_min(g->answer_at, at);
	if (!pending || q->sources == 0) /* 3, 4 */
		g->queried = 0;
	if (q->sources > 0 && (!pending || g->queried > 0)) /* 3, 5 */
		note_sources(g, q);
}

static void drop(const struct ip_layer *ip, enum counter reason, const struct ip_rx *rx)
{
	ip_drop(ip, reason, rx->header, rx->header_len + rx->payload_len);
}

static void query_input(struct ip_layer *ip, const struct ip_rx *rx)
{
	struct query q;
	COUNT(ip->cnt, IgmpInQueries);
	if (!query_read(rx, &q)) {
		drop(ip, CNT_IgmpInErrors, rx);
		return;
	}
	/* RFC 3376 9.1: forged from outside, perhaps. */
	if ((q.version > 1 && !router_alert(rx)) || (q.general && !ip_eq(rx->dst, IGMP_ALL_SYSTEMS))) {
		drop(ip, CNT_IgmpInIgnored, rx);
		return;
	}
	learn(ip, &q);
	if (ip->igmp.version == 3)
		plan(ip, &q);
	else
		plan_older(ip, &q);
	igmp_arm(ip);
}

/* RFC 2236 3: another station's report makes ours needless. */
static void report_input(struct ip_layer *ip, const struct ip_rx *rx)
{
	COUNT(ip->cnt, IgmpInReports);
	struct igmp_group *g = igmp_find(ip, ip4_from_bytes(rx->payload + 4));
	if (!g || ip->igmp.version == 3)
		return;
	g->answer_at = INSTANT_NEVER;
	igmp_arm(ip);
}

void igmp_input(void *ctx, const struct ip_rx *rx)
{
	struct ip_layer *ip = ctx;
	COUNT(ip->cnt, IgmpInMsgs);
	if (rx->payload_len < IGMP_HDR_LEN) {
		drop(ip, CNT_IgmpInErrors, rx);
		return;
	}
	/* RFC 3376 4.1.2, 4.1.10: over all octets, those beyond the message included. */
	if (csum_finish(csum_add(CSUM_ZERO, rx->payload, rx->payload_len)) != 0) {
		drop(ip, CNT_IgmpInCsumErrors, rx);
		return;
	}
	switch (rx->payload[0]) {
	case IGMP_QUERY:
		query_input(ip, rx);
		return;
	case IGMP_V1_REPORT:
	case IGMP_V2_REPORT:
		report_input(ip, rx);
		return;
	default: /* RFC 3376 4: other types are silently ignored; reports of version 3 and leaves are for routers */
		drop(ip, CNT_IgmpInIgnored, rx);
		return;
	}
}

static void answer(struct ip_layer *ip, struct igmp_group *g)
{
	g->answer_at = INSTANT_NEVER;
	if (!igmp_joined(g))
		return;
	if (ip->igmp.version == 3)
		igmp_send_state(ip, g);
	else
		igmp_send_simple(ip, ip->igmp.version == 2 ? IGMP_V2_REPORT : IGMP_V1_REPORT, g->addr);
	g->queried = 0;
}

void igmp_timer(struct ip_layer *ip)
{
	struct igmp_layer *l = &ip->igmp;
	instant now = ip->env->now;
	if (instant_le(l->v1_until, now))
		l->v1_until = INSTANT_NEVER;
	if (instant_le(l->v2_until, now))
		l->v2_until = INSTANT_NEVER;
	set_version(ip);
	if (instant_le(l->answer_at, now)) {
		l->answer_at = INSTANT_NEVER;
		igmp_send_all(ip);
	}
	list_for_each_safe(it, tmp, &l->groups)
	{
		struct igmp_group *g = list_entry(it, struct igmp_group, link);
		if (instant_le(g->answer_at, now))
			answer(ip, g);
		if (instant_le(g->change_at, now))
			igmp_report_change(ip, g);
	}
	igmp_arm(ip);
}
