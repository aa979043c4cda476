/* Addresses in their three shapes: struct sockaddr_in (the program), text and port (the control plane), 20 bytes (the
 * records on a descriptor). */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int client_address_parse(const struct sockaddr *addr, socklen_t len, struct sockaddr_in *out)
{
	if (!addr || len < sizeof(*out))
		return client_fail(EINVAL, "the address has %u bytes; a struct sockaddr_in has %zu", len, sizeof(*out));
	memcpy(out, addr, sizeof(*out));
	if (out->sin_family != AF_INET)
		return client_fail(EAFNOSUPPORT, "the address is of family %d; this library knows AF_INET",
		                   out->sin_family);
	return 0;
}

void client_address_to_message(const struct sockaddr_in *in, toynet_v1_Address *out)
{
	*out = (toynet_v1_Address)toynet_v1_Address_init_zero;
	inet_ntop(AF_INET, &in->sin_addr, out->ip, sizeof(out->ip));
	out->port = ntohs(in->sin_port);
}

int client_address_from_message(const toynet_v1_Address *in, struct sockaddr_in *out)
{
	*out = (struct sockaddr_in){.sin_family = AF_INET};
	if ((in->ip[0] && inet_pton(AF_INET, in->ip, &out->sin_addr) != 1) || in->port > UINT16_MAX)
		return client_fail(EPROTO, "the daemon sent the address \"%s\" port %u", in->ip, in->port);
	out->sin_port = htons((uint16_t)in->port);
	return 0;
}

void client_address_to_wire(const struct sockaddr_in *in, struct toynet_wire_addr *out)
{
	*out = (struct toynet_wire_addr){.family = 4, .port = ntohs(in->sin_port)};
	memcpy(out->ip, &in->sin_addr, sizeof(in->sin_addr));
}

bool client_address_from_wire(const struct toynet_wire_addr *in, struct sockaddr_in *out)
{
	*out = (struct sockaddr_in){.sin_family = AF_INET};
	if (in->family == 0)
		return true;
	if (in->family != 4)
		return false;
	out->sin_port = htons(in->port);
	memcpy(&out->sin_addr, in->ip, sizeof(out->sin_addr));
	return true;
}

void client_address_store(const struct sockaddr_in *in, struct sockaddr *addr, socklen_t *len)
{
	if (!addr || !len)
		return;
	memcpy(addr, in, *len < sizeof(*in) ? *len : sizeof(*in));
	*len = sizeof(*in);
}
