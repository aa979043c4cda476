/* The Admin service, part two: the impair link, and matches of flows. */
#include "rpc/methods.h"
#include <string.h>

#define PORT_MAX     65535u
#define PROTOCOL_MAX 255u
#define IP4_BITS     32u

/* False: not an address, nor a prefix. Empty: any. */
static bool prefix_read(const char *text, struct ip_prefix *p)
{
	if (!*text || prefix_parse(text, p))
		return true;
	p->len = IP4_BITS;
	return ip_parse(text, &p->addr);
}

const char *match_read(const Toynet__V1__FlowMatch *m, struct flow_match *to)
{
	*to = (struct flow_match){0};
	if (!m)
		return NULL;
	if (!prefix_read(m->source, &to->src) || !prefix_read(m->destination, &to->dst) ||
	    !prefix_read(m->host, &to->host))
		return "source, destination and host are IPv4 addresses, with or without a prefix length";
	if (m->source_port > PORT_MAX || m->destination_port > PORT_MAX || m->port > PORT_MAX)
		return "a port is above 65535";
	if (m->protocol > PROTOCOL_MAX)
		return "protocol is above 255";
	to->src_port = (uint16_t)m->source_port;
	to->dst_port = (uint16_t)m->destination_port;
	to->port = (uint16_t)m->port;
	to->protocol = (uint8_t)m->protocol;
	to->socket = m->socket;
	return NULL;
}

static char *prefix_text(struct ip_prefix p, char buf[PREFIX_TEXT_MAX])
{
	buf[0] = '\0';
	return p.addr.family == IP_NONE ? buf : prefix_format(p, buf);
}

void match_fill(struct match_message *to, const struct flow_match *m)
{
	toynet__v1__flow_match__init(&to->m);
	to->m.source = prefix_text(m->src, to->src);
	to->m.destination = prefix_text(m->dst, to->dst);
	to->m.host = prefix_text(m->host, to->host);
	to->m.source_port = m->src_port;
	to->m.destination_port = m->dst_port;
	to->m.port = m->port;
	to->m.protocol = m->protocol;
	to->m.socket = m->socket;
}

static struct impair_direction direction_read(const Toynet__V1__ImpairDirection *m)
{
	return (struct impair_direction){
	        .loss_ppm = m->loss_ppm,
	        .burst_enter_ppm = m->burst_enter_ppm,
	        .burst_leave_ppm = m->burst_leave_ppm,
	        .duplicate_ppm = m->duplicate_ppm,
	        .reorder_ppm = m->reorder_ppm,
	        .reorder_us = m->reorder_us,
	        .corrupt_ppm = m->corrupt_ppm,
	        .delay_us = m->delay_us,
	        .jitter_us = m->jitter_us,
	        .rate_bps = m->rate_bps,
	        .queue_bytes = m->queue_bytes,
	};
}

static void direction_fill(const struct impair_direction *d, Toynet__V1__ImpairDirection *m)
{
	toynet__v1__impair_direction__init(m);
	m->loss_ppm = d->loss_ppm;
	m->burst_enter_ppm = d->burst_enter_ppm;
	m->burst_leave_ppm = d->burst_leave_ppm;
	m->duplicate_ppm = d->duplicate_ppm;
	m->reorder_ppm = d->reorder_ppm;
	m->reorder_us = d->reorder_us;
	m->corrupt_ppm = d->corrupt_ppm;
	m->delay_us = d->delay_us;
	m->jitter_us = d->jitter_us;
	m->rate_bps = d->rate_bps;
	m->queue_bytes = d->queue_bytes;
}

/* A rule's message with its memory. */
struct rule_message {
	Toynet__V1__ImpairRule m;
	Toynet__V1__ImpairDirection effect;
	struct match_message match;
};

