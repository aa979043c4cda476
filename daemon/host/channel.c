/* The set of channels: making and ending them, edges in, interest out. What depends on the kind is in the ops tables.
 */
#include "host/channel_internal.h"
#include "host/diag.h"
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COOKIE_BUCKETS 256
#define CHANNEL_ALWAYS (EPOLLRDHUP | EPOLLPRI | EPOLLET)

static const struct channel_ops *const kind_ops[] = {
        [CHANNEL_STREAM] = &stream_ops,
        [CHANNEL_LISTENER] = &listener_ops,
        [CHANNEL_DATAGRAM] = &datagram_ops,
};
_Static_assert(ARRAY_LEN(kind_ops) == CHANNEL_KINDS, "a table for each kind");
_Static_assert(sizeof(struct channel) <= 256, "an idle connection costs little");

bool channels_open_set(struct channels *c, struct env *env)
{
	c->env = env;
	c->stack = NULL;
	c->rpc = NULL;
	c->count = 0;
	c->retry_at = INSTANT_NEVER;
	list_init(&c->touched);
	list_init(&c->retry);
	list_init(&c->graveyard);
	c->diag = diag_open();
	if (c->diag < 0)
		return false;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll >= 0 && hash_table_init(&c->by_cookie, env, COOKIE_BUCKETS))
		return true;
	int error = c->epoll < 0 ? errno : ENOMEM;
	if (c->epoll >= 0)
		close(c->epoll);
	close(c->diag);
	errno = error;
	return false;
}

void channels_attach(struct channels *c, struct stack *stack, struct rpc_server *rpc)
{
	c->stack = stack;
	c->rpc = rpc;
}

static void bury(struct channels *c)
{
	list_for_each_safe(it, next, &c->graveyard)
	{
		struct channel *ch = list_entry(it, struct channel, work);
		list_remove(it);
		free(ch);
	}
}

void channels_abort_all(struct channels *c)
{
	uint64_t id = 0;

	for (struct socket *so; (so = socket_after(c->stack, id)) != NULL;) {
		id = so->id;
		if (so->channel)
			channel_end(c, so->channel, ENDING_ABORT);
	}
}

void channels_close_set(struct channels *c)
{
	assert(c->count == 0);
	bury(c);
	hash_table_free(&c->by_cookie, c->env);
	close(c->epoll);
	close(c->diag);
}

