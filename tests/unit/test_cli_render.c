/* cli/render: the same items as text and as JSON. */
#include "cli/render.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

struct item {
	const char *name;
	uint64_t number;
	int64_t us;
	struct holder *holders;
	size_t holder_count;
	bool known;
};

static struct value get_name(const void *item)
{
	return (struct value){.kind = VALUE_TEXT, .text = ((const struct item *)item)->name};
}

static struct value get_number(const void *item)
{
	const struct item *i = item;

	return i->known ? (struct value){.kind = VALUE_UNSIGNED, .number = i->number}
	                : (struct value){.kind = VALUE_NONE};
}

static struct value get_us(const void *item)
{
	return (struct value){.kind = VALUE_MICROSECONDS, .signed_number = ((const struct item *)item)->us};
}

static struct value get_address(const void *item)
{
	const struct item *i = item;

	return (struct value){.kind = VALUE_ADDRESS, .address = {i->known ? "192.0.2.1" : "::", (uint32_t)i->number}};
}

static struct value get_holders(const void *item)
{
	const struct item *i = item;

	return (struct value){.kind = VALUE_HOLDERS, .holders = {i->holders, i->holder_count}};
}

static const struct column columns[] = {
        {"name", "Name", IN_BOTH, false, get_name},      {"number", "Number", IN_BOTH, true, get_number},
        {"time_us", "Time", IN_JSON, true, get_us},      {"time", "Time", IN_TEXT, true, get_us},
        {"where", "Where", IN_BOTH, false, get_address}, {"who", "Who", IN_BOTH, false, get_holders},
};

static struct holder two[] = {{.pid = 1, .fd = 3, .name = "a"}, {.pid = 22, .fd = 4, .name = "b c"}};

static const struct item items[] = {
        {.name = "first", .number = 80, .us = 1500, .holders = two, .holder_count = 2, .known = true},
        {.name = "the \"2nd\"\x1b", .number = 0, .us = -3},
};

/* The table of both items, and a record of the first. The caller frees it. */
static char *document(bool json, bool titles, size_t count)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct renderer *r = render_new(json, f);

	render_table_begin(r, "items", titles, COLUMNS(columns));
	for (size_t i = 0; i < count; i++)
		render_row(r, &items[i]);
	render_table_end(r);
	render_record(r, "one", "one", columns, 2, &items[1]);
	render_end(r);
	fclose(f);
	return text;
}

START_TEST(test_text)
{
	char *text = document(false, true, 2);

	ck_assert_str_eq(text,
	                 "Name        Number   Time  Where         Who\n"
	                 "first           80  1.5ms  192.0.2.1:80  users:((\"a\",pid=1,fd=3),(\"b c\",pid=22,fd=4))\n"
	                 "the \"2nd\"?           -3us  [::]:*        \n"
	                 "\none\n"
	                 "  Name    the \"2nd\"?\n"
	                 "  Number  -\n");
	free(text);
}
END_TEST

START_TEST(test_text_without_titles_and_rows)
{
	char *text = document(false, false, 0);

	ck_assert_str_eq(text, "\none\n  Name    the \"2nd\"?\n  Number  -\n");
	free(text);
}
END_TEST

START_TEST(test_json)
{
	char *text = document(true, true, 2);

	ck_assert_str_eq(
	        text, "{\"items\":[\n"
	              "{\"name\":\"first\",\"number\":80,\"time_us\":1500,\"where\":{\"ip\":\"192.0.2.1\",\"port\":80},"
	              "\"who\":[{\"name\":\"a\",\"pid\":1,\"fd\":3},{\"name\":\"b c\",\"pid\":22,\"fd\":4}]},\n"
	              "{\"name\":\"the \\\"2nd\\\"\\u001b\",\"number\":null,\"time_us\":-3,"
	              "\"where\":{\"ip\":\"::\",\"port\":0},\"who\":[]}\n"
	              "],\n\"one\":{\"name\":\"the \\\"2nd\\\"\\u001b\",\"number\":null}}\n");
	free(text);
}
END_TEST

START_TEST(test_json_without_rows)
{
	char *text = document(true, true, 0);

	ck_assert_ptr_nonnull(strstr(text, "{\"items\":[],\n"));
	free(text);
}
END_TEST

START_TEST(test_quantities)
{
	char buf[64];

	format_microseconds(buf, sizeof(buf), 0);
	ck_assert_str_eq(buf, "0us");
	format_microseconds(buf, sizeof(buf), 999);
	ck_assert_str_eq(buf, "999us");
	format_microseconds(buf, sizeof(buf), -1500000);
	ck_assert_str_eq(buf, "-1.5s");
	format_ppm(buf, sizeof(buf), 20000);
	ck_assert_str_eq(buf, "2%");
	format_ppm(buf, sizeof(buf), 1);
	ck_assert_str_eq(buf, "0.0001%");
	format_bit_rate(buf, sizeof(buf), 1500);
	ck_assert_str_eq(buf, "1.5Kbit");
	format_bit_rate(buf, sizeof(buf), 10000000000);
	ck_assert_str_eq(buf, "10Gbit");
}
END_TEST

Suite *cli_render_suite(void);
Suite *cli_render_suite(void)
{
	Suite *s = suite_create("cli_render");
	TCase *tc = tcase_create("documents");

	tcase_add_test(tc, test_text);
	tcase_add_test(tc, test_text_without_titles_and_rows);
	tcase_add_test(tc, test_json);
	tcase_add_test(tc, test_json_without_rows);
	tcase_add_test(tc, test_quantities);
	suite_add_tcase(s, tc);
	return s;
}
