/* snap: what is saved is loaded, in a fixed encoding; every truncation and every damaged field is found. */
#include "base/snap.h"
#include "unit.h"
#include <stdlib.h>

#define TAG UINT32_C(0x746f7921)

enum colour { RED, GREEN, BLUE, COLOURS };

struct sample {
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;
	int32_t e;
	int64_t f;
	bool g, h;
	seq32 i;
	instant j, k;
	duration l;
	uint8_t m[5];
	struct ip_addr n, o, p;
	struct endpoint q;
	struct mac_addr r;
	enum colour s;
};

static void snap_sample(struct snap *s, struct sample *x)
{
	snap_tag(s, TAG);
	snap_u8(s, &x->a);
	snap_u16(s, &x->b);
	snap_u32(s, &x->c);
	snap_u64(s, &x->d);
	snap_i32(s, &x->e);
	snap_i64(s, &x->f);
	snap_bool(s, &x->g);
	snap_bool(s, &x->h);
	snap_seq(s, &x->i);
	snap_instant(s, &x->j);
	snap_instant(s, &x->k);
	snap_duration(s, &x->l);
	snap_bytes(s, x->m, sizeof(x->m));
	snap_ip(s, &x->n);
	snap_ip(s, &x->o);
	snap_ip(s, &x->p);
	snap_endpoint(s, &x->q);
	snap_mac(s, &x->r);
	SNAP_ENUM(s, x->s, COLOURS);
}

static struct sample sample_value(void)
{
	return (struct sample){
	        .a = 0xfe,
	        .b = 0xfedc,
	        .c = 0xfedcba98,
	        .d = UINT64_C(0xfedcba9876543210),
	        .e = INT32_MIN,
	        .f = INT64_MIN,
	        .g = true,
	        .h = false,
	        .i = seq_of(0xffffffff),
	        .j = {123456789},
	        .k = INSTANT_NEVER,
	        .l = {5},
	        .m = {1, 2, 3, 4, 5},
	        .n = {0},
	        .o = ip4(10, 0, 0, 1),
	        .p = {.family = IP_V6, .b = {0x20, 1, [15] = 1}},
	        .q = {ip4(192, 0, 2, 7), 8080},
	        .r = {{2, 4, 6, 8, 10, 12}},
	        .s = BLUE,
	};
}

static void sample_compare(const struct sample *x, const struct sample *y)
{
	ck_assert(x->a == y->a && x->b == y->b && x->c == y->c && x->d == y->d && x->e == y->e && x->f == y->f);
	ck_assert(x->g == y->g && x->h == y->h && seq_eq(x->i, y->i) && x->j.ns == y->j.ns && x->k.ns == y->k.ns);
	ck_assert(x->l.ns == y->l.ns && memcmp(x->m, y->m, sizeof(x->m)) == 0);
	ck_assert(ip_eq(x->n, y->n) && ip_eq(x->o, y->o) && ip_eq(x->p, y->p) && endpoint_eq(x->q, y->q));
	ck_assert(mac_eq(x->r, y->r) && x->s == y->s);
}

START_TEST(test_round_trip)
{
	struct sample x = sample_value(), y;
	struct snap save, load;

	snap_save_begin(&save);
	ck_assert(!snap_loading(&save));
	for (int i = 0; i < 1000; i++)
		snap_sample(&save, &x);
	ck_assert(snap_ok(&save));
	snap_load_begin(&load, save.buf, save.len);
	ck_assert(snap_loading(&load));
	for (int i = 0; i < 1000; i++) {
		memset(&y, 0xa5, sizeof(y));
		y.g = y.h = false;
		y.s = RED;
		snap_sample(&load, &y);
		ck_assert_msg(snap_ok(&load), "%s", load.error);
		sample_compare(&x, &y);
	}
	ck_assert_uint_eq(load.pos, load.len);
	snap_save_free(&save);
}
END_TEST

