/* rpc/methods_net: interfaces, addresses and routes through the control plane. The rig has 192.0.2.2/24. */
#include "rpc_rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADMIN(name) "/toynet.v1.Admin/" name
#define TEXT(s)     (char *)(uintptr_t)(s)

/* The next message of a streamed answer, or NULL. */
static void *next(const struct h2c_call *c, size_t *at, const ProtobufCMessageDescriptor *d)
{
	const uint8_t *p = c->body + *at;

	ck_assert_msg(c->grpc_status == GRPC_OK, "%s", c->message);
	if (c->body_len == *at)
		return NULL;
	uint32_t len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
	void *m = protobuf_c_message_unpack(d, NULL, len, p + GRPC_PREFIX_LEN);
	ck_assert_ptr_nonnull(m);
	*at += GRPC_PREFIX_LEN + len;
	return m;
}

/* The rows as one text: "destination gateway source metric origin; ". */
static const char *routes(struct peer *p)
{
	static char text[4096];
	Toynet__V1__ListRoutesRequest m = TOYNET__V1__LIST_ROUTES_REQUEST__INIT;
	const struct h2c_call *c = rpc_call(p, ADMIN("ListRoutes"), &m);
	Toynet__V1__Route *r;
	size_t at = 0, n = 0;

	text[0] = '\0';
	while ((r = next(c, &at, &toynet__v1__route__descriptor))) {
		ck_assert_str_eq(r->interface, "toy0");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s via %s src %s %u %s", n ? "; " : "",
		                      r->destination, *r->gateway ? r->gateway : "-", *r->source ? r->source : "-",
		                      r->metric, r->origin == TOYNET__V1__ORIGIN__ORIGIN_LINK ? "link" : "static");
		rpc_answer_free(r);
	}
	return text;
}

/* "address broadcast primary; ". */
static const char *addresses(struct peer *p)
{
	static const char *const states[] = {"?", "", " tentative", " conflict"};
	static char text[4096];
	Toynet__V1__ListAddressesRequest m = TOYNET__V1__LIST_ADDRESSES_REQUEST__INIT;
	const struct h2c_call *c = rpc_call(p, ADMIN("ListAddresses"), &m);
	Toynet__V1__InterfaceAddress *a;
	size_t at = 0, n = 0;

	text[0] = '\0';
	while ((a = next(c, &at, &toynet__v1__interface_address__descriptor))) {
		ck_assert_str_eq(a->interface, "toy0");
		ck_assert_int_eq(a->origin, TOYNET__V1__ORIGIN__ORIGIN_STATIC);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s brd %s%s%s", n ? "; " : "", a->address,
		                      *a->broadcast ? a->broadcast : "-", a->primary ? " primary" : "",
		                      states[a->state]);
		rpc_answer_free(a);
	}
	return text;
}

static struct h2c_call *add_address(struct peer *p, const char *address)
{
	Toynet__V1__AddAddressRequest m = TOYNET__V1__ADD_ADDRESS_REQUEST__INIT;

	m.address = TEXT(address);
	return rpc_call(p, ADMIN("AddAddress"), &m);
}

static struct h2c_call *delete_address(struct peer *p, const char *address)
{
	Toynet__V1__DeleteAddressRequest m = TOYNET__V1__DELETE_ADDRESS_REQUEST__INIT;

	m.address = TEXT(address);
	return rpc_call(p, ADMIN("DeleteAddress"), &m);
}

static struct h2c_call *add_route(struct peer *p, const char *destination, const char *gateway, const char *source,
                                  uint32_t metric, bool replace)
{
	Toynet__V1__AddRouteRequest m = TOYNET__V1__ADD_ROUTE_REQUEST__INIT;
	Toynet__V1__Route r = TOYNET__V1__ROUTE__INIT;

	r.destination = TEXT(destination);
	r.gateway = TEXT(gateway);
	r.source = TEXT(source);
	r.metric = metric;
	m.route = &r;
	m.replace = replace;
	return rpc_call(p, ADMIN("AddRoute"), &m);
}

/* metric -1: whichever. */
static struct h2c_call *delete_route(struct peer *p, const char *destination, const char *gateway, int metric)
{
	Toynet__V1__DeleteRouteRequest m = TOYNET__V1__DELETE_ROUTE_REQUEST__INIT;

	m.destination = TEXT(destination);
	m.gateway = TEXT(gateway);
	if (metric >= 0) {
		m.wanted_case = TOYNET__V1__DELETE_ROUTE_REQUEST__WANTED_METRIC;
		m.metric = (uint32_t)metric;
	}
	return rpc_call(p, ADMIN("DeleteRoute"), &m);
}

