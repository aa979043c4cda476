/* Sending and receiving.
 *
 * On a stream the bytes are the kernel's affair. These wrappers add what it cannot know: the reason of an end, asked
 * for after an end-of-file or an error only; and that the first write after a reset is an error and no SIGPIPE. On a
 * datagram socket each call is libtoynet's, since an address travels with every datagram. */
#include "run/run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Hints that change nothing that a receiver could see. */
#define HINT_FLAGS (MSG_MORE | MSG_CONFIRM)

static enum run_kind kind_of(int fd)
{
	enum run_kind kind = run_hint(fd);

	if (run_confined())
		return kind == RUN_DATAGRAM ? kind : RUN_FOREIGN;
	return kind != RUN_FOREIGN ? kind : run_kind_of(fd);
}

/* The hint was wrong: the number has become another file's. */
static bool stale(int fd, ssize_t n)
{
	if (n >= 0 || errno != ENOTSOCK || run_hint(fd) == RUN_FOREIGN)
		return false;
	run_forget(fd);
	return true;
}

/* Is there no connection yet, to read from or to write to? The kernel's pair behind the descriptor would take the
 * bytes, or give the records of a listener. The hint is looked into: another process may have connected the socket. */
static bool not_connected(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	switch (run_kind_of(fd)) {
	case RUN_LISTENER:
		return true;
	case RUN_UNCONNECTED:
		if (toynet_getpeername(fd, (struct sockaddr *)&peer, &len) < 0 && errno == ENOTCONN)
			return true;
		run_learn(fd, RUN_STREAM);
		return false;
	case RUN_FOREIGN:
	case RUN_STREAM:
	case RUN_CONNECTING:
	case RUN_DATAGRAM:
		break;
	}
	return false;
}

static bool may_be_unconnected(int fd)
{
	enum run_kind hint = run_hint(fd);

	return !run_confined() && (hint == RUN_UNCONNECTED || hint == RUN_LISTENER);
}

static ssize_t no_input(void)
{
	errno = ENOTCONN;
	return -1;
}

/* tcp(7): EPIPE. */
static ssize_t no_output(int flags)
{
	if (!(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	errno = EPIPE;
	return -1;
}

/* A transfer by the kernel has ended with n: the reason, where fd is a toynet stream. */
static ssize_t with_reason(int fd, ssize_t n)
{
	int native = n < 0 ? errno : 0;

	if (n > 0 || run_confined() || (n < 0 && native != ECONNRESET && native != EPIPE))
		return n;
	enum run_kind kind = run_kind_of(fd);
	if (kind != RUN_STREAM && kind != RUN_CONNECTING) {
		if (native)
			errno = native;
		return n;
	}
	int error = client_end_reason(fd, native);
	if (error == 0 || (n == 0 && error == EPIPE))
		return 0;
	errno = error;
	return -1;
}

/* After a send with MSG_NOSIGNAL. */
static ssize_t sent(int fd, ssize_t n)
{
	n = with_reason(fd, n);
	if (n < 0 && errno == EPIPE) {
		raise(SIGPIPE);
		errno = EPIPE;
	}
	return n;
}

RUN_EXPORT ssize_t read(int fd, void *buf, size_t len)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_input();
	if (run_hint(fd) == RUN_DATAGRAM) {
		ssize_t n = toynet_recv(fd, buf, len, 0);
		if (!stale(fd, n))
			return n;
	}
	ssize_t n = SYS(read)(fd, buf, len);
	return n > 0 || len == 0 || run_hint(fd) == RUN_FOREIGN ? n : with_reason(fd, n);
}

RUN_EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_output(0);
	switch (run_hint(fd)) {
	case RUN_DATAGRAM: {
		ssize_t n = toynet_send(fd, buf, len, 0);
		if (!stale(fd, n))
			return n;
		break;
	}
	case RUN_CONNECTING:
	case RUN_STREAM: {
		if (run_confined())
			break;
		ssize_t n = SYS(send)(fd, buf, len, MSG_NOSIGNAL);
		if (!stale(fd, n))
			return n >= 0 ? n : sent(fd, n);
		break;
	}
	case RUN_FOREIGN:
	case RUN_UNCONNECTED:
	case RUN_LISTENER:
		break;
	}
	return SYS(write)(fd, buf, len);
}

