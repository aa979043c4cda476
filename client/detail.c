/* What went wrong, in words: one buffer for each thread, written by the call that fails. */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_MAX 320

static _Thread_local char detail[DETAIL_MAX];

int client_fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	errno = error;
	return -1;
}

const char *client_error_name(int error)
{
	static _Thread_local char unnamed[24];
	const char *name = strerrorname_np(error);

	if (name)
		return name;
	snprintf(unnamed, sizeof(unnamed), "errno %d", error);
	return unnamed;
}

const char *toynet_error_detail(void)
{
	return detail[0] ? detail : "no call of this thread has failed";
}
