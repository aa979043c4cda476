/* Address conflict detection, to the letter of RFC 5227. A slot for each address:
 *
 *   ACD_PROBING     tentative. After a random delay three probes, a second or two apart, and two seconds of silence:
 * then the address is ours. A claim or a probe of another station in that time ends the test. ACD_ANNOUNCING  ours. Two
 * announcements, two seconds apart, the first at once. ACD_READY       ours. Nothing is to be done unless somebody
 * claims it.
 *
 * With IP_ACD_NONE a slot goes to ACD_READY directly; with IP_ACD_ANNOUNCE, to ACD_ANNOUNCING: a TAP has two stations,
 * and nobody should have to wait six seconds for it. In the last two states a claim of another station is never
 * adopted, and is answered by one announcement, at most once in ACD_DEFEND_INTERVAL. A second claim within that time
 * makes us give up a leased address (2.4 (b)) and keep a static one without a word (2.4 (c)). */
#include "ip/acd.h"
#include "ip/route.h"

#include "ip/address.h"

static duration random_ms(struct ip_layer *ip, uint32_t least, uint32_t most)
{
	return (duration){(int64_t)least * NS_PER_MS +
	                  (int64_t)rng_below(&ip->env->rng, (most - least) * 1000 + 1) * NS_PER_US};
}

static void arm(struct ip_layer *ip)
{
	instant next = INSTANT_NEVER;
	for (int i = 0; i < IP_ADDRESSES_MAX; i++)
		if (ip->acd.slot[i].state != ACD_FREE)
			next = instant_min(next, ip->acd.slot[i].next);
	timer_update(ip->timers, &ip->acd.timer, next);
}

static void tell(struct ip_layer *ip, struct ip_addr a, enum ip_address_event event)
{
	if (ip->address_changed)
		ip->address_changed(ip->address_ctx, a, event);
}

/* Tests it from `earliest` on. */
static void probe(struct ip_layer *ip, struct acd *c, instant earliest)
{
	struct acd_layer *l = &ip->acd;
	/* RFC 5227 2.1.1: after so many conflicts at most one attempt in RATE_LIMIT_INTERVAL. */
	if (l->conflicts >= ACD_MAX_CONFLICTS && !instant_is_never(l->attempted)) {
		instant free = instant_add(l->attempted, ACD_RATE_LIMIT_INTERVAL);
		earliest = instant_lt(earliest, free) ? free : earliest;
	}
	l->attempted = earliest;
	c->state = ACD_PROBING;
	c->sent = 0;
	c->begins = earliest;
	/* RFC 5227 2.1.1: wait for a random time of up to PROBE_WAIT. */
	c->next = instant_add(earliest, random_ms(ip, 0, ACD_PROBE_WAIT_MS));
}

static void announce(struct ip_layer *ip, struct acd *c)
{
	c->state = ACD_ANNOUNCING;
	c->sent = 0;
	c->next = ip->env->now;
}

struct acd *acd_find(struct ip_layer *ip, struct ip_addr a)
{
	for (int i = 0; i < IP_ADDRESSES_MAX; i++) {
		struct acd *c = &ip->acd.slot[i];
		if (c->state != ACD_FREE && ip_eq(c->address.prefix.addr, a))
			return c;
	}
	return NULL;
}

bool acd_add(struct ip_layer *ip, const struct ip_address *a, enum ip_acd how)
{
	struct acd *c = ip->acd.slot;
	while (c < ip->acd.slot + IP_ADDRESSES_MAX && c->state != ACD_FREE)
		c++;
	if (c == ip->acd.slot + IP_ADDRESSES_MAX)
		return false;
	*c = (struct acd){.address = *a, .how = how, .claimed = INSTANT_NEVER, .next = INSTANT_NEVER};
	switch (how) {
	case IP_ACD_NONE:
		c->state = ACD_READY;
		break;
	case IP_ACD_ANNOUNCE:
		announce(ip, c);
		break;
	case IP_ACD_PROBE:
		probe(ip, c, ip->env->now);
		break;
	case IP_ACDS:
		assert(false);
	}
	arm(ip);
	return true;
}

void acd_delete(struct ip_layer *ip, struct acd *c)
{
	c->state = ACD_FREE;
	arm(ip);
}

/* RFC 5227 2.1.1: somebody has it. The configuring agent hears of it. */
static void probe_failed(struct ip_layer *ip, struct acd *c)
{
	struct ip_addr a = c->address.prefix.addr;
	ip->acd.conflicts++;
	/* A static address is all that a host may have: it is tried again, as rarely as RFC 5227 2.1.1 wants it of a
	 * host with many conflicts. */
	if (c->address.origin == IP_ORIGIN_STATIC)
		probe(ip, c, instant_add(ip->env->now, ACD_RATE_LIMIT_INTERVAL));
	else
		c->state = ACD_FREE;
	arm(ip);
	tell(ip, a, IP_ADDRESS_CONFLICT);
}

static bool tentative_input(struct ip_layer *ip, const struct arp_packet *a)
{
	bool is_probe = a->op == ARP_OP_REQUEST && ip_is_unspecified(a->spa);
	struct acd *c = acd_find(ip, is_probe ? a->tpa : a->spa);
	if (!c || c->state != ACD_PROBING || instant_lt(ip->env->now, c->begins))
		return false;
	ip->acd.claimant = a->sha;
	probe_failed(ip, c);
	return true;
}

