/* Authority by possession. A connection may drive the sockets that it opened and those whose descriptor it has shown;
 * each such right is one grant, found by the socket's id. Ids are never used again, so a grant cannot pass to another
 * socket. */
#include "rpc/call.h"
#include <stdlib.h>

static uint64_t id_hash(uint64_t id)
{
	return id * UINT64_C(0x9E3779B97F4A7C15);
}

static struct grant *grant_find(const struct rpc_conn *conn, uint64_t socket)
{
	struct hash_node *n = hash_table_first(&conn->srv->grants, id_hash(socket));

	for (; n; n = hash_node_next(n)) {
		struct grant *g = container_of(n, struct grant, by_socket);
		if (g->conn == conn && g->socket == socket)
			return g;
	}
	return NULL;
}

static void grant_free(struct grant *g)
{
	hash_table_remove(&g->conn->srv->grants, &g->by_socket);
	list_remove(&g->link);
	g->conn->grant_count--;
	free(g);
}

int grant_add(struct rpc_conn *conn, const struct socket *so, bool keeps)
{
	if (grant_find(conn, so->id))
		return 0;
	if (conn->grant_count == RPC_GRANTS_MAX)
		return ENOBUFS;
	struct grant *g = calloc(1, sizeof(*g));
	if (!g)
		return ENOBUFS;
	g->conn = conn;
	g->socket = so->id;
	g->keeps = keeps;
	hash_table_insert(&conn->srv->grants, conn->srv->env, &g->by_socket, id_hash(so->id));
	list_push_back(&conn->grants, &g->link);
	conn->grant_count++;
	return 0;
}

bool grant_has(const struct rpc_conn *conn, uint64_t socket)
{
	return grant_find(conn, socket) != NULL;
}

void grant_linger(const struct rpc_conn *conn, uint64_t socket)
{
	struct grant *g = grant_find(conn, socket);

	if (g)
		g->lingers = true;
}

static void drop_socket(struct rpc_server *srv, uint64_t socket, bool lingering)
{
	struct hash_node *n = hash_table_first(&srv->grants, id_hash(socket));

	while (n) {
		struct grant *g = container_of(n, struct grant, by_socket);
		n = hash_node_next(n);
		if (g->socket == socket && (lingering || !g->lingers))
			grant_free(g);
	}
}

void grants_end_socket(struct rpc_server *srv, uint64_t socket)
{
	drop_socket(srv, socket, true);
}

void grants_drop_socket(struct rpc_server *srv, uint64_t socket)
{
	drop_socket(srv, socket, false);
}

void grants_drop_conn(struct rpc_conn *conn)
{
	struct rpc_server *srv = conn->srv;

	/* host->close comes back with rpc_socket_gone, so no grant is held across it. */
	while (!list_empty(&conn->grants)) {
		struct grant *g = list_entry(conn->grants.next, struct grant, link);
		struct socket *so = g->keeps ? socket_by_id(srv->stack, g->socket) : NULL;
		grant_free(g);
		if (so)
			srv->host->close(srv->ctx, so, false);
	}
}
