/* The columns of a socket's row, in the order of ss -antup, and their JSON keys.
 *
 * Theory of operation. row_init copies what the columns need out of the daemon's message, which lives only as long as
 * the stream's callback. States are named as ss names them in text; in JSON by RFC 9293, so that programs need not know
 * ss. */
#include "row.h"
#include <stdio.h>

struct state_name {
	const char *ss, *rfc;
};

static const struct state_name state_names[] = {
        [TOYNET__V1__STATE__STATE_UNSPECIFIED] = {"?", "UNKNOWN"},
        [TOYNET__V1__STATE__STATE_CLOSED] = {"UNCONN", "CLOSED"},
        [TOYNET__V1__STATE__STATE_LISTEN] = {"LISTEN", "LISTEN"},
        [TOYNET__V1__STATE__STATE_SYN_SENT] = {"SYN-SENT", "SYN-SENT"},
        [TOYNET__V1__STATE__STATE_SYN_RECEIVED] = {"SYN-RECV", "SYN-RECEIVED"},
        [TOYNET__V1__STATE__STATE_ESTABLISHED] = {"ESTAB", "ESTABLISHED"},
        [TOYNET__V1__STATE__STATE_FIN_WAIT_1] = {"FIN-WAIT-1", "FIN-WAIT-1"},
        [TOYNET__V1__STATE__STATE_FIN_WAIT_2] = {"FIN-WAIT-2", "FIN-WAIT-2"},
        [TOYNET__V1__STATE__STATE_CLOSE_WAIT] = {"CLOSE-WAIT", "CLOSE-WAIT"},
        [TOYNET__V1__STATE__STATE_CLOSING] = {"CLOSING", "CLOSING"},
        [TOYNET__V1__STATE__STATE_LAST_ACK] = {"LAST-ACK", "LAST-ACK"},
        [TOYNET__V1__STATE__STATE_TIME_WAIT] = {"TIME-WAIT", "TIME-WAIT"},
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == 12, "a name for each state");

#define STATES (sizeof(state_names) / sizeof(state_names[0]))

static const struct state_name *state_name(Toynet__V1__State state)
{
	return &state_names[(unsigned)state < STATES ? (unsigned)state : 0];
}

static void copy_address(char *ip, uint32_t *port, const Toynet__V1__Address *a, Toynet__V1__Family family)
{
	const char *unspecified = family == TOYNET__V1__FAMILY__FAMILY_IPV6 ? "::" : "0.0.0.0";

	snprintf(ip, ROW_IP_MAX, "%s", a && a->ip && *a->ip ? a->ip : unspecified);
	*port = a ? a->port : 0;
}

void row_init(struct row *row, const Toynet__V1__SocketRow *m)
{
	*row = (struct row){
	        .id = m->id,
	        .cookie = m->cookie,
	        .recv_q = m->recv_q,
	        .send_q = m->send_q,
	        .age_ms = m->age_ms,
	        .protocol = m->protocol,
	        .family = (uint32_t)m->family,
	        .state = m->state,
	        .uid = m->uid,
	        .creator_pid = m->creator_pid,
	        .owned = m->owned,
	        .holders = {.inode = m->inode},
	};
	copy_address(row->local_ip, &row->local_port, m->local, m->family);
	copy_address(row->peer_ip, &row->peer_port, m->peer, m->family);
}

#define NUMBER(name, member)                                                                                 \
	static struct value name(const void *item)                                                           \
	{                                                                                                    \
		return (struct value){.kind = VALUE_UNSIGNED, .number = ((const struct row *)item)->member}; \
	}
NUMBER(get_id, id)
NUMBER(get_cookie, cookie)
NUMBER(get_inode, holders.inode)
NUMBER(get_recv_q, recv_q)
NUMBER(get_send_q, send_q)
NUMBER(get_family, family)
NUMBER(get_uid, uid)
NUMBER(get_creator, creator_pid)
NUMBER(get_age, age_ms)

static struct value get_protocol(const void *item)
{
	static const char *const names[] = {"?", "tcp", "udp", "icmp", "raw"};
	unsigned p = (unsigned)((const struct row *)item)->protocol;

	return (struct value){.kind = VALUE_TEXT, .text = names[p < sizeof(names) / sizeof(names[0]) ? p : 0]};
}

static struct value get_ss_state(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = state_name(((const struct row *)item)->state)->ss};
}

static struct value get_rfc_state(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = state_name(((const struct row *)item)->state)->rfc};
}

static struct value get_local(const void *item)
{
	const struct row *r = item;

	return (struct value){.kind = VALUE_ADDRESS, .address = {r->local_ip, r->local_port}};
}

static struct value get_peer(const void *item)
{
	const struct row *r = item;

	return (struct value){.kind = VALUE_ADDRESS, .address = {r->peer_ip, r->peer_port}};
}

static struct value get_owned(const void *item)
{
	return (struct value){.kind = VALUE_BOOL, .yes = ((const struct row *)item)->owned};
}

static struct value get_holders(const void *item)
{
	const struct row *r = item;

	return (struct value){.kind = VALUE_HOLDERS, .holders = {r->holders.list, r->holders.count}};
}

const struct column row_columns[] = {
        {"protocol", "Netid", IN_BOTH, false, get_protocol},
        {"family", "Family", IN_JSON, true, get_family},
        {"state", "State", IN_JSON, false, get_rfc_state},
        {"ss_state", "State", IN_BOTH, false, get_ss_state},
        {"recv_q", "Recv-Q", IN_BOTH, true, get_recv_q},
        {"send_q", "Send-Q", IN_BOTH, true, get_send_q},
        {"local", "Local Address:Port", IN_BOTH, false, get_local},
        {"peer", "Peer Address:Port", IN_BOTH, false, get_peer},
        {"id", "Id", IN_BOTH, true, get_id},
        {"holders", "Process", IN_BOTH, false, get_holders},
        {"owned", "Owned", IN_JSON, false, get_owned},
        {"uid", "Uid", IN_JSON, true, get_uid},
        {"creator_pid", "Creator", IN_JSON, true, get_creator},
        {"cookie", "Cookie", IN_JSON, true, get_cookie},
        {"inode", "Inode", IN_JSON, true, get_inode},
        {"age_ms", "Age", IN_JSON, true, get_age},
};
const size_t row_column_count = sizeof(row_columns) / sizeof(row_columns[0]);
