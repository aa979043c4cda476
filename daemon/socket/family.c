/* The border between the address families of applications and the stack's own.
 *
 * Theory of operation. The stack has IPv4 only. A socket of IPv6 is one of IPv4 inside, as a dual-stack kernel's is
 * while it talks to IPv4 hosts (RFC 3493 3.7): the application's ::ffff:a.b.c.d is a.b.c.d, and its wildcard :: is
 * 0.0.0.0. The loopback address ::1 stands for 127.0.0.1, so that a program that listens there is heard by those that
 * connect there. No other address of IPv6 is ours, nor can be reached.
 *
 * With IPV6_V6ONLY nothing of that holds: no peer of such a socket can exist. It can be bound to :: and to ::1 all the
 * same, because programs open it beside one of IPv4 on the same port (RFC 3493 5.3). Then it has its port in IPv6,
 * where it is in nobody's way, listens, and hears nobody. */
#include "socket/socket_internal.h"

static int bind_in(const struct socket *so, struct ip_addr *a)
{
	/* As Linux: a struct sockaddr_in is shorter than what is expected, and an IPv4 peer is what it wants none of.
	 */
	if (a->family == IP_V4 || (ip_is_mapped(*a) && so->v6only))
		return EINVAL;
	if (ip_is_mapped(*a))
		*a = ip4_from_bytes(a->b + 12);
	else if (!ip_is_unspecified(*a) && !ip_is_loopback(*a))
		return EADDRNOTAVAIL;
	else if (!so->v6only)
		*a = ip_is_loopback(*a) ? ip4(127, 0, 0, 1) : ip4(0, 0, 0, 0);
	return 0;
}

static int source_in(const struct socket *so, struct ip_addr *a)
{
	if (a->family == IP_V4)
		return 0;
	return so->v6only || bind_in(so, a) ? EINVAL : 0;
}

static int peer_in(const struct socket *so, enum address_use use, struct ip_addr *a)
{
	if (a->family == IP_V4) {
		if (so->protocol == SOCKET_TCP)
			return EINVAL;
		if (so->v6only)
			return use == ADDRESS_CONNECT ? EAFNOSUPPORT : ENETUNREACH;
		return 0;
	}
	return so->v6only || bind_in(so, a) ? ENETUNREACH : 0;
}

int socket_address_in(const struct socket *so, enum address_use use, struct ip_addr *a)
{
	if (a->family == IP_NONE)
		return 0;
	if (so->family == IP_V4)
		return a->family == IP_V4 ? 0 : EAFNOSUPPORT;
	switch (use) {
	case ADDRESS_BIND:
		return bind_in(so, a);
	case ADDRESS_SOURCE:
		return source_in(so, a);
	case ADDRESS_CONNECT:
	case ADDRESS_SEND:
		break;
	}
	return peer_in(so, use, a);
}

struct ip_addr socket_address_out(const struct socket *so, struct ip_addr a)
{
	if (so->family == IP_V4 || a.family == IP_V6)
		return a;
	return ip_is_unspecified(a) ? (struct ip_addr){.family = IP_V6} : ip6_mapped(a);
}
