/* ping: echo requests out, replies to the socket with their identifier, errors, what is refused, reload. */
#include "dgram_net.h"

#define HEAD     "\x08\x00\xff\xff\xee\xee\x00\x01" /* echo request; checksum and identifier are not ours to choose */
#define ECHO_LEN 12                                 /* with four letters */

static void begin(struct dgram_net *w)
{
	begin_kind(w, DGRAM_PING);
}

static int send_echo(struct dgram_net *w, struct dgram *d, const char *ip, const char *text4)
{
	uint8_t m[ECHO_LEN] = HEAD;
	memcpy(m + 8, text4, 4);
	return dgram_send(&w->l, d, at(ip, 0), NULL, m, sizeof(m));
}

/* The next frame is an echo request with this identifier and text, its checksum right. */
static void out_echo(struct dgram_net *w, const char *dst, uint16_t id, const char *text4)
{
	struct frame_out f;
	uint32_t len;
	ck_assert(dgram_output(&w->l, &f));
	keep_out(&w->n, &f);
	const uint8_t *p = check_ip(&w->n, PEER_MAC, US, dst, IP_PROTO_ICMP, &len);
	ck_assert_uint_eq(len, ECHO_LEN);
	ck_assert_uint_eq(load_be16(p), 0x0800);
	ck_assert_uint_eq(load_be16(p + 4), id);
	ck_assert_uint_eq(load_be16(p + 6), 1);
	ck_assert_mem_eq(p + 8, text4, 4);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, p, len)), 0);
}

static void in_icmp(struct dgram_net *w, const char *src, uint8_t type, uint16_t id, const char *text4)
{
	uint8_t m[ECHO_LEN] = {type};
	store_be16(m + 4, id);
	memcpy(m + 8, text4, 4);
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, sizeof(m))));
	in_ip(&w->n, (struct ip_spec){.src = src, .protocol = IP_PROTO_ICMP, .data = m, .len = sizeof(m)});
}

/* The application's next message: from whom, identifier, text. */
static void got_reply(struct dgram_net *w, struct dgram *d, const char *ip, uint16_t id, const char *text4)
{
	struct dgram_record rec;
	struct iovec iov[2];
	int niov;
	ck_assert(dgram_peek(&w->l, d, &rec, iov, &niov));
	ck_assert_uint_eq(rec.len, ECHO_LEN);
	ck_assert(endpoint_eq(rec.addr, at(ip, 0)));
	const uint8_t *p = iov[0].iov_base;
	ck_assert_uint_eq(p[0], ICMP_ECHO_REPLY);
	ck_assert_uint_eq(load_be16(p + 4), id);
	ck_assert_mem_eq(p + 8, text4, 4);
	dgram_consume(&w->l, d);
}

START_TEST(a_request_and_its_reply)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(send_echo(&w, &w.a, PEER, "ping"), 0);
	uint16_t id = w.a.pcb.local.port;
	ck_assert_uint_ge(id, PORT_EPHEMERAL_MIN);
	out_echo(&w, PEER, id, "ping");
	ck_assert_uint_eq(w.n.cnt.v[CNT_IcmpOutEchos], 1);
	in_icmp(&w, PEER, ICMP_ECHO_REPLY, id, "pong");
	got_reply(&w, &w.a, PEER, id, "pong");
	in_icmp(&w, PEER, ICMP_ECHO_REPLY, (uint16_t)(id + 1), "else");
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	in_icmp(&w, PEER, ICMP_ECHO, id, "ping"); /* theirs is answered by the stack */
	got_nothing(&w, &w.a);
	ck_assert_uint_eq(w.a.in, 1);
	ck_assert_uint_eq(w.a.out, 1);
	ck_assert_uint_eq(w.n.cnt.v[CNT_UdpInDatagrams] + w.n.cnt.v[CNT_UdpOutDatagrams], 0);
	end(&w);
}
END_TEST

START_TEST(identifiers_are_ports)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 77)), 0);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(NULL, 77)), EADDRINUSE);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 78)), EINVAL);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(PEER, 78)), EADDRNOTAVAIL);
	ck_assert_int_eq(dgram_bind(&w.l, &w.b, at(US, 78)), 0);
	ck_assert_int_eq(send_echo(&w, &w.a, PEER, "aaaa"), 0);
	ck_assert_int_eq(send_echo(&w, &w.b, PEER, "bbbb"), 0);
	out_echo(&w, PEER, 77, "aaaa");
	out_echo(&w, PEER, 78, "bbbb");
	in_icmp(&w, PEER, ICMP_ECHO_REPLY, 78, "bbbb");
	in_icmp(&w, PEER, ICMP_ECHO_REPLY, 77, "aaaa");
	got_reply(&w, &w.a, PEER, 77, "aaaa");
	got_reply(&w, &w.b, PEER, 78, "bbbb");
	end(&w);
}
END_TEST

