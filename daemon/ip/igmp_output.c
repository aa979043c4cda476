/* IGMP messages out: reports of version 3 with as many records as fit, simple messages of the older versions. */
#include "ip/igmp_internal.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/address.h"
#include "ip/ip_owed.h"
#include "ip/ipv4.h"
#include "link/ether.h"

#define ROUTER_ALERT_LEN 4
#define IP_LEN           (IPV4_HDR_MIN + ROUTER_ALERT_LEN)
#define IGMP_TOS         0xc0 /* RFC 3376 4: Internetwork Control */
#define RECORD_LEN       8
#define REPORT_MAX       552 /* bytes of a report: with its IP header 576, or the MTU */

enum record_type { IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

/* RFC 3376 4: TTL 1, precedence, and the Router Alert option (RFC 2113). */
static void send_message(struct ip_layer *ip, struct ip_addr dst, uint8_t *message, uint32_t len)
{
	static const uint8_t alert[ROUTER_ALERT_LEN] = {IPV4_OPT_ROUTER_ALERT, ROUTER_ALERT_LEN, 0, 0};
	struct flat_frame *f = flat_new(ip->env, ETHER_HDR_LEN + IP_LEN + len);

	store_be16(message + 2, 0);
	store_be16(message + 2, csum_finish(csum_add(CSUM_ZERO, message, len)));
	COUNT(ip->cnt, IpOutRequests);
	if (!f) {
		ip_drop(ip, CNT_IpOutDiscards, message, len);
		return;
	}
	struct ether_hdr h = {.src = ip->cfg.mac, .dst = ether_multicast_ip4(dst), .type = ETHER_TYPE_IP4};
	ether_build(f->bytes, &h);
	uint8_t *p = f->bytes + ETHER_HDR_LEN;
	p[0] = 4 << 4 | IP_LEN / 4;
	p[1] = IGMP_TOS;
	store_be16(p + IPV4_OFF_LEN, (uint16_t)(IP_LEN + len));
	store_be16(p + IPV4_OFF_ID, (uint16_t)rng_u32(&ip->env->rng));
	p[8] = 1;
	p[IPV4_OFF_PROTO] = IP_PROTO_IGMP;
	/* RFC 3376 4.2.13: 0.0.0.0 while we have none. */
	memcpy(p + IPV4_OFF_SRC, address_first(ip).b, 4);
	memcpy(p + IPV4_OFF_DST, dst.b, 4);
	memcpy(p + IPV4_HDR_MIN, alert, sizeof(alert));
	store_be16(p + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, IP_LEN)));
	memcpy(p + IP_LEN, message, len);
	COUNT(ip->cnt, IpOutTransmits);
	COUNT_ADD(ip->cnt, IpExtOutOctets, IP_LEN + len);
	COUNT(ip->cnt, IpExtOutMcastPkts);
	COUNT_ADD(ip->cnt, IpExtOutMcastOctets, IP_LEN + len);
	ip_owe(ip, f);
}

void igmp_send_simple(struct ip_layer *ip, uint8_t type, struct ip_addr group)
{
	uint8_t m[IGMP_HDR_LEN] = {type};
	memcpy(m + 4, group.b, 4);
	if (type == IGMP_V2_LEAVE)
		COUNT(ip->cnt, IgmpOutLeaves);
	else
		COUNT(ip->cnt, IgmpOutReports);
	/* RFC 2236 3, 9: a leave goes to all routers, a report to its group. */
	send_message(ip, type == IGMP_V2_LEAVE ? IGMP_ALL_ROUTERS : group, m, sizeof(m));
}

struct report {
	uint8_t bytes[REPORT_MAX];
	uint32_t len, limit;
	uint16_t records;
};

static void begin(const struct ip_layer *ip, struct report *r)
{
	*r = (struct report){.bytes = {IGMP_V3_REPORT}, .len = IGMP_HDR_LEN};
	r->limit = u32_min(REPORT_MAX, (uint32_t)ip->cfg.mtu - IP_LEN);
}

static void flush(struct ip_layer *ip, struct report *r)
{
	if (r->records == 0)
		return;
	store_be16(r->bytes + 6, r->records);
	COUNT(ip->cnt, IgmpOutReports);
	send_message(ip, IGMP_V3_ROUTERS, r->bytes, r->len);
	begin(ip, r);
}

