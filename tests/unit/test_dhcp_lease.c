/* dhcp_lease: which addresses and times a server may give, and what a client makes of them. */
#include "dhcp_server.h"

#define SENT ((instant){NS_PER_S * 1000})

/* An acknowledgment, read. NULL or 0: without that option. */
static struct dhcp_message ack(const char *yiaddr, const char *mask, const char *server, uint32_t lease_s)
{
	struct reply r = reply_begin(DHCP_ACK, 1, yiaddr);
	struct dhcp_message m;
	if (mask)
		reply_address(&r, 1, mask);
	if (server)
		reply_address(&r, 54, server);
	reply_u32(&r, 51, lease_s);
	reply_end(&r);
	ck_assert(dhcp_message_parse(r.b, r.len, &m));
	return m;
}

START_TEST(test_acceptable)
{
	static const struct {
		const char *yiaddr, *mask, *server;
		uint32_t lease_s;
		bool ok;
	} cases[] = {
	        {DHCP_OURS, "255.255.255.0", DHCP_SERVER, 1, true},
	        {DHCP_OURS, NULL, DHCP_SERVER, 600, true},
	        {"10.0.0.0", "255.255.255.254", DHCP_SERVER, 600, true},
	        {"10.0.0.1", "255.255.255.254", DHCP_SERVER, 600, true},
	        {"10.0.0.1", "255.255.255.255", DHCP_SERVER, 600, true},
	        {"0.0.0.0", "255.255.255.0", DHCP_SERVER, 600, false},
	        {"0.1.2.3", "255.255.255.0", DHCP_SERVER, 600, false},
	        {"127.0.0.1", "255.0.0.0", DHCP_SERVER, 600, false},
	        {"224.0.0.5", "255.255.255.0", DHCP_SERVER, 600, false},
	        {"255.255.255.255", "255.255.255.0", DHCP_SERVER, 600, false},
	        {"10.0.0.0", "255.255.255.0", DHCP_SERVER, 600, false},
	        {"10.0.0.255", "255.255.255.0", DHCP_SERVER, 600, false},
	        {DHCP_OURS, "0.0.0.0", DHCP_SERVER, 600, false},
	        {DHCP_OURS, "255.255.255.0", DHCP_SERVER, 0, false},
	        {DHCP_OURS, "255.255.255.0", "0.0.0.0", 600, false},
	        {DHCP_OURS, "255.255.255.0", "255.255.255.255", 600, false},
	        {DHCP_OURS, "255.255.255.0", NULL, 600, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dhcp_message m = ack(cases[i].yiaddr, cases[i].mask, cases[i].server, cases[i].lease_s);
		ck_assert_msg(dhcp_lease_acceptable(&m) == cases[i].ok, "case %zu", i);
	}
	struct dhcp_message m = ack(DHCP_OURS, NULL, DHCP_SERVER, 600);
	m.has_lease = false;
	ck_assert(!dhcp_lease_acceptable(&m));
}
END_TEST

START_TEST(test_mask_of_the_class)
{
	static const struct {
		const char *yiaddr;
		uint8_t len;
	} classes[] = {{"10.0.0.5", 8}, {"127.0.0.1", 8}, {"128.0.0.5", 16}, {"191.255.0.5", 16}, {"192.168.0.5", 24}};
	struct rng rng = {{1}};
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		struct dhcp_message m = ack(classes[i].yiaddr, NULL, DHCP_SERVER, 600);
		ck_assert_uint_eq(dhcp_lease_of(&m, SENT, &rng).address.len, classes[i].len);
	}
}
END_TEST

/* Within a 64th of the lease before the time that is meant. */
static void expect_time(instant t, uint32_t seconds, uint32_t lease_s)
{
	int64_t ns = instant_since(t, SENT).ns;
	ck_assert_int_le(ns, seconds * NS_PER_S);
	ck_assert_int_ge(ns, seconds * NS_PER_S - lease_s * NS_PER_S / 64);
}

START_TEST(test_times)
{
	static const struct {
		uint32_t lease, t1, t2, t1_used, t2_used;
	} times[] = {
	        {600, 100, 200, 100, 200}, {600, 200, 100, 300, 525}, /* out of order: the defaults */
	        {600, 200, 200, 300, 525}, {600, 100, 600, 300, 525}, {600, 100, 0, 300, 525},
	        {600, 0, 500, 300, 525},   {600, 0, 0, 300, 525},     {4294967288, 0, 0, 2147483644, 3758096377},
	};
	for (uint64_t seed = 0; seed < UNIT_SEEDS; seed++) {
		struct rng rng;
		rng_seed(&rng, seed);
		for (size_t i = 0; i < ARRAY_LEN(times); i++) {
			struct dhcp_message m = ack(DHCP_OURS, NULL, DHCP_SERVER, times[i].lease);
			m.t1_s = times[i].t1;
			m.t2_s = times[i].t2;
			struct dhcp_lease l = dhcp_lease_of(&m, SENT, &rng);
			expect_time(l.t1, times[i].t1_used, times[i].lease);
			expect_time(l.t2, times[i].t2_used, times[i].lease);
			ck_assert_int_eq(instant_since(l.expires, SENT).ns, times[i].lease * NS_PER_S);
			ck_assert(instant_lt(SENT, l.t1) && instant_lt(l.t1, l.t2) && instant_lt(l.t2, l.expires));
		}
	}
}
END_TEST

START_TEST(test_times_differ_between_clients)
{
	struct dhcp_message m = ack(DHCP_OURS, NULL, DHCP_SERVER, 600);
	struct rng one, other;
	rng_seed(&one, 1);
	rng_seed(&other, 2);
	ck_assert(dhcp_lease_of(&m, SENT, &one).t1.ns != dhcp_lease_of(&m, SENT, &other).t1.ns);
}
END_TEST

START_TEST(test_infinite)
{
	struct dhcp_message m = ack(DHCP_OURS, NULL, DHCP_SERVER, DHCP_LEASE_INFINITE);
	struct rng rng = {{1}};
	struct dhcp_lease l = dhcp_lease_of(&m, SENT, &rng);
	ck_assert(instant_is_never(l.t1) && instant_is_never(l.t2) && instant_is_never(l.expires));
}
END_TEST

Suite *dhcp_lease_suite(void);
Suite *dhcp_lease_suite(void)
{
	UNIT_SUITE("dhcp_lease", test_acceptable, test_mask_of_the_class, test_times, test_times_differ_between_clients,
	           test_infinite);
}
