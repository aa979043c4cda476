/* client/option: which options exist, and their values in C and in the control plane. */
#include "client/client.h"
#include "unit.h"
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <toynet/v1/toynet.pb-c.h>

START_TEST(test_only_the_supported_exist)
{
	static const struct {
		int level, name;
	} unsupported[] = {
	        {SOL_SOCKET, SO_PRIORITY},        {SOL_SOCKET, SO_PASSCRED},           {SOL_SOCKET, SO_PEERCRED},
	        {SOL_SOCKET, SO_COOKIE},          {IPPROTO_TCP, TCP_FASTOPEN},         {IPPROTO_TCP, SO_RCVTIMEO},
	        {IPPROTO_IP, IP_RECVORIGDSTADDR}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
	};

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		ck_assert_ptr_null(client_option_find(unsupported[i].level, unsupported[i].name));
	ck_assert_ptr_nonnull(client_option_find(SOL_SOCKET, SO_RCVTIMEO));
	ck_assert_int_eq(client_option_find(SOL_SOCKET, SO_RCVTIMEO)->type, CLIENT_OPTION_NATIVE);
	ck_assert_int_eq(client_option_find(IPPROTO_TCP, TCP_NODELAY)->option, toynet_v1_Option_TCP_NODELAY);
	ck_assert_int_eq(client_option_find(SOL_SOCKET, SO_ERROR)->option, toynet_v1_Option_SO_ERROR);
}
END_TEST

START_TEST(test_int)
{
	const struct client_option *o = client_option_find(SOL_SOCKET, SO_RCVBUF);
	toynet_v1_OptionValue v;
	int value = 4711, out = 0;
	socklen_t len = sizeof(out);

	ck_assert_int_eq(client_option_encode(o, &value, sizeof(value), &v), 0);
	ck_assert_int_eq(v.which_value, toynet_v1_OptionValue_number_tag);
	ck_assert_int_eq(v.value.number, 4711);
	ck_assert_int_eq(client_option_decode(o, &v, &out, &len), 0);
	ck_assert_int_eq(out, 4711);
	ck_assert_uint_eq(len, sizeof(int));

	ck_assert_int_eq(client_option_encode(o, &value, sizeof(value) - 1, &v), -1);
	ck_assert_int_eq(errno, EINVAL);
	v.value.number = INT64_MAX;
	ck_assert_int_eq(client_option_decode(o, &v, &out, &len), 0);
	ck_assert_int_eq(out, INT_MAX);
}
END_TEST

START_TEST(test_short_room_gets_what_fits)
{
	const struct client_option *o = client_option_find(SOL_SOCKET, SO_TYPE);
	const toynet_v1_OptionValue v = {.which_value = toynet_v1_OptionValue_number_tag, .value.number = 0x01020304};
	uint8_t out[4] = {0xee, 0xee, 0xee, 0xee};
	socklen_t len = 2;

	ck_assert_int_eq(client_option_decode(o, &v, out, &len), 0);
	ck_assert_uint_eq(len, 2);
	ck_assert_uint_eq(out[2], 0xee);
	len = 100;
	ck_assert_int_eq(client_option_decode(o, &v, out, &len), 0);
	ck_assert_uint_eq(len, 4);
}
END_TEST

