/* The channel of a connection: bytes, straight between the pair and the socket's rings or the frames just received.
 *
 * Theory of operation. From the application: recvmsg puts bytes where socket_send_reserve says, until the pair or the
 * ring has no more; when the ring is full, SOCKET_WRITABLE continues. What one read asks for doubles while reads come
 * back full and shrinks when they do not, so that a connection with small writes keeps a small ring. To the
 * application: sendmsg of a delivery, gathered. What the pair does not take stays in the stack until an EPOLLOUT edge.
 *
 * The window is honest because the stack knows what the pair still holds: SIOCOUTQ counts buffers, bytes written since
 * the pair was last seen empty count bytes, and the smaller of the two is reported. Reads of the application make no
 * edge unless EPOLLOUT is armed, which costs a wake-up each: it is armed only while the ring waits for the pair or the
 * pair holds more than a quarter of SO_RCVBUF.
 *
 * Urgent text (RFC 9293 3.8.5) is the kernel's out-of-band byte on the pair. A byte that the application sends with
 * MSG_OOB stops our reads at its mark and goes into the ring alone, with the mark of TCP behind it. A byte in front of
 * the peer's mark is sent with MSG_OOB; POLLPRI, SIGURG, SIOCATMARK and SO_OOBINLINE are then the kernel's at the
 * application's end. A kernel whose pairs have no such byte leaves it in its place. We look for the mark when the
 * kernel has told of one (EPOLLPRI); an urgent byte that comes just between that look and the read keeps its place and
 * loses its mark.
 *
 * The ends, in the application's terms and ours:
 *
 *   it shuts down writing     EOF on the pair          socket_shutdown(write)
 *   it shuts down reading     EPIPE when we send       socket_shutdown(read)
 *   it shuts down both        HUP, peer end is there   both
 *   it closes                 HUP, peer end is gone    the rest is taken, then socket_close (unread: RST)
 *   the peer's FIN            SOCKET_EOF               our end is shut down for writing
 *   a reset, a timeout        SOCKET_ERROR             what waits is delivered, then our end is shut down both ways and
 * kept, to see the close; the error is read by GetOption(SO_ERROR) */
#include "host/channel_internal.h"
#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define HELD_FRACTION         4
#define HELD_UNASKED_FRACTION 16

/* Drops at most max bytes. False: the pair has no more. */
static bool drop(struct channels *c, struct channel *ch, uint32_t max, uint32_t *dropped)
{
	ssize_t n = recv(ch->fd, c->scratch, size_min(max, sizeof(c->scratch)), MSG_DONTWAIT);

	*dropped = n > 0 ? (uint32_t)n : 0;
	if (n < 0 && errno == ECONNRESET) {
		ch->reset = true;
		return true;
	}
	if (n <= 0)
		ch->readable = false;
	return n > 0;
}

static void drop_all(struct channels *c, struct channel *ch)
{
	uint32_t n;

	while (drop(c, ch, UINT32_MAX, &n))
		;
}

/* The filler goes when the connection stands, and its going makes the application's end writable. */
static bool filler_gone(struct channels *c, struct channel *ch)
{
	enum tcp_state state = socket_state(ch->so);

	if (state == TCP_CLOSED || state == TCP_SYN_SENT)
		return ch->filler == 0;
	while (ch->filler) {
		uint32_t n;
		if (!drop(c, ch, ch->filler, &n))
			return false;
		ch->filler -= n;
	}
	return true;
}

static void application_eof(struct channels *c, struct channel *ch)
{
	ch->readable = false;
	if (ch->fin)
		return;
	ch->fin = true;
	/* ENOTCONN: nothing to be shut down, and nothing lost. */
	(void)socket_shutdown(c->stack, ch->so, false, true);
}

/* The stack takes nothing. */
static void take_refused(struct channels *c, struct channel *ch, int error)
{
	if (error == EAGAIN || error == ENOTCONN)
		return; /* SOCKET_WRITABLE or SOCKET_CONNECTED continues */
	if (error == ENOBUFS) {
		channel_retry(c, ch, CHANNEL_RETRY);
		return;
	}
	drop_all(c, ch);
}

/* The next byte was sent with MSG_OOB. */
static bool at_mark(const struct channel *ch)
{
	int yes = 0;

	return ioctl(ch->fd, SIOCATMARK, &yes) == 0 && yes;
}

