/* rpc/methods_neighbors: the ARP table through the control plane. The rig has 192.0.2.2/24. */
#include "rpc_rig.h"
#include <stdio.h>
#include <string.h>

#define ADMIN(name) "/toynet.v1.Admin/" name
#define TEXT(s)     (char *)(uintptr_t)(s)
#define MAC         "02:00:00:00:00:09"

static struct h2c_call *add(struct peer *p, const char *address, const char *mac, bool replace)
{
	Toynet__V1__AddNeighborRequest m = TOYNET__V1__ADD_NEIGHBOR_REQUEST__INIT;

	m.address = TEXT(address);
	m.mac = TEXT(mac);
	m.replace = replace;
	return rpc_call(p, ADMIN("AddNeighbor"), &m);
}

static struct h2c_call *forget(struct peer *p, const char *address)
{
	Toynet__V1__DeleteNeighborRequest m = TOYNET__V1__DELETE_NEIGHBOR_REQUEST__INIT;

	m.address = TEXT(address);
	return rpc_call(p, ADMIN("DeleteNeighbor"), &m);
}

static void is_neighbor(const struct h2c_call *c, const char *address, const char *mac, Toynet__V1__NeighborState state)
{
	Toynet__V1__Neighbor *n = rpc_answer(c, &toynet__v1__neighbor__descriptor);

	ck_assert_str_eq(n->address, address);
	ck_assert_str_eq(n->mac, mac);
	ck_assert_str_eq(n->interface, "toy0");
	ck_assert_int_eq(n->state, state);
	rpc_answer_free(n);
}

/* How many rows there are, in the order of their addresses; last: the last one's. */
static int count(struct peer *p, char last[IP_ADDR_TEXT_MAX])
{
	Toynet__V1__ListNeighborsRequest m = TOYNET__V1__LIST_NEIGHBORS_REQUEST__INIT;
	const struct h2c_call *c = rpc_call(p, ADMIN("ListNeighbors"), &m);
	uint32_t before = 0;
	int n = 0;

	ck_assert_int_eq(c->grpc_status, GRPC_OK);
	last[0] = '\0';
	for (size_t at = 0; at < c->body_len; n++) {
		const uint8_t *b = c->body + at;
		uint32_t len = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
		Toynet__V1__Neighbor *row = toynet__v1__neighbor__unpack(NULL, len, b + GRPC_PREFIX_LEN);
		struct ip_addr a;
		ck_assert_ptr_nonnull(row);
		ck_assert(ip_parse(row->address, &a));
		ck_assert_uint_gt(ip4_to_u32(a), before);
		before = ip4_to_u32(a);
		snprintf(last, IP_ADDR_TEXT_MAX, "%s", row->address);
		toynet__v1__neighbor__free_unpacked(row, NULL);
		at += GRPC_PREFIX_LEN + len;
	}
	return n;
}

static void says(const struct h2c_call *c, int status, int error, const char *what)
{
	rpc_failed(c, status, error);
	ck_assert_msg(strstr(c->message, what), "`%s' does not say `%s'", c->message, what);
}

START_TEST(static_ones_come_and_go)
{
	const Toynet__V1__NeighborState is_static = TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_STATIC;
	char last[IP_ADDR_TEXT_MAX];
	BEGIN(0);
	ck_assert_int_eq(count(&p, last), 0);
	is_neighbor(add(&p, "192.0.2.9", MAC, false), "192.0.2.9", MAC, is_static);
	is_neighbor(add(&p, "192.0.2.8", MAC, false), "192.0.2.8", MAC, is_static);
	ck_assert_int_eq(count(&p, last), 2);
	ck_assert_str_eq(last, "192.0.2.9");
	says(add(&p, "192.0.2.9", MAC, false), GRPC_ALREADY_EXISTS, EEXIST, "replace it");
	is_neighbor(add(&p, "192.0.2.9", "02:00:00:00:00:0a", true), "192.0.2.9", "02:00:00:00:00:0a", is_static);
	is_neighbor(forget(&p, "192.0.2.9"), "192.0.2.9", "02:00:00:00:00:0a", is_static);
	says(forget(&p, "192.0.2.9"), GRPC_NOT_FOUND, ESRCH, "no neighbour 192.0.2.9");
	ck_assert_int_eq(count(&p, last), 1);
	ck_assert_str_eq(last, "192.0.2.8");
	is_neighbor(forget(&p, "192.0.2.8"), "192.0.2.8", MAC, is_static);
	END();
}
END_TEST

