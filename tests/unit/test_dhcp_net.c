/* dhcp_net: the client in a whole stack: what goes over the wire, and what a lease does to addresses, routes, MTU and
 * sockets. The stack is saved and loaded after each step. Named states: begin, begin_bound. */
#include "dhcp_server.h"
#include "net.h"
#include "socket/socket_internal.h"
#include "stack/dhcp_net.h"
#include "stack/stack.h"

#define LOG_LINES  64
#define LOG_LINE   160
#define LINK_MTU   1500
#define SERVER_MAC PEER_MAC

struct rig {
	struct env env;
	struct stack_config cfg;
	struct stack *s;
	char log[LOG_LINES][LOG_LINE]; /* frames sent */
	int logged, seen;
	int events[DHCP_EVENTS];
	uint8_t frame[NET_FRAME_MAX];
};

static void on_event(void *ctx, enum dhcp_event event)
{
	((struct rig *)ctx)->events[event]++;
}

static void frame_text(const uint8_t *f, uint32_t len, char text[LOG_LINE])
{
	char a[IP_ADDR_TEXT_MAX], b[IP_ADDR_TEXT_MAX];
	const uint8_t *ip = f + ETHER_HDR_LEN, *udp = ip + IPV4_HDR_MIN;
	if (load_be16(f + 12) == ETHER_TYPE_ARP) {
		ip_format(ip4_from_bytes(ip + 14), a);
		snprintf(text, LOG_LINE, "ARP %s asks for %s", a, ip_format(ip4_from_bytes(ip + 24), b));
		return;
	}
	if (ip[IPV4_OFF_PROTO] != IP_PROTO_UDP || load_be16(udp) != DHCP_CLIENT_PORT) {
		snprintf(text, LOG_LINE, "protocol %u", ip[IPV4_OFF_PROTO]);
		return;
	}
	ck_assert_uint_eq(load_be16(udp + 2), DHCP_SERVER_PORT);
	ck_assert_uint_eq(load_be16(udp + 4) + IPV4_HDR_MIN + ETHER_HDR_LEN, len);
	csum c = csum_pseudo(ip4_from_bytes(ip + IPV4_OFF_SRC), ip4_from_bytes(ip + IPV4_OFF_DST), IP_PROTO_UDP,
	                     load_be16(udp + 4));
	ck_assert_uint_eq(csum_finish(csum_add(c, udp, load_be16(udp + 4))), 0);
	int n = snprintf(text, LOG_LINE, "%s > %s ", ip_format(ip4_from_bytes(ip + IPV4_OFF_SRC), a),
	                 ip_format(ip4_from_bytes(ip + IPV4_OFF_DST), b));
	request_text(udp + UDP_HDR_LEN, load_be16(udp + 4) - (uint32_t)UDP_HDR_LEN, text + n, LOG_LINE - (size_t)n);
	ck_assert_int_eq(mac_eq(*(const struct mac_addr *)f, MAC_BROADCAST), ip[IPV4_OFF_DST] == 255);
}

static void reload(struct rig *r)
{
	struct snap save, load;
	stack_save(r->s, &save);
	ck_assert_msg(snap_ok(&save), "%s", save.error);
	stack_free(r->s);
	snap_load_begin(&load, save.buf, save.len);
	r->s = stack_load(&r->env, &load);
	ck_assert_msg(r->s, "%s", load.error);
	snap_save_free(&save);
	stack_dhcp_watch(r->s, on_event, r);
}

/* What is to be sent goes into the log. */
static void turn(struct rig *r)
{
	struct frame_out f;
	uint8_t flat[FRAME_MAX];
	stack_tick(r->s);
	while (stack_output(r->s, &f)) {
		uint32_t len = f.hdr_len;
		memcpy(flat, frame_hdr_const(&f), len);
		for (int i = 0; i < f.niov; i++) {
			memcpy(flat + len, f.iov[i].iov_base, f.iov[i].iov_len);
			len += (uint32_t)f.iov[i].iov_len;
		}
		/* Reports of IGMP are not looked at here. */
		if (load_be16(flat + 12) == ETHER_TYPE_IP4 && flat[ETHER_HDR_LEN + IPV4_OFF_PROTO] == IP_PROTO_IGMP)
			continue;
		ck_assert_int_lt(r->logged, LOG_LINES);
		frame_text(flat, len, r->log[r->logged++]);
	}
	stack_turn_end(r->s);
	reload(r);
}

