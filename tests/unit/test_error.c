/* error: the names are those of the C library, each has a text, and a foreign number is told apart. */
#include "base/error.h"
#include "base/types.h"
#include "unit.h"
#include <string.h>

START_TEST(test_names_are_the_c_librarys)
{
	static const int errors[] = {
#define X(number, status, text) number,
	        TOYNET_ERRORS(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		ck_assert_int_gt(errors[i], 0);
		ck_assert_str_eq(error_name(errors[i]), strerrorname_np(errors[i]));
		ck_assert_str_ne(error_text(errors[i]), error_text(-1));
	}
	ck_assert_str_eq(error_text(ECONNRESET), "the peer reset the connection");
}
END_TEST

START_TEST(test_unknown_numbers)
{
	static const int foreign[] = {0, -1, -EINVAL, ENOTTY, 4096};

	for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
		ck_assert_str_eq(error_name(foreign[i]), "E?");
		ck_assert_uint_gt(strlen(error_text(foreign[i])), 0);
	}
}
END_TEST

Suite *error_suite(void);
Suite *error_suite(void)
{
	UNIT_SUITE("error", test_names_are_the_c_librarys, test_unknown_numbers);
}
