/* ICMP: echo, the errors that we send, and the errors that concern our transports.
 *
 * Errors that come in are matched only so far as ICMP can: the quoted datagram must be one of ours, with at least 8
 * bytes of its transport header. The handler of the quoted protocol looks for its socket and decides. Errors go out
 * through a token bucket (RFC 1812 4.3.2.8), and never in answer to what RFC 1122 3.2.2 lists. */
#include "ip/icmp.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/ip_options.h"
#include "ip/ipv4.h"
#include "ip/route.h"
#include "ip/source_route.h"
#include <errno.h>

#define UNREACH_FRAG_NEEDED 4
#define REDIRECT_CODES      4

struct icmp_meaning {
	int error;
	bool hard;
};

/* RFC 1122 4.2.3.9 and 3.2.2.1: codes 2 to 4 are hard, the others soft; but 4 is path MTU discovery's (RFC 1191 6.1).
 */
static const struct icmp_meaning unreach_meaning[] = {
        [0] = {ENETUNREACH, false},   [1] = {EHOSTUNREACH, false},  [2] = {EPROTO, true},
        [3] = {ECONNREFUSED, true},   [4] = {EMSGSIZE, false},      [5] = {EHOSTUNREACH, false},
        [6] = {ENETUNREACH, false},   [7] = {EHOSTUNREACH, false},  [8] = {EHOSTUNREACH, false},
        [9] = {ENETUNREACH, false},   [10] = {EHOSTUNREACH, false}, [11] = {ENETUNREACH, false},
        [12] = {EHOSTUNREACH, false}, [13] = {EHOSTUNREACH, false}, [14] = {EHOSTUNREACH, false},
        [15] = {EHOSTUNREACH, false},
};

static void drop(const struct ip_layer *ip, enum counter reason, const struct ip_rx *rx)
{
	ip_drop(ip, reason, rx->header, rx->header_len + rx->payload_len);
}

static void icmp_echo(struct ip_layer *ip, const struct ip_rx *rx)
{
	/* RFC 1122 3.2.2.6: a request to a broadcast or multicast address may be silently discarded. */
	if (rx->group) {
		drop(ip, CNT_IcmpInIgnored, rx);
		return;
	}
	/* RFC 1122 3.2.2.6: all data of the request MUST be in the reply, whose source is the request's destination. */
	uint8_t *reply = env_alloc(ip->env, rx->payload_len);
	if (!reply) {
		drop(ip, CNT_IcmpOutErrors, rx);
		return;
	}
	memcpy(reply, rx->payload, rx->payload_len);
	reply[0] = ICMP_ECHO_REPLY;
	/* RFC 1122 3.2.2.6: the return route MUST be used for the reply. */
	struct ip_source_route back;
	ip_source_route_back(rx, &back);
	struct ip_options options;
	ip_options_reflect(ip, rx, ip_source_route_len(&back), &options);
	struct ip_tx tx = {.src = rx->dst,
	                   .dst = rx->src,
	                   .protocol = IP_PROTO_ICMP,
	                   .ttl = ip->cfg.ttl,
	                   .tos = rx->tos,
	                   .route = &back,
	                   .options = &options};
	COUNT(ip->cnt, IcmpOutMsgs);
	COUNT(ip->cnt, IcmpOutEchoReps);
	ip_send_copy(ip, &tx, reply, rx->payload_len, ICMP_CSUM_OFFSET);
	env_free(ip->env, reply, rx->payload_len);
}

/* What an error message says. False: nothing that concerns a transport. */
static bool icmp_error_meaning(const struct ip_rx *rx, struct ip_error *e)
{
	uint8_t type = rx->payload[0], code = rx->payload[1];
	struct icmp_meaning m = {EHOSTUNREACH, false};
	if (type == ICMP_DEST_UNREACH) {
		if (code >= ARRAY_LEN(unreach_meaning))
			return false;
		m = unreach_meaning[code];
		/* RFC 1191 4: the next-hop MTU stands in the low half of the second word. */
		if (code == UNREACH_FRAG_NEEDED)
			e->mtu = load_be16(rx->payload + 6);
	} else if (type == ICMP_PARAM_PROBLEM) {
		m.error = EPROTO;
	} else if (type == ICMP_REDIRECT) {
		/* RFC 1122 3.3.1.2 (c): the codes of networks are taken as those of the host. */
		if (code >= REDIRECT_CODES)
			return false;
		e->redirect = ip4_from_bytes(rx->payload + 4);
	}
	e->error = m.error;
	e->hard = m.hard;
	return true;
}

