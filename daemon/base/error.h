/* Errors of the socket layer. They are Linux errno numbers, because that is what an application sees; one table gives
 * each its name and a text that says what happened. Functions of the core return 0 or one of these, positive. */
#ifndef TOYNET_BASE_ERROR_H
#define TOYNET_BASE_ERROR_H

#include <errno.h>

/* X(errno, gRPC status, text); the gRPC status as in rpc/grpc.h. */
#define TOYNET_ERRORS(X)                                                                                 \
	X(EACCES, PERMISSION_DENIED, "not allowed for this user")                                        \
	X(EADDRINUSE, ALREADY_EXISTS, "another socket has this address and port")                        \
	X(EADDRNOTAVAIL, INVALID_ARGUMENT, "the address is not one of this stack's, or no port is free") \
	X(EAFNOSUPPORT, INVALID_ARGUMENT, "the stack does not have this address family")                 \
	X(EAGAIN, UNAVAILABLE, "nothing to be done now; try again")                                      \
	X(EALREADY, FAILED_PRECONDITION, "a connection attempt is under way")                            \
	X(EBADF, INVALID_ARGUMENT, "no descriptor, or not that of this socket")                          \
	X(EBUSY, FAILED_PRECONDITION, "it belongs to something else, which needs it")                    \
	X(ECONNABORTED, ABORTED, "the connection was aborted")                                           \
	X(ECONNREFUSED, UNAVAILABLE, "the peer answered the SYN with a RST, or has nobody on this port") \
	X(ECONNRESET, ABORTED, "the peer reset the connection")                                          \
	X(EDESTADDRREQ, FAILED_PRECONDITION, "the socket has no peer and none was given")                \
	X(EDOM, INVALID_ARGUMENT, "the value is out of range")                                           \
	X(EEXIST, ALREADY_EXISTS, "it is there already")                                                 \
	X(EHOSTUNREACH, UNAVAILABLE, "the host does not answer, or a router says it cannot be reached")  \
	X(EINPROGRESS, FAILED_PRECONDITION, "the connection is being opened")                            \
	X(EINVAL, INVALID_ARGUMENT, "not valid for this socket in this state")                           \
	X(EISCONN, FAILED_PRECONDITION, "the socket is connected already")                               \
	X(EMFILE, RESOURCE_EXHAUSTED, "too many descriptors are open")                                   \
	X(EMSGSIZE, INVALID_ARGUMENT, "the datagram is too long")                                        \
	X(ENETUNREACH, UNAVAILABLE, "there is no route to the address")                                  \
	X(ENODEV, INVALID_ARGUMENT, "the stack has no interface with this address")                      \
	X(ENOBUFS, RESOURCE_EXHAUSTED, "no memory, or a quota is used up")                               \
	X(ENOENT, NOT_FOUND, "no such socket")                                                           \
	X(ENOPROTOOPT, UNIMPLEMENTED, "the option is not supported; nothing was changed")                \
	X(ENOTCONN, FAILED_PRECONDITION, "the socket is not connected")                                  \
	X(EOPNOTSUPP, FAILED_PRECONDITION, "not possible with this kind of socket")                      \
	X(EPERM, PERMISSION_DENIED, "the caller has not proved possession of the socket")                \
	X(EPIPE, FAILED_PRECONDITION, "the socket has been shut down for writing")                       \
	X(EPROTO, UNAVAILABLE, "the destination has no such protocol")                                   \
	X(ESRCH, NOT_FOUND, "there is no such entry")                                                    \
	X(ETIMEDOUT, DEADLINE_EXCEEDED, "the peer did not answer in time")

/* "ECONNREFUSED", or "E?" for a number that is not in the table. */
const char *error_name(int error);
/* The text of the table. */
const char *error_text(int error);

#endif
