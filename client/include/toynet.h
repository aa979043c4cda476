/* libtoynet: sockets of toynetd, the TCP/IP stack as a service.
 *
 * The calls mirror those of the sockets API, with the same arguments, results, errno values and blocking behaviour; only
 * the stack below is another. A descriptor returned here is a real one: read, write, poll, select, epoll, dup, fork, exec,
 * sendfile, splice and passing it to another process work on a stream socket as they are. What the kernel cannot know about it
 * goes through the calls below: addresses, options, connect, listen, accept, datagrams, and the errors of a connection that ended.
 *
 * Every call is safe to use from several threads, and after fork in both processes. The daemon is found at
 * $TOYNET_SOCKET, else at /run/toynet/toynet.sock. */
#ifndef TOYNET_H
#define TOYNET_H

#include <netdb.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <toynet/options.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TOYNET_VERSION "0.1.0"

/* Allocates a socket in its initial state. domain: AF_INET, or AF_INET6 for one that reaches IPv4 hosts by addresses
 * ::ffff:a.b.c.d, as on a dual-stack kernel (TCP and UDP; see libtoynet(3)); type: SOCK_STREAM, SOCK_DGRAM or SOCK_RAW, with SOCK_NONBLOCK and
 * SOCK_CLOEXEC; protocol: 0, IPPROTO_TCP, IPPROTO_UDP; with SOCK_DGRAM also IPPROTO_ICMP, a ping socket as icmp(7) has it; with
 * SOCK_RAW any but 0, for root and the group toynet. Returns a descriptor that the caller closes with close(2), or -1.
 * errno: EAFNOSUPPORT, EPROTONOSUPPORT, EINVAL, EMFILE, ENOBUFS (quota), ENOENT or ECONNREFUSED (no daemon),
 * EACCES (the control socket's permissions), EPERM (raw), EPROTO (not a toynetd). */
int toynet_socket(int domain, int type, int protocol);
/* errno: EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT, EACCES, EBADF, ENOTSOCK. */
int toynet_bind(int fd, const struct sockaddr *addr, socklen_t len);
/* Blocking: returns when the connection stands or has failed. Non-blocking: EINPROGRESS, then poll for POLLOUT and read
 * SO_ERROR with toynet_getsockopt. EINTR leaves the attempt under way. AF_UNSPEC dissolves a datagram socket's association.
 * errno: ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EISCONN, EALREADY, EADDRNOTAVAIL, EADDRINUSE, EINPROGRESS. */
int toynet_connect(int fd, const struct sockaddr *addr, socklen_t len);
/* errno: EADDRINUSE, EINVAL, EOPNOTSUPP. */
int toynet_listen(int fd, int backlog);
/* Waits for a connection unless fd is non-blocking; the listener polls readable when one is there. flags: SOCK_NONBLOCK, SOCK_CLOEXEC.
 * errno: EAGAIN, EINTR, EMFILE (the connection stays queued), EINVAL (not listening), ECONNABORTED. */
int toynet_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int toynet_accept(int fd, struct sockaddr *addr, socklen_t *len);
/* errno: EINVAL, ENOTCONN (getpeername). */
int toynet_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int toynet_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
/* Supported: SOL_SOCKET SO_REUSEADDR SO_REUSEPORT SO_TYPE SO_ERROR SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_LINGER SO_ACCEPTCONN SO_DOMAIN
 * SO_PROTOCOL SO_KEEPALIVE SO_RCVTIMEO SO_SNDTIMEO SO_OOBINLINE SO_TIMESTAMP SO_TIMESTAMPNS SO_RXQ_OVFL SO_MEMINFO
 * SO_NO_CHECK SO_BINDTODEVICE (always empty); IPPROTO_IP IP_TOS IP_TTL IP_OPTIONS IP_MTU IP_MTU_DISCOVER IP_PKTINFO IP_RECVTTL IP_RECVTOS IP_RECVOPTS
 * IP_RETOPTS IP_RECVERR IP_MULTICAST_IF
 * IP_MULTICAST_TTL IP_MULTICAST_LOOP IP_MULTICAST_ALL IP_ADD_MEMBERSHIP IP_DROP_MEMBERSHIP IP_ADD_SOURCE_MEMBERSHIP
 * IP_DROP_SOURCE_MEMBERSHIP IP_BLOCK_SOURCE IP_UNBLOCK_SOURCE IP_HDRINCL; IPPROTO_IPV6 IPV6_V6ONLY IPV6_UNICAST_HOPS
 * IPV6_TCLASS IPV6_RECVPKTINFO IPV6_RECVHOPLIMIT IPV6_RECVTCLASS IPV6_RECVERR IPV6_MTU_DISCOVER IPV6_MTU; SOL_RAW ICMP_FILTER; IPPROTO_TCP TCP_NODELAY TCP_MAXSEG TCP_KEEPIDLE
 * TCP_KEEPINTVL TCP_KEEPCNT TCP_USER_TIMEOUT TCP_CONGESTION (cubic, reno; else ENOENT) TCP_INFO TCP_CORK TCP_QUICKACK
 * TCP_SYNCNT TCP_LINGER2 TCP_WINDOW_CLAMP; SOL_TOYNET those of <toynet/options.h>.
 * Any other: ENOPROTOOPT, and nothing is changed. */
