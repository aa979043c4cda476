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
	h->fields |= TOYNET_FIELD_PKTINFO;
	h->interface = (uint32_t)info.ipi_ifindex;
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
		if (c->cmsg_level != IPPROTO_IP ||
		    read_one(c->cmsg_type, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0), h) < 0)
			return client_fail(EINVAL,
			                   "sendmsg: the control message of level %d and type %d is not supported, "
			                   "or its value is wrong; there are IP_PKTINFO, IP_TTL, IP_TOS, IP_RETOPTS",
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

static void put_pktinfo(struct msghdr *msg, size_t *used, const struct toynet_datagram_header *h)
{
	struct in_pktinfo info = {.ipi_ifindex = (int)h->interface};

	memcpy(&info.ipi_spec_dst, h->local, sizeof(info.ipi_spec_dst));
	memcpy(&info.ipi_addr, h->destination, sizeof(info.ipi_addr));
	put(msg, used, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void put_report(struct msghdr *msg, size_t *used, const struct toynet_datagram_header *h)
{
	struct {
		struct sock_extended_err ee;
		struct sockaddr_in offender;
	} report = {.ee = {.ee_errno = h->error,
	                   .ee_origin = SO_EE_ORIGIN_ICMP,
	                   .ee_type = h->icmp_type,
	                   .ee_code = h->icmp_code,
	                   .ee_info = h->mtu}};

	memcpy(&report.offender.sin_addr, h->offender, sizeof(report.offender.sin_addr));
	if (report.offender.sin_addr.s_addr == INADDR_ANY)
		report.ee.ee_origin = SO_EE_ORIGIN_LOCAL;
	else
		report.offender.sin_family = AF_INET;
	put(msg, used, IPPROTO_IP, IP_RECVERR, &report, sizeof(report));
}

void client_control_write(const struct toynet_datagram_header *h, struct msghdr *msg)
{
	const int ttl = h->ttl;
	size_t used = 0;

	put_times(msg, &used, h);
	if (h->fields & TOYNET_FIELD_DROPS)
		put(msg, &used, SOL_SOCKET, SO_RXQ_OVFL, &h->drops, sizeof(h->drops));
	if (h->fields & TOYNET_FIELD_REPORT)
		put_report(msg, &used, h);
	if (h->fields & TOYNET_FIELD_PKTINFO)
		put_pktinfo(msg, &used, h);
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
