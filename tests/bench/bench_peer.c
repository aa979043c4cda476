/* bench_peer: one end of a measurement, on the kernel's stack or on toynet's.
 *
 *     bench_peer kernel|toynet serve PORT                  sink on PORT, source on PORT+1, echo on PORT+2, until killed
 *     bench_peer kernel|toynet up|down|rr ADDRESS PORT SECONDS
 *
 * up sends to the sink, down receives from the source, rr exchanges single bytes with the echo. The first fifth of the time
 * is warm-up. Prints one JSON object. Kernel sockets use cubic, whatever the system's default is. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "toynet.h"

#define CHUNK (256 * 1024)

static bool on_toynet;
static char buffer[CHUNK];

static void die(const char *what)
{
	fprintf(stderr, "bench_peer: %s: %s\n", what, on_toynet ? toynet_error_detail() : strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set_option(int fd, int level, int name, const void *value, socklen_t len)
{
	int e = on_toynet ? toynet_setsockopt(fd, level, name, value, len) : setsockopt(fd, level, name, value, len);

	if (e)
		die("setsockopt");
}

static void tune(int fd)
{
	int on = 1;

	set_option(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int new_socket(void)
{
	int fd = on_toynet ? toynet_socket(AF_INET, SOCK_STREAM, 0) : socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	if (!on_toynet)
		set_option(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
	return fd;
}

static void serve_one(int fd, int service)
{
	ssize_t n;

	tune(fd);
	switch (service) {
	case 0:
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
		break;
	case 1:
		while (write(fd, buffer, sizeof(buffer)) > 0)
			;
		break;
	default:
		while ((n = read(fd, buffer, sizeof(buffer))) > 0 && write(fd, buffer, (size_t)n) == n)
			;
		break;
	}
}

static void serve(uint16_t port, int service)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(port + service))};
	int on = 1, fd = new_socket();

	set_option(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	int e = on_toynet ? toynet_bind(fd, (struct sockaddr *)&a, sizeof(a))
			  : bind(fd, (struct sockaddr *)&a, sizeof(a));
	if (e || (on_toynet ? toynet_listen(fd, 16) : listen(fd, 16)))
		die("listen");
	for (;;) {
		int c = on_toynet ? toynet_accept(fd, NULL, NULL) : accept(fd, NULL, NULL);
		if (c < 0)
			die("accept");
		serve_one(c, service);
		close(c);
	}
}

static void serve_all(uint16_t port)
{
	for (int service = 0; service < 3; service++) {
		pid_t pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(port, service);
		}
	}
	while (wait(NULL) > 0)
		;
	exit(1);
}

static int connect_to(const char *address, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = new_socket();

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		die("address");
	int e = on_toynet ? toynet_connect(fd, (struct sockaddr *)&a, sizeof(a))
			  : connect(fd, (struct sockaddr *)&a, sizeof(a));
	if (e)
		die("connect");
	tune(fd);
	return fd;
}

/* Moves data until the time is over; returns units (bytes, or round trips) a second after the warm-up. */
static double measure(int fd, char mode, double seconds)
{
	double begin = now_s(), warm = begin + seconds / 5, end = begin + seconds, started = 0;
	double units = 0;

	for (;;) {
		ssize_t n = mode == 'd' ? read(fd, buffer, sizeof(buffer))
					: write(fd, buffer, mode == 'r' ? 1 : sizeof(buffer));
		if (mode == 'r' && n == 1)
			n = read(fd, buffer, 1);
		if (n <= 0)
			die("transfer");
		double t = now_s();
		if (started == 0 && t >= warm) {
			started = t;
			units = 0;
			continue;
		}
		units += (double)n;
		if (t >= end)
			return units / (t - started);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	on_toynet = strcmp(argv[1], "toynet") == 0;
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[2], "serve") == 0)
		serve_all((uint16_t)atoi(argv[3]));
	if (argc != 6)
		return 2;
	char mode = argv[2][0];
	uint16_t port = (uint16_t)(atoi(argv[4]) + (mode == 'u' ? 0 : mode == 'd' ? 1 : 2));
	int fd = connect_to(argv[3], port);
	double rate = measure(fd, mode, atof(argv[5]));
	printf("{\"%s\": %.1f}\n", mode == 'r' ? "per_second" : "bits_per_second", mode == 'r' ? rate : rate * 8);
	return 0;
}
