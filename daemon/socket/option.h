/* What the tables of socket options share: option.c has those of TCP and of all sockets, option_datagram.c those of the
 * datagram sockets. */
#ifndef TOYNET_SOCKET_OPTION_H
#define TOYNET_SOCKET_OPTION_H

#include "socket/socket_internal.h"

typedef int (*option_set)(struct stack *s, struct socket *so, const struct socket_option_value *v);
typedef int64_t (*option_get)(struct socket *so, struct socket_option_value *v);

#define FOR_TCP      (1u << SOCKET_TCP)
#define FOR_UDP      (1u << SOCKET_UDP)
#define FOR_RAW      (1u << SOCKET_RAW)
#define FOR_DATAGRAM (1u << SOCKET_UDP | 1u << SOCKET_PING | FOR_RAW)
#define FOR_ALL      (FOR_TCP | FOR_DATAGRAM)

struct option_row {
	enum socket_option option;
	unsigned protocols;
	enum socket_option_kind kind;
	int64_t min, max; /* of a value to be set, or its bytes; outside: EINVAL */
	option_set set;   /* NULL: read only, ENOPROTOOPT as Linux has it */
	option_get get;   /* NULL: write only, likewise */
};

#define DATAGRAM_OPTIONS 28
extern const struct option_row datagram_options[DATAGRAM_OPTIONS];

#endif
