/* checksum: the RFC's example, and the fast sum against a naive one over every length, alignment and split. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "unit.h"
#include <stdlib.h>

/* RFC 1071 1, word by word in host order. */
static uint16_t naive_sum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		sum += (uint32_t)p[i] << 8 | (i + 1 < len ? p[i + 1] : 0);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void fill(struct rng *rng, uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rng_u32(rng);
}

/* RFC 1071 3. */
START_TEST(test_rfc_example)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	ck_assert_uint_eq(csum_fold(csum_add(CSUM_ZERO, data, sizeof(data))), 0xddf2);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, data, sizeof(data))), 0x220d);
	ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, NULL, 0)), 0xffff);
}
END_TEST

START_TEST(test_every_length_and_alignment)
{
	struct env env = unit_env(1);
	uint8_t *buffer = malloc(400);

	fill(&env.rng, buffer, 400);
	for (size_t at = 0; at < 33; at++) {
		for (size_t len = 0; at + len <= 400; len++)
			ck_assert_uint_eq(csum_fold(csum_add(CSUM_ZERO, buffer + at, len)),
			                  naive_sum(buffer + at, len));
	}
	free(buffer);
}
END_TEST

/* All ones make every addition carry. The heap block ends where the data end, so that ASan sees a read too far. */
START_TEST(test_carries_everywhere)
{
	for (size_t len = 1; len <= 300; len++) {
		uint8_t *p = malloc(len);
		memset(p, 0xff, len);
		csum c = {UINT64_MAX};
		ck_assert_uint_eq(csum_fold(csum_add(c, p, len)), len % 2 ? 0xff00 : 0xffff);
		free(p);
	}
}
END_TEST

START_TEST(test_split_anywhere)
{
	struct env env = unit_env(2);
	uint8_t data[200];

	for (int round = 0; round < 2000; round++) {
		size_t len = rng_below(&env.rng, sizeof(data)) + 1;
		size_t at = 0;
		csum c = CSUM_ZERO;
		fill(&env.rng, data, len);
		while (at < len) {
			size_t n = rng_below(&env.rng, (uint32_t)(len - at)) + 1;
			c = csum_add_at(c, data + at, n, at);
			at += n;
		}
		ck_assert_uint_eq(csum_fold(c), naive_sum(data, len));
	}
}
END_TEST

START_TEST(test_valid_checksum_sums_to_zero)
{
	struct env env = unit_env(3);
	uint8_t data[60];

	for (int round = 0; round < 2000; round++) {
		size_t len = 20 + rng_below(&env.rng, 41);
		fill(&env.rng, data, len);
		store_be16(data + 10, 0);
		store_be16(data + 10, csum_finish(csum_add(CSUM_ZERO, data, len)));
		ck_assert_uint_eq(csum_finish(csum_add(CSUM_ZERO, data, len)), 0);
		data[rng_below(&env.rng, (uint32_t)len)] ^= (uint8_t)(1u << rng_below(&env.rng, 8));
		ck_assert_uint_ne(csum_finish(csum_add(CSUM_ZERO, data, len)), 0);
	}
}
END_TEST

START_TEST(test_pseudo_header)
{
	static const uint8_t four[] = {192, 0, 2, 1, 198, 51, 100, 2, 0, 6, 0x12, 0x34};
	uint8_t six[40] = {0x20, 1, [15] = 1, [16] = 0x20, 2, [31] = 2, [32] = 0, 1, 0xff, 0xfe, 0, 0, 0, 17};
	struct ip_addr src = {.family = IP_V6}, dst = {.family = IP_V6};

	ck_assert_uint_eq(csum_fold(csum_pseudo(ip4(192, 0, 2, 1), ip4(198, 51, 100, 2), 6, 0x1234)),
	                  naive_sum(four, sizeof(four)));
	memcpy(src.b, six, 16);
	memcpy(dst.b, six + 16, 16);
	ck_assert_uint_eq(csum_fold(csum_pseudo(src, dst, 17, 0x1fffe)), naive_sum(six, sizeof(six)));
}
END_TEST

START_TEST(test_add_be16)
{
	static const uint8_t data[] = {0x12, 0x34, 0xfe, 0xdc};
	csum c = csum_add_be16(csum_add_be16(CSUM_ZERO, 0x1234), 0xfedc);

	ck_assert_uint_eq(csum_fold(c), naive_sum(data, sizeof(data)));
}
END_TEST

/* The incremental update equals a full sum; RFC 1624 4's example is the case that eqn. 2 got wrong. */
START_TEST(test_incremental_update)
{
	struct env env = unit_env(4);
	uint8_t header[20];

	ck_assert_uint_eq(csum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
	for (int round = 0; round < 5000; round++) {
		size_t field = 2 * rng_below(&env.rng, 10);
		fill(&env.rng, header, sizeof(header));
		header[0] = 0x45;
		header[1] = 1;
		uint16_t before = csum_finish(csum_add(CSUM_ZERO, header, sizeof(header)));
		uint16_t from = load_be16(header + field), to = (uint16_t)(rng_u32(&env.rng) | 1);
		store_be16(header + field, to);
		ck_assert_uint_eq(csum_update16(before, from, to),
		                  csum_finish(csum_add(CSUM_ZERO, header, sizeof(header))));
	}
}
END_TEST

/* Longer than any frame: sums of 16-bit words that overflow 32 bits. */
START_TEST(test_long_run)
{
	size_t len = (1u << 20) + 7;
	uint8_t *p = malloc(len);

	memset(p, 0xfe, len);
	ck_assert_uint_eq(csum_fold(csum_add(CSUM_ZERO, p, len)), naive_sum(p, len));
	free(p);
}
END_TEST

Suite *checksum_suite(void);
Suite *checksum_suite(void)
{
	UNIT_SUITE("checksum", test_rfc_example, test_every_length_and_alignment, test_carries_everywhere,
	           test_split_anywhere, test_valid_checksum_sums_to_zero, test_pseudo_header, test_add_be16,
	           test_incremental_update, test_long_run);
}
