/* Addresses: one family-tagged IP address type, MAC addresses, prefixes, and transport endpoints.
 *
 * Bytes are in network order. An all-zero struct ip_addr has no family and is "none", which differs from 0.0.0.0. */
#ifndef TOYNET_BASE_ADDR_H
#define TOYNET_BASE_ADDR_H

#include "base/types.h"
#include <string.h>

enum ip_family {
	IP_NONE = 0,
	IP_V4 = 4,
	IP_V6 = 6,
};

struct ip_addr {
	uint8_t family; /* enum ip_family */
	uint8_t b[16];  /* IPv4 uses b[0..3]; the rest is zero */
};

struct ip_prefix {
	struct ip_addr addr;
	uint8_t len; /* bits */
};

struct endpoint {
	struct ip_addr addr;
	uint16_t port; /* host byte order */
};

struct mac_addr {
	uint8_t b[6];
};

#define IP_ADDR_TEXT_MAX  46
#define ENDPOINT_TEXT_MAX 56
#define MAC_TEXT_MAX      18
#define PREFIX_TEXT_MAX   50

#define MAC_BROADCAST ((struct mac_addr){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})

static inline struct ip_addr ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip_addr){.family = IP_V4, .b = {a, b, c, d}};
}
static inline struct ip_addr ip4_from_bytes(const uint8_t b[4])
{
	return ip4(b[0], b[1], b[2], b[3]);
}
static inline struct ip_addr ip6_from_bytes(const uint8_t b[16])
{
	struct ip_addr a = {.family = IP_V6};

	memcpy(a.b, b, sizeof(a.b));
	return a;
}
static inline struct ip_addr ip4_from_u32(uint32_t host_order)
{
	return ip4((uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16), (uint8_t)(host_order >> 8),
	           (uint8_t)host_order);
}
/* RFC 4291 2.5.5.2: ::ffff:a.b.c.d. a must be IPv4. */
static inline struct ip_addr ip6_mapped(struct ip_addr a)
{
	return (struct ip_addr){.family = IP_V6, .b = {[10] = 0xff, 0xff, a.b[0], a.b[1], a.b[2], a.b[3]}};
}
bool ip_is_mapped(struct ip_addr a);
/* a must be IPv4. */
static inline uint32_t ip4_to_u32(struct ip_addr a)
{
	return (uint32_t)a.b[0] << 24 | (uint32_t)a.b[1] << 16 | (uint32_t)a.b[2] << 8 | a.b[3];
}
static inline bool ip_eq(struct ip_addr a, struct ip_addr b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}
/* No family, or all address bits zero. */
bool ip_is_unspecified(struct ip_addr a);
bool ip_is_multicast(struct ip_addr a);
bool ip_is_loopback(struct ip_addr a);
/* 255.255.255.255 */
bool ip_is_limited_broadcast(struct ip_addr a);
bool prefix_contains(struct ip_prefix p, struct ip_addr a);
/* The subnet-directed broadcast address of an IPv4 prefix (RFC 919, RFC 922); none for /31 and /32 (RFC 3021). */
struct ip_addr prefix_broadcast(struct ip_prefix p);

static inline bool endpoint_eq(struct endpoint a, struct endpoint b)
{
	return a.port == b.port && ip_eq(a.addr, b.addr);
}
static inline bool mac_eq(struct mac_addr a, struct mac_addr b)
{
	return memcmp(a.b, b.b, 6) == 0;
}
/* Group bit set: multicast or broadcast. */
static inline bool mac_is_group(struct mac_addr a)
{
	return (a.b[0] & 1) != 0;
}

/* Text forms. The formatters return buf; the text of no address is empty. The parsers return false and leave *out alone
 * when the text is not exactly one address; they accept no leading zeros, no spaces, no shortened IPv4 forms. */
char *ip_format(struct ip_addr a, char buf[IP_ADDR_TEXT_MAX]);
char *endpoint_format(struct endpoint e, char buf[ENDPOINT_TEXT_MAX]); /* "10.0.0.1:80", "*:80" when unspecified */
char *mac_format(struct mac_addr m, char buf[MAC_TEXT_MAX]);
char *prefix_format(struct ip_prefix p, char buf[PREFIX_TEXT_MAX]);
bool ip_parse(const char *text, struct ip_addr *out); /* IPv4 only: what the configuration and the stack have */
/* Any spelling of RFC 4291 2.2, without a zone. */
bool ip6_parse(const char *text, struct ip_addr *out);
bool mac_parse(const char *text, struct mac_addr *out);
/* "10.0.0.1/24"; the length is required. Host bits may be set. */
bool prefix_parse(const char *text, struct ip_prefix *out);

#endif
