/* vnet: the offload header in and out, and every way in which it can lie. */
#include "link/vnet.h"
#include "unit.h"
#include <linux/virtio_net.h>
#include <string.h>

#define TCP_AT   34
#define HDRS_LEN (TCP_AT + 20)

struct vnet_case {
	struct virtio_net_hdr h;
	uint32_t len;
	uint8_t tcp_words;
	bool ok;
};

#define CSUM VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TSO  VIRTIO_NET_HDR_GSO_TCPV4
#define ECN  VIRTIO_NET_HDR_GSO_ECN

static const struct vnet_case cases[] = {
        {{.flags = 0}, 0, 5, true},
        {{.flags = CSUM, .csum_start = TCP_AT, .csum_offset = 16}, HDRS_LEN, 5, true},
        {{.flags = CSUM, .csum_start = TCP_AT, .csum_offset = 16}, TCP_AT + 18, 5, true},
        {{.flags = CSUM, .csum_start = TCP_AT, .csum_offset = 16}, TCP_AT + 17, 5, false},
        {{.flags = CSUM, .csum_start = 0xffff, .csum_offset = 0xffff}, 1500, 5, false},
        {{.flags = CSUM, .gso_type = TSO, .gso_size = 1460, .csum_start = TCP_AT, .csum_offset = 16}, 4000, 5, true},
        {{.flags = CSUM, .gso_type = TSO | ECN, .gso_size = 1460, .csum_start = TCP_AT, .csum_offset = 16},
         4000,
         5,
         true},
        {{.flags = 0, .gso_type = TSO, .gso_size = 1460, .csum_start = TCP_AT, .csum_offset = 16}, 4000, 5, false},
        {{.flags = CSUM, .gso_type = TSO, .gso_size = 0, .csum_start = TCP_AT, .csum_offset = 16}, 4000, 5, false},
        {{.flags = CSUM, .gso_type = TSO, .gso_size = 1460, .csum_start = TCP_AT, .csum_offset = 6}, 4000, 5, false},
        {{.flags = CSUM, .gso_type = TSO, .gso_size = 1460, .csum_start = 33, .csum_offset = 16}, 4000, 5, false},
        {{.flags = CSUM, .gso_type = TSO, .gso_size = 1460, .csum_start = TCP_AT, .csum_offset = 16}, 4000, 4, false},
        {{.flags = CSUM, .gso_type = TSO, .gso_size = 1460, .csum_start = TCP_AT, .csum_offset = 16}, 60, 15, false},
        {{.flags = CSUM, .gso_type = TSO, .gso_size = 1460, .csum_start = TCP_AT, .csum_offset = 16}, 53, 5, false},
        {{.gso_type = VIRTIO_NET_HDR_GSO_TCPV6}, 4000, 5, false},
        {{.gso_type = VIRTIO_NET_HDR_GSO_UDP}, 4000, 5, false},
        {{.gso_type = 0x7f}, 4000, 5, false},
};

START_TEST(parses_or_refuses)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct vnet_case *c = &cases[i];
		uint8_t hdr[VNET_HDR_LEN], frame[4000] = {0};
		struct offload off;
		memcpy(hdr, &c->h, sizeof(c->h));
		frame[TCP_AT + 12] = (uint8_t)(c->tcp_words << 4);
		ck_assert_msg(vnet_parse(hdr, frame, c->len, &off) == c->ok, "case %zu", i);
	}
}
END_TEST

START_TEST(a_super_frame_keeps_its_shape)
{
	struct virtio_net_hdr h = {.flags = CSUM,
	                           .gso_type = TSO,
	                           .gso_size = 1448,
	                           .hdr_len = 9,
	                           .csum_start = TCP_AT,
	                           .csum_offset = 16};
	uint8_t hdr[VNET_HDR_LEN], frame[9000] = {0};
	struct offload off;
	memcpy(hdr, &h, sizeof(h));
	frame[TCP_AT + 12] = 8 << 4;
	ck_assert(vnet_parse(hdr, frame, sizeof(frame), &off));
	ck_assert(off.needs_csum && !off.csum_valid);
	ck_assert_uint_eq(off.gso, GSO_TCPV4);
	ck_assert_uint_eq(off.gso_size, 1448);
	ck_assert_uint_eq(off.hdr_len, TCP_AT + 32);
	vnet_build(hdr, &off);
	memcpy(&h, hdr, sizeof(h));
	ck_assert_uint_eq(h.flags, CSUM);
	ck_assert_uint_eq(h.gso_type, TSO);
	ck_assert_uint_eq(h.gso_size, 1448);
	ck_assert_uint_eq(h.hdr_len, TCP_AT + 32);
	ck_assert_uint_eq(h.csum_start, TCP_AT);
	ck_assert_uint_eq(h.csum_offset, 16);
}
END_TEST

START_TEST(data_valid_is_kept)
{
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};
	uint8_t hdr[VNET_HDR_LEN];
	struct offload off;
	memcpy(hdr, &h, sizeof(h));
	ck_assert(vnet_parse(hdr, NULL, 0, &off));
	ck_assert(off.csum_valid && !off.needs_csum && off.gso == GSO_NONE);
}
END_TEST

START_TEST(a_plain_frame_has_a_zero_header)
{
	uint8_t hdr[VNET_HDR_LEN], zero[VNET_HDR_LEN] = {0};
	struct offload off = {.hdr_len = 54};
	memset(hdr, 0xff, sizeof(hdr));
	vnet_build(hdr, &off);
	ck_assert_mem_eq(hdr, zero, sizeof(hdr));
}
END_TEST

Suite *vnet_suite(void);
Suite *vnet_suite(void)
{
	UNIT_SUITE("vnet", parses_or_refuses, a_super_frame_keeps_its_shape, data_valid_is_kept,
	           a_plain_frame_has_a_zero_header);
}
