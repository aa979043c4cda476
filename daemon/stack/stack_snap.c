/* Snapshots of the whole stack: a header with schema version, configuration, the internet layer, and every socket in
 * the order of the ids; then what links them: the children of listeners, the order of those that owe a segment, have
 * events or bytes.
 *
 * A snapshot is loaded whole or refused: a version that is newer, a wrong checksum, or anything out of range, gives
 * NULL and a reason. The checksum finds what decay or a crash did to the file; it keeps no one from forging one. */
#include "socket/socket_internal.h"
#include "stack/dhcp_net.h"
#include "stack/stack.h"

#define SNAP_MAGIC   0x746f796eu /* "toyn" */
#define SNAP_VERSION 1u
#define SNAP_SOCKETS 0x736f636bu
#define SNAP_ORDERS  0x6f726472u
#define SNAP_END     0x656e6421u

/* What ip_init takes for granted. */
static bool addresses_valid(const struct ip_config *c)
{
	struct ip_addr a = c->address.addr, g = c->gateway;

	if (ip_is_unspecified(a))
		return ip_is_unspecified(g);
	if (a.family != IP_V4 || c->address.len > 32 || a.b[0] == 0 || a.b[0] >= 224 || ip_is_loopback(a) ||
	    ip_eq(a, prefix_broadcast(c->address)))
		return false;
	return ip_is_unspecified(g) ||
	       (g.family == IP_V4 && prefix_contains(c->address, g) && !ip_eq(a, g) && g.b[0] != 0 && g.b[0] < 224 &&
	        !ip_is_loopback(g) && !ip_eq(g, prefix_broadcast(c->address)));
}

static void snap_header(struct snap *s, struct stack_config *cfg, struct link_caps *caps)
{
	uint32_t magic = SNAP_MAGIC, version = SNAP_VERSION;

	snap_u32(s, &magic);
	snap_check(s, magic == SNAP_MAGIC, "not a snapshot of toynet");
	snap_u32(s, &version);
	snap_check(s, version <= SNAP_VERSION, "written by a newer toynet");
	snap_check(s, version == SNAP_VERSION, "unknown schema version");
	snap_mac(s, &cfg->ip.mac);
	snap_ip(s, &cfg->ip.address.addr);
	snap_u8(s, &cfg->ip.address.len);
	snap_ip(s, &cfg->ip.gateway);
	snap_check(s, addresses_valid(&cfg->ip), "no address, or a gateway that is not on the link");
	snap_u16(s, &cfg->ip.mtu);
	snap_check(s, cfg->ip.mtu >= IPV4_MTU_MIN, "MTU out of range");
	snap_dhcp_config(s, &cfg->dhcp);
	snap_u32(s, &cfg->udp_rcvbuf);
	snap_u32(s, &cfg->udp_sndbuf);
	snap_u32(s, &cfg->sockets_max);
	snap_u32(s, &cfg->sockets_per_uid);
	snap_bool(s, &caps->csum);
	snap_u32(s, &caps->gso_max);
}

/* The fields of a socket outside its protocol's block; identity comes first, because loading allocates by it. */
struct identity {
	uint64_t id;
	enum socket_protocol protocol;
	uint8_t family;
	uint32_t uid;
};

static void snap_identity(struct snap *s, struct identity *i)
{
	snap_u64(s, &i->id);
	SNAP_ENUM(s, i->protocol, SOCKET_PROTOCOLS);
	snap_u8(s, &i->family);
	snap_u32(s, &i->uid);
}

static void snap_socket(struct snap *s, struct stack *st, struct socket *so)
{
	snap_u32(s, &so->events);
	snap_u32(s, &so->pid);
	snap_u64(s, &so->cookie);
	snap_u64(s, &so->inode);
	snap_bool(s, &so->v6only);
	snap_check(s, !so->v6only || so->family == IP_V6, "IPV6_V6ONLY of a socket of IPv4");
	snap_bool(s, &so->owned);
	snap_i32(s, &so->error);
	snap_instant(s, &so->opened);
	snap_bool(s, &so->linger_on);
	snap_u32(s, &so->linger_s);
	switch (so->protocol) {
	case SOCKET_TCP:
		snap_tcp(s, &st->tcp, &so->tcp);
		break;
	case SOCKET_UDP:
	case SOCKET_PING:
	case SOCKET_RAW:
		snap_dgram(s, &st->dgram, &so->dgram);
		break;
	case SOCKET_PROTOCOLS:
		break;
	}
}

