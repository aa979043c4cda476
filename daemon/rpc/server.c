/* The public face of rpc/: the server, its connections, and the clock. */
#include "rpc/call.h"
#include <stdlib.h>
#include <string.h>

#define TABLE_BUCKETS 64

struct rpc_server *rpc_server_new(struct stack *s, const struct rpc_host *host, void *ctx, const char *version)
{
	struct rpc_server *srv = calloc(1, sizeof(*srv));

	if (!srv)
		return NULL;
	srv->stack = s;
	srv->env = stack_env(s);
	srv->host = host;
	srv->ctx = ctx;
	srv->version = version;
	srv->started = srv->env->now;
	srv->methods = rpc_methods;
	srv->methods_count = rpc_methods_count;
	list_init(&srv->pending);
	timer_queue_init(&srv->timers);
	if (!hash_table_init(&srv->grants, srv->env, TABLE_BUCKETS))
		goto fail;
	if (!hash_table_init(&srv->parked, srv->env, TABLE_BUCKETS))
		goto fail_parked;
	return srv;
fail_parked:
	hash_table_free(&srv->grants, srv->env);
fail:
	free(srv);
	return NULL;
}

void rpc_server_free(struct rpc_server *srv)
{
	assert(srv->connections == 0 && srv->calls == 0 && srv->parked_count == 0);
	hash_table_free(&srv->grants, srv->env);
	hash_table_free(&srv->parked, srv->env);
	timer_queue_free(&srv->timers, srv->env);
	free(srv);
}

struct rpc_conn *rpc_conn_new(struct rpc_server *srv, struct rpc_peer peer, void *ctx)
{
	struct rpc_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->srv = srv;
	c->peer = peer;
	c->ctx = ctx;
	c->request_budget = RPC_REQUEST_BYTES_MAX;
	list_init(&c->pending_link);
	list_init(&c->grants);
	c->h2 = h2_new(&call_upcalls, c);
	if (!c->h2) {
		free(c);
		return NULL;
	}
	srv->connections++;
	conn_mark_pending(c);
	return c;
}

void rpc_conn_free(struct rpc_conn *c)
{
	struct rpc_server *srv = c->srv;

	h2_free(c->h2);
	for (int i = 0; i < c->fd_count; i++)
		srv->host->close_fd(srv->ctx, c->fds[i]);
	grants_drop_conn(c);
	list_remove(&c->pending_link);
	srv->connections--;
	free(c);
}

void *rpc_conn_ctx(struct rpc_conn *c)
{
	return c->ctx;
}

bool rpc_conn_input(struct rpc_conn *c, const uint8_t *bytes, size_t len, const int *fds, int nfds)
{
	bool fits = c->fd_count + nfds <= RPC_FDS_QUEUED_MAX;

	for (int i = 0; i < nfds; i++) {
		if (fits)
			c->fds[c->fd_count++] = fds[i];
		else
			c->srv->host->close_fd(c->srv->ctx, fds[i]);
	}
	if (!fits)
		return false;
	bool sound = h2_input(c->h2, bytes, len);
	conn_mark_pending(c);
	return sound;
}

size_t rpc_conn_output(struct rpc_conn *c, const uint8_t **bytes, int *fd)
{
	list_remove(&c->pending_link);
	return h2_output(c->h2, bytes, fd);
}

void rpc_conn_sent(struct rpc_conn *c, size_t n)
{
	h2_sent(c->h2, n);
}

bool rpc_conn_done(const struct rpc_conn *c)
{
	return h2_done(c->h2);
}

void conn_mark_pending(struct rpc_conn *c)
{
	if (!list_linked(&c->pending_link))
		list_push_back(&c->srv->pending, &c->pending_link);
}

struct rpc_conn *rpc_server_pending(struct rpc_server *srv)
{
	while (!list_empty(&srv->pending)) {
		struct rpc_conn *c = list_entry(srv->pending.next, struct rpc_conn, pending_link);
		list_remove(&c->pending_link);
		if (h2_wants_output(c->h2))
			return c;
	}
	return NULL;
}

void rpc_socket_event(struct rpc_server *srv, struct socket *so, unsigned events)
{
	struct hash_node *n = srv->parked_count ? hash_table_first(&srv->parked, so->id) : NULL;

	while (n) {
		struct call *c = container_of(n, struct call, by_socket);
		n = hash_node_next(n);
		c->method->event(c, so, events);
	}
}

void rpc_socket_gone(struct rpc_server *srv, struct socket *so)
{
	calls_end_socket(srv, so->id, ECONNABORTED);
	grants_drop_socket(srv, so->id);
}

instant rpc_deadline(const struct rpc_server *srv)
{
	/* timer_next only tidies the heap. */
	return timer_next((struct timer_queue *)(uintptr_t)&srv->timers);
}

void rpc_tick(struct rpc_server *srv)
{
	struct timer_node *n;

	while ((n = timer_pop(&srv->timers, srv->env->now)))
		call_expire(container_of(n, struct call, timer));
}
