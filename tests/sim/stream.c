/* What the applications say: a stream for each side of each connection, of which any part can be computed. */
#include "sim.h"

/* Eight bytes, number `word` of the stream. */
static uint64_t word_of(const struct world *w, int c, int from, uint64_t word)
{
	uint64_t x = word + w->seed * 31 + (uint64_t)(c * 2 + from) * 1000003;

	x ^= x >> 31;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 29;
	return x * UINT64_C(0xbf58476d1ce4e5b9);
}

void stream_fill(const struct world *w, int c, int from, uint64_t offset, uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n;) {
		uint64_t at = offset + i, x = word_of(w, c, from, at >> 3) >> (8 * (at & 7));
		for (uint64_t j = at & 7; j < 8 && i < n; j++, i++, x >>= 8)
			p[i] = (uint8_t)x;
	}
}

bool stream_equal(const struct world *w, int c, int from, uint64_t offset, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n;) {
		uint64_t at = offset + i, x = word_of(w, c, from, at >> 3) >> (8 * (at & 7));
		for (uint64_t j = at & 7; j < 8 && i < n; j++, i++, x >>= 8)
			if (p[i] != (uint8_t)x)
				return false;
	}
	return true;
}