/* It answered with this route. */
static void is_route(const struct h2c_call *c, const char *destination, const char *gateway, uint32_t metric)
{
	Toynet__V1__Route *r = rpc_answer(c, &toynet__v1__route__descriptor);

	ck_assert_str_eq(r->destination, destination);
	ck_assert_str_eq(r->gateway, gateway);
	ck_assert_uint_eq(r->metric, metric);
	rpc_answer_free(r);
}

static void is_address(const struct h2c_call *c, const char *address)
{
	Toynet__V1__InterfaceAddress *a = rpc_answer(c, &toynet__v1__interface_address__descriptor);

	ck_assert_str_eq(a->address, address);
	rpc_answer_free(a);
}

static void says(const struct h2c_call *c, int status, int error, const char *what)
{
	rpc_failed(c, status, error);
	ck_assert_msg(strstr(c->message, what), "`%s' does not say `%s'", c->message, what);
}

START_TEST(the_interface)
{
	Toynet__V1__ListInterfacesRequest m = TOYNET__V1__LIST_INTERFACES_REQUEST__INIT;
	size_t at = 0;
	BEGIN(UID);
	struct counters *n = stack_counters(r.stack);
	n->v[CNT_LinkInFrames] = 7;
	n->v[CNT_LinkInNotForUs] = 2;
	n->v[CNT_LinkInTooShort] = 1;
	n->v[CNT_LinkOutOctets] = UINT64_C(1) << 40;
	r.link_state = RPC_LINK_DOWN;
	stack_set_caps(r.stack, (struct link_caps){.csum = true, .gso_max = 65549});
	struct h2c_call *c = rpc_call(&p, ADMIN("ListInterfaces"), &m);
	Toynet__V1__Interface *i = next(c, &at, &toynet__v1__interface__descriptor);
	ck_assert_str_eq(i->name, "toy0");
	ck_assert_str_eq(i->mac, "02:00:00:00:00:01");
	ck_assert_int_eq(i->state, TOYNET__V1__LINK_STATE__LINK_STATE_DOWN);
	ck_assert_uint_eq(i->mtu, 1500);
	ck_assert(i->in_frames == 7 && i->in_dropped == 3 && i->out_octets == UINT64_C(1) << 40);
	ck_assert(i->checksum_offload && i->segment_offload == 65549);
	rpc_answer_free(i);
	ck_assert_ptr_null(next(c, &at, &toynet__v1__interface__descriptor));
	n->v[CNT_LinkInFrames] = n->v[CNT_LinkInNotForUs] = n->v[CNT_LinkInTooShort] = n->v[CNT_LinkOutOctets] = 0;
	END();
}
END_TEST

START_TEST(addresses_come_and_go)
{
	BEGIN(0);
	ck_assert_str_eq(addresses(&p), "192.0.2.2/24 brd 192.0.2.255 primary");
	is_address(add_address(&p, "192.0.2.3/24"), "192.0.2.3/24");
	is_address(add_address(&p, "10.0.0.1/31"), "10.0.0.1/31");
	ck_assert_str_eq(addresses(&p), "192.0.2.2/24 brd 192.0.2.255 primary; 192.0.2.3/24 brd 192.0.2.255; "
	                                "10.0.0.1/31 brd -");
	ck_assert_str_eq(routes(&p), "10.0.0.0/31 via - src - 0 link; 192.0.2.0/24 via - src - 0 link");
	ck_assert(ip_is_ours(stack_ip(r.stack), ip4(192, 0, 2, 3)));
	is_address(delete_address(&p, "192.0.2.2"), "192.0.2.2/24");
	is_address(delete_address(&p, "10.0.0.1/31"), "10.0.0.1/31");
	ck_assert_str_eq(addresses(&p), "192.0.2.3/24 brd 192.0.2.255 primary");
	is_address(delete_address(&p, "192.0.2.3"), "192.0.2.3/24");
	ck_assert_str_eq(addresses(&p), "");
	ck_assert_str_eq(routes(&p), "");
	END();
}
END_TEST

