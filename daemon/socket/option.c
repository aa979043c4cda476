/* Socket options, as a table: which protocol has them, what kind of value and in which range, how they are read and
 * set. An option that is not in the table is ENOPROTOOPT; none is swallowed.
 *
 * A getter returns the number of a value; one that is bytes writes them to v. */
#include "socket/option.h"

/* The numbers that Linux gives them, which is what an application reads. */
enum { LINUX_SOCK_STREAM = 1, LINUX_SOCK_DGRAM = 2, LINUX_SOCK_RAW = 3, LINUX_AF_INET = 2, LINUX_AF_INET6 = 10 };

#define LINGER_MAX_S     INT32_MAX
#define LINGER2_MAX_S    120
#define SYNCNT_MAX       127
#define WINDOW_CLAMP_MIN 1152u /* as Linux; a smaller one would choke the connection */

static struct pcb *pcb_of(struct socket *so)
{
	return so->protocol == SOCKET_TCP ? &so->tcp.pcb : &so->dgram.pcb;
}

static int set_reuseaddr(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	pcb_of(so)->reuse_addr = v->number != 0;
	return 0;
}
static int64_t get_reuseaddr(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return pcb_of(so)->reuse_addr;
}
static int set_reuseport(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	pcb_of(so)->reuse_port = v->number != 0;
	return 0;
}
static int64_t get_reuseport(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return pcb_of(so)->reuse_port;
}
static int64_t get_type(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	if (so->protocol == SOCKET_RAW)
		return LINUX_SOCK_RAW;
	return so->protocol == SOCKET_TCP ? LINUX_SOCK_STREAM : LINUX_SOCK_DGRAM;
}
static int64_t get_error(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	int e = socket_take_error(so);
	if (e || so->protocol != SOCKET_TCP)
		return e;
	/* RFC 9293 3.9.2.2, SHLD-25: an application that asks learns of soft errors. */
	e = so->tcp.soft_error;
	so->tcp.soft_error = 0;
	return e;
}

/* Like Linux: an extreme wish is granted as far as the bounds go, and reads back as what was granted. */
static uint32_t buffer_size(int64_t wish)
{
	return wish < TCP_BUF_MIN ? TCP_BUF_MIN : wish > TCP_BUF_MAX ? TCP_BUF_MAX : (uint32_t)wish;
}
static int set_sndbuf(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	if (so->protocol == SOCKET_TCP)
		tcp_set_sndbuf(&so->tcp, buffer_size(v->number));
	else
		so->dgram.sndbuf = buffer_size(v->number);
	return 0;
}
static int64_t get_sndbuf(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->protocol == SOCKET_TCP ? so->tcp.sndbuf : so->dgram.sndbuf;
}
static int set_rcvbuf(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	if (so->protocol == SOCKET_TCP)
		tcp_set_rcvbuf(&so->tcp, buffer_size(v->number));
	else
		so->dgram.rcvbuf = buffer_size(v->number);
	return 0;
}
static int64_t get_rcvbuf(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->protocol == SOCKET_TCP ? so->tcp.rcvbuf : so->dgram.rcvbuf;
}
static int set_linger(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->linger_on = v->linger_on;
	so->linger_s = (uint32_t)v->number;
	return 0;
}
static int64_t get_linger(struct socket *so, struct socket_option_value *v)
{
	v->linger_on = so->linger_on;
	return so->linger_s;
}
static int64_t get_acceptconn(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return socket_state(so) == TCP_LISTEN;
}
static int64_t get_domain(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->family == IP_V4 ? LINUX_AF_INET : LINUX_AF_INET6;
}
static int64_t get_protocol(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	switch (so->protocol) {
	case SOCKET_TCP:
		return IP_PROTO_TCP;
	case SOCKET_UDP:
		return IP_PROTO_UDP;
	case SOCKET_PING:
		return IP_PROTO_ICMP;
	case SOCKET_RAW:
		return dgram_protocol(&so->dgram);
	case SOCKET_PROTOCOLS:
		break;
	}
	return 0;
}
int option_set_tos(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	*(so->protocol == SOCKET_TCP ? &so->tcp.tos : &so->dgram.tos) = (uint8_t)v->number;
	return 0;
}
int64_t option_get_tos(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->protocol == SOCKET_TCP ? so->tcp.tos : so->dgram.tos;
}
int option_set_ttl(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	*(so->protocol == SOCKET_TCP ? &so->tcp.ttl : &so->dgram.ttl) = (uint8_t)v->number;
	return 0;
}
int64_t option_get_ttl(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->protocol == SOCKET_TCP ? so->tcp.ttl : so->dgram.ttl;
}
static int set_ip_options(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	if (so->protocol != SOCKET_TCP)
		return dgram_set_options(&s->dgram, &so->dgram, v->bytes, v->len);
	return tcp_set_ip_options(&s->tcp, &so->tcp, v->bytes, v->len);
}
static int64_t get_ip_options(struct socket *so, struct socket_option_value *v)
{
	if (so->protocol == SOCKET_TCP) {
		v->len = (uint8_t)ip_source_route_format(&so->tcp.route, v->bytes);
		return 0;
	}
	v->len = so->dgram.options_len;
	memcpy(v->bytes, so->dgram.options, v->len);
	return 0;
}
static int set_nodelay(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	tcp_set_nodelay(&s->tcp, &so->tcp, v->number != 0);
	return 0;
}
static int64_t get_nodelay(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.nodelay;
}
static int set_maxseg(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	return tcp_set_mss(&s->tcp, &so->tcp, (uint32_t)v->number);
}
static int64_t get_maxseg(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.user_mss && so->tcp.state == TCP_CLOSED ? so->tcp.user_mss : so->tcp.snd.mss;
}

