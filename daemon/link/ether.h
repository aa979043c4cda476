/* Ethernet framing (RFC 1122 2.3.3): destination, source, type (RFC 894); of what comes in also IEEE 802.3 with a
 * length in place of the type, and the type in a SNAP header behind it (RFC 1042). Only the former is sent. */
#ifndef TOYNET_LINK_ETHER_H
#define TOYNET_LINK_ETHER_H

#include "base/addr.h"

#define ETHER_HDR_LEN  14
#define ETHER_OFF_TYPE 12
#define ETHER_SNAP_LEN 8
#define ETHER_TYPE_MIN 1536 /* IEEE 802.3 3.2.6: below is a length */
#define ETHER_TYPE_IP4 0x0800
#define ETHER_TYPE_ARP 0x0806

struct ether_hdr {
	struct mac_addr dst, src;
	uint16_t type;
	uint8_t len;        /* of the header, read: where the payload begins */
	uint16_t frame_len; /* of an 802.3 frame without its padding; 0: not told */
};

enum ether_kind {
	ETHER_TYPED,        /* *h is filled in */
	ETHER_TOO_SHORT,    /* shorter than a header, or than it says */
	ETHER_LENGTH_FRAME, /* an 802.3 frame of something that is not known by a type */
};

/* Reads the header of a frame of len bytes. */
enum ether_kind ether_parse(const uint8_t *frame, uint32_t len, struct ether_hdr *h);
/* Addressed to us, or to a group (broadcast and multicast; which groups we are in is for the layer above). */
bool ether_for_us(const struct ether_hdr *h, struct mac_addr ours);
/* Writes ETHER_HDR_LEN bytes. */
void ether_build(uint8_t *p, const struct ether_hdr *h);
/* The group address of an IPv4 multicast address (RFC 1112 6.4). */
struct mac_addr ether_multicast_ip4(struct ip_addr group);

#endif
