/* DHCP messages (RFC 2131 2, RFC 2132): one bounded parser of what servers say, one builder of what a client says.
 *
 * Theory of operation. A message is a fixed header, a magic cookie, and options, which may go on in the header's fields
 * `file' and `sname' (option overload) and may come in several pieces (RFC 3396). The parser first walks all fields and
 * refuses a message in which any option runs past its field; then each option that we know is put together from its
 * pieces and decoded by a table. An option without which the message means nothing makes it malformed when it is not
 * right itself; any other is left out and counted. What the parser gives cannot lie: prefixes have a length from 0 to
 * 32, lists are within their bounds, names consist of letters, digits, hyphens, underscores and dots. */
#ifndef TOYNET_STACK_DHCP_MESSAGE_H
#define TOYNET_STACK_DHCP_MESSAGE_H

#include "base/addr.h"
#include "base/snap.h"

#define DHCP_SERVER_PORT    67
#define DHCP_CLIENT_PORT    68
#define DHCP_SEND_MAX       548 /* RFC 2131 2: the 576 octets that every host takes, less the headers of IP and UDP */
#define DHCP_SEND_MIN       300 /* RFC 1542 2.1: what relays and servers of BOOTP expect at least */
#define DHCP_CLIENT_ID_MAX  64
#define DHCP_HOSTNAME_MAX   64   /* with the final NUL: one label (RFC 1035 2.3.4) */
#define DHCP_DOMAIN_MAX     254  /* with the final NUL (RFC 1035 2.3.4, as text) */
#define DHCP_SEARCH_MAX     1024 /* with the final NUL: names with a space between two */
#define DHCP_ROUTERS_MAX    4
#define DHCP_ROUTES_MAX     24
#define DHCP_DNS_MAX        8
#define DHCP_LEASE_INFINITE UINT32_MAX /* RFC 2131 3.3 */

/* RFC 2132 9.6 */
enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
	DHCP_TYPES
};

struct dhcp_client_id {
	uint8_t len; /* 0: none */
	uint8_t b[DHCP_CLIENT_ID_MAX];
};

#define DHCP_CLIENT_ID_TEXT_MAX (3 * DHCP_CLIENT_ID_MAX + 1)

/* "ff:00:01"; empty: none. Returns text. */
char *dhcp_client_id_format(const struct dhcp_client_id *id, char text[DHCP_CLIENT_ID_TEXT_MAX]);

struct dhcp_route {
	struct ip_prefix prefix; /* no host bits */
	struct ip_addr gateway;  /* 0.0.0.0: directly attached */
};

/* What comes with an address. */
struct dhcp_params {
	bool has_mask;
	uint8_t mask; /* length of the prefix */
	uint16_t mtu; /* 0: not told */
	uint8_t routers, routes, dns;
	struct ip_addr router[DHCP_ROUTERS_MAX]; /* in the order of preference */
	struct dhcp_route route[DHCP_ROUTES_MAX];
	struct ip_addr dns_server[DHCP_DNS_MAX];
	char domain[DHCP_DOMAIN_MAX], search[DHCP_SEARCH_MAX];
};

/* A message from a server. */
struct dhcp_message {
	enum dhcp_type type;
	uint32_t xid;
	struct mac_addr chaddr;
	struct ip_addr yiaddr;    /* 0.0.0.0: none */
	struct ip_addr server_id; /* none: absent */
	struct dhcp_client_id client_id;
	bool has_lease;
	uint32_t lease_s, t1_s, t2_s; /* T1, T2: 0 when absent */
	struct dhcp_params params;
	uint32_t bad_options; /* left out because they are malformed */
};

/* False: not a well-formed DHCP message of a server to an Ethernet station; *m is then undefined. */
bool dhcp_message_parse(const uint8_t *bytes, size_t len, struct dhcp_message *m);

/* A message from a client. An address without family, a text of NULL, is left out. */
struct dhcp_request {
	enum dhcp_type type;
	uint32_t xid;
	uint16_t secs;
	bool broadcast; /* answers cannot be unicast to us yet */
	struct mac_addr chaddr;
	struct ip_addr ciaddr;
	struct ip_addr requested; /* option 50 */
	struct ip_addr server_id;
	const struct dhcp_client_id *client_id;
	const char *hostname; /* empty: none */
	const char *text;     /* option 56: why; of DHCP_TEXT_MAX octets at most */
	uint16_t max_size;    /* option 57: the largest IP datagram that we take; 0: none, and no list of parameters */
};

#define DHCP_TEXT_MAX 64

/* Returns the length, from DHCP_SEND_MIN to DHCP_SEND_MAX. */
uint32_t dhcp_message_build(const struct dhcp_request *q, uint8_t out[DHCP_SEND_MAX]);

void snap_dhcp_client_id(struct snap *s, struct dhcp_client_id *id);
void snap_dhcp_params(struct snap *s, struct dhcp_params *p);

#endif
