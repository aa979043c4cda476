/* The Sockets service, part two: options. Values pass through; the table in socket/option.c judges them. */
#include "rpc/methods.h"

#define SAME(name, n)                                                                                              \
	_Static_assert((int)OPT_##name == (int)TOYNET__V1__OPTION__##name, "the numbers of the two enums are the " \
	                                                                   "same");
SOCKET_OPTIONS(SAME)
#undef SAME

static int bytes_read(struct socket_option_value *v, const void *p, size_t len, size_t max)
{
	if (len > max)
		return EINVAL;
	v->len = (uint8_t)len;
	if (len)
		memcpy(v->bytes, p, len);
	return 0;
}

static int value_read(const Toynet__V1__SetOptionRequest *r, struct socket_option_value *v)
{
	const Toynet__V1__OptionValue *m = r->value;

	if (!m)
		return EINVAL;
	switch (m->value_case) {
	case TOYNET__V1__OPTION_VALUE__VALUE_NUMBER:
		v->kind = OPTION_NUMBER;
		v->number = m->number;
		return 0;
	case TOYNET__V1__OPTION_VALUE__VALUE_LINGER:
		v->kind = OPTION_LINGER;
		v->linger_on = m->linger->on;
		v->number = m->linger->seconds;
		return 0;
	case TOYNET__V1__OPTION_VALUE__VALUE_TEXT:
		v->kind = OPTION_TEXT;
		return bytes_read(v, m->text, strlen(m->text), SOCKET_OPTION_TEXT_MAX - 1);
	case TOYNET__V1__OPTION_VALUE__VALUE_RAW:
		v->kind = OPTION_RAW;
		return bytes_read(v, m->raw.data, m->raw.len, SOCKET_OPTION_BYTES_MAX);
	case TOYNET__V1__OPTION_VALUE__VALUE_TCP_INFO: /* read only */
	case TOYNET__V1__OPTION_VALUE__VALUE__NOT_SET:
	case _TOYNET__V1__OPTION_VALUE__VALUE__CASE_IS_INT_SIZE:
		break;
	}
	return EINVAL;
}

void sockets_set_option(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__SetOptionRequest *r = (const Toynet__V1__SetOptionRequest *)request;
	Toynet__V1__SetOptionResponse m = TOYNET__V1__SET_OPTION_RESPONSE__INIT;
	struct socket_option_value v = {0};
	int err = value_read(r, &v);

	if (!err)
		err = socket_set_option(c->conn->srv->stack, so, (int)r->option, v);
	if (err)
		call_errno(c, err, err == ENOENT ? "there is none of this name" : NULL);
	else
		call_reply(c, &m.base);
}

void sockets_get_option(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__GetOptionRequest *r = (const Toynet__V1__GetOptionRequest *)request;
	struct socket_option_value v;
	int err = socket_get_option(c->conn->srv->stack, so, (int)r->option, &v);

	if (err) {
		call_errno(c, err, NULL);
		return;
	}
	Toynet__V1__GetOptionResponse m = TOYNET__V1__GET_OPTION_RESPONSE__INIT;
	Toynet__V1__OptionValue value = TOYNET__V1__OPTION_VALUE__INIT;
	Toynet__V1__Linger linger = TOYNET__V1__LINGER__INIT;
	Toynet__V1__TcpInfo info;
	char text[SOCKET_OPTION_TEXT_MAX] = "";
	m.value = &value;
	switch (v.kind) {
	case OPTION_NUMBER:
		value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_NUMBER;
		value.number = v.number;
		break;
	case OPTION_LINGER:
		linger.on = v.linger_on;
		linger.seconds = (uint32_t)v.number;
		value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_LINGER;
		value.linger = &linger;
		break;
	case OPTION_TEXT:
		assert(v.len < sizeof(text));
		memcpy(text, v.bytes, v.len);
		value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_TEXT;
		value.text = text;
		break;
	case OPTION_RAW:
		value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_RAW;
		value.raw = (ProtobufCBinaryData){.len = v.len, .data = v.bytes};
		break;
	case OPTION_INFO:
		tcp_info_fill(c->conn->srv->stack, so, &info);
		value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_TCP_INFO;
		value.tcp_info = &info;
		break;
	}
	call_reply(c, &m.base);
}