/* What a read of n bytes, of `room` that there was room for, tells about the next one. */
static void learn_from_read(struct channel *ch, size_t n, size_t room)
{
	ch->untaken_until = (instant){INT64_MIN};
	if (n == room)
		ch->read_size = u32_min(ch->read_size * 2, CHANNEL_READ_MAX);
	else if (n < room / 2)
		ch->read_size = u32_max(ch->read_size / 2, CHANNEL_READ_MIN);
	/* A short read has emptied the pair; but an EOF behind it makes no second edge, and a mark stops a read. */
	if (n < room && !ch->fin_pending && !ch->urgent)
		ch->readable = false;
}

static void read_failed(struct channel *ch, int error)
{
	if (error == ECONNRESET) {
		ch->reset = true;
	} else if (error != EINTR) {
		ch->readable = false;
		ch->urgent = false;
	}
}

static void take_at_most(struct channels *c, struct channel *ch, uint32_t limit)
{
	if (ch->failed) {
		drop_all(c, ch);
		return;
	}
	if (!filler_gone(c, ch))
		return;
	while (ch->readable && limit) {
		struct iovec iov[2];
		int error = 0;
		bool urgent = ch->urgent && at_mark(ch);
		uint32_t want = urgent ? 1 : u32_min(ch->read_size, limit);
		int n = socket_send_reserve(c->stack, ch->so, want, iov, &error);
		if (n == 0) {
			take_refused(c, ch, error);
			return;
		}
		size_t room = iov[0].iov_len + (n > 1 ? iov[1].iov_len : 0);
		struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)n};
		ssize_t got = recvmsg(ch->fd, &m, MSG_DONTWAIT);
		error = errno;
		socket_send_commit(c->stack, ch->so, got > 0 ? (uint32_t)got : 0);
		if (got == 0) {
			application_eof(c, ch);
		} else if (got < 0) {
			read_failed(ch, error);
		} else {
			limit -= (uint32_t)got;
			if (urgent)
				socket_send_urgent(c->stack, ch->so);
			else
				learn_from_read(ch, (size_t)got, room);
		}
	}
}

static void stream_take(struct channels *c, struct channel *ch)
{
	take_at_most(c, ch, UINT32_MAX);
}

/* Takes all that the pair holds, even above SO_SNDBUF, which bounds what the application may add, not what it has
 * already written: at most one pair's worth more. False: something is left. */
static bool take_all(struct channels *c, struct channel *ch, uint32_t pending)
{
	struct tcp *t = &ch->so->tcp;
	uint32_t sndbuf = t->sndbuf;

	take_at_most(c, ch, pending);
	pending = channel_pending(ch);
	if (!pending)
		return true;
	t->sndbuf = u32_max(sndbuf, t->snd_ring.len + pending);
	take_at_most(c, ch, pending);
	t->sndbuf = sndbuf;
	return channel_pending(ch) == 0;
}

static void stream_sync(struct channels *c, struct channel *ch, uint32_t pending)
{
	ch->urgent = true; /* its edge may not have been seen */
	(void)take_all(c, ch, pending);
}

/* Tells the stack what the pair still holds. */
static void refresh_held(struct channels *c, struct channel *ch)
{
	uint32_t buffered = channel_buffered(ch);

	if (!buffered)
		ch->written = 0;
	uint32_t held = u32_min(buffered, ch->written);
	if (held != ch->held) {
		ch->held = held;
		socket_set_held(c->stack, ch->so, held);
	}
}

static void stream_writable(struct channels *c, struct channel *ch)
{
	refresh_held(c, ch);
	if (ch->out_full) {
		ch->out_full = false;
		stack_offer(c->stack, ch->so);
	}
}

