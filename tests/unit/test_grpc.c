/* The stateless parts of gRPC: statuses, timeouts, grpc-message, the reader of a request's one message. */
#include "rpc/grpc.h"
#include "unit.h"
#include <string.h>

START_TEST(statuses_of_errors)
{
	ck_assert_int_eq(grpc_status_of_error(EPERM), GRPC_PERMISSION_DENIED);
	ck_assert_int_eq(grpc_status_of_error(ENOENT), GRPC_NOT_FOUND);
	ck_assert_int_eq(grpc_status_of_error(ETIMEDOUT), GRPC_DEADLINE_EXCEEDED);
	ck_assert_int_eq(grpc_status_of_error(EXDEV), GRPC_UNKNOWN);
}
END_TEST

START_TEST(timeouts)
{
	static const struct {
		const char *text;
		int64_t ns; /* -1: refused */
	} cases[] = {
	        {"1H", 3600 * NS_PER_S},
	        {"2M", 120 * NS_PER_S},
	        {"3S", 3 * NS_PER_S},
	        {"4m", 4 * NS_PER_MS},
	        {"5u", 5 * NS_PER_US},
	        {"6n", 6},
	        {"0n", 0},
	        {"99999999S", 99999999 * NS_PER_S},
	        {"99999999H", INT64_MAX / 4},
	        {"123456789n", -1},
	        {"", -1},
	        {"S", -1},
	        {"1", -1},
	        {"1s", -1},
	        {"-1S", -1},
	        {"1S ", -1},
	        {"1.5S", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		duration d = {0};
		bool good = grpc_timeout_parse(cases[i].text, &d);
		ck_assert_msg(good == (cases[i].ns >= 0), "%s", cases[i].text);
		if (good)
			ck_assert_msg(d.ns == cases[i].ns, "%s: %lld", cases[i].text, (long long)d.ns);
	}
}
END_TEST

START_TEST(message_encoding)
{
	char out[GRPC_MESSAGE_ENC_MAX], long_text[2 * GRPC_MESSAGE_ENC_MAX];

	grpc_message_encode("ENOENT: no such socket", out);
	ck_assert_str_eq(out, "ENOENT: no such socket");
	grpc_message_encode("100 %\n\xc3\xa9", out);
	ck_assert_str_eq(out, "100 %25%0A%C3%A9");
	memset(long_text, '%', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	grpc_message_encode(long_text, out);
	ck_assert_uint_lt(strlen(out), sizeof(out));
	ck_assert_uint_eq(strlen(out) % 3, 0);
}
END_TEST

START_TEST(content_types)
{
	ck_assert(grpc_content_type_accepted("application/grpc"));
	ck_assert(grpc_content_type_accepted("application/grpc+proto"));
	ck_assert(grpc_content_type_accepted("application/grpc;charset=utf-8"));
	ck_assert(!grpc_content_type_accepted("application/grpc+json"));
	ck_assert(!grpc_content_type_accepted("application/grpc-web"));
	ck_assert(!grpc_content_type_accepted("text/html"));
	ck_assert(!grpc_content_type_accepted(""));
}
END_TEST

static enum grpc_status feed(struct grpc_reader *r, const char *bytes, size_t len)
{
	const char *why = NULL;
	enum grpc_status status = grpc_reader_feed(r, (const uint8_t *)bytes, len, &why);

	ck_assert((status == GRPC_OK) == (why == NULL));
	return status;
}

static enum grpc_status end(const struct grpc_reader *r)
{
	const char *why = NULL;
	return grpc_reader_end(r, &why);
}

START_TEST(reader_takes_bytes_one_by_one)
{
	static const char message[] = "\0\0\0\0\3abc";
	uint32_t budget = 100;
	struct grpc_reader r;

	grpc_reader_init(&r, &budget);
	for (size_t i = 0; i < sizeof(message) - 1; i++) {
		ck_assert_int_ne(end(&r), GRPC_OK);
		ck_assert_int_eq(feed(&r, message + i, 1), GRPC_OK);
	}
	ck_assert_int_eq(end(&r), GRPC_OK);
	ck_assert_mem_eq(r.bytes, "abc", 3);
	ck_assert_uint_eq(budget, 97);
	grpc_reader_free(&r);
	grpc_reader_free(&r);
	ck_assert_uint_eq(budget, 100);
}
END_TEST

START_TEST(reader_refuses)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum grpc_status fed, ended;
	} cases[] = {
	        {"", 0, GRPC_OK, GRPC_UNIMPLEMENTED},                /* no message */
	        {"\0\0\0", 3, GRPC_OK, GRPC_INTERNAL},               /* half a prefix */
	        {"\0\0\0\0\3ab", 7, GRPC_OK, GRPC_INTERNAL},         /* half a message */
	        {"\0\0\0\0\0", 5, GRPC_OK, GRPC_OK},                 /* an empty message */
	        {"\1\0\0\0\1a", 6, GRPC_UNIMPLEMENTED, GRPC_OK},     /* compressed */
	        {"\0\0\1\0\1", 5, GRPC_RESOURCE_EXHAUSTED, GRPC_OK}, /* 64 KiB and one */
	        {"\0\377\377\377\377", 5, GRPC_RESOURCE_EXHAUSTED, GRPC_OK},
	        {"\0\0\0\1\0", 5, GRPC_RESOURCE_EXHAUSTED, GRPC_OK}, /* beyond the budget */
	        {"\0\0\0\0\1ab", 7, GRPC_UNIMPLEMENTED, GRPC_OK},    /* a second message */
	        {"\0\0\0\0\0\0", 6, GRPC_UNIMPLEMENTED, GRPC_OK},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t budget = 255;
		struct grpc_reader r;
		grpc_reader_init(&r, &budget);
		ck_assert_msg(feed(&r, cases[i].bytes, cases[i].len) == cases[i].fed, "case %zu", i);
		if (cases[i].fed == GRPC_OK)
			ck_assert_msg(end(&r) == cases[i].ended, "case %zu", i);
		grpc_reader_free(&r);
		ck_assert_uint_eq(budget, 255);
	}
}
END_TEST

Suite *grpc_suite(void);
Suite *grpc_suite(void)
{
	UNIT_SUITE("grpc", statuses_of_errors, timeouts, message_encoding, content_types, reader_takes_bytes_one_by_one,
	           reader_refuses);
}