START_TEST(test_ip_options_take_a_byte)
{
	const struct client_option *o = client_option_find(IPPROTO_IP, IP_TTL);
	toynet_v1_OptionValue v;
	uint8_t byte = 200, out[4] = {0, 0xee, 0xee, 0xee};
	socklen_t len = 1;

	ck_assert_int_eq(client_option_encode(o, &byte, 1, &v), 0);
	ck_assert_int_eq(v.value.number, 200);
	ck_assert_int_eq(client_option_decode(o, &v, out, &len), 0);
	ck_assert_uint_eq(out[0], 200);
	ck_assert_uint_eq(out[1], 0xee);
	ck_assert_int_eq(client_option_encode(o, &byte, 0, &v), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(test_linger)
{
	const struct client_option *o = client_option_find(SOL_SOCKET, SO_LINGER);
	struct linger in = {.l_onoff = 5, .l_linger = 7}, out = {0};
	toynet_v1_OptionValue v;
	socklen_t len = sizeof(out);

	ck_assert_int_eq(client_option_encode(o, &in, sizeof(in), &v), 0);
	ck_assert_int_eq(v.which_value, toynet_v1_OptionValue_linger_tag);
	ck_assert(v.value.linger.on);
	ck_assert_uint_eq(v.value.linger.seconds, 7);
	ck_assert_int_eq(client_option_decode(o, &v, &out, &len), 0);
	ck_assert_int_eq(out.l_onoff, 1);
	ck_assert_int_eq(out.l_linger, 7);
	ck_assert_int_eq(client_option_encode(o, &in, sizeof(int), &v), -1);
	ck_assert_int_eq(errno, EINVAL);

	v = (toynet_v1_OptionValue){.which_value = toynet_v1_OptionValue_number_tag};
	ck_assert_int_eq(client_option_decode(o, &v, &out, &len), -1);
	ck_assert_int_eq(errno, EPROTO);
}
END_TEST

START_TEST(test_text)
{
	const struct client_option *o = client_option_find(IPPROTO_TCP, TCP_CONGESTION);
	toynet_v1_OptionValue v;
	char out[32];
	socklen_t len = sizeof(out);

	/* With the NUL or without, as callers have it; too long is cut. */
	ck_assert_int_eq(client_option_encode(o, "reno", 4, &v), 0);
	ck_assert_int_eq(v.which_value, toynet_v1_OptionValue_text_tag);
	ck_assert_str_eq(v.value.text, "reno");
	ck_assert_int_eq(client_option_encode(o, "reno\0tail", 9, &v), 0);
	ck_assert_str_eq(v.value.text, "reno");
	ck_assert_int_eq(client_option_encode(o, "0123456789abcdef", 16, &v), 0);
	ck_assert_str_eq(v.value.text, "0123456789abcde");
	ck_assert_int_eq(client_option_encode(o, "", 0, &v), -1);
	ck_assert_int_eq(errno, EINVAL);
	memset(out, 0xee, sizeof(out));
	v = (toynet_v1_OptionValue){.which_value = toynet_v1_OptionValue_text_tag, .value.text = "cubic"};
	ck_assert_int_eq(client_option_decode(o, &v, out, &len), 0);
	ck_assert_uint_eq(len, 16); /* TCP_CA_NAME_MAX */
	ck_assert_str_eq(out, "cubic");
	len = 3;
	ck_assert_int_eq(client_option_decode(o, &v, out, &len), 0);
	ck_assert_uint_eq(len, 3);
	v.which_value = toynet_v1_OptionValue_number_tag;
	ck_assert_int_eq(client_option_decode(o, &v, out, &len), -1);
	ck_assert_int_eq(errno, EPROTO);
}
END_TEST

START_TEST(test_raw)
{
	const struct client_option o = {.type = CLIENT_OPTION_RAW};
	toynet_v1_OptionValue v;
	uint8_t in[65] = {1, 0, 3}, out[80];
	socklen_t len = sizeof(out);

	ck_assert_int_eq(client_option_encode(&o, in, 3, &v), 0);
	ck_assert_int_eq(v.which_value, toynet_v1_OptionValue_raw_tag);
	ck_assert_int_eq(client_option_decode(&o, &v, out, &len), 0);
	ck_assert_uint_eq(len, 3);
	ck_assert_int_eq(memcmp(in, out, 3), 0);
	ck_assert_int_eq(client_option_encode(&o, in, 64, &v), 0);
	ck_assert_int_eq(client_option_encode(&o, in, 65, &v), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* No option that the daemon has is out of the library's reach. */
START_TEST(test_every_option_of_the_control_plane)
{
	const ProtobufCEnumDescriptor *d = &toynet__v1__option__descriptor;

	for (unsigned i = 0; i < d->n_values; i++) {
		if (d->values[i].value == 0)
			continue;
		ck_assert_msg(client_option_of((toynet_v1_Option)d->values[i].value) != NULL, "%s", d->values[i].name);
	}
}
END_TEST

START_TEST(test_detail_names_what_failed)
{
	toynet_v1_OptionValue v;

	ck_assert_str_ne(toynet_error_detail(), "");
	ck_assert_int_eq(client_option_encode(client_option_find(SOL_SOCKET, SO_RCVBUF), "", 1, &v), -1);
	ck_assert_ptr_nonnull(strstr(toynet_error_detail(), "too short"));
}
END_TEST

Suite *client_option_suite(void);
Suite *client_option_suite(void)
{
	UNIT_SUITE("client_option", test_only_the_supported_exist, test_int, test_short_room_gets_what_fits,
	           test_ip_options_take_a_byte, test_linger, test_text, test_raw,
	           test_every_option_of_the_control_plane, test_detail_names_what_failed);
}
