/* See dgram_queue.h. Records are copied in and out of the ring, because they may wrap around its end. */
#include "transport/dgram_queue.h"

#include "ip/ip_options.h"
#include <errno.h>

#define RECORD_LEN ((uint32_t)sizeof(struct dgram_record))

int dgram_queue_push(struct ring *q, struct ring_pool *pool, uint32_t limit, const struct dgram_record *rec,
                     const void *payload)
{
	uint32_t size = RECORD_LEN + rec->len;
	assert(rec->len <= DGRAM_PAYLOAD_MAX);
	if (q->len > 0 && (size > limit || q->len > limit - size))
		return EAGAIN;
	if (q->len + size > RING_MAX_SIZE)
		return EAGAIN;
	if (!ring_reserve(q, pool, q->len + size, q->len))
		return ENOBUFS;
	ring_write_at(q, q->len, rec, RECORD_LEN);
	if (rec->len > 0)
		ring_write_at(q, q->len + RECORD_LEN, payload, rec->len);
	ring_commit(q, size);
	return 0;
}

static void record_at(const struct ring *q, uint32_t pos, struct dgram_record *rec)
{
	assert(pos + RECORD_LEN <= q->len);
	ring_read_at(q, pos, rec, RECORD_LEN);
	assert(rec->len <= q->len - pos - RECORD_LEN);
}

bool dgram_queue_front(const struct ring *q, struct dgram_record *rec)
{
	if (q->len == 0)
		return false;
	record_at(q, 0, rec);
	return true;
}

int dgram_queue_payload(const struct ring *q, const struct dgram_record *rec, struct iovec iov[2])
{
	return rec->len > 0 ? ring_iov(q, RECORD_LEN, rec->len, iov) : 0;
}

void dgram_queue_pop(struct ring *q)
{
	struct dgram_record rec;
	record_at(q, 0, &rec);
	ring_consume(q, RECORD_LEN + rec.len);
}

void snap_dgram_options(struct snap *s, uint8_t options[IP_OPTIONS_MAX], uint8_t *len)
{
	struct ip_options o;

	snap_u8(s, len);
	snap_check(s, *len <= IP_OPTIONS_MAX, "IP options too long");
	if (!snap_ok(s))
		return;
	snap_bytes(s, options, *len);
	snap_check(s, snap_ok(s) && ip_options_parse(options, *len, &o), "IP options that cannot be sent");
}

/* What only a record that was received has. */
static void snap_received(struct snap *s, struct dgram_record *rec)
{
	snap_i32(s, &rec->error);
	snap_instant(s, &rec->at);
	snap_u32(s, &rec->drops);
	snap_ip(s, &rec->dst);
	snap_bool(s, &rec->reported);
	snap_u8(s, &rec->icmp_type);
	snap_u8(s, &rec->icmp_code);
	snap_u16(s, &rec->mtu);
	snap_ip(s, &rec->offender);
	snap_u8(s, &rec->options_len);
	snap_check(s, rec->options_len <= IP_OPTIONS_MAX, "IP options too long");
	if (snap_ok(s))
		snap_bytes(s, rec->options, rec->options_len);
}

static void snap_record(struct snap *s, struct dgram_record *rec, bool sent)
{
	snap_endpoint(s, &rec->addr);
	snap_u32(s, &rec->len);
	snap_u8(s, &rec->ttl);
	snap_u8(s, &rec->tos);
	snap_ip(s, &rec->local);
	snap_bool(s, &rec->whole);
	if (sent) {
		snap_dgram_options(s, rec->options, &rec->options_len);
		snap_u8(s, &rec->pmtu);
		snap_check(s, rec->pmtu <= DGRAM_PMTU_PROBE, "an unknown IP_MTU_DISCOVER");
	} else {
		snap_received(s, rec);
	}
	snap_check(s, rec->len <= DGRAM_PAYLOAD_MAX, "datagram too long");
}

static void save_queue(struct snap *s, const struct ring *q, bool sent)
{
	uint32_t len = q->len;
	snap_u32(s, &len);
	for (uint32_t pos = 0; pos < len;) {
		struct dgram_record rec;
		struct iovec iov[2];
		record_at(q, pos, &rec);
		snap_record(s, &rec, sent);
		int n = rec.len > 0 ? ring_iov(q, pos + RECORD_LEN, rec.len, iov) : 0;
		for (int i = 0; i < n; i++)
			snap_bytes(s, iov[i].iov_base, iov[i].iov_len);
		pos += RECORD_LEN + rec.len;
	}
}

/* Record after record, until the ring is as long as it was. */
static void load_queue(struct snap *s, struct ring *q, struct ring_pool *pool, uint32_t *bytes, bool sent)
{
	uint32_t len = 0;
	snap_u32(s, &len);
	snap_check(s, len <= RING_MAX_SIZE, "queue too long");
	if (!snap_ok(s) || len == 0)
		return;
	if (!ring_reserve(q, pool, len, 0)) {
		snap_fail(s, "no memory");
		return;
	}
	while (q->len < len) {
		struct dgram_record rec = {0};
		struct iovec iov[2];
		snap_record(s, &rec, sent);
		snap_check(s, len - q->len >= RECORD_LEN && rec.len <= len - q->len - RECORD_LEN, "queue overflow");
		if (!snap_ok(s))
			return;
		ring_write_at(q, q->len, &rec, RECORD_LEN);
		int n = rec.len > 0 ? ring_iov(q, q->len + RECORD_LEN, rec.len, iov) : 0;
		for (int i = 0; i < n; i++)
			snap_bytes(s, iov[i].iov_base, iov[i].iov_len);
		ring_commit(q, RECORD_LEN + rec.len);
		*bytes += rec.len;
	}
}

void snap_dgram_queue(struct snap *s, struct ring *q, struct ring_pool *pool, uint32_t *bytes, bool sent)
{
	if (snap_loading(s))
		load_queue(s, q, pool, bytes, sent);
	else
		save_queue(s, q, sent);
}
