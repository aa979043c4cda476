/* Redirects: better gateways for single destinations.
 *
 * A router that forwards a datagram back to the link it came from tells its sender the better first hop. That is
 * believed only of the gateway in use for the destination, about a datagram that a transport of ours has in flight, and
 * for a gateway on our link; whoever could forge all that sits on the path already. Redirects for networks are taken as
 * for the host (RFC 1122 3.3.1.2 (c)). What was learnt is forgotten after IP_REDIRECT_AGE, and when the gateway is
 * dead. The table is small, for redirects are rare; the one that is learnt IP_REDIRECTS_MAX later replaces the oldest.
 */
#include "ip/redirect.h"

#include "ip/address.h"
#include "ip/route.h"

struct ip_addr redirect_gateway(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr gateway)
{
	for (int i = 0; i < ip->redirects; i++)
		if (ip_eq(ip->redirect[i].dst, dst) && instant_lt(ip->env->now, ip->redirect[i].until))
			return ip->redirect[i].gateway;
	return gateway;
}

static void remove_at(struct ip_layer *ip, int at)
{
	ip->redirects--;
	for (int i = at; i < ip->redirects; i++)
		ip->redirect[i] = ip->redirect[i + 1];
}

void redirect_forget(struct ip_layer *ip, struct ip_addr gateway)
{
	for (int i = ip->redirects - 1; i >= 0; i--)
		if (ip_eq(ip->redirect[i].gateway, gateway))
			remove_at(ip, i);
}

/* RFC 1122 3.2.2.2: not from the current first hop, or to a gateway that is not on the network that it came by. */
static bool believable(const struct ip_layer *ip, const struct ip_error *e)
{
	struct ip_addr hop, source;
	return ip->cfg.redirects && ip4_is_host(ip, e->dst) && route_next_hop(ip, e->dst, &hop, &source) &&
	       !ip_eq(hop, e->dst) && ip_eq(hop, e->from) && !ip_eq(hop, e->redirect) && ip4_is_host(ip, e->redirect) &&
	       !ip_is_ours(ip, e->redirect) && address_on_link(ip, e->redirect);
}

void ip_redirect(struct ip_layer *ip, const struct ip_error *e)
{
	if (!believable(ip, e)) {
		ip_drop(ip, CNT_IcmpInRedirectsRefused, e->quoted, e->quoted_len);
		return;
	}
	for (int i = ip->redirects - 1; i >= 0; i--)
		if (ip_eq(ip->redirect[i].dst, e->dst) || instant_le(ip->redirect[i].until, ip->env->now))
			remove_at(ip, i);
	if (ip->redirects == IP_REDIRECTS_MAX)
		remove_at(ip, 0);
	ip->redirect[ip->redirects++] = (struct ip_redirect){
	        .dst = e->dst, .gateway = e->redirect, .until = instant_add(ip->env->now, IP_REDIRECT_AGE)};
	COUNT(ip->cnt, IcmpInRedirectsObeyed);
}

void snap_redirects(struct snap *s, struct ip_layer *ip)
{
	uint8_t count = (uint8_t)ip->redirects;
	snap_u8(s, &count);
	snap_check(s, count <= IP_REDIRECTS_MAX, "too many redirects");
	if (!snap_ok(s))
		return;
	ip->redirects = count;
	for (int i = 0; i < ip->redirects; i++) {
		snap_ip(s, &ip->redirect[i].dst);
		snap_ip(s, &ip->redirect[i].gateway);
		snap_instant(s, &ip->redirect[i].until);
	}
}
