/* The daemon's log: one line to standard error for each thing worth saying, "toynetd: " in front. Whoever runs the
 * daemon (systemd, a shell) keeps the lines. */
#ifndef TOYNET_HOST_LOG_H
#define TOYNET_HOST_LOG_H

/* One line; no newline in fmt. A line is cut at LOG_LINE_MAX bytes. */
#define LOG_LINE_MAX 512
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
