/* sockets: the calls of libtoynet against the kernel's, in one program that speaks to itself over the TAP.
 *
 *   sockets STACK_ADDRESS KERNEL_ADDRESS NOBODY_ADDRESS [TEST]
 *
 * STACK_ADDRESS is toynetd's, KERNEL_ADDRESS the kernel's on the same link, NOBODY_ADDRESS one on the link that does
 * not answer. Each test opens what it needs, and is told by name; exit status 0 when all passed. */
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

#define BULK_BYTES (64u << 20)

static struct in_addr stack_ip, kernel_ip, nobody_ip;
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

static struct sockaddr_in at(struct in_addr ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = ip, .sin_port = htons(port)};
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static short events_of(int fd, short wanted, int timeout)
{
	struct pollfd p = {.fd = fd, .events = wanted};

	return (short)(poll(&p, 1, timeout) > 0 ? p.revents : 0);
}

/* A listener of the kernel's on a port of its own choice. */
static int kernel_listener(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = at(kernel_ip, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)addr, len) == 0 && listen(fd, 64) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)addr, &len) == 0);
	return fd;
}

static int stack_listener(struct sockaddr_in *addr, int flags)
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
static void connect_out(int fd[2])
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
static void connect_in(int fd[2])
{
	struct sockaddr_in addr;
	int listener = stack_listener(&addr, 0);

	fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(fd[1], (struct sockaddr *)&addr, sizeof(addr)) == 0);
	fd[0] = toynet_accept(listener, NULL, NULL);
	CHECK(fd[0] >= 0);
	CHECK(toynet_close(listener) == 0);
}

static void close_both(int fd[2])
{
	toynet_close(fd[0]);
	close(fd[1]);
}

static void reset_by_peer(int fd)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
	close(fd);
}

static void talk(int fd[2])
{
	char buf[8];

	CHECK(toynet_send(fd[0], "ping", 4, 0) == 4);
	CHECK(recv(fd[1], buf, sizeof(buf), 0) == 4 && memcmp(buf, "ping", 4) == 0);
	CHECK(write(fd[1], "pong", 4) == 4);
	CHECK(toynet_recv(fd[0], buf, sizeof(buf), 0) == 4 && memcmp(buf, "pong", 4) == 0);
}

