/* The channel of a datagram socket: struct toynet_datagram_header in front of each datagram, both ways.
 *
 * Theory of operation. Each message of the SOCK_SEQPACKET pair is one datagram. What the application sends is checked
 * (a header that is wrong in any way is counted and dropped) and copied into the send ring; when the ring is full the
 * datagram is kept here and nothing more is taken until SOCKET_WRITABLE. A datagram that the stack refuses for another
 * reason comes back to the application as an error record. Received datagrams and ICMP errors go out in their order,
 * gathered from header and payload. */
#include "host/channel_internal.h"
#include "host/clock.h"
#include "ip/ip_options.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <toynet/descriptor.h>

struct kept_datagram {
	struct endpoint dst;
	struct dgram_control control;
	uint32_t len;
	uint8_t data[];
};

_Static_assert(CHANNEL_SCRATCH > DGRAM_PAYLOAD_MAX + sizeof(struct toynet_datagram_header), "a datagram fits");
_Static_assert((int)TOYNET_IP_OPTIONS_MAX == (int)IP_OPTIONS_MAX, "IP options fit");
_Static_assert((int)TOYNET_FIELD_PKTINFO == (int)DGRAM_PASS_PKTINFO && (int)TOYNET_FIELD_TTL == (int)DGRAM_PASS_TTL &&
                       (int)TOYNET_FIELD_TOS == (int)DGRAM_PASS_TOS &&
                       (int)TOYNET_FIELD_OPTIONS == (int)DGRAM_PASS_OPTIONS &&
                       (int)TOYNET_FIELD_OPTIONS_BACK == (int)DGRAM_PASS_OPTIONS_BACK &&
                       (int)TOYNET_FIELD_TIME_US == (int)DGRAM_PASS_TIME_US &&
                       (int)TOYNET_FIELD_TIME_NS == (int)DGRAM_PASS_TIME_NS &&
                       (int)TOYNET_FIELD_DROPS == (int)DGRAM_PASS_DROPS &&
                       (int)TOYNET_FIELD_PKTINFO6 == (int)DGRAM_PASS_PKTINFO6 &&
                       (int)TOYNET_FIELD_HOPLIMIT == (int)DGRAM_PASS_HOPLIMIT &&
                       (int)TOYNET_FIELD_TCLASS == (int)DGRAM_PASS_TCLASS,
               "the bits of what is asked for are those of what is passed");

#define PKTINFO        (TOYNET_FIELD_PKTINFO | TOYNET_FIELD_PKTINFO6)
#define FIELDS_TO_SEND (PKTINFO | TOYNET_FIELD_TTL | TOYNET_FIELD_TOS | TOYNET_FIELD_OPTIONS)

/* What the datagram has of its own, from the same header. */
static bool parse_control(const struct toynet_datagram_header *h, struct dgram_control *c)
{
	*c = (struct dgram_control){0};
	if ((h->fields & ~(unsigned)FIELDS_TO_SEND) || h->options_len > IP_OPTIONS_MAX)
		return false;
	if (h->fields & PKTINFO) {
		c->interface = h->interface;
		c->source = h->fields & TOYNET_FIELD_PKTINFO6 ? ip6_from_bytes(h->local) : ip4_from_bytes(h->local);
	}
	if (h->fields & TOYNET_FIELD_TTL) {
		c->ttl = h->ttl;
		if (h->ttl == 0)
			return false;
	}
	c->has_tos = (h->fields & TOYNET_FIELD_TOS) != 0;
	c->tos = h->tos;
	c->has_options = (h->fields & TOYNET_FIELD_OPTIONS) != 0;
	c->options_len = h->options_len;
	memcpy(c->options, h->options, sizeof(c->options));
	return true;
}

