/* A datagram descriptor of the client library, with the test in the daemon's place: the other end of the pair. */
#ifndef TOYNET_TESTS_CLIENT_PAIR_H
#define TOYNET_TESTS_CLIENT_PAIR_H

#include "client/client.h"
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int app, daemon_end;

static inline void open_pair(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	app = pair[0];
	daemon_end = pair[1];
}

static inline void close_pair(void)
{
	close(app);
	close(daemon_end);
}

static inline struct sockaddr_in address(const char *ip, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	ck_assert_int_eq(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}

/* What the daemon delivers. */
static inline void deliver(const struct toynet_datagram_header *h, size_t header_len, const char *payload)
{
	struct iovec iov[2] = {{(void *)(uintptr_t)h, header_len}, {(void *)(uintptr_t)payload, strlen(payload)}};

	ck_assert_int_eq(writev(daemon_end, iov, 2), (ssize_t)(header_len + strlen(payload)));
}

static inline struct toynet_datagram_header header(uint8_t type, uint32_t length, uint32_t error)
{
	return (struct toynet_datagram_header){
	        .magic = TOYNET_RECORD_MAGIC,
	        .version = TOYNET_DATAGRAM_VERSION,
	        .type = type,
	        .length = length,
	        .error = error,
	        .addr = {.family = 4, .port = 53, .ip = {192, 0, 2, 1}},
	};
}

struct message {
	char one[3], two[5];
	_Alignas(struct cmsghdr) char control[512];
	struct sockaddr_in name;
	struct iovec iov[2];
	struct msghdr m;
};

static inline struct msghdr *message(struct message *m, size_t control)
{
	memset(m, 0, sizeof(*m));
	m->iov[0] = (struct iovec){m->one, sizeof(m->one)};
	m->iov[1] = (struct iovec){m->two, sizeof(m->two)};
	m->m = (struct msghdr){.msg_name = &m->name,
	                       .msg_namelen = sizeof(m->name),
	                       .msg_iov = m->iov,
	                       .msg_iovlen = 2,
	                       .msg_control = m->control,
	                       .msg_controllen = control};
	return &m->m;
}

/* The value of a control message, or NULL. */
static inline const void *value(struct message *m, int level, int type, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->m); c; c = CMSG_NXTHDR(&m->m, c))
		if (c->cmsg_level == level && c->cmsg_type == type) {
			ck_assert_uint_eq(c->cmsg_len, CMSG_LEN(len));
			return CMSG_DATA(c);
		}
	return NULL;
}

/* Appends a control message to be sent. */
static inline void give(struct message *m, int level, int type, const void *data, size_t len)
{
	struct cmsghdr c = {.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};

	memcpy(m->control + m->m.msg_controllen, &c, sizeof(c));
	memcpy(m->control + m->m.msg_controllen + CMSG_LEN(0), data, len);
	m->m.msg_controllen += CMSG_SPACE(len);
}

static inline struct msghdr *to_be_sent(struct message *m)
{
	message(m, 0);
	m->name = address("192.0.2.9", 5353);
	memcpy(m->one, "abc", 3);
	memcpy(m->two, "defgh", 5);
	return &m->m;
}

#endif