static void save_sockets(struct snap *s, struct stack *st)
{
	uint32_t count = st->sockets.count;

	snap_u64(s, &st->sockets.last_id);
	snap_u32(s, &count);
	list_for_each(it, &st->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		struct identity i = {so->id, so->protocol, so->family, so->uid};
		snap_identity(s, &i);
		snap_socket(s, st, so);
	}
}

static bool family_fits(const struct identity *i)
{
	return i->family == IP_V4 || (i->family == IP_V6 && (i->protocol == SOCKET_TCP || i->protocol == SOCKET_UDP));
}

static void load_sockets(struct snap *s, struct stack *st)
{
	uint32_t count = 0;
	uint64_t last = 0;

	snap_u64(s, &st->sockets.last_id);
	snap_u32(s, &count);
	for (uint32_t n = 0; n < count && snap_ok(s); n++) {
		struct identity i = {0};
		int error;
		snap_identity(s, &i);
		snap_check(s, i.id > last && i.id <= st->sockets.last_id && family_fits(&i), "socket identity");
		if (!snap_ok(s))
			return;
		last = i.id;
		struct socket *so = socket_new(st, i.protocol, i.family, i.uid, i.id, &error);
		if (!so) {
			snap_fail(s, "no memory, or too many sockets");
			return;
		}
		snap_socket(s, st, so);
	}
}

/* A list of sockets as their ids: saved from a list, loaded by appending each to it. */
struct order {
	struct list *list;
	size_t link; /* offset of the link in struct socket */
	const char *name;
	bool tcp_only;
};

static void snap_order(struct snap *s, struct stack *st, struct order o)
{
	uint32_t count = 0;

	if (!snap_loading(s))
		list_for_each(it, o.list) count++;
	snap_u32(s, &count);
	if (!snap_loading(s)) {
		list_for_each(it, o.list) snap_u64(s, &((struct socket *)(void *)((char *)it - o.link))->id);
		return;
	}
	for (uint32_t i = 0; i < count && snap_ok(s); i++) {
		uint64_t id = 0;
		snap_u64(s, &id);
		struct socket *so = socket_by_id(st, id);
		bool fits = so && (!o.tcp_only || so->protocol == SOCKET_TCP);
		struct list *link = fits ? (struct list *)(void *)((char *)so + o.link) : NULL;
		if (!link || list_linked(link)) {
			snap_fail(s, o.name);
			return;
		}
		list_push_back(o.list, link);
	}
}

static void snap_children(struct snap *s, struct stack *st, struct socket *so)
{
	size_t link = offsetof(struct socket, tcp.accept_link);

	snap_order(s, st, (struct order){&so->tcp.children, link, "children of a listener", true});
	snap_order(s, st, (struct order){&so->tcp.accept_queue, link, "accept queue", true});
	if (!snap_loading(s))
		return;
	struct list *const queue[] = {&so->tcp.children, &so->tcp.accept_queue};
	for (size_t q = 0; q < ARRAY_LEN(queue); q++) {
		list_for_each(it, queue[q])
		{
			struct tcp *t = list_entry(it, struct tcp, accept_link);
			snap_check(s, t->embryonic == (q == 0) && t->state != TCP_LISTEN, "child in the wrong queue");
			t->parent = &so->tcp;
			*(t->embryonic ? &so->tcp.syn_count : &so->tcp.accept_count) += 1;
		}
	}
}

