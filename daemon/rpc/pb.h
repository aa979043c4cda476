/* protobuf-c with bounds: a decoder whose heap is limited (1 MiB of empty sub-messages can become 46 MiB of
 * structures). */
#ifndef TOYNET_RPC_PB_H
#define TOYNET_RPC_PB_H

#include "rpc/grpc.h"
#include <protobuf-c/protobuf-c.h>

#define PB_DECODE_HEAP_MAX (256u << 10)

/* NULL: *status and *why (static text) say what is wrong. Freed with pb_free. */
ProtobufCMessage *pb_unpack(const ProtobufCMessageDescriptor *d, const uint8_t *bytes, size_t len,
                            enum grpc_status *status, const char **why);
void pb_free(ProtobufCMessage *m);

#endif
