/* The resolver, inside: what its files offer each other.
 *
 *   resolve.c        getaddrinfo: what is asked for, in which order it is answered
 *   resolve_dns.c    names to addresses: hosts file, cache, DNS by c-ares over toynet's own sockets
 *   resolve_cache.c  answers of this process, as long as their TTL allows
 *   resolve_name.c   getnameinfo
 *   connect_host.c   connect by name */
#ifndef TOYNET_CLIENT_RESOLVE_H
#define TOYNET_CLIENT_RESOLVE_H

#include "client.h"

#include <ares.h>

#define RESOLVE_NAME_MAX      255   /* RFC 1035 2.3.4 */
#define RESOLVE_ADDRESSES_MAX 32    /* of one name and family; what a server sends beyond is left out */
#define RESOLVE_TIMEOUT_MS    15000 /* of a call that does not say another */

struct resolve_address {
	uint8_t b[16]; /* IPv4 uses the first four */
};

/* What is known of a name in one family. */
struct resolve_answer {
	int error; /* 0 or EAI_* */
	unsigned count;
	struct resolve_address address[RESOLVE_ADDRESSES_MAX];
	char canonical[RESOLVE_NAME_MAX + 1];
};

/* resolve_dns.c. Answers of AF_INET in [0], of AF_INET6 in [1], each if wanted. False: *error is EAI_* for the whole,
 * and the thread's detail says what failed. */
bool resolve_name(const char *name, const bool wanted[2], int64_t deadline_ms, struct resolve_answer answer[2],
                  int *error);
/* A channel with the servers that are in force; NULL: *error. */
ares_channel resolve_channel(int64_t deadline_ms, int *error);
/* Runs what is pending on the channel until *pending is 0 or the time is over; then what is left ends with ECANCELLED.
 */
void resolve_run(ares_channel channel, const int *pending, int64_t deadline_ms);

/* resolve_cache.c. Names are taken without regard to case. */
bool resolve_cache_find(const char *name, int family, struct resolve_answer *answer);
/* ttl_s 0: not kept. */
void resolve_cache_store(const char *name, int family, const struct resolve_answer *answer, uint32_t ttl_s);

/* Of a failed answer: the seconds for which it may be kept (RFC 2308 5), 0 when the message does not say. */
uint32_t resolve_negative_ttl(const uint8_t *message, size_t len);

#endif
