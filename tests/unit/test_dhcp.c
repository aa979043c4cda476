/* dhcp: the state machine of RFC 2131 figure 5, one line for each thing that it says or does. Named states: begin_off,
 * begin_selecting, begin_requesting, begin_checking, begin_bound (lease of 600 s). */
#include "dhcp_server.h"

#define LOG_LINES 64
#define LOG_LINE  160

struct rig {
	struct env env;
	struct counters cnt;
	struct timer_queue timers;
	struct dhcp d;
	struct dhcp_config cfg;
	char log[LOG_LINES][LOG_LINE];
	int logged, seen;
	uint8_t sent[DHCP_SEND_MAX]; /* the last message */
	uint32_t sent_len;
	int claim_error;
};

static char *line(struct rig *r)
{
	ck_assert_int_lt(r->logged, LOG_LINES);
	return r->log[r->logged++];
}

static void on_send(void *ctx, struct ip_addr src, struct ip_addr dst, const uint8_t *message, uint32_t len)
{
	struct rig *r = ctx;
	char text[96], a[IP_ADDR_TEXT_MAX], b[IP_ADDR_TEXT_MAX];
	memcpy(r->sent, message, len);
	r->sent_len = len;
	request_text(message, len, text, sizeof(text));
	snprintf(line(r), LOG_LINE, "%s > %s %s", ip_format(src, a), ip_format(dst, b), text);
}

static int on_claim(void *ctx, struct ip_prefix address)
{
	struct rig *r = ctx;
	char p[PREFIX_TEXT_MAX];
	snprintf(line(r), LOG_LINE, "claim %s", prefix_format(address, p));
	return r->claim_error;
}

static void on_configure(void *ctx, const struct dhcp_lease *lease, const struct dhcp_lease *former)
{
	struct rig *r = ctx;
	char p[PREFIX_TEXT_MAX];
	snprintf(line(r), LOG_LINE, "%s %s", former ? "reconfigure" : "configure", prefix_format(lease->address, p));
}

static void on_withdraw(void *ctx, const struct dhcp_lease *lease)
{
	struct rig *r = ctx;
	char p[PREFIX_TEXT_MAX];
	snprintf(line(r), LOG_LINE, "withdraw %s", prefix_format(lease->address, p));
}

static void on_event(void *ctx, enum dhcp_event event)
{
	static const char *const names[DHCP_EVENTS] = {
	        [DHCP_EVENT_BOUND] = "bound",       [DHCP_EVENT_RENEWED] = "renewed",
	        [DHCP_EVENT_EXPIRED] = "expired",   [DHCP_EVENT_REFUSED] = "refused",
	        [DHCP_EVENT_CONFLICT] = "conflict", [DHCP_EVENT_SILENCE] = "silence",
	        [DHCP_EVENT_UNUSABLE] = "unusable", [DHCP_EVENT_RELEASED] = "released",
	};
	snprintf(line(ctx), LOG_LINE, "event %s", names[event]);
}

/* The next thing that happened. */
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

static void expect_state(const struct rig *r, enum dhcp_state state)
{
	ck_assert_str_eq(dhcp_state_names[r->d.state], dhcp_state_names[state]);
}

static void init(struct rig *r)
{
	const struct dhcp_calls calls = {on_send, on_claim, on_configure, on_withdraw, on_event, r};
	dhcp_init(&r->d, &r->env, &r->cnt, &r->timers, &r->cfg, DHCP_MAC, 1500, &calls);
}

static void begin_off(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->env = unit_env(1);
	r->env.now = (instant){NS_PER_S};
	r->cfg.on = true;
	timer_queue_init(&r->timers);
	ck_assert(timer_reserve(&r->timers, &r->env, DHCP_TIMERS_MAX));
	init(r);
}

static void end(struct rig *r)
{
	expect_nothing(r);
	dhcp_free(&r->d);
	timer_queue_free(&r->timers, &r->env);
	unit_env_end(&r->env);
}

/* Saves and loads; all goes on as if nothing had happened. */
static void reload(struct rig *r)
{
	struct snap save, load;
	snap_save_begin(&save);
	snap_dhcp_config(&save, &r->d.cfg);
	snap_dhcp(&save, &r->d);
	dhcp_free(&r->d);
	snap_load_begin(&load, save.buf, save.len);
	snap_dhcp_config(&load, &r->cfg);
	init(r);
	snap_dhcp(&load, &r->d);
	ck_assert_msg(snap_ok(&load), "%s", load.error);
	ck_assert_uint_eq(load.pos, load.len);
	snap_save_free(&save);
}

