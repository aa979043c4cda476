/* client/datagram and client/control: sockets of AF_INET6. */
#include "client_pair.h"

static struct in6_addr six(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

START_TEST(test_addresses_of_ipv6)
{
	const struct sockaddr_in6 dst = {
	        .sin6_family = AF_INET6, .sin6_port = htons(5353), .sin6_addr = six("::ffff:192.0.2.9")};
	const struct in6_pktinfo info = {.ipi6_ifindex = 2, .ipi6_addr = six("::ffff:10.0.0.7")};
	const struct in_pktinfo info4 = {.ipi_spec_dst = {htonl(0x0a000007)}};
	const int hops = 9, tclass = 0x10, usual = -1;
	struct {
		struct toynet_datagram_header h;
		char payload[16];
	} got;
	struct message m;

	open_pair();
	to_be_sent(&m);
	m.m.msg_name = (void *)(uintptr_t)&dst;
	m.m.msg_namelen = sizeof(dst);
	give(&m, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	give(&m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	give(&m, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
	give(&m, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
	give(&m, IPPROTO_IPV6, IPV6_HOPLIMIT, &usual, sizeof(usual));
	ck_assert_int_eq(toynet_sendmsg(app, &m.m, 0), 8);
	ck_assert_int_eq(read(daemon_end, &got, sizeof(got)), sizeof(got.h) + 8);
	ck_assert_uint_eq(got.h.addr.family, 6);
	ck_assert_uint_eq(got.h.addr.port, 5353);
	ck_assert_mem_eq(got.h.addr.ip, &dst.sin6_addr, 16);
	ck_assert_uint_eq(got.h.fields, TOYNET_FIELD_PKTINFO6 | TOYNET_FIELD_TTL | TOYNET_FIELD_TOS);
	ck_assert_uint_eq(got.h.interface, 2);
	ck_assert_mem_eq(got.h.local, &info.ipi6_addr, 16);
	ck_assert(got.h.ttl == 9 && got.h.tos == 0x10);
	/* The one that was given last. */
	to_be_sent(&m);
	give(&m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	give(&m, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	ck_assert_int_eq(toynet_sendmsg(app, &m.m, 0), 8);
	ck_assert_int_eq(read(daemon_end, &got, sizeof(got)), sizeof(got.h) + 8);
	ck_assert_uint_eq(got.h.fields, TOYNET_FIELD_PKTINFO);
	ck_assert_uint_eq(got.h.local[0], 10);
	ck_assert_uint_eq(got.h.local[15], 0);
	/* Shorter than the kernel takes, and longer. */
	ck_assert_int_eq(toynet_sendto(app, "x", 1, 0, (const struct sockaddr *)&dst, 23), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(toynet_sendto(app, "x", 1, 0, (const struct sockaddr *)&dst, 24), 1);
	close_pair();
}
END_TEST

/* A header of a socket of IPv6: every address in it is one. */
static struct toynet_datagram_header header6(uint8_t type, uint32_t length, uint32_t error)
{
	struct toynet_datagram_header h = header(type, length, error);
	const struct in6_addr from = six("::ffff:192.0.2.1"), local = six("::ffff:10.0.0.1"),
	                      group = six("::ffff:224.0.0.5"), offender = six("::ffff:192.0.2.254");

	h.addr.family = 6;
	memcpy(h.addr.ip, &from, 16);
	memcpy(h.local, &local, 16);
	memcpy(h.destination, &group, 16);
	memcpy(h.offender, &offender, 16);
	h.interface = 2;
	return h;
}

START_TEST(test_control_messages_of_ipv6)
{
	struct toynet_datagram_header h = header6(TOYNET_RECORD_DATAGRAM, 5, 0);
	struct sockaddr_in6 from;
	struct message m;

	h.fields = TOYNET_FIELD_PKTINFO | TOYNET_FIELD_PKTINFO6 | TOYNET_FIELD_HOPLIMIT | TOYNET_FIELD_TCLASS;
	h.ttl = 7;
	h.tos = 0x28;
	open_pair();
	deliver(&h, sizeof(h), "hello");
	message(&m, sizeof(m.control));
	m.m.msg_name = &from;
	m.m.msg_namelen = sizeof(from);
	ck_assert_int_eq(toynet_recvmsg(app, &m.m, 0), 5);
	ck_assert_uint_eq(m.m.msg_namelen, sizeof(from));
	ck_assert_int_eq(from.sin6_family, AF_INET6);
	ck_assert_uint_eq(ntohs(from.sin6_port), 53);
	ck_assert_mem_eq(&from.sin6_addr, h.addr.ip, 16);
	const struct in_pktinfo *info4 = value(&m, IPPROTO_IP, IP_PKTINFO, sizeof(*info4));
	ck_assert_uint_eq(ntohl(info4->ipi_spec_dst.s_addr), 0x0a000001);
	ck_assert_uint_eq(ntohl(info4->ipi_addr.s_addr), 0xe0000005);
	const struct in6_pktinfo *info = value(&m, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(*info));
	ck_assert_uint_eq(info->ipi6_ifindex, 2);
	ck_assert_mem_eq(&info->ipi6_addr, h.destination, 16);
	ck_assert_int_eq(*(const int *)value(&m, IPPROTO_IPV6, IPV6_HOPLIMIT, 4), 7);
	ck_assert_int_eq(*(const int *)value(&m, IPPROTO_IPV6, IPV6_TCLASS, 4), 0x28);
	/* A report, as the kernel lays it out for a socket of IPv6. */
	struct {
		struct sock_extended_err ee;
		struct sockaddr_in6 offender;
	} report;
	h = header6(TOYNET_RECORD_ERROR, 4, ECONNREFUSED);
	h.fields = TOYNET_FIELD_REPORT;
	h.icmp_type = 3;
	h.icmp_code = 3;
	deliver(&h, sizeof(h), "gone");
	message(&m, sizeof(m.control));
	ck_assert_int_eq(toynet_recvmsg(app, &m.m, MSG_ERRQUEUE), 4);
	memcpy(&report, value(&m, IPPROTO_IPV6, IPV6_RECVERR, sizeof(report)), sizeof(report));
	ck_assert(report.ee.ee_errno == ECONNREFUSED && report.ee.ee_origin == SO_EE_ORIGIN_ICMP);
	ck_assert_int_eq(report.offender.sin6_family, AF_INET6);
	ck_assert_mem_eq(&report.offender.sin6_addr, h.offender, 16);
	close_pair();
}
END_TEST

Suite *client_ipv6_suite(void);
Suite *client_ipv6_suite(void)
{
	UNIT_SUITE("client_ipv6", test_addresses_of_ipv6, test_control_messages_of_ipv6);
}
