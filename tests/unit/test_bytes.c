/* bytes: big-endian loads and stores at every alignment, and the bounded reader at its bounds. */
#include "base/bytes.h"
#include "unit.h"

START_TEST(test_loads_and_stores_at_any_alignment)
{
	for (size_t at = 0; at < 8; at++) {
		uint8_t b[16] = {0};
		store_be16(b + at, 0x1234);
		ck_assert_uint_eq(b[at], 0x12);
		ck_assert_uint_eq(b[at + 1], 0x34);
		ck_assert_uint_eq(load_be16(b + at), 0x1234);
		store_be32(b + at, 0x89abcdef);
		ck_assert_mem_eq(b + at, "\x89\xab\xcd\xef", 4);
		ck_assert_uint_eq(load_be32(b + at), 0x89abcdef);
		ck_assert_uint_eq(b[at + 4], 0);
	}
}
END_TEST

START_TEST(test_reader_reads_in_order)
{
	static const uint8_t input[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct reader r = reader_of(input, sizeof(input));

	ck_assert_uint_eq(read_u8(&r), 1);
	ck_assert_uint_eq(read_be16(&r), 0x0203);
	ck_assert_uint_eq(read_be32(&r), 0x04050607);
	ck_assert_ptr_eq(read_bytes(&r, 2), input + 7);
	ck_assert_uint_eq(r.len, 0);
	ck_assert_ptr_nonnull(read_bytes(&r, 0));
	ck_assert(!r.short_input);
}
END_TEST

/* Once short, always short: a later, smaller read must not find the bytes that the failed one left. */
START_TEST(test_short_input_sticks)
{
	static const uint8_t input[] = {1, 2, 3};
	struct reader r = reader_of(input, sizeof(input));

	ck_assert_uint_eq(read_be32(&r), 0);
	ck_assert(r.short_input);
	ck_assert_uint_eq(read_u8(&r), 0);
	ck_assert_uint_eq(read_be16(&r), 0);
	ck_assert_ptr_null(read_bytes(&r, 1));
	ck_assert(r.short_input);
}
END_TEST

START_TEST(test_empty_reader)
{
	struct reader r = reader_of(NULL, 0);

	ck_assert_uint_eq(read_u8(&r), 0);
	ck_assert(r.short_input);
}
END_TEST

Suite *bytes_suite(void);
Suite *bytes_suite(void)
{
	UNIT_SUITE("bytes", test_loads_and_stores_at_any_alignment, test_reader_reads_in_order, test_short_input_sticks,
	           test_empty_reader);
}
