/* One scanner for a decimal number with up to nine digits of fraction, and one table of units for each quantity. */
#include "host/units.h"
#include <string.h>

#define FRACTION_DIGITS 9

struct unit {
	const char *name;
	uint64_t factor; /* 0 ends the table */
};

static const struct unit time_units[] = {
        {"ns", 1},
        {"us", NS_PER_US},
        {"ms", NS_PER_MS},
        {"s", NS_PER_S},
        {"min", 60 * NS_PER_S},
        {"h", 3600 * NS_PER_S},
        {"", NS_PER_S},
        {NULL, 0},
};
static const struct unit ppm_units[] = {{"%", 10000}, {"ppm", 1}, {NULL, 0}};
static const struct unit byte_units[] = {{"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};
static const struct unit rate_units[] = {
        {"", 1}, {"bit", 1}, {"Kbit", 1000}, {"Mbit", 1000000}, {"Gbit", 1000000000}, {NULL, 0},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool units_number(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); text++) {
		unsigned digit = (unsigned)(*text - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (*text || v > max)
		return false;
	*out = v;
	return true;
}

/* The number in front of a unit, times the unit's factor, at most max. */
static bool scaled(const char *text, const struct unit *units, uint64_t max, uint64_t *out)
{
	uint64_t whole = 0, fraction = 0, fraction_scale = 1;

	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); text++) {
		whole = whole * 10 + (unsigned)(*text - '0');
		if (whole > UINT32_MAX * UINT64_C(1000))
			return false;
	}
	if (*text == '.') {
		text++;
		if (!is_digit(*text))
			return false;
		for (int digits = 0; is_digit(*text); text++, digits++) {
			if (digits == FRACTION_DIGITS)
				return false;
			fraction = fraction * 10 + (unsigned)(*text - '0');
			fraction_scale *= 10;
		}
	}
	while (units->name && strcmp(units->name, text) != 0)
		units++;
	if (!units->name || whole > (UINT64_MAX >> 1) / units->factor)
		return false;
	uint64_t v = whole * units->factor + (uint64_t)((unsigned __int128)fraction * units->factor / fraction_scale);
	if (v > max)
		return false;
	*out = v;
	return true;
}

bool units_duration(const char *text, duration *out)
{
	uint64_t ns;

	if (!scaled(text, time_units, INT64_MAX, &ns))
		return false;
	out->ns = (int64_t)ns;
	return true;
}

bool units_ppm(const char *text, uint32_t *out)
{
	uint64_t ppm = 0;

	if (strcmp(text, "0") != 0 && !scaled(text, ppm_units, 1000000, &ppm))
		return false;
	*out = (uint32_t)ppm;
	return true;
}

bool units_bytes(const char *text, uint64_t max, uint64_t *out)
{
	return scaled(text, byte_units, max, out);
}

bool units_rate(const char *text, uint64_t *out)
{
	return scaled(text, rate_units, INT64_MAX, out);
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool units_octets(const char *text, size_t max, uint8_t *octets, uint8_t *count)
{
	uint8_t b[UINT8_MAX];
	size_t n = 0;

	assert(max <= sizeof(b));
	do {
		int high = hex_value(text[0]), low = high < 0 ? -1 : hex_value(text[1]);
		if (low < 0 || n == max)
			return false;
		b[n++] = (uint8_t)(high << 4 | low);
		text += 2;
	} while (*text++ == ':');
	if (text[-1])
		return false;
	memcpy(octets, b, n);
	*count = (uint8_t)n;
	return true;
}
