/* TCP (RFC 9293): control blocks, and what the socket layer and the stack may do with them.
 *
 * Theory of operation. A `struct tcp` is the control block. tcp_input changes it by the rules of RFC 9293 3.10.7 and
 * puts it on the layer's output list when it may owe a segment; nothing is sent then. tcp_output pulls: it looks at the
 * block and builds the one segment that is owed next (SYN, retransmission, new data, FIN, acknowledgment, in this
 * order), or takes the block off the list. Timers only change the block, too.
 *
 * What was sent and not yet acknowledged is kept as transmission records (tcp_txq.c): one for each segment or
 * super-frame, with the instant of its last transmission. SACK, RACK-TLP (RFC 8985) and the retransmission timer only
 * mark records as sacked or lost; tcp_output sends what is marked lost first. SND.NXT therefore never moves back.
 *
 * Received bytes in order are borrowed from their frames for the turn (the arrival list), behind what the receive ring
 * holds. Bytes out of order are stored in the ring, at their final place, and an interval list tells where they are.
 *
 * The files: tcp_input.c (3.10.7, by state), tcp_ack.c, tcp_rcv.c (text, URG, FIN), tcp_options.c, tcp_output.c,
 * tcp_txq.c, tcp_loss.c (SACK, TLP, recovery), tcp_rack.c, tcp_cc.c, tcp_rtt.c, tcp_timer.c, tcp_user.c (calls),
 * tcp_state.c, tcp_snap.c. */
#ifndef TOYNET_TRANSPORT_TCP_H
#define TOYNET_TRANSPORT_TCP_H

#include "base/ring.h"
#include "ip/ip.h"
#include "transport/pcb.h"

enum tcp_state {
	TCP_CLOSED,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
	TCP_STATES
};

enum tcp_timer {
	TCP_TIMER_RETRANSMIT, /* RFC 6298 */
	TCP_TIMER_PERSIST,    /* RFC 9293 3.8.6.1 */
	TCP_TIMER_DELACK,     /* RFC 9293 3.8.6.3 */
	TCP_TIMER_REORDER,    /* RFC 8985 6.2 step 5 */
	TCP_TIMER_PROBE,      /* RFC 8985 7: tail loss probe */
	TCP_TIMER_KEEPALIVE,  /* RFC 9293 3.8.4 */
	TCP_TIMER_CORK,       /* TCP_CORK holds text back, but not for ever */
	TCP_TIMER_WAIT,       /* TIME-WAIT, orphaned FIN-WAIT-2, a child's SYN-RECEIVED */
	TCP_TIMERS
};

extern const char *const tcp_state_names[TCP_STATES]; /* "SYN-SENT", as RFC 9293 writes them */
extern const char *const tcp_timer_names[TCP_TIMERS];

/* One transmission: a segment or a super-frame; split when a partial ACK or SACK cuts it. */
struct tcp_txrec {
	seq32 seq;
	uint32_t len; /* sequence space: bytes, plus 1 for SYN and for FIN */
	instant sent; /* last transmission */
	uint16_t mss; /* payload bytes of its largest segment, as last sent */
	bool sacked : 1;
	bool lost : 1;    /* to be sent again */
	bool retrans : 1; /* was sent more than once */
	bool app_limited : 1;
	uint32_t rate_delivered, rate_delivered_us, rate_first_us; /* when it was sent; see tcp_rate.c */
};

struct tcp_txq {
	struct tcp_txrec *rec;          /* circular; NULL when idle */
	uint32_t head, count, capacity; /* capacity: power of two */
};

#define TCP_SACK_BLOCKS 4 /* in one segment */

/* Bytes received beyond a gap: [start, end). */
struct tcp_gap {
	seq32 start, end;
};

/* Congestion control algorithms; names as in TCP_CONGESTION. */
enum tcp_cc { TCP_CC_RENO, TCP_CC_CUBIC, TCP_CCS };
extern const char *const tcp_cc_names[TCP_CCS];

