/* Packet views: frames that come in, frames that go out, and the offload metadata of both.
 *
 * A frame coming in is one contiguous run of borrowed bytes. A frame going out is a header that the stack built,
 * followed by iovecs borrowed from a ring. Both carry what virtio_net_hdr carries: where a checksum is still owed, and
 * how a super-frame is to be cut. */
#ifndef TOYNET_BASE_PACKET_H
#define TOYNET_BASE_PACKET_H

#include "base/types.h"
#include <sys/uio.h>

enum gso_type {
	GSO_NONE = 0,
	GSO_TCPV4,
	GSO_TCPV6,
};

/* Offsets count from the first byte of the frame (Ethernet header included). */
struct offload {
	bool needs_csum; /* the field at csum_start + csum_offset holds the folded pseudo-header sum */
	bool csum_valid; /* in: the link vouches for the transport checksum */
	uint8_t gso;     /* enum gso_type */
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t gso_size; /* payload bytes of each segment but the last */
	uint16_t hdr_len;  /* bytes of headers in front of the payload */
};

struct frame_in {
	const uint8_t *data; /* borrowed until stack_turn_end */
	uint32_t len;
	struct offload off;
};

/* Ethernet 14 + IPv4 60 or IPv6 40 + TCP 60, rounded up. */
#define FRAME_HDR_MAX 144
#define FRAME_IOV_MAX 4
/* A super-frame: IP total length at most 65,535, plus the Ethernet header. */
#define FRAME_MAX (65535 + 14)

struct frame_out {
	uint8_t hdr[FRAME_HDR_MAX];
	uint16_t hdr_start; /* headers grow downward: lower layers prepend */
	uint16_t hdr_len;
	int niov;
	struct iovec iov[FRAME_IOV_MAX];
	uint32_t payload; /* bytes in iov */
	struct offload off;
};

static inline uint8_t *frame_hdr(struct frame_out *f)
{
	return f->hdr + f->hdr_start;
}
static inline const uint8_t *frame_hdr_const(const struct frame_out *f)
{
	return f->hdr + f->hdr_start;
}
/* Total bytes. */
static inline uint32_t frame_len(const struct frame_out *f)
{
	return f->hdr_len + f->payload;
}
static inline void frame_begin(struct frame_out *f)
{
	f->hdr_start = FRAME_HDR_MAX;
	f->hdr_len = 0;
	f->niov = 0;
	f->payload = 0;
	f->off = (struct offload){0};
}
/* Room for n more header bytes in front; returns where they go. Offsets in f->off are moved along. */
static inline uint8_t *frame_prepend(struct frame_out *f, uint16_t n)
{
	assert(f->hdr_start >= n);
	f->hdr_start = (uint16_t)(f->hdr_start - n);
	f->hdr_len = (uint16_t)(f->hdr_len + n);
	f->off.csum_start = (uint16_t)(f->off.csum_start + n);
	f->off.hdr_len = (uint16_t)(f->off.hdr_len + n);
	return frame_hdr(f);
}

#endif