/* Goes to the next deadline, at most ms away, and lets it fire. Returns how far it was. */
static int64_t next_ms(struct rig *r, int64_t ms)
{
	instant from = r->env.now, at = timer_next(&r->timers);
	ck_assert(instant_le(at, instant_add(from, DURATION_MS(ms))));
	r->env.now = at;
	ck_assert_ptr_eq(timer_pop(&r->timers, at), &r->d.timer);
	dhcp_timer(&r->d);
	reload(r);
	return instant_since(at, from).ns / NS_PER_MS;
}

/* Time passes; nothing is due in it. */
static void idle_ms(struct rig *r, int64_t ms)
{
	r->env.now = instant_add(r->env.now, DURATION_MS(ms));
	ck_assert(instant_lt(r->env.now, timer_next(&r->timers)));
}

static enum counter say(struct rig *r, struct reply reply)
{
	reply_end(&reply);
	enum counter why = dhcp_input(&r->d, reply.b, reply.len);
	reload(r);
	return why;
}

/* It is taken. */
static void answer(struct rig *r, struct reply reply)
{
	enum counter why = say(r, reply);
	ck_assert_msg(why == CNT_COUNT, "dropped: %s", counter_names[why]);
}

static void ignored(struct rig *r, struct reply reply)
{
	enum dhcp_state state = r->d.state;
	ck_assert_str_eq(counter_names[say(r, reply)], counter_names[CNT_DhcpInIgnored]);
	expect_state(r, state);
	expect_nothing(r);
}

static struct reply lease(const struct rig *r, enum dhcp_type type)
{
	return reply_lease(type, r->d.xid, DHCP_OURS, 600);
}

static struct reply nak(const struct rig *r, const char *server)
{
	struct reply reply = reply_begin(DHCP_NAK, r->d.xid, NULL);
	if (server)
		reply_address(&reply, 54, server);
	return reply;
}

#define DISCOVER  "0.0.0.0 > 255.255.255.255 DISCOVER bcast"
#define REQUEST   "0.0.0.0 > 255.255.255.255 REQUEST bcast requested=" DHCP_OURS " server=" DHCP_SERVER
#define RENEWAL   DHCP_OURS " > " DHCP_SERVER " REQUEST ciaddr=" DHCP_OURS
#define REBINDING DHCP_OURS " > 255.255.255.255 REQUEST ciaddr=" DHCP_OURS
#define DECLINE   "0.0.0.0 > 255.255.255.255 DECLINE requested=" DHCP_OURS " server=" DHCP_SERVER

static void begin_selecting(struct rig *r)
{
	begin_off(r);
	dhcp_start(&r->d);
	expect(r, DISCOVER);
	expect_state(r, DHCP_SELECTING);
}

static void begin_requesting(struct rig *r)
{
	begin_selecting(r);
	answer(r, lease(r, DHCP_OFFER));
	expect(r, REQUEST);
	expect_state(r, DHCP_REQUESTING);
}

static void begin_checking(struct rig *r)
{
	begin_requesting(r);
	answer(r, lease(r, DHCP_ACK));
	expect(r, "claim 10.0.0.5/24");
	expect_state(r, DHCP_CHECKING);
}

static void ready(struct rig *r)
{
	dhcp_address(&r->d, dhcp_addr(DHCP_OURS), DHCP_ADDRESS_READY);
	expect(r, "configure 10.0.0.5/24");
	expect(r, "event bound");
	expect_state(r, DHCP_BOUND);
}

static void begin_bound(struct rig *r)
{
	begin_checking(r);
	ready(r);
}

static void begin_renewing(struct rig *r)
{
	begin_bound(r);
	int64_t ms = next_ms(r, 300000);
	/* RFC 2131 4.4.5: half of the lease, with some fuzz. */
	ck_assert_int_ge(ms, 290000);
	expect(r, RENEWAL);
	expect_state(r, DHCP_RENEWING);
}

