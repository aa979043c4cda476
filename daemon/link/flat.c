/* See flat.h. */
#include "link/flat.h"

#include "base/bytes.h"
#include "base/checksum.h"

#define UDP_CSUM_OFFSET 6

static size_t flat_size(uint32_t len)
{
	return sizeof(struct flat_frame) + len;
}

struct flat_frame *flat_new(struct env *env, uint32_t len)
{
	assert(len <= FRAME_MAX);
	struct flat_frame *f = env_alloc(env, flat_size(len));
	if (!f)
		return NULL;
	list_init(&f->link);
	f->len = len;
	return f;
}

struct flat_frame *flat_from_out(struct env *env, const struct frame_out *f)
{
	if (frame_len(f) > FRAME_MAX)
		return NULL;
	struct flat_frame *flat = flat_new(env, frame_len(f));
	if (!flat)
		return NULL;
	uint8_t *p = flat->bytes;
	memcpy(p, frame_hdr_const(f), f->hdr_len);
	p += f->hdr_len;
	for (int i = 0; i < f->niov; i++) {
		if (f->iov[i].iov_len > 0)
			memcpy(p, f->iov[i].iov_base, f->iov[i].iov_len);
		p += f->iov[i].iov_len;
	}
	assert(p == flat->bytes + flat->len);
	flat->off = f->off;
	return flat;
}

struct flat_frame *flat_from_in(struct env *env, const struct frame_in *f)
{
	if (f->len > FRAME_MAX)
		return NULL;
	struct flat_frame *flat = flat_new(env, f->len);
	if (!flat)
		return NULL;
	if (f->len > 0)
		memcpy(flat->bytes, f->data, f->len);
	flat->off = f->off;
	return flat;
}

void flat_free(struct env *env, struct flat_frame *f)
{
	if (!f)
		return;
	assert(!list_linked(&f->link));
	env_free(env, f, flat_size(f->len));
}

void flat_list_free(struct env *env, struct list *l)
{
	list_for_each_safe(it, tmp, l)
	{
		list_remove(it);
		flat_free(env, list_entry(it, struct flat_frame, link));
	}
}

struct frame_in flat_view_in(const struct flat_frame *f)
{
	return (struct frame_in){.data = f->bytes, .len = f->len, .off = f->off};
}

void flat_view_out(struct flat_frame *f, struct frame_out *out)
{
	frame_begin(out);
	uint16_t n = (uint16_t)u32_min(f->len, FRAME_HDR_MAX);
	memcpy(frame_prepend(out, n), f->bytes, n);
	if (f->len > n) {
		out->iov[0] = (struct iovec){.iov_base = f->bytes + n, .iov_len = f->len - n};
		out->niov = 1;
		out->payload = f->len - n;
	}
	out->off = f->off;
}

bool flat_complete_csum(struct flat_frame *f)
{
	assert(f->off.gso == GSO_NONE);
	if (!f->off.needs_csum)
		return true;
	uint32_t start = f->off.csum_start, field = start + f->off.csum_offset;
	if (field + 2 > f->len)
		return false;
	uint16_t sum = csum_finish(csum_add(CSUM_ZERO, f->bytes + start, f->len - start));
	/* RFC 768: a computed checksum of zero is transmitted as all ones. */
	if (sum == 0 && f->off.csum_offset == UDP_CSUM_OFFSET)
		sum = 0xffff;
	store_be16(f->bytes + field, sum);
	f->off = (struct offload){.hdr_len = f->off.hdr_len};
	return true;
}

static void snap_offload(struct snap *s, struct offload *off, uint32_t len)
{
	snap_bool(s, &off->needs_csum);
	snap_bool(s, &off->csum_valid);
	SNAP_ENUM(s, off->gso, GSO_TCPV6 + 1);
	snap_u16(s, &off->csum_start);
	snap_u16(s, &off->csum_offset);
	snap_u16(s, &off->gso_size);
	snap_u16(s, &off->hdr_len);
	snap_check(s, !off->needs_csum || (uint32_t)off->csum_start + off->csum_offset + 2 <= len,
	           "checksum offset outside of the frame");
}

void snap_flat_list(struct snap *s, struct env *env, struct list *l, uint32_t max)
{
	uint32_t count = 0;
	if (!snap_loading(s))
		list_for_each(it, l) count++;
	snap_u32(s, &count);
	snap_check(s, count <= max, "too many frames");
	struct list *it = l->next;
	for (uint32_t i = 0; i < count && snap_ok(s); i++) {
		struct flat_frame *f = NULL;
		uint32_t len = 0;
		if (!snap_loading(s)) {
			f = list_entry(it, struct flat_frame, link);
			len = f->len;
			it = it->next;
		}
		snap_u32(s, &len);
		snap_check(s, len <= FRAME_MAX, "frame too long");
		if (!snap_ok(s))
			return;
		if (snap_loading(s)) {
			f = flat_new(env, len);
			if (!f) {
				snap_fail(s, "no memory");
				return;
			}
			list_push_back(l, &f->link);
		}
		snap_instant(s, &f->due);
		snap_offload(s, &f->off, len);
		snap_bytes(s, f->bytes, len);
	}
}
