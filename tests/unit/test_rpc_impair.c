/* The impairment's rules through the control plane. */
#include "rpc_rig.h"
#include <string.h>

#define ADD    "/toynet.v1.Admin/AddImpairRule"
#define DELETE "/toynet.v1.Admin/DeleteImpairRule"
#define GET    "/toynet.v1.Admin/GetImpairment"

#define TEXT(s) (char *)(uintptr_t)(s)

struct rule {
	Toynet__V1__ImpairRule m;
	Toynet__V1__FlowMatch match;
	Toynet__V1__ImpairDirection effect;
};

static void rule_init(struct rule *r)
{
	toynet__v1__impair_rule__init(&r->m);
	toynet__v1__flow_match__init(&r->match);
	toynet__v1__impair_direction__init(&r->effect);
	r->m.direction = TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_OUT;
	r->m.match = &r->match;
	r->m.effect = &r->effect;
	r->effect.loss_ppm = 500;
}

START_TEST(rules_are_added_shown_and_deleted)
{
	struct rule rule;
	Toynet__V1__GetImpairmentRequest get = TOYNET__V1__GET_IMPAIRMENT_REQUEST__INIT;
	Toynet__V1__DeleteImpairRuleRequest delete = TOYNET__V1__DELETE_IMPAIR_RULE_REQUEST__INIT;
	BEGIN(0);
	rule_init(&rule);
	rule.match.source = TEXT("10.1.0.0/16");
	rule.match.host = TEXT("10.0.0.9");
	rule.match.port = 80;
	rule.match.protocol = 6;
	rule.match.socket = 5;
	Toynet__V1__ImpairRule *added = rpc_answer(rpc_call(&p, ADD, &rule.m), &toynet__v1__impair_rule__descriptor);
	ck_assert_uint_eq(added->id, 1);
	ck_assert_str_eq(added->match->host, "10.0.0.9/32");
	rpc_answer_free(added);
	const struct impair_rule *there = list_entry(r.link.rules[LINK_OUT].list.next, struct impair_rule, link);
	ck_assert(there->match.port == 80 && there->match.socket == 5 && there->match.src.len == 16);
	ck_assert_uint_eq(there->queue.set.loss_ppm, 500);

	/* The order is that of being added; each direction on its own. */
	rule.m.direction = TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_IN;
	rule.m.match = NULL;
	rule.m.effect = NULL;
	rpc_answer_free(rpc_answer(rpc_call(&p, ADD, &rule.m), &toynet__v1__impair_rule__descriptor));
	Toynet__V1__Impairment *m = rpc_answer(rpc_call(&p, GET, &get), &toynet__v1__impairment__descriptor);
	ck_assert_uint_eq(m->n_rules, 2);
	ck_assert(m->rules[0]->id == 2 && m->rules[1]->id == 1);
	ck_assert_uint_eq(m->rules[0]->effect->loss_ppm, 0);
	ck_assert_str_eq(m->rules[1]->match->source, "10.1.0.0/16");
	ck_assert_str_eq(m->rules[1]->match->destination, "");
	rpc_answer_free(m);
	ck_assert_int_eq(r.link_changed, 2);

	delete.id = 3;
	rpc_failed(rpc_call(&p, DELETE, &delete), GRPC_NOT_FOUND, ENOENT);
	delete.id = 1;
	rpc_answer_free(
	        rpc_answer(rpc_call(&p, DELETE, &delete), &toynet__v1__delete_impair_rule_response__descriptor));
	ck_assert_uint_eq(r.link.rules[LINK_OUT].count, 0);
	delete.id = 0;
	rpc_answer_free(
	        rpc_answer(rpc_call(&p, DELETE, &delete), &toynet__v1__delete_impair_rule_response__descriptor));
	ck_assert_uint_eq(r.link.rules[LINK_IN].count, 0);
	ck_assert_int_eq(r.link_changed, 4);
	END();
}
END_TEST

START_TEST(wrong_rules_are_refused)
{
	struct rule rule;
	BEGIN(0);
#define REFUSED(change)                                                                \
	do {                                                                           \
		rule_init(&rule);                                                      \
		change;                                                                \
		rpc_failed(rpc_call(&p, ADD, &rule.m), GRPC_INVALID_ARGUMENT, EINVAL); \
	} while (0)
	REFUSED(rule.m.direction = TOYNET__V1__LINK_DIRECTION__LINK_DIRECTION_UNSPECIFIED);
	REFUSED(rule.effect.loss_ppm = 1000001);
	REFUSED(rule.match.source = TEXT("10.0.0"));
	REFUSED(rule.match.destination = TEXT("10.0.0.1/33"));
	REFUSED(rule.match.host = TEXT("host"));
	REFUSED(rule.match.port = 65536);
	REFUSED(rule.match.protocol = 256);
#undef REFUSED
	rule_init(&rule);
	for (int i = 0; i < IMPAIR_RULES_MAX; i++)
		rpc_answer_free(rpc_answer(rpc_call(&p, ADD, &rule.m), &toynet__v1__impair_rule__descriptor));
	rpc_failed(rpc_call(&p, ADD, &rule.m), GRPC_RESOURCE_EXHAUSTED, ENOBUFS);
	END();
}
END_TEST

START_TEST(changing_needs_privilege)
{
	struct rule rule;
	Toynet__V1__DeleteImpairRuleRequest delete = TOYNET__V1__DELETE_IMPAIR_RULE_REQUEST__INIT;
	BEGIN(UID);
	rule_init(&rule);
	rpc_failed(rpc_call(&p, ADD, &rule.m), GRPC_PERMISSION_DENIED, EACCES);
	rpc_failed(rpc_call(&p, DELETE, &delete), GRPC_PERMISSION_DENIED, EACCES);
	ck_assert_int_eq(r.link_changed, 0);
	END();
}
END_TEST

Suite *rpc_impair_suite(void);
Suite *rpc_impair_suite(void)
{
	UNIT_SUITE("rpc_impair", rules_are_added_shown_and_deleted, wrong_rules_are_refused, changing_needs_privilege);
}
