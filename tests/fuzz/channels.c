/* The daemon's ends of real socket pairs, with an application that does anything to its own: records of datagram
 * sockets with any header, bytes and shutdowns and closes in any order, sockets that are sent to from outside
 * meanwhile.
 *
 * What must hold: what comes to the application is well formed by the client library's own check; every socket that its
 * application let go of ends; no descriptor and no memory is left. The input is instructions of two bytes, some
 * followed by what is written. */
#include "client/client.h"
#include "fuzz_rpc.h"
#include "host/channel.h"
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UDP, PING, STREAM, LISTENER, SOCKETS };

#define APP_PORT 1000 /* of the sockets below: this and their index */

struct world {
	struct fuzz_rpc rpc; /* its server is told of sockets that go */
	struct channels channels;
	int fd[SOCKETS];      /* the application's ends; -1: closed */
	uint64_t id[SOCKETS]; /* of the stack's sockets */
	uint32_t iss;
	uint8_t frame[2048];
	uint32_t frame_len;
};

static void on_out(struct world *w, const struct frame_out *f)
{
	const uint8_t *p = frame_hdr_const(f), *tcp = p + ETHER_HDR_LEN + IPV4_HDR_MIN;

	if (f->hdr_len >= ETHER_HDR_LEN + IPV4_HDR_MIN + TCP_HDR_MIN && load_be16(p + 12) == ETHER_TYPE_IP4 &&
	    p[ETHER_HDR_LEN + IPV4_OFF_PROTO] == IP_PROTO_TCP && (tcp[13] & TCP_SYN))
		w->iss = load_be32(tcp + 4);
}

static void turn(struct world *w)
{
	struct stack *s = w->rpc.s;
	struct frame_in in = {.data = w->frame, .len = w->frame_len};
	struct stack_delivery d;
	struct frame_out out;
	struct socket *so;
	unsigned events;

	channels_poll(&w->channels);
	if (w->frame_len)
		stack_input(s, &in, 1);
	channels_tick(&w->channels);
	stack_tick(s);
	while ((so = stack_ready(s, &events)))
		channels_event(&w->channels, so, events);
	while (stack_delivery(s, &d))
		channels_deliver(&w->channels, &d);
	while (stack_output(s, &out))
		on_out(w, &out);
	stack_turn_end(s);
	channels_turn_end(&w->channels);
	w->frame_len = 0;
}

