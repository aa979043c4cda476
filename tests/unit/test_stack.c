/* stack: the turn, deliveries, deadlines, and every allocation of stack_new failing. */
#include "tcp_net.h"

START_TEST(no_memory_for_a_stack)
{
	struct stack_config cfg = stack_config_default;
	struct stack *s = NULL;
	cfg.ip = (struct ip_config){.mac = US_MAC, .address = {addr(US), 24}, .mtu = 1500};
	for (uint64_t k = 1; !s; k++) {
		struct env env = unit_env(1);
		env.fail_at = k;
		s = stack_new(&env, &cfg, (struct link_caps){0});
		ck_assert(s != NULL || env.allocations >= k);
		if (s)
			stack_free(s);
		unit_env_end(&env);
		ck_assert_uint_lt(k, 100);
	}
}
END_TEST

/* What a transport sends to a stranger waits for ARP; the request leaves in the same turn. */
START_TEST(a_stranger_is_asked_for_at_once)
{
	struct tcp_net n;
	struct frame_out out;
	tcp_net_begin(&n, &tcp_net_plain);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(socket_connect(n.stack, so, (struct endpoint){addr("10.0.0.77"), 80}), EINPROGRESS);
	ck_assert(stack_output(n.stack, &out));
	const uint8_t *f = frame_hdr_const(&out);
	ck_assert_uint_eq(load_be16(f + 12), ETHER_TYPE_ARP);
	ck_assert_mem_eq(f + 38, addr("10.0.0.77").b, 4);
	ck_assert(!stack_output(n.stack, &out));
	tcp_net_end(&n);
}
END_TEST

static void claim_ours(struct tcp_net *n)
{
	uint8_t f[ETHER_HDR_LEN + 28] = {0};
	static const uint8_t fixed[8] = {0, 1, 8, 0, 6, 4, 0, 2};
	ether_build(f, &(struct ether_hdr){.dst = US_MAC, .src = EVIL_MAC, .type = ETHER_TYPE_ARP});
	memcpy(f + ETHER_HDR_LEN, fixed, 8);
	memcpy(f + ETHER_HDR_LEN + 8, EVIL_MAC.b, 6);
	memcpy(f + ETHER_HDR_LEN + 14, addr(US).b, 4);
	stack_input(n->stack, &(struct frame_in){.data = f, .len = sizeof(f)}, 1);
	tcp_net_turn(n);
}

struct watched {
	enum ip_address_event last;
	struct mac_addr station;
};

static void watch(void *ctx, struct ip_addr a, enum ip_address_event event, struct mac_addr station)
{
	ck_assert(ip_eq(a, addr(US)));
	*(struct watched *)ctx = (struct watched){event, station};
}

/* RFC 5227 2.4 */
START_TEST(connections_are_reset_before_their_address_is_given_up)
{
	struct tcp_net n;
	struct watched w = {.last = IP_ADDRESS_EVENTS};
	in_established(&n, &tcp_net_plain);
	stack_watch_addresses(n.stack, watch, &w);
	n.stack->ip.acd.slot[0].address.origin = IP_ORIGIN_DHCP;
	n.stack->ip.acd.slot[0].how = IP_ACD_ANNOUNCE;
	claim_ours(&n);
	ck_assert_int_eq(w.last, IP_ADDRESS_CLAIMED);
	ck_assert_mem_eq(w.station.b, EVIL_MAC.b, 6);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_ESTABLISHED);
	claim_ours(&n);
	ck_assert_int_eq(w.last, IP_ADDRESS_LOST);
	OUT(&n, TCP_RST | TCP_ACK, .seq = 1, .ack = 1);
	OUT_NOTHING(&n);
	EXPECT_STATE(&n, TCP_CLOSED);
	ck_assert_int_eq(n.so->tcp.error, ECONNABORTED);
	ck_assert(!ip_is_ours(&n.stack->ip, addr(US)));
	tcp_net_end(&n);
}
END_TEST

