/* toynetctl socket ID: the whole control block of one socket.
 *
 * Theory of operation. The answer is shown in sections: the row, the socket's buffers and times, the variables of the
 * protocol's control block by their names in the RFCs, and the running timers. Each is a constant table of columns over
 * the message. */
#include "cli.h"
#include "row.h"
#include "socket_info.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define U(name, type, member)                                                                          \
	static struct value name(const void *item)                                                     \
	{                                                                                              \
		return (struct value){.kind = VALUE_UNSIGNED, .number = ((const type *)item)->member}; \
	}
#define US(name, type, member)                                                                                    \
	static struct value name(const void *item)                                                                \
	{                                                                                                         \
		return (struct value){.kind = VALUE_MICROSECONDS, .signed_number = ((const type *)item)->member}; \
	}
#define YES(name, type, member)                                                                      \
	static struct value name(const void *item)                                                   \
	{                                                                                            \
		return (struct value){.kind = VALUE_BOOL, .yes = ((const type *)item)->member != 0}; \
	}
#define TEXT(name, type, member)                                                     \
	static struct value name(const void *item)                                   \
	{                                                                            \
		const char *text = ((const type *)item)->member;                     \
		return (struct value){.kind = VALUE_TEXT, .text = text ? text : ""}; \
	}

typedef Toynet__V1__Socket Sock;
typedef Toynet__V1__TcpControlBlock Tcb;
typedef Toynet__V1__UdpControlBlock Ucb;
typedef Toynet__V1__Timer Timer;

/* A time that is negative as long as nothing has happened. */
static struct value since(int64_t us)
{
	if (us < 0)
		return (struct value){.kind = VALUE_NONE};
	return (struct value){.kind = VALUE_MICROSECONDS, .signed_number = us};
}

static struct value since_send(const void *item)
{
	return since(((const Sock *)item)->since_send_us);
}

static struct value since_receive(const void *item)
{
	return since(((const Sock *)item)->since_receive_us);
}

U(sndbuf, Sock, sndbuf)
U(rcvbuf, Sock, rcvbuf)
U(send_buffered, Sock, send_buffered)
U(receive_buffered, Sock, receive_buffered)

static const struct column socket_columns[] = {
        {"sndbuf", "SO_SNDBUF", IN_BOTH, true, sndbuf},
        {"rcvbuf", "SO_RCVBUF", IN_BOTH, true, rcvbuf},
        {"send_buffered", "send buffered", IN_BOTH, true, send_buffered},
        {"receive_buffered", "receive buffered", IN_BOTH, true, receive_buffered},
        {"since_send_us", "since last send", IN_BOTH, true, since_send},
        {"since_receive_us", "since last receive", IN_BOTH, true, since_receive},
};

U(snd_una, Tcb, snd_una)
U(snd_nxt, Tcb, snd_nxt)
U(snd_wnd, Tcb, snd_wnd)
U(snd_up, Tcb, snd_up)
U(snd_wl1, Tcb, snd_wl1)
U(snd_wl2, Tcb, snd_wl2)
U(iss, Tcb, iss)
U(rcv_nxt, Tcb, rcv_nxt)
U(rcv_wnd, Tcb, rcv_wnd)
U(rcv_up, Tcb, rcv_up)
U(irs, Tcb, irs)
U(snd_wind_shift, Tcb, snd_wind_shift)
U(rcv_wind_shift, Tcb, rcv_wind_shift)
U(snd_mss, Tcb, snd_mss)
U(rcv_mss, Tcb, rcv_mss)
U(cwnd, Tcb, cwnd)
U(ssthresh, Tcb, ssthresh)
U(flight_size, Tcb, flight_size)
US(srtt, Tcb, srtt_us)
US(rttvar, Tcb, rttvar_us)
US(rto, Tcb, rto_us)
U(backoff, Tcb, backoff)
YES(timestamps, Tcb, timestamps)
YES(keepalive, Tcb, keepalive)
YES(sack, Tcb, sack)
U(ts_recent, Tcb, ts_recent)
U(last_ack_sent, Tcb, last_ack_sent)
U(bytes_acked, Tcb, bytes_acked)
U(bytes_received, Tcb, bytes_received)
U(segments_out, Tcb, segments_out)
U(segments_in, Tcb, segments_in)
U(retransmitted, Tcb, segments_retransmitted)
U(out_of_order, Tcb, bytes_out_of_order)
TEXT(recovery, Tcb, recovery)
TEXT(congestion, Tcb, congestion_control)
US(rtt_min, Tcb, rtt_min_us)
US(user_timeout, Tcb, user_timeout_us)

