/* The connections of this process to the daemon.
 *
 * Theory of operation. A call takes an idle connection for itself, or opens another one, and gives it back when it is
 * done: so a call that takes long (a blocking connect) never makes another thread wait. At most IDLE_MAX connections
 * are kept when nobody uses them.
 *
 * fork copies the descriptors into the child, where they must not be used: two processes would speak on one HTTP/2
 * connection. The child closes its copies and begins with an empty pool. A connection that another thread of the parent
 * was using at that moment may be in any state, so its memory is kept and never touched. (A child made behind the C
 * library's back is recognised by its process id, in client_conn_usable.)
 *
 * The descriptors sit high in the table, where programs do not look for the lowest free number, and close on exec. */
#include "h2.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#define IDLE_MAX     4
#define FD_PREFERRED 512
#define FDS_ABOVE_US 8 /* left free above ours where the limit is low */

struct entry {
	struct entry *next;
	struct client_conn *conn;
	bool busy;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;   /* every connection of this process */
static struct entry *abandoned; /* of the parent, in use by its threads when it forked */
static struct ucred peer;       /* of the control socket, when peer_known */
static bool peer_known;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

static void after_fork_child(void)
{
	while (entries) {
		struct entry *e = entries;

		entries = e->next;
		if (e->busy) {
			client_conn_abandon(e->conn);
			e->next = abandoned;
			abandoned = e;
		} else {
			client_conn_free(e->conn);
			free(e);
		}
	}
	pthread_mutex_unlock(&lock);
}

static void register_fork(void)
{
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* Moves fd up, out of the way of the program's own descriptors; where that is not possible it stays. */
static int move_high(int fd)
{
	struct rlimit limit;
	int base = FD_PREFERRED;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FD_PREFERRED + FDS_ABOVE_US)
		base = limit.rlim_cur > FD_PREFERRED / 8 ? (int)limit.rlim_cur - FDS_ABOVE_US : 0;
	int high = SYS(fcntl)(fd, F_DUPFD_CLOEXEC, base);

	if (high < 0)
		return fd;
	SYS(close)(fd);
	return high;
}

/* Whom the last connection was made to. */
static void learn_peer(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (SYS(getsockopt)(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return;
	pthread_mutex_lock(&lock);
	peer = cred;
	peer_known = true;
	pthread_mutex_unlock(&lock);
}

bool client_pool_peer(struct ucred *out)
{
	bool was_idle, known;

	pthread_mutex_lock(&lock);
	known = peer_known;
	*out = peer;
	pthread_mutex_unlock(&lock);
	if (known)
		return true;
	struct client_conn *c = client_pool_take(true, &was_idle);

	if (!c)
		return false;
	client_pool_give(c);
	pthread_mutex_lock(&lock);
	*out = peer;
	known = peer_known;
	pthread_mutex_unlock(&lock);
	return known;
}

/* A connected socket; -1 with errno and detail. */
static int dial(void)
{
	const char *path = sys_environment(TOYNET_SOCKET_ENV);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (!path || !path[0])
		path = TOYNET_DEFAULT_SOCKET;
	if (strlen(path) >= sizeof(addr.sun_path))
		return client_fail(ENAMETOOLONG, "the path in $" TOYNET_SOCKET_ENV " is too long for a socket: %s",
		                   path);
	memcpy(addr.sun_path, path, strlen(path));

	int fd = SYS(socket)(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return client_fail(errno, "no descriptor for a connection to toynetd");
	fd = move_high(fd);
	int r;

	do
		r = SYS(connect)(fd, (struct sockaddr *)&addr, sizeof(addr));
	while (r < 0 && errno == EINTR);
	if (r == 0) {
		learn_peer(fd);
		return fd;
	}
	int error = errno;

	SYS(close)(fd);
	if (error == ENOENT || error == ECONNREFUSED)
		return client_fail(
		        error, "no toynetd at %s: start it, or set $" TOYNET_SOCKET_ENV " to its control socket", path);
	return client_fail(error, "toynetd's control socket %s: %s", path, strerror(error));
}

static struct client_conn *open_connection(void)
{
	struct entry *e = malloc(sizeof(*e));

	if (!e) {
		client_fail(ENOMEM, "no memory for a connection to toynetd");
		return NULL;
	}
	int fd = dial();

	if (fd < 0 || !(e->conn = client_conn_new(fd))) {
		int error = errno;

		free(e);
		errno = error;
		return NULL;
	}
	e->busy = true;
	struct client_conn *c = e->conn;

	pthread_mutex_lock(&lock);
	e->next = entries;
	entries = e;
	pthread_mutex_unlock(&lock);
	return c;
}

static struct client_conn *take_idle(void)
{
	struct client_conn *c = NULL;

	pthread_mutex_lock(&lock);
	for (struct entry *e = entries; e && !c; e = e->next) {
		if (!e->busy) {
			e->busy = true;
			c = e->conn;
		}
	}
	pthread_mutex_unlock(&lock);
	return c;
}

struct client_conn *client_pool_take(bool fresh, bool *was_idle)
{
	struct client_conn *c;

	pthread_once(&once, register_fork);
	*was_idle = false;
	while (!fresh && (c = take_idle())) {
		if (client_conn_usable(c)) {
			*was_idle = true;
			return c;
		}
		client_pool_give(c);
	}
	return open_connection();
}

void client_pool_give(struct client_conn *c)
{
	struct entry **link = &entries, *mine = NULL;
	unsigned idle = 0;

	pthread_mutex_lock(&lock);
	for (struct entry *e = entries; e; e = e->next)
		idle += !e->busy;
	while (*link && (*link)->conn != c)
		link = &(*link)->next;
	if (*link && !client_conn_over(c) && idle < IDLE_MAX) {
		(*link)->busy = false;
	} else if (*link) {
		mine = *link;
		*link = mine->next;
	}
	pthread_mutex_unlock(&lock);
	if (mine) {
		client_conn_free(c);
		free(mine);
	}
}
