/* The internet layer as the transports and the stack see it: addresses, routes, input dispatch by protocol, output.
 *
 * Theory of operation. Input: ether_input (link/ether.h framing) hands IPv4 datagrams to ipv4.c and ARP packets to
 * arp.c. A valid datagram for us goes to the handler that is registered for its protocol (ICMP is one of them);
 * handlers change state, and what must be answered at once is queued with ip_send_copy. Output: a transport builds its
 * header and borrowed payload in a frame_out and calls ip_output, which prepends the IP and Ethernet headers; where the
 * next hop's MAC address is still unknown the frame is copied into the ARP entry's bounded queue. Frames that the layer
 * itself owes (ARP, replies, queued frames after a resolution) are pulled with ip_pull before the transports are asked.
 *
 * transport/ and stack/ may call what is here; link/ may not. */
#ifndef TOYNET_IP_IP_H
#define TOYNET_IP_IP_H

#include "base/addr.h"
#include "base/counters.h"
#include "base/env.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/packet.h"
#include "base/snap.h"
#include "base/timer.h"
#include "base/trace.h"
#include "ip/igmp.h"
#include "ip/ip_cut.h"
#include "ip/reasm.h"
#include "link/link.h"
#include "link/loop.h"

#define IP_PROTO_ICMP 1
#define IP_PROTO_IGMP 2
#define IP_PROTO_TCP  6
#define IP_PROTO_UDP  17

#define IP_ADDRESSES_MAX     16
#define IP_ROUTES_MAX        64 /* besides those to the networks of our addresses */
#define IP_LOOP_BATCH        64 /* frames to ourselves in one turn */
#define IP_NOT_FORWARDING    2  /* RFC 4293: ipForwarding, notForwarding(2) */
#define IP_DEFAULT_TTL       64
#define IP_CONTROL_QUEUE_MAX 256  /* replies that the layer owes */
#define IP_TIMERS_MAX        1028 /* timer nodes that the layer may have queued: ARP entries', and four others */
#define IP_ARP_TIMEOUT       DURATION_S(60) /* RFC 1122 2.3.2.1: on the order of a minute */
#define IP_TOTAL_MAX         65535
#define IPV4_HDR_MIN         20
#define IPV4_HDR_MAX         60
#define IPV4_MTU_MIN         68              /* RFC 791 3.2 */
#define IP_PMTU_MIN          552             /* no path is taken to be narrower; see pmtu.c */
#define IP_REDIRECTS_MAX     64              /* destinations whose redirects are remembered */
#define IP_REDIRECT_AGE      DURATION_S(600) /* RFC 1122 3.3.1.4: cached routes are to be tried anew */
#define IP_PMTU_ENTRIES_MAX  1024            /* destinations whose path MTU is remembered */
#define IP_PMTU_AGE          DURATION_S(600) /* RFC 1191 6.3 */

/* Where an address or a route comes from. */
enum ip_origin {
	IP_ORIGIN_STATIC, /* configured, or by an administrator */
	IP_ORIGIN_LINK,   /* a route: the network of one of our addresses */
	IP_ORIGIN_DHCP,
	IP_ORIGINS
};

/* One of our own. */
struct ip_address {
	struct ip_prefix prefix; /* with the length of its network */
	enum ip_origin origin;
};

/* What is done about other stations that have the same address (RFC 5227; acd.c). */
enum ip_acd {
	IP_ACD_NONE,     /* they are counted */
	IP_ACD_ANNOUNCE, /* used at once, announced, and defended */
	IP_ACD_PROBE,    /* tested before it is used (RFC 5227 2.1), then as above */
	IP_ACDS
};

enum ip_address_event {
	IP_ADDRESS_READY,    /* it was tested, and is ours from now on */
	IP_ADDRESS_CONFLICT, /* it was found in use while it was tested. A static one is tested again a minute later;
	                      * any other is removed already */
	IP_ADDRESS_CLAIMED,  /* another station claims it; it stays ours. At most once in DEFEND_INTERVAL for each
	                        address */
	IP_ADDRESS_LOST, /* it was in use, and is given up (RFC 5227 2.4 (b)): it goes when the upcall returns, so that
	                  * connections can still be reset. Never a static one */
	IP_ADDRESS_EVENTS
};

enum acd_state {
	ACD_FREE,       /* no address */
	ACD_PROBING,    /* tentative: not ours to anybody */
	ACD_ANNOUNCING, /* ours; announcements are owed */
	ACD_READY,      /* ours */
	ACD_STATES
};

