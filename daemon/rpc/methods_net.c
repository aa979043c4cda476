/* The Admin service: interfaces, addresses and routes.
 *
 * The tables are those of ip/ip.h, and short, so that a list is one page; the core keeps them consistent. Here texts
 * become addresses, and what the core refuses becomes a sentence that says what to do. */
#include "rpc/methods.h"
#include <string.h>

#define IP4_BITS 32

static const Toynet__V1__Origin origins[] = {
        [IP_ORIGIN_STATIC] = TOYNET__V1__ORIGIN__ORIGIN_STATIC,
        [IP_ORIGIN_LINK] = TOYNET__V1__ORIGIN__ORIGIN_LINK,
        [IP_ORIGIN_DHCP] = TOYNET__V1__ORIGIN__ORIGIN_DHCP,
};
_Static_assert(ARRAY_LEN(origins) == IP_ORIGINS, "one for each origin");

static const Toynet__V1__LinkState link_states[] = {
        [RPC_LINK_UNKNOWN] = TOYNET__V1__LINK_STATE__LINK_STATE_UNSPECIFIED,
        [RPC_LINK_UP] = TOYNET__V1__LINK_STATE__LINK_STATE_UP,
        [RPC_LINK_DOWN] = TOYNET__V1__LINK_STATE__LINK_STATE_DOWN,
};
_Static_assert(ARRAY_LEN(link_states) == RPC_LINK_STATES, "one for each state");

static struct ip_layer *layer_of(struct call *c)
{
	return stack_ip(c->conn->srv->stack);
}

static char *interface_of(const struct call *c)
{
	const struct rpc_server *srv = c->conn->srv;

	return (char *)(uintptr_t)srv->host->interface_name(srv->ctx);
}

/* Of all lists: their produce functions do the work. */
void admin_list(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	(void)request;
	(void)so;
	call_stream(c);
}

enum produced admin_list_interfaces_produce(struct call *c)
{
	const struct rpc_server *srv = c->conn->srv;
	const struct counters *n = stack_counters(srv->stack);
	const struct ip_layer *ip = layer_of(c);
	Toynet__V1__Interface m = TOYNET__V1__INTERFACE__INIT;
	char mac[MAC_TEXT_MAX];

	m.name = interface_of(c);
	m.mac = mac_format(ip->cfg.mac, mac);
	m.state = link_states[srv->host->link_state(srv->ctx)];
	m.mtu = ip->cfg.mtu;
	m.in_frames = n->v[CNT_LinkInFrames];
	m.in_octets = n->v[CNT_LinkInOctets];
	m.in_dropped = n->v[CNT_LinkInTooShort] + n->v[CNT_LinkInLengthFrames] + n->v[CNT_LinkInUnknownType] +
	               n->v[CNT_LinkInNotForUs] + n->v[CNT_LinkInBadOffload];
	m.out_frames = n->v[CNT_LinkOutFrames];
	m.out_octets = n->v[CNT_LinkOutOctets];
	m.out_refused = n->v[CNT_LinkOutRefused];
	m.checksum_offload = ip->caps.csum;
	m.segment_offload = ip->caps.gso_max;
	(void)call_append(c, &m.base);
	return PRODUCE_END;
}

/* Addresses. */

struct own_message {
	Toynet__V1__InterfaceAddress m;
	char address[PREFIX_TEXT_MAX], broadcast[IP_ADDR_TEXT_MAX];
};

static Toynet__V1__AddressState own_state(const struct ip_layer *ip, const struct acd *a)
{
	if (a->state != ACD_PROBING)
		return TOYNET__V1__ADDRESS_STATE__ADDRESS_STATE_READY;
	/* Only a conflict puts a test off. */
	return instant_lt(ip->env->now, a->begins) ? TOYNET__V1__ADDRESS_STATE__ADDRESS_STATE_CONFLICT
	                                           : TOYNET__V1__ADDRESS_STATE__ADDRESS_STATE_TENTATIVE;
}

static void own_fill(struct call *c, const struct acd *a, struct own_message *to)
{
	const struct ip_layer *ip = layer_of(c);
	struct ip_prefix p = a->address.prefix;

	toynet__v1__interface_address__init(&to->m);
	to->m.address = prefix_format(p, to->address);
	to->m.broadcast = ip_format(prefix_broadcast(p), to->broadcast);
	to->m.interface = interface_of(c);
	to->m.origin = origins[a->address.origin];
	to->m.primary = ip->addresses && ip_eq(ip->address[0].prefix.addr, p.addr);
	to->m.state = own_state(ip, a);
}

/* One of ours, or a tentative one. */
static const struct acd *own_find(const struct ip_layer *ip, struct ip_addr a)
{
	for (int i = 0; i < IP_ADDRESSES_MAX; i++) {
		const struct acd *s = &ip->acd.slot[i];
		if (s->state != ACD_FREE && ip_eq(s->address.prefix.addr, a))
			return s;
	}
	return NULL;
}