static void icmp_error_input(struct ip_layer *ip, const struct ip_rx *rx)
{
	struct reader r = reader_of(rx->payload + ICMP_HDR_LEN, rx->payload_len - ICMP_HDR_LEN);
	const uint8_t *quote = r.p;
	uint8_t first = read_u8(&r);
	uint32_t hdr_len = (first & 0x0fu) * 4;
	if (r.short_input || first >> 4 != 4 || hdr_len < IPV4_HDR_MIN || !read_bytes(&r, hdr_len - 1) ||
	    r.len < ICMP_QUOTE_MIN) {
		drop(ip, CNT_IcmpInMalformed, rx);
		return;
	}
	struct ip_error e = {
	        .from = rx->src,
	        .type = rx->payload[0],
	        .code = rx->payload[1],
	        .ttl = rx->ttl,
	        .tos = rx->tos,
	        .protocol = quote[IPV4_OFF_PROTO],
	        .src = ip4_from_bytes(quote + IPV4_OFF_SRC),
	        .dst = ipv4_final_dst(quote, hdr_len),
	        .total = load_be16(quote + IPV4_OFF_LEN),
	        .quoted = r.p,
	        .quoted_len = (uint32_t)r.len,
	};
	bool first_fragment = (load_be16(quote + IPV4_OFF_FRAG) & 0x1fff) == 0;
	if (rx->group || !first_fragment || !ip_is_ours(ip, e.src) || !icmp_error_meaning(rx, &e)) {
		drop(ip, CNT_IcmpInIgnored, rx);
		return;
	}
	/* RFC 1122 3.2.2.1: a destination unreachable message MUST be reported to the transport layer; so 3.2.2.4, .5.
	 */
	if (!ip_report_error(ip, quote[IPV4_OFF_PROTO], &e))
		drop(ip, CNT_IcmpInIgnored, rx);
}

static void count_type(const struct ip_layer *ip, uint8_t type)
{
	static const enum counter counter_of[] = {
	        [ICMP_ECHO_REPLY] = CNT_IcmpInEchoReps,
	        [ICMP_DEST_UNREACH] = CNT_IcmpInDestUnreachs,
	        [ICMP_SOURCE_QUENCH] = CNT_IcmpInSrcQuenchs,
	        [ICMP_REDIRECT] = CNT_IcmpInRedirects,
	        [ICMP_ECHO] = CNT_IcmpInEchos,
	        [ICMP_TIME_EXCEEDED] = CNT_IcmpInTimeExcds,
	        [ICMP_PARAM_PROBLEM] = CNT_IcmpInParmProbs,
	        [ICMP_TIMESTAMP] = CNT_IcmpInTimestamps,
	        [ICMP_TIMESTAMP_REPLY] = CNT_IcmpInTimestampReps,
	        [ICMP_MASK] = CNT_IcmpInAddrMasks,
	        [ICMP_MASK_REPLY] = CNT_IcmpInAddrMaskReps,
	};

	/* 0 stands between those that the MIBs know. */
	if (type < ARRAY_LEN(counter_of) && counter_of[type])
		ip->cnt->v[counter_of[type]]++;
}

static void icmp_input(void *ctx, const struct ip_rx *rx)
{
	struct ip_layer *ip = ctx;
	COUNT(ip->cnt, IcmpInMsgs);
	if (rx->payload_len < ICMP_HDR_LEN) {
		drop(ip, CNT_IcmpInMalformed, rx);
		return;
	}
	if (csum_finish(csum_add(CSUM_ZERO, rx->payload, rx->payload_len)) != 0) {
		drop(ip, CNT_IcmpInCsumErrors, rx);
		return;
	}
	count_type(ip, rx->payload[0]);
	switch (rx->payload[0]) {
	case ICMP_ECHO:
		icmp_echo(ip, rx);
		return;
	case ICMP_ECHO_REPLY:
		if (!ip->echo.input || !ip->echo.input(ip->echo.ctx, rx))
			drop(ip, CNT_IcmpInIgnored, rx);
		return;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAM_PROBLEM:
	case ICMP_REDIRECT:
		icmp_error_input(ip, rx);
		return;
	default: /* RFC 1122 3.2.2: an unknown type is silently discarded; source quench by RFC 6633 3 */
		drop(ip, CNT_IcmpInIgnored, rx);
		return;
	}
}

void icmp_init(struct ip_layer *ip)
{
	ip->icmp_tokens = ICMP_ERRORS_BURST;
	ip->icmp_refilled = ip->env->now;
	ip_register(ip, IP_PROTO_ICMP, (struct ip_handler){.input = icmp_input, .ctx = ip});
}

