/* getaddrinfo (RFC 3493 6.1).
 *
 * Theory of operation. A call is first read whole: which families, which kinds of socket, which port. Then the name is
 * turned into addresses, and each address into one entry for each kind of socket. The stack has no IPv6 yet, so IPv4
 * comes first; IPv6 addresses are given to those who ask for them without AI_ADDRCONFIG.
 *
 * An entry lies in one block of malloc with its address, and the canonical name in one of its own, as glibc's do: so
 * either library's freeaddrinfo frees them. */
#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS_KNOWN (AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_NUMERICSERV | AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL)
#define SERVICE_BUF 1024

struct kind {
	int type, protocol;
	const char *name; /* of the protocol in /etc/services; NULL: it has no services */
};

static const struct kind kinds[] = {
        {SOCK_STREAM, IPPROTO_TCP, "tcp"},
        {SOCK_DGRAM, IPPROTO_UDP, "udp"},
        {SOCK_RAW, 0, NULL},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* A call, read. */
struct request {
	int flags, family;
	struct {
		bool wanted;
		int protocol;
		uint16_t port;
	} kind[KINDS];
};

struct result {
	struct addrinfo *first, **end;
};

static bool numeric_port(const char *service, uint16_t *port)
{
	char *end;
	unsigned long n = strtoul(service, &end, 10);

	if (service[0] < '0' || service[0] > '9' || *end || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool named_port(const char *service, const char *protocol, uint16_t *port)
{
	struct servent entry, *found = NULL;
	char buf[SERVICE_BUF];

	if (getservbyname_r(service, protocol, &entry, buf, sizeof(buf), &found) != 0 || !found)
		return false;
	*port = ntohs((uint16_t)found->s_port);
	return true;
}

/* Which kinds of socket the hints allow, and their ports. */
static int read_kinds(const char *service, const struct addrinfo *hints, struct request *r)
{
	uint16_t port = 0;
	bool numeric = !service || numeric_port(service, &port), some_kind = false, some = false;

	if (!numeric && r->flags & AI_NUMERICSERV)
		return EAI_NONAME;
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *k = &kinds[i];
		bool fits = (!hints->ai_socktype || hints->ai_socktype == k->type) &&
		            (!hints->ai_protocol || !k->protocol || hints->ai_protocol == k->protocol);
		/* A raw socket has every protocol, but is nobody's by the protocol of another kind. */
		if (!k->protocol && !hints->ai_socktype &&
		    (hints->ai_protocol == IPPROTO_TCP || hints->ai_protocol == IPPROTO_UDP))
			fits = false;
		some_kind = some_kind || fits;
		r->kind[i].protocol = k->protocol ? k->protocol : hints->ai_protocol;
		r->kind[i].port = port;
		r->kind[i].wanted = fits && (numeric || (k->name && named_port(service, k->name, &r->kind[i].port)));
		some = some || r->kind[i].wanted;
	}
	if (!some_kind)
		return EAI_SOCKTYPE;
	return some ? 0 : EAI_SERVICE;
}

static int read_request(const char *node, const char *service, const struct addrinfo *hints, struct request *r)
{
	static const struct addrinfo usual = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG};

	if (!hints)
		hints = &usual;
	*r = (struct request){.flags = hints->ai_flags, .family = hints->ai_family};
	if (hints->ai_flags & ~FLAGS_KNOWN || (hints->ai_flags & AI_CANONNAME && !node))
		return EAI_BADFLAGS;
	if (!node && !service)
		return EAI_NONAME;
	if (r->family != AF_UNSPEC && r->family != AF_INET && r->family != AF_INET6)
		return EAI_FAMILY;
	return read_kinds(service, hints, r);
}

static bool add(struct result *out, const struct request *r, size_t kind, int family, const uint8_t *address)
{
	const socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	struct addrinfo *ai = calloc(1, sizeof(*ai) + sizeof(struct sockaddr_in6));

	if (!ai)
		return false;
	ai->ai_family = family;
	ai->ai_socktype = kinds[kind].type;
	ai->ai_protocol = r->kind[kind].protocol;
	ai->ai_addrlen = len;
	ai->ai_addr = (struct sockaddr *)(void *)(ai + 1);
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)ai->ai_addr;
		in->sin_family = AF_INET;
		in->sin_port = htons(r->kind[kind].port);
		memcpy(&in->sin_addr, address, sizeof(in->sin_addr));
	} else {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)ai->ai_addr;
		in->sin6_family = AF_INET6;
		in->sin6_port = htons(r->kind[kind].port);
		memcpy(&in->sin6_addr, address, sizeof(in->sin6_addr));
	}
	*out->end = ai;
	out->end = &ai->ai_next;
	return true;
}

static int add_address(struct result *out, const struct request *r, int family, const uint8_t *address)
{
	for (size_t i = 0; i < KINDS; i++)
		if (r->kind[i].wanted && !add(out, r, i, family, address))
			return EAI_MEMORY;
	return 0;
}

