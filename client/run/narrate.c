/* What toynet-run -v tells: one line for each call that toynet took over. */
#include "run/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

bool run_verbose(void)
{
	static int verbose = -1;

	if (verbose < 0) {
		const char *text = sys_environment(RUN_VERBOSE_ENV);
		verbose = text && text[0] && text[0] != '0';
	}
	return verbose;
}

void run_tell(const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	const int saved = errno;
	va_list args;

	if (!run_verbose() || run_confined())
		return;
	int head = snprintf(line, sizeof(line), "toynet-run[%d]: ", (int)getpid());
	va_start(args, format);
	int n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
	va_end(args);
	size_t len = (size_t)head + (size_t)(n < 0 ? 0 : n);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (SYS(write)(STDERR_FILENO, line, len) < 0)
		errno = saved;
	errno = saved;
}
