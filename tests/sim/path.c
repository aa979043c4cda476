/* The router on the way: what is larger than the path carries is dropped, and mostly its sender is told (RFC 1191 4).
 */
#include "base/bytes.h"
#include "base/checksum.h"
#include "sim.h"

#define ICMP_AT     (14 + 20)
#define QUOTED      28 /* the IP header and 8 bytes */
#define FRAME_LEN   (ICMP_AT + 8 + QUOTED)
#define UNREACHABLE 3
#define TOO_BIG     4

void path_too_big(struct sim_host *h, const struct flat_frame *f)
{
	struct world *w = h->world;
	struct flat_frame *e;

	if (!w->line[h->index].tells || f->len < 14 + QUOTED || !(f->bytes[14 + 6] & 0x40))
		return;
	e = flat_new(&w->line_env, FRAME_LEN);
	uint8_t *ip = e->bytes + 14, *icmp = e->bytes + ICMP_AT;
	memcpy(e->bytes, f->bytes + 6, 6);
	memcpy(e->bytes + 6, f->bytes, 6);
	store_be16(e->bytes + 12, 0x0800);
	ip[0] = 0x45;
	store_be16(ip + 2, FRAME_LEN - 14);
	ip[8] = 64;
	ip[9] = IP_PROTO_ICMP;
	memcpy(ip + 12, (const uint8_t[4]){10, 0, 0, 254}, 4);
	memcpy(ip + 16, f->bytes + 14 + 12, 4);
	store_be16(ip + 10, csum_finish(csum_add(CSUM_ZERO, ip, 20)));
	icmp[0] = UNREACHABLE;
	icmp[1] = TOO_BIG;
	store_be16(icmp + 6, w->line[h->index].mtu);
	memcpy(icmp + 8, f->bytes + 14, QUOTED);
	store_be16(icmp + 2, csum_finish(csum_add(CSUM_ZERO, icmp, FRAME_LEN - ICMP_AT)));
	line_push(&w->line[1 - h->index], w->now, e);
	flat_free(&w->line_env, e);
}
