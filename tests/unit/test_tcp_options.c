/* tcp_options: what is read of a peer's options, and what is written. */
#include "tcp_net.h"

static struct tcp_options parse(const uint8_t *p, size_t len)
{
	/* At the very end of a block, so that reading past it is seen. */
	static uint8_t block[64];
	struct tcp_options o;

	if (len)
		memcpy(block + sizeof(block) - len, p, len);
	tcp_parse_options(block + sizeof(block) - len, len, &o);
	return o;
}
#define PARSE(...) parse((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

START_TEST(each_option)
{
	struct tcp_options o = PARSE(2, 4, 0x05, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 1, 0);
	ck_assert(o.has_mss && o.mss == 1460);
	ck_assert(o.has_ws && o.ws == 7);
	ck_assert(o.sack_permitted);
	ck_assert(o.has_ts && o.tsval == 9 && o.tsecr == 256);
	ck_assert(!o.malformed && o.sacks == 0);
}
END_TEST

START_TEST(sack_blocks)
{
	struct tcp_options o = PARSE(1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6);
	ck_assert_int_eq(o.sacks, 2);
	ck_assert_uint_eq(o.sack[0].start.n, 1);
	ck_assert_uint_eq(o.sack[0].end.n, 2);
	ck_assert_uint_eq(o.sack[1].start.n, 5);
	ck_assert_uint_eq(o.sack[1].end.n, 6);
	o = PARSE(5, 9, 0, 0, 0, 1, 0, 0, 0);
	ck_assert_int_eq(o.sacks, 0);
	o = PARSE(5, 2);
	ck_assert_int_eq(o.sacks, 0);
}
END_TEST

START_TEST(malformed_options_stop_the_parsing)
{
	ck_assert(PARSE(2, 4, 5, 0xb4, 8, 1).malformed);
	ck_assert_uint_eq(PARSE(2, 4, 5, 0xb4, 8, 1).mss, 0x5b4);
	ck_assert(PARSE(8, 0).malformed);
	ck_assert(PARSE(8, 10, 0).malformed);
	ck_assert(PARSE(8).malformed);
	ck_assert(PARSE(1, 1, 1, 3).malformed);
	ck_assert(!parse(NULL, 0).malformed);
	/* The wrong length for its kind: ignored, the rest is read. */
	struct tcp_options o = PARSE(2, 3, 5, 3, 4, 1, 1, 4, 3, 0, 8, 3, 1, 2, 4, 2, 0x18);
	ck_assert(!o.malformed && !o.has_ws && !o.sack_permitted && !o.has_ts);
	ck_assert(o.has_mss && o.mss == 0x218);
}
END_TEST

START_TEST(end_of_list_and_unknown_options)
{
	struct tcp_options o = PARSE(0, 2, 4, 5, 0xb4);
	ck_assert(!o.has_mss && !o.malformed);
	o = PARSE(253, 6, 1, 2, 3, 4, 30, 2, 2, 4, 5, 0xb4);
	ck_assert(o.has_mss && o.mss == 1460 && !o.malformed);
}
END_TEST

/* RFC 7323 2.3 */
START_TEST(a_shift_above_14_is_14)
{
	ck_assert_uint_eq(PARSE(3, 3, 15).ws, 14);
	ck_assert_uint_eq(PARSE(3, 3, 255).ws, 14);
	ck_assert_uint_eq(PARSE(3, 3, 14).ws, 14);
}
END_TEST

