/* See flow.h. */
#include "link/flow.h"

#include "base/bytes.h"
#include "link/ether.h"

#define IPV4_HDR_MIN     20
#define IPV4_OFFSET_MASK 0x1fff /* of the field with the fragment offset */
#define PROTO_TCP        6
#define PROTO_UDP        17

bool flow_parse(const uint8_t *frame, uint32_t len, struct flow *f)
{
	const uint8_t *ip = frame + ETHER_HDR_LEN;

	*f = (struct flow){0};
	if (len < ETHER_HDR_LEN + IPV4_HDR_MIN || load_be16(frame + 12) != ETHER_TYPE_IP4 || ip[0] >> 4 != IP_V4)
		return false;
	uint32_t header = (uint32_t)(ip[0] & 0xf) * 4;
	if (header < IPV4_HDR_MIN)
		return false;
	f->protocol = ip[9];
	f->src.addr = ip4_from_bytes(ip + 12);
	f->dst.addr = ip4_from_bytes(ip + 16);
	f->ports = (f->protocol == PROTO_TCP || f->protocol == PROTO_UDP) &&
	           (load_be16(ip + 6) & IPV4_OFFSET_MASK) == 0 && len >= ETHER_HDR_LEN + header + 4;
	if (f->ports) {
		f->src.port = load_be16(ip + header);
		f->dst.port = load_be16(ip + header + 2);
	}
	return true;
}

static bool in_prefix(struct ip_prefix p, struct ip_addr a)
{
	return p.addr.family == IP_NONE || prefix_contains(p, a);
}

bool flow_match_is_empty(const struct flow_match *m)
{
	return m->src.addr.family == IP_NONE && m->dst.addr.family == IP_NONE && m->host.addr.family == IP_NONE &&
	       !m->src_port && !m->dst_port && !m->port && !m->protocol && !m->socket;
}

bool flow_matches(const struct flow_match *m, const struct flow *f, enum link_way way, const struct flow_lookup *l)
{
	if (flow_match_is_empty(m))
		return true;
	if (!f)
		return false;
	if (!in_prefix(m->src, f->src.addr) || !in_prefix(m->dst, f->dst.addr) ||
	    (!in_prefix(m->host, f->src.addr) && !in_prefix(m->host, f->dst.addr)))
		return false;
	if (m->protocol && m->protocol != f->protocol)
		return false;
	/* Ports of a flow without any are 0, which no match asks for. */
	if ((m->src_port && m->src_port != f->src.port) || (m->dst_port && m->dst_port != f->dst.port) ||
	    (m->port && m->port != f->src.port && m->port != f->dst.port))
		return false;
	return !m->socket || flow_owner(f, way, l).socket == m->socket;
}

struct flow_owner flow_owner(const struct flow *f, enum link_way way, const struct flow_lookup *l)
{
	struct flow_owner owner = {0};

	if (f && f->ports && l->find)
		l->find(l->ctx, f, way, &owner);
	return owner;
}
