/* Theory of operation. The device is opened without IFF_NAPI (slower here) and read until EAGAIN, one frame a call,
 * into a pool of buffers of the size of the largest super-frame; the pool is mapped lazily, so only buffers that large
 * frames ever reached cost memory. A buffer begins such that the IP header behind virtio and Ethernet header is
 * aligned. Frames go out with one writev, header and borrowed payload together. */
#include "host/tap.h"
#include "base/list.h"
#include "link/vnet.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAP_MTU_DEFAULT 1500
#define TAP_MTU_MIN     68
#define TAP_BUFFER      (66u << 10)
#define TAP_BUFFER_HEAD 8 /* + virtio header 10 + Ethernet header 14 = 32: the IP header is aligned */

_Static_assert(TAP_BUFFER >= TAP_BUFFER_HEAD + VNET_HDR_LEN + FRAME_MAX, "a super-frame fits");

static bool tap_send(struct link *l, const struct frame_out *f)
{
	struct tap *t = container_of(l, struct tap, link);
	uint8_t vnet[VNET_HDR_LEN];
	struct iovec iov[2 + FRAME_IOV_MAX] = {
	        {.iov_base = vnet, .iov_len = sizeof(vnet)},
	        {.iov_base = (void *)(uintptr_t)frame_hdr_const(f), .iov_len = f->hdr_len},
	};

	vnet_build(vnet, &f->off);
	memcpy(iov + 2, f->iov, (size_t)f->niov * sizeof(*iov));
	return writev(t->fd, iov, 2 + f->niov) >= 0;
}

static int tap_recv(struct link *l, struct frame_in *frames, int max)
{
	struct tap *t = container_of(l, struct tap, link);
	int n = 0;

	while (n < max && n < TAP_BATCH) {
		uint8_t *hdr = t->pool + (size_t)n * TAP_BUFFER + TAP_BUFFER_HEAD;
		ssize_t got = read(t->fd, hdr, TAP_BUFFER - TAP_BUFFER_HEAD);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN)
				t->error = errno;
			break;
		}
		if (got < VNET_HDR_LEN) {
			if (t->counters)
				COUNT(t->counters, LinkInTooShort);
			continue;
		}
		struct frame_in *f = &frames[n];
		f->data = hdr + VNET_HDR_LEN;
		f->len = (uint32_t)(got - VNET_HDR_LEN);
		f->off = (struct offload){0};
		if (!vnet_parse(hdr, f->data, f->len, &f->off)) {
			if (t->counters)
				COUNT(t->counters, LinkInBadOffload);
			continue;
		}
		n++;
	}
	return n;
}

static instant tap_deadline(struct link *l)
{
	(void)l;
	return INSTANT_NEVER;
}

static const struct link_ops tap_ops = {.send = tap_send, .recv = tap_recv, .deadline = tap_deadline};

void tap_set_offload(struct tap *t, bool offload)
{
	unsigned flags = offload ? TUN_F_CSUM | TUN_F_TSO4 : 0;

	if (ioctl(t->fd, TUNSETOFFLOAD, (unsigned long)flags) < 0)
		offload = false;
	t->link.caps = offload ? (struct link_caps){.csum = true, .gso_max = FRAME_MAX} : (struct link_caps){0};
}

/* Says why a step failed; the step's errno is in `error`. */
static bool fail(char why[TAP_ERROR_MAX], const char *name, const char *step, int error)
{
	snprintf(why, TAP_ERROR_MAX, "interface %s: cannot %s: %s", name, step, strerror(error));
	return false;
}

static bool set_ipv4(int s, struct ifreq *ifr, unsigned long request, struct ip_addr a)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip4_to_u32(a))};

	memcpy(&ifr->ifr_addr, &sin, sizeof(sin));
	return ioctl(s, request, ifr) == 0;
}

/* The kernel's side: MTU, address, up; and what it is. */
static bool configure(struct tap *t, const struct tap_options *o, char why[TAP_ERROR_MAX])
{
	struct ifreq ifr = {0};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = false;

	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	if (s < 0)
		return fail(why, t->name, "open a socket for ioctl", errno);
	if (o->mtu || t->created) {
		ifr.ifr_mtu = (int)(o->mtu ? o->mtu : TAP_MTU_DEFAULT);
		if (ioctl(s, SIOCSIFMTU, &ifr) < 0) {
			fail(why, t->name, "set the MTU (leave out --mtu to use the one it has)", errno);
			goto out;
		}
	}
	if (o->host_address.addr.family != IP_NONE) {
		uint8_t len = o->host_address.len;
		struct ip_addr mask = ip4_from_u32(len ? UINT32_MAX << (32 - len) : 0);
		if (!set_ipv4(s, &ifr, SIOCSIFADDR, o->host_address.addr) || !set_ipv4(s, &ifr, SIOCSIFNETMASK, mask)) {
			fail(why, t->name, "set host-address (it needs CAP_NET_ADMIN)", errno);
			goto out;
		}
	}
	if (t->created || o->host_address.addr.family != IP_NONE) {
		if (ioctl(s, SIOCGIFFLAGS, &ifr) == 0) {
			ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
			if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0) {
				fail(why, t->name, "bring the interface up", errno);
				goto out;
			}
		}
	}
	if (ioctl(s, SIOCGIFMTU, &ifr) < 0 || ifr.ifr_mtu < TAP_MTU_MIN) {
		fail(why, t->name, "read a usable MTU", errno);
		goto out;
	}
	t->mtu = (uint16_t)(ifr.ifr_mtu < UINT16_MAX ? ifr.ifr_mtu : UINT16_MAX);
	if (ioctl(s, SIOCGIFHWADDR, &ifr) < 0) {
		fail(why, t->name, "read the MAC address", errno);
		goto out;
	}
	memcpy(t->kernel_mac.b, ifr.ifr_hwaddr.sa_data, sizeof(t->kernel_mac.b));
	ok = true;
