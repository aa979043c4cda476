/* The Admin service, part two: the configuration. The table of keys is host/'s; here is only its way over the wire. */
#include "rpc/methods.h"
#include <stdio.h>

#define ENTRIES_MAX 128
#define KEY_MAX     64

struct entry_message {
	Toynet__V1__ConfigEntry m;
	struct rpc_config_entry entry;
	char key[KEY_MAX];
};

static void entry_fill(struct entry_message *e)
{
	snprintf(e->key, sizeof(e->key), "%s.%s", e->entry.section, e->entry.name);
	toynet__v1__config_entry__init(&e->m);
	e->m.key = e->key;
	e->m.value = e->entry.value;
	e->m.changeable = e->entry.changeable;
	e->m.help = (char *)(uintptr_t)e->entry.help;
}

/* Is it one of those that were asked for? */
static bool named(const struct entry_message *e, const struct rpc_config_setting *settings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(settings[i].key, e->key) == 0 || strcmp(settings[i].key, e->entry.name) == 0)
			return true;
	return false;
}

/* settings NULL: every key. */
static void reply_config(struct call *c, const struct rpc_config_setting *settings, size_t n)
{
	const struct rpc_server *srv = c->conn->srv;
	Toynet__V1__Config m = TOYNET__V1__CONFIG__INIT;
	struct entry_message entries[ENTRIES_MAX];
	Toynet__V1__ConfigEntry *pointers[ENTRIES_MAX];

	m.entries = pointers;
	for (size_t i = 0; m.n_entries < ENTRIES_MAX; i++) {
		struct entry_message *e = &entries[m.n_entries];
		if (!srv->host->config_entry(srv->ctx, i, &e->entry))
			break;
		entry_fill(e);
		if (!settings || named(e, settings, n))
			pointers[m.n_entries++] = &e->m;
	}
	call_reply(c, &m.base);
}

void admin_get_config(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	(void)request;
	(void)so;
	reply_config(c, NULL, 0);
}

void admin_set_config(struct call *c, const ProtobufCMessage *request, struct socket *so)
{
	const struct rpc_server *srv = c->conn->srv;
	const Toynet__V1__SetConfigRequest *r = (const Toynet__V1__SetConfigRequest *)request;
	struct rpc_config_setting settings[RPC_CONFIG_SETTINGS_MAX];
	char why[RPC_CONFIG_WHY_MAX] = "";

	(void)so;
	if (r->n_settings == 0 || r->n_settings > RPC_CONFIG_SETTINGS_MAX) {
		call_errno(c, EINVAL, r->n_settings ? "too many settings at once" : "the request has no setting");
		return;
	}
	for (size_t i = 0; i < r->n_settings; i++)
		settings[i] = (struct rpc_config_setting){r->settings[i]->key, r->settings[i]->value};
	int err = srv->host->config_change(srv->ctx, settings, r->n_settings, why);
	if (err)
		call_errno(c, err, why);
	else
		reply_config(c, settings, r->n_settings);
}