/* One that is asked for: it is shown, cannot be deleted within a second, and a static entry takes its place. */
START_TEST(one_that_is_asked_for)
{
	Toynet__V1__NeighborState incomplete = TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_INCOMPLETE;
	char last[IP_ADDR_TEXT_MAX];
	struct frame_out f;
	BEGIN(0);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	rpc_connect_to(&p, &ref, false, NULL);
	while (stack_output(r.stack, &f))
		;
	ck_assert_int_eq(count(&p, last), 1);
	ck_assert_str_eq(last, "192.0.2.9");
	says(forget(&p, "192.0.2.9"), GRPC_FAILED_PRECONDITION, EBUSY, "try again in a second");
	struct ip_neighbor n;
	ck_assert(ip_neighbor_next(stack_ip(r.stack), (struct ip_addr){0}, &n));
	ck_assert_int_eq(n.state, ARP_INCOMPLETE);
	r.env.now = instant_add(r.env.now, DURATION_MS(1500));
	is_neighbor(forget(&p, "192.0.2.9"), "192.0.2.9", "", incomplete);
	is_neighbor(add(&p, "192.0.2.9", MAC, false), "192.0.2.9", MAC,
	            TOYNET__V1__NEIGHBOR_STATE__NEIGHBOR_STATE_STATIC);
	END();
}
END_TEST

/* More than a page. */
START_TEST(a_long_list)
{
	char text[32], last[IP_ADDR_TEXT_MAX];
	BEGIN(0);
	for (int i = 3; i < 253; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		ck_assert_int_eq(add(&p, text, MAC, false)->grpc_status, GRPC_OK);
		if (i % 100 == 0) { /* a connection of the test has room for so many calls */
			peer_end(&p);
			peer_begin(&p, &r, 0);
		}
	}
	ck_assert_int_eq(count(&p, last), 250);
	ck_assert_str_eq(last, "192.0.2.252");
	END();
}
END_TEST

START_TEST(refused)
{
	struct peer user;
	char last[IP_ADDR_TEXT_MAX];
	BEGIN(0);
	says(add(&p, "host", MAC, false), GRPC_INVALID_ARGUMENT, EINVAL, "not an IPv4 address");
	says(add(&p, "192.0.2.9", "02:00:00:00:00", false), GRPC_INVALID_ARGUMENT, EINVAL, "not a station's MAC");
	says(add(&p, "192.0.2.9", "03:00:00:00:00:09", false), GRPC_INVALID_ARGUMENT, EINVAL, "not a station's MAC");
	says(add(&p, "10.0.0.9", MAC, false), GRPC_INVALID_ARGUMENT, EINVAL, "not another host on the network");
	says(add(&p, "192.0.2.2", MAC, false), GRPC_INVALID_ARGUMENT, EINVAL, "not another host on the network");
	says(add(&p, "192.0.2.255", MAC, false), GRPC_INVALID_ARGUMENT, EINVAL, "not another host on the network");
	rpc_failed(forget(&p, ""), GRPC_INVALID_ARGUMENT, EINVAL);
	peer_begin(&user, &r, UID);
	rpc_failed(add(&user, "192.0.2.9", MAC, false), GRPC_PERMISSION_DENIED, EACCES);
	rpc_failed(forget(&user, "192.0.2.9"), GRPC_PERMISSION_DENIED, EACCES);
	ck_assert_int_eq(count(&user, last), 0);
	peer_end(&user);
	END();
}
END_TEST

Suite *rpc_neighbors_suite(void);
Suite *rpc_neighbors_suite(void)
{
	UNIT_SUITE("rpc_neighbors", static_ones_come_and_go, one_that_is_asked_for, a_long_list, refused);
}
