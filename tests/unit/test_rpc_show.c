/* What the control plane shows: lists, control blocks, counters, the daemon itself; and the administration of it. */
#include "grpc/health/v1/health.pb-c.h"
#include "rpc_rig.h"
#include <string.h>

/* Unpacks the next of a stream's messages; NULL at the end. */
static Toynet__V1__SocketRow *next_row(const struct h2c_call *c, size_t *at)
{
	if (*at == c->body_len)
		return NULL;
	uint32_t len = (uint32_t)c->body[*at + 1] << 24 | (uint32_t)c->body[*at + 2] << 16 |
	               (uint32_t)c->body[*at + 3] << 8 | c->body[*at + 4];
	ck_assert_uint_le(*at + GRPC_PREFIX_LEN + len, c->body_len);
	Toynet__V1__SocketRow *row = toynet__v1__socket_row__unpack(NULL, len, c->body + *at + GRPC_PREFIX_LEN);
	ck_assert_ptr_nonnull(row);
	*at += GRPC_PREFIX_LEN + len;
	return row;
}

static int count_rows(const struct h2c_call *c, uint64_t *last)
{
	Toynet__V1__SocketRow *row;
	size_t at = 0;
	int n = 0;

	*last = 0;
	ck_assert_int_eq(c->grpc_status, GRPC_OK);
	for (; (row = next_row(c, &at)); n++) {
		ck_assert_uint_gt(row->id, *last);
		*last = row->id;
		toynet__v1__socket_row__free_unpacked(row, NULL);
	}
	return n;
}

START_TEST(list_shows_what_the_caller_may_see)
{
	Toynet__V1__ListRequest m = TOYNET__V1__LIST_REQUEST__INIT;
	struct peer other, root;
	uint64_t last;
	BEGIN(UID);
	peer_begin(&other, &r, UID + 1);
	peer_begin(&root, &r, 0);
	ck_assert_int_eq(count_rows(rpc_call(&p, "/toynet.v1.Sockets/List", &m), &last), 0);
	rpc_open_tcp(&p);
	rpc_open_tcp(&other);
	Toynet__V1__SocketRef udp = rpc_open(&p, TOYNET__V1__PROTOCOL__PROTOCOL_UDP, true);
	ck_assert_int_eq(count_rows(rpc_call(&p, "/toynet.v1.Sockets/List", &m), &last), 2);
	ck_assert_uint_eq(last, udp.id);
	ck_assert_int_eq(count_rows(rpc_call(&other, "/toynet.v1.Sockets/List", &m), &last), 1);
	struct h2c_call *c = rpc_call(&root, "/toynet.v1.Sockets/List", &m);
	ck_assert_int_eq(count_rows(c, &last), 3);
	size_t at = 0;
	Toynet__V1__SocketRow *row = next_row(c, &at);
	ck_assert_int_eq(row->protocol, TOYNET__V1__PROTOCOL__PROTOCOL_TCP);
	ck_assert_int_eq(row->state, TOYNET__V1__STATE__STATE_CLOSED);
	ck_assert_uint_eq(row->uid, UID);
	ck_assert_uint_eq(row->creator_pid, 77);
	ck_assert_uint_eq(row->inode, 5001);
	ck_assert(row->owned);
	ck_assert_str_eq(row->local->ip, "0.0.0.0");
	ck_assert_ptr_null(row->peer);
	toynet__v1__socket_row__free_unpacked(row, NULL);
	peer_end(&other);
	peer_end(&root);
	END();
}
END_TEST

START_TEST(a_long_list_is_paged_while_sockets_come_and_go)
{
	enum { SOCKETS = 4000 };
	Toynet__V1__ListRequest m = TOYNET__V1__LIST_REQUEST__INIT;
	struct socket *so[SOCKETS];
	uint64_t last;
	BEGIN(0);
	for (int i = 0; i < SOCKETS; i++)
		ck_assert_int_eq(socket_open(r.stack, SOCKET_UDP, IP_V4, 0, 1, &so[i]), 0);
	struct h2c_call *c = h2c_start(&p.h2, rpc_request("/toynet.v1.Sockets/List", &m));
	ck_assert(h2c_push(&p.h2));
	h2c_pull(&p.h2);
	/* The window is used up: what waits in the server is one page. */
	ck_assert(!c->ended);
	ck_assert_uint_gt(c->body_len, 0);
	for (int i = 0; i < SOCKETS; i += 2)
		socket_close(r.stack, so[i], false);
	stack_turn_end(r.stack);
	ck_assert(h2c_pump(&p.h2));
	ck_assert(c->ended);
	int n = count_rows(c, &last);
	ck_assert_int_gt(n, SOCKETS / 2);
	ck_assert_int_lt(n, SOCKETS);
	ck_assert_uint_eq(last, so[SOCKETS - 1]->id);
	for (int i = 1; i < SOCKETS; i += 2)
		socket_close(r.stack, so[i], false);
	END();
}
END_TEST

