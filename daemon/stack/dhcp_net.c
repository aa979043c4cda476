/* See dhcp_net.h. What a lease brings is known by its origin (IP_ORIGIN_DHCP) and replaced as a whole; what an
 * administrator has added stays. */
#include "stack/dhcp_net.h"

#include "base/bytes.h"

#define UDP_CSUM_AT 6

static void send_message(void *ctx, struct ip_addr src, struct ip_addr dst, const uint8_t *message, uint32_t len)
{
	struct stack *s = ((struct dhcp_client *)ctx)->stack;
	const struct ip_tx tx = {.src = src, .dst = dst, .protocol = IP_PROTO_UDP, .ttl = IP_DEFAULT_TTL};
	uint8_t packet[UDP_HDR_LEN + DHCP_SEND_MAX];

	store_be16(packet, DHCP_CLIENT_PORT);
	store_be16(packet + 2, DHCP_SERVER_PORT);
	store_be16(packet + 4, (uint16_t)(UDP_HDR_LEN + len));
	store_be16(packet + UDP_CSUM_AT, 0);
	memcpy(packet + UDP_HDR_LEN, message, len);
	COUNT(&s->counters, UdpOutDatagrams);
	ip_send_copy(&s->ip, &tx, packet, UDP_HDR_LEN + len, UDP_CSUM_AT);
}

static int claim(void *ctx, struct ip_prefix address)
{
	struct stack *s = ((struct dhcp_client *)ctx)->stack;

	return ip_address_add(&s->ip, address, IP_ORIGIN_DHCP, IP_ACD_PROBE);
}

static void delete_routes(struct ip_layer *ip)
{
	for (int i = ip->routes - 1; i >= 0; i--)
		if (ip->route[i].origin == IP_ORIGIN_DHCP)
			(void)ip_route_delete(ip, ip->route[i].prefix, ip->route[i].metric);
}

/* A route that cannot be taken (its router is not on the link, the table is full) is left out and counted. */
static void add_route(struct stack *s, struct ip_prefix prefix, struct ip_addr gateway, uint32_t metric)
{
	const struct ip_route r = {.prefix = prefix, .gateway = gateway, .metric = metric, .origin = IP_ORIGIN_DHCP};

	if (ip_route_add(&s->ip, &r) != 0)
		COUNT(&s->counters, DhcpBadRoutes);
}

/* RFC 3442: with classless routes the routers of option 3 are ignored. */
static void add_routes(struct stack *s, const struct dhcp_params *p)
{
	const struct ip_prefix everywhere = {.addr = ip4(0, 0, 0, 0)};

	for (uint32_t i = 0; i < p->routes; i++)
		add_route(s, p->route[i].prefix, p->route[i].gateway, DHCP_ROUTE_METRIC);
	for (uint32_t i = 0; i < p->routers && p->routes == 0; i++)
		add_route(s, everywhere, p->router[i], DHCP_ROUTE_METRIC + i);
}

static uint16_t mtu_of(const struct dhcp *d, const struct dhcp_params *p)
{
	return p->mtu ? (uint16_t)u32_min(u32_max(p->mtu, DHCP_MTU_MIN), d->mtu) : d->mtu;
}

static void configure(void *ctx, const struct dhcp_lease *lease, const struct dhcp_lease *former)
{
	struct dhcp_client *c = ctx;

	(void)former;
	delete_routes(&c->stack->ip);
	add_routes(c->stack, &lease->params);
	ip_set_mtu(&c->stack->ip, mtu_of(&c->dhcp, &lease->params));
}

/* RFC 2131 4.4.5: nothing is sent from the address any more. Sockets keep it: connections time out, unless a new lease
 * brings it back. */
static void withdraw(void *ctx, const struct dhcp_lease *lease)
{
	struct dhcp_client *c = ctx;

	delete_routes(&c->stack->ip);
	(void)ip_address_delete(&c->stack->ip, lease->address.addr);
	ip_set_mtu(&c->stack->ip, c->dhcp.mtu);
}

static void tell(void *ctx, enum dhcp_event event)
{
	const struct dhcp_client *c = ctx;

	if (c->watch)
		c->watch(c->watch_ctx, event);
}

static void input(void *ctx, const struct ip_rx *rx, const uint8_t *payload, uint32_t len)
{
	struct dhcp_client *c = ctx;
	enum counter why = dhcp_input(&c->dhcp, payload, len);

	if (why != CNT_COUNT)
		ip_drop(&c->stack->ip, why, rx->header, rx->header_len + rx->payload_len);
}

struct dhcp_client *dhcp_client_new(struct stack *s, const struct dhcp_config *cfg)
{
	struct dhcp_client *c = env_alloc(s->env, sizeof(*c));
	const struct dhcp_calls calls = {send_message, claim, configure, withdraw, tell, c};

	if (!c)
		return NULL;
	c->stack = s;
	dhcp_init(&c->dhcp, s->env, &s->counters, &s->timers, cfg, s->ip.cfg.mac, s->ip.cfg.mtu, &calls);
	s->dgram.service = (struct udp_service){.port = DHCP_CLIENT_PORT, .input = input, .ctx = c};
	return c;
}

void dhcp_client_free(struct dhcp_client *c)
{
	if (!c)
		return;
	dhcp_free(&c->dhcp);
	env_free(c->stack->env, c, sizeof(*c));
}

void dhcp_client_address(struct dhcp_client *c, struct ip_addr a, enum ip_address_event event)
{
	switch (event) {
	case IP_ADDRESS_READY:
		dhcp_address(&c->dhcp, a, DHCP_ADDRESS_READY);
		return;
	case IP_ADDRESS_CONFLICT:
	case IP_ADDRESS_LOST:
		dhcp_address(&c->dhcp, a, DHCP_ADDRESS_CONFLICT);
		return;
	case IP_ADDRESS_CLAIMED:
	case IP_ADDRESS_EVENTS:
		return;
	}
}
