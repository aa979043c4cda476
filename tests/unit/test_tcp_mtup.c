/* tcp_mtup: black holes are found, and the way back up (RFC 4821). */
#include "tcp_net.h"

static struct tcp_net_options with(const struct tcp_net_options *base, enum tcp_mtu_probing how)
{
	struct tcp_net_options opt = *base;
	opt.tcp.mtu_probing = how;
	if (opt.peer_sack)
		opt.peer_ws = 0; /* a window of 64 KiB: SENT_MAX holds it */
	return opt;
}

/* The hop drops what is longer than a datagram of so many bytes; the peer acknowledges the rest, with SACK if it may.
 * Returns how many segments were dropped. */
struct hop {
	uint32_t mtu;
	uint32_t next;  /* of our stream: what the peer has in order */
	uint32_t first; /* beyond: one block */
	uint32_t last;
	uint32_t dropped, longest;
};

static void carry(struct tcp_net *n, struct hop *h)
{
	while (tcp_net_waiting(n)) {
		const struct tseg *g = OUT_ANY(n);
		uint32_t datagram = g->frame_len - ETHER_HDR_LEN;
		if (!g->len)
			continue;
		if (datagram > h->mtu) {
			h->dropped++;
			continue;
		}
		h->longest = u32_max(h->longest, datagram);
		if (g->seq <= h->next) {
			h->next = u32_max(h->next, g->seq + g->len);
		} else {
			h->first = h->first ? u32_min(h->first, g->seq) : g->seq;
			h->last = u32_max(h->last, g->seq + g->len);
		}
		if (h->first && h->first <= h->next) {
			h->next = u32_max(h->next, h->last);
			h->first = h->last = 0;
		}
		if (n->frames == BATCH_MAX) /* an ACK is lost */
			n->frames--;
		bool sack = h->first && n->opt.peer_sack;
		BATCH(n, TCP_ACK, .seq = 1, .ack = h->next, .sacks = sack, .sack = {{h->first, h->last}});
	}
	tcp_net_skip_output(n);
	n->env.now.ns += 10 * NS_PER_MS; /* the round trip */
	tcp_net_turn(n);
}

/* Sends so many bytes over the hop to the end. */
static void transfer(struct tcp_net *n, struct hop *h, uint32_t bytes)
{
	uint32_t end = n->written + bytes;
	for (int turns = 0; h->next < end + 1; turns++) {
		ck_assert_msg(turns < 20000, "it does not end: %u of %u", h->next, end);
		if (n->written < end && tcb(n)->snd_ring.len < 200000)
			do_send(n, u32_min(end - n->written, 20000));
		if (!tcp_net_waiting(n))
			tcp_net_pass_until_output(n, 200000);
		carry(n, h);
	}
}

/* TCP_R1 timeouts, then smaller: 1,024 bytes; further timeouts: half of it. */
START_TEST(timeouts_lower_the_mss)
{
	struct tcp_net n;
	in_established(&n, &tcp_net_plain);
	do_send(&n, 1460);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1460);
	static const uint32_t len[] = {1460, 1460, 1024, 512, 256, 128, 88, 88};
	for (size_t i = 0; i < ARRAY_LEN(len); i++) {
		tcp_net_pass_until_output(&n, 200000);
		OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = len[i]);
		OUT_NOTHING(&n);
		tcp_net_reload(&n);
	}
	ck_assert_uint_eq(CNT(&n, TcpMTUPBlackHoles), 5);
	tcp_net_end(&n);
}
END_TEST

/* Short segments fall into no black hole, nor does what has no DF; and `off' is off. */
START_TEST(other_timeouts_do_not)
{
	for (int what = 0; what < 3; what++) {
		struct tcp_net n;
		struct tcp_net_options opt = with(&tcp_net_plain,
		                                  what == 0 ? TCP_MTU_PROBING_OFF : TCP_MTU_PROBING_BLACKHOLE);
		in_established(&n, &opt);
		if (what == 2)
			ip_path_narrows(&n.stack->ip, addr(PEER), 68);
		do_send(&n, what == 1 ? 1000 : 1460);
		for (int i = 0; i < 6; i++)
			tcp_net_pass_until_output(&n, 200000);
		ck_assert_uint_eq(tcb(&n)->mtup.low, 0);
		ck_assert_uint_eq(CNT(&n, TcpMTUPBlackHoles), 0);
		tcp_net_skip_output(&n);
		tcp_net_end(&n);
	}
}
END_TEST

