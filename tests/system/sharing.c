/* sharing: sockets of libtoynet among threads, processes and programs, and what happens when the daemon is not there.
 */
#include "peers.h"

#define BULK_BYTES (64u << 20)

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

/* Several processes accept from one listener: each connection goes to one of them. */
static void test_prefork(void)
{
	enum { SERVERS = 4, CLIENTS = 40 };
	struct sockaddr_in addr;
	int listener = stack_listener(&addr, 0), clients[CLIENTS], served[SERVERS] = {0}, status;
	pid_t children[SERVERS];

	for (int i = 0; i < SERVERS; i++) {
		children[i] = fork();
		if (children[i] != 0)
			continue;
		for (;;) {
			const uint8_t number = (uint8_t)i;
			int fd = toynet_accept(listener, NULL, NULL);

			CHECK(fd >= 0 && toynet_send(fd, &number, 1, 0) == 1 && toynet_close(fd) == 0);
		}
	}
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(clients[i], (struct sockaddr *)&addr, sizeof(addr)) == 0);
	}
	for (int i = 0; i < CLIENTS; i++) {
		uint8_t number[2];

		CHECK(recv(clients[i], number, 2, MSG_WAITALL) == 1 && number[0] < SERVERS);
		served[number[0]]++;
		close(clients[i]);
	}
	for (int i = 0; i < SERVERS; i++) {
		kill(children[i], SIGKILL);
		CHECK(waitpid(children[i], &status, 0) == children[i] && WIFSIGNALED(status));
	}
	toynet_close(listener);
}

/* Runs in the program that test_exec starts, with no memory of the socket but its number. */
static int after_exec(int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	const int on = 1;

	test_name = "after exec";
	CHECK(toynet_getpeername(fd, (struct sockaddr *)&addr, &len) == 0);
	CHECK(toynet_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	CHECK(toynet_send(fd, "ping", 4, 0) == 4);
	return EXIT_SUCCESS;
}

static void test_exec(void)
{
	int fd[2], copy, status;
	char buf[8], number[16];

	connect_out(fd);
	copy = dup(fd[0]); /* another number, and not close-on-exec */
	CHECK(copy >= 0);
	snprintf(number, sizeof(number), "%d", copy);
	pid_t child = fork();

	if (child == 0) {
		execl("/proc/self/exe", "sharing", "after-exec", number, (char *)NULL);
		_exit(127);
	}
	CHECK(recv(fd[1], buf, sizeof(buf), 0) == 4);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	close(copy);
	talk(fd);
	/* Shut down both ways is not closed: the descriptor still names the socket. */
	CHECK(toynet_shutdown(fd[0], SHUT_RDWR) == 0);
	CHECK(recv(fd[1], buf, sizeof(buf), 0) == 0);
	CHECK(toynet_recv(fd[0], buf, sizeof(buf), 0) == 0);
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	CHECK(toynet_getsockname(fd[0], (struct sockaddr *)&addr, &len) == 0 &&
	      addr.sin_addr.s_addr == stack_ip.s_addr);
	close_both(fd);
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
	struct sockaddr_in addr = silent_port();

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

			CHECK(bytes[k] == (uint8_t)(i * 31 + i / 256));
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

int main(int argc, char **argv)
{
	static const struct test tests[] = {
	        {"fork", test_fork},
	        {"prefork", test_prefork},
	        {"exec", test_exec},
	        {"descriptor-table-full", test_descriptor_table_full},
	        {"foreign-file", test_foreign_file_in_our_place},
	        {"threads", test_threads},
	        {"slow-call", test_slow_call},
	        {"bulk", test_bulk},
	        {"no-daemon", test_no_daemon},
	};

	if (argc == 3 && strcmp(argv[1], "after-exec") == 0)
		return after_exec((int)strtol(argv[2], NULL, 10));
	return run_tests(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
