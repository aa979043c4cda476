/* See match.h: one table of words serves both directions. */
#include "match.h"
#include "quantity.h"
#include <inttypes.h>
#include <string.h>

typedef Toynet__V1__FlowMatch Match;

enum sort { SORT_ADDRESS, SORT_PORT, SORT_PROTOCOL, SORT_SOCKET };

static const struct word {
	const char *name;
	enum sort sort;
	size_t offset; /* in Match */
} words[] = {
        {"proto", SORT_PROTOCOL, offsetof(Match, protocol)},
        {"host", SORT_ADDRESS, offsetof(Match, host)},
        {"src", SORT_ADDRESS, offsetof(Match, source)},
        {"dst", SORT_ADDRESS, offsetof(Match, destination)},
        {"port", SORT_PORT, offsetof(Match, port)},
        {"sport", SORT_PORT, offsetof(Match, source_port)},
        {"dport", SORT_PORT, offsetof(Match, destination_port)},
        {"socket", SORT_SOCKET, offsetof(Match, socket)},
};

#define WORDS (sizeof(words) / sizeof(words[0]))

static const struct {
	const char *name;
	uint32_t number;
} protocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}};

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static bool parse_protocol(const char *text, uint64_t *number)
{
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (strcmp(text, protocols[i].name) == 0) {
			*number = protocols[i].number;
			return true;
		}
	}
	return parse_number(text, number) && *number > 0 && *number <= 255;
}

/* What the operand must be, for a message; NULL: it was stored. Addresses are looked at by the daemon. */
static const char *store(Match *m, const struct word *w, char *text)
{
	char *field = (char *)m + w->offset;
	uint64_t n = 0;

	switch (w->sort) {
	case SORT_ADDRESS:
		*(char **)(void *)field = text;
		return NULL;
	case SORT_PORT:
		if (!parse_number(text, &n) || n == 0 || n > 65535)
			return "a port from 1 to 65535";
		*(uint32_t *)(void *)field = (uint32_t)n;
		return NULL;
	case SORT_PROTOCOL:
		if (!parse_protocol(text, &n))
			return "tcp, udp, icmp, or a number from 1 to 255";
		*(uint32_t *)(void *)field = (uint32_t)n;
		return NULL;
	case SORT_SOCKET:
		if (!parse_number(text, &n) || n == 0)
			return "the id of a socket, as 'toynetctl sockets' shows it";
		*(uint64_t *)(void *)field = n;
		return NULL;
	}
	return NULL;
}

enum exit_status match_take(const char *verb, Match *m, int argc, char **argv, int *i, bool *taken)
{
	const struct word *w = words;
	const char *wrong;

	while (w < words + WORDS && strcmp(w->name, argv[*i]) != 0)
		w++;
	*taken = w < words + WORDS;
	if (!*taken)
		return EXIT_OK;
	if (++*i >= argc)
		return cli_usage(verb, "'%s' needs an operand", w->name);
	wrong = store(m, w, argv[*i]);
	return wrong ? cli_usage(verb, "'%s %s': this is not %s", w->name, argv[*i], wrong) : EXIT_OK;
}

/* The operand as it is typed; empty: any. */
static void operand_text(const Match *m, const struct word *w, char *to, size_t size)
{
	const char *field = (const char *)m + w->offset;
	uint64_t n = 0;

	to[0] = '\0';
	switch (w->sort) {
	case SORT_ADDRESS:
		snprintf(to, size, "%s", *(char *const *)(const void *)field);
		return;
	case SORT_PORT:
	case SORT_PROTOCOL:
		n = *(const uint32_t *)(const void *)field;
		break;
	case SORT_SOCKET:
		n = *(const uint64_t *)(const void *)field;
		break;
	}
	if (n)
		snprintf(to, size, "%" PRIu64, n);
	for (size_t i = 0; w->sort == SORT_PROTOCOL && i < PROTOCOLS; i++)
		if (protocols[i].number == n)
			snprintf(to, size, "%s", protocols[i].name);
}

void match_text(const Match *m, char to[MATCH_TEXT_MAX])
{
	char operand[64];
	int n = 0;

	snprintf(to, MATCH_TEXT_MAX, "any");
	for (size_t i = 0; i < WORDS && n < MATCH_TEXT_MAX; i++) {
		operand_text(m, &words[i], operand, sizeof(operand));
		if (*operand)
			n += snprintf(to + n, (size_t)(MATCH_TEXT_MAX - n), "%s%s %s", n ? " " : "", words[i].name,
			              operand);
	}
}