static void through_a_black_hole(const struct tcp_net_options *base, uint32_t mtu)
{
	struct tcp_net n;
	struct tcp_net_options opt = with(base, TCP_MTU_PROBING_BLACKHOLE);
	in_established(&n, &opt);
	struct hop h = {.mtu = mtu, .next = 1};
	transfer(&n, &h, 1500000);
	ck_assert_uint_le(tcb(&n)->path.mtu, mtu);
	ck_assert_uint_gt(tcb(&n)->path.mtu + 8, mtu);
	ck_assert_uint_eq(h.longest, tcb(&n)->path.mtu);
	ck_assert_uint_gt(CNT(&n, TcpExtTCPMTUPSuccess), 0);
	ck_assert_uint_gt(CNT(&n, TcpExtTCPMTUPFail), 0);
	/* No timeout but those that showed the black hole, and no congestion. */
	ck_assert_uint_le(CNT(&n, TcpExtTCPTimeouts), 5);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPSackRecovery) + CNT(&n, TcpExtTCPRenoRecovery), 0);
	/* Ten minutes later it looks again: one probe of the largest size is lost, and what follows it. */
	uint32_t failed = (uint32_t)CNT(&n, TcpExtTCPMTUPFail);
	tcp_net_pass(&n, 601 * 1000);
	transfer(&n, &h, 300000);
	ck_assert_uint_gt(CNT(&n, TcpExtTCPMTUPFail), failed);
	/* The hole is gone: the search ends at the link's MTU. */
	h.mtu = 1500;
	tcp_net_pass(&n, 601 * 1000);
	transfer(&n, &h, 300000);
	ck_assert_uint_eq(tcb(&n)->path.mtu, 1500);
	ck_assert_uint_eq(tcb(&n)->mtup.low, 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}

START_TEST(a_black_hole_with_sack)
{
	through_a_black_hole(&tcp_net_modern, 1280);
	through_a_black_hole(&tcp_net_modern, 1499);
	through_a_black_hole(&tcp_net_modern, 600);
}
END_TEST

START_TEST(a_black_hole_without_sack)
{
	through_a_black_hole(&tcp_net_plain, 1280);
	through_a_black_hole(&tcp_net_plain, 600);
}
END_TEST

/* The line was down for a while: one probe, and all is as before. */
START_TEST(an_outage_is_no_black_hole)
{
	struct tcp_net n;
	struct tcp_net_options opt = with(&tcp_net_modern, TCP_MTU_PROBING_BLACKHOLE);
	in_established(&n, &opt);
	struct hop h = {.mtu = 0, .next = 1};
	do_send(&n, 100000);
	for (int i = 0; i < 6; i++) {
		tcp_net_pass_until_output(&n, 200000);
		carry(&n, &h);
	}
	ck_assert_uint_gt(tcb(&n)->mtup.low, 0);
	h.mtu = 1500;
	transfer(&n, &h, 100000);
	ck_assert_uint_eq(tcb(&n)->mtup.low, 0);
	ck_assert_uint_eq(tcb(&n)->path.mtu, 1500);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPMTUPSuccess), 1);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPMTUPFail), 0);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* `on': small at first, and upwards as soon as there is enough to send. */
START_TEST(probing_from_the_beginning)
{
	struct tcp_net n;
	struct tcp_net_options opt = with(&tcp_net_modern, TCP_MTU_PROBING_ON);
	in_established(&n, &opt);
	struct hop h = {.mtu = 1400, .next = 1};
	do_send(&n, 1024);
	OUT(&n, TCP_ACK, .seq = 1, .ack = 1, .len = 1024);
	h.next = 1025;
	IN(&n, TCP_ACK, .seq = 1, .ack = 1025);
	transfer(&n, &h, 1000000);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPTimeouts), 0);
	ck_assert_uint_le(tcb(&n)->path.mtu, 1400);
	ck_assert_uint_gt(tcb(&n)->path.mtu + 8, 1400);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

/* A router that speaks shortens the search. */
START_TEST(a_message_about_the_probe)
{
	struct tcp_net n;
	struct tcp_net_options opt = with(&tcp_net_modern, TCP_MTU_PROBING_ON);
	in_established(&n, &opt);
	struct hop h = {.mtu = 1500, .next = 1};
	uint32_t probe = 0;
	for (int i = 0; i < 100 && !probe; i++) {
		do_send(&n, 10000);
		if (tcb(&n)->mtup.size)
			probe = tcb(&n)->mtup.end.n - n.iss - (tcb(&n)->mtup.size - tcp_header_len(tcb(&n)));
		else
			carry(&n, &h);
	}
	ck_assert_uint_gt(probe, 0);
	tcp_net_skip_output(&n);
	uint32_t cwnd = tcb(&n)->cwnd;
	ICMP(&n, ICMP_DEST_UNREACH, 4, .mtu = 1300, .seq = probe);
	ck_assert_uint_eq(OUT_ANY(&n)->seq, probe);
	ck_assert_uint_eq(tcb(&n)->mtup.size, 0);
	ck_assert_uint_eq(tcb(&n)->mtup.high, 1300);
	ck_assert_uint_eq(tcb(&n)->cwnd, cwnd);
	ck_assert_uint_eq(CNT(&n, TcpExtTCPMTUPFail), 1);
	tcp_net_skip_output(&n);
	tcp_net_end(&n);
}
END_TEST

Suite *tcp_mtup_suite(void);
Suite *tcp_mtup_suite(void)
{
	UNIT_SUITE("tcp_mtup", timeouts_lower_the_mss, other_timeouts_do_not, a_black_hole_with_sack,
	           a_black_hole_without_sack, an_outage_is_no_black_hole, probing_from_the_beginning,
	           a_message_about_the_probe);
}
