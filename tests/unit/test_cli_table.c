/* The words that name what is done with a table. */
#include "cli/table.h"
#include "unit.h"

START_TEST(words)
{
	static const struct {
		const char *word;
		enum table_action action;
	} t[] = {
	        {"list", TABLE_LIST},    {"show", TABLE_LIST},     {"ls", TABLE_LIST},    {"-H", TABLE_LIST},
	        {"add", TABLE_ADD},      {"delete", TABLE_DELETE}, {"del", TABLE_DELETE}, {"replace", TABLE_REPLACE},
	        {"adds", TABLE_UNKNOWN}, {"d", TABLE_UNKNOWN},     {"", TABLE_UNKNOWN},
	};
	char *argv[] = {(char *)(uintptr_t) "routes", NULL, NULL};

	ck_assert_int_eq(table_action(1, argv), TABLE_LIST);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		argv[1] = (char *)(uintptr_t)t[i].word;
		ck_assert_msg(table_action(2, argv) == t[i].action, "%s", t[i].word);
	}
}
END_TEST

START_TEST(cells)
{
	ck_assert_int_eq(table_text("").kind, VALUE_NONE);
	ck_assert_int_eq(table_text(NULL).kind, VALUE_NONE);
	ck_assert_str_eq(table_text("x").text, "x");
	ck_assert_str_eq(table_origin(TOYNET__V1__ORIGIN__ORIGIN_LINK).text, "link");
	ck_assert_str_eq(table_origin((Toynet__V1__Origin)77).text, "?");
}
END_TEST

Suite *cli_table_suite(void);
Suite *cli_table_suite(void)
{
	UNIT_SUITE("cli_table", words, cells);
}
