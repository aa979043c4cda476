/* NETLINK_SOCK_DIAG, exact requests by inode (struct unix_diag_req). */
#include "host/diag.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MAX 1024

struct answer {
	int error; /* 0, or the errno of the kernel's answer */
	bool has_peer;
	uint32_t peer, rqueue;
};

static void read_answer(const struct nlmsghdr *h, struct answer *a)
{
	if (h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(h);
		a->error = -e->error;
		return;
	}
	const struct unix_diag_msg *m = NLMSG_DATA(h);
	unsigned len = (unsigned)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));
	const struct rtattr *attr = (const void *)(m + 1);
	a->error = 0;
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if (attr->rta_type == UNIX_DIAG_PEER) {
			memcpy(&a->peer, RTA_DATA(attr), sizeof(a->peer));
			a->has_peer = true;
		} else if (attr->rta_type == UNIX_DIAG_RQLEN) {
			struct unix_diag_rqlen rq;
			memcpy(&rq, RTA_DATA(attr), sizeof(rq));
			a->rqueue = rq.udiag_rqueue;
		}
	}
}

static struct answer ask(int diag, uint32_t inode, uint32_t show)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req req;
	} q = {
	        .h = {.nlmsg_len = sizeof(q), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
	        .req = {.sdiag_family = AF_UNIX,
	                .udiag_states = UINT32_MAX,
	                .udiag_ino = inode,
	                .udiag_show = show,
	                .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
	};
	struct answer a = {.error = EIO};
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];

	if (send(diag, &q, sizeof(q), 0) != (ssize_t)sizeof(q))
		return a;
	ssize_t n = recv(diag, buf, sizeof(buf), MSG_DONTWAIT);
	const struct nlmsghdr *h = (const void *)buf;
	if (n > 0 && NLMSG_OK(h, (size_t)n))
		read_answer(h, &a);
	return a;
}

static uint32_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint32_t)st.st_ino : 0;
}

int diag_open(void)
{
	int pair[2];
	int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (diag < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		close(diag);
		return -1;
	}
	struct answer a = ask(diag, inode_of(pair[0]), UDIAG_SHOW_PEER);
	bool right = a.error == 0 && a.has_peer && a.peer == inode_of(pair[1]);
	close(pair[1]);
	right = right && diag_peer_gone(diag, pair[0]);
	close(pair[0]);
	if (!right) {
		close(diag);
		errno = a.error ? a.error : EOPNOTSUPP;
		return -1;
	}
	return diag;
}

bool diag_peer_gone(int diag, int fd)
{
	struct answer a = ask(diag, inode_of(fd), UDIAG_SHOW_PEER);

	return a.error == 0 && (!a.has_peer || a.peer == 0);
}

uint32_t diag_unread(int diag, uint64_t inode)
{
	struct answer a = ask(diag, (uint32_t)inode, UDIAG_SHOW_RQLEN);

	return a.error == 0 ? a.rqueue : 0;
}