out:
	close(s);
	return ok;
}

static bool attach_failed(const char *name, int error, char why[TAP_ERROR_MAX])
{
	const char *what = strerror(error), *todo = "see the kernel's log";

	if (error == EBUSY) {
		what = "another process owns it (one program at a time may use a TAP)";
		todo = "stop that process, or choose another interface with --interface";
	} else if (error == EPERM || error == EACCES) {
		what = "not allowed to create or attach it";
		todo = "run as root or with CAP_NET_ADMIN, or have it made for this user beforehand: "
		       "ip tuntap add dev NAME mode tap user USER";
	} else if (error == EINVAL) {
		what = "an interface of this name exists and is not a single-queue TAP";
		todo = "choose another name with --interface";
	}
	snprintf(why, TAP_ERROR_MAX, "interface %s: %s: %s", name, what, todo);
	return false;
}

static bool attach(struct tap *t, const struct tap_options *o, char why[TAP_ERROR_MAX])
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header = VNET_HDR_LEN;

	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0) {
		snprintf(why, TAP_ERROR_MAX,
		         "cannot open /dev/net/tun: %s: load the kernel module `tun` (modprobe tun)%s", strerror(errno),
		         errno == EACCES || errno == EPERM ? ", or run as root" : "");
		return false;
	}
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", o->interface);
	t->created = if_nametoindex(o->interface) == 0;
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0)
		return attach_failed(o->interface, errno, why);
	memcpy(t->name, ifr.ifr_name, sizeof(t->name));
	if (ioctl(t->fd, TUNSETVNETHDRSZ, &header) < 0)
		return fail(why, t->name, "set the size of the virtio_net header", errno);
	tap_set_offload(t, o->offload);
	if (o->offload && !t->link.caps.csum)
		return fail(why, t->name, "switch on checksum and segmentation offload", errno);
	return configure(t, o, why);
}

/* Enters a named network namespace; *own is a descriptor for the way back. */
static bool enter(const char *netns, int *own, char why[TAP_ERROR_MAX])
{
	char path[128];

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	*own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = *own >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0;
	if (!ok)
		snprintf(why, TAP_ERROR_MAX, "cannot enter network namespace %s: %s: make it with `ip netns add %s`",
		         netns, strerror(errno), netns);
	if (there >= 0)
		close(there);
	return ok;
}

bool tap_open(struct tap *t, const struct tap_options *o, char why[TAP_ERROR_MAX])
{
	int own = -1;

	*t = (struct tap){.link.ops = &tap_ops, .fd = -1};
	bool ok = !o->netns || enter(o->netns, &own, why);
	if (ok)
		ok = attach(t, o, why);
	if (own >= 0) {
		if (setns(own, CLONE_NEWNET) < 0)
			ok = fail(why, o->interface, "come back from the network namespace", errno);
		close(own);
	}
	if (ok) {
		t->pool = mmap(NULL, (size_t)TAP_BATCH * TAP_BUFFER, PROT_READ | PROT_WRITE,
		               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (t->pool == MAP_FAILED) {
			t->pool = NULL;
			ok = fail(why, t->name, "allocate receive buffers", errno);
		}
	}
	if (!ok)
		tap_close(t);
	return ok;
}

bool tap_is_up(const struct tap *t, bool *up)
{
	struct ifreq ifr = {0};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return false;
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	bool known = ioctl(s, SIOCGIFFLAGS, &ifr) == 0;
	*up = known && (ifr.ifr_flags & IFF_UP) && (ifr.ifr_flags & IFF_RUNNING);
	close(s);
	return known;
}

void tap_close(struct tap *t)
{
	if (t->pool)
		munmap(t->pool, (size_t)TAP_BATCH * TAP_BUFFER);
	if (t->fd >= 0)
		close(t->fd);
	t->pool = NULL;
	t->fd = -1;
}
