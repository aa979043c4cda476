/* client/datagram: records on a SOCK_SEQPACKET pair, with the test in the daemon's place. */
#include "client_pair.h"

START_TEST(test_send_puts_a_header_in_front)
{
	struct sockaddr_in dst = address("192.0.2.9", 5353);
	struct {
		struct toynet_datagram_header h;
		char payload[16];
	} got;

	open_pair();
	ck_assert_int_eq(toynet_sendto(app, "hello", 5, 0, (struct sockaddr *)&dst, sizeof(dst)), 5);
	ck_assert_int_eq(read(daemon_end, &got, sizeof(got)), sizeof(got.h) + 5);
	ck_assert_uint_eq(got.h.magic, TOYNET_RECORD_MAGIC);
	ck_assert_uint_eq(got.h.type, TOYNET_RECORD_DATAGRAM);
	ck_assert_uint_eq(got.h.length, 5);
	ck_assert_uint_eq(got.h.addr.family, 4);
	ck_assert_uint_eq(got.h.addr.port, 5353);
	ck_assert_uint_eq(got.h.addr.ip[3], 9);
	ck_assert_mem_eq(got.payload, "hello", 5);

	/* To the connected peer, and empty. */
	ck_assert_int_eq(toynet_send(app, "", 0, 0), 0);
	ck_assert_int_eq(read(daemon_end, &got, sizeof(got)), sizeof(got.h));
	ck_assert_uint_eq(got.h.addr.family, 0);
	ck_assert_uint_eq(got.h.length, 0);
	close_pair();
}
END_TEST

START_TEST(test_too_long_is_emsgsize)
{
	static char big[CLIENT_DATAGRAM_MAX + 1];

	open_pair();
	ck_assert_int_eq(toynet_send(app, big, sizeof(big), 0), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_int_eq(toynet_send(app, big, CLIENT_DATAGRAM_MAX, 0), CLIENT_DATAGRAM_MAX);
	close_pair();
}
END_TEST

/* The limit of UDP is not that of a ping socket, whose header is part of the message, nor that of IP_HDRINCL. */
START_TEST(test_the_longest_message_of_each_kind)
{
	static const ssize_t longest[] = {65535 - 20 - 8, 65535 - 20, 65535};
	static char message[65535], got[sizeof(struct toynet_datagram_header) + sizeof(message)];

	open_pair();
	for (size_t i = 0; i < sizeof(longest) / sizeof(*longest); i++) {
		ck_assert_int_eq(toynet_send(app, message, (size_t)longest[i], 0), longest[i]);
		ck_assert_int_eq(read(daemon_end, got, sizeof(got)),
		                 (ssize_t)sizeof(struct toynet_datagram_header) + longest[i]);
	}
	close_pair();
}
END_TEST

START_TEST(test_receive_with_source)
{
	struct toynet_datagram_header h = header(TOYNET_RECORD_DATAGRAM, 5, 0);
	struct sockaddr_in src = {0};
	socklen_t len = sizeof(src);
	char buf[8];

	open_pair();
	deliver(&h, sizeof(h), "hello");
	ck_assert_int_eq(toynet_recvfrom(app, buf, sizeof(buf), 0, (struct sockaddr *)&src, &len), 5);
	ck_assert_mem_eq(buf, "hello", 5);
	ck_assert_uint_eq(len, sizeof(src));
	ck_assert_uint_eq(ntohs(src.sin_port), 53);
	ck_assert_uint_eq(ntohl(src.sin_addr.s_addr), 0xc0000201);

	/* An empty datagram is a datagram. */
	h = header(TOYNET_RECORD_DATAGRAM, 0, 0);
	deliver(&h, sizeof(h), "");
	src.sin_port = 0;
	ck_assert_int_eq(toynet_recvfrom(app, buf, sizeof(buf), 0, (struct sockaddr *)&src, &len), 0);
	ck_assert_uint_eq(ntohs(src.sin_port), 53);
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close_pair();
}
END_TEST

START_TEST(test_truncation)
{
	const struct toynet_datagram_header h = header(TOYNET_RECORD_DATAGRAM, 5, 0);
	char buf[3];

	open_pair();
	deliver(&h, sizeof(h), "hello");
	deliver(&h, sizeof(h), "world");
	deliver(&h, sizeof(h), "third");
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), 0), 3);
	ck_assert_mem_eq(buf, "hel", 3);
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), MSG_PEEK), 3);
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), MSG_TRUNC), 5);
	ck_assert_mem_eq(buf, "wor", 3);
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), 0), 3);
	ck_assert_mem_eq(buf, "thi", 3);
	close_pair();
}
END_TEST

