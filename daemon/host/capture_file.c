/* See capture_file.h. */
#include "host/capture_file.h"
#include "host/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(CAPTURE_FILE_BUFFER >= CAPTURE_BLOCK_MAX, "a block fits");

static void let_go(struct capture_file *f)
{
	if (f->capture)
		capture_close(f->capture, &f->sink);
	if (f->fd >= 0)
		close(f->fd);
	free(f->buf);
	*f = (struct capture_file){.fd = -1};
}

/* False: the file takes no more, now (EAGAIN) or ever. */
static bool write_out(struct capture_file *f)
{
	while (f->at < f->len) {
		ssize_t n = write(f->fd, f->buf + f->at, f->len - f->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		f->at += (size_t)n;
	}
	return true;
}

static void drain(struct capture_file *f)
{
	while (write_out(f)) {
		f->at = 0;
		f->len = capture_take(&f->sink, f->buf, CAPTURE_FILE_BUFFER);
		if (f->len == 0)
			return;
	}
	if (errno == EAGAIN)
		return;
	log_line("capture file %s: %s; the capture has ended", f->path, strerror(errno));
	let_go(f);
}

static void ready(void *ctx)
{
	drain(ctx);
}

bool capture_file_create(struct capture_file *f, const char *path)
{
	*f = (struct capture_file){.path = path};
	f->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);
	f->buf = malloc(CAPTURE_FILE_BUFFER);
	if (f->fd >= 0 && f->buf)
		return true;
	int error = errno;
	let_go(f);
	errno = error;
	return false;
}

int capture_file_start(struct capture_file *f, struct capture *c, const struct capture_options *o)
{
	f->sink.ready = ready;
	f->sink.ctx = f;
	int err = capture_open(c, &f->sink, o);
	if (err == 0)
		f->capture = c;
	return err;
}

void capture_file_close(struct capture_file *f)
{
	if (f->capture) {
		capture_end(f->capture, &f->sink);
		drain(f);
	}
	let_go(f);
}