static int set_keepalive(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	tcp_set_keepalive(&s->tcp, &so->tcp, v->number != 0);
	return 0;
}
static int64_t get_keepalive(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.keepalive;
}
static int set_keepidle(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	tcp_set_keep_idle(&s->tcp, &so->tcp, DURATION_S(v->number));
	return 0;
}
static int64_t get_keepidle(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.keep_idle.ns / NS_PER_S;
}
static int set_keepintvl(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->tcp.keep_interval = DURATION_S(v->number);
	return 0;
}
static int64_t get_keepintvl(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.keep_interval.ns / NS_PER_S;
}
static int set_keepcnt(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->tcp.keep_count = (uint8_t)v->number;
	return 0;
}
static int64_t get_keepcnt(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.keep_count;
}
static int set_user_timeout(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->tcp.user_timeout = DURATION_MS(v->number);
	return 0;
}
static int64_t get_user_timeout(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.user_timeout.ns / NS_PER_MS;
}

static int set_congestion(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	for (unsigned i = 0; i < TCP_CCS; i++)
		if (strlen(tcp_cc_names[i]) == v->len && memcmp(tcp_cc_names[i], v->bytes, v->len) == 0) {
			tcp_set_cc(&so->tcp, (enum tcp_cc)i);
			return 0;
		}
	return ENOENT;
}
static int64_t get_congestion(struct socket *so, struct socket_option_value *v)
{
	const char *name = tcp_cc_names[so->tcp.cc];

	v->len = (uint8_t)strlen(name);
	memcpy(v->bytes, name, v->len);
	return 0;
}

static int64_t get_info(struct socket *so, struct socket_option_value *v)
{
	(void)so;
	(void)v;
	return 0;
}
static int set_cork(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	tcp_set_cork(&s->tcp, &so->tcp, v->number != 0);
	return 0;
}
static int64_t get_cork(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.cork;
}
static int set_quickack(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	tcp_set_quickack(&s->tcp, &so->tcp, v->number != 0);
	return 0;
}
static int64_t get_quickack(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return tcp_quickack(&so->tcp);
}
static int set_syncnt(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->tcp.knob.syn_retries = (uint8_t)v->number;
	return 0;
}
static int64_t get_syncnt(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.knob.syn_retries;
}
/* As Linux: 0 is the configured time, and none is longer than LINGER2_MAX_S. */
static int set_linger2(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	so->tcp.knob.fin_wait_2 = v->number == 0 ? s->tcp.cfg.fin_wait_2
	                                         : duration_min(DURATION_S(v->number), DURATION_S(LINGER2_MAX_S));
	return 0;
}
static int64_t get_linger2(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.knob.fin_wait_2.ns / NS_PER_S;
}
static int set_window_clamp(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->tcp.knob.window_clamp = v->number ? u32_max((uint32_t)v->number, WINDOW_CLAMP_MIN) : 0;
	return 0;
}
static int64_t get_window_clamp(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.knob.window_clamp;
}

