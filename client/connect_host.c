/* Connect by name: resolve, then try the addresses (RFC 8305).
 *
 * Theory of operation. The addresses are tried in the order of the resolver's answer, the families by turns (RFC 8305
 * 4). An attempt that has neither stood nor failed after ATTEMPT_DELAY_MS goes on while the next one begins beside it
 * (RFC 8305 5); one that fails lets the next begin at once. The first connection that stands is the result, and the
 * others are closed. The time is for all of it: the name, and every attempt. */
#include "resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPT_DELAY_MS 250 /* RFC 8305 8: Connection Attempt Delay */
#define ATTEMPTS_MAX     16

struct attempts {
	const struct addrinfo *address[ATTEMPTS_MAX]; /* in the order of trying */
	struct pollfd p[ATTEMPTS_MAX];                /* fd -1: not begun, or failed */
	int count, begun;
	int error; /* of the attempt that failed last */
	const struct addrinfo *failed;
};

/* RFC 8305 4: the families by turns, the first one's first. */
static void order(struct attempts *a, const struct addrinfo *list)
{
	const struct addrinfo *next[2] = {list, list};
	const int first = list->ai_family;
	bool other = false;

	while (a->count < ATTEMPTS_MAX && (next[0] || next[1])) {
		const struct addrinfo **n = &next[other];
		while (*n && ((*n)->ai_family == first) == other)
			*n = (*n)->ai_next;
		if (*n) {
			a->p[a->count] = (struct pollfd){.fd = -1, .events = POLLOUT};
			a->address[a->count++] = *n;
			*n = (*n)->ai_next;
		}
		other = !other;
	}
}

static void give_up(struct attempts *a, int i, int error)
{
	if (a->p[i].fd >= 0)
		SYS(close)(a->p[i].fd);
	a->p[i].fd = -1;
	a->error = error;
	a->failed = a->address[i];
}

/* Begins the next attempt. False: it failed at once. */
static bool begin(struct attempts *a)
{
	const int i = a->begun++;
	const struct addrinfo *to = a->address[i];

	a->p[i].fd = toynet_socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->p[i].fd < 0 || (toynet_connect(a->p[i].fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS)) {
		give_up(a, i, errno);
		return false;
	}
	return true;
}

/* An attempt whose descriptor is ready. True: it stands. */
static bool stands(struct attempts *a, int i)
{
	int error;
	struct client_id id;

	if (client_identify(a->p[i].fd, &id) < 0 || client_take_error(&id, &error) < 0)
		error = errno;
	if (error == 0)
		return true;
	give_up(a, i, error);
	return false;
}

static int waits(const struct attempts *a)
{
	int n = 0;

	for (int i = 0; i < a->begun; i++)
		n += a->p[i].fd >= 0;
	return n;
}

/* The index of the connection that stands; -1: none will, or the time is over. */
static int race(struct attempts *a, int64_t deadline_ms)
{
	int64_t next_ms = 0; /* when the next attempt may begin */

	for (;;) {
		while (a->begun < a->count && (waits(a) == 0 || client_now_ms() >= next_ms))
			if (begin(a))
				next_ms = client_now_ms() + ATTEMPT_DELAY_MS;
		int64_t now = client_now_ms(),
		        until = a->begun < a->count && next_ms < deadline_ms ? next_ms : deadline_ms;

		if (waits(a) == 0)
			return -1;
		if (now >= deadline_ms) {
			a->error = ETIMEDOUT;
			a->failed = a->address[a->begun - 1];
			return -1;
		}
		if (poll(a->p, (nfds_t)a->begun, until > now ? (int)(until - now) : 0) < 0) {
			a->error = errno;
			a->failed = NULL;
			return -1;
		}
		for (int i = 0; i < a->begun; i++)
			if (a->p[i].fd >= 0 && a->p[i].revents && stands(a, i))
				return i;
	}
}

static int failed(const struct attempts *a, const char *host, const char *service)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (a->failed)
		toynet_getnameinfo(a->failed->ai_addr, a->failed->ai_addrlen, text, sizeof(text), NULL, 0,
		                   NI_NUMERICHOST);
	return client_fail(a->error, "connect %s port %s: none of %d addresses answers; the last, %s: %s", host,
	                   service, a->count, text, strerror(a->error));
}

static int resolve_failed(int eai)
{
	static const struct {
		int eai, error;
	} map[] = {{EAI_NONAME, ENXIO},   {EAI_NODATA, ENXIO},    {EAI_AGAIN, ETIMEDOUT}, {EAI_MEMORY, ENOMEM},
	           {EAI_SERVICE, EINVAL}, {EAI_SOCKTYPE, EINVAL}, {EAI_BADFLAGS, EINVAL}, {EAI_FAIL, EPROTO}};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].eai == eai)
			errno = map[i].error;
	return -1;
}

int toynet_connect_host(const char *host, const char *service, int flags, int timeout_ms)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	const int64_t deadline_ms = client_now_ms() + (timeout_ms < 0 ? INT32_MAX : timeout_ms);
	struct attempts a = {.error = ETIMEDOUT};
	struct addrinfo *list;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return client_fail(EINVAL, "connect_host: unknown flags %#x", (unsigned)flags);
	if (!host || !service)
		return client_fail(EINVAL, "connect_host: host and service are needed");
	int eai = toynet_getaddrinfo_timeout(host, service, &hints, timeout_ms, &list);
	if (eai == EAI_SERVICE)
		return client_fail(EINVAL, "connect %s: no TCP service is called %s", host, service);
	if (eai)
		return resolve_failed(eai);
	order(&a, list);
	int won = race(&a, deadline_ms), fd = won >= 0 ? a.p[won].fd : -1;
	for (int i = 0; i < a.begun; i++)
		if (i != won && a.p[i].fd >= 0)
			SYS(close)(a.p[i].fd);
	if (fd < 0)
		failed(&a, host, service);
	int error = errno;
	toynet_freeaddrinfo(list);
	errno = error;
	if (fd < 0)
		return -1;
	int status = SYS(fcntl)(fd, F_GETFL);
	if (!(flags & SOCK_NONBLOCK))
		SYS(fcntl)(fd, F_SETFL, status & ~O_NONBLOCK);
	if (!(flags & SOCK_CLOEXEC))
		SYS(fcntl)(fd, F_SETFD, 0);
	return fd;
}
