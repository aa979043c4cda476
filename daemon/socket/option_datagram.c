/* The options of datagram sockets: broadcast, multicast, and what raw sockets have. Memberships come as the structures
 * of <netinet/in.h>, byte for byte: group, interface, and either an index (struct ip_mreqn) or a source (struct
 * ip_mreq_source). The stack has one interface, which is named by its address, its index, or not at
 * all. */
#include "socket/option.h"

#define MREQ_LEN        8
#define MREQN_LEN       12
#define MREQ_SOURCE_LEN 12
#define ICMP_FILTER_LEN 4
#define MEMINFO_FIGURES 9

static int set_broadcast(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.broadcast = v->number != 0;
	return 0;
}
static int64_t get_broadcast(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.broadcast;
}

static bool is_our_interface(const struct stack *s, const uint8_t address[4])
{
	struct ip_addr a = ip4_from_bytes(address);

	return ip_is_unspecified(a) || ip_is_ours(&s->ip, a);
}

/* By an index other than ours. */
static bool names_another(const uint8_t index[4])
{
	uint32_t i;

	memcpy(&i, index, sizeof(i));
	return i != 0 && i != IP_INTERFACE;
}

static int set_multicast_if(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	/* struct in_addr, struct ip_mreq or struct ip_mreqn */
	const uint8_t *address = v->len >= MREQ_LEN ? v->bytes + 4 : v->bytes;

	if (v->len != 4 && v->len != MREQ_LEN && v->len != MREQN_LEN)
		return EINVAL;
	if (!is_our_interface(s, address) || (v->len == MREQN_LEN && names_another(v->bytes + 8)))
		return EADDRNOTAVAIL;
	struct ip_addr a = ip4_from_bytes(address);
	so->dgram.mc_local = ip_is_unspecified(a) ? (struct ip_addr){0} : a;
	return 0;
}
static int64_t get_multicast_if(struct socket *so, struct socket_option_value *v)
{
	v->len = 4;
	memcpy(v->bytes, so->dgram.mc_local.b, 4);
	return 0;
}
static int set_multicast_ttl(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	/* As Linux: -1 is the default. */
	so->dgram.mc_ttl = v->number < 0 ? DGRAM_MULTICAST_TTL : (uint8_t)v->number;
	return 0;
}
static int64_t get_multicast_ttl(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.mc_ttl;
}
static int set_multicast_loop(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.mc_loop = v->number != 0;
	return 0;
}
static int64_t get_multicast_loop(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.mc_loop;
}
static int set_multicast_all(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.mc_all = v->number != 0;
	return 0;
}
static int64_t get_multicast_all(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.mc_all;
}

/* struct ip_mreq or struct ip_mreqn */
static int membership(struct stack *s, struct socket *so, const struct socket_option_value *v, enum igmp_change what)
{
	if (v->len != MREQ_LEN && v->len != MREQN_LEN)
		return EINVAL;
	if (!is_our_interface(s, v->bytes + 4) || (v->len == MREQN_LEN && names_another(v->bytes + 8)))
		return ENODEV;
	return igmp_change(&s->ip, &so->dgram.groups, what, ip4_from_bytes(v->bytes), (struct ip_addr){0});
}
static int set_join(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	return membership(s, so, v, IGMP_JOIN);
}
static int set_leave(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	return membership(s, so, v, IGMP_LEAVE);
}

/* struct ip_mreq_source */
static int source_membership(struct stack *s, struct socket *so, const struct socket_option_value *v,
                             enum igmp_change what)
{
	if (!is_our_interface(s, v->bytes + 4))
		return ENODEV;
	return igmp_change(&s->ip, &so->dgram.groups, what, ip4_from_bytes(v->bytes), ip4_from_bytes(v->bytes + 8));
}
static int set_join_source(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	return source_membership(s, so, v, IGMP_JOIN_SOURCE);
}
static int set_leave_source(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	return source_membership(s, so, v, IGMP_LEAVE_SOURCE);
}
static int set_block(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	return source_membership(s, so, v, IGMP_BLOCK);
}
static int set_unblock(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	return source_membership(s, so, v, IGMP_UNBLOCK);
}

static int set_hdrincl(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.own_header = v->number != 0;
	return 0;
}
static int64_t get_hdrincl(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.own_header;
}
static int set_icmp_filter(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	if (dgram_protocol(&so->dgram) != IP_PROTO_ICMP)
		return EOPNOTSUPP;
	memcpy(&so->dgram.icmp_filter, v->bytes, ICMP_FILTER_LEN);
	return 0;
}
static int64_t get_icmp_filter(struct socket *so, struct socket_option_value *v)
{
	v->len = ICMP_FILTER_LEN;
	memcpy(v->bytes, &so->dgram.icmp_filter, ICMP_FILTER_LEN);
	return 0;
}

int option_set_pass(struct socket *so, enum dgram_pass what, const struct socket_option_value *v)
{
	so->dgram.pass = (uint16_t)(v->number ? so->dgram.pass | what : so->dgram.pass & ~(unsigned)what);
	return 0;
}

/* One that says what the application wants to get with each datagram. */
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
PASS_OPTION(pktinfo, DGRAM_PASS_PKTINFO)
PASS_OPTION(recvttl, DGRAM_PASS_TTL)
PASS_OPTION(recvtos, DGRAM_PASS_TOS)
PASS_OPTION(recvopts, DGRAM_PASS_OPTIONS)
PASS_OPTION(retopts, DGRAM_PASS_OPTIONS_BACK)
PASS_OPTION(timestamp, DGRAM_PASS_TIME_US)
PASS_OPTION(timestampns, DGRAM_PASS_TIME_NS)
PASS_OPTION(rxq_ovfl, DGRAM_PASS_DROPS)

