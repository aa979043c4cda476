/* tcp_echo: sends back what comes, one thread for each connection.
 *
 *   tcp_echo [ADDRESS] PORT
 *
 * Every call of libtoynet may be made from any thread; read and write are the kernel's own, because the descriptor is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <toynet.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "tcp_echo: %s: %s (%s)\n", what, strerror(errno), toynet_error_detail());
	exit(EXIT_FAILURE);
}

/* The port in network order; 0 when the text is not one. */
static in_port_t parse_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *end == '\0' && port > 0 && port <= 65535 ? htons((uint16_t)port) : 0;
}

static void *echo(void *argument)
{
	const int fd = (int)(intptr_t)argument;
	char buffer[65536];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(fd, buffer + done, (size_t)(n - done));

			if (w < 0) {
				toynet_close(fd);
				return NULL;
			}
			done += w;
		}
	}
	toynet_close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	const int on = 1;
	pthread_attr_t detached;

	if (argc >= 2)
		addr.sin_port = parse_port(argv[argc - 1]);
	if (argc < 2 || argc > 3 || addr.sin_port == 0 ||
	    (argc == 3 && inet_pton(AF_INET, argv[1], &addr.sin_addr) != 1)) {
		fprintf(stderr, "usage: tcp_echo [ADDRESS] PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* write on a connection that the peer has reset: an error, not the end of us */

	int listener = toynet_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0)
		die("socket");
	if (toynet_setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		die("SO_REUSEADDR");
	if (toynet_bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("bind");
	if (toynet_listen(listener, 128) < 0)
		die("listen");
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (;;) {
		pthread_t thread;
		int fd = toynet_accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			die("accept");
		if (pthread_create(&thread, &detached, echo, (void *)(intptr_t)fd) != 0)
			toynet_close(fd);
	}
}
