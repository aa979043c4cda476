/* One call on the daemon: message out, message in, errno.
 *
 * Theory of operation. A request is encoded on the stack (nanopb; its bound is the generated maximum), exchanged on a
 * connection of the pool, and its answer decoded from the stack. Two answers lead to a second try:
 *
 *   the connection was dead   only when it had been idle in the pool, and nothing of an answer had come: a new one is
 * opened. EPERM                     this connection has not proved that we hold the socket: Prove sends its descriptor
 * along, and the call is repeated on the same connection.
 *
 * The errno of a failed call is the daemon's toynet-errno; a status without it is mapped by a table. */
#include "h2.h"

#include <assert.h>
#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_MAX_LEN 64
#define SERVICE      "/toynet.v1.Sockets/"

_Static_assert(toynet_v1_ConnectRequest_size <= CLIENT_REQUEST_MAX, "the largest request fits");
_Static_assert(toynet_v1_Resolver_size <= CLIENT_RESPONSE_MAX, "and the largest answer");
_Static_assert(toynet_v1_ConnectResponse_size <= CLIENT_RESPONSE_MAX, "the largest answer fits");

/* errno for a gRPC status that came without toynet-errno, by the status' number. */
static const int status_errno[] = {
        [0] = 0,           [1] = ECANCELED, [2] = EPROTO,        [3] = EINVAL,  [4] = ETIMEDOUT,     [5] = ENOENT,
        [6] = EADDRINUSE,  [7] = EACCES,    [8] = ENOBUFS,       [9] = EINVAL,  [10] = ECONNABORTED, [11] = EINVAL,
        [12] = EOPNOTSUPP, [13] = EPROTO,   [14] = ECONNREFUSED, [15] = EPROTO, [16] = EACCES,
};

/* The errno of an answer that came; 0 when the call succeeded. */
static int answer_error(const struct client_exchange *x)
{
	if (x->http_status != 200 || !x->is_grpc || x->status < 0)
		return EPROTO;
	if (x->status == 0)
		return 0;
	if (x->error > 0)
		return x->error;
	return (size_t)x->status < sizeof(status_errno) / sizeof(status_errno[0]) ? status_errno[x->status] : EPROTO;
}

/* Encodes the request with its gRPC prefix: flag 0 (not compressed), length. */
static size_t encode(uint8_t buf[CLIENT_GRPC_PREFIX + CLIENT_REQUEST_MAX], const pb_msgdesc_t *type,
                     const void *message)
{
	pb_ostream_t out = pb_ostream_from_buffer(buf + CLIENT_GRPC_PREFIX, CLIENT_REQUEST_MAX);
	bool fits = pb_encode(&out, type, message);

	assert(fits);
	(void)fits;
	buf[0] = 0;
	buf[1] = buf[2] = 0;
	buf[3] = (uint8_t)(out.bytes_written >> 8);
	buf[4] = (uint8_t)out.bytes_written;
	return CLIENT_GRPC_PREFIX + out.bytes_written;
}

static bool decode(const struct client_exchange *x, const pb_msgdesc_t *type, void *message)
{
	if (x->response_len < CLIENT_GRPC_PREFIX || x->response_len > sizeof(x->response))
		return false;
	size_t len = x->response_len - CLIENT_GRPC_PREFIX;

	if (x->response[0] != 0 || x->response[1] != 0 || x->response[2] != 0 ||
	    (size_t)(x->response[3] << 8 | x->response[4]) != len)
		return false;
	pb_istream_t in = pb_istream_from_buffer(x->response + CLIENT_GRPC_PREFIX, len);

	return pb_decode(&in, type, message);
}

toynet_v1_SocketRef client_ref(const struct client_id *id)
{
	return (toynet_v1_SocketRef){.cookie = id->cookie};
}

