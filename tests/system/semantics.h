/* What semantics.c and semantics_peer.c share: the ports of the peer, by which it knows what to do. */
#ifndef TOYNET_TESTS_SEMANTICS_H
#define TOYNET_TESTS_SEMANTICS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum port {
	ECHO = 7001,     /* sends back what comes */
	RESET,           /* accepts, waits for a byte, resets */
	HELLO,           /* sends "hello" and closes */
	DRAIN,           /* reads to the end, then sends "done" and closes */
	SINK,            /* never reads; resets after half a second */
	TWICE,           /* sends "ab", waits for a byte, sends "cd", and closes when the other end does */
	CLOSED,          /* nobody */
	UDP_ECHO = 7020, /* sends back */
	UDP_ASK,         /* "c PORT MODE": connects to the script */
};

static inline struct sockaddr_in at(struct sockaddr_in a, int port)
{
	a.sin_port = htons((uint16_t)port);
	return a;
}

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "semantics: %s: %s\n", what, strerror(errno));
	exit(1);
}

#endif