START_TEST(what_send_refuses)
{
	struct dgram_net w;
	uint8_t m[ECHO_LEN] = HEAD;
	begin(&w);
	ck_assert_int_eq(send_echo(&w, &w.a, NULL, "ping"), EDESTADDRREQ);
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, m, 7), EINVAL);
	m[1] = 1;
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, m, sizeof(m)), EINVAL);
	m[0] = ICMP_REDIRECT;
	m[1] = 0;
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, m, sizeof(m)), EINVAL);
	ck_assert_int_eq(send_echo(&w, &w.a, "10.0.0.255", "ping"), EACCES);
	ck_assert_int_eq(send_echo(&w, &w.a, "240.0.0.1", "ping"), ENETUNREACH);
	ck_assert(!w.a.pcb.bound);
	out_no_dgram(&w);
	end(&w);
}
END_TEST

/* An ICMP time exceeded that quotes our request to PEER. */
static void in_error(struct dgram_net *w, uint16_t id, uint8_t quoted_type)
{
	uint8_t m[36] = {ICMP_TIME_EXCEEDED, [8] = 0x45, [17] = IP_PROTO_ICMP, [28] = quoted_type};
	memcpy(m + 20, addr(US).b, 4);
	memcpy(m + 24, addr(PEER).b, 4);
	store_be16(m + 32, id);
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, sizeof(m))));
	in_ip(&w->n, (struct ip_spec){.src = GATEWAY, .protocol = IP_PROTO_ICMP, .data = m, .len = sizeof(m)});
}

START_TEST(a_connected_socket)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 77)), 0);
	in_error(&w, 77, ICMP_ECHO);
	net_expect_drop(&w.n, CNT_IcmpInIgnored); /* not connected */
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 0)), 0);
	ck_assert(dgram_connected(&w.a) && ip_eq(w.a.pcb.local.addr, addr(US)));
	ck_assert_int_eq(send_echo(&w, &w.a, NULL, "ping"), 0);
	out_echo(&w, PEER, 77, "ping");
	in_icmp(&w, "10.0.0.9", ICMP_ECHO_REPLY, 77, "else");
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	in_error(&w, 77, ICMP_ECHO);
	got_error(&w, &w.a, EHOSTUNREACH);
	in_error(&w, 77, ICMP_ECHO_REPLY);
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, (struct endpoint){0}), 0);
	ck_assert(!dgram_connected(&w.a) && ip_is_unspecified(w.a.pcb.local.addr));
	in_icmp(&w, "10.0.0.9", ICMP_ECHO_REPLY, 77, "pong");
	got_reply(&w, &w.a, "10.0.0.9", 77, "pong");
	end(&w);
}
END_TEST

START_TEST(a_peer_that_does_not_answer_arp)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at("10.0.0.8", 0)), 0);
	ck_assert_int_eq(send_echo(&w, &w.a, NULL, "lost"), 0);
	out_no_dgram(&w);
	net_pass(&w.n, 3000);
	got_error(&w, &w.a, EHOSTUNREACH);
	end(&w);
}
END_TEST

START_TEST(save_and_load)
{
	struct dgram_net w;
	struct snap save, load;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(NULL, 77)), 0);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 0)), 0);
	ck_assert_int_eq(send_echo(&w, &w.a, NULL, "ping"), 0);
	snap_save_begin(&save);
	snap_all(&save, &w);
	stop_dgram(&w);
	start_dgram(&w);
	snap_load_begin(&load, save.buf, save.len);
	snap_all(&load, &w);
	ck_assert_msg(snap_ok(&load), "%s", load.error);
	ck_assert_uint_eq(load.pos, load.len);
	out_echo(&w, PEER, 77, "ping");
	in_icmp(&w, PEER, ICMP_ECHO_REPLY, 77, "pong");
	got_reply(&w, &w.a, PEER, 77, "pong");
	snap_save_free(&save);
	end(&w);
}
END_TEST

START_TEST(its_drops_are_not_of_udp)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(send_echo(&w, &w.a, PEER, "ping"), 0);
	uint16_t id = w.a.pcb.local.port;
	out_echo(&w, PEER, id, "ping");
	for (int i = 0; i < 200; i++) {
		in_icmp(&w, PEER, ICMP_ECHO_REPLY, id, "pong");
		dgram_turn_end(&w.l);
	}
	ck_assert_uint_gt(w.a.drops, 0);
	ck_assert_uint_eq(w.n.cnt.v[CNT_PingRcvbufErrors], w.a.drops);
	w.a.input_shut = true;
	in_icmp(&w, PEER, ICMP_ECHO_REPLY, id, "pong");
	net_expect_drop(&w.n, CNT_PingInShut);
	struct counters c = w.n.cnt;
	counters_add_up(&c);
	ck_assert_uint_eq(c.v[CNT_UdpInErrors], 0);
	end(&w);
}
END_TEST

Suite *ping_suite(void);
Suite *ping_suite(void)
{
	UNIT_SUITE("ping", a_request_and_its_reply, identifiers_are_ports, what_send_refuses, a_connected_socket,
	           a_peer_that_does_not_answer_arp, save_and_load, its_drops_are_not_of_udp);
}
