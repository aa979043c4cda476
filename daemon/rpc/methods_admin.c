/* The Admin service: what concerns the whole stack. */
#include "rpc/methods.h"
#include <unistd.h>

void admin_get_info(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	const struct ip_config *ip = stack_ip_config(srv->stack);
	Toynet__V1__GetInfoResponse m = TOYNET__V1__GET_INFO_RESPONSE__INIT;
	char mac[MAC_TEXT_MAX], address[PREFIX_TEXT_MAX];

	(void)request;
	(void)so;
	m.version = (char *)(uintptr_t)srv->version;
	m.interface = (char *)(uintptr_t)srv->host->interface_name(srv->ctx);
	m.mac = mac_format(ip->mac, mac);
	m.address = prefix_format(ip->address, address);
	m.mtu = ip->mtu;
	m.uptime_ms = (uint64_t)(instant_since(srv->env->now, srv->started).ns / NS_PER_MS);
	m.pid = (uint32_t)getpid();
	call_reply(c, &m.base);
}

void admin_get_stats(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct counters *counters = stack_counters(c->conn->srv->stack);
	const Toynet__V1__GetStatsRequest *r = (const Toynet__V1__GetStatsRequest *)request;
	Toynet__V1__GetStatsResponse m = TOYNET__V1__GET_STATS_RESPONSE__INIT;
	Toynet__V1__Counter rows[CNT_COUNT], *pointers[CNT_COUNT];

	(void)so;
	m.counters = pointers;
	for (size_t i = 0; i < CNT_COUNT; i++) {
		if (!r->all && counters->v[i] == 0)
			continue;
		Toynet__V1__Counter *row = pointers[m.n_counters] = &rows[m.n_counters];
		m.n_counters++;
		toynet__v1__counter__init(row);
		row->name = (char *)(uintptr_t)counter_names[i];
		row->value = counters->v[i];
	}
	call_reply(c, &m.base);
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

static void reply_impairment(struct call *c)
{
	const struct rpc_server *srv = c->conn->srv;
	Toynet__V1__Impairment m = TOYNET__V1__IMPAIRMENT__INIT;
	Toynet__V1__ImpairDirection in, out;
	struct impair_config cfg = {0};

	srv->host->get_impairment(srv->ctx, &cfg);
	direction_fill(&cfg.in, &in);
	direction_fill(&cfg.out, &out);
	m.seed = cfg.seed;
	m.in = &in;
	m.out = &out;
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
