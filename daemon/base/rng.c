/* xoshiro256** 1.0 (Blackman and Vigna), seeded through splitmix64.
 *
 * It is fast, passes the usual statistical tests and replays exactly from its seed. It is not a cipher: what peers see
 * (ISNs, ephemeral ports) goes through SipHash with a key drawn from it, never straight from its output. */
#include "base/rng.h"
#include "base/types.h"
#include <string.h>

static uint64_t rotl(uint64_t x, unsigned k)
{
	return (x << k) | (x >> (64 - k));
}

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Four outputs of splitmix64 in a row are never all zero, so every seed gives a valid state. */
void rng_seed(struct rng *r, uint64_t seed)
{
	for (size_t i = 0; i < ARRAY_LEN(r->s); i++)
		r->s[i] = splitmix64(&seed);
}

void rng_seed_bytes(struct rng *r, const uint8_t entropy[32])
{
	memcpy(r->s, entropy, sizeof(r->s));
	if ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0)
		rng_seed(r, 0);
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint32_t rng_u32(struct rng *r)
{
	return (uint32_t)(rng_u64(r) >> 32);
}

/* Lemire's method: the high half of a 32x32 product is uniform once the few low halves below 2^32 mod bound are
 * redrawn. */
uint32_t rng_below(struct rng *r, uint32_t bound)
{
	assert(bound > 0);
	uint32_t reject_below = (0 - bound) % bound;
	uint64_t product;

	do {
		product = (uint64_t)rng_u32(r) * bound;
	} while ((uint32_t)product < reject_below);
	return (uint32_t)(product >> 32);
}