START_TEST(test_error_record_is_errno_once)
{
	const struct toynet_datagram_header error = header(TOYNET_RECORD_ERROR, 0, ECONNREFUSED);
	const struct toynet_datagram_header data = header(TOYNET_RECORD_DATAGRAM, 2, 0);
	char buf[8];

	open_pair();
	deliver(&error, sizeof(error), "");
	deliver(&data, sizeof(data), "ok");
	deliver(&error, sizeof(error), "");
	deliver(&data, sizeof(data), "ok");
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), 0), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), 0), 2);
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), MSG_PEEK), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), MSG_PEEK), 2);
	close_pair();
}
END_TEST

START_TEST(test_malformed_is_eproto)
{
	enum { BAD = 11 };
	struct toynet_datagram_header h[BAD + 1];
	char buf[8];

	for (size_t i = 0; i <= BAD; i++)
		h[i] = header(TOYNET_RECORD_DATAGRAM, 2, 0);
	h[0].magic ^= 1;
	h[1].type = 9;
	h[2].length = 3;
	h[3].addr.family = 7;
	h[4] = header(TOYNET_RECORD_ERROR, 2, 0); /* an error that is none */
	h[5].version = 1;
	h[6].fields = 0x8000;
	h[7].options_len = 41;
	h[8].options_back_len = 255;
	h[9].fields = TOYNET_FIELD_REPORT;                  /* of a datagram */
	h[10] = header(TOYNET_RECORD_ERROR, 2, ECONNRESET); /* a payload that is no report's */
	open_pair();
	for (size_t i = 0; i < BAD; i++)
		deliver(&h[i], sizeof(h[i]), "ab");
	deliver(&h[BAD], sizeof(h[BAD]) - 10, ""); /* shorter than a header */
	deliver(&h[BAD], sizeof(h[BAD]), "ab");
	for (size_t i = 0; i < BAD + 1; i++) {
		ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), 0), -1);
		ck_assert_int_eq(errno, EPROTO);
	}
	ck_assert_int_eq(toynet_recv(app, buf, sizeof(buf), 0), 2);
	close_pair();
}
END_TEST