/* The pair holds at most SO_RCVBUF; the kernel doubles the number that it is given. */
static void size_pair(struct channel *ch)
{
	uint32_t rcvbuf = ch->so->tcp.rcvbuf;
	int size = (int)(u32_min(rcvbuf, CHANNEL_PAIR_MAX) / 2);

	if (rcvbuf == ch->rcvbuf)
		return;
	ch->rcvbuf = rcvbuf;
	(void)setsockopt(ch->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void delivery_refused(struct channels *c, struct channel *ch, int error)
{
	if (error == EAGAIN || error == EINTR) {
		ch->out_full = true;
		return;
	}
	if (error == ECONNRESET)
		ch->reset = true;
	if (error != EPIPE && error != ECONNRESET) {
		ch->out_full = true;
		channel_retry(c, ch, CHANNEL_RETRY);
		return;
	}
	if (channel_check_gone(c, ch))
		return;
	if (!ch->read_shut) {
		ch->read_shut = true;
		(void)socket_shutdown(c->stack, ch->so, true, false);
	}
}

/* Shortens m to at most n bytes. */
static void cut(struct msghdr *m, struct iovec *iov, uint32_t n)
{
	size_t left = n;

	memcpy(iov, m->msg_iov, m->msg_iovlen * sizeof(*iov));
	m->msg_iov = iov;
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		iov[i].iov_len = size_min(iov[i].iov_len, left);
		left -= iov[i].iov_len;
		if (!left)
			m->msg_iovlen = i + 1;
	}
}

/* Sends what comes before the urgent byte, or that byte alone, or all when there is none. */
static ssize_t send_some(struct channel *ch, const struct stack_delivery *d)
{
	struct iovec iov[STACK_DELIVERY_IOV];
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)d->iov, .msg_iovlen = (size_t)d->niov};
	uint32_t ahead = socket_urgent_ahead(ch->so);

	if (!ahead || ahead > d->len)
		return sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	cut(&m, iov, ahead > 1 ? ahead - 1 : 1);
	if (ahead > 1)
		return sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	ssize_t n = sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_OOB);
	if (n < 0 && errno == EOPNOTSUPP)
		n = sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n;
}

static void stream_deliver(struct channels *c, struct channel *ch, const struct stack_delivery *d)
{
	uint32_t ahead = socket_urgent_ahead(ch->so);
	uint32_t whole = !ahead || ahead > d->len ? d->len : ahead > 1 ? ahead - 1 : 1;

	size_pair(ch);
	if (ch->written > ch->rcvbuf / HELD_UNASKED_FRACTION)
		refresh_held(c, ch);
	ssize_t n = send_some(ch, d);
	if (n < 0) {
		int error = errno;
		stack_delivered(c->stack, d, 0, false);
		delivery_refused(c, ch, error);
		return;
	}
	ch->written += (uint32_t)n;
	ch->held += (uint32_t)n;
	ch->out_full = (uint32_t)n < whole;
	stack_delivered(c->stack, d, (uint32_t)n, (uint32_t)n == d->len);
	if ((uint32_t)n == whole && whole < d->len)
		stack_offer(c->stack, ch->so); /* the rest, on the other side of the mark */
}

static void stream_event(struct channels *c, struct channel *ch, unsigned events)
{
	if (events & SOCKET_ERROR)
		ch->failed = true; /* channels_turn_end shuts it, after what is still delivered in this turn */
	if (events & SOCKET_CONNECTED)
		ch->readable = true;
	if ((events & (SOCKET_CONNECTED | SOCKET_WRITABLE)) && ch->readable)
		stream_take(c, ch);
	if ((events & SOCKET_EOF) && !ch->eof_sent) {
		ch->eof_sent = true;
		shutdown(ch->fd, SHUT_WR);
	}
}

static void stream_hung_up(struct channels *c, struct channel *ch)
{
	/* Without our FIN, HUP from an end that is still there means that it was shut down both ways. */
	if (!ch->eof_sent && !ch->shut && !ch->read_shut) {
		ch->read_shut = true;
		(void)socket_shutdown(c->stack, ch->so, true, false);
	}
}

static void stream_gone(struct channels *c, struct channel *ch)
{
	enum channel_ending how = ENDING_CLOSE;

	ch->readable = ch->urgent = true;
	if (instant_lt(c->env->now, ch->untaken_until))
		how = ENDING_ABORT;
	else if (ch->reset)
		how = ENDING_CLOSE_UNREAD;
	else if (!filler_gone(c, ch))
		how = ENDING_CLOSE;
	else if (!take_all(c, ch, channel_pending(ch)) && socket_state(ch->so) != TCP_CLOSED)
		how = ENDING_ABORT; /* bytes are lost, and the peer must know */
	channel_end(c, ch, how);
}

static uint32_t stream_interest(const struct channel *ch)
{
	bool out = ch->out_full || (ch->held > ch->rcvbuf / HELD_FRACTION && ch->rcvbuf);

	return EPOLLIN | (out && !ch->shut ? (uint32_t)EPOLLOUT : 0);
}

static void stream_retry(struct channels *c, struct channel *ch)
{
	stream_writable(c, ch);
	if (ch->readable)
		stream_take(c, ch);
}

static void stream_release(struct channel *ch)
{
	(void)ch;
}

const struct channel_ops stream_ops = {
        .take = stream_take,
        .sync = stream_sync,
        .writable = stream_writable,
        .event = stream_event,
        .deliver = stream_deliver,
        .hung_up = stream_hung_up,
        .gone = stream_gone,
        .interest = stream_interest,
        .retry = stream_retry,
        .release = stream_release,
};
