/* The calls that make, name, share and end a socket.
 *
 * Theory of operation. Most are one call on the daemon. Three are not:
 *
 *   accept    reads a record of fixed size, with the descriptor of the connection, from the listener's own descriptor.
 *             A process without a free descriptor would lose the connection in recvmsg, so a free slot is looked for
 *             first.
 *
 *   shutdown  of a connection is the kernel's shutdown on the pair, which keeps its place behind the bytes that were
 *             written; the daemon is asked only whether there is a connection.
 *
 *   close     waits, on a connection for which this process has set SO_LINGER with a time. The kernel cannot wait for
 *             the daemon, so the descriptor is closed first and the daemon asked then; whoever lets the last descriptor
 *             go in another way, by close(2) or by ending, does not wait: the connection ends in the background.
 *
 * A listener must not poll writable, so listen fills its end of the pair. The end may be small: nothing else is ever
 * written. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* False: there is none. */
static bool protocol_of(int kind, int protocol, toynet_v1_OpenRequest *request)
{
	if (kind == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP)) {
		request->protocol = toynet_v1_Protocol_PROTOCOL_TCP;
	} else if (kind == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP)) {
		request->protocol = toynet_v1_Protocol_PROTOCOL_UDP;
	} else if (kind == SOCK_DGRAM && protocol == IPPROTO_ICMP) {
		request->protocol = toynet_v1_Protocol_PROTOCOL_PING;
	} else if (kind == SOCK_RAW && protocol > 0 && protocol <= UINT8_MAX) {
		request->protocol = toynet_v1_Protocol_PROTOCOL_RAW;
		request->ip_protocol = (uint32_t)protocol;
	} else {
		return false;
	}
	return true;
}

