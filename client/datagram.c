/* Datagrams on a descriptor: a record of the SOCK_SEQPACKET pair is a header with the address, then the payload.
 *
 * Theory of operation. The header makes an empty datagram differ from end-of-file and carries the address and what else
 * goes with a datagram (control.c). An ICMP error comes as a record of its own, in its place between the datagrams, and
 * becomes the errno of the call that reads it. A record that is not well formed is EPROTO: it can only come from a
 * daemon of another version.
 *
 * With IP_RECVERR such a record is a whole report. MSG_ERRQUEUE takes it where it is the next record; where another
 * call came upon it first, and returned its errno, the thread keeps it for MSG_ERRQUEUE.
 *
 * The pair takes every datagram, so before one is sent the daemon is asked whether it could be: a host without a route,
 * a length that is too large, or a broadcast without SO_BROADCAST is an error of the call that sends. The answer is
 * remembered by the thread for a second, and where a datagram came from, one may go to: a server that answers never
 * asks. It is forgotten when an option of a socket is set, or when an error is read: both may change it. Without an
 * answer the datagram is sent, and what is wrong with it comes back as an error record. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define WAYS_KNOWN   64 /* a power of two */
#define WAY_GOOD_MS  1000
#define REPORTS_KEPT 4
#define REPORT_MAX   576                  /* bytes of what an ICMP message quotes, at most */
#define PARTS_MAX    (CLIENT_IOV_MAX + 2) /* header, the program's, and what is beyond them */

/* Datagrams of so many bytes may go there. */
struct way {
	uint64_t cookie;            /* of the socket; 0: of any */
	struct toynet_wire_addr to; /* family 0: the connected peer; the port is 0 */
	uint8_t from[16];           /* as in a header; 0: any source */
	uint32_t interface;
	bool portless; /* port 0: good for ping and raw sockets only */
	uint32_t max_length;
	int64_t until_ms;
};
static _Thread_local struct way ways[WAYS_KNOWN];

/* Reports that a call came upon which could not return them, the oldest first. */
struct kept_report {
	uint64_t cookie; /* 0: the place is free */
	struct toynet_datagram_header header;
	uint8_t quoted[REPORT_MAX];
};
static _Thread_local struct kept_report reports[REPORTS_KEPT];

/* The errno that recvmmsg came upon behind datagrams: of the next call. */
static _Thread_local struct {
	uint64_t cookie;
	int error;
} postponed;

static struct way *way_slot(const struct way *w)
{
	/* The last four bytes of an address, which differ most. */
	const uint8_t *p = w->to.ip + (w->to.family == 6 ? 12 : 0);

	return &ways[(w->cookie ^ p[0] ^ p[1] ^ p[2] ^ p[3]) & (WAYS_KNOWN - 1)];
}

/* Sets where it goes; the address is that of a record. */
static void way_to(struct way *w, struct toynet_wire_addr to)
{
	w->portless = to.family != 0 && to.port == 0;
	w->to = to;
	w->to.port = 0;
}

static bool way_known(const struct way *w, size_t len, int64_t now)
{
	const struct way *k = way_slot(w);

	return k->cookie == w->cookie && memcmp(&k->to, &w->to, sizeof(k->to)) == 0 &&
	       memcmp(k->from, w->from, sizeof(k->from)) == 0 && k->interface == w->interface &&
	       k->portless == w->portless && now < k->until_ms && len <= k->max_length;
}

static void way_learn(struct way w, int64_t now)
{
	w.until_ms = now + WAY_GOOD_MS;
	*way_slot(&w) = w;
}

void client_datagram_forget(void)
{
	memset(ways, 0, sizeof(ways));
}

static void ask_about_control(const struct toynet_datagram_header *h, toynet_v1_CheckDestinationRequest *request)
{
	struct toynet_wire_addr local = {.family = h->fields & TOYNET_FIELD_PKTINFO6 ? 6 : 4};
	union client_address source;

	if (h->fields & (TOYNET_FIELD_PKTINFO | TOYNET_FIELD_PKTINFO6)) {
		memcpy(local.ip, h->local, sizeof(local.ip));
		(void)client_address_from_wire(&local, &source);
		request->has_source = true;
		client_address_to_message(&source, &request->source);
		request->interface = h->interface;
	}
	request->options.size = h->options_len;
	memcpy(request->options.bytes, h->options, h->options_len);
}

