/* One stack and a TCP peer made by hand, for the suites of transport/tcp*.c, socket/ and stack/: one packet per line.
 *
 * We are 10.0.0.1, the peer is 10.0.0.2 and resolved by ARP beforehand. Sequence numbers in a test are relative: ours
 * count from our ISS (the SYN is 0, the first byte 1), the peer's from PEER_ISS. Text is never written out: the byte at
 * each sequence number follows from tcp_net_byte, is filled in on input and verified on output and on delivery.
 *
 *     IN(&n, TCP_SYN, .seq = 0, .mss = 1460);
 *     OUT(&n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
 *     IN(&n, TCP_ACK, .seq = 1, .ack = 1);
 *
 * Each IN is one turn of the stack with one frame; BATCH gives it several. OUT demands the next segment that was sent;
 * PSH is not compared. A test starts in a named state (in_established, ...) and ends with tcp_net_end, which demands
 * that every segment sent was looked at, and that no memory is left. */
#ifndef TOYNET_TESTS_TCP_NET_H
#define TOYNET_TESTS_TCP_NET_H

#include "base/trace.h"
#include "net.h"
#include "socket/socket_internal.h"
#include "stack/stack.h"
#include "transport/tcp_internal.h"

#define PEER_ISS     UINT32_C(0xffffff00)       /* the sequence space wraps early */
#define TCP_NET_TIME (INT64_C(5000) * NS_PER_S) /* when a test begins */
#define PEER_PORT    7000
#define LISTEN_PORT  80
#define SENT_MAX     256
#define BATCH_MAX    16

/* A segment; what is zero has its usual value or is absent. */
struct tseg {
	unsigned flags;
	uint32_t seq, ack;
	uint32_t len; /* of text */
	uint16_t wnd; /* in: 0 stands for 65535 */
	bool zero_wnd;
	uint16_t urg;
	uint16_t mss;
	bool has_ws, sack_permitted, has_ts, no_ts;
	uint8_t ws;
	uint32_t tsval, tsecr;
	int sacks;
	struct {
		uint32_t start, end;
	} sack[4];
	/* in only: how it is damaged, and where it goes */
	bool bad_csum;
	uint8_t data_offset; /* in words, when not what it should be */
	uint32_t cut;        /* bytes missing at the end */
	uint16_t port, peer_port;
	const char *src, *dst;
	struct mac_addr mac;
	const uint8_t *raw_options;
	uint32_t raw_options_len;
	uint16_t gso_size; /* in: a super-frame. out: the same */
	uint8_t tos;       /* the same; not compared */
	/* out only */
	instant at;
	bool psh;
	uint16_t local_port, remote_port;
	uint8_t ttl;
	bool df;
	uint32_t ip_options_len;
	uint8_t ip_options[40], ip_dst[4];
	uint32_t frame_len;
};

/* What the peer offers in its SYN, and how we are configured. */
struct tcp_net_options {
	uint16_t peer_mss; /* 0: no option */
	bool peer_sack, peer_ts;
	int peer_ws; /* -1: no option */
	uint16_t peer_wnd;
	uint16_t mtu;
	bool source_route;
	struct link_caps caps;
	struct tcp_config tcp;
	uint32_t sockets_per_uid, sockets_max;
};

/* An ICMP error about a segment of ours; what is zero has its usual value. */
struct ticmp {
	uint8_t type, code; /* destination unreachable */
	uint16_t mtu;
	uint32_t seq;              /* of the quoted segment */
	uint16_t total;            /* of the quoted datagram: 1500 */
	uint16_t port, peer_port;  /* the connection's */
	const char *from, *remote; /* who says so, of what destination: GATEWAY, PEER */
	uint32_t quoted;           /* bytes behind the quoted IP header: 8 */
	bool none;                 /* quoted none at all */
	const uint8_t *route;      /* 12 bytes of IP options in the quoted header */
};

struct tcp_net {
	struct env env;
	struct stack *stack;
	struct tcp_net_options opt;
	struct socket *listener;
	struct socket *so; /* the connection under test; see tcp_net_gone */
	uint64_t id;       /* of so */
	uint32_t iss;
	bool iss_known;
	uint16_t port; /* ours, of the connection */
	struct tseg sent[SENT_MAX];
	int sent_count, sent_next;
	unsigned events, listener_events;
	uint32_t received;    /* bytes of the peer's stream delivered */
	uint32_t held;        /* of them, in the channel */
	uint32_t channel_max; /* room of the channel */
	uint32_t written;     /* bytes of our stream handed over */
	uint32_t peer_ts_base;
	uint32_t last_tsval;  /* ours, seen last */
	bool ts_on;           /* IN adds timestamps by itself */
	enum counter dropped; /* reason of the last drop */
	bool arp_asked;
	uint8_t arp_target[4]; /* whom: every station is PEER_MAC */
	uint8_t buffer[BATCH_MAX][FRAME_MAX];
	struct frame_in frame[BATCH_MAX];
	int frames;
};

extern const struct tcp_net_options tcp_net_plain;  /* MSS 1460, no other option, window 65535, MTU 1500 */
extern const struct tcp_net_options tcp_net_modern; /* with SACK, timestamps and a shift of 7 */

/* The byte at an offset of a stream; the peer's and ours differ. */
uint8_t tcp_net_byte(bool ours, uint32_t seq);