START_TEST(test_flags_that_are_not_supported)
{
	open_pair();
	ck_assert_int_eq(toynet_send(app, "x", 1, MSG_OOB), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	ck_assert_int_eq(toynet_recv(app, NULL, 0, MSG_OOB), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	close_pair();
}
END_TEST

/* A message in two parts with room for control messages. */
static struct toynet_datagram_header full_header(void)
{
	struct toynet_datagram_header h = header(TOYNET_RECORD_DATAGRAM, 5, 0);

	h.fields = TOYNET_FIELDS_ALL & ~TOYNET_FIELD_REPORT;
	h.interface = 2;
	memcpy(h.local, (const uint8_t[]){10, 0, 0, 1}, 4);
	memcpy(h.destination, (const uint8_t[]){224, 0, 0, 5}, 4);
	h.ttl = 7;
	h.tos = 0x28;
	h.time_ns = 1700000000123456789u;
	h.drops = 99;
	h.options_len = 4;
	memcpy(h.options, "\x94\x04\0\0", 4);
	h.options_back_len = 7;
	memcpy(h.options_back, "\x07\x07\x04\0\0\0\0", 7);
	return h;
}

START_TEST(test_control_messages_received)
{
	const struct toynet_datagram_header h = full_header(), plain = header(TOYNET_RECORD_DATAGRAM, 5, 0);
	struct message m;

	open_pair();
	deliver(&h, sizeof(h), "hello");
	deliver(&plain, sizeof(plain), "world");
	ck_assert_int_eq(toynet_recvmsg(app, message(&m, sizeof(m.control)), 0), 5);
	ck_assert_mem_eq(m.one, "hel", 3);
	ck_assert_mem_eq(m.two, "lo", 2);
	ck_assert_int_eq(m.m.msg_flags, 0);
	ck_assert_uint_eq(m.m.msg_namelen, sizeof(m.name));
	ck_assert_uint_eq(ntohs(m.name.sin_port), 53);
	const struct in_pktinfo *info = value(&m, IPPROTO_IP, IP_PKTINFO, sizeof(*info));
	ck_assert_int_eq(info->ipi_ifindex, 2);
	ck_assert_uint_eq(ntohl(info->ipi_spec_dst.s_addr), 0x0a000001);
	ck_assert_uint_eq(ntohl(info->ipi_addr.s_addr), 0xe0000005);
	ck_assert_int_eq(*(const int *)value(&m, IPPROTO_IP, IP_TTL, 4), 7);
	ck_assert_int_eq(*(const uint8_t *)value(&m, IPPROTO_IP, IP_TOS, 1), 0x28);
	ck_assert_mem_eq(value(&m, IPPROTO_IP, IP_RECVOPTS, 4), h.options, 4);
	ck_assert_mem_eq(value(&m, IPPROTO_IP, IP_RETOPTS, 7), h.options_back, 7);
	const struct timeval *us = value(&m, SOL_SOCKET, SCM_TIMESTAMP, sizeof(*us));
	ck_assert(us->tv_sec == 1700000000 && us->tv_usec == 123456);
	const struct timespec *ns = value(&m, SOL_SOCKET, SCM_TIMESTAMPNS, sizeof(*ns));
	ck_assert(ns->tv_sec == 1700000000 && ns->tv_nsec == 123456789);
	ck_assert_uint_eq(*(const uint32_t *)value(&m, SOL_SOCKET, SO_RXQ_OVFL, 4), 99);
	/* What was not asked for is not there. */
	ck_assert_int_eq(toynet_recvmsg(app, message(&m, sizeof(m.control)), 0), 5);
	ck_assert_uint_eq(m.m.msg_controllen, 0);
	close_pair();
}
END_TEST

START_TEST(test_no_room_is_told)
{
	const struct toynet_datagram_header h = full_header();
	struct message m;

	open_pair();
	for (size_t room = 0; room <= 400; room++) {
		deliver(&h, sizeof(h), "hello");
		message(&m, room);
		memset(m.control, 0x5a, sizeof(m.control));
		ck_assert_int_eq(toynet_recvmsg(app, &m.m, 0), 5);
		ck_assert_uint_le(m.m.msg_controllen, room);
		for (size_t i = room; i < sizeof(m.control); i++)
			ck_assert_uint_eq((uint8_t)m.control[i], 0x5a);
		ck_assert(room >= 400 || (m.m.msg_flags & MSG_CTRUNC) || value(&m, IPPROTO_IP, IP_RETOPTS, 7));
	}
	ck_assert_int_eq(m.m.msg_flags, 0);
	/* A payload that is longer than the parts. */
	deliver(&h, sizeof(h), "hello");
	message(&m, sizeof(m.control))->msg_iovlen = 1;
	ck_assert_int_eq(toynet_recvmsg(app, &m.m, MSG_PEEK), 3);
	ck_assert_int_eq(m.m.msg_flags, MSG_TRUNC);
	message(&m, sizeof(m.control))->msg_iovlen = 1;
	ck_assert_int_eq(toynet_recvmsg(app, &m.m, MSG_TRUNC), 5);
	ck_assert_int_eq(m.m.msg_flags, MSG_TRUNC);
	close_pair();
}
END_TEST

START_TEST(test_control_messages_sent)
{
	const struct in_pktinfo info = {.ipi_ifindex = 2, .ipi_spec_dst = {htonl(0x0a000007)}};
	const int ttl = 9, tos = 0x10;
	struct {
		struct toynet_datagram_header h;
		char payload[16];
	} got;
	struct message m;

	open_pair();
	to_be_sent(&m);
	give(&m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	give(&m, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	give(&m, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	give(&m, IPPROTO_IP, IP_RETOPTS, "\x94\x04\0\0", 4);
	ck_assert_int_eq(toynet_sendmsg(app, &m.m, 0), 8);
	ck_assert_int_eq(read(daemon_end, &got, sizeof(got)), sizeof(got.h) + 8);
	ck_assert_uint_eq(got.h.version, TOYNET_DATAGRAM_VERSION);
	ck_assert_uint_eq(got.h.fields,
	                  TOYNET_FIELD_PKTINFO | TOYNET_FIELD_TTL | TOYNET_FIELD_TOS | TOYNET_FIELD_OPTIONS);
	ck_assert_uint_eq(got.h.interface, 2);
	ck_assert_uint_eq(got.h.local[3], 7);
	ck_assert_uint_eq(got.h.ttl, 9);
	ck_assert_uint_eq(got.h.tos, 0x10);
	ck_assert_uint_eq(got.h.options_len, 4);
	ck_assert_uint_eq(got.h.options[0], 0x94);
	ck_assert_mem_eq(got.payload, "abcdefgh", 8);
	close_pair();
}
END_TEST

START_TEST(test_control_messages_that_are_refused)
{
	static const uint8_t bytes[64];
	static const struct {
		int level, type;
		size_t len;
		int number;
	} row[] = {
	        {SOL_SOCKET, SCM_RIGHTS, 4, 0},
	        {IPPROTO_IP, IP_TTL, 4, 0},
	        {IPPROTO_IP, IP_TTL, 4, 256},
	        {IPPROTO_IP, IP_TTL, 1, 0},
	        {IPPROTO_IP, IP_TOS, 4, 256},
	        {IPPROTO_IP, IP_TOS, 4, -1},
	        {IPPROTO_IP, IP_TOS, 2, 0},
	        {IPPROTO_IP, IP_PKTINFO, 8, 0},
	        {IPPROTO_IP, IP_PKTINFO, 12, -1},
	        {IPPROTO_IP, IP_RETOPTS, 41, 0},
	        {IPPROTO_IP, IP_RECVTTL, 4, 1},
	        {IPPROTO_IPV6, IPV6_HOPLIMIT, 4, 0},
	        {IPPROTO_IPV6, IPV6_HOPLIMIT, 4, 256},
	        {IPPROTO_IPV6, IPV6_HOPLIMIT, 1, 9},
	        {IPPROTO_IPV6, IPV6_TCLASS, 4, -2},
	        {IPPROTO_IPV6, IPV6_PKTINFO, 16, 0},
	        {IPPROTO_IPV6, IPV6_RECVPKTINFO, 4, 1},
	};
	struct message m;
	char c;

	open_pair();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t data[64];

		memcpy(data, bytes, sizeof(data));
		memcpy(data, &row[i].number, sizeof(int));
		to_be_sent(&m);
		give(&m, row[i].level, row[i].type, data, row[i].len);
		ck_assert_int_eq(toynet_sendmsg(app, &m.m, 0), -1);
		ck_assert_int_eq(errno, EINVAL);
	}
	/* Lengths that go beyond the buffer, or not even over their own header. */
	for (size_t len = 0; len < 200; len++) {
		to_be_sent(&m);
		give(&m, IPPROTO_IP, IP_TOS, bytes, 1);
		if (len == CMSG_LEN(1) || len == CMSG_LEN(4))
			continue;
		memcpy(m.control, &len, sizeof(len));
		ck_assert_int_eq(toynet_sendmsg(app, &m.m, 0), -1);
		ck_assert_int_eq(errno, EINVAL);
	}
	ck_assert_int_eq(recv(daemon_end, &c, 1, MSG_DONTWAIT), -1);
	/* As many parts as the kernel takes, less ours. */
	static struct iovec many[CLIENT_IOV_MAX + 1];
	to_be_sent(&m);
	m.m.msg_iov = many;
	m.m.msg_iovlen = CLIENT_IOV_MAX + 1;
	ck_assert_int_eq(toynet_sendmsg(app, &m.m, 0), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_int_eq(toynet_recvmsg(app, &m.m, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	m.m.msg_iovlen = CLIENT_IOV_MAX;
	ck_assert_int_eq(toynet_sendmsg(app, &m.m, 0), 0);
	close_pair();
}
END_TEST

static struct toynet_datagram_header report_header(uint32_t length)
{
	struct toynet_datagram_header h = header(TOYNET_RECORD_ERROR, length, EMSGSIZE);

	h.fields = TOYNET_FIELD_REPORT | TOYNET_FIELD_TTL;
	h.ttl = 61;
	h.mtu = 1280;
	h.icmp_type = 3;
	h.icmp_code = 4;
	memcpy(h.offender, (const uint8_t[]){192, 0, 2, 254}, 4);
	return h;
}

static void got_report(struct message *m)
{
	ck_assert_int_eq(toynet_recvmsg(app, message(m, sizeof(m->control)), MSG_ERRQUEUE), 4);
	ck_assert_mem_eq(m->one, "tex", 3);
	ck_assert_int_eq(m->two[0], 't');
	ck_assert_int_eq(m->m.msg_flags, MSG_ERRQUEUE);
	ck_assert_uint_eq(ntohs(m->name.sin_port), 53);
	const struct sock_extended_err *e = value(m, IPPROTO_IP, IP_RECVERR, sizeof(*e) + sizeof(struct sockaddr_in));
	ck_assert_uint_eq(e->ee_errno, EMSGSIZE);
	ck_assert_uint_eq(e->ee_origin, SO_EE_ORIGIN_ICMP);
	ck_assert_uint_eq(e->ee_type, 3);
	ck_assert_uint_eq(e->ee_code, 4);
	ck_assert_uint_eq(e->ee_info, 1280);
	const struct sockaddr_in *offender = (const void *)SO_EE_OFFENDER(e);
	ck_assert_uint_eq(ntohl(offender->sin_addr.s_addr), 0xc00002fe);
	ck_assert_int_eq(*(const int *)value(m, IPPROTO_IP, IP_TTL, 4), 61);
}

static void got_no_report(void)
{
	struct message m;

	ck_assert_int_eq(toynet_recvmsg(app, message(&m, sizeof(m.control)), MSG_ERRQUEUE), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(test_reports_of_errors)
{
	const struct toynet_datagram_header h = report_header(4), data = header(TOYNET_RECORD_DATAGRAM, 2, 0);
	const struct toynet_datagram_header bare = header(TOYNET_RECORD_ERROR, 0, ECONNREFUSED);
	struct message m;
	char c;

	open_pair();
	got_no_report();
	/* The next record: no other call hears of it. */
	deliver(&h, sizeof(h), "text");
	deliver(&data, sizeof(data), "ok");
	got_report(&m);
	got_no_report();
	ck_assert_int_eq(toynet_recv(app, &c, 1, 0), 1);
	/* Another call comes upon it, with little room: it is kept. */
	deliver(&h, sizeof(h), "text");
	ck_assert_int_eq(toynet_recv(app, &c, 1, 0), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_int_eq(toynet_recv(app, &c, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	got_report(&m);
	got_no_report();
	/* Without IP_RECVERR there is nothing to be kept. */
	deliver(&bare, sizeof(bare), "");
	got_no_report();
	ck_assert_int_eq(toynet_recv(app, &c, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	got_no_report();
	close_pair();
}
END_TEST

START_TEST(test_several_at_once)
{
	const struct toynet_datagram_header data = header(TOYNET_RECORD_DATAGRAM, 5, 0);
	const struct toynet_datagram_header error = header(TOYNET_RECORD_ERROR, 0, ECONNREFUSED);
	const struct timespec none = {0};
	struct timespec timeout = none;
	struct message m[4];
	struct mmsghdr v[4];
	char buf[256];

	open_pair();
	for (int i = 0; i < 4; i++)
		v[i] = (struct mmsghdr){.msg_hdr = *to_be_sent(&m[i])};
	v[3].msg_hdr.msg_namelen = 1;
	ck_assert_int_eq(toynet_sendmmsg(app, v, 4, 0), 3);
	ck_assert_uint_eq(v[2].msg_len, 8);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(read(daemon_end, buf, sizeof(buf)), sizeof(data) + 8);
	ck_assert_int_eq(toynet_sendmmsg(app, v + 3, 1, 0), -1);
	ck_assert_int_eq(errno, EINVAL);

	for (int i = 0; i < 4; i++)
		v[i] = (struct mmsghdr){.msg_hdr = *message(&m[i], 0)};
	deliver(&data, sizeof(data), "first");
	deliver(&data, sizeof(data), "other");
	ck_assert_int_eq(toynet_recvmmsg(app, v, 4, MSG_WAITFORONE, NULL), 2);
	ck_assert_uint_eq(v[1].msg_len, 5);
	ck_assert_mem_eq(m[1].one, "oth", 3);
	/* What comes behind datagrams is the next call's. */
	deliver(&data, sizeof(data), "first");
	deliver(&error, sizeof(error), "");
	ck_assert_int_eq(toynet_recvmmsg(app, v, 4, 0, NULL), 1);
	ck_assert_int_eq(toynet_recvmmsg(app, v, 4, MSG_DONTWAIT, NULL), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	ck_assert_int_eq(toynet_recvmmsg(app, v, 4, MSG_DONTWAIT, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	/* The time is looked at after each. */
	deliver(&data, sizeof(data), "first");
	deliver(&data, sizeof(data), "other");
	ck_assert_int_eq(toynet_recvmmsg(app, v, 4, 0, &timeout), 1);
	timeout.tv_nsec = -1;
	ck_assert_int_eq(toynet_recvmmsg(app, v, 4, 0, &timeout), -1);
	ck_assert_int_eq(errno, EINVAL);
	close_pair();
}
END_TEST

Suite *client_datagram_suite(void);
Suite *client_datagram_suite(void)
{
	UNIT_SUITE("client_datagram", test_send_puts_a_header_in_front, test_too_long_is_emsgsize,
	           test_the_longest_message_of_each_kind, test_receive_with_source, test_truncation,
	           test_error_record_is_errno_once, test_malformed_is_eproto, test_flags_that_are_not_supported,
	           test_control_messages_received, test_no_room_is_told, test_control_messages_sent,
	           test_control_messages_that_are_refused, test_reports_of_errors, test_several_at_once);
}