static void pass_ms(struct rig *r, int64_t ms)
{
	instant end = instant_add(r->env.now, DURATION_MS(ms));
	while (instant_le(stack_deadline(r->s), end)) {
		if (instant_lt(r->env.now, stack_deadline(r->s)))
			r->env.now = stack_deadline(r->s);
		turn(r);
	}
	r->env.now = end;
}

static void expect(struct rig *r, const char *text)
{
	ck_assert_str_eq(r->seen < r->logged ? r->log[r->seen] : "nothing", text);
	r->seen++;
	if (r->seen == r->logged)
		r->seen = r->logged = 0;
}

static void expect_nothing(struct rig *r)
{
	ck_assert_str_eq(r->seen < r->logged ? r->log[r->seen] : "nothing", "nothing");
}

static void input(struct rig *r, uint32_t len)
{
	struct frame_in f = {.data = r->frame, .len = len};
	stack_input(r->s, &f, 1);
	turn(r);
}

/* A message of the server, as broadcast. */
static void say(struct rig *r, struct reply reply)
{
	uint8_t *ip = r->frame + ETHER_HDR_LEN, *udp = ip + IPV4_HDR_MIN;
	reply_end(&reply);
	ether_build(r->frame, &(struct ether_hdr){.dst = MAC_BROADCAST, .src = SERVER_MAC, .type = ETHER_TYPE_IP4});
	memset(ip, 0, IPV4_HDR_MIN + UDP_HDR_LEN);
	ip[0] = 0x45;
	store_be16(ip + IPV4_OFF_LEN, (uint16_t)(IPV4_HDR_MIN + UDP_HDR_LEN + reply.len));
	ip[8] = 64;
	ip[IPV4_OFF_PROTO] = IP_PROTO_UDP;
	memcpy(ip + IPV4_OFF_SRC, dhcp_addr(DHCP_SERVER).b, 4);
	memset(ip + IPV4_OFF_DST, 255, 4);
	store_be16(ip + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, ip, IPV4_HDR_MIN)));
	store_be16(udp, DHCP_SERVER_PORT);
	store_be16(udp + 2, DHCP_CLIENT_PORT);
	store_be16(udp + 4, (uint16_t)(UDP_HDR_LEN + reply.len));
	memcpy(udp + UDP_HDR_LEN, reply.b, reply.len);
	input(r, ETHER_HDR_LEN + IPV4_HDR_MIN + UDP_HDR_LEN + reply.len);
}

/* The station that has the address says so. */
static void arp_reply(struct rig *r, struct mac_addr station, const char *address)
{
	uint8_t *p = r->frame + ETHER_HDR_LEN;
	ether_build(r->frame, &(struct ether_hdr){.dst = US_MAC, .src = station, .type = ETHER_TYPE_ARP});
	memcpy(p, (const uint8_t[]){0, 1, 8, 0, 6, 4, 0, REPLY}, 8);
	memcpy(p + 8, station.b, 6);
	memcpy(p + 14, dhcp_addr(address).b, 4);
	memcpy(p + 18, US_MAC.b, 6);
	memset(p + 24, 0, 4);
	input(r, ETHER_HDR_LEN + 28);
}

static struct reply lease(const struct rig *r, enum dhcp_type type)
{
	return reply_lease(type, stack_dhcp(r->s)->xid, DHCP_OURS, 600);
}

static void begin(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->env = unit_env(1);
	r->env.now = (instant){1000 * NS_PER_S};
	r->cfg = stack_config_default;
	r->cfg.ip = (struct ip_config){.mac = US_MAC, .mtu = LINK_MTU, .ttl = 64};
	r->cfg.dhcp.on = true;
	r->s = stack_new(&r->env, &r->cfg, (struct link_caps){0});
	ck_assert_ptr_nonnull(r->s);
	stack_dhcp_watch(r->s, on_event, r);
	stack_dhcp_start(r->s);
	turn(r);
	expect(r, "0.0.0.0 > 255.255.255.255 DISCOVER bcast");
}

