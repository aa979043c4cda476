/* See vnet.h. */
#include "link/vnet.h"

#include "base/bytes.h"
#include "link/ether.h"
#include <linux/virtio_net.h>

_Static_assert(VNET_HDR_LEN == sizeof(struct virtio_net_hdr), "size of virtio_net_hdr");

#define IPV4_HDR_MIN    20
#define TCP_HDR_MIN     20
#define TCP_CSUM_OFFSET 16
#define TCP_OFF_BYTE    12 /* data offset: the high four bits, in words */

/* A super-frame of TCP over IPv4. The header length that the device tells is a hint only, so it is read from TCP. */
static bool vnet_parse_tcp4(const struct virtio_net_hdr *h, const uint8_t *frame, uint32_t len, struct offload *off)
{
	uint32_t tcp = h->csum_start;
	if (!off->needs_csum || h->csum_offset != TCP_CSUM_OFFSET || h->gso_size == 0)
		return false;
	if (tcp < ETHER_HDR_LEN + IPV4_HDR_MIN || tcp + TCP_HDR_MIN > len || len > FRAME_MAX)
		return false;
	uint32_t tcp_len = (uint32_t)(frame[tcp + TCP_OFF_BYTE] >> 4) * 4;
	if (tcp_len < TCP_HDR_MIN || tcp + tcp_len > len)
		return false;
	off->gso = GSO_TCPV4;
	off->gso_size = h->gso_size;
	off->hdr_len = (uint16_t)(tcp + tcp_len);
	return true;
}

bool vnet_parse(const uint8_t hdr[VNET_HDR_LEN], const uint8_t *frame, uint32_t len, struct offload *off)
{
	struct virtio_net_hdr h;
	memcpy(&h, hdr, sizeof(h));
	*off = (struct offload){.csum_valid = (h.flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0};
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if ((uint32_t)h.csum_start + h.csum_offset + 2 > len)
			return false;
		off->needs_csum = true;
		off->csum_start = h.csum_start;
		off->csum_offset = h.csum_offset;
	}
	switch (h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return vnet_parse_tcp4(&h, frame, len, off);
	default: /* the kernel's numbers, not ours: whatever else it knows was not asked for */
		return false;
	}
}

void vnet_build(uint8_t hdr[VNET_HDR_LEN], const struct offload *off)
{
	struct virtio_net_hdr h = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	if (off->needs_csum) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = off->csum_start;
		h.csum_offset = off->csum_offset;
	}
	if (off->gso == GSO_TCPV4) {
		h.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		h.gso_size = off->gso_size;
		h.hdr_len = off->hdr_len;
	}
	memcpy(hdr, &h, sizeof(h));
}