/* What both sides agree on when the connection is opened: too late afterwards. */
static int negotiated(struct socket *so, const struct socket_option_value *v, bool *knob)
{
	if (!tcp_unopened(&so->tcp))
		return EISCONN;
	*knob = v->number != 0;
	return 0;
}
static int set_timestamps(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	return negotiated(so, v, &so->tcp.knob.timestamps);
}
static int64_t get_timestamps(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return tcp_unopened(&so->tcp) ? so->tcp.knob.timestamps : so->tcp.ts_ok;
}
static int set_sack(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	return negotiated(so, v, &so->tcp.knob.sack);
}
static int64_t get_sack(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return tcp_unopened(&so->tcp) ? so->tcp.knob.sack : so->tcp.sack_ok;
}
static int set_window_scaling(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	return negotiated(so, v, &so->tcp.knob.window_scaling);
}
static int64_t get_window_scaling(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return tcp_unopened(&so->tcp) ? so->tcp.knob.window_scaling : so->tcp.ws_ok;
}
static int set_ecn(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	if (!tcp_unopened(&so->tcp))
		return EISCONN;
	so->tcp.knob.ecn = (enum tcp_ecn)v->number;
	return 0;
}
/* Once opened: on or off. */
static int64_t get_ecn(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	if (tcp_unopened(&so->tcp))
		return so->tcp.knob.ecn;
	return so->tcp.ecn_ok ? TCP_ECN_ON : TCP_ECN_OFF;
}
static int set_initial_window(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	if (!tcp_unopened(&so->tcp))
		return EISCONN;
	so->tcp.knob.initial_window = (uint8_t)v->number;
	return 0;
}
static int64_t get_initial_window(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.knob.initial_window;
}
static int set_delack(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->tcp.knob.delack = DURATION_MS(v->number);
	return 0;
}
static int64_t get_delack(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.knob.delack.ns / NS_PER_MS;
}
static int set_time_wait(struct stack *s, struct socket *so, const struct socket_option_value *v)
{
	(void)s;
	so->tcp.knob.time_wait = DURATION_MS(v->number);
	return 0;
}
static int64_t get_time_wait(struct socket *so, struct socket_option_value *v)
{
	(void)v;
	return so->tcp.knob.time_wait.ns / NS_PER_MS;
}

#define KEEPALIVE_MAX_S 32767 /* as Linux bounds them */
#define KEEPALIVE_MAX_N 127

static const struct option_row table[] = {
        {OPT_SO_REUSEADDR, FOR_ALL, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_reuseaddr, get_reuseaddr},
        {OPT_SO_REUSEPORT, FOR_ALL, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_reuseport, get_reuseport},
        {OPT_SO_TYPE, FOR_ALL, OPTION_NUMBER, 0, 0, NULL, get_type},
        {OPT_SO_ERROR, FOR_ALL, OPTION_NUMBER, 0, 0, NULL, get_error},
        {OPT_SO_SNDBUF, FOR_ALL, OPTION_NUMBER, 0, INT32_MAX, set_sndbuf, get_sndbuf},
        {OPT_SO_RCVBUF, FOR_ALL, OPTION_NUMBER, 0, INT32_MAX, set_rcvbuf, get_rcvbuf},
        {OPT_SO_LINGER, FOR_ALL, OPTION_LINGER, 0, LINGER_MAX_S, set_linger, get_linger},
        {OPT_SO_ACCEPTCONN, FOR_ALL, OPTION_NUMBER, 0, 0, NULL, get_acceptconn},
        {OPT_SO_DOMAIN, FOR_ALL, OPTION_NUMBER, 0, 0, NULL, get_domain},
        {OPT_SO_PROTOCOL, FOR_ALL, OPTION_NUMBER, 0, 0, NULL, get_protocol},
        {OPT_IP_TOS, FOR_ALL, OPTION_NUMBER, 0, UINT8_MAX, option_set_tos, option_get_tos},
        {OPT_IP_TTL, FOR_ALL, OPTION_NUMBER, 1, UINT8_MAX, option_set_ttl, option_get_ttl},
        {OPT_IP_OPTIONS, FOR_ALL, OPTION_RAW, 0, IP_OPTIONS_MAX, set_ip_options, get_ip_options},
        {OPT_TCP_NODELAY, FOR_TCP, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_nodelay, get_nodelay},
        {OPT_TCP_MAXSEG, FOR_TCP, OPTION_NUMBER, 0, UINT16_MAX, set_maxseg, get_maxseg},
        {OPT_SO_KEEPALIVE, FOR_TCP, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_keepalive, get_keepalive},
        {OPT_TCP_KEEPIDLE, FOR_TCP, OPTION_NUMBER, 1, KEEPALIVE_MAX_S, set_keepidle, get_keepidle},
        {OPT_TCP_KEEPINTVL, FOR_TCP, OPTION_NUMBER, 1, KEEPALIVE_MAX_S, set_keepintvl, get_keepintvl},
        {OPT_TCP_KEEPCNT, FOR_TCP, OPTION_NUMBER, 1, KEEPALIVE_MAX_N, set_keepcnt, get_keepcnt},
        {OPT_TCP_USER_TIMEOUT, FOR_TCP, OPTION_NUMBER, 0, INT32_MAX, set_user_timeout, get_user_timeout},
        {OPT_TCP_CONGESTION, FOR_TCP, OPTION_TEXT, 1, SOCKET_OPTION_TEXT_MAX - 1, set_congestion, get_congestion},
        {OPT_TCP_INFO, FOR_TCP, OPTION_INFO, 0, 0, NULL, get_info},
        {OPT_TCP_CORK, FOR_TCP, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_cork, get_cork},
        {OPT_TCP_QUICKACK, FOR_TCP, OPTION_NUMBER, INT32_MIN, INT32_MAX, set_quickack, get_quickack},
        {OPT_TCP_SYNCNT, FOR_TCP, OPTION_NUMBER, 1, SYNCNT_MAX, set_syncnt, get_syncnt},
        {OPT_TCP_LINGER2, FOR_TCP, OPTION_NUMBER, 0, INT32_MAX, set_linger2, get_linger2},
        {OPT_TCP_WINDOW_CLAMP, FOR_TCP, OPTION_NUMBER, 0, INT32_MAX, set_window_clamp, get_window_clamp},
        {OPT_TOYNET_TCP_TIMESTAMPS, FOR_TCP, OPTION_NUMBER, 0, 1, set_timestamps, get_timestamps},
        {OPT_TOYNET_TCP_SACK, FOR_TCP, OPTION_NUMBER, 0, 1, set_sack, get_sack},
        {OPT_TOYNET_TCP_WINDOW_SCALING, FOR_TCP, OPTION_NUMBER, 0, 1, set_window_scaling, get_window_scaling},
        {OPT_TOYNET_TCP_ECN, FOR_TCP, OPTION_NUMBER, TCP_ECN_OFF, TCP_ECN_ON, set_ecn, get_ecn},
        {OPT_TOYNET_TCP_INITIAL_WINDOW, FOR_TCP, OPTION_NUMBER, 1, TCP_INITIAL_WINDOW_MAX, set_initial_window,
         get_initial_window},
        {OPT_TOYNET_TCP_DELACK, FOR_TCP, OPTION_NUMBER, 0, TCP_DELACK_MAX_MS, set_delack, get_delack},
        {OPT_TOYNET_TCP_TIME_WAIT, FOR_TCP, OPTION_NUMBER, 0, TCP_TIME_WAIT_MAX_MS, set_time_wait, get_time_wait},
};
_Static_assert(ARRAY_LEN(table) + DATAGRAM_OPTIONS + IPV6_OPTIONS == SOCKET_OPTION_COUNT, "a row for each option");