static void begin_rebinding(struct rig *r)
{
	begin_renewing(r);
	while (r->d.state == DHCP_RENEWING) {
		next_ms(r, 225000);
		if (r->d.state == DHCP_RENEWING)
			expect(r, RENEWAL);
	}
	expect(r, REBINDING);
	expect_state(r, DHCP_REBINDING);
}

START_TEST(test_lease)
{
	struct rig r;
	begin_bound(&r);
	ck_assert_uint_eq(r.cnt.v[CNT_DhcpLeases], 1);
	ck_assert_uint_eq(r.cnt.v[CNT_DhcpInMsgs], 2);
	ck_assert_uint_eq(r.cnt.v[CNT_DhcpOutMsgs], 2);
	ck_assert_uint_eq(dhcp_seconds_left(&r.d, r.d.lease.expires), 600);
	ck_assert_uint_eq(r.d.lease.params.routers, 1);
	end(&r);
}
END_TEST

START_TEST(test_discover_is_repeated)
{
	static const int64_t seconds[] = {4, 8, 16, 32, 64, 64, 64};
	struct rig r;
	begin_selecting(&r);
	uint32_t xid = load_be32(r.sent + 4);
	int64_t sum = 0;
	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		int64_t ms = next_ms(&r, 70000);
		sum += ms;
		ck_assert_int_ge(ms, seconds[i] * 1000 - 1000);
		ck_assert_int_le(ms, seconds[i] * 1000 + 1000);
		if (i + 1 == DHCP_SILENCE)
			expect(&r, "event silence");
		expect(&r, DISCOVER);
		ck_assert_uint_eq(load_be32(r.sent + 4), xid);
		ck_assert_uint_eq(load_be16(r.sent + 8), (uint64_t)sum / 1000);
	}
	end(&r);
}
END_TEST

START_TEST(test_request_is_repeated_four_times)
{
	struct rig r;
	begin_requesting(&r);
	uint32_t xid = load_be32(r.sent + 4);
	int64_t sum = 0;
	for (int i = 1; i < DHCP_REQUESTS_MAX; i++) {
		sum += next_ms(&r, 33000);
		expect(&r, REQUEST);
		ck_assert_uint_eq(load_be32(r.sent + 4), xid);
		/* RFC 2131 3.1.3: the `secs' of the DHCPDISCOVER. */
		ck_assert_uint_eq(load_be16(r.sent + 8), 0);
	}
	sum += next_ms(&r, 33000);
	ck_assert_int_ge(sum, 56000);
	ck_assert_int_le(sum, 64000);
	expect(&r, "event silence");
	expect_state(&r, DHCP_INIT);
	int64_t wait = next_ms(&r, DHCP_RESTART_MAX_MS);
	ck_assert_int_ge(wait, DHCP_RESTART_MIN_MS);
	expect(&r, DISCOVER);
	ck_assert_uint_ne(load_be32(r.sent + 4), xid);
	end(&r);
}
END_TEST

START_TEST(test_answers_for_others_are_ignored)
{
	struct rig r;
	begin_selecting(&r);
	struct reply reply = lease(&r, DHCP_OFFER);
	store_be32(reply.b + 4, r.d.xid + 1);
	ignored(&r, reply);
	reply = lease(&r, DHCP_OFFER);
	reply.b[33] ^= 1;
	ignored(&r, reply);
	/* RFC 6842: another client's identifier. */
	reply = lease(&r, DHCP_OFFER);
	reply_option(&reply, 61, "\1\2\3", 3);
	ignored(&r, reply);
	reply = lease(&r, DHCP_OFFER);
	reply_option(&reply, 61, r.d.cfg.client_id.b, r.d.cfg.client_id.len);
	answer(&r, reply);
	expect(&r, REQUEST);
	end(&r);
}
END_TEST

START_TEST(test_malformed)
{
	struct rig r;
	begin_selecting(&r);
	struct reply reply = lease(&r, DHCP_OFFER);
	reply.len = 100;
	ck_assert_int_eq(dhcp_input(&r.d, reply.b, reply.len), CNT_DhcpInErrors);
	reply = lease(&r, DHCP_OFFER);
	reply_option(&reply, 26, "\1", 1);
	answer(&r, reply);
	ck_assert_uint_eq(r.cnt.v[CNT_DhcpInBadOptions], 1);
	expect(&r, REQUEST);
	end(&r);
}
END_TEST

