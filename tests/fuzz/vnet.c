/* Any bytes as virtio_net_hdr and frame: what is accepted lies within the frame, and survives a round trip. */
#include "link/vnet.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct offload off, again;
	uint8_t hdr[VNET_HDR_LEN];

	if (size < VNET_HDR_LEN)
		return 0;
	uint32_t len = (uint32_t)(size - VNET_HDR_LEN);
	uint8_t *frame = malloc(len + 1);
	FUZZ_NEED(frame);
	memcpy(frame, data + VNET_HDR_LEN, len);
	if (vnet_parse(data, frame, len, &off)) {
		FUZZ_NEED(!off.needs_csum || (uint32_t)off.csum_start + off.csum_offset + 2 <= len);
		FUZZ_NEED(off.gso == GSO_NONE || (off.gso_size && off.hdr_len <= len && off.needs_csum));
		vnet_build(hdr, &off);
		FUZZ_NEED(vnet_parse(hdr, frame, len, &again));
		FUZZ_NEED(again.gso == off.gso && again.gso_size == off.gso_size &&
		          again.needs_csum == off.needs_csum && again.csum_start == off.csum_start &&
		          again.csum_offset == off.csum_offset && again.hdr_len == off.hdr_len);
		struct env env = {0};
		struct stack *s = fuzz_begin(&env, (struct link_caps){0});
		struct frame_in in = {.data = frame, .len = len, .off = off};
		fuzz_turn(s, &in, 1, true, NULL, NULL);
		fuzz_end(&env, s);
	}
	free(frame);
	return 0;
}
