/* Any bytes as a client of the control plane: HTTP/2, HPACK, gRPC framing, then whatever method they come to.
 *
 * The first byte says whether the connection's preface is sent for the input, how large the parts are in which bytes
 * arrive, whether answers are read as they come, and whether the client is an administrator; the rest are the bytes. */
#include "fuzz_rpc.h"

enum { PREFACE = 1, ADMIN = 2, SLOW = 4, WITH_FD = 8 };

/* With empty SETTINGS, whose last byte is the one that ends the string. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";

/* False: the session is over. */
static bool give(struct fuzz_rpc *r, struct rpc_conn *c, const uint8_t *p, size_t n, bool with_fd)
{
	int fd = FUZZ_FD + 1;

	r->fds += with_fd;
	return rpc_conn_input(c, p, n, &fd, with_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_rpc r;

	if (!size)
		return 0;
	uint8_t how = *data++;
	size--;
	fuzz_rpc_begin(&r);
	struct rpc_conn *c = rpc_conn_new(
	        r.srv, (struct rpc_peer){.pid = 7, .uid = how & ADMIN ? 0 : 1000, .admin = how & ADMIN}, &r);
	FUZZ_NEED(c);
	bool alive = !(how & PREFACE) || give(&r, c, (const uint8_t *)preface, sizeof(preface), false);
	size_t part = how >> 4 ? (size_t)1 << (how >> 4) : SIZE_MAX;
	while (alive && size) {
		size_t n = size_min(part, size);
		uint8_t *copy = malloc(n);
		FUZZ_NEED(copy);
		memcpy(copy, data, n);
		alive = give(&r, c, copy, n, how & WITH_FD);
		how &= (uint8_t)~WITH_FD;
		free(copy);
		data += n;
		size -= n;
		if (!(how & SLOW))
			alive = fuzz_rpc_drain(c, part) && alive;
		fuzz_rpc_turn(&r);
		r.env.now = instant_add(r.env.now, DURATION_MS(1));
	}
	fuzz_rpc_drain(c, SIZE_MAX);
	rpc_conn_free(c);
	fuzz_rpc_end(&r);
	return 0;
}
