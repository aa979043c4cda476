/* The channel of a datagram socket: struct toynet_datagram_header in front of each datagram, both ways.
 *
 * Theory of operation. Each message of the SOCK_SEQPACKET pair is one datagram. What the application sends is checked
 * (a header that is wrong in any way is counted and dropped) and copied into the send ring; when the ring is full the
 * datagram is kept here and nothing more is taken until SOCKET_WRITABLE. A datagram that the stack refuses for another
 * reason comes back to the application as an error record. Received datagrams and ICMP errors go out in their order,
 * gathered from header and payload. */
#include "host/channel_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <toynet/descriptor.h>

struct kept_datagram {
	struct endpoint dst;
	uint32_t len;
	uint8_t data[];
};

_Static_assert(CHANNEL_SCRATCH > UDP_PAYLOAD_MAX + sizeof(struct toynet_datagram_header), "a datagram fits");

/* The destination, from a header that the application wrote. */
static bool parse(const uint8_t *message, size_t len, struct endpoint *dst)
{
	struct toynet_datagram_header h;

	if (len < sizeof(h))
		return false;
	memcpy(&h, message, sizeof(h));
	if (h.magic != TOYNET_RECORD_MAGIC || h.type != TOYNET_RECORD_DATAGRAM || h.length != len - sizeof(h))
		return false;
	*dst = (struct endpoint){0};
	if (h.addr.family == IP_NONE)
		return true;
	if (h.addr.family != IP_V4)
		return false;
	*dst = (struct endpoint){.addr = ip4_from_bytes(h.addr.ip), .port = h.addr.port};
	return true;
}

static void fill_header(struct toynet_datagram_header *h, const struct dgram_record *rec)
{
	*h = (struct toynet_datagram_header){
	        .magic = TOYNET_RECORD_MAGIC,
	        .type = rec->error ? TOYNET_RECORD_ERROR : TOYNET_RECORD_DATAGRAM,
	        .ttl = rec->ttl,
	        .length = rec->len,
	        .error = (uint32_t)rec->error,
	        .addr = {.family = rec->addr.addr.family, .port = rec->addr.port},
	};
	memcpy(h->addr.ip, rec->addr.addr.b, sizeof(h->addr.ip));
}

/* False: kept, because the send ring is full or memory is short. */
static bool pass_on(struct channels *c, struct channel *ch, struct endpoint dst, const uint8_t *data, uint32_t len)
{
	int error = socket_send_datagram(c->stack, ch->so, dst, NULL, data, len);

	if (error == 0)
		return true;
	if (error == EAGAIN || error == ENOBUFS) {
		struct kept_datagram *k = malloc(sizeof(*k) + len);
		if (!k) {
			socket_datagram_lost(c->stack, ch->so);
			return true;
		}
		*k = (struct kept_datagram){.dst = dst, .len = len};
		memcpy(k->data, data, len);
		ch->datagram = k;
		if (error == ENOBUFS)
			channel_retry(c, ch, CHANNEL_RETRY);
		return false;
	}
	struct dgram_record rec = {.addr = dst, .error = error};
	struct toynet_datagram_header h;
	fill_header(&h, &rec);
	if (send(ch->fd, &h, sizeof(h), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		COUNT(stack_counters(c->stack), SocketErrorDrops);
	return true;
}

static bool pass_on_kept(struct channels *c, struct channel *ch)
{
	struct kept_datagram *k = ch->datagram;

	if (!k)
		return true;
	ch->datagram = NULL;
	bool passed = pass_on(c, ch, k->dst, k->data, k->len);
	free(k);
	return passed;
}

static void datagram_take(struct channels *c, struct channel *ch)
{
	if (!pass_on_kept(c, ch))
		return;
	for (int i = 0; ch->readable; i++) {
		if (i == CHANNEL_DATAGRAMS_TURN) {
			channel_retry(c, ch, DURATION_US(0));
			return;
		}
		ssize_t n = recv(ch->fd, c->scratch, sizeof(c->scratch), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ECONNRESET) {
			ch->reset = true;
			continue;
		}
		if (n < 0 || (n == 0 && ch->fin_pending)) {
			ch->readable = false;
			return;
		}
		struct endpoint dst;
		size_t head = sizeof(struct toynet_datagram_header);
		if ((size_t)n > sizeof(c->scratch) || !parse(c->scratch, (size_t)n, &dst)) {
			COUNT(stack_counters(c->stack), UdpBadRecords);
			continue;
		}
		if (!pass_on(c, ch, dst, c->scratch + head, (uint32_t)((size_t)n - head)))
			return;
	}
}

static void datagram_sync(struct channels *c, struct channel *ch, uint32_t pending)
{
	(void)pending;
	datagram_take(c, ch);
}

static void datagram_writable(struct channels *c, struct channel *ch)
{
	if (ch->out_full) {
		ch->out_full = false;
		stack_offer(c->stack, ch->so);
	}
}

static void datagram_event(struct channels *c, struct channel *ch, unsigned events)
{
	if (events & SOCKET_WRITABLE)
		datagram_take(c, ch);
}

static void datagram_deliver(struct channels *c, struct channel *ch, const struct stack_delivery *d)
{
	struct toynet_datagram_header h;
	struct iovec iov[1 + STACK_DELIVERY_IOV] = {{.iov_base = &h, .iov_len = sizeof(h)}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1 + (size_t)d->niov};

	fill_header(&h, &d->rec);
	memcpy(iov + 1, d->iov, (size_t)d->niov * sizeof(*iov));
	ssize_t n = sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	int error = n < 0 ? errno : 0;
	bool shut = error == EPIPE || error == ECONNRESET;
	ch->out_full = error != 0 && !shut;
	/* A datagram for an application that has shut down reading is taken, and dropped. */
	stack_delivered(c->stack, d, error && !shut ? 0 : d->len, !error || shut);
	if (shut)
		COUNT(stack_counters(c->stack), SocketUnread);
	if (ch->out_full && error != EAGAIN)
		channel_retry(c, ch, CHANNEL_RETRY);
	if (shut)
		channel_check_gone(c, ch);
}

static void datagram_hung_up(struct channels *c, struct channel *ch)
{
	(void)c;
	(void)ch;
}

static void datagram_gone(struct channels *c, struct channel *ch)
{
	ch->readable = true;
	ch->fin_pending = true;
	datagram_take(c, ch);
	channel_end(c, ch, ENDING_CLOSE);
}

static uint32_t datagram_interest(const struct channel *ch)
{
	return EPOLLIN | (ch->out_full ? (uint32_t)EPOLLOUT : 0);
}

static void datagram_retry(struct channels *c, struct channel *ch)
{
	datagram_writable(c, ch);
	datagram_take(c, ch);
}

static void datagram_release(struct channel *ch)
{
	free(ch->datagram);
	ch->datagram = NULL;
}

const struct channel_ops datagram_ops = {
        .take = datagram_take,
        .sync = datagram_sync,
        .writable = datagram_writable,
        .event = datagram_event,
        .deliver = datagram_deliver,
        .hung_up = datagram_hung_up,
        .gone = datagram_gone,
        .interest = datagram_interest,
        .retry = datagram_retry,
        .release = datagram_release,
};
