/* Socket options: one table says which exist, how their value looks in C, and what they are in the control plane.
 *
 * Theory of operation. An option that the table lacks is ENOPROTOOPT, whatever the kernel would make of it on the
 * descriptor: a value that is silently ignored is worse than an error. */
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <linux/icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <toynet/options.h>

static const struct client_option options[] = {
        {SOL_SOCKET, SO_REUSEADDR, CLIENT_OPTION_INT, toynet_v1_Option_SO_REUSEADDR},
        {SOL_SOCKET, SO_REUSEPORT, CLIENT_OPTION_INT, toynet_v1_Option_SO_REUSEPORT},
        {SOL_SOCKET, SO_TYPE, CLIENT_OPTION_INT, toynet_v1_Option_SO_TYPE},
        {SOL_SOCKET, SO_ERROR, CLIENT_OPTION_INT, toynet_v1_Option_SO_ERROR},
        {SOL_SOCKET, SO_BROADCAST, CLIENT_OPTION_INT, toynet_v1_Option_SO_BROADCAST},
        {SOL_SOCKET, SO_SNDBUF, CLIENT_OPTION_INT, toynet_v1_Option_SO_SNDBUF},
        {SOL_SOCKET, SO_RCVBUF, CLIENT_OPTION_INT, toynet_v1_Option_SO_RCVBUF},
        {SOL_SOCKET, SO_LINGER, CLIENT_OPTION_LINGER, toynet_v1_Option_SO_LINGER},
        {SOL_SOCKET, SO_ACCEPTCONN, CLIENT_OPTION_INT, toynet_v1_Option_SO_ACCEPTCONN},
        {SOL_SOCKET, SO_DOMAIN, CLIENT_OPTION_INT, toynet_v1_Option_SO_DOMAIN},
        {SOL_SOCKET, SO_PROTOCOL, CLIENT_OPTION_INT, toynet_v1_Option_SO_PROTOCOL},
        {SOL_SOCKET, SO_KEEPALIVE, CLIENT_OPTION_INT, toynet_v1_Option_SO_KEEPALIVE},
        {SOL_SOCKET, SO_TIMESTAMP, CLIENT_OPTION_INT, toynet_v1_Option_SO_TIMESTAMP},
        {SOL_SOCKET, SO_TIMESTAMPNS, CLIENT_OPTION_INT, toynet_v1_Option_SO_TIMESTAMPNS},
        {SOL_SOCKET, SO_RXQ_OVFL, CLIENT_OPTION_INT, toynet_v1_Option_SO_RXQ_OVFL},
        {SOL_SOCKET, SO_NO_CHECK, CLIENT_OPTION_INT, toynet_v1_Option_SO_NO_CHECK},
        {SOL_SOCKET, SO_MEMINFO, CLIENT_OPTION_RAW, toynet_v1_Option_SO_MEMINFO},
        {SOL_SOCKET, SO_RCVTIMEO, CLIENT_OPTION_NATIVE, toynet_v1_Option_OPTION_UNSPECIFIED},
        {SOL_SOCKET, SO_SNDTIMEO, CLIENT_OPTION_NATIVE, toynet_v1_Option_OPTION_UNSPECIFIED},
        {SOL_SOCKET, SO_BINDTODEVICE, CLIENT_OPTION_NATIVE, toynet_v1_Option_OPTION_UNSPECIFIED},
        {SOL_SOCKET, SO_OOBINLINE, CLIENT_OPTION_NATIVE, toynet_v1_Option_OPTION_UNSPECIFIED},
        {IPPROTO_IP, IP_TOS, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_TOS},
        {IPPROTO_IP, IP_TTL, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_TTL},
        {IPPROTO_IP, IP_MULTICAST_IF, CLIENT_OPTION_RAW, toynet_v1_Option_IP_MULTICAST_IF},
        {IPPROTO_IP, IP_MULTICAST_TTL, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_MULTICAST_TTL},
        {IPPROTO_IP, IP_MULTICAST_LOOP, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_MULTICAST_LOOP},
        {IPPROTO_IP, IP_MULTICAST_ALL, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_MULTICAST_ALL},
        {IPPROTO_IP, IP_ADD_MEMBERSHIP, CLIENT_OPTION_RAW, toynet_v1_Option_IP_ADD_MEMBERSHIP},
        {IPPROTO_IP, IP_DROP_MEMBERSHIP, CLIENT_OPTION_RAW, toynet_v1_Option_IP_DROP_MEMBERSHIP},
        {IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, CLIENT_OPTION_RAW, toynet_v1_Option_IP_ADD_SOURCE_MEMBERSHIP},
        {IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, CLIENT_OPTION_RAW, toynet_v1_Option_IP_DROP_SOURCE_MEMBERSHIP},
        {IPPROTO_IP, IP_BLOCK_SOURCE, CLIENT_OPTION_RAW, toynet_v1_Option_IP_BLOCK_SOURCE},
        {IPPROTO_IP, IP_UNBLOCK_SOURCE, CLIENT_OPTION_RAW, toynet_v1_Option_IP_UNBLOCK_SOURCE},
        {IPPROTO_IP, IP_HDRINCL, CLIENT_OPTION_INT, toynet_v1_Option_IP_HDRINCL},
        {SOL_RAW, ICMP_FILTER, CLIENT_OPTION_RAW, toynet_v1_Option_ICMP_FILTER},
        {IPPROTO_IP, IP_OPTIONS, CLIENT_OPTION_RAW, toynet_v1_Option_IP_OPTIONS},
        {IPPROTO_IP, IP_MTU_DISCOVER, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_MTU_DISCOVER},
        {IPPROTO_IP, IP_MTU, CLIENT_OPTION_INT, toynet_v1_Option_IP_MTU},
        {IPPROTO_IP, IP_PKTINFO, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_PKTINFO},
        {IPPROTO_IP, IP_RECVTTL, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_RECVTTL},
        {IPPROTO_IP, IP_RECVTOS, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_RECVTOS},
        {IPPROTO_IP, IP_RECVOPTS, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_RECVOPTS},
        {IPPROTO_IP, IP_RETOPTS, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_RETOPTS},
        {IPPROTO_IP, IP_RECVERR, CLIENT_OPTION_SMALL, toynet_v1_Option_IP_RECVERR},
        {IPPROTO_IPV6, IPV6_V6ONLY, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_V6ONLY},
        {IPPROTO_IPV6, IPV6_UNICAST_HOPS, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_UNICAST_HOPS},
        {IPPROTO_IPV6, IPV6_TCLASS, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_TCLASS},
        {IPPROTO_IPV6, IPV6_RECVPKTINFO, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_RECVPKTINFO},
        {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_RECVHOPLIMIT},
        {IPPROTO_IPV6, IPV6_RECVTCLASS, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_RECVTCLASS},
        {IPPROTO_IPV6, IPV6_RECVERR, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_RECVERR},
        {IPPROTO_IPV6, IPV6_MTU_DISCOVER, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_MTU_DISCOVER},
        {IPPROTO_IPV6, IPV6_MTU, CLIENT_OPTION_INT, toynet_v1_Option_IPV6_MTU},
        {IPPROTO_TCP, TCP_NODELAY, CLIENT_OPTION_INT, toynet_v1_Option_TCP_NODELAY},
        {IPPROTO_TCP, TCP_MAXSEG, CLIENT_OPTION_INT, toynet_v1_Option_TCP_MAXSEG},
        {IPPROTO_TCP, TCP_KEEPIDLE, CLIENT_OPTION_INT, toynet_v1_Option_TCP_KEEPIDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL, CLIENT_OPTION_INT, toynet_v1_Option_TCP_KEEPINTVL},
        {IPPROTO_TCP, TCP_KEEPCNT, CLIENT_OPTION_INT, toynet_v1_Option_TCP_KEEPCNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, CLIENT_OPTION_INT, toynet_v1_Option_TCP_USER_TIMEOUT},
        {IPPROTO_TCP, TCP_CONGESTION, CLIENT_OPTION_TEXT, toynet_v1_Option_TCP_CONGESTION},
        {IPPROTO_TCP, TCP_INFO, CLIENT_OPTION_INFO, toynet_v1_Option_TCP_INFO},
        {IPPROTO_TCP, TCP_CORK, CLIENT_OPTION_INT, toynet_v1_Option_TCP_CORK},
        {IPPROTO_TCP, TCP_QUICKACK, CLIENT_OPTION_INT, toynet_v1_Option_TCP_QUICKACK},
        {IPPROTO_TCP, TCP_SYNCNT, CLIENT_OPTION_INT, toynet_v1_Option_TCP_SYNCNT},
        {IPPROTO_TCP, TCP_LINGER2, CLIENT_OPTION_INT, toynet_v1_Option_TCP_LINGER2},
        {IPPROTO_TCP, TCP_WINDOW_CLAMP, CLIENT_OPTION_INT, toynet_v1_Option_TCP_WINDOW_CLAMP},
        {SOL_TOYNET, TOYNET_TCP_TIMESTAMPS, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_TCP_TIMESTAMPS},
        {SOL_TOYNET, TOYNET_TCP_SACK, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_TCP_SACK},
        {SOL_TOYNET, TOYNET_TCP_WINDOW_SCALING, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_TCP_WINDOW_SCALING},
        {SOL_TOYNET, TOYNET_TCP_ECN, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_TCP_ECN},
        {SOL_TOYNET, TOYNET_TCP_INITIAL_WINDOW, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_TCP_INITIAL_WINDOW},
        {SOL_TOYNET, TOYNET_TCP_DELACK, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_TCP_DELACK},
        {SOL_TOYNET, TOYNET_TCP_TIME_WAIT, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_TCP_TIME_WAIT},
        {SOL_TOYNET, TOYNET_UDP_REQUIRE_CHECKSUM, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_UDP_REQUIRE_CHECKSUM},
        {SOL_TOYNET, TOYNET_ADVISE_DEAD, CLIENT_OPTION_INT, toynet_v1_Option_TOYNET_ADVISE_DEAD},
};

