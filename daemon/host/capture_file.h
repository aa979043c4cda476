/* A capture into a file, by configuration: a sink that is emptied at the end of each turn.
 *
 * What the file does not take at once (it is a pipe, say) waits in the sink, which counts what it has no room for. An
 * error ends the capture, and not the daemon. */
#ifndef TOYNET_HOST_CAPTURE_FILE_H
#define TOYNET_HOST_CAPTURE_FILE_H

#include "link/capture.h"

#define CAPTURE_FILE_BUFFER (256u << 10)

struct capture_file {
	struct capture_sink sink;
	struct capture *capture;
	const char *path;
	int fd;       /* -1: none */
	uint8_t *buf; /* CAPTURE_FILE_BUFFER: [at, len) is still to be written */
	size_t at, len;
};

/* Creates or truncates the file, for its owner only. False: errno says why. */
bool capture_file_create(struct capture_file *f, const char *path);
/* Begins to capture into it. 0, or an errno. */
int capture_file_start(struct capture_file *f, struct capture *c, const struct capture_options *o);
/* Writes the last block and closes the file. Nothing when there is none. */
void capture_file_close(struct capture_file *f);

#endif