int option_set_recverr(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.recverr = v->number != 0;
	return 0;
}
int64_t option_get_recverr(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.recverr;
}
int option_set_mtu_discover(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.pmtu = (uint8_t)v->number;
	return 0;
}
int64_t option_get_mtu_discover(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.pmtu;
}
/* Read by socket_mtu, which needs the stack. */
static int64_t get_mtu(struct socket *so, struct socket_option_value *v)
{
	(void)so;
	(void)v;
	return 0;
}
static int set_no_check(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.no_csum = v->number != 0;
	return 0;
}
static int64_t get_no_check(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.no_csum;
}
static int set_require_checksum(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->dgram.csum_wanted = v->number != 0;
	return 0;
}
static int64_t get_require_checksum(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->dgram.csum_wanted;
}

/* RFC 1122 3.4, ADVISE_DELIVPROB: the application says that nothing comes back from its peer. */
static int set_advise_dead(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	if (!dgram_connected(&so->dgram))
		return ENOTCONN;
	if (v->number)
		ip_advise_dead(&s->ip, so->dgram.pcb.remote.addr);
	return 0;
}

/* The figures of SO_MEMINFO in the order of <linux/sock_diag.h>; what the stack has no notion of is 0. */
static int64_t get_meminfo(struct socket *so, struct socket_option_value *v)
{
	const struct dgram *d = &so->dgram;
	const uint32_t figure[MEMINFO_FIGURES] = {d->rcv.len, d->rcvbuf, d->snd.len, d->sndbuf,         0,
	                                          d->snd.len, 0,         0,          (uint32_t)d->drops};

	v->len = sizeof(figure);
	memcpy(v->bytes, figure, sizeof(figure));
	return 0;
}

const struct option_row datagram_options[] = {
        {OPT_SO_BROADCAST, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_broadcast, get_broadcast},
        {OPT_IP_MULTICAST_IF, FOR_DATAGRAM, OPTION_RAW, 4, MREQN_LEN, set_multicast_if, get_multicast_if},
        {OPT_IP_MULTICAST_TTL, FOR_DATAGRAM, OPTION_NUMBER, -1, UINT8_MAX, set_multicast_ttl, get_multicast_ttl},
        {OPT_IP_MULTICAST_LOOP, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_multicast_loop,
         get_multicast_loop},
        {OPT_IP_MULTICAST_ALL, FOR_DATAGRAM, OPTION_NUMBER, 0, 1, set_multicast_all, get_multicast_all},
        {OPT_IP_ADD_MEMBERSHIP, FOR_DATAGRAM, OPTION_RAW, MREQ_LEN, MREQN_LEN, set_join, NULL},
        {OPT_IP_DROP_MEMBERSHIP, FOR_DATAGRAM, OPTION_RAW, MREQ_LEN, MREQN_LEN, set_leave, NULL},
        {OPT_IP_ADD_SOURCE_MEMBERSHIP, FOR_DATAGRAM, OPTION_RAW, MREQ_SOURCE_LEN, MREQ_SOURCE_LEN, set_join_source,
         NULL},
        {OPT_IP_DROP_SOURCE_MEMBERSHIP, FOR_DATAGRAM, OPTION_RAW, MREQ_SOURCE_LEN, MREQ_SOURCE_LEN, set_leave_source,
         NULL},
        {OPT_IP_BLOCK_SOURCE, FOR_DATAGRAM, OPTION_RAW, MREQ_SOURCE_LEN, MREQ_SOURCE_LEN, set_block, NULL},
        {OPT_IP_UNBLOCK_SOURCE, FOR_DATAGRAM, OPTION_RAW, MREQ_SOURCE_LEN, MREQ_SOURCE_LEN, set_unblock, NULL},
        {OPT_IP_HDRINCL, FOR_RAW, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_hdrincl, get_hdrincl},
        {OPT_ICMP_FILTER, FOR_RAW, OPTION_RAW, ICMP_FILTER_LEN, ICMP_FILTER_LEN, set_icmp_filter, get_icmp_filter},
        {OPT_SO_TIMESTAMP, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_timestamp, get_timestamp},
        {OPT_SO_TIMESTAMPNS, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_timestampns, get_timestampns},
        {OPT_SO_RXQ_OVFL, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_rxq_ovfl, get_rxq_ovfl},
        {OPT_IP_PKTINFO, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_pktinfo, get_pktinfo},
        {OPT_IP_RECVTTL, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_recvttl, get_recvttl},
        {OPT_IP_RECVTOS, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_recvtos, get_recvtos},
        {OPT_IP_RECVOPTS, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_recvopts, get_recvopts},
        {OPT_IP_RETOPTS, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_retopts, get_retopts},
        {OPT_IP_RECVERR, FOR_DATAGRAM, OPTION_NUMBER, INT32_MIN, INT32_MAX, option_set_recverr, option_get_recverr},
        {OPT_IP_MTU_DISCOVER, FOR_DATAGRAM, OPTION_NUMBER, DGRAM_PMTU_DONT, DGRAM_PMTU_PROBE, option_set_mtu_discover,
         option_get_mtu_discover},
        {OPT_IP_MTU, FOR_ALL, OPTION_NUMBER, 0, 0, NULL, get_mtu},
        {OPT_SO_MEMINFO, FOR_DATAGRAM, OPTION_RAW, 0, 0, NULL, get_meminfo},
        {OPT_SO_NO_CHECK, FOR_UDP, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_no_check, get_no_check},
        {OPT_TOYNET_ADVISE_DEAD, FOR_DATAGRAM, OPTION_NUMBER, 0, 1, set_advise_dead, NULL},
        {OPT_TOYNET_UDP_REQUIRE_CHECKSUM, FOR_UDP, OPTION_NUMBER, 0, 1, set_require_checksum, get_require_checksum},
};
