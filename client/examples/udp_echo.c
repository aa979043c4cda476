/* udp_echo: sends every datagram back to where it came from.
 *
 *   udp_echo [ADDRESS] PORT
 *
 * Datagrams need the library's own calls: an address travels with each of them, which read and write cannot say. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <toynet.h>

/* The port in network order; 0 when the text is not one. */
static in_port_t parse_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *end == '\0' && port > 0 && port <= 65535 ? htons((uint16_t)port) : 0;
}

int main(int argc, char **argv)
{
	static char buffer[65536];
	struct sockaddr_in addr = {.sin_family = AF_INET};

	if (argc >= 2)
		addr.sin_port = parse_port(argv[argc - 1]);
	if (argc < 2 || argc > 3 || addr.sin_port == 0 ||
	    (argc == 3 && inet_pton(AF_INET, argv[1], &addr.sin_addr) != 1)) {
		fprintf(stderr, "usage: udp_echo [ADDRESS] PORT\n");
		return 2;
	}
	int fd = toynet_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || toynet_bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		fprintf(stderr, "udp_echo: %s (%s)\n", strerror(errno), toynet_error_detail());
		return EXIT_FAILURE;
	}
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = toynet_recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == ECONNREFUSED)
			continue; /* somebody did not wait for our answer */
		if (n < 0 || toynet_sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, len) < 0) {
			fprintf(stderr, "udp_echo: %s (%s)\n", strerror(errno), toynet_error_detail());
			return EXIT_FAILURE;
		}
	}
}