static void rule_fill(const struct impair_rule *r, enum link_way way, struct rule_message *to)
{
	const struct impair_counters *n = &r->queue.count;

	toynet__v1__impair_rule__init(&to->m);
	match_fill(&to->match, &r->match);
	direction_fill(&r->queue.set, &to->effect);
	to->m.id = r->id;
	to->m.direction = way == LINK_IN ? TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_IN
	                                 : TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_OUT;
	to->m.match = &to->match.m;
	to->m.effect = &to->effect;
	to->m.frames = r->frames;
	to->m.lost = n->lost + n->burst_lost + n->queue_dropped;
}

static void reply_impairment(struct call *c)
{
	const struct rpc_server *srv = c->conn->srv;
	Toynet__V1__Impairment m = TOYNET__V1__IMPAIRMENT__INIT;
	Toynet__V1__ImpairDirection in, out;
	Toynet__V1__ImpairRule *pointers[LINK_WAYS * IMPAIR_RULES_MAX];
	struct rule_message rules[LINK_WAYS * IMPAIR_RULES_MAX];
	const struct impair *im = srv->host->impair(srv->ctx);
	struct impair_config cfg = {0};

	srv->host->get_impairment(srv->ctx, &cfg);
	direction_fill(&cfg.in, &in);
	direction_fill(&cfg.out, &out);
	m.seed = cfg.seed;
	m.in = &in;
	m.out = &out;
	m.rules = pointers;
	for (int way = 0; way < LINK_WAYS; way++) {
		list_for_each(it, &im->rules[way].list)
		{
			rule_fill(list_entry(it, struct impair_rule, link), (enum link_way)way, &rules[m.n_rules]);
			pointers[m.n_rules] = &rules[m.n_rules].m;
			m.n_rules++;
		}
	}
	call_reply(c, &m.base);
}

void admin_get_impairment(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	(void)request;
	(void)so;
	reply_impairment(c);
}

void admin_set_impairment(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__Impairment *r = (const Toynet__V1__Impairment *)request;
	struct impair_config cfg = {0};
	const char *why = NULL;

	(void)so;
	srv->host->get_impairment(srv->ctx, &cfg);
	cfg.seed = r->seed;
	if (r->in)
		cfg.in = direction_read(r->in);
	if (r->out)
		cfg.out = direction_read(r->out);
	int err = srv->host->set_impairment(srv->ctx, &cfg, &why);
	if (err)
		call_errno(c, err, why);
	else
		reply_impairment(c);
}

void admin_add_impair_rule(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__ImpairRule *r = (const Toynet__V1__ImpairRule *)request;
	struct impair_direction effect = r->effect ? direction_read(r->effect) : (struct impair_direction){0};
	struct flow_match match;
	const char *why = match_read(r->match, &match);

	(void)so;
	if (!why)
		why = impair_direction_check(&effect);
	if (r->direction != TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_IN &&
	    r->direction != TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_OUT)
		why = "a rule has one direction, in or out";
	if (why) {
		call_errno(c, EINVAL, why);
		return;
	}
	enum link_way way = r->direction == TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_IN ? LINK_IN : LINK_OUT;
	struct impair_rule *added = impair_rule_add(srv->host->impair(srv->ctx), way, &match, &effect);
	if (!added) {
		call_errno(c, ENOBUFS, "too many rules in this direction, or no memory: delete some");
		return;
	}
	srv->host->impair_changed(srv->ctx);
	struct rule_message m;
	rule_fill(added, way, &m);
	call_reply(c, &m.m.base);
}

void admin_delete_impair_rule(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__DeleteImpairRuleRequest *r = (const Toynet__V1__DeleteImpairRuleRequest *)request;
	Toynet__V1__DeleteImpairRuleResponse m = TOYNET__V1__DELETE_IMPAIR_RULE_RESPONSE__INIT;

	(void)so;
	if (!impair_rule_delete(srv->host->impair(srv->ctx), r->id)) {
		call_errno(c, ENOENT, "there is no impairment rule of this id");
		return;
	}
	srv->host->impair_changed(srv->ctx);
	call_reply(c, &m.base);
}