static void put_record(struct report *r, enum record_type type, struct ip_addr group, const struct ip_addr *source,
                       uint32_t n)
{
	uint8_t *p = r->bytes + r->len;
	memset(p, 0, RECORD_LEN);
	p[0] = (uint8_t)type;
	store_be16(p + 2, (uint16_t)n);
	memcpy(p + 4, group.b, 4);
	for (uint32_t i = 0; i < n; i++)
		memcpy(p + RECORD_LEN + 4 * (size_t)i, source[i].b, 4);
	r->len += RECORD_LEN + 4 * n;
	r->records++;
}

/* RFC 3376 4.2.16: a record that is too long for a message is split; of an EXCLUDE list only what fits is sent, because
 * each such record would replace the one before. */
static void add(struct ip_layer *ip, struct report *r, enum record_type type, struct ip_addr group,
                const struct ip_addr *source, uint32_t n)
{
	if (r->len + RECORD_LEN + 4 * n > r->limit)
		flush(ip, r);
	for (;;) {
		uint32_t some = u32_min(n, (r->limit - r->len - RECORD_LEN) / 4);
		put_record(r, type, group, source, some);
		if (some == n || type == IS_EX || type == TO_EX)
			return;
		flush(ip, r);
		source += some;
		n -= some;
	}
}

/* The sources of g that are listed (or not), all of them or those with reports left. Returns how many. */
static uint32_t collect(const struct igmp_group *g, bool listed, bool changed_only,
                        struct ip_addr out[IGMP_GROUP_SOURCES_MAX])
{
	uint32_t n = 0;
	for (uint8_t i = 0; i < g->count; i++)
		if (g->source[i].listed == listed && (!changed_only || g->source[i].left > 0))
			out[n++] = g->source[i].addr;
	return n;
}

void igmp_send_change(struct ip_layer *ip, const struct igmp_group *g)
{
	struct ip_addr source[IGMP_GROUP_SOURCES_MAX];
	bool include = g->mode == IGMP_INCLUDE;
	struct report r;
	begin(ip, &r);
	if (g->mode_left > 0) {
		uint32_t n = collect(g, true, false, source);
		add(ip, &r, include ? TO_IN : TO_EX, g->addr, source, n);
	} else {
		/* RFC 3376 5.1: an empty record is omitted. */
		uint32_t n = collect(g, include, true, source);
		if (n > 0)
			add(ip, &r, ALLOW, g->addr, source, n);
		n = collect(g, !include, true, source);
		if (n > 0)
			add(ip, &r, BLOCK, g->addr, source, n);
	}
	flush(ip, &r);
}

static void add_state(struct ip_layer *ip, struct report *r, const struct igmp_group *g)
{
	struct ip_addr source[IGMP_GROUP_SOURCES_MAX];
	uint32_t n = collect(g, true, false, source);
	add(ip, r, g->mode == IGMP_INCLUDE ? IS_IN : IS_EX, g->addr, source, n);
}

static bool lists(const struct igmp_group *g, struct ip_addr source)
{
	for (uint8_t i = 0; i < g->count; i++)
		if (g->source[i].listed && ip_eq(g->source[i].addr, source))
			return true;
	return false;
}

void igmp_send_state(struct ip_layer *ip, const struct igmp_group *g)
{
	struct report r;
	begin(ip, &r);
	if (g->queried == 0) {
		add_state(ip, &r, g);
	} else {
		/* RFC 3376 5.2: IS_IN (A*B), or IS_IN (B-A); nothing when that is empty. */
		struct ip_addr source[IGMP_QUERIED_MAX];
		uint32_t n = 0;
		for (uint8_t i = 0; i < g->queried; i++)
			if (lists(g, g->asked[i]) == (g->mode == IGMP_INCLUDE))
				source[n++] = g->asked[i];
		if (n > 0)
			add(ip, &r, IS_IN, g->addr, source, n);
	}
	flush(ip, &r);
}

void igmp_send_all(struct ip_layer *ip)
{
	struct report r;
	begin(ip, &r);
	list_for_each(it, &ip->igmp.groups)
	{
		const struct igmp_group *g = list_entry(it, struct igmp_group, link);
		if (igmp_joined(g) && !ip_eq(g->addr, IGMP_ALL_SYSTEMS))
			add_state(ip, &r, g);
	}
	flush(ip, &r);
}
