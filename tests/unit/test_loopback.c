/* loopback: what a stack sends to itself never comes to the link. */
#include "net.h"
#include "socket/socket_internal.h"
#include "stack/stack.h"

#define TEXT_LEN 200000u

/* A stack that talks to itself. */
struct self {
	struct env env;
	struct stack *s;
	struct link_caps caps;
	uint64_t listener, client; /* ids */
	uint32_t written, received;
	int64_t last_error;
	char datagram[64];
	struct endpoint from;
};

static void self_begin(struct self *w, struct link_caps caps)
{
	struct stack_config cfg = stack_config_default;
	cfg.ip = (struct ip_config){.mac = US_MAC, .address = {addr(US), 24}, .mtu = 1500};
	*w = (struct self){.env = unit_env(1), .caps = caps};
	w->s = stack_new(&w->env, &cfg, caps);
	ck_assert(w->s);
}

static void self_end(struct self *w)
{
	list_for_each(it, &w->s->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	stack_free(w->s);
	unit_env_end(&w->env);
}

static void take(struct self *w, const struct stack_delivery *d)
{
	if (d->socket->protocol == SOCKET_TCP) {
		/* One assertion for all: each writes to a file. */
		uint32_t wrong = 0;
		for (int i = 0; i < d->niov; i++)
			for (size_t j = 0; j < d->iov[i].iov_len; j++)
				wrong += ((const uint8_t *)d->iov[i].iov_base)[j] != (uint8_t)(w->received++ * 7);
		ck_assert_uint_eq(wrong, 0);
		stack_delivered(w->s, d, d->len, true);
		socket_set_held(w->s, d->socket, 0);
		return;
	}
	w->from = d->rec.addr;
	w->last_error = d->rec.error;
	if (d->niov)
		memcpy(w->datagram, d->iov[0].iov_base, size_min(d->iov[0].iov_len, sizeof(w->datagram)));
	stack_delivered(w->s, d, d->len, true);
}

static void self_turn(struct self *w)
{
	struct stack_delivery d;
	struct frame_out f;
	struct socket *so, *child;
	unsigned events;
	stack_tick(w->s);
	while ((so = stack_ready(w->s, &events)))
		while (events & SOCKET_ACCEPT && socket_accept(w->s, so, &child) == 0) {
			child->channel = w;
			stack_offer(w->s, child);
		}
	while (stack_delivery(w->s, &d))
		take(w, &d);
	ck_assert_msg(!stack_output(w->s, &f), "a frame on the wire");
	stack_turn_end(w->s);
}

/* Until nothing is due within ms. */
static void self_run(struct self *w, int64_t ms)
{
	instant end = instant_add(w->env.now, DURATION_MS(ms));
	self_turn(w);
	while (instant_le(stack_deadline(w->s), end)) {
		if (instant_le(w->env.now, stack_deadline(w->s)))
			w->env.now = stack_deadline(w->s);
		self_turn(w);
	}
	w->env.now = end;
}

static struct socket *self_open(struct self *w, enum socket_protocol protocol)
{
	struct socket *so;
	ck_assert_int_eq(socket_open(w->s, protocol, IP_V4, 0, 1, &so), 0);
	so->channel = w;
	return so;
}

static struct endpoint to(const char *ip, uint16_t port)
{
	return (struct endpoint){addr(ip), port};
}

static void self_reload(struct self *w)
{
	struct snap out, in;
	stack_save(w->s, &out);
	ck_assert(!out.error);
	list_for_each(it, &w->s->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	stack_free(w->s);
	snap_load_begin(&in, out.buf, out.len);
	w->s = stack_load(&w->env, &in);
	ck_assert_msg(w->s != NULL, "%s", in.error);
	snap_save_free(&out);
	list_for_each(it, &w->s->sockets.all) list_entry(it, struct socket, all)->channel = w;
}

static void write_some(struct self *w)
{
	struct iovec iov[2];
	int error;
	struct socket *so = socket_by_id(w->s, w->client);
	int n = socket_send_reserve(w->s, so, TEXT_LEN - w->written, iov, &error);
	for (int i = 0; i < n; i++) {
		for (size_t j = 0; j < iov[i].iov_len; j++)
			((uint8_t *)iov[i].iov_base)[j] = (uint8_t)(w->written++ * 7);
		socket_send_commit(w->s, so, (uint32_t)iov[i].iov_len);
	}
}

static void transfer(struct self *w, const char *bound, const char *dst, bool reload)
{
	struct socket *listener = self_open(w, SOCKET_TCP), *client = self_open(w, SOCKET_TCP);
	struct endpoint local, peer;
	ck_assert_int_eq(socket_bind(w->s, listener, to(bound, 80)), 0);
	ck_assert_int_eq(socket_listen(w->s, listener, 4), 0);
	ck_assert_int_eq(socket_connect(w->s, client, to(dst, 80)), EINPROGRESS);
	w->client = client->id;
	self_turn(w);
	self_turn(w);
	self_turn(w);
	socket_names(client, &local, &peer);
	ck_assert(ip_eq(local.addr, ip_is_loopback(addr(dst)) ? addr("127.0.0.1") : addr(dst)));
	for (int i = 0; w->received < TEXT_LEN; i++) {
		ck_assert_int_lt(i, 1000);
		if (w->written < TEXT_LEN)
			write_some(w);
		if (reload)
			self_reload(w);
		self_run(w, 1);
	}
	ck_assert_uint_eq(w->s->counters.v[CNT_TcpRetransSegs], 0);
}

START_TEST(a_connection_to_ourselves)
{
	static const struct link_caps caps[] = {{0}, {.csum = true, .gso_max = FRAME_MAX}};
	static const char *const dst[][2] = {{"0.0.0.0", "127.0.0.1"},
	                                     {"127.0.0.1", "127.0.0.1"},
	                                     {"0.0.0.0", US},
	                                     {US, US},
	                                     {"0.0.0.0", "127.9.9.9"}};
	for (size_t c = 0; c < ARRAY_LEN(caps); c++)
		for (size_t i = 0; i < ARRAY_LEN(dst); i++)
			for (int reload = 0; reload < 2; reload++) {
				struct self w;
				self_begin(&w, caps[c]);
				transfer(&w, dst[i][0], dst[i][1], reload == 1);
				self_end(&w);
			}
}
END_TEST

START_TEST(refused_by_ourselves)
{
	struct self w;
	self_begin(&w, (struct link_caps){0});
	struct socket *so = self_open(&w, SOCKET_TCP);
	ck_assert_int_eq(socket_connect(w.s, so, to("127.0.0.1", 81)), EINPROGRESS);
	self_run(&w, 10);
	ck_assert_int_eq(socket_take_error(so), ECONNREFUSED);
	struct socket *udp = self_open(&w, SOCKET_UDP);
	ck_assert_int_eq(socket_connect(w.s, udp, to(US, 81)), 0);
	ck_assert_int_eq(socket_send_datagram(w.s, udp, (struct endpoint){0}, NULL, "x", 1), 0);
	self_run(&w, 10);
	ck_assert_int_eq(w.last_error, ECONNREFUSED);
	self_end(&w);
}
END_TEST

START_TEST(datagrams_to_ourselves)
{
	struct self w;
	static uint8_t big[60000] = "much";
	self_begin(&w, (struct link_caps){0});
	struct socket *a = self_open(&w, SOCKET_UDP), *b = self_open(&w, SOCKET_UDP);
	ck_assert_int_eq(socket_bind(w.s, b, to("127.0.0.1", 9)), 0);
	ck_assert_int_eq(socket_send_datagram(w.s, a, to("127.0.0.1", 9), NULL, "hello", 6), 0);
	self_run(&w, 1);
	ck_assert_str_eq(w.datagram, "hello");
	ck_assert(ip_eq(w.from.addr, addr("127.0.0.1")));
	ck_assert_int_eq(socket_send_datagram(w.s, a, to("127.0.0.1", 9), NULL, big, sizeof(big)), 0);
	self_run(&w, 1);
	ck_assert_str_eq(w.datagram, "much");
	ck_assert_uint_eq(w.s->counters.v[CNT_IpFragOKs], 0);
	ck_assert_int_eq(socket_send_datagram(w.s, b, to(PEER, 9), NULL, "x", 1), EINVAL);
	self_end(&w);
}
END_TEST

START_TEST(an_echo_from_ourselves)
{
	struct self w;
	uint8_t request[12] = {ICMP_ECHO, 0, 0, 0, 0, 0, 0, 1, 'p', 'i', 'n', 'g'};
	self_begin(&w, (struct link_caps){0});
	struct socket *ping = self_open(&w, SOCKET_PING);
	ck_assert_int_eq(socket_send_datagram(w.s, ping, to(US, 0), NULL, request, sizeof(request)), 0);
	self_run(&w, 1);
	ck_assert_uint_eq((uint8_t)w.datagram[0], ICMP_ECHO_REPLY);
	ck_assert_mem_eq(w.datagram + 8, "ping", 4);
	self_end(&w);
}
END_TEST

/* RFC 1122 3.2.1.3 (g), both ways. */
START_TEST(never_by_the_wire)
{
	struct net n;
	net_begin_known(&n);
	static const char *const way[][2] = {{PEER, "127.0.0.1"}, {"127.0.0.1", US}, {US, US}};
	static const enum counter reason[] = {CNT_IpInAddrErrors, CNT_IpInMartians, CNT_IpInMartians};
	for (size_t i = 0; i < ARRAY_LEN(way); i++) {
		in_ip(&n, (struct ip_spec){.src = way[i][0], .dst = way[i][1], .data = "12345678", .len = 8});
		net_expect_drop(&n, reason[i]);
	}
	net_end(&n);
}
END_TEST

Suite *loopback_suite(void);
Suite *loopback_suite(void)
{
	UNIT_SUITE("loopback", a_connection_to_ourselves, refused_by_ourselves, datagrams_to_ourselves,
	           an_echo_from_ourselves, never_by_the_wire);
}