static const struct column tcp_columns[] = {
        {"snd_una", "SND.UNA", IN_BOTH, true, snd_una},
        {"snd_nxt", "SND.NXT", IN_BOTH, true, snd_nxt},
        {"snd_wnd", "SND.WND", IN_BOTH, true, snd_wnd},
        {"snd_up", "SND.UP", IN_BOTH, true, snd_up},
        {"snd_wl1", "SND.WL1", IN_BOTH, true, snd_wl1},
        {"snd_wl2", "SND.WL2", IN_BOTH, true, snd_wl2},
        {"iss", "ISS", IN_BOTH, true, iss},
        {"rcv_nxt", "RCV.NXT", IN_BOTH, true, rcv_nxt},
        {"rcv_wnd", "RCV.WND", IN_BOTH, true, rcv_wnd},
        {"rcv_up", "RCV.UP", IN_BOTH, true, rcv_up},
        {"irs", "IRS", IN_BOTH, true, irs},
        {"snd_wind_shift", "Snd.Wind.Shift", IN_BOTH, true, snd_wind_shift},
        {"rcv_wind_shift", "Rcv.Wind.Shift", IN_BOTH, true, rcv_wind_shift},
        {"snd_mss", "Eff.snd.MSS", IN_BOTH, true, snd_mss},
        {"rcv_mss", "advertised MSS", IN_BOTH, true, rcv_mss},
        {"congestion_control", "congestion control", IN_BOTH, true, congestion},
        {"cwnd", "cwnd", IN_BOTH, true, cwnd},
        {"ssthresh", "ssthresh", IN_BOTH, true, ssthresh},
        {"flight_size", "FlightSize", IN_BOTH, true, flight_size},
        {"srtt_us", "SRTT", IN_BOTH, true, srtt},
        {"rttvar_us", "RTTVAR", IN_BOTH, true, rttvar},
        {"rtt_min_us", "smallest RTT", IN_BOTH, true, rtt_min},
        {"rto_us", "RTO", IN_BOTH, true, rto},
        {"backoff", "RTO backoff", IN_BOTH, true, backoff},
        {"user_timeout_us", "user timeout", IN_BOTH, true, user_timeout},
        {"keepalive", "SO_KEEPALIVE", IN_BOTH, true, keepalive},
        {"timestamps", "Snd.TS.OK", IN_BOTH, true, timestamps},
        {"ts_recent", "TS.Recent", IN_BOTH, true, ts_recent},
        {"last_ack_sent", "Last.ACK.sent", IN_BOTH, true, last_ack_sent},
        {"sack", "SACK permitted", IN_BOTH, true, sack},
        {"recovery", "recovery", IN_BOTH, true, recovery},
        {"bytes_acked", "bytes acked", IN_BOTH, true, bytes_acked},
        {"bytes_received", "bytes received", IN_BOTH, true, bytes_received},
        {"bytes_out_of_order", "bytes out of order", IN_BOTH, true, out_of_order},
        {"segments_out", "segments out", IN_BOTH, true, segments_out},
        {"segments_in", "segments in", IN_BOTH, true, segments_in},
        {"segments_retransmitted", "segments retransmitted", IN_BOTH, true, retransmitted},
};

YES(ask_timestamps, Tcb, ask_timestamps)
YES(ask_sack, Tcb, ask_sack)
YES(ask_window_scaling, Tcb, ask_window_scaling)
TEXT(ask_ecn, Tcb, ask_ecn)
U(initial_window, Tcb, initial_window)
US(delack, Tcb, delack_us)
US(time_wait, Tcb, time_wait_us)
US(fin_wait_2, Tcb, fin_wait_2_us)
U(syn_retries, Tcb, syn_retries)
U(max_segment, Tcb, max_segment)
U(window_clamp, Tcb, window_clamp)
YES(nodelay, Tcb, nodelay)
YES(cork, Tcb, cork)
US(keepalive_idle, Tcb, keepalive_idle_us)
US(keepalive_interval, Tcb, keepalive_interval_us)
U(keepalive_probes, Tcb, keepalive_probes)

/* What the socket asks for: its options. */
static const struct column option_columns[] = {
        {"congestion_control", "TCP_CONGESTION", IN_BOTH, true, congestion},
        {"nodelay", "TCP_NODELAY", IN_BOTH, true, nodelay},
        {"cork", "TCP_CORK", IN_BOTH, true, cork},
        {"max_segment", "TCP_MAXSEG", IN_BOTH, true, max_segment},
        {"window_clamp", "TCP_WINDOW_CLAMP", IN_BOTH, true, window_clamp},
        {"syn_retries", "TCP_SYNCNT", IN_BOTH, true, syn_retries},
        {"fin_wait_2_us", "TCP_LINGER2", IN_BOTH, true, fin_wait_2},
        {"user_timeout_us", "TCP_USER_TIMEOUT", IN_BOTH, true, user_timeout},
        {"keepalive", "SO_KEEPALIVE", IN_BOTH, true, keepalive},
        {"keepalive_idle_us", "TCP_KEEPIDLE", IN_BOTH, true, keepalive_idle},
        {"keepalive_interval_us", "TCP_KEEPINTVL", IN_BOTH, true, keepalive_interval},
        {"keepalive_probes", "TCP_KEEPCNT", IN_BOTH, true, keepalive_probes},
        {"timestamps", "timestamps", IN_BOTH, true, ask_timestamps},
        {"sack", "SACK", IN_BOTH, true, ask_sack},
        {"window_scaling", "window scale", IN_BOTH, true, ask_window_scaling},
        {"ecn", "ECN", IN_BOTH, true, ask_ecn},
        {"initial_window", "initial window", IN_BOTH, true, initial_window},
        {"delack_us", "delayed ACK", IN_BOTH, true, delack},
        {"time_wait_us", "TIME-WAIT", IN_BOTH, true, time_wait},
};