static bool own_append(struct call *c, const struct acd *a)
{
	struct own_message m;

	own_fill(c, a, &m);
	return call_append(c, &m.m.base);
}

enum produced admin_list_addresses_produce(struct call *c)
{
	const struct ip_layer *ip = layer_of(c);

	for (int i = 0; i < ip->addresses; i++)
		if (!own_append(c, own_find(ip, ip->address[i].prefix.addr)))
			return PRODUCE_END;
	for (int i = 0; i < IP_ADDRESSES_MAX; i++)
		if (ip->acd.slot[i].state == ACD_PROBING && !own_append(c, &ip->acd.slot[i]))
			return PRODUCE_END;
	return PRODUCE_END;
}

/* Host bits of nothing but zeros (RFC 1122 3.2.1.3 (b)): the network itself. */
static bool is_network(struct ip_prefix p)
{
	return p.len < IP4_BITS - 1 && (ip4_to_u32(p.addr) & (UINT32_MAX >> p.len)) == 0;
}

void admin_add_address(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__AddAddressRequest *r = (const Toynet__V1__AddAddressRequest *)request;
	struct ip_layer *ip = layer_of(c);
	struct ip_prefix p;
	struct own_message m;

	(void)so;
	if (!prefix_parse(r->address, &p) || p.len == 0) {
		call_refuse(c, EINVAL,
		            "'%.64s' is not an IPv4 address with the length of its network, such as 10.0.0.3/24",
		            r->address);
		return;
	}
	int err = is_network(p) ? EINVAL : ip_address_add(ip, p, IP_ORIGIN_STATIC, ip->cfg.conflict_detection);
	if (err == EINVAL)
		call_refuse(c, err, "%s is not the address of a host on its network", r->address);
	else if (err == EEXIST)
		call_refuse(c, err, "%s is an address of the stack already; to change its length, delete it first",
		            r->address);
	else if (err == ENOBUFS)
		call_refuse(c, err, "%d addresses are the most that the stack can have: delete one", IP_ADDRESSES_MAX);
	else if (err)
		call_errno(c, err, NULL);
	if (err)
		return;
	own_fill(c, own_find(ip, p.addr), &m);
	call_reply(c, &m.m.base);
}

void admin_delete_address(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__DeleteAddressRequest *r = (const Toynet__V1__DeleteAddressRequest *)request;
	struct ip_layer *ip = layer_of(c);
	const struct acd *a;
	struct ip_prefix p;
	struct own_message m;
	char text[PREFIX_TEXT_MAX];
	bool with_len = prefix_parse(r->address, &p);

	(void)so;
	if (!with_len && !ip_parse(r->address, &p.addr)) {
		call_refuse(c, EINVAL, "'%.64s' is not an IPv4 address", r->address);
		return;
	}
	a = own_find(ip, p.addr);
	if (!a) {
		call_refuse(c, EADDRNOTAVAIL, "%s is not an address of the stack", r->address);
		return;
	}
	if (with_len && a->address.prefix.len != p.len) {
		call_refuse(c, EADDRNOTAVAIL, "the stack has %s, not %s", prefix_format(a->address.prefix, text),
		            r->address);
		return;
	}
	if (a->address.origin == IP_ORIGIN_DHCP) {
		call_refuse(c, EBUSY, "%s is leased by DHCP: release the lease instead", r->address);
		return;
	}
	own_fill(c, a, &m);
	int err = ip_address_delete(ip, p.addr);
	assert(!err);
	(void)err;
	call_reply(c, &m.m.base);
}

/* Routes. */

struct route_message {
	Toynet__V1__Route m;
	char destination[PREFIX_TEXT_MAX], gateway[IP_ADDR_TEXT_MAX], source[IP_ADDR_TEXT_MAX];
};

static void route_fill(const struct call *c, const struct ip_route *r, struct route_message *to)
{
	toynet__v1__route__init(&to->m);
	to->m.destination = prefix_format(r->prefix, to->destination);
	to->m.gateway = ip_format(r->gateway, to->gateway);
	to->m.source = ip_format(r->source, to->source);
	to->m.metric = r->metric;
	to->m.interface = interface_of(c);
	to->m.origin = origins[r->origin];
}

enum produced admin_list_routes_produce(struct call *c)
{
	const struct ip_layer *ip = layer_of(c);
	struct route_message m;

	for (int i = 0; i < ip->routes; i++) {
		route_fill(c, &ip->route[i], &m);
		if (!call_append(c, &m.m.base))
			break;
	}
	return PRODUCE_END;
}

/* A network with its length, or one address; host bits are cleared. */
static bool destination_read(const char *text, struct ip_prefix *p)
{
	if (!prefix_parse(text, p)) {
		p->len = IP4_BITS;
		if (!ip_parse(text, &p->addr))
			return false;
	}
	if (p->len < IP4_BITS)
		p->addr = ip4_from_u32(ip4_to_u32(p->addr) & ~(UINT32_MAX >> p->len));
	return true;
}