/* Gives conn the authority to drive the socket. 0 or an errno. */
static int prove(struct client_conn *conn, const struct client_id *id)
{
	uint8_t request[CLIENT_GRPC_PREFIX + CLIENT_REQUEST_MAX];
	const toynet_v1_SocketRef ref = client_ref(id);
	struct client_exchange x = {.path = SERVICE "Prove", .request = request, .send_fd = id->fd};

	x.request_len = encode(request, toynet_v1_SocketRef_fields, &ref);
	if (client_conn_exchange(conn, &x) != CLIENT_ANSWERED)
		return EPROTO;
	if (x.fd >= 0)
		SYS(close)(x.fd);
	return answer_error(&x);
}

static int failed(const struct client_call *call, enum client_result result)
{
	switch (result) {
	case CLIENT_ANSWERED:
		break;
	case CLIENT_LOST:
		return client_fail(ECONNREFUSED, "%s: toynetd closed the connection without an answer", call->method);
	case CLIENT_BROKEN:
		return client_fail(EPROTO, "%s: what listens on the control socket does not answer as toynetd",
		                   call->method);
	case CLIENT_INTERRUPTED:
		return client_fail(EINTR, "%s: interrupted by a signal; what it began goes on", call->method);
	case CLIENT_EXPIRED:
		return client_fail(ETIME, "%s: no answer in time; what it began goes on", call->method);
	case CLIENT_FD_LOST:
		return client_fail(EMFILE, "%s: no free descriptor in this process for the answer", call->method);
	}
	return 0;
}

/* Turns an answer into the call's result. */
static int finish(const struct client_call *call, struct client_exchange *x)
{
	int error = answer_error(x);

	if (error == 0 && !decode(x, call->response_type, call->response)) {
		error = EPROTO;
		snprintf(x->message, sizeof(x->message), "EPROTO: the answer is not a message of toynet.v1");
	}
	if (error == 0 && call->received_fd && x->fd < 0) {
		error = EPROTO;
		snprintf(x->message, sizeof(x->message), "EPROTO: the answer brought no descriptor");
	}
	if (error == 0 && call->received_fd) {
		*call->received_fd = x->fd;
		return 0;
	}
	if (x->fd >= 0)
		SYS(close)(x->fd);
	if (error == 0)
		return 0;
	if (error == ENOENT && call->id && !call->names_something)
		return client_fail(ENOTSOCK, "%s: toynetd knows no socket with this descriptor", call->method);
	return client_fail(error, "%s: %s", call->method, x->message[0] ? x->message : client_error_name(error));
}

static int rpc(const struct client_call *call)
{
	uint8_t request[CLIENT_GRPC_PREFIX + CLIENT_REQUEST_MAX];
	char path[PATH_MAX_LEN];
	struct client_exchange x = {
	        .path = path,
	        .request = request,
	        .send_fd = -1,
	        .want_fd = call->received_fd != NULL,
	        .interruptible = call->interruptible,
	        .deadline_ms = call->deadline_ms,
	};
	bool was_idle;
	struct client_conn *conn = client_pool_take(false, &was_idle);

	if (!conn)
		return -1;
	snprintf(path, sizeof(path), SERVICE "%s", call->method);
	x.request_len = encode(request, call->request_type, call->request);
	if (x.want_fd && client_free_slot(client_conn_fd(conn)) < 0) {
		int error = errno;

		client_pool_give(conn);
		errno = error;
		return -1;
	}
	enum client_result result = client_conn_exchange(conn, &x);

	if (result == CLIENT_LOST && was_idle) {
		client_pool_give(conn);
		conn = client_pool_take(true, &was_idle);
		if (!conn)
			return -1;
		result = client_conn_exchange(conn, &x);
	}
	if (result == CLIENT_ANSWERED && call->id && answer_error(&x) == EPERM) {
		int error = prove(conn, call->id);

		if (error == 0) {
			result = client_conn_exchange(conn, &x);
		} else {
			x.error = error;
			snprintf(x.message, sizeof(x.message), "%s: possession of the descriptor could not be proved",
			         client_error_name(error));
		}
	}
	client_pool_give(conn);
	return result == CLIENT_ANSWERED ? finish(call, &x) : failed(call, result);
}

