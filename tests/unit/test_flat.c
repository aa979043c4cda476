/* flat: copies are faithful, a checksum that is owed is completed, snapshots give the same frames back. */
#include "base/bytes.h"
#include "base/checksum.h"
#include "link/flat.h"
#include "unit.h"
#include <string.h>

START_TEST(out_and_back)
{
	struct env env = unit_env(1);
	struct frame_out f, back;
	char body[3][200];
	uint8_t want[144 + 600];
	frame_begin(&f);
	memset(frame_prepend(&f, 54), 'h', 54);
	memset(want, 'h', 54);
	for (int i = 0; i < 3; i++) {
		memset(body[i], 'a' + i, 200);
		memset(want + 54 + 200 * i, 'a' + i, 200);
		f.iov[i] = (struct iovec){.iov_base = body[i], .iov_len = 200};
	}
	f.niov = 3;
	f.payload = 600;
	f.off.gso_size = 77;
	struct flat_frame *flat = flat_from_out(&env, &f);
	ck_assert_uint_eq(flat->len, 654);
	ck_assert_mem_eq(flat->bytes, want, 654);
	flat_view_out(flat, &back);
	ck_assert_uint_eq(frame_len(&back), 654);
	ck_assert_uint_eq(back.off.gso_size, 77);
	ck_assert_uint_eq(back.off.hdr_len, f.off.hdr_len);
	ck_assert_mem_eq(frame_hdr(&back), want, back.hdr_len);
	ck_assert_mem_eq(back.iov[0].iov_base, want + back.hdr_len, back.payload);
	flat_free(&env, flat);
	unit_env_end(&env);
}
END_TEST

START_TEST(completes_a_checksum)
{
	struct env env = unit_env(1);
	struct flat_frame *f = flat_new(&env, 61);
	for (uint32_t i = 0; i < f->len; i++)
		f->bytes[i] = (uint8_t)(i * 7);
	csum pseudo = csum_pseudo(ip4(10, 0, 0, 1), ip4(10, 0, 0, 2), 6, f->len - 34);
	store_be16(f->bytes + 50, csum_fold(pseudo));
	f->off = (struct offload){.needs_csum = true, .csum_start = 34, .csum_offset = 16};
	ck_assert(flat_complete_csum(f));
	ck_assert(!f->off.needs_csum);
	ck_assert_uint_eq(csum_finish(csum_add(pseudo, f->bytes + 34, f->len - 34)), 0);
	f->off = (struct offload){.needs_csum = true, .csum_start = 44, .csum_offset = 16};
	ck_assert(!flat_complete_csum(f));
	flat_free(&env, f);
	unit_env_end(&env);
}
END_TEST

START_TEST(snapshot_keeps_order_and_bytes)
{
	struct env env = unit_env(1);
	struct list saved, loaded;
	struct snap s;
	list_init(&saved);
	list_init(&loaded);
	for (uint32_t i = 0; i < 3; i++) {
		struct flat_frame *f = flat_new(&env, 10 + i);
		memset(f->bytes, 'a' + (int)i, f->len);
		f->due = (instant){(int64_t)i};
		list_push_back(&saved, &f->link);
	}
	snap_save_begin(&s);
	snap_flat_list(&s, &env, &saved, 3);
	struct snap r;
	snap_load_begin(&r, s.buf, s.len);
	snap_flat_list(&r, &env, &loaded, 3);
	ck_assert(snap_ok(&r));
	const struct flat_frame *last = list_entry(loaded.prev, struct flat_frame, link);
	ck_assert_uint_eq(last->len, 12);
	ck_assert_mem_eq(last->bytes, "cccccccccccc", 12);
	flat_list_free(&env, &loaded);
	snap_load_begin(&r, s.buf, s.len);
	snap_flat_list(&r, &env, &loaded, 2);
	ck_assert(!snap_ok(&r));
	for (size_t cut = 0; cut < s.len; cut++) {
		snap_load_begin(&r, s.buf, cut);
		snap_flat_list(&r, &env, &loaded, 3);
		ck_assert(!snap_ok(&r));
		flat_list_free(&env, &loaded);
	}
	snap_save_free(&s);
	flat_list_free(&env, &saved);
	unit_env_end(&env);
}
END_TEST

Suite *flat_suite(void);
Suite *flat_suite(void)
{
	UNIT_SUITE("flat", out_and_back, completes_a_checksum, snapshot_keeps_order_and_bytes);
}