/* RFC 3168: off; agree when the peer asks; ask. */
enum tcp_ecn { TCP_ECN_OFF, TCP_ECN_PASSIVE, TCP_ECN_ON, TCP_ECNS };
extern const char *const tcp_ecn_names[TCP_ECNS];

/* What one connection asks for: by configuration at first, then by socket options; children have their listener's. */
struct tcp_knobs {
	bool timestamps, window_scaling, sack;
	enum tcp_ecn ecn;
	uint8_t initial_window; /* segments (RFC 6928) */
	uint8_t syn_retries;    /* TCP_SYNCNT */
	duration delack, time_wait;
	duration fin_wait_2;   /* TCP_LINGER2 */
	uint32_t window_clamp; /* TCP_WINDOW_CLAMP, bytes; 0 none */
};

/* What holds the sender back: no text, the network, the peer's window, our send buffer. */
enum tcp_limit { TCP_LIMIT_IDLE, TCP_LIMIT_BUSY, TCP_LIMIT_RWND, TCP_LIMIT_SNDBUF, TCP_LIMITS };

/* RFC 5682: off; the first segment was sent again; new text was sent. */
enum tcp_frto { TCP_FRTO_OFF, TCP_FRTO_RETRANSMITTED, TCP_FRTO_NEW_DATA, TCP_FRTOS };

enum tcp_recovery { TCP_OPEN, TCP_RECOVERY, TCP_LOSS, TCP_RECOVERIES };

struct tcp {
	struct pcb pcb; /* first: found from the tables */
	uint64_t id;    /* of the socket, for traces */
	struct timer_node timer;
	instant deadline[TCP_TIMERS];
	struct list out_link;    /* in tcp_layer.out: may owe a segment */
	struct list borrow_link; /* in tcp_layer.borrowers: has arrivals in this turn */
	enum tcp_state state;

	/* RFC 9293 3.3.1, send sequence space. snd.wnd is already scaled. */
	struct {
		seq32 una, nxt, up, wl1, wl2, iss;
		seq32 head; /* sequence number of the first byte in the send ring */
		uint32_t wnd, wnd_max;
		uint8_t wind_shift; /* RFC 7323 Snd.Wind.Shift */
		bool urgent;        /* up is ahead of una */
		uint16_t mss;       /* effective: payload bytes of a full segment */
		uint16_t mss_peer;  /* MSS option of the peer, 536 without (RFC 9293 3.7.1) */
	} snd;
	/* Receive sequence space. */
	struct {
		seq32 nxt, up, irs;
		seq32 adv;   /* right edge last advertised */
		bool urgent; /* up is ahead of what the application has read */
		uint8_t wind_shift;
		uint16_t mss;      /* advertised */
		uint32_t borrowed; /* bytes of this turn's arrivals not yet taken; rcv.nxt is beyond them */
		uint32_t held;     /* bytes in the channel that the application has not read */
		uint32_t arrivals, arrivals_tail; /* tcp_layer.arrival, index + 1; 0 none */
		uint32_t unacked_segments;        /* full segments since the last ACK sent */
		struct tcp_gap *gap;              /* out-of-order intervals, ascending, disjoint, not adjacent */
		uint16_t gaps, gap_capacity;
		struct tcp_gap dsack; /* duplicate to be reported with the next ACK (RFC 2883); empty: start == end */
		/* Each lies in an interval that was reported lately, the newest first (RFC 2018 4). */
		seq32 recent[TCP_SACK_BLOCKS];
		uint8_t recents;
		bool fin_known; /* a FIN arrived that is not processed yet: it stands at `fin` */
		seq32 fin;
	} rcv;

