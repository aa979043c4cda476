/* dhcp_message: what servers say is read whole or refused, wherever it lies and however it is cut; what a client says
 * has the fields of RFC 2131 table 5. */
#include "dhcp_server.h"
#include <stdlib.h>

#define XID 0x01020304u

static bool parse(const struct reply *r, struct dhcp_message *m)
{
	/* Memory of its own size, so that reading past its end is seen. */
	uint8_t *copy = malloc(r->len ? r->len : 1);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, r->b, r->len);
	bool ok = dhcp_message_parse(copy, r->len, m);
	free(copy);
	return ok;
}

/* Parses, and demands success. */
static struct dhcp_message read_whole(struct reply r)
{
	struct dhcp_message m;
	reply_end(&r);
	ck_assert(parse(&r, &m));
	return m;
}

static struct reply offer(void)
{
	return reply_lease(DHCP_OFFER, XID, DHCP_OURS, 600);
}

START_TEST(test_offer)
{
	struct reply r = offer();
	reply_u32(&r, 58, 300);
	reply_u32(&r, 59, 525);
	reply_option(&r, 6, "\x08\x08\x08\x08\x09\x09\x09\x09", 8);
	reply_option(&r, 15, "example.org", 11);
	reply_option(&r, 26, "\x05\x00", 2);
	reply_option(&r, 61, "\x01\x02\x03", 3);
	struct dhcp_message m = read_whole(r);
	ck_assert_int_eq(m.type, DHCP_OFFER);
	ck_assert_uint_eq(m.xid, XID);
	ck_assert(mac_eq(m.chaddr, DHCP_MAC));
	ck_assert(ip_eq(m.yiaddr, dhcp_addr(DHCP_OURS)));
	ck_assert(ip_eq(m.server_id, dhcp_addr(DHCP_SERVER)));
	ck_assert(m.has_lease && m.lease_s == 600 && m.t1_s == 300 && m.t2_s == 525);
	ck_assert(m.params.has_mask);
	ck_assert_uint_eq(m.params.mask, 24);
	ck_assert_uint_eq(m.params.routers, 1);
	ck_assert(ip_eq(m.params.router[0], dhcp_addr(DHCP_SERVER)));
	ck_assert_uint_eq(m.params.dns, 2);
	ck_assert(ip_eq(m.params.dns_server[1], dhcp_addr("9.9.9.9")));
	ck_assert_str_eq(m.params.domain, "example.org");
	ck_assert_uint_eq(m.params.mtu, 1280);
	ck_assert_uint_eq(m.client_id.len, 3);
	ck_assert_mem_eq(m.client_id.b, "\1\2\3", 3);
	ck_assert_uint_eq(m.bad_options, 0);
}
END_TEST

START_TEST(test_what_is_no_message_of_a_server)
{
	static const struct {
		uint32_t at;
		uint8_t value;
	} wrong[] = {{0, 1}, {1, 6}, {2, 16}, {236, 0}, {239, 0}, {242, 0}, {242, 9}, {241, 2}};
	struct dhcp_message m;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct reply r = offer();
		reply_end(&r);
		r.b[wrong[i].at] = wrong[i].value;
		ck_assert_msg(!parse(&r, &m), "octet %u = %u", wrong[i].at, wrong[i].value);
	}
	/* BOOTP: options, but no message type. */
	struct reply r = reply_begin(DHCP_OFFER, XID, DHCP_OURS);
	r.len = 240;
	reply_address(&r, 1, "255.0.0.0");
	reply_end(&r);
	ck_assert(!parse(&r, &m));
}
END_TEST

START_TEST(test_every_truncation_is_refused_or_whole)
{
	struct reply whole = offer();
	struct dhcp_message m;
	reply_option(&whole, 6, "\x08\x08\x08\x08", 4);
	/* Where an option ends, a message without an end option may end. */
	for (uint32_t len = 0; len < whole.len; len++) {
		struct reply r = whole;
		r.len = len;
		bool boundary = len == 243 || len == 249 || len == 255 || len == 261 || len == 267;
		ck_assert_msg(parse(&r, &m) == boundary, "cut at %u", len);
	}
}
END_TEST

