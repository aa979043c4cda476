/* A capture as a stream of the control plane. */
#include "base/bytes.h"
#include "pcapng_read.h"
#include "rpc_rig.h"

#define CAPTURE "/toynet.v1.Admin/Capture"

static void send_frame(struct rig *r)
{
	struct frame_out f;
	frame_begin(&f);
	memset(frame_prepend(&f, 60), 0x45, 60);
	ck_assert(r->capture.link.ops->send(&r->capture.link, &f));
	capture_turn_end(&r->capture);
}

/* Packets in all messages that came, and other blocks. */
static uint32_t packets(const struct h2c_call *c, uint32_t *others)
{
	uint32_t n = 0;

	*others = 0;
	for (size_t at = 0; at < c->body_len;) {
		size_t len = (size_t)load_be32(c->body + at + 1), block = 0;
		Toynet__V1__CaptureChunk *m = toynet__v1__capture_chunk__unpack(NULL, len,
		                                                                c->body + at + GRPC_PREFIX_LEN);
		struct packet_read p;
		uint32_t type;
		ck_assert_ptr_nonnull(m);
		while ((type = pcapng_next(m->pcapng.data, m->pcapng.len, &block, &p))) {
			n += type == 6;
			*others += type != 6;
		}
		ck_assert_uint_eq(m->captured, n);
		ck_assert_uint_eq(m->lost, 0);
		rpc_answer_free(m);
		at += GRPC_PREFIX_LEN + len;
	}
	return n;
}

START_TEST(frames_come_until_the_count)
{
	Toynet__V1__CaptureRequest q = TOYNET__V1__CAPTURE_REQUEST__INIT;
	uint32_t others;
	BEGIN(0);
	q.count = 2;
	struct h2c_call *c = rpc_call(&p, CAPTURE, &q);
	ck_assert(!c->ended);
	ck_assert_uint_eq(packets(c, &others), 0);
	ck_assert_uint_eq(others, 2); /* the file is well formed at once */
	send_frame(&r);
	ck_assert(h2c_pump(&p.h2));
	ck_assert_uint_eq(packets(c, &others), 1);
	ck_assert(!c->ended);
	send_frame(&r);
	send_frame(&r);
	ck_assert(h2c_pump(&p.h2));
	ck_assert(c->ended && c->grpc_status == 0);
	ck_assert_uint_eq(packets(c, &others), 2);
	ck_assert_uint_eq(others, 3);
	ck_assert_uint_eq(r.capture.sink_count, 0);
	END();
}
END_TEST

START_TEST(it_ends_with_its_connection)
{
	Toynet__V1__CaptureRequest q = TOYNET__V1__CAPTURE_REQUEST__INIT;
	struct peer other;
	BEGIN(0);
	peer_begin(&other, &r, 0);
	rpc_call(&p, CAPTURE, &q);
	rpc_call(&other, CAPTURE, &q);
	ck_assert_uint_eq(r.capture.sink_count, 2);
	peer_end(&other);
	ck_assert_uint_eq(r.capture.sink_count, 1);
	send_frame(&r);
	END();
}
END_TEST

START_TEST(refusals)
{
	Toynet__V1__CaptureRequest q = TOYNET__V1__CAPTURE_REQUEST__INIT;
	Toynet__V1__FlowMatch match = TOYNET__V1__FLOW_MATCH__INIT;
	struct peer nobody;
	BEGIN(0);
	peer_begin(&nobody, &r, UID);
	rpc_failed(rpc_call(&nobody, CAPTURE, &q), GRPC_PERMISSION_DENIED, EACCES);
	q.snap_length = FRAME_MAX + 1;
	rpc_failed(rpc_call(&p, CAPTURE, &q), GRPC_INVALID_ARGUMENT, EINVAL);
	q.snap_length = 0;
	q.match = &match;
	match.port = 70000;
	rpc_failed(rpc_call(&p, CAPTURE, &q), GRPC_INVALID_ARGUMENT, EINVAL);
	match.port = 0;
	for (int i = 0; i < CAPTURE_SINKS_MAX; i++)
		rpc_call(&p, CAPTURE, &q);
	rpc_failed(rpc_call(&p, CAPTURE, &q), GRPC_RESOURCE_EXHAUSTED, ENOBUFS);
	peer_end(&nobody);
	END();
}
END_TEST

Suite *rpc_capture_suite(void);
Suite *rpc_capture_suite(void)
{
	UNIT_SUITE("rpc_capture", frames_come_until_the_count, it_ends_with_its_connection, refusals);
}
