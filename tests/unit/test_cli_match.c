/* The words of a match on the command line, and back. */
#include "cli/match.h"
#include "unit.h"
#include <string.h>

#define ARGS_MAX 8

/* Takes every word; returns the status of the last one. */
static enum exit_status take(Toynet__V1__FlowMatch *m, const char *line, char store[64], bool *taken)
{
	char *argv[ARGS_MAX];
	int argc = 0;
	enum exit_status status = EXIT_OK;

	toynet__v1__flow_match__init(m);
	snprintf(store, 64, "%s", line);
	for (char *save, *word = strtok_r(store, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	*taken = true;
	for (int i = 0; i < argc && *taken && status == EXIT_OK; i++)
		status = match_take("impair", m, argc, argv, &i, taken);
	return status;
}

START_TEST(words_there_and_back)
{
	static const char *const lines[] = {"proto tcp host 192.0.2.0/24 src 10.0.0.1",
	                                    "proto udp dst 10.0.0.2 port 53", "proto 47",
	                                    "sport 1 dport 65535 socket 12"};
	Toynet__V1__FlowMatch m;
	char text[MATCH_TEXT_MAX], store[64];
	bool taken;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ck_assert_int_eq(take(&m, lines[i], store, &taken), EXIT_OK);
		ck_assert(taken);
		match_text(&m, text);
		ck_assert_str_eq(text, lines[i]);
	}
	ck_assert_int_eq(take(&m, "", store, &taken), EXIT_OK);
	match_text(&m, text);
	ck_assert_str_eq(text, "any");
	ck_assert_int_eq(take(&m, "port 80 loss", store, &taken), EXIT_OK);
	ck_assert(!taken);
	ck_assert_uint_eq(m.port, 80);
}
END_TEST

START_TEST(wrong_operands)
{
	static const char *const lines[] = {"port 0",  "port 65536", "port x",   "port",
	                                    "proto 0", "proto 256",  "socket 0", "dport -1"};
	Toynet__V1__FlowMatch m;
	char store[64];
	bool taken;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_int_eq(take(&m, lines[i], store, &taken), EXIT_USAGE);
}
END_TEST

Suite *cli_match_suite(void);
Suite *cli_match_suite(void)
{
	UNIT_SUITE("cli_match", words_there_and_back, wrong_operands);
}
