/* Writes whole lines with one write(2), so that lines of several processes on one terminal do not mix. */
#include "host/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void log_line(const char *fmt, ...)
{
	char line[LOG_LINE_MAX] = "toynetd: ";
	size_t used = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	used = strlen(line);
	line[used++] = '\n';
	/* A log that cannot be written is nobody's to hear about. */
	ssize_t written = write(STDERR_FILENO, line, used);
	(void)written;
}
