/* The names and the texts of the counters, from the one table in the header. */
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
