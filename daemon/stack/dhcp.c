/* See dhcp.h. One table says what each state hears and does when its time has come; one function changes the state. */
#include "stack/dhcp.h"

#define DHCP_SNAP_TAG   0x44484350u /* "DHCP" */
#define CLIENT_ID_NODE  255         /* RFC 4361 6.1: IAID and DUID follow */
#define DUID_LL         3           /* RFC 3315 9.4 */
#define DUID_ETHERNET   1
#define RETRY_DOUBLINGS 4 /* 4, 8, 16, 32, 64 s */

_Static_assert(DHCP_RETRY_FIRST_S << RETRY_DOUBLINGS == DHCP_RETRY_LAST_S, "RFC 2131 4.1");

const char *const dhcp_state_names[DHCP_STATES] = {
        [DHCP_OFF] = "off",
        [DHCP_INIT] = "init",
        [DHCP_SELECTING] = "selecting",
        [DHCP_REQUESTING] = "requesting",
        [DHCP_CHECKING] = "checking",
        [DHCP_BOUND] = "bound",
        [DHCP_RENEWING] = "renewing",
        [DHCP_REBINDING] = "rebinding",
};

static const struct ip_addr nowhere = {.family = IP_V4};
static const struct ip_addr everybody = {.family = IP_V4, .b = {255, 255, 255, 255}};

/* When the timer is due in this state. */
static instant deadline(const struct dhcp *d)
{
	switch (d->state) {
	case DHCP_INIT:
	case DHCP_SELECTING:
	case DHCP_REQUESTING:
		return d->next;
	case DHCP_CHECKING:
		return d->lease.expires;
	case DHCP_BOUND:
		return d->lease.t1;
	case DHCP_RENEWING:
		return instant_min(d->next, d->lease.t2);
	case DHCP_REBINDING:
		return instant_min(d->next, d->lease.expires);
	case DHCP_OFF:
	case DHCP_STATES:
		break;
	}
	return INSTANT_NEVER;
}

static void arm(struct dhcp *d)
{
	timer_update(d->timers, &d->timer, deadline(d));
}

/* The only place that changes the state. The timer is armed by whoever has set what it depends on. */
static void set_state(struct dhcp *d, enum dhcp_state to)
{
	d->state = to;
	d->since = d->env->now;
	d->tries = 0;
	d->offers = 0;
}

static uint32_t between(struct dhcp *d, uint32_t least, uint32_t most)
{
	return least + rng_below(&d->env->rng, most - least + 1);
}

static instant after_ms(const struct dhcp *d, uint32_t ms)
{
	return instant_add(d->env->now, DURATION_MS(ms));
}

/* RFC 2131 4.1: 4, 8, 16, 32, 64 s, each with a random second more or less. */
static instant next_try(struct dhcp *d)
{
	uint32_t doublings = u32_min(d->tries - 1u, RETRY_DOUBLINGS);
	uint32_t ms = (uint32_t)DHCP_RETRY_FIRST_S * 1000 << doublings;

	return after_ms(d, between(d, ms - DHCP_RETRY_SPREAD_MS, ms + DHCP_RETRY_SPREAD_MS));
}

/* RFC 2131 4.4.5: half of what remains until `end', but not less than 60 s. */
static instant half_way(const struct dhcp *d, instant end)
{
	duration half = {instant_since(end, d->env->now).ns / 2};

	return instant_add(d->env->now, duration_max(half, DHCP_RENEW_RETRY_MIN));
}

static struct dhcp_request request_of(const struct dhcp *d, enum dhcp_type type)
{
	return (struct dhcp_request){.type = type, .xid = d->xid, .chaddr = d->mac, .client_id = &d->cfg.client_id};
}

/* What DHCPDISCOVER and DHCPREQUEST tell besides. */
static void ask_parameters(struct dhcp *d, struct dhcp_request *q)
{
	q->secs = d->secs;
	q->hostname = d->cfg.hostname;
	q->max_size = (uint16_t)u32_max(d->mtu, DHCP_MTU_MIN);
}