/* What acd.c knows of an address, its own copy included: a tentative one is nowhere else. */
struct acd {
	struct ip_address address;
	enum ip_acd how;
	enum acd_state state;
	uint8_t sent;    /* probes, or announcements */
	instant begins;  /* ACD_PROBING: when the test does */
	instant next;    /* what is sent next, or the end of the test; never in ACD_READY */
	instant claimed; /* when another station claimed it last, and we did something about it; never: nobody has */
};

struct acd_layer {
	struct acd slot[IP_ADDRESSES_MAX]; /* one for each address, tentative or ours */
	struct timer_node timer;           /* the earliest of their next */
	uint32_t conflicts;                /* so far: see ACD_MAX_CONFLICTS */
	instant attempted;                 /* when the last test begins, or began; never: none yet */
	struct mac_addr claimant;          /* the station of the last conflict, for upcalls */
};

enum arp_state {
	ARP_INCOMPLETE, /* asked by broadcast; frames wait */
	ARP_REACHABLE,  /* confirmed within cfg.arp_timeout */
	ARP_REFRESH,    /* in use, not confirmed for so long: asked by unicast, still used */
	ARP_FAILED,     /* nobody answered: frames fail at once */
	ARP_STATIC,     /* entered by an administrator: never asked for, never changed by a packet */
	ARP_STATES
};
extern const char *const arp_state_names[ARP_STATES];

/* What an entry of the ARP table is worth: when the table is full, the first kinds make room first. */
enum arp_rank {
	ARP_RANK_HEARD,  /* of stations that asked us something, and that we sent nothing else */
	ARP_RANK_FAILED, /* ARP_FAILED */
	ARP_RANK_IDLE,   /* asked for once, not used since it was confirmed */
	ARP_RANK_USED,   /* used since it was confirmed */
	ARP_RANK_HELD,   /* those that resolve, and static ones: they make no room */
	ARP_RANKS
};

/* A neighbour's entry as an administrator sees it. */
struct ip_neighbor {
	struct ip_addr addr;
	struct mac_addr mac; /* all zero while it is not known */
	enum arp_state state;
	duration age; /* since it was confirmed or entered; where that has not happened yet, since it was asked for */
	uint32_t queued; /* frames that wait for its MAC address */
	uint8_t tries;   /* requests since */
};

struct ip_route {
	struct ip_prefix prefix;
	struct ip_addr gateway; /* none: directly attached */
	struct ip_addr source;  /* to be preferred; none: the address whose network the next hop is in */
	uint32_t metric;        /* of several routes to a prefix the one with the lowest is used */
	enum ip_origin origin;
};

struct ip_redirect {
	struct ip_addr dst, gateway;
	instant until;
};

#define IP_OPTIONS_MAX    40
#define IP_INTERFACE      2 /* its index for applications; 1 is the loopback's, as they know it */
#define IP_ROUTE_HOPS_MAX 9

/* A source route (RFC 791 3.1): the routers that a datagram passes, the first first. */
struct ip_source_route {
	uint8_t hops; /* 0: none */
	bool strict;
	uint8_t hop[IP_ROUTE_HOPS_MAX][4];
};

/* A received datagram, header checked. Borrowed for the call, like the frame it lies in (which lives until turn end; so
 * does a datagram that was put together from fragments). */
struct ip_rx {
	struct ip_addr src, dst;
	uint8_t protocol, ttl, tos;
	bool group;            /* dst is broadcast or multicast, in IP or on the link */
	bool looped;           /* from ourselves: it was on no wire */
	const uint8_t *header; /* IP header, for quoting */
	uint16_t header_len;
	const uint8_t *route; /* a completed source route option; NULL none */
	const uint8_t *payload;
	uint32_t payload_len;
	struct offload off; /* offsets still count from the frame's first byte */
};

/* An ICMP error that quotes a packet of the given protocol. `quoted` is what follows the quoted IP header. */
struct ip_error {
	struct ip_addr from;     /* who sent the ICMP message */
	uint8_t type, code;      /* of the message */
	uint8_t ttl, tos;        /* with which it came */
	uint8_t protocol;        /* of the quoted packet */
	struct ip_addr src, dst; /* of the quoted packet: src is ours */
	int error; /* errno by RFC 1122 4.2.3.9: EHOSTUNREACH, ECONNREFUSED, EMSGSIZE, ENETUNREACH, EPROTO */
	bool hard; /* RFC 1122: a hard error (protocol or port unreachable) */
	struct ip_addr redirect; /* none, or this is a redirect: the better gateway */
	uint16_t mtu;            /* fragmentation needed: next-hop MTU, 0 when not told */
	uint16_t total;          /* length of the quoted packet as its header tells, 0 when not known */
	const uint8_t *quoted;
	uint32_t quoted_len; /* at least 8 */
};