START_TEST(test_overload)
{
	struct reply r = offer();
	struct dhcp_message m;
	/* `file' is read before `sname'; a router in each is one list. */
	memcpy(r.b + 108, "\x03\x04\x0a\x00\x00\x01\xff", 7);
	memcpy(r.b + 44, "\x00\x03\x04\x0a\x00\x00\x02\xff", 8);
	reply_option(&r, 52, "\3", 1);
	m = read_whole(r);
	ck_assert_uint_eq(m.params.routers, 3);
	ck_assert(ip_eq(m.params.router[0], dhcp_addr(DHCP_SERVER)));
	ck_assert(ip_eq(m.params.router[1], dhcp_addr("10.0.0.1")));
	ck_assert(ip_eq(m.params.router[2], dhcp_addr("10.0.0.2")));
	r.b[r.len - 1] = 1;
	ck_assert_uint_eq(read_whole(r).params.routers, 2);
	r.b[r.len - 1] = 2;
	m = read_whole(r);
	ck_assert_uint_eq(m.params.routers, 2);
	ck_assert(ip_eq(m.params.router[1], dhcp_addr("10.0.0.2")));
}
END_TEST

START_TEST(test_overload_that_is_malformed)
{
	struct reply r = offer();
	struct dhcp_message m;
	reply_option(&r, 52, "\4", 1);
	ck_assert(!parse(&r, &m));
	r.b[r.len - 1] = 0;
	ck_assert(!parse(&r, &m));
	r.b[r.len - 1] = 2;
	ck_assert(parse(&r, &m));
	/* An option that runs past `sname' into `file'. */
	memset(r.b + 44, 0, 64);
	r.b[44 + 62] = 3;
	r.b[44 + 63] = 4;
	ck_assert(!parse(&r, &m));
	/* Overload in `sname' means nothing more. */
	memcpy(r.b + 44, "\x34\x01\x03\xff", 4);
	ck_assert(parse(&r, &m));
	reply_option(&r, 52, "\1\1", 2);
	ck_assert(!parse(&r, &m));
}
END_TEST

/* RFC 3396: an option in pieces is one value, even where a piece ends within an address. */
START_TEST(test_long_options)
{
	struct reply r = offer();
	reply_option(&r, 6, "\x01\x01\x01\x01\x02\x02", 6);
	reply_option(&r, 15, "exam", 4);
	reply_option(&r, 6, "\x02\x02\x03\x03\x03\x03", 6);
	reply_option(&r, 15, "ple", 3);
	struct dhcp_message m = read_whole(r);
	ck_assert_uint_eq(m.params.dns, 3);
	ck_assert(ip_eq(m.params.dns_server[1], dhcp_addr("2.2.2.2")));
	ck_assert(ip_eq(m.params.dns_server[2], dhcp_addr("3.3.3.3")));
	ck_assert_str_eq(m.params.domain, "example");
	/* A message type in two pieces is not one octet. */
	reply_option(&r, 53, "\2", 1);
	ck_assert(!parse(&r, &m));
}
END_TEST

START_TEST(test_lists_are_bounded)
{
	struct reply r = offer();
	uint8_t many[252];
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = (uint8_t)(1 + i / 4);
	reply_option(&r, 6, many, sizeof(many));
	reply_option(&r, 3, many, sizeof(many));
	struct dhcp_message m = read_whole(r);
	ck_assert_uint_eq(m.params.dns, DHCP_DNS_MAX);
	ck_assert_uint_eq(m.params.routers, DHCP_ROUTERS_MAX);
	uint8_t routes[250];
	for (size_t i = 0; i < sizeof(routes); i += 5)
		memcpy(routes + i, "\x00\x0a\x00\x00\x01", 5);
	reply_option(&r, 121, routes, sizeof(routes));
	ck_assert_uint_eq(read_whole(r).params.routes, DHCP_ROUTES_MAX);
}
END_TEST

