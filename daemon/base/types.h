/* Quantities with types: sequence numbers, instants and durations cannot be mixed up, nor with lengths (size_t,
 * uint32_t).
 *
 * Any folder may use this header. */
#ifndef TOYNET_BASE_TYPES_H
#define TOYNET_BASE_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A TCP sequence number: 32 bits, compared modulo 2^32 (RFC 9293 3.4). */
typedef struct {
	uint32_t n;
} seq32;

static inline seq32 seq_of(uint32_t n)
{
	return (seq32){n};
}
static inline seq32 seq_add(seq32 a, uint32_t len)
{
	return (seq32){a.n + len};
}
static inline seq32 seq_sub(seq32 a, uint32_t len)
{
	return (seq32){a.n - len};
}
/* Signed distance from b to a: positive when a is later. */
static inline int32_t seq_diff(seq32 a, seq32 b)
{
	return (int32_t)(a.n - b.n);
}
/* Bytes from `from` up to `to`, which must not be earlier. */
static inline uint32_t seq_len(seq32 from, seq32 to)
{
	return to.n - from.n;
}
static inline bool seq_eq(seq32 a, seq32 b)
{
	return a.n == b.n;
}
static inline bool seq_lt(seq32 a, seq32 b)
{
	return seq_diff(a, b) < 0;
}
static inline bool seq_le(seq32 a, seq32 b)
{
	return seq_diff(a, b) <= 0;
}
static inline bool seq_gt(seq32 a, seq32 b)
{
	return seq_diff(a, b) > 0;
}
static inline bool seq_ge(seq32 a, seq32 b)
{
	return seq_diff(a, b) >= 0;
}
static inline seq32 seq_max(seq32 a, seq32 b)
{
	return seq_gt(a, b) ? a : b;
}
static inline seq32 seq_min(seq32 a, seq32 b)
{
	return seq_lt(a, b) ? a : b;
}

/* A length of time in nanoseconds. */
typedef struct {
	int64_t ns;
} duration;

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)
/* For constants and table entries. */
#define DURATION_US(x) ((duration){(int64_t)(x)*NS_PER_US})
#define DURATION_MS(x) ((duration){(int64_t)(x)*NS_PER_MS})
#define DURATION_S(x)  ((duration){(int64_t)(x)*NS_PER_S})

static inline bool duration_lt(duration a, duration b)
{
	return a.ns < b.ns;
}
static inline duration duration_min(duration a, duration b)
{
	return a.ns < b.ns ? a : b;
}
static inline duration duration_max(duration a, duration b)
{
	return a.ns > b.ns ? a : b;
}

/* A point on the monotonic clock of the driver, in nanoseconds from its start. Never wall time. */
typedef struct {
	int64_t ns;
} instant;

/* "Never": no timer set, no such event yet. */
#define INSTANT_NEVER ((instant){INT64_MAX})

static inline bool instant_is_never(instant t)
{
	return t.ns == INT64_MAX;
}
static inline bool instant_lt(instant a, instant b)
{
	return a.ns < b.ns;
}
static inline bool instant_le(instant a, instant b)
{
	return a.ns <= b.ns;
}
static inline instant instant_min(instant a, instant b)
{
	return a.ns < b.ns ? a : b;
}
/* t + d; never stays never. */
static inline instant instant_add(instant t, duration d)
{
	return instant_is_never(t) ? t : (instant){t.ns + d.ns};
}
/* a - b; both must be real instants. */
static inline duration instant_since(instant a, instant b)
{
	return (duration){a.ns - b.ns};
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline uint32_t u32_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}
static inline uint32_t u32_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}
static inline size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

#endif
