/* virtio_net_hdr to and from struct offload: what a TAP with IFF_VNET_HDR puts in front of each frame.
 *
 * Only what the stack asks a device for is accepted: partial checksums, checksums that the device vouches for, and
 * super-frames of TCP over IPv4. The fields are in the byte order of the host (the device's default), and come from the
 * kernel, but are checked against the frame as if they came from a peer. */
#ifndef TOYNET_LINK_VNET_H
#define TOYNET_LINK_VNET_H

#include "base/packet.h"

#define VNET_HDR_LEN 10 /* struct virtio_net_hdr */

/* Reads the header hdr of a frame. False: it asks for what the frame does not have, or for what we did not negotiate
 * (the caller counts LinkInBadOffload and drops the frame). */
bool vnet_parse(const uint8_t hdr[VNET_HDR_LEN], const uint8_t *frame, uint32_t len, struct offload *off);
/* Writes the header for a frame that goes out. */
void vnet_build(uint8_t hdr[VNET_HDR_LEN], const struct offload *off);

#endif