/* The destination and the rest, from a header that the application wrote. */
static bool parse(const uint8_t *message, size_t len, struct endpoint *dst, struct dgram_control *control)
{
	struct toynet_datagram_header h;

	if (len < sizeof(h))
		return false;
	memcpy(&h, message, sizeof(h));
	if (h.magic != TOYNET_RECORD_MAGIC || h.version != TOYNET_DATAGRAM_VERSION ||
	    h.type != TOYNET_RECORD_DATAGRAM || h.length != len - sizeof(h) || !parse_control(&h, control))
		return false;
	*dst = (struct endpoint){0};
	if (h.addr.family == IP_NONE)
		return true;
	if (h.addr.family == IP_V4)
		*dst = (struct endpoint){.addr = ip4_from_bytes(h.addr.ip), .port = h.addr.port};
	else if (h.addr.family == IP_V6)
		*dst = (struct endpoint){.addr = ip6_from_bytes(h.addr.ip), .port = h.addr.port};
	return h.addr.family == IP_V4 || h.addr.family == IP_V6;
}

static void fill_options(struct toynet_datagram_header *h, const struct dgram_record *rec)
{
	if (h->fields & TOYNET_FIELD_OPTIONS) {
		h->options_len = rec->options_len;
		memcpy(h->options, rec->options, rec->options_len);
	}
	if (h->fields & TOYNET_FIELD_OPTIONS_BACK)
		h->options_back_len = ip_options_back(rec->options, rec->options_len, rec->addr.addr, h->options_back);
}

/* What the application has asked for. */
static void fill_fields(struct toynet_datagram_header *h, const struct socket *so, const struct dgram_record *rec,
                        uint16_t pass)
{
	h->fields = pass;
	if (rec->options_len == 0)
		h->fields &= (uint16_t) ~(TOYNET_FIELD_OPTIONS | TOYNET_FIELD_OPTIONS_BACK);
	if (pass & (DGRAM_PASS_PKTINFO | DGRAM_PASS_PKTINFO6)) {
		h->interface = IP_INTERFACE;
		memcpy(h->local, socket_address_out(so, rec->local).b, sizeof(h->local));
		memcpy(h->destination, socket_address_out(so, rec->dst).b, sizeof(h->destination));
	}
	if (pass & (DGRAM_PASS_TTL | DGRAM_PASS_HOPLIMIT))
		h->ttl = rec->ttl;
	if (pass & (DGRAM_PASS_TOS | DGRAM_PASS_TCLASS))
		h->tos = rec->tos;
	if (pass & (DGRAM_PASS_TIME_US | DGRAM_PASS_TIME_NS))
		h->time_ns = (uint64_t)(clock_epoch_ns() + rec->at.ns);
	if (pass & DGRAM_PASS_DROPS)
		h->drops = rec->drops;
	fill_options(h, rec);
}

static void fill_header(struct toynet_datagram_header *h, const struct socket *so, const struct dgram_record *rec,
                        uint16_t pass)
{
	const struct ip_addr addr = socket_address_out(so, rec->addr.addr);

	*h = (struct toynet_datagram_header){
	        .magic = TOYNET_RECORD_MAGIC,
	        .version = TOYNET_DATAGRAM_VERSION,
	        .type = rec->error ? TOYNET_RECORD_ERROR : TOYNET_RECORD_DATAGRAM,
	        .length = rec->len,
	        .error = (uint32_t)rec->error,
	        .addr = {.family = addr.family, .port = rec->addr.port},
	};
	memcpy(h->addr.ip, addr.b, sizeof(h->addr.ip));
	if (rec->error && !rec->reported)
		return;
	fill_fields(h, so, rec, pass);
	if (!rec->error)
		return;
	h->fields |= TOYNET_FIELD_REPORT;
	h->mtu = rec->mtu;
	memcpy(h->offender, socket_address_out(so, rec->offender).b, sizeof(h->offender));
	h->icmp_type = rec->icmp_type;
	h->icmp_code = rec->icmp_code;
}