/* RFC 2131 figure 5: what a state does not hear is discarded. */
START_TEST(test_what_each_state_discards)
{
	struct rig r;
	begin_selecting(&r);
	ignored(&r, lease(&r, DHCP_ACK));
	ignored(&r, nak(&r, DHCP_SERVER));
	end(&r);
	begin_requesting(&r);
	ignored(&r, lease(&r, DHCP_OFFER));
	end(&r);
	begin_checking(&r);
	ignored(&r, lease(&r, DHCP_ACK));
	ignored(&r, nak(&r, DHCP_SERVER));
	end(&r);
	begin_bound(&r);
	ignored(&r, lease(&r, DHCP_OFFER));
	ignored(&r, lease(&r, DHCP_ACK));
	ignored(&r, nak(&r, DHCP_SERVER));
	end(&r);
	begin_renewing(&r);
	ignored(&r, lease(&r, DHCP_OFFER));
	ignored(&r, lease(&r, DHCP_RELEASE));
	end(&r);
	begin_off(&r);
	ignored(&r, lease(&r, DHCP_OFFER));
	end(&r);
}
END_TEST

START_TEST(test_offer_that_cannot_be_taken)
{
	struct rig r;
	begin_selecting(&r);
	ignored(&r, reply_lease(DHCP_OFFER, r.d.xid, "0.0.0.0", 600));
	answer(&r, lease(&r, DHCP_OFFER));
	expect(&r, REQUEST);
	end(&r);
}
END_TEST

START_TEST(test_offers_are_bounded)
{
	struct rig r;
	begin_selecting(&r);
	for (int i = 0; i < DHCP_OFFERS_MAX; i++)
		ignored(&r, reply_lease(DHCP_OFFER, r.d.xid, "0.0.0.0", 600));
	ignored(&r, lease(&r, DHCP_OFFER));
	/* The next DHCPDISCOVER asks anew. */
	next_ms(&r, 5000);
	expect(&r, DISCOVER);
	answer(&r, lease(&r, DHCP_OFFER));
	expect(&r, REQUEST);
	end(&r);
}
END_TEST

START_TEST(test_ack_of_another_server)
{
	struct rig r;
	begin_requesting(&r);
	struct reply reply = reply_begin(DHCP_ACK, r.d.xid, DHCP_OURS);
	reply_address(&reply, 54, "10.0.0.253");
	reply_u32(&reply, 51, 600);
	ignored(&r, reply);
	ignored(&r, nak(&r, "10.0.0.253"));
	ignored(&r, nak(&r, NULL));
	end(&r);
}
END_TEST

START_TEST(test_nak_restarts)
{
	struct rig r;
	begin_requesting(&r);
	answer(&r, nak(&r, DHCP_SERVER));
	expect(&r, "event refused");
	expect_state(&r, DHCP_INIT);
	ck_assert_uint_eq(r.cnt.v[CNT_DhcpNaks], 1);
	ck_assert_int_ge(next_ms(&r, DHCP_RESTART_MAX_MS), DHCP_RESTART_MIN_MS);
	expect(&r, DISCOVER);
	end(&r);
}
END_TEST

START_TEST(test_conflict_when_probed)
{
	struct rig r;
	begin_checking(&r);
	dhcp_address(&r.d, dhcp_addr("10.0.0.6"), DHCP_ADDRESS_CONFLICT);
	expect_nothing(&r);
	dhcp_address(&r.d, dhcp_addr(DHCP_OURS), DHCP_ADDRESS_CONFLICT);
	expect(&r, DECLINE);
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event conflict");
	expect_state(&r, DHCP_INIT);
	ck_assert_uint_eq(r.cnt.v[CNT_DhcpConflicts], 1);
	/* RFC 2131 3.1.5: at least ten seconds. */
	ck_assert_int_ge(next_ms(&r, 11000), 10000);
	expect(&r, DISCOVER);
	end(&r);
}
END_TEST

/* RFC 5227 2.4: it was lost to another station after it had been in use. */
START_TEST(test_conflict_later)
{
	struct rig r;
	begin_renewing(&r);
	dhcp_address(&r.d, dhcp_addr(DHCP_OURS), DHCP_ADDRESS_CONFLICT);
	expect(&r, DECLINE);
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event conflict");
	expect_state(&r, DHCP_INIT);
	dhcp_address(&r.d, dhcp_addr(DHCP_OURS), DHCP_ADDRESS_CONFLICT);
	end(&r);
}
END_TEST

