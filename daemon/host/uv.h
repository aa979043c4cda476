/* libuv, without the names of netinet/tcp.h: uv.h includes that file for nothing we use, and its TCP_ESTABLISHED and
 * kin would collide with the stack's. Its own include guard keeps it out. */
#ifndef TOYNET_HOST_UV_H
#define TOYNET_HOST_UV_H

/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the guard is what is meant. */
#define _NETINET_TCP_H 1
#include <uv.h>

#endif
