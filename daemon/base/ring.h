/* Byte rings: the send and the receive buffer of a socket.
 *
 * A ring is base, size (a power of two, or 0 when it has no memory), head (offset of the first byte) and len. Memory
 * comes lazily from a ring_pool, which keeps freed blocks by size class within a bound, so that an idle socket has
 * none. The bytes beyond len are addressable too (ring_write_at): the receive side stores out-of-order data at its
 * final place and commits it later. Positions are relative to the head. */
#ifndef TOYNET_BASE_RING_H
#define TOYNET_BASE_RING_H

#include "base/env.h"
#include "base/types.h"
#include <sys/uio.h>

#define RING_MIN_SIZE   (4u << 10)
#define RING_MAX_SIZE   (16u << 20)
#define RING_CLASSES    13          /* 4 KiB << 0 .. 16 MiB == 4 KiB << 12 */
#define RING_POOL_CACHE (16u << 20) /* bytes of free blocks that a pool keeps */

struct ring {
	uint8_t *base;
	uint32_t size;
	uint32_t head;
	uint32_t len;
};

struct ring_pool {
	struct env *env;
	void *free_block[RING_CLASSES]; /* linked through their first bytes */
	size_t cached;                  /* bytes in free blocks */
};

void ring_pool_init(struct ring_pool *p, struct env *env);
void ring_pool_free(struct ring_pool *p);

/* Ensures that positions [0, need) are addressable; contents of [0, keep) survive a move (keep may exceed len when
 * out-of-order bytes are stored): len <= keep <= size. False when memory is short: the ring is as it was.
 * need <= RING_MAX_SIZE. */
bool ring_reserve(struct ring *r, struct ring_pool *p, uint32_t need, uint32_t keep);
/* Gives the memory back; the ring is empty afterwards. */
void ring_release(struct ring *r, struct ring_pool *p);

/* Up to two iovecs over [pos, pos+n), which must lie within size. Returns how many. */
int ring_iov(const struct ring *r, uint32_t pos, uint32_t n, struct iovec iov[2]);
/* Copies into [pos, pos+n), within size; does not change len. */
void ring_write_at(struct ring *r, uint32_t pos, const void *src, uint32_t n);
void ring_read_at(const struct ring *r, uint32_t pos, void *dst, uint32_t n);
/* Bytes at [len, len+n) become part of the ring. */
static inline void ring_commit(struct ring *r, uint32_t n)
{
	assert(r->size - r->len >= n);
	r->len += n;
}
/* Drops n <= len bytes from the front. */
static inline void ring_consume(struct ring *r, uint32_t n)
{
	assert(n <= r->len);
	r->len -= n;
	r->head = r->size ? (r->head + n) & (r->size - 1) : 0;
}
/* Moves the head over n bytes that were never stored (delivered straight from a frame): len must be 0. */
static inline void ring_skip(struct ring *r, uint32_t n)
{
	assert(r->len == 0);
	r->head = r->size ? (r->head + n) & (r->size - 1) : 0;
}

#endif