U(datagrams_in, Ucb, datagrams_in)
U(datagrams_out, Ucb, datagrams_out)
U(receive_drops, Ucb, receive_drops)

/* Separated by blanks; the text is valid until the next call. */
static struct value groups(const void *item)
{
	static char text[20 * 16 + 1]; /* as many as a socket may join */
	const Ucb *u = item;

	text[0] = 0;
	for (size_t i = 0; i < u->n_groups && strlen(text) + strlen(u->groups[i]) + 2 < sizeof(text); i++) {
		strcat(text, i ? " " : "");
		strcat(text, u->groups[i]);
	}
	return (struct value){.kind = VALUE_TEXT, .text = text};
}

static const struct column udp_columns[] = {
        {"datagrams_in", "datagrams in", IN_BOTH, true, datagrams_in},
        {"datagrams_out", "datagrams out", IN_BOTH, true, datagrams_out},
        {"receive_drops", "receive drops", IN_BOTH, true, receive_drops},
        {"groups", "groups joined", IN_BOTH, false, groups},
};

TEXT(timer_name, Timer, name)
US(timer_expires, Timer, expires_us)

static const struct column timer_columns[] = {
        {"name", "Timer", IN_BOTH, false, timer_name},
        {"expires_us", "Expires in", IN_BOTH, true, timer_expires},
};

static void show_tcp(struct renderer *r, const Tcb *t)
{
	render_record(r, "tcp", "tcp", COLUMNS(tcp_columns), t);
	render_record(r, "options", "options", COLUMNS(option_columns), t);
	if (t->info)
		render_record(r, "tcp_info", "tcp_info", socket_info_columns, socket_info_column_count, t->info);
}

static void show(struct cli *c, const Sock *s)
{
	struct renderer *r = render_new(c->json, stdout);
	struct row row;

	if (s->row) {
		row_init(&row, s->row);
		holders_find(&row.holders, 1);
		render_table_begin(r, "rows", true, row_columns, row_column_count);
		render_row(r, &row);
		render_table_end(r);
		holders_free(&row.holders, 1);
	}
	render_record(r, "socket", "socket", COLUMNS(socket_columns), s);
	if (s->control_block_case == TOYNET__V1__SOCKET__CONTROL_BLOCK_TCP)
		show_tcp(r, s->tcp);
	if (s->control_block_case == TOYNET__V1__SOCKET__CONTROL_BLOCK_UDP)
		render_record(r, "udp", "udp", COLUMNS(udp_columns), s->udp);
	if (s->n_timers || c->json) {
		render_table_begin(r, "timers", true, COLUMNS(timer_columns));
		for (size_t i = 0; i < s->n_timers; i++)
			render_row(r, s->timers[i]);
		render_table_end(r);
	}
	render_end(r);
}

static enum exit_status run(struct cli *c, int argc, char **argv)
{
	Toynet__V1__SocketRef request = TOYNET__V1__SOCKET_REF__INIT;
	ProtobufCMessage *answer = NULL;
	enum exit_status status;
	char *end;

	if (argc != 2)
		return cli_usage(argv[0], "which socket? Give its Id, from toynetctl sockets");
	errno = 0;
	request.id = strtoull(argv[1], &end, 10);
	if (errno || *end || end == argv[1] || *argv[1] == '-' || request.id == 0)
		return cli_usage(argv[0], "'%s' is not an Id: give the number that toynetctl sockets shows", argv[1]);
	status = cli_call(c, "/toynet.v1.Sockets/Get", &request.base, &toynet__v1__socket__descriptor, &answer);
	if (status != EXIT_OK)
		return status;
	show(c, (const Sock *)answer);
	protobuf_c_message_free_unpacked(answer, NULL);
	return EXIT_OK;
}

const struct verb verb_socket = {
        .name = "socket",
        .summary = "the whole control block of one socket",
        .help = "Usage: toynetctl socket ID [--json]\n"
                "ID is the number in the column Id of toynetctl sockets.\n"
                "Shows the row, the buffers, every variable of the control block by its name in RFC 9293, 5681, 6298 "
                "and\n"
                "7323 (sequence numbers are absolute), the socket's options, the figures of TCP_INFO (names and units "
                "of\n"
                "Linux' struct tcp_info), the running timers with what is left, and the time since the last send.\n",
        .run = run,
};
