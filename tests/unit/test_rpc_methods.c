/* The Sockets service: what its methods answer, and who may call them. */
#include "rpc_rig.h"
#include <string.h>

START_TEST(open_bind_listen_names_close)
{
	Toynet__V1__BindRequest bind = TOYNET__V1__BIND_REQUEST__INIT;
	Toynet__V1__ListenRequest listen = TOYNET__V1__LISTEN_REQUEST__INIT;
	Toynet__V1__CloseRequest close = TOYNET__V1__CLOSE_REQUEST__INIT;
	Toynet__V1__Address local = TOYNET__V1__ADDRESS__INIT;
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	ck_assert_int_eq(p.h2.fd[0], (int)ref.cookie);
	ck_assert_int_eq(r.fds_closed, 1);
	local.ip = (char *)(uintptr_t) "192.0.2.2";
	local.port = 8080;
	bind.socket = &ref;
	bind.local = &local;
	Toynet__V1__NamesResponse *names = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind),
	                                              &toynet__v1__names_response__descriptor);
	ck_assert_str_eq(names->local->ip, "192.0.2.2");
	ck_assert_uint_eq(names->local->port, 8080);
	ck_assert_ptr_null(names->peer);
	rpc_answer_free(names);
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind), GRPC_INVALID_ARGUMENT, EINVAL);
	listen.socket = &ref;
	listen.backlog = 3;
	rpc_answer_free(rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Listen", &listen),
	                           &toynet__v1__names_response__descriptor));
	listen.filler_bytes = 9;
	rpc_answer_free(rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Listen", &listen),
	                           &toynet__v1__names_response__descriptor));
	ck_assert_int_eq(r.listened, 1);
	ck_assert_uint_eq(r.filler, 9);
	rpc_answer_free(
	        rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/GetNames", &ref), &toynet__v1__names_response__descriptor));
	close.socket = &ref;
	rpc_answer_free(
	        rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Close", &close), &toynet__v1__close_response__descriptor));
	ck_assert_int_eq(r.closed, 1);
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Close", &close), GRPC_NOT_FOUND, ENOENT);
	END();
	ck_assert_int_eq(r.closed, 1);
}
END_TEST

START_TEST(bad_addresses)
{
	Toynet__V1__BindRequest bind = TOYNET__V1__BIND_REQUEST__INIT;
	Toynet__V1__Address local = TOYNET__V1__ADDRESS__INIT;
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	bind.socket = &ref;
	bind.local = &local;
	local.ip = (char *)(uintptr_t) "192.0.2";
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind), GRPC_INVALID_ARGUMENT, EINVAL);
	local.ip = (char *)(uintptr_t) "";
	local.port = 65536;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind), GRPC_INVALID_ARGUMENT, EINVAL);
	local.ip = (char *)(uintptr_t) "203.0.113.1";
	local.port = 80;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind), GRPC_INVALID_ARGUMENT, EADDRNOTAVAIL);
	bind.local = NULL;
	Toynet__V1__NamesResponse *names = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind),
	                                              &toynet__v1__names_response__descriptor);
	ck_assert_uint_ne(names->local->port, 0);
	rpc_answer_free(names);
	END();
}
END_TEST

