/* The Internet checksum.
 *
 * One's-complement addition does not mind the byte order nor the word size (RFC 1071 2): the sum is taken over words as
 * they lie in memory, the wider the better, and the bytes are swapped once, when it is folded. A csum is a 64-bit
 * one's-complement sum (end-around carry) of such words.
 *
 * Long runs take 32 bytes a step, as two vectors of two 64-bit lanes (every 64-bit machine has these; gcc splits wider
 * ones into scalars). The 32-bit halves of each lane are summed apart, so a lane cannot overflow before 2^31 steps, and
 * no carry is chased inside the loop. */
#include "base/checksum.h"
#include "base/bytes.h"

#define LANES 2
#define STEP  32

typedef uint64_t lanes __attribute__((vector_size(LANES * sizeof(uint64_t))));

_Static_assert(STEP == 2 * sizeof(lanes), "a step is two vectors");

static uint64_t add_carry(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
}

/* n is a multiple of STEP. */
static uint64_t sum_block(const uint8_t *p, size_t n)
{
	lanes low = {0}, high = {0};

	for (const uint8_t *end = p + n; p != end; p += STEP) {
		lanes a, b;
		memcpy(&a, p, sizeof(a));
		memcpy(&b, p + sizeof(a), sizeof(b));
		low += (a & UINT32_MAX) + (b & UINT32_MAX);
		high += (a >> 32) + (b >> 32);
	}
	/* Each half is a sum of 32-bit words, hence of 16-bit words. */
	uint64_t sum = 0;
	for (size_t i = 0; i < LANES; i++)
		sum = add_carry(add_carry(sum, low[i]), high[i]);
	return sum;
}

/* Fewer than STEP bytes. */
static uint64_t sum_tail(const uint8_t *p, size_t n)
{
	uint64_t sum = 0, wide;
	uint32_t half;
	uint16_t quarter;

	for (; n >= sizeof(wide); n -= sizeof(wide), p += sizeof(wide)) {
		memcpy(&wide, p, sizeof(wide));
		sum = add_carry(sum, wide);
	}
	/* These are at most 2^32 + 2^16 together: one carry suffices. */
	uint64_t rest = 0;
	if (n & sizeof(half)) {
		memcpy(&half, p, sizeof(half));
		rest += half;
		p += sizeof(half);
	}
	if (n & sizeof(quarter)) {
		memcpy(&quarter, p, sizeof(quarter));
		rest += quarter;
		p += sizeof(quarter);
	}
	/* RFC 1071 1: an odd last byte is padded with a zero byte. */
	if (n & 1)
		rest += *p;
	return add_carry(sum, rest);
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & UINT32_MAX);
	sum = (sum >> 16) + (sum & UINT16_MAX);
	sum = (sum >> 16) + (sum & UINT16_MAX);
	sum = (sum >> 16) + (sum & UINT16_MAX);
	return (uint16_t)sum;
}

csum csum_add(csum c, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t steps = len & ~(size_t)(STEP - 1);

	assert(len <= UINT32_MAX);
	if (steps > 0)
		c.sum = add_carry(c.sum, sum_block(p, steps));
	if (len > steps)
		c.sum = add_carry(c.sum, sum_tail(p + steps, len - steps));
	return c;
}

csum csum_add_at(csum c, const void *data, size_t len, size_t offset)
{
	if (offset % 2 == 0)
		return csum_add(c, data, len);
	/* RFC 1071 2 (B): a sum of swapped bytes is the swapped sum. */
	uint16_t part = fold(csum_add(CSUM_ZERO, data, len).sum);
	return (csum){add_carry(c.sum, __builtin_bswap16(part))};
}

csum csum_add_be16(csum c, uint16_t v)
{
	return (csum){add_carry(c.sum, __builtin_bswap16(v))};
}

csum csum_pseudo(struct ip_addr src, struct ip_addr dst, uint8_t protocol, uint32_t length)
{
	size_t size = src.family == IP_V6 ? 16 : 4;
	csum c = csum_add(CSUM_ZERO, src.b, size);

	assert(src.family == dst.family && src.family != IP_NONE);
	c = csum_add(c, dst.b, size);
	c = csum_add_be16(c, protocol);
	c = csum_add_be16(c, (uint16_t)(length >> 16));
	return csum_add_be16(c, (uint16_t)length);
}

uint16_t csum_fold(csum c)
{
	return __builtin_bswap16(fold(c.sum));
}

uint16_t csum_finish(csum c)
{
	return (uint16_t)~csum_fold(c);
}

uint16_t csum_update16(uint16_t old_sum, uint16_t from, uint16_t to)
{
	/* RFC 1624 3, eqn. 3: HC' = ~(~HC + ~m + m') */
	uint32_t sum = (uint16_t)~old_sum + (uint32_t)(uint16_t)~from + to;

	return (uint16_t)~fold(sum);
}
