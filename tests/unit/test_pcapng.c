/* pcapng: every block, byte by byte. */
#include "link/pcapng.h"
#include "unit.h"
#include <stdio.h>
#include <string.h>

/* Compares with the bytes of a text of hexadecimal digits and blanks. */
static void bytes_are(const uint8_t *got, size_t len, const char *want)
{
	size_t n = 0;

	while (*(want += strspn(want, " "))) {
		unsigned byte;
		ck_assert_int_eq(sscanf(want, "%2x", &byte), 1);
		ck_assert_msg(n < len && got[n] == byte, "byte %zu is %02x, not %02x", n, got[n], byte);
		n++;
		want += 2;
	}
	ck_assert_uint_eq(len, n);
}

START_TEST(a_section)
{
	uint8_t b[PCAPNG_BLOCK_MAX];
	bytes_are(b, pcapng_section(b, "toynetd"),
	          "0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff" /* type, length, magic, 1.0, section length */
	          "0400 0700 746f796e65746400"                            /* shb_userappl, padded */
	          "00000000 2c000000");
}
END_TEST

START_TEST(an_interface)
{
	uint8_t b[PCAPNG_BLOCK_MAX];
	bytes_are(b, pcapng_interface(b, "tap0", 96),
	          "01000000 28000000 0100 0000 60000000" /* Ethernet, reserved, snap length */
	          "0200 0400 74617030"                   /* if_name */
	          "0900 0100 09000000"                   /* if_tsresol: nanoseconds */
	          "00000000 28000000");
}
END_TEST

START_TEST(a_packet)
{
	uint8_t b[PCAPNG_BLOCK_MAX];
	const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct pcapng_packet p = {
	        .time_ns = 0x1122334455667788, .way = LINK_IN, .bytes = bytes, .stored = 5, .len = 1500};
	bytes_are(b, pcapng_packet(b, &p),
	          "06000000 34000000 00000000 44332211 88776655 05000000 dc050000 0102030405000000"
	          "0200 0400 01000000" /* epb_flags: inbound */
	          "00000000 34000000");
	p.way = LINK_OUT;
	p.comment = "drop=X";
	p.lost = 258;
	p.stored = 0;
	bytes_are(b, pcapng_packet(b, &p),
	          "06000000 44000000 00000000 44332211 88776655 00000000 dc050000"
	          "0100 0600 64726f703d580000" /* opt_comment */
	          "0200 0400 02000000"         /* epb_flags: outbound */
	          "0400 0800 0201000000000000" /* epb_dropcount */
	          "00000000 44000000");
	ck_assert_uint_eq(pcapng_block_length(b), 0x44);
}
END_TEST

START_TEST(statistics)
{
	uint8_t b[PCAPNG_BLOCK_MAX];
	bytes_are(b, pcapng_statistics(b, 1, 7, 3),
	          "05000000 40000000 00000000 00000000 01000000"
	          "0400 0800 0a00000000000000" /* isb_ifrecv */
	          "0700 0800 0300000000000000" /* isb_osdrop */
	          "0800 0800 0700000000000000" /* isb_usrdeliv */
	          "00000000 40000000");
}
END_TEST

START_TEST(the_bounds_hold)
{
	static uint8_t b[PCAPNG_BLOCK_MAX + PCAPNG_PACKET_MORE];
	static uint8_t bytes[PCAPNG_BLOCK_MAX];
	char text[2 * PCAPNG_TEXT_MAX];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_uint_le(pcapng_section(b, text), PCAPNG_BLOCK_MAX);
	ck_assert_uint_le(pcapng_interface(b, text, 0), PCAPNG_BLOCK_MAX);
	for (uint32_t n = 0; n < 8; n++) {
		struct pcapng_packet p = {.bytes = bytes, .stored = n, .len = n, .lost = 1, .comment = text};
		size_t len = pcapng_packet(b, &p);
		ck_assert_uint_le(len, n + PCAPNG_PACKET_MORE);
		ck_assert_uint_eq(len % 4, 0);
		ck_assert_uint_eq(pcapng_block_length(b), len);
	}
}
END_TEST

Suite *pcapng_suite(void);
Suite *pcapng_suite(void)
{
	UNIT_SUITE("pcapng", a_section, an_interface, a_packet, statistics, the_bounds_hold);
}
