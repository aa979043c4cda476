/* The Admin service, part one: what the whole stack is and has counted. */
#include "rpc/methods.h"
#include <unistd.h>

void admin_get_info(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	const struct ip_config *ip = stack_ip_config(srv->stack);
	const struct ip_layer *layer = stack_ip(srv->stack);
	Toynet__V1__GetInfoResponse m = TOYNET__V1__GET_INFO_RESPONSE__INIT;
	char mac[MAC_TEXT_MAX], address[PREFIX_TEXT_MAX];

	(void)request;
	(void)so;
	m.version = (char *)(uintptr_t)srv->version;
	m.interface = (char *)(uintptr_t)srv->host->interface_name(srv->ctx);
	m.mac = mac_format(ip->mac, mac);
	if (layer->addresses)
		m.address = prefix_format(layer->address[0].prefix, address);
	m.mtu = ip->mtu;
	m.uptime_ms = (uint64_t)(instant_since(srv->env->now, srv->started).ns / NS_PER_MS);
	m.pid = (uint32_t)getpid();
	m.memory = srv->env->allocated;
	call_reply(c, &m.base);
}

static const Toynet__V1__CounterKind kinds[COUNTER_KINDS] = {
        [COUNTER_EVENTS] = TOYNET__V1__COUNTER_KIND__COUNTER_KIND_EVENTS,
        [COUNTER_TOTAL] = TOYNET__V1__COUNTER_KIND__COUNTER_KIND_TOTAL,
        [COUNTER_GAUGE] = TOYNET__V1__COUNTER_KIND__COUNTER_KIND_GAUGE,
};

/* A gauge that the configuration sets: it would be in every short list. */
static bool fixed(enum counter c)
{
	return counter_kind(c) == COUNTER_GAUGE && c != CNT_TcpCurrEstab;
}

void admin_get_stats(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	struct counters counters;
	const Toynet__V1__GetStatsRequest *r = (const Toynet__V1__GetStatsRequest *)request;
	Toynet__V1__GetStatsResponse m = TOYNET__V1__GET_STATS_RESPONSE__INIT;
	Toynet__V1__Counter rows[CNT_COUNT], *pointers[CNT_COUNT];

	(void)so;
	stack_stats(c->conn->srv->stack, &counters);
	m.counters = pointers;
	for (enum counter i = 0; i < CNT_COUNT; i++) {
		if (!r->all && (counters.v[i] == 0 || fixed(i)))
			continue;
		Toynet__V1__Counter *row = pointers[m.n_counters] = &rows[m.n_counters];
		m.n_counters++;
		toynet__v1__counter__init(row);
		row->name = (char *)(uintptr_t)counter_names[i];
		row->value = counters.v[i];
		row->kind = kinds[counter_kind(i)];
		if (counter_part_of(i) != CNT_COUNT)
			row->part_of = (char *)(uintptr_t)counter_names[counter_part_of(i)];
	}
	call_reply(c, &m.base);
}
