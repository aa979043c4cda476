/* A small blocking gRPC client on nghttp2.
 *
 * Theory of operation. A connection carries one call at a time, so a call is a loop: what nghttp2 wants to send is
 * sent, what the daemon sends is fed to nghttp2, until the stream of the call is closed. Whoever runs the loop has the
 * connection for himself (pool.c), so nothing here is locked.
 *
 * Descriptors travel beside the bytes (SCM_RIGHTS): ours goes with the first byte of the request, the daemon's comes
 * with the first byte of the answer's HEADERS. They are kept in the order of arrival, and the header toynet-fds of an
 * answer says how many of them are its own.
 *
 * The descriptor of the connection is a guest in the program's table. A program that closes everything, or puts another
 * file under its number, must neither be written to nor closed: st_dev and st_ino are compared first, every time. */
#include "h2.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_MAX 2048 /* one request with the connection's preface fits */
#define INPUT_MAX  4096

struct client_conn {
	int fd;
	pid_t pid; /* the process that made it */
	dev_t dev;
	ino_t ino;
	nghttp2_session *session;
	bool over; /* no further call */
	bool fd_lost;
	/* the call under way */
	struct client_exchange *call;
	int32_t stream;
	size_t request_sent;
	bool stream_closed;
	bool heard; /* a byte has come since the call began */
	int fds[CLIENT_FDS_MAX];
	int nfds;
};

enum read_result { READ_OK, READ_NOTHING, READ_OVER, READ_INTERRUPTED };

