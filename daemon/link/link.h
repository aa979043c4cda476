/* Links: what stands below the stack. A link consumes a frame at once, or copies it within a bound; a frame that it
 * refuses is counted by the caller and never half sent.
 *
 * A link is an ops table and its own state behind it. Decorators (impair) hold the link that they decorate. Links with
 * real devices live in host/ and only fill in this table; drivers' logic (virtio_net_hdr) is in link/. */
#ifndef TOYNET_LINK_LINK_H
#define TOYNET_LINK_LINK_H

#include "base/packet.h"

struct link_caps {
	bool csum;        /* completes transport checksums (offload.needs_csum) */
	uint32_t gso_max; /* largest super-frame for TCP over IPv4, Ethernet header included; 0: frames of at most the
	                     MTU */
};

struct link;

struct link_ops {
	/* Sends one frame. True: taken. False: refused, nothing was sent. The frame is borrowed for the call. */
	bool (*send)(struct link *l, const struct frame_out *f);
	/* Fills frames with at most `max` received frames, and returns how many. They stay valid until the next recv.
	 */
	int (*recv)(struct link *l, struct frame_in *frames, int max);
	/* When recv will have more without an outside event (a delayed frame); INSTANT_NEVER for real devices. */
	instant (*deadline)(struct link *l);
};

struct link {
	const struct link_ops *ops;
	struct link_caps caps;
};

#endif