/* From the peer: header and payload of the transport follow. */
static uint8_t *begin_frame(struct world *w, uint8_t protocol, uint32_t len)
{
	uint8_t *ip = w->frame + ETHER_HDR_LEN;

	memset(w->frame, 0, sizeof(w->frame));
	ether_build(w->frame, &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	ip[0] = 0x45;
	ip[8] = 64;
	ip[IPV4_OFF_PROTO] = protocol;
	memcpy(ip + IPV4_OFF_SRC, fuzz_peer().b, 4);
	memcpy(ip + IPV4_OFF_DST, fuzz_us().b, 4);
	w->frame_len = ETHER_HDR_LEN + IPV4_HDR_MIN + len;
	return ip + IPV4_HDR_MIN;
}

static void from_peer(struct world *w, uint8_t what, uint8_t arg)
{
	struct socket *so = socket_by_id(w->rpc.s, w->id[STREAM]);
	uint8_t *p;

	switch (what & 3) {
	case 0: /* a datagram */
		p = begin_frame(w, IP_PROTO_UDP, 8u + arg * 4u);
		store_be16(p, 9);
		store_be16(p + 2, APP_PORT + UDP);
		store_be16(p + 4, (uint16_t)(8 + arg * 4));
		break;
	case 1: /* an ICMP error about the one that went to port 9, or an echo reply */
		p = begin_frame(w, IP_PROTO_ICMP, 8 + IPV4_HDR_MIN + 8);
		p[0] = arg & 1 ? 3 : 0;
		p[1] = arg & 1 ? arg >> 1 & 15 : 0;
		store_be16(p + 4, arg & 1 ? 0 : APP_PORT + PING);
		p[8] = 0x45;
		p[8 + IPV4_OFF_PROTO] = IP_PROTO_UDP;
		memcpy(p + 8 + IPV4_OFF_SRC, fuzz_us().b, 4);
		memcpy(p + 8 + IPV4_OFF_DST, fuzz_peer().b, 4);
		store_be16(p + 8 + IPV4_HDR_MIN, APP_PORT + UDP);
		store_be16(p + 8 + IPV4_HDR_MIN + 2, 9);
		break;
	case 2: /* the first segment of a connection to the listener, or its third */
		p = begin_frame(w, IP_PROTO_TCP, TCP_HDR_MIN);
		store_be16(p, (uint16_t)(2000 + arg / 2));
		store_be16(p + 2, APP_PORT + LISTENER);
		store_be32(p + 4, 7000 + (arg & 1));
		store_be32(p + 8, arg & 1 ? w->iss + 1 : 0);
		p[12] = 5 << 4;
		p[13] = arg & 1 ? TCP_ACK : TCP_SYN;
		store_be16(p + 14, 5000);
		break;
	default: /* a segment of the connection, in order */
		if (!so || so->protocol != SOCKET_TCP)
			return;
		p = begin_frame(w, IP_PROTO_TCP, TCP_HDR_MIN + (arg & 3 ? arg * 4u : 0));
		store_be16(p, 9);
		store_be16(p + 2, so->tcp.pcb.local.port);
		store_be32(p + 4, so->tcp.state == TCP_SYN_SENT ? 4999 : so->tcp.rcv.nxt.n);
		store_be32(p + 8, so->tcp.state == TCP_SYN_SENT ? w->iss + 1 : so->tcp.snd.nxt.n);
		p[12] = 5 << 4;
		p[13] = (uint8_t)(TCP_ACK | (so->tcp.state == TCP_SYN_SENT ? TCP_SYN : 0) |
		                  (arg & 4 && arg & 8 ? TCP_FIN : 0) | (arg == 255 ? TCP_RST : 0));
		store_be16(p + 14, 5000);
		break;
	}
	fuzz_fix_checksums(w->frame, w->frame_len);
}

/* Of the application: its ends never wait. */
static void close_end(struct world *w, int i)
{
	if (w->fd[i] >= 0)
		close(w->fd[i]);
	w->fd[i] = -1;
}

/* A record with a header that is right but for what the input changes. */
static void write_record(struct world *w, int fd, uint8_t arg, struct reader *r)
{
	struct toynet_datagram_header h;
	union client_address dst = {.in = {.sin_family = AF_INET, .sin_port = htons(9)}};
	uint8_t message[sizeof(h) + 256] = {0};
	uint32_t len = arg & 0x7fu;

	memcpy(&dst.in.sin_addr, fuzz_peer().b, 4);
	client_datagram_header(&h, len, arg & 0x80 ? NULL : &dst);
	memcpy(message, &h, sizeof(h));
	for (int changes = read_u8(r) & 3; changes > 0; changes--) {
		uint8_t at = read_u8(r);
		message[at % sizeof(h)] = read_u8(r);
	}
	(void)send(fd, message, sizeof(h) + len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)w;
}

/* What comes as a record is well formed, or nothing comes. */
static void read_record(int fd, bool peek)
{
	uint8_t message[2048];
	struct toynet_datagram_header h;
	union client_address src;
	ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC | (peek ? MSG_PEEK : 0));

	if (n <= 0)
		return;
	FUZZ_NEED((size_t)n >= sizeof(h));
	memcpy(&h, message, sizeof(h));
	FUZZ_NEED(client_datagram_check(&h, (size_t)n, &src) != EPROTO);
}

static void read_accepted(int fd)
{
	struct toynet_accept_record rec;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = &rec, .iov_len = sizeof(rec)};
	struct msghdr m = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	union client_address peer;
	int child;

	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return;
	FUZZ_NEED(n == sizeof(rec) && rec.magic == TOYNET_RECORD_MAGIC && rec.type == TOYNET_RECORD_ACCEPT);
	FUZZ_NEED(client_address_from_wire(&rec.peer, &peer) && m.msg_controllen >= CMSG_LEN(sizeof(int)));
	memcpy(&child, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(child));
	close(child);
}