	struct ring snd_ring, rcv_ring;
	uint32_t sndbuf, rcvbuf;
	bool sndbuf_fixed, rcvbuf_fixed; /* by SO_SNDBUF, SO_RCVBUF: no tuning */
	struct {                         /* see tcp_tune.c */
		instant since;           /* beginning of the round trip that is measured */
		uint32_t taken, last;    /* bytes that the application read in it, and the most in one before */
		duration rtt;            /* as the receiver sees it; 0 unknown */
	} tune;
	struct tcp_txq txq;
	struct ip_source_route route; /* RFC 9293 3.9.2.1 */
	bool route_given;             /* by the application, not by the peer */
	bool passive;                 /* a listener's child */
	struct {                      /* RFC 1191, RFC 5927 7.2; see tcp_path.c */
		uint16_t mtu;         /* bytes of the largest datagram that is sent */
		bool fragment;        /* without DF */
		uint32_t generation;  /* what ip_path_to said is valid while it is ip's, and until: */
		instant until;
		uint16_t sent_max, acked_max; /* maxsizesent, maxsizeacked: bytes of datagrams */
		uint16_t pending;             /* an MTU that awaits a timeout; 0 none */
		seq32 pending_seq;
	} path;
	struct {                    /* RFC 4821; see tcp_mtup.c */
		uint16_t low, high; /* bytes of datagrams: the search's interval; low 0: no search */
		uint16_t size;      /* of the probe in flight; 0 none */
		seq32 end;          /* behind its text */
		instant next;       /* no probe before */
	} mtup;
	uint32_t pipe; /* bytes of records believed to be in the network: not sacked, not lost (RFC 6675) */
	uint32_t lost; /* bytes of records marked lost and not yet sent again */

	/* RFC 5681 */
	uint32_t cwnd, ssthresh, cwnd_acked; /* bytes; acked since cwnd last grew in congestion avoidance */
	enum tcp_recovery recovery;
	seq32 recover; /* SND.NXT when recovery began (RFC 6582) */
	enum tcp_cc cc;
	struct {                     /* RFC 9438; see tcp_cubic.c */
		instant epoch;       /* t_epoch; never: the next ACK begins one */
		instant counted;     /* the last ACK that counted */
		bool paused;         /* since then the window has not been the limit */
		uint32_t w_max;      /* bytes */
		uint32_t cwnd_prior; /* bytes */
		uint32_t k_ms;       /* K */
		uint64_t w_est;      /* bytes, scaled */
		uint64_t credit;     /* growth below a byte */
	} cubic;
	struct { /* RFC 9406; see tcp_hystart.c */
		duration last_min, current_min, css_baseline;
		seq32 round_end;
		uint8_t samples, css_rounds;
		bool css;
	} hystart;
	struct {                                     /* RFC 6937; see tcp_prr.c */
		uint32_t delivered, out, recover_fs; /* bytes since recovery began; flight then */
	} prr;
	struct { /* the state before recovery; see tcp_spurious.c */
		bool valid, first, ts_known;
		uint32_t cwnd, ssthresh, w_max;
		uint32_t ts;       /* of the first retransmission */
		uint32_t retrans;  /* retransmissions not reported as duplicates */
		seq32 marker;      /* SND.UNA when recovery began */
		seq32 retrans_end; /* of the highest retransmission, while ts_known */
	} undo;
	enum tcp_frto frto;
	uint8_t dupacks;
	/* RFC 6298 */
	duration srtt, rttvar, rto, rtt_min; /* rtt_min: of the last minutes */
	instant rtt_min_at;
	bool rtt_valid;
	uint8_t retries; /* expiries since the last progress: counted against R2 (RFC 9293 3.8.3) */
	uint8_t backoff; /* doublings of the RTO since the last RTT sample (RFC 6298 5.5, Karn) */
	/* RFC 8985 */
	instant rack_sent; /* RACK.xmit_ts: transmission of the newest segment known to be delivered */
	seq32 rack_end;    /* RACK.end_seq */
	duration rack_rtt;
	bool reordering_seen;
	uint8_t rack_mult, rack_persist; /* RACK.reo_wnd_mult, RACK.reo_wnd_persist */
	seq32 rack_dsack_round;          /* RACK.dsack_round: until SND.UNA is there, duplicates tell nothing new */
	seq32 fack;                      /* highest sequence number sacked or acked */
	bool retransmit_owed; /* recovery began or the timer expired: one retransmission whatever the window says */
	bool probe_owed;      /* TLP fired: send one segment beyond the congestion window */
	bool probe_out;       /* TLP.is_retrans applies to probe_end */
	bool probe_retrans;
	seq32 probe_end; /* TLP.end_seq */
	/* RFC 7323 */
	bool ts_ok, ws_ok, sack_ok;
	/* RFC 3168 */
	bool ecn_ok, ece_owed, cwr_owed;
	seq32 ecn_recover; /* SND.NXT at the last reduction by ECE; what was acknowledged since moves it along */
	uint32_t ts_offset;
	uint32_t ts_recent;
	instant ts_recent_age;
	seq32 last_ack_sent;

