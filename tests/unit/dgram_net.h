/* A station with datagram sockets, for the suites of UDP, ping and raw sockets: see net.h for the station. Named
 * states: begin_kind; end checks for leaks. Datagrams go in and out one per line. */
#ifndef TOYNET_TESTS_DGRAM_NET_H
#define TOYNET_TESTS_DGRAM_NET_H

#include "net.h"
#include "transport/dgram.h"

#define BUF 4096

/* A station with three sockets of one kind. */
struct dgram_net {
	struct net n;
	struct ring_pool rings;
	struct dgram_layer l;
	struct dgram a, b, c;
	enum dgram_kind kind;
	int arrived, writable;
};

static inline void on_arrived(void *ctx, struct dgram *u)
{
	(void)u;
	((struct dgram_net *)ctx)->arrived++;
}

static inline void on_writable(void *ctx, struct dgram *u)
{
	(void)u;
	((struct dgram_net *)ctx)->writable++;
}

static inline void start_dgram(struct dgram_net *w)
{
	struct dgram_upcalls up = {.arrived = on_arrived, .writable = on_writable, .ctx = w};
	ck_assert(dgram_layer_init(&w->l, &w->n.env, &w->n.cnt, &w->n.ip, &w->rings, up));
	dgram_init(&w->l, &w->a, w->kind, BUF, BUF);
	dgram_init(&w->l, &w->b, w->kind, BUF, BUF);
	dgram_init(&w->l, &w->c, w->kind, BUF, BUF);
}

static inline void begin_kind(struct dgram_net *w, enum dgram_kind kind)
{
	w->kind = kind;
	w->arrived = w->writable = 0;
	net_begin_known(&w->n);
	ring_pool_init(&w->rings, &w->n.env);
	start_dgram(w);
}

static inline void stop_dgram(struct dgram_net *w)
{
	dgram_turn_end(&w->l);
	dgram_release(&w->l, &w->a);
	dgram_release(&w->l, &w->b);
	dgram_release(&w->l, &w->c);
	dgram_layer_free(&w->l);
}

static inline void end(struct dgram_net *w)
{
	stop_dgram(w);
	ring_pool_free(&w->rings);
	net_end(&w->n);
}

static inline struct endpoint at(const char *ip, uint16_t port)
{
	return (struct endpoint){.addr = ip ? addr(ip) : (struct ip_addr){0}, .port = port};
}

/* The application's next datagram: from whom, text. It is consumed. */
static inline void got(struct dgram_net *w, struct dgram *u, const char *ip, uint16_t port, const char *text)
{
	struct dgram_record rec;
	struct iovec iov[2];
	int niov;
	char bytes[2000] = {0};
	ck_assert(dgram_peek(&w->l, u, &rec, iov, &niov));
	size_t len = 0;
	for (int i = 0; i < niov; i++) {
		memcpy(bytes + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	ck_assert_uint_eq(len, rec.len);
	ck_assert_int_eq(rec.error, 0);
	ck_assert_str_eq(bytes, text);
	ck_assert(endpoint_eq(rec.addr, at(ip, port)));
	dgram_consume(&w->l, u);
}

static inline void got_error(struct dgram_net *w, struct dgram *u, int error)
{
	struct dgram_record rec;
	struct iovec iov[2];
	int niov;
	ck_assert(dgram_peek(&w->l, u, &rec, iov, &niov));
	ck_assert_int_eq(rec.error, error);
	ck_assert_int_eq(niov, 0);
	dgram_consume(&w->l, u);
}

static inline void got_nothing(struct dgram_net *w, struct dgram *u)
{
	struct dgram_record rec;
	struct iovec iov[2];
	int niov;
	ck_assert(!dgram_peek(&w->l, u, &rec, iov, &niov));
}

static inline void out_no_dgram(struct dgram_net *w)
{
	struct frame_out f;
	ck_assert(!dgram_output(&w->l, &f));
}

static inline int send_text(struct dgram_net *w, struct dgram *u, const char *ip, uint16_t port, const char *text)
{
	return dgram_send(&w->l, u, at(ip, port), NULL, text, (uint32_t)strlen(text));
}

static inline void snap_all(struct snap *s, struct dgram_net *w)
{
	snap_dgram_layer(s, &w->l);
	snap_dgram(s, &w->l, &w->a);
	snap_dgram(s, &w->l, &w->b);
	snap_dgram(s, &w->l, &w->c);
}

#endif
