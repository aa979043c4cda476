/* flow: what is read of a frame, and which frames a match fits. */
#include "base/bytes.h"
#include "link/flow.h"
#include "unit.h"
#include <string.h>

#define LEN 64

/* 10.0.0.1:1000 to 10.0.0.2:80, TCP. */
static void frame(uint8_t f[LEN])
{
	memset(f, 0, LEN);
	store_be16(f + 12, 0x0800);
	f[14] = 0x45;
	f[23] = 6;
	memcpy(f + 26, (uint8_t[]){10, 0, 0, 1, 10, 0, 0, 2}, 8);
	store_be16(f + 34, 1000);
	store_be16(f + 36, 80);
}

START_TEST(a_frame_is_read)
{
	uint8_t f[LEN];
	struct flow flow;
	frame(f);
	ck_assert(flow_parse(f, LEN, &flow));
	ck_assert(flow.ports && flow.protocol == 6 && flow.src.port == 1000 && flow.dst.port == 80);
	ck_assert(ip_eq(flow.src.addr, ip4(10, 0, 0, 1)) && ip_eq(flow.dst.addr, ip4(10, 0, 0, 2)));
	f[14] = 0x46; /* options: the ports are four bytes further on */
	ck_assert(flow_parse(f, LEN, &flow));
	ck_assert(flow.ports && flow.src.port == 0 && flow.dst.port == 0);
}
END_TEST

START_TEST(what_is_not_there_is_not_read)
{
	uint8_t f[LEN];
	struct flow flow;
	frame(f);
	for (uint32_t len = 0; len <= 38; len++) {
		ck_assert(flow_parse(f, len, &flow) == (len >= 34));
		ck_assert(len < 34 || flow.ports == (len == 38));
	}
	f[21] = 1; /* a fragment that is not the first */
	ck_assert(flow_parse(f, LEN, &flow) && !flow.ports && flow.dst.port == 0);
	frame(f);
	f[23] = 1;
	ck_assert(flow_parse(f, LEN, &flow) && !flow.ports);
	f[14] = 0x44;
	ck_assert(!flow_parse(f, LEN, &flow));
	f[14] = 0x65;
	ck_assert(!flow_parse(f, LEN, &flow));
	frame(f);
	f[13] = 6;
	ck_assert(!flow_parse(f, LEN, &flow));
}
END_TEST

/* The owner of destination port 80 towards us, and of source port 80 away from us. */
static void find(void *ctx, const struct flow *f, enum link_way way, struct flow_owner *owner)
{
	ck_assert_ptr_eq(ctx, &find);
	if ((way == LINK_IN ? f->dst.port : f->src.port) == 80)
		owner->socket = 9;
}

START_TEST(a_match_fits_what_it_names)
{
	static const struct flow_lookup lookup = {find, (void *)(uintptr_t)&find};
	const struct {
		struct flow_match m;
		bool in, out;
	} tries[] = {
	        {{.port = 0}, true, true},
	        {{.src = {ip4(10, 0, 0, 0), 24}}, true, true},
	        {{.src = {ip4(10, 0, 0, 2), 32}}, false, false},
	        {{.dst = {ip4(10, 0, 0, 2), 32}}, true, true},
	        {{.host = {ip4(10, 0, 0, 2), 32}}, true, true},
	        {{.host = {ip4(10, 0, 0, 3), 32}}, false, false},
	        {{.src_port = 1000}, true, true},
	        {{.src_port = 80}, false, false},
	        {{.dst_port = 80}, true, true},
	        {{.dst_port = 1000}, false, false},
	        {{.port = 1000}, true, true},
	        {{.port = 81}, false, false},
	        {{.protocol = 6}, true, true},
	        {{.protocol = 17}, false, false},
	        {{.protocol = 6, .port = 80, .src = {ip4(10, 0, 0, 1), 32}}, true, true},
	        {{.protocol = 6, .port = 80, .src = {ip4(10, 0, 0, 9), 32}}, false, false},
	        {{.socket = 9}, true, false},
	        {{.socket = 8}, false, false},
	};
	uint8_t f[LEN];
	struct flow flow;
	frame(f);
	ck_assert(flow_parse(f, LEN, &flow));
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		ck_assert_msg(flow_matches(&tries[i].m, &flow, LINK_IN, &lookup) == tries[i].in, "in, try %zu", i);
		ck_assert_msg(flow_matches(&tries[i].m, &flow, LINK_OUT, &lookup) == tries[i].out, "out, try %zu", i);
		/* Not IPv4: only the empty match fits. */
		ck_assert(flow_matches(&tries[i].m, NULL, LINK_IN, &lookup) == (i == 0));
	}
	ck_assert(!flow_matches(&(struct flow_match){.socket = 9}, &flow, LINK_IN, &(struct flow_lookup){0}));
}
END_TEST

Suite *flow_suite(void);
Suite *flow_suite(void)
{
	UNIT_SUITE("flow", a_frame_is_read, what_is_not_there_is_not_read, a_match_fits_what_it_names);
}
