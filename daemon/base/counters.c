/* The names and the texts of the counters, and what adds up to what, from the tables in the header. */
#include "base/counters.h"

const char *const counter_names[CNT_COUNT] = {
#define X(name, text) #name,
        TOYNET_COUNTERS(X)
#undef X
};

const char *const counter_texts[CNT_COUNT] = {
#define X(name, text) text,
        TOYNET_COUNTERS(X)
#undef X
};

#define P(whole, piece) {CNT_##whole, CNT_##piece},
const struct counter_part counter_parts[] = {TOYNET_COUNTER_PARTS(P) TOYNET_COUNTER_ALIASES(P)};
#undef P

#define P(whole, piece) +1
enum { SUMMANDS = TOYNET_COUNTER_PARTS(P) };
#undef P

const size_t counter_parts_count = sizeof(counter_parts) / sizeof(counter_parts[0]);

static const enum counter gauges[] = {
#define G(name) CNT_##name,
        TOYNET_GAUGES(G)
#undef G
};

enum counter_kind counter_kind(enum counter c)
{
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (gauges[i] == c)
			return COUNTER_GAUGE;
	for (size_t i = 0; i < counter_parts_count; i++)
		if (counter_parts[i].total == c)
			return COUNTER_TOTAL;
	return COUNTER_EVENTS;
}

enum counter counter_part_of(enum counter c)
{
	for (size_t i = 0; i < SUMMANDS; i++)
		if (counter_parts[i].part == c)
			return counter_parts[i].total;
	return CNT_COUNT;
}

void counters_add_up(struct counters *c)
{
	for (size_t i = 0; i < counter_parts_count; i++)
		c->v[counter_parts[i].total] += c->v[counter_parts[i].part];
}
