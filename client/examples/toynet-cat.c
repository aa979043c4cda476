/* toynet-cat: standard input to a TCP connection, and the connection to standard output.
 *
 *   toynet-cat [-d] ADDRESS PORT        connects
 *   toynet-cat [-d] -l [ADDRESS] PORT   waits for one connection
 *
 * The end of the input ends our half of the connection (a FIN); the program ends when both halves have. With -d nothing
 * is read from the input: our half ends at once. Only socket, connect, accept, shutdown and the like are calls of
 * libtoynet: the descriptor is a real one, and poll works on it as on any other. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <toynet.h>
#include <unistd.h>

#define BUFFER_SIZE 65536

/* Bytes on their way from one descriptor to another. */
struct pipe {
	char bytes[BUFFER_SIZE];
	size_t start, end;
	bool eof; /* the source has ended; nothing more will come */
};

static void die(const char *what)
{
	fprintf(stderr, "toynet-cat: %s: %s (%s)\n", what, strerror(errno), toynet_error_detail());
	exit(EXIT_FAILURE);
}

/* The port in network order; 0 when the text is not one. */
static in_port_t parse_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *end == '\0' && port > 0 && port <= 65535 ? htons((uint16_t)port) : 0;
}

static int open_connection(bool listening, const struct sockaddr_in *addr)
{
	const int on = 1;
	int fd = toynet_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (!listening) {
		if (toynet_connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
			die("connect");
		return fd;
	}
	if (toynet_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		die("SO_REUSEADDR");
	if (toynet_bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		die("bind");
	if (toynet_listen(fd, 1) < 0)
		die("listen");
	int connection = toynet_accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (connection < 0)
		die("accept");
	toynet_close(fd);
	return connection;
}

/* Reads once when the buffer is empty; returns false when there is nothing now. */
static void fill(struct pipe *p, int fd, bool is_socket)
{
	ssize_t n = is_socket ? toynet_recv(fd, p->bytes, sizeof(p->bytes), MSG_DONTWAIT)
	                      : read(fd, p->bytes, sizeof(p->bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		die("read");
	p->start = 0;
	p->end = (size_t)n;
	p->eof = n == 0;
}

/* Writes what is in the buffer, as much as goes. */
static void drain(struct pipe *p, int fd, bool is_socket)
{
	const char *from = p->bytes + p->start;
	size_t len = p->end - p->start;
	ssize_t n = is_socket ? toynet_send(fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, from, len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		die("write");
	p->start += (size_t)n;
}

static void copy_both_ways(int fd, bool read_input)
{
	static struct pipe up, down; /* large: not on the stack */
	bool half_closed = false;

	up.eof = !read_input;
	for (;;) {
		const bool up_full = up.start < up.end, down_full = down.start < down.end;

		if (up.eof && !up_full && !half_closed) {
			if (toynet_shutdown(fd, SHUT_WR) < 0 && errno != ENOTCONN)
				die("shutdown");
			half_closed = true;
		}
		if (half_closed && down.eof && !down_full)
			return;

		/* poll ignores a descriptor of -1: what we have no use for now must not wake us. */
		const bool want_in = !down.eof && !down_full;
		struct pollfd p[3] = {
		        {.fd = !up.eof && !up_full ? STDIN_FILENO : -1, .events = POLLIN},
		        {.fd = want_in || up_full ? fd : -1,
		         .events = (short)((want_in ? POLLIN : 0) | (up_full ? POLLOUT : 0))},
		        {.fd = down_full ? STDOUT_FILENO : -1, .events = POLLOUT},
		};

		if (poll(p, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			die("poll");
		}
		if (p[0].revents)
			fill(&up, STDIN_FILENO, false);
		if (want_in && (p[1].revents & (POLLIN | POLLHUP | POLLERR)))
			fill(&down, fd, true);
		if (up.start < up.end)
			drain(&up, fd, true);
		if (down.start < down.end)
			drain(&down, STDOUT_FILENO, false);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	bool listening = false, read_input = true;
	int opt;

	while ((opt = getopt(argc, argv, "dl")) != -1) {
		if (opt == 'l')
			listening = true;
		else if (opt == 'd')
			read_input = false;
		else
			argc = 0;
	}
	const int operands = argc - optind;
	const char *port = operands > 0 ? argv[argc - 1] : "0";

	addr.sin_port = parse_port(port);
	if (operands < (listening ? 1 : 2) || operands > 2 || addr.sin_port == 0 ||
	    (operands == 2 && inet_pton(AF_INET, argv[optind], &addr.sin_addr) != 1)) {
		fprintf(stderr, "usage: toynet-cat [-d] ADDRESS PORT\n       toynet-cat [-d] -l [ADDRESS] PORT\n");
		return 2;
	}
	int fd = open_connection(listening, &addr);

	copy_both_ways(fd, read_input);
	toynet_close(fd);
	return EXIT_SUCCESS;
}
