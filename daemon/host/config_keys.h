/* The table of configuration keys, for config.c. */
#ifndef TOYNET_HOST_CONFIG_KEYS_H
#define TOYNET_HOST_CONFIG_KEYS_H

#include "host/config.h"

enum config_kind {
	KIND_NAME, /* text of at most max - 1 bytes */
	KIND_ADDR,
	KIND_PREFIX,
	KIND_ADDRESSES, /* lists: config_list.h */
	KIND_ROUTES,
	KIND_NEIGHBORS,
	KIND_SERVERS,
	KIND_DOMAINS,
	KIND_MAC,
	KIND_NUMBER,       /* the width of the field is in `size` */
	KIND_BYTES,        /* number with K, M */
	KIND_DURATION,     /* struct duration; min and max in milliseconds */
	KIND_MICROSECONDS, /* a duration kept as uint32_t microseconds; max in microseconds */
	KIND_BOOL,
	KIND_PPM,
	KIND_CC, /* enum tcp_cc by name */
	KIND_ECN,
	KIND_MTU_PROBING,
	KIND_ACD,       /* enum ip_acd */
	KIND_MODE,      /* octal */
	KIND_CLIENT_ID, /* struct dhcp_client_id */
	KIND_RATE,      /* bits per second, uint64_t */
};

struct config_key {
	const char *section; /* in the file; keys are unique without it */
	const char *name;
	enum config_kind kind;
	uint16_t size; /* of the field */
	uint32_t offset;
	uint64_t min, max;
	const char *help;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* NULL: no such key. */
const struct config_key *config_key_find(const char *name);
/* Is there such a section? */
bool config_section_known(const char *section);
/* "section.name", or the name alone. NULL: no such key. */
const struct config_key *config_key_named(const char *name);
/* Writes the value so that config_key_set reads it back; empty: not given. */
void config_key_format(const struct config *c, const struct config_key *k, char text[CONFIG_VALUE_MAX]);
/* May it be changed while the daemon runs? */
bool config_key_changeable(const struct config_key *k);
/* Parses text into the field of k. False: allowed says what would be right. */
bool config_key_set(struct config *c, const struct config_key *k, const char *text, char *allowed, size_t size);

#endif
