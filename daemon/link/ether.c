/* See ether.h. */
#include "link/ether.h"

#include "base/bytes.h"

/* RFC 1042: LLC says SNAP, whose organisation is zero; then comes the type. */
static enum ether_kind snap_parse(const uint8_t *frame, uint32_t len, struct ether_hdr *h)
{
	static const uint8_t llc_snap[6] = {0xaa, 0xaa, 3, 0, 0, 0};
	h->frame_len = (uint16_t)(ETHER_HDR_LEN + h->type);
	if (h->frame_len > len)
		return ETHER_TOO_SHORT;
	if (h->type < ETHER_SNAP_LEN || memcmp(frame + ETHER_HDR_LEN, llc_snap, sizeof(llc_snap)) != 0)
		return ETHER_LENGTH_FRAME;
	h->type = load_be16(frame + ETHER_HDR_LEN + sizeof(llc_snap));
	h->len = ETHER_HDR_LEN + ETHER_SNAP_LEN;
	return ETHER_TYPED;
}

enum ether_kind ether_parse(const uint8_t *frame, uint32_t len, struct ether_hdr *h)
{
	if (len < ETHER_HDR_LEN)
		return ETHER_TOO_SHORT;
	memcpy(h->dst.b, frame, 6);
	memcpy(h->src.b, frame + 6, 6);
	h->type = load_be16(frame + 12);
	h->len = ETHER_HDR_LEN;
	h->frame_len = 0;
	return h->type < ETHER_TYPE_MIN ? snap_parse(frame, len, h) : ETHER_TYPED;
}

bool ether_for_us(const struct ether_hdr *h, struct mac_addr ours)
{
	return mac_is_group(h->dst) || mac_eq(h->dst, ours);
}

void ether_build(uint8_t *p, const struct ether_hdr *h)
{
	memcpy(p, h->dst.b, 6);
	memcpy(p + 6, h->src.b, 6);
	store_be16(p + 12, h->type);
}

struct mac_addr ether_multicast_ip4(struct ip_addr group)
{
	/* RFC 1112 6.4: the low-order 23 bits of the IP address under 01-00-5E-00-00-00. */
	return (struct mac_addr){{0x01, 0x00, 0x5e, (uint8_t)(group.b[1] & 0x7f), group.b[2], group.b[3]}};
}
