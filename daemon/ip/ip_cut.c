/* Fragmentation of our own datagrams.
 *
 * A datagram that is too long for its path stays in one run of bytes, with its checksums complete, and a fragment is
 * made of it when a frame is pulled: a header of its own, and the payload borrowed. So cutting copies a datagram once.
 * Fragments leave before the transports are asked for more, so that the queue holds more than one datagram only where
 * answers (echo replies) are large; IP_CUT_BYTES_MAX bounds it. The datagram whose last fragment was lent out lives
 * until the next pull. */
#include "ip/ip_cut.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "ip/ipv4.h"
#include "link/flat.h"

#define FRAGMENT_UNIT   8u   /* RFC 791 3.1: offsets count in units of 8 octets */
#define OPT_FLAG_COPIED 0x80 /* RFC 791 3.1: the option stands in every fragment */

struct cut {
	struct list link;
	struct flat_frame *whole;
	struct ip_addr hop;
	uint16_t mtu;
	uint32_t sent; /* bytes of payload */
};

static uint32_t header_len(const struct cut *c)
{
	return (c->whole->bytes[0] & 0x0fu) * 4;
}

static void cut_release(struct ip_layer *ip, struct cut *c)
{
	flat_free(ip->env, c->whole);
	env_free(ip->env, c, sizeof(*c));
}

static void return_lent(struct ip_layer *ip)
{
	if (ip->cut.lent)
		cut_release(ip, ip->cut.lent);
	ip->cut.lent = NULL;
}

void cut_init(struct ip_layer *ip)
{
	list_init(&ip->cut.queue);
}

static void leave_queue(struct ip_layer *ip, struct cut *c)
{
	list_remove(&c->link);
	ip->cut.bytes -= c->whole->len;
}

void cut_free(struct ip_layer *ip)
{
	return_lent(ip);
	list_for_each_safe(it, tmp, &ip->cut.queue)
	{
		struct cut *c = list_entry(it, struct cut, link);
		leave_queue(ip, c);
		cut_release(ip, c);
	}
}

static struct cut *enter_queue(struct ip_layer *ip, struct flat_frame *whole, struct ip_addr hop, uint16_t mtu)
{
	if (ip->cut.bytes + whole->len > IP_CUT_BYTES_MAX)
		return NULL;
	struct cut *c = env_alloc(ip->env, sizeof(*c));
	if (!c)
		return NULL;
	*c = (struct cut){.whole = whole, .hop = hop, .mtu = mtu};
	list_init(&c->link);
	list_push_back(&ip->cut.queue, &c->link);
	ip->cut.bytes += whole->len;
	return c;
}

bool cut_add(struct ip_layer *ip, struct flat_frame *whole, struct ip_addr hop, uint16_t mtu)
{
	assert(mtu >= IPV4_MTU_MIN && whole->len <= IP_TOTAL_MAX && !whole->off.needs_csum);
	assert(!load_be16(whole->bytes + IPV4_OFF_FRAG));
	if (enter_queue(ip, whole, hop, mtu)) {
		COUNT(ip->cnt, IpFragOKs);
		return true;
	}
	ip_drop(ip, CNT_IpFragQueueDrops, whole->bytes, whole->len);
	flat_free(ip->env, whole);
	return false;
}

/* RFC 791 3.1: the header of the fragments behind the first has only the options whose copied flag is set. Returns its
 * length; a list that is not well formed ends where it goes wrong. */
static uint32_t later_header(const uint8_t *header, uint32_t len, uint8_t *out)
{
	uint32_t n = IPV4_HDR_MIN;
	struct reader r = reader_of(header + IPV4_HDR_MIN, len - IPV4_HDR_MIN);
	memcpy(out, header, IPV4_HDR_MIN);
	while (r.len > 0) {
		const uint8_t *option = r.p;
		uint8_t type = read_u8(&r);
		if (type == IPV4_OPT_END)
			break;
		if (type == IPV4_OPT_NOP)
			continue;
		uint8_t option_len = read_u8(&r);
		if (r.short_input || option_len < 2 || !read_bytes(&r, option_len - 2u))
			break;
		if (!(type & OPT_FLAG_COPIED))
			continue;
		memcpy(out + n, option, option_len);
		n += option_len;
	}
	while (n % 4 != 0)
		out[n++] = IPV4_OPT_END;
	out[0] = (uint8_t)(4 << 4 | n / 4);
	return n;
}

