/* Shared by the tcp_*.c files only. */
#ifndef TOYNET_TRANSPORT_TCP_INTERNAL_H
#define TOYNET_TRANSPORT_TCP_INTERNAL_H

#include "base/bytes.h"
#include "base/error.h"
#include "transport/tcp.h"

#define TCP_HDR_MIN 20
#define TCP_HDR_MAX 60

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u
#define TCP_URG 0x20u
#define TCP_ECE 0x40u
#define TCP_CWR 0x80u

#define TCP_MSS_DEFAULT      536 /* RFC 9293 3.7.1 MUST-15 */
#define TCP_MSS_MIN          88  /* of TCP_MAXSEG */
#define TCP_MSS_FLOOR        64  /* against hostile MSS options: 40 bytes of options still leave payload */
#define TCP_DUPTHRESH        3
#define TCP_QUICK_ACKS       16   /* segments that are acknowledged at once, at the start and after a loss */
#define TCP_GAPS_MAX         512  /* intervals kept out of order, per connection */
#define TCP_TXREC_MAX        8192 /* records per connection; new data wait when all are in use */
#define TCP_SACK_RECORDS_MIN 256  /* and two for each segment in flight: beyond it SACK blocks cut no more records */
#define TCP_WIND_SHIFT_MAX   14   /* RFC 7323 2.3 */
#define TCP_SYN_QUEUE_MIN    128
#define TCP_SYN_TEXT_MAX     32    /* children of a listener in SYN-RECEIVED that may hold text */
#define TCP_REOPEN_STEP      65537 /* from the last number of an incarnation to the first of the next: a window */
#define TCP_R1               3     /* retransmissions (RFC 9293 3.8.3, SHLD-10) */
#define TCP_CHALLENGES_PER_S 10
#define TCP_PAWS_IDLE        DURATION_S(24 * 24 * 3600) /* RFC 7323 5.5: 24 days */

struct tcp_options {
	bool has_mss, has_ws, sack_permitted, has_ts, malformed;
	uint16_t mss;
	uint8_t ws;
	uint32_t tsval, tsecr;
	int sacks;
	struct tcp_gap sack[TCP_SACK_BLOCKS];
};

/* A received segment, parsed and checked. The text lies in the borrowed frame. */
struct tcp_seg {
	struct endpoint local, remote;
	seq32 seq, ack;
	unsigned flags;
	uint8_t tos; /* of the datagram */
	uint16_t wnd, up;
	const uint8_t *text;
	uint32_t text_len;
	uint32_t segments; /* on the wire: a super-frame counts as its segments */
	struct tcp_options opt;
	struct ip_source_route back; /* by which an answer goes; without hops: by none */
	bool reopens; /* a SYN that follows an incarnation in TIME-WAIT, whose numbers end before iss_least */
	seq32 iss_least;
};

/* SEG.LEN of RFC 9293: text plus SYN and FIN. */
static inline uint32_t seg_len(const struct tcp_seg *g)
{
	return g->text_len + ((g->flags & TCP_SYN) != 0) + ((g->flags & TCP_FIN) != 0);
}

struct tcp_arrival {
	const uint8_t *p;
	uint32_t len;
	uint32_t next; /* index + 1 */
};

/* tcp_state.c */
/* The one function that changes the state, and records it. */
void tcp_set_state(struct tcp_layer *l, struct tcp *t, enum tcp_state to, const char *why);
bool tcp_may_send(const struct tcp *t); /* new text is accepted from the application */
bool tcp_may_receive(enum tcp_state s); /* text of the peer is still expected */
/* Ends the connection: CLOSED, out of the tables, error kept for the application. */
void tcp_end(struct tcp_layer *l, struct tcp *t, int error, const char *why);
/* Or ends it, when too many are there. */
void tcp_enter_time_wait(struct tcp_layer *l, struct tcp *t);
/* For blocks that come to be, or cease to be, in another way than by a change of state. */
void tcp_census_enter(struct tcp_layer *l, const struct tcp *t);
void tcp_census_leave(struct tcp_layer *l, const struct tcp *t);

