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

#define TOYNET_DATAGRAM_VERSION 2
#define TOYNET_IP_OPTIONS_MAX   40

/* What of a datagram's header is set, besides its address; the rest is zero. To the application goes what it has asked
 * for by socket options; from it comes what it gave with this datagram: of these the first four, or in place of the
 * first TOYNET_FIELD_PKTINFO6. */
enum toynet_datagram_field {
	TOYNET_FIELD_PKTINFO = 1 << 0, /* interface, local and destination; from the application the first two */
	TOYNET_FIELD_TTL = 1 << 1,
	TOYNET_FIELD_TOS = 1 << 2,
	TOYNET_FIELD_OPTIONS = 1 << 3,      /* as received; from the application in the form of IP_OPTIONS (ip(7)) */
	TOYNET_FIELD_OPTIONS_BACK = 1 << 4, /* IP_RETOPTS */
	TOYNET_FIELD_TIME_US = 1 << 5,      /* time_ns, for SO_TIMESTAMP */
	TOYNET_FIELD_TIME_NS = 1 << 6,      /* and for SO_TIMESTAMPNS */
	TOYNET_FIELD_DROPS = 1 << 7,
	TOYNET_FIELD_REPORT = 1 << 8, /* IP_RECVERR, of an error: mtu, offender and ICMP type and code; the payload is
	                                 what the message quotes */
	/* Of sockets of IPv6; they share the places of the fields above. */
	TOYNET_FIELD_PKTINFO6 = 1 << 9,
	TOYNET_FIELD_HOPLIMIT = 1 << 10, /* ttl; from the application it is TOYNET_FIELD_TTL */
	TOYNET_FIELD_TCLASS = 1 << 11,   /* tos; from the application it is TOYNET_FIELD_TOS */
	TOYNET_FIELDS_ALL = (1 << 12) - 1
};

/* Of fixed size, so that one recvmsg puts it and the payload in their places. IP addresses without a family are of that of
 * addr, which from the daemon is the socket's; `local' from the application is IPv6 with TOYNET_FIELD_PKTINFO6, else
 * IPv4. IPv4 uses the first four bytes. */
struct toynet_datagram_header {
	uint16_t magic;
	uint8_t version; /* TOYNET_DATAGRAM_VERSION */
	uint8_t type;    /* TOYNET_RECORD_DATAGRAM or TOYNET_RECORD_ERROR */
	uint32_t length; /* payload bytes that follow */
	uint32_t error;  /* TOYNET_RECORD_ERROR: errno */
	uint16_t fields; /* enum toynet_datagram_field */
	uint8_t ttl, tos;
	struct toynet_wire_addr
	        addr; /* to the daemon: destination (family 0: the connected peer); from it: the source */
	uint32_t interface;      /* index; from the application 0: any */
	uint8_t local[16];       /* the specific destination; from the application the source to be used, 0: any */
	uint8_t destination[16]; /* as in the datagram's header: a group or a broadcast address, too */
	uint64_t time_ns;        /* of arrival, since 1970 */
	uint32_t drops;          /* datagrams that the socket had lost before, modulo 2^32 */
	uint32_t mtu;            /* of an error EMSGSIZE */
	uint8_t offender[16];    /* who sent the error; 0: the stack itself */
	uint8_t icmp_type, icmp_code;
	uint8_t options_len, options_back_len; /* bytes, at most TOYNET_IP_OPTIONS_MAX */
	uint8_t options[TOYNET_IP_OPTIONS_MAX];
	uint8_t options_back[TOYNET_IP_OPTIONS_MAX];
	uint8_t reserved[4];
};

_Static_assert(sizeof(struct toynet_wire_addr) == 20, "layout is shared between processes");
_Static_assert(sizeof(struct toynet_accept_record) == 64, "layout is shared between processes");
_Static_assert(sizeof(struct toynet_datagram_header) == 192, "layout is shared between processes");

#endif
