/* See pcapng.h. A block is: type, total length, body, options, total length again; an option is: code, length, value
 * padded to four bytes; code 0 ends them. */
#include "link/pcapng.h"

#include <string.h>

enum block { BLOCK_SECTION = 0x0A0D0D0A, BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };

/* Numbers of options belong to a block; 0 and 1 to all. */
enum option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
	EPB_DROPCOUNT = 4,
	ISB_IFRECV = 4,
	ISB_OSDROP = 7,
	ISB_USRDELIV = 8,
};

#define BYTE_ORDER_MAGIC 0x1A2B3C4D
#define VERSION_MAJOR    1
#define VERSION_MINOR    0
#define LENGTH_UNKNOWN   UINT64_MAX
#define LINKTYPE_ETHER   1
#define TSRESOL_NS       9 /* 10^-9 s */
#define FLAGS_INBOUND    1
#define FLAGS_OUTBOUND   2

struct block_writer {
	uint8_t *start, *p;
};

static void put_le(struct block_writer *w, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*w->p++ = (uint8_t)(v >> 8 * i);
}

static void put_bytes(struct block_writer *w, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(w->p, bytes, n);
	w->p += n;
	for (; n % 4 != 0; n++)
		*w->p++ = 0;
}

static struct block_writer block_begin(uint8_t *to, enum block type)
{
	struct block_writer w = {.start = to, .p = to};

	put_le(&w, type, 4);
	put_le(&w, 0, 4);
	return w;
}

static size_t block_end(struct block_writer *w)
{
	put_le(w, OPT_END, 4);
	size_t len = (size_t)(w->p - w->start) + 4;
	put_le(w, len, 4);
	struct block_writer head = {.p = w->start + PCAPNG_LENGTH_AT};
	put_le(&head, len, 4);
	return len;
}

static void option_text(struct block_writer *w, enum option code, const char *text)
{
	size_t n = strnlen(text, PCAPNG_TEXT_MAX - 1);

	put_le(w, code, 2);
	put_le(w, n, 2);
	put_bytes(w, text, n);
}

static void option_number(struct block_writer *w, enum option code, uint64_t v, unsigned bytes)
{
	put_le(w, code, 2);
	put_le(w, bytes, 2);
	put_le(w, v, bytes);
	for (; bytes % 4 != 0; bytes++)
		*w->p++ = 0;
}

/* The high half goes first. */
static void put_time(struct block_writer *w, uint64_t ns)
{
	put_le(w, ns >> 32, 4);
	put_le(w, ns, 4);
}

size_t pcapng_section(uint8_t *to, const char *application)
{
	struct block_writer w = block_begin(to, BLOCK_SECTION);

	put_le(&w, BYTE_ORDER_MAGIC, 4);
	put_le(&w, VERSION_MAJOR, 2);
	put_le(&w, VERSION_MINOR, 2);
	put_le(&w, LENGTH_UNKNOWN, 8);
	option_text(&w, SHB_USERAPPL, application);
	return block_end(&w);
}

size_t pcapng_interface(uint8_t *to, const char *name, uint32_t snap_length)
{
	struct block_writer w = block_begin(to, BLOCK_INTERFACE);

	put_le(&w, LINKTYPE_ETHER, 2);
	put_le(&w, 0, 2);
	put_le(&w, snap_length, 4);
	option_text(&w, IF_NAME, name);
	option_number(&w, IF_TSRESOL, TSRESOL_NS, 1);
	return block_end(&w);
}

size_t pcapng_packet(uint8_t *to, const struct pcapng_packet *p)
{
	struct block_writer w = block_begin(to, BLOCK_PACKET);

	assert(p->stored <= p->len);
	put_le(&w, 0, 4); /* the interface */
	put_time(&w, p->time_ns);
	put_le(&w, p->stored, 4);
	put_le(&w, p->len, 4);
	put_bytes(&w, p->bytes, p->stored);
	if (p->comment && *p->comment)
		option_text(&w, OPT_COMMENT, p->comment);
	option_number(&w, EPB_FLAGS, p->way == LINK_IN ? FLAGS_INBOUND : FLAGS_OUTBOUND, 4);
	if (p->lost)
		option_number(&w, EPB_DROPCOUNT, p->lost, 8);
	return block_end(&w);
}

size_t pcapng_statistics(uint8_t *to, uint64_t time_ns, uint64_t captured, uint64_t lost)
{
	struct block_writer w = block_begin(to, BLOCK_STATISTICS);

	put_le(&w, 0, 4); /* the interface */
	put_time(&w, time_ns);
	option_number(&w, ISB_IFRECV, captured + lost, 8);
	option_number(&w, ISB_OSDROP, lost, 8);
	option_number(&w, ISB_USRDELIV, captured, 8);
	return block_end(&w);
}

uint32_t pcapng_block_length(const uint8_t prefix[PCAPNG_PREFIX])
{
	const uint8_t *p = prefix + PCAPNG_LENGTH_AT;

	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