static void test_connect(void)
{
	int fd[2];
	char buf[8];

	connect_out(fd);
	talk(fd);
	/* Our half ends, theirs goes on. */
	CHECK(toynet_shutdown(fd[0], SHUT_WR) == 0);
	CHECK(recv(fd[1], buf, sizeof(buf), 0) == 0);
	CHECK(write(fd[1], "late", 4) == 4);
	CHECK(read(fd[0], buf, sizeof(buf)) == 4);
	CHECK_ERRNO(toynet_send(fd[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(shutdown(fd[1], SHUT_WR) == 0);
	CHECK(toynet_recv(fd[0], buf, sizeof(buf), 0) == 0);
	CHECK(toynet_recv(fd[0], buf, sizeof(buf), 0) == 0);
	close_both(fd);
}

static void test_accept(void)
{
	struct sockaddr_in addr, client = {0}, seen = {0};
	socklen_t len = sizeof(client);
	int listener = stack_listener(&addr, SOCK_NONBLOCK), fd[2];

	CHECK_ERRNO(toynet_accept(listener, NULL, NULL), EAGAIN);
	CHECK(events_of(listener, POLLIN | POLLOUT, 0) == 0);
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(fd[1], (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK(getsockname(fd[1], (struct sockaddr *)&client, &len) == 0);
	CHECK(events_of(listener, POLLIN | POLLOUT, 2000) == POLLIN);
	fd[0] = toynet_accept4(listener, (struct sockaddr *)&seen, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(fd[0] >= 0 && len == sizeof(seen));
	CHECK(seen.sin_port == client.sin_port && seen.sin_addr.s_addr == kernel_ip.s_addr);
	CHECK(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd[0], F_GETFD) & FD_CLOEXEC);
	CHECK_ERRNO(toynet_recv(fd[0], &len, 1, 0), EAGAIN);
	CHECK(toynet_getpeername(fd[0], (struct sockaddr *)&seen, &len) == 0 && seen.sin_port == client.sin_port);
	CHECK(toynet_getsockname(fd[0], (struct sockaddr *)&seen, &len) == 0 && seen.sin_port == addr.sin_port);
	CHECK(fcntl(fd[0], F_SETFL, 0) == 0);
	talk(fd);
	CHECK_ERRNO(toynet_accept(fd[0], NULL, NULL), EINVAL);
	close_both(fd);
	CHECK(toynet_listen(listener, 5) == 0);
	CHECK_ERRNO(toynet_accept4(listener, NULL, NULL, 1), EINVAL);
	toynet_close(listener);
}

static void test_refused(void)
{
	struct sockaddr_in addr;
	int error = 0, fd = toynet_socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(error);

	close(kernel_listener(&addr)); /* a port where nobody listens */
	CHECK_ERRNO(toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ECONNREFUSED);
	CHECK(strstr(toynet_error_detail(), "ECONNREFUSED"));
	toynet_close(fd);

	fd = toynet_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERRNO(toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), EINPROGRESS);
	CHECK(events_of(fd, POLLOUT, 2000) != 0);
	CHECK(toynet_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNREFUSED);
	CHECK(toynet_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
	toynet_close(fd);
}

static void test_nonblocking_connect(void)
{
	struct sockaddr_in addr;
	int listener = kernel_listener(&addr), fd[2], error = -1, epoll = epoll_create1(EPOLL_CLOEXEC);
	socklen_t len = sizeof(error);
	struct epoll_event event = {.events = EPOLLOUT | EPOLLET};

	fd[0] = toynet_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], &event) == 0);
	epoll_wait(epoll, &event, 1, 0); /* the edge of the fresh socket */
	CHECK_ERRNO(toynet_connect(fd[0], (struct sockaddr *)&addr, sizeof(addr)), EINPROGRESS);
	CHECK(epoll_wait(epoll, &event, 1, 2000) == 1 && event.events == EPOLLOUT);
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
	/* A further connect neither succeeds nor puts anything into the stream. */
	CHECK_ERRNO(toynet_connect(fd[0], (struct sockaddr *)&addr, sizeof(addr)), EISCONN);
	fd[1] = accept(listener, NULL, NULL);
	CHECK(fd[1] >= 0);
	CHECK(fcntl(fd[0], F_SETFL, 0) == 0);
	talk(fd);
	close_both(fd);
	close(listener);
	close(epoll);
}

static void on_signal(int number)
{
	(void)number;
}

static void test_no_answer(void)
{
	struct sockaddr_in addr = at(nobody_ip, 80);
	const struct timeval short_time = {.tv_usec = 200000};
	struct sigaction action = {.sa_handler = on_signal};
	int fd = toynet_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	CHECK_ERRNO(toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), EINPROGRESS);
	CHECK(events_of(fd, POLLOUT | POLLIN, 200) == 0);
	CHECK_ERRNO(toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), EALREADY);
	toynet_close(fd);

	/* A signal ends the call, not the attempt. */
	fd = toynet_socket(AF_INET, SOCK_STREAM, 0);
	sigaction(SIGALRM, &action, NULL);
	ualarm(200000, 0);
	CHECK_ERRNO(toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), EINTR);
	CHECK(events_of(fd, POLLOUT, 0) == 0);
	CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	CHECK_ERRNO(toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), EALREADY);
	toynet_close(fd);

	fd = toynet_socket(AF_INET, SOCK_STREAM, 0);
	CHECK(toynet_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time)) == 0);
	int64_t began = now_ms();
	CHECK_ERRNO(toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)), EINPROGRESS);
	CHECK(now_ms() - began >= 190 && now_ms() - began < 1000);
	toynet_close(fd);
}