	bool syn_owed, fin_owed, fin_sent, ack_owed, persist_owed, rst_owed;
	bool fin_received;    /* FIN processed: rcv.nxt is beyond it */
	bool input_shut;      /* bytes are accepted and dropped */
	bool orphan;          /* no application holds it */
	bool writable_wanted; /* tell when the send ring has room */
	bool cwnd_limited;    /* output left no room in cwnd (RFC 7661 in spirit: else it does not grow) */
	bool keepalive;       /* SO_KEEPALIVE */
	bool keepalive_owed;
	uint8_t keep_count, keep_probes;
	instant alive; /* the last acceptable segment */
	duration keep_idle, keep_interval;
	duration user_timeout; /* TCP_USER_TIMEOUT, 0 none */
	instant progress;      /* SND.UNA moved, or text was sent when none was outstanding */
	bool nodelay;          /* TCP_NODELAY */
	bool cork;             /* TCP_CORK: only full segments go */
	bool push_owed;        /* text before `push` goes, whatever holds it back */
	seq32 push;
	uint64_t quick_until; /* segs_in up to which each segment of text is acknowledged at once */
	struct tcp_knobs knob;
	bool embryonic; /* child in SYN-RECEIVED, counted in the parent's syn_queue */
	uint8_t ttl, tos;
	uint16_t user_mss; /* TCP_MAXSEG, 0 none */
	int error;         /* why it ended; the socket layer takes it */
	int soft_error;    /* what hinders it, until SND.UNA moves */

	/* Listener: children that wait for accept, oldest first; as a child: the link in it. */
	struct tcp *parent;
	struct list accept_queue, accept_link;
	struct list children; /* embryonic */
	uint32_t backlog, accept_count, syn_count;
	instant cookies_until; /* SYN cookies were sent: ACKs to the listener may be answers; never: none */

	/* RFC 5961 7: challenge ACKs in the current second. */
	instant challenge_second;
	uint8_t challenges;

	instant last_sent, last_received, established_at;
	uint64_t bytes_acked, bytes_received, segs_out, segs_in, segs_retrans;
	struct {                                    /* for TCP_INFO alone; see tcp_info.h */
		uint64_t bytes_sent, bytes_retrans; /* text */
		uint32_t data_segs_out, data_segs_in, delivered, delivered_ce;
		uint32_t dsacks, reorderings, out_of_order;
		uint32_t seg_max;                               /* the largest text of a segment that came */
		instant data_sent, data_received, ack_received; /* last; never: not yet */
		bool ect_seen;
	} stat;
	struct {                                 /* see tcp_rate.c */
		uint64_t delivered;              /* bytes */
		uint64_t app_limited;            /* until so much is delivered; 0: not */
		uint32_t delivered_us, first_us; /* last delivery; sending of what it delivered */
		uint32_t sample_bytes, sample_us;
		bool sample_app_limited;
	} rate;
	struct { /* see tcp_limit.c */
		enum tcp_limit now;
		instant since;
		duration spent[TCP_LIMITS];
	} limit;
};

/* What tcp reports to the socket layer. */
enum tcp_event {
	TCP_EVENT_CONNECTED = 1 << 0, /* ESTABLISHED reached by connect */
	TCP_EVENT_DATA = 1 << 1,      /* bytes to deliver */
	TCP_EVENT_EOF = 1 << 2,       /* the peer's FIN, after all bytes */
	TCP_EVENT_WRITABLE = 1 << 3,
	TCP_EVENT_ACCEPT = 1 << 4, /* a listener's child is ready */
	TCP_EVENT_ERROR = 1 << 5,  /* ended by t->error */
	TCP_EVENT_REPORT = 1 << 6, /* RFC 9293 3.9.1.8: t->soft_error, or urgent text */
	TCP_EVENT_SENT = 1 << 7,   /* our FIN, and with it all text, is acknowledged, and the connection goes on */
};

