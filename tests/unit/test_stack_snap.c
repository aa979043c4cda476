/* stack_snap: a snapshot is loaded whole or refused; damage of any byte is found. */
#include "tcp_net.h"
#include <stdlib.h>

/* A stack with a listener, a child in each queue, a connection with text both ways, and UDP sockets with datagrams. */
static void busy(struct tcp_net *n)
{
	struct socket *udp;

	in_listen(n, &tcp_net_modern, 4);
	for (uint16_t i = 0; i < 3; i++) {
		n->iss_known = false;
		struct tseg syn = peer_syn(n, TCP_SYN);
		syn.peer_port = (uint16_t)(PEER_PORT + 2 - i);
		tcp_net_push(n, syn);
		tcp_net_turn(n);
		if (i)
			IN(n, TCP_ACK, .seq = 1, .ack = 1, .peer_port = syn.peer_port, .has_ts = true,
			   .tsval = syn.tsval, .tsecr = n->last_tsval);
	}
	ck_assert_uint_eq(n->listener->tcp.accept_count, 2);
	struct socket *child;
	ck_assert_int_eq(socket_accept(n->stack, n->listener, &child), 0);
	n->so = child;
	n->id = child->id;
	child->channel = n;
	n->iss = child->tcp.snd.iss.n;
	n->channel_max = 0;
	n->ts_on = true;
	n->port = LISTEN_PORT;
	IN(n, TCP_ACK, .seq = 1, .ack = 1, .len = 200, .peer_port = PEER_PORT + 1);
	IN(n, TCP_ACK, .seq = 301, .ack = 1, .len = 100, .peer_port = PEER_PORT + 1);
	do_send(n, 5000);
	ck_assert_int_eq(socket_open(n->stack, SOCKET_UDP, IP_V4, 5, 6, &udp), 0);
	ck_assert_int_eq(socket_send_datagram(n->stack, udp, (struct endpoint){addr("10.0.0.77"), 9}, NULL, "hello", 5),
	                 0);
	tcp_net_turn(n);
	tcp_net_skip_output(n);
}

static uint8_t *save(struct tcp_net *n, size_t *len)
{
	struct snap s;

	stack_save(n->stack, &s);
	ck_assert_msg(snap_ok(&s), "%s", s.error);
	uint8_t *copy = malloc(s.len);
	memcpy(copy, s.buf, s.len);
	*len = s.len;
	snap_save_free(&s);
	return copy;
}

/* Refused with a reason, or a stack that is freed here. */
static bool load(const uint8_t *p, size_t len)
{
	struct env env = unit_env(3);
	struct snap in;

	snap_load_begin(&in, p, len);
	struct stack *s = stack_load(&env, &in);
	ck_assert((s != NULL) == snap_ok(&in));
	if (s)
		stack_free(s);
	unit_env_end(&env);
	return s != NULL;
}

static void make_checksum_right(uint8_t *p, size_t len)
{
	static const struct hash_key key;
	uint64_t sum = siphash(&key, p, len - 8);

	for (size_t i = 0; i < 8; i++)
		p[len - 8 + i] = (uint8_t)(sum >> (8 * i));
}

