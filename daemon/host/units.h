/* Quantities as people write them: "40ms", "2%", "256K", "10Mbit". Each parser reads the whole text or returns false
 * and leaves *out alone; numbers are decimal, may have a fraction, and have no sign and no spaces. */
#ifndef TOYNET_HOST_UNITS_H
#define TOYNET_HOST_UNITS_H

#include "base/types.h"

/* Plain decimal number without fraction, at most max. */
bool units_number(const char *text, uint64_t max, uint64_t *out);
/* "0.5s", "40ms", "100us", "5min"; a number without unit is seconds. */
bool units_duration(const char *text, duration *out);
/* "2%", "0.1%", "250ppm": parts per million, at most 1,000,000. Zero needs no unit. */
bool units_ppm(const char *text, uint32_t *out);
/* "4096", "256K", "1M": bytes, K and M being 1,024 and 1,024 * 1,024. */
bool units_bytes(const char *text, uint64_t max, uint64_t *out);
/* "10Mbit", "64Kbit", "1Gbit", "9600": bits per second, powers of 1,000. */
bool units_rate(const char *text, uint64_t *out);
/* "ff:00:01": octets as pairs of hexadecimal digits with colons between, from 1 to max of them. */
bool units_octets(const char *text, size_t max, uint8_t *octets, uint8_t *count);

#endif
