/* flow_owner: the socket that a frame is for, or comes from. */
#include "stack/stack.h"
#include "unit.h"

#define OURS  ip4(10, 0, 0, 2)
#define PEER  ip4(10, 0, 0, 1)
#define OTHER ip4(10, 0, 0, 3)

static struct socket *open_bound(struct stack *s, enum socket_protocol protocol, uint16_t port)
{
	struct socket *so;
	ck_assert_int_eq(socket_open(s, protocol, IP_V4, 0, 4711, &so), 0);
	ck_assert_int_eq(socket_bind(s, so, (struct endpoint){OURS, port}), 0);
	return so;
}

static struct flow_owner ask(struct stack *s, uint8_t protocol, enum link_way way, struct ip_addr peer, uint16_t port,
                             uint16_t ours)
{
	const struct flow_lookup lookup = {stack_flow_owner, s};
	struct endpoint local = {OURS, ours}, remote = {peer, port};
	struct flow f = {.src = way == LINK_IN ? remote : local,
	                 .dst = way == LINK_IN ? local : remote,
	                 .protocol = protocol,
	                 .ports = true};
	return flow_owner(&f, way, &lookup);
}

START_TEST(connected_before_bound)
{
	struct env env = unit_env(1);
	struct stack_config cfg = stack_config_default;
	cfg.ip = (struct ip_config){.mac = {{2, 0, 0, 0, 0, 1}}, .address = {OURS, 24}, .mtu = 1500};
	struct stack *s = stack_new(&env, &cfg, (struct link_caps){0});
	struct socket *listener = open_bound(s, SOCKET_TCP, 80), *tcp = open_bound(s, SOCKET_TCP, 81);
	struct socket *udp = open_bound(s, SOCKET_UDP, 53);
	ck_assert_int_eq(socket_listen(s, listener, 1), 0);
	ck_assert_int_eq(socket_connect(s, tcp, (struct endpoint){PEER, 7}), EINPROGRESS);
	for (int way = 0; way < LINK_WAYS; way++) {
		struct flow_owner o = ask(s, IP_PROTO_TCP, (enum link_way)way, PEER, 9, 80);
		ck_assert(o.socket == listener->id && o.pid == 4711 && o.tcp && o.state == TCP_LISTEN);
		o = ask(s, IP_PROTO_TCP, (enum link_way)way, PEER, 7, 81);
		ck_assert(o.socket == tcp->id && o.state == TCP_SYN_SENT);
		o = ask(s, IP_PROTO_UDP, (enum link_way)way, PEER, 9, 53);
		ck_assert(o.socket == udp->id && !o.tcp);
		ck_assert(ask(s, IP_PROTO_TCP, (enum link_way)way, OTHER, 7, 81).socket == 0);
		ck_assert(ask(s, IP_PROTO_UDP, (enum link_way)way, PEER, 9, 54).socket == 0);
		ck_assert(ask(s, 1, (enum link_way)way, PEER, 9, 80).socket == 0);
	}
	stack_free(s);
	unit_env_end(&env);
}
END_TEST

Suite *flow_owner_suite(void);
Suite *flow_owner_suite(void)
{
	UNIT_SUITE("flow_owner", connected_before_bound);
}
