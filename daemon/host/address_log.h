/* What the log says of our addresses and of other stations that have them (RFC 5227). */
#ifndef TOYNET_HOST_ADDRESS_LOG_H
#define TOYNET_HOST_ADDRESS_LOG_H

#include "stack/stack.h"

/* RFC 5227 2.4 (c): the number of notifications is to be controlled. So many claims are told, the others counted. */
#define ADDRESS_LOG_INTERVAL DURATION_S(60)

struct address_log {
	const struct env *env;
	instant told; /* the last claim; never: none */
	unsigned untold;
};

void address_log_begin(struct address_log *l, struct stack *s);

#endif
