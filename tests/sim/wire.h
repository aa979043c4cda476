/* The observer: what TCP may do, judged from the wire.
 *
 * Theory of operation. The observer sees every frame that leaves a host and every frame that reaches one, and what each
 * application has done. From these alone it keeps a picture of each side of each connection: a wire_end. Positions in a
 * sequence space are plain integers that count from the initial sequence number (SYN 0, first byte 1), so no comparison
 * here wraps.
 *
 * An end is a picture of one host, made of what left it (all of which it must answer for) and of what reached it (which
 * it may have used). Where a host might have had a reason not to use a segment, the picture is generous: it counts as
 * received (`got`, `expect`) when the question is "may it acknowledge this?", and not (`taken`, `sure`) when the
 * question is "must it?".
 *
 * Rules are checked at three moments: of each segment that leaves (wire_send.c: sequence numbers, bytes, windows,
 * congestion, back-off; wire_receive.c: acknowledgments, SACK blocks, window edges, timestamps), at each transition and
 * reset that the stack reports (wire_life.c), and at the end of each turn (what was owed in it). */
#ifndef TOYNET_TESTS_WIRE_H
#define TOYNET_TESTS_WIRE_H

#include "base/env.h"
#include "link/flat.h"
#include "ranges.h"

#define WIRE_PAIRS_MAX 64
#define WIRE_SYNS      4 /* SYNs that are remembered, for the SYN-ACK that answers one */
#define WIRE_NONE      INT32_MAX

#define WIRE_FIN 0x01u
#define WIRE_SYN 0x02u
#define WIRE_RST 0x04u
#define WIRE_ACK 0x10u

struct world;
struct sim_host;
struct sim_app;

/* What a SYN offers. */
struct wire_offer {
	bool ts, ws, sack;
	uint8_t shift;
	uint16_t mss;
};

/* A TCP segment, whole or not. */
struct wire_seg {
	uint16_t src, dst; /* ports */
	uint32_t seq, ack, wnd;
	unsigned flags;
	const uint8_t *text;
	uint32_t len, header; /* of the text; of the TCP header */
	uint32_t cut;         /* text of each segment of a super-frame; 0 for a plain segment */
	struct wire_offer offer;
	bool has_ts;
	uint32_t tsval, tsecr;
	int sacks;
	struct {
		uint32_t start, end;
	} sack[4];
};

struct wire_end {
	bool used, over; /* over: the stack has ended it */
	bool irs_known;
	/* Some of what it sent may have been lost while an address was asked for: text; an acknowledgment. */
	bool hidden, hidden_ack;
	bool established; /* or beyond */
	bool spoke;       /* it has sent more than SYNs */
	uint32_t iss, irs;
	struct sim_app *app; /* NULL: not accepted yet */
	struct wire_offer own, peer;
	bool in_time_wait, in_fin_wait_2;
	instant since; /* entered that state */
	instant opened, last_arrived, una_moved;
	/* As a sender. */
	int32_t nxt, una, fin; /* fin: position of the FIN, WIRE_NONE while none was sent */
	int32_t edge;          /* rightmost edge that has reached it */
	bool zero_window;      /* says the last acknowledgment that reached it */
	struct ranges sacked;
	bool retransmitted, dupacks;
	instant business_since; /* it has had something to send since; never: nothing */
	struct {                /* since the last segment that reached it */
		unsigned count; /* transmissions of the first octet again */
		instant last;
		duration gap;
		uint32_t bytes; /* sent since `last` */
	} silence;
	unsigned head_sends; /* transmissions of the first octet since una moved */
	/* As a receiver. */
	struct ranges got, taken; /* what reached it intact; what of it the stack had no reason to refuse */
	int32_t expect, sure;     /* the ends of what is in order, of either */
	int32_t acked, adv, peer_fin;
	bool ack_now; /* something reached it in this turn that is answered at once */
	instant pending_since;
	unsigned pending_full; /* full segments in order that are not acknowledged */
	uint32_t max_text;
	bool ts_known, tsval_known;
	uint32_t ts_max, tsval_last, tsecr_last;
	bool rst_ok; /* a RST with the expected sequence number has reached it */
};

struct wire_pair {
	uint16_t port[2];
	struct wire_end end[2];
	struct { /* SYNs that reached each host */
		uint32_t seq, tsval, wnd;
		struct wire_offer offer;
	} syn[2][WIRE_SYNS];
	unsigned syns[2];
};

struct wire {
	struct wire_pair pair[WIRE_PAIRS_MAX];
	int pairs;
	bool arp_open[2];       /* the host asks for the other's address: what it sends may wait */
	bool arp_answered[2];   /* in this turn: what waited comes now */
	struct wire_seg now[2]; /* the segment that reached each host last */
	bool now_valid[2];
};

/* wire.c */
void wire_free(struct wire *v);
/* A frame leaves h, or reaches it (before the stack looks at it; forged: no host has sent it). */
void wire_sent(struct sim_host *h, const struct flat_frame *f);
void wire_arrived(struct sim_host *h, const struct frame_in *f, bool forged);
void wire_turn_begin(struct sim_host *h);
void wire_turn_end(struct sim_host *h);
/* The host is switched off. */
void wire_reboot(struct sim_host *h);
/* The end of host h with these ports; NULL: never seen. */
struct wire_end *wire_end_of(struct world *w, int host, uint16_t local, uint16_t remote);
void wire_end_reset(struct wire_end *e);
/* False: no intact TCP segment over IPv4. */
bool wire_parse(const uint8_t *frame, uint32_t len, const struct offload *off, struct wire_seg *g);

/* wire_send.c */
void wire_sent_text(struct sim_host *h, struct wire_end *e, const struct wire_seg *g);
void wire_learn_ack(struct sim_host *h, struct wire_end *e, const struct wire_seg *g);
void wire_check_business(struct sim_host *h, struct wire_end *e);

/* wire_receive.c */
void wire_sent_ack(struct sim_host *h, struct wire_end *e, const struct wire_seg *g);
void wire_learn_text(struct sim_host *h, struct wire_end *e, const struct wire_seg *g);
void wire_check_owed(struct sim_host *h, struct wire_end *e);

/* wire_life.c */
void wire_transition(struct sim_host *h, uint64_t socket, uint8_t from, uint8_t to, const char *why);
void wire_reset_sent(struct sim_host *h, uint64_t socket, const char *why);

#endif
