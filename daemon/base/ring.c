/* Byte rings and the pool of their memory; the header tells the theory.
 *
 * A ring grows by moving to a block of the next size class that suffices: the kept bytes become contiguous at offset 0.
 * It never shrinks; its owner releases it when it is idle. Freed blocks wait in the pool, one list per class, until
 * RING_POOL_CACHE bytes are there: beyond that they go back to env. */
#include "base/ring.h"
#include <string.h>

_Static_assert(RING_MIN_SIZE << (RING_CLASSES - 1) == RING_MAX_SIZE, "the classes span the sizes");

/* The smallest class of at least `need` bytes. */
static unsigned class_of(uint32_t need)
{
	unsigned class = 0;

	assert(need <= RING_MAX_SIZE);
	while (RING_MIN_SIZE << class < need)
		class ++;
	return class;
}

void ring_pool_init(struct ring_pool *p, struct env *env)
{
	*p = (struct ring_pool){.env = env};
}

static void *pool_unlink(struct ring_pool *p, unsigned class)
{
	void *block = p->free_block[class];

	if (block) {
		memcpy(&p->free_block[class], block, sizeof(void *));
		p->cached -= RING_MIN_SIZE << class;
	}
	return block;
}

void ring_pool_free(struct ring_pool *p)
{
	for (unsigned class = 0; class < RING_CLASSES; class ++) {
		void *block;
		while ((block = pool_unlink(p, class)))
			env_free(p->env, block, RING_MIN_SIZE << class);
	}
	assert(p->cached == 0);
}

static void *block_get(struct ring_pool *p, unsigned class)
{
	void *block = pool_unlink(p, class);

	return block ? block : env_alloc(p->env, RING_MIN_SIZE << class);
}

static void block_put(struct ring_pool *p, void *block, uint32_t size)
{
	unsigned class = class_of(size);

	if (p->cached + size > RING_POOL_CACHE) {
		env_free(p->env, block, size);
		return;
	}
	memcpy(block, &p->free_block[class], sizeof(void *));
	p->free_block[class] = block;
	p->cached += size;
}

bool ring_reserve(struct ring *r, struct ring_pool *p, uint32_t need, uint32_t keep)
{
	assert(keep >= r->len && keep <= r->size);
	if (need <= r->size)
		return true;
	unsigned class = class_of(need);
	uint8_t *base = block_get(p, class);

	if (!base)
		return false;
	ring_read_at(r, 0, base, keep);
	if (r->base)
		block_put(p, r->base, r->size);
	r->base = base;
	r->size = RING_MIN_SIZE << class;
	r->head = 0;
	return true;
}

void ring_release(struct ring *r, struct ring_pool *p)
{
	if (r->base)
		block_put(p, r->base, r->size);
	*r = (struct ring){0};
}

int ring_iov(const struct ring *r, uint32_t pos, uint32_t n, struct iovec iov[2])
{
	assert(pos <= r->size && n <= r->size - pos);
	if (n == 0)
		return 0;
	uint32_t start = (r->head + pos) & (r->size - 1);
	uint32_t first = u32_min(n, r->size - start);

	iov[0] = (struct iovec){.iov_base = r->base + start, .iov_len = first};
	if (first == n)
		return 1;
	iov[1] = (struct iovec){.iov_base = r->base, .iov_len = n - first};
	return 2;
}

void ring_write_at(struct ring *r, uint32_t pos, const void *src, uint32_t n)
{
	const uint8_t *from = src;
	struct iovec iov[2];
	int count = ring_iov(r, pos, n, iov);

	for (int i = 0; i < count; i++) {
		memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
}

void ring_read_at(const struct ring *r, uint32_t pos, void *dst, uint32_t n)
{
	uint8_t *to = dst;
	struct iovec iov[2];
	int count = ring_iov(r, pos, n, iov);

	for (int i = 0; i < count; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}
