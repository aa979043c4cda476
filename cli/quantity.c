/* Quantities: one parser, a table of units for each sort.
 *
 * Theory of operation. A number may have a fraction, and must have a unit from the table, so that nobody has to guess
 * what "5" means; only where "" is in the table may the unit be missing. Case does not matter. The result is rounded to
 * the smallest unit. */
#include "quantity.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

static bool parse(const char *text, const struct unit *units, double limit, uint64_t *out)
{
	char *end;
	double n;

	/* strtod would also take a sign, blanks, "inf" and hexadecimal digits. */
	if (!isdigit((unsigned char)text[0]) || text[strspn(text, "0123456789.")] == 'x')
		return false;
	n = strtod(text, &end);
	for (const struct unit *u = units; u->name; u++) {
		if (strcasecmp(u->name, end) != 0)
			continue;
		n *= u->factor;
		if (n > limit)
			return false;
		*out = (uint64_t)(n + 0.5);
		return true;
	}
	return false;
}

bool parse_ppm(const char *text, uint64_t *ppm)
{
	static const struct unit units[] = {{"%", 1e4}, {"ppm", 1}, {NULL, 0}};

	return parse(text, units, 1e6, ppm);
}

bool parse_microseconds(const char *text, uint64_t *us)
{
	static const struct unit units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {NULL, 0}};

	return parse(text, units, UINT32_MAX, us);
}

bool parse_bit_rate(const char *text, uint64_t *bps)
{
	static const struct unit units[] = {{"bit", 1}, {"Kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}, {NULL, 0}};

	return parse(text, units, 1e15, bps);
}

bool parse_bytes(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {{"", 1}, {"K", 1024}, {"M", 1048576}, {NULL, 0}};

	return parse(text, units, UINT32_MAX, bytes);
}

bool parse_number(const char *text, uint64_t *n)
{
	uint64_t value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end)
		return false;
	*n = value;
	return true;
}