/* What the kernel does itself on the descriptor, and every name of the enum but OPTION_UNSPECIFIED. */
#define NATIVE_OPTIONS 4
#define DAEMON_OPTIONS 71
_Static_assert(sizeof(options) / sizeof(options[0]) == NATIVE_OPTIONS + DAEMON_OPTIONS, "a row for each option");

const struct client_option *client_option_find(int level, int name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].level == level && options[i].name == name)
			return &options[i];
	}
	return NULL;
}

const struct client_option *client_option_of(toynet_v1_Option option)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].option == option && options[i].type != CLIENT_OPTION_NATIVE)
			return &options[i];
	}
	return NULL;
}

static toynet_v1_OptionValue number_value(int64_t number)
{
	return (toynet_v1_OptionValue){.which_value = toynet_v1_OptionValue_number_tag, .value.number = number};
}

static int encode_linger(const void *value, toynet_v1_OptionValue *out)
{
	struct linger linger;

	memcpy(&linger, value, sizeof(linger));
	*out = (toynet_v1_OptionValue){
	        .which_value = toynet_v1_OptionValue_linger_tag,
	        .value.linger = {.on = linger.l_onoff != 0,
	                         .seconds = linger.l_linger < 0 ? INT_MAX : (uint32_t)linger.l_linger},
	};
	return 0;
}

