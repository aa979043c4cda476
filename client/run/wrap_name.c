/* Names. glibc's own resolver would ask by the kernel's network, from inside the C library, where nothing can be
 * wrapped. */
#include "run/run.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES_MAX 32

RUN_EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	run_ready();
	int r = toynet_getaddrinfo(node, service, hints, res);
	run_tell("getaddrinfo(%s, %s): %s", node ? node : "-", service ? service : "-",
	         r ? toynet_gai_strerror(r) : "ok");
	return r;
}

/* Either library's frees the other's (resolve.c); so that a program which finds this name here is not surprised. */
RUN_EXPORT void freeaddrinfo(struct addrinfo *res)
{
	toynet_freeaddrinfo(res);
}

RUN_EXPORT int getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen, char *service,
                           socklen_t servicelen, int flags)
{
	run_ready();
	return toynet_getnameinfo(addr, addrlen, host, hostlen, service, servicelen, flags);
}

static int herrno_of(int eai)
{
	switch (eai) {
	case EAI_NONAME:
		return HOST_NOT_FOUND;
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return NO_DATA;
	case EAI_AGAIN:
		return TRY_AGAIN;
	case EAI_SYSTEM:
		return NETDB_INTERNAL;
	default:
		return NO_RECOVERY;
	}
}

/* Takes n bytes of the caller's buffer, aligned for pointers; NULL: it is too small. */
static void *take(char **buf, size_t *room, size_t n)
{
	size_t pad = (size_t)(-(uintptr_t)*buf & (sizeof(void *) - 1));

	if (*room < pad || *room - pad < n)
		return NULL;
	void *p = *buf + pad;
	*buf += pad + n;
	*room -= pad + n;
	return p;
}

static const void *address_of(const struct addrinfo *ai)
{
	if (ai->ai_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)ai->ai_addr)->sin_addr;
	return &((const struct sockaddr_in6 *)(const void *)ai->ai_addr)->sin6_addr;
}

/* Lays the answer out in the caller's buffer. 0 or ERANGE. */
static int fill(const struct addrinfo *list, const char *name, int family, struct hostent *h, char *buf, size_t room)
{
	const size_t len = family == AF_INET ? 4 : 16;
	size_t n = 0;
	const char *canonical = list->ai_canonname ? list->ai_canonname : name;
	char **aliases = take(&buf, &room, sizeof(*aliases));
	char **addresses = take(&buf, &room, (ADDRESSES_MAX + 1) * sizeof(*addresses));
	char *text = take(&buf, &room, strlen(canonical) + 1);

	if (!aliases || !addresses || !text)
		return ERANGE;
	*aliases = NULL;
	strcpy(text, canonical);
	for (const struct addrinfo *ai = list; ai && n < ADDRESSES_MAX; ai = ai->ai_next) {
		char *bytes = take(&buf, &room, len);
		if (!bytes)
			return ERANGE;
		memcpy(bytes, address_of(ai), len);
		addresses[n++] = bytes;
	}
	addresses[n] = NULL;
	*h = (struct hostent){.h_name = text,
	                      .h_aliases = aliases,
	                      .h_addrtype = family,
	                      .h_length = (int)len,
	                      .h_addr_list = addresses};
	return 0;
}

RUN_EXPORT int gethostbyname2_r(const char *name, int family, struct hostent *ret, char *buf, size_t buflen,
                                struct hostent **result, int *herrno)
{
	const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
	struct addrinfo *list;

	*result = NULL;
	int eai = getaddrinfo(name, NULL, &hints, &list);
	if (eai) {
		*herrno = herrno_of(eai);
		return eai == EAI_SYSTEM ? errno : eai == EAI_AGAIN ? EAGAIN : 0;
	}
	int error = fill(list, name, family, ret, buf, buflen);
	toynet_freeaddrinfo(list);
	if (error) {
		*herrno = NETDB_INTERNAL;
		return error;
	}
	*result = ret;
	*herrno = NETDB_SUCCESS;
	return 0;
}

RUN_EXPORT int gethostbyname_r(const char *name, struct hostent *ret, char *buf, size_t buflen, struct hostent **result,
                               int *herrno)
{
	return gethostbyname2_r(name, AF_INET, ret, buf, buflen, result, herrno);
}

RUN_EXPORT struct hostent *gethostbyname2(const char *name, int family)
{
	static _Thread_local struct {
		struct hostent h;
		char buf[4096];
	} answer;
	struct hostent *result;
	int herrno;

	gethostbyname2_r(name, family, &answer.h, answer.buf, sizeof(answer.buf), &result, &herrno);
	h_errno = herrno;
	return result;
}

RUN_EXPORT struct hostent *gethostbyname(const char *name)
{
	return gethostbyname2(name, AF_INET);
}

RUN_EXPORT int gethostbyaddr_r(const void *addr, socklen_t len, int family, struct hostent *ret, char *buf,
                               size_t buflen, struct hostent **result, int *herrno)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	const bool four = family == AF_INET && len == sizeof(in.sin_addr);
	struct addrinfo one = {.ai_family = family};
	char name[NI_MAXHOST];

	*result = NULL;
	*herrno = HOST_NOT_FOUND;
	if (!four && (family != AF_INET6 || len != sizeof(in6.sin6_addr))) {
		*herrno = NETDB_INTERNAL;
		return EINVAL;
	}
	memcpy(four ? (void *)&in.sin_addr : (void *)&in6.sin6_addr, addr, len);
	one.ai_addr = four ? (struct sockaddr *)(void *)&in : (struct sockaddr *)(void *)&in6;
	one.ai_addrlen = four ? sizeof(in) : sizeof(in6);
	int eai = getnameinfo(one.ai_addr, one.ai_addrlen, name, sizeof(name), NULL, 0, NI_NAMEREQD);
	if (eai) {
		*herrno = herrno_of(eai);
		return eai == EAI_SYSTEM ? errno : 0;
	}
	int error = fill(&one, name, family, ret, buf, buflen);
	if (error) {
		*herrno = NETDB_INTERNAL;
		return error;
	}
	*result = ret;
	*herrno = NETDB_SUCCESS;
	return 0;
}

RUN_EXPORT struct hostent *gethostbyaddr(const void *addr, socklen_t len, int family)
{
	static _Thread_local struct {
		struct hostent h;
		char buf[2048];
	} answer;
	struct hostent *result;
	int herrno;

	gethostbyaddr_r(addr, len, family, &answer.h, answer.buf, sizeof(answer.buf), &result, &herrno);
	h_errno = herrno;
	return result;
}
