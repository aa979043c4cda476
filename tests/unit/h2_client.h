/* An HTTP/2 client within the test: nghttp2's client session, joined to a server by two functions, so that a test says
 * "this call with these headers" and reads what came of it. The wire is memory; nothing blocks. */
#ifndef TOYNET_TESTS_H2_CLIENT_H
#define TOYNET_TESTS_H2_CLIENT_H

#include "base/types.h"
#include <nghttp2/nghttp2.h>

#define H2C_CALLS_MAX 160
#define H2C_FDS_MAX   16

/* The server's end of the wire. */
struct h2c_server {
	bool (*input)(void *p, const uint8_t *bytes, size_t len);
	size_t (*output)(void *p, const uint8_t **bytes, int *fd);
	void (*sent)(void *p, size_t n);
	void *p;
};

/* What a call asks; NULL members take what a stock client sends. */
struct h2c_request {
	const char *path;
	const char *method;       /* "POST" */
	const char *content_type; /* "application/grpc"; "" leaves it out */
	const char *te;           /* "trailers"; "" leaves it out */
	const char *timeout, *want_fd;
	const char *extra_name, *extra_value;
	const uint8_t *body;
	size_t body_len;
	bool open; /* the request does not end */
};

/* What came of it. */
struct h2c_call {
	int32_t id;
	struct h2c_request request;
	size_t body_sent;
	char http_status[8];
	int grpc_status;    /* -1: none yet */
	int grpc_status_in; /* header blocks before grpc-status came: 1 is trailers-only */
	int header_blocks;
	char message[800];
	int error; /* toynet-errno, 0 none */
	int fds;   /* toynet-fds */
	uint8_t *body;
	size_t body_len;
	bool ended;
	bool closed;
	uint32_t close_code;
};

struct h2c {
	struct h2c_server server;
	nghttp2_session *session;
	struct h2c_call call[H2C_CALLS_MAX];
	int calls;
	int fd[H2C_FDS_MAX];            /* in order of arrival */
	int32_t fd_stream[H2C_FDS_MAX]; /* whose HEADERS frame began with the byte that it came with */
	int fds;
	bool goaway;
	size_t chunk; /* bytes that the server takes or gives at a time; 0: all */
};

void h2c_init(struct h2c *c, struct h2c_server server);
void h2c_free(struct h2c *c);
struct h2c_call *h2c_start(struct h2c *c, struct h2c_request r);
void h2c_cancel(struct h2c *c, const struct h2c_call *call);
/* Moves bytes both ways until neither side has any. False: the server says the connection is beyond repair. */
bool h2c_pump(struct h2c *c);
/* Only towards the server; only from it. */
bool h2c_push(struct h2c *c);
void h2c_pull(struct h2c *c);
/* h2c_start and h2c_pump. */
struct h2c_call *h2c_do(struct h2c *c, struct h2c_request r);

#endif
