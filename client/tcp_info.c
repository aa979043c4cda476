/* TCP_INFO: the daemon's figures in the layout of the kernel's struct tcp_info.
 *
 * In a file of its own, since <linux/tcp.h>, which has the whole struct, and <netinet/tcp.h>, which has the options,
 * exclude each other. */
#include "client.h"

#include <linux/tcp.h>
#include <string.h>

/* enum tcp_ca_state and the states of <netinet/tcp.h>, as the kernel numbers them. */
static const uint8_t states[] = {
        [toynet_v1_State_STATE_ESTABLISHED] = 1,  [toynet_v1_State_STATE_SYN_SENT] = 2,
        [toynet_v1_State_STATE_SYN_RECEIVED] = 3, [toynet_v1_State_STATE_FIN_WAIT_1] = 4,
        [toynet_v1_State_STATE_FIN_WAIT_2] = 5,   [toynet_v1_State_STATE_TIME_WAIT] = 6,
        [toynet_v1_State_STATE_CLOSED] = 7,       [toynet_v1_State_STATE_CLOSE_WAIT] = 8,
        [toynet_v1_State_STATE_LAST_ACK] = 9,     [toynet_v1_State_STATE_LISTEN] = 10,
        [toynet_v1_State_STATE_CLOSING] = 11,
};

static uint8_t small(uint32_t v)
{
	return v > UINT8_MAX ? UINT8_MAX : (uint8_t)v;
}

static void fill_head(struct tcp_info *i, const toynet_v1_TcpInfo *m)
{
	if (m->state < sizeof(states))
		i->tcpi_state = states[m->state];
	i->tcpi_ca_state = (uint8_t)m->ca_state;
	i->tcpi_retransmits = small(m->retransmits);
	i->tcpi_probes = small(m->probes);
	i->tcpi_backoff = small(m->backoff);
	i->tcpi_options = (uint8_t)((m->timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (m->sack ? TCPI_OPT_SACK : 0) |
	                            (m->window_scale ? TCPI_OPT_WSCALE : 0) | (m->ecn ? TCPI_OPT_ECN : 0) |
	                            (m->ecn_seen ? TCPI_OPT_ECN_SEEN : 0));
	i->tcpi_snd_wscale = m->snd_wscale & 0xf;
	i->tcpi_rcv_wscale = m->rcv_wscale & 0xf;
	i->tcpi_delivery_rate_app_limited = m->delivery_rate_app_limited;
}

/* clang-format off */
#define FIELDS(X) \
	X(rto) X(ato) X(snd_mss) X(rcv_mss) X(unacked) X(sacked) X(lost) X(retrans) X(last_data_sent) \
	X(last_data_recv) X(last_ack_recv) X(pmtu) X(rcv_ssthresh) X(rtt) X(rttvar) X(snd_ssthresh) \
	X(snd_cwnd) X(advmss) X(reordering) X(rcv_rtt) X(rcv_space) X(total_retrans) X(pacing_rate) \
	X(max_pacing_rate) X(bytes_acked) X(bytes_received) X(segs_out) X(segs_in) X(notsent_bytes) \
	X(min_rtt) X(data_segs_in) X(data_segs_out) X(delivery_rate) X(busy_time) X(rwnd_limited) \
	X(sndbuf_limited) X(delivered) X(delivered_ce) X(bytes_sent) X(bytes_retrans) X(dsack_dups) \
	X(reord_seen) X(rcv_ooopack) X(snd_wnd)
/* clang-format on */

socklen_t client_tcp_info(const toynet_v1_TcpInfo *m, void *value, socklen_t room)
{
	struct tcp_info i = {0};
	socklen_t len = room < sizeof(i) ? room : (socklen_t)sizeof(i);

	fill_head(&i, m);
#define FILL(name) i.tcpi_##name = m->name;
	FIELDS(FILL)
#undef FILL
	memcpy(value, &i, len);
	return len;
}