/* At the border its addresses are of IPv6; List shows what the stack has. */
START_TEST(a_socket_of_ipv6)
{
	Toynet__V1__OpenRequest open = TOYNET__V1__OPEN_REQUEST__INIT;
	Toynet__V1__BindRequest bind = TOYNET__V1__BIND_REQUEST__INIT;
	Toynet__V1__ConnectRequest connect = TOYNET__V1__CONNECT_REQUEST__INIT;
	Toynet__V1__CheckDestinationRequest check = TOYNET__V1__CHECK_DESTINATION_REQUEST__INIT;
	Toynet__V1__Address a = TOYNET__V1__ADDRESS__INIT, source = TOYNET__V1__ADDRESS__INIT;
	static const struct {
		const char *ip, *source;
		uint32_t error;
	} ways[] = {
	        {"::ffff:192.0.2.1", NULL, 0},
	        {"192.0.2.1", NULL, 0},
	        {"2001:db8::1", NULL, ENETUNREACH},
	        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", 0},
	        {"::ffff:192.0.2.1", "192.0.2.2", 0},
	        {"::ffff:192.0.2.1", "::", 0},
	        {"::ffff:192.0.2.1", "2001:db8::1", EINVAL},
	        {"::ffff:192.0.2.1", "::ffff:192.0.2.77", EINVAL},
	};
	BEGIN(UID);
	open.protocol = TOYNET__V1__PROTOCOL__PROTOCOL_UDP;
	open.family = TOYNET__V1__FAMILY__FAMILY_IPV6;
	Toynet__V1__OpenResponse *opened = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Open", &open),
	                                              &toynet__v1__open_response__descriptor);
	Toynet__V1__SocketRef ref = TOYNET__V1__SOCKET_REF__INIT;
	ref.id = opened->socket->id;
	rpc_answer_free(opened);
	bind.socket = connect.socket = check.socket = &ref;
	bind.local = connect.peer = check.destination = &a;
	a.port = 5300;
	a.ip = (char *)(uintptr_t) "2001:db8::1";
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind), GRPC_INVALID_ARGUMENT, EADDRNOTAVAIL);
	a.ip = (char *)(uintptr_t) "::ffff:1.2.3";
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind), GRPC_INVALID_ARGUMENT, EINVAL);
	a.ip = (char *)(uintptr_t) "::";
	Toynet__V1__NamesResponse *names = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Bind", &bind),
	                                              &toynet__v1__names_response__descriptor);
	ck_assert_str_eq(names->local->ip, "::");
	ck_assert_uint_eq(names->local->port, 5300);
	rpc_answer_free(names);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		a.ip = (char *)(uintptr_t)ways[i].ip;
		source.ip = (char *)(uintptr_t)ways[i].source;
		check.source = ways[i].source ? &source : NULL;
		Toynet__V1__CheckDestinationResponse *way =
		        rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/CheckDestination", &check),
		                   &toynet__v1__check_destination_response__descriptor);
		ck_assert_msg(way->error == ways[i].error, "%s from %s: %u", ways[i].ip, ways[i].source, way->error);
		rpc_answer_free(way);
	}
	a.ip = (char *)(uintptr_t) "::ffff:192.0.2.1";
	Toynet__V1__ConnectResponse *connected = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Connect", &connect),
	                                                    &toynet__v1__connect_response__descriptor);
	ck_assert_str_eq(connected->local->ip, "::ffff:192.0.2.2");
	ck_assert_str_eq(connected->peer->ip, "::ffff:192.0.2.1");
	rpc_answer_free(connected);
	Toynet__V1__Socket *shown =
	        rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Get", &ref), &toynet__v1__socket__descriptor);
	ck_assert_int_eq(shown->row->family, TOYNET__V1__FAMILY__FAMILY_IPV6);
	ck_assert_str_eq(shown->row->local->ip, "192.0.2.2");
	ck_assert_str_eq(shown->row->peer->ip, "192.0.2.1");
	rpc_answer_free(shown);
	END();
}
END_TEST

START_TEST(open_refusals)
{
	Toynet__V1__OpenRequest m = TOYNET__V1__OPEN_REQUEST__INIT;
	BEGIN(UID);
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Open", &m), GRPC_INVALID_ARGUMENT, EINVAL);
	m.protocol = TOYNET__V1__PROTOCOL__PROTOCOL_PING;
	m.family = TOYNET__V1__FAMILY__FAMILY_IPV6;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Open", &m), GRPC_INVALID_ARGUMENT, EAFNOSUPPORT);
	m.family = (Toynet__V1__Family)17;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/Open", &m), GRPC_INVALID_ARGUMENT, EAFNOSUPPORT);
	ck_assert_uint_eq(stack_socket_count(r.stack), 0);
	END();
}
END_TEST

START_TEST(a_socket_without_descriptor_lives_as_long_as_its_connection)
{
	BEGIN(UID);
	rpc_open(&p, TOYNET__V1__PROTOCOL__PROTOCOL_TCP, false);
	rpc_open(&p, TOYNET__V1__PROTOCOL__PROTOCOL_UDP, false);
	rpc_open(&p, TOYNET__V1__PROTOCOL__PROTOCOL_TCP, true);
	ck_assert_uint_eq(stack_socket_count(r.stack), 3);
	END();
	ck_assert_int_eq(r.closed, 2);
}
END_TEST