/* The server's answers up to an acknowledgment with these options besides. */
static void lead_to_probes(struct rig *r, const uint8_t *options, size_t len)
{
	say(r, lease(r, DHCP_OFFER));
	expect(r, "0.0.0.0 > 255.255.255.255 REQUEST bcast requested=" DHCP_OURS " server=" DHCP_SERVER);
	struct reply ack = lease(r, DHCP_ACK);
	memcpy(ack.b + ack.len, options, len);
	ack.len += (uint32_t)len;
	say(r, ack);
	pass_ms(r, 2000);
	expect(r, "ARP 0.0.0.0 asks for " DHCP_OURS);
	ck_assert(!ip_is_ours(&r->s->ip, dhcp_addr(DHCP_OURS)));
}

static void begin_bound_with(struct rig *r, const char *options, size_t len)
{
	begin(r);
	lead_to_probes(r, (const uint8_t *)options, len);
	pass_ms(r, 10000);
	ck_assert_int_eq(r->events[DHCP_EVENT_BOUND], 1);
	ck_assert(ip_is_ours(&r->s->ip, dhcp_addr(DHCP_OURS)));
	/* The announcements (RFC 5227 2.3) are the last of what was sent. */
	ck_assert_str_eq(r->log[r->logged - 1], "ARP " DHCP_OURS " asks for " DHCP_OURS);
	r->logged = r->seen = 0;
}

static void begin_bound(struct rig *r)
{
	begin_bound_with(r, "", 0);
}

static void end(struct rig *r)
{
	expect_nothing(r);
	stack_free(r->s);
	unit_env_end(&r->env);
}

static bool has_way(const struct rig *r, const char *to)
{
	struct ip_addr source;
	return ip_route_lookup(&r->s->ip, dhcp_addr(to), &source, NULL) == 0 && ip_eq(source, dhcp_addr(DHCP_OURS));
}

static int routes(const struct rig *r)
{
	int n = 0;
	for (int i = 0; i < r->s->ip.routes; i++)
		n += r->s->ip.route[i].origin == IP_ORIGIN_DHCP;
	return n;
}

START_TEST(test_lease)
{
	struct rig r;
	begin_bound(&r);
	const struct ip_layer *ip = &r.s->ip;
	ck_assert_int_eq(ip->addresses, 1);
	ck_assert_int_eq(ip->address[0].origin, IP_ORIGIN_DHCP);
	ck_assert_uint_eq(ip->address[0].prefix.len, 24);
	ck_assert(has_way(&r, "10.0.0.77") && has_way(&r, "192.0.2.1"));
	ck_assert_int_eq(routes(&r), 1);
	const struct ip_route *by_default = &ip->route[ip->routes - 1];
	ck_assert(ip_eq(by_default->gateway, dhcp_addr(DHCP_SERVER)));
	ck_assert_uint_eq(by_default->metric, DHCP_ROUTE_METRIC);
	ck_assert_uint_eq(ip->cfg.mtu, LINK_MTU);
	end(&r);
}
END_TEST

/* RFC 3442: the router of option 3 is ignored. One route's router is not on the link. */
START_TEST(test_classless_routes)
{
	static const char options[] =
	        "\x79\x12\x08\x0b\x0a\x00\x00\x07\x00\x0a\x00\x00\x08\x10\x0c\x01\xc0\x00\x02\x01";
	struct rig r;
	begin_bound_with(&r, options, sizeof(options) - 1);
	ck_assert_int_eq(routes(&r), 2);
	ck_assert_uint_eq(r.s->counters.v[CNT_DhcpBadRoutes], 1);
	ck_assert(ip_eq(r.s->ip.route[r.s->ip.routes - 1].gateway, dhcp_addr("10.0.0.8")));
	end(&r);
}
END_TEST

START_TEST(test_mtu)
{
	static const struct {
		const char *option;
		uint16_t mtu;
	} t[] = {{"\x1a\x02\x05\x78", 1400}, {"\x1a\x02\x00\x80", 576}, {"\x1a\x02\x23\x28", LINK_MTU}};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct rig r;
		begin_bound_with(&r, t[i].option, 4);
		ck_assert_uint_eq(r.s->ip.cfg.mtu, t[i].mtu);
		ck_assert_uint_eq(ip_path_to(&r.s->ip, dhcp_addr("192.0.2.1")).mtu, t[i].mtu);
		end(&r);
	}
}
END_TEST

