/* SipHash-2-4 with a secret key, so that a peer who chooses ports and addresses cannot choose collisions, and an
 * intrusive chained hash table on it.
 *
 * The table doubles when it holds more nodes than buckets. When the allocation for that fails, it goes on with longer
 * chains: an insertion never fails. */
#ifndef TOYNET_BASE_HASH_H
#define TOYNET_BASE_HASH_H

#include "base/env.h"
#include "base/types.h"

struct hash_key {
	uint8_t b[16];
};

uint64_t siphash(const struct hash_key *key, const void *data, size_t len);

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

struct hash_table {
	struct hash_node **bucket;
	size_t mask; /* buckets - 1 */
	size_t count;
};

/* buckets is a power of two. ENOMEM as false. */
bool hash_table_init(struct hash_table *t, struct env *env, size_t buckets);
/* The table must be empty. */
void hash_table_free(struct hash_table *t, struct env *env);
void hash_table_insert(struct hash_table *t, struct env *env, struct hash_node *n, uint64_t hash);
/* n must be in t. */
void hash_table_remove(struct hash_table *t, struct hash_node *n);
/* First node whose full hash equals `hash`, then the next one in the chain; NULL at the end. */
struct hash_node *hash_table_first(const struct hash_table *t, uint64_t hash);
struct hash_node *hash_node_next(const struct hash_node *n);

#endif