START_TEST(test_encoding_is_little_endian)
{
	uint16_t a = 0x1234;
	uint32_t b = 0x89abcdef;
	int64_t c = -2;
	bool d = true;
	struct snap save;

	snap_save_begin(&save);
	snap_u16(&save, &a);
	snap_u32(&save, &b);
	snap_i64(&save, &c);
	snap_bool(&save, &d);
	ck_assert_uint_eq(save.len, 15);
	ck_assert_mem_eq(save.buf, "\x34\x12\xef\xcd\xab\x89\xfe\xff\xff\xff\xff\xff\xff\xff\x01", 15);
	ck_assert(a == 0x1234 && b == 0x89abcdef && c == -2 && d);
	snap_save_free(&save);
}
END_TEST

/* A time is what a clock can tell, or never; a length of time can be doubled and smoothed. */
START_TEST(test_times_out_of_range)
{
	static const int64_t far[] = {INT64_MIN, INT64_MAX - 1, -(INT64_C(1) << 61) - 1, (INT64_C(1) << 62) + 1};
	struct snap save, load;
	instant at;
	duration d;

	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		int64_t v = far[i];
		snap_save_begin(&save);
		snap_i64(&save, &v);
		snap_load_begin(&load, save.buf, save.len);
		snap_instant(&load, &at);
		ck_assert(!snap_ok(&load) && at.ns == 0);
		snap_load_begin(&load, save.buf, save.len);
		snap_duration(&load, &d);
		ck_assert(!snap_ok(&load) && d.ns == 0);
		snap_save_free(&save);
	}
	snap_save_begin(&save);
	at = (instant){7};
	snap_past(&save, &at, (instant){9});
	snap_load_begin(&load, save.buf, save.len);
	snap_past(&load, &at, (instant){5});
	ck_assert(snap_ok(&load) && at.ns == 5);
	snap_save_free(&save);
	snap_save_begin(&save);
	d.ns = INT64_MAX;
	snap_duration_or_infinite(&save, &d);
	ck_assert(snap_ok(&save));
	snap_duration(&save, &d);
	ck_assert(!snap_ok(&save));
	snap_save_free(&save);
	snap_save_begin(&save);
	d.ns = -1;
	snap_duration(&save, &d);
	ck_assert(!snap_ok(&save));
	snap_save_free(&save);
}
END_TEST

/* Cut anywhere: an error, and zeros from the cut on (all but the last cut reach the MAC address). The copy ends where
 * the data end, so that ASan sees a read too far. */
START_TEST(test_every_truncation_is_found)
{
	struct sample x = sample_value();
	struct snap save;

	snap_save_begin(&save);
	snap_sample(&save, &x);
	for (size_t len = 0; len < save.len; len++) {
		struct sample y = sample_value();
		struct snap load;
		uint8_t *copy = malloc(len ? len : 1);
		memcpy(copy, save.buf, len);
		snap_load_begin(&load, copy, len);
		snap_sample(&load, &y);
		ck_assert(!snap_ok(&load));
		ck_assert(len == save.len - 1 || mac_eq(y.r, (struct mac_addr){{0}}));
		ck_assert_uint_le(load.pos, len);
		free(copy);
	}
	snap_save_free(&save);
}
END_TEST

/* Any bytes at all: no crash, and a value that is loaded without error is within its range. */
START_TEST(test_random_bytes)
{
	struct env env = unit_env(1);
	uint8_t noise[256];
	struct snap load;

	for (int round = 0; round < 5000; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = rng_below(&env.rng, 2) ? 0 : (uint8_t)rng_u32(&env.rng);
		struct ip_addr ip = {0};
		enum colour colour = RED;
		bool flag = false;
		snap_load_begin(&load, noise, rng_below(&env.rng, sizeof(noise)));
		snap_bool(&load, &flag);
		SNAP_ENUM(&load, colour, COLOURS);
		snap_ip(&load, &ip);
		ck_assert(colour < COLOURS);
		ck_assert(ip.family == IP_NONE || ip.family == IP_V4 || ip.family == IP_V6);
	}
}
END_TEST

