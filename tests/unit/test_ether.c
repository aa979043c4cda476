/* ether: header in and out, and whom a frame is for. */
#include "base/bytes.h"
#include "link/ether.h"
#include "unit.h"

static const struct mac_addr us = {{2, 0, 0, 0, 0, 1}};
static const struct mac_addr other = {{2, 0, 0, 0, 0, 9}};

START_TEST(builds_what_it_parses)
{
	uint8_t frame[ETHER_HDR_LEN];
	struct ether_hdr h = {.dst = us, .src = other, .type = ETHER_TYPE_IP4}, got;
	ether_build(frame, &h);
	ck_assert_int_eq(ether_parse(frame, sizeof(frame), &got), ETHER_TYPED);
	ck_assert(mac_eq(got.dst, us) && mac_eq(got.src, other));
	ck_assert_uint_eq(got.type, ETHER_TYPE_IP4);
}
END_TEST

START_TEST(every_short_length_is_too_short)
{
	uint8_t frame[ETHER_HDR_LEN] = {0};
	struct ether_hdr h;
	for (uint32_t len = 0; len < ETHER_HDR_LEN; len++)
		ck_assert_int_eq(ether_parse(frame, len, &h), ETHER_TOO_SHORT);
}
END_TEST

START_TEST(a_small_type_is_a_length)
{
	uint8_t frame[ETHER_HDR_LEN] = {0};
	struct ether_hdr h;
	store_be16(frame + 12, ETHER_TYPE_MIN - 1);
	ck_assert_int_eq(ether_parse(frame, sizeof(frame), &h), ETHER_TOO_SHORT); /* than it says */
	store_be16(frame + 12, 0);
	ck_assert_int_eq(ether_parse(frame, sizeof(frame), &h), ETHER_LENGTH_FRAME);
	store_be16(frame + 12, ETHER_TYPE_MIN);
	ck_assert_int_eq(ether_parse(frame, sizeof(frame), &h), ETHER_TYPED);
}
END_TEST

/* RFC 1042. */
START_TEST(the_type_of_a_snap_frame)
{
	uint8_t frame[64] = {0};
	static const uint8_t llc_snap[6] = {0xaa, 0xaa, 3};
	struct ether_hdr h;
	store_be16(frame + 12, 20);
	memcpy(frame + ETHER_HDR_LEN, llc_snap, sizeof(llc_snap));
	store_be16(frame + ETHER_HDR_LEN + 6, ETHER_TYPE_IP4);
	ck_assert_int_eq(ether_parse(frame, sizeof(frame), &h), ETHER_TYPED);
	ck_assert_uint_eq(h.type, ETHER_TYPE_IP4);
	ck_assert_uint_eq(h.len, ETHER_HDR_LEN + ETHER_SNAP_LEN);
	ck_assert_uint_eq(h.frame_len, ETHER_HDR_LEN + 20);
	ck_assert_int_eq(ether_parse(frame, ETHER_HDR_LEN + 19, &h), ETHER_TOO_SHORT);
	store_be16(frame + 12, 7);
	ck_assert_int_eq(ether_parse(frame, sizeof(frame), &h), ETHER_LENGTH_FRAME);
	store_be16(frame + 12, 8);
	ck_assert_int_eq(ether_parse(frame, ETHER_HDR_LEN + 8, &h), ETHER_TYPED);
	for (size_t i = 0; i < sizeof(llc_snap); i++) {
		frame[ETHER_HDR_LEN + i] ^= 1;
		ck_assert_int_eq(ether_parse(frame, sizeof(frame), &h), ETHER_LENGTH_FRAME);
		frame[ETHER_HDR_LEN + i] ^= 1;
	}
}
END_TEST

START_TEST(for_us_and_for_groups)
{
	ck_assert(ether_for_us(&(struct ether_hdr){.dst = us}, us));
	ck_assert(ether_for_us(&(struct ether_hdr){.dst = MAC_BROADCAST}, us));
	ck_assert(ether_for_us(&(struct ether_hdr){.dst = {{1, 0, 0x5e, 0, 0, 1}}}, us));
	ck_assert(!ether_for_us(&(struct ether_hdr){.dst = other}, us));
}
END_TEST

START_TEST(multicast_takes_23_bits)
{
	struct mac_addr m = ether_multicast_ip4(ip4(239, 255, 1, 2));
	ck_assert(mac_eq(m, (struct mac_addr){{1, 0, 0x5e, 0x7f, 1, 2}}));
}
END_TEST

Suite *ether_suite(void);
Suite *ether_suite(void)
{
	UNIT_SUITE("ether", builds_what_it_parses, every_short_length_is_too_short, a_small_type_is_a_length,
	           the_type_of_a_snap_frame, for_us_and_for_groups, multicast_takes_23_bits);
}
