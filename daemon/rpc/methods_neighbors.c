/* The Admin service: neighbours, which are the entries of the ARP table (ip/arp.h).
 *
 * The list keeps only the address of its last row between two pages, so that entries may come and go while a client
 * reads slowly. */
#include "rpc/methods.h"
#include <string.h>

#define LIST_PAGE 8192u /* bytes after which a page is full */

static const Toynet__V1__NeighborState states[] = {
        [ARP_INCOMPLETE] = TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_INCOMPLETE,
        [ARP_REACHABLE] = TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_REACHABLE,
        [ARP_REFRESH] = TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_REFRESH,
        [ARP_FAILED] = TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_FAILED,
        [ARP_STATIC] = TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_STATIC,
};
_Static_assert(ARRAY_LEN(states) == ARP_STATES, "one for each state");

struct neighbor_message {
	Toynet__V1__Neighbor m;
	char address[IP_ADDR_TEXT_MAX], mac[MAC_TEXT_MAX];
};

static void neighbor_fill(const struct call *c, const struct ip_neighbor *n, struct neighbor_message *to)
{
	static const struct mac_addr unknown;
	const struct rpc_server *srv = c->conn->srv;

	toynet__v1__neighbor__init(&to->m);
	to->m.address = ip_format(n->addr, to->address);
	if (!mac_eq(n->mac, unknown))
		to->m.mac = mac_format(n->mac, to->mac);
	to->m.state = states[n->state];
	to->m.interface = (char *)(uintptr_t)srv->host->interface_name(srv->ctx);
	to->m.age_ms = (uint64_t)(n->age.ns / NS_PER_MS);
	to->m.queued_frames = n->queued;
	to->m.requests = n->tries;
}

/* The next one above the address; 0: the first. */
static bool neighbor_above(const struct ip_layer *ip, uint32_t address, struct ip_neighbor *n)
{
	return ip_neighbor_next(ip, address ? ip4_from_u32(address) : (struct ip_addr){0}, n);
}

static bool neighbor_find(const struct ip_layer *ip, struct ip_addr a, struct ip_neighbor *n)
{
	uint32_t address = ip4_to_u32(a);

	return address && neighbor_above(ip, address - 1, n) && ip_eq(n->addr, a);
}

enum produced admin_list_neighbors_produce(struct call *c)
{
	const struct ip_layer *ip = stack_ip(c->conn->srv->stack);
	struct neighbor_message m;
	struct ip_neighbor n;

	while (neighbor_above(ip, (uint32_t)c->cursor, &n)) {
		c->cursor = ip4_to_u32(n.addr);
		neighbor_fill(c, &n, &m);
		if (!call_append(c, &m.m.base))
			return PRODUCE_END;
		if (c->out_len >= LIST_PAGE)
			return PRODUCE_MORE;
	}
	return PRODUCE_END;
}

void admin_add_neighbor(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__AddNeighborRequest *r = (const Toynet__V1__AddNeighborRequest *)request;
	struct ip_layer *ip = stack_ip(c->conn->srv->stack);
	struct neighbor_message m;
	struct ip_neighbor n;
	struct mac_addr mac;
	struct ip_addr a;

	(void)so;
	if (!ip_parse(r->address, &a)) {
		call_refuse(c, EINVAL, "'%.64s' is not an IPv4 address", r->address);
		return;
	}
	if (!mac_parse(r->mac, &mac) || mac_is_group(mac)) {
		call_refuse(c, EINVAL, "'%.64s' is not a station's MAC address such as 02:00:00:00:00:09", r->mac);
		return;
	}
	if (!r->replace && neighbor_find(ip, a, &n) && n.state == ARP_STATIC) {
		call_refuse(c, EEXIST, "there is a static neighbour %s: replace it, or delete it", r->address);
		return;
	}
	int err = ip_neighbor_add(ip, a, mac);
	if (err == EINVAL)
		call_refuse(c, err,
		            "%s is not another host on the network of an address of the stack, or %s is no station's",
		            r->address, r->mac);
	else if (err == ENOBUFS)
		call_refuse(c, err, "there are too many static neighbours: delete one");
	else if (err)
		call_errno(c, ENOBUFS, NULL);
	if (err)
		return;
	bool found = neighbor_find(ip, a, &n);
	assert(found);
	(void)found;
	neighbor_fill(c, &n, &m);
	call_reply(c, &m.m.base);
}

void admin_delete_neighbor(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__DeleteNeighborRequest *r = (const Toynet__V1__DeleteNeighborRequest *)request;
	struct ip_layer *ip = stack_ip(c->conn->srv->stack);
	struct neighbor_message m;
	struct ip_neighbor n;
	struct ip_addr a;

	(void)so;
	if (!ip_parse(r->address, &a)) {
		call_refuse(c, EINVAL, "'%.64s' is not an IPv4 address", r->address);
		return;
	}
	if (!neighbor_find(ip, a, &n)) {
		call_refuse(c, ESRCH, "there is no neighbour %s", r->address);
		return;
	}
	neighbor_fill(c, &n, &m);
	int err = ip_neighbor_delete(ip, a);
	if (err == EBUSY)
		call_refuse(c, err, "%s was asked for just now: try again in a second", r->address);
	else if (err)
		call_errno(c, err, NULL);
	else
		call_reply(c, &m.m.base);
}
