/* The pcapng file format (draft-ietf-opsawg-pcapng), as far as a capture of one Ethernet interface writes it.
 *
 * A file is a Section Header Block, an Interface Description Block, then Enhanced Packet Blocks, and at the end an
 * Interface Statistics Block; each is whole in itself, so a file that ends between two blocks is well formed. Numbers
 * are written in little endian on every machine, timestamps in nanoseconds since 1970 (UTC). Functions write one block
 * and return its length, a multiple of four; the caller provides the room that the bounds below name. */
#ifndef TOYNET_LINK_PCAPNG_H
#define TOYNET_LINK_PCAPNG_H

#include "link/flow.h"

#define PCAPNG_TEXT_MAX    256 /* of a name or a comment, NUL included */
#define PCAPNG_BLOCK_MAX   512 /* of any block but a packet's */
#define PCAPNG_PACKET_MORE 384 /* a packet's block is longer than the bytes that it stores by at most so much */
#define PCAPNG_LENGTH_AT   4   /* where a block has its length, 4 bytes */
#define PCAPNG_PREFIX      8   /* type and length */

struct pcapng_packet {
	uint64_t time_ns;
	enum link_way way;
	const uint8_t *bytes;
	uint32_t stored;     /* of bytes */
	uint32_t len;        /* of the frame; stored <= len */
	uint64_t lost;       /* frames between the one before and this; 0: not written */
	const char *comment; /* NULL, "": none */
};

size_t pcapng_section(uint8_t *to, const char *application);
/* snap_length 0: no limit. */
size_t pcapng_interface(uint8_t *to, const char *name, uint32_t snap_length);
size_t pcapng_packet(uint8_t *to, const struct pcapng_packet *p);
/* captured: frames that were written; lost: that were not, because the reader was slow. */
size_t pcapng_statistics(uint8_t *to, uint64_t time_ns, uint64_t captured, uint64_t lost);
/* The length of the block that begins with these bytes. */
uint32_t pcapng_block_length(const uint8_t prefix[PCAPNG_PREFIX]);

#endif
