/* The decoder's allocator counts what it gives and refuses at the limit. What is freed during a decode is not counted
 * back: the bound is on the work, too. */
#include "rpc/pb.h"
#include <stdlib.h>

static void *heap_alloc(void *ctx, size_t size)
{
	size_t *left = ctx;

	if (size > *left)
		return NULL;
	void *p = malloc(size);
	if (p)
		*left -= size;
	return p;
}

static void heap_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

ProtobufCMessage *pb_unpack(const ProtobufCMessageDescriptor *d, const uint8_t *bytes, size_t len,
                            enum grpc_status *status, const char **why)
{
	size_t left = PB_DECODE_HEAP_MAX;
	ProtobufCAllocator heap = {.alloc = heap_alloc, .free = heap_free, .allocator_data = &left};
	ProtobufCMessage *m = protobuf_c_message_unpack(d, &heap, len, bytes);

	if (!m) {
		*status = GRPC_INVALID_ARGUMENT;
		*why = "the request message is malformed, or unreasonably large when decoded";
	}
	return m;
}

void pb_free(ProtobufCMessage *m)
{
	ProtobufCAllocator heap = {.alloc = heap_alloc, .free = heap_free};

	protobuf_c_message_free_unpacked(m, &heap);
}
