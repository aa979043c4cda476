/* The calls of the sockets API, for all protocols. See socket.h. */
#include "socket/socket_internal.h"

int socket_open(struct stack *s, enum socket_protocol protocol, uint8_t family, uint32_t uid, uint32_t pid,
                struct socket **out)
{
	int error;

	if (family != IP_V4 && (family != IP_V6 || (protocol != SOCKET_TCP && protocol != SOCKET_UDP)))
		return EAFNOSUPPORT;
	struct socket *so = socket_new(s, protocol, family, uid, 0, &error);
	if (!so)
		return error;
	so->pid = pid;
	so->owned = true;
	*out = so;
	return 0;
}

int socket_open_raw(struct stack *s, uint8_t ip_protocol, uint8_t family, uint32_t uid, uint32_t pid,
                    struct socket **out)
{
	int error = socket_open(s, SOCKET_RAW, family, uid, pid, out);

	if (!error)
		dgram_set_protocol(&(*out)->dgram, ip_protocol);
	return error;
}

int socket_bind(struct stack *s, struct socket *so, struct endpoint local)
{
	if (local.addr.family == IP_NONE)
		local.addr.family = so->family;
	int error = socket_address_in(so, ADDRESS_BIND, &local.addr);
	if (error)
		return error;
	return so->protocol == SOCKET_TCP ? tcp_bind(&s->tcp, &so->tcp, local)
	                                  : dgram_bind(&s->dgram, &so->dgram, local);
}

int socket_connect(struct stack *s, struct socket *so, struct endpoint peer)
{
	if (peer.addr.family == IP_NONE && so->protocol == SOCKET_TCP)
		return EINVAL;
	int error = socket_address_in(so, ADDRESS_CONNECT, &peer.addr);
	if (error)
		return error;
	if (so->protocol != SOCKET_TCP)
		return dgram_connect(&s->dgram, &so->dgram, peer);
	so->error = 0;
	return tcp_connect(&s->tcp, &so->tcp, peer);
}

int socket_listen(struct stack *s, struct socket *so, int backlog)
{
	if (so->protocol != SOCKET_TCP)
		return EOPNOTSUPP;
	/* It would be bound, but to a port of IPv4. */
	if (so->v6only && !so->tcp.pcb.bound && so->tcp.state == TCP_CLOSED) {
		int error = socket_bind(s, so, (struct endpoint){.addr = {.family = IP_V6}});
		if (error)
			return error;
	}
	return tcp_listen(&s->tcp, &so->tcp, backlog < 0 ? 0 : (uint32_t)backlog);
}

void socket_datagram_lost(struct stack *s, const struct socket *so)
{
	static const enum counter lost[DGRAM_KINDS] = {
	        [DGRAM_UDP] = CNT_UdpSndbufErrors,
	        [DGRAM_PING] = CNT_PingSndbufErrors,
	        [DGRAM_RAW] = CNT_RawSndbufErrors,
	};

	assert(so->protocol != SOCKET_TCP);
	s->counters.v[lost[so->dgram.kind]]++;
}

int socket_accept(struct stack *s, struct socket *listener, struct socket **child)
{
	if (listener->protocol != SOCKET_TCP || listener->tcp.state != TCP_LISTEN)
		return EINVAL;
	struct tcp *t = tcp_accept(&s->tcp, &listener->tcp);
	if (!t)
		return EAGAIN;
	struct socket *so = socket_of_tcp(t);
	so->owned = true;
	/* What happened while nobody could be told. */
	if (t->error) {
		so->error = t->error;
		so->events |= SOCKET_ERROR;
	}
	tcp_check_eof(&s->tcp, t);
	if (so->events)
		socket_notify(s, so, so->events);
	socket_offer(s, so);
	*child = so;
	return 0;
}

int socket_send_reserve(struct stack *s, struct socket *so, uint32_t want, struct iovec iov[2], int *error)
{
	assert(so->protocol == SOCKET_TCP);
	return tcp_send_reserve(&s->tcp, &so->tcp, want, iov, error);
}

void socket_send_commit(struct stack *s, struct socket *so, uint32_t n)
{
	tcp_send_commit(&s->tcp, &so->tcp, n);
}

/* The addresses of a datagram, as the stack has them; control may be NULL. */
static int datagram_in(const struct socket *so, struct ip_addr *dst, const struct dgram_control *control,
                       struct dgram_control *own)
{
	int error = socket_address_in(so, ADDRESS_SEND, dst);

	if (error || !control)
		return error;
	*own = *control;
	return socket_address_in(so, ADDRESS_SOURCE, &own->source);
}

int socket_send_datagram(struct stack *s, struct socket *so, struct endpoint dst, const struct dgram_control *control,
                         const void *data, uint32_t len)
{
	if (so->protocol == SOCKET_TCP)
		return EOPNOTSUPP;
	struct dgram_control own;
	int error = datagram_in(so, &dst.addr, control, &own);
	return error ? error : dgram_send(&s->dgram, &so->dgram, dst, control ? &own : NULL, data, len);
}

int socket_check_datagram(struct stack *s, struct socket *so, struct endpoint dst, const struct dgram_control *control,
                          uint32_t len, uint32_t *max)
{
	*max = 0;
	if (so->protocol == SOCKET_TCP)
		return EOPNOTSUPP;
	struct dgram_control own;
	int error = datagram_in(so, &dst.addr, control, &own);
	return error ? error : dgram_check(&s->dgram, &so->dgram, dst, control ? &own : NULL, len, max);
}

