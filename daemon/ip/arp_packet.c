/* RFC 826 for Ethernet and IPv4: what a packet must be to be believed at all, and the four that we send. */
#include "ip/arp_packet.h"

#include "base/bytes.h"
#include "ip/ip_owed.h"
#include "ip/ipv4.h"
#include "ip/route.h"
#include "link/ether.h"
#include "link/flat.h"

#define ARP_LEN         28
#define ARP_HW_ETHERNET 1

/* RFC 826: Ethernet and IPv4, with their lengths, or the packet is dropped. Bytes beyond are padding. */
bool arp_parse(const struct ip_layer *ip, const uint8_t *packet, uint32_t len, struct arp_packet *a)
{
	if (len < ARP_LEN || load_be16(packet) != ARP_HW_ETHERNET || load_be16(packet + 2) != ETHER_TYPE_IP4 ||
	    packet[4] != 6 || packet[5] != 4)
		return false;
	a->op = load_be16(packet + 6);
	memcpy(a->sha.b, packet + 8, 6);
	a->spa = ip4_from_bytes(packet + 14);
	memcpy(a->tha.b, packet + 18, 6);
	a->tpa = ip4_from_bytes(packet + 24);
	if (a->op != ARP_OP_REQUEST && a->op != ARP_OP_REPLY)
		return false;
	/* RFC 1122 2.3.2.1, RFC 1812 3.3.2: no station may be entered under a group address, nor a group as a station.
	 * RFC 5227 1.1: a probe has the sender 0.0.0.0. */
	return !mac_is_group(a->sha) && !mac_eq(a->sha, ip->cfg.mac) &&
	       (ip4_is_host(ip, a->spa) || ip_eq(a->spa, ip4(0, 0, 0, 0)));
}

void arp_send(struct ip_layer *ip, uint16_t op, struct mac_addr to, struct ip_addr spa, struct ip_addr tpa)
{
	struct flat_frame *f = flat_new(ip->env, ETHER_HDR_LEN + ARP_LEN);
	if (!f) {
		ip_drop(ip, CNT_ArpOutDrops, NULL, 0);
		return;
	}
	uint8_t *p = f->bytes;
	ether_build(p, &(struct ether_hdr){.dst = to, .src = ip->cfg.mac, .type = ETHER_TYPE_ARP});
	p += ETHER_HDR_LEN;
	store_be16(p, ARP_HW_ETHERNET);
	store_be16(p + 2, ETHER_TYPE_IP4);
	p[4] = 6;
	p[5] = 4;
	store_be16(p + 6, op);
	memcpy(p + 8, ip->cfg.mac.b, 6);
	memcpy(p + 14, spa.b, 4);
	if (!mac_is_group(to))
		memcpy(p + 18, to.b, 6);
	memcpy(p + 24, tpa.b, 4);
	if (ip_owe(ip, f)) {
		if (op == ARP_OP_REQUEST)
			COUNT(ip->cnt, ArpOutRequests);
		else
			COUNT(ip->cnt, ArpOutReplies);
	}
}

void arp_probe(struct ip_layer *ip, struct ip_addr a)
{
	COUNT(ip->cnt, ArpOutProbes);
	arp_send(ip, ARP_OP_REQUEST, MAC_BROADCAST, ip4(0, 0, 0, 0), a);
}

void arp_announce(struct ip_layer *ip, struct ip_addr a)
{
	COUNT(ip->cnt, ArpOutAnnouncements);
	arp_send(ip, ARP_OP_REQUEST, MAC_BROADCAST, a, a);
}
