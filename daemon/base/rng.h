/* The seeded random source of a stack (xoshiro256**), part of env. The host seeds it from the kernel; a simulation from
 * its seed. Secrets (hash keys, the ISN key) are drawn from it at start; it is not itself shown to peers. */
#ifndef TOYNET_BASE_RNG_H
#define TOYNET_BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* Expands a 64-bit seed (splitmix64). Every seed gives a valid state, zero included. */
void rng_seed(struct rng *r, uint64_t seed);
/* Uses 32 bytes of entropy as they are; all zero is replaced by rng_seed(0). */
void rng_seed_bytes(struct rng *r, const uint8_t entropy[32]);
uint64_t rng_u64(struct rng *r);
uint32_t rng_u32(struct rng *r);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);

#endif