START_TEST(test_renewal_by_unicast)
{
	struct rig r;
	begin_bound(&r);
	while (r.logged == 0)
		pass_ms(&r, 500);
	ck_assert_int_eq(stack_dhcp(r.s)->state, DHCP_RENEWING);
	expect(&r, "ARP " DHCP_OURS " asks for " DHCP_SERVER);
	arp_reply(&r, SERVER_MAC, DHCP_SERVER);
	expect(&r, DHCP_OURS " > " DHCP_SERVER " REQUEST ciaddr=" DHCP_OURS);
	struct reply ack = lease(&r, DHCP_ACK);
	reply_option(&ack, 26, "\x05\x14", 2);
	say(&r, ack);
	ck_assert_int_eq(r.events[DHCP_EVENT_RENEWED], 1);
	/* What has changed is in force. */
	ck_assert_uint_eq(r.s->ip.cfg.mtu, 1300);
	ck_assert_int_eq(routes(&r), 1);
	end(&r);
}
END_TEST

START_TEST(test_expiry_ends_all_processing)
{
	struct rig r;
	struct socket *so;
	begin_bound_with(&r, "\x1a\x02\x05\x78", 4);
	ck_assert_int_eq(socket_open(r.s, SOCKET_UDP, IP_V4, 0, 1, &so), 0);
	ck_assert_int_eq(socket_bind(r.s, so, (struct endpoint){dhcp_addr(DHCP_OURS), 7}), 0);
	ck_assert_int_eq(socket_open(r.s, SOCKET_UDP, IP_V4, 0, 1, &so), 0);
	uint64_t id = so->id;
	while (r.events[DHCP_EVENT_EXPIRED] == 0) {
		pass_ms(&r, 1000);
		r.logged = r.seen = 0;
		ck_assert_int_lt(instant_since(r.env.now, (instant){1000 * NS_PER_S}).ns / NS_PER_S, 620);
	}
	ck_assert_int_eq(r.s->ip.addresses, 0);
	ck_assert_int_eq(r.s->ip.routes, 0);
	ck_assert_uint_eq(r.s->ip.cfg.mtu, LINK_MTU);
	so = socket_by_id(r.s, id);
	const struct endpoint to = {dhcp_addr("10.0.0.77"), 9};
	ck_assert_int_eq(socket_send_datagram(r.s, so, to, NULL, "x", 1), ENETUNREACH);
	/* Nothing leaves from the address any more, whatever route there is. */
	const struct ip_tx tx = {
	        .src = dhcp_addr(DHCP_OURS), .dst = dhcp_addr("255.255.255.255"), .protocol = IP_PROTO_UDP, .ttl = 1};
	uint64_t lost = r.s->counters.v[CNT_IpOutNoRoutes];
	ip_send_copy(&r.s->ip, &tx, "\0\0\0\0\0\0\0", 8, 6);
	ck_assert_uint_eq(r.s->counters.v[CNT_IpOutNoRoutes], lost + 1);
	end(&r);
}
END_TEST

START_TEST(test_conflict)
{
	struct rig r;
	begin(&r);
	lead_to_probes(&r, (const uint8_t *)"", 0);
	arp_reply(&r, EVIL_MAC, DHCP_OURS);
	while (strstr(r.log[r.seen], "ARP"))
		expect(&r, "ARP 0.0.0.0 asks for " DHCP_OURS);
	expect(&r, "0.0.0.0 > 255.255.255.255 DECLINE requested=" DHCP_OURS " server=" DHCP_SERVER);
	ck_assert_int_eq(r.events[DHCP_EVENT_CONFLICT], 1);
	ck_assert_int_eq(r.s->ip.addresses, 0);
	pass_ms(&r, 9000);
	expect_nothing(&r);
	pass_ms(&r, 2000);
	expect(&r, "0.0.0.0 > 255.255.255.255 DISCOVER bcast");
	end(&r);
}
END_TEST

