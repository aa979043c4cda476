/* client/datagram: records on a SOCK_SEQPACKET pair, with the test in the daemon's place. */
#include "client/client.h"
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int app, daemon_end;

static void open_pair(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	app = pair[0];
	daemon_end = pair[1];
}

static void close_pair(void)
{
	close(app);
	close(daemon_end);
}

static struct sockaddr_in address(const char *ip, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	ck_assert_int_eq(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}

/* What the daemon delivers. */
static void deliver(const struct toynet_datagram_header *h, size_t header_len, const char *payload)
{
	struct iovec iov[2] = {{(void *)(uintptr_t)h, header_len}, {(void *)(uintptr_t)payload, strlen(payload)}};

	ck_assert_int_eq(writev(daemon_end, iov, 2), (ssize_t)(header_len + strlen(payload)));
}

static struct toynet_datagram_header header(uint8_t type, uint32_t length, uint32_t error)
{
	return (struct toynet_datagram_header){
	        .magic = TOYNET_RECORD_MAGIC,
	        .type = type,
	        .length = length,
	        .error = error,
	        .addr = {.family = 4, .port = 53, .ip = {192, 0, 2, 1}},
	};
}

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
	struct toynet_datagram_header h[6];
	char buf[8];

	for (size_t i = 0; i < 6; i++)
		h[i] = header(TOYNET_RECORD_DATAGRAM, 2, 0);
	h[0].magic ^= 1;
	h[1].type = 9;
	h[2].length = 3;
	h[3].addr.family = 7;
	h[4] = header(TOYNET_RECORD_ERROR, 2, 0); /* an error that is none */
	open_pair();
	for (size_t i = 0; i < 5; i++)
		deliver(&h[i], sizeof(h[i]), "ab");
	deliver(&h[5], sizeof(h[5]) - 10, ""); /* shorter than a header */
	deliver(&h[5], sizeof(h[5]), "ab");
	for (size_t i = 0; i < 6; i++) {
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
	ck_assert_int_eq(toynet_recv(app, NULL, 0, MSG_ERRQUEUE), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	close_pair();
}
END_TEST

Suite *client_datagram_suite(void);
Suite *client_datagram_suite(void)
{
	UNIT_SUITE("client_datagram", test_send_puts_a_header_in_front, test_too_long_is_emsgsize,
	           test_receive_with_source, test_truncation, test_error_record_is_errno_once, test_malformed_is_eproto,
	           test_flags_that_are_not_supported);
}
