/* The DHCPv4 client (RFC 2131): how the stack comes to an address, keeps it, and gives it back.
 *
 * Theory of operation. This is the state machine of RFC 2131 figure 5 and nothing else: messages, the timer and the
 * verdicts of the conflict check (RFC 5227) go in; what is to be sent and to be configured goes out through struct
 * dhcp_calls, behind which stand the layers of the stack (dhcp_net.c) or a test.
 *
 *   DHCP_OFF         not started, or stopped: nothing is sent or heard
 *   DHCP_INIT        waits before it asks: at once at the start, 1 to 10 s when a lease was lost, 10 s and more after a
 *                    conflict
 *   DHCP_SELECTING   DHCPDISCOVER was sent; the first acceptable offer is taken
 *   DHCP_REQUESTING  DHCPREQUEST was sent for that offer
 *   DHCP_CHECKING    the server has agreed; the address is probed and not in use yet
 *   DHCP_BOUND       the address is in use until T1
 *   DHCP_RENEWING    the server that gave the lease is asked, by unicast, until T2
 *   DHCP_REBINDING   any server is asked, by broadcast, until the lease expires
 *
 * There is no INIT-REBOOT: nothing is remembered between two runs of the daemon, so there is no former address to ask
 * for; servers find it by the client identifier, which is the same each time. */
#ifndef TOYNET_STACK_DHCP_H
#define TOYNET_STACK_DHCP_H

#include "base/counters.h"
#include "base/env.h"
#include "base/timer.h"
#include "stack/dhcp_lease.h"

#define DHCP_TIMER_TIE       (UINT64_C(1) << 62)
#define DHCP_TIMERS_MAX      1              /* nodes in the queue */
#define DHCP_RETRY_FIRST_S   4              /* RFC 2131 4.1: doubled each time, */
#define DHCP_RETRY_LAST_S    64             /* up to this, */
#define DHCP_RETRY_SPREAD_MS 1000           /* give or take a second */
#define DHCP_REQUESTS_MAX    4              /* RFC 2131 3.1.5: four requests for an offer, 60 s */
#define DHCP_RENEW_RETRY_MIN DURATION_S(60) /* RFC 2131 4.4.5 */
#define DHCP_DECLINE_WAIT_MS 10000          /* RFC 2131 3.1.5 */
#define DHCP_RESTART_MIN_MS  1000           /* RFC 2131 4.4.1 */
#define DHCP_RESTART_MAX_MS  10000
#define DHCP_OFFERS_MAX      16  /* offers that one DHCPDISCOVER may bring without a good one among them */
#define DHCP_MTU_MIN         576 /* RFC 2132 9.10; and of a lease: it counts from here up to the configured one */
#define DHCP_SILENCE         4   /* DHCPDISCOVERs without an answer that are worth a word */

enum dhcp_state {
	DHCP_OFF,
	DHCP_INIT,
	DHCP_SELECTING,
	DHCP_REQUESTING,
	DHCP_CHECKING,
	DHCP_BOUND,
	DHCP_RENEWING,
	DHCP_REBINDING,
	DHCP_STATES
};

/* "selecting" */
extern const char *const dhcp_state_names[DHCP_STATES];

struct dhcp_config {
	bool on;
	char hostname[DHCP_HOSTNAME_MAX]; /* empty: not told */
	struct dhcp_client_id client_id;  /* none: by RFC 4361, from the MAC address */
};

/* What a user wants to hear of. */
enum dhcp_event {
	DHCP_EVENT_BOUND,
	DHCP_EVENT_RENEWED,
	DHCP_EVENT_EXPIRED,
	DHCP_EVENT_REFUSED,  /* a server said no (DHCPNAK); the address, if there was one, is gone */
	DHCP_EVENT_CONFLICT, /* another station has the address: it is given back */
	DHCP_EVENT_UNUSABLE, /* the stack cannot take the leased address: no room, or it has it already */
	DHCP_EVENT_SILENCE,  /* no server answers, or none confirms its offer */
	DHCP_EVENT_RELEASED,
	DHCP_EVENTS
};

