/* The events of RFC 9293 3.10 in every state, as a table: each event in each state has exactly one row, which tells
 * what is answered, what state follows and what the user is told, and the paragraph that says so.
 *
 * SYN-RECEIVED stands twice, for a passive and for an active open, because the RFC distinguishes them. No end has
 * options; our FIN, where it was sent, is not acknowledged but in FIN-WAIT-2 and TIME-WAIT. The calls are those of the
 * sockets API: where its errors are other words for the RFC's, the row has a note. */
#include "tcp_net.h"

enum {
	TEXT = 10,
	FAR = 100000, /* beyond every window here */
	TIMEOUT_S = 5,
	NOT_FROM = -1,     /* the call does not exist there */
	FIRST = INT32_MAX, /* the peer's ISS */
};

/* Places: the eleven states, SYN-RECEIVED twice. */
enum place_id { CL, LI, SS, SP, SA, ES, F1, F2, CW, CG, LA, TW, PLACES };
#define AT(p)        (1u << (p))
#define EVERY        (AT(PLACES) - 1)
#define SYNCHRONIZED (AT(ES) | AT(F1) | AT(F2) | AT(CW) | AT(CG) | AT(LA) | AT(TW))
#define RECEIVED     (AT(SP) | AT(SA))

static void in_closed(struct tcp_net *n, const struct tcp_net_options *opt)
{
	tcp_net_begin(n, opt);
	n->so = tcp_net_open(n);
	n->id = n->so->id;
	n->port = LISTEN_PORT;
	ck_assert_int_eq(socket_bind(n->stack, n->so, (struct endpoint){addr(US), LISTEN_PORT}), 0);
}

static void in_listening(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_listen(n, opt, 8);
	n->so = n->listener;
	n->id = n->so->id;
}

