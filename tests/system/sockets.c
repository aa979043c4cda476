/* sockets: the calls of libtoynet, one by one, with the kernel as the peer. */
#include "peers.h"

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
	struct sockaddr_in addr = silent_port();
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

	CHECK_ERRNO(toynet_socket(AF_INET6, SOCK_RAW, IPPROTO_UDP), EAFNOSUPPORT);
	CHECK_ERRNO(toynet_socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMP), EPROTONOSUPPORT);
	CHECK_ERRNO(toynet_socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERRNO(toynet_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), EPROTONOSUPPORT);
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
	CHECK_ERRNO(toynet_sendto(fd, big, 65508, 0, (struct sockaddr *)&peer, sizeof(peer)), EMSGSIZE);
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

int main(int argc, char **argv)
{
	static const struct test tests[] = {
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
	};

	return run_tests(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
