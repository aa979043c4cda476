/* See dhcp_log.h. */
#include "host/dhcp_log.h"
#include "host/log.h"
#include <stdio.h>

#define TERM_TEXT_MAX 32

/* "for 600 s", "for ever" */
static const char *term(const struct dhcp_lease *l, char text[TERM_TEXT_MAX])
{
	if (l->lease_s == DHCP_LEASE_INFINITE)
		snprintf(text, TERM_TEXT_MAX, "for ever");
	else
		snprintf(text, TERM_TEXT_MAX, "for %u s", l->lease_s);
	return text;
}

static void log_bound(const struct dhcp_lease *l)
{
	char address[PREFIX_TEXT_MAX], server[IP_ADDR_TEXT_MAX], router[IP_ADDR_TEXT_MAX] = "none", t[TERM_TEXT_MAX];

	if (l->params.routers)
		ip_format(l->params.router[0], router);
	log_line("DHCP: bound to %s %s, server %s, router %s", prefix_format(l->address, address), term(l, t),
	         ip_format(l->server, server), router);
}

void dhcp_log(const struct dhcp *d, enum dhcp_event event)
{
	const struct dhcp_lease *l = &d->lease;
	char address[PREFIX_TEXT_MAX], server[IP_ADDR_TEXT_MAX], t[TERM_TEXT_MAX];

	prefix_format(l->address, address);
	ip_format(l->server, server);
	switch (event) {
	case DHCP_EVENT_BOUND:
		log_bound(l);
		return;
	case DHCP_EVENT_RENEWED:
		log_line("DHCP: %s renewed %s, server %s", address, term(l, t), server);
		return;
	case DHCP_EVENT_EXPIRED:
		log_line("DHCP: lost %s: no server has renewed it in time", address);
		return;
	case DHCP_EVENT_REFUSED:
		if (l->address.addr.family == IP_NONE)
			log_line("DHCP: server %s has taken its offer back", server);
		else
			log_line("DHCP: lost %s: a server has refused to renew it", address);
		return;
	case DHCP_EVENT_CONFLICT:
		log_line("DHCP: %s is another station's: given back to server %s", address, server);
		return;
	case DHCP_EVENT_UNUSABLE:
		log_line("DHCP: %s of server %s cannot be taken", address, server);
		return;
	case DHCP_EVENT_SILENCE:
		log_line("DHCP: no server answers; still asking");
		return;
	case DHCP_EVENT_RELEASED:
		log_line("DHCP: %s given back to server %s", address, server);
		return;
	case DHCP_EVENTS:
		break;
	}
}
