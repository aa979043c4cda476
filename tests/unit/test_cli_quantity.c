/* cli/quantity: numbers with units on the command line. */
#include "cli/quantity.h"
#include "unit.h"

START_TEST(test_good)
{
	uint64_t v = 0;

	ck_assert(parse_ppm("2%", &v) && v == 20000);
	ck_assert(parse_ppm("0.1%", &v) && v == 1000);
	ck_assert(parse_ppm("100%", &v) && v == 1000000);
	ck_assert(parse_ppm("250ppm", &v) && v == 250);
	ck_assert(parse_microseconds("5ms", &v) && v == 5000);
	ck_assert(parse_microseconds("1.5ms", &v) && v == 1500);
	ck_assert(parse_microseconds("2s", &v) && v == 2000000);
	ck_assert(parse_microseconds("7us", &v) && v == 7);
	ck_assert(parse_bit_rate("10Mbit", &v) && v == 10000000);
	ck_assert(parse_bit_rate("10mbit", &v) && v == 10000000);
	ck_assert(parse_bit_rate("1.5Gbit", &v) && v == 1500000000);
	ck_assert(parse_bytes("65536", &v) && v == 65536);
	ck_assert(parse_bytes("64K", &v) && v == 65536);
	ck_assert(parse_bytes("1m", &v) && v == 1048576);
	ck_assert(parse_number("42", &v) && v == 42);
}
END_TEST

START_TEST(test_bad)
{
	static const char *const texts[] = {"",     " 1%",  "-1%", "+1%",    "%",    "1 %",  "1e",   "0x10ms",
	                                    "nan%", "infs", "1%%", "1.2.3%", "5msx", ".5ms", "1e9s", "101%"};
	uint64_t v = 77;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_msg(!parse_ppm(texts[i], &v), "%s", texts[i]);
		ck_assert_msg(!parse_microseconds(texts[i], &v), "%s", texts[i]);
		ck_assert_msg(!parse_bit_rate(texts[i], &v), "%s", texts[i]);
		ck_assert_msg(!parse_bytes(texts[i], &v), "%s", texts[i]);
		ck_assert_msg(!parse_number(texts[i], &v), "%s", texts[i]);
	}
	/* A unit has to be said where more than one is possible. */
	ck_assert(!parse_ppm("2", &v));
	ck_assert(!parse_microseconds("5", &v));
	ck_assert(!parse_bit_rate("10", &v));
	/* Beyond what the field holds. */
	ck_assert(!parse_bytes("5000000000", &v));
	ck_assert(!parse_number("99999999999999999999", &v));
	ck_assert_uint_eq(v, 77);
}
END_TEST

Suite *cli_quantity_suite(void);
Suite *cli_quantity_suite(void)
{
	Suite *s = suite_create("cli_quantity");
	TCase *tc = tcase_create("parse");

	tcase_add_test(tc, test_good);
	tcase_add_test(tc, test_bad);
	suite_add_tcase(s, tc);
	return s;
}