START_TEST(test_address_that_the_stack_cannot_take)
{
	struct rig r;
	begin_requesting(&r);
	r.claim_error = 17;
	answer(&r, lease(&r, DHCP_ACK));
	expect(&r, "claim 10.0.0.5/24");
	expect(&r, "event unusable");
	expect_state(&r, DHCP_INIT);
	ck_assert_int_ge(next_ms(&r, 11000), 10000);
	expect(&r, DISCOVER);
	end(&r);
}
END_TEST

START_TEST(test_renewal)
{
	struct rig r;
	begin_renewing(&r);
	uint8_t n;
	/* RFC 2131 table 5: neither requested address nor server identifier (see RENEWAL), but the parameters. */
	ck_assert_ptr_nonnull(request_option(r.sent, r.sent_len, 55, &n));
	idle_ms(&r, 1000);
	answer(&r, reply_lease(DHCP_ACK, r.d.xid, DHCP_OURS, 1200));
	expect(&r, "reconfigure 10.0.0.5/24");
	expect(&r, "event renewed");
	expect_state(&r, DHCP_BOUND);
	/* RFC 2131 4.4.5: the lease counts from the request. */
	ck_assert_uint_eq(dhcp_seconds_left(&r.d, r.d.lease.expires), 1199);
	end(&r);
}
END_TEST

START_TEST(test_renewal_is_repeated_half_way)
{
	struct rig r;
	begin_renewing(&r);
	uint32_t xid = r.d.xid;
	struct reply late = lease(&r, DHCP_ACK);
	/* 225 s to T2: again after 112 s, then 60 s is the least. */
	int64_t ms = next_ms(&r, 120000);
	ck_assert_int_ge(ms, 105000);
	expect(&r, RENEWAL);
	ck_assert_uint_ne(r.d.xid, xid);
	ignored(&r, late);
	ms = next_ms(&r, 60000);
	ck_assert_int_eq(ms, 60000);
	expect(&r, RENEWAL);
	answer(&r, lease(&r, DHCP_ACK));
	expect(&r, "reconfigure 10.0.0.5/24");
	expect(&r, "event renewed");
	ck_assert_uint_eq(dhcp_seconds_left(&r.d, r.d.lease.expires), 600);
	end(&r);
}
END_TEST

START_TEST(test_rebinding_by_another_server)
{
	struct rig r;
	begin_rebinding(&r);
	ck_assert_uint_ge(dhcp_seconds_left(&r.d, r.d.lease.expires), 70);
	struct reply reply = reply_begin(DHCP_ACK, r.d.xid, DHCP_OURS);
	reply_address(&reply, 54, "10.0.0.253");
	reply_address(&reply, 1, "255.255.255.0");
	reply_u32(&reply, 51, 600);
	answer(&r, reply);
	expect(&r, "reconfigure 10.0.0.5/24");
	expect(&r, "event renewed");
	ck_assert(ip_eq(r.d.lease.server, dhcp_addr("10.0.0.253")));
	end(&r);
}
END_TEST

START_TEST(test_expiry)
{
	struct rig r;
	begin_rebinding(&r);
	next_ms(&r, 60000);
	expect(&r, REBINDING);
	next_ms(&r, 60000);
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event expired");
	expect_state(&r, DHCP_INIT);
	ck_assert_uint_eq(dhcp_seconds_left(&r.d, r.d.lease.expires), 0);
	next_ms(&r, DHCP_RESTART_MAX_MS);
	expect(&r, DISCOVER);
	end(&r);
}
END_TEST

START_TEST(test_nak_of_a_renewal)
{
	struct rig r;
	begin_renewing(&r);
	ignored(&r, nak(&r, "10.0.0.253"));
	answer(&r, nak(&r, DHCP_SERVER));
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event refused");
	expect_state(&r, DHCP_INIT);
	end(&r);
	begin_rebinding(&r);
	answer(&r, nak(&r, "10.0.0.253"));
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event refused");
	end(&r);
}
END_TEST

START_TEST(test_renewal_with_another_address)
{
	struct rig r;
	begin_renewing(&r);
	answer(&r, reply_lease(DHCP_ACK, r.d.xid, "10.0.0.9", 600));
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "claim 10.0.0.9/24");
	expect_state(&r, DHCP_CHECKING);
	dhcp_address(&r.d, dhcp_addr("10.0.0.9"), DHCP_ADDRESS_READY);
	expect(&r, "configure 10.0.0.9/24");
	expect(&r, "event bound");
	end(&r);
}
END_TEST