START_TEST(deadline)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	tcp_net_pass(&n, 3600 * 1000); /* the neighbour is forgotten */
	ck_assert(instant_is_never(stack_deadline(n.stack)));
	tcp_net_end(&n);
	in_syn_sent(&n, &tcp_net_plain);
	ck_assert_int_eq(instant_since(stack_deadline(n.stack), n.env.now).ns, NS_PER_S);
	tcp_net_end(&n);
}
END_TEST

/* Borrowed bytes are delivered from their frames, or copied when the turn ends. */
START_TEST(delivery)
{
	struct tcp_net n;
	struct stack_delivery d;
	in_established(&n, &tcp_net_plain);
	n.channel_max = 30;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 100); /* 30 are taken from the frame, 70 are copied */
	ck_assert_uint_eq(n.received, 30);
	ck_assert_uint_eq(tcb(&n)->rcv_ring.len, 70);
	ck_assert(!stack_delivery(n.stack, &d)); /* not before it is offered again */
	stack_offer(n.stack, n.so);
	stack_offer(n.stack, n.so);
	ck_assert(stack_delivery(n.stack, &d));
	ck_assert_ptr_eq(d.socket, n.so);
	ck_assert_uint_eq(d.len, 70);
	stack_delivered(n.stack, &d, 0, false);
	ck_assert(!stack_delivery(n.stack, &d));
	n.channel_max = 50;
	BATCH(&n, TCP_ACK, .seq = 101, .ack = 1, .len = 10); /* ring first, then the frame */
	BATCH(&n, TCP_ACK, .seq = 111, .ack = 1, .len = 10);
	tcp_net_turn(&n);
	ck_assert_uint_eq(n.received, 50);
	n.channel_max = UINT32_MAX;
	BATCH(&n, TCP_ACK, .seq = 121, .ack = 1, .len = 10);
	tcp_net_turn(&n);
	ck_assert_uint_eq(n.received, 130);
	ck_assert_uint_eq(tcb(&n)->rcv_ring.size, 0); /* an idle socket has no ring */
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(no_delivery_without_a_channel)
{
	struct tcp_net n;
	struct stack_delivery d;
	in_established(&n, &tcp_net_plain);
	n.so->channel = NULL;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	ck_assert_uint_eq(n.received, 0);
	n.so->channel = &n;
	stack_offer(n.stack, n.so);
	ck_assert(stack_delivery(n.stack, &d));
	ck_assert_uint_eq(d.len, 10);
	stack_delivered(n.stack, &d, 10, true);
	tcp_net_end(&n);
}
END_TEST

START_TEST(refused_frames_are_counted)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	uint64_t in = CNT(&n, LinkInFrames), out = CNT(&n, LinkOutFrames), octets = CNT(&n, LinkOutOctets);
	stack_output_refused(n.stack);
	ck_assert_uint_eq(CNT(&n, LinkOutRefused), 1);
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 11);
	ck_assert_uint_eq(CNT(&n, LinkInFrames), in + 1);
	ck_assert_uint_eq(CNT(&n, LinkOutFrames), out + 1);
	ck_assert_uint_eq(CNT(&n, LinkOutOctets), octets + 54);
	ck_assert_ptr_eq(stack_counters(n.stack), &n.stack->counters);
	ck_assert_ptr_eq(stack_env(n.stack), &n.env);
	ck_assert_uint_eq(stack_ip_config(n.stack)->mtu, 1500);
	tcp_net_end(&n);
}
END_TEST

Suite *stack_suite(void);
Suite *stack_suite(void)
{
	UNIT_SUITE("stack", connections_are_reset_before_their_address_is_given_up, no_memory_for_a_stack,
	           a_stranger_is_asked_for_at_once, deadline, delivery, no_delivery_without_a_channel,
	           refused_frames_are_counted);
}
