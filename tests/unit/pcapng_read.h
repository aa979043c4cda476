/* Reads what a capture wrote, one packet after another, for tests. */
#ifndef TOYNET_TESTS_PCAPNG_READ_H
#define TOYNET_TESTS_PCAPNG_READ_H

#include "link/pcapng.h"
#include <check.h>
#include <string.h>

struct packet_read {
	uint64_t time_ns, lost;
	uint32_t stored, len, flags;
	const uint8_t *bytes;
	char comment[PCAPNG_TEXT_MAX];
};

static inline uint32_t read_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The type of the block at *at, which moves on; a packet is read into *out. 0: the end. */
static inline uint32_t pcapng_next(const uint8_t *file, size_t len, size_t *at, struct packet_read *out)
{
	if (*at == len)
		return 0;
	ck_assert_uint_ge(len - *at, 12);
	const uint8_t *b = file + *at;
	uint32_t type = read_le32(b), size = read_le32(b + 4);
	ck_assert(size % 4 == 0 && size >= 12 && size <= len - *at && read_le32(b + size - 4) == size);
	*at += size;
	if (type != 6)
		return type;
	*out = (struct packet_read){
	        .time_ns = (uint64_t)read_le32(b + 12) << 32 | read_le32(b + 16),
	        .stored = read_le32(b + 20),
	        .len = read_le32(b + 24),
	        .bytes = b + 28,
	};
	for (const uint8_t *o = b + 28 + (out->stored + 3) / 4 * 4; read_le32(o) != 0;) {
		uint32_t code = o[0], n = (uint32_t)(o[2] | o[3] << 8);
		if (code == 1)
			memcpy(out->comment, o + 4, n);
		else if (code == 2)
			out->flags = read_le32(o + 4);
		else
			out->lost = read_le32(o + 4);
		o += 4 + (n + 3) / 4 * 4;
	}
	return type;
}

#endif
