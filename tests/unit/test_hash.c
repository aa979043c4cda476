/* hash: the SipHash test vectors, and the table against an array over random histories. */
#include "base/hash.h"
#include "base/list.h"
#include "unit.h"

static struct hash_key reference_key(void)
{
	struct hash_key key;

	for (uint8_t i = 0; i < sizeof(key.b); i++)
		key.b[i] = i;
	return key;
}

/* The SipHash paper, appendix A, and vectors.h of the authors' reference code: messages 00, 00 01, ... */
START_TEST(test_siphash_vectors)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
	        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
	        {2, UINT64_C(0x0d6c8009d9a94f5a)},  {3, UINT64_C(0x85676696d7fb7e2d)},
	        {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
	        {15, UINT64_C(0xa129ca6149be45e5)}, {63, UINT64_C(0x958a324ceb064572)},
	};
	struct hash_key key = reference_key();
	uint8_t message[64];

	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
		ck_assert_uint_eq(siphash(&key, message, vectors[i].len), vectors[i].hash);
}
END_TEST

START_TEST(test_siphash_depends_on_every_bit)
{
	struct hash_key key = reference_key();
	uint8_t message[21] = {0};
	uint64_t hash = siphash(&key, message, sizeof(message));

	for (size_t bit = 0; bit < 8 * sizeof(message); bit++) {
		message[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_uint_ne(siphash(&key, message, sizeof(message)), hash);
		message[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(key.b); bit++) {
		key.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_uint_ne(siphash(&key, message, sizeof(message)), hash);
		key.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

#define ITEMS 300

struct item {
	struct hash_node node;
	uint64_t hash;
	bool in;
};

static size_t count_found(const struct hash_table *t, uint64_t hash, const struct item *wanted, bool *found)
{
	size_t n = 0;

	*found = false;
	for (struct hash_node *it = hash_table_first(t, hash); it; it = hash_node_next(it)) {
		ck_assert_uint_eq(it->hash, hash);
		*found |= container_of(it, struct item, node) == wanted;
		n++;
	}
	return n;
}

/* Hashes are few, so that equal full hashes and shared buckets are frequent. */
static void random_history(uint64_t seed, uint64_t fail_at)
{
	static const size_t sizes[] = {1, 2, 64};
	struct env env = unit_env(seed);
	struct item items[ITEMS] = {0};
	struct hash_table t;
	size_t in = 0;

	ck_assert(hash_table_init(&t, &env, sizes[seed % ARRAY_LEN(sizes)]));
	env.fail_at = fail_at;
	env.failures_repeat = true;
	for (size_t i = 0; i < ITEMS; i++)
		items[i].hash = (uint64_t)rng_below(&env.rng, 100) << rng_below(&env.rng, 8);
	for (int step = 0; step < 1500; step++) {
		struct item *it = &items[rng_below(&env.rng, ITEMS)];
		if (it->in) {
			hash_table_remove(&t, &it->node);
			in--;
		} else {
			hash_table_insert(&t, &env, &it->node, it->hash);
			in++;
		}
		it->in = !it->in;
		ck_assert_uint_eq(t.count, in);
		const struct item *probe = &items[rng_below(&env.rng, ITEMS)];
		size_t expected = 0;
		for (size_t i = 0; i < ITEMS; i++)
			expected += items[i].in && items[i].hash == probe->hash;
		bool found;
		ck_assert_uint_eq(count_found(&t, probe->hash, probe, &found), expected);
		ck_assert_int_eq(found, probe->in);
	}
	if (fail_at == 0)
		ck_assert_uint_ge(t.mask + 1, ITEMS / 4);
	for (size_t i = 0; i < ITEMS; i++) {
		if (items[i].in)
			hash_table_remove(&t, &items[i].node);
	}
	hash_table_free(&t, &env);
	unit_env_end(&env);
}

START_TEST(test_table_agrees_with_an_array)
{
	for (uint64_t seed = 0; seed < 10; seed++)
		random_history(seed, 0);
}
END_TEST

START_TEST(test_insertion_survives_want_of_memory)
{
	for (uint64_t fail_at = 2; fail_at < 6; fail_at++)
		random_history(1, fail_at);
}
END_TEST

START_TEST(test_init_without_memory)
{
	struct env env = unit_env(0);
	struct hash_table t;

	env.fail_at = 1;
	ck_assert(!hash_table_init(&t, &env, 16));
	unit_env_end(&env);
}
END_TEST

Suite *hash_suite(void);
Suite *hash_suite(void)
{
	UNIT_SUITE("hash", test_siphash_vectors, test_siphash_depends_on_every_bit, test_table_agrees_with_an_array,
	           test_insertion_survives_want_of_memory, test_init_without_memory);
}
