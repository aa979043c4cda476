/* What a connection tells of itself: the figures of TCP_INFO, in the units of the kernel's struct tcp_info but by names
 * and with types of our own, so that nothing here depends on its layout. The client library fills that one. */
#ifndef TOYNET_TRANSPORT_TCP_INFO_H
#define TOYNET_TRANSPORT_TCP_INFO_H

#include "transport/tcp.h"

enum tcp_ca_state { TCP_CA_OPEN, TCP_CA_DISORDER, TCP_CA_CWR, TCP_CA_RECOVERY, TCP_CA_LOSS, TCP_CA_STATES };

/* X(type, name). Segments count at the present MSS: a super-frame is as many as it becomes on the wire. */
#define TCP_INFO_FIELDS(X)                                                                                   \
	X(uint32_t, retransmits) /* expiries of the retransmission timer since the last progress */          \
	X(uint32_t, probes)      /* unanswered window probes or keep-alives */                               \
	X(uint32_t, backoff)     /* doublings of the RTO */                                                  \
	X(uint32_t, snd_wscale)                                                                              \
	X(uint32_t, rcv_wscale)                                                                              \
	X(uint32_t, rto)            /* us, backed off */                                                     \
	X(uint32_t, ato)            /* us: delayed-ACK time */                                               \
	X(uint32_t, snd_mss)        /* bytes of text in a full segment */                                    \
	X(uint32_t, rcv_mss)        /* the largest text of a segment that came; TCP_MSS_DEFAULT before */    \
	X(uint32_t, unacked)        /* segments; a listener: connections that wait for accept */             \
	X(uint32_t, sacked)         /* segments; a listener: its backlog */                                  \
	X(uint32_t, lost)           /* segments */                                                           \
	X(uint32_t, retrans)        /* segments sent again that are in the network */                        \
	X(uint32_t, last_data_sent) /* ms ago; since ESTABLISHED when there was none, as all of these */     \
	X(uint32_t, last_data_recv)                                                                          \
	X(uint32_t, last_ack_recv)                                                                           \
	X(uint32_t, pmtu)          /* bytes */                                                               \
	X(uint32_t, rcv_ssthresh)  /* bytes: the receive buffer, which bounds the window */                  \
	X(uint32_t, rtt)           /* us: SRTT; 0 before the first measurement */                            \
	X(uint32_t, rttvar)        /* us */                                                                  \
	X(uint32_t, snd_ssthresh)  /* segments; TCP_INFO_NO_SSTHRESH: none yet */                            \
	X(uint32_t, snd_cwnd)      /* segments */                                                            \
	X(uint32_t, advmss)        /* bytes, as in our SYN */                                                \
	X(uint32_t, reordering)    /* duplicate ACKs that mean a loss */                                     \
	X(uint32_t, rcv_rtt)       /* us, as the receiver sees it; 0 unknown */                              \
	X(uint32_t, rcv_space)     /* most bytes that the application has read in a round trip */            \
	X(uint32_t, total_retrans) /* segments */                                                            \
	X(uint64_t, pacing_rate)   /* bytes per second: unlimited, since nothing is paced */                 \
	X(uint64_t, max_pacing_rate)                                                                         \
	X(uint64_t, bytes_acked)                                                                             \
	X(uint64_t, bytes_received)                                                                          \
	X(uint32_t, segs_out)                                                                                \
	X(uint32_t, segs_in)                                                                                 \
	X(uint32_t, notsent_bytes)                                                                           \
	X(uint32_t, min_rtt) /* us; 0 before the first measurement */                                        \
	X(uint32_t, data_segs_in)                                                                            \
	X(uint32_t, data_segs_out)                                                                           \
	X(uint64_t, delivery_rate)  /* bytes per second; 0 before the first measurement */                   \
	X(uint64_t, busy_time)      /* us in which text was outstanding */                                   \
	X(uint64_t, rwnd_limited)   /* us of it in which the peer's window held text back */                 \
	X(uint64_t, sndbuf_limited) /* us of it in which the application waited for room and all was sent */ \
	X(uint32_t, delivered)      /* segments known to have arrived */                                     \
	X(uint32_t, delivered_ce)   /* of them, by ACKs with ECE */                                          \
	X(uint64_t, bytes_sent)     /* text, with what was sent again */                                     \
	X(uint64_t, bytes_retrans)                                                                           \
	X(uint32_t, dsack_dups)  /* duplicates that the peer reported */                                     \
	X(uint32_t, reord_seen)  /* segments delivered after later ones */                                   \
	X(uint32_t, rcv_ooopack) /* segments that came out of order */                                       \
	X(uint32_t, snd_wnd)     /* bytes */

#define TCP_INFO_NO_SSTHRESH INT32_MAX

struct tcp_info {
	enum tcp_state state;
	enum tcp_ca_state ca_state;
	bool timestamps, sack, window_scale, ecn; /* in force */
	bool ecn_seen;                            /* the peer has sent ECT or CE */
	bool app_limited; /* delivery_rate was measured while the application had no more to send */
#define TCP_INFO_MEMBER(type, name) type name;
	TCP_INFO_FIELDS(TCP_INFO_MEMBER)
#undef TCP_INFO_MEMBER
};

void tcp_info_read(const struct tcp_layer *l, const struct tcp *t, struct tcp_info *info);

#endif
