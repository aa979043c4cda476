/* The Sockets service, part one: open, bind, connect, listen, names, shutdown, close, prove. Each is the call of
 * socket/socket.h of the same name, with what the driver must know of it. */
#include "rpc/methods.h"

static const ProtobufCMessage *base_of(const void *message)
{
	return message;
}

void address_fill(struct address_message *a, struct endpoint e)
{
	toynet__v1__address__init(&a->m);
	a->m.ip = ip_format(e.addr, a->ip);
	a->m.port = e.port;
}

int address_read(const Toynet__V1__Address *a, uint8_t family, struct endpoint *out)
{
	struct endpoint e = {.addr.family = family};

	if (a && a->port > UINT16_MAX)
		return EINVAL;
	if (a && a->ip[0] && !ip_parse(a->ip, &e.addr) && !ip6_parse(a->ip, &e.addr))
		return EINVAL;
	e.port = a ? (uint16_t)a->port : 0;
	*out = e;
	return 0;
}

static void reply_names(struct call *c, const struct socket *so)
{
	Toynet__V1__NamesResponse m = TOYNET__V1__NAMES_RESPONSE__INIT;
	struct address_message local, peer;
	struct endpoint l, p;

	socket_names(so, &l, &p);
	address_fill(&local, l);
	m.local = &local.m;
	/* A connection that has ended still has its peer in the control block, but is not connected. */
	if (socket_has_peer(so) && (so->protocol != SOCKET_TCP || so->tcp.state != TCP_CLOSED)) {
		address_fill(&peer, p);
		m.peer = &peer.m;
	}
	call_reply(c, base_of(&m));
}

static int open_read(const Toynet__V1__OpenRequest *r, enum socket_protocol *protocol, uint8_t *family)
{
	if (r->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_TCP)
		*protocol = SOCKET_TCP;
	else if (r->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_UDP)
		*protocol = SOCKET_UDP;
	else if (r->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_PING)
		*protocol = SOCKET_PING;
	else if (r->protocol == TOYNET__V1__PROTOCOL__PROTOCOL_RAW)
		*protocol = SOCKET_RAW;
	else
		return EINVAL;
	if (*protocol == SOCKET_RAW ? r->ip_protocol == 0 || r->ip_protocol > RAW_PROTOCOL : r->ip_protocol != 0)
		return EINVAL;
	if (r->family == TOYNET__V1__FAMILY__FAMILY_UNSPECIFIED || r->family == TOYNET__V1__FAMILY__FAMILY_IPV4)
		*family = IP_V4;
	else if (r->family == TOYNET__V1__FAMILY__FAMILY_IPV6)
		*family = IP_V6;
	else
		return EAFNOSUPPORT;
	return 0;
}

void sockets_open(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	struct rpc_server *srv = c->conn->srv;
	const struct rpc_peer *peer = &c->conn->peer;
	enum socket_protocol protocol = SOCKET_TCP;
	uint8_t family = IP_V4;
	int fd = -1;
	const Toynet__V1__OpenRequest *r = (const Toynet__V1__OpenRequest *)request;
	int err = open_read(r, &protocol, &family);

	if (err) {
		call_errno(c, err, err == EINVAL ? "no such protocol" : NULL);
		return;
	}
	if (protocol == SOCKET_RAW && !peer->admin) {
		call_errno(c, EPERM, "raw sockets are for root and the group toynet");
		return;
	}
	if (protocol == SOCKET_RAW)
		err = socket_open_raw(srv->stack, (uint8_t)r->ip_protocol, family, peer->uid, peer->pid, &so);
	else
		err = socket_open(srv->stack, protocol, family, peer->uid, peer->pid, &so);
	if (err) {
		call_errno(c, err, NULL);
		return;
	}
	if (c->want_fd)
		err = srv->host->open_channel(srv->ctx, so, &fd);
	if (!err)
		err = grant_add(c->conn, so, !c->want_fd);
	if (err) {
		if (fd >= 0)
			srv->host->close_fd(srv->ctx, fd);
		srv->host->close(srv->ctx, so, true);
		/* To a caller it is one thing whether the daemon or the machine has run out. */
		call_errno(c, err == ENFILE ? EMFILE : err == ENOMEM ? ENOBUFS : err, NULL);
		return;
	}
	Toynet__V1__SocketRef ref = TOYNET__V1__SOCKET_REF__INIT;
	Toynet__V1__OpenResponse m = TOYNET__V1__OPEN_RESPONSE__INIT;
	ref.id = so->id;
	ref.cookie = so->cookie;
	m.socket = &ref;
	call_reply_fd(c, base_of(&m), fd);
}