static void snap_orders(struct snap *s, struct stack *st)
{
	snap_tag(s, SNAP_ORDERS);
	list_for_each(it, &st->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		if (so->protocol == SOCKET_TCP && so->tcp.state == TCP_LISTEN && snap_ok(s))
			snap_children(s, st, so);
	}
	list_for_each(it, &st->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		snap_check(s, so->protocol != SOCKET_TCP || !so->tcp.embryonic || so->tcp.parent, "a child of nobody");
	}
	struct socket_table *t = &st->sockets;
	snap_order(s, st, (struct order){&t->ready, offsetof(struct socket, ready_link), "events", false});
	snap_order(s, st, (struct order){&t->deliver, offsetof(struct socket, deliver_link), "deliveries", false});
	snap_order(s, st, (struct order){&st->tcp.out, offsetof(struct socket, tcp.out_link), "output", true});
}

static void snap_counters(struct snap *s, struct counters *c)
{
	uint32_t count = CNT_COUNT;

	snap_u32(s, &count);
	snap_check(s, count == CNT_COUNT, "another set of counters");
	for (uint32_t i = 0; i < CNT_COUNT && snap_ok(s); i++)
		snap_u64(s, &c->v[i]);
}

static uint64_t checksum(const uint8_t *p, size_t len)
{
	static const struct hash_key key;

	return siphash(&key, p, len);
}

/* The last eight bytes are the checksum of all before them. */
static void verify(struct snap *in)
{
	uint64_t sum = 0;

	snap_check(in, in->len > in->pos + sizeof(sum), "the snapshot ends too early");
	if (!snap_ok(in))
		return;
	struct snap tail;
	snap_load_begin(&tail, in->buf + in->len - sizeof(sum), sizeof(sum));
	snap_u64(&tail, &sum);
	snap_check(in, sum == checksum(in->buf + in->pos, in->len - in->pos - sizeof(sum)), "the checksum is wrong");
}

void stack_save(struct stack *s, struct snap *out)
{
	struct stack_config cfg = {.ip = s->ip.cfg,
	                           .tcp = s->tcp.cfg,
	                           .udp_rcvbuf = s->udp_rcvbuf,
	                           .udp_sndbuf = s->udp_sndbuf,
	                           .sockets_max = s->sockets.max,
	                           .sockets_per_uid = s->sockets.per_uid};

	if (s->dhcp)
		cfg.dhcp = s->dhcp->dhcp.cfg;
	assert(list_empty(&s->sockets.reap));
	snap_save_begin(out);
	snap_header(out, &cfg, &s->ip.caps);
	snap_counters(out, &s->counters);
	snap_ip_layer(out, &s->ip);
	snap_tcp_layer(out, &s->tcp);
	snap_dgram_layer(out, &s->dgram);
	if (s->dhcp)
		snap_dhcp(out, &s->dhcp->dhcp);
	snap_tag(out, SNAP_SOCKETS);
	save_sockets(out, s);
	snap_orders(out, s);
	snap_tag(out, SNAP_END);
	uint64_t sum = checksum(out->buf, out->len);
	snap_u64(out, &sum);
}

struct stack *stack_load(struct env *env, struct snap *in)
{
	struct stack_config cfg = stack_config_default;
	struct link_caps caps = {0};
	struct counters counters = {0};

	verify(in);
	snap_header(in, &cfg, &caps);
	snap_counters(in, &counters);
	struct stack *s = snap_ok(in) ? stack_new(env, &cfg, caps) : NULL;
	if (!s) {
		snap_fail(in, "out of memory");
		return NULL;
	}
	snap_ip_layer(in, &s->ip);
	snap_check(in, addresses_valid(&s->ip.cfg), "addresses that differ from those of the header");
	snap_tcp_layer(in, &s->tcp);
	snap_dgram_layer(in, &s->dgram);
	if (s->dhcp) {
		snap_dhcp(in, &s->dhcp->dhcp);
		snap_check(in, s->dhcp->dhcp.mtu >= s->ip.cfg.mtu, "the MTU is larger than the configured one");
	}
	snap_tag(in, SNAP_SOCKETS);
	load_sockets(in, s);
	snap_orders(in, s);
	snap_tag(in, SNAP_END);
	uint64_t sum = 0;
	snap_u64(in, &sum); /* see verify */
	s->counters = counters;
	if (snap_ok(in))
		return s;
	stack_free(s);
	return NULL;
}