struct ip_handler {
	void (*input)(void *ctx, const struct ip_rx *rx);
	void (*error)(void *ctx, const struct ip_error *e);
	void *ctx;
};

/* One that is shown datagrams before or beside a handler; true: somebody took it. */
struct ip_tap {
	bool (*input)(void *ctx, const struct ip_rx *rx);
	/* True: an ICMP error that quotes a datagram of theirs. */
	bool (*error)(void *ctx, const struct ip_error *e);
	void *ctx;
};

struct flat_frame;

struct ip_config {
	struct mac_addr mac;
	struct ip_prefix address; /* the first of ours; none: there is none yet */
	struct ip_addr gateway;   /* none: no default route */
	uint16_t mtu;
	uint8_t ttl;       /* of datagrams whose socket does not say; 0 stands for IP_DEFAULT_TTL (RFC 1122 3.2.1.7) */
	bool redirects;    /* redirects are believed of the gateway in use */
	bool source_route; /* source routes are obeyed as far as a host does (RFC 1122 3.2.1.8) */
	enum ip_acd conflict_detection; /* of address */
	duration arp_timeout;           /* of a neighbour; 0 stands for IP_ARP_TIMEOUT */
};

struct ip_layer {
	struct env *env;
	struct counters *cnt;
	struct timer_queue *timers;
	struct link_caps
	        caps; /* may change between turns: what was built for the former ones is completed in software */
	struct ip_config cfg;
	struct ip_address address[IP_ADDRESSES_MAX]; /* in the order in which they came */
	int addresses;
	struct acd_layer acd;
	/* Upcall, or NULL; called from stack_input and stack_tick. Addresses may be added and deleted in it. */
	void (*address_changed)(void *ctx, struct ip_addr a, enum ip_address_event event);
	void *address_ctx;
	struct ip_route route[IP_ROUTES_MAX + IP_ADDRESSES_MAX]; /* longest prefix first, then lowest metric */
	int routes;
	struct ip_redirect redirect[IP_REDIRECTS_MAX]; /* the oldest first */
	int redirects;
	struct loop loop; /* frames to ourselves */
	struct ip_handler handler[256];
	struct hash_key key;
	struct hash_table arp_table;
	struct list arp_rank[ARP_RANKS]; /* each with the one filed longest ago first */
	uint32_t arp_queued;             /* bytes of frames that wait for a resolution, or for arp_report */
	uint32_t arp_unresolved;         /* entries in ARP_INCOMPLETE and ARP_FAILED */
	uint32_t arp_failed;             /* of them in ARP_FAILED */
	uint32_t arp_static;             /* entries in ARP_STATIC */
	struct list arp_report;          /* flat frames whose transports are to hear that nobody has the address */
	uint32_t arp_reports;            /* of them */
	struct timer_node arp_report_timer;
	struct hash_table pmtu_table;
	struct list pmtu_lru;      /* least recently used first */
	uint32_t pmtu_generation;  /* advances with every change of a path MTU */
	struct list owed;          /* flat frames to be pulled, in order */
	struct flat_frame *pulled; /* the frame that the last ip_pull lent out; freed by the next call */
	uint32_t owed_count;
	uint32_t icmp_tokens; /* errors that may still be sent now */
	instant icmp_refilled;
	struct igmp_layer igmp;
	struct reasm_layer reasm;
	struct cut_layer cut;
	struct ip_tap raw;  /* raw sockets: every datagram, and every error */
	struct ip_tap echo; /* ping sockets: echo replies */
};

/* cfg is copied; address, gateway and mtu must be valid. timers, cnt and env outlive the layer. False: out of memory.
 * Registers ICMP itself. Room for IP_TIMERS_MAX nodes is reserved in timers: whoever reserves room for more there adds
 * them. */
bool ip_init(struct ip_layer *ip, struct env *env, struct counters *cnt, struct timer_queue *timers,
             const struct ip_config *cfg, struct link_caps caps);
