/* The channel of a listener: one record and one descriptor for each connection that is ready.
 *
 * Theory of operation. The application takes connections from its own descriptor, with recvmsg; so it can poll, and
 * several processes can share the listener, each connection going to one. At most CHANNEL_RECORDS_MAX records lie in
 * the pair, and no more than the backlog, so that a short one stays short; the rest waits in the stack, where it is
 * counted. EPOLLOUT is always armed: every record
 * taken makes an edge, and the next one follows. A connection whose descriptor cannot be made or sent now (EMFILE,
 * ETOOMANYREFS) is kept and tried again.
 *
 * When the listener closes, the kernel drops the records left in the pair, and with them the last reference to the
 * descriptors in them: those connections see their application gone, and end with a RST, as an untaken backlog does.
 * Which records were left cannot be asked afterwards; the kernel says (ECONNRESET) whether any was, and of the records
 * not yet seen to be taken those whose descriptor vanishes at once (CHANNEL_UNTAKEN) without a byte written had no
 * taker.
 *
 * What the pair holds from the application is the filler that keeps a listener from polling writable: it is never read.
 */
#include "host/channel_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <toynet/descriptor.h>
#include <unistd.h>

struct listener {
	uint64_t sent[CHANNEL_RECORDS_MAX]; /* ids of the children whose records lie in the pair, oldest first */
	uint32_t count;
	uint32_t unit; /* buffer bytes of one record, as SIOCOUTQ counts */
	uint64_t next; /* id of a child that is accepted and not yet sent; 0 none */
	int next_fd;   /* its application's end; -1: not yet made */
};

static void see_taken(struct channel *ch)
{
	struct listener *l = ch->listener;

	if (!l || !l->count)
		return;
	uint32_t left = l->unit ? channel_buffered(ch) / l->unit : 0;
	if (left < l->count) {
		uint32_t taken = l->count - left;
		memmove(l->sent, l->sent + taken, left * sizeof(l->sent[0]));
		l->count = left;
	}
}

uint32_t listener_records(struct channel *ch)
{
	see_taken(ch);
	return ch->listener ? ch->listener->count : 0;
}

static struct toynet_wire_addr wire_addr(struct endpoint e)
{
	struct toynet_wire_addr w = {.family = e.addr.family, .port = e.port};

	memcpy(w.ip, e.addr.b, sizeof(w.ip));
	return w;
}

/* 0, or the errno of the attempt. */
static int send_record(struct channel *ch, const struct socket *child, int fd)
{
	struct toynet_accept_record rec = {.magic = TOYNET_RECORD_MAGIC,
	                                   .type = TOYNET_RECORD_ACCEPT,
	                                   .length = sizeof(rec),
	                                   .cookie = child->cookie};
	struct endpoint local, peer;
	struct iovec iov = {.iov_base = &rec, .iov_len = sizeof(rec)};
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.h = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = control.space,
	                   .msg_controllen = sizeof(control.space)};

	socket_names(child, &local, &peer);
	rec.local = wire_addr(local);
	rec.peer = wire_addr(peer);
	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	return sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

static void forget_next(struct listener *l)
{
	if (l->next_fd >= 0)
		close(l->next_fd);
	l->next = 0;
	l->next_fd = -1;
}

/* Sends the child that is next. False: not now. */
static bool send_next(struct channels *c, struct channel *ch)
{
	struct listener *l = ch->listener;
	struct socket *child = socket_by_id(c->stack, l->next);

	if (!child) { /* killed meanwhile */
		forget_next(l);
		return true;
	}
	int error = l->next_fd < 0 ? channels_open(c, child, &l->next_fd) : 0;
	if (!error)
		error = send_record(ch, child, l->next_fd);
	if (error) {
		if (error != EAGAIN && error != EPIPE && error != ECONNRESET)
			channel_retry(c, ch, CHANNEL_RETRY);
		return false;
	}
	if (l->count == 0)
		l->unit = channel_buffered(ch);
	l->sent[l->count++] = l->next;
	forget_next(l);
	return true;
}

static void feed(struct channels *c, struct channel *ch)
{
	if (!ch->listener) {
		ch->listener = calloc(1, sizeof(*ch->listener));
		if (!ch->listener) {
			channel_retry(c, ch, CHANNEL_RETRY);
			return;
		}
		ch->listener->next_fd = -1;
	}
	struct listener *l = ch->listener;
	see_taken(ch);
	while (l->count < u32_min(CHANNEL_RECORDS_MAX, ch->so->tcp.backlog)) {
		struct socket *child;
		if (!l->next) {
			if (socket_accept(c->stack, ch->so, &child) != 0)
				return;
			l->next = child->id;
		}
		if (!send_next(c, ch))
			return;
	}
}

static void listener_take(struct channels *c, struct channel *ch)
{
	(void)c;
	ch->readable = false;
}

static void listener_sync(struct channels *c, struct channel *ch, uint32_t pending)
{
	(void)pending;
	listener_take(c, ch);
}

static void listener_event(struct channels *c, struct channel *ch, unsigned events)
{
	if (events & SOCKET_ACCEPT)
		feed(c, ch);
}

static void listener_deliver(struct channels *c, struct channel *ch, const struct stack_delivery *d)
{
	(void)ch;
	stack_delivered(c->stack, d, 0, false);
}

static void listener_hung_up(struct channels *c, struct channel *ch)
{
	(void)c;
	(void)ch;
}

static void listener_gone(struct channels *c, struct channel *ch)
{
	struct listener *l = ch->listener;

	if (l && l->next) {
		struct socket *child = socket_by_id(c->stack, l->next);
		forget_next(l);
		if (child)
			channels_close(c, child, true);
	}
	for (uint32_t i = 0; ch->reset && l && i < l->count; i++) {
		struct socket *child = socket_by_id(c->stack, l->sent[i]);
		if (child && child->channel) {
			struct channel *end = child->channel;
			end->untaken_until = instant_add(c->env->now, CHANNEL_UNTAKEN);
			channel_check_gone(c, end);
		}
	}
	channel_end(c, ch, ENDING_CLOSE);
}

static uint32_t listener_interest(const struct channel *ch)
{
	(void)ch;
	return EPOLLOUT;
}

static void listener_release(struct channel *ch)
{
	if (ch->listener && ch->listener->next_fd >= 0)
		close(ch->listener->next_fd);
	free(ch->listener);
	ch->listener = NULL;
}

const struct channel_ops listener_ops = {
        .take = listener_take,
        .sync = listener_sync,
        .writable = feed,
        .event = listener_event,
        .deliver = listener_deliver,
        .hung_up = listener_hung_up,
        .gone = listener_gone,
        .interest = listener_interest,
        .retry = feed,
        .release = listener_release,
};