struct tcp_upcalls {
	/* A control block for a child of the listener, zeroed but for what tcp_pcb_init sets; NULL: refused. */
	struct tcp *(*child)(void *ctx, struct tcp *listener);
	/* t is CLOSED and in no table; the socket layer frees it, unless an application still holds it. */
	void (*closed)(void *ctx, struct tcp *t);
	void (*event)(void *ctx, struct tcp *t, unsigned events);
	void *ctx;
};

/* RFC 4821: off; after timeouts that look like a black hole; always. */
enum tcp_mtu_probing { TCP_MTU_PROBING_OFF, TCP_MTU_PROBING_BLACKHOLE, TCP_MTU_PROBING_ON, TCP_MTU_PROBINGS };
extern const char *const tcp_mtu_probing_names[TCP_MTU_PROBINGS];

/* Tunables: configuration keys of the same names. */
struct tcp_config {
	duration time_wait;  /* 2 MSL */
	duration fin_wait_2; /* an orphan's limit */
	duration rto_min, rto_max, rto_initial;
	duration delack;                 /* below 500 ms (RFC 9293 3.8.6.3) */
	uint32_t rcvbuf, sndbuf;         /* bytes, initial */
	uint32_t rcvbuf_max, sndbuf_max; /* bytes: how far tuning goes */
	uint8_t syn_retries, retries, orphan_retries;
	uint16_t backlog_max;
	uint32_t orphans_max;   /* connections that end without an application; beyond it a close is a reset */
	uint32_t time_wait_max; /* connections in TIME-WAIT; beyond it they are CLOSED at once */
	bool timestamps, window_scaling, sack;
	enum tcp_ecn ecn;
	enum tcp_mtu_probing mtu_probing;
	bool syn_cookies; /* when the SYN queue is full */
	enum tcp_cc cc;
	bool keepalive;                    /* of new sockets */
	duration keep_idle, keep_interval; /* RFC 9293 3.8.4, MUST-28: the default is two hours */
	uint8_t keep_count;
	duration user_timeout;  /* 0: by the number of retries */
	uint8_t initial_window; /* segments */
	uint16_t max_segment;   /* TCP_MAXSEG of new sockets; 0 none */
	duration cork_time;     /* how long TCP_CORK may hold text back */
};
#define TCP_CONFIG_DEFAULT                                                                                             \
	{                                                                                                              \
		.time_wait = DURATION_S(60),                                                                           \
		.fin_wait_2 = DURATION_S(60), /* RFC 6298 2.4 suggests at least 1 s; 200 ms is what current kernels    \
		                                 use with fine clocks. */                                              \
		        .rto_min = DURATION_MS(200), .rto_max = DURATION_S(120), .rto_initial = DURATION_S(1),         \
		.delack = DURATION_MS(40), .rcvbuf = 1u << 18, .sndbuf = 1u << 18, .rcvbuf_max = 6u << 20,             \
		.sndbuf_max = 4u << 20, .syn_retries = 7, .retries = 15, .orphan_retries = 8, .backlog_max = 4096,     \
		.orphans_max = 8192, .time_wait_max = 16384, .timestamps = true, .window_scaling = true, .sack = true, \
		.syn_cookies = true, .ecn = TCP_ECN_PASSIVE, .cc = TCP_CC_CUBIC, .initial_window = 10,                 \
		.mtu_probing = TCP_MTU_PROBING_BLACKHOLE, .cork_time = DURATION_MS(200),                               \
		.keep_idle = DURATION_S(7200), .keep_interval = DURATION_S(75), .keep_count = 9,                       \
	}