static int encode_text(const void *value, socklen_t len, toynet_v1_OptionValue *out)
{
	size_t n = strnlen(value, len);

	*out = (toynet_v1_OptionValue){.which_value = toynet_v1_OptionValue_text_tag};
	/* As the kernel does: what does not fit is cut off. */
	memcpy(out->value.text, value, n < sizeof(out->value.text) ? n : sizeof(out->value.text) - 1);
	return 0;
}

int client_option_encode(const struct client_option *o, const void *value, socklen_t len, toynet_v1_OptionValue *out)
{
	int number;

	switch (o->type) {
	case CLIENT_OPTION_LINGER:
		if (len < sizeof(struct linger))
			break;
		return encode_linger(value, out);
	case CLIENT_OPTION_TEXT:
		if (len < 1)
			break;
		return encode_text(value, len, out);
	case CLIENT_OPTION_RAW:
		*out = (toynet_v1_OptionValue){.which_value = toynet_v1_OptionValue_raw_tag};
		if (len > sizeof(out->value.raw.bytes))
			return client_fail(EINVAL, "setsockopt: a value of %u bytes is too long for this option", len);
		out->value.raw.size = (pb_size_t)len;
		memcpy(out->value.raw.bytes, value, len);
		return 0;
	case CLIENT_OPTION_SMALL:
		if (len >= 1 && len < sizeof(number)) {
			*out = number_value(*(const uint8_t *)value);
			return 0;
		}
		/* fall through */
	case CLIENT_OPTION_INT:
		if (len < sizeof(number))
			break;
		memcpy(&number, value, sizeof(number));
		*out = number_value(number);
		return 0;
	case CLIENT_OPTION_INFO:
		return client_fail(ENOPROTOOPT, "setsockopt: this option can only be read");
	case CLIENT_OPTION_NATIVE:
		break;
	}
	return client_fail(EINVAL, "setsockopt: a value of %u bytes is too short for this option", len);
}