START_TEST(any_bytes)
{
	struct rng rng;
	for (uint64_t seed = 0; seed < UNIT_SEEDS * 20; seed++) {
		uint8_t bytes[40];
		rng_seed(&rng, seed);
		uint32_t len = rng_below(&rng, 41);
		for (uint32_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(rng_below(&rng, 2) ? rng_below(&rng, 12) : rng_u32(&rng));
		struct tcp_options o = parse(bytes, len);
		ck_assert_int_le(o.sacks, TCP_SACK_BLOCKS);
		ck_assert_uint_le(o.ws, 14);
	}
}
END_TEST

/* What we offer, and that we answer only what was offered. */
START_TEST(options_of_our_syn)
{
	struct tcp_net n;
	tcp_net_begin(&n, &tcp_net_modern);
	struct socket *so = tcp_net_open(&n);
	ck_assert_int_eq(socket_connect(n.stack, so, (struct endpoint){addr(PEER), PEER_PORT}), EINPROGRESS);
	tcp_net_turn(&n);
	const struct tseg *g = OUT(&n, TCP_SYN, .seq = 0, .mss = 1460, .wnd = 65535);
	ck_assert(g->has_ws && g->sack_permitted && g->has_ts);
	ck_assert_uint_eq(g->tsecr, 0);
	ck_assert_uint_ge((uint32_t)UINT16_MAX << g->ws, TCP_BUF_MAX - (1u << g->ws));
	tcp_net_end(&n);
}
END_TEST

START_TEST(options_of_our_syn_ack)
{
	for (unsigned mask = 0; mask < 8; mask++) {
		struct tcp_net n;
		struct tcp_net_options opt = tcp_net_plain;
		opt.peer_ws = mask & 1 ? 3 : -1;
		opt.peer_sack = (mask & 2) != 0;
		opt.peer_ts = (mask & 4) != 0;
		in_listen(&n, &opt, 1);
		tcp_net_push(&n, peer_syn(&n, TCP_SYN));
		uint32_t tsval = peer_syn(&n, TCP_SYN).tsval;
		tcp_net_turn(&n);
		const struct tseg *g = OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460, .wnd = 65535);
		ck_assert(g->has_ws == ((mask & 1) != 0));
		ck_assert(g->sack_permitted == opt.peer_sack);
		ck_assert(g->has_ts == opt.peer_ts);
		if (g->has_ts)
			ck_assert_uint_eq(g->tsecr, tsval);
		tcp_net_end(&n);
	}
}
END_TEST

START_TEST(options_that_are_configured_off)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_modern;
	opt.tcp.sack = opt.tcp.timestamps = opt.tcp.window_scaling = false;
	in_listen(&n, &opt, 1);
	tcp_net_push(&n, peer_syn(&n, TCP_SYN));
	tcp_net_turn(&n);
	const struct tseg *g = OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .mss = 1460);
	ck_assert(!g->has_ws && !g->sack_permitted && !g->has_ts);
	tcp_net_end(&n);
}
END_TEST

/* RFC 7323 3.2: once negotiated, in every segment. 7.1: an offset for each connection. */
START_TEST(timestamps_in_every_segment)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_modern);
	do_send(&n, 10);
	ck_assert(OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 10)->has_ts);
	uint32_t first = n.last_tsval;
	tcp_net_pass(&n, 50);
	IN(&n, TCP_ACK, .seq = 1, .ack = 11, .len = 1);
	ck_assert(OUT(&n, TCP_ACK, .seq = 11, .ack = 2)->has_ts);
	ck_assert_uint_eq(n.last_tsval - first, 50);
	do_shutdown_write(&n);
	ck_assert(OUT(&n, TCP_FIN | TCP_ACK, .seq = 11, .ack = 2)->has_ts);
	ck_assert_uint_ne(tcb(&n)->ts_offset, 0);
	tcp_net_end(&n);
}
END_TEST

/* Without window scaling of the peer, neither side scales. */
START_TEST(window_scaling_is_mutual)
{
	struct tcp_net n;
	struct tcp_net_options opt = tcp_net_plain;
	in_established(&n, &opt);
	ck_assert_uint_eq(tcb(&n)->rcv.wind_shift, 0);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 65535);
	tcp_net_end(&n);
	opt.peer_ws = 14;
	in_established(&n, &opt);
	ck_assert_uint_gt(tcb(&n)->rcv.wind_shift, 0);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 65535); /* a SYN's window is not scaled */
	IN(&n, TCP_ACK, .seq = 1, .ack = 1, .wnd = 2);
	ck_assert_uint_eq(tcb(&n)->snd.wnd, 2u << 14);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_options_suite(void);
Suite *tcp_options_suite(void)
{
	UNIT_SUITE("tcp_options", each_option, sack_blocks, malformed_options_stop_the_parsing,
	           end_of_list_and_unknown_options, a_shift_above_14_is_14, any_bytes, options_of_our_syn,
	           options_of_our_syn_ack, options_that_are_configured_off, timestamps_in_every_segment,
	           window_scaling_is_mutual);
}