#define TCP_BUF_MIN            4096u
#define TCP_BUF_MAX            (8u << 20)
#define TCP_MAX_SEGMENT_MIN    88  /* TCP_MAXSEG */
#define TCP_INITIAL_WINDOW_MAX 100 /* segments; more than RFC 6928's ten is an experiment */
#define TCP_DELACK_MAX_MS      499 /* RFC 9293 3.8.6.3, MUST-40 */
#define TCP_TIME_WAIT_MAX_MS   3600000

struct tcp_arrival;

struct tcp_layer {
	struct env *env;
	struct counters *cnt;
	struct ip_layer *ip;
	struct timer_queue *timers;
	struct ring_pool *rings;
	struct tcp_config cfg;
	struct tcp_upcalls up;
	struct pcb_table pcbs;
	struct hash_key isn_key; /* RFC 6528 */
	struct hash_key cookie_key;
	struct list out, borrowers;
	uint32_t orphans, time_waits; /* how many there are: see tcp_config */
	uint32_t established;         /* in ESTABLISHED or CLOSE-WAIT */
	struct tcp_arrival *arrival;
	uint32_t arrival_count, arrival_capacity;
};

/* Registers with ip for protocol 6. False: out of memory. */
bool tcp_init(struct tcp_layer *l, struct env *env, struct counters *cnt, struct ip_layer *ip,
              struct timer_queue *timers, struct ring_pool *rings, const struct tcp_config *cfg, struct tcp_upcalls up);
void tcp_free(struct tcp_layer *l);
/* A zeroed block in CLOSED. The caller has reserved a timer node. */
void tcp_pcb_init(struct tcp_layer *l, struct tcp *t, uint64_t id);
/* Takes the block out of everything and gives its memory back, without a word to the peer. */
void tcp_pcb_release(struct tcp_layer *l, struct tcp *t);

/* The calls of RFC 9293 3.10.1 to 3.10.5, and their kin. Each returns 0 or an errno. */
int tcp_bind(struct tcp_layer *l, struct tcp *t, struct endpoint local);
int tcp_connect(struct tcp_layer *l, struct tcp *t, struct endpoint remote);
int tcp_listen(struct tcp_layer *l, struct tcp *t, uint32_t backlog);
/* The oldest child that is ready, or NULL; it leaves the queue. */
struct tcp *tcp_accept(struct tcp_layer *l, struct tcp *listener);
/* Free space of the send ring as up to two iovecs of at most `want` bytes in all; returns how many iovecs, 0 when the
 * buffer is full, closed or memory is short (*error tells: EAGAIN, EPIPE, ENOTCONN, ENOBUFS, or the connection's
 * error). After EAGAIN a TCP_EVENT_WRITABLE follows. */
int tcp_send_reserve(struct tcp_layer *l, struct tcp *t, uint32_t want, struct iovec iov[2], int *error);
/* n bytes were put there. */
void tcp_send_commit(struct tcp_layer *l, struct tcp *t, uint32_t n);
/* RFC 9293 3.9.1.2, SEND with the URGENT flag: all that was put there so far is urgent. */
void tcp_send_urgent(struct tcp_layer *l, struct tcp *t);
/* RFC 9293 3.8.5, MUST-33: bytes from the next that the application reads to the end of the urgent text; 0: none. */
uint32_t tcp_urgent_queued(const struct tcp *t);
/* The same from the next byte that tcp_deliver gives; 0: none, or it is in the channel already. */
uint32_t tcp_urgent_undelivered(const struct tcp *t);
/* SHUT_WR: FIN after the bytes in the ring. */
int tcp_shutdown_write(struct tcp_layer *l, struct tcp *t);
/* SHUT_RD: what is waiting and what comes is dropped. */
void tcp_shutdown_read(struct tcp_layer *l, struct tcp *t);
/* The application is gone. unread: bytes were left unread in the channel: RST (RFC 9293 3.6.1, RFC 2525 2.17). May free
 * t. */
