/* What only the kernel's socket diagnostics know about a Unix socket pair: whether the other end still exists, and how
 * many unread bytes an end holds.
 *
 * A descriptor cannot tell a closed peer from one that was shut down both ways: poll shows HUP for both. unix_diag can:
 * a peer without inode is gone. A question is one send and one receive, answered at once; the kernel walks its table of
 * Unix sockets for it, so ask on edges only. */
#ifndef TOYNET_HOST_DIAG_H
#define TOYNET_HOST_DIAG_H

#include <stdbool.h>
#include <stdint.h>

/* A netlink descriptor, or -1 and errno. Proves that the kernel answers. */
int diag_open(void);
/* Is the socket at the other end of `fd` gone? False too when the kernel does not answer. */
bool diag_peer_gone(int diag, int fd);
/* Bytes in the receive queue of the Unix socket with this inode; 0 when there is no such socket. */
uint32_t diag_unread(int diag, uint64_t inode);

#endif
