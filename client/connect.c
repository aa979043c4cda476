/* connect.
 *
 * Theory of operation. A fresh pair would poll writable at once, and a program that connects without blocking would
 * take that for success. So the application's end is filled until POLLOUT clears, the daemon is told how many bytes
 * that took, and takes exactly so many when the connection stands: then the kernel itself reports POLLOUT, to poll,
 * select and epoll alike. A blocking connect does the same, because a signal may turn it into one that goes on in the
 * background.
 *
 * Filling a connection that stands would put filler into its stream, so the daemon is asked first whether there is a
 * peer. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#define FILLER_CHUNK  4096
#define FILLER_CHUNKS 16 /* 64 KiB: more than a quarter of the default SO_SNDBUF, so that one send clears POLLOUT */

/* Returns how many bytes it took to make the stream's end not writable. */
static uint32_t fill(int fd)
{
	static const uint8_t zeros[FILLER_CHUNK];
	struct iovec iov[FILLER_CHUNKS];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = FILLER_CHUNKS};
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint32_t bytes = 0;

	for (size_t i = 0; i < FILLER_CHUNKS; i++)
		iov[i] = (struct iovec){.iov_base = (void *)(uintptr_t)zeros, .iov_len = sizeof(zeros)};
	while (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && !(p.revents & (POLLERR | POLLHUP))) {
		ssize_t n = SYS(sendmsg)(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n <= 0)
			break;
		bytes += (uint32_t)n;
	}
	return bytes;
}

/* An attempt that an earlier call began: waits for its end, as the kernel's connect does. */
static int wait_connected(const struct client_id *id, int64_t deadline_ms)
{
	struct pollfd p = {.fd = id->fd, .events = POLLOUT};
	int timeout = -1, error;

	if (deadline_ms) {
		int64_t left = deadline_ms - client_now_ms();

		timeout = left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
	}
	int n = poll(&p, 1, timeout);

	if (n < 0)
		return client_fail(errno, "connect: interrupted by a signal; the attempt goes on");
	if (n == 0)
		return client_fail(EALREADY, "connect: SO_SNDTIMEO has passed; the attempt goes on");
	if (client_take_error(id, &error) < 0)
		return -1;
	if (error)
		return client_fail(error, "connect: %s", strerror(error));
	return 0;
}

static int connect_stream(const struct client_id *id, toynet_v1_ConnectRequest *request)
{
	toynet_v1_ConnectResponse response = toynet_v1_ConnectResponse_init_zero;
	toynet_v1_NamesResponse names;
	int status = SYS(fcntl)(id->fd, F_GETFL);
	int64_t deadline_ms = 0;

	if (status < 0)
		return client_fail(errno, "connect: %s", strerror(errno));
	if (client_names(id, &names) < 0)
		return -1;
	if (!names.has_peer)
		request->filler_bytes = fill(id->fd);
	request->wait = !(status & O_NONBLOCK);
	if (request->wait)
		deadline_ms = client_deadline_ms(id->fd, SO_SNDTIMEO);

	int r = client_rpc(&(struct client_call){
	        .method = "Connect",
	        .request_type = toynet_v1_ConnectRequest_fields,
	        .request = request,
	        .response_type = toynet_v1_ConnectResponse_fields,
	        .response = &response,
	        .id = id,
	        .interruptible = request->wait,
	        .deadline_ms = deadline_ms,
	});

	if (r < 0 && errno == EALREADY && request->wait)
		return wait_connected(id, deadline_ms);
	if (r < 0 && errno == ETIME)
		return client_fail(EINPROGRESS, "connect: SO_SNDTIMEO has passed; the attempt goes on");
	if (r < 0)
		return -1;
	if (response.in_progress)
		return client_fail(EINPROGRESS,
		                   "connect: the attempt is under way; wait for POLLOUT, then read SO_ERROR");
	return 0;
}

int toynet_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct client_id id;
	union client_address peer;
	toynet_v1_ConnectRequest request = toynet_v1_ConnectRequest_init_zero;

	if (client_identify(fd, &id) < 0)
		return -1;
	request.has_socket = true;
	request.socket = client_ref(&id);
	if (id.stream || !addr || len < sizeof(addr->sa_family) || addr->sa_family != AF_UNSPEC) {
		if (client_address_parse(addr, len, &peer) < 0)
			return -1;
		request.has_peer = true;
		client_address_to_message(&peer, &request.peer);
	}
	if (id.stream)
		return connect_stream(&id, &request);

	toynet_v1_ConnectResponse response = toynet_v1_ConnectResponse_init_zero;

	return client_rpc(&(struct client_call){
	        .method = "Connect",
	        .request_type = toynet_v1_ConnectRequest_fields,
	        .request = &request,
	        .response_type = toynet_v1_ConnectResponse_fields,
	        .response = &response,
	        .id = &id,
	});
}