/* What became of an address that was claimed. */
enum dhcp_verdict {
	DHCP_ADDRESS_READY,
	DHCP_ADDRESS_CONFLICT, /* somebody has it, when it was probed or later */
};

struct dhcp_calls {
	/* Sends a message from port 68 to port 67. src 0.0.0.0: we have no address. */
	void (*send)(void *ctx, struct ip_addr src, struct ip_addr dst, const uint8_t *message, uint32_t len);
	/* Begins to probe for the address; the verdict comes by dhcp_address, not within the call. 0, or an errno. */
	int (*claim)(void *ctx, struct ip_prefix address);
	/* The address may be used: its routes and parameters come into force, in place of those of `former' (NULL:
	 * none). */
	void (*configure)(void *ctx, const struct dhcp_lease *lease, const struct dhcp_lease *former);
	/* The claimed address, and all that came with it, must not be used any more. */
	void (*withdraw)(void *ctx, const struct dhcp_lease *lease);
	void (*event)(void *ctx, enum dhcp_event event);
	void *ctx;
};

struct dhcp {
	struct env *env;
	struct counters *cnt;
	struct timer_queue *timers;
	struct dhcp_config cfg;
	struct mac_addr mac;
	uint16_t mtu; /* of the link: the largest datagram that we take */
	struct dhcp_calls calls;
	enum dhcp_state state;
	struct timer_node timer;
	uint32_t xid;
	uint16_t secs;           /* of the header; requests for an offer repeat that of the DHCPDISCOVER */
	uint8_t tries;           /* messages sent in this state; counts no further than 255 */
	uint8_t offers;          /* refused since the last DHCPDISCOVER */
	instant began;           /* acquisition or renewal: `secs' counts from here */
	instant since;           /* in this state */
	instant sent;            /* the request from which the lease will count */
	instant next;            /* DHCP_INIT: the first DHCPDISCOVER; else the next retransmission */
	struct ip_addr offered;  /* DHCP_REQUESTING */
	struct dhcp_lease lease; /* DHCP_REQUESTING: only the server */
};

/* env, cnt, timers and calls.ctx outlive d; room for DHCP_TIMERS_MAX nodes is the caller's affair. cfg and calls are
 * copied; cfg->client_id is made here when there is none. The state is DHCP_OFF. */
void dhcp_init(struct dhcp *d, struct env *env, struct counters *cnt, struct timer_queue *timers,
               const struct dhcp_config *cfg, struct mac_addr mac, uint16_t mtu, const struct dhcp_calls *calls);
/* Takes the timer out; nothing is sent. */
void dhcp_free(struct dhcp *d);
/* Begins at once. Only in DHCP_OFF. */
void dhcp_start(struct dhcp *d);
/* RFC 2131 4.4.6: gives a lease back with a DHCPRELEASE, and stops. The address is not withdrawn: the message may still
 * wait for ARP. */
void dhcp_stop(struct dhcp *d);
/* A message to port 68. Returns why it was dropped: CNT_DhcpInErrors or CNT_DhcpInIgnored; CNT_COUNT: it was taken. */
enum counter dhcp_input(struct dhcp *d, const uint8_t *message, size_t len);
/* The timer fired. */
void dhcp_timer(struct dhcp *d);
/* What became of the address that was claimed; of another address: nothing happens. */
void dhcp_address(struct dhcp *d, struct ip_addr address, enum dhcp_verdict verdict);
/* Is the address of d->lease in use? */
bool dhcp_has_address(const struct dhcp *d);
/* RFC 2131 3.1.5: seconds left of the lease, rounded down; 0 without one, DHCP_LEASE_INFINITE without an end. */
uint32_t dhcp_seconds_left(const struct dhcp *d, instant until);
/* d is fresh from dhcp_init when loading; its configuration is loaded, too. */
void snap_dhcp(struct snap *s, struct dhcp *d);
void snap_dhcp_config(struct snap *s, struct dhcp_config *c);

#endif