static void read_end(struct world *w, int i, uint8_t arg)
{
	uint8_t bytes[4096];

	if (i == STREAM)
		(void)recv(w->fd[i], bytes, 1 + arg * 16u, MSG_DONTWAIT | (arg & 1 ? MSG_OOB : 0));
	else if (i == LISTENER)
		read_accepted(w->fd[i]);
	else
		read_record(w->fd[i], arg & 1);
}

static void write_end(struct world *w, int i, uint8_t arg, struct reader *r)
{
	static const uint8_t text[4096];
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (i == STREAM || i == LISTENER) {
		(void)send(w->fd[i], text, 1 + arg * 16u, flags | (arg & 1 ? MSG_OOB : 0));
	} else if (arg & 1) {
		uint32_t len = (uint32_t)size_min(r->len, arg);
		(void)send(w->fd[i], r->p, len, flags);
		read_bytes(r, len);
	} else {
		write_record(w, w->fd[i], arg, r);
	}
}

static void step(struct world *w, struct reader *r)
{
	uint8_t op = read_u8(r), arg = read_u8(r);
	int i = op & 3;
	struct socket *so = socket_by_id(w->rpc.s, w->id[i]);

	switch (op >> 2 & 7) {
	case 0:
	case 1:
		if (w->fd[i] >= 0)
			write_end(w, i, arg, r);
		break;
	case 2:
		if (w->fd[i] >= 0)
			read_end(w, i, arg);
		break;
	case 3:
		if (w->fd[i] >= 0)
			shutdown(w->fd[i], arg % 3);
		break;
	case 4:
		from_peer(w, op >> 5 ? op & 3 : 3, arg);
		break;
	case 5:
		if (arg < 64)
			close_end(w, i);
		break;
	case 6:
		w->rpc.env.now = instant_add(w->rpc.env.now, DURATION_US(arg * (int64_t)arg * 10));
		break;
	default: /* what calls of the control plane do to a channel */
		if (!so || !so->channel)
			break;
		if (arg & 1)
			channels_sync(&w->channels, so);
		else if (arg & 2)
			channels_filler(&w->channels, so, arg);
		else if (arg & 4)
			(void)channels_unread(&w->channels, so);
		else if (arg & 8)
			(void)channels_closed(&w->channels, so);
		else if (arg & 16)
			channels_close(&w->channels, so, arg & 32);
		break;
	}
	turn(w);
}

static void start(struct world *w)
{
	static const enum socket_protocol protocols[SOCKETS] = {SOCKET_UDP, SOCKET_PING, SOCKET_TCP, SOCKET_TCP};

	fuzz_rpc_begin(&w->rpc);
	list_for_each(it, &w->rpc.s->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	FUZZ_NEED(channels_open_set(&w->channels, &w->rpc.env));
	channels_attach(&w->channels, w->rpc.s, w->rpc.srv);
	for (int i = 0; i < SOCKETS; i++) {
		struct socket *so = fuzz_open(w->rpc.s, protocols[i], (uint16_t)(APP_PORT + i));
		w->id[i] = so->id;
		so->channel = NULL;
		FUZZ_NEED(channels_open(&w->channels, so, &w->fd[i]) == 0);
		if (i == STREAM)
			FUZZ_NEED(socket_connect(w->rpc.s, so, (struct endpoint){fuzz_peer(), 9}) == EINPROGRESS);
		if (i != LISTENER)
			continue;
		FUZZ_NEED(socket_listen(w->rpc.s, so, 4) == 0);
		channels_listening(&w->channels, so);
	}
	turn(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w; /* large */
	struct reader r = reader_of(data, size);

	memset(&w, 0, sizeof(w));
	start(&w);
	while (r.len)
		step(&w, &r);
	for (int i = 0; i < SOCKETS; i++)
		close_end(&w, i);
	/* The daemon sees every close at once; only what it must try again takes time. */
	for (int n = 0; n < 20 && w.channels.count; n++) {
		w.rpc.env.now = instant_add(w.rpc.env.now, CHANNEL_RETRY);
		turn(&w);
	}
	FUZZ_NEED(w.channels.count == 0);
	channels_close_set(&w.channels);
	fuzz_rpc_end(&w.rpc);
	return 0;
}
