/* Flat frames: a frame copied into one run of bytes of its own, with its offload metadata.
 *
 * Theory of operation. Whoever must keep a frame beyond the call that lent it (an impairment that delays, a loopback,
 * an ARP entry that resolves) makes a flat copy and puts it in a list. A flat frame has one owner, and goes back with
 * flat_free to the env that gave it. */
#ifndef TOYNET_LINK_FLAT_H
#define TOYNET_LINK_FLAT_H

#include "base/env.h"
#include "base/list.h"
#include "base/packet.h"
#include "base/snap.h"

struct flat_frame {
	struct list link; /* in the owner's list */
	instant due;      /* the owner's: when it is to be released */
	uint32_t len;
	struct offload off;
	uint8_t bytes[];
};

/* len bytes, zeroed, no offload. NULL: out of memory. len <= FRAME_MAX. */
struct flat_frame *flat_new(struct env *env, uint32_t len);
/* NULL: out of memory, or longer than FRAME_MAX. */
struct flat_frame *flat_from_out(struct env *env, const struct frame_out *f);
struct flat_frame *flat_from_in(struct env *env, const struct frame_in *f);
/* f may be NULL; it must be in no list. */
void flat_free(struct env *env, struct flat_frame *f);
/* Frees every frame of the list. */
void flat_list_free(struct env *env, struct list *l);
/* Views that borrow the bytes. The header buffer of a frame_out holds the frame's first bytes. */
struct frame_in flat_view_in(const struct flat_frame *f);
void flat_view_out(struct flat_frame *f, struct frame_out *out);
/* Completes the transport checksum that f still owes (offload.needs_csum), as a device would. False: the offsets lie
 * outside of the frame, which is then unchanged. Must not be called for a super-frame. */
bool flat_complete_csum(struct flat_frame *f);
/* Saves the frames of a list, or loads them behind those that are there: at most max frames. */
void snap_flat_list(struct snap *s, struct env *env, struct list *l, uint32_t max);

#endif
