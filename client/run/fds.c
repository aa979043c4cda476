/* Which descriptors are toynet sockets.
 *
 * Theory of operation. A toynet socket is the end of an AF_UNIX pair that toynetd made. The kernel says so: SO_DOMAIN,
 * a type of stream or sequenced packets, a peer without a name, and SO_PEERCRED, which for a pair are those of the
 * process that made it. They are compared with those of the control connection. Where a daemon made the pair that is
 * not there any more (its successor took the sockets over), and where pids cannot be compared (another pid namespace:
 * 0), the daemon is asked whether it knows the cookie.
 *
 * The hints are an array by descriptor number. They are written by whoever finds something out, and are right until the
 * program gives the number to another file behind our back; see run.h. */
#include "run/run.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/un.h>

#define HINTS         65536 /* a descriptor beyond has none, and is asked about each time */
#define INHERITED_MAX 256   /* numbers looked at when a program begins */

static _Atomic uint8_t hints[HINTS];

enum run_kind run_hint(int fd)
{
	if (fd < 0 || fd >= HINTS)
		return RUN_FOREIGN;
	return (enum run_kind)atomic_load_explicit(&hints[fd], memory_order_relaxed);
}

void run_learn(int fd, enum run_kind kind)
{
	if (fd >= 0 && fd < HINTS)
		atomic_store_explicit(&hints[fd], (uint8_t)kind, memory_order_relaxed);
}

void run_forget(int fd)
{
	if (run_hint(fd) != RUN_FOREIGN)
		run_learn(fd, RUN_FOREIGN);
}

void run_forget_from(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd <= last && fd < HINTS; fd++)
		run_forget((int)fd);
}

static bool number(int fd, int option, int *value)
{
	socklen_t len = sizeof(*value);

	return SYS(getsockopt)(fd, SOL_SOCKET, option, value, &len) == 0;
}

/* The kind by its type, were it a toynet socket; RUN_FOREIGN: it cannot be one. */
static enum run_kind possible_kind(int fd)
{
	struct sockaddr_un peer;
	socklen_t len = sizeof(peer);
	int domain, type;

	if (!number(fd, SO_DOMAIN, &domain) || domain != AF_UNIX || !number(fd, SO_TYPE, &type))
		return RUN_FOREIGN;
	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return RUN_FOREIGN;
	/* A pair's end has a peer, without a name; after the peer's close it may have none any more. */
	if (SYS(getpeername)(fd, (struct sockaddr *)&peer, &len) == 0 && len > sizeof(peer.sun_family))
		return RUN_FOREIGN;
	return type == SOCK_STREAM ? RUN_STREAM : RUN_DATAGRAM;
}

/* Does the daemon know it? */
static bool daemon_knows(int fd)
{
	struct client_id id;
	toynet_v1_NamesResponse names;

	return client_identify(fd, &id) == 0 && client_names(&id, &names) == 0;
}

static bool made_by_daemon(int fd)
{
	struct ucred maker, daemon;
	socklen_t len = sizeof(maker);

	if (SYS(getsockopt)(fd, SOL_SOCKET, SO_PEERCRED, &maker, &len) < 0)
		return false;
	if (!client_pool_peer(&daemon))
		return false;
	if (maker.uid != daemon.uid || maker.gid != daemon.gid)
		return daemon_knows(fd) && maker.pid != 0 && kill(maker.pid, 0) < 0 && errno == ESRCH;
	if (maker.pid == daemon.pid && maker.pid != 0)
		return true;
	/* Somebody of the same user made it: only a pair whose maker is gone, or cannot be seen, may be ours. */
	return (maker.pid == 0 || (kill(maker.pid, 0) < 0 && errno == ESRCH)) && daemon_knows(fd);
}

enum run_kind run_kind_of(int fd)
{
	const int saved = errno;

	if (run_confined())
		return run_hint(fd);
	enum run_kind kind = possible_kind(fd), hint = run_hint(fd);

	if (kind == RUN_FOREIGN) {
		run_forget(fd);
	} else if (hint != RUN_FOREIGN && (hint == RUN_DATAGRAM) == (kind == RUN_DATAGRAM)) {
		kind = hint;
	} else if (made_by_daemon(fd)) {
		run_learn(fd, kind);
	} else {
		run_forget(fd);
		kind = RUN_FOREIGN;
	}
	errno = saved;
	return kind;
}

void run_learn_inherited(void)
{
	for (int fd = 0; fd < INHERITED_MAX; fd++)
		if (possible_kind(fd) != RUN_FOREIGN)
			(void)run_kind_of(fd);
}
