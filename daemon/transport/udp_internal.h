/* What the files of UDP share. */
#ifndef TOYNET_TRANSPORT_UDP_INTERNAL_H
#define TOYNET_TRANSPORT_UDP_INTERNAL_H

#include "transport/udp.h"

static inline struct udp *udp_of_pcb(struct pcb *p)
{
	return container_of(p, struct udp, pcb);
}
/* The handlers for protocol 17; ctx is the udp_layer. */
void udp_input(void *ctx, const struct ip_rx *rx);
void udp_error(void *ctx, const struct ip_error *e);
void udp_arrivals_free(struct udp_layer *l);
/* The frame that udp_output lent out is done with: an empty send ring goes back to the pool, and who waits for room
 * hears of it. */
void udp_return_lent(struct udp_layer *l);

#endif