void ip_free(struct ip_layer *ip);
void ip_register(struct ip_layer *ip, uint8_t protocol, struct ip_handler h);
/* One frame from the link, Ethernet header first. The caller has counted it (LinkInFrames) and traced it. */
void ip_frame_input(struct ip_layer *ip, const struct frame_in *f);
/* The frames to ourselves: at most IP_LOOP_BATCH of those that wait. */
void ip_loop_input(struct ip_layer *ip);
/* When ip_loop_input is to be called: now, or INSTANT_NEVER. */
instant ip_loop_deadline(struct ip_layer *ip);
/* The frames of this turn are not borrowed any more. */
void ip_turn_end(struct ip_layer *ip);
/* A timer node of the layer that fired: the stack's tick calls it with the node it popped. */
void ip_timer(struct ip_layer *ip, struct timer_node *n);

/* Tells the transport of the protocol, or the ping sockets. False: nobody wants to hear it. */
bool ip_report_error(struct ip_layer *ip, uint8_t protocol, const struct ip_error *e);
/* Counts a drop and traces it under the same name. bytes: what is dropped, from its header on. */
void ip_drop(const struct ip_layer *ip, enum counter reason, const void *bytes, size_t len);
/* A transport has found that the datagram which the redirect e quotes is one of its own, in flight. */
void ip_redirect(struct ip_layer *ip, const struct ip_error *e);
/* Is a one of our own unicast addresses? 127/8 is ours, too. */
bool ip_is_ours(const struct ip_layer *ip, struct ip_addr a);
/* Is a a broadcast address as seen from our interface (limited, or of the network of one of our addresses)? */
bool ip_is_broadcast(const struct ip_layer *ip, struct ip_addr a);
/* 0, ENETUNREACH (no route, no address of our own, or an address that no datagram may be sent to). source and mtu may
 * be NULL. */
int ip_route_lookup(const struct ip_layer *ip, struct ip_addr dst, struct ip_addr *source, uint16_t *mtu);
/* What is known of the path to a destination. */
struct ip_path {
	uint16_t mtu;  /* bytes: the largest datagram that need not be cut; at most the link's MTU */
	bool fragment; /* the path is narrower still: datagrams go without DF */
	instant until; /* when the link's MTU is tried again; never: it is the link's */
};
/* Valid until `until`, and as long as ip->pmtu_generation stays the same. */
struct ip_path ip_path_to(struct ip_layer *ip, struct ip_addr dst);
/* The link's MTU for datagrams that we send, from IPV4_MTU_MIN to what the link can. */
void ip_set_mtu(struct ip_layer *ip, uint16_t mtu);
enum ip_pmtu {
	IP_PMTU_LOWERED,
	IP_PMTU_KNOWN,   /* it was so already; it is remembered anew */
	IP_PMTU_REFUSED, /* below 68, above what is known, or no memory: counted */
};
/* A router is believed to have said that datagrams to dst may have so many bytes. */
enum ip_pmtu ip_path_narrows(struct ip_layer *ip, struct ip_addr dst, uint16_t mtu);
/* RFC 1191 7.1: the largest common MTU below len, for a router that does not tell its own. */
uint16_t ip_pmtu_plateau(uint16_t len);
/* RFC 1122 3.3.1.4: negative advice from a transport: nothing comes back from dst. Its next hop is asked again. */
void ip_advise_dead(struct ip_layer *ip, struct ip_addr dst);
/* p.len is that of its network, which becomes a route. With IP_ACD_PROBE the address is tentative, and not ours to
 * anybody, until address_changed says IP_ADDRESS_READY; otherwise it is ours at once, without an upcall. 0, EINVAL (not
 * the address of a host, or of that network), EEXIST (tentative ones included), ENOBUFS (table full). */
int ip_address_add(struct ip_layer *ip, struct ip_prefix p, enum ip_origin origin, enum ip_acd how);
/* A tentative one, too. Routes that cannot be used without it go with it. No upcall. 0, EADDRNOTAVAIL. */
int ip_address_delete(struct ip_layer *ip, struct ip_addr a);
/* Adds a route, or replaces the one with the same prefix and metric. Host bits of the prefix are cleared. 0, ENOBUFS
 * (table full), EINVAL (not IPv4, a gateway that is not on our link, a source that is not ours), EEXIST (it is the
 * network of one of our addresses). */
int ip_route_add(struct ip_layer *ip, const struct ip_route *r);
/* 0, ESRCH, EPERM (it belongs to one of our addresses). */
int ip_route_delete(struct ip_layer *ip, struct ip_prefix p, uint32_t metric);
/* A static neighbour: mac is its MAC address until it is deleted, whatever packets say. Replaces what was known. 0,
 * EINVAL (not another host on our link, or no station's MAC address), ENOBUFS (ARP_STATIC_MAX, table full, or no
 * memory). */