int client_rpc(const struct client_call *call)
{
	int state;

	/* A thread cancelled here would keep the connection for ever. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	int r = rpc(call);
	int error = errno;

	pthread_setcancelstate(state, NULL);
	errno = error;
	return r;
}

/* The authority over the socket outlasts its descriptor on this connection. The socket's id; 0: there will be no wait.
 */
static uint64_t linger_begin(struct client_conn *conn, const struct client_id *id)
{
	uint8_t buf[CLIENT_GRPC_PREFIX + CLIENT_REQUEST_MAX];
	const toynet_v1_LingerRequest request = {.has_socket = true, .socket = client_ref(id)};
	toynet_v1_LingerResponse response = toynet_v1_LingerResponse_init_zero;
	struct client_exchange x = {.path = SERVICE "Linger", .request = buf, .send_fd = -1};

	x.request_len = encode(buf, toynet_v1_LingerRequest_fields, &request);
	if (client_conn_exchange(conn, &x) != CLIENT_ANSWERED)
		return 0;
	if (answer_error(&x) == EPERM && prove(conn, id) == 0 && client_conn_exchange(conn, &x) != CLIENT_ANSWERED)
		return 0;
	if (answer_error(&x) != 0 || !decode(&x, toynet_v1_LingerResponse_fields, &response))
		return 0;
	return response.id;
}

/* Whatever ends the wait, the close has happened: there is no result. */
static void linger_end(struct client_conn *conn, uint64_t socket, unsigned seconds)
{
	uint8_t buf[CLIENT_GRPC_PREFIX + CLIENT_REQUEST_MAX];
	const toynet_v1_LingerRequest request = {.has_socket = true, .socket = {.id = socket}, .closed = true};
	struct client_exchange x = {.path = SERVICE "Linger",
	                            .request = buf,
	                            .send_fd = -1,
	                            .interruptible = true,
	                            .deadline_ms = client_now_ms() + (int64_t)seconds * 1000};

	x.request_len = encode(buf, toynet_v1_LingerRequest_fields, &request);
	client_conn_exchange(conn, &x);
}

int client_linger(const struct client_id *id, unsigned seconds)
{
	bool was_idle;
	int state, error = 0;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	struct client_conn *conn = client_pool_take(false, &was_idle);
	uint64_t socket = conn ? linger_begin(conn, id) : 0;
	if (SYS(close)(id->fd) < 0)
		error = errno;
	if (socket)
		linger_end(conn, socket, seconds);
	if (conn)
		client_pool_give(conn);
	pthread_setcancelstate(state, NULL);
	return error ? client_fail(error, "close: %s", strerror(error)) : 0;
}

int client_names(const struct client_id *id, toynet_v1_NamesResponse *names)
{
	const toynet_v1_SocketRef ref = client_ref(id);

	*names = (toynet_v1_NamesResponse)toynet_v1_NamesResponse_init_zero;
	return client_rpc(&(struct client_call){
	        .method = "GetNames",
	        .request_type = toynet_v1_SocketRef_fields,
	        .request = &ref,
	        .response_type = toynet_v1_NamesResponse_fields,
	        .response = names,
	        .id = id,
	});
}

int client_get_number(const struct client_id *id, toynet_v1_Option option, int64_t *number)
{
	const toynet_v1_GetOptionRequest request = {.has_socket = true, .socket = client_ref(id), .option = option};
	toynet_v1_GetOptionResponse response = toynet_v1_GetOptionResponse_init_zero;

	if (client_rpc(&(struct client_call){
	            .method = "GetOption",
	            .request_type = toynet_v1_GetOptionRequest_fields,
	            .request = &request,
	            .response_type = toynet_v1_GetOptionResponse_fields,
	            .response = &response,
	            .id = id,
	    }) < 0)
		return -1;
	*number = response.value.which_value == toynet_v1_OptionValue_number_tag ? response.value.value.number : 0;
	return 0;
}
