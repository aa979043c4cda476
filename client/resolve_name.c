/* getnameinfo (RFC 3493 6.2): from an address to the name of its host and of its service. */
#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define FLAGS_KNOWN (NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM)
#define SERVICE_BUF 1024

struct address {
	int family;
	const void *bytes;
	socklen_t len; /* of bytes */
	uint16_t port; /* network order */
};

struct reverse {
	int pending, status;
	char name[RESOLVE_NAME_MAX + 1];
};

static void found(void *ctx, int status, int timeouts, struct hostent *host)
{
	struct reverse *r = ctx;

	(void)timeouts;
	r->pending--;
	r->status = status;
	if (status == ARES_SUCCESS && host->h_name)
		snprintf(r->name, sizeof(r->name), "%s", host->h_name);
}

static int read_address(const struct sockaddr *addr, socklen_t len, struct address *a)
{
	if (addr && len >= sizeof(struct sockaddr_in) && addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
		*a = (struct address){AF_INET, &in->sin_addr, sizeof(in->sin_addr), in->sin_port};
		return 0;
	}
	if (addr && len >= sizeof(struct sockaddr_in6) && addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)addr;
		*a = (struct address){AF_INET6, &in->sin6_addr, sizeof(in->sin6_addr), in->sin6_port};
		return 0;
	}
	return EAI_FAMILY;
}

static int store(const char *text, char *buf, socklen_t len)
{
	return (size_t)snprintf(buf, len, "%s", text) < len ? 0 : EAI_OVERFLOW;
}

/* NI_NOFQDN: without the domain of this host, which is the search list's affair: only the first label. */
static void cut_domain(char *name)
{
	char *dot = strchr(name, '.');

	if (dot)
		*dot = 0;
}

static int host_name(const struct address *a, int flags, char *host, socklen_t len)
{
	struct reverse r = {.pending = 1};
	char text[INET6_ADDRSTRLEN];
	int error = 0;

	if (!(flags & NI_NUMERICHOST)) {
		int64_t deadline_ms = client_now_ms() + RESOLVE_TIMEOUT_MS;
		ares_channel channel = resolve_channel(deadline_ms, &error);
		if (!channel)
			return error;
		ares_gethostbyaddr(channel, a->bytes, (int)a->len, a->family, found, &r);
		resolve_run(channel, &r.pending, deadline_ms);
		ares_destroy(channel);
		if (r.name[0]) {
			if (flags & NI_NOFQDN)
				cut_domain(r.name);
			return store(r.name, host, len);
		}
		if (r.status != ARES_ENOTFOUND && r.status != ARES_ENODATA && flags & NI_NAMEREQD)
			return r.status == ARES_ENOMEM ? EAI_MEMORY : EAI_AGAIN;
	}
	if (flags & NI_NAMEREQD)
		return EAI_NONAME;
	inet_ntop(a->family, a->bytes, text, sizeof(text));
	return store(text, host, len);
}

static int service_name(const struct address *a, int flags, char *service, socklen_t len)
{
	struct servent entry, *named = NULL;
	char buf[SERVICE_BUF], text[8];

	if (!(flags & NI_NUMERICSERV) &&
	    getservbyport_r(a->port, flags & NI_DGRAM ? "udp" : "tcp", &entry, buf, sizeof(buf), &named) == 0 && named)
		return store(named->s_name, service, len);
	snprintf(text, sizeof(text), "%u", (unsigned)ntohs(a->port));
	return store(text, service, len);
}

int toynet_getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen, char *service,
                       socklen_t servicelen, int flags)
{
	struct address a;
	int error = flags & ~FLAGS_KNOWN ? EAI_BADFLAGS : read_address(addr, addrlen, &a);

	if (!error && (!host || !hostlen) && (!service || !servicelen))
		error = EAI_NONAME;
	if (!error && host && hostlen)
		error = host_name(&a, flags, host, hostlen);
	if (!error && service && servicelen)
		error = service_name(&a, flags, service, servicelen);
	return error;
}