/* Tells the application that its datagram was refused. */
static void refuse(struct channels *c, struct channel *ch, struct endpoint dst, int error)
{
	struct dgram_record rec = {.addr = dst, .error = error, .reported = ch->so->dgram.recverr};
	struct toynet_datagram_header h;

	fill_header(&h, ch->so, &rec, 0);
	if (send(ch->fd, &h, sizeof(h), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		COUNT(stack_counters(c->stack), SocketErrorDrops);
}

/* False: kept, because the send ring is full or memory is short. */
static bool pass_on(struct channels *c, struct channel *ch, struct endpoint dst, const struct dgram_control *control,
                    const uint8_t *data, uint32_t len)
{
	int error = socket_send_datagram(c->stack, ch->so, dst, control, data, len);

	if (error == 0)
		return true;
	if (error != EAGAIN && error != ENOBUFS) {
		refuse(c, ch, dst, error);
		return true;
	}
	struct kept_datagram *k = malloc(sizeof(*k) + len);
	if (!k) {
		socket_datagram_lost(c->stack, ch->so);
		return true;
	}
	*k = (struct kept_datagram){.dst = dst, .control = *control, .len = len};
	memcpy(k->data, data, len);
	ch->datagram = k;
	if (error == ENOBUFS)
		channel_retry(c, ch, CHANNEL_RETRY);
	return false;
}

static bool pass_on_kept(struct channels *c, struct channel *ch)
{
	struct kept_datagram *k = ch->datagram;

	if (!k)
		return true;
	ch->datagram = NULL;
	bool passed = pass_on(c, ch, k->dst, &k->control, k->data, k->len);
	free(k);
	return passed;
}

/* One record of the pair. False: nothing more is to be taken now. *taken: bytes of the pair. */
static bool take_one(struct channels *c, struct channel *ch, uint32_t *taken)
{
	const size_t head = sizeof(struct toynet_datagram_header);
	struct dgram_control control;
	struct endpoint dst;
	ssize_t n;

	*taken = 0;
	do
		n = recv(ch->fd, c->scratch, sizeof(c->scratch), MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ECONNRESET) {
		ch->reset = true;
		return true;
	}
	if (n < 0 || (n == 0 && ch->fin_pending)) {
		ch->readable = false;
		return false;
	}
	*taken = (uint32_t)n;
	if ((size_t)n > sizeof(c->scratch) || !parse(c->scratch, (size_t)n, &dst, &control)) {
		COUNT(stack_counters(c->stack), UdpBadRecords);
		return true;
	}
	return pass_on(c, ch, dst, &control, c->scratch + head, (uint32_t)((size_t)n - head));
}

static void datagram_take(struct channels *c, struct channel *ch)
{
	uint32_t taken;

	if (!pass_on_kept(c, ch))
		return;
	for (int i = 0; ch->readable; i++) {
		if (i == CHANNEL_DATAGRAMS_TURN) {
			channel_retry(c, ch, DURATION_US(0));
			return;
		}
		if (!take_one(c, ch, &taken))
			return;
	}
}

/* What the pair holds goes into the send ring even when that exceeds SO_SNDBUF: an operation must not overtake it, and
 * who has closed cannot send it again. Datagrams that come meanwhile wait for the next turn. */
static void datagram_sync(struct channels *c, struct channel *ch, uint32_t pending)
{
	struct dgram *d = &ch->so->dgram;
	const uint32_t sndbuf = d->sndbuf;
	uint32_t taken;

	d->sndbuf = RING_MAX_SIZE;
	bool more = pass_on_kept(c, ch);
	for (ch->readable = true; more && pending > 0; pending -= u32_min(pending, taken))
		more = take_one(c, ch, &taken);
	d->sndbuf = sndbuf;
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

	fill_header(&h, ch->so, &d->rec, ch->so->dgram.pass);
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
	ch->fin_pending = true;
	datagram_sync(c, ch, channel_pending(ch));
	if (ch->datagram) /* for want of memory */
		socket_datagram_lost(c->stack, ch->so);
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