int socket_mtu(struct stack *s, const struct socket *so, uint16_t *mtu)
{
	if (so->protocol != SOCKET_TCP)
		return dgram_mtu(&s->dgram, &so->dgram, mtu);
	if (!socket_has_peer(so))
		return ENOTCONN;
	*mtu = ip_path_to(&s->ip, so->tcp.pcb.remote.addr).mtu;
	return 0;
}

static int dgram_shutdown(struct socket *so, bool read)
{
	if (!dgram_connected(&so->dgram))
		return ENOTCONN;
	if (read)
		so->dgram.input_shut = true;
	return 0;
}

int socket_shutdown(struct stack *s, struct socket *so, bool read, bool write)
{
	if (so->protocol != SOCKET_TCP)
		return dgram_shutdown(so, read);
	if (so->tcp.state == TCP_CLOSED || so->tcp.state == TCP_LISTEN)
		return ENOTCONN;
	if (read)
		tcp_shutdown_read(&s->tcp, &so->tcp);
	return write ? tcp_shutdown_write(&s->tcp, &so->tcp) : 0;
}

/* The application holds nothing of it any more. */
static void disown(struct socket *so)
{
	list_remove(&so->ready_link);
	so->owned = false;
	so->events = 0;
	so->channel = NULL;
	so->cookie = so->inode = 0;
}

void socket_close(struct stack *s, struct socket *so, bool unread)
{
	disown(so);
	if (so->protocol != SOCKET_TCP) {
		list_push_back(&s->sockets.reap, &so->ready_link);
		return;
	}
	/* SO_LINGER with zero: RFC 9293 3.10.5, ABORT. TIME-WAIT stays, as the peer needs it. */
	if (so->linger_on && so->linger_s == 0 && so->tcp.state != TCP_CLOSED && so->tcp.state != TCP_TIME_WAIT) {
		COUNT(&s->counters, TcpLingerAborts);
		socket_abort(s, so);
		return;
	}
	tcp_close(&s->tcp, &so->tcp, unread);
}

void socket_abort(struct stack *s, struct socket *so)
{
	disown(so);
	if (so->protocol != SOCKET_TCP) {
		list_push_back(&s->sockets.reap, &so->ready_link);
		return;
	}
	tcp_disown(&s->tcp, &so->tcp);
	tcp_abort(&s->tcp, &so->tcp, ECONNABORTED);
}

void socket_address_lost(struct stack *s, struct ip_addr a)
{
	list_for_each(it, &s->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		if (so->protocol == SOCKET_TCP && so->tcp.state != TCP_LISTEN && ip_eq(so->tcp.pcb.local.addr, a))
			tcp_abort(&s->tcp, &so->tcp, ECONNABORTED);
	}
}

void socket_set_held(struct stack *s, struct socket *so, uint32_t bytes)
{
	if (so->protocol == SOCKET_TCP)
		tcp_set_held(&s->tcp, &so->tcp, bytes);
}

void socket_send_urgent(struct stack *s, struct socket *so)
{
	if (so->protocol == SOCKET_TCP)
		tcp_send_urgent(&s->tcp, &so->tcp);
}

uint32_t socket_urgent_ahead(const struct socket *so)
{
	return so->protocol == SOCKET_TCP ? tcp_urgent_undelivered(&so->tcp) : 0;
}

int socket_take_error(struct socket *so)
{
	int e = so->error;

	so->error = 0;
	return e;
}

void socket_stack_names(const struct socket *so, struct endpoint *local, struct endpoint *peer)
{
	const struct pcb *p = so->protocol == SOCKET_TCP ? &so->tcp.pcb : &so->dgram.pcb;

	*local = p->local;
	*peer = p->remote;
	if (local->addr.family == IP_NONE)
		local->addr.family = IP_V4;
}

void socket_names(const struct socket *so, struct endpoint *local, struct endpoint *peer)
{
	socket_stack_names(so, local, peer);
	local->addr = socket_address_out(so, local->addr);
	if (peer->addr.family != IP_NONE)
		peer->addr = socket_address_out(so, peer->addr);
}

bool socket_has_peer(const struct socket *so)
{
	return so->protocol == SOCKET_TCP ? so->tcp.pcb.remote.port != 0 : dgram_connected(&so->dgram);
}

enum tcp_state socket_state(const struct socket *so)
{
	if (so->protocol == SOCKET_TCP)
		return so->tcp.state;
	return dgram_connected(&so->dgram) ? TCP_ESTABLISHED : TCP_CLOSED;
}

uint32_t socket_recv_queued(const struct socket *so)
{
	if (so->protocol != SOCKET_TCP)
		return dgram_recv_queued(&so->dgram);
	return so->tcp.state == TCP_LISTEN ? so->tcp.accept_count : tcp_recv_queued(&so->tcp);
}

uint32_t socket_send_queued(const struct socket *so)
{
	if (so->protocol != SOCKET_TCP)
		return dgram_send_queued(&so->dgram);
	return so->tcp.state == TCP_LISTEN ? so->tcp.backlog : tcp_send_queued(&so->tcp);
}
