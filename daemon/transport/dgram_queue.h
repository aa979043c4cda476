/* Queues of datagrams: rings of records, each a struct dgram_record and its payload. Used by the datagram sockets only.
 */
#ifndef TOYNET_TRANSPORT_DGRAM_QUEUE_H
#define TOYNET_TRANSPORT_DGRAM_QUEUE_H

#include "transport/dgram.h"

/* Appends a record. limit: bytes of records that the queue may hold; one record always fits into an empty queue. 0,
 * EAGAIN (full), ENOBUFS (no memory). */
int dgram_queue_push(struct ring *q, struct ring_pool *pool, uint32_t limit, const struct dgram_record *rec,
                     const void *payload);
/* The oldest record. False: the queue is empty. */
bool dgram_queue_front(const struct ring *q, struct dgram_record *rec);
/* Up to 2 iovecs over the payload of the oldest record, which is *rec. Returns how many. */
int dgram_queue_payload(const struct ring *q, const struct dgram_record *rec, struct iovec iov[2]);
/* Drops the oldest record. The bytes stay where they are until the next push or release. */
void dgram_queue_pop(struct ring *q);
/* IP options of an application; ones that could not be sent are damaged. */
void snap_dgram_options(struct snap *s, uint8_t options[IP_OPTIONS_MAX], uint8_t *len);
/* *bytes: sum of the payloads. sent: these are records to be sent. */
void snap_dgram_queue(struct snap *s, struct ring *q, struct ring_pool *pool, uint32_t *bytes, bool sent);

#endif