void sockets_bind(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__BindRequest *r = (const Toynet__V1__BindRequest *)request;
	struct endpoint local;
	int err = address_read(r->local, so->family, &local);

	if (!err)
		err = socket_bind(c->conn->srv->stack, so, local);
	if (err)
		call_errno(c, err, NULL);
	else
		reply_names(c, so);
}

static void reply_connect(struct call *c, const struct socket *so, bool in_progress)
{
	Toynet__V1__ConnectResponse m = TOYNET__V1__CONNECT_RESPONSE__INIT;
	struct address_message local, peer;
	struct endpoint l, p;

	socket_names(so, &l, &p);
	address_fill(&local, l);
	m.local = &local.m;
	if (socket_has_peer(so)) {
		address_fill(&peer, p);
		m.peer = &peer.m;
	}
	m.in_progress = in_progress;
	call_reply(c, base_of(&m));
}

void sockets_connect(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__ConnectRequest *r = (const Toynet__V1__ConnectRequest *)request;
	struct endpoint peer = {0};
	int err = 0;

	/* On a stream, what the pair holds before it is connected is the filler; datagrams leave for the former peer.
	 */
	if (so->channel && so->protocol == SOCKET_TCP && r->filler_bytes)
		srv->host->filler(srv->ctx, so, r->filler_bytes);
	else if (so->channel && so->protocol != SOCKET_TCP)
		srv->host->sync(srv->ctx, so);
	if (r->peer)
		err = address_read(r->peer, so->family, &peer);
	else if (so->protocol == SOCKET_TCP)
		err = EINVAL;
	if (!err)
		err = socket_connect(srv->stack, so, peer);
	if (r->wait && (err == EINPROGRESS || err == EALREADY))
		call_park(c, so);
	else if (err && err != EINPROGRESS)
		call_errno(c, err, NULL);
	else
		reply_connect(c, so, err == EINPROGRESS);
}

void sockets_connect_event(struct call *c, struct socket *so, unsigned events)
{
	if (events & SOCKET_CONNECTED) {
		reply_connect(c, so, false);
	} else if (events & SOCKET_ERROR) {
		int err = socket_take_error(so);
		/* The driver may have taken it first, to tell the descriptor. */
		if (!err && so->protocol == SOCKET_TCP)
			err = so->tcp.error;
		call_errno(c, err ? err : ECONNABORTED, NULL);
	}
}

void sockets_listen(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__ListenRequest *r = (const Toynet__V1__ListenRequest *)request;
	bool before = socket_state(so) == TCP_LISTEN;
	int err = socket_listen(srv->stack, so, r->backlog);

	if (err) {
		call_errno(c, err, NULL);
		return;
	}
	if (so->channel && r->filler_bytes)
		srv->host->filler(srv->ctx, so, r->filler_bytes);
	if (!before)
		srv->host->listening(srv->ctx, so);
	reply_names(c, so);
}

void sockets_get_names(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	(void)request;
	reply_names(c, so);
}