START_TEST(get_shows_the_control_block)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	rpc_answer_free(rpc_answer(rpc_connect_to(&p, &ref, false, NULL), &toynet__v1__connect_response__descriptor));
	struct socket *so = socket_by_id(r.stack, ref.id);
	struct frame_out f;
	while (stack_output(r.stack, &f))
		;
	stack_turn_end(r.stack);
	so->tcp.rcv.held = 0;
	Toynet__V1__Socket *m = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Get", &ref),
	                                   &toynet__v1__socket__descriptor);
	ck_assert_int_eq(m->row->state, TOYNET__V1__STATE__STATE_SYN_SENT);
	ck_assert_uint_eq(m->row->peer->port, 80);
	ck_assert_int_eq(m->control_block_case, TOYNET__V1__SOCKET__CONTROL_BLOCK_TCP);
	ck_assert_uint_eq(m->tcp->iss, so->tcp.snd.iss.n);
	ck_assert_uint_eq(m->tcp->snd_una, so->tcp.snd.una.n);
	ck_assert_uint_eq(m->tcp->snd_nxt, so->tcp.snd.nxt.n);
	ck_assert_int_eq(m->tcp->srtt_us, 0);
	ck_assert_str_eq(m->tcp->recovery, "open");
	ck_assert_str_eq(m->tcp->ask_ecn, "passive");
	ck_assert_uint_eq(m->tcp->initial_window, 10);
	ck_assert_int_eq(m->tcp->info->state, TOYNET__V1__STATE__STATE_SYN_SENT);
	ck_assert_uint_eq(m->tcp->info->unacked, 1);
	ck_assert_uint_eq(m->tcp->info->rto, 1000000);
	ck_assert_uint_eq(m->rcvbuf, so->tcp.rcvbuf);
	ck_assert_int_eq(m->since_receive_us, -1);
	ck_assert_uint_eq(m->n_timers, 1);
	ck_assert_str_eq(m->timers[0]->name, tcp_timer_names[TCP_TIMER_RETRANSMIT]);
	ck_assert_int_gt(m->timers[0]->expires_us, 0);
	rpc_answer_free(m);
	Toynet__V1__SocketRef udp = rpc_open(&p, TOYNET__V1__PROTOCOL__PROTOCOL_UDP, true);
	m = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Get", &udp), &toynet__v1__socket__descriptor);
	ck_assert_int_eq(m->control_block_case, TOYNET__V1__SOCKET__CONTROL_BLOCK_UDP);
	rpc_answer_free(m);
	END();
}
END_TEST

START_TEST(recv_q_is_exact_about_the_pair)
{
	BEGIN(UID);
	Toynet__V1__SocketRef ref = rpc_open_tcp(&p);
	rpc_answer_free(rpc_answer(rpc_connect_to(&p, &ref, false, NULL), &toynet__v1__connect_response__descriptor));
	struct socket *so = socket_by_id(r.stack, ref.id);
	so->tcp.rcv.held = 100;
	r.unread = 40;
	Toynet__V1__Socket *m = rpc_answer(rpc_call(&p, "/toynet.v1.Sockets/Get", &ref),
	                                   &toynet__v1__socket__descriptor);
	ck_assert_uint_eq(m->row->recv_q, 40);
	rpc_answer_free(m);
	so->tcp.rcv.held = 0;
	END();
}
END_TEST

