/* Quantities on the command line: a number and a unit. Each returns false when the text is not one, or out of range. */
#ifndef CLI_QUANTITY_H
#define CLI_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/* "2%", "0.5%", "100ppm"; at most 100 %. */
bool parse_ppm(const char *text, uint64_t *ppm);
/* "5ms", "300us", "1s", "1.5ms". */
bool parse_microseconds(const char *text, uint64_t *us);
/* "10Mbit", "500Kbit", "1Gbit", "1000bit"; bits per second. */
bool parse_bit_rate(const char *text, uint64_t *bps);
/* "65536", "64K", "1M"; binary multiples. */
bool parse_bytes(const char *text, uint64_t *bytes);
/* A plain number. */
bool parse_number(const char *text, uint64_t *n);

#endif
