/* What every verb needs: messages, memory, and calls that report their own failure.
 *
 * Theory of operation. An error is one line on standard error that says what failed and what to do; the exit status
 * tells usage, a refused call and a missing daemon apart. The connection is made at the first call, so that what needs
 * no daemon works without one. */
#include "cli.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <toynet/descriptor.h>

static void print_line(const char *prefix, const char *format, va_list ap)
{
	fprintf(stderr, "toynetctl%s%s: ", prefix ? " " : "", prefix ? prefix : "");
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

enum exit_status cli_usage(const char *verb, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_line(verb, format, ap);
	va_end(ap);
	fprintf(stderr, "Try: toynetctl %s%s--help\n", verb ? verb : "", verb ? " " : "");
	return EXIT_USAGE;
}

enum exit_status cli_fail(enum exit_status status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_line(NULL, format, ap);
	va_end(ap);
	return status;
}

void *cli_realloc(void *p, size_t n, size_t size)
{
	void *q = reallocarray(p, n, size);

	if (!q && n && size)
		exit((int)cli_fail(EXIT_CALL, "out of memory"));
	return q;
}

void *cli_alloc(size_t n, size_t size)
{
	void *p = cli_realloc(NULL, n, size);

	if (p)
		memset(p, 0, n * size);
	return p;
}

enum exit_status cli_connect(struct cli *c)
{
	const char *advice = "";

	if (c->rpc)
		return EXIT_OK;
	c->rpc = rpc_open(c->socket_path);
	if (c->rpc)
		return EXIT_OK;
	if (errno == ENOENT || errno == ECONNREFUSED)
		advice = ": no toynetd listens there; start it, or name its socket with --socket PATH or "
		         "$" TOYNET_SOCKET_ENV;
	else if (errno == EACCES || errno == EPERM)
		advice = ": become root or a member of the group that owns the socket";
	return cli_fail(EXIT_NO_DAEMON, "%s: %s%s", c->socket_path, strerror(errno), advice);
}

struct decoder {
	const ProtobufCMessageDescriptor *type;
	void (*each)(void *ctx, const ProtobufCMessage *message);
	void *ctx;
	ProtobufCMessage *last;
	bool keep; /* keep the last message instead of handing each one over */
};

static bool decode(void *ctx, const uint8_t *bytes, size_t len)
{
	struct decoder *d = ctx;
	ProtobufCMessage *m = protobuf_c_message_unpack(d->type, NULL, len, bytes);

	if (!m)
		return false;
	if (d->keep) {
		if (d->last)
			protobuf_c_message_free_unpacked(d->last, NULL);
		d->last = m;
	} else {
		d->each(d->ctx, m);
		protobuf_c_message_free_unpacked(m, NULL);
	}
	return true;
}

static enum exit_status call(struct cli *c, const char *method, const ProtobufCMessage *request, struct decoder *d)
{
	struct rpc_result result;
	enum exit_status status = cli_connect(c);

	if (status != EXIT_OK)
		return status;
	if (rpc_call(c->rpc, method, request, decode, d, &result))
		return EXIT_OK;
	if (result.status < 0)
		return cli_fail(EXIT_NO_DAEMON, "%s: %s", c->socket_path, result.text);
	if (result.status == RPC_STATUS_PERMISSION_DENIED)
		return cli_fail(EXIT_CALL, "permission denied: %s (become root or a member of the group toynet)",
		                result.text);
	if (result.status == RPC_STATUS_UNIMPLEMENTED)
		return cli_fail(EXIT_CALL, "this toynetd does not know the call %s: is it older than toynetctl?",
		                method);
	return cli_fail(EXIT_CALL, "%s (gRPC status %d)", *result.text ? result.text : "the call failed",
	                result.status);
}

enum exit_status cli_call(struct cli *c, const char *method, const ProtobufCMessage *request,
                          const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer)
{
	struct decoder d = {.type = type, .keep = true};
	enum exit_status status = call(c, method, request, &d);

	if (status == EXIT_OK && !d.last)
		return cli_fail(EXIT_CALL, "%s: the daemon answered without a message", method);
	if (status != EXIT_OK && d.last)
		protobuf_c_message_free_unpacked(d.last, NULL);
	else
		*answer = d.last;
	return status;
}

enum exit_status cli_stream(struct cli *c, const char *method, const ProtobufCMessage *request,
                            const ProtobufCMessageDescriptor *type,
                            void (*each)(void *ctx, const ProtobufCMessage *message), void *ctx)
{
	struct decoder d = {.type = type, .each = each, .ctx = ctx};

	return call(c, method, request, &d);
}