/* RFC 1812 4.3.2.8: takes one token; ICMP_ERRORS_PER_SECOND come back, up to ICMP_ERRORS_BURST. How many are left must
 * not tell anybody how many errors went to others, or ports could be scanned in another's name: now and then a token is
 * lost at random. */
static bool icmp_take_token(struct ip_layer *ip)
{
	const int64_t token_ns = NS_PER_S / ICMP_ERRORS_PER_SECOND;
	int64_t grown = instant_since(ip->env->now, ip->icmp_refilled).ns / token_ns;
	if (grown >= (int64_t)(ICMP_ERRORS_BURST - ip->icmp_tokens)) {
		ip->icmp_tokens = ICMP_ERRORS_BURST;
		ip->icmp_refilled = ip->env->now;
	} else {
		ip->icmp_tokens += (uint32_t)grown;
		ip->icmp_refilled = instant_add(ip->icmp_refilled, (duration){grown * token_ns});
	}
	if (ip->icmp_tokens == 0)
		return false;
	ip->icmp_tokens--;
	if (ip->icmp_tokens > 0 && rng_u32(&ip->env->rng) % ICMP_TOKEN_LOST_ONE_IN == 0)
		ip->icmp_tokens--;
	return true;
}

/* RFC 1122 3.2.2: no error in answer to an ICMP error, a group destination (in IP or on the link), a fragment other
 * than the first, or a source that is not a single host. Other fragments never come here: reasm.c quotes the first. */
static bool icmp_error_allowed(const struct ip_layer *ip, const struct ip_rx *rx)
{
	if (rx->group || (!rx->looped && !ip4_is_host(ip, rx->src)))
		return false;
	if (rx->protocol != IP_PROTO_ICMP)
		return true;
	return rx->payload_len > 0 && (rx->payload[0] == ICMP_ECHO || rx->payload[0] == ICMP_ECHO_REPLY);
}

static void icmp_count_out(struct ip_layer *ip, uint8_t type)
{
	COUNT(ip->cnt, IcmpOutMsgs);
	if (type == ICMP_DEST_UNREACH)
		COUNT(ip->cnt, IcmpOutDestUnreachs);
	else if (type == ICMP_TIME_EXCEEDED)
		COUNT(ip->cnt, IcmpOutTimeExcds);
	else
		COUNT(ip->cnt, IcmpOutParmProbs);
}

/* pointer: the fifth octet, of a parameter problem; else 0. */
static void icmp_send_error(struct ip_layer *ip, const struct ip_rx *rx, uint8_t type, uint8_t code, uint8_t pointer)
{
	if (!icmp_error_allowed(ip, rx)) {
		COUNT(ip->cnt, IcmpOutSuppressed);
		return;
	}
	if (!icmp_take_token(ip)) {
		COUNT(ip->cnt, IcmpOutRateLimitGlobal);
		return;
	}
	/* RFC 1812 4.3.2.3: as much of the datagram as fits without making the error longer than 576 bytes. */
	uint8_t packet[ICMP_ERROR_MAX - IPV4_HDR_MIN] = {type, code, 0, 0, pointer};
	uint32_t room = u32_min(ICMP_ERROR_MAX, ip->cfg.mtu) - IPV4_HDR_MIN - ICMP_HDR_LEN;
	uint32_t quoted = u32_min(room, rx->header_len + rx->payload_len);
	memcpy(packet + ICMP_HDR_LEN, rx->header, quoted);
	struct ip_tx tx = {.src = rx->dst, .dst = rx->src, .protocol = IP_PROTO_ICMP, .ttl = ip->cfg.ttl};
	icmp_count_out(ip, type);
	ip_send_copy(ip, &tx, packet, ICMP_HDR_LEN + quoted, ICMP_CSUM_OFFSET);
}

void icmp_send_unreachable(struct ip_layer *ip, const struct ip_rx *rx, uint8_t code)
{
	icmp_send_error(ip, rx, ICMP_DEST_UNREACH, code, 0);
}

void icmp_send_parameter_problem(struct ip_layer *ip, const struct ip_rx *rx, uint8_t pointer)
{
	icmp_send_error(ip, rx, ICMP_PARAM_PROBLEM, 0, pointer);
}

void icmp_send_reassembly_time_exceeded(struct ip_layer *ip, const struct ip_rx *rx)
{
	icmp_send_error(ip, rx, ICMP_TIME_EXCEEDED, ICMP_REASSEMBLY_CODE, 0);
}