int ip_neighbor_add(struct ip_layer *ip, struct ip_addr a, struct mac_addr mac);
/* Forgets a neighbour, static or not. 0, ESRCH, EBUSY (it was asked for less than a second ago). */
int ip_neighbor_delete(struct ip_layer *ip, struct ip_addr a);
/* The neighbour with the lowest address above `after` (none: the first). False: there is no more. */
bool ip_neighbor_next(const struct ip_layer *ip, struct ip_addr after, struct ip_neighbor *out);
/* Largest IP datagram (header included) that may be handed over as one super-frame; 0 when the link has no
 * segmentation. */
uint32_t ip_gso_max(const struct ip_layer *ip);

enum ip_sent {
	IP_FRAME_READY,   /* f is complete: hand it to the link */
	IP_FRAME_TAKEN,   /* copied into an ARP queue, or it is for ourselves; nothing for the link now */
	IP_FRAME_DROPPED, /* no route, no memory, ARP failed, too long and not to be cut: counted */
};

struct ip_options; /* ip_options.h */

struct ip_tx {
	struct ip_addr src, dst;
	uint8_t protocol, ttl, tos;
	bool dont_fragment;
	const struct ip_source_route *route; /* NULL or without hops: none */
	const struct ip_options *options;    /* besides; its own route is not looked at. NULL: none */
};

/* Bytes of IP options that a route takes. */
static inline uint16_t ip_source_route_len(const struct ip_source_route *r)
{
	return r && r->hops ? (uint16_t)(4 + 4 * r->hops) : 0;
}
/* The way back of a datagram that came by a source route. False: it came by none, and r is empty. */
bool ip_source_route_back(const struct ip_rx *rx, struct ip_source_route *r);
/* Reads options in the form of IP_OPTIONS (ip(7)): a source route with the first hop first. False: malformed, or
 * something else than a source route. Without an option r is empty. */
bool ip_source_route_parse(const uint8_t *options, uint32_t len, struct ip_source_route *r);
/* Writes that form; returns its length, at most 40. */
uint32_t ip_source_route_format(const struct ip_source_route *r, uint8_t *p);
void snap_source_route(struct snap *s, struct ip_source_route *r);
/* Completes a frame whose transport header and payload stand (checksum by ip_transport_csum). A datagram that is longer
 * than the path's MTU and has no DF is cut: f is its first fragment, and ip_pull gives the others. */
enum ip_sent ip_output(struct ip_layer *ip, struct frame_out *f, const struct ip_tx *tx);
/* The same for a datagram whose IP header stands, with its checksum: it goes to dst. */
enum ip_sent ip_output_whole(struct ip_layer *ip, struct frame_out *f, struct ip_addr dst);
/* Fills the transport checksum field at csum_offset from the start of the frame's current header: leaves it to a link
 * that can (needs_csum, and csum_start == 0 here, since the transport header comes first), or computes it over header
 * and payload. */
void ip_transport_csum(const struct ip_layer *ip, struct frame_out *f, const struct ip_tx *tx, uint16_t csum_offset);
/* Verifies a received transport checksum over rx->payload unless the link vouches for it (csum_valid or needs_csum). */
bool ip_verify_csum(const struct ip_rx *rx);
/* Queues a whole transport packet (header and payload in one run, checksum field at csum_offset zero, computed here) to
 * be pulled later, in fragments if need be: for resets, challenge ACKs and ICMP. Drops with a counter when the queue is
 * full. */
void ip_send_copy(struct ip_layer *ip, const struct ip_tx *tx, const void *packet, uint32_t len, uint16_t csum_offset);
/* Sends destination unreachable (RFC 792, RFC 1122 3.2.2) quoting rx; rate limited; suppressed where RFC 1122 forbids
 * it. */
#define ICMP_UNREACH_PROTOCOL     2
#define ICMP_UNREACH_PORT         3
#define ICMP_UNREACH_SOURCE_ROUTE 5
void icmp_send_unreachable(struct ip_layer *ip, const struct ip_rx *rx, uint8_t code);
/* The next frame that the layer owes. False when none. Bytes are valid until the next ip_pull. */
bool ip_pull(struct ip_layer *ip, struct frame_out *f);
/* Saves or loads addresses, routes, ARP entries with their queues, fragments of both ways, owed frames. Between turns.
 * Loading wants a fresh ip_init'ed layer.
 */
void snap_ip_layer(struct snap *s, struct ip_layer *ip);

#endif
