/* Addresses in their three shapes: struct sockaddr_in and sockaddr_in6 (the program), text and port (the control
 * plane), 20 bytes (the records on a descriptor). */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define IN6_LEN_MIN 24 /* as the kernel: a struct sockaddr_in6 of RFC 2133, without the scope */

int client_address_parse(const struct sockaddr *addr, socklen_t len, union client_address *out)
{
	*out = (union client_address){0};
	if (!addr || len < sizeof(struct sockaddr_in))
		return client_fail(EINVAL, "the address has %u bytes; a struct sockaddr_in has %zu", len,
		                   sizeof(struct sockaddr_in));
	memcpy(out, addr, len < sizeof(*out) ? len : sizeof(*out));
	if (out->family == AF_INET6 && len < IN6_LEN_MIN)
		return client_fail(EINVAL, "the address has %u bytes; a struct sockaddr_in6 has %zu", len,
		                   sizeof(struct sockaddr_in6));
	if (out->family != AF_INET && out->family != AF_INET6)
		return client_fail(EAFNOSUPPORT, "the address is of family %d; this library knows AF_INET and AF_INET6",
		                   out->family);
	return 0;
}

void client_address_to_message(const union client_address *in, toynet_v1_Address *out)
{
	*out = (toynet_v1_Address)toynet_v1_Address_init_zero;
	if (in->family == AF_INET6)
		inet_ntop(AF_INET6, &in->in6.sin6_addr, out->ip, sizeof(out->ip));
	else
		inet_ntop(AF_INET, &in->in.sin_addr, out->ip, sizeof(out->ip));
	out->port = ntohs(in->family == AF_INET6 ? in->in6.sin6_port : in->in.sin_port);
}

int client_address_from_message(const toynet_v1_Address *in, union client_address *out)
{
	const bool six = strchr(in->ip, ':') != NULL;
	void *ip = six ? (void *)&out->in6.sin6_addr : (void *)&out->in.sin_addr;

	*out = (union client_address){.in6 = {.sin6_family = six ? AF_INET6 : AF_INET}};
	if ((in->ip[0] && inet_pton(out->family, in->ip, ip) != 1) || in->port > UINT16_MAX)
		return client_fail(EPROTO, "the daemon sent the address \"%s\" port %u", in->ip, in->port);
	if (six)
		out->in6.sin6_port = htons((uint16_t)in->port);
	else
		out->in.sin_port = htons((uint16_t)in->port);
	return 0;
}

void client_address_to_wire(const union client_address *in, struct toynet_wire_addr *out)
{
	if (in->family == AF_INET6) {
		*out = (struct toynet_wire_addr){.family = 6, .port = ntohs(in->in6.sin6_port)};
		memcpy(out->ip, &in->in6.sin6_addr, sizeof(in->in6.sin6_addr));
	} else {
		*out = (struct toynet_wire_addr){.family = 4, .port = ntohs(in->in.sin_port)};
		memcpy(out->ip, &in->in.sin_addr, sizeof(in->in.sin_addr));
	}
}

bool client_address_from_wire(const struct toynet_wire_addr *in, union client_address *out)
{
	*out = (union client_address){.in6 = {.sin6_family = in->family == 6 ? AF_INET6 : AF_INET}};
	if (in->family == 4) {
		out->in.sin_port = htons(in->port);
		memcpy(&out->in.sin_addr, in->ip, sizeof(out->in.sin_addr));
	} else if (in->family == 6) {
		out->in6.sin6_port = htons(in->port);
		memcpy(&out->in6.sin6_addr, in->ip, sizeof(out->in6.sin6_addr));
	}
	return in->family == 0 || in->family == 4 || in->family == 6;
}

void client_address_store(const union client_address *in, struct sockaddr *addr, socklen_t *len)
{
	const socklen_t size = in->family == AF_INET6 ? sizeof(in->in6) : sizeof(in->in);

	if (!addr || !len)
		return;
	memcpy(addr, in, *len < size ? *len : size);
	*len = size;
}