/* 0 when the datagram may be sent as far as is known. */
static int check_destination(int fd, size_t len, const union client_address *dst,
                             const struct toynet_datagram_header *h)
{
	const int64_t now = client_now_ms();
	toynet_v1_CheckDestinationRequest request = toynet_v1_CheckDestinationRequest_init_zero;
	toynet_v1_CheckDestinationResponse response = toynet_v1_CheckDestinationResponse_init_zero;
	struct way w = {.interface = h->interface};
	const bool lasting = h->options_len == 0;
	struct client_id id;

	way_to(&w, h->addr);
	memcpy(w.from, h->local, sizeof(w.from));
	if (client_identify(fd, &id) < 0)
		return -1;
	if (lasting && dst && way_known(&w, len, now))
		return 0;
	w.cookie = id.cookie;
	if (lasting && way_known(&w, len, now))
		return 0;
	request.has_socket = true;
	request.length = (uint32_t)len;
	request.socket = client_ref(&id);
	request.has_destination = dst != NULL;
	if (dst)
		client_address_to_message(dst, &request.destination);
	ask_about_control(h, &request);
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
	w.max_length = response.max_length;
	if (lasting)
		way_learn(w, now);
	return 0;
}

void client_datagram_header(struct toynet_datagram_header *h, size_t len, const union client_address *dst)
{
	*h = (struct toynet_datagram_header){
	        .magic = TOYNET_RECORD_MAGIC,
	        .version = TOYNET_DATAGRAM_VERSION,
	        .type = TOYNET_RECORD_DATAGRAM,
	        .length = (uint32_t)len,
	};
	if (dst)
		client_address_to_wire(dst, &h->addr);
}

int client_datagram_check(const struct toynet_datagram_header *h, size_t total, union client_address *src)
{
	if (total < sizeof(*h) || h->magic != TOYNET_RECORD_MAGIC || h->version != TOYNET_DATAGRAM_VERSION ||
	    h->length != total - sizeof(*h) || (h->fields & ~(unsigned)TOYNET_FIELDS_ALL) ||
	    h->options_len > sizeof(h->options) || h->options_back_len > sizeof(h->options_back) ||
	    !client_address_from_wire(&h->addr, src))
		return EPROTO;
	const bool report = h->fields & TOYNET_FIELD_REPORT;

	if (h->type == TOYNET_RECORD_DATAGRAM)
		return report ? EPROTO : 0;
	if (h->type == TOYNET_RECORD_ERROR && (h->length == 0 || report) && h->error > 0 && h->error < 4096)
		return (int)h->error;
	return EPROTO;
}

/* Bytes of the program's parts; -1: too many parts, or too long for any answer. */
static ssize_t parts_length(const struct msghdr *msg)
{
	size_t sum = 0;

	if (msg->msg_iovlen > CLIENT_IOV_MAX)
		return client_fail(EMSGSIZE, "a message has at most %d parts, this one %zu", CLIENT_IOV_MAX,
		                   msg->msg_iovlen);
	for (size_t i = 0; i < msg->msg_iovlen; i++) {
		if (msg->msg_iov[i].iov_len > (size_t)SSIZE_MAX - sum)
			return client_fail(EINVAL, "the parts of a message are longer than can be told");
		sum += msg->msg_iov[i].iov_len;
	}
	return (ssize_t)sum;
}

