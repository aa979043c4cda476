/* ARP packets (RFC 826), read and written. Used inside ip/ only. */
#ifndef TOYNET_IP_ARP_PACKET_H
#define TOYNET_IP_ARP_PACKET_H

#include "ip/ip.h"

#define ARP_OP_REQUEST 1
#define ARP_OP_REPLY   2

struct arp_packet {
	uint16_t op; /* one of the two */
	struct mac_addr sha, tha;
	struct ip_addr spa, tpa; /* spa: of a host, or 0.0.0.0 */
};

/* Reads from behind the Ethernet header on. False: malformed, or by ourselves. */
bool arp_parse(const struct ip_layer *ip, const uint8_t *packet, uint32_t len, struct arp_packet *a);
/* Sends one to the station `to`, which is asked or answered. */
void arp_send(struct ip_layer *ip, uint16_t op, struct mac_addr to, struct ip_addr spa, struct ip_addr tpa);
/* RFC 5227 1.1: who has a? We have no address of our own yet. */
void arp_probe(struct ip_layer *ip, struct ip_addr a);
/* RFC 5227 1.1: we have a. */
void arp_announce(struct ip_layer *ip, struct ip_addr a);

#endif
