/* The stateless parts of gRPC, and the reader of a request's one message. A message is bounded before memory is spent
 * on it: the prefix is checked first, and the whole connection has a budget. */
#include "rpc/grpc.h"
#include "base/bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DIGITS_MAX 8

enum grpc_status grpc_status_of_error(int error)
{
	switch (error) {
#define X(number, status, text) \
	case number:            \
		return GRPC_##status;
		TOYNET_ERRORS(X)
#undef X
	}
	return GRPC_UNKNOWN;
}

bool grpc_timeout_parse(const char *text, duration *out)
{
	static const struct {
		char unit;
		int64_t ns;
	} units[] = {
	        {'H', 3600 * NS_PER_S}, {'M', 60 * NS_PER_S}, {'S', NS_PER_S},
	        {'m', NS_PER_MS},       {'u', NS_PER_US},     {'n', 1},
	};
	int64_t n = 0;
	int digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9'; digits++) {
		if (digits == TIMEOUT_DIGITS_MAX)
			return false;
		n = n * 10 + (text[digits] - '0');
	}
	if (digits == 0 || text[digits] == '\0' || text[digits + 1] != '\0')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].unit != text[digits])
			continue;
		/* Beyond what the clock can say is as good as never. */
		*out = (duration){n > INT64_MAX / 4 / units[i].ns ? INT64_MAX / 4 : n * units[i].ns};
		return true;
	}
	return false;
}

void grpc_message_encode(const char *text, char out[GRPC_MESSAGE_ENC_MAX])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0;

	for (const char *p = text; *p && at + 3 < GRPC_MESSAGE_ENC_MAX; p++) {
		uint8_t c = (uint8_t)*p;
		if (c >= 0x20 && c <= 0x7e && c != '%') {
			out[at++] = (char)c;
			continue;
		}
		out[at++] = '%';
		out[at++] = hex[c >> 4];
		out[at++] = hex[c & 15];
	}
	out[at] = '\0';
}

void grpc_prefix_write(uint8_t out[GRPC_PREFIX_LEN], uint32_t len)
{
	out[0] = 0;
	store_be32(out + 1, len);
}

bool grpc_content_type_accepted(const char *content_type)
{
	static const char grpc[] = "application/grpc", proto[] = "+proto";

	if (strncmp(content_type, grpc, sizeof(grpc) - 1) != 0)
		return false;
	content_type += sizeof(grpc) - 1;
	if (strncmp(content_type, proto, sizeof(proto) - 1) == 0)
		content_type += sizeof(proto) - 1;
	return content_type[0] == '\0' || content_type[0] == ';';
}

void grpc_reader_init(struct grpc_reader *r, uint32_t *budget)
{
	*r = (struct grpc_reader){.budget = budget};
}

void grpc_reader_free(struct grpc_reader *r)
{
	if (r->bytes)
		*r->budget += r->len;
	free(r->bytes);
	r->bytes = NULL;
}

/* The prefix is complete. */
static enum grpc_status reader_begin(struct grpc_reader *r, const char **why)
{
	if (r->prefix[0] != 0) {
		*why = "compressed messages are not supported";
		return GRPC_UNIMPLEMENTED;
	}
	r->len = load_be32(r->prefix + 1);
	if (r->len > GRPC_REQUEST_MAX) {
		*why = "the request message is longer than 64 KiB";
		return GRPC_RESOURCE_EXHAUSTED;
	}
	if (r->len == 0)
		return GRPC_OK;
	if (r->len > *r->budget || !(r->bytes = malloc(r->len))) {
		*why = "too many request bytes wait on this connection";
		return GRPC_RESOURCE_EXHAUSTED;
	}
	*r->budget -= r->len;
	return GRPC_OK;
}

enum grpc_status grpc_reader_feed(struct grpc_reader *r, const uint8_t *bytes, size_t len, const char **why)
{
	while (len > 0 && r->prefix_len < GRPC_PREFIX_LEN) {
		r->prefix[r->prefix_len++] = *bytes++;
		len--;
		if (r->prefix_len < GRPC_PREFIX_LEN)
			continue;
		enum grpc_status status = reader_begin(r, why);
		if (status != GRPC_OK)
			return status;
	}
	if (len == 0)
		return GRPC_OK;
	if (len > r->len - r->got) {
		*why = "more than one message in the request of a unary call";
		return GRPC_UNIMPLEMENTED;
	}
	memcpy(r->bytes + r->got, bytes, len);
	r->got += (uint32_t)len;
	return GRPC_OK;
}

enum grpc_status grpc_reader_end(const struct grpc_reader *r, const char **why)
{
	if (r->prefix_len == 0) {
		*why = "the request has no message";
		return GRPC_UNIMPLEMENTED;
	}
	if (r->prefix_len < GRPC_PREFIX_LEN || r->got < r->len) {
		*why = "the request ended in the middle of its message";
		return GRPC_INTERNAL;
	}
	return GRPC_OK;
}
