/* send and recv, sendmsg and recvmsg.
 *
 * Theory of operation. The bytes of a stream are the kernel's business: send and recv on the descriptor. What the
 * kernel cannot know is why a connection ended: it says end-of-file, EPIPE, or ECONNRESET. Only then is the daemon
 * asked, once: its SO_ERROR is the reason, and reading it clears it, so that the next call reports end-of-file or EPIPE
 * as TCP does.
 *
 * The first write after a reset must give ECONNRESET and no signal. So the kernel is never allowed to raise SIGPIPE
 * here; for an EPIPE that is one, it is raised afterwards. */
#include "client.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>

#define SEND_FLAGS    (MSG_DONTWAIT | MSG_NOSIGNAL)
#define RECV_FLAGS    (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_PEEK)
#define DATAGRAM_RECV (MSG_TRUNC | MSG_WAITALL | MSG_ERRQUEUE)
#define STREAM_SEND   (SEND_FLAGS | MSG_OOB)
#define STREAM_RECV   (RECV_FLAGS | MSG_WAITALL | MSG_OOB)

/* What the kernel holds for the descriptor; cleared. */
static int native_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return SYS(getsockopt)(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? 0 : error;
}

int client_take_error(const struct client_id *id, int *error)
{
	int64_t number;

	if (client_get_number(id, toynet_v1_Option_SO_ERROR, &number) < 0)
		return -1;
	*error = native_error(id->fd);
	if (number != 0)
		*error = (int)number;
	return 0;
}

int client_end_reason(int fd, int native)
{
	const int saved = errno;
	struct client_id id;
	int error = 0;

	/* With the daemon its connections are gone: end-of-file would be taken for the peer's. */
	if (client_identify(fd, &id) == 0 && client_take_error(&id, &error) < 0)
		error = errno == ENOENT || errno == ECONNREFUSED ? ECONNRESET : 0;
	errno = saved;
	return error ? error : native;
}

/* What of a message concerns a stream. */
static struct msghdr stream_message(const struct msghdr *msg)
{
	return (struct msghdr){.msg_iov = msg->msg_iov, .msg_iovlen = msg->msg_iovlen};
}

static ssize_t send_stream(int fd, const struct msghdr *msg, int flags)
{
	const struct msghdr out = stream_message(msg);

	/* A descriptor sent along would reach the daemon, and no peer. */
	if (msg->msg_control && msg->msg_controllen)
		return client_fail(EINVAL, "sendmsg: a stream takes no control messages");
	ssize_t n = SYS(sendmsg)(fd, &out, flags | MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	int error = errno;

	if (error == EPIPE || error == ECONNRESET)
		error = client_end_reason(fd, error);
	if (error == EPIPE && !(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	return client_fail(error, "send: %s", strerror(error));
}

static bool has_room(const struct msghdr *msg)
{
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		if (msg->msg_iov[i].iov_len)
			return true;
	return false;
}

static ssize_t recv_stream(int fd, struct msghdr *msg, int flags)
{
	struct msghdr in = stream_message(msg);
	ssize_t n = SYS(recvmsg)(fd, &in, flags);

	msg->msg_namelen = 0;
	msg->msg_controllen = 0;
	msg->msg_flags = in.msg_flags & MSG_OOB;
	if (n > 0 || (n == 0 && !has_room(msg)))
		return n;
	int error = n < 0 ? errno : 0;

	if (error == 0 || error == ECONNRESET)
		error = client_end_reason(fd, error);
	if (error == 0 || error == EPIPE)
		return 0;
	return client_fail(error, "recv: %s", strerror(error));
}

ssize_t toynet_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	bool stream;

	if (client_is_stream(fd, &stream) < 0)
		return -1;
	const int supported = stream ? STREAM_SEND : SEND_FLAGS;

	if (flags & ~supported)
		return client_fail(EOPNOTSUPP, "send: flags %#x are not supported", (unsigned)(flags & ~supported));
	return stream ? send_stream(fd, msg, flags) : client_datagram_send(fd, msg, flags);
}

ssize_t toynet_recvmsg(int fd, struct msghdr *msg, int flags)
{
	bool stream;

	if (client_is_stream(fd, &stream) < 0)
		return -1;
	const int supported = stream ? STREAM_RECV : RECV_FLAGS | DATAGRAM_RECV;

	if (flags & ~supported)
		return client_fail(EOPNOTSUPP, "recv: flags %#x are not supported", (unsigned)(flags & ~supported));
	return stream ? recv_stream(fd, msg, flags) : client_datagram_recv(fd, msg, flags);
}

int toynet_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	unsigned done = 0;

	while (done < count && done < UIO_MAXIOV) {
		ssize_t n = toynet_sendmsg(fd, &messages[done].msg_hdr, flags);

		if (n < 0)
			return done ? (int)done : -1;
		messages[done++].msg_len = (unsigned)n;
	}
	return (int)done;
}

/* CLOCK_MONOTONIC, milliseconds; 0: never. */
static int64_t end_of(const struct timespec *timeout)
{
	return timeout ? client_now_ms() + timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000 : 0;
}

int toynet_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	const int64_t end = end_of(timeout);
	unsigned done = 0;
	int each = flags & ~MSG_WAITFORONE;

	if (timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000))
		return client_fail(EINVAL, "recvmmsg: the timeout is out of range");
	while (done < count && done < UIO_MAXIOV) {
		ssize_t n = toynet_recvmsg(fd, &messages[done].msg_hdr, each);

		if (n < 0 && done == 0)
			return -1;
		if (n < 0) {
			/* As the kernel does: what was received counts, and the error is the next call's. */
			if (errno != EAGAIN && errno != EINTR)
				client_datagram_postpone(fd, errno);
			break;
		}
		messages[done++].msg_len = (unsigned)n;
		if (flags & MSG_WAITFORONE)
			each |= MSG_DONTWAIT;
		if (end && client_now_ms() >= end)
			break;
	}
	return (int)done;
}

ssize_t toynet_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};

	return toynet_sendmsg(
	        fd,
	        &(struct msghdr){
	                .msg_name = (void *)(uintptr_t)addr, .msg_namelen = addrlen, .msg_iov = &iov, .msg_iovlen = 1},
	        flags);
}

ssize_t toynet_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len};
	struct msghdr msg = {.msg_name = addrlen ? addr : NULL,
	                     .msg_namelen = addrlen ? *addrlen : 0,
	                     .msg_iov = &iov,
	                     .msg_iovlen = 1};
	ssize_t n = toynet_recvmsg(fd, &msg, flags);

	if (n >= 0 && addrlen)
		*addrlen = msg.msg_namelen;
	return n;
}

ssize_t toynet_send(int fd, const void *buf, size_t len, int flags)
{
	return toynet_sendto(fd, buf, len, flags, NULL, 0);
}

ssize_t toynet_recv(int fd, void *buf, size_t len, int flags)
{
	return toynet_recvfrom(fd, buf, len, flags, NULL, NULL);
}
