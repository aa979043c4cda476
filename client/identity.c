/* What a descriptor is, by asking the kernel and nobody's memory.
 *
 * Theory of operation. A toynet socket is one end of an AF_UNIX pair: SOCK_STREAM for TCP (a connection or a listener),
 * SOCK_SEQPACKET for UDP. SO_COOKIE names the end for as long as anybody holds it, under whatever number; the daemon
 * knows the same cookie. What the library remembers of a socket is keyed by it. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LISTENERS_KNOWN 64 /* a power of two */
#define LINGERERS_KNOWN 1024

static _Atomic uint64_t listeners[LISTENERS_KNOWN];
/* Seconds and cookie in one word, so that they always belong together; 0: none. Cookies count up from 1. */
static _Atomic uint64_t lingerers[LINGERERS_KNOWN];
static atomic_bool linger_used;
#define LINGER_SHIFT 48
#define LINGER_MAX_S UINT16_MAX

int client_is_stream(int fd, bool *stream)
{
	int type;
	socklen_t len = sizeof(type);

	if (SYS(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return client_fail(errno, "descriptor %d is not a socket", fd);
	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return client_fail(ENOTSOCK, "descriptor %d is not a toynet socket", fd);
	*stream = type == SOCK_STREAM;
	return 0;
}

int client_identify(int fd, struct client_id *id)
{
	int domain;
	socklen_t len = sizeof(domain);

	id->fd = fd;
	if (client_is_stream(fd, &id->stream) < 0)
		return -1;
	if (SYS(getsockopt)(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_UNIX)
		return client_fail(ENOTSOCK, "descriptor %d is a socket of the kernel, not of toynet", fd);
	len = sizeof(id->cookie);
	if (SYS(getsockopt)(fd, SOL_SOCKET, SO_COOKIE, &id->cookie, &len) < 0)
		return client_fail(errno, "SO_COOKIE of descriptor %d", fd);
	return 0;
}

bool client_listener_known(uint64_t cookie)
{
	return atomic_load_explicit(&listeners[cookie % LISTENERS_KNOWN], memory_order_relaxed) == cookie;
}

void client_listener_learn(uint64_t cookie)
{
	atomic_store_explicit(&listeners[cookie % LISTENERS_KNOWN], cookie, memory_order_relaxed);
}

bool client_linger_any(void)
{
	return atomic_load_explicit(&linger_used, memory_order_relaxed);
}

unsigned client_linger_known(uint64_t cookie)
{
	uint64_t word = atomic_load_explicit(&lingerers[cookie % LINGERERS_KNOWN], memory_order_relaxed);

	return (word & ((UINT64_C(1) << LINGER_SHIFT) - 1)) == cookie ? (unsigned)(word >> LINGER_SHIFT) : 0;
}

void client_linger_learn(uint64_t cookie, unsigned seconds)
{
	uint64_t s = seconds < LINGER_MAX_S ? seconds : LINGER_MAX_S;

	if (cookie >> LINGER_SHIFT || (seconds == 0 && !client_linger_known(cookie)))
		return;
	atomic_store_explicit(&linger_used, true, memory_order_relaxed);
	atomic_store_explicit(&lingerers[cookie % LINGERERS_KNOWN], s ? s << LINGER_SHIFT | cookie : 0,
	                      memory_order_relaxed);
}

int client_free_slot(int like_fd)
{
	int fd = SYS(fcntl)(like_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return client_fail(errno, "no free descriptor in this process; raise RLIMIT_NOFILE or close some");
	SYS(close)(fd);
	return 0;
}

int client_apply_flags(int fd, int flags)
{
	if (!(flags & SOCK_CLOEXEC) && SYS(fcntl)(fd, F_SETFD, 0) < 0)
		return client_fail(errno, "descriptor flags");
	if (flags & SOCK_NONBLOCK) {
		int now = SYS(fcntl)(fd, F_GETFL);

		if (now < 0 || SYS(fcntl)(fd, F_SETFL, now | O_NONBLOCK) < 0)
			return client_fail(errno, "file status flags");
	}
	return 0;
}

int64_t client_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t client_deadline_ms(int fd, int option)
{
	struct timeval timeout;
	socklen_t len = sizeof(timeout);

	if (SYS(getsockopt)(fd, SOL_SOCKET, option, &timeout, &len) < 0 ||
	    (timeout.tv_sec == 0 && timeout.tv_usec == 0))
		return 0;
	return client_now_ms() + (int64_t)timeout.tv_sec * 1000 + (timeout.tv_usec + 999) / 1000;
}
