/* rpc/methods_dhcp: everybody may look; without a client the state says so. */
#include "rpc_rig.h"
#include "stack/dhcp_net.h"

static Toynet__V1__GetDhcpResponse *get(struct peer *p)
{
	Toynet__V1__GetDhcpRequest m = TOYNET__V1__GET_DHCP_REQUEST__INIT;

	return rpc_answer(rpc_call(p, "/toynet.v1.Admin/GetDhcp", &m), &toynet__v1__get_dhcp_response__descriptor);
}

START_TEST(off)
{
	BEGIN(UID);
	Toynet__V1__GetDhcpResponse *d = get(&p);
	ck_assert_str_eq(d->state, "off");
	ck_assert_str_eq(d->address, "");
	ck_assert_str_eq(d->client_id, "");
	rpc_answer_free(d);
	END();
}
END_TEST

/* The largest lease that there can be. */
START_TEST(a_full_lease)
{
	BEGIN(UID);
	const struct dhcp_config cfg = {.on = true, .hostname = "host", .client_id = {.len = 2, .b = {1, 0xff}}};
	ck_assert(timer_reserve(&r.stack->timers, &r.env, STACK_TIMERS_MAX));
	r.stack->dhcp = dhcp_client_new(r.stack, &cfg);
	struct dhcp *dhcp = &r.stack->dhcp->dhcp;
	struct dhcp_lease *l = &dhcp->lease;
	struct dhcp_params *params = &l->params;
	dhcp->state = DHCP_RENEWING;
	*l = (struct dhcp_lease){.address = {ip4(255, 254, 253, 252), 24}, .server = ip4(192, 0, 2, 1)};
	l->lease_s = 600;
	l->t1 = r.env.now;
	l->t2 = instant_add(r.env.now, DURATION_MS(1999));
	l->expires = INSTANT_NEVER;
	params->routers = DHCP_ROUTERS_MAX;
	params->routes = DHCP_ROUTES_MAX;
	params->dns = DHCP_DNS_MAX;
	for (int i = 0; i < DHCP_ROUTES_MAX; i++)
		params->route[i] = (struct dhcp_route){{ip4(255, 255, 255, 255), 32}, ip4(255, 255, 255, 255)};
	for (int i = 0; i < DHCP_DNS_MAX; i++)
		params->dns_server[i] = params->router[i % DHCP_ROUTERS_MAX] = ip4(10, 0, 0, (uint8_t)i);
	memset(params->domain, 'd', sizeof(params->domain) - 1);
	memset(params->search, 's', sizeof(params->search) - 1);
	Toynet__V1__GetDhcpResponse *d = get(&p);
	ck_assert_str_eq(d->state, "renewing");
	ck_assert_str_eq(d->address, "255.254.253.252/24");
	ck_assert_str_eq(d->server, "192.0.2.1");
	ck_assert_uint_eq(d->lease_s, 600);
	ck_assert_uint_eq(d->renew_s, 0);
	ck_assert_uint_eq(d->rebind_s, 1);
	ck_assert_uint_eq(d->left_s, DHCP_LEASE_INFINITE);
	ck_assert_uint_eq(d->n_routers, DHCP_ROUTERS_MAX);
	ck_assert_uint_eq(d->n_routes, DHCP_ROUTES_MAX);
	ck_assert_str_eq(d->routes[0]->prefix, "255.255.255.255/32");
	ck_assert_uint_eq(d->n_dns, DHCP_DNS_MAX);
	ck_assert_str_eq(d->dns[7], "10.0.0.7");
	ck_assert_uint_eq(strlen(d->domain), DHCP_DOMAIN_MAX - 1);
	ck_assert_uint_eq(strlen(d->search), DHCP_SEARCH_MAX - 1);
	ck_assert_str_eq(d->client_id, "01:ff");
	ck_assert_str_eq(d->hostname, "host");
	rpc_answer_free(d);
	END();
}
END_TEST

Suite *rpc_dhcp_suite(void);
Suite *rpc_dhcp_suite(void)
{
	UNIT_SUITE("rpc_dhcp", off, a_full_lease);
}
