/* resolve: what getaddrinfo answers without a network, against glibc's; the cache; TTLs of negative answers. */
#include "client/resolve.h"
#include "unit.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *node, *service;
	struct addrinfo hints;
} numeric[] = {
        {"192.0.2.1", "80", {.ai_socktype = SOCK_STREAM}},
        {"192.0.2.1", "80", {0}},
        {"192.0.2.1", NULL, {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_CANONNAME}},
        {"192.0.2.1", NULL, {.ai_socktype = SOCK_RAW}},
        {"192.0.2.1", "80", {.ai_protocol = IPPROTO_UDP}},
        {"192.0.2.1", "80", {.ai_family = AF_INET6}},
        {"192.0.2.1", "80", {.ai_family = AF_INET6, .ai_flags = AI_V4MAPPED, .ai_socktype = SOCK_STREAM}},
        {"2001:db8::1", "80", {.ai_socktype = SOCK_STREAM}},
        {"2001:db8::1", "80", {.ai_family = AF_INET}},
        {"127.1", "domain", {.ai_socktype = SOCK_DGRAM}},
        {"192.0.2.1", "http", {.ai_socktype = SOCK_STREAM}},
        {"192.0.2.1", "http", {.ai_flags = AI_NUMERICSERV}},
        {"192.0.2.1", "no-such-service", {.ai_socktype = SOCK_STREAM}},
        {NULL, "80", {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}},
        {NULL, "80", {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}},
        {NULL, NULL, {0}},
        {NULL, "80", {.ai_flags = AI_CANONNAME}},
        {"192.0.2.1", "80", {.ai_flags = 0x40000000}},
        {"192.0.2.1", "80", {.ai_family = AF_UNIX}},
        {"a.name.that.is.no.number", "80", {.ai_flags = AI_NUMERICHOST}},
};

START_TEST(numbers_as_glibc_has_them)
{
	for (size_t i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++) {
		struct addrinfo *ours = NULL, *theirs = NULL, *a, *b;
		int got = toynet_getaddrinfo(numeric[i].node, numeric[i].service, &numeric[i].hints, &ours);
		int want = getaddrinfo(numeric[i].node, numeric[i].service, &numeric[i].hints, &theirs);
		ck_assert_msg(got == want, "case %zu: %s, glibc %s", i, gai_strerror(got), gai_strerror(want));
		for (a = ours, b = theirs; a && b; a = a->ai_next, b = b->ai_next) {
			ck_assert_msg(a->ai_family == b->ai_family && a->ai_socktype == b->ai_socktype &&
			                      a->ai_protocol == b->ai_protocol && a->ai_addrlen == b->ai_addrlen,
			              "case %zu: type %d protocol %d, glibc %d %d", i, a->ai_socktype, a->ai_protocol,
			              b->ai_socktype, b->ai_protocol);
			ck_assert_mem_eq(a->ai_addr, b->ai_addr, a->ai_addrlen);
			ck_assert_msg(!a->ai_canonname == !b->ai_canonname, "case %zu: canonical name", i);
			if (a->ai_canonname)
				ck_assert_str_eq(a->ai_canonname, b->ai_canonname);
		}
		ck_assert_msg(!a && !b, "case %zu: another number of entries", i);
		if (!got)
			freeaddrinfo(ours); /* either library's frees them */
		if (!want)
			toynet_freeaddrinfo(theirs);
	}
}
END_TEST

/* RFC 6761 6.3. */
START_TEST(localhost_asks_nobody)
{
	static const char *const name[] = {"localhost", "LocalHost.", "a.b.localhost"};
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		struct addrinfo *list;
		ck_assert_int_eq(toynet_getaddrinfo(name[i], "80", &hints, &list), 0);
		ck_assert_uint_eq(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr,
		                  htonl(INADDR_LOOPBACK));
		ck_assert_ptr_null(list->ai_next);
		toynet_freeaddrinfo(list);
	}
}
END_TEST