START_TEST(a_stranger_may_not_drive_a_socket)
{
	Toynet__V1__BindRequest bind = TOYNET__V1__BIND_REQUEST__INIT;
	Toynet__V1__ListenRequest listen = TOYNET__V1__LISTEN_REQUEST__INIT;
	Toynet__V1__ShutdownRequest shutdown = TOYNET__V1__SHUTDOWN_REQUEST__INIT;
	Toynet__V1__SetOptionRequest set = TOYNET__V1__SET_OPTION_REQUEST__INIT;
	Toynet__V1__GetOptionRequest get = TOYNET__V1__GET_OPTION_REQUEST__INIT;
	Toynet__V1__CloseRequest close = TOYNET__V1__CLOSE_REQUEST__INIT;
	struct peer other, same_uid;
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	bind.socket = listen.socket = shutdown.socket = set.socket = get.socket = close.socket = &ref;
	const struct {
		const char *path;
		const void *message;
	} calls[] = {
	        {"/toynet.v1.Sockets/Bind", &bind},     {"/toynet.v1.Sockets/Listen", &listen},
	        {"/toynet.v1.Sockets/GetNames", &ref},  {"/toynet.v1.Sockets/SetOption", &set},
	        {"/toynet.v1.Sockets/GetOption", &get}, {"/toynet.v1.Sockets/Shutdown", &shutdown},
	};
	peer_begin(&other, &r, UID + 1);
	peer_begin(&same_uid, &r, UID);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		rpc_failed(rpc_call(&other, calls[i].path, calls[i].message), GRPC_PERMISSION_DENIED, EPERM);
		rpc_failed(rpc_call(&same_uid, calls[i].path, calls[i].message), GRPC_PERMISSION_DENIED, EPERM);
	}
	rpc_failed(rpc_connect_to(&other, &ref, false, NULL), GRPC_PERMISSION_DENIED, EPERM);
	rpc_failed(rpc_call(&other, "/toynet.v1.Sockets/Close", &close), GRPC_PERMISSION_DENIED, EPERM);
	rpc_failed(rpc_call(&other, "/toynet.v1.Sockets/Get", &ref), GRPC_NOT_FOUND, ENOENT);
	rpc_answer_free(
	        rpc_answer(rpc_call(&same_uid, "/toynet.v1.Sockets/Get", &ref), &toynet__v1__socket__descriptor));
	ck_assert_int_eq(r.synced, 0);
	rpc_answer_free(rpc_answer(rpc_call(&same_uid, "/toynet.v1.Sockets/Close", &close),
	                           &toynet__v1__close_response__descriptor));
	peer_end(&other);
	peer_end(&same_uid);
	END();
}
END_TEST

