/* many: keeps N connections to an echo server busy for T seconds, opening a new one for each that is done, and checks
 * every byte.
 *
 *   many ADDRESS PORT N T
 *
 * Each connection is opened without blocking, sends a few messages of its own pattern, reads them back, half-closes,
 * and expects the end. One in four closes with data unread instead. Prints how many were completed; exit status 0 when
 * nothing went wrong and at least N were. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <toynet.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1000
#define BYTES_MAX       3000
#define STALL_MS        20000 /* a connection that does not move for so long has failed */

enum step { CONNECTING, TALKING, ENDING };

struct connection {
	enum step step;
	uint32_t seed;
	uint32_t total, sent, received;
	bool abrupt;
	int64_t moved_ms;
};

static struct connection connections[CONNECTIONS_MAX];
static struct pollfd fds[CONNECTIONS_MAX];
static struct sockaddr_in server;
static unsigned long completed, failures, port_waits;
static uint32_t next_seed = 1;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint8_t pattern(uint32_t seed, uint32_t i)
{
	uint32_t x = (seed + i) * 2654435761u;

	return (uint8_t)(x >> 24 ^ x >> 11);
}

static void failed(const struct connection *c, const char *what)
{
	static const char *const steps[] = {[CONNECTING] = "connecting", [TALKING] = "talking", [ENDING] = "ending"};

	failures++;
	fprintf(stderr, "many: connection %u, %s, %u sent %u received of %u: %s: %s\n", c->seed, steps[c->step],
	        c->sent, c->received, c->total, what, errno ? strerror(errno) : "wrong bytes");
}

/* False: it could not be opened. */
static bool open_one(size_t i)
{
	struct connection *c = &connections[i];

	*c = (struct connection){.seed = next_seed++, .moved_ms = now_ms()};
	c->total = 1 + (c->seed * 2654435761u >> 8) % BYTES_MAX;
	c->abrupt = c->seed % 4 == 0;
	fds[i].fd = toynet_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fds[i].fd < 0) {
		failed(c, toynet_error_detail());
		return false;
	}
	if (toynet_connect(fds[i].fd, (struct sockaddr *)&server, sizeof(server)) < 0 && errno != EINPROGRESS) {
		if (errno == EADDRNOTAVAIL) { /* every port is in TIME-WAIT: wait for one */
			port_waits++;
			return false;
		}
		failed(c, toynet_error_detail());
		return false;
	}
	fds[i].events = POLLOUT;
	return true;
}

/* False: the connection has failed. */
static bool connected(struct connection *c, int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (toynet_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		errno = error ? error : errno;
		failed(c, "connect");
		return false;
	}
	c->step = TALKING;
	return true;
}

static bool transmit(struct connection *c, struct pollfd *p)
{
	uint8_t bytes[BYTES_MAX];

	for (uint32_t i = c->sent; i < c->total; i++)
		bytes[i - c->sent] = pattern(c->seed, i);
	ssize_t n = toynet_send(p->fd, bytes, c->total - c->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		failed(c, "send");
		return false;
	}
	c->sent += n > 0 ? (uint32_t)n : 0;
	if (c->sent < c->total)
		return true;
	p->events = POLLIN;
	if (!c->abrupt && toynet_shutdown(p->fd, SHUT_WR) < 0) {
		failed(c, "shutdown");
		return false;
	}
	return true;
}

/* True: the connection is over, well or badly. */
static bool receive(struct connection *c, struct pollfd *p)
{
	uint8_t bytes[BYTES_MAX];
	ssize_t n = toynet_recv(p->fd, bytes, c->abrupt ? 1 : sizeof(bytes), 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0) {
		failed(c, "recv");
		return true;
	}
	errno = 0;
	for (ssize_t i = 0; i < n; i++) {
		if (c->received >= c->total || bytes[i] != pattern(c->seed, c->received)) {
			failed(c, "recv");
			return true;
		}
		c->received++;
	}
	if (n == 0 && c->received != c->total) {
		failed(c, "the end came early");
		return true;
	}
	if (n == 0)
		completed++;
	if (c->abrupt)
		completed++;
	return n == 0 || c->abrupt;
}

/* One connection has events. True: it is over. */
static bool step(size_t i)
{
	struct connection *c = &connections[i];
	struct pollfd *p = &fds[i];

	c->moved_ms = now_ms();
	if (c->step == CONNECTING && !connected(c, p->fd))
		return true;
	if (p->events == POLLOUT)
		return !transmit(c, p);
	return receive(c, p);
}

static void turn(size_t n, bool reopen)
{
	if (poll(fds, n, 100) < 0 && errno != EINTR) {
		perror("many: poll");
		exit(EXIT_FAILURE);
	}
	const int64_t now = now_ms();

	for (size_t i = 0; i < n; i++) {
		bool over = false;

		if (fds[i].fd < 0) {
			if (reopen && !open_one(i))
				over = true;
		} else if (fds[i].revents) {
			over = step(i);
		} else if (now - connections[i].moved_ms > STALL_MS) {
			errno = ETIMEDOUT;
			failed(&connections[i], "stalled");
			over = true;
		}
		if (over && fds[i].fd >= 0) {
			toynet_close(fds[i].fd);
			fds[i].fd = -1;
		}
	}
}

int main(int argc, char **argv)
{
	const long n = argc == 5 ? strtol(argv[3], NULL, 10) : 0, seconds = argc == 5 ? strtol(argv[4], NULL, 10) : 0;

	server.sin_family = AF_INET;
	server.sin_port = argc == 5 ? htons((uint16_t)strtol(argv[2], NULL, 10)) : 0;
	if (n < 1 || n > CONNECTIONS_MAX || seconds < 1 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
		fprintf(stderr, "usage: many ADDRESS PORT CONNECTIONS(1-%d) SECONDS\n", CONNECTIONS_MAX);
		return 2;
	}
	for (long i = 0; i < n; i++)
		fds[i].fd = -1;

	const int64_t end = now_ms() + seconds * 1000;
	bool busy = true;

	while (busy) {
		const bool reopen = now_ms() < end && failures < 20;

		turn((size_t)n, reopen);
		busy = reopen;
		for (long i = 0; i < n; i++)
			busy = busy || fds[i].fd >= 0;
	}
	printf("%lu connections, %lu failures, %lu waits for a port\n", completed, failures, port_waits);
	return failures == 0 && completed >= (unsigned long)n ? EXIT_SUCCESS : EXIT_FAILURE;
}