START_TEST(round_trip)
{
	struct tcp_net n;
	busy(&n);
	uint32_t count = stack_socket_count(n.stack);
	struct socket *so = socket_by_id(n.stack, n.id);
	so->cookie = 77;
	so->inode = 88;
	n.stack->env->rng.s[0] ^= 1; /* not part of it */
	tcp_net_reload(&n);
	ck_assert_uint_eq(stack_socket_count(n.stack), count);
	ck_assert_uint_eq(n.so->cookie, 77);
	ck_assert_uint_eq(n.so->inode, 88);
	ck_assert_uint_eq(n.listener->tcp.accept_count, 1);
	ck_assert_uint_eq(n.listener->tcp.syn_count, 1);
	n.channel_max = UINT32_MAX;
	stack_offer(n.stack, n.so);
	IN(&n, TCP_ACK, .seq = 201, .ack = 1, .len = 100, .peer_port = PEER_PORT + 1);
	ck_assert_uint_eq(n.received, 400);
	ck_assert_int_eq(socket_accept(n.stack, n.listener, &so), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

START_TEST(an_empty_stack)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_plain);
	tcp_net_reload(&n);
	ck_assert_uint_eq(stack_socket_count(n.stack), 0);
	n.port = 80;
	IN(&n, TCP_SYN, .seq = 0); /* the neighbour is still known */
	OUT(&n, TCP_RST | TCP_ACK, .seq = 0, .ack = 1);
	tcp_net_end(&n);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct tcp_net n;
	size_t len;
	busy(&n);
	uint8_t *p = save(&n, &len);
	ck_assert(load(p, len));
	for (size_t cut = 0; cut < len; cut += cut < 300 || cut > len - 300 ? 1 : 97) {
		uint8_t *part = malloc(cut + 1);
		memcpy(part, p, cut);
		ck_assert(!load(part, cut));
		if (cut > 16) {
			make_checksum_right(part, cut);
			ck_assert(!load(part, cut));
		}
		free(part);
	}
	free(p);
	tcp_net_end(&n);
}
END_TEST

/* As it is, damage is refused; with a checksum that was made right again, the checks of each field stand alone: the
 * snapshot is refused, or what it gives can be freed. */
START_TEST(every_damaged_byte)
{
	struct tcp_net n;
	size_t len;
	busy(&n);
	uint8_t *p = save(&n, &len);
	for (size_t i = 0; i < len; i++) {
		uint8_t old = p[i];
		p[i] ^= 0xff;
		ck_assert_msg(!load(p, len), "byte %zu", i);
		static const uint8_t flips[] = {0x01, 0x80, 0xff};
		for (size_t k = 0; k < ARRAY_LEN(flips) && i < len - 8; k++) {
			p[i] = old ^ flips[k];
			make_checksum_right(p, len);
			load(p, len);
		}
		p[i] = old;
		make_checksum_right(p, len);
	}
	ck_assert(load(p, len));
	free(p);
	tcp_net_end(&n);
}
END_TEST

START_TEST(other_versions_are_refused)
{
	struct tcp_net n;
	size_t len;
	struct env env = unit_env(3);
	struct snap in;
	tcp_net_begin(&n, &tcp_net_plain);
	uint8_t *p = save(&n, &len);
	p[4]++;
	make_checksum_right(p, len);
	snap_load_begin(&in, p, len);
	ck_assert_ptr_null(stack_load(&env, &in));
	ck_assert_str_eq(in.error, "written by a newer toynet");
	p[4] = 0;
	make_checksum_right(p, len);
	snap_load_begin(&in, p, len);
	ck_assert_ptr_null(stack_load(&env, &in));
	ck_assert_str_eq(in.error, "unknown schema version");
	unit_env_end(&env);
	free(p);
	tcp_net_end(&n);
}
END_TEST

START_TEST(want_of_memory)
{
	struct tcp_net n;
	size_t len;
	busy(&n);
	uint8_t *p = save(&n, &len);
	bool loaded = false;
	for (uint64_t k = 1; !loaded; k++) {
		struct env env = unit_env(3);
		struct snap in;
		env.fail_at = k;
		snap_load_begin(&in, p, len);
		struct stack *s = stack_load(&env, &in);
		loaded = s && env.allocations < k;
		if (s)
			stack_free(s);
		unit_env_end(&env);
		ck_assert_uint_lt(k, 1000);
	}
	free(p);
	tcp_net_end(&n);
}
END_TEST

Suite *stack_snap_suite(void);
Suite *stack_snap_suite(void)
{
	Suite *suite = suite_create("stack_snap");
	TCase *tcase = tcase_create("stack_snap");
	const TTest *const tests[] = {round_trip,
	                              an_empty_stack,
	                              every_truncation_is_refused,
	                              every_damaged_byte,
	                              other_versions_are_refused,
	                              want_of_memory};

	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}
