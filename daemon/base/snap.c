/* The snapshot's primitive fields; the header tells the theory.
 *
 * Everything goes through snap_bytes, the only place that grows the buffer or advances in the input. Integers go
 * through snap_uint, which keeps them little endian. The buffer comes from malloc, not from env: a snapshot outlives
 * the stack that it was taken from, and must not disturb the count of allocations that a replay depends on. */
#include "base/snap.h"
#include <stdlib.h>

#define CAPACITY_FIRST 4096
/* 73 and 18 years: sums, differences and small multiples of what was loaded stay within 64 bits. */
#define TIME_MAX     (INT64_C(1) << 61)
#define DURATION_MAX (INT64_C(1) << 59)

void snap_save_begin(struct snap *s)
{
	*s = (struct snap){.mode = SNAP_SAVE};
}

void snap_save_free(struct snap *s)
{
	assert(s->mode == SNAP_SAVE);
	free(s->buf);
	snap_save_begin(s);
}

void snap_load_begin(struct snap *s, const void *data, size_t len)
{
	*s = (struct snap){.mode = SNAP_LOAD, .buf = (uint8_t *)data, .len = len};
}

void snap_fail(struct snap *s, const char *why)
{
	if (!s->error)
		s->error = why;
}

static bool save_reserve(struct snap *s, size_t n)
{
	if (n <= s->capacity - s->len)
		return true;
	size_t capacity = s->capacity ? s->capacity : CAPACITY_FIRST;
	while (capacity - s->len < n)
		capacity *= 2;
	uint8_t *buf = realloc(s->buf, capacity);
	if (!buf) {
		snap_fail(s, "out of memory");
		return false;
	}
	s->buf = buf;
	s->capacity = capacity;
	return true;
}

static void save_bytes(struct snap *s, const void *p, size_t n)
{
	if (s->error || !save_reserve(s, n))
		return;
	memcpy(s->buf + s->len, p, n);
	s->len += n;
}

static void load_bytes(struct snap *s, void *p, size_t n)
{
	if (n > s->len - s->pos)
		snap_fail(s, "the snapshot ends too early");
	if (s->error) {
		memset(p, 0, n);
		return;
	}
	memcpy(p, s->buf + s->pos, n);
	s->pos += n;
}

void snap_bytes(struct snap *s, void *p, size_t n)
{
	if (n == 0)
		return;
	switch (s->mode) {
	case SNAP_SAVE:
		save_bytes(s, p, n);
		return;
	case SNAP_LOAD:
		load_bytes(s, p, n);
		return;
	}
}

/* v through `size` bytes, little endian; what it is then. */
static uint64_t snap_uint(struct snap *s, uint64_t v, size_t size)
{
	uint8_t b[8];

	for (size_t i = 0; i < size; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	snap_bytes(s, b, size);
	v = 0;
	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)b[i] << (8 * i);
	return v;
}

void snap_u8(struct snap *s, uint8_t *v)
{
	snap_bytes(s, v, sizeof(*v));
}

void snap_u16(struct snap *s, uint16_t *v)
{
	*v = (uint16_t)snap_uint(s, *v, sizeof(*v));
}

void snap_u32(struct snap *s, uint32_t *v)
{
	*v = (uint32_t)snap_uint(s, *v, sizeof(*v));
}

void snap_u64(struct snap *s, uint64_t *v)
{
	*v = snap_uint(s, *v, sizeof(*v));
}

void snap_i32(struct snap *s, int32_t *v)
{
	*v = (int32_t)(uint32_t)snap_uint(s, (uint32_t)*v, sizeof(*v));
}

void snap_i64(struct snap *s, int64_t *v)
{
	*v = (int64_t)snap_uint(s, (uint64_t)*v, sizeof(*v));
}

void snap_bool(struct snap *s, bool *v)
{
	uint8_t b = *v;

	snap_u8(s, &b);
	snap_check(s, b <= 1, "a truth value is neither 0 nor 1");
	*v = b == 1;
}

void snap_seq(struct snap *s, seq32 *v)
{
	snap_u32(s, &v->n);
}

static void snap_ns(struct snap *s, int64_t *ns, int64_t least, int64_t most, bool endless)
{
	snap_i64(s, ns);
	if ((*ns >= least && *ns <= most) || (endless && *ns == INT64_MAX))
		return;
	snap_fail(s, "a time out of range");
	if (snap_loading(s))
		*ns = 0;
}

void snap_instant(struct snap *s, instant *v)
{
	snap_ns(s, &v->ns, -TIME_MAX, 2 * TIME_MAX, true);
}

void snap_past(struct snap *s, instant *v, instant now)
{
	snap_instant(s, v);
	if (snap_loading(s))
		*v = instant_min(*v, now);
}

void snap_duration(struct snap *s, duration *v)
{
	snap_ns(s, &v->ns, 0, DURATION_MAX, false);
}

void snap_duration_or_infinite(struct snap *s, duration *v)
{
	snap_ns(s, &v->ns, 0, DURATION_MAX, true);
}

/* The bytes that the family does not use are zero, or ip_eq would tell equal addresses apart. */
static bool ip_is_canonical(const struct ip_addr *a)
{
	static const uint8_t zero[16];

	switch (a->family) {
	case IP_NONE:
		return memcmp(a->b, zero, sizeof(zero)) == 0;
	case IP_V4:
		return memcmp(a->b + 4, zero, sizeof(zero) - 4) == 0;
	case IP_V6:
		return true;
	}
	return false;
}

void snap_ip(struct snap *s, struct ip_addr *a)
{
	snap_u8(s, &a->family);
	snap_bytes(s, a->b, sizeof(a->b));
	if (ip_is_canonical(a))
		return;
	snap_fail(s, "an address is of no known family, or not in its canonical form");
	if (snap_loading(s))
		*a = (struct ip_addr){0};
}

void snap_endpoint(struct snap *s, struct endpoint *e)
{
	snap_ip(s, &e->addr);
	snap_u16(s, &e->port);
}

void snap_mac(struct snap *s, struct mac_addr *m)
{
	snap_bytes(s, m->b, sizeof(m->b));
}

void snap_tag(struct snap *s, uint32_t tag)
{
	uint32_t v = tag;

	snap_u32(s, &v);
	snap_check(s, v == tag, "a section does not begin where it should");
}
