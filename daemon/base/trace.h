/* Trace events: what the stack tells its env when it decides something. The sink gets every frame in and out, every TCP
 * state transition, and every drop with its reason (the name of its counter). */
#ifndef TOYNET_BASE_TRACE_H
#define TOYNET_BASE_TRACE_H

#include "base/counters.h"
#include "base/env.h"

enum trace_kind {
	TRACE_FRAME_IN,
	TRACE_FRAME_OUT,
	TRACE_DROP,       /* reason */
	TRACE_TRANSITION, /* socket, from, to, why */
	TRACE_RESET,      /* socket or 0; why: a RST was sent, or ended a connection */
};

struct trace_event {
	enum trace_kind kind;
	enum counter reason; /* TRACE_DROP */
	uint64_t socket;     /* id, 0 when none */
	const void *bytes;   /* TRACE_FRAME_IN, TRACE_FRAME_OUT: the headers, at least; valid during the call */
	size_t len;          /* of bytes */
	size_t frame_len;    /* whole */
	uint8_t from, to;    /* TRACE_TRANSITION: enum tcp_state */
	const char *why;     /* static text, or NULL */
};

static inline void trace_emit(const struct env *env, const struct trace_event *ev)
{
	if (env->trace)
		env->trace(env->trace_ctx, ev);
}

#endif
