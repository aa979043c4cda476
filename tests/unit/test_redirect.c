/* redirect: whose are obeyed, for what, how long. */
#include "dgram_net.h"
#include "ip/redirect.h"
#include "ip/route.h"

#define FAR    "192.0.2.7"
#define BETTER "10.0.0.77"

static void begin(struct dgram_net *w)
{
	begin_kind(w, DGRAM_UDP);
	w->n.ip.cfg.redirects = true;
	ck_assert_int_eq(dgram_bind(&w->l, &w->a, at(NULL, 5000)), 0);
}

/* ICMP redirect in: who says it, the better gateway, the destination of our datagram, our port. */
static void in_redirect(struct dgram_net *w, const char *from, const char *gateway, const char *dst, uint16_t port,
                        uint8_t code)
{
	uint8_t m[ICMP_HDR_LEN + IPV4_HDR_MIN + 8] = {ICMP_REDIRECT, code};
	uint8_t *q = m + ICMP_HDR_LEN;
	memcpy(m + 4, addr(gateway).b, 4);
	q[0] = 0x45;
	store_be16(q + IPV4_OFF_LEN, 100);
	q[IPV4_OFF_PROTO] = IP_PROTO_UDP;
	memcpy(q + IPV4_OFF_SRC, addr(US).b, 4);
	memcpy(q + IPV4_OFF_DST, addr(dst).b, 4);
	store_be16(q + IPV4_HDR_MIN, port);
	store_be16(q + IPV4_HDR_MIN + 2, 9);
	store_be16(m + 2, csum_finish(csum_add(CSUM_ZERO, m, sizeof(m))));
	in_ip(&w->n, (struct ip_spec){.src = from, .protocol = IP_PROTO_ICMP, .data = m, .len = sizeof(m)});
}

static void hop(struct dgram_net *w, const char *dst, const char *want)
{
	struct ip_addr got, source;
	ck_assert(route_next_hop(&w->n.ip, addr(dst), &got, &source));
	ck_assert(ip_eq(got, addr(want)));
}

START_TEST(of_the_gateway_in_use)
{
	for (uint8_t code = 0; code < 4; code++) {
		struct dgram_net w;
		begin(&w);
		hop(&w, FAR, GATEWAY);
		in_redirect(&w, GATEWAY, BETTER, FAR, 5000, code);
		net_expect_no_drop(&w.n);
		hop(&w, FAR, BETTER);
		hop(&w, "192.0.2.8", GATEWAY); /* for the host only */
		ck_assert_uint_eq(w.n.cnt.v[CNT_IcmpInRedirectsObeyed], 1);
		in_redirect(&w, GATEWAY, "10.0.0.78", FAR, 5000, code); /* which is not in use any more */
		net_expect_drop(&w.n, CNT_IcmpInRedirectsRefused);
		in_redirect(&w, BETTER, "10.0.0.78", FAR, 5000, code);
		hop(&w, FAR, "10.0.0.78");
		ck_assert_int_eq(w.n.ip.redirects, 1);
		end(&w);
	}
}
END_TEST

START_TEST(what_is_refused)
{
	struct dgram_net w;
	begin(&w);
	static const char *const bad[][3] = {
	        {PEER, BETTER, FAR},            /* not the gateway in use */
	        {GATEWAY, GATEWAY, FAR},        /* to itself */
	        {GATEWAY, "198.51.100.1", FAR}, /* not on our link */
	        {GATEWAY, US, FAR},
	        {GATEWAY, "10.0.0.255", FAR},
	        {PEER, BETTER, PEER}, /* goes by no gateway */
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		in_redirect(&w, bad[i][0], bad[i][1], bad[i][2], 5000, 1);
		net_expect_drop(&w.n, CNT_IcmpInRedirectsRefused);
	}
	in_redirect(&w, GATEWAY, BETTER, FAR, 5001, 1); /* nothing of ours */
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	in_redirect(&w, GATEWAY, BETTER, FAR, 5000, 4);
	net_expect_drop(&w.n, CNT_IcmpInIgnored);
	w.n.ip.cfg.redirects = false;
	in_redirect(&w, GATEWAY, BETTER, FAR, 5000, 1);
	net_expect_drop(&w.n, CNT_IcmpInRedirectsRefused);
	ck_assert_int_eq(w.n.ip.redirects, 0);
	hop(&w, FAR, GATEWAY);
	end(&w);
}
END_TEST

/* RFC 1122 3.3.1.4, 3.3.1.5: for a while, and not beyond the gateway's death. */
START_TEST(until_it_is_old_or_the_gateway_dead)
{
	struct dgram_net w;
	begin(&w);
	in_redirect(&w, GATEWAY, BETTER, FAR, 5000, 1);
	net_pass(&w.n, 599999);
	hop(&w, FAR, BETTER);
	net_pass(&w.n, 1);
	hop(&w, FAR, GATEWAY);
	in_redirect(&w, GATEWAY, BETTER, FAR, 5000, 1);
	hop(&w, FAR, BETTER);
	ip_advise_dead(&w.n.ip, addr(FAR));
	hop(&w, FAR, GATEWAY);
	end(&w);
}
END_TEST

START_TEST(the_table_is_bounded)
{
	struct dgram_net w;
	char text[IP_ADDR_TEXT_MAX];
	begin(&w);
	for (uint8_t i = 1; i <= IP_REDIRECTS_MAX + 1; i++)
		in_redirect(&w, GATEWAY, BETTER, ip_format(ip4(192, 0, 2, i), text), 5000, 1);
	ck_assert_int_eq(w.n.ip.redirects, IP_REDIRECTS_MAX);
	hop(&w, "192.0.2.1", GATEWAY);
	hop(&w, "192.0.2.2", BETTER);
	hop(&w, ip_format(ip4(192, 0, 2, IP_REDIRECTS_MAX + 1), text), BETTER);
	end(&w);
}
END_TEST

Suite *redirect_suite(void);
Suite *redirect_suite(void)
{
	UNIT_SUITE("redirect", of_the_gateway_in_use, what_is_refused, until_it_is_old_or_the_gateway_dead,
	           the_table_is_bounded);
}