/* A lease that is shorter than the least time between two requests. */
START_TEST(test_short_lease)
{
	struct rig r;
	begin_selecting(&r);
	answer(&r, reply_lease(DHCP_OFFER, r.d.xid, DHCP_OURS, 6));
	expect(&r, REQUEST);
	answer(&r, reply_lease(DHCP_ACK, r.d.xid, DHCP_OURS, 6));
	expect(&r, "claim 10.0.0.5/24");
	ready(&r);
	ck_assert_int_ge(next_ms(&r, 3000), 2900);
	expect(&r, RENEWAL);
	next_ms(&r, 2260);
	expect(&r, REBINDING);
	next_ms(&r, 850);
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event expired");
	end(&r);
}
END_TEST

START_TEST(test_lease_ends_while_it_is_checked)
{
	struct rig r;
	begin_selecting(&r);
	answer(&r, reply_lease(DHCP_OFFER, r.d.xid, DHCP_OURS, 1));
	expect(&r, REQUEST);
	answer(&r, reply_lease(DHCP_ACK, r.d.xid, DHCP_OURS, 1));
	expect(&r, "claim 10.0.0.5/24");
	ck_assert_int_eq(next_ms(&r, 1000), 1000);
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event expired");
	end(&r);
}
END_TEST

START_TEST(test_infinite_lease)
{
	struct rig r;
	begin_selecting(&r);
	answer(&r, reply_lease(DHCP_OFFER, r.d.xid, DHCP_OURS, DHCP_LEASE_INFINITE));
	expect(&r, REQUEST);
	answer(&r, reply_lease(DHCP_ACK, r.d.xid, DHCP_OURS, DHCP_LEASE_INFINITE));
	expect(&r, "claim 10.0.0.5/24");
	ready(&r);
	ck_assert(instant_is_never(timer_next(&r.timers)));
	ck_assert_uint_eq(dhcp_seconds_left(&r.d, r.d.lease.expires), DHCP_LEASE_INFINITE);
	end(&r);
}
END_TEST

START_TEST(test_release)
{
	struct rig r;
	begin_bound(&r);
	dhcp_stop(&r.d);
	expect(&r, DHCP_OURS " > " DHCP_SERVER " RELEASE ciaddr=" DHCP_OURS " server=" DHCP_SERVER);
	expect(&r, "event released");
	uint8_t n;
	/* RFC 2131 3.1.6: the client identifier with which the lease was got. */
	ck_assert_mem_eq(request_option(r.sent, r.sent_len, 61, &n), r.d.cfg.client_id.b, r.d.cfg.client_id.len);
	ck_assert(instant_is_never(timer_next(&r.timers)));
	expect_state(&r, DHCP_OFF);
	end(&r);
	begin_checking(&r);
	dhcp_stop(&r.d);
	end(&r);
}
END_TEST

/* A machine that slept wakes after the lease has ended. */
START_TEST(test_wake_after_the_lease)
{
	struct rig r;
	begin_bound(&r);
	r.env.now = instant_add(r.env.now, DURATION_S(3600));
	ck_assert_ptr_eq(timer_pop(&r.timers, r.env.now), &r.d.timer);
	dhcp_timer(&r.d);
	expect(&r, "withdraw 10.0.0.5/24");
	expect(&r, "event expired");
	end(&r);
	begin_bound(&r);
	r.env.now = instant_add(r.env.now, DURATION_S(560));
	ck_assert_ptr_eq(timer_pop(&r.timers, r.env.now), &r.d.timer);
	dhcp_timer(&r.d);
	expect(&r, REBINDING);
	end(&r);
}
END_TEST