START_TEST(references_must_agree)
{
	Toynet__V1__SocketRef ref = TOYNET__V1__SOCKET_REF__INIT;
	BEGIN(UID);
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/GetNames", &ref), GRPC_INVALID_ARGUMENT, EINVAL);
	Toynet__V1__SocketRef good = rpc_open_tcp(&p);
	ref.cookie = good.cookie;
	rpc_answer_free(
	        rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/GetNames", &ref), &toynet__v1__names_response__descriptor));
	ref = good;
	ref.cookie++;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/GetNames", &ref), GRPC_NOT_FOUND, ENOENT);
	ref = good;
	ref.id += 1000;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/GetNames", &ref), GRPC_NOT_FOUND, ENOENT);
	END();
}
END_TEST

static struct h2c_call *prove(struct peer *p, Toynet__V1__SocketRef *ref, int fd)
{
	struct h2c_request q = rpc_request("/toynet.v1.Sockets/Prove", ref);

	if (fd >= 0) {
		q.want_fd = "1";
		ck_assert(rpc_conn_input(p->conn, NULL, 0, &fd, 1));
	}
	return h2c_do(&p->h2, q);
}

START_TEST(possession_is_proved_by_the_descriptor)
{
	struct peer other;
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	Toynet__V1__SocketRef second = rpc_open_tcp(&p);
	int before = r.fds_closed;
	peer_begin(&other, &r, UID + 1);
	rpc_failed(prove(&other, &ref, -1), GRPC_INVALID_ARGUMENT, EBADF);
	rpc_failed(prove(&other, &ref, (int)second.cookie), GRPC_INVALID_ARGUMENT, EBADF);
	rpc_failed(rpc_call(&other, "/toynet.v1.Sockets/GetNames", &ref), GRPC_PERMISSION_DENIED, EPERM);
	rpc_answer_free(rpc_answer(prove(&other, &ref, (int)ref.cookie), &toynet__v1__prove_response__descriptor));
	rpc_answer_free(rpc_answer(prove(&other, &ref, (int)ref.cookie), &toynet__v1__prove_response__descriptor));
	rpc_answer_free(rpc_answer(rpc_call(&other, "/toynet.v1.Sockets/GetNames", &ref),
	                           &toynet__v1__names_response__descriptor));
	ck_assert_int_eq(r.fds_closed - before, 3);
	peer_end(&other);
	/* It was not the prover's to keep. */
	ck_assert_int_eq(r.closed, 0);
	END();
}
END_TEST

START_TEST(connect_without_wait)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	Toynet__V1__ConnectResponse *m = rpc_answer(rpc_connect_to(&p, &ref, false, NULL),
	                                            &toynet__v1__connect_response__descriptor);
	ck_assert(m->in_progress);
	ck_assert_str_eq(m->peer->ip, "192.0.2.9");
	ck_assert_str_eq(m->local->ip, "192.0.2.2");
	rpc_answer_free(m);
	ck_assert_uint_eq(r.filler, 5);
	rpc_failed(rpc_connect_to(&p, &ref, false, NULL), GRPC_FAILED_PRECONDITION, EALREADY);
	END();
}
END_TEST

START_TEST(options_by_number)
{
	Toynet__V1__SetOptionRequest set = TOYNET__V1__SET_OPTION_REQUEST__INIT;
	Toynet__V1__GetOptionRequest get = TOYNET__V1__GET_OPTION_REQUEST__INIT;
	Toynet__V1__OptionValue value = TOYNET__V1__OPTION_VALUE__INIT;
	Toynet__V1__Linger linger = TOYNET__V1__LINGER__INIT;
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	set.socket = get.socket = &ref;
	set.option = get.option = TOYNET__V1__OPTION__TCP_NODELAY;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/SetOption", &set), GRPC_INVALID_ARGUMENT, EINVAL);
	set.value = &value;
	value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_NUMBER;
	value.number = 1;
	rpc_answer_free(rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/SetOption", &set),
	                           &toynet__v1__set_option_response__descriptor));
	Toynet__V1__GetOptionResponse *m = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/GetOption", &get),
	                                              &toynet__v1__get_option_response__descriptor);
	ck_assert_int_eq(m->value->number, 1);
	rpc_answer_free(m);
	set.option = get.option = TOYNET__V1__OPTION__SO_LINGER;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/SetOption", &set), GRPC_INVALID_ARGUMENT, EINVAL);
	linger.on = true;
	linger.seconds = 7;
	value.value_case = TOYNET__V1__OPTION_VALUE__VALUE_LINGER;
	value.linger = &linger;
	rpc_answer_free(rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/SetOption", &set),
	                           &toynet__v1__set_option_response__descriptor));
	m = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/GetOption", &get),
	               &toynet__v1__get_option_response__descriptor);
	ck_assert(m->value->linger->on && m->value->linger->seconds == 7);
	rpc_answer_free(m);
	get.option = (Toynet__V1__Option)999;
	rpc_failed(rpc_call(&p, "/toynet.v1.Sockets/GetOption", &get), GRPC_UNIMPLEMENTED, ENOPROTOOPT);
	ck_assert_int_gt(r.synced, 0);
	END();
}
END_TEST

Suite *rpc_methods_suite(void);
Suite *rpc_methods_suite(void)
{
	UNIT_SUITE("rpc_methods", open_bind_listen_names_close, bad_addresses, open_refusals, a_socket_of_ipv6,
	           a_socket_without_descriptor_lives_as_long_as_its_connection, a_stranger_may_not_drive_a_socket,
	           references_must_agree, possession_is_proved_by_the_descriptor, connect_without_wait,
	           options_by_number);
}
