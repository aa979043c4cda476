/* The Sockets service: whom a resolver asks. */
#include "rpc/methods.h"

void sockets_get_resolver(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	Toynet__V1__Resolver m = TOYNET__V1__RESOLVER__INIT;
	Toynet__V1__Address address[RPC_RESOLVER_SERVERS_MAX], *servers[RPC_RESOLVER_SERVERS_MAX];
	char ip[RPC_RESOLVER_SERVERS_MAX][IP_ADDR_TEXT_MAX], *search[RPC_RESOLVER_SEARCH_MAX];
	struct rpc_resolver r = {0};

	(void)request;
	(void)so;
	srv->host->resolver(srv->ctx, &r);
	m.servers = servers;
	m.search = search;
	for (; m.n_servers < r.servers; m.n_servers++) {
		Toynet__V1__Address *a = servers[m.n_servers] = &address[m.n_servers];
		toynet__v1__address__init(a);
		a->ip = ip_format(r.server[m.n_servers].addr, ip[m.n_servers]);
		a->port = r.server[m.n_servers].port;
	}
	for (; m.n_search < r.searches; m.n_search++)
		search[m.n_search] = r.search[m.n_search];
	call_reply(c, &m.base);
}