static const struct option_row *find(const struct socket *so, int option)
{
	const struct option_row *row = NULL;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if ((int)table[i].option == option)
			row = &table[i];
	for (size_t i = 0; i < DATAGRAM_OPTIONS; i++)
		if ((int)datagram_options[i].option == option)
			row = &datagram_options[i];
	for (size_t i = 0; i < IPV6_OPTIONS; i++)
		if ((int)ipv6_options[i].option == option)
			row = &ipv6_options[i];
	if (!row || !(row->protocols & (1u << so->protocol)) || (row->protocols & FOR_IPV6 && so->family != IP_V6))
		return NULL;
	return row;
}

int socket_set_option(struct stack *s, struct socket *so, int option, struct socket_option_value v)
{
	const struct option_row *row = find(so, option);

	if (!row || !row->set)
		return ENOPROTOOPT;
	if (v.kind != row->kind)
		return EINVAL;
	bool bytes = v.kind == OPTION_TEXT || v.kind == OPTION_RAW;
	int64_t size = bytes ? v.len : v.number;
	if (size < row->min || size > row->max)
		return EINVAL;
	return row->set(s, so, &v);
}

int socket_get_option(struct stack *s, struct socket *so, int option, struct socket_option_value *v)
{
	const struct option_row *row = find(so, option);
	uint16_t mtu;

	if (!row || !row->get)
		return ENOPROTOOPT;
	*v = (struct socket_option_value){.kind = row->kind};
	if (option == OPT_IP_MTU || option == OPT_IPV6_MTU) {
		int error = socket_mtu(s, so, &mtu);
		if (!error)
			v->number = mtu;
		return error;
	}
	v->number = row->get(so, v);
	return 0;
}

void socket_tcp_info(struct stack *s, const struct socket *so, struct tcp_info *info)
{
	assert(so->protocol == SOCKET_TCP);
	tcp_info_read(&s->tcp, &so->tcp, info);
}