static bool same_descriptor(const struct client_conn *c)
{
	struct stat st;

	return fstat(c->fd, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino;
}

static bool name_is(const uint8_t *name, size_t len, const char *expected)
{
	return len == strlen(expected) && memcmp(name, expected, len) == 0;
}

/* A decimal header value; -1 when it is none. */
static int decimal(const uint8_t *value, size_t len)
{
	int n = 0;

	if (len == 0 || len > 6)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -1;
		n = n * 10 + (value[i] - '0');
	}
	return n;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (uint8_t)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* grpc-message is percent-encoded. */
static void decode_message(const uint8_t *value, size_t len, char out[CLIENT_MESSAGE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < CLIENT_MESSAGE_MAX - 1; i++) {
		if (value[i] == '%' && i + 2 < len && hex_digit(value[i + 1]) >= 0 && hex_digit(value[i + 2]) >= 0) {
			out[n++] = (char)(hex_digit(value[i + 1]) << 4 | hex_digit(value[i + 2]));
			i += 2;
		} else {
			out[n++] = (char)value[i];
		}
	}
	out[n] = '\0';
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t namelen,
                     const uint8_t *value, size_t valuelen, uint8_t flags, void *user)
{
	struct client_conn *c = user;
	struct client_exchange *x = c->call;

	(void)session, (void)flags;
	if (!x || frame->hd.stream_id != c->stream)
		return 0;
	if (name_is(name, namelen, ":status"))
		x->http_status = (unsigned)decimal(value, valuelen);
	else if (name_is(name, namelen, "content-type"))
		x->is_grpc = valuelen >= 16 && memcmp(value, "application/grpc", 16) == 0;
	else if (name_is(name, namelen, "grpc-status"))
		x->status = decimal(value, valuelen);
	else if (name_is(name, namelen, "grpc-message"))
		decode_message(value, valuelen, x->message);
	else if (name_is(name, namelen, TOYNET_MD_ERRNO))
		x->error = decimal(value, valuelen);
	else if (name_is(name, namelen, TOYNET_MD_HAVE_FDS))
		x->announced_fds = (unsigned)decimal(value, valuelen);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *user)
{
	struct client_conn *c = user;
	struct client_exchange *x = c->call;

	(void)session, (void)flags;
	if (!x || stream != c->stream)
		return 0;
	if (x->response_len < sizeof(x->response)) {
		size_t room = sizeof(x->response) - x->response_len;

		memcpy(x->response + x->response_len, data, len < room ? len : room);
	}
	x->response_len += len;
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct client_conn *c = user;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->over = true;
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
	struct client_conn *c = user;

	(void)session, (void)code;
	if (stream == c->stream)
		c->stream_closed = true;
	return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t len, uint32_t *flags,
                            nghttp2_data_source *source, void *user)
{
	struct client_conn *c = user;

	(void)session, (void)source;
	if (!c->call || stream != c->stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	size_t left = c->call->request_len - c->request_sent;
	size_t n = left < len ? left : len;

	memcpy(buf, c->call->request + c->request_sent, n);
	c->request_sent += n;
	if (n == left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_session *new_session(struct client_conn *c)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session = NULL;
	const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	if (nghttp2_session_client_new(&session, callbacks, c) != 0)
		session = NULL;
	nghttp2_session_callbacks_del(callbacks);
	if (session && nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1) != 0) {
		nghttp2_session_del(session);
		session = NULL;
	}
	return session;
}

struct client_conn *client_conn_new(int fd)
{
	struct client_conn *c = calloc(1, sizeof(*c));
	struct stat st;

	if (!c || fstat(fd, &st) < 0 || !(c->session = new_session(c))) {
		free(c);
		SYS(close)(fd);
		client_fail(ENOMEM, "no memory for a connection to toynetd");
		return NULL;
	}
	c->fd = fd;
	c->pid = getpid();
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	return c;
}

static void close_received(struct client_conn *c)
{
	for (int i = 0; i < c->nfds; i++)
		SYS(close)(c->fds[i]);
	c->nfds = 0;
}

void client_conn_abandon(struct client_conn *c)
{
	if (same_descriptor(c))
		SYS(close)(c->fd);
}

void client_conn_free(struct client_conn *c)
{
	if (same_descriptor(c))
		SYS(close)(c->fd);
	close_received(c);
	nghttp2_session_del(c->session);
	free(c);
}

int client_conn_fd(const struct client_conn *c)
{
	return c->fd;
}

/* Sends len bytes, with *fd (unless -1) on the first of them. */
static bool send_all(struct client_conn *c, const uint8_t *bytes, size_t len, int *fd)
{
	while (len > 0) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

		if (*fd >= 0) {
			memset(&control, 0, sizeof(control));
			msg.msg_control = &control;
			msg.msg_controllen = sizeof(control);
			struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

			*cmsg = (struct cmsghdr){
			        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
			memcpy(CMSG_DATA(cmsg), fd, sizeof(int));
		}
		ssize_t n = SYS(sendmsg)(c->fd, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		*fd = -1;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Sends everything that nghttp2 has to say. False: the connection is over. */
static bool flush(struct client_conn *c, int *fd)
{
	uint8_t out[OUTPUT_MAX];
	size_t used = 0;

	for (;;) {
		const uint8_t *chunk;
		ssize_t n = nghttp2_session_mem_send(c->session, &chunk);

		if (n < 0)
			return false;
		if (used > 0 && (n == 0 || used + (size_t)n > sizeof(out))) {
			if (!same_descriptor(c) || !send_all(c, out, used, fd))
				return false;
			used = 0;
		}
		if (n == 0)
			return true;
		if ((size_t)n > sizeof(out)) {
			if (!same_descriptor(c) || !send_all(c, chunk, (size_t)n, fd))
				return false;
			continue;
		}
		memcpy(out + used, chunk, (size_t)n);
		used += (size_t)n;
	}
}

static void keep_descriptors(struct client_conn *c, struct msghdr *msg)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (c->nfds < CLIENT_FDS_MAX) {
				c->fds[c->nfds++] = fd;
			} else {
				SYS(close)(fd);
				c->over = true;
			}
		}
	}
	if (msg->msg_flags & MSG_CTRUNC) {
		c->fd_lost = true;
		c->over = true;
	}
}

/* One recvmsg, fed to nghttp2. */
static enum read_result read_some(struct client_conn *c, int flags, bool interruptible)
{
	uint8_t in[INPUT_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CLIENT_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = in, .iov_len = sizeof(in)};
	struct msghdr msg = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = SYS(recvmsg)(c->fd, &msg, MSG_CMSG_CLOEXEC | flags);

	while (n < 0 && errno == EINTR && !interruptible) {
		msg.msg_controllen = sizeof(control);
		n = SYS(recvmsg)(c->fd, &msg, MSG_CMSG_CLOEXEC | flags);
	}
	if (n < 0 && errno == EINTR)
		return READ_INTERRUPTED;
	if (n < 0 && errno == EAGAIN)
		return READ_NOTHING;
	if (n <= 0)
		return READ_OVER;
	c->heard = true;
	keep_descriptors(c, &msg);
	return nghttp2_session_mem_recv(c->session, in, (size_t)n) == n ? READ_OK : READ_OVER;
}

bool client_conn_usable(struct client_conn *c)
{
	enum read_result r = READ_OVER;

	if (!c->over && c->pid == getpid() && same_descriptor(c)) {
		do
			r = read_some(c, MSG_DONTWAIT, false);
		while (r == READ_OK);
	}
	if (r != READ_NOTHING || c->nfds > 0)
		c->over = true;
	return !c->over;
}

bool client_conn_over(const struct client_conn *c)
{
	return c->over;
}

static bool submit(struct client_conn *c, const struct client_exchange *x)
{
#define NV(n, v, l)                                                                       \
	{                                                                                 \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), sizeof(n) - 1, (l), \
		        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE      \
	}
#define NV_TEXT(n, v) NV(n, v, sizeof(v) - 1)
	const nghttp2_nv headers[] = {
	        NV_TEXT(":method", "POST"),
	        NV_TEXT(":scheme", "http"),
	        NV(":path", x->path, strlen(x->path)),
	        NV_TEXT(":authority", "localhost"),
	        NV_TEXT("content-type", "application/grpc"),
	        NV_TEXT("te", "trailers"),
	        NV_TEXT("user-agent", "libtoynet/" TOYNET_VERSION),
	        NV_TEXT(TOYNET_MD_WANT_FD, "1"), /* the last one: left out when no descriptor is concerned */
	};
#undef NV_TEXT
#undef NV
	const nghttp2_data_provider body = {.read_callback = read_request};
	size_t n = sizeof(headers) / sizeof(headers[0]) - (x->want_fd || x->send_fd >= 0 ? 0 : 1);

	c->stream = nghttp2_submit_request(c->session, NULL, headers, n, &body, NULL);
	return c->stream > 0;
}

/* Waits for input until the deadline. */
static enum read_result wait_input(struct client_conn *c, int64_t deadline_ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int64_t left = deadline_ms - client_now_ms();
	int n = poll(&p, 1, left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left);

	if (n < 0)
		return errno == EINTR ? READ_INTERRUPTED : READ_OVER;
	return n == 0 ? READ_NOTHING : READ_OK;
}

/* Ends the call for us; the daemon learns it by RST_STREAM. */
static enum client_result cancel(struct client_conn *c, enum client_result result)
{
	int no_fd = -1;

	if (nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, c->stream, NGHTTP2_CANCEL) != 0 ||
	    !flush(c, &no_fd))
		c->over = true;
	return result;
}