/* As the kernel does: what the caller has no room for is cut off. */
static void put(void *value, socklen_t *len, const void *from, size_t size)
{
	*len = *len < size ? *len : (socklen_t)size;
	memcpy(value, from, *len);
}

static void put_number(const struct client_option *o, int64_t n, void *value, socklen_t *len)
{
	int number = n > INT_MAX ? INT_MAX : n < INT_MIN ? INT_MIN : (int)n;

	if (o->type == CLIENT_OPTION_SMALL && *len >= 1 && *len < sizeof(number) && number >= 0 &&
	    number <= UINT8_MAX) {
		*(uint8_t *)value = (uint8_t)number;
		*len = 1;
		return;
	}
	put(value, len, &number, sizeof(number));
}

static pb_size_t member_of(enum client_option_type type)
{
	switch (type) {
	case CLIENT_OPTION_LINGER:
		return toynet_v1_OptionValue_linger_tag;
	case CLIENT_OPTION_TEXT:
		return toynet_v1_OptionValue_text_tag;
	case CLIENT_OPTION_RAW:
		return toynet_v1_OptionValue_raw_tag;
	case CLIENT_OPTION_INFO:
		return toynet_v1_OptionValue_tcp_info_tag;
	case CLIENT_OPTION_INT:
	case CLIENT_OPTION_SMALL:
	case CLIENT_OPTION_NATIVE:
		break;
	}
	return toynet_v1_OptionValue_number_tag;
}

int client_option_decode(const struct client_option *o, const toynet_v1_OptionValue *in, void *value, socklen_t *len)
{
	char text[sizeof(in->value.text)] = "";

	if (in->which_value != member_of(o->type))
		return client_fail(EPROTO, "getsockopt: toynetd answered with a value of another type");
	switch (o->type) {
	case CLIENT_OPTION_LINGER:
		put(value, len,
		    &(struct linger){.l_onoff = in->value.linger.on, .l_linger = (int)in->value.linger.seconds},
		    sizeof(struct linger));
		break;
	case CLIENT_OPTION_TEXT:
		memcpy(text, in->value.text, strnlen(in->value.text, sizeof(text) - 1));
		put(value, len, text, sizeof(text));
		break;
	case CLIENT_OPTION_RAW:
		put(value, len, in->value.raw.bytes, in->value.raw.size);
		break;
	case CLIENT_OPTION_INFO:
		*len = client_tcp_info(&in->value.tcp_info, value, *len);
		break;
	case CLIENT_OPTION_INT:
	case CLIENT_OPTION_SMALL:
	case CLIENT_OPTION_NATIVE:
		put_number(o, in->value.number, value, len);
		break;
	}
	return 0;
}