static void test_reset(void)
{
	struct sigaction count = {.sa_handler = SIG_DFL};
	char buf[8];
	int fd[2], error = -1;
	socklen_t len = sizeof(error);

	connect_out(fd);
	reset_by_peer(fd[1]);
	CHECK_ERRNO(toynet_recv(fd[0], buf, sizeof(buf), 0), ECONNRESET);
	CHECK(toynet_recv(fd[0], buf, sizeof(buf), 0) == 0);
	CHECK_ERRNO(toynet_send(fd[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	toynet_close(fd[0]);

	connect_in(fd);
	reset_by_peer(fd[1]);
	CHECK(events_of(fd[0], POLLIN, 2000) != 0);
	sigaction(SIGPIPE, &count, NULL);
	CHECK_ERRNO(toynet_send(fd[0], "x", 1, 0), ECONNRESET); /* and no signal */
	pid_t child = fork();

	if (child == 0) {
		toynet_send(fd[0], "x", 1, 0);
		_exit(1);
	}
	int status;

	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	toynet_close(fd[0]);

	connect_out(fd);
	reset_by_peer(fd[1]);
	CHECK(events_of(fd[0], POLLIN, 2000) != 0);
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNRESET);
	CHECK(toynet_recv(fd[0], buf, sizeof(buf), 0) == 0);
	toynet_close(fd[0]);
}

/* What was read before the reset is not lost. */
static void test_data_then_reset_of_ours(void)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	char buf[8];
	int fd[2];

	connect_out(fd);
	CHECK(toynet_setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
	toynet_close(fd[0]);
	CHECK_ERRNO(recv(fd[1], buf, sizeof(buf), 0), ECONNRESET);
	close(fd[1]);

	/* Closed with bytes unread: RST, as TCP requires. */
	connect_in(fd);
	CHECK(write(fd[1], "unread", 6) == 6);
	CHECK(events_of(fd[0], POLLIN, 2000) == POLLIN);
	toynet_close(fd[0]);
	CHECK_ERRNO(recv(fd[1], buf, sizeof(buf), 0), ECONNRESET);
	close(fd[1]);

	connect_in(fd);
	toynet_close(fd[0]);
	CHECK(recv(fd[1], buf, sizeof(buf), 0) == 0);
	close(fd[1]);
}

static void test_timeouts(void)
{
	const struct timeval short_time = {.tv_usec = 100000};
	struct timeval read_back;
	socklen_t len = sizeof(read_back);
	struct sockaddr_in addr;
	char byte;
	int fd[2], listener = stack_listener(&addr, 0);

	connect_out(fd);
	CHECK(toynet_setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time)) == 0);
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &read_back, &len) == 0 && read_back.tv_usec >= 100000);
	CHECK_ERRNO(toynet_recv(fd[0], &byte, 1, 0), EAGAIN);
	CHECK_ERRNO(toynet_recv(fd[0], &byte, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(toynet_setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time)) == 0);
	CHECK_ERRNO(toynet_accept(listener, NULL, NULL), EAGAIN);
	close_both(fd);
	toynet_close(listener);
}

static void test_options(void)
{
	static const struct {
		int level, name, value;
	} settable[] = {
	        {SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_SNDBUF, 100000}, {SOL_SOCKET, SO_RCVBUF, 100000},
	        {IPPROTO_IP, IP_TTL, 17},      {IPPROTO_IP, IP_TOS, 0x10},      {IPPROTO_TCP, TCP_NODELAY, 1},
	};
	const struct linger linger = {.l_onoff = 1, .l_linger = 3};
	struct linger read_back = {0};
	int fd[2], value;
	socklen_t len = sizeof(value);

	connect_out(fd);
	for (size_t i = 0; i < sizeof(settable) / sizeof(settable[0]); i++) {
		CHECK(toynet_setsockopt(fd[0], settable[i].level, settable[i].name, &settable[i].value, sizeof(int)) ==
		      0);
		CHECK(toynet_getsockopt(fd[0], settable[i].level, settable[i].name, &value, &len) == 0);
		CHECK(value == settable[i].value);
	}
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_TYPE, &value, &len) == 0 && value == SOCK_STREAM);
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_DOMAIN, &value, &len) == 0 && value == AF_INET);
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_PROTOCOL, &value, &len) == 0 && value == IPPROTO_TCP);
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value == 0);
	CHECK(toynet_getsockopt(fd[0], IPPROTO_TCP, TCP_MAXSEG, &value, &len) == 0 && value > 500);
	len = sizeof(read_back);
	CHECK(toynet_setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	CHECK(toynet_getsockopt(fd[0], SOL_SOCKET, SO_LINGER, &read_back, &len) == 0 && read_back.l_linger == 3);
	CHECK_ERRNO(toynet_setsockopt(fd[0], SOL_SOCKET, SO_MARK, &value, sizeof(value)), ENOPROTOOPT);
	CHECK_ERRNO(toynet_getsockopt(fd[0], SOL_SOCKET, SO_PEERCRED, &value, &len), ENOPROTOOPT);
	close_both(fd);
}

