/* The preloaded library of toynet-run: what its files offer each other.
 *
 * Theory of operation. The library stands before the C library and has functions of the same names. Each asks first
 * whether its descriptor is a toynet socket; if not, the call goes on to the C library as it came. A socket of AF_INET
 * or AF_INET6 that the program makes is made by toynetd, so what the program sees is a real descriptor of the kernel,
 * and what is not wrapped (poll, select, epoll, sendfile, splice, read by stdio) works on it natively.
 *
 *   sys.c          the functions that stand behind the wrappers
 *   fds.c          which descriptors are toynet sockets
 *   wrap_socket.c  socket to shutdown
 *   wrap_io.c      send and receive; read and write, for the errors that the kernel cannot know, and for datagrams
 *   wrap_fd.c      close, dup and their like, after which a number means another file; ioctl, fcntl
 *   wrap_name.c    getaddrinfo and its like
 *   wrap_syscall.c syscall(2), for the numbers of what is wrapped
 *   confine.c      programs that forbid themselves system calls by seccomp
 *   narrate.c      -v
 *
 * The program may close, copy and reuse descriptors in ways that are not seen here (stdio, posix_spawn, vfork). So what
 * fds.c remembers is never more than a hint: the kernel is asked again before anything is done that would be wrong for
 * another file. */
#ifndef TOYNET_CLIENT_RUN_RUN_H
#define TOYNET_CLIENT_RUN_RUN_H

#include "client.h"
#include "sys.h"

#define RUN_EXPORT __attribute__((visibility("default")))

/* What toynet-run tells its library, by the environment (sys_environment); and TOYNET_SOCKET_ENV. */
#define RUN_VERBOSE_ENV  "TOYNET_RUN_VERBOSE"
#define RUN_FAMILIES_ENV "TOYNET_RUN_FAMILIES" /* "kernel": other families than IP are the kernel's; else refused */

/* sys.c: fills the table; every wrapper calls it first. */
void run_ready(void);

/* fds.c */

enum run_kind {
	RUN_FOREIGN, /* not a toynet socket */
	RUN_STREAM,
	RUN_DATAGRAM,
	/* Streams, as far as this process knows: */
	RUN_UNCONNECTED, /* made here, and connect has not been called */
	RUN_CONNECTING,  /* a connect that does not wait is not known to have ended */
	RUN_LISTENER,    /* its descriptor carries records, which only accept may read */
};
/* What fd is, by asking the kernel, and the daemon where the kernel does not know. Which kind of stream is the hint's
 * word; in a program that confines itself all of it is. errno is left alone. */
enum run_kind run_kind_of(int fd);
/* The hint: RUN_FOREIGN also when nothing is known. No system call. */
enum run_kind run_hint(int fd);
void run_learn(int fd, enum run_kind kind);
/* fd is another file from now on. */
void run_forget(int fd);
void run_forget_from(unsigned first, unsigned last);
/* Looks at the descriptors with which the program began. */
void run_learn_inherited(void);

/* confine.c: has the program put itself under a filter of system calls? Then no call may make others than the one that
 * the program asked for. */
bool run_confined(void);
/* The program is about to do so (or it did not work after all). */
void run_confine(bool confined);

/* narrate.c: one line on standard error as it was when the program began, with -v. */
bool run_verbose(void);
void run_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
