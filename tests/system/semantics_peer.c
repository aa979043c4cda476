/* The other end of semantics.c, always on the kernel's stack: semantics_peer ADDRESS. It listens on the ports of
 * semantics.h, says "ready", and does by port what a scenario needs. */
#include "semantics.h"
#include <poll.h>
#include <signal.h>

static struct sockaddr_in own;

static int peer_listen(int port, int type)
{
	struct sockaddr_in a = at(own, port);
	int fd = socket(AF_INET, type, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "bind of the peer");
	if (type == SOCK_STREAM)
		must(listen(fd, 16) == 0, "listen of the peer");
	return fd;
}

static void reset(int fd)
{
	struct linger l = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

static void serve(int fd, int port)
{
	char buf[4096];
	ssize_t n;

	switch (port) {
	case ECHO:
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			must(write(fd, buf, (size_t)n) == n, "echo");
		break;
	case RESET:
		must(read(fd, buf, 1) >= 0, "the byte before the reset");
		usleep(200000);
		reset(fd);
		return;
	case HELLO:
		must(write(fd, "hello", 5) == 5, "hello");
		break;
	case DRAIN:
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		must(write(fd, "done", 4) == 4, "done");
		break;
	case SINK:
		usleep(500000);
		reset(fd);
		return;
	case TWICE:
		must(write(fd, "ab", 2) == 2, "ab");
		if (read(fd, buf, 1) == 1)
			must(write(fd, "cd", 2) == 2, "cd");
		while (read(fd, buf, 1) > 0)
			;
		break;
	}
	close(fd);
}

/* "c PORT MODE": h says hello and closes, r connects and resets at once, w waits for the end. */
static void connect_back(const char *request, struct sockaddr_in to)
{
	int port, fd = socket(AF_INET, SOCK_STREAM, 0);
	char mode, byte;

	if (sscanf(request, "c %d %c", &port, &mode) != 2)
		return;
	to.sin_port = htons((uint16_t)port);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return;
	}
	if (mode == 'r') {
		reset(fd);
		return;
	}
	if (mode == 'h')
		must(write(fd, "hello", 5) == 5, "hello back");
	else
		while (read(fd, &byte, 1) > 0)
			;
	close(fd);
}

static void peer_datagram(int fd, bool ask)
{
	char buf[65536];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, buf, sizeof(buf) - 1, 0, (struct sockaddr *)&from, &len);

	if (n < 0)
		return;
	buf[n] = '\0';
	if (!ask)
		sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
	else if (fork() == 0) {
		connect_back(buf, from);
		_exit(0);
	}
}

static int run_peer(void)
{
	struct pollfd p[8];
	int n = 0;

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (int port = ECHO; port < CLOSED; port++)
		p[n++] = (struct pollfd){.fd = peer_listen(port, SOCK_STREAM), .events = POLLIN};
	p[n++] = (struct pollfd){.fd = peer_listen(UDP_ECHO, SOCK_DGRAM), .events = POLLIN};
	p[n++] = (struct pollfd){.fd = peer_listen(UDP_ASK, SOCK_DGRAM), .events = POLLIN};
	puts("ready");
	fflush(stdout);
	while (poll(p, (nfds_t)n, -1) > 0) {
		for (int i = 0; i < n; i++) {
			if (!p[i].revents)
				continue;
			if (i >= n - 2) {
				peer_datagram(p[i].fd, i == n - 1);
				continue;
			}
			int fd = accept(p[i].fd, NULL, NULL);
			if (fork() == 0) {
				serve(fd, ECHO + i);
				_exit(0);
			}
			close(fd);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	own.sin_family = AF_INET;
	if (argc != 2 || inet_pton(AF_INET, argv[1], &own.sin_addr) != 1)
		return 2;
	return run_peer();
}