/* RFC 5227 2.4 (b): the first claim is answered, the second within ten seconds costs the address. */
START_TEST(test_address_lost_to_another_station)
{
	struct rig r;
	begin_bound(&r);
	arp_reply(&r, EVIL_MAC, DHCP_OURS);
	expect(&r, "ARP " DHCP_OURS " asks for " DHCP_OURS);
	arp_reply(&r, EVIL_MAC, DHCP_OURS);
	expect(&r, "0.0.0.0 > 255.255.255.255 DECLINE requested=" DHCP_OURS " server=" DHCP_SERVER);
	ck_assert_int_eq(r.events[DHCP_EVENT_CONFLICT], 1);
	ck_assert_int_eq(r.s->ip.addresses, 0);
	ck_assert_int_eq(r.s->ip.routes, 0);
	end(&r);
}
END_TEST

START_TEST(test_release_waits_for_arp)
{
	struct rig r;
	begin_bound(&r);
	ck_assert(!stack_awaits_arp(r.s));
	stack_dhcp_stop(r.s);
	turn(&r);
	expect(&r, "ARP " DHCP_OURS " asks for " DHCP_SERVER);
	ck_assert(stack_awaits_arp(r.s));
	arp_reply(&r, SERVER_MAC, DHCP_SERVER);
	expect(&r, DHCP_OURS " > " DHCP_SERVER " RELEASE ciaddr=" DHCP_OURS " server=" DHCP_SERVER);
	ck_assert(!stack_awaits_arp(r.s));
	ck_assert_int_eq(r.events[DHCP_EVENT_RELEASED], 1);
	end(&r);
}
END_TEST

static int bind_client_port(struct stack *s)
{
	struct socket *so;
	ck_assert_int_eq(socket_open(s, SOCKET_UDP, IP_V4, 0, 1, &so), 0);
	return socket_bind(s, so, (struct endpoint){ip4(0, 0, 0, 0), DHCP_CLIENT_PORT});
}

START_TEST(test_port)
{
	struct rig r;
	begin(&r);
	ck_assert_int_eq(bind_client_port(r.s), EADDRINUSE);
	struct reply bad = lease(&r, DHCP_OFFER);
	bad.b[0] = 1;
	say(&r, bad);
	ck_assert_uint_eq(r.s->counters.v[CNT_DhcpInErrors], 1);
	say(&r, lease(&r, DHCP_ACK));
	ck_assert_uint_eq(r.s->counters.v[CNT_DhcpInIgnored], 1);
	ck_assert_uint_eq(r.s->counters.v[CNT_UdpInDatagrams], 2);
	end(&r);
	r.cfg.dhcp.on = false;
	r.cfg.ip.address = (struct ip_prefix){dhcp_addr(DHCP_OURS), 24};
	r.s = stack_new(&r.env, &r.cfg, (struct link_caps){0});
	ck_assert_ptr_null(stack_dhcp(r.s));
	stack_dhcp_start(r.s);
	stack_dhcp_stop(r.s);
	ck_assert_int_eq(bind_client_port(r.s), 0);
	end(&r);
}
END_TEST

START_TEST(test_no_memory)
{
	struct stack_config cfg = stack_config_default;
	struct stack *s = NULL;
	cfg.ip = (struct ip_config){.mac = US_MAC, .mtu = LINK_MTU, .ttl = 64};
	cfg.dhcp.on = true;
	for (uint64_t k = 1; !s; k++) {
		struct env env = unit_env(1);
		env.fail_at = k;
		s = stack_new(&env, &cfg, (struct link_caps){0});
		ck_assert(s || env.allocations >= k);
		if (s) {
			/* A message that finds no memory is sent again. */
			env.fail_at = env.allocations + 1;
			stack_dhcp_start(s);
			env.now = stack_deadline(s);
			stack_tick(s);
			struct frame_out f;
			ck_assert(stack_output(s, &f));
			stack_free(s);
		}
		unit_env_end(&env);
		ck_assert_uint_lt(k, 100);
	}
}
END_TEST

Suite *dhcp_net_suite(void);
Suite *dhcp_net_suite(void)
{
	UNIT_SUITE("dhcp_net", test_lease, test_classless_routes, test_mtu, test_renewal_by_unicast,
	           test_expiry_ends_all_processing, test_conflict, test_address_lost_to_another_station,
	           test_release_waits_for_arp, test_port, test_no_memory);
}
