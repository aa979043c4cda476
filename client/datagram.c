/* Datagrams on a descriptor: a record of the SOCK_SEQPACKET pair is a header with the address, then the payload.
 *
 * Theory of operation. The header makes an empty datagram differ from end-of-file and carries the address. An ICMP
 * error comes as a record of its own, in its place between the datagrams, and becomes the errno of the call that reads
 * it. A record that is not well formed is EPROTO: it can only come from a daemon of another version. */
#include "client.h"

#include <errno.h>
#include <string.h>

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
	if (addrlen)
		client_address_store(&src, addr, addrlen);
	n -= (ssize_t)sizeof(header);
	return (flags & MSG_TRUNC) || (size_t)n <= len ? n : (ssize_t)len;
}
