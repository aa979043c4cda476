/* Any text as the configuration: a file, the arguments of the command line (one a line), or changes while the daemon
 * runs (one a line, "key=value").
 *
 * What is accepted must be written back by config_key_format so that config_key_set reads the same: what GetConfig
 * tells is what SetConfig takes. */
#include "fuzz.h"
#include "host/config_keys.h"
#include "host/units.h"
#include <stdio.h>

enum { FROM_FILE, FROM_ARGUMENTS, FROM_CHANGES, QUANTITY, KINDS };

#define ARGUMENTS_MAX 32

static FILE *nowhere;

static void check_written_back(const struct config *c)
{
	char text[CONFIG_VALUE_MAX], again[CONFIG_VALUE_MAX], allowed[CONFIG_VALUE_MAX];
	struct config copy;

	config_defaults(&copy);
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		config_key_format(c, k, text);
		if (!*text)
			continue;
		FUZZ_NEED(config_key_set(&copy, k, text, allowed, sizeof(allowed)));
		config_key_format(&copy, k, again);
		FUZZ_NEED(strcmp(text, again) == 0);
	}
}

static void from_file(struct config *c, char *text, size_t len)
{
	char why[CONFIG_ERROR_MAX] = "";
	FILE *f = len ? fmemopen(text, len, "r") : NULL;

	if (!f)
		return;
	bool ok = config_read_stream(c, f, "fuzz", why);
	fclose(f);
	FUZZ_NEED(ok || *why);
	if (ok)
		(void)config_check(c, why);
	check_written_back(c);
}

static void from_arguments(struct config *c, char *text)
{
	char why[CONFIG_ERROR_MAX] = "", *save = NULL;
	char *argv[ARGUMENTS_MAX + 1] = {(char[]){"toynetd"}};
	int argc = 1;

	for (char *p = strtok_r(text, "\n", &save); p && argc < ARGUMENTS_MAX; p = strtok_r(NULL, "\n", &save)) {
		/* It would open any file. */
		if (strncmp(p, "--config", 8) != 0)
			argv[argc++] = p;
	}
	enum config_verdict v = config_read(c, argc, argv, nowhere, why);
	FUZZ_NEED(v != CONFIG_ERROR || *why);
	if (v == CONFIG_RUN)
		check_written_back(c);
}

static void from_changes(struct config *c, char *text)
{
	char why[CONFIG_ERROR_MAX], *save = NULL;

	for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(p, '=');
		struct config before = *c;
		if (!value)
			continue;
		*value++ = '\0';
		*why = '\0';
		if (config_change(c, p, value, why) != 0) {
			FUZZ_NEED(*why);
			*c = before;
		}
	}
	check_written_back(c);
}

static void quantity(const char *text)
{
	duration d = {-1};
	uint64_t n = 0;
	uint32_t ppm = 0;

	FUZZ_NEED(units_duration(text, &d) == (d.ns >= 0));
	FUZZ_NEED(!units_ppm(text, &ppm) || ppm <= 1000000);
	FUZZ_NEED(!units_bytes(text, 70000, &n) || n <= 70000);
	FUZZ_NEED(!units_rate(text, &n) || n <= INT64_MAX);
	FUZZ_NEED(!units_number(text, 255, &n) || n <= 255);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!size || !nowhere)
		return 0;
	char *text = malloc(size);
	FUZZ_NEED(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	config_defaults(&c);
	switch (data[0] % KINDS) {
	case FROM_FILE:
		from_file(&c, text, size - 1);
		break;
	case FROM_ARGUMENTS:
		from_arguments(&c, text);
		break;
	case FROM_CHANGES:
		from_changes(&c, text);
		break;
	default:
		quantity(text);
		break;
	}
	free(text);
	return 0;
}
