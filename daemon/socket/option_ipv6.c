/* The options of IPPROTO_IPV6, which only sockets of IPv6 have. As these are sockets of IPv4 inside (socket/family.c),
 * the hop limit is the TTL and the traffic class the TOS. */
#include "socket/option.h"

/* RFC 3493 5.3. As Linux: not once the socket has its port. */
static int set_v6only(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	if (so->protocol == SOCKET_TCP ? so->tcp.pcb.local.port != 0 : so->dgram.pcb.local.port != 0)
		return EINVAL;
	so->v6only = v->number != 0;
	return 0;
}
static int64_t get_v6only(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->v6only;
}

/* RFC 3493 5.1: -1 is the default. */
static int set_unicast_hops(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	const struct socket_option_value usual = {.number = s->ip.cfg.ttl};

	if (v->number == 0)
		return EINVAL;
	return option_set_ttl(s, so, v->number < 0 ? &usual : v);
}

/* RFC 3542 6.5: -1 is the default. */
static int set_tclass(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	const struct socket_option_value usual = {0};

	return option_set_tos(s, so, v->number < 0 ? &usual : v);
}

/* RFC 3542 6: what the application wants to get with each datagram. */
#define PASS_OPTION(name, what)                                                                        \
	static int set_##name(struct stack *s, struct socket *so, const struct socket_option_value *v) \
	{                                                                                              \
		(void)s;                                                                               \
		return option_set_pass(so, what, v);                                                   \
	}                                                                                              \
	static int64_t get_##name(struct socket *so, struct socket_option_value *v)                    \
	{                                                                                              \
		(void)v;                                                                               \
		return (so->dgram.pass & (what)) != 0;                                                 \
	}
PASS_OPTION(recvpktinfo, DGRAM_PASS_PKTINFO6)
PASS_OPTION(recvhoplimit, DGRAM_PASS_HOPLIMIT)
PASS_OPTION(recvtclass, DGRAM_PASS_TCLASS)

/* Read by socket_mtu, which needs the stack. */
static int64_t get_mtu(struct socket *so, struct socket_option_value *v)
{
	(void)so;
	(void)v;
	return 0;
}

#define ALL6 (FOR_TCP | FOR_UDP | FOR_IPV6)
#define UDP6 (FOR_UDP | FOR_IPV6)

const struct option_row ipv6_options[] = {
        {OPT_IPV6_V6ONLY, ALL6, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_v6only, get_v6only},
        {OPT_IPV6_UNICAST_HOPS, ALL6, OPTION_NUMBER, -1, UINT8_MAX, set_unicast_hops, option_get_ttl},
        {OPT_IPV6_TCLASS, ALL6, OPTION_NUMBER, -1, UINT8_MAX, set_tclass, option_get_tos},
        {OPT_IPV6_RECVPKTINFO, UDP6, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_recvpktinfo, get_recvpktinfo},
        {OPT_IPV6_RECVHOPLIMIT, UDP6, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_recvhoplimit, get_recvhoplimit},
        {OPT_IPV6_RECVTCLASS, UDP6, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_recvtclass, get_recvtclass},
        {OPT_IPV6_RECVERR, UDP6, OPTION_NUMBER, INT32_MIN, INT32_MAX, option_set_recverr, option_get_recverr},
        {OPT_IPV6_MTU_DISCOVER, UDP6, OPTION_NUMBER, DGRAM_PMTU_DONT, DGRAM_PMTU_PROBE, option_set_mtu_discover,
         option_get_mtu_discover},
        {OPT_IPV6_MTU, ALL6, OPTION_NUMBER, 0, 0, NULL, get_mtu},
};
_Static_assert(ARRAY_LEN(ipv6_options) == IPV6_OPTIONS, "as declared");