/* RFC 5227 2.4: another station uses our address. */
static void claimed(struct ip_layer *ip, struct acd *c)
{
	struct ip_addr a = c->address.prefix.addr;
	instant now = ip->env->now;
	bool recent = !instant_is_never(c->claimed) && instant_lt(now, instant_add(c->claimed, ACD_DEFEND_INTERVAL));
	bool keep = c->how == IP_ACD_NONE || c->address.origin == IP_ORIGIN_STATIC;
	if (recent && keep)
		return; /* (c): no second announcement */
	ip->acd.conflicts++;
	if (!recent) {
		c->claimed = now;
		if (c->how != IP_ACD_NONE)
			arp_announce(ip, a);
		tell(ip, a, IP_ADDRESS_CLAIMED);
		return;
	}
	/* (b): immediately cease using the address. */
	tell(ip, a, IP_ADDRESS_LOST);
	(void)ip_address_delete(ip, a);
}

enum counter acd_input(struct ip_layer *ip, const struct arp_packet *a)
{
	if (tentative_input(ip, a))
		return CNT_ArpProbeConflicts;
	struct acd *c = acd_find(ip, a->spa);
	if (!c || c->state == ACD_PROBING)
		return CNT_COUNT;
	ip->acd.claimant = a->sha;
	claimed(ip, c);
	return CNT_ArpInConflicts;
}

static void announce_next(struct ip_layer *ip, struct acd *c)
{
	arp_announce(ip, c->address.prefix.addr);
	if (++c->sent < ACD_ANNOUNCE_NUM) {
		c->next = instant_add(ip->env->now, ACD_ANNOUNCE_INTERVAL);
		return;
	}
	c->state = ACD_READY;
	c->next = INSTANT_NEVER;
}

static void probe_next(struct ip_layer *ip, struct acd *c)
{
	if (c->sent == ACD_PROBE_NUM) {
		struct ip_address a = c->address;
		announce(ip, c);
		/* RFC 5227 2.3: the use begins with the first announcement. */
		announce_next(ip, c);
		address_adopt(ip, &a);
		tell(ip, a.prefix.addr, IP_ADDRESS_READY);
		return;
	}
	arp_probe(ip, c->address.prefix.addr);
	c->sent++;
	/* RFC 5227 2.1.1: probes are PROBE_MIN to PROBE_MAX apart, and ANNOUNCE_WAIT follows the last. */
	c->next = instant_add(ip->env->now, c->sent == ACD_PROBE_NUM
	                                            ? ACD_ANNOUNCE_WAIT
	                                            : random_ms(ip, ACD_PROBE_MIN_MS, ACD_PROBE_MAX_MS));
}

void acd_timer(struct ip_layer *ip)
{
	for (int i = 0; i < IP_ADDRESSES_MAX; i++) {
		struct acd *c = &ip->acd.slot[i];
		if (instant_lt(ip->env->now, c->next))
			continue;
		if (c->state == ACD_PROBING)
			probe_next(ip, c);
		else if (c->state == ACD_ANNOUNCING)
			announce_next(ip, c);
	}
	arm(ip);
}

void acd_init(struct ip_layer *ip)
{
	ip->acd.attempted = INSTANT_NEVER;
	timer_node_init(&ip->acd.timer, ACD_TIMER_TIE);
}

void acd_free(struct ip_layer *ip)
{
	timer_cancel(ip->timers, &ip->acd.timer);
}

static void snap_slot(struct snap *s, struct ip_layer *ip, struct acd *c)
{
	SNAP_ENUM(s, c->state, ACD_STATES);
	if (c->state == ACD_FREE)
		return;
	snap_prefix(s, &c->address.prefix);
	SNAP_ENUM(s, c->address.origin, IP_ORIGINS);
	SNAP_ENUM(s, c->how, IP_ACDS);
	snap_u8(s, &c->sent);
	snap_instant(s, &c->begins);
	snap_instant(s, &c->next);
	snap_instant(s, &c->claimed);
	snap_check(s, !address_find(ip, c->address.prefix.addr) == (c->state == ACD_PROBING),
	           "a tentative address is ours");
	snap_check(s, instant_is_never(c->next) == (c->state == ACD_READY), "conflict detection has no timer");
	snap_check(s, c->sent <= ACD_PROBE_NUM, "too many probes");
}

void snap_acd(struct snap *s, struct ip_layer *ip)
{
	struct acd_layer *l = &ip->acd;
	int owned = 0;
	snap_u32(s, &l->conflicts);
	snap_instant(s, &l->attempted);
	snap_mac(s, &l->claimant);
	for (int i = 0; i < IP_ADDRESSES_MAX && snap_ok(s); i++) {
		snap_slot(s, ip, &l->slot[i]);
		owned += l->slot[i].state != ACD_FREE && l->slot[i].state != ACD_PROBING;
	}
	snap_check(s, owned == ip->addresses, "an address without its conflict detection");
	if (snap_loading(s) && snap_ok(s))
		arm(ip);
}
