/* client/address: addresses of both families in their three shapes. */
#include "client/client.h"
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static union client_address parsed(int family, const char *ip, uint16_t port)
{
	union client_address a = {.in6 = {.sin6_family = (sa_family_t)family}}, out;
	void *at = family == AF_INET ? (void *)&a.in.sin_addr : (void *)&a.in6.sin6_addr;

	ck_assert_int_eq(inet_pton(family, ip, at), 1);
	if (family == AF_INET)
		a.in.sin_port = htons(port);
	else
		a.in6.sin6_port = htons(port);
	socklen_t len = family == AF_INET ? sizeof(a.in) : sizeof(a.in6);
	ck_assert_int_eq(client_address_parse((const struct sockaddr *)&a, len, &out), 0);
	return out;
}

START_TEST(test_there_and_back)
{
	static const struct {
		int family;
		const char *ip;
	} row[] = {{AF_INET, "192.0.2.1"}, {AF_INET, "0.0.0.0"}, {AF_INET6, "::ffff:192.0.2.1"}, {AF_INET6, "::"}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const union client_address a = parsed(row[i].family, row[i].ip, 4711);
		union client_address b;
		toynet_v1_Address m;
		struct toynet_wire_addr w;

		client_address_to_message(&a, &m);
		ck_assert_str_eq(m.ip, row[i].ip);
		ck_assert_uint_eq(m.port, 4711);
		ck_assert_int_eq(client_address_from_message(&m, &b), 0);
		ck_assert_mem_eq(&a, &b, sizeof(a));
		client_address_to_wire(&a, &w);
		ck_assert_uint_eq(w.family, row[i].family == AF_INET ? 4 : 6);
		memset(&b, 0xee, sizeof(b));
		ck_assert(client_address_from_wire(&w, &b));
		ck_assert_mem_eq(&a, &b, sizeof(a));
	}
}
END_TEST

START_TEST(test_lengths_and_families)
{
	union client_address out;
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_scope_id = 7};

	for (socklen_t len = 0; len <= sizeof(a); len++)
		ck_assert_int_eq(client_address_parse((struct sockaddr *)&a, len, &out), len < 24 ? -1 : 0);
	ck_assert_uint_eq(out.in6.sin6_scope_id, 7);
	ck_assert_int_eq(client_address_parse((struct sockaddr *)&a, 24, &out), 0);
	ck_assert_uint_eq(out.in6.sin6_scope_id, 0);
	ck_assert_int_eq(client_address_parse((struct sockaddr *)&a, 23, &out), -1);
	ck_assert_int_eq(errno, EINVAL);
	a.sin6_family = AF_UNIX;
	ck_assert_int_eq(client_address_parse((struct sockaddr *)&a, sizeof(a), &out), -1);
	ck_assert_int_eq(errno, EAFNOSUPPORT);
	ck_assert_int_eq(client_address_parse(NULL, sizeof(a), &out), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(test_what_the_daemon_must_not_send)
{
	union client_address out;
	const struct toynet_wire_addr five = {.family = 5};
	toynet_v1_Address m = {.ip = "::1::", .port = 1};

	ck_assert(!client_address_from_wire(&five, &out));
	ck_assert_int_eq(client_address_from_message(&m, &out), -1);
	ck_assert_int_eq(errno, EPROTO);
	strcpy(m.ip, "::1");
	m.port = 65536;
	ck_assert_int_eq(client_address_from_message(&m, &out), -1);
}
END_TEST

START_TEST(test_store_cuts)
{
	const union client_address a = parsed(AF_INET6, "::ffff:192.0.2.1", 80);

	for (socklen_t room = 0; room <= sizeof(struct sockaddr_storage); room++) {
		struct sockaddr_storage got;
		socklen_t len = room;

		memset(&got, 0xee, sizeof(got));
		client_address_store(&a, (struct sockaddr *)&got, &len);
		ck_assert_uint_eq(len, sizeof(a.in6));
		const size_t n = room < sizeof(a.in6) ? room : sizeof(a.in6);
		ck_assert(memcmp(&got, &a, n) == 0);
		ck_assert(n == sizeof(got) || ((const uint8_t *)&got)[n] == 0xee);
	}
	client_address_store(&a, NULL, NULL);
}
END_TEST

Suite *client_address_suite(void);
Suite *client_address_suite(void)
{
	UNIT_SUITE("client_address", test_there_and_back, test_lengths_and_families, test_what_the_daemon_must_not_send,
	           test_store_cuts);
}
