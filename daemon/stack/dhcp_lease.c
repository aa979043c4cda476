/* See dhcp_lease.h. */
#include "stack/dhcp_lease.h"

#define CLASS_A_LAST 127
#define CLASS_B_LAST 191
#define GROUPS_FIRST 224
#define FUZZ_SHARE   64   /* RFC 2131 4.4.5: T1 and T2 are put forward by up to this part of the lease, */
#define FUZZ_STEPS   1000 /* in so many steps */

bool dhcp_is_host(struct ip_addr a)
{
	return a.family == IP_V4 && a.b[0] != 0 && !ip_is_loopback(a) && a.b[0] < GROUPS_FIRST;
}

/* Without a subnet mask the address has that of its class (RFC 950 2.1). */
static uint8_t class_mask(struct ip_addr a)
{
	return a.b[0] <= CLASS_A_LAST ? 8 : a.b[0] <= CLASS_B_LAST ? 16 : 24;
}

static struct ip_prefix address_of(const struct dhcp_message *m)
{
	return (struct ip_prefix){m->yiaddr, m->params.has_mask ? m->params.mask : class_mask(m->yiaddr)};
}

/* Neither the network nor its broadcast address; in /31 and /32 every address is a host's (RFC 3021). */
static bool usable(struct ip_prefix p)
{
	if (!dhcp_is_host(p.addr) || p.len == 0)
		return false;
	return p.len >= 31 || (!ip_eq(p.addr, prefix_broadcast(p)) && ip4_to_u32(p.addr) << p.len != 0);
}

bool dhcp_lease_acceptable(const struct dhcp_message *m)
{
	/* RFC 2131 table 3: an address, a lease time, a server identifier. */
	return usable(address_of(m)) && m->has_lease && m->lease_s > 0 && dhcp_is_host(m->server_id);
}

/* RFC 2131 4.4.5: T1 and T2 are the server's, or half and seven eighths of the lease; somewhat earlier, so that clients
 * which were bound together do not renew together. */
static void set_times(struct dhcp_lease *l, const struct dhcp_message *m, instant sent, struct rng *rng)
{
	int64_t lease = (int64_t)m->lease_s * NS_PER_S;
	int64_t t1 = (int64_t)m->t1_s * NS_PER_S, t2 = (int64_t)m->t2_s * NS_PER_S;

	l->lease_s = m->lease_s;
	l->t1 = l->t2 = l->expires = INSTANT_NEVER;
	if (m->lease_s == DHCP_LEASE_INFINITE)
		return;
	if (t1 == 0 || t1 >= t2 || t2 >= lease) {
		t1 = lease / 2;
		t2 = lease - lease / 8;
	}
	duration most = duration_min((duration){lease / FUZZ_SHARE}, (duration){t1 / 2});
	int64_t early = most.ns / FUZZ_STEPS * rng_below(rng, FUZZ_STEPS + 1);
	l->t1 = instant_add(sent, (duration){t1 - early});
	l->t2 = instant_add(sent, (duration){t2 - early});
	l->expires = instant_add(sent, (duration){lease});
}

struct dhcp_lease dhcp_lease_of(const struct dhcp_message *m, instant sent, struct rng *rng)
{
	struct dhcp_lease l = {.address = address_of(m), .server = m->server_id, .params = m->params};

	set_times(&l, m, sent, rng);
	return l;
}

void snap_dhcp_lease(struct snap *s, struct dhcp_lease *l)
{
	snap_ip(s, &l->address.addr);
	snap_u8(s, &l->address.len);
	snap_check(s, l->address.len <= 32, "not an IPv4 prefix");
	snap_ip(s, &l->server);
	snap_instant(s, &l->t1);
	snap_instant(s, &l->t2);
	snap_instant(s, &l->expires);
	snap_u32(s, &l->lease_s);
	snap_dhcp_params(s, &l->params);
}
