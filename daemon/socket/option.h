/* What the tables of socket options share: option.c has those of TCP and of all sockets, option_datagram.c those of the
 * datagram sockets, option_ipv6.c those of IPPROTO_IPV6. */
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
#define FOR_IPV6     (1u << SOCKET_PROTOCOLS) /* beside others: of those only the sockets of IPv6 */

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
#define IPV6_OPTIONS 9
extern const struct option_row ipv6_options[IPV6_OPTIONS]; /* option_ipv6.c */

/* What options of IPv6 share with those of IPv4: read and set as those are. */
int option_set_tos(struct stack *s, struct socket *so, const struct socket_option_value *v);
int64_t option_get_tos(struct socket *so, struct socket_option_value *v);
int option_set_ttl(struct stack *s, struct socket *so, const struct socket_option_value *v);
int64_t option_get_ttl(struct socket *so, struct socket_option_value *v);
int option_set_pass(struct socket *so, enum dgram_pass what, const struct socket_option_value *v);
int option_set_recverr(struct stack *s, struct socket *so, const struct socket_option_value *v);
int64_t option_get_recverr(struct socket *so, struct socket_option_value *v);
int option_set_mtu_discover(struct stack *s, struct socket *so, const struct socket_option_value *v);
int64_t option_get_mtu_discover(struct socket *so, struct socket_option_value *v);

#endif