/* tcp_options.c */
void tcp_parse_options(const uint8_t *p, size_t len, struct tcp_options *o);
/* Writes the options of the next segment; a multiple of four bytes, at most 40. */
uint16_t tcp_build_options(const struct tcp_layer *l, const struct tcp *t, bool syn, uint8_t *p);
/* Options of a segment that is built outside of tcp_output: timestamps alone. */
uint16_t tcp_build_bare_options(const struct tcp_layer *l, const struct tcp *t, uint8_t *p);
/* Bytes of options that every data segment carries. */
uint16_t tcp_data_option_len(const struct tcp *t);
uint32_t tcp_ts_now(const struct tcp_layer *l, const struct tcp *t);

/* tcp_input.c */
void tcp_input(void *ctx, const struct ip_rx *rx);
void tcp_drop(struct tcp_layer *l, const struct tcp *t, enum counter reason);
#define TCP_DROP(l, t, name) (COUNT((l)->cnt, name), tcp_drop((l), (t), CNT_##name))
/* RST in answer to a segment that has no connection (RFC 9293 3.5.2). */
void tcp_reset_reply(struct tcp_layer *l, const struct tcp_seg *g, const char *why);
/* RST of a connection of ours: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>. */
void tcp_send_reset(struct tcp_layer *l, struct tcp *t, const char *why);
/* An ACK at once, of a block that ends: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>. */
void tcp_send_last_ack(struct tcp_layer *l, struct tcp *t);
/* RFC 5961: an ACK, at most TCP_CHALLENGES_PER_S a second and connection. */
void tcp_challenge_ack(struct tcp_layer *l, struct tcp *t);
/* Peer's SYN: MSS, window scale, timestamps, SACK. */
void tcp_learn_syn(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
void tcp_established(struct tcp_layer *l, struct tcp *t);

/* tcp_user.c: the shift that the window needs (RFC 7323 2.2); 0 when it is not to be offered. */
uint8_t tcp_window_shift(const struct tcp *t);
/* The variables of a new incarnation; identity, buffers and options stay. */
void tcp_reset_variables(struct tcp_layer *l, struct tcp *t);
/* From SYN-RECEIVED on: the eight checks of RFC 9293 3.10.7.4. */
void tcp_segment_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);

/* tcp_cookie.c: RFC 4987 */
void tcp_cookie_answer(struct tcp_layer *l, struct tcp *listener, const struct tcp_seg *g);
/* An ACK to a listener. False: it is no cookie of ours. */
bool tcp_cookie_open(struct tcp_layer *l, struct tcp *listener, const struct tcp_seg *g);

/* tcp_listen.c */
/* A child in SYN-RECEIVED that has learned from the SYN; nothing is owed or timed yet. NULL: refused and counted. */
struct tcp *tcp_child_new(struct tcp_layer *l, struct tcp *listener, const struct tcp_seg *syn, seq32 iss);
/* It can take a SYN without a cookie. */
bool tcp_listen_room(const struct tcp *t);
void tcp_listen_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
void tcp_listener_close(struct tcp_layer *l, struct tcp *t);
void tcp_child_unlink(struct tcp *t);
/* The child's handshake is complete. False: the accept queue is full. */
bool tcp_child_ready(struct tcp_layer *l, struct tcp *t);
seq32 tcp_isn(struct tcp_layer *l, const struct tcp *t);
uint32_t tcp_ts_offset(struct tcp_layer *l, const struct tcp *t);

/* tcp_ack.c: RFC 9293 3.10.7.4, "fifth, check the ACK field", from ESTABLISHED on. False: the segment is dropped. */
bool tcp_ack_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);