void tcp_net_begin(struct tcp_net *n, const struct tcp_net_options *opt);
void tcp_net_end(struct tcp_net *n);
/* Puts a segment into the batch of the next turn. */
void tcp_net_push(struct tcp_net *n, struct tseg g);
/* Puts IP options into the last frame of the batch; a multiple of four bytes. */
void tcp_net_ip_options(struct tcp_net *n, const uint8_t *options, uint32_t len);
/* One turn: the batch, timers, deliveries, output. */
void tcp_net_turn(struct tcp_net *n);
#define IN(n, ...) (tcp_net_push((n), (struct tseg){.flags = __VA_ARGS__}), tcp_net_turn(n))
void tcp_net_push_icmp(struct tcp_net *n, struct ticmp e);
#define ICMP(n, ...)  (tcp_net_push_icmp((n), (struct ticmp){.type = __VA_ARGS__}), tcp_net_turn(n))
#define BATCH(n, ...) tcp_net_push((n), (struct tseg){.flags = __VA_ARGS__})
/* Demands the next segment, and returns it. flags, seq, ack, len, and where given wnd, mss, ws, sacks are compared. */
const struct tseg *tcp_net_expect(struct tcp_net *n, struct tseg want, int line);
#define OUT(n, ...) tcp_net_expect((n), (struct tseg){.flags = __VA_ARGS__}, __LINE__)
/* The next segment, whatever it is. */
const struct tseg *tcp_net_next(struct tcp_net *n, int line);
#define OUT_ANY(n) tcp_net_next((n), __LINE__)
void tcp_net_nothing(struct tcp_net *n, int line);
#define OUT_NOTHING(n) tcp_net_nothing((n), __LINE__)
/* Segments sent and not yet looked at. */
int tcp_net_waiting(const struct tcp_net *n);
void tcp_net_skip_output(struct tcp_net *n);
/* Time passes in turns at each deadline. */
void tcp_net_pass(struct tcp_net *n, int64_t ms);
/* Until the stack sends something, at most so long; returns how many ms it took. */
int64_t tcp_net_pass_until_output(struct tcp_net *n, int64_t max_ms);
/* Saves, frees and loads the stack. */
void tcp_net_reload(struct tcp_net *n);
static inline void tcp_net_us(struct tcp_net *n, int64_t us)
{
	n->env.now.ns += us * NS_PER_US;
	tcp_net_turn(n);
}

#define CNT(n, name) ((n)->stack->counters.v[CNT_##name])
#define EXPECT_DROP(n, name)                                                                                  \
	do {                                                                                                  \
		ck_assert_str_eq((n)->dropped == CNT_COUNT ? "no drop" : counter_names[(n)->dropped], #name); \
		(n)->dropped = CNT_COUNT;                                                                     \
	} while (0)

/* The connection's block; it must live. */
struct tcp *tcb(struct tcp_net *n);
bool tcp_net_gone(const struct tcp_net *n);
#define EXPECT_STATE(n, s) ck_assert_str_eq(tcp_state_names[tcb(n)->state], tcp_state_names[s])
/* Events of the connection since the last call. */
unsigned tcp_net_events(struct tcp_net *n);
int64_t tcp_net_timer_ms(struct tcp_net *n, enum tcp_timer which); /* -1: not set */

struct socket *tcp_net_open(struct tcp_net *n);
/* The calls, each followed by a turn. */
void do_send(struct tcp_net *n, uint32_t len);
void do_shutdown_write(struct tcp_net *n);
void do_close(struct tcp_net *n, bool unread);
void do_abort(struct tcp_net *n);
void do_read(struct tcp_net *n, uint32_t len); /* the application empties its channel by so much */
void do_accept(struct tcp_net *n);

/* Named states: everything sent on the way has been looked at. */
void in_listen(struct tcp_net *n, const struct tcp_net_options *opt, int backlog);
void in_syn_sent(struct tcp_net *n, const struct tcp_net_options *opt);
void in_syn_received(struct tcp_net *n, const struct tcp_net_options *opt);
void in_established(struct tcp_net *n, const struct tcp_net_options *opt); /* by connect */
void in_accepted(struct tcp_net *n, const struct tcp_net_options *opt);    /* by accept */
void in_fin_wait_1(struct tcp_net *n, const struct tcp_net_options *opt);
void in_fin_wait_2(struct tcp_net *n, const struct tcp_net_options *opt);
void in_close_wait(struct tcp_net *n, const struct tcp_net_options *opt);
void in_closing(struct tcp_net *n, const struct tcp_net_options *opt);
void in_last_ack(struct tcp_net *n, const struct tcp_net_options *opt);
void in_time_wait(struct tcp_net *n, const struct tcp_net_options *opt);
/* All states in which a connection is synchronized or nearly so, for tests that hold in each. peer_next and our_next
 * are the sequence numbers that both sides use next. */
struct tcp_net_state {
	enum tcp_state state;
	void (*enter)(struct tcp_net *n, const struct tcp_net_options *opt);
	uint32_t peer_next, our_next;
};
#define TCP_NET_STATES 8
extern const struct tcp_net_state tcp_net_states[TCP_NET_STATES];
/* The peer's SYN, as opt says. */
struct tseg peer_syn(const struct tcp_net *n, unsigned flags);

#endif