START_TEST(addresses_refused)
{
	static const char *const bad[] = {"",           "192.0.2.3",    "192.0.2.3/33",   "192.0.2.3/0",
	                                  "2001::1/64", "127.0.0.5/8",  "224.0.0.1/4",    "192.0.2.255/24",
	                                  "0.0.0.0/24", "192.0.2.0/25", "192.0.2.127/25", "host"};
	BEGIN(0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		rpc_failed(add_address(&p, bad[i]), GRPC_INVALID_ARGUMENT, EINVAL);
	says(add_address(&p, "192.0.2.3"), GRPC_INVALID_ARGUMENT, EINVAL, "with the length of its network");
	says(add_address(&p, "192.0.2.2/16"), GRPC_ALREADY_EXISTS, EEXIST, "delete it first");
	says(delete_address(&p, "192.0.2.9"), GRPC_INVALID_ARGUMENT, EADDRNOTAVAIL, "not an address of the stack");
	says(delete_address(&p, "192.0.2.2/25"), GRPC_INVALID_ARGUMENT, EADDRNOTAVAIL, "the stack has 192.0.2.2/24");
	rpc_failed(delete_address(&p, "192.0.2"), GRPC_INVALID_ARGUMENT, EINVAL);
	for (int i = 1; i < IP_ADDRESSES_MAX; i++) {
		char text[32];
		snprintf(text, sizeof(text), "10.%d.0.1/16", i);
		is_address(add_address(&p, text), text);
	}
	says(add_address(&p, "10.99.0.1/16"), GRPC_RESOURCE_EXHAUSTED, ENOBUFS, "16 addresses are the most");
	END();
}
END_TEST

START_TEST(a_lease_is_not_the_administrators)
{
	BEGIN(0);
	ck_assert_int_eq(ip_address_add(stack_ip(r.stack), (struct ip_prefix){ip4(192, 0, 2, 7), 24}, IP_ORIGIN_DHCP,
	                                IP_ACD_NONE),
	                 0);
	says(delete_address(&p, "192.0.2.7"), GRPC_FAILED_PRECONDITION, EBUSY, "leased by DHCP");
	END();
}
END_TEST

/* RFC 5227: an address that is tested is shown, may be deleted, and is used for nothing. */
START_TEST(tentative_addresses)
{
	BEGIN(0);
	struct ip_layer *ip = stack_ip(r.stack);
	ip->cfg.conflict_detection = IP_ACD_PROBE;
	is_address(add_address(&p, "192.0.2.3/24"), "192.0.2.3/24");
	is_address(add_address(&p, "192.0.2.4/24"), "192.0.2.4/24");
	ck_assert_str_eq(addresses(&p), "192.0.2.2/24 brd 192.0.2.255 primary; 192.0.2.3/24 brd 192.0.2.255 tentative; "
	                                "192.0.2.4/24 brd 192.0.2.255 tentative");
	ck_assert(!ip_is_ours(ip, ip4(192, 0, 2, 3)));
	says(add_address(&p, "192.0.2.3/24"), GRPC_ALREADY_EXISTS, EEXIST, "already");
	says(add_route(&p, "10.5.0.0/16", "", "192.0.2.3", 0, false), GRPC_INVALID_ARGUMENT, EINVAL,
	     "is not an address");
	is_address(delete_address(&p, "192.0.2.4/24"), "192.0.2.4/24");
	ip->acd.slot[1].begins = instant_add(r.env.now, DURATION_S(60));
	ck_assert_str_eq(addresses(&p), "192.0.2.2/24 brd 192.0.2.255 primary; 192.0.2.3/24 brd 192.0.2.255 conflict");
	END();
}
END_TEST

START_TEST(routes_come_and_go)
{
	BEGIN(0);
	is_route(add_route(&p, "10.5.6.7/16", "192.0.2.9", "", 20, false), "10.5.0.0/16", "192.0.2.9", 20);
	is_route(add_route(&p, "10.5.0.0/16", "192.0.2.8", "192.0.2.2", 10, false), "10.5.0.0/16", "192.0.2.8", 10);
	is_route(add_route(&p, "0.0.0.0/0", "192.0.2.1", "", 0, false), "0.0.0.0/0", "192.0.2.1", 0);
	is_route(add_route(&p, "198.51.100.7", "", "", 0, false), "198.51.100.7/32", "", 0);
	ck_assert_str_eq(routes(&p), "198.51.100.7/32 via - src - 0 static; 192.0.2.0/24 via - src - 0 link; "
	                             "10.5.0.0/16 via 192.0.2.8 src 192.0.2.2 10 static; "
	                             "10.5.0.0/16 via 192.0.2.9 src - 20 static; "
	                             "0.0.0.0/0 via 192.0.2.1 src - 0 static");
	says(add_route(&p, "10.5.0.0/16", "192.0.2.7", "", 10, false), GRPC_ALREADY_EXISTS, EEXIST, "replace it");
	is_route(add_route(&p, "10.5.0.0/16", "192.0.2.7", "", 10, true), "10.5.0.0/16", "192.0.2.7", 10);

	/* The first that fits. */
	is_route(delete_route(&p, "10.5.0.0/16", "192.0.2.9", -1), "10.5.0.0/16", "192.0.2.9", 20);
	is_route(add_route(&p, "10.5.0.0/16", "192.0.2.9", "", 20, false), "10.5.0.0/16", "192.0.2.9", 20);
	is_route(delete_route(&p, "10.5.0.0/16", "", -1), "10.5.0.0/16", "192.0.2.7", 10);
	rpc_failed(delete_route(&p, "10.5.0.0/16", "192.0.2.7", -1), GRPC_NOT_FOUND, ESRCH);
	rpc_failed(delete_route(&p, "10.5.0.0/16", "", 0), GRPC_NOT_FOUND, ESRCH);
	is_route(delete_route(&p, "10.5.0.0/16", "", 20), "10.5.0.0/16", "192.0.2.9", 20);
	rpc_failed(delete_route(&p, "10.5.0.0/16", "", -1), GRPC_NOT_FOUND, ESRCH);
	is_route(delete_route(&p, "0.0.0.0/0", "", 0), "0.0.0.0/0", "192.0.2.1", 0);
	ck_assert_str_eq(routes(&p), "198.51.100.7/32 via - src - 0 static; 192.0.2.0/24 via - src - 0 link");
	END();
}
END_TEST

START_TEST(routes_refused)
{
	Toynet__V1__AddRouteRequest none = TOYNET__V1__ADD_ROUTE_REQUEST__INIT;
	BEGIN(0);
	says(rpc_call(&p, ADMIN("AddRoute"), &none), GRPC_INVALID_ARGUMENT, EINVAL, "is not an IPv4 network");
	says(add_route(&p, "default", "192.0.2.1", "", 0, false), GRPC_INVALID_ARGUMENT, EINVAL, "0.0.0.0/0");
	says(add_route(&p, "10.5.0.0/33", "", "", 0, false), GRPC_INVALID_ARGUMENT, EINVAL, "not an IPv4 network");
	says(add_route(&p, "10.5.0.0/16", "gate", "", 0, false), GRPC_INVALID_ARGUMENT, EINVAL, "are IPv4 addresses");
	says(add_route(&p, "10.5.0.0/16", "10.0.0.1", "", 0, false), GRPC_INVALID_ARGUMENT, EINVAL,
	     "the gateway 10.0.0.1 is not a host on the network");
	says(add_route(&p, "10.5.0.0/16", "192.0.2.255", "", 0, false), GRPC_INVALID_ARGUMENT, EINVAL, "not a host");
	says(add_route(&p, "10.5.0.0/16", "192.0.2.2", "", 0, false), GRPC_INVALID_ARGUMENT, EINVAL, "itself");
	says(add_route(&p, "10.5.0.0/16", "", "192.0.2.3", 0, false), GRPC_INVALID_ARGUMENT, EINVAL,
	     "the source 192.0.2.3 is not");
	says(add_route(&p, "10.5.0.0/16", "", "127.0.0.1", 0, false), GRPC_INVALID_ARGUMENT, EINVAL,
	     "the source 127.0.0.1 is not");
	says(add_route(&p, "192.0.2.0/24", "192.0.2.1", "", 0, true), GRPC_FAILED_PRECONDITION, EBUSY,
	     "give the route another metric");
	says(delete_route(&p, "192.0.2.0/24", "", -1), GRPC_FAILED_PRECONDITION, EBUSY, "delete the address");
	rpc_failed(delete_route(&p, "net", "", -1), GRPC_INVALID_ARGUMENT, EINVAL);
	rpc_failed(delete_route(&p, "10.5.0.0/16", "gate", -1), GRPC_INVALID_ARGUMENT, EINVAL);
	for (int i = 0; stack_ip(r.stack)->routes < IP_ROUTES_MAX; i++) {
		char text[32];
		snprintf(text, sizeof(text), "10.%d.0.0/16", i);
		is_route(add_route(&p, text, "", "", 0, false), text, "", 0);
	}
	says(add_route(&p, "172.16.0.0/12", "", "", 0, false), GRPC_RESOURCE_EXHAUSTED, ENOBUFS, "the most");
	END();
}
END_TEST

START_TEST(looking_is_for_all_and_changing_is_not)
{
	BEGIN(UID);
	ck_assert_str_ne(addresses(&p), "");
	ck_assert_str_ne(routes(&p), "");
	rpc_failed(add_address(&p, "192.0.2.3/24"), GRPC_PERMISSION_DENIED, EACCES);
	rpc_failed(delete_address(&p, "192.0.2.2"), GRPC_PERMISSION_DENIED, EACCES);
	rpc_failed(add_route(&p, "10.5.0.0/16", "192.0.2.9", "", 0, false), GRPC_PERMISSION_DENIED, EACCES);
	rpc_failed(delete_route(&p, "192.0.2.0/24", "", -1), GRPC_PERMISSION_DENIED, EACCES);
	ck_assert_str_eq(addresses(&p), "192.0.2.2/24 brd 192.0.2.255 primary");
	END();
}
END_TEST

Suite *rpc_net_suite(void);
Suite *rpc_net_suite(void)
{
	UNIT_SUITE("rpc_net", the_interface, addresses_come_and_go, addresses_refused,
	           a_lease_is_not_the_administrators, tentative_addresses, routes_come_and_go, routes_refused,
	           looking_is_for_all_and_changing_is_not);
}
