/* raw: whole datagrams in, payloads and whole datagrams out, filters, what is refused, reload. */
#include "dgram_net.h"

#define PROTOCOL 253 /* RFC 3692: for experiments */

static void begin(struct dgram_net *w)
{
	begin_kind(w, DGRAM_RAW);
	dgram_set_protocol(&w->a, PROTOCOL);
	dgram_set_protocol(&w->b, PROTOCOL);
	dgram_set_protocol(&w->c, IP_PROTO_ICMP);
}

static void in_text(struct dgram_net *w, const char *src, uint8_t protocol, const char *text)
{
	in_ip(&w->n, (struct ip_spec){.src = src, .protocol = protocol, .data = text, .len = (uint32_t)strlen(text)});
}

/* The application's next datagram: from whom, and what follows its IP header. */
static void got_whole(struct dgram_net *w, struct dgram *d, const char *ip, const char *text)
{
	struct dgram_record rec;
	struct iovec iov[2];
	uint8_t bytes[2000];
	int niov;
	ck_assert(dgram_peek(&w->l, d, &rec, iov, &niov));
	size_t len = 0;
	for (int i = 0; i < niov; i++) {
		memcpy(bytes + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	ck_assert_uint_eq(len, IPV4_HDR_MIN + strlen(text));
	ck_assert_uint_eq(rec.len, len);
	ck_assert_uint_eq(bytes[0], 0x45);
	ck_assert_uint_eq(load_be16(bytes + 2), len);
	ck_assert(endpoint_eq(rec.addr, at(ip, 0)));
	ck_assert_mem_eq(bytes + 12, addr(ip).b, 4);
	ck_assert_mem_eq(bytes + IPV4_HDR_MIN, text, strlen(text));
	dgram_consume(&w->l, d);
}

static void out_text(struct dgram_net *w, const char *dst, uint8_t protocol, const char *text)
{
	struct frame_out f;
	uint32_t len;
	ck_assert(dgram_output(&w->l, &f));
	keep_out(&w->n, &f);
	const uint8_t *p = check_ip(&w->n, PEER_MAC, US, dst, protocol, &len);
	ck_assert_uint_eq(len, strlen(text));
	ck_assert_mem_eq(p, text, len);
}

START_TEST(each_gets_a_copy)
{
	struct dgram_net w;
	begin(&w);
	in_text(&w, PEER, PROTOCOL, "one");
	net_expect_no_drop(&w.n); /* taken: no protocol unreachable */
	out_nothing(&w.n);
	got_whole(&w, &w.a, PEER, "one");
	dgram_turn_end(&w.l);
	got_whole(&w, &w.b, PEER, "one");
	got_nothing(&w, &w.c);
	in_text(&w, PEER, PROTOCOL - 1, "else");
	net_expect_drop(&w.n, CNT_IpInUnknownProtos);
	ck_assert_uint_eq(w.n.cnt.v[CNT_IpInDelivers], 1);
	end(&w);
}
END_TEST

START_TEST(bound_and_connected)
{
	struct dgram_net w;
	begin(&w);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(PEER, 0)), EADDRNOTAVAIL);
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at("10.0.0.255", 0)), 0);
	ck_assert_int_eq(dgram_connect(&w.l, &w.b, at("10.0.0.9", 0)), 0);
	in_text(&w, PEER, PROTOCOL, "to neither");
	net_expect_drop(&w.n, CNT_IpInUnknownProtos);
	in_text(&w, "10.0.0.9", PROTOCOL, "to b");
	got_nothing(&w, &w.a);
	got_whole(&w, &w.b, "10.0.0.9", "to b");
	ck_assert_int_eq(dgram_bind(&w.l, &w.a, at(US, 0)), 0); /* a raw socket may be bound again */
	in_text(&w, PEER, PROTOCOL, "to a");
	got_whole(&w, &w.a, PEER, "to a");
	ck_assert_int_eq(dgram_connect(&w.l, &w.b, (struct endpoint){0}), 0);
	in_text(&w, PEER, PROTOCOL, "to both");
	got_whole(&w, &w.a, PEER, "to both");
	got_whole(&w, &w.b, PEER, "to both");
	ck_assert_uint_eq(w.a.pcb.local.port, PROTOCOL);
	end(&w);
}
END_TEST

START_TEST(icmp_and_its_filter)
{
	struct dgram_net w;
	uint8_t echo[8] = {ICMP_ECHO, 0, 0xf7, 0xff};
	begin(&w);
	struct ip_spec s = {.protocol = IP_PROTO_ICMP, .data = echo, .len = sizeof(echo)};
	in_ip(&w.n, s);
	ck_assert_uint_eq(dgram_recv_queued(&w.c), IPV4_HDR_MIN + sizeof(echo));
	dgram_consume(&w.l, &w.c);
	ck_assert(net_pull(&w.n)); /* and it is answered all the same */
	w.c.icmp_filter = 1u << ICMP_ECHO;
	in_ip(&w.n, s);
	got_nothing(&w, &w.c);
	end(&w);
}
END_TEST

START_TEST(sends_behind_our_header)
{
	struct dgram_net w;
	begin(&w);
	w.a.ttl = 9;
	w.a.tos = 0x10;
	ck_assert_int_eq(send_text(&w, &w.a, PEER, 0, "payload"), 0);
	out_text(&w, PEER, PROTOCOL, "payload");
	ck_assert_uint_eq(w.n.out[ETHER_HDR_LEN + 8], 9);
	ck_assert_uint_eq(w.n.out[ETHER_HDR_LEN + 1], 0x10);
	ck_assert_int_eq(send_text(&w, &w.a, NULL, 0, "x"), EDESTADDRREQ);
	ck_assert_int_eq(send_text(&w, &w.a, "10.0.0.255", 0, "x"), EACCES);
	static const uint8_t big[65516];
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, big, 65516), EMSGSIZE);
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, big, 65515), 0);
	end(&w);
}
END_TEST