START_TEST(test_option_beyond_the_most)
{
	static uint8_t message[70000];
	struct reply r = offer();
	struct dhcp_message m;
	uint32_t len = r.len;
	memcpy(message, r.b, len);
	for (int i = 0; i < 250; i++) {
		message[len] = 6;
		message[len + 1] = 252;
		memset(message + len + 2, 1, 252);
		len += 254;
	}
	message[len++] = 255;
	ck_assert(dhcp_message_parse(message, len, &m));
	ck_assert_uint_eq(m.bad_options, 1);
	ck_assert_uint_eq(m.params.dns, 0);
}
END_TEST

/* What is not needed is left out and counted; what is needed makes the message malformed. */
START_TEST(test_malformed_options)
{
	static const struct {
		uint8_t code;
		uint8_t len;
		const char *value;
		bool needed;
	} bad[] = {
	        {54, 3, "\1\2\3", true},
	        {54, 0, "", true},
	        {61, 0, "", true},
	        {51, 5, "\1\2\3\4\5", true},
	        {1, 4, "\xff\x00\xff\x00", false},
	        {3, 3, "\1\2\3", false},
	        {3, 0, "", false},
	        {6, 5, "\1\2\3\4\5", false},
	        {26, 1, "\1", false},
	        {26, 2, "\0\x43", false},
	        {58, 3, "\1\2\3", false},
	        {59, 5, "\1\2\3\4\5", false},
	        {15, 0, "", false},
	        {15, 4, "a..b", false},
	        {15, 4, "a b;", false},
	        {15, 2, ".a", false},
	        {119, 3, "\1a\1", false},       /* ends in a label */
	        {119, 2, "\xc0\x00", false},    /* points at itself */
	        {119, 4, "\1a\xc0\x02", false}, /* so does its end */
	        {119, 3, "\1 \0", false},
	        {119, 1, "\0", false},
	        {119, 2, "\x80\x00", false},
	        {121, 5, "\x21\1\2\3\4", false}, /* 33 bits */
	        {121, 4, "\x08\1\2\3", false},
	        {121, 9, "\x00\1\2\3\4\x20\1\2\3", false},
	        {121, 0, "", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct dhcp_message m;
		struct reply r = reply_begin(DHCP_ACK, XID, DHCP_OURS);
		reply_option(&r, bad[i].code, bad[i].value, bad[i].len);
		reply_end(&r);
		bool ok = parse(&r, &m);
		ck_assert_msg(ok != bad[i].needed, "case %zu", i);
		if (!ok)
			continue;
		ck_assert_msg(m.bad_options == 1, "case %zu: %u", i, m.bad_options);
		ck_assert(!m.params.has_mask && !m.params.routers && !m.params.dns && !m.params.mtu);
		ck_assert(!m.t1_s && !m.t2_s && !m.params.routes && !m.params.domain[0] && !m.params.search[0]);
	}
}
END_TEST

START_TEST(test_masks)
{
	static const struct {
		const char *mask;
		uint8_t len;
	} masks[] = {{"0.0.0.0", 0}, {"128.0.0.0", 1}, {"255.255.254.0", 23}, {"255.255.255.255", 32}};
	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		struct reply r = reply_begin(DHCP_ACK, XID, DHCP_OURS);
		reply_address(&r, 1, masks[i].mask);
		struct dhcp_message m = read_whole(r);
		ck_assert(m.params.has_mask);
		ck_assert_uint_eq(m.params.mask, masks[i].len);
	}
}
END_TEST