RUN_EXPORT ssize_t readv(int fd, const struct iovec *iov, int n)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_input();
	if (run_hint(fd) == RUN_DATAGRAM) {
		struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
		ssize_t got = toynet_recvmsg(fd, &msg, 0);
		if (!stale(fd, got))
			return got;
	}
	ssize_t got = SYS(readv)(fd, iov, n);
	return got > 0 || run_hint(fd) == RUN_FOREIGN ? got : with_reason(fd, got);
}

RUN_EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	const struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
	ssize_t put;

	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_output(0);
	switch (run_hint(fd)) {
	case RUN_DATAGRAM:
		put = toynet_sendmsg(fd, &msg, 0);
		if (!stale(fd, put))
			return put;
		break;
	case RUN_CONNECTING:
	case RUN_STREAM:
		if (run_confined())
			break;
		put = SYS(sendmsg)(fd, &msg, MSG_NOSIGNAL);
		if (!stale(fd, put))
			return put >= 0 ? put : sent(fd, put);
		break;
	case RUN_FOREIGN:
	case RUN_UNCONNECTED:
	case RUN_LISTENER:
		break;
	}
	return SYS(writev)(fd, iov, n);
}

RUN_EXPORT ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
                          socklen_t addrlen)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_output(flags);
	if (kind_of(fd) != RUN_FOREIGN) {
		ssize_t n = toynet_sendto(fd, buf, len, flags & ~HINT_FLAGS, addr, addrlen);
		if (!stale(fd, n))
			return n;
	}
	return SYS(sendto)(fd, buf, len, flags, addr, addrlen);
}

RUN_EXPORT ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	return sendto(fd, buf, len, flags, NULL, 0);
}

RUN_EXPORT ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_input();
	if (kind_of(fd) != RUN_FOREIGN) {
		ssize_t n = toynet_recvfrom(fd, buf, len, flags, addr, addrlen);
		if (!stale(fd, n))
			return n;
	}
	return SYS(recvfrom)(fd, buf, len, flags, addr, addrlen);
}

RUN_EXPORT ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	return recvfrom(fd, buf, len, flags, NULL, NULL);
}

RUN_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_output(flags);
	if (kind_of(fd) != RUN_FOREIGN) {
		ssize_t n = toynet_sendmsg(fd, msg, flags & ~HINT_FLAGS);
		if (!stale(fd, n))
			return n;
	}
	return SYS(sendmsg)(fd, msg, flags);
}

/* Descriptors that came over a socket may be toynet's. */
static void learn_received(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			run_forget(fd);
			(void)run_kind_of(fd);
		}
	}
}

RUN_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return no_input();
	if (kind_of(fd) != RUN_FOREIGN) {
		ssize_t n = toynet_recvmsg(fd, msg, flags);
		if (!stale(fd, n))
			return n;
	}
	ssize_t n = SYS(recvmsg)(fd, msg, flags);
	if (n >= 0 && msg->msg_controllen > 0)
		learn_received(msg);
	return n;
}

RUN_EXPORT int sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return (int)no_output(flags);
	if (kind_of(fd) != RUN_FOREIGN) {
		int sent_count = toynet_sendmmsg(fd, msgs, n, flags & ~HINT_FLAGS);
		if (!stale(fd, sent_count))
			return sent_count;
	}
	return SYS(sendmmsg)(fd, msgs, n, flags);
}

RUN_EXPORT int recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
	run_ready();
	if (may_be_unconnected(fd) && not_connected(fd))
		return (int)no_input();
	if (kind_of(fd) != RUN_FOREIGN) {
		int got = toynet_recvmmsg(fd, msgs, n, flags, timeout);
		if (!stale(fd, got))
			return got;
	}
	return SYS(recvmmsg)(fd, msgs, n, flags, timeout);
}

/* What programs call that were built with _FORTIFY_SOURCE. */
ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *addr,
                       socklen_t *addrlen);
__attribute__((noreturn)) void __chk_fail(void);

RUN_EXPORT ssize_t __read_chk(int fd, void *buf, size_t len, size_t room)
{
	if (len > room)
		__chk_fail();
	return read(fd, buf, len);
}

RUN_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags)
{
	if (len > room)
		__chk_fail();
	return recvfrom(fd, buf, len, flags, NULL, NULL);
}

RUN_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *addr,
                                  socklen_t *addrlen)
{
	if (len > room)
		__chk_fail();
	return recvfrom(fd, buf, len, flags, addr, addrlen);
}