static void test_names_and_errors(void)
{
	struct sockaddr_in addr = at(stack_ip, 0), foreign = at(kernel_ip, 0), other;
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	socklen_t len = sizeof(other);
	int fd = toynet_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), pair[2], kernel = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd >= 0);
	CHECK_ERRNO(toynet_getpeername(fd, (struct sockaddr *)&other, &len), ENOTCONN);
	CHECK_ERRNO(toynet_shutdown(fd, SHUT_WR), ENOTCONN);
	CHECK_ERRNO(toynet_shutdown(fd, 7), EINVAL);
	CHECK_ERRNO(toynet_bind(fd, (struct sockaddr *)&addr, 4), EINVAL);
	CHECK_ERRNO(toynet_bind(fd, (struct sockaddr *)&six, sizeof(six)), EAFNOSUPPORT);
	CHECK_ERRNO(toynet_bind(fd, (struct sockaddr *)&foreign, sizeof(foreign)), EADDRNOTAVAIL);
	CHECK(toynet_bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK_ERRNO(toynet_bind(fd, (struct sockaddr *)&addr, sizeof(addr)), EINVAL);
	CHECK(toynet_getsockname(fd, (struct sockaddr *)&other, &len) == 0 && other.sin_port != 0);
	int second = toynet_socket(AF_INET, SOCK_STREAM, 0);

	CHECK_ERRNO(toynet_bind(second, (struct sockaddr *)&other, sizeof(other)), EADDRINUSE);
	toynet_close(second);
	toynet_close(fd);

	CHECK_ERRNO(toynet_socket(AF_INET6, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERRNO(toynet_socket(AF_INET, SOCK_RAW, 1), EPROTONOSUPPORT);
	CHECK_ERRNO(toynet_socket(AF_INET, SOCK_STREAM | 0x40000, 0), EINVAL);
	CHECK_ERRNO(toynet_listen(-1, 1), EBADF);
	CHECK_ERRNO(toynet_listen(STDERR_FILENO, 1), ENOTSOCK);
	CHECK_ERRNO(toynet_listen(kernel, 1), ENOTSOCK);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK_ERRNO(toynet_listen(pair[0], 1), ENOTSOCK);
	CHECK_ERRNO(toynet_accept(pair[0], NULL, NULL), ENOTSOCK);
	close(kernel);
	close(pair[0]);
	close(pair[1]);
}

static void test_udp(void)
{
	struct sockaddr_in addr = at(stack_ip, 0), peer = at(kernel_ip, 0), from = {0};
	socklen_t len = sizeof(addr);
	int fd = toynet_socket(AF_INET, SOCK_DGRAM, 0), kernel = socket(AF_INET, SOCK_DGRAM, 0);
	static char big[65536];

	CHECK(fd >= 0 && toynet_bind(fd, (struct sockaddr *)&addr, len) == 0);
	CHECK(bind(kernel, (struct sockaddr *)&peer, len) == 0);
	CHECK(toynet_getsockname(fd, (struct sockaddr *)&addr, &len) == 0);
	CHECK(getsockname(kernel, (struct sockaddr *)&peer, &len) == 0);
	CHECK(toynet_sendto(fd, "hello", 5, 0, (struct sockaddr *)&peer, sizeof(peer)) == 5);
	CHECK(recvfrom(kernel, big, sizeof(big), 0, (struct sockaddr *)&from, &len) == 5);
	CHECK(from.sin_port == addr.sin_port && from.sin_addr.s_addr == stack_ip.s_addr);
	/* Empty, then long, then cut. */
	CHECK(sendto(kernel, "", 0, 0, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK(sendto(kernel, big, 1400, 0, (struct sockaddr *)&addr, sizeof(addr)) == 1400);
	CHECK(sendto(kernel, "abcdef", 6, 0, (struct sockaddr *)&addr, sizeof(addr)) == 6);
	CHECK(toynet_recvfrom(fd, big, sizeof(big), 0, (struct sockaddr *)&from, &len) == 0);
	CHECK(from.sin_port == peer.sin_port && from.sin_addr.s_addr == kernel_ip.s_addr);
	CHECK(toynet_recv(fd, big, sizeof(big), 0) == 1400);
	CHECK(toynet_recv(fd, big, 3, MSG_TRUNC) == 6 && memcmp(big, "abc", 3) == 0);
	CHECK_ERRNO(toynet_recv(fd, big, sizeof(big), MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(toynet_send(fd, big, 65508, 0), EMSGSIZE);
	CHECK_ERRNO(toynet_accept(fd, NULL, NULL), EOPNOTSUPP);
	CHECK_ERRNO(toynet_listen(fd, 1), EOPNOTSUPP);

	/* Connected: a port that nobody has is reported. */
	CHECK(toynet_connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0);
	CHECK(toynet_getpeername(fd, (struct sockaddr *)&from, &len) == 0 && from.sin_port == peer.sin_port);
	CHECK(toynet_send(fd, "hi", 2, 0) == 2);
	CHECK(recv(kernel, big, sizeof(big), 0) == 2);
	close(kernel);
	CHECK(toynet_send(fd, "hi", 2, 0) == 2);
	CHECK_ERRNO(toynet_recv(fd, big, sizeof(big), 0), ECONNREFUSED);
	CHECK_ERRNO(toynet_recv(fd, big, sizeof(big), MSG_DONTWAIT), EAGAIN);
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	CHECK(toynet_connect(fd, &none, sizeof(none)) == 0);
	CHECK_ERRNO(toynet_getpeername(fd, (struct sockaddr *)&from, &len), ENOTCONN);
	toynet_close(fd);
}

/* A child that has become nobody uses what it inherited, and the parent goes on. */
static void test_fork(void)
{
	const int on = 1;
	struct sockaddr_in addr;
	int fd[2], status, listener = stack_listener(&addr, 0);

	connect_out(fd);
	pid_t child = fork();

	if (child == 0) {
		CHECK(setgid(65534) == 0 && setuid(65534) == 0);
		CHECK(toynet_setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
		CHECK(toynet_send(fd[0], "from the child", 14, 0) == 14);
		int connection = toynet_accept(listener, NULL, NULL);

		CHECK(connection >= 0);
		CHECK(toynet_send(connection, "served", 6, 0) == 6);
		_exit(0);
	}
	char buf[16];

	CHECK(recv(fd[1], buf, sizeof(buf), 0) == 14);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(connect(client, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK(recv(client, buf, sizeof(buf), 0) == 6);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	talk(fd); /* the child's end of it changed nothing */
	close(client);
	close_both(fd);
	toynet_close(listener);
}

static void test_descriptor_table_full(void)
{
	struct rlimit old, tight;
	struct sockaddr_in addr;
	int listener = stack_listener(&addr, SOCK_NONBLOCK), clients[2];

	for (int i = 0; i < 2; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(clients[i], (struct sockaddr *)&addr, sizeof(addr)) == 0);
	}
	CHECK(events_of(listener, POLLIN, 2000) == POLLIN);
	int spare = dup(listener);

	CHECK(spare >= 0 && getrlimit(RLIMIT_NOFILE, &old) == 0);
	tight = old;
	tight.rlim_cur = (rlim_t)spare + 1;
	CHECK(setrlimit(RLIMIT_NOFILE, &tight) == 0);
	CHECK_ERRNO(toynet_accept(listener, NULL, NULL), EMFILE);
	CHECK_ERRNO(toynet_socket(AF_INET, SOCK_STREAM, 0), EMFILE);
	close(spare);
	int first = toynet_accept(listener, NULL, NULL); /* it was kept */

	CHECK(first >= 0);
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
	CHECK(events_of(listener, POLLIN, 2000) == POLLIN);
	int second = toynet_accept(listener, NULL, NULL);

	CHECK(second >= 0);
	toynet_close(first);
	toynet_close(second);
	close(clients[0]);
	close(clients[1]);
	toynet_close(listener);
}

/* A program that closes what it does not know, and opens files there, gets no bytes into them. */
static void test_foreign_file_in_our_place(void)
{
	char path[] = "/tmp/toynet-sockets-XXXXXX";
	int fd[2], file = mkstemp(path);

	CHECK(file >= 0);
	unlink(path);
	connect_out(fd);
	for (int i = 500; i < 1000; i++) {
		if (fcntl(i, F_GETFD) >= 0)
			CHECK(dup2(file, i) == i);
	}
	talk(fd);
	CHECK(toynet_shutdown(fd[0], SHUT_WR) == 0);
	CHECK(lseek(file, 0, SEEK_END) == 0);
	for (int i = 500; i < 1000; i++)
		close(i);
	close_both(fd);
	connect_out(fd);
	talk(fd);
	close_both(fd);
	close(file);
}

static struct sockaddr_in echo_addr;

static void *echo_server(void *argument)
{
	int listener = *(int *)argument;

	for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
		char buf[4096];

		for (ssize_t n; (n = recv(fd, buf, sizeof(buf), 0)) > 0;)
			CHECK(send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n);
	}
	return NULL;
}

static void *echo_client(void *argument)
{
	for (int i = 0; i < 50; i++) {
		char buf[64], expected[64];
		int fd = toynet_socket(AF_INET, SOCK_STREAM, 0);
		int n = snprintf(expected, sizeof(expected), "thread %p round %d", argument, i);

		CHECK(fd >= 0 && toynet_connect(fd, (struct sockaddr *)&echo_addr, sizeof(echo_addr)) == 0);
		CHECK(toynet_send(fd, expected, (size_t)n, 0) == n);
		CHECK(toynet_recv(fd, buf, (size_t)n, MSG_WAITALL) == n && memcmp(buf, expected, (size_t)n) == 0);
		CHECK(toynet_close(fd) == 0);
	}
	return NULL;
}

static void test_threads(void)
{
	enum { THREADS = 8 };
	pthread_t servers[THREADS], clients[THREADS];
	int listener = kernel_listener(&echo_addr);

	for (uintptr_t i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&servers[i], NULL, echo_server, &listener) == 0);
		CHECK(pthread_create(&clients[i], NULL, echo_client, (void *)i) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(clients[i], NULL) == 0);
	shutdown(listener, SHUT_RDWR);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(servers[i], NULL) == 0);
	close(listener);
}

static void *blocked_connect(void *argument)
{
	struct sockaddr_in addr = at(nobody_ip, 81);

	toynet_connect(*(int *)argument, (struct sockaddr *)&addr, sizeof(addr));
	return NULL;
}

/* A call that takes long does not hold up another thread's. */
static void test_slow_call(void)
{
	int slow = toynet_socket(AF_INET, SOCK_STREAM, 0), fd[2];
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, blocked_connect, &slow) == 0);
	usleep(50000);
	int64_t began = now_ms();

	connect_out(fd);
	talk(fd);
	close_both(fd);
	CHECK(now_ms() - began < 1000);
	pthread_cancel(thread); /* takes effect when the attempt ends: not waited for */
	pthread_detach(thread);
}

static void *bulk_sender(void *argument)
{
	const int fd = *(int *)argument;
	static uint8_t bytes[65536];

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	for (uint32_t done = 0; done < BULK_BYTES;) {
		ssize_t n = write(fd, bytes + done % sizeof(bytes), sizeof(bytes) - done % sizeof(bytes));

		CHECK(n > 0);
		done += (uint32_t)n;
	}
	CHECK(shutdown(fd, SHUT_WR) == 0);
	return NULL;
}

static void bulk_receive(int fd)
{
	static uint8_t bytes[65536];
	uint32_t done = 0;

	for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) != 0;) {
		CHECK(n > 0);
		for (ssize_t k = 0; k < n; k++, done++) {
			uint32_t i = done % sizeof(bytes);

			if (bytes[k] != (uint8_t)(i * 31 + i / 256))
				CHECK(!"bytes as they were sent");
		}
	}
	CHECK(done == BULK_BYTES);
}

/* Plain read, write and shutdown on the descriptor. */
static void test_bulk(void)
{
	for (int way = 0; way < 2; way++) {
		int fd[2];
		pthread_t thread;

		connect_in(fd);
		CHECK(pthread_create(&thread, NULL, bulk_sender, &fd[way]) == 0);
		bulk_receive(fd[!way]);
		CHECK(pthread_join(thread, NULL) == 0);
		close_both(fd);
	}
}

/* What else may listen on the control socket's path. */
static void test_no_daemon(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int status, listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t child;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/toynet-sockets-%d.sock", getpid());
	CHECK(bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(listener, 8) == 0);
	child = fork();
	if (child == 0) {
		setenv("TOYNET_SOCKET", addr.sun_path, 1);
		CHECK_ERRNO(toynet_socket(AF_INET, SOCK_STREAM, 0), EPROTO);
		CHECK_ERRNO(toynet_socket(AF_INET, SOCK_STREAM, 0), ECONNREFUSED);
		close(listener);
		CHECK_ERRNO(toynet_socket(AF_INET, SOCK_STREAM, 0), ECONNREFUSED);
		unlink(addr.sun_path);
		CHECK_ERRNO(toynet_socket(AF_INET, SOCK_STREAM, 0), ENOENT);
		CHECK(strstr(toynet_error_detail(), addr.sun_path));
		_exit(0);
	}
	int fd = accept(listener, NULL, NULL); /* garbage */
	char buf[512];

	CHECK(recv(fd, buf, sizeof(buf), 0) > 0);
	CHECK(write(fd, "220 mail.example ESMTP, and what else a stranger may say\r\n", 58) == 58);
	close(fd);
	fd = accept(listener, NULL, NULL); /* nothing */
	CHECK(recv(fd, buf, sizeof(buf), 0) > 0);
	close(fd);
	close(listener);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
        {"connect", test_connect},
        {"accept", test_accept},
        {"refused", test_refused},
        {"nonblocking-connect", test_nonblocking_connect},
        {"no-answer", test_no_answer},
        {"reset", test_reset},
        {"reset-by-us", test_data_then_reset_of_ours},
        {"timeouts", test_timeouts},
        {"options", test_options},
        {"names-and-errors", test_names_and_errors},
        {"udp", test_udp},
        {"fork", test_fork},
        {"descriptor-table-full", test_descriptor_table_full},
        {"foreign-file", test_foreign_file_in_our_place},
        {"threads", test_threads},
        {"slow-call", test_slow_call},
        {"bulk", test_bulk},
        {"no-daemon", test_no_daemon},
};

int main(int argc, char **argv)
{
	int failures = 0;

	if (argc < 4 || argc > 5 || inet_pton(AF_INET, argv[1], &stack_ip) != 1 ||
	    inet_pton(AF_INET, argv[2], &kernel_ip) != 1 || inet_pton(AF_INET, argv[3], &nobody_ip) != 1) {
		fprintf(stderr, "usage: sockets STACK_ADDRESS KERNEL_ADDRESS NOBODY_ADDRESS [TEST]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 5 && strcmp(argv[4], tests[i].name) != 0)
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
		printf("%s %s%s\n", status == 0 ? "ok  " : "FAIL", tests[i].name,
		       WIFSIGNALED(status) ? " (ended by a signal)" : "");
	}
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
