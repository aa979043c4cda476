/* The calls that make, name and end sockets. */
#include "run/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *result_text(int r)
{
	return r < 0 ? strerror(errno) : "ok";
}

/* Of the families that the stack lacks. */
static int other_family(int domain, int type, int protocol)
{
	const char *families = sys_environment(RUN_FAMILIES_ENV);

	/* Local to this host, whatever the stack. */
	if (domain == AF_UNIX)
		return SYS(socket)(domain, type, protocol);
	if (families && strcmp(families, "kernel") == 0) {
		run_tell("socket: family %d goes to the kernel", domain);
		return SYS(socket)(domain, type, protocol);
	}
	run_tell("socket: family %d is refused; --families=kernel lets it pass", domain);
	errno = EAFNOSUPPORT;
	return -1;
}

RUN_EXPORT int socket(int domain, int type, int protocol)
{
	run_ready();
	if (domain != AF_INET && domain != AF_INET6)
		return other_family(domain, type, protocol);
	int fd = toynet_socket(domain, type, protocol);
	if (fd >= 0)
		run_learn(fd, (type & 0xf) == SOCK_STREAM ? RUN_UNCONNECTED : RUN_DATAGRAM);
	run_tell("socket(%s, type %d, protocol %d): %s", domain == AF_INET ? "AF_INET" : "AF_INET6", type, protocol,
	         fd < 0 ? toynet_error_detail() : "ok");
	return fd;
}

RUN_EXPORT int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(bind)(fd, addr, len);
	int r = toynet_bind(fd, addr, len);
	run_tell("bind(%d): %s", fd, result_text(r));
	return r;
}

RUN_EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(connect)(fd, addr, len);
	int r = toynet_connect(fd, addr, len);
	/* connect(2): the first call after an attempt has succeeded says so; only later ones are EISCONN. */
	if (r < 0 && errno == EISCONN && run_hint(fd) == RUN_CONNECTING)
		r = 0;
	if (r == 0 && run_hint(fd) != RUN_DATAGRAM)
		run_learn(fd, RUN_STREAM);
	else if (r < 0 && (errno == EINPROGRESS || errno == EINTR))
		run_learn(fd, RUN_CONNECTING);
	run_tell("connect(%d): %s", fd, result_text(r));
	return r;
}

RUN_EXPORT int listen(int fd, int backlog)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(listen)(fd, backlog);
	int r = toynet_listen(fd, backlog);
	if (r == 0)
		run_learn(fd, RUN_LISTENER);
	run_tell("listen(%d, %d): %s", fd, backlog, result_text(r));
	return r;
}

RUN_EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(accept4)(fd, addr, len, flags);
	int connection = toynet_accept4(fd, addr, len, flags);
	if (connection >= 0)
		run_learn(connection, RUN_STREAM);
	run_tell("accept(%d): %s", fd, result_text(connection));
	return connection;
}

RUN_EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accept4(fd, addr, len, 0);
}

RUN_EXPORT int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(getsockname)(fd, addr, len);
	return toynet_getsockname(fd, addr, len);
}

RUN_EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(getpeername)(fd, addr, len);
	return toynet_getpeername(fd, addr, len);
}

RUN_EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(getsockopt)(fd, level, name, value, len);
	int r = toynet_getsockopt(fd, level, name, value, len);
	if (r < 0)
		run_tell("getsockopt(%d, level %d, option %d): %s", fd, level, name, toynet_error_detail());
	return r;
}

RUN_EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	run_ready();
	if (run_kind_of(fd) == RUN_FOREIGN)
		return SYS(setsockopt)(fd, level, name, value, len);
	int r = toynet_setsockopt(fd, level, name, value, len);
	if (r < 0)
		run_tell("setsockopt(%d, level %d, option %d): %s", fd, level, name, toynet_error_detail());
	return r;
}

RUN_EXPORT int shutdown(int fd, int how)
{
	run_ready();
	enum run_kind kind = run_kind_of(fd);
	if (kind == RUN_FOREIGN || (run_confined() && kind == RUN_STREAM))
		return SYS(shutdown)(fd, how);
	return toynet_shutdown(fd, how);
}
