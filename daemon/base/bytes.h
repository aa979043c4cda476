/* Big-endian loads and stores at any alignment, and a bounded reader: the one way untrusted bytes are parsed.
 *
 * A reader that is asked for more than there is returns zeros and remembers it (`short_input`): parse all, then look
 * once. */
#ifndef TOYNET_BASE_BYTES_H
#define TOYNET_BASE_BYTES_H

#include "base/types.h"
#include <string.h>

static inline uint16_t load_be16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}
static inline uint32_t load_be32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}
static inline void store_be16(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}
static inline void store_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

struct reader {
	const uint8_t *p;
	size_t len; /* bytes left */
	bool short_input;
};

static inline struct reader reader_of(const void *p, size_t len)
{
	return (struct reader){.p = p, .len = len};
}
/* n bytes and past them; NULL when there are fewer. */
static inline const uint8_t *read_bytes(struct reader *r, size_t n)
{
	if (r->len < n) {
		r->short_input = true;
		r->len = 0;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p += n;
	r->len -= n;
	return p;
}
static inline uint8_t read_u8(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 1);
	return p ? *p : 0;
}
static inline uint16_t read_be16(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 2);
	return p ? load_be16(p) : 0;
}
static inline uint32_t read_be32(struct reader *r)
{
	const uint8_t *p = read_bytes(r, 4);
	return p ? load_be32(p) : 0;
}

#endif
