/* Any words as the command line of toynetctl's verbs that filter and take quantities, up to the call that needs a
 * daemon; each word also as a quantity, and all of them as a match, whose text must be read back the same.
 *
 * The first byte chooses the verb; the words are lines. */
#include "cli/match.h"
#include "cli/quantity.h"
#include "fuzz.h"
#include <stdio.h>

#define WORDS_MAX 24

static FILE *nowhere;

static int split(char *text, char *argv[WORDS_MAX + 1])
{
	char *save = NULL;
	int argc = 1;

	for (char *p = strtok_r(text, "\n", &save); p && argc < WORDS_MAX; p = strtok_r(NULL, "\n", &save))
		argv[argc++] = p;
	argv[argc] = NULL;
	return argc;
}

static void quantities(const char *word)
{
	uint64_t n;

	FUZZ_NEED(!parse_ppm(word, &n) || n <= 1000000);
	FUZZ_NEED(!parse_microseconds(word, &n) || n <= UINT32_MAX);
	FUZZ_NEED(!parse_bit_rate(word, &n) || n <= UINT64_C(1000000000000000));
	FUZZ_NEED(!parse_bytes(word, &n) || n <= UINT32_MAX);
	(void)parse_number(word, &n);
}

static bool read_match(Toynet__V1__FlowMatch *m, int argc, char **argv)
{
	toynet__v1__flow_match__init(m);
	for (int i = 1; i < argc; i++) {
		bool taken;
		if (match_take("fuzz", m, argc, argv, &i, &taken) != EXIT_OK || !taken)
			return false;
	}
	return true;
}

static bool has_blank(char **argv)
{
	for (; *argv; argv++)
		if (strpbrk(*argv, " \t"))
			return true;
	return false;
}

static void match(int argc, char **argv)
{
	char text[MATCH_TEXT_MAX], again[MATCH_TEXT_MAX], copy[MATCH_TEXT_MAX];
	char *words[WORDS_MAX + 1] = {argv[0]};
	Toynet__V1__FlowMatch m, back;

	if (!read_match(&m, argc, argv))
		return;
	match_text(&m, text);
	FUZZ_NEED(*text);
	/* An operand with a blank cannot be told from two, nor one that was cut. */
	if (strcmp(text, "any") == 0 || has_blank(argv + 1) || strlen(text) > 60)
		return;
	memcpy(copy, text, sizeof(copy));
	for (char *p = copy; (p = strchr(p, ' ')) != NULL;)
		*p = '\n';
	FUZZ_NEED(read_match(&back, split(copy, words), words));
	match_text(&back, again);
	FUZZ_NEED(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct verb *const verbs[] = {&verb_impair, &verb_sockets, &verb_config,
	                                           &verb_socket, &verb_stats,   &verb_info};
	struct cli c = {.socket_path = "/nonexistent/toynet"};
	FILE *messages = stderr;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!size || !nowhere)
		return 0;
	char *text = malloc(size);
	FUZZ_NEED(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	const struct verb *v = verbs[data[0] % ARRAY_LEN(verbs)];
	char *argv[WORDS_MAX + 1] = {(char *)(uintptr_t)v->name};
	int argc = split(text, argv);
	stderr = nowhere;
	for (int i = 1; i < argc; i++)
		quantities(argv[i]);
	match(argc, argv);
	FUZZ_NEED(v->run(&c, argc, argv) != EXIT_OK);
	stderr = messages;
	free(text);
	return 0;
}
