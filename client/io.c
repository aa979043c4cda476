/* send and recv.
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

#define SEND_FLAGS  (MSG_DONTWAIT | MSG_NOSIGNAL)
#define RECV_FLAGS  (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_PEEK)
#define STREAM_SEND (SEND_FLAGS | MSG_OOB)
#define STREAM_RECV (RECV_FLAGS | MSG_WAITALL | MSG_OOB)

/* What the kernel holds for the descriptor; cleared. */
static int native_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? 0 : error;
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

static ssize_t send_stream(int fd, const void *buf, size_t len, int flags)
{
	ssize_t n = send(fd, buf, len, flags | MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	int error = errno;

	if (error == EPIPE || error == ECONNRESET)
		error = client_end_reason(fd, error);
	if (error == EPIPE && !(flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	return client_fail(error, "send: %s", strerror(error));
}

static ssize_t recv_stream(int fd, void *buf, size_t len, int flags)
{
	ssize_t n = recv(fd, buf, len, flags);

	if (n > 0 || (n == 0 && len == 0))
		return n;
	int error = n < 0 ? errno : 0;

	if (error == 0 || error == ECONNRESET)
		error = client_end_reason(fd, error);
	if (error == 0 || error == EPIPE)
		return 0;
	return client_fail(error, "recv: %s", strerror(error));
}

ssize_t toynet_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen)
{
	bool stream;

	if (client_is_stream(fd, &stream) < 0)
		return -1;
	const int supported = stream ? STREAM_SEND : SEND_FLAGS;

	if (flags & ~supported)
		return client_fail(EOPNOTSUPP, "send: flags %#x are not supported", (unsigned)(flags & ~supported));
	if (stream)
		return send_stream(fd, buf, len, flags);
	return client_datagram_send(fd, buf, len, flags, addr, addrlen);
}

ssize_t toynet_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen)
{
	bool stream;

	if (client_is_stream(fd, &stream) < 0)
		return -1;
	const int supported = stream ? STREAM_RECV : RECV_FLAGS | MSG_TRUNC | MSG_WAITALL;

	if (flags & ~supported)
		return client_fail(EOPNOTSUPP, "recv: flags %#x are not supported", (unsigned)(flags & ~supported));
	if (!stream)
		return client_datagram_recv(fd, buf, len, flags, addr, addrlen);
	if (addrlen)
		*addrlen = 0;
	return recv_stream(fd, buf, len, flags);
}

ssize_t toynet_send(int fd, const void *buf, size_t len, int flags)
{
	return toynet_sendto(fd, buf, len, flags, NULL, 0);
}

ssize_t toynet_recv(int fd, void *buf, size_t len, int flags)
{
	return toynet_recvfrom(fd, buf, len, flags, NULL, NULL);
}