int toynet_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int toynet_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
/* how: SHUT_RD, SHUT_WR, SHUT_RDWR. errno: ENOTCONN, EINVAL. */
int toynet_shutdown(int fd, int how);

/* Sending and receiving. flags: MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, MSG_WAITALL (streams), MSG_TRUNC and
 * MSG_ERRQUEUE (datagrams), MSG_OOB (streams: one urgent byte; EOPNOTSUPP from a kernel whose AF_UNIX sockets lack it).
 * On a stream read(2) and write(2) work as well; these calls differ from them in one point: where the connection
 * has ended by an error they report it (ECONNRESET, ETIMEDOUT, ...), where the kernel could only say end-of-file or EPIPE. */
ssize_t toynet_send(int fd, const void *buf, size_t len, int flags);
ssize_t toynet_recv(int fd, void *buf, size_t len, int flags);
ssize_t toynet_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen);
ssize_t toynet_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen);
/* With control messages on datagram sockets (a stream takes none, EINVAL). To be sent: IP_PKTINFO (source address and
 * interface), IP_TTL, IP_TOS, IP_RETOPTS, IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS; any other is EINVAL. Received: what
 * was asked for by IP_PKTINFO, IP_RECVTTL, IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IP_RECVTOS, IP_RECVOPTS, IP_RETOPTS, SO_TIMESTAMP, SO_TIMESTAMPNS, SO_RXQ_OVFL; with MSG_ERRQUEUE the report of
 * IP_RECVERR, see libtoynet(3). At most 1022 parts. errno: EMSGSIZE, EINVAL, ENODEV (interface), EPERM (a source route). */
ssize_t toynet_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t toynet_recvmsg(int fd, struct msghdr *msg, int flags);
/* Several at once: return how many, or -1 when the first fails. timeout is looked at after each datagram, as the kernel
 * does; flags: also MSG_WAITFORONE. */
struct mmsghdr;
struct timespec;
int toynet_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int toynet_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
/* close(2); with SO_LINGER and a time it waits until the peer has acknowledged all, at most so long, see libtoynet(3). */
int toynet_close(int fd);

/* Names. The servers and the search list are the daemon's: those of its configuration, or of DHCP; where it has none,
 * those of /etc/resolv.conf. Queries go over toynet's own sockets; the hosts file comes first. Answers are kept in the
 * process as long as their TTL allows. Results and errors are those of getaddrinfo(3) and getnameinfo(3): 0 or EAI_*,
 * EAI_SYSTEM with errno; toynet_error_detail tells more. */
int toynet_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res);
/* The same, in at most timeout_ms milliseconds (below 0: 15,000, as above); then EAI_AGAIN. */
int toynet_getaddrinfo_timeout(const char *node, const char *service, const struct addrinfo *hints, int timeout_ms,
                               struct addrinfo **res);
void toynet_freeaddrinfo(struct addrinfo *res);
int toynet_getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen, char *service,
                       socklen_t servicelen, int flags);
const char *toynet_gai_strerror(int error);
/* Resolves host and opens a TCP connection to the first of its addresses that answers: they are tried in the order of
 * RFC 8305, one beside the other after 250 ms. service: a port or a name of /etc/services. flags: SOCK_NONBLOCK,
 * SOCK_CLOEXEC. timeout_ms: for all of it; below 0: none but the resolver's and TCP's own. Returns a descriptor, or -1;
 * toynet_error_detail tells which stage failed. errno: ENXIO (no such name, or none with an address), ETIMEDOUT, EINVAL,
 * EINTR, and those of toynet_socket and toynet_connect. */
int toynet_connect_host(const char *host, const char *service, int flags, int timeout_ms);

/* What the last failing call of this thread found, in words: which stage failed, and what to do. Never NULL; valid until
 * the thread's next call. */
const char *toynet_error_detail(void);

#ifdef __cplusplus
}
#endif
#endif