void tcp_close(struct tcp_layer *l, struct tcp *t, bool unread);
/* No application holds it any more. */
void tcp_disown(struct tcp_layer *l, struct tcp *t);
/* RST when synchronized, then CLOSED (RFC 9293 3.10.5). May free t when it is an orphan. */
void tcp_abort(struct tcp_layer *l, struct tcp *t, int error);

/* Delivery: iovecs over the oldest bytes for the application, ring first, then arrivals. Returns how many, 0 none. */
int tcp_deliver(const struct tcp_layer *l, const struct tcp *t, struct iovec *iov, int max);
/* n bytes of them were moved to the channel, which holds them until tcp_set_held says less. */
void tcp_delivered(struct tcp_layer *l, struct tcp *t, uint32_t n);
/* What the channel still holds unread; may open the window. */
void tcp_set_held(struct tcp_layer *l, struct tcp *t, uint32_t bytes);
/* Copies this turn's untaken arrivals into the rings. */
void tcp_turn_end(struct tcp_layer *l);
/* The next segment owed by any connection, completed down to Ethernet. False when none. */
bool tcp_output(struct tcp_layer *l, struct frame_out *f);
/* Runs the due timers of one block; may free it. */
void tcp_timer_run(struct tcp_layer *l, struct tcp *t);

uint32_t tcp_rcv_wnd(const struct tcp *t);     /* window that could be offered now */
uint32_t tcp_recv_queued(const struct tcp *t); /* bytes received in order, not read by the application (Recv-Q) */
uint32_t tcp_send_queued(const struct tcp *t); /* bytes written, not acknowledged (Send-Q) */
uint32_t tcp_flight_size(const struct tcp *t); /* RFC 5681 */
/* Reports TCP_EVENT_EOF when the peer's FIN stands and every byte before it has been delivered. */
void tcp_check_eof(struct tcp_layer *l, struct tcp *t);
/* Nothing of ours is on its way, or will be: the peer has acknowledged our FIN, or the connection is over. */
bool tcp_sending_ended(const struct tcp *t);
/* RFC 9293 3.5.3: ESTABLISHED and later. */
bool tcp_synchronized(enum tcp_state s);
/* SO_RCVBUF and SO_SNDBUF; TCP_BUF_MIN to TCP_BUF_MAX bytes. */
void tcp_set_rcvbuf(struct tcp *t, uint32_t bytes);
void tcp_set_sndbuf(struct tcp *t, uint32_t bytes);
void tcp_set_keepalive(struct tcp_layer *l, struct tcp *t, bool on);
void tcp_set_keep_idle(struct tcp_layer *l, struct tcp *t, duration idle);
void tcp_set_nodelay(struct tcp_layer *l, struct tcp *t, bool on);
/* TCP_CORK; off: what it held back goes now. */
void tcp_set_cork(struct tcp_layer *l, struct tcp *t, bool on);
/* TCP_QUICKACK: on, what is owed is acknowledged now and the next segments at once; off, they are delayed. Either way
 * only for a while. */
void tcp_set_quickack(struct tcp_layer *l, struct tcp *t, bool on);
bool tcp_quickack(const struct tcp *t);
/* May what is negotiated at the opening still be chosen? A listener's choice is its children's. */
bool tcp_unopened(const struct tcp *t);
/* TCP_CONGESTION: the window stays, what the former algorithm has learned is forgotten. */
void tcp_set_cc(struct tcp *t, enum tcp_cc cc);
/* TCP_MAXSEG, for both directions when set before the connection is opened; 0: no limit. EINVAL: out of range. */
int tcp_set_mss(struct tcp_layer *l, struct tcp *t, uint32_t mss);
/* IP_OPTIONS: a source route in the form of ip(7); no bytes: none. EINVAL: something else; EPERM: source routes are not
 * allowed; ENOBUFS: the MTU has no room for it. */
int tcp_set_ip_options(struct tcp_layer *l, struct tcp *t, const uint8_t *options, uint32_t len);
void snap_tcp_layer(struct snap *s, struct tcp_layer *l);
void snap_tcp(struct snap *s, struct tcp_layer *l,
              struct tcp *t); /* all but parent and queues, which are the stack's */

#endif