/* RFC 3442, its own examples of descriptors. */
START_TEST(test_classless_routes)
{
	struct reply r = offer();
	reply_option(&r, 121,
	             "\x00\x0a\x00\x00\x01\x08\x0a\x0a\x00\x00\x02\x19\x0a\xe5\x00\x81\x0a\x00\x00\x03"
	             "\x20\x0a\xc6\x7a\x2f\x00\x00\x00\x00",
	             29);
	struct dhcp_message m = read_whole(r);
	ck_assert_uint_eq(m.params.routes, 4);
	char text[PREFIX_TEXT_MAX];
	static const char *const prefixes[] = {"0.0.0.0/0", "10.0.0.0/8", "10.229.0.128/25", "10.198.122.47/32"};
	for (int i = 0; i < 4; i++)
		ck_assert_str_eq(prefix_format(m.params.route[i].prefix, text), prefixes[i]);
	ck_assert(ip_eq(m.params.route[1].gateway, dhcp_addr("10.0.0.2")));
	ck_assert(ip_is_unspecified(m.params.route[3].gateway));
}
END_TEST

/* RFC 3397 5: "eng.apple.com", "marketing.apple.com", the second by a pointer, the option cut in two. */
START_TEST(test_search_list)
{
	static const char wire[] = "\x03"
	                           "eng"
	                           "\x05"
	                           "apple"
	                           "\x03"
	                           "com\0"
	                           "\x09"
	                           "marketing"
	                           "\xc0\x04";
	struct reply r = offer();
	reply_option(&r, 119, wire, 9);
	reply_option(&r, 119, wire + 9, sizeof(wire) - 1 - 9);
	ck_assert_str_eq(read_whole(r).params.search, "eng.apple.com marketing.apple.com");
}
END_TEST

START_TEST(test_search_list_is_bounded)
{
	struct reply r = offer();
	uint8_t name[66] = {63};
	memset(name + 1, 'x', 63);
	for (int i = 0; i < 20; i++)
		reply_option(&r, 119, name, 65);
	struct dhcp_message m = read_whole(r);
	ck_assert_uint_eq(strlen(m.params.search), 15 * 64 - 1 + 64);
	/* A name of 255 octets and more. */
	struct reply longer = offer();
	for (int i = 0; i < 4; i++)
		reply_option(&longer, 119, name, 64);
	reply_option(&longer, 119, "", 1);
	m = read_whole(longer);
	ck_assert_uint_eq(m.bad_options, 1);
	ck_assert_str_eq(m.params.search, "");
}
END_TEST

START_TEST(test_random_messages)
{
	for (uint64_t seed = 0; seed < UNIT_SEEDS * 100; seed++) {
		struct rng rng;
		struct dhcp_message m;
		rng_seed(&rng, seed);
		struct reply r = offer();
		reply_option(&r, 52, "\3", 1);
		reply_option(&r, 119, "\1a\0\1b\xc0\0", 7);
		reply_option(&r, 121, "\x08\x0a\x0a\x00\x00\x02", 6);
		reply_end(&r);
		for (int i = 0; i < 8; i++)
			r.b[rng_below(&rng, r.len)] = (uint8_t)rng_u32(&rng);
		for (uint32_t i = 0; i < 64; i++)
			r.b[44 + rng_below(&rng, 192)] = (uint8_t)rng_below(&rng, 128);
		if (!parse(&r, &m))
			continue;
		ck_assert(m.params.mask <= 32 && m.params.routes <= DHCP_ROUTES_MAX);
		ck_assert(m.params.dns <= DHCP_DNS_MAX && m.params.routers <= DHCP_ROUTERS_MAX);
		for (int i = 0; i < m.params.routes; i++)
			ck_assert(m.params.route[i].prefix.len <= 32);
		ck_assert_uint_lt(strlen(m.params.domain), DHCP_DOMAIN_MAX);
		ck_assert_uint_lt(strlen(m.params.search), DHCP_SEARCH_MAX);
	}
}
END_TEST

static struct dhcp_request full_request(const struct dhcp_client_id *id)
{
	return (struct dhcp_request){
	        .type = DHCP_REQUEST,
	        .xid = XID,
	        .secs = 7,
	        .broadcast = true,
	        .chaddr = DHCP_MAC,
	        .requested = dhcp_addr(DHCP_OURS),
	        .server_id = dhcp_addr(DHCP_SERVER),
	        .client_id = id,
	        .hostname = "host",
	        .max_size = 1500,
	};
}

