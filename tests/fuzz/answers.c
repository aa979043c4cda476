/* Any bytes as what toynetd answers: HTTP/2 and gRPC to libtoynet and to toynetctl, messages to nanopb and to what
 * reads them, records on descriptors. The daemon is trusted more than its clients are, but a client that crashes on an
 * answer is still a bug.
 *
 * The first byte chooses the reader; of messages the second chooses the type. */
#include "cli/rpc.h"
#include "client/client.h"
#include "client/h2.h"
#include "fuzz.h"
#include <pb_decode.h>
#include <stdio.h>
#include <sys/un.h>
#include <toynet/v1/toynet.pb-c.h>
#include <unistd.h>

enum { EXCHANGE, MESSAGE, DATAGRAM, ACCEPTED, CONTROL, READERS };

/* Bytes on their way to end[1], after which end[0] is closed for writing. */
static bool pair_with(int end[2], int type, const uint8_t *bytes, size_t n)
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, end) < 0)
		return false;
	FUZZ_NEED(send(end[0], bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n || n == 0);
	shutdown(end[0], SHUT_WR);
	return true;
}

static void exchange(const uint8_t *bytes, size_t n)
{
	static const uint8_t request[CLIENT_GRPC_PREFIX];
	struct client_exchange x = {.path = "/toynet.v1.Sockets/GetNames",
	                            .request = request,
	                            .request_len = sizeof(request),
	                            .send_fd = -1,
	                            .deadline_ms = client_now_ms() + 1000};
	int end[2];

	if (!pair_with(end, SOCK_STREAM, bytes, n))
		return;
	struct client_conn *c = client_conn_new(end[1]);
	FUZZ_NEED(c);
	for (int calls = 0; calls < 2 && !client_conn_over(c); calls++) {
		enum client_result r = client_conn_exchange(c, &x);
		FUZZ_NEED(r != CLIENT_ANSWERED || strlen(x.message) < CLIENT_MESSAGE_MAX);
		FUZZ_NEED(x.fd < 0); /* none was sent */
	}
	client_conn_free(c);
	close(end[0]);
}

/* Every type of answer that libtoynet reads. */
#define ANSWERS(X)         \
	X(OpenResponse)    \
	X(ConnectResponse) \
	X(NamesResponse)   \
	X(SetOptionResponse) X(GetOptionResponse) X(LingerResponse) X(ShutdownResponse) X(CheckDestinationResponse)

union answer {
#define MEMBER(name) toynet_v1_##name name;
	ANSWERS(MEMBER)
#undef MEMBER
};

static void read_option(const toynet_v1_OptionValue *v)
{
	for (int i = 0; i < 256; i++) {
		uint8_t value[96];
		socklen_t len = (socklen_t)(i & 63);
		const struct client_option *o = client_option_of((toynet_v1_Option)i);
		if (!o || o->type == CLIENT_OPTION_NATIVE)
			continue;
		memset(value, 0xa5, sizeof(value));
		socklen_t room = len;
		if (client_option_decode(o, v, value, &len) == 0)
			FUZZ_NEED(len <= room || room == 0);
		for (size_t k = room; k < sizeof(value); k++)
			FUZZ_NEED(value[k] == 0xa5);
	}
}

static void message(uint8_t type, const uint8_t *bytes, size_t n)
{
	static const struct {
		const pb_msgdesc_t *fields;
	} types[] = {
#define FIELDS(name) {toynet_v1_##name##_fields},
	        ANSWERS(FIELDS)
#undef FIELDS
	};
	union answer a;
	union client_address in;
	pb_istream_t stream = pb_istream_from_buffer(bytes, n);
	const pb_msgdesc_t *fields = types[type % ARRAY_LEN(types)].fields;

	memset(&a, 0, sizeof(a));
	if (!pb_decode(&stream, fields, &a))
		return;
	if (fields == toynet_v1_NamesResponse_fields) {
		(void)client_address_from_message(&a.NamesResponse.local, &in);
		(void)client_address_from_message(&a.NamesResponse.peer, &in);
	}
	if (fields == toynet_v1_GetOptionResponse_fields)
		read_option(&a.GetOptionResponse.value);
}

static void datagram(const uint8_t *bytes, size_t n)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t buf[64];
	int end[2];

	if (!pair_with(end, SOCK_SEQPACKET, bytes, n))
		return;
	ssize_t got = toynet_recvfrom(end[1], buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	FUZZ_NEED(got <= (ssize_t)sizeof(buf));
	close(end[0]);
	close(end[1]);
}

static void accepted(const uint8_t *bytes, size_t n)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct client_id id;
	int end[2];

	if (!pair_with(end, SOCK_STREAM, bytes, n))
		return;
	FUZZ_NEED(client_identify(end[1], &id) == 0);
	client_listener_learn(id.cookie);
	/* No descriptor travels with it, so none can be accepted. */
	FUZZ_NEED(toynet_accept(end[1], (struct sockaddr *)&from, &len) < 0);
	close(end[0]);
	close(end[1]);
}

static bool take_answer(void *ctx, const uint8_t *bytes, size_t len)
{
	volatile uint8_t sum = 0;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return !len || bytes[0] != 0xff;
}

/* toynetctl connects to a path, so this process has one. */
static struct sockaddr_un at = {.sun_family = AF_UNIX};

static void remove_path(void)
{
	unlink(at.sun_path);
}

static void control(const uint8_t *bytes, size_t n)
{
	static int listener = -1;
	const Toynet__V1__ListRequest request = TOYNET__V1__LIST_REQUEST__INIT;
	struct rpc_result result;

	if (listener < 0) {
		snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/toynet-fuzz-answers.%d", (int)getpid());
		unlink(at.sun_path);
		atexit(remove_path);
		listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		FUZZ_NEED(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 4) == 0);
	}
	struct rpc *r = rpc_open(at.sun_path);
	FUZZ_NEED(r);
	int fd = accept(listener, NULL, NULL);
	FUZZ_NEED(fd >= 0);
	FUZZ_NEED(send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n || n == 0);
	shutdown(fd, SHUT_WR);
	bool ok = rpc_call(r, "/toynet.v1.Sockets/List", &request.base, take_answer, NULL, &result);
	FUZZ_NEED(ok == (result.status == RPC_STATUS_OK) && strlen(result.text) < sizeof(result.text));
	rpc_close(r);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 8192)
		return 0;
	/* A record that ends asks the daemon why: there is none. */
	setenv(TOYNET_SOCKET_ENV, "/nonexistent/toynet", 0);
	switch (data[0] % READERS) {
	case EXCHANGE:
		exchange(data + 1, size - 1);
		break;
	case MESSAGE:
		message(data[1], data + 2, size - 2);
		break;
	case DATAGRAM:
		datagram(data + 1, size - 1);
		break;
	case ACCEPTED:
		accepted(data + 1, size - 1);
		break;
	default:
		control(data + 1, size - 1);
		break;
	}
	return 0;
}
