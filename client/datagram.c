/* Datagrams on a descriptor: a record of the SOCK_SEQPACKET pair is a header with the address, then the payload.
 *
 * Theory of operation. The header makes an empty datagram differ from end-of-file and carries the address. An ICMP
 * error comes as a record of its own, in its place between the datagrams, and becomes the errno of the call that reads
 * it. A record that is not well formed is EPROTO: it can only come from a daemon of another version.
 *
 * The pair takes every datagram, so before one is sent the daemon is asked whether it could be: a host without a route,
 * a length that is too large, or a broadcast without SO_BROADCAST is an error of the call that sends. The answer is
 * remembered by the thread for a second, and where a datagram came from, one may go to: a server that answers never
 * asks. Without an answer the datagram is sent, and what is wrong with it comes back as an error record. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define WAYS_KNOWN  64 /* a power of two */
#define WAY_GOOD_MS 1000

/* Datagrams of so many bytes may go there. */
struct way {
	uint64_t cookie; /* of the socket; 0: of any */
	in_addr_t to;    /* INADDR_ANY: the connected peer */
	bool portless;   /* port 0: good for ping and raw sockets only */
	uint32_t max_length;
	int64_t until_ms;
};
static _Thread_local struct way ways[WAYS_KNOWN];

static struct way *way_slot(uint64_t cookie, in_addr_t to)
{
	return &ways[(cookie ^ to ^ to >> 24 ^ to >> 16) & (WAYS_KNOWN - 1)];
}

static bool way_known(uint64_t cookie, in_addr_t to, bool portless, size_t len, int64_t now)
{
	const struct way *w = way_slot(cookie, to);

	return w->cookie == cookie && w->to == to && w->portless == portless && now < w->until_ms &&
	       len <= w->max_length;
}

static void way_learn(uint64_t cookie, in_addr_t to, bool portless, uint32_t max_length, int64_t now)
{
	*way_slot(cookie, to) = (struct way){cookie, to, portless, max_length, now + WAY_GOOD_MS};
}

/* 0 when the datagram may be sent as far as is known. */
static int check_destination(int fd, size_t len, const struct sockaddr_in *dst)
{
	const in_addr_t to = dst ? dst->sin_addr.s_addr : INADDR_ANY;
	const bool portless = dst && dst->sin_port == 0;
	const int64_t now = client_now_ms();
	toynet_v1_CheckDestinationRequest request = {.has_socket = true, .length = (uint32_t)len};
	toynet_v1_CheckDestinationResponse response = toynet_v1_CheckDestinationResponse_init_zero;
	struct client_id id;

	if (client_identify(fd, &id) < 0)
		return -1;
	if (way_known(id.cookie, to, portless, len, now) || (dst && way_known(0, to, portless, len, now)))
		return 0;
	request.socket = client_ref(&id);
	request.has_destination = dst != NULL;
	if (dst)
		client_address_to_message(dst, &request.destination);
	if (client_rpc(&(struct client_call){
	            .method = "CheckDestination",
	            .request_type = toynet_v1_CheckDestinationRequest_fields,
	            .request = &request,
	            .response_type = toynet_v1_CheckDestinationResponse_fields,
	            .response = &response,
	            .id = &id,
	    }) < 0)
		return 0;
	if (response.error)
		return client_fail((int)response.error, "send: %s", strerror((int)response.error));
	way_learn(id.cookie, to, portless, response.max_length, now);
	return 0;
}

void client_datagram_header(struct toynet_datagram_header *h, size_t len, const struct sockaddr_in *dst)
{
	*h = (struct toynet_datagram_header){
	        .magic = TOYNET_RECORD_MAGIC,
	        .type = TOYNET_RECORD_DATAGRAM,
	        .length = (uint32_t)len,
	};
	if (dst)
		client_address_to_wire(dst, &h->addr);
}

int client_datagram_check(const struct toynet_datagram_header *h, size_t total, struct sockaddr_in *src)
{
	if (total < sizeof(*h) || h->magic != TOYNET_RECORD_MAGIC || h->length != total - sizeof(*h) ||
	    !client_address_from_wire(&h->addr, src))
		return EPROTO;
	if (h->type == TOYNET_RECORD_DATAGRAM)
		return 0;
	if (h->type == TOYNET_RECORD_ERROR && h->length == 0 && h->error > 0 && h->error < 4096)
		return (int)h->error;
	return EPROTO;
}

ssize_t client_datagram_send(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr,
                             socklen_t addrlen)
{
	struct toynet_datagram_header header;
	struct sockaddr_in dst;
	struct iovec iov[2] = {
	        {.iov_base = &header, .iov_len = sizeof(header)},
	        {.iov_base = (void *)(uintptr_t)buf, .iov_len = len},
	};
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (addr && client_address_parse(addr, addrlen, &dst) < 0)
		return -1;
	if (len > CLIENT_DATAGRAM_MAX)
		return client_fail(EMSGSIZE, "send: a datagram has at most %d bytes, this one %zu", CLIENT_DATAGRAM_MAX,
		                   len);
	if (check_destination(fd, len, addr ? &dst : NULL) < 0)
		return -1;
	client_datagram_header(&header, len, addr ? &dst : NULL);

	ssize_t n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);

	if (n >= 0)
		return n - (ssize_t)sizeof(header);
	int error = errno;

	if (error == EPIPE || error == ECONNRESET)
		error = client_end_reason(fd, error);
	return client_fail(error, "send: %s", strerror(error));
}

ssize_t client_datagram_recv(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen)
{
	struct toynet_datagram_header header;
	struct sockaddr_in src;
	struct iovec iov[2] = {{.iov_base = &header, .iov_len = sizeof(header)}, {.iov_base = buf, .iov_len = len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	/* MSG_TRUNC: the whole length, which the header must agree with. */
	ssize_t n = recvmsg(fd, &msg, (flags & ~MSG_WAITALL) | MSG_TRUNC);

	if (n <= 0) {
		int end = n < 0 ? errno : 0;

		if (end == 0 || end == ECONNRESET)
			end = client_end_reason(fd, end);
		return end ? client_fail(end, "recv: %s", strerror(end)) : 0;
	}
	int error = client_datagram_check(&header, (size_t)n, &src);

	if (error) {
		if (flags & MSG_PEEK)
			recv(fd, &header, sizeof(header), MSG_DONTWAIT);
		return client_fail(error, "recv: %s",
		                   error == EPROTO ? "toynetd delivered a malformed record"
		                                   : "an ICMP error came for an earlier datagram");
	}
	way_learn(0, src.sin_addr.s_addr, src.sin_port == 0, (uint32_t)(n - (ssize_t)sizeof(header)), client_now_ms());
	if (addrlen)
		client_address_store(&src, addr, addrlen);
	n -= (ssize_t)sizeof(header);
	return (flags & MSG_TRUNC) || (size_t)n <= len ? n : (ssize_t)len;
}
