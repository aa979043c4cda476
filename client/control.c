/* Ancillary data of datagrams: control messages of the program, fields of the header on the descriptor.
 *
 * Theory of operation. The daemon knows which of them the program has asked for (IP_PKTINFO, IP_RECVTTL, ...) and sets
 * only these in the header, so that every field that is set becomes a control message, laid out as the kernel lays it
 * out. What the program gives with a datagram is read strictly: a control message that is not known would be ignored
 * silently, and is EINVAL instead. */
#include "client.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define NS_PER_S  1000000000u
#define NS_PER_US 1000u

_Static_assert(MAX_IPOPTLEN == TOYNET_IP_OPTIONS_MAX, "IP options fit");

static int read_pktinfo(const void *data, size_t len, struct toynet_datagram_header *h)
{
	struct in_pktinfo info;

	if (len != sizeof(info))
		return -1;
	memcpy(&info, data, sizeof(info));
	if (info.ipi_ifindex < 0)
		return -1;
	h->fields = (uint16_t)((h->fields & ~(unsigned)TOYNET_FIELD_PKTINFO6) | TOYNET_FIELD_PKTINFO);
	h->interface = (uint32_t)info.ipi_ifindex;
	memset(h->local, 0, sizeof(h->local));
	memcpy(h->local, &info.ipi_spec_dst, sizeof(info.ipi_spec_dst));
	return 0;
}

/* A number that is given as an int, or as one byte where the kernel takes one. -1: neither, or out of range. */
static int read_number(const void *data, size_t len, bool byte, int min)
{
	int number;

	if (byte && len == 1)
		return *(const uint8_t *)data;
	if (len != sizeof(number))
		return -1;
	memcpy(&number, data, sizeof(number));
	return number >= min && number <= UINT8_MAX ? number : -1;
}

/* RFC 3542 6.2. */
static int read_pktinfo6(const void *data, size_t len, struct toynet_datagram_header *h)
{
	struct in6_pktinfo info;

	if (len != sizeof(info))
		return -1;
	memcpy(&info, data, sizeof(info));
	h->fields = (uint16_t)((h->fields & ~(unsigned)TOYNET_FIELD_PKTINFO) | TOYNET_FIELD_PKTINFO6);
	h->interface = info.ipi6_ifindex;
	memcpy(h->local, &info.ipi6_addr, sizeof(info.ipi6_addr));
	return 0;
}

/* RFC 3542 6.3 and 6.5: -1 is the default. */
static int read_one6(int type, const void *data, size_t len, struct toynet_datagram_header *h)
{
	int number;

	if (type == IPV6_PKTINFO)
		return read_pktinfo6(data, len, h);
	if ((type != IPV6_HOPLIMIT && type != IPV6_TCLASS) || len != sizeof(number))
		return -1;
	memcpy(&number, data, sizeof(number));
	if (number == -1)
		return 0;
	if (number < (type == IPV6_HOPLIMIT) || number > UINT8_MAX)
		return -1;
	h->fields |= type == IPV6_HOPLIMIT ? TOYNET_FIELD_TTL : TOYNET_FIELD_TOS;
	*(type == IPV6_HOPLIMIT ? &h->ttl : &h->tos) = (uint8_t)number;
	return 0;
}

static int read_one(int type, const void *data, size_t len, struct toynet_datagram_header *h)
{
	int number;

	switch (type) {
	case IP_PKTINFO:
		return read_pktinfo(data, len, h);
	case IP_TTL:
		number = read_number(data, len, false, 1);
		h->fields |= TOYNET_FIELD_TTL;
		h->ttl = (uint8_t)number;
		return number;
	case IP_TOS:
		number = read_number(data, len, true, 0);
		h->fields |= TOYNET_FIELD_TOS;
		h->tos = (uint8_t)number;
		return number;
	case IP_RETOPTS:
		if (len > sizeof(h->options))
			return -1;
		h->fields |= TOYNET_FIELD_OPTIONS;
		h->options_len = (uint8_t)len;
		memcpy(h->options, data, len);
		return 0;
	default:
		return -1;
	}
}

int client_control_read(const struct msghdr *msg, struct toynet_datagram_header *h)
{
	const uint8_t *end = (const uint8_t *)msg->msg_control + msg->msg_controllen;

	if (!msg->msg_control || msg->msg_controllen == 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, c)) {
		size_t room = (size_t)(end - (const uint8_t *)c);

		if (c->cmsg_len < CMSG_LEN(0) || c->cmsg_len > room)
			return client_fail(EINVAL, "sendmsg: a control message has a wrong length");
		const size_t len = c->cmsg_len - CMSG_LEN(0);
		int error = c->cmsg_level == IPPROTO_IP     ? read_one(c->cmsg_type, CMSG_DATA(c), len, h)
		            : c->cmsg_level == IPPROTO_IPV6 ? read_one6(c->cmsg_type, CMSG_DATA(c), len, h)
		                                            : -1;
		if (error < 0)
			return client_fail(EINVAL,
			                   "sendmsg: the control message of level %d and type %d is not supported, "
			                   "or its value is wrong; there are IP_PKTINFO, IP_TTL, IP_TOS, IP_RETOPTS, "
			                   "IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS",
			                   c->cmsg_level, c->cmsg_type);
	}
	return 0;
}

