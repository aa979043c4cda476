/* The calls of a datagram socket on either side of the link, so that one program is the kernel's peer and toynet's.
 *
 * "kernel" takes the calls of the C library: the program runs in the namespace whose kernel is the peer. "toynet" takes
 * libtoynet's. Both give descriptors that poll(2) knows. */
#ifndef TOYNET_TESTS_SIDES_H
#define TOYNET_TESTS_SIDES_H

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

struct side {
	const char *name;
	int buffer_option; /* SO_RCVBUF without the kernel's limit for the unprivileged */
	int (*socket)(int domain, int type, int protocol);
	int (*bind)(int fd, const struct sockaddr *addr, socklen_t len);
	int (*connect)(int fd, const struct sockaddr *addr, socklen_t len);
	ssize_t (*send)(int fd, const void *buf, size_t len, int flags);
	ssize_t (*recv)(int fd, void *buf, size_t len, int flags);
	int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t len);
};

static inline int connect_kernel(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

static inline int bind_kernel(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind(fd, addr, len);
}

static const struct side sides[] = {
        {"kernel", SO_RCVBUFFORCE, socket, bind_kernel, connect_kernel, send, recv, setsockopt},
        {"toynet", SO_RCVBUF, toynet_socket, toynet_bind, toynet_connect, toynet_send, toynet_recv, toynet_setsockopt},
};

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s [%s]\n", what, strerror(errno), toynet_error_detail());
	exit(EXIT_FAILURE);
}

/* NULL: there is none of this name. */
static inline const struct side *side_named(const char *name)
{
	for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++)
		if (strcmp(sides[i].name, name) == 0)
			return &sides[i];
	return NULL;
}

static inline struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "not an address: %s\n", ip);
		exit(EXIT_FAILURE);
	}
	return a;
}

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) > 0;
}

static inline void set_receive_buffer(const struct side *side, int fd, int bytes)
{
	if (side->setsockopt(fd, SOL_SOCKET, side->buffer_option, &bytes, sizeof(bytes)) < 0)
		die("SO_RCVBUF");
}

#endif