/* RFC 3493 6.1: ::ffff:a.b.c.d, for who wants IPv6 of a name that has IPv4. */
static int add_mapped(struct result *out, const struct request *r, const uint8_t four[4])
{
	uint8_t six[16] = {[10] = 0xff, [11] = 0xff};

	memcpy(six + 12, four, 4);
	return add_address(out, r, AF_INET6, six);
}

static int without_name(struct result *out, const struct request *r)
{
	static const uint8_t any[16], four[4] = {127, 0, 0, 1}, six[16] = {[15] = 1};
	int error = 0;

	if (r->family != AF_INET6)
		error = add_address(out, r, AF_INET, r->flags & AI_PASSIVE ? any : four);
	if (!error && r->family != AF_INET && !(r->flags & AI_ADDRCONFIG))
		error = add_address(out, r, AF_INET6, r->flags & AI_PASSIVE ? any : six);
	return error;
}

/* An address as text. False: it is none. */
static bool by_number(struct result *out, const struct request *r, const char *node, int *error)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_aton(node, &four)) {
		if (r->family != AF_INET6)
			*error = add_address(out, r, AF_INET, (const uint8_t *)&four);
		else
			*error = r->flags & AI_V4MAPPED ? add_mapped(out, r, (const uint8_t *)&four) : EAI_ADDRFAMILY;
		return true;
	}
	if (inet_pton(AF_INET6, node, &six) != 1)
		return false;
	*error = r->family == AF_INET ? EAI_ADDRFAMILY : add_address(out, r, AF_INET6, (const uint8_t *)&six);
	return true;
}

static int by_name(struct result *out, const struct request *r, const char *node, int64_t deadline_ms,
                   char canonical[RESOLVE_NAME_MAX + 1])
{
	const bool mapped = r->family == AF_INET6 && r->flags & AI_V4MAPPED;
	bool wanted[2] = {r->family != AF_INET6 || mapped,
	                  r->family == AF_INET6 || (r->family == AF_UNSPEC && !(r->flags & AI_ADDRCONFIG))};
	struct resolve_answer answer[2];
	int error;

	if (!resolve_name(node, wanted, deadline_ms, answer, &error))
		return error;
	const struct resolve_answer *a = &answer[wanted[0] && answer[0].count ? 0 : 1];
	strcpy(canonical, a->canonical[0] ? a->canonical : node);
	/* AI_ALL: the mapped ones also beside others. */
	const bool map = mapped && (answer[1].count == 0 || r->flags & AI_ALL);
	for (unsigned i = 0; wanted[0] && i < answer[0].count; i++) {
		if (r->family != AF_INET6)
			error = add_address(out, r, AF_INET, answer[0].address[i].b);
		else if (map)
			error = add_mapped(out, r, answer[0].address[i].b);
		else
			continue;
		if (error)
			return error;
	}
	for (unsigned i = 0; wanted[1] && i < answer[1].count; i++) {
		error = add_address(out, r, AF_INET6, answer[1].address[i].b);
		if (error)
			return error;
	}
	return 0;
}

static int resolve(struct result *out, const struct request *r, const char *node, int64_t deadline_ms)
{
	char canonical[RESOLVE_NAME_MAX + 1];
	int error = 0;

	if (!node)
		return without_name(out, r);
	if (by_number(out, r, node, &error)) {
		snprintf(canonical, sizeof(canonical), "%s", node);
	} else {
		if (r->flags & AI_NUMERICHOST)
			return EAI_NONAME;
		error = by_name(out, r, node, deadline_ms, canonical);
	}
	if (error == 0 && out->first && r->flags & AI_CANONNAME) {
		out->first->ai_canonname = strdup(canonical);
		if (!out->first->ai_canonname)
			error = EAI_MEMORY;
	}
	return error == 0 && !out->first ? EAI_NODATA : error;
}

int toynet_getaddrinfo_timeout(const char *node, const char *service, const struct addrinfo *hints, int timeout_ms,
                               struct addrinfo **res)
{
	struct request r;
	struct result out = {.end = &out.first};
	int error = read_request(node, service, hints, &r);

	*res = NULL;
	if (!error)
		error = resolve(&out, &r, node, client_now_ms() + (timeout_ms < 0 ? RESOLVE_TIMEOUT_MS : timeout_ms));
	if (error) {
		toynet_freeaddrinfo(out.first);
		return error;
	}
	*res = out.first;
	return 0;
}

int toynet_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	return toynet_getaddrinfo_timeout(node, service, hints, -1, res);
}

void toynet_freeaddrinfo(struct addrinfo *res)
{
	while (res) {
		struct addrinfo *next = res->ai_next;

		free(res->ai_canonname);
		free(res);
		res = next;
	}
}

const char *toynet_gai_strerror(int error)
{
	return gai_strerror(error);
}