START_TEST(administration)
{
	Toynet__V1__Impairment set = TOYNET__V1__IMPAIRMENT__INIT;
	Toynet__V1__ImpairDirection in = TOYNET__V1__IMPAIR_DIRECTION__INIT;
	Toynet__V1__GetInfoRequest info = TOYNET__V1__GET_INFO_REQUEST__INIT;
	Toynet__V1__GetStatsRequest stats = TOYNET__V1__GET_STATS_REQUEST__INIT;
	static const uint8_t junk[] = {1, 2, 3};
	struct peer root;
	BEGIN(UID);
	peer_begin(&root, &r, 0);
	/* Refused on its headers: no byte of the message is looked at. */
	rpc_failed(h2c_do(&p.h2, (struct h2c_request){.path = "/toynet.v1.Admin/SetImpairment",
	                                              .body = junk,
	                                              .body_len = sizeof(junk),
	                                              .open = true}),
	           GRPC_PERMISSION_DENIED, EACCES);
	r.impair.out.delay_us = 9;
	in.loss_ppm = 20000;
	set.in = &in;
	Toynet__V1__Impairment *m = rpc_answer(rpc_call(&root, "/toynet.v1.Admin/SetImpairment", &set),
	                                       &toynet__v1__impairment__descriptor);
	ck_assert_uint_eq(m->in->loss_ppm, 20000);
	ck_assert_uint_eq(m->out->delay_us, 9);
	rpc_answer_free(m);
	in.loss_ppm = 1000001;
	rpc_failed(rpc_call(&root, "/toynet.v1.Admin/SetImpairment", &set), GRPC_INVALID_ARGUMENT, EINVAL);
	ck_assert_uint_eq(r.impair.in.loss_ppm, 20000);
	r.env.now = instant_add(r.env.now, DURATION_S(1));
	Toynet__V1__GetInfoResponse *i = rpc_answer(rpc_call(&p, "/toynet.v1.Admin/GetInfo", &info),
	                                            &toynet__v1__get_info_response__descriptor);
	ck_assert_str_eq(i->interface, "toy0");
	ck_assert_str_eq(i->version, "0.1.0");
	ck_assert_str_eq(i->address, "192.0.2.2/24");
	ck_assert_str_eq(i->mac, "02:00:00:00:00:01");
	ck_assert_uint_eq(i->mtu, 1500);
	ck_assert_uint_eq(i->uptime_ms, 1000);
	ck_assert_uint_eq(i->memory, r.env.allocated);
	ck_assert_uint_gt(i->memory, 0);
	rpc_answer_free(i);
	rpc_open_tcp(&p);
	Toynet__V1__GetStatsResponse *s = rpc_answer(rpc_call(&p, "/toynet.v1.Admin/GetStats", &stats),
	                                             &toynet__v1__get_stats_response__descriptor);
	ck_assert_uint_eq(s->n_counters, 1);
	ck_assert_str_eq(s->counters[0]->name, "SocketOpens");
	rpc_answer_free(s);
	stats.all = true;
	s = rpc_answer(rpc_call(&p, "/toynet.v1.Admin/GetStats", &stats), &toynet__v1__get_stats_response__descriptor);
	ck_assert_uint_eq(s->n_counters, CNT_COUNT);
	const Toynet__V1__Counter *full = s->counters[CNT_UdpRcvbufErrors], *total = s->counters[CNT_UdpInErrors];
	ck_assert_int_eq(full->kind, TOYNET__V1__COUNTER_KIND__COUNTER_KIND_EVENTS);
	ck_assert_str_eq(full->part_of, total->name);
	ck_assert_int_eq(total->kind, TOYNET__V1__COUNTER_KIND__COUNTER_KIND_TOTAL);
	ck_assert_str_eq(total->part_of, "");
	ck_assert_int_eq(s->counters[CNT_TcpCurrEstab]->kind, TOYNET__V1__COUNTER_KIND__COUNTER_KIND_GAUGE);
	ck_assert_uint_eq(s->counters[CNT_IpForwarding]->value, 2);
	rpc_answer_free(s);
	peer_end(&root);
	END();
}
END_TEST

START_TEST(health)
{
	Grpc__Health__V1__HealthCheckRequest q = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	BEGIN(UID);
	Grpc__Health__V1__HealthCheckResponse *m = rpc_answer(rpc_call(&p, "/grpc.health.v1.Health/Check", &q),
	                                                      &grpc__health__v1__health_check_response__descriptor);
	ck_assert_int_eq(m->status, GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
	rpc_answer_free(m);
	q.service = (char *)(uintptr_t) "toynet.v1.Sockets";
	rpc_answer_free(rpc_answer(rpc_call(&p, "/grpc.health.v1.Health/Check", &q),
	                           &grpc__health__v1__health_check_response__descriptor));
	q.service = (char *)(uintptr_t) "toynet.v1.Socket";
	rpc_failed(rpc_call(&p, "/grpc.health.v1.Health/Check", &q), GRPC_NOT_FOUND, 0);
	struct h2c_request watch = rpc_request("/grpc.health.v1.Health/Watch", &q);
	watch.timeout = "1S";
	struct h2c_call *c = h2c_do(&p.h2, watch);
	ck_assert(!c->ended);
	ck_assert_uint_eq(c->body_len, GRPC_PREFIX_LEN + 2);
	ck_assert_uint_eq(c->body[GRPC_PREFIX_LEN + 1],
	                  GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN);
	r.env.now = instant_add(r.env.now, DURATION_S(1));
	rpc_tick(r.srv);
	ck_assert(h2c_pump(&p.h2));
	ck_assert(c->ended);
	ck_assert_int_eq(c->grpc_status, GRPC_DEADLINE_EXCEEDED);
	END();
}
END_TEST

Suite *rpc_show_suite(void);
Suite *rpc_show_suite(void)
{
	UNIT_SUITE("rpc_show", list_shows_what_the_caller_may_see, a_long_list_is_paged_while_sockets_come_and_go,
	           get_shows_the_control_block, recv_q_is_exact_about_the_pair, administration, health);
}