static void send(struct dhcp *d, const struct dhcp_request *q, struct ip_addr src, struct ip_addr dst)
{
	uint8_t message[DHCP_SEND_MAX];
	uint32_t len = dhcp_message_build(q, message);

	COUNT(d->cnt, DhcpOutMsgs);
	d->calls.send(d->calls.ctx, src, dst, message, len);
}

static void count_try(struct dhcp *d)
{
	d->tries = (uint8_t)u32_min(d->tries + 1u, UINT8_MAX);
}

static uint16_t seconds_since_began(const struct dhcp *d)
{
	return (uint16_t)u32_min((uint32_t)(instant_since(d->env->now, d->began).ns / NS_PER_S), UINT16_MAX);
}

static void send_discover(struct dhcp *d)
{
	struct dhcp_request q = request_of(d, DHCP_DISCOVER);

	d->secs = seconds_since_began(d);
	ask_parameters(d, &q);
	q.broadcast = true;
	d->offers = 0;
	count_try(d);
	d->next = next_try(d);
	send(d, &q, nowhere, everybody);
}

/* RFC 2131 3.1.3: by broadcast, with the xid of the offer and the `secs' of the DHCPDISCOVER. */
static void send_request(struct dhcp *d)
{
	struct dhcp_request q = request_of(d, DHCP_REQUEST);

	ask_parameters(d, &q);
	q.broadcast = true;
	q.requested = d->offered;
	q.server_id = d->lease.server;
	count_try(d);
	d->next = next_try(d);
	send(d, &q, nowhere, everybody);
}

/* RFC 2131 4.3.6: `ciaddr', no requested address, no server identifier. Each has its own xid, so that the lease counts
 * from the request that was answered. */
static void send_renewal(struct dhcp *d)
{
	bool renewing = d->state == DHCP_RENEWING;

	d->xid = rng_u32(&d->env->rng);
	d->secs = seconds_since_began(d);
	d->sent = d->env->now;
	struct dhcp_request q = request_of(d, DHCP_REQUEST);
	ask_parameters(d, &q);
	q.ciaddr = d->lease.address.addr;
	count_try(d);
	d->next = half_way(d, renewing ? d->lease.t2 : d->lease.expires);
	send(d, &q, d->lease.address.addr, renewing ? d->lease.server : everybody);
}

/* RFC 2131 4.4.4: by broadcast, because the address is not ours to send from. */
static void send_decline(struct dhcp *d)
{
	d->xid = rng_u32(&d->env->rng);
	struct dhcp_request q = request_of(d, DHCP_DECLINE);
	q.requested = d->lease.address.addr;
	q.server_id = d->lease.server;
	q.text = "address is in use";
	send(d, &q, nowhere, everybody);
}

static void tell(struct dhcp *d, enum dhcp_event event)
{
	d->calls.event(d->calls.ctx, event);
}

/* Back to INIT; what was leased is forgotten after the word about it. */
static void restart(struct dhcp *d, enum dhcp_event event, uint32_t wait_least_ms, uint32_t wait_most_ms)
{
	bool claimed = d->state == DHCP_CHECKING || dhcp_has_address(d);

	set_state(d, DHCP_INIT);
	d->next = after_ms(d, between(d, wait_least_ms, wait_most_ms));
	if (claimed)
		d->calls.withdraw(d->calls.ctx, &d->lease);
	tell(d, event);
	d->lease = (struct dhcp_lease){0};
	arm(d);
}

/* RFC 2131 4.4.1: a random time between one and ten seconds, so that hosts that lost the same server do not ask in
 * step. */
static void restart_soon(struct dhcp *d, enum dhcp_event event)
{
	restart(d, event, DHCP_RESTART_MIN_MS, DHCP_RESTART_MAX_MS);
}

