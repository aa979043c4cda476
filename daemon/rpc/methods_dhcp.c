/* The Admin service: what the DHCP client does and has got. */
#include "rpc/methods.h"

struct dhcp_message_parts {
	char address[PREFIX_TEXT_MAX], server[IP_ADDR_TEXT_MAX], client_id[DHCP_CLIENT_ID_TEXT_MAX];
	char router[DHCP_ROUTERS_MAX][IP_ADDR_TEXT_MAX], dns[DHCP_DNS_MAX][IP_ADDR_TEXT_MAX];
	char *routers[DHCP_ROUTERS_MAX], *dnses[DHCP_DNS_MAX];
	Toynet__V1__DhcpRoute route[DHCP_ROUTES_MAX], *routes[DHCP_ROUTES_MAX];
	char prefix[DHCP_ROUTES_MAX][PREFIX_TEXT_MAX], gateway[DHCP_ROUTES_MAX][IP_ADDR_TEXT_MAX];
};

static void fill_routes(Toynet__V1__GetDhcpResponse *m, struct dhcp_message_parts *to, const struct dhcp_params *p)
{
	for (int i = 0; i < p->routers; i++)
		to->routers[i] = ip_format(p->router[i], to->router[i]);
	for (int i = 0; i < p->routes; i++) {
		Toynet__V1__DhcpRoute *r = to->routes[i] = &to->route[i];
		toynet__v1__dhcp_route__init(r);
		r->prefix = prefix_format(p->route[i].prefix, to->prefix[i]);
		r->gateway = ip_format(p->route[i].gateway, to->gateway[i]);
	}
	m->n_routers = p->routers;
	m->routers = to->routers;
	m->n_routes = p->routes;
	m->routes = to->routes;
}

static void fill_lease(Toynet__V1__GetDhcpResponse *m, struct dhcp_message_parts *to, const struct dhcp *d)
{
	const struct dhcp_lease *l = &d->lease;

	m->address = prefix_format(l->address, to->address);
	m->lease_s = l->lease_s;
	m->left_s = dhcp_seconds_left(d, l->expires);
	m->renew_s = dhcp_seconds_left(d, l->t1);
	m->rebind_s = dhcp_seconds_left(d, l->t2);
	for (int i = 0; i < l->params.dns; i++)
		to->dnses[i] = ip_format(l->params.dns_server[i], to->dns[i]);
	m->n_dns = l->params.dns;
	m->dns = to->dnses;
	m->domain = (char *)(uintptr_t)l->params.domain;
	m->search = (char *)(uintptr_t)l->params.search;
	m->mtu = l->params.mtu;
	fill_routes(m, to, &l->params);
}

void admin_get_dhcp(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct dhcp *d = stack_dhcp(c->conn->srv->stack);
	Toynet__V1__GetDhcpResponse m = TOYNET__V1__GET_DHCP_RESPONSE__INIT;
	struct dhcp_message_parts parts;

	(void)request;
	(void)so;
	m.state = (char *)(uintptr_t)dhcp_state_names[d ? d->state : DHCP_OFF];
	if (d) {
		m.client_id = dhcp_client_id_format(&d->cfg.client_id, parts.client_id);
		m.hostname = (char *)(uintptr_t)d->cfg.hostname;
		m.server = ip_format(d->lease.server, parts.server);
	}
	if (d && d->lease.address.addr.family != IP_NONE)
		fill_lease(&m, &parts, d);
	call_reply(c, &m.base);
}
