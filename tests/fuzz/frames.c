/* Any bytes as frames into one stack with a listener and datagram sockets.
 *
 * The input is records: a byte of flags, a byte of length in units of 8 (so that frames stay small), an offload header
 * when asked for, then the frame. Checksums are completed unless a flag forbids it. */
#include "fuzz.h"
#include "link/vnet.h"

enum { RAW = 1, OFFLOAD = 2, HOLD = 4, NO_ETHER = 8, LATER = 16, MUCH_LATER = 32, RELOAD = 64 };

static struct stack *reload(struct env *env, struct stack *s)
{
	struct snap save, load;

	stack_save(s, &save);
	list_for_each(it, &s->sockets.all) list_entry(it, struct socket, all)->channel = NULL;
	stack_free(s);
	FUZZ_NEED(env->allocated == 0);
	snap_load_begin(&load, save.buf, save.len);
	s = stack_load(env, &load);
	FUZZ_NEED(s);
	snap_save_free(&save);
	list_for_each(it, &s->sockets.all)
	{
		struct socket *so = list_entry(it, struct socket, all);
		so->channel = so->owned ? s : NULL;
	}
	return s;
}

/* A frame in memory of its own size, so that reading past its end is seen. */
static void one_frame(struct env *env, struct stack *s, struct reader *r, uint8_t flags)
{
	struct offload off = {0};
	uint8_t vnet[VNET_HDR_LEN] = {0};
	uint32_t len = read_u8(r) * 8u;

	if (flags & OFFLOAD) {
		const uint8_t *p = read_bytes(r, VNET_HDR_LEN);
		if (!p)
			return;
		memcpy(vnet, p, VNET_HDR_LEN);
	}
	len = (uint32_t)size_min(len, r->len);
	uint32_t ether = flags & NO_ETHER ? 0 : ETHER_HDR_LEN;
	uint8_t *frame = malloc(ether + len + 1);
	FUZZ_NEED(frame);
	if (ether)
		ether_build(frame,
		            &(struct ether_hdr){.dst = FUZZ_US_MAC, .src = FUZZ_PEER_MAC, .type = ETHER_TYPE_IP4});
	memcpy(frame + ether, r->p, len);
	read_bytes(r, len);
	if (!(flags & RAW))
		fuzz_fix_checksums(frame, ether + len);
	if (flags & OFFLOAD ? vnet_parse(vnet, frame, ether + len, &off) : true) {
		struct frame_in f = {.data = frame, .len = ether + len, .off = off};
		fuzz_turn(s, &f, 1, !(flags & HOLD), NULL, NULL);
	}
	free(frame);
	(void)env;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct env env = {0};
	struct stack *s = fuzz_begin(&env, (struct link_caps){0});
	struct reader r = reader_of(data, size);

	while (r.len) {
		uint8_t flags = read_u8(&r);
		one_frame(&env, s, &r, flags);
		env.now = instant_add(env.now, flags & LATER ? DURATION_MS(50) : DURATION_US(100));
		if (flags & MUCH_LATER)
			env.now = instant_add(env.now, DURATION_S(5));
		if (flags & RELOAD)
			s = reload(&env, s);
	}
	fuzz_end(&env, s);
	return 0;
}