static void decline(struct dhcp *d)
{
	COUNT(d->cnt, DhcpConflicts);
	send_decline(d);
	/* RFC 2131 3.1.5: at least ten seconds before it begins anew. */
	restart(d, DHCP_EVENT_CONFLICT, DHCP_DECLINE_WAIT_MS, DHCP_DECLINE_WAIT_MS + DHCP_RESTART_MIN_MS);
}

static bool take_offer(struct dhcp *d, const struct dhcp_message *m)
{
	if (d->offers >= DHCP_OFFERS_MAX)
		return false;
	if (!dhcp_lease_acceptable(m)) {
		d->offers++;
		return false;
	}
	set_state(d, DHCP_REQUESTING);
	d->offered = m->yiaddr;
	d->lease.server = m->server_id;
	/* RFC 2131 4.4.1: the lease counts from the original request. */
	d->sent = d->env->now;
	send_request(d);
	arm(d);
	return true;
}

/* The server's agreement, before the address is ours: RFC 2131 3.1.5: a final check, by RFC 5227 2.1. */
static void check(struct dhcp *d)
{
	bool claimed = d->calls.claim(d->calls.ctx, d->lease.address) == 0;

	set_state(d, claimed ? DHCP_CHECKING : DHCP_INIT);
	if (claimed)
		arm(d);
	else
		restart(d, DHCP_EVENT_UNUSABLE, DHCP_DECLINE_WAIT_MS, DHCP_DECLINE_WAIT_MS + DHCP_RESTART_MIN_MS);
}

static bool take_first_ack(struct dhcp *d, const struct dhcp_message *m)
{
	if (!dhcp_lease_acceptable(m) || !ip_eq(m->server_id, d->lease.server))
		return false;
	d->lease = dhcp_lease_of(m, d->sent, &d->env->rng);
	check(d);
	return true;
}

static bool take_renewal(struct dhcp *d, const struct dhcp_message *m)
{
	if (!dhcp_lease_acceptable(m))
		return false;
	struct dhcp_lease former = d->lease;
	d->lease = dhcp_lease_of(m, d->sent, &d->env->rng);
	/* RFC 2131 4.4.5: with a new address the former one must not be used any more. */
	if (!ip_eq(d->lease.address.addr, former.address.addr) || d->lease.address.len != former.address.len) {
		d->calls.withdraw(d->calls.ctx, &former);
		check(d);
		return true;
	}
	set_state(d, DHCP_BOUND);
	d->calls.configure(d->calls.ctx, &d->lease, &former);
	tell(d, DHCP_EVENT_RENEWED);
	arm(d);
	return true;
}

/* RFC 2131 table 3: a refusal names its server. */
static bool take_nak(struct dhcp *d, const struct dhcp_message *m)
{
	if (!dhcp_is_host(m->server_id) || (d->state != DHCP_REBINDING && !ip_eq(m->server_id, d->lease.server)))
		return false;
	COUNT(d->cnt, DhcpNaks);
	restart_soon(d, DHCP_EVENT_REFUSED);
	return true;
}

/* What a state takes of each kind of message; NULL: it is discarded. */
static const struct {
	bool (*offer)(struct dhcp *d, const struct dhcp_message *m);
	bool (*ack)(struct dhcp *d, const struct dhcp_message *m);
	bool (*nak)(struct dhcp *d, const struct dhcp_message *m);
} hears[] = {
        [DHCP_SELECTING] = {.offer = take_offer},
        [DHCP_REQUESTING] = {.ack = take_first_ack, .nak = take_nak},
        [DHCP_RENEWING] = {.ack = take_renewal, .nak = take_nak},
        [DHCP_REBINDING] = {.ack = take_renewal, .nak = take_nak},
};
_Static_assert(ARRAY_LEN(hears) == DHCP_STATES, "one for each state");

/* Is it an answer to what we sent last? */
static bool for_us(const struct dhcp *d, const struct dhcp_message *m)
{
	const struct dhcp_client_id *id = &d->cfg.client_id;

	if (m->xid != d->xid || !mac_eq(m->chaddr, d->mac))
		return false;
	/* RFC 6842 3: a client identifier that is not ours. */
	return m->client_id.len == 0 || (m->client_id.len == id->len && memcmp(m->client_id.b, id->b, id->len) == 0);
}

