/* Who holds a socket: the processes with a descriptor of it, found as ss -p finds them. */
#ifndef CLI_HOLDERS_H
#define CLI_HOLDERS_H

#include "render.h"

/* The holders of one socket, in the order of pid and descriptor. */
struct holders {
	uint64_t inode; /* of the application's end; 0: none, and nothing is looked for */
	struct holder *list;
	size_t count;
};

/* Fills in the holders of the n sockets, by one walk over /proc. Processes that we may not look into are left out. The
 * caller frees each list with holders_free. */
void holders_find(struct holders *sockets, size_t n);
void holders_free(struct holders *sockets, size_t n);
/* A process name made safe for a terminal and for quotes: anything but printable ASCII, quote and backslash becomes
 * '?'. */
void holder_clean_name(char *to, size_t size, const char *name);

#endif
