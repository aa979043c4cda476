/* SipHash-2-4 (Aumasson and Bernstein), and a chained hash table keyed by its output.
 *
 * A table stores the full 64-bit hash in each node: growing needs no rehash of keys, and a lookup compares keys only
 * when 64 bits agree. Growth moves all nodes at once; with the doubling that is a constant cost per insertion on
 * average. */
#include "base/hash.h"
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned k)
{
	return (x << k) | (x >> (64 - k));
}

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void sip_rounds(struct sip *s, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		s->v0 += s->v1;
		s->v1 = rotl(s->v1, 13) ^ s->v0;
		s->v0 = rotl(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotl(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotl(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotl(s->v1, 17) ^ s->v2;
		s->v2 = rotl(s->v2, 32);
	}
}

static void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_rounds(s, 2);
	s->v0 ^= m;
}

uint64_t siphash(const struct hash_key *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t k0 = load_le64(key->b), k1 = load_le64(key->b + 8);
	struct sip s = {
	        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
	        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
	        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
	        .v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(&s, load_le64(p));
	uint64_t last = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

bool hash_table_init(struct hash_table *t, struct env *env, size_t buckets)
{
	assert(buckets > 0 && (buckets & (buckets - 1)) == 0);
	*t = (struct hash_table){.mask = buckets - 1};
	t->bucket = env_alloc(env, buckets * sizeof(struct hash_node *));
	return t->bucket != NULL;
}

void hash_table_free(struct hash_table *t, struct env *env)
{
	assert(t->count == 0);
	env_free(env, t->bucket, (t->mask + 1) * sizeof(struct hash_node *));
	*t = (struct hash_table){0};
}

static void hash_table_grow(struct hash_table *t, struct env *env)
{
	size_t buckets = (t->mask + 1) * 2;
	struct hash_node **bucket = env_alloc(env, buckets * sizeof(struct hash_node *));

	if (!bucket)
		return;
	for (size_t i = 0; i <= t->mask; i++) {
		struct hash_node *next;
		for (struct hash_node *n = t->bucket[i]; n; n = next) {
			struct hash_node **head = &bucket[n->hash & (buckets - 1)];
			next = n->next;
			n->next = *head;
			*head = n;
		}
	}
	env_free(env, t->bucket, (t->mask + 1) * sizeof(struct hash_node *));
	t->bucket = bucket;
	t->mask = buckets - 1;
}

void hash_table_insert(struct hash_table *t, struct env *env, struct hash_node *n, uint64_t hash)
{
	if (t->count > t->mask)
		hash_table_grow(t, env);
	struct hash_node **head = &t->bucket[hash & t->mask];
	n->hash = hash;
	n->next = *head;
	*head = n;
	t->count++;
}

void hash_table_remove(struct hash_table *t, struct hash_node *n)
{
	struct hash_node **link = &t->bucket[n->hash & t->mask];

	while (*link != n) {
		assert(*link);
		link = &(*link)->next;
	}
	*link = n->next;
	n->next = NULL;
	t->count--;
}

/* The first node of a chain, from n on, that has this hash. */
static struct hash_node *chain_find(struct hash_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hash_node *hash_table_first(const struct hash_table *t, uint64_t hash)
{
	return chain_find(t->bucket[hash & t->mask], hash);
}

struct hash_node *hash_node_next(const struct hash_node *n)
{
	return chain_find(n->next, n->hash);
}