int toynet_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	const struct client_option *o = client_option_find(level, name);
	toynet_v1_SetOptionRequest request = toynet_v1_SetOptionRequest_init_zero;
	toynet_v1_SetOptionResponse response = toynet_v1_SetOptionResponse_init_zero;
	struct client_id id;

	if (client_identify(fd, &id) < 0)
		return -1;
	if (!o)
		return client_fail(ENOPROTOOPT, "setsockopt: level %d option %d is not supported; nothing was changed",
		                   level, name);
	if (!value)
		return client_fail(EFAULT, "setsockopt: no value");
	/* Which says of the pair what is true of every toynet socket: it is bound to none. */
	if (level == SOL_SOCKET && name == SO_BINDTODEVICE && len > 0 && *(const char *)value)
		return client_fail(ENOPROTOOPT, "setsockopt: toynet binds no socket to a device; nothing was changed");
	if (o->type == CLIENT_OPTION_NATIVE) {
		if (SYS(setsockopt)(fd, level, name, value, len) < 0)
			return client_fail(errno, "setsockopt: %s", strerror(errno));
		return 0;
	}
	if (client_option_encode(o, value, len, &request.value) < 0)
		return -1;
	request.has_socket = request.has_value = true;
	request.socket = client_ref(&id);
	request.option = o->option;
	if (client_rpc(&(struct client_call){
	            .method = "SetOption",
	            .request_type = toynet_v1_SetOptionRequest_fields,
	            .request = &request,
	            .response_type = toynet_v1_SetOptionResponse_fields,
	            .response = &response,
	            .id = &id,
	            .names_something = o->type == CLIENT_OPTION_TEXT,
	    }) < 0)
		return -1;
	if (!id.stream)
		client_datagram_forget();
	if (o->type == CLIENT_OPTION_LINGER)
		client_linger_learn(id.cookie, request.value.value.linger.on ? request.value.value.linger.seconds : 0);
	return 0;
}

int toynet_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	const struct client_option *o = client_option_find(level, name);
	toynet_v1_GetOptionRequest request = toynet_v1_GetOptionRequest_init_zero;
	toynet_v1_GetOptionResponse response = toynet_v1_GetOptionResponse_init_zero;
	struct client_id id;

	if (client_identify(fd, &id) < 0)
		return -1;
	if (!o)
		return client_fail(ENOPROTOOPT, "getsockopt: level %d option %d is not supported", level, name);
	if (!value || !len)
		return client_fail(EFAULT, "getsockopt: no room for the value");
	if (o->type == CLIENT_OPTION_NATIVE) {
		if (SYS(getsockopt)(fd, level, name, value, len) < 0)
			return client_fail(errno, "getsockopt: %s", strerror(errno));
		return 0;
	}
	if (o->option == toynet_v1_Option_SO_ERROR) {
		int error;

		if (client_take_error(&id, &error) < 0)
			return -1;
		response.value = number_value(error);
		return client_option_decode(o, &response.value, value, len);
	}
	request.has_socket = true;
	request.socket = client_ref(&id);
	request.option = o->option;
	if (client_rpc(&(struct client_call){
	            .method = "GetOption",
	            .request_type = toynet_v1_GetOptionRequest_fields,
	            .request = &request,
	            .response_type = toynet_v1_GetOptionResponse_fields,
	            .response = &response,
	            .id = &id,
	    }) < 0)
		return -1;
	return client_option_decode(o, &response.value, value, len);
}
