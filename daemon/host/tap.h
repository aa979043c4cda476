/* The TAP driver: frames to and from the kernel, virtio_net_hdr in front of each.
 *
 * Opening attaches to an existing TAP, or creates one; a TAP that was created is brought up, with the MTU asked for.
 * One program at a time owns a TAP. All system calls of the link are here; the header's meaning is in link/vnet.h. */
#ifndef TOYNET_HOST_TAP_H
#define TOYNET_HOST_TAP_H

#include "base/addr.h"
#include "base/counters.h"
#include "link/link.h"
#include <net/if.h>

#define TAP_BATCH     64 /* frames in one recv */
#define TAP_ERROR_MAX 400

struct tap_options {
	const char *interface;
	const char *netns;             /* name under /run/netns, NULL: this one; the calling thread stays in its own */
	struct ip_prefix host_address; /* of the kernel's side; addr.family IP_NONE: leave it alone */
	uint32_t mtu;                  /* 0: 1500 for a TAP that is created, else what it has */
	bool offload;                  /* checksums and TCP segmentation over IPv4 are left to the other side */
};

struct tap {
	struct link link;
	int fd;
	char name[IFNAMSIZ];
	bool created;
	uint16_t mtu;
	struct mac_addr kernel_mac;
	struct counters *counters; /* LinkInBadOffload; NULL until the driver has a stack */
	int error;                 /* errno that says the device is gone; 0 */
	uint8_t *pool;             /* TAP_BATCH receive buffers */
};

/* False: one line in why says what is wrong and what to do; *t is closed. */
bool tap_open(struct tap *t, const struct tap_options *o, char why[TAP_ERROR_MAX]);
void tap_close(struct tap *t);
/* Is the kernel's side up? False: it cannot be found out (the interface was renamed, no descriptor is left). */
bool tap_is_up(const struct tap *t, bool *up);
/* Switches offloads in both directions; t->link.caps tells what holds. */
void tap_set_offload(struct tap *t, bool offload);

#endif
