/* See ip_owed.h. Frames leave in the order in which they came, fragments (ip_cut.c) behind them. The frame that ip_pull
 * lent out lives until the next pull.
 *
 * The bound IP_CONTROL_QUEUE_MAX is on replies; frames that ARP releases were counted against ARP's own bounds. */
#include "ip/ip_owed.h"

#include "base/bytes.h"
#include "ip/arp.h"
#include "link/ether.h"

bool ip_owe(struct ip_layer *ip, struct flat_frame *f)
{
	if (ip->owed_count >= IP_CONTROL_QUEUE_MAX) {
		bool arp = load_be16(f->bytes + ETHER_OFF_TYPE) == ETHER_TYPE_ARP;
		ip_drop(ip, arp ? CNT_ArpOutDrops : CNT_ControlQueueDrops, f->bytes, f->len);
		flat_free(ip->env, f);
		return false;
	}
	ip_owe_released(ip, f);
	return true;
}

void ip_owe_released(struct ip_layer *ip, struct flat_frame *f)
{
	list_push_back(&ip->owed, &f->link);
	ip->owed_count++;
}

/* The frame may have been built for a link that could do more than the present one. False: it cannot be sent now. */
static bool owed_fits_link(const struct ip_layer *ip, struct flat_frame *f)
{
	if (f->off.gso != GSO_NONE)
		return ip->caps.csum && f->len <= ip->caps.gso_max;
	return ip->caps.csum || flat_complete_csum(f);
}

bool ip_pull(struct ip_layer *ip, struct frame_out *out)
{
	flat_free(ip->env, ip->pulled);
	ip->pulled = NULL;
	while (!list_empty(&ip->owed)) {
		struct flat_frame *f = list_entry(ip->owed.next, struct flat_frame, link);
		list_remove(&f->link);
		ip->owed_count--;
		if (owed_fits_link(ip, f)) {
			ip->pulled = f;
			flat_view_out(f, out);
			return true;
		}
		ip_drop(ip, CNT_IpOutLinkChanged, f->bytes, f->len);
		flat_free(ip->env, f);
	}
	return cut_pull(ip, out);
}

void ip_owed_free(struct ip_layer *ip)
{
	flat_free(ip->env, ip->pulled);
	ip->pulled = NULL;
	flat_list_free(ip->env, &ip->owed);
	ip->owed_count = 0;
}

void snap_ip_owed(struct snap *s, struct ip_layer *ip)
{
	snap_flat_list(s, ip->env, &ip->owed, IP_CONTROL_QUEUE_MAX + ARP_ENTRIES_MAX * ARP_QUEUE_FRAMES_MAX);
	if (!snap_loading(s))
		return;
	ip->owed_count = 0;
	list_for_each(it, &ip->owed) ip->owed_count++;
}
