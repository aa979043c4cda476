/* Any bytes as what DHCP servers say: first one message on its own, then a client that hears messages and lets time
 * pass. What the parser gives lies within its bounds; the client holds an address exactly between its claim and its
 * withdrawal.
 *
 * The input of the client is records: a byte of what is to happen, a byte of length, then a message. Its xid, client
 * and cookie are put right unless a flag forbids it, so that mutations get deeper. */
#include "stack/dhcp.h"
#include "fuzz.h"

enum { RAW = 1, LATER = 2, READY = 4, CONFLICT = 8, RELOAD = 16, LONG = 32 };

#define TIME_MAX (INT64_C(5) * 365 * 86400 * NS_PER_S)

struct client {
	struct env env;
	struct counters cnt;
	struct timer_queue timers;
	struct dhcp dhcp;
	struct dhcp_config cfg;
	int claimed;
};

static void need_params(const struct dhcp_params *p)
{
	FUZZ_NEED(p->mask <= 32 && p->routers <= DHCP_ROUTERS_MAX && p->routes <= DHCP_ROUTES_MAX);
	FUZZ_NEED(p->dns <= DHCP_DNS_MAX);
	FUZZ_NEED(memchr(p->domain, 0, sizeof(p->domain)) && memchr(p->search, 0, sizeof(p->search)));
	for (int i = 0; i < p->routes; i++) {
		uint8_t len = p->route[i].prefix.len;
		FUZZ_NEED(len <= 32);
		FUZZ_NEED(len == 32 || !(ip4_to_u32(p->route[i].prefix.addr) << len));
	}
	for (const char *c = p->search; *c; c++)
		FUZZ_NEED(strchr("-_. ", *c) || (*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z'));
}

static void on_send(void *ctx, struct ip_addr src, struct ip_addr dst, const uint8_t *message, uint32_t len)
{
	volatile uint8_t sum = 0;

	(void)ctx;
	(void)src;
	FUZZ_NEED(dst.family == IP_V4 && len >= DHCP_SEND_MIN && len <= DHCP_SEND_MAX);
	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + message[i]);
}

static int on_claim(void *ctx, struct ip_prefix address)
{
	((struct client *)ctx)->claimed++;
	FUZZ_NEED(address.addr.family == IP_V4 && address.len > 0 && address.len <= 32);
	return 0;
}

static void on_configure(void *ctx, const struct dhcp_lease *lease, const struct dhcp_lease *former)
{
	(void)ctx;
	(void)former;
	need_params(&lease->params);
}

static void on_withdraw(void *ctx, const struct dhcp_lease *lease)
{
	(void)lease;
	((struct client *)ctx)->claimed--;
}

static void on_event(void *ctx, enum dhcp_event event)
{
	(void)ctx;
	FUZZ_NEED(event < DHCP_EVENTS);
}

static void begin(struct client *c)
{
	const struct dhcp_calls calls = {on_send, on_claim, on_configure, on_withdraw, on_event, c};

	dhcp_init(&c->dhcp, &c->env, &c->cnt, &c->timers, &c->cfg, FUZZ_US_MAC, 1500, &calls);
}

static void reload(struct client *c)
{
	struct snap save, load;

	snap_save_begin(&save);
	snap_dhcp_config(&save, &c->dhcp.cfg);
	snap_dhcp(&save, &c->dhcp);
	dhcp_free(&c->dhcp);
	snap_load_begin(&load, save.buf, save.len);
	snap_dhcp_config(&load, &c->cfg);
	begin(c);
	snap_dhcp(&load, &c->dhcp);
	FUZZ_NEED(snap_ok(&load) && load.pos == load.len);
	snap_save_free(&save);
}

static void hear(struct client *c, struct reader *r, uint8_t flags)
{
	size_t len = read_u8(r) * (flags & LONG ? 8u : 1u) + (flags & RAW ? 0 : 240u);
	len = size_min(len, r->len + (flags & RAW ? 0 : 240u));
	uint8_t *message = calloc(1, len + 1);
	size_t header = flags & RAW ? 0 : 240;

	FUZZ_NEED(message);
	if (header) {
		memcpy(message, (const uint8_t[]){2, 1, 6}, 3);
		store_be32(message + 4, c->dhcp.xid);
		store_be32(message + 16, 0x0a000005);
		memcpy(message + 28, FUZZ_US_MAC.b, 6);
		store_be32(message + 236, 0x63825363);
	}
	memcpy(message + header, r->p, len - header);
	read_bytes(r, len - header);
	(void)dhcp_input(&c->dhcp, message, len);
	free(message);
}

static void step(struct client *c, struct reader *r)
{
	uint8_t flags = read_u8(r);

	if (flags & LATER && !instant_is_never(timer_next(&c->timers))) {
		/* Years, but not so many that the longest lease ends behind the end of time. */
		if (instant_lt(c->env.now, timer_next(&c->timers)) &&
		    instant_lt(timer_next(&c->timers), (instant){TIME_MAX}))
			c->env.now = timer_next(&c->timers);
		timer_pop(&c->timers, c->env.now);
		dhcp_timer(&c->dhcp);
	} else if (flags & (READY | CONFLICT)) {
		dhcp_address(&c->dhcp, c->dhcp.lease.address.addr,
		             flags & READY ? DHCP_ADDRESS_READY : DHCP_ADDRESS_CONFLICT);
	} else {
		hear(c, r, flags);
	}
	if (flags & RELOAD)
		reload(c);
	FUZZ_NEED(c->claimed == (c->dhcp.state == DHCP_CHECKING || dhcp_has_address(&c->dhcp)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client c = {.env = {.now = {FUZZ_TIME}}};
	struct reader r = reader_of(data, size);
	struct dhcp_message m;

	if (dhcp_message_parse(data, size, &m))
		need_params(&m.params);
	rng_seed(&c.env.rng, 1);
	FUZZ_NEED(timer_reserve(&c.timers, &c.env, DHCP_TIMERS_MAX));
	begin(&c);
	dhcp_start(&c.dhcp);
	for (int i = 0; i < 200 && r.len; i++)
		step(&c, &r);
	dhcp_stop(&c.dhcp);
	dhcp_free(&c.dhcp);
	timer_queue_free(&c.timers, &c.env);
	FUZZ_NEED(c.env.allocated == 0);
	return 0;
}