START_TEST(test_identity)
{
	struct rig r;
	uint8_t n;
	begin_selecting(&r);
	/* RFC 4361 6.1: 255, IAID, DUID-LL. */
	const uint8_t *id = request_option(r.sent, r.sent_len, 61, &n);
	ck_assert_uint_eq(n, 15);
	ck_assert_mem_eq(id, "\xff\0\0\0\1\0\3\0\1\2\0\0\0\0\1", 15);
	ck_assert_ptr_null(request_option(r.sent, r.sent_len, 12, &n));
	end(&r);
	begin_off(&r);
	strcpy(r.cfg.hostname, "host");
	r.cfg.client_id = (struct dhcp_client_id){.len = 2, .b = {0, 'x'}};
	init(&r);
	dhcp_start(&r.d);
	expect(&r, DISCOVER);
	id = request_option(r.sent, r.sent_len, 61, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_mem_eq(id, "\0x", 2);
	ck_assert_mem_eq(request_option(r.sent, r.sent_len, 12, &n), "host", 4);
	end(&r);
}
END_TEST

/* Whatever servers say, in whatever order: the machine is in a state, with a deadline, and holds an address exactly
 * between its claim and its withdrawal. */
START_TEST(test_random_servers)
{
	for (uint64_t seed = 0; seed < UNIT_SEEDS; seed++) {
		struct rig r;
		int claimed = 0;
		begin_off(&r);
		rng_seed(&r.env.rng, seed);
		dhcp_start(&r.d);
		for (int step = 0; step < 400; step++) {
			static const enum dhcp_type types[] = {DHCP_OFFER, DHCP_ACK, DHCP_NAK, DHCP_OFFER, DHCP_ACK};
			enum dhcp_type type = types[rng_below(&r.env.rng, ARRAY_LEN(types))];
			uint32_t what = rng_below(&r.env.rng, 8);
			if (what < 4)
				(void)say(&r, reply_lease(type, r.d.xid, what ? DHCP_OURS : "10.0.0.6",
				                          1 + rng_below(&r.env.rng, 100)));
			else if (what < 6 && !instant_is_never(timer_next(&r.timers)))
				next_ms(&r, 100000);
			else
				dhcp_address(&r.d, r.d.lease.address.addr,
				             what == 6 ? DHCP_ADDRESS_READY : DHCP_ADDRESS_CONFLICT);
			for (int i = 0; i < r.logged; i++) {
				claimed += strncmp(r.log[i], "claim", 5) == 0;
				claimed -= strncmp(r.log[i], "withdraw", 8) == 0;
			}
			r.logged = r.seen = 0;
			bool holds = r.d.state == DHCP_CHECKING || dhcp_has_address(&r.d);
			ck_assert_int_eq(claimed, holds);
			ck_assert(!instant_is_never(timer_next(&r.timers)));
		}
		dhcp_stop(&r.d);
		r.logged = r.seen = 0;
		end(&r);
	}
}
END_TEST

START_TEST(test_damaged_snapshots)
{
	struct rig r;
	struct snap save, load;
	begin_bound(&r);
	snap_save_begin(&save);
	snap_dhcp(&save, &r.d);
	for (size_t i = 0; i < save.len; i++) {
		for (uint8_t bit = 1; bit; bit = (uint8_t)(bit << 1)) {
			dhcp_free(&r.d);
			init(&r);
			save.buf[i] ^= bit;
			snap_load_begin(&load, save.buf, save.len);
			snap_dhcp(&load, &r.d);
			save.buf[i] ^= bit;
			ck_assert(!snap_ok(&load) || r.d.state < DHCP_STATES);
		}
		snap_load_begin(&load, save.buf, i);
		dhcp_free(&r.d);
		init(&r);
		snap_dhcp(&load, &r.d);
		ck_assert(!snap_ok(&load));
	}
	snap_save_free(&save);
	end(&r);
}
END_TEST

Suite *dhcp_suite(void);
Suite *dhcp_suite(void)
{
	UNIT_SUITE("dhcp", test_lease, test_discover_is_repeated, test_request_is_repeated_four_times,
	           test_answers_for_others_are_ignored, test_malformed, test_what_each_state_discards,
	           test_offer_that_cannot_be_taken, test_offers_are_bounded, test_ack_of_another_server,
	           test_nak_restarts, test_conflict_when_probed, test_conflict_later,
	           test_address_that_the_stack_cannot_take, test_renewal, test_renewal_is_repeated_half_way,
	           test_rebinding_by_another_server, test_expiry, test_nak_of_a_renewal,
	           test_renewal_with_another_address, test_short_lease, test_lease_ends_while_it_is_checked,
	           test_infinite_lease, test_release, test_wake_after_the_lease, test_identity, test_random_servers,
	           test_damaged_snapshots);
}