/* tcp_rcv.c */
/* Seventh and eighth check of RFC 9293 3.10.7.4, in a state that expects text. */
void tcp_text_and_fin(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
/* Text and FIN on a SYN: they are kept, and given to the application in ESTABLISHED. */
void tcp_syn_text(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
/* A FIN may stand there: everything that has arrived lies before it. */
bool tcp_fin_fits(const struct tcp *t, seq32 fin);
/* The interval beyond a gap that holds the sequence number; NULL: none. */
const struct tcp_gap *tcp_gap_of(const struct tcp *t, seq32 seq);
/* An ACK now. Something was lost, so the sender's window is small, and may not hold the second segment that a delayed
 * ACK waits for: the next segments are acknowledged one by one, too (RFC 5681 4.2 allows more ACKs than it demands). */
void tcp_ack_soon(struct tcp *t);
void tcp_rcv_discard(struct tcp_layer *l, struct tcp *t);
/* [start, end) arrived although it had arrived before. */
void tcp_note_duplicate(struct tcp *t, seq32 start, seq32 end);
static inline bool tcp_dsack_owed(const struct tcp *t)
{
	return t->sack_ok && !seq_eq(t->rcv.dsack.start, t->rcv.dsack.end);
}
/* The right edge to advertise now, as the window field; moves rcv.adv. */
uint16_t tcp_advertise(struct tcp *t, bool syn);
/* The window is worth a segment of its own. */
bool tcp_window_update_due(const struct tcp *t);

/* tcp_txq.c */
static inline struct tcp_txrec *txq_at(const struct tcp_txq *q, uint32_t i)
{
	return &q->rec[(q->head + i) & (q->capacity - 1)];
}
static inline seq32 txrec_end(const struct tcp_txrec *r)
{
	return seq_add(r->seq, r->len);
}
static inline bool txrec_in_pipe(const struct tcp_txrec *r)
{
	return !r->sacked && !r->lost;
}
/* A record's condition decides where its bytes count; to change one: leave, change, enter. */
static inline void txrec_leave(struct tcp *t, const struct tcp_txrec *r)
{
	if (r->lost)
		t->lost -= r->len;
	else if (!r->sacked)
		t->pipe -= r->len;
}
static inline void txrec_enter(struct tcp *t, const struct tcp_txrec *r)
{
	if (r->lost)
		t->lost += r->len;
	else if (!r->sacked)
		t->pipe += r->len;
}
/* Segments that it is on the wire; FIN alone is one, FIN behind text none. */
static inline uint32_t txrec_segments(const struct tcp *t, const struct tcp_txrec *r)
{
	return r->len <= 1u + t->snd.mss ? 1 : (r->len + t->snd.mss - 2u) / t->snd.mss;
}
/* Index of the first lost record; count when none. */
uint32_t tcp_first_lost(const struct tcp *t);
bool txq_reserve(struct tcp_txq *q, struct env *env, uint32_t more);
/* mss: payload bytes of its largest segment. */
void txq_push(struct tcp_txq *q, seq32 seq, uint32_t len, uint16_t mss, instant now);
/* Cuts record i so that it ends at `at`; the rest becomes record i + 1. False: no memory. */
bool txq_split(struct tcp_txq *q, struct env *env, uint32_t i, seq32 at);
void txq_pop(struct tcp_txq *q);
void txq_release(struct tcp_txq *q, struct env *env);

/* tcp_loss.c */
struct tcp_ack_news {
	uint32_t acked;     /* bytes newly acknowledged cumulatively */
	uint32_t delivered; /* bytes newly known to have arrived, by either (RFC 6937 DeliveredData) */
	bool rtt_valid;
	duration rtt;
	struct { /* see tcp_rate.c */
		bool valid, app_limited;
		uint32_t prior_delivered, interval_us;
	} rate;
};
void tcp_loss_acked(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, struct tcp_ack_news *news);
/* An ACK that a later one has overtaken: its SACK blocks still tell what has arrived. */
void tcp_loss_overtaken(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
void tcp_loss_detect(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, const struct tcp_ack_news *news);
/* Every record that is not sacked is lost (RFC 6298 5.4, RFC 8985 6.3). */
void tcp_loss_timeout(struct tcp *t);
void tcp_loss_mark(struct tcp *t, struct tcp_txrec *r);
void tcp_reorder_timer(struct tcp_layer *l, struct tcp *t);
void tcp_probe_arm(struct tcp_layer *l, struct tcp *t);

/* tcp_rack.c: RFC 8985 6 */
void tcp_rack_reset(struct tcp *t);
/* Marks what is lost by now, and sets the timer for what will be. Returns whether a record was newly marked. */
bool tcp_rack_detect(struct tcp_layer *l, struct tcp *t);
/* The peer has reported a duplicate; recovery has ended. */
void tcp_rack_duplicate(struct tcp *t);
void tcp_rack_recovered(struct tcp *t);

/* tcp_rate.c */
void tcp_rate_sent(const struct tcp_layer *l, struct tcp *t, struct tcp_txrec *r);
void tcp_rate_delivered(const struct tcp_layer *l, struct tcp *t, const struct tcp_txrec *r, struct tcp_ack_news *news);
/* After all that an ACK delivers. */
void tcp_rate_acked(struct tcp *t, const struct tcp_ack_news *news);
/* Output has nothing more to send now. */
void tcp_rate_idle(struct tcp *t);
/* Bytes per second; 0: not measured yet. */
uint64_t tcp_rate(const struct tcp *t);

/* tcp_limit.c */
void tcp_limit_judge(const struct tcp_layer *l, struct tcp *t);
duration tcp_limited(const struct tcp_layer *l, const struct tcp *t, enum tcp_limit by);

/* tcp_spurious.c: RFC 3522, 2883, 5682, 4015 */
void tcp_undo_save(struct tcp *t);
/* A retransmission is sent that ends at `end`. */
void tcp_undo_retransmitted(const struct tcp_layer *l, struct tcp *t, seq32 end);
bool tcp_reports_duplicate(const struct tcp_seg *g);
/* A timeout began; eligible: no recovery was under way (RFC 5682 2.1 step 1). */
void tcp_frto_begin(struct tcp *t, bool eligible);
/* After the records are up to date; advanced: SND.UNA moves with this ACK. */
void tcp_spurious_detect(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g, bool advanced);

/* tcp_cc.c: RFC 5681 */
void tcp_cc_init(struct tcp *t);
/* Bytes that the congestion window lets go now. */
uint32_t tcp_cc_room(const struct tcp *t);
void tcp_cc_acked(struct tcp *t, uint32_t bytes);
void tcp_cc_enter_recovery(struct tcp *t);
void tcp_cc_timeout(struct tcp *t, bool first);
void tcp_cc_after_idle(struct tcp_layer *l, struct tcp *t);

/* tcp_cubic.c: RFC 9438. Bytes acknowledged in congestion avoidance; ssthresh after a congestion event. */
void tcp_cubic_reset(struct tcp *t);
void tcp_cubic_avoidance(struct tcp *t, uint32_t bytes);
void tcp_cubic_paused(struct tcp *t);
uint32_t tcp_cubic_ssthresh(struct tcp *t);

/* tcp_hystart.c: RFC 9406. How much of an ACK's bytes slow start may add to cwnd. */
void tcp_hystart_reset(struct tcp *t);
void tcp_hystart_rtt(struct tcp *t, duration rtt);
uint32_t tcp_hystart_growth(struct tcp *t, uint32_t bytes);

/* tcp_prr.c: RFC 6937 */
void tcp_prr_begin(struct tcp *t);
/* After an ACK in recovery that delivered so many bytes, cumulatively or selectively. */
void tcp_prr_acked(struct tcp *t, uint32_t delivered);
void tcp_prr_sent(struct tcp *t, uint32_t bytes);

/* tcp_rtt.c: RFC 6298 */
void tcp_rtt_sample(struct tcp_layer *l, struct tcp *t, duration rtt);
duration tcp_rto_backed_off(const struct tcp_layer *l, const struct tcp *t);

/* tcp_timer.c */
void tcp_timer_set(struct tcp_layer *l, struct tcp *t, enum tcp_timer which, duration in);
void tcp_timer_stop(struct tcp *t, enum tcp_timer which);
void tcp_timers_stop(struct tcp *t);
static inline bool tcp_timer_on(const struct tcp *t, enum tcp_timer which)
{
	return !instant_is_never(t->deadline[which]);
}
/* Retransmission timer or persist timer, as what is outstanding wants it. */
void tcp_rearm(struct tcp_layer *l, struct tcp *t);

/* tcp_user.c: the cork has held text back for long enough. */
void tcp_cork_timeout(struct tcp_layer *l, struct tcp *t);

/* tcp_urgent.c */
void tcp_urgent_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
/* The application has read, or SND.UNA has moved: a mark that was passed is forgotten. */
void tcp_urgent_read(struct tcp *t);
void tcp_urgent_acked(struct tcp *t);
/* SEG.UP of a segment that begins at seq; 0: no urgent text is ahead of it. */
uint16_t tcp_urgent_pointer(const struct tcp *t, seq32 seq);

/* tcp_icmp.c */
void tcp_icmp_error(void *ctx, const struct ip_error *e);
/* RFC 9293 3.9.1.8: reports a condition that ends nothing; should the retries run out, it is the reason. */
void tcp_soft_error(struct tcp_layer *l, struct tcp *t, int error);

/* tcp_tune.c */
void tcp_tune_begin(struct tcp_layer *l, struct tcp *t);
void tcp_tune_rtt(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
void tcp_tune_taken(struct tcp_layer *l, struct tcp *t, uint32_t bytes);
void tcp_tune_send(struct tcp_layer *l, struct tcp *t);

/* tcp_ecn.c: RFC 3168 */
unsigned tcp_ecn_syn_flags(const struct tcp *t);
void tcp_ecn_learn_syn(struct tcp *t, const struct tcp_seg *g);
void tcp_ecn_input(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
void tcp_ecn_acked(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
/* Flags of the next segment; CWR is then said. */
unsigned tcp_ecn_flags(struct tcp *t, bool new_text);
uint8_t tcp_ecn_tos(const struct tcp *t, bool new_text);

/* tcp_keepalive.c */
void tcp_keepalive_arm(struct tcp_layer *l, struct tcp *t);
void tcp_keepalive_timeout(struct tcp_layer *l, struct tcp *t);
bool tcp_user_timed_out(const struct tcp_layer *l, const struct tcp *t);
/* d, but not beyond the moment when the user timeout is over. */
duration tcp_user_timeout_clamp(const struct tcp_layer *l, const struct tcp *t, duration d);

/* tcp_path.c: RFC 1191, RFC 5927 7.2 */
/* Effective send MSS (RFC 9293 3.7.1) from the peer's option, the path and TCP_MAXSEG. */
void tcp_update_mss(struct tcp_layer *l, struct tcp *t);
/* The path may have changed since it was last looked at. */
void tcp_path_refresh(struct tcp_layer *l, struct tcp *t);
/* RFC 9293 3.9.2.1, MUST-53, SHLD-24: a segment of the peer is accepted; its return route is ours from now on. */
void tcp_learn_route(struct tcp_layer *l, struct tcp *t, const struct tcp_seg *g);
/* Bytes of headers in front of the text of a data segment. */
uint16_t tcp_header_len(const struct tcp *t);
/* The largest datagram that the peer, the user and ip/pmtu.c allow. */
uint16_t tcp_path_ceiling(struct tcp_layer *l, struct tcp *t);
void tcp_path_sent(struct tcp *t, uint32_t datagram);
void tcp_path_delivered(struct tcp *t, const struct tcp_txrec *r);
/* Fragmentation needed, of a segment in flight that begins at `quoted`. */
void tcp_path_message(struct tcp_layer *l, struct tcp *t, const struct ip_error *e, seq32 quoted);
/* SND.UNA has moved. */
void tcp_path_acked(struct tcp *t);
void tcp_path_timeout(struct tcp_layer *l, struct tcp *t);

/* tcp_mtup.c: RFC 4821 */
void tcp_mtup_established(struct tcp_layer *l, struct tcp *t);
/* The retransmission timer has expired; t->retries counts it. */
void tcp_mtup_timeout(struct tcp_layer *l, struct tcp *t);
/* SND.UNA has moved. */
void tcp_mtup_acked(struct tcp_layer *l, struct tcp *t);
void tcp_mtup_narrowed(struct tcp_layer *l, struct tcp *t, uint16_t mtu);
/* Records were marked lost. True: it was the probe and nothing else, which is no congestion. */
bool tcp_mtup_lost(struct tcp_layer *l, struct tcp *t);
/* Does the probe begin at SND.UNA? */
bool tcp_mtup_is_first(const struct tcp *t);
/* Whatever becomes of the probe tells nothing. */
void tcp_mtup_unclear(struct tcp_layer *l, struct tcp *t);
/* Bytes of text of a probe that is to be sent now, and is taken for sent; 0: none. */
uint32_t tcp_mtup_probe(struct tcp_layer *l, struct tcp *t);

/* tcp_output.c */
/* t may owe a segment: look at it in this turn. */
void tcp_output_wanted(struct tcp_layer *l, struct tcp *t);
uint32_t tcp_unsent(const struct tcp *t); /* bytes in the send ring beyond SND.NXT */
#endif