ssize_t client_datagram_send(int fd, const struct msghdr *msg, int flags)
{
	struct toynet_datagram_header header;
	union client_address dst;
	struct iovec iov[PARTS_MAX];
	const struct msghdr out = {.msg_iov = iov, .msg_iovlen = 1 + msg->msg_iovlen};
	const bool named = msg->msg_name != NULL;

	if (named && client_address_parse(msg->msg_name, msg->msg_namelen, &dst) < 0)
		return -1;
	ssize_t len = parts_length(msg);

	if (len < 0)
		return -1;
	if (len > CLIENT_DATAGRAM_MAX)
		return client_fail(EMSGSIZE, "send: a datagram has at most %d bytes, this one %zd", CLIENT_DATAGRAM_MAX,
		                   len);
	client_datagram_header(&header, (size_t)len, named ? &dst : NULL);
	if (client_control_read(msg, &header) < 0 ||
	    check_destination(fd, (size_t)len, named ? &dst : NULL, &header) < 0)
		return -1;
	iov[0] = (struct iovec){.iov_base = &header, .iov_len = sizeof(header)};
	memcpy(iov + 1, msg->msg_iov, msg->msg_iovlen * sizeof(*iov));

	ssize_t n = SYS(sendmsg)(fd, &out, flags | MSG_NOSIGNAL);

	if (n >= 0)
		return n - (ssize_t)sizeof(header);
	int error = errno;

	if (error == EPIPE || error == ECONNRESET)
		error = client_end_reason(fd, error);
	return client_fail(error, "send: %s", strerror(error));
}

static uint64_t cookie_of(int fd)
{
	struct client_id id;

	return client_identify(fd, &id) == 0 ? id.cookie : 0;
}

/* Copies n bytes from `from' into the parts, as far as they go. */
static void scatter(const struct msghdr *msg, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < msg->msg_iovlen && n; i++) {
		size_t some = msg->msg_iov[i].iov_len < n ? msg->msg_iov[i].iov_len : n;

		memcpy(msg->msg_iov[i].iov_base, from, some);
		from += some;
		n -= some;
	}
}

/* The first n bytes of the parts, and of what was beyond them. */
static void gather(const struct msghdr *msg, const uint8_t *beyond, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < msg->msg_iovlen && n; i++) {
		size_t some = msg->msg_iov[i].iov_len < n ? msg->msg_iov[i].iov_len : n;

		memcpy(to, msg->msg_iov[i].iov_base, some);
		to += some;
		n -= some;
	}
	memcpy(to, beyond, n);
}

/* A report that its reader could only return as an errno. The oldest of the thread makes room. */
static void keep_report(int fd, const struct toynet_datagram_header *h, const struct msghdr *msg, const uint8_t *beyond)
{
	struct kept_report *last = &reports[REPORTS_KEPT - 1];
	size_t len = h->length < REPORT_MAX ? h->length : REPORT_MAX;

	if (!(h->fields & TOYNET_FIELD_REPORT))
		return;
	memmove(reports, reports + 1, sizeof(reports) - sizeof(reports[0]));
	*last = (struct kept_report){.cookie = cookie_of(fd), .header = *h};
	last->header.length = (uint32_t)len;
	gather(msg, beyond, last->quoted, len);
}

/* Fills in what belongs to a datagram, or a report, besides its payload of len bytes. */
static void fill_message(struct msghdr *msg, const struct toynet_datagram_header *h, const union client_address *addr,
                         size_t len, size_t room, int flags)
{
	msg->msg_flags = (flags & MSG_ERRQUEUE) | (len > room ? MSG_TRUNC : 0);
	if (msg->msg_name)
		client_address_store(addr, msg->msg_name, &msg->msg_namelen);
	else
		msg->msg_namelen = 0;
	client_control_write(h, msg);
}

