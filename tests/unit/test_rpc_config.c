/* rpc/methods_config: who may read and change the configuration. */
#include "rpc_rig.h"

static struct h2c_call *set(struct peer *p, const char *key, const char *value)
{
	Toynet__V1__SetConfigRequest m = TOYNET__V1__SET_CONFIG_REQUEST__INIT;
	Toynet__V1__ConfigSetting s = TOYNET__V1__CONFIG_SETTING__INIT, *settings[] = {&s};

	s.key = (char *)(uintptr_t)key;
	s.value = (char *)(uintptr_t)value;
	m.settings = settings;
	m.n_settings = 1;
	return rpc_call(p, "/toynet.v1.Admin/SetConfig", &m);
}

START_TEST(everybody_reads)
{
	Toynet__V1__GetConfigRequest m = TOYNET__V1__GET_CONFIG_REQUEST__INIT;
	BEGIN(UID);
	Toynet__V1__Config *c = rpc_answer(rpc_call(&p, "/toynet.v1.Admin/GetConfig", &m),
	                                   &toynet__v1__config__descriptor);
	ck_assert_uint_eq(c->n_entries, 2);
	ck_assert_str_eq(c->entries[0]->key, "tcp.ecn");
	ck_assert_str_eq(c->entries[1]->key, "tcp.delack");
	ck_assert(c->entries[1]->changeable);
	rpc_answer_free(c);
	END();
}
END_TEST

START_TEST(only_administrators_change)
{
	Toynet__V1__SetConfigRequest empty = TOYNET__V1__SET_CONFIG_REQUEST__INIT;
	struct peer root;
	BEGIN(UID);
	rpc_failed(set(&p, "tcp.ecn", "on"), GRPC_PERMISSION_DENIED, EACCES);
	ck_assert_str_eq(r.config[0], "");
	peer_begin(&root, &r, 0);
	Toynet__V1__Config *c = rpc_answer(set(&root, "tcp.ecn", "on"), &toynet__v1__config__descriptor);
	/* The answer has what was named. */
	ck_assert_uint_eq(c->n_entries, 1);
	ck_assert_str_eq(c->entries[0]->key, "tcp.ecn");
	ck_assert_str_eq(c->entries[0]->value, "on");
	rpc_answer_free(c);
	rpc_failed(set(&root, "tcp.nonsense", "on"), GRPC_INVALID_ARGUMENT, EINVAL);
	rpc_failed(rpc_call(&root, "/toynet.v1.Admin/SetConfig", &empty), GRPC_INVALID_ARGUMENT, EINVAL);
	ck_assert_str_eq(r.config[0], "on");
	peer_end(&root);
	END();
}
END_TEST

Suite *rpc_config_suite(void);
Suite *rpc_config_suite(void)
{
	UNIT_SUITE("rpc_config", everybody_reads, only_administrators_change);
}