static const char *load_error(void (*field)(struct snap *), const void *bytes, size_t len)
{
	struct snap load;

	snap_load_begin(&load, bytes, len);
	field(&load);
	return load.error;
}

static void field_bool(struct snap *s)
{
	bool v = true;

	snap_bool(s, &v);
	ck_assert(snap_ok(s) || !v);
}

static void field_enum(struct snap *s)
{
	enum colour v = GREEN;

	SNAP_ENUM(s, v, COLOURS);
	ck_assert(snap_ok(s) || v == GREEN);
}

static void field_ip(struct snap *s)
{
	struct ip_addr v;

	snap_ip(s, &v);
	ck_assert(snap_ok(s) || ip_eq(v, (struct ip_addr){0}));
}

static void field_instant(struct snap *s)
{
	instant v;

	snap_instant(s, &v);
}

static void field_duration(struct snap *s)
{
	duration v;

	snap_duration(s, &v);
}

static void field_tag(struct snap *s)
{
	snap_tag(s, TAG);
}

START_TEST(test_values_out_of_range_are_damage)
{
	static const uint8_t not_canonical[17] = {[0] = IP_V4, [1] = 10, [16] = 1};
	static const uint8_t none_with_bytes[17] = {[0] = IP_NONE, [1] = 1};
	static const uint8_t unknown_family[17] = {[0] = 5};

	ck_assert_ptr_null(load_error(field_bool, "\x01", 1));
	ck_assert_ptr_nonnull(load_error(field_bool, "\x02", 1));
	ck_assert_ptr_null(load_error(field_enum, "\x02", 1));
	ck_assert_ptr_nonnull(load_error(field_enum, "\x03", 1));
	ck_assert_ptr_nonnull(load_error(field_ip, not_canonical, 17));
	ck_assert_ptr_nonnull(load_error(field_ip, none_with_bytes, 17));
	ck_assert_ptr_nonnull(load_error(field_ip, unknown_family, 17));
	ck_assert_ptr_null(load_error(field_instant, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8)); /* never */
	ck_assert_ptr_null(load_error(field_instant, "\0\0\0\0\0\0\0\x40", 8));
	ck_assert_ptr_nonnull(load_error(field_instant, "\1\0\0\0\0\0\0\x40", 8));
	ck_assert_ptr_nonnull(load_error(field_instant, "\xff\xff\xff\xff\xff\xff\xff\xd0", 8));
	ck_assert_ptr_nonnull(load_error(field_duration, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8));
	ck_assert_ptr_null(load_error(field_duration, "\0\0\0\0\0\0\0\x08", 8));
	ck_assert_ptr_nonnull(load_error(field_duration, "\1\0\0\0\0\0\0\x08", 8));
	ck_assert_ptr_nonnull(load_error(field_duration, "\xff\xff\xff\xff\xff\xff\xff\xf0", 8));
	ck_assert_ptr_null(load_error(field_tag, "\x21\x79\x6f\x74", 4));
	ck_assert_ptr_nonnull(load_error(field_tag, "\x21\x79\x6f\x75", 4));
}
END_TEST

START_TEST(test_first_error_stays_and_stops_saving)
{
	struct snap save;
	uint32_t v = 7;

	snap_save_begin(&save);
	snap_u32(&save, &v);
	snap_check(&save, true, "fine");
	ck_assert(snap_ok(&save));
	snap_check(&save, false, "first");
	snap_fail(&save, "second");
	ck_assert_str_eq(save.error, "first");
	snap_u32(&save, &v);
	ck_assert_uint_eq(save.len, 4);
	ck_assert_uint_eq(v, 7);
	snap_save_free(&save);
	ck_assert_ptr_null(save.buf);
}
END_TEST

Suite *snap_suite(void);
Suite *snap_suite(void)
{
	UNIT_SUITE("snap", test_round_trip, test_encoding_is_little_endian, test_times_out_of_range,
	           test_every_truncation_is_found, test_random_bytes, test_values_out_of_range_are_damage,
	           test_first_error_stays_and_stops_saving);
}