/* MSG_ERRQUEUE: a report that is kept, or the one that is the next record. EAGAIN: there is none. */
static ssize_t take_report(int fd, struct msghdr *msg, size_t room)
{
	struct kept_report k = {0};
	struct iovec iov[2] = {{&k.header, sizeof(k.header)}, {k.quoted, sizeof(k.quoted)}};
	const struct msghdr in = {.msg_iov = iov, .msg_iovlen = 2};
	const uint64_t cookie = cookie_of(fd);
	union client_address addr;

	for (int i = 0; i < REPORTS_KEPT && !k.cookie; i++) {
		if (reports[i].cookie != cookie || !cookie)
			continue;
		k = reports[i];
		reports[i].cookie = 0;
	}
	if (!k.cookie) {
		struct toynet_datagram_header next;
		ssize_t n = SYS(recv)(fd, &next, sizeof(next), MSG_DONTWAIT | MSG_PEEK);

		if (n != sizeof(next) || next.type != TOYNET_RECORD_ERROR || !(next.fields & TOYNET_FIELD_REPORT))
			return client_fail(EAGAIN, "recv: no error is next");
		n = SYS(recvmsg)(fd, (struct msghdr *)(uintptr_t)&in, MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0)
			return client_fail(errno, "recv: %s", strerror(errno));
		if (client_datagram_check(&k.header, (size_t)n, &addr) == EPROTO || k.header.length > REPORT_MAX)
			return client_fail(EPROTO, "recv: toynetd delivered a malformed record");
	}
	if (!client_address_from_wire(&k.header.addr, &addr))
		return client_fail(EPROTO, "recv: toynetd delivered a malformed record");
	size_t len = k.header.length;

	scatter(msg, k.quoted, len < room ? len : room);
	fill_message(msg, &k.header, &addr, len, room, MSG_ERRQUEUE);
	return (ssize_t)(len < room ? len : room);
}

static ssize_t fail_received(int error)
{
	return client_fail(error, "recv: %s",
	                   error == EPROTO ? "toynetd delivered a malformed record"
	                                   : "an ICMP error came for an earlier datagram");
}

/* Where a datagram came from, one may go to, also from the address to which it came. */
static void learn_from(const struct toynet_datagram_header *h)
{
	struct way w = {.interface = h->interface, .max_length = h->length};

	way_to(&w, h->addr);
	memcpy(w.from, h->local, sizeof(w.from));
	way_learn(w, client_now_ms());
}

/* 0, or the errno that recvmmsg has left. */
static int take_postponed(int fd)
{
	int error = postponed.error;

	if (!error || postponed.cookie != cookie_of(fd))
		return 0;
	postponed.error = 0;
	return error;
}

void client_datagram_postpone(int fd, int error)
{
	postponed.cookie = cookie_of(fd);
	postponed.error = error;
}

ssize_t client_datagram_recv(int fd, struct msghdr *msg, int flags)
{
	struct toynet_datagram_header header;
	union client_address src;
	struct iovec iov[PARTS_MAX];
	struct msghdr in = {.msg_iov = iov, .msg_iovlen = 2 + msg->msg_iovlen};
	uint8_t beyond[REPORT_MAX];
	ssize_t room = parts_length(msg);
	int error;

	if (room < 0)
		return -1;
	if (flags & MSG_ERRQUEUE)
		return take_report(fd, msg, (size_t)room);
	if ((error = take_postponed(fd)) != 0)
		return fail_received(error);
	iov[0] = (struct iovec){.iov_base = &header, .iov_len = sizeof(header)};
	memcpy(iov + 1, msg->msg_iov, msg->msg_iovlen * sizeof(*iov));
	iov[1 + msg->msg_iovlen] = (struct iovec){.iov_base = beyond, .iov_len = sizeof(beyond)};
	/* MSG_TRUNC: the whole length, which the header must agree with. */
	ssize_t n = SYS(recvmsg)(fd, &in, (flags & ~MSG_WAITALL) | MSG_TRUNC);

	if (n <= 0) {
		int end = n < 0 ? errno : 0;

		if (end == 0 || end == ECONNRESET)
			end = client_end_reason(fd, end);
		msg->msg_flags = 0;
		msg->msg_namelen = 0;
		msg->msg_controllen = 0;
		return end ? client_fail(end, "recv: %s", strerror(end)) : 0;
	}
	error = client_datagram_check(&header, (size_t)n, &src);
	if (error) {
		client_datagram_forget();
		if (flags & MSG_PEEK)
			SYS(recv)(fd, &header, sizeof(header), MSG_DONTWAIT);
		if (error != EPROTO)
			keep_report(fd, &header, msg, beyond);
		return fail_received(error);
	}
	learn_from(&header);
	n -= (ssize_t)sizeof(header);
	fill_message(msg, &header, &src, (size_t)n, (size_t)room, 0);
	return (flags & MSG_TRUNC) || n <= room ? n : room;
}
