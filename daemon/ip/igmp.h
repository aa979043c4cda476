/* Multicast groups and IGMPv3 (RFC 3376): who listens to what, and how the routers learn of it.
 *
 * Theory of operation. A socket's membership of a group has a filter: the sources that it wants (INCLUDE), or those
 * that it does not want (EXCLUDE). All memberships of one group make the filter of the interface (RFC 3376 3.2), which
 * decides what ipv4_input takes, and whose changes are reported: at once, and again [Robustness Variable] - 1 times.
 * Queries are answered after a random delay. When an older router asks, the answers are those of IGMPv2 or IGMPv1
 * (RFC 3376 7.2.1, RFC 2236, RFC 1112 Appendix I), which know groups without sources.
 *
 * transport/ calls the membership functions; the rest is used inside ip/ only. All state is in struct igmp_layer and in
 * the memberships, and bounded by the constants below. */
#ifndef TOYNET_IP_IGMP_H
#define TOYNET_IP_IGMP_H

#include "base/addr.h"
#include "base/list.h"
#include "base/snap.h"
#include "base/timer.h"

#define IGMP_GROUPS_MAX         256 /* of the interface */
#define IGMP_MEMBERSHIPS_MAX    20  /* of one socket, as Linux's igmp_max_memberships */
#define IGMP_SOURCES_MAX        10  /* of one membership, as Linux's igmp_max_msf */
#define IGMP_GROUP_SOURCES_MAX  64  /* of a group on the interface; more: all sources are taken */
#define IGMP_QUERIED_MAX        64  /* RFC 3376 9.1: sources that are kept of a query; more: all are reported */
#define IGMP_REPORTS_BURST      64  /* state-change reports at once, and then */
#define IGMP_REPORTS_PER_SECOND 100 /* so many; later ones are put together */
#define IGMP_ROBUSTNESS         2   /* RFC 3376 8.1, until a querier tells another */
#define IGMP_QUERY_INTERVAL     125 /* seconds; RFC 3376 8.2, until a querier tells another */

/* Distinguishes our one timer node from those of ARP, whose low half is an address. */
#define IGMP_TIMER_TIE (UINT64_C(1) << 63 | UINT64_C(1) << 40)

struct ip_layer;
struct ip_rx;
struct igmp_group;

enum igmp_mode { IGMP_INCLUDE, IGMP_EXCLUDE, IGMP_MODES };
enum igmp_change {
	IGMP_JOIN,         /* IP_ADD_MEMBERSHIP: from all sources */
	IGMP_LEAVE,        /* IP_DROP_MEMBERSHIP, whatever the filter */
	IGMP_JOIN_SOURCE,  /* IP_ADD_SOURCE_MEMBERSHIP */
	IGMP_LEAVE_SOURCE, /* IP_DROP_SOURCE_MEMBERSHIP: with the last source the membership ends */
	IGMP_BLOCK,        /* IP_BLOCK_SOURCE */
	IGMP_UNBLOCK       /* IP_UNBLOCK_SOURCE */
};

/* One socket's membership of one group. */
struct igmp_membership {
	struct list of_socket; /* in the socket's list */
	struct list of_group;
	struct igmp_group *group;
	enum igmp_mode mode;
	uint8_t count;
	struct ip_addr source[IGMP_SOURCES_MAX];
};

struct igmp_source {
	struct ip_addr addr;
	bool listed;  /* in the interface's filter; else it only has reports left */
	uint8_t left; /* state-change reports that still name it */
};

/* The reception state of the interface for one group. */
struct igmp_group {
	struct list link;
	struct list members;
	struct ip_addr addr;
	enum igmp_mode mode;
	uint8_t mode_left; /* reports of a change of the mode still to be sent (IGMPv1, v2: of the membership) */
	uint8_t count;
	struct igmp_source source[IGMP_GROUP_SOURCES_MAX];
	instant change_at; /* the next state-change report */
	instant answer_at; /* the answer to a query for this group; IGMPv1, v2: to any */
	uint8_t queried;   /* sources that the query named; 0: the whole group */
	struct ip_addr asked[IGMP_QUERIED_MAX];
};

struct igmp_layer {
	struct list groups; /* in the order of joining */
	uint32_t count;
	struct timer_node timer;
	instant answer_at;          /* the answer to a general query */
	instant v1_until, v2_until; /* RFC 3376 7.2.1: older queriers are present */
	uint8_t version;            /* Host Compatibility Mode: 1, 2, 3 */
	uint8_t robustness;         /* 1 to 7 */
	uint32_t query_interval;    /* seconds */
	uint32_t tokens;            /* state-change reports that may be sent now */
	instant refilled;
};

/* Registers for protocol 2. Its timer node is one of IP_TIMERS_MAX. */
void igmp_init(struct ip_layer *ip);
/* No memberships may be left. */
void igmp_free(struct ip_layer *ip);
void igmp_timer(struct ip_layer *ip);
/* RFC 3376 3.2: is a datagram from src to group wanted on this interface? IGMP itself (protocol 2) is, from anybody. */
bool igmp_wants(const struct ip_layer *ip, struct ip_addr group, struct ip_addr src, uint8_t protocol);

/* Changes the membership in a socket's list (RFC 3376 2, IPMulticastListen); source is used by four of the changes. 0,
 * EINVAL (not a group; the membership has another filter mode), EADDRINUSE (a member already), EADDRNOTAVAIL (no
 * member, or no such source), ENOBUFS (a bound, or memory). */
int igmp_change(struct ip_layer *ip, struct list *set, enum igmp_change what, struct ip_addr group,
                struct ip_addr source);
/* Ends all memberships of a socket. */
void igmp_leave_all(struct ip_layer *ip, struct list *set);
/* RFC 3376 3.1: does a socket with these memberships want a datagram from src to group? other: what if it is no member.
 */
bool igmp_set_wants(const struct list *set, struct ip_addr group, struct ip_addr src, bool other);
void snap_igmp(struct snap *s, struct ip_layer *ip);
/* The memberships of one socket, after snap_igmp. The list is empty when loading. */
void snap_igmp_set(struct snap *s, struct ip_layer *ip, struct list *set);

#endif