START_TEST(test_request)
{
	uint8_t b[DHCP_SEND_MAX], n;
	char text[128];
	struct dhcp_client_id id = {.len = 3, .b = {1, 2, 3}};
	struct dhcp_request q = full_request(&id);
	uint32_t len = dhcp_message_build(&q, b);
	request_text(b, len, text, sizeof(text));
	ck_assert_str_eq(text, "REQUEST bcast requested=" DHCP_OURS " server=" DHCP_SERVER);
	ck_assert_uint_eq(len, DHCP_SEND_MIN);
	ck_assert_uint_eq(load_be32(b + 4), XID);
	ck_assert_uint_eq(load_be16(b + 8), 7);
	ck_assert_uint_eq(load_be16(b + 10), 0x8000);
	ck_assert_mem_eq(request_option(b, len, 61, &n), "\1\2\3", 3);
	ck_assert_mem_eq(request_option(b, len, 12, &n), "host", 4);
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(load_be16(request_option(b, len, 57, &n)), 1500);
	/* RFC 3442: 121 is asked for before 3. */
	const uint8_t *list = request_option(b, len, 55, &n);
	const uint8_t *routes = memchr(list, 121, n), *routers = memchr(list, 3, n);
	ck_assert(routes && routers && routes < routers);
	ck_assert_ptr_null(request_option(b, len, 56, &n));
}
END_TEST

START_TEST(test_release_has_no_more_than_it_may)
{
	uint8_t b[DHCP_SEND_MAX], n;
	char text[128];
	struct dhcp_request q = {.type = DHCP_RELEASE,
	                         .chaddr = DHCP_MAC,
	                         .ciaddr = dhcp_addr(DHCP_OURS),
	                         .server_id = dhcp_addr(DHCP_SERVER)};
	uint32_t len = dhcp_message_build(&q, b);
	request_text(b, len, text, sizeof(text));
	ck_assert_str_eq(text, "RELEASE ciaddr=" DHCP_OURS " server=" DHCP_SERVER);
	static const uint8_t not_there[] = {12, 50, 51, 55, 57, 61};
	for (size_t i = 0; i < ARRAY_LEN(not_there); i++)
		ck_assert_ptr_null(request_option(b, len, not_there[i], &n));
}
END_TEST

START_TEST(test_longest_request_fits)
{
	uint8_t b[DHCP_SEND_MAX], n;
	char hostname[DHCP_HOSTNAME_MAX], text[DHCP_TEXT_MAX + 1];
	struct dhcp_client_id id = {.len = DHCP_CLIENT_ID_MAX};
	struct dhcp_request q = full_request(&id);
	memset(hostname, 'h', sizeof(hostname) - 1);
	hostname[sizeof(hostname) - 1] = '\0';
	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	q.hostname = hostname;
	q.text = text;
	uint32_t len = dhcp_message_build(&q, b);
	ck_assert_uint_gt(len, DHCP_SEND_MIN);
	ck_assert_uint_le(len, DHCP_SEND_MAX);
	ck_assert_uint_eq(b[len - 1], 255);
	ck_assert_ptr_nonnull(request_option(b, len, 56, &n));
	ck_assert_uint_eq(n, DHCP_TEXT_MAX);
}
END_TEST

Suite *dhcp_message_suite(void);
Suite *dhcp_message_suite(void)
{
	UNIT_SUITE("dhcp_message", test_offer, test_what_is_no_message_of_a_server,
	           test_every_truncation_is_refused_or_whole, test_overload, test_overload_that_is_malformed,
	           test_long_options, test_lists_are_bounded, test_option_beyond_the_most, test_malformed_options,
	           test_masks, test_classless_routes, test_search_list, test_search_list_is_bounded,
	           test_random_messages, test_request, test_release_has_no_more_than_it_may, test_longest_request_fits);
}