static void refuse_destination(struct call *c, const char *text)
{
	call_refuse(c, EINVAL, "'%.64s' is not an IPv4 network such as 10.5.0.0/16; the default route is 0.0.0.0/0",
	            text);
}

/* An empty text is none, and so is 0.0.0.0. */
static bool optional_read(const char *text, struct ip_addr *a)
{
	bool ok = !*text || ip_parse(text, a);

	if (ip_is_unspecified(*a))
		*a = (struct ip_addr){0};
	return ok;
}

/* The first route of the table with this prefix; gateway none, metric NULL: whichever. */
static const struct ip_route *route_find(const struct ip_layer *ip, struct ip_prefix p, struct ip_addr gateway,
                                         const uint32_t *metric)
{
	for (int i = 0; i < ip->routes; i++) {
		const struct ip_route *r = &ip->route[i];
		if (r->prefix.len == p.len && ip_eq(r->prefix.addr, p.addr) && (!metric || r->metric == *metric) &&
		    (gateway.family == IP_NONE || ip_eq(r->gateway, gateway)))
			return r;
	}
	return NULL;
}

static bool is_ours(const struct ip_layer *ip, struct ip_addr a)
{
	return a.family != IP_NONE && ip_is_ours(ip, a);
}

/* Why the core does not take it. */
static void refuse_route(struct call *c, int err, const struct ip_route *r)
{
	const struct ip_layer *ip = layer_of(c);
	char a[IP_ADDR_TEXT_MAX];

	if (err == ENOBUFS)
		call_refuse(c, err, "%d routes are the most that the stack can have: delete one", IP_ROUTES_MAX);
	else if (err == EINVAL && r->source.family != IP_NONE &&
	         (r->gateway.family == IP_NONE || !is_ours(ip, r->source)))
		call_refuse(c, err, "the source %s is not an address of the stack", ip_format(r->source, a));
	else if (err == EINVAL && is_ours(ip, r->gateway))
		call_refuse(c, err, "the gateway %s is the stack itself", ip_format(r->gateway, a));
	else if (err == EINVAL)
		call_refuse(c, err, "the gateway %s is not a host on the network of an address of the stack",
		            ip_format(r->gateway, a));
	else
		call_errno(c, err, NULL);
}

void admin_add_route(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__AddRouteRequest *r = (const Toynet__V1__AddRouteRequest *)request;
	const Toynet__V1__Route *wanted = r->route;
	struct ip_layer *ip = layer_of(c);
	struct ip_route route = {.origin = IP_ORIGIN_STATIC};
	struct route_message m;

	(void)so;
	if (!wanted || !destination_read(wanted->destination, &route.prefix)) {
		refuse_destination(c, wanted ? wanted->destination : "");
		return;
	}
	if (!optional_read(wanted->gateway, &route.gateway) || !optional_read(wanted->source, &route.source)) {
		call_refuse(c, EINVAL, "the gateway and the source of a route are IPv4 addresses");
		return;
	}
	route.metric = wanted->metric;
	const struct ip_route *there = route_find(ip, route.prefix, (struct ip_addr){0}, &route.metric);
	if (there && there->origin == IP_ORIGIN_LINK) {
		call_refuse(c, EBUSY,
		            "an address of the stack leads to %s with metric %u: give the route another metric",
		            wanted->destination, route.metric);
		return;
	}
	if (there && !r->replace) {
		call_refuse(c, EEXIST,
		            "there is a route to %s with metric %u: replace it, delete it, or choose another metric",
		            wanted->destination, route.metric);
		return;
	}
	int err = ip_route_add(ip, &route);
	if (err) {
		refuse_route(c, err, &route);
		return;
	}
	route_fill(c, &route, &m);
	call_reply(c, &m.m.base);
}

void admin_delete_route(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__DeleteRouteRequest *r = (const Toynet__V1__DeleteRouteRequest *)request;
	bool metric = r->wanted_case == TOYNET__V1__DELETE_ROUTE_REQUEST__WANTED_METRIC;
	struct ip_layer *ip = layer_of(c);
	struct ip_addr gateway = {0};
	struct ip_prefix p;
	struct route_message m;

	(void)so;
	if (!destination_read(r->destination, &p)) {
		refuse_destination(c, r->destination);
		return;
	}
	if (!optional_read(r->gateway, &gateway)) {
		call_refuse(c, EINVAL, "the gateway '%.64s' is not an IPv4 address", r->gateway);
		return;
	}
	const struct ip_route *route = route_find(ip, p, gateway, metric ? &r->metric : NULL);
	if (!route) {
		call_refuse(c, ESRCH, "there is no such route to %s", r->destination);
		return;
	}
	if (route->origin == IP_ORIGIN_LINK) {
		call_refuse(c, EBUSY, "%s is the network of an address of the stack: delete the address",
		            r->destination);
		return;
	}
	route_fill(c, route, &m);
	int err = ip_route_delete(ip, route->prefix, route->metric);
	assert(!err);
	(void)err;
	call_reply(c, &m.m.base);
}
