/* The Sockets service, part two: options. Numbers pass through; the table in socket/option.c judges them. Only
 * SO_LINGER has a value that is not one number. */
#include "rpc/methods.h"

_Static_assert((int)OPT_SO_LINGER == (int)TOYNET__V1__OPTION__SO_LINGER, "the numbers of the two enums are the same");
_Static_assert((int)OPT_TCP_USER_TIMEOUT == (int)TOYNET__V1__OPTION__TCP_USER_TIMEOUT, "the numbers of the two enums are the same");

static int value_read(const Toynet__V1__SetOptionRequest *r, struct socket_option_value *v)
{
	bool linger = r->option == TOYNET__V1__OPTION__SO_LINGER;

	if (!r->value)
		return EINVAL;
	if (linger && r->value->value_case == TOYNET__V1__OPTION_VALUE__VALUE_LINGER) {
		v->linger_on = r->value->linger->on;
		v->number = r->value->linger->seconds;
		return 0;
	}
	if (!linger && r->value->value_case == TOYNET__V1__OPTION_VALUE__VALUE_NUMBER) {
		v->number = r->value->number;
		return 0;
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
		call_errno(c, err, NULL);
	else
		call_reply(c, &m.base);
}

void sockets_get_option(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const Toynet__V1__GetOptionRequest *r = (const Toynet__V1__GetOptionRequest *)request;
	struct socket_option_value v = {0};
	int err = socket_get_option(c->conn->srv->stack, so, (int)r->option, &v);

	if (err) {
		call_errno(c, err, NULL);
		return;
	}
	Toynet__V1__GetOptionResponse m = TOYNET__V1__GET_OPTION_RESPONSE__INIT;
	Toynet__V1__OptionValue value = TOYNET__V1__OPTION_VALUE__INIT;
	Toynet__V1__Linger linger = TOYNET__V1__LINGER__INIT;
	m.value = &value;
	if (r->option == TOYNET__V1__OPTION__SO_LINGER) {
		linger.on = v.linger_on;
		linger.seconds = (uint32_t)v.number;
		value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_LINGER;
		value.linger = &linger;
	} else {
		value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_NUMBER;
		value.number = v.number;
	}
	call_reply(c, &m.base);
}
