/* http_get: fetches one page over toynet and writes its body to standard output.
 *
 *   http_get http://ADDRESS[:PORT][/PATH]
 *
 * The whole of a client: socket, connect, send, recv until the server closes. Exit status 0 for an answer of 200. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <toynet.h>
#include <unistd.h>

#define HEAD_MAX 16384

static void die(const char *what)
{
	fprintf(stderr, "http_get: %s: %s (%s)\n", what, strerror(errno), toynet_error_detail());
	exit(EXIT_FAILURE);
}

/* Splits http://ADDRESS[:PORT][/PATH]. Returns the path, or NULL when url is not one. */
static const char *parse_url(const char *url, char host[64], struct sockaddr_in *addr)
{
	static const char scheme[] = "http://";

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	const char *authority = url + sizeof(scheme) - 1;
	size_t len = strcspn(authority, "/");

	if (len == 0 || len >= 64)
		return NULL;
	memcpy(host, authority, len);
	host[len] = '\0';

	char ip[64], *end;
	long port = 80;

	snprintf(ip, sizeof(ip), "%s", host);
	char *colon = strchr(ip, ':');

	if (colon) {
		*colon = '\0';
		port = strtol(colon + 1, &end, 10);
		if (*end)
			return NULL;
	}
	*addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (port < 1 || port > 65535 || inet_pton(AF_INET, ip, &addr->sin_addr) != 1)
		return NULL;
	return authority[len] ? authority + len : "/";
}

static void send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = toynet_send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			die("send");
		bytes += n;
		len -= (size_t)n;
	}
}

/* Reads the answer's head; what came of the body behind it is written out. Returns the status code. */
static int read_head(int fd)
{
	char head[HEAD_MAX + 1];
	size_t len = 0;
	char *end = NULL;
	int status;

	while (!end && len < HEAD_MAX) {
		ssize_t n = toynet_recv(fd, head + len, HEAD_MAX - len, 0);

		if (n < 0)
			die("recv");
		if (n == 0)
			break;
		len += (size_t)n;
		head[len] = '\0';
		end = strstr(head, "\r\n\r\n");
	}
	const char *space = end ? strchr(head, ' ') : NULL;

	if (!space || strncmp(head, "HTTP/", 5) != 0) {
		fprintf(stderr, "http_get: the answer is not HTTP\n");
		exit(EXIT_FAILURE);
	}
	status = (int)strtol(space, NULL, 10);
	end += 4;
	fwrite(end, 1, len - (size_t)(end - head), stdout);
	return status;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr;
	char host[64], request[2048], body[65536];
	const char *path = argc == 2 ? parse_url(argv[1], host, &addr) : NULL;
	ssize_t n;

	if (!path) {
		fprintf(stderr, "usage: http_get http://ADDRESS[:PORT][/PATH]\n");
		return 2;
	}
	int fd = toynet_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (toynet_connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("connect");

	int len = snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
	                   host);

	if (len < 0 || (size_t)len >= sizeof(request)) {
		fprintf(stderr, "http_get: the path is too long\n");
		return EXIT_FAILURE;
	}
	send_all(fd, request, (size_t)len);

	int status = read_head(fd);

	while ((n = toynet_recv(fd, body, sizeof(body), 0)) > 0)
		fwrite(body, 1, (size_t)n, stdout);
	if (n < 0)
		die("recv");
	toynet_close(fd);
	if (fflush(stdout) != 0) {
		perror("http_get: standard output");
		return EXIT_FAILURE;
	}
	if (status != 200)
		fprintf(stderr, "http_get: the server answered %d\n", status);
	return status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}