/* Appends a control message; what there is no room for is cut off, as the kernel does. `used' counts. */
static void put(struct msghdr *msg, size_t *used, int level, int type, const void *data, size_t len)
{
	const size_t room = msg->msg_controllen - *used;
	struct cmsghdr c = {.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	uint8_t *at = (uint8_t *)msg->msg_control + *used;

	if (!msg->msg_control || room < sizeof(c)) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	if (room < c.cmsg_len) {
		msg->msg_flags |= MSG_CTRUNC;
		c.cmsg_len = room;
	}
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), data, c.cmsg_len - CMSG_LEN(0));
	*used += CMSG_SPACE(len) < room ? CMSG_SPACE(len) : room;
}

static void put_times(struct msghdr *msg, size_t *used, const struct toynet_datagram_header *h)
{
	const struct timeval us = {.tv_sec = (time_t)(h->time_ns / NS_PER_S),
	                           .tv_usec = (suseconds_t)(h->time_ns % NS_PER_S / NS_PER_US)};
	const struct timespec ns = {.tv_sec = (time_t)(h->time_ns / NS_PER_S),
	                            .tv_nsec = (long)(h->time_ns % NS_PER_S)};

	if (h->fields & TOYNET_FIELD_TIME_US)
		put(msg, used, SOL_SOCKET, SCM_TIMESTAMP, &us, sizeof(us));
	if (h->fields & TOYNET_FIELD_TIME_NS)
		put(msg, used, SOL_SOCKET, SCM_TIMESTAMPNS, &ns, sizeof(ns));
}

/* The IPv4 part of an address in a header of either family. */
static const uint8_t *ipv4_of(const struct toynet_datagram_header *h, const uint8_t address[16])
{
	return address + (h->addr.family == 6 ? 12 : 0);
}

static void put_pktinfo6(struct msghdr *msg, size_t *used, const struct toynet_datagram_header *h)
{
	struct in6_pktinfo info = {.ipi6_ifindex = h->interface};

	memcpy(&info.ipi6_addr, h->destination, sizeof(info.ipi6_addr));
	put(msg, used, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

static void put_pktinfo(struct msghdr *msg, size_t *used, const struct toynet_datagram_header *h)
{
	struct in_pktinfo info = {.ipi_ifindex = (int)h->interface};

	memcpy(&info.ipi_spec_dst, ipv4_of(h, h->local), sizeof(info.ipi_spec_dst));
	memcpy(&info.ipi_addr, ipv4_of(h, h->destination), sizeof(info.ipi_addr));
	put(msg, used, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

/* The address of the offender follows the report, as SO_EE_OFFENDER has it; without one its family is 0. */
static void put_report(struct msghdr *msg, size_t *used, const struct toynet_datagram_header *h)
{
	static const uint8_t nobody[sizeof(h->offender)];
	const bool six = h->addr.family == 6, local = memcmp(h->offender, nobody, sizeof(nobody)) == 0;
	const struct toynet_wire_addr none = {0};
	struct toynet_wire_addr offender = {.family = six ? 6 : 4};
	struct {
		struct sock_extended_err ee;
		union client_address offender;
	} report = {.ee = {.ee_errno = h->error,
	                   .ee_origin = local ? SO_EE_ORIGIN_LOCAL : SO_EE_ORIGIN_ICMP,
	                   .ee_type = h->icmp_type,
	                   .ee_code = h->icmp_code,
	                   .ee_info = h->mtu}};
	const size_t len = sizeof(report.ee) + (six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));

	memcpy(offender.ip, h->offender, sizeof(offender.ip));
	(void)client_address_from_wire(local ? &none : &offender, &report.offender);
	if (local)
		report.offender.family = AF_UNSPEC;
	put(msg, used, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR, &report, len);
}

void client_control_write(const struct toynet_datagram_header *h, struct msghdr *msg)
{
	const int ttl = h->ttl, tclass = h->tos;
	size_t used = 0;

	put_times(msg, &used, h);
	if (h->fields & TOYNET_FIELD_DROPS)
		put(msg, &used, SOL_SOCKET, SO_RXQ_OVFL, &h->drops, sizeof(h->drops));
	if (h->fields & TOYNET_FIELD_REPORT)
		put_report(msg, &used, h);
	if (h->fields & TOYNET_FIELD_PKTINFO)
		put_pktinfo(msg, &used, h);
	if (h->fields & TOYNET_FIELD_PKTINFO6)
		put_pktinfo6(msg, &used, h);
	if (h->fields & TOYNET_FIELD_HOPLIMIT)
		put(msg, &used, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	if (h->fields & TOYNET_FIELD_TCLASS)
		put(msg, &used, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
	if (h->fields & TOYNET_FIELD_TTL)
		put(msg, &used, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (h->fields & TOYNET_FIELD_TOS)
		put(msg, &used, IPPROTO_IP, IP_TOS, &h->tos, sizeof(h->tos));
	if (h->fields & TOYNET_FIELD_OPTIONS)
		put(msg, &used, IPPROTO_IP, IP_RECVOPTS, h->options, h->options_len);
	if (h->fields & TOYNET_FIELD_OPTIONS_BACK)
		put(msg, &used, IPPROTO_IP, IP_RETOPTS, h->options_back, h->options_back_len);
	msg->msg_controllen = used;
}
