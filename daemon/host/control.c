/* See control.h. A client ends when it closes, when its bytes are beyond repair, or when rpc says that the session is
 * done; in the last two cases what rpc still has to say goes out first, as far as the socket takes it. */
#include "host/control.h"
#include "host/log.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_GROUPS_MAX 256
#define CLIENT_FDS_MAX    16

struct client {
	struct list link;
	struct control *control;
	struct rpc_conn *conn;
	uv_poll_t poll;
	int fd;
	int events; /* that are polled for */
	bool ended; /* nothing is read any more */
	bool stuck; /* its next descriptor cannot be sent now: too many are in flight */
};

static bool fail(char why[CONFIG_ERROR_MAX], const char *path, const char *what)
{
	snprintf(why, CONFIG_ERROR_MAX, "control socket %s: %s", path, what);
	return false;
}

static bool fail_errno(char why[CONFIG_ERROR_MAX], const char *path, const char *step)
{
	snprintf(why, CONFIG_ERROR_MAX, "control socket %s: cannot %s: %s", path, step, strerror(errno));
	return false;
}

/* Makes the last directory of path. */
static void make_directory(const char *path, uid_t uid, gid_t gid)
{
	char dir[CONFIG_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	/* What goes wrong here shows in bind. */
	if (mkdir(dir, 0755) == 0 && chown(dir, uid, gid) < 0)
		return;
}

/* The path exists: is somebody there? False: it is stale and was removed; true: why is set. */
static bool path_taken(const struct sockaddr_un *sun, char why[CONFIG_ERROR_MAX])
{
	const char *path = sun->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	if (!S_ISSOCK(st.st_mode)) {
		fail(why, path, "a file that is not a socket is in the way: remove it, or choose another --socket");
		return true;
	}
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0) {
		fail_errno(why, path, "open a socket");
		return true;
	}
	int rc = connect(s, (const struct sockaddr *)sun, sizeof(*sun));
	int error = rc < 0 ? errno : 0;
	close(s);
	if (error != ECONNREFUSED) {
		fail(why, path,
		     error == 0 || error == EAGAIN
		             ? "another toynetd serves it: stop that one, or choose another path with --socket"
		             : "it exists and cannot be connected to: remove it, or choose another --socket");
		return true;
	}
	if (unlink(path) < 0) {
		fail_errno(why, path, "remove the stale socket file");
		return true;
	}
	return false;
}

bool control_bind(struct control *c, const struct config *cfg, uid_t uid, gid_t gid, char why[CONFIG_ERROR_MAX])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const struct sockaddr *sa = (const struct sockaddr *)&sun;
	struct stat st;

	memset(c, 0, offsetof(struct control, buf));
	list_init(&c->clients);
	c->retry_at = INSTANT_NEVER;
	c->spare = -1;
	memcpy(c->path, cfg->socket_path, sizeof(c->path));
	memcpy(sun.sun_path, c->path, sizeof(c->path));
	make_directory(c->path, uid, gid);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return fail_errno(why, c->path, "open a socket");
	bool bound = bind(c->fd, sa, sizeof(sun)) == 0;
	if (!bound && errno == EADDRINUSE) {
		if (path_taken(&sun, why)) {
			close(c->fd);
			return false;
		}
		bound = bind(c->fd, sa, sizeof(sun)) == 0;
	}
	if (!bound || chmod(c->path, cfg->socket_mode) < 0 || lstat(c->path, &st) < 0 ||
	    listen(c->fd, CONTROL_BACKLOG) < 0) {
		fail_errno(why, c->path,
		           bound ? "set it up" : "bind it (does its directory exist, and may we write there?)");
		close(c->fd);
		return false;
	}
	/* The file's owner may remove it after privileges are dropped, where the directory lets it. */
	if (chown(c->path, uid, gid) < 0)
		log_line("control socket %s: cannot give it to uid %u: %s", c->path, (unsigned)uid, strerror(errno));
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct group *gr = getgrnam(CONTROL_ADMIN_GROUP);
	c->has_admin_gid = gr != NULL;
	c->admin_gid = gr ? gr->gr_gid : 0;
	return true;
}

