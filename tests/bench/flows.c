/* flows: bulk transfers for tests/bench/path and tests/bench/fairness, counted where they arrive.
 *
 *     flows listen sink|source PORT FLOWS SECONDS                      the far end, on the kernel's stack
 *     flows kernel|toynet sink|source ADDRESS PORT FLOWS SECONDS       the near end
 *
 * Theory of operation. The near end opens FLOWS connections, without blocking and all at once, and one end writes as
 * much as each takes. The sink counts what it reads of each flow in the SECONDS that follow the flow's first byte: so
 * slow start is in the figure, while a handshake that had to be repeated is not, which is a matter of luck and would
 * hide everything else. When all flows have had their time (or no flow can have any more) the sink prints one JSON
 * object and exits, which resets the connections; that ends the source. A listener prints `ready' when it listens.
 * Kernel sockets use cubic, whatever the system's default is. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "toynet.h"

#define FLOWS_MAX 256
#define CHUNK     (256 * 1024)
#define PATIENCE  20.0 /* seconds beyond the time of a flow in which its first byte must have come */
#define TICK_MS   2

struct flow {
	bool connecting;
	double first; /* when its first byte came; 0: none yet */
	double bytes; /* in its time */
};

static bool on_toynet, is_sink;
static size_t count; /* of the flows that were asked for */
static struct flow flows[FLOWS_MAX];
static struct pollfd fds[FLOWS_MAX + 1]; /* the last one is the listener's, or unused */
static char buffer[CHUNK];

static void die(const char *what)
{
	fprintf(stderr, "flows: %s: %s\n", what, on_toynet ? toynet_error_detail() : strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int kernel_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5))
		die("socket");
	return fd;
}

static void start_listening(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int on = 1, fd = kernel_socket();

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(fd, FLOWS_MAX))
		die("listen");
	fds[FLOWS_MAX] = (struct pollfd){.fd = fd, .events = POLLIN};
	puts("ready");
	fflush(stdout);
}

static void start_connecting(const char *address, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		die("address");
	for (size_t i = 0; i < count; i++) {
		int fd = on_toynet ? toynet_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
		                   : kernel_socket();
		if (fd < 0)
			die("socket");
		int e = on_toynet ? toynet_connect(fd, (struct sockaddr *)&a, sizeof(a))
		                  : connect(fd, (struct sockaddr *)&a, sizeof(a));
		if (e && errno != EINPROGRESS)
			die("connect");
		fds[i] = (struct pollfd){.fd = fd, .events = POLLOUT};
		flows[i].connecting = true;
	}
}

static short wanted(void)
{
	return is_sink ? POLLIN : POLLOUT;
}

static void accept_all(void)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i].fd >= 0)
			continue;
		int fd = accept4(fds[FLOWS_MAX].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		fds[i] = (struct pollfd){.fd = fd, .events = wanted()};
	}
}

static void connected(size_t i)
{
	int error = 0;
	socklen_t len = sizeof(error);
	int e = on_toynet ? toynet_getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &len)
	                  : getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &len);

	if (e || error) {
		errno = error ? error : errno;
		die("connect");
	}
	flows[i].connecting = false;
	fds[i].events = wanted();
}

/* False: the flow has ended. */
static bool move(size_t i, double now, double seconds)
{
	struct flow *f = &flows[i];
	ssize_t n = is_sink ? read(fds[i].fd, buffer, CHUNK) : write(fds[i].fd, buffer, CHUNK);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	if (f->first == 0)
		f->first = now;
	if (now < f->first + seconds)
		f->bytes += (double)n;
	return true;
}

static void turn(double seconds)
{
	if (poll(fds, FLOWS_MAX + 1, TICK_MS) < 0 && errno != EINTR)
		die("poll");
	double now = now_s();

	if (fds[FLOWS_MAX].revents)
		accept_all();
	for (size_t i = 0; i < count; i++) {
		if (fds[i].fd < 0 || !fds[i].revents)
			continue;
		if (flows[i].connecting) {
			connected(i);
		} else if (!move(i, now, seconds)) {
			if (is_sink)
				die("a flow ended early");
			close(fds[i].fd);
			fds[i].fd = -1;
		}
	}
}

/* How many flows have had their time, or may not hope for any more of it. */
static size_t finished(double begin, double seconds)
{
	size_t n = 0;
	double now = now_s();

	for (size_t i = 0; i < count; i++)
		n += flows[i].first > 0 ? now >= flows[i].first + seconds : now >= begin + PATIENCE;
	return n;
}

static void run_sink(double seconds)
{
	double begin = now_s();

	while (finished(begin, seconds) < count)
		turn(seconds);
	printf("{\"seconds\": %g, \"bytes\": [", seconds);
	for (size_t i = 0; i < count; i++)
		printf("%s%.0f", i ? ", " : "", flows[i].bytes);
	puts("]}");
}

static void run_source(double seconds)
{
	double begin = now_s();
	size_t open = 1;

	while (open && now_s() < begin + seconds + 2 * PATIENCE) {
		turn(seconds);
		open = 0;
		for (size_t i = 0; i < count; i++)
			open += fds[i].fd >= 0 || (fds[FLOWS_MAX].fd >= 0 && flows[i].first == 0);
	}
}

int main(int argc, char **argv)
{
	bool listener = argc > 1 && strcmp(argv[1], "listen") == 0;
	char **last = argv + argc - 3; /* PORT FLOWS SECONDS */

	if (argc != (listener ? 6 : 7))
		return 2;
	on_toynet = strcmp(argv[1], "toynet") == 0;
	is_sink = strcmp(argv[2], "sink") == 0;
	count = (size_t)atoi(last[1]);
	if (count < 1 || count > FLOWS_MAX)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i <= FLOWS_MAX; i++)
		fds[i].fd = -1;
	if (listener)
		start_listening((uint16_t)atoi(last[0]));
	else
		start_connecting(argv[3], (uint16_t)atoi(last[0]));
	if (is_sink)
		run_sink(atof(last[2]));
	else
		run_source(atof(last[2]));
	return 0;
}
