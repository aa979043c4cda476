/* What the DHCP client does, one line of the log for each event. */
#ifndef TOYNET_HOST_DHCP_LOG_H
#define TOYNET_HOST_DHCP_LOG_H

#include "stack/dhcp.h"

/* While the event happens: d->lease is the lease that it is about. */
void dhcp_log(const struct dhcp *d, enum dhcp_event event);

#endif
