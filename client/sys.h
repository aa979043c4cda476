/* The kernel's calls, as libtoynet makes them.
 *
 * In the library these are the C library's functions. In the preloaded library of toynet-run, which has the same
 * sources, their names are those of its own wrappers; there the calls go by a table of the functions that stand behind
 * the wrappers (run/sys.c). So no file of the library calls one of these functions but by SYS. */
#ifndef TOYNET_CLIENT_SYS_H
#define TOYNET_CLIENT_SYS_H

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* X(result, name, parameters) */
#define SYS_CALLS(X)                                                                             \
	X(int, socket, (int, int, int))                                                          \
	X(int, bind, (int, const struct sockaddr *, socklen_t))                                  \
	X(int, connect, (int, const struct sockaddr *, socklen_t))                               \
	X(int, listen, (int, int))                                                               \
	X(int, accept4, (int, struct sockaddr *, socklen_t *, int))                              \
	X(int, getsockname, (int, struct sockaddr *, socklen_t *))                               \
	X(int, getpeername, (int, struct sockaddr *, socklen_t *))                               \
	X(int, getsockopt, (int, int, int, void *, socklen_t *))                                 \
	X(int, setsockopt, (int, int, int, const void *, socklen_t))                             \
	X(int, shutdown, (int, int))                                                             \
	X(ssize_t, send, (int, const void *, size_t, int))                                       \
	X(ssize_t, recv, (int, void *, size_t, int))                                             \
	X(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t)) \
	X(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))         \
	X(ssize_t, sendmsg, (int, const struct msghdr *, int))                                   \
	X(ssize_t, recvmsg, (int, struct msghdr *, int))                                         \
	X(int, sendmmsg, (int, struct mmsghdr *, unsigned, int))                                 \
	X(int, recvmmsg, (int, struct mmsghdr *, unsigned, int, struct timespec *))              \
	X(ssize_t, read, (int, void *, size_t))                                                  \
	X(ssize_t, write, (int, const void *, size_t))                                           \
	X(ssize_t, readv, (int, const struct iovec *, int))                                      \
	X(ssize_t, writev, (int, const struct iovec *, int))                                     \
	X(int, close, (int))                                                                     \
	X(int, fcntl, (int, int, ...))                                                           \
	X(int, ioctl, (int, unsigned long, ...))                                                 \
	X(int, dup, (int))                                                                       \
	X(int, dup2, (int, int))                                                                 \
	X(int, dup3, (int, int, int))                                                            \
	X(int, close_range, (unsigned, unsigned, int))                                           \
	X(int, prctl, (int, ...))                                                                \
	X(long, syscall, (long, ...))

#ifdef TOYNET_RUN
#define SYS_FIELD(result, name, parameters) result(*name) parameters;
struct sys_table {
	SYS_CALLS(SYS_FIELD)
};
#undef SYS_FIELD
extern struct sys_table sys;
#define SYS(name) sys.name
/* A variable of the environment as it was when the program began, "" when it is not set: many
 * programs empty theirs. */
const char *sys_environment(const char *name);
#else
#define SYS(name)             name
#define sys_environment(name) secure_getenv(name)
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#endif

#endif