static void in_syn_received_active(struct tcp_net *n, const struct tcp_net_options *opt)
{
	in_syn_sent(n, opt);
	IN(n, TCP_SYN, .seq = 0, .mss = 1460);
	OUT(n, TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
	EXPECT_STATE(n, TCP_SYN_RECEIVED);
}

static const struct place {
	enum tcp_state state;
	void (*enter)(struct tcp_net *n, const struct tcp_net_options *opt);
	uint32_t rcv, snd; /* RCV.NXT and SND.NXT */
} places[PLACES] = {
        [CL] = {TCP_CLOSED, in_closed, 0, 0},
        [LI] = {TCP_LISTEN, in_listening, 0, 0},
        [SS] = {TCP_SYN_SENT, in_syn_sent, 0, 1},
        [SP] = {TCP_SYN_RECEIVED, in_syn_received, 1, 1},
        [SA] = {TCP_SYN_RECEIVED, in_syn_received_active, 1, 1},
        [ES] = {TCP_ESTABLISHED, in_established, 1, 1},
        [F1] = {TCP_FIN_WAIT_1, in_fin_wait_1, 1, 2},
        [F2] = {TCP_FIN_WAIT_2, in_fin_wait_2, 1, 2},
        [CW] = {TCP_CLOSE_WAIT, in_close_wait, 2, 1},
        [CG] = {TCP_CLOSING, in_closing, 2, 2},
        [LA] = {TCP_LAST_ACK, in_last_ack, 2, 2},
        [TW] = {TCP_TIME_WAIT, in_time_wait, 2, 2},
};

enum event {
	/* 3.10.1 to 3.10.6 */
	OPEN_ACTIVE,
	OPEN_PASSIVE,
	SEND,
	SHUTDOWN, /* CLOSE by an application that goes on reading: the RFC's half-close */
	CLOSE,    /* and one that does not */
	ABORT,
	STATUS,
	/* 3.10.7 */
	SEG_SYN,        /* at RCV.NXT */
	SEG_SYN_FAR,    /* outside of the window */
	SEG_SYN_AGAIN,  /* the SYN that opened the connection */
	SEG_SYN_ACK,    /* the same, with an acknowledgment of our SYN */
	SEG_RST,        /* at RCV.NXT */
	SEG_RST_ACK,    /* the same, with an acceptable acknowledgment */
	SEG_RST_WINDOW, /* elsewhere in the window */
	SEG_RST_FAR,
	SEG_ACK,      /* acknowledges all we sent */
	SEG_ACK_OLD,  /* acknowledges nothing */
	SEG_ACK_PAST, /* below SND.UNA - MAX.SND.WND */
	SEG_ACK_NEW,  /* of what was never sent */
	SEG_TEXT,     /* at RCV.NXT, with ACK=1 */
	SEG_TEXT_OLD, /* before it */
	SEG_TEXT_FAR, /* beyond the window */
	SEG_NO_ACK,   /* text at RCV.NXT, without the ACK bit */
	SEG_URG,      /* text at RCV.NXT that is urgent */
	SEG_FIN,      /* at RCV.NXT */
	SEG_FIN_ACK,  /* and it acknowledges all we sent */
	SEG_FIN_OLD,  /* before RCV.NXT */
	/* 3.10.8 */
	USER_TIMEOUT, /* with text or a FIN outstanding, where there can be */
	RETRANSMISSION_TIMEOUT,
	TIME_WAIT_TIMEOUT,
	EVENTS
};

enum answer {
	NOTHING,
	AN_ACK,       /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
	A_SYN,        /* <SEQ=ISS><CTL=SYN> */
	A_SYN_ACK,    /* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> */
	A_FIN,        /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=FIN,ACK> */
	A_FIN_AGAIN,  /* <SEQ=SND.NXT-1><ACK=RCV.NXT><CTL=FIN,ACK> */
	SOME_TEXT,    /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> with text */
	A_RST,        /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK> of ABORT */
	A_RST_AFTER,  /* the same, TEXT bytes later */
	A_RST_AT_ACK, /* <SEQ=SEG.ACK><CTL=RST> */
	A_RST_AT_LEN, /* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
};

#define SAME TCP_STATES /* the state does not change */

struct row {
	enum event event;
	unsigned places;
	const char *rfc; /* paragraph of RFC 9293, or another RFC's */
	enum answer answer;
	unsigned next;
	uint32_t moved;  /* RCV.NXT, by the event */
	int error;       /* of the call, or SO_ERROR after the event */
	unsigned events; /* SOCKET_ERROR is not listed: it follows from the error */
};

/* clang-format off */
static const struct row rows[] = {
	{OPEN_ACTIVE, AT(CL), "3.10.1 CLOSED", A_SYN, TCP_SYN_SENT, 0, EINPROGRESS, 0},
	/* The RFC turns a listener into an active open; connect(2) has EOPNOTSUPP for it. */
	{OPEN_ACTIVE, AT(LI), "3.10.1 LISTEN", NOTHING, SAME, 0, EOPNOTSUPP, 0},
	{OPEN_ACTIVE, AT(SS) | RECEIVED, "3.10.1 \"connection already exists\"", NOTHING, SAME, 0, EALREADY, 0},
	{OPEN_ACTIVE, SYNCHRONIZED, "3.10.1 \"connection already exists\"", NOTHING, SAME, 0, EISCONN, 0},
	{OPEN_PASSIVE, AT(CL), "3.10.1 CLOSED", NOTHING, TCP_LISTEN, 0, 0, 0},
	{OPEN_PASSIVE, AT(LI), "listen(2): a new backlog", NOTHING, SAME, 0, 0, 0},
	{OPEN_PASSIVE, AT(SS) | RECEIVED | SYNCHRONIZED, "3.10.1 \"connection already exists\"", NOTHING, SAME, 0, EINVAL, 0},
	{SEND, AT(CL), "3.10.2 \"connection does not exist\"", NOTHING, SAME, 0, ENOTCONN, 0},
	{SEND, AT(LI), "3.10.2 \"remote socket unspecified\"", NOTHING, SAME, 0, ENOTCONN, 0},
	{SEND, AT(SS) | RECEIVED, "3.10.2: queued until ESTABLISHED", NOTHING, SAME, 0, 0, 0},
	{SEND, AT(ES) | AT(CW), "3.10.2: segmentized and sent", SOME_TEXT, SAME, 0, 0, 0},
	{SEND, AT(F1) | AT(F2) | AT(CG) | AT(LA) | AT(TW), "3.10.2 \"connection closing\"", NOTHING, SAME, 0, EPIPE, 0},
	{SHUTDOWN, AT(CL) | AT(LI), "3.10.4 \"connection does not exist\"", NOTHING, SAME, 0, ENOTCONN, 0},
	{SHUTDOWN, AT(SS), "shutdown(2): queued, as 3.10.4 SYN-RECEIVED", NOTHING, SAME, 0, 0, 0},
	{SHUTDOWN, RECEIVED, "3.10.4 SYN-RECEIVED: queued", NOTHING, SAME, 0, 0, 0},
	{SHUTDOWN, AT(ES), "3.10.4 ESTABLISHED", A_FIN, TCP_FIN_WAIT_1, 0, 0, 0},
	{SHUTDOWN, AT(CW), "3.10.4 CLOSE-WAIT", A_FIN, TCP_LAST_ACK, 0, 0, 0},
	{SHUTDOWN, AT(F1) | AT(F2), "3.10.4: \"ok\", no second FIN", NOTHING, SAME, 0, 0, 0},
	{SHUTDOWN, AT(CG) | AT(LA) | AT(TW), "3.10.4: in the sockets API \"ok\", too", NOTHING, SAME, 0, 0, 0},
	{CLOSE, AT(CL), "3.10.4: there is no block to keep", NOTHING, TCP_CLOSED, 0, 0, 0},
	{CLOSE, AT(LI), "3.10.4 LISTEN", NOTHING, TCP_CLOSED, 0, 0, 0},
	{CLOSE, AT(SS), "3.10.4 SYN-SENT", NOTHING, TCP_CLOSED, 0, 0, 0},
	{CLOSE, AT(SA), "3.10.4 SYN-RECEIVED: queued", NOTHING, SAME, 0, 0, 0},
	{CLOSE, AT(ES), "3.10.4 ESTABLISHED", A_FIN, TCP_FIN_WAIT_1, 0, 0, 0},
	{CLOSE, AT(CW), "3.10.4 CLOSE-WAIT", A_FIN, TCP_LAST_ACK, 0, 0, 0},
	{CLOSE, AT(F1) | AT(F2), "3.10.4: no second FIN", NOTHING, SAME, 0, 0, 0},
	{CLOSE, AT(CG) | AT(LA) | AT(TW), "3.10.4: the end goes on", NOTHING, SAME, 0, 0, 0},
	{CLOSE, AT(SP), "the application does not have it yet", NOTHING, SAME, 0, NOT_FROM, 0},
	{ABORT, AT(CL), "3.10.5: there is no block to keep", NOTHING, TCP_CLOSED, 0, 0, 0},
	{ABORT, AT(LI), "3.10.5 LISTEN", NOTHING, TCP_CLOSED, 0, 0, 0},
	{ABORT, AT(SS), "3.10.5 SYN-SENT", NOTHING, TCP_CLOSED, 0, 0, 0},
	{ABORT, AT(SA) | AT(ES) | AT(F1) | AT(F2) | AT(CW), "3.10.5: a reset", A_RST, TCP_CLOSED, 0, 0, 0},
	{ABORT, AT(CG) | AT(LA) | AT(TW), "3.10.5: \"ok\"", NOTHING, TCP_CLOSED, 0, 0, 0},
	{ABORT, AT(SP), "the application does not have it yet", NOTHING, SAME, 0, NOT_FROM, 0},
	{STATUS, EVERY, "3.10.6", NOTHING, SAME, 0, 0, 0},
	{SEG_SYN, AT(CL), "3.10.7.1", A_RST_AT_LEN, SAME, 0, 0, 0},
	{SEG_SYN, AT(LI), "3.10.7.2 third", A_SYN_ACK, TCP_SYN_RECEIVED, 1, 0, 0},
	{SEG_SYN, AT(SS), "3.10.7.3 fourth: simultaneous open", A_SYN_ACK, TCP_SYN_RECEIVED, 1, 0, 0},
	{SEG_SYN, AT(SP), "3.10.7.4 fourth: return to LISTEN", NOTHING, TCP_LISTEN, 0, 0, 0},
	{SEG_SYN, AT(SA) | SYNCHRONIZED, "3.10.7.4 fourth: challenge ACK", AN_ACK, SAME, 0, 0, 0},
	{SEG_SYN_FAR, AT(CL), "3.10.7.1", A_RST_AT_LEN, SAME, 0, 0, 0},
	{SEG_SYN_FAR, AT(LI), "3.10.7.2 third: no window yet", A_SYN_ACK, TCP_SYN_RECEIVED, FAR + 1, 0, 0},
	{SEG_SYN_FAR, AT(SS), "3.10.7.3 fourth: no window yet", A_SYN_ACK, TCP_SYN_RECEIVED, FAR + 1, 0, 0},
	{SEG_SYN_FAR, RECEIVED | SYNCHRONIZED, "3.10.7.4 first", AN_ACK, SAME, 0, 0, 0},
	{SEG_SYN_AGAIN, AT(CL), "3.10.7.1", A_RST_AT_LEN, SAME, 0, 0, 0},
	{SEG_SYN_AGAIN, AT(LI), "3.10.7.2 third", A_SYN_ACK, TCP_SYN_RECEIVED, 1, 0, 0},
	{SEG_SYN_AGAIN, AT(SS), "3.10.7.3 fourth", A_SYN_ACK, TCP_SYN_RECEIVED, 1, 0, 0},
	/* The ACK of the first check, which takes our SYN along: it may have been lost. */
	{SEG_SYN_AGAIN, RECEIVED, "3.10.7.4 first", A_SYN_ACK, SAME, 0, 0, 0},
	{SEG_SYN_AGAIN, SYNCHRONIZED, "3.10.7.4 first", AN_ACK, SAME, 0, 0, 0},
	{SEG_SYN_ACK, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_SYN_ACK, AT(SS), "3.10.7.3 fourth", AN_ACK, TCP_ESTABLISHED, 1, 0, SOCKET_CONNECTED},
	{SEG_SYN_ACK, AT(SP), "3.10.7.4 first", AN_ACK, SAME, 0, 0, 0},
	{SEG_SYN_ACK, AT(SA), "3.5, Figure 7, line 7", NOTHING, TCP_ESTABLISHED, 0, 0, SOCKET_CONNECTED},
	{SEG_SYN_ACK, SYNCHRONIZED, "3.10.7.4 first", AN_ACK, SAME, 0, 0, 0},
	{SEG_RST, AT(CL) | AT(LI), "3.10.7.1: discarded, 3.10.7.2 first", NOTHING, SAME, 0, 0, 0},
	{SEG_RST, AT(SS), "3.10.7.3 second: no ACK", NOTHING, SAME, 0, 0, 0},
	{SEG_RST, AT(SP), "3.10.7.4 second: return to LISTEN", NOTHING, TCP_LISTEN, 0, 0, 0},
	{SEG_RST, AT(SA), "3.10.7.4 second: \"connection refused\"", NOTHING, TCP_CLOSED, 0, ECONNREFUSED, 0},
	{SEG_RST, AT(ES) | AT(F1) | AT(F2), "3.10.7.4 second: \"connection reset\"", NOTHING, TCP_CLOSED, 0, ECONNRESET, 0},
	/* Linux' word for it: the peer has read nothing of what comes. */
	{SEG_RST, AT(CW), "3.10.7.4 second: \"connection reset\"", NOTHING, TCP_CLOSED, 0, EPIPE, 0},
	{SEG_RST, AT(CG) | AT(LA), "3.10.7.4 second", NOTHING, TCP_CLOSED, 0, 0, 0},
	{SEG_RST, AT(TW), "RFC 1337 4 (F1), against 3.10.7.4 second", NOTHING, SAME, 0, 0, 0},
	{SEG_RST_ACK, AT(CL) | AT(LI), "3.10.7.1: discarded, 3.10.7.2 first", NOTHING, SAME, 0, 0, 0},
	{SEG_RST_ACK, AT(SS), "3.10.7.3 second: \"connection reset\"", NOTHING, TCP_CLOSED, 0, ECONNREFUSED, 0},
	{SEG_RST_ACK, AT(SP), "3.10.7.4 second: return to LISTEN", NOTHING, TCP_LISTEN, 0, 0, 0},
	{SEG_RST_ACK, AT(SA), "3.10.7.4 second: \"connection refused\"", NOTHING, TCP_CLOSED, 0, ECONNREFUSED, 0},
	{SEG_RST_ACK, AT(ES) | AT(F1) | AT(F2), "3.10.7.4 second: \"connection reset\"", NOTHING, TCP_CLOSED, 0, ECONNRESET, 0},
	{SEG_RST_ACK, AT(CW), "3.10.7.4 second: \"connection reset\"", NOTHING, TCP_CLOSED, 0, EPIPE, 0},
	{SEG_RST_ACK, AT(CG) | AT(LA), "3.10.7.4 second", NOTHING, TCP_CLOSED, 0, 0, 0},
	{SEG_RST_ACK, AT(TW), "RFC 1337 4 (F1), against 3.10.7.4 second", NOTHING, SAME, 0, 0, 0},
	{SEG_RST_WINDOW, AT(CL) | AT(LI) | AT(SS), "3.10.7.1, 3.10.7.2 first, 3.10.7.3 second", NOTHING, SAME, 0, 0, 0},
	{SEG_RST_WINDOW, RECEIVED | SYNCHRONIZED, "3.10.7.4 second, 3): challenge ACK", AN_ACK, SAME, 0, 0, 0},
	{SEG_RST_FAR, EVERY, "3.10.7.4 second, 1): silently dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_ACK, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK, AT(SS), "3.10.7.3 fifth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_ACK, AT(SP), "3.10.7.4 fifth", NOTHING, TCP_ESTABLISHED, 0, 0, 0},
	{SEG_ACK, AT(SA), "3.10.7.4 fifth", NOTHING, TCP_ESTABLISHED, 0, 0, SOCKET_CONNECTED},
	{SEG_ACK, AT(ES) | AT(F2) | AT(CW) | AT(TW), "3.10.7.4 fifth", NOTHING, SAME, 0, 0, 0},
	{SEG_ACK, AT(F1), "3.10.7.4 fifth FIN-WAIT-1", NOTHING, TCP_FIN_WAIT_2, 0, 0, 0},
	{SEG_ACK, AT(CG), "3.10.7.4 fifth CLOSING", NOTHING, TCP_TIME_WAIT, 0, 0, 0},
	{SEG_ACK, AT(LA), "3.10.7.4 fifth LAST-ACK", NOTHING, TCP_CLOSED, 0, 0, 0},
	{SEG_ACK_OLD, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_OLD, AT(SS), "3.10.7.3 first", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_OLD, RECEIVED, "3.10.7.4 fifth SYN-RECEIVED", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_OLD, SYNCHRONIZED, "3.10.7.4 fifth: ignored", NOTHING, SAME, 0, 0, 0},
	{SEG_ACK_PAST, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_PAST, AT(SS), "3.10.7.3 first", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_PAST, RECEIVED, "3.10.7.4 fifth SYN-RECEIVED, 3.5.2 group 2", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_PAST, SYNCHRONIZED, "3.10.7.4 fifth, RFC 5961 5", AN_ACK, SAME, 0, 0, 0},
	{SEG_ACK_NEW, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_NEW, AT(SS), "3.10.7.3 first", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_NEW, RECEIVED, "3.10.7.4 fifth SYN-RECEIVED, 3.5.2 group 2", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_ACK_NEW, SYNCHRONIZED, "3.10.7.4 fifth: an ACK, dropped", AN_ACK, SAME, 0, 0, 0},
	{SEG_TEXT, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_TEXT, AT(SS), "3.10.7.3 fifth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_TEXT, AT(SP), "3.10.7.4 fifth, seventh", AN_ACK, TCP_ESTABLISHED, TEXT, 0, 0},
	{SEG_TEXT, AT(SA), "3.10.7.4 fifth, seventh", AN_ACK, TCP_ESTABLISHED, TEXT, 0, SOCKET_CONNECTED},
	{SEG_TEXT, AT(ES) | AT(F1) | AT(F2), "3.10.7.4 seventh", AN_ACK, SAME, TEXT, 0, 0},
	{SEG_TEXT, AT(CW) | AT(CG) | AT(LA) | AT(TW), "3.10.7.4 seventh: ignored", NOTHING, SAME, 0, 0, 0},
	{SEG_TEXT_OLD, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_TEXT_OLD, AT(SS), "3.10.7.3 fifth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_TEXT_OLD, RECEIVED | SYNCHRONIZED, "3.10.7.4 first", AN_ACK, SAME, 0, 0, 0},
	{SEG_TEXT_FAR, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_TEXT_FAR, AT(SS), "3.10.7.3 fifth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_TEXT_FAR, RECEIVED | SYNCHRONIZED, "3.10.7.4 first", AN_ACK, SAME, 0, 0, 0},
	{SEG_NO_ACK, AT(CL), "3.10.7.1", A_RST_AT_LEN, SAME, 0, 0, 0},
	{SEG_NO_ACK, AT(LI), "3.10.7.2 fourth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_NO_ACK, AT(SS), "3.10.7.3 fifth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_NO_ACK, RECEIVED | SYNCHRONIZED, "3.10.7.4 fifth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_URG, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_URG, AT(SS), "3.10.7.3 fifth: dropped", NOTHING, SAME, 0, 0, 0},
	{SEG_URG, AT(SP), "3.10.7.4 sixth", AN_ACK, TCP_ESTABLISHED, TEXT, 0, SOCKET_REPORT},
	{SEG_URG, AT(SA), "3.10.7.4 sixth", AN_ACK, TCP_ESTABLISHED, TEXT, 0, SOCKET_CONNECTED | SOCKET_REPORT},
	{SEG_URG, AT(ES) | AT(F1) | AT(F2), "3.10.7.4 sixth", AN_ACK, SAME, TEXT, 0, SOCKET_REPORT},
	{SEG_URG, AT(CW) | AT(CG) | AT(LA) | AT(TW), "3.10.7.4 sixth: ignored", NOTHING, SAME, 0, 0, 0},
	{SEG_FIN, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_FIN, AT(SS), "3.10.7.4 eighth: dropped in SYN-SENT", NOTHING, SAME, 0, 0, 0},
	{SEG_FIN, AT(SP), "3.10.7.4 eighth SYN-RECEIVED", AN_ACK, TCP_CLOSE_WAIT, 1, 0, SOCKET_EOF},
	{SEG_FIN, AT(SA), "3.10.7.4 eighth SYN-RECEIVED", AN_ACK, TCP_CLOSE_WAIT, 1, 0, SOCKET_CONNECTED | SOCKET_EOF},
	{SEG_FIN, AT(ES), "3.10.7.4 eighth ESTABLISHED", AN_ACK, TCP_CLOSE_WAIT, 1, 0, SOCKET_EOF},
	{SEG_FIN, AT(F1), "3.10.7.4 eighth FIN-WAIT-1", AN_ACK, TCP_CLOSING, 1, 0, SOCKET_EOF},
	{SEG_FIN, AT(F2), "3.10.7.4 eighth FIN-WAIT-2", AN_ACK, TCP_TIME_WAIT, 1, 0, SOCKET_EOF},
	/* A stream has one end: a second FIN behind it is acknowledged, but RCV.NXT stays. */
	{SEG_FIN, AT(CW) | AT(CG) | AT(LA) | AT(TW), "3.10.7.4 eighth: remain", AN_ACK, SAME, 0, 0, 0},
	{SEG_FIN_ACK, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_FIN_ACK, AT(SS), "3.10.7.4 eighth: dropped in SYN-SENT", NOTHING, SAME, 0, 0, 0},
	{SEG_FIN_ACK, AT(SP), "3.10.7.4 eighth SYN-RECEIVED", AN_ACK, TCP_CLOSE_WAIT, 1, 0, SOCKET_EOF},
	{SEG_FIN_ACK, AT(SA), "3.10.7.4 eighth SYN-RECEIVED", AN_ACK, TCP_CLOSE_WAIT, 1, 0, SOCKET_CONNECTED | SOCKET_EOF},
	{SEG_FIN_ACK, AT(ES), "3.10.7.4 eighth ESTABLISHED", AN_ACK, TCP_CLOSE_WAIT, 1, 0, SOCKET_EOF},
	{SEG_FIN_ACK, AT(F1) | AT(F2), "3.10.7.4 eighth: our FIN is acknowledged", AN_ACK, TCP_TIME_WAIT, 1, 0, SOCKET_EOF},
	{SEG_FIN_ACK, AT(CW) | AT(TW), "3.10.7.4 eighth: remain", AN_ACK, SAME, 0, 0, 0},
	{SEG_FIN_ACK, AT(CG), "3.10.7.4 fifth CLOSING", AN_ACK, TCP_TIME_WAIT, 0, 0, 0},
	{SEG_FIN_ACK, AT(LA), "3.10.7.4 fifth LAST-ACK", NOTHING, TCP_CLOSED, 0, 0, 0},
	{SEG_FIN_OLD, AT(CL) | AT(LI), "3.10.7.1, 3.10.7.2 second", A_RST_AT_ACK, SAME, 0, 0, 0},
	{SEG_FIN_OLD, AT(SS), "3.10.7.4 eighth: dropped in SYN-SENT", NOTHING, SAME, 0, 0, 0},
	{SEG_FIN_OLD, RECEIVED | SYNCHRONIZED, "3.10.7.4 first; fifth TIME-WAIT", AN_ACK, SAME, 0, 0, 0},
	{USER_TIMEOUT, AT(CL) | AT(LI) | AT(F2) | AT(TW), "3.10.8: nothing is outstanding", NOTHING, SAME, 0, 0, 0},
	{USER_TIMEOUT, AT(SS) | AT(SA), "3.10.8 \"aborted due to user timeout\"", NOTHING, TCP_CLOSED, 0, ETIMEDOUT, 0},
	{USER_TIMEOUT, AT(SP), "3.10.8: the block is deleted", NOTHING, TCP_LISTEN, 0, 0, 0},
	{USER_TIMEOUT, AT(ES) | AT(CW), "3.10.8 \"aborted due to user timeout\"", A_RST_AFTER, TCP_CLOSED, 0, ETIMEDOUT, 0},
	{USER_TIMEOUT, AT(F1) | AT(CG) | AT(LA), "3.10.8 \"aborted due to user timeout\"", A_RST, TCP_CLOSED, 0, ETIMEDOUT, 0},
	{RETRANSMISSION_TIMEOUT, AT(CL) | AT(LI) | AT(F2) | AT(TW), "3.10.8: nothing is outstanding", NOTHING, SAME, 0, 0, 0},
	{RETRANSMISSION_TIMEOUT, AT(SS), "3.10.8: the segment at the front of the queue", A_SYN, SAME, 0, 0, 0},
	{RETRANSMISSION_TIMEOUT, RECEIVED, "3.10.8: the segment at the front of the queue", A_SYN_ACK, SAME, 0, 0, 0},
	{RETRANSMISSION_TIMEOUT, AT(ES) | AT(CW), "3.10.8: the segment at the front of the queue", SOME_TEXT, SAME, 0, 0, 0},
	{RETRANSMISSION_TIMEOUT, AT(F1) | AT(CG) | AT(LA), "3.10.8: the segment at the front of the queue", A_FIN_AGAIN, SAME, 0, 0, 0},
	{TIME_WAIT_TIMEOUT, AT(TW), "3.10.8", NOTHING, TCP_CLOSED, 0, 0, 0},
	{TIME_WAIT_TIMEOUT, EVERY & ~AT(TW), "3.10.8: there is no such timer", NOTHING, SAME, 0, 0, 0},
};
/* clang-format on */

static int open_active(struct tcp_net *n, enum place_id at)
{
	(void)at;
	return socket_connect(n->stack, n->so, (struct endpoint){addr(PEER), PEER_PORT});
}

static int open_passive(struct tcp_net *n, enum place_id at)
{
	(void)at;
	return socket_listen(n->stack, n->so, 4);
}

static int send_text(struct tcp_net *n, enum place_id at)
{
	struct iovec iov[2];
	int error = 0;

	(void)at;
	if (socket_send_reserve(n->stack, n->so, TEXT, iov, &error) == 0)
		return error;
	do_send(n, TEXT);
	return 0;
}

static int shut_down(struct tcp_net *n, enum place_id at)
{
	(void)at;
	return socket_shutdown(n->stack, n->so, false, true);
}

static int close_all(struct tcp_net *n, enum place_id at)
{
	(void)at;
	socket_close(n->stack, n->so, false);
	return 0;
}

static int abort_all(struct tcp_net *n, enum place_id at)
{
	(void)at;
	socket_abort(n->stack, n->so);
	return 0;
}

static int status(struct tcp_net *n, enum place_id at)
{
	ck_assert_int_eq((int)socket_state(n->so), (int)places[at].state);
	return 0;
}

/* What there is to lose is sent first, where that is possible. */
static void outstanding(struct tcp_net *n, enum place_id at)
{
	if (at == ES || at == CW) {
		do_send(n, TEXT);
		OUT(n, TCP_ACK, .seq = places[at].snd, .ack = places[at].rcv, .len = TEXT);
	}
}

static int user_timeout(struct tcp_net *n, enum place_id at)
{
	outstanding(n, at);
	for (int i = 0; i < TIMEOUT_S * 10 && n->so && n->so->tcp.state == places[at].state; i++) {
		tcp_net_skip_output(n); /* what is sent again on the way, and 3.8.3's advice at R1 */
		tcp_net_events(n);
		tcp_net_pass(n, 100);
	}
	return 0;
}

static int retransmission_timeout(struct tcp_net *n, enum place_id at)
{
	outstanding(n, at);
	tcp_net_pass_until_output(n, 3000);
	return 0;
}

static int time_wait_timeout(struct tcp_net *n, enum place_id at)
{
	n->env.now = instant_add(n->env.now, at == TW ? n->opt.tcp.time_wait : DURATION_MS(1));
	return 0;
}

/* What an event is: a call, or a segment. */
enum ack { ACK_ZERO, ACK_SYN, ACK_ALL, ACK_PAST, ACK_NEW }; /* ISS, ISS+1, SND.NXT, long before it, beyond it */
static const struct facts {
	const char *name;
	int (*call)(struct tcp_net *n, enum place_id at); /* returns what a call returns */
	unsigned flags;
	int32_t seq; /* from RCV.NXT */
	enum ack ack;
	uint32_t len;
} facts[EVENTS] = {
        [OPEN_ACTIVE] = {"active OPEN", open_active, 0, 0, ACK_ZERO, 0},
        [OPEN_PASSIVE] = {"passive OPEN", open_passive, 0, 0, ACK_ZERO, 0},
        [SEND] = {"SEND", send_text, 0, 0, ACK_ZERO, 0},
        [SHUTDOWN] = {"CLOSE, still reading", shut_down, 0, 0, ACK_ZERO, 0},
        [CLOSE] = {"CLOSE", close_all, 0, 0, ACK_ZERO, 0},
        [ABORT] = {"ABORT", abort_all, 0, 0, ACK_ZERO, 0},
        [STATUS] = {"STATUS", status, 0, 0, ACK_ZERO, 0},
        [SEG_SYN] = {"SYN", NULL, TCP_SYN, 0, ACK_ZERO, 0},
        [SEG_SYN_FAR] = {"SYN outside of the window", NULL, TCP_SYN, FAR, ACK_ZERO, 0},
        [SEG_SYN_AGAIN] = {"the first SYN again", NULL, TCP_SYN, FIRST, ACK_ZERO, 0},
        [SEG_SYN_ACK] = {"SYN,ACK", NULL, TCP_SYN | TCP_ACK, FIRST, ACK_SYN, 0},
        [SEG_RST] = {"RST", NULL, TCP_RST, 0, ACK_ZERO, 0},
        [SEG_RST_ACK] = {"RST,ACK", NULL, TCP_RST | TCP_ACK, 0, ACK_ALL, 0},
        [SEG_RST_WINDOW] = {"RST in the window", NULL, TCP_RST, 5, ACK_ZERO, 0},
        [SEG_RST_FAR] = {"RST outside of the window", NULL, TCP_RST, FAR, ACK_ZERO, 0},
        [SEG_ACK] = {"ACK", NULL, TCP_ACK, 0, ACK_ALL, 0},
        [SEG_ACK_OLD] = {"old ACK", NULL, TCP_ACK, 0, ACK_ZERO, 0},
        [SEG_ACK_PAST] = {"ACK from long ago", NULL, TCP_ACK, 0, ACK_PAST, 0},
        [SEG_ACK_NEW] = {"ACK of what was not sent", NULL, TCP_ACK, 0, ACK_NEW, 0},
        [SEG_TEXT] = {"text", NULL, TCP_ACK, 0, ACK_SYN, TEXT},
        [SEG_TEXT_OLD] = {"old text", NULL, TCP_ACK, -TEXT, ACK_SYN, TEXT},
        [SEG_TEXT_FAR] = {"text outside of the window", NULL, TCP_ACK, FAR, ACK_SYN, TEXT},
        [SEG_NO_ACK] = {"text without ACK", NULL, 0, 0, ACK_ZERO, TEXT},
        [SEG_URG] = {"urgent text", NULL, TCP_URG | TCP_ACK, 0, ACK_SYN, TEXT},
        [SEG_FIN] = {"FIN", NULL, TCP_FIN | TCP_ACK, 0, ACK_SYN, 0},
        [SEG_FIN_ACK] = {"FIN that acknowledges all", NULL, TCP_FIN | TCP_ACK, 0, ACK_ALL, 0},
        [SEG_FIN_OLD] = {"old FIN", NULL, TCP_FIN | TCP_ACK, -1, ACK_SYN, 0},
        [USER_TIMEOUT] = {"USER TIMEOUT", user_timeout, 0, 0, ACK_ZERO, 0},
        [RETRANSMISSION_TIMEOUT] = {"RETRANSMISSION TIMEOUT", retransmission_timeout, 0, 0, ACK_ZERO, 0},
        [TIME_WAIT_TIMEOUT] = {"TIME-WAIT TIMEOUT", time_wait_timeout, 0, 0, ACK_ZERO, 0},
};

static struct tseg segment(enum event e, const struct place *p)
{
	const struct facts *f = &facts[e];
	const uint32_t ack[] = {
	        [ACK_ZERO] = 0, [ACK_SYN] = 1, [ACK_ALL] = p->snd, [ACK_PAST] = p->snd - FAR, [ACK_NEW] = p->snd + 1};

	return (struct tseg){.flags = f->flags,
	                     .seq = f->seq == FIRST ? 0 : p->rcv + (uint32_t)f->seq,
	                     .ack = ack[f->ack],
	                     .len = f->len,
	                     .urg = f->flags & TCP_URG ? TEXT : 0,
	                     .mss = f->flags & TCP_SYN ? 1460 : 0};
}

/* Makes the event happen. */
static int drive(struct tcp_net *n, enum event e, enum place_id at)
{
	if (facts[e].call)
		return facts[e].call(n, at);
	tcp_net_push(n, segment(e, &places[at]));
	return 0;
}

static void expect_answer(struct tcp_net *n, const struct row *r, const struct place *p)
{
	uint32_t ack = p->rcv + r->moved;
	struct tseg g = segment(r->event, p);
	uint32_t len = g.len + ((g.flags & TCP_SYN) != 0) + ((g.flags & TCP_FIN) != 0);

	switch (r->answer) {
	case NOTHING:
		break;
	case AN_ACK:
		OUT(n, TCP_ACK, .seq = p->snd, .ack = ack);
		break;
	case A_SYN:
		OUT(n, TCP_SYN, .seq = 0);
		break;
	case A_SYN_ACK:
		OUT(n, TCP_SYN | TCP_ACK, .seq = 0, .ack = ack);
		break;
	case A_FIN:
		OUT(n, TCP_FIN | TCP_ACK, .seq = p->snd, .ack = ack);
		break;
	case A_FIN_AGAIN:
		OUT(n, TCP_FIN | TCP_ACK, .seq = p->snd - 1, .ack = ack);
		break;
	case SOME_TEXT:
		OUT(n, TCP_ACK, .seq = p->snd, .ack = ack, .len = TEXT);
		break;
	case A_RST:
		OUT(n, TCP_RST | TCP_ACK, .seq = p->snd, .ack = ack);
		break;
	case A_RST_AFTER:
		OUT(n, TCP_RST | TCP_ACK, .seq = p->snd + TEXT, .ack = ack);
		break;
	case A_RST_AT_ACK:
		OUT(n, TCP_RST, .seq = g.ack);
		break;
	case A_RST_AT_LEN:
		OUT(n, TCP_RST | TCP_ACK, .seq = 0 - n->iss, .ack = g.seq + len);
		break;
	}
	OUT_NOTHING(n);
}

/* Where the connection is now: a listener's is its child, and a child that is gone has left its listener. */
static enum tcp_state state_now(struct tcp_net *n, enum place_id at)
{
	if (at == LI && n->so) {
		const struct socket *child = socket_after(n->stack, n->so->id);
		return child ? child->tcp.state : n->so->tcp.state;
	}
	if (n->so)
		return n->so->tcp.state;
	return at == SP ? n->listener->tcp.state : TCP_CLOSED;
}

static const struct row *row_of(enum event e, enum place_id at)
{
	const struct row *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].event != e || !(rows[i].places & AT(at)))
			continue;
		ck_assert_msg(!found, "%s in %s has two rows", facts[e].name, tcp_state_names[places[at].state]);
		found = &rows[i];
	}
	ck_assert_msg(found != NULL, "%s in %s has no row", facts[e].name, tcp_state_names[places[at].state]);
	return found;
}

static void run(enum event e, enum place_id at, bool reload)
{
	const struct row *r = row_of(e, at);
	const struct place *p = &places[at];
	struct tcp_net_options opt = tcp_net_plain;
	struct tcp_net n;

	if (r->error == NOT_FROM)
		return;
	if (e == USER_TIMEOUT)
		opt.tcp.user_timeout = DURATION_S(TIMEOUT_S - 1);
	if (e == SEG_TEXT_FAR || e == SEG_RST_FAR || e == SEG_SYN_FAR)
		opt.tcp.rcvbuf = 65535;
	p->enter(&n, &opt);
	tcp_net_events(&n);
	if (reload)
		tcp_net_reload(&n);
	int result = drive(&n, e, at);
	tcp_net_turn(&n);
	const char *state = tcp_state_names[state_now(&n, at)];
	const char *want = tcp_state_names[r->next == SAME ? p->state : (enum tcp_state)r->next];
	const char *what = facts[e].name, *from = tcp_state_names[p->state];
	ck_assert_msg(state == want, "%s in %s: %s, not %s (%s)", what, from, state, want, r->rfc);
	ck_assert_msg((r->answer != NOTHING) == (tcp_net_waiting(&n) != 0), "%s in %s: %d answers (%s)", what, from,
	              tcp_net_waiting(&n), r->rfc);
	expect_answer(&n, r, p);
	int error = e < SEG_SYN ? result : n.so ? n.so->error : 0;
	ck_assert_msg(error == r->error, "%s in %s: %s, not %s (%s)", what, from, error_name(error),
	              error_name(r->error), r->rfc);
	/* End-of-file stands from CLOSE-WAIT on, and may be told again. */
	unsigned ignored = SOCKET_ERROR | SOCKET_WRITABLE | (at >= CW ? SOCKET_EOF : 0u);
	unsigned events = tcp_net_events(&n) & ~ignored;
	ck_assert_msg(events == (n.so && n.so->owned ? r->events : 0), "%s in %s: events %x, not %x (%s)", what, from,
	              events, r->events, r->rfc);
	tcp_net_end(&n);
}

static void run_all(enum event first, enum event last)
{
	for (enum event e = first; e <= last; e++)
		for (enum place_id at = CL; at < PLACES; at++)
			for (int reload = 0; reload < 2; reload++)
				run(e, at, reload != 0);
}

START_TEST(calls_in_every_state)
{
	run_all(OPEN_ACTIVE, STATUS);
}
END_TEST

START_TEST(segments_in_every_state)
{
	run_all(SEG_SYN, SEG_FIN_OLD);
}
END_TEST

START_TEST(timeouts_in_every_state)
{
	run_all(USER_TIMEOUT, TIME_WAIT_TIMEOUT);
}
END_TEST

/* 3.10.3: text that is on hand is delivered when the application makes room, in each state that may have some; the
 * RFC's "connection closing" is end-of-file after it. */
START_TEST(receive_in_every_state)
{
	for (enum place_id at = ES; at <= TW; at++) {
		struct tcp_net n;
		in_established(&n, &tcp_net_plain);
		tcp_net_events(&n);
		n.channel_max = 0;
		IN(&n, TCP_ACK, .seq = 1, .ack = 1, .len = TEXT);
		if (at == CW || at == LA)
			IN(&n, TCP_FIN | TCP_ACK, .seq = 1 + TEXT, .ack = 1);
		if (at != ES && at != CW)
			do_shutdown_write(&n);
		if (at == F2 || at == TW)
			IN(&n, TCP_ACK, .seq = 1 + TEXT, .ack = 2);
		if (at == CG || at == TW)
			IN(&n, TCP_FIN | TCP_ACK, .seq = 1 + TEXT, .ack = at == CG ? 1 : 2);
		tcp_net_skip_output(&n);
		EXPECT_STATE(&n, places[at].state);
		ck_assert_uint_eq(tcp_net_events(&n), 0);
		ck_assert_uint_eq(n.received, 0);
		n.channel_max = UINT32_MAX;
		stack_offer(n.stack, n.so);
		tcp_net_turn(&n);
		ck_assert_uint_eq(n.received, TEXT);
		ck_assert_uint_eq(tcp_net_events(&n), at >= CW ? SOCKET_EOF : 0);
		tcp_net_end(&n);
	}
}
END_TEST

Suite *tcp_events_suite(void);
Suite *tcp_events_suite(void)
{
	UNIT_SUITE("tcp_events", calls_in_every_state, segments_in_every_state, timeouts_in_every_state,
	           receive_in_every_state);
}
