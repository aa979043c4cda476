/* One line for each thing that becomes of an address; claims are told once in ADDRESS_LOG_INTERVAL, with the number of
 * those that were not told. */
#include "host/address_log.h"
#include "host/log.h"

static void claimed(struct address_log *l, const char *address, const char *station)
{
	instant now = l->env->now;

	if (!instant_is_never(l->told) && instant_lt(now, instant_add(l->told, ADDRESS_LOG_INTERVAL))) {
		l->untold++;
		return;
	}
	if (l->untold)
		log_line("another station, %s, claims %s; it stays ours (%u more since the last such line)", station,
		         address, l->untold);
	else
		log_line("another station, %s, claims %s; it stays ours", station, address);
	l->told = now;
	l->untold = 0;
}

static void changed(void *ctx, struct ip_addr a, enum ip_address_event event, struct mac_addr station)
{
	char address[IP_ADDR_TEXT_MAX], mac[MAC_TEXT_MAX];

	ip_format(a, address);
	mac_format(station, mac);
	switch (event) {
	case IP_ADDRESS_READY:
		log_line("%s is ours: no other station has it", address);
		return;
	case IP_ADDRESS_CONFLICT:
		log_line("another station, %s, has %s: we do not use it", mac, address);
		return;
	case IP_ADDRESS_CLAIMED:
		claimed(ctx, address, mac);
		return;
	case IP_ADDRESS_LOST:
		log_line("another station, %s, insists on %s: we give it up", mac, address);
		return;
	case IP_ADDRESS_EVENTS:
		return;
	}
}

void address_log_begin(struct address_log *l, struct stack *s)
{
	*l = (struct address_log){.env = stack_env(s), .told = INSTANT_NEVER};
	stack_watch_addresses(s, changed, l);
}
