/* The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A `csum` is an unfolded one's-complement sum; parts are added with csum_add, and an odd-length part may only be the
 * last, or be followed through csum_add_at, which swaps for an odd offset. */
#ifndef TOYNET_BASE_CHECKSUM_H
#define TOYNET_BASE_CHECKSUM_H

#include "base/addr.h"
#include "base/types.h"

typedef struct {
	uint64_t sum;
} csum;

#define CSUM_ZERO ((csum){0})

/* Adds len bytes, fewer than 2^32, that stand at an even offset of the covered data. */
csum csum_add(csum c, const void *data, size_t len);
/* Adds len bytes that stand at `offset` of the covered data, odd or even. */
csum csum_add_at(csum c, const void *data, size_t len, size_t offset);
csum csum_add_be16(csum c, uint16_t v);
/* The pseudo-header of TCP and UDP (RFC 9293 3.1, RFC 768; RFC 8200 8.1 for IPv6). */
csum csum_pseudo(struct ip_addr src, struct ip_addr dst, uint8_t protocol, uint32_t length);
/* Folds to 16 bits, not complemented: the value that an offloading link wants in the checksum field. Host order. */
uint16_t csum_fold(csum c);
/* The checksum to put in a header: the complement of the fold. Host order. Over data that include a valid checksum: 0.
 */
uint16_t csum_finish(csum c);
/* RFC 1624 eqn. 3: the checksum `old_sum` after a 16-bit field changed from `from` to `to`. Host order. */
uint16_t csum_update16(uint16_t old_sum, uint16_t from, uint16_t to);

#endif
