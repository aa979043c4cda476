/* grpc.health.v1: a daemon that answers serves. Watch therefore has one thing to say, and then waits for its caller to
 * go. */
#include "grpc/health/v1/health.pb-c.h"
#include "rpc/methods.h"
#include <string.h>

static bool is_service(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return true;
	for (size_t i = 0; i < rpc_methods_count; i++) {
		const char *service = rpc_methods[i].path + 1;
		if (strncmp(service, name, len) == 0 && service[len] == '/')
			return true;
	}
	return false;
}

void health_check(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Grpc__Health__V1__HealthCheckRequest *r = (const Grpc__Health__V1__HealthCheckRequest *)request;
	Grpc__Health__V1__HealthCheckResponse m = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	(void)so;
	m.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	if (is_service(r->service))
		call_reply(c, &m.base);
	else
		call_fail(c, GRPC_NOT_FOUND, "no such service");
}

/* The cursor of a Watch call is the status that it has still to send; UNKNOWN: none. */
void health_watch(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Grpc__Health__V1__HealthCheckRequest *r = (const Grpc__Health__V1__HealthCheckRequest *)request;

	(void)so;
	c->cursor = is_service(r->service) ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
	                                   : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
	call_stream(c);
}

enum produced health_watch_produce(struct call *c)
{
	Grpc__Health__V1__HealthCheckResponse m = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	if (c->cursor == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN)
		return PRODUCE_WAIT;
	m.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)c->cursor;
	c->cursor = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN;
	return call_append(c, &m.base) ? PRODUCE_MORE : PRODUCE_END;
}
