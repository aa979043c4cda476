/* What goes with a datagram besides its address and payload: source address, TTL, TOS and IP options, of one datagram
 * or of all that a socket sends; whether it may be cut; and what the application gets to know of one that has arrived.
 */
#include "transport/dgram_internal.h"

#include "ip/ip_options.h"
#include <errno.h>

/* IP_OPTIONS were checked when they came. */
static void read_options(const uint8_t *options, uint8_t len, struct ip_options *o)
{
	bool good = ip_options_parse(options, len, o);
	assert(good);
	(void)good;
}

int dgram_check_options(const struct dgram_layer *l, const uint8_t *options, uint32_t len)
{
	struct ip_options o;

	if (!ip_options_parse(options, len, &o))
		return EINVAL;
	/* RFC 7126 4.3, 4.4 */
	return o.route.hops && !l->ip->cfg.source_route ? EPERM : 0;
}

int dgram_set_options(struct dgram_layer *l, struct dgram *d, const uint8_t *options, uint32_t len)
{
	int error = dgram_check_options(l, options, len);

	if (error)
		return error;
	d->options_len = (uint8_t)len;
	memcpy(d->options, options, len);
	return 0;
}

int dgram_check_control(const struct dgram_layer *l, const struct dgram_control *c)
{
	if (c->interface != 0 && c->interface != IP_INTERFACE)
		return ENODEV;
	/* RFC 1122 4.1.3.6: the source address must be one of ours. */
	if (!ip_is_unspecified(c->source) && !ip_is_ours(l->ip, c->source))
		return EINVAL;
	return c->has_options ? dgram_check_options(l, c->options, c->options_len) : 0;
}

/* IP_MULTICAST_IF counts where bind has not chosen an address of ours. */
static bool follows_multicast_interface(const struct dgram *d, struct ip_addr dst)
{
	return ip_is_multicast(dst) && (ip_is_unspecified(d->pcb.local.addr) || ip_is_multicast(d->pcb.local.addr));
}

void dgram_fill(const struct dgram *d, const struct dgram_control *c, struct dgram_record *rec)
{
	if (follows_multicast_interface(d, rec->addr.addr))
		rec->local = d->mc_local;
	rec->ttl = ip_is_multicast(rec->addr.addr) ? d->mc_ttl : d->ttl;
	rec->tos = d->tos;
	rec->pmtu = d->pmtu;
	rec->options_len = d->options_len;
	memcpy(rec->options, d->options, d->options_len);
	if (!c)
		return;
	if (c->ttl)
		rec->ttl = c->ttl;
	if (c->has_tos)
		rec->tos = c->tos;
	if (!ip_is_unspecified(c->source))
		rec->local = c->source;
	if (!c->has_options)
		return;
	rec->options_len = c->options_len;
	memcpy(rec->options, c->options, c->options_len);
}

uint16_t dgram_use_options(const struct dgram_record *rec, struct ip_options *o, struct ip_tx *tx)
{
	if (rec->options_len == 0)
		return 0;
	read_options(rec->options, rec->options_len, o);
	tx->options = o;
	tx->route = &o->route;
	return (uint16_t)(o->len + ip_source_route_len(&o->route));
}

struct ip_addr dgram_first_hop(const struct dgram *d, const struct dgram_control *c, struct ip_addr dst,
                               uint16_t *options_len)
{
	const bool own = c && c->has_options;
	const uint8_t len = own ? c->options_len : d->options_len;
	struct ip_options o;

	*options_len = 0;
	if (len == 0 || d->own_header)
		return dst;
	read_options(own ? c->options : d->options, len, &o);
	*options_len = (uint16_t)(o.len + ip_source_route_len(&o.route));
	return o.route.hops ? ip4_from_bytes(o.route.hop[0]) : dst;
}

uint32_t dgram_total_max(const struct dgram_layer *l, const struct dgram *d, struct ip_addr dst, uint16_t mtu)
{
	/* A header of its own is not cut (raw(7)). */
	if (d->own_header)
		return mtu;
	if (ip_is_ours(l->ip, dst))
		return IP_TOTAL_MAX;
	switch ((enum dgram_pmtu)d->pmtu) {
	case DGRAM_PMTU_DONT:
	case DGRAM_PMTU_WANT:
		break;
	case DGRAM_PMTU_DO:
		return ip_path_to(l->ip, dst).mtu;
	case DGRAM_PMTU_PROBE:
		return mtu;
	}
	return IP_TOTAL_MAX;
}

bool dgram_dont_fragment(const struct dgram_layer *l, enum dgram_pmtu pmtu, struct ip_addr dst, uint32_t total)
{
	struct ip_path path;

	switch (pmtu) {
	case DGRAM_PMTU_DONT:
		return false;
	case DGRAM_PMTU_WANT:
		break;
	case DGRAM_PMTU_DO:
	case DGRAM_PMTU_PROBE:
		return true;
	}
	/* RFC 1191 3, and Linux: DF on what fits its path, so that routers tell where it is narrower. */
	if (ip_is_multicast(dst) || ip_is_broadcast(l->ip, dst))
		return false;
	path = ip_path_to(l->ip, dst);
	return !path.fragment && total <= path.mtu;
}

int dgram_mtu(struct dgram_layer *l, const struct dgram *d, uint16_t *mtu)
{
	if (!dgram_connected(d))
		return ENOTCONN;
	*mtu = ip_path_to(l->ip, d->pcb.remote.addr).mtu;
	return 0;
}

/* RFC 1122 3.2.1.3: of a datagram to a group, the address that we have on the way back to its sender. */
static struct ip_addr specific_destination(const struct dgram_layer *l, const struct ip_rx *rx)
{
	struct ip_addr a = rx->dst;

	if (rx->group && ip_route_lookup(l->ip, rx->src, &a, NULL) != 0)
		return (struct ip_addr){0};
	return a;
}

void dgram_received(const struct dgram_layer *l, const struct ip_rx *rx, struct dgram_record *rec)
{
	rec->ttl = rx->ttl;
	rec->tos = rx->tos;
	rec->dst = rx->dst;
	rec->local = specific_destination(l, rx);
	/* RFC 1122 4.1.3.2: received options are passed up. */
	rec->options_len = ip_options_received(l->ip, rx, rec->options);
}