/* A datagram with a header of its own; returns its length. */
static uint32_t own(uint8_t *p, const char *src, const char *dst, const char *text)
{
	memset(p, 0, IPV4_HDR_MIN);
	p[0] = 0x45;
	p[8] = 33;
	p[9] = PROTOCOL;
	if (src)
		memcpy(p + 12, addr(src).b, 4);
	memcpy(p + 16, addr(dst).b, 4);
	memcpy(p + IPV4_HDR_MIN, text, strlen(text));
	return IPV4_HDR_MIN + (uint32_t)strlen(text);
}

START_TEST(brings_its_own_header)
{
	struct dgram_net w;
	uint8_t p[64];
	begin(&w);
	w.a.own_header = true;
	uint32_t len = own(p, NULL, PEER, "whole");
	p[2] = p[10] = 0xff; /* length and checksum are filled in */
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, len), 0);
	w.a.own_header = false; /* what was sent stays what it was */
	out_text(&w, PEER, PROTOCOL, "whole");
	ck_assert_uint_eq(w.n.out[ETHER_HDR_LEN + 8], 33);
	ck_assert_uint_ne(load_be16(w.n.out + ETHER_HDR_LEN + IPV4_OFF_ID), 0);
	w.a.own_header = true;
	/* RFC 1122 3.2.1.3: only with a source of ours. */
	len = own(p, PEER, PEER, "forged");
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, len), EINVAL);
	len = own(p, US, PEER, "ours");
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, len), 0);
	out_text(&w, PEER, PROTOCOL, "ours");
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, 19), EINVAL);
	p[0] = 0x65;
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, len), EINVAL);
	p[0] = 0x4f; /* options beyond the end */
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, len), EINVAL);
	len = own(p, US, "10.0.0.255", "all");
	ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, len), EACCES);
	out_no_dgram(&w);
	end(&w);
}
END_TEST

/* The header of a datagram may wrap around the end of the send ring. */
START_TEST(a_header_anywhere_in_the_ring)
{
	struct dgram_net w;
	uint8_t p[128];
	begin(&w);
	w.a.own_header = true;
	for (int i = 0; i < 500; i++) {
		char text[60] = {0};
		memset(text, 'a' + i % 26, 1 + (size_t)i % 50);
		uint32_t len = own(p, US, PEER, text);
		ck_assert_int_eq(dgram_send(&w.l, &w.a, at(PEER, 0), NULL, p, len), 0);
		if (i > 0) {
			memset(text, 0, sizeof(text));
			memset(text, 'a' + (i - 1) % 26, 1 + (size_t)(i - 1) % 50);
			out_text(&w, PEER, PROTOCOL, text);
		}
	}
	end(&w);
}
END_TEST

START_TEST(the_send_only_protocol)
{
	struct dgram_net w;
	begin(&w);
	dgram_set_protocol(&w.b, RAW_PROTOCOL);
	ck_assert(w.b.own_header);
	in_text(&w, PEER, RAW_PROTOCOL, "x");
	net_expect_drop(&w.n, CNT_IpInUnknownProtos);
	got_nothing(&w, &w.b);
	end(&w);
}
END_TEST

START_TEST(save_and_load)
{
	struct dgram_net w;
	struct snap save, load;
	begin(&w);
	ck_assert_int_eq(dgram_connect(&w.l, &w.a, at(PEER, 0)), 0);
	ck_assert_int_eq(send_text(&w, &w.a, NULL, 0, "out"), 0);
	in_text(&w, PEER, PROTOCOL, "in");
	dgram_turn_end(&w.l);
	snap_save_begin(&save);
	snap_all(&save, &w);
	stop_dgram(&w);
	start_dgram(&w);
	snap_load_begin(&load, save.buf, save.len);
	snap_all(&load, &w);
	ck_assert_msg(snap_ok(&load), "%s", load.error);
	ck_assert_uint_eq(load.pos, load.len);
	got_whole(&w, &w.a, PEER, "in");
	got_whole(&w, &w.b, PEER, "in");
	out_text(&w, PEER, PROTOCOL, "out");
	ck_assert_uint_eq(dgram_protocol(&w.c), IP_PROTO_ICMP);
	snap_save_free(&save);
	end(&w);
}
END_TEST

START_TEST(its_drops_are_not_of_udp)
{
	struct dgram_net w;
	begin(&w);
	for (int i = 0; i < 200; i++) {
		in_text(&w, PEER, PROTOCOL, "more");
		dgram_turn_end(&w.l);
	}
	ck_assert_uint_gt(w.a.drops, 0);
	ck_assert_uint_eq(w.n.cnt.v[CNT_RawRcvbufErrors], w.a.drops + w.b.drops);
	w.a.input_shut = true;
	w.b.input_shut = true;
	in_text(&w, PEER, PROTOCOL, "late");
	net_expect_drop(&w.n, CNT_RawInShut);
	struct counters c = w.n.cnt;
	counters_add_up(&c);
	ck_assert_uint_eq(c.v[CNT_UdpInErrors], 0);
	end(&w);
}
END_TEST

Suite *raw_suite(void);
Suite *raw_suite(void)
{
	UNIT_SUITE("raw", each_gets_a_copy, bound_and_connected, icmp_and_its_filter, sends_behind_our_header,
	           brings_its_own_header, a_header_anywhere_in_the_ring, the_send_only_protocol, save_and_load,
	           its_drops_are_not_of_udp);
}
