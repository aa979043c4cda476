/* What changes the meaning of descriptor numbers, and the questions that are asked of descriptors by ioctl.
 *
 * Nothing has to be done for toynet's sake when a descriptor is closed or copied: the daemon sees the last close, and a
 * copy is the same socket. Only the hints have to follow; and a close with SO_LINGER waits. The control connections of
 * the library need no protection: it compares their identity before each use, and makes new ones. */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

RUN_EXPORT int close(int fd)
{
	run_ready();
	if (run_hint(fd) == RUN_FOREIGN)
		return SYS(close)(fd);
	run_forget(fd);
	return run_confined() ? SYS(close)(fd) : toynet_close(fd);
}

RUN_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	run_ready();
	int r = SYS(close_range)(first, last, flags);
	if (r == 0 && !(flags & (int)CLOSE_RANGE_CLOEXEC))
		run_forget_from(first, last);
	return r;
}

RUN_EXPORT void closefrom(int first)
{
	(void)close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0);
}

/* fd was made from another one: what it is, is found out when it matters. But a datagram socket must be known before
 * the first read. */
static int copied(int from, int fd)
{
	if (fd >= 0 && fd != from) {
		run_forget(fd);
		if (run_confined())
			run_learn(fd, run_hint(from));
		else if (run_hint(from) != RUN_FOREIGN)
			(void)run_kind_of(fd);
	}
	return fd;
}

RUN_EXPORT int dup(int fd)
{
	run_ready();
	return copied(fd, SYS(dup)(fd));
}

RUN_EXPORT int dup2(int fd, int to)
{
	run_ready();
	return copied(fd, SYS(dup2)(fd, to));
}

RUN_EXPORT int dup3(int fd, int to, int flags)
{
	run_ready();
	return copied(fd, SYS(dup3)(fd, to, flags));
}

/* The third argument, whatever it is, as the C library passes it on. */
static int fcntl_with(int fd, int command, va_list args)
{
	void *argument = va_arg(args, void *);
	int r = SYS(fcntl)(fd, command, argument);

	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, r) : r;
}

RUN_EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;

	run_ready();
	va_start(args, command);
	int r = fcntl_with(fd, command, args);
	va_end(args);
	return r;
}

int fcntl64(int fd, int command, ...);
RUN_EXPORT int fcntl64(int fd, int command, ...)
{
	va_list args;

	run_ready();
	va_start(args, command);
	int r = fcntl_with(fd, command, args);
	va_end(args);
	return r;
}

/* SIOCOUTQ of tcp(7): what the peer has not acknowledged. What the daemon has not yet taken from the descriptor is not
 * in it. */
static int unacknowledged(int fd, int *value)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (toynet_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -1;
	uint64_t under_way = info.tcpi_bytes_sent - info.tcpi_bytes_retrans - info.tcpi_bytes_acked;
	*value = (int)(under_way + info.tcpi_notsent_bytes);
	return 0;
}

/* FIONREAD of udp(7): the length of the next datagram. */
static int next_datagram(int fd, int *value)
{
	uint8_t byte;
	ssize_t n = toynet_recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		return -1;
	*value = n < 0 ? 0 : (int)n;
	return 0;
}

static int queued(int fd, enum run_kind kind, bool out, int *value)
{
	if (kind == RUN_DATAGRAM)
		return out ? SYS(ioctl)(fd, SIOCOUTQ, value) : next_datagram(fd, value);
	return out ? unacknowledged(fd, value) : SYS(ioctl)(fd, SIOCINQ, value);
}

/* The kernel would answer with its own interfaces, which are not toynet's. */
static bool is_interface_request(unsigned long request)
{
	return request >= SIOCGIFNAME && request < SIOCDEVPRIVATE && request != SIOCINQ && request != SIOCOUTQ;
}

RUN_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	run_ready();
	va_start(args, request);
	void *argument = va_arg(args, void *);
	va_end(args);
	/* SIOCINQ is FIONREAD, SIOCOUTQ is TIOCOUTQ: terminals answer to them, too. */
	const bool queue = request == SIOCINQ || request == SIOCOUTQ;
	enum run_kind kind = queue || is_interface_request(request) ? run_kind_of(fd) : RUN_FOREIGN;
	if (kind == RUN_FOREIGN)
		return SYS(ioctl)(fd, request, argument);
	if (queue)
		return queued(fd, kind, request == SIOCOUTQ, argument);
	run_tell("ioctl(%d, %#lx): interfaces are the kernel's; see toynetctl interfaces", fd, request);
	errno = EOPNOTSUPP;
	return -1;
}