/* RFC 791 3.2: the next fragment of c, with its IP header. */
static void next_fragment(struct ip_layer *ip, struct cut *c, struct frame_out *f)
{
	const uint32_t whole_header = header_len(c), left = c->whole->len - whole_header - c->sent;
	uint8_t header[IPV4_HDR_MAX];
	uint32_t hdr = whole_header;
	if (c->sent == 0)
		memcpy(header, c->whole->bytes, hdr);
	else
		hdr = later_header(c->whole->bytes, whole_header, header);
	uint32_t room = c->mtu - hdr;
	bool last = left <= room;
	uint32_t n = last ? left : room - room % FRAGMENT_UNIT;

	frame_begin(f);
	f->iov[0] = (struct iovec){.iov_base = c->whole->bytes + whole_header + c->sent, .iov_len = n};
	f->niov = 1;
	f->payload = n;
	uint8_t *p = frame_prepend(f, (uint16_t)hdr);
	memcpy(p, header, hdr);
	store_be16(p + IPV4_OFF_LEN, (uint16_t)(hdr + n));
	store_be16(p + IPV4_OFF_FRAG, (uint16_t)(c->sent / FRAGMENT_UNIT | (last ? 0u : IPV4_FLAG_MF)));
	store_be16(p + IPV4_OFF_CSUM, 0);
	store_be16(p + IPV4_OFF_CSUM, csum_finish(csum_add(CSUM_ZERO, p, hdr)));
	c->sent += n;
	COUNT(ip->cnt, IpFragCreates);
	if (!last)
		return;
	leave_queue(ip, c);
	ip->cut.lent = c;
}

bool cut_pull(struct ip_layer *ip, struct frame_out *f)
{
	return_lent(ip);
	while (!list_empty(&ip->cut.queue)) {
		struct cut *c = list_entry(ip->cut.queue.next, struct cut, link);
		next_fragment(ip, c, f);
		if (ipv4_link_output(ip, f, c->hop) == IP_FRAME_READY)
			return true;
		return_lent(ip);
	}
	return false;
}

static void snap_one(struct snap *s, struct ip_layer *ip, struct cut *saved)
{
	struct cut c = saved ? *saved : (struct cut){0};
	uint32_t len = saved ? saved->whole->len : 0;
	snap_ip(s, &c.hop);
	snap_u16(s, &c.mtu);
	snap_u32(s, &c.sent);
	snap_u32(s, &len);
	snap_check(s, c.hop.family == IP_V4 && c.mtu >= IPV4_MTU_MIN && len >= IPV4_HDR_MIN && len <= IP_TOTAL_MAX,
	           "a datagram to be cut");
	if (!snap_loading(s)) {
		snap_bytes(s, saved->whole->bytes, len);
		return;
	}
	struct flat_frame *whole = snap_ok(s) ? flat_new(ip->env, len) : NULL;
	if (!whole) {
		snap_fail(s, "no memory");
		return;
	}
	snap_bytes(s, whole->bytes, len);
	uint32_t hdr = (whole->bytes[0] & 0x0fu) * 4;
	snap_check(s, hdr >= IPV4_HDR_MIN && hdr < len && c.sent < len - hdr && c.sent % FRAGMENT_UNIT == 0,
	           "a datagram to be cut");
	struct cut *loaded = snap_ok(s) ? enter_queue(ip, whole, c.hop, c.mtu) : NULL;
	if (loaded) {
		loaded->sent = c.sent;
		return;
	}
	snap_fail(s, "no memory");
	flat_free(ip->env, whole);
}

void snap_cut(struct snap *s, struct ip_layer *ip)
{
	uint32_t count = 0;
	if (!snap_loading(s))
		list_for_each(it, &ip->cut.queue) count++;
	snap_u32(s, &count);
	if (!snap_loading(s))
		list_for_each(it, &ip->cut.queue) snap_one(s, ip, list_entry(it, struct cut, link));
	for (uint32_t i = 0; snap_loading(s) && i < count && snap_ok(s); i++)
		snap_one(s, ip, NULL);
}
