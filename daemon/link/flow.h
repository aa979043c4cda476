/* Flows: which conversation a frame belongs to, and whether it is one that somebody asked for.
 *
 * A match names what a frame must have; what it leaves out may be anything, so an empty match fits every frame, and one
 * with any field fits IPv4 only. The frame's view of source and destination is that of its header, whichever way it
 * travels. Only the first fragment of a datagram has ports. Which socket a frame is for is known above: whoever
 * matches by socket brings a lookup. */
#ifndef TOYNET_LINK_FLOW_H
#define TOYNET_LINK_FLOW_H

#include "base/addr.h"

enum link_way {
	LINK_IN,  /* towards the stack */
	LINK_OUT, /* away from it */
	LINK_WAYS
};

struct flow {
	struct endpoint src, dst; /* ports 0 where there are none */
	uint8_t protocol;
	bool ports; /* the frame has them */
};

/* Who has a flow. */
struct flow_owner {
	uint64_t socket; /* id; 0: nobody */
	uint32_t pid;    /* of the process that opened it */
	uint8_t state;   /* enum tcp_state */
	bool tcp;        /* it has a state */
};

/* How the layers above tell the owner of a flow; find may be NULL: nobody owns anything. */
struct flow_lookup {
	void (*find)(void *ctx, const struct flow *f, enum link_way way, struct flow_owner *owner);
	void *ctx;
};

/* Family IP_NONE, 0: any. */
struct flow_match {
	struct ip_prefix src, dst;
	struct ip_prefix host; /* source or destination */
	uint16_t src_port, dst_port;
	uint16_t port; /* source or destination */
	uint8_t protocol;
	uint64_t socket;
};

/* Reads the headers at the beginning of a frame. False: it is not IPv4, or its IP header is cut short. */
bool flow_parse(const uint8_t *frame, uint32_t len, struct flow *f);
/* Fits every frame. */
bool flow_match_is_empty(const struct flow_match *m);
/* f: of flow_parse; NULL: it said false. */
bool flow_matches(const struct flow_match *m, const struct flow *f, enum link_way way, const struct flow_lookup *l);
/* The owner; .socket 0 when there is none or no lookup. f may be NULL. */
struct flow_owner flow_owner(const struct flow *f, enum link_way way, const struct flow_lookup *l);

#endif