enum counter dhcp_input(struct dhcp *d, const uint8_t *bytes, size_t len)
{
	struct dhcp_message m;
	bool (*take)(struct dhcp *, const struct dhcp_message *) = NULL;

	COUNT(d->cnt, DhcpInMsgs);
	if (!dhcp_message_parse(bytes, len, &m))
		return CNT_DhcpInErrors;
	if (!for_us(d, &m))
		return CNT_DhcpInIgnored;
	COUNT_ADD(d->cnt, DhcpInBadOptions, m.bad_options);
	if (m.type == DHCP_OFFER)
		take = hears[d->state].offer;
	else if (m.type == DHCP_ACK)
		take = hears[d->state].ack;
	else if (m.type == DHCP_NAK)
		take = hears[d->state].nak;
	return take && take(d, &m) ? CNT_COUNT : CNT_DhcpInIgnored;
}

static void discover(struct dhcp *d)
{
	set_state(d, DHCP_SELECTING);
	d->began = d->env->now;
	d->xid = rng_u32(&d->env->rng);
	send_discover(d);
}

static void discover_again(struct dhcp *d)
{
	if (d->tries == DHCP_SILENCE)
		tell(d, DHCP_EVENT_SILENCE);
	send_discover(d);
}

static void request_again(struct dhcp *d)
{
	if (d->tries < DHCP_REQUESTS_MAX)
		send_request(d);
	else
		restart_soon(d, DHCP_EVENT_SILENCE);
}

static void renew(struct dhcp *d, enum dhcp_state to)
{
	if (d->state == DHCP_BOUND)
		d->began = d->env->now;
	set_state(d, to);
	send_renewal(d);
}

static void expire(struct dhcp *d)
{
	/* RFC 2131 4.4.5: any other network processing stops at once. */
	restart_soon(d, DHCP_EVENT_EXPIRED);
}

void dhcp_timer(struct dhcp *d)
{
	instant now = d->env->now;

	switch (d->state) {
	case DHCP_INIT:
		discover(d);
		break;
	case DHCP_SELECTING:
		discover_again(d);
		break;
	case DHCP_REQUESTING:
		request_again(d);
		break;
	case DHCP_BOUND:
		/* A host that slept may wake at any of the three times. */
		if (instant_le(d->lease.expires, now))
			expire(d);
		else
			renew(d, instant_le(d->lease.t2, now) ? DHCP_REBINDING : DHCP_RENEWING);
		break;
	case DHCP_RENEWING:
		if (instant_le(d->lease.expires, now))
			expire(d);
		else if (instant_le(d->lease.t2, now))
			renew(d, DHCP_REBINDING);
		else
			send_renewal(d);
		break;
	case DHCP_REBINDING:
		if (instant_le(d->lease.expires, now))
			expire(d);
		else
			send_renewal(d);
		break;
	case DHCP_CHECKING:
		expire(d);
		break;
	case DHCP_OFF:
	case DHCP_STATES:
		break;
	}
	arm(d);
}

void dhcp_address(struct dhcp *d, struct ip_addr address, enum dhcp_verdict verdict)
{
	if ((d->state != DHCP_CHECKING && !dhcp_has_address(d)) || !ip_eq(address, d->lease.address.addr))
		return;
	switch (verdict) {
	case DHCP_ADDRESS_READY:
		if (d->state != DHCP_CHECKING)
			return;
		COUNT(d->cnt, DhcpLeases);
		set_state(d, DHCP_BOUND);
		d->calls.configure(d->calls.ctx, &d->lease, NULL);
		tell(d, DHCP_EVENT_BOUND);
		arm(d);
		return;
	case DHCP_ADDRESS_CONFLICT:
		decline(d);
		return;
	}
}