static uint64_t cookie_of_end(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static int watch(struct channels *c, struct channel *ch, int op)
{
	uint32_t wanted = CHANNEL_ALWAYS | kind_ops[ch->kind]->interest(ch);
	struct epoll_event ev = {.events = wanted, .data.ptr = ch};

	if (op == EPOLL_CTL_MOD && wanted == ch->interest)
		return 0;
	ch->interest = wanted;
	return epoll_ctl(c->epoll, op, ch->fd, &ev) == 0 ? 0 : errno;
}

int channels_open(struct channels *c, struct socket *so, int *app_fd)
{
	bool stream = so->protocol == SOCKET_TCP;
	int pair[2], error = 0;
	struct stat st;

	struct channel *ch = calloc(1, sizeof(*ch));
	if (!ch)
		return ENOMEM;
	if (socketpair(AF_UNIX, (stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, pair) < 0) {
		error = errno;
		free(ch);
		return error;
	}
	ch->so = so;
	ch->fd = pair[0];
	ch->kind = stream ? CHANNEL_STREAM : CHANNEL_DATAGRAM;
	ch->read_size = CHANNEL_READ_MIN;
	ch->untaken_until = (instant){INT64_MIN};
	list_init(&ch->work);
	list_init(&ch->retry);
	/* A byte sent with MSG_OOB is to be read in its place; a kernel without it refuses its sending. */
	if (stream)
		(void)setsockopt(ch->fd, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int));
	so->cookie = cookie_of_end(pair[1]);
	so->inode = fstat(pair[1], &st) == 0 ? st.st_ino : 0;
	error = so->cookie ? watch(c, ch, EPOLL_CTL_ADD) : EOPNOTSUPP;
	if (error) {
		so->cookie = so->inode = 0;
		close(pair[0]);
		close(pair[1]);
		free(ch);
		return error;
	}
	hash_table_insert(&c->by_cookie, c->env, &ch->by_cookie, so->cookie);
	so->channel = ch;
	c->count++;
	*app_fd = pair[1];
	return 0;
}

void channel_touch(struct channels *c, struct channel *ch)
{
	if (!list_linked(&ch->work))
		list_push_back(&c->touched, &ch->work);
}

void channel_retry(struct channels *c, struct channel *ch, duration wait)
{
	if (!list_linked(&ch->retry))
		list_push_back(&c->retry, &ch->retry);
	c->retry_at = instant_min(c->retry_at, instant_add(c->env->now, wait));
}

void channel_end(struct channels *c, struct channel *ch, enum channel_ending how)
{
	struct socket *so = ch->so;

	kind_ops[ch->kind]->release(ch);
	hash_table_remove(&c->by_cookie, &ch->by_cookie);
	list_remove(&ch->retry);
	list_remove(&ch->work);
	close(ch->fd);
	ch->fd = -1;
	ch->so = NULL;
	so->channel = NULL;
	list_push_back(&c->graveyard, &ch->work);
	c->count--;
	rpc_socket_gone(c->rpc, so);
	switch (how) {
	case ENDING_CLOSE:
		socket_close(c->stack, so, false);
		break;
	case ENDING_CLOSE_UNREAD:
		socket_close(c->stack, so, true);
		break;
	case ENDING_ABORT:
		socket_abort(c->stack, so);
		break;
	}
}

uint32_t channel_pending(const struct channel *ch)
{
	int n = 0;

	return ioctl(ch->fd, FIONREAD, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

uint32_t channel_buffered(const struct channel *ch)
{
	int n = 0;

	return ioctl(ch->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

bool channel_check_gone(struct channels *c, struct channel *ch)
{
	int error = 0;
	socklen_t len = sizeof(error);

	/* ECONNRESET comes only from a close, with bytes unread. */
	if (getsockopt(ch->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNRESET)
		ch->reset = true;
	if (!ch->reset && !diag_peer_gone(c->diag, ch->fd))
		return false;
	kind_ops[ch->kind]->gone(c, ch);
	return true;
}

static void edge(struct channels *c, struct channel *ch, uint32_t events)
{
	const struct channel_ops *ops = kind_ops[ch->kind];

	channel_touch(c, ch);
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		ch->readable = true;
		if (events & EPOLLPRI)
			ch->urgent = true;
		if (events & (EPOLLRDHUP | EPOLLHUP))
			ch->fin_pending = true;
	}
	if ((events & (EPOLLHUP | EPOLLERR)) && channel_check_gone(c, ch))
		return;
	if (ch->readable)
		ops->take(c, ch);
	if (events & EPOLLHUP)
		ops->hung_up(c, ch);
	if (events & EPOLLOUT)
		ops->writable(c, ch);
}

void channels_poll(struct channels *c)
{
	struct epoll_event ev[CHANNEL_EVENTS_MAX];

	int n = epoll_wait(c->epoll, ev, CHANNEL_EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		struct channel *ch = ev[i].data.ptr;
		if (ch->so)
			edge(c, ch, ev[i].events);
	}
}

void channels_event(struct channels *c, struct socket *so, unsigned events)
{
	struct channel *ch = so->channel;

	if (!ch)
		return;
	channel_touch(c, ch);
	kind_ops[ch->kind]->event(c, ch, events);
}

void channels_deliver(struct channels *c, const struct stack_delivery *d)
{
	struct channel *ch = d->socket->channel;

	if (!ch || ch->out_full) {
		stack_delivered(c->stack, d, 0, false);
		return;
	}
	channel_touch(c, ch);
	kind_ops[ch->kind]->deliver(c, ch, d);
}

void channels_turn_end(struct channels *c)
{
	list_for_each_safe(it, next, &c->touched)
	{
		struct channel *ch = list_entry(it, struct channel, work);
		list_remove(it);
		if (ch->failed && !ch->out_full && !ch->shut) {
			ch->shut = true;
			shutdown(ch->fd, SHUT_RDWR);
			ch->readable = true;
			kind_ops[ch->kind]->take(c, ch);
		}
		int error = watch(c, ch, EPOLL_CTL_MOD);
		assert(error == 0);
		(void)error;
	}
	bury(c);
}

instant channels_deadline(const struct channels *c)
{
	return c->retry_at;
}

void channels_tick(struct channels *c)
{
	struct list due;

	if (instant_lt(c->env->now, c->retry_at))
		return;
	c->retry_at = INSTANT_NEVER;
	list_init(&due);
	list_for_each_safe(it, next, &c->retry)
	{
		list_remove(it);
		list_push_back(&due, it);
	}
	while (!list_empty(&due)) {
		struct channel *ch = list_entry(due.next, struct channel, retry);
		list_remove(&ch->retry);
		channel_touch(c, ch);
		kind_ops[ch->kind]->retry(c, ch);
	}
}

struct socket *channels_by_cookie(struct channels *c, uint64_t cookie)
{
	struct hash_node *n = hash_table_first(&c->by_cookie, cookie);

	return n ? container_of(n, struct channel, by_cookie)->so : NULL;
}

void channels_sync(struct channels *c, struct socket *so)
{
	struct channel *ch = so->channel;
	uint32_t pending = ch ? channel_pending(ch) : 0;
	bool kept = ch && ch->kind == CHANNEL_DATAGRAM && ch->datagram;

	if (pending || kept) {
		channel_touch(c, ch);
		ch->readable = true;
		kind_ops[ch->kind]->sync(c, ch, pending);
	}
}

void channels_filler(struct channels *c, struct socket *so, uint32_t bytes)
{
	struct channel *ch = so->channel;

	(void)c;
	if (ch && ch->kind == CHANNEL_STREAM && bytes <= UINT32_MAX - ch->filler)
		ch->filler += bytes;
}

void channels_listening(struct channels *c, struct socket *so)
{
	struct channel *ch = so->channel;

	if (!ch || ch->kind != CHANNEL_STREAM)
		return;
	ch->kind = CHANNEL_LISTENER;
	ch->listener = NULL;
	channel_touch(c, ch);
}

void channels_close(struct channels *c, struct socket *so, bool abort)
{
	struct channel *ch = so->channel;

	if (ch && !abort) {
		/* What was written before the call still goes out; what the application has not read is lost. */
		ch->reset = ch->kind == CHANNEL_STREAM && channel_buffered(ch) > 0;
		kind_ops[ch->kind]->gone(c, ch);
	} else if (ch) {
		channel_end(c, ch, ENDING_ABORT);
	} else {
		rpc_socket_gone(c->rpc, so);
		if (abort)
			socket_abort(c->stack, so);
		else
			socket_close(c->stack, so, false);
	}
}

bool channels_closed(struct channels *c, struct socket *so)
{
	struct channel *ch = so->channel;
	struct pollfd p = {.fd = ch ? ch->fd : -1};

	if (!ch)
		return true;
	if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLHUP | POLLERR)))
		return false;
	channel_touch(c, ch);
	return channel_check_gone(c, ch);
}

uint32_t channels_unread(struct channels *c, struct socket *so)
{
	struct channel *ch = so->channel;

	if (!ch)
		return 0;
	if (ch->kind == CHANNEL_LISTENER)
		return listener_records(ch);
	return channel_buffered(ch) ? diag_unread(c->diag, so->inode) : 0;
}
