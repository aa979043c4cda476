/* The figures of TCP_INFO as columns, for toynetctl socket: names and units are those of the kernel's struct tcp_info,
 * and so what ss -i prints. */
#include "socket_info.h"
#include <toynet/v1/toynet.pb-c.h>

typedef Toynet__V1__TcpInfo Info;

#define FLAGS(X) X(timestamps) X(sack) X(window_scale) X(ecn) X(ecn_seen) X(delivery_rate_app_limited)
/* clang-format off */
#define NUMBERS(X) \
	X(retransmits) X(probes) X(backoff) X(snd_wscale) X(rcv_wscale) X(rto) X(ato) X(snd_mss) X(rcv_mss) \
	X(unacked) X(sacked) X(lost) X(retrans) X(last_data_sent) X(last_data_recv) X(last_ack_recv) X(pmtu) \
	X(rcv_ssthresh) X(rtt) X(rttvar) X(snd_ssthresh) X(snd_cwnd) X(advmss) X(reordering) X(rcv_rtt) \
	X(rcv_space) X(total_retrans) X(pacing_rate) X(max_pacing_rate) X(bytes_acked) X(bytes_received) \
	X(segs_out) X(segs_in) X(notsent_bytes) X(min_rtt) X(data_segs_in) X(data_segs_out) X(delivery_rate) \
	X(busy_time) X(rwnd_limited) X(sndbuf_limited) X(delivered) X(delivered_ce) X(bytes_sent) \
	X(bytes_retrans) X(dsack_dups) X(reord_seen) X(rcv_ooopack) X(snd_wnd)
/* clang-format on */

#define GET_FLAG(name)                                                                        \
	static struct value get_##name(const void *item)                                      \
	{                                                                                     \
		return (struct value){.kind = VALUE_BOOL, .yes = ((const Info *)item)->name}; \
	}
FLAGS(GET_FLAG)

#define GET_NUMBER(name)                                                                             \
	static struct value get_##name(const void *item)                                             \
	{                                                                                            \
		return (struct value){.kind = VALUE_UNSIGNED, .number = ((const Info *)item)->name}; \
	}
NUMBERS(GET_NUMBER)

static struct value get_ca_state(const void *item)
{
	static const char *const names[] = {"open", "disorder", "cwr", "recovery", "loss"};
	unsigned state = (unsigned)((const Info *)item)->ca_state;

	return (struct value){.kind = VALUE_TEXT,
	                      .text = state < sizeof(names) / sizeof(names[0]) ? names[state] : "?"};
}

#define COLUMN(name) {#name, #name, IN_BOTH, true, get_##name},
const struct column socket_info_columns[] = {COLUMN(ca_state) FLAGS(COLUMN) NUMBERS(COLUMN)};
const size_t socket_info_column_count = sizeof(socket_info_columns) / sizeof(socket_info_columns[0]);
