/* What travels on a toynet descriptor besides the bytes of a stream.
 *
 * Theory of operation. A toynet socket is one end of an AF_UNIX socket pair; toynetd holds the other end. On a
 * connected stream the pair (SOCK_STREAM) carries the bytes and nothing else. Two kinds of records exist:
 *
 *   struct toynet_accept_record    on the pair of a listener, daemon to application: one established connection, whose
 *                                  descriptor travels with it (SCM_RIGHTS). The pair is SOCK_STREAM; a record is
 * written and read whole. struct toynet_datagram_header  on the pair of a datagram socket (SOCK_SEQPACKET), both ways,
 * in front of each datagram, so that an empty datagram is not end-of-file and its address travels with it.
 *
 * This file is shared by the daemon and the client library, and both sides validate what they read: a record whose
 * magic, length or family is wrong is counted and dropped by the daemon, and EPROTO in the library.
 *
 * All fields are in host byte order except the address bytes, which are in network order; both ends are on one machine.
 */
#ifndef TOYNET_DESCRIPTOR_H
#define TOYNET_DESCRIPTOR_H

#include <stdint.h>

#define TOYNET_RECORD_MAGIC 0x7479u

/* RPC metadata and headers that concern descriptors. */
#define TOYNET_MD_WANT_FD  "toynet-fd"    /* request: "1" asks for (Open), or announces (Prove), one descriptor */
#define TOYNET_MD_HAVE_FDS "toynet-fds"   /* response: how many descriptors travel with its HEADERS */
#define TOYNET_MD_ERRNO    "toynet-errno" /* trailer: the errno of the failed call, decimal */

#define TOYNET_DEFAULT_SOCKET "/run/toynet/toynet.sock"
#define TOYNET_SOCKET_ENV     "TOYNET_SOCKET" /* environment: path of the control socket for library and CLI */

/* A transport address, 20 bytes. */
struct toynet_wire_addr {
	uint8_t family; /* 0 none, 4, 6 */
	uint8_t reserved;
	uint16_t port;
	uint8_t ip[16]; /* IPv4 uses the first four */
};

enum toynet_record_type {
	TOYNET_RECORD_ACCEPT = 1,
	TOYNET_RECORD_DATAGRAM = 2, /* both directions */
	TOYNET_RECORD_ERROR = 3, /* daemon to application: an ICMP error; `error` is its errno, addr the destination */
};

struct toynet_accept_record {
	uint16_t magic;
	uint8_t type; /* TOYNET_RECORD_ACCEPT */
	uint8_t reserved;
	uint32_t length; /* sizeof(struct toynet_accept_record) */
	uint64_t cookie; /* SO_COOKIE of the descriptor that travels with the record */
	struct toynet_wire_addr local;
	struct toynet_wire_addr peer;
	uint8_t pad[8];
};

struct toynet_datagram_header {
	uint16_t magic;
	uint8_t type;    /* TOYNET_RECORD_DATAGRAM or TOYNET_RECORD_ERROR */
	uint8_t ttl;     /* daemon to application: TTL of the datagram */
	uint32_t length; /* payload bytes that follow */
	uint32_t error;  /* TOYNET_RECORD_ERROR: errno */
	struct toynet_wire_addr
	        addr; /* to the daemon: destination (family 0: the connected peer); from it: the source */
};

_Static_assert(sizeof(struct toynet_wire_addr) == 20, "layout is shared between processes");
_Static_assert(sizeof(struct toynet_accept_record) == 64, "layout is shared between processes");
_Static_assert(sizeof(struct toynet_datagram_header) == 32, "layout is shared between processes");

#endif