void sockets_check_destination(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__CheckDestinationRequest *r = (const Toynet__V1__CheckDestinationRequest *)request;
	Toynet__V1__CheckDestinationResponse m = TOYNET__V1__CHECK_DESTINATION_RESPONSE__INIT;
	struct endpoint dst = {0}, source = {0};
	struct dgram_control control = {.interface = r->interface, .has_options = r->options.len > 0};
	int err = so->protocol == SOCKET_TCP ? EOPNOTSUPP : r->options.len > sizeof(control.options) ? EINVAL : 0;

	if (!err && r->destination)
		err = address_read(r->destination, so->family, &dst);
	if (!err && r->source)
		err = address_read(r->source, so->family, &source);
	if (err) {
		call_errno(c, err, NULL);
		return;
	}
	control.source = source.addr;
	control.options_len = (uint8_t)r->options.len;
	if (control.has_options)
		memcpy(control.options, r->options.data, r->options.len);
	m.error = (uint32_t)socket_check_datagram(c->conn->srv->stack, so, dst, &control, r->length, &m.max_length);
	call_reply(c, base_of(&m));
}

void sockets_shutdown(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	static const struct {
		bool read, write;
	} ways[] = {
	        [TOYNET__V1__HOW__HOW_READ] = {.read = true},
	        [TOYNET__V1__HOW__HOW_WRITE] = {.write = true},
	        [TOYNET__V1__HOW__HOW_BOTH] = {.read = true, .write = true},
	};
	const Toynet__V1__ShutdownRequest *r = (const Toynet__V1__ShutdownRequest *)request;
	Toynet__V1__ShutdownResponse m = TOYNET__V1__SHUTDOWN_RESPONSE__INIT;
	size_t how = (size_t)r->how;
	int err = EINVAL;

	if (how != TOYNET__V1__HOW__HOW_UNSPECIFIED && how < ARRAY_LEN(ways))
		err = socket_shutdown(c->conn->srv->stack, so, ways[how].read, ways[how].write);
	if (err)
		call_errno(c, err, NULL);
	else
		call_reply(c, base_of(&m));
}

void sockets_close(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__CloseRequest *r = (const Toynet__V1__CloseRequest *)request;
	Toynet__V1__CloseResponse m = TOYNET__V1__CLOSE_RESPONSE__INIT;

	rpc_socket_gone(srv, so);
	/* What nobody holds is closing already, or waits to be accepted: it can only be aborted. */
	if (so->owned || r->abort)
		srv->host->close(srv->ctx, so, r->abort);
	call_reply(c, base_of(&m));
}

static void reply_linger(struct call *c, const struct socket *so)
{
	Toynet__V1__LingerResponse m = TOYNET__V1__LINGER_RESPONSE__INIT;

	m.id = so->id;
	call_reply(c, base_of(&m));
}

void sockets_linger(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__LingerRequest *r = (const Toynet__V1__LingerRequest *)request;

	if (!r->closed) {
		grant_linger(c->conn, so->id);
		reply_linger(c, so);
		return;
	}
	/* Another holder: what was closed was not the last. */
	bool held = so->channel ? !srv->host->closed(srv->ctx, so) : so->owned;
	if (!held)
		grants_end_socket(srv, so->id);
	if (held || so->protocol != SOCKET_TCP || tcp_sending_ended(&so->tcp)) {
		reply_linger(c, so);
		return;
	}
	so->awaited = true;
	call_park(c, so);
}

void sockets_linger_event(struct call *c, struct socket *so, unsigned events)
{
	if (events & SOCKET_SENT)
		reply_linger(c, so);
}

void sockets_prove(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	struct rpc_server *srv = c->conn->srv;
	Toynet__V1__ProveResponse m = TOYNET__V1__PROVE_RESPONSE__INIT;
	uint64_t cookie = c->fd >= 0 ? srv->host->cookie_of(srv->ctx, c->fd) : 0;

	(void)request;
	int err = cookie && cookie == so->cookie ? grant_add(c->conn, so, false) : EBADF;
	if (err)
		call_errno(c, err, NULL);
	else
		call_reply(c, base_of(&m));
}
