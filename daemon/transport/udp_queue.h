/* Queues of datagrams: rings of records, each a struct udp_record and its payload. Used by UDP only. */
#ifndef TOYNET_TRANSPORT_UDP_QUEUE_H
#define TOYNET_TRANSPORT_UDP_QUEUE_H

#include "transport/udp.h"

/* Appends a record. limit: bytes of records that the queue may hold; one record always fits into an empty queue. 0,
 * EAGAIN (full), ENOBUFS (no memory). */
int udp_queue_push(struct ring *q, struct ring_pool *pool, uint32_t limit, const struct udp_record *rec,
                   const void *payload);
/* The oldest record. False: the queue is empty. */
bool udp_queue_front(const struct ring *q, struct udp_record *rec);
/* Up to 2 iovecs over the payload of the oldest record, which is *rec. Returns how many. */
int udp_queue_payload(const struct ring *q, const struct udp_record *rec, struct iovec iov[2]);
/* Drops the oldest record. The bytes stay where they are until the next push or release. */
void udp_queue_pop(struct ring *q);
/* *bytes: sum of the payloads. */
void snap_udp_queue(struct snap *s, struct ring *q, struct ring_pool *pool, uint32_t *bytes);

#endif