int toynet_socket(int domain, int type, int protocol)
{
	const int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC), kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
	toynet_v1_OpenRequest request = {.family = domain == AF_INET6 ? toynet_v1_Family_FAMILY_IPV6
	                                                              : toynet_v1_Family_FAMILY_IPV4};
	toynet_v1_OpenResponse response = toynet_v1_OpenResponse_init_zero;
	int fd = -1;

	if (domain != AF_INET && domain != AF_INET6)
		return client_fail(EAFNOSUPPORT, "socket: family %d; this library knows AF_INET and AF_INET6", domain);
	if (kind & ~0xf)
		return client_fail(EINVAL, "socket: unknown flags in the type %#x", (unsigned)type);
	if (!protocol_of(kind, protocol, &request))
		return client_fail(EPROTONOSUPPORT,
		                   "socket: toynet has TCP (SOCK_STREAM), UDP and ICMP echo (SOCK_DGRAM) and raw IP "
		                   "(SOCK_RAW with a protocol), not type %d protocol %d",
		                   kind, protocol);
	if (domain == AF_INET6 && kind == SOCK_RAW)
		return client_fail(EAFNOSUPPORT, "socket: raw sockets are of AF_INET only");
	if (domain == AF_INET6 && request.protocol == toynet_v1_Protocol_PROTOCOL_PING)
		return client_fail(EPROTONOSUPPORT, "socket: ping sockets are of AF_INET only");
	if (client_rpc(&(struct client_call){
	            .method = "Open",
	            .request_type = toynet_v1_OpenRequest_fields,
	            .request = &request,
	            .response_type = toynet_v1_OpenResponse_fields,
	            .response = &response,
	            .received_fd = &fd,
	    }) < 0)
		return -1;
	if (client_apply_flags(fd, flags) < 0) {
		int error = errno;

		SYS(close)(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int toynet_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct client_id id;
	union client_address local;
	toynet_v1_BindRequest request = toynet_v1_BindRequest_init_zero;
	toynet_v1_NamesResponse response = toynet_v1_NamesResponse_init_zero;

	if (client_identify(fd, &id) < 0 || client_address_parse(addr, len, &local) < 0)
		return -1;
	request.has_socket = request.has_local = true;
	request.socket = client_ref(&id);
	client_address_to_message(&local, &request.local);
	return client_rpc(&(struct client_call){
	        .method = "Bind",
	        .request_type = toynet_v1_BindRequest_fields,
	        .request = &request,
	        .response_type = toynet_v1_NamesResponse_fields,
	        .response = &response,
	        .id = &id,
	});
}

static int listen_call(const struct client_id *id, int backlog, uint32_t filler_bytes)
{
	const toynet_v1_ListenRequest request = {
	        .has_socket = true,
	        .socket = client_ref(id),
	        .backlog = backlog,
	        .filler_bytes = filler_bytes,
	};
	toynet_v1_NamesResponse response = toynet_v1_NamesResponse_init_zero;

	return client_rpc(&(struct client_call){
	        .method = "Listen",
	        .request_type = toynet_v1_ListenRequest_fields,
	        .request = &request,
	        .response_type = toynet_v1_NamesResponse_fields,
	        .response = &response,
	        .id = id,
	});
}

/* Makes the listener's end not writable; returns how many bytes that took. */
static uint32_t fill_listener(int fd)
{
	const int small = 1; /* the kernel makes it the least that it allows */
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint32_t bytes = 0;

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return 0;
	SYS(setsockopt)(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && SYS(send)(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		bytes++;
	return bytes;
}

int toynet_listen(int fd, int backlog)
{
	struct client_id id;

	/* Filled only when it is a listener: if the call fails, the socket is as it was. */
	if (client_identify(fd, &id) < 0 || listen_call(&id, backlog, 0) < 0)
		return -1;
	client_listener_learn(id.cookie);
	uint32_t filler_bytes = fill_listener(fd);

	return filler_bytes ? listen_call(&id, backlog, filler_bytes) : 0;
}

/* 0 when fd is a listener. */
static int check_listener(int fd)
{
	struct client_id id;
	int64_t listening;

	if (client_identify(fd, &id) < 0)
		return -1;
	if (!id.stream)
		return client_fail(EOPNOTSUPP, "accept: a datagram socket has no connections");
	if (client_listener_known(id.cookie))
		return 0;
	if (client_get_number(&id, toynet_v1_Option_SO_ACCEPTCONN, &listening) < 0)
		return -1;
	if (!listening)
		return client_fail(EINVAL, "accept: the socket does not listen; call listen first");
	client_listener_learn(id.cookie);
	return 0;
}

/* The descriptor that came with a record; -1 when none came. */
static int record_descriptor(struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Reads one record. Returns the connection's descriptor. */
static int receive_connection(int listener, int flags, struct toynet_accept_record *record)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = record, .iov_len = sizeof(*record)};
	struct msghdr msg = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = SYS(recvmsg)(listener, &msg, MSG_CMSG_CLOEXEC | flags);

	if (n < 0)
		return client_fail(errno, "accept: %s", strerror(errno));
	if (n == 0)
		return client_fail(EINVAL, "accept: the socket no longer listens, or toynetd is gone");
	int fd = record_descriptor(&msg);

	if (msg.msg_flags & MSG_CTRUNC)
		return client_fail(EMFILE,
		                   "accept: another thread took the last free descriptor; one connection is lost");
	if (n == sizeof(*record) && record->magic == TOYNET_RECORD_MAGIC && record->type == TOYNET_RECORD_ACCEPT &&
	    record->length == sizeof(*record) && fd >= 0)
		return fd;
	if (fd >= 0)
		SYS(close)(fd);
	return client_fail(EPROTO, "accept: toynetd sent a malformed record of %zd bytes", n);
}

/* Waits for a record, so that it can be read without waiting after a free descriptor has been seen. Peeking leaves
 * SO_RCVTIMEO, SA_RESTART and the order of several waiting processes to the kernel. */
static int wait_connection(int listener)
{
	uint8_t byte;

	if (SYS(recv)(listener, &byte, 1, MSG_PEEK) < 0)
		return client_fail(errno, "accept: %s", strerror(errno));
	return 0;
}

/* SO_LINGER passes from a listener to its connections. */
static void inherit_linger(int listener, int connection)
{
	struct client_id from, to;

	if (client_linger_any() && client_identify(listener, &from) == 0 && client_linger_known(from.cookie) &&
	    client_identify(connection, &to) == 0)
		client_linger_learn(to.cookie, client_linger_known(from.cookie));
}

/* What the kernel does on the descriptor itself: a pair of its own knows nothing of the listener's. */
static void inherit_native(int listener, int connection)
{
	int in_line = 0;
	socklen_t len = sizeof(in_line);

	if (SYS(getsockopt)(listener, SOL_SOCKET, SO_OOBINLINE, &in_line, &len) == 0 && in_line)
		(void)SYS(setsockopt)(connection, SOL_SOCKET, SO_OOBINLINE, &in_line, sizeof(in_line));
}

int toynet_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct toynet_accept_record record;
	union client_address peer;
	int connection;

	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return client_fail(EINVAL, "accept4: unknown flags %#x", (unsigned)flags);
	if (addr && !len)
		return client_fail(EFAULT, "accept: an address without its length");
	if (check_listener(fd) < 0)
		return -1;
	int status = SYS(fcntl)(fd, F_GETFL);

	if (status < 0)
		return client_fail(errno, "accept: %s", strerror(errno));
	do {
		if (!(status & O_NONBLOCK) && wait_connection(fd) < 0)
			return -1;
		if (client_free_slot(fd) < 0)
			return -1;
		connection = receive_connection(fd, MSG_DONTWAIT, &record);
	} while (connection < 0 && errno == EAGAIN && !(status & O_NONBLOCK));
	if (connection < 0)
		return -1;
	if (client_apply_flags(connection, flags) < 0 || !client_address_from_wire(&record.peer, &peer)) {
		SYS(close)(connection);
		return client_fail(EPROTO, "accept: toynetd sent a peer address of family %u", record.peer.family);
	}
	client_address_store(&peer, addr, len);
	inherit_linger(fd, connection);
	inherit_native(fd, connection);
	return connection;
}

int toynet_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return toynet_accept4(fd, addr, len, 0);
}

