/* Options of toynet's own, for what Linux has no socket option for: level SOL_TOYNET, each value an int.
 *
 *     int off = 0;
 *     toynet_setsockopt(fd, SOL_TOYNET, TOYNET_TCP_TIMESTAMPS, &off, sizeof(off));
 *
 * A new socket has the values of the daemon's configuration; a connection that is accepted has its listener's. errno:
 * EINVAL (out of range), EISCONN (agreed on when the connection is opened, and it has been). */
#ifndef TOYNET_OPTIONS_H
#define TOYNET_OPTIONS_H

#define SOL_TOYNET 0x746e

/* Before connect, or on a listener. They read as what is wished, and on a connection as what was agreed. */
#define TOYNET_TCP_TIMESTAMPS     1 /* 0 or 1: RFC 7323 */
#define TOYNET_TCP_SACK           2 /* 0 or 1: RFC 2018 */
#define TOYNET_TCP_WINDOW_SCALING 3 /* 0 or 1: RFC 7323 */
#define TOYNET_TCP_ECN            4 /* one of the following: RFC 3168 */
#define TOYNET_ECN_OFF            0
#define TOYNET_ECN_PASSIVE        1 /* agreed to, not asked for */
#define TOYNET_ECN_ON             2
#define TOYNET_TCP_INITIAL_WINDOW 5 /* segments, 1 to 100: RFC 6928 */
/* At any time. */
#define TOYNET_TCP_DELACK    6 /* milliseconds, 0 to 499: longest delay of an acknowledgment */
#define TOYNET_TCP_TIME_WAIT 7 /* milliseconds, 0 to 3,600,000: length of TIME-WAIT */
/* Datagram sockets, at any time. */
#define TOYNET_UDP_REQUIRE_CHECKSUM 8 /* 0 or 1, UDP: datagrams that come without a checksum are dropped */
#define TOYNET_ADVISE_DEAD \
	9 /* 1: nothing comes back from the connected peer; its next hop is asked again. Write only */

#endif
