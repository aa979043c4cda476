/* Any bytes as the request messages of every method, over two connections: an administrator's and a user's. The HTTP/2
 * around them is right, so that mutations reach protobuf-c and the methods.
 *
 * The input is records: a tag of the method (two bytes), flags, the length of the message, the message. Between them
 * the stack turns, time passes as the flags say, and the peer of the stack answers nothing. */
#include "fuzz_rpc.h"
#include <nghttp2/nghttp2.h>
#include <toynet/descriptor.h>

enum { USER = 1, WITH_FD = 2, TIMEOUT = 4, CANCEL = 8, LATER = 16, NOT_HELD = 32, SHUT = 64, OPEN_FIRST = 128 };

#define CALLS_MAX 100 /* below H2_STREAMS_MAX, since a parked call keeps its stream */

struct client {
	struct rpc_conn *c;
	uint32_t stream;
	bool over;
};

struct buffer {
	uint8_t bytes[1024];
	size_t len;
};

static void put(struct buffer *b, const void *p, size_t n)
{
	FUZZ_NEED(b->len + n <= sizeof(b->bytes));
	memcpy(b->bytes + b->len, p, n);
	b->len += n;
}

/* A literal without indexing, not Huffman coded (RFC 7541 6.2.2). */
static void put_header(struct buffer *b, const char *name, const char *value)
{
	uint8_t n = (uint8_t)strlen(name), v = (uint8_t)strlen(value);

	FUZZ_NEED(n < 127 && v < 127);
	put(b, (const uint8_t[]){0, n}, 2);
	put(b, name, n);
	put(b, &v, 1);
	put(b, value, v);
}

static size_t frame_begin_at(struct buffer *b, uint8_t type, uint8_t flags, uint32_t stream)
{
	uint8_t head[9] = {0, 0, 0, type, flags};

	store_be32(head + 5, stream);
	put(b, head, sizeof(head));
	return b->len;
}

static void frame_end_at(struct buffer *b, size_t began)
{
	store_be16(b->bytes + began - 8, (uint16_t)(b->len - began));
}

static void send_bytes(struct client *cl, struct fuzz_rpc *r, const struct buffer *b, bool with_fd)
{
	int fd = FUZZ_FD + (int)r->cookies;

	r->fds += with_fd;
	if (!rpc_conn_input(cl->c, b->bytes, b->len, &fd, with_fd) || !fuzz_rpc_drain(cl->c, SIZE_MAX))
		cl->over = true;
}

static void call_method(struct client *cl, struct fuzz_rpc *r, const struct rpc_method *m, uint8_t flags,
                        const uint8_t *body, uint8_t len)
{
	struct buffer b = {.len = 0};
	uint32_t id = cl->stream;

	cl->stream += 2;
	size_t at = frame_begin_at(&b, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id);
	put_header(&b, ":method", "POST");
	put_header(&b, ":scheme", "http");
	put_header(&b, ":path", m->path);
	put_header(&b, "content-type", "application/grpc");
	put_header(&b, "te", "trailers");
	if (flags & WITH_FD)
		put_header(&b, TOYNET_MD_WANT_FD, "1");
	if (flags & TIMEOUT)
		put_header(&b, "grpc-timeout", "2m");
	frame_end_at(&b, at);
	at = frame_begin_at(&b, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id);
	put(&b, (const uint8_t[]){0, 0, 0, 0, len}, GRPC_PREFIX_LEN);
	put(&b, body, len);
	frame_end_at(&b, at);
	if (flags & CANCEL) {
		at = frame_begin_at(&b, NGHTTP2_RST_STREAM, 0, id);
		put(&b, (const uint8_t[]){0, 0, 0, NGHTTP2_CANCEL}, 4);
		frame_end_at(&b, at);
	}
	send_bytes(cl, r, &b, (flags & WITH_FD) && m->fd == FD_RECEIVED);
}

static void connect_client(struct client *cl, struct fuzz_rpc *r, bool admin)
{
	struct buffer b = {.len = 0};

	*cl = (struct client){.stream = 1};
	cl->c = rpc_conn_new(r->srv, (struct rpc_peer){.pid = 7, .uid = admin ? 0 : 1000, .admin = admin}, r);
	FUZZ_NEED(cl->c);
	put(&b, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
	frame_end_at(&b, frame_begin_at(&b, NGHTTP2_SETTINGS, 0, 0));
	send_bytes(cl, r, &b, false);
	FUZZ_NEED(!cl->over);
}

/* An application that lets go: its channel ends. */
static void let_go(struct fuzz_rpc *r)
{
	struct socket *so = socket_by_id(r->s, r->s->sockets.last_id);

	if (so && so->channel && so->owned)
		fuzz_close_socket(r, so, false);
}

/* The method whose name's hash is the next one below `tag`: a corpus outlives most changes of the table. */
static const struct rpc_method *method_at(uint16_t tag)
{
	const struct rpc_method *best = rpc_methods;
	uint16_t least = UINT16_MAX;

	for (size_t i = 0; i < rpc_methods_count; i++) {
		uint32_t hash = 2166136261u;
		for (const char *p = rpc_methods[i].path; *p; p++)
			hash = (hash ^ (uint8_t)*p) * 16777619u;
		uint16_t distance = (uint16_t)(tag - (hash ^ hash >> 16));
		if (distance <= least) {
			best = &rpc_methods[i];
			least = distance;
		}
	}
	return best;
}

static void one_call(struct fuzz_rpc *r, struct client cl[2], struct reader *in)
{
	const struct rpc_method *m = method_at(read_be16(in));
	uint8_t flags = read_u8(in), len = (uint8_t)size_min(read_u8(in), in->len);
	struct client *who = &cl[flags & USER];

	r->held = !(flags & NOT_HELD);
	if (flags & OPEN_FIRST) {
		Toynet__V1__OpenRequest open = TOYNET__V1__OPEN_REQUEST__INIT;
		uint8_t bytes[32];
		open.protocol = (Toynet__V1__Protocol)(flags >> 4 & 3);
		call_method(who, r, &rpc_methods[0], WITH_FD, bytes,
		            (uint8_t)toynet__v1__open_request__pack(&open, bytes));
	}
	if (!who->over)
		call_method(who, r, m, flags, in->p, len);
	read_bytes(in, len);
	if (flags & SHUT)
		let_go(r);
	r->env.now = instant_add(r->env.now, flags & LATER ? DURATION_S(2) : DURATION_US(100));
	fuzz_rpc_turn(r);
	for (int i = 0; i < 2; i++)
		cl[i].over |= !fuzz_rpc_drain(cl[i].c, SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader in = reader_of(data, size);
	struct client cl[2];
	struct fuzz_rpc r;

	fuzz_rpc_begin(&r);
	for (int i = 0; i < 2; i++)
		connect_client(&cl[i], &r, i == 0);
	for (int n = 0; in.len && n < CALLS_MAX && !cl[0].over && !cl[1].over; n++)
		one_call(&r, cl, &in);
	/* Nothing that a message says ends a connection. */
	FUZZ_NEED(!cl[0].over && !cl[1].over);
	for (int i = 0; i < 2; i++)
		rpc_conn_free(cl[i].c);
	fuzz_rpc_end(&r);
	return 0;
}