static bool in_admin_group(const struct control *c, int fd, gid_t gid)
{
	gid_t groups[CLIENT_GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (!c->has_admin_gid)
		return false;
	if (gid == c->admin_gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == c->admin_gid)
			return true;
	return false;
}

static void client_closed(uv_handle_t *h)
{
	free(h->data);
}

static void client_end(struct client *cl)
{
	struct control *c = cl->control;

	rpc_conn_free(cl->conn);
	cl->conn = NULL;
	list_remove(&cl->link);
	c->count--;
	uv_poll_stop(&cl->poll);
	close(cl->fd);
	uv_close((uv_handle_t *)&cl->poll, client_closed);
}

static void client_ready(uv_poll_t *h, int status, int events);

static void client_poll(struct client *cl, int events)
{
	if (events == cl->events)
		return;
	cl->events = events;
	int rc = events ? uv_poll_start(&cl->poll, events, client_ready) : uv_poll_stop(&cl->poll);
	assert(rc == 0);
	(void)rc;
}

/* Bytes sent, or -1 and errno. fd travels with the first of them. */
static ssize_t send_some(int s, const uint8_t *bytes, size_t len, int fd)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.h = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
		m.msg_control = control.space;
		m.msg_controllen = sizeof(control.space);
	}
	return sendmsg(s, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* False: the client is no more. */
static bool client_flush(struct client *cl)
{
	const uint8_t *bytes;
	size_t len;
	int fd;

	while ((len = rpc_conn_output(cl->conn, &bytes, &fd)) > 0) {
		ssize_t n = send_some(cl->fd, bytes, len, fd);
		if (n < 0 && errno == EINTR)
			continue;
		/* ETOOMANYREFS: clients must take some of the descriptors in flight first; writability does not tell
		 * when. */
		cl->stuck = n < 0 && errno == ETOOMANYREFS;
		if (cl->stuck || (n < 0 && errno == EAGAIN)) {
			client_poll(cl, (cl->ended ? 0 : UV_READABLE) | (cl->stuck ? 0 : UV_WRITABLE));
			return true;
		}
		if (n < 0) {
			client_end(cl);
			return false;
		}
		rpc_conn_sent(cl->conn, (size_t)n);
	}
	if (cl->ended || rpc_conn_done(cl->conn)) {
		client_end(cl);
		return false;
	}
	client_poll(cl, UV_READABLE);
	return true;
}

static int take_fds(struct msghdr *m, int fds[CLIENT_FDS_MAX])
{
	int n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i * sizeof(fd), sizeof(fd));
			if (n < CLIENT_FDS_MAX)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

/* False: the client is no more. */
static bool client_read(struct client *cl)
{
	struct control *c = cl->control;
	int fds[CLIENT_FDS_MAX];
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int) * CLIENT_FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = c->buf, .iov_len = sizeof(c->buf)};

	for (int i = 0; i < CONTROL_READS; i++) {
		struct msghdr m = {.msg_iov = &iov,
		                   .msg_iovlen = 1,
		                   .msg_control = control.space,
		                   .msg_controllen = sizeof(control.space)};
		ssize_t n = recvmsg(cl->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0) {
			client_end(cl);
			return false;
		}
		int nfds = take_fds(&m, fds);
		if (!rpc_conn_input(cl->conn, c->buf, (size_t)n, fds, nfds) || (m.msg_flags & MSG_CTRUNC)) {
			cl->ended = true;
			return true;
		}
		if ((size_t)n < sizeof(c->buf))
			return true;
	}
	return true;
}

static void client_ready(uv_poll_t *h, int status, int events)
{
	struct client *cl = h->data;
	struct control *c = cl->control;

	c->begin(c->ctx);
	if (status < 0) {
		client_end(cl);
		return;
	}
	if ((events & UV_READABLE) && !cl->ended && !client_read(cl))
		return;
	client_flush(cl);
}

static void client_new(struct control *c, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	struct client *cl = calloc(1, sizeof(*cl));
	if (!cl || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		goto refuse;
	struct rpc_peer peer = {.pid = (uint32_t)cred.pid, .uid = cred.uid, .gid = cred.gid};
	peer.admin = cred.uid == 0 || in_admin_group(c, fd, cred.gid);
	cl->control = c;
	cl->fd = fd;
	cl->conn = rpc_conn_new(c->rpc, peer, cl);
	if (!cl->conn)
		goto refuse;
	if (uv_poll_init(c->loop, &cl->poll, fd) != 0) {
		rpc_conn_free(cl->conn);
		goto refuse;
	}
	cl->poll.data = cl;
	list_push_back(&c->clients, &cl->link);
	c->count++;
	client_flush(cl);
	return;
refuse:
	free(cl);
	close(fd);
	c->refused++;
}

/* Descriptors have run out: takes one client with the spare one and hangs up, so that it need not wait and the level
 * goes. */
static void refuse_one(struct control *c)
{
	if (c->spare >= 0)
		close(c->spare);
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	c->refused++;
}

static void listener_ready(uv_poll_t *h, int status, int events)
{
	struct control *c = h->data;

	(void)status;
	(void)events;
	c->begin(c->ctx);
	for (int i = 0; i < CONTROL_BACKLOG; i++) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0 && c->count >= RPC_CONNECTIONS_MAX) {
			c->refused++;
			close(fd);
		} else if (fd >= 0) {
			client_new(c, fd);
		} else {
			if (errno == EMFILE || errno == ENFILE)
				refuse_one(c);
			return;
		}
	}
}

bool control_start(struct control *c, uv_loop_t *loop, struct rpc_server *rpc, void (*begin)(void *ctx), void *ctx)
{
	c->loop = loop;
	c->rpc = rpc;
	c->begin = begin;
	c->ctx = ctx;
	c->poll.data = c;
	c->polling = uv_poll_init(loop, &c->poll, c->fd) == 0;
	return c->polling && uv_poll_start(&c->poll, UV_READABLE, listener_ready) == 0;
}

void control_flush(struct control *c, instant now)
{
	struct rpc_conn *conn;
	bool retry = instant_le(c->retry_at, now), stuck = false;

	while ((conn = rpc_server_pending(c->rpc)) != NULL) {
		struct client *cl = rpc_conn_ctx(conn);
		stuck = (client_flush(cl) && cl->stuck) || stuck;
	}
	if (retry) {
		c->retry_at = INSTANT_NEVER;
		list_for_each_safe(it, next, &c->clients)
		{
			struct client *cl = list_entry(it, struct client, link);
			stuck = (cl->stuck && client_flush(cl) && cl->stuck) || stuck;
		}
	}
	if (stuck && instant_is_never(c->retry_at))
		c->retry_at = instant_add(now, CONTROL_RETRY);
}

void control_stop(struct control *c)
{
	struct stat st;

	while (!list_empty(&c->clients)) {
		struct client *cl = list_entry(c->clients.next, struct client, link);
		client_end(cl);
	}
	if (c->polling) {
		uv_poll_stop(&c->poll);
		uv_close((uv_handle_t *)&c->poll, NULL);
	}
	if (lstat(c->path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino)
		(void)unlink(c->path);
	close(c->fd);
	if (c->spare >= 0)
		close(c->spare);
}
