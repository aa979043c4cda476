/* Ethernet II framing (RFC 894, RFC 1122 2.3.3): destination, source, type. */
#ifndef TOYNET_LINK_ETHER_H
#define TOYNET_LINK_ETHER_H

#include "base/addr.h"

#define ETHER_HDR_LEN  14
#define ETHER_TYPE_MIN 1536 /* IEEE 802.3 3.2.6: below is a length */
#define ETHER_TYPE_IP4 0x0800
#define ETHER_TYPE_ARP 0x0806

struct ether_hdr {
	struct mac_addr dst, src;
	uint16_t type;
};

enum ether_kind {
	ETHER_II,           /* *h is filled in */
	ETHER_TOO_SHORT,    /* shorter than a header */
	ETHER_LENGTH_FRAME, /* an 802.3 frame: the type field holds a length; *h is filled in */
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