START_TEST(names_of_numbers)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	char host[64], service[64];
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	const struct sockaddr *sa = (const struct sockaddr *)(const void *)&in;
	ck_assert_int_eq(toynet_getnameinfo(sa, sizeof(in), host, sizeof(host), service, sizeof(service),
	                                    NI_NUMERICHOST | NI_NUMERICSERV),
	                 0);
	ck_assert_str_eq(host, "192.0.2.1");
	ck_assert_str_eq(service, "80");
	ck_assert_int_eq(toynet_getnameinfo(sa, sizeof(in), NULL, 0, service, sizeof(service), 0), 0);
	ck_assert_str_eq(service, "http");
	ck_assert_int_eq(toynet_getnameinfo(sa, sizeof(in), host, 5, NULL, 0, NI_NUMERICHOST), EAI_OVERFLOW);
	ck_assert_int_eq(toynet_getnameinfo(sa, 3, host, sizeof(host), NULL, 0, NI_NUMERICHOST), EAI_FAMILY);
	ck_assert_int_eq(toynet_getnameinfo(sa, sizeof(in), NULL, 0, NULL, 0, 0), EAI_NONAME);
	ck_assert_int_eq(toynet_getnameinfo(sa, sizeof(in), host, sizeof(host), NULL, 0, 0x4000), EAI_BADFLAGS);
}
END_TEST

START_TEST(the_cache_keeps_by_name_and_family)
{
	struct resolve_answer a = {.count = 1, .address = {{{192, 0, 2, 1}}}, .canonical = "x.example"}, got;
	ck_assert(!resolve_cache_find("x.example", AF_INET, &got));
	resolve_cache_store("x.example", AF_INET, &a, 0);
	ck_assert(!resolve_cache_find("x.example", AF_INET, &got));
	resolve_cache_store("x.example", AF_INET, &a, 60);
	ck_assert(resolve_cache_find("X.Example", AF_INET, &got));
	ck_assert_uint_eq(got.count, 1);
	ck_assert_mem_eq(got.address[0].b, a.address[0].b, 4);
	ck_assert(!resolve_cache_find("x.example", AF_INET6, &got));
	a = (struct resolve_answer){.error = EAI_NONAME};
	resolve_cache_store("gone.example", AF_INET, &a, 1);
	ck_assert(resolve_cache_find("gone.example", AF_INET, &got));
	ck_assert_int_eq(got.error, EAI_NONAME);
	/* Nothing outlives its TTL. */
	int64_t end = client_now_ms() + 1100;
	while (client_now_ms() < end)
		;
	ck_assert(!resolve_cache_find("gone.example", AF_INET, &got));
	ck_assert(resolve_cache_find("x.example", AF_INET, &got));
}
END_TEST

/* NXDOMAIN of x.example with the SOA of example: TTL 300, MINIMUM 120. */
static const uint8_t nxdomain[] = {0,   1,   0x81, 0x83, 0,    1,   0,  0,    0,  1,    0,  0,    1,  'x', 7,  'e',
                                   'x', 'a', 'm',  'p',  'l',  'e', 0,  0,    1,  0,    1,  0xc0, 14, 0,   6,  0,
                                   1,   0,   0,    1,    0x2c, 0,   24, 0xc0, 14, 0xc0, 14, 0,    0,  0,   1,  0,
                                   0,   0,   2,    0,    0,    0,   3,  0,    0,  0,    4,  0,    0,  0,   120};

START_TEST(the_ttl_of_a_negative_answer)
{
	uint8_t m[sizeof(nxdomain)];
	ck_assert_uint_eq(resolve_negative_ttl(nxdomain, sizeof(nxdomain)), 120);
	for (size_t len = 0; len < sizeof(nxdomain); len++) {
		uint8_t *exact = malloc(len + 1); /* so that a read beyond the message is seen */
		memcpy(exact, nxdomain, len);
		ck_assert_uint_eq(resolve_negative_ttl(exact, len), 0);
		free(exact);
	}
	memcpy(m, nxdomain, sizeof(m));
	m[sizeof(m) - 2] = 2; /* MINIMUM 632: the TTL is less */
	ck_assert_uint_eq(resolve_negative_ttl(m, sizeof(m)), 300);
	m[30] = 1; /* no SOA */
	ck_assert_uint_eq(resolve_negative_ttl(m, sizeof(m)), 0);
}
END_TEST

Suite *client_resolve_suite(void);
Suite *client_resolve_suite(void)
{
	UNIT_SUITE("client_resolve", numbers_as_glibc_has_them, localhost_asks_nobody, names_of_numbers,
	           the_cache_keeps_by_name_and_family, the_ttl_of_a_negative_answer);
}
