/* A hand-made DHCP server's side, for the suites of DHCP: writes messages as servers do, and reads those of clients as
 * text, such as "REQUEST bcast requested=10.0.0.5 server=10.0.0.254". */
#ifndef TOYNET_TESTS_DHCP_SERVER_H
#define TOYNET_TESTS_DHCP_SERVER_H

#include "base/bytes.h"
#include "stack/dhcp.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

#define DHCP_MAC    ((struct mac_addr){{0x02, 0, 0, 0, 0, 0x01}})
#define DHCP_SERVER "10.0.0.254"
#define DHCP_OURS   "10.0.0.5"

/* A message that is being written. */
struct reply {
	uint8_t b[2048];
	uint32_t len;
};

static inline struct ip_addr dhcp_addr(const char *text)
{
	struct ip_addr a = {0};
	ck_assert_msg(ip_parse(text, &a), "bad address %s", text);
	return a;
}

static inline void reply_option(struct reply *r, uint8_t code, const void *value, size_t len)
{
	ck_assert_uint_le(r->len + 2 + len, sizeof(r->b));
	r->b[r->len++] = code;
	r->b[r->len++] = (uint8_t)len;
	memcpy(r->b + r->len, value, len);
	r->len += (uint32_t)len;
}

static inline void reply_u32(struct reply *r, uint8_t code, uint32_t v)
{
	uint8_t b[4];
	store_be32(b, v);
	reply_option(r, code, b, 4);
}

static inline void reply_address(struct reply *r, uint8_t code, const char *text)
{
	reply_option(r, code, dhcp_addr(text).b, 4);
}

static inline void reply_end(struct reply *r)
{
	r->b[r->len++] = 255;
}

/* Header, cookie and type. */
static inline struct reply reply_begin(enum dhcp_type type, uint32_t xid, const char *yiaddr)
{
	struct reply r = {.b = {2, 1, 6}, .len = 240};
	uint8_t t = (uint8_t)type;
	store_be32(r.b + 4, xid);
	if (yiaddr)
		memcpy(r.b + 16, dhcp_addr(yiaddr).b, 4);
	memcpy(r.b + 28, DHCP_MAC.b, 6);
	store_be32(r.b + 236, 0x63825363);
	reply_option(&r, 53, &t, 1);
	return r;
}

/* The same with server identifier, lease time, mask and router: what a small server says. */
static inline struct reply reply_lease(enum dhcp_type type, uint32_t xid, const char *yiaddr, uint32_t lease_s)
{
	struct reply r = reply_begin(type, xid, yiaddr);
	reply_address(&r, 54, DHCP_SERVER);
	reply_u32(&r, 51, lease_s);
	reply_address(&r, 1, "255.255.255.0");
	reply_address(&r, 3, DHCP_SERVER);
	return r;
}

/* The option of a client's message; NULL: it has none. */
static inline const uint8_t *request_option(const uint8_t *p, uint32_t len, uint8_t code, uint8_t *n)
{
	for (uint32_t at = 240; at < len && p[at] != 255;) {
		if (p[at] == 0) {
			at++;
			continue;
		}
		ck_assert_uint_lt(at + 1, len);
		ck_assert_uint_le(at + 2 + p[at + 1], len);
		if (p[at] == code) {
			*n = p[at + 1];
			return p + at + 2;
		}
		at += 2 + p[at + 1];
	}
	return NULL;
}

static inline void request_text(const uint8_t *p, uint32_t len, char *text, size_t size)
{
	static const char *const types[] = {"?",   "DISCOVER", "OFFER",   "REQUEST", "DECLINE",
	                                    "ACK", "NAK",      "RELEASE", "INFORM"};
	char a[IP_ADDR_TEXT_MAX];
	uint8_t n;
	ck_assert_uint_ge(len, DHCP_SEND_MIN);
	ck_assert_uint_eq(p[0], 1);
	ck_assert_uint_eq(load_be32(p + 236), 0x63825363);
	ck_assert_mem_eq(p + 28, DHCP_MAC.b, 6);
	const uint8_t *type = request_option(p, len, 53, &n);
	ck_assert_ptr_nonnull(type);
	int at = snprintf(text, size, "%s", types[*type]);
	if (load_be16(p + 10))
		at += snprintf(text + at, size - (size_t)at, " bcast");
	if (load_be32(p + 12))
		at += snprintf(text + at, size - (size_t)at, " ciaddr=%s", ip_format(ip4_from_bytes(p + 12), a));
	const uint8_t *requested = request_option(p, len, 50, &n);
	if (requested)
		at += snprintf(text + at, size - (size_t)at, " requested=%s", ip_format(ip4_from_bytes(requested), a));
	const uint8_t *server = request_option(p, len, 54, &n);
	if (server)
		snprintf(text + at, size - (size_t)at, " server=%s", ip_format(ip4_from_bytes(server), a));
}

#endif
