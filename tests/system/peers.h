/* What the programs that test libtoynet share: peers on both sides of the link, and the running of tests by name.
 *
 *   PROGRAM STACK_ADDRESS KERNEL_ADDRESS [TEST]
 *
 * STACK_ADDRESS is toynetd's, KERNEL_ADDRESS the kernel's on the same link. Each test opens what it needs and runs in a
 * process of its own; exit status 0 when all passed. */
#ifndef TOYNET_TESTS_PEERS_H
#define TOYNET_TESTS_PEERS_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <toynet.h>
#include <unistd.h>

static struct in_addr stack_ip, kernel_ip;
static const char *test_name;

#define CHECK(condition)                                                                                      \
	do {                                                                                                  \
		if (!(condition)) {                                                                           \
			fprintf(stderr, "%s:%d: %s: not so: %s (errno %s; detail: %s)\n", __FILE__, __LINE__, \
			        test_name, #condition, strerrorname_np(errno), toynet_error_detail());        \
			exit(EXIT_FAILURE);                                                                   \
		}                                                                                             \
	} while (0)
#define CHECK_ERRNO(call, expected) CHECK((errno = 0, (call) == -1 && errno == (expected)))

static inline struct sockaddr_in at(struct in_addr ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = ip, .sin_port = htons(port)};
}

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline short events_of(int fd, short wanted, int timeout)
{
	struct pollfd p = {.fd = fd, .events = wanted};

	return (short)(poll(&p, 1, timeout) > 0 ? p.revents : 0);
}

/* A listener of the kernel's on a port of its own choice. */
static inline int kernel_listener(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = at(kernel_ip, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)addr, len) == 0 && listen(fd, 64) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)addr, &len) == 0);
	return fd;
}

static inline int stack_listener(struct sockaddr_in *addr, int flags)
{
	socklen_t len = sizeof(*addr);
	int fd = toynet_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	*addr = at(stack_ip, 0);
	CHECK(fd >= 0);
	CHECK(toynet_bind(fd, (struct sockaddr *)addr, len) == 0);
	CHECK(toynet_listen(fd, 64) == 0);
	CHECK(toynet_getsockname(fd, (struct sockaddr *)addr, &len) == 0 && addr->sin_port != 0);
	return fd;
}

/* A connection: fd[0] of toynet, which connected, fd[1] of the kernel, which accepted. */
static inline void connect_out(int fd[2])
{
	struct sockaddr_in addr;
	int listener = kernel_listener(&addr);

	fd[0] = toynet_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd[0] >= 0);
	CHECK(toynet_connect(fd[0], (struct sockaddr *)&addr, sizeof(addr)) == 0);
	fd[1] = accept(listener, NULL, NULL);
	CHECK(fd[1] >= 0);
	close(listener);
}

/* The other way round: fd[0] of toynet, which accepted. */
static inline void connect_in(int fd[2])
{
	struct sockaddr_in addr;
	int listener = stack_listener(&addr, 0);

	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(fd[1], (struct sockaddr *)&addr, sizeof(addr)) == 0);
	fd[0] = toynet_accept(listener, NULL, NULL);
	CHECK(fd[0] >= 0);
	CHECK(toynet_close(listener) == 0);
}

static inline void close_both(int fd[2])
{
	toynet_close(fd[0]);
	close(fd[1]);
}

static inline void reset_by_peer(int fd)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
	close(fd);
}

static inline void talk(int fd[2])
{
	char buf[8];

	CHECK(toynet_send(fd[0], "ping", 4, 0) == 4);
	CHECK(recv(fd[1], buf, sizeof(buf), 0) == 4 && memcmp(buf, "ping", 4) == 0);
	CHECK(write(fd[1], "pong", 4) == 4);
	CHECK(toynet_recv(fd[0], buf, sizeof(buf), 0) == 4 && memcmp(buf, "pong", 4) == 0);
}

/* A port of the kernel's that does not answer a SYN, neither with SYN-ACK nor with RST: its backlog is full. */
static inline struct sockaddr_in silent_port(void)
{
	struct sockaddr_in addr;
	int listener = kernel_listener(&addr);

	CHECK(listen(listener, 0) == 0);
	for (int i = 0; i < 4; i++)
		(void)connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&addr, sizeof(addr));
	return addr;
}

struct test {
	const char *name;
	void (*run)(void);
};

static inline int run_tests(int argc, char **argv, const struct test *tests, size_t count)
{
	int failures = 0, ran = 0;

	if (argc < 3 || argc > 4 || inet_pton(AF_INET, argv[1], &stack_ip) != 1 ||
	    inet_pton(AF_INET, argv[2], &kernel_ip) != 1) {
		fprintf(stderr, "usage: %s STACK_ADDRESS KERNEL_ADDRESS [TEST]\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < count; i++) {
		if (argc == 4 && strcmp(argv[3], tests[i].name) != 0)
			continue;
		test_name = tests[i].name;
		fflush(stdout);
		/* A process for each: one that fails or hangs does not touch the others. */
		pid_t child = fork();
		int status;

		if (child == 0) {
			alarm(60);
			tests[i].run();
			exit(EXIT_SUCCESS);
		}
		CHECK(waitpid(child, &status, 0) == child);
		failures += status != 0;
		ran++;
		printf("%s %s%s\n", status == 0 ? "ok  " : "FAIL", tests[i].name,
		       WIFSIGNALED(status) ? " (ended by a signal)" : "");
	}
	return failures == 0 && ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
