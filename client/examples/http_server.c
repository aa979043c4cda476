/* http_server: serves one page to everybody who connects.
 *
 *   http_server [ADDRESS] PORT
 *
 * A server with one poll loop and no threads. The listener and every connection are real descriptors: poll says when
 * the listener has a connection, when a request can be read and when the answer can go on. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <toynet.h>
#include <unistd.h>

#define CLIENTS_MAX 256
#define REQUEST_MAX 4096
#define ANSWER_MAX  1024

struct client {
	char request[REQUEST_MAX];
	size_t received;
	char answer[ANSWER_MAX];
	size_t len, sent;
	char name[INET_ADDRSTRLEN];
};

static struct pollfd fds[1 + CLIENTS_MAX]; /* 0 is the listener */
static struct client clients[1 + CLIENTS_MAX];
static nfds_t used;
static unsigned long served;

static void die(const char *what)
{
	fprintf(stderr, "http_server: %s: %s (%s)\n", what, strerror(errno), toynet_error_detail());
	exit(EXIT_FAILURE);
}

/* The port in network order; 0 when the text is not one. */
static in_port_t parse_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *end == '\0' && port > 0 && port <= 65535 ? htons((uint16_t)port) : 0;
}

static int open_listener(const struct sockaddr_in *addr)
{
	const int on = 1;
	int fd = toynet_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (toynet_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		die("SO_REUSEADDR");
	if (toynet_bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		die("bind");
	if (toynet_listen(fd, 128) < 0)
		die("listen");
	return fd;
}

static void accept_clients(void)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);

	while (used <= CLIENTS_MAX) {
		int fd = toynet_accept4(fds[0].fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			/* Anything but these will not pass: the daemon has ended, say. */
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				die("accept");
			return;
		}
		struct client *c = &clients[used];

		c->received = c->len = c->sent = 0;
		inet_ntop(AF_INET, &peer.sin_addr, c->name, sizeof(c->name));
		fds[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
}

static void drop_client(nfds_t i)
{
	toynet_close(fds[i].fd);
	used--;
	if (i != used) {
		fds[i] = fds[used];
		clients[i] = clients[used];
	}
}

static void write_answer(struct client *c)
{
	char page[ANSWER_MAX / 2];
	const bool get = strncmp(c->request, "GET ", 4) == 0;
	int len = snprintf(page, sizeof(page),
	                   "<!doctype html><title>toynet</title>\n<h1>Hello, %s</h1>\n"
	                   "<p>This page came through a TCP/IP stack in user space. You are visitor %lu.</p>\n",
	                   c->name, ++served);

	c->len = (size_t)snprintf(
	        c->answer, sizeof(c->answer),
	        "HTTP/1.0 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
	        get ? "200 OK" : "405 Method Not Allowed", len, page);
}

/* Reads until the empty line that ends a request's head. False: the connection is to be closed. */
static bool read_request(nfds_t i)
{
	struct client *c = &clients[i];
	ssize_t n = toynet_recv(fds[i].fd, c->request + c->received, sizeof(c->request) - 1 - c->received, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	c->received += (size_t)n;
	c->request[c->received] = '\0';
	if (strstr(c->request, "\r\n\r\n")) {
		write_answer(c);
		fds[i].events = POLLOUT;
	}
	return c->received < sizeof(c->request) - 1;
}

/* False: the connection is to be closed. */
static bool send_answer(nfds_t i)
{
	struct client *c = &clients[i];
	ssize_t n = toynet_send(fds[i].fd, c->answer + c->sent, c->len - c->sent, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->sent += (size_t)n;
	return c->sent < c->len;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};

	if (argc >= 2)
		addr.sin_port = parse_port(argv[argc - 1]);
	if (argc < 2 || argc > 3 || addr.sin_port == 0 ||
	    (argc == 3 && inet_pton(AF_INET, argv[1], &addr.sin_addr) != 1)) {
		fprintf(stderr, "usage: http_server [ADDRESS] PORT\n");
		return 2;
	}
	fds[0] = (struct pollfd){.fd = open_listener(&addr), .events = POLLIN};
	used = 1;
	for (;;) {
		fds[0].events = used <= CLIENTS_MAX ? POLLIN : 0;
		if (poll(fds, used, -1) < 0 && errno != EINTR)
			die("poll");
		/* Downwards: dropping a client moves the last one, which has had its turn, into its place. */
		for (nfds_t i = used - 1; i > 0; i--) {
			if (!fds[i].revents)
				continue;
			if (!(fds[i].events == POLLOUT ? send_answer(i) : read_request(i)))
				drop_client(i);
		}
		if (fds[0].revents & POLLIN)
			accept_clients();
		else if (fds[0].revents)
			die("the listener has ended");
	}
}
