/* The queue of frames that the layer itself owes: ARP, replies, and what waited for a resolution. Used inside ip/ only.
 */
#ifndef TOYNET_IP_IP_OWED_H
#define TOYNET_IP_IP_OWED_H

#include "ip/ip.h"
#include "link/flat.h"

/* Takes f, whole down to Ethernet. False: the queue holds IP_CONTROL_QUEUE_MAX frames, and f was dropped and counted.
 */
bool ip_owe(struct ip_layer *ip, struct flat_frame *f);
/* The same for a frame that is bounded by another queue already (ARP's): never dropped. */
void ip_owe_released(struct ip_layer *ip, struct flat_frame *f);
void ip_owed_free(struct ip_layer *ip);
void snap_ip_owed(struct snap *s, struct ip_layer *ip);

#endif