bool dhcp_has_address(const struct dhcp *d)
{
	return d->state == DHCP_BOUND || d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;
}

uint32_t dhcp_seconds_left(const struct dhcp *d, instant until)
{
	if (d->lease.address.addr.family == IP_NONE)
		return 0;
	if (instant_is_never(until))
		return DHCP_LEASE_INFINITE;
	return instant_le(until, d->env->now) ? 0 : (uint32_t)(instant_since(until, d->env->now).ns / NS_PER_S);
}

/* RFC 4361 6.1: type 255, an IAID, a DUID. There is no storage in which a DUID could be kept, so it is made of the MAC
 * address, which is the same at each start (RFC 3315 9.4). */
static struct dhcp_client_id node_identifier(struct mac_addr mac)
{
	struct dhcp_client_id id = {.len = 15, .b = {CLIENT_ID_NODE}};

	memcpy(id.b + 1, mac.b + 2, 4);
	id.b[6] = DUID_LL;
	id.b[8] = DUID_ETHERNET;
	memcpy(id.b + 9, mac.b, sizeof(mac.b));
	return id;
}

void dhcp_init(struct dhcp *d, struct env *env, struct counters *cnt, struct timer_queue *timers,
               const struct dhcp_config *cfg, struct mac_addr mac, uint16_t mtu, const struct dhcp_calls *calls)
{
	*d = (struct dhcp){.env = env,
	                   .cnt = cnt,
	                   .timers = timers,
	                   .cfg = *cfg,
	                   .mac = mac,
	                   .mtu = mtu,
	                   .calls = *calls,
	                   .next = INSTANT_NEVER};
	if (d->cfg.client_id.len == 0)
		d->cfg.client_id = node_identifier(mac);
	timer_node_init(&d->timer, DHCP_TIMER_TIE);
}

void dhcp_free(struct dhcp *d)
{
	timer_cancel(d->timers, &d->timer);
}

void dhcp_start(struct dhcp *d)
{
	assert(d->state == DHCP_OFF);
	/* RFC 2131 4.4.1: the wait that desynchronizes hosts after a power failure is left to those that fail. */
	discover(d);
	arm(d);
}

void dhcp_stop(struct dhcp *d)
{
	if (dhcp_has_address(d)) {
		d->xid = rng_u32(&d->env->rng);
		struct dhcp_request q = request_of(d, DHCP_RELEASE);
		q.ciaddr = d->lease.address.addr;
		q.server_id = d->lease.server;
		send(d, &q, d->lease.address.addr, d->lease.server);
		tell(d, DHCP_EVENT_RELEASED);
	}
	set_state(d, DHCP_OFF);
	arm(d);
}

void snap_dhcp_config(struct snap *s, struct dhcp_config *c)
{
	snap_bool(s, &c->on);
	snap_bytes(s, c->hostname, sizeof(c->hostname));
	snap_check(s, c->hostname[sizeof(c->hostname) - 1] == '\0', "text without an end");
	snap_dhcp_client_id(s, &c->client_id);
}

void snap_dhcp(struct snap *s, struct dhcp *d)
{
	snap_tag(s, DHCP_SNAP_TAG);
	SNAP_ENUM(s, d->state, DHCP_STATES);
	snap_u16(s, &d->mtu);
	snap_u32(s, &d->xid);
	snap_u16(s, &d->secs);
	snap_u8(s, &d->tries);
	snap_u8(s, &d->offers);
	snap_instant(s, &d->began);
	snap_instant(s, &d->since);
	snap_instant(s, &d->sent);
	snap_instant(s, &d->next);
	snap_ip(s, &d->offered);
	snap_dhcp_lease(s, &d->lease);
	bool leased = d->state == DHCP_CHECKING || dhcp_has_address(d);
	snap_check(s, !leased || (dhcp_is_host(d->lease.address.addr) && dhcp_is_host(d->lease.server)),
	           "a lease without an address");
	if (snap_loading(s) && snap_ok(s))
		arm(d);
}