static int store_name(const toynet_v1_Address *name, struct sockaddr *addr, socklen_t *len)
{
	union client_address a;

	if (client_address_from_message(name, &a) < 0)
		return -1;
	client_address_store(&a, addr, len);
	return 0;
}

int toynet_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct client_id id;
	toynet_v1_NamesResponse names;

	if (!addr || !len)
		return client_fail(EFAULT, "getsockname: no room for the address");
	if (client_identify(fd, &id) < 0 || client_names(&id, &names) < 0)
		return -1;
	return store_name(&names.local, addr, len);
}

int toynet_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct client_id id;
	toynet_v1_NamesResponse names;

	if (!addr || !len)
		return client_fail(EFAULT, "getpeername: no room for the address");
	if (client_identify(fd, &id) < 0 || client_names(&id, &names) < 0)
		return -1;
	if (!names.has_peer)
		return client_fail(ENOTCONN, "getpeername: the socket is not connected");
	return store_name(&names.peer, addr, len);
}

static int shutdown_call(const struct client_id *id, int how)
{
	static const toynet_v1_How hows[] = {
	        [SHUT_RD] = toynet_v1_How_HOW_READ,
	        [SHUT_WR] = toynet_v1_How_HOW_WRITE,
	        [SHUT_RDWR] = toynet_v1_How_HOW_BOTH,
	};
	const toynet_v1_ShutdownRequest request = {.has_socket = true, .socket = client_ref(id), .how = hows[how]};
	toynet_v1_ShutdownResponse response = toynet_v1_ShutdownResponse_init_zero;

	return client_rpc(&(struct client_call){
	        .method = "Shutdown",
	        .request_type = toynet_v1_ShutdownRequest_fields,
	        .request = &request,
	        .response_type = toynet_v1_ShutdownResponse_fields,
	        .response = &response,
	        .id = id,
	});
}

int toynet_shutdown(int fd, int how)
{
	struct client_id id;
	toynet_v1_NamesResponse names;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return client_fail(EINVAL, "shutdown: how is %d", how);
	if (client_identify(fd, &id) < 0 || client_names(&id, &names) < 0)
		return -1;
	if (!id.stream || !names.has_peer) {
		if (shutdown_call(&id, how) < 0)
			return -1;
	}
	if (SYS(shutdown)(fd, how) < 0)
		return client_fail(errno, "shutdown: %s", strerror(errno));
	return 0;
}

int toynet_close(int fd)
{
	struct client_id id;
	unsigned seconds;

	if (client_linger_any() && client_identify(fd, &id) == 0 && id.stream &&
	    (seconds = client_linger_known(id.cookie)) != 0)
		return client_linger(&id, seconds);
	if (SYS(close)(fd) < 0)
		return client_fail(errno, "close: %s", strerror(errno));
	return 0;
}