/* The descriptors that came are those of this answer, or the daemon is not what it says. */
static void take_descriptor(struct client_conn *c, struct client_exchange *x)
{
	if (c->nfds != (int)x->announced_fds || c->nfds > 1) {
		close_received(c);
		c->over = true;
	} else if (c->nfds == 1) {
		x->fd = c->fds[0];
		c->nfds = 0;
	}
}

static enum client_result run(struct client_conn *c, struct client_exchange *x)
{
	int fd = x->send_fd;

	if (!submit(c, x))
		return CLIENT_LOST;
	for (;;) {
		if (!flush(c, &fd))
			return c->heard ? CLIENT_BROKEN : CLIENT_LOST;
		if (c->stream_closed)
			break;
		enum read_result r = READ_OK;

		if (x->deadline_ms)
			r = wait_input(c, x->deadline_ms);
		if (r == READ_NOTHING)
			return cancel(c, CLIENT_EXPIRED);
		if (r == READ_OK)
			r = read_some(c, 0, x->interruptible);
		if (r == READ_INTERRUPTED && x->interruptible)
			return cancel(c, CLIENT_INTERRUPTED);
		if (c->fd_lost)
			return CLIENT_FD_LOST;
		if (r == READ_OVER && !c->stream_closed)
			return c->heard ? CLIENT_BROKEN : CLIENT_LOST;
	}
	take_descriptor(c, x);
	return CLIENT_ANSWERED;
}

enum client_result client_conn_exchange(struct client_conn *c, struct client_exchange *x)
{
	x->response_len = 0;
	x->http_status = 0;
	x->is_grpc = false;
	x->status = -1;
	x->error = 0;
	x->message[0] = '\0';
	x->announced_fds = 0;
	x->fd = -1;
	c->call = x;
	c->request_sent = 0;
	c->stream_closed = false;
	c->heard = false;

	enum client_result result = run(c, x);

	c->call = NULL;
	if (result == CLIENT_LOST || result == CLIENT_BROKEN || result == CLIENT_FD_LOST)
		c->over = true;
	return result;
}
