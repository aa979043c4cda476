/* What the files of the datagram sockets share. */
#ifndef TOYNET_TRANSPORT_DGRAM_INTERNAL_H
#define TOYNET_TRANSPORT_DGRAM_INTERNAL_H

#include "transport/dgram.h"

static inline struct dgram *dgram_of_pcb(struct pcb *p)
{
	return container_of(p, struct dgram, pcb);
}

/* What the kinds do not share. */
struct dgram_ops {
	uint16_t headers; /* bytes in front of a payload, the IP header included; less when it brings its own */
	int (*bind)(struct dgram_layer *l, struct dgram *d, struct endpoint local);
	/* To a peer that dgram_check_peer has judged; source: by the route. */
	int (*connect)(struct dgram_layer *l, struct dgram *d, struct endpoint remote, struct ip_addr source);
	void (*disconnect)(struct dgram_layer *l, struct dgram *d);
	/* Gives an unbound socket what it needs to send. 0 or EAGAIN. */
	int (*bind_to_send)(struct dgram_layer *l, struct dgram *d);
	/* Judges a message that is to be sent to rec->addr, which may be changed. 0 or EINVAL. */
	int (*judge)(struct dgram_layer *l, const struct dgram *d, struct dgram_record *rec, const uint8_t *data);
	/* Puts the transport's header in front of the payload; tx has the addresses. */
	void (*build)(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, struct frame_out *f,
	              struct ip_tx *tx);
	/* Leaves the tables. */
	void (*release)(struct dgram_layer *l, struct dgram *d);
	/* The tables of a loaded socket; protocol and addresses stand. */
	void (*snap)(struct snap *s, struct dgram_layer *l, struct dgram *d);
};
extern const struct dgram_ops udp_ops, ping_ops, raw_ops;

/* The address that goes into the header of a datagram that goes to first: the one that was asked for, else the bound
 * one; for a group IP_MULTICAST_IF's; else by the route. False: no route. */
bool dgram_choose_source(const struct dgram_layer *l, const struct dgram *d, const struct dgram_record *rec,
                         struct ip_addr first, struct ip_addr *source);
/* May d send to dst? *source: from which address; *mtu: of the way. Either may be NULL. */
int dgram_check_destination(const struct dgram_layer *l, const struct dgram *d, struct ip_addr dst,
                            struct ip_addr *source, uint16_t *mtu);
/* Is a an address that a socket may be bound to? 0 or EADDRNOTAVAIL. */
int dgram_check_local(const struct dgram_layer *l, struct ip_addr a);
/* dgram_control.c */

/* 0, EINVAL, EPERM. */
int dgram_check_options(const struct dgram_layer *l, const uint8_t *options, uint32_t len);
int dgram_check_control(const struct dgram_layer *l, const struct dgram_control *c);
/* What the record of a datagram to rec->addr has of the socket, and of the control, which may be NULL. */
void dgram_fill(const struct dgram *d, const struct dgram_control *c, struct dgram_record *rec);
/* Where a datagram to dst goes first, which is elsewhere when it has a source route; and the length of its options. */
struct ip_addr dgram_first_hop(const struct dgram *d, const struct dgram_control *c, struct ip_addr dst,
                               uint16_t *options_len);
/* The record's options for its header: o lives as long as tx. Returns their length. */
uint16_t dgram_use_options(const struct dgram_record *rec, struct ip_options *o, struct ip_tx *tx);
/* Bytes of an IP datagram to dst, by IP_MTU_DISCOVER; mtu: the link's. */
uint32_t dgram_total_max(const struct dgram_layer *l, const struct dgram *d, struct ip_addr dst, uint16_t mtu);
bool dgram_dont_fragment(const struct dgram_layer *l, enum dgram_pmtu pmtu, struct ip_addr dst, uint32_t total);
/* Of a datagram that has arrived: TTL, TOS, destination, options. */
void dgram_received(const struct dgram_layer *l, const struct ip_rx *rx, struct dgram_record *rec);

/* dgram.c */

/* Moves the first n bytes of the payload into the header buffer, where they may be changed. Returns them. */
uint8_t *dgram_take_front(struct frame_out *f, uint16_t n);
/* The frame that dgram_output lent out is done with: an empty send ring goes back to the pool, and who waits for room
 * hears of it. */
void dgram_return_lent(struct dgram_layer *l);

/* dgram_input.c */
void dgram_arrivals_free(struct dgram_layer *l);
/* What d has received and nobody read is counted and gone. */
void dgram_forget_received(struct dgram_layer *l, struct dgram *d);
/* One datagram for d: payload is borrowed until the turn's end. False: dropped and counted. */
bool dgram_arrive(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, const uint8_t *payload);
/* The same for a datagram that we have sent ourselves, which is copied now. */
void dgram_loop(struct dgram_layer *l, struct dgram *d, const struct dgram_record *rec, const uint8_t *payload);
/* An ICMP error about what d has sent to remote; header: bytes of the transport's header that the application does not
 * get to see. False: it does not concern d, which is not connected and has no IP_RECVERR. */
bool dgram_error(struct dgram_layer *l, struct dgram *d, struct endpoint remote, const struct ip_error *e,
                 uint32_t header);
/* RFC 1191 6: a datagram of ours was too long for its path. */
void dgram_path_narrows(struct dgram_layer *l, const struct ip_error *e);

/* Handlers; ctx is the dgram_layer. */
void udp_input(void *ctx, const struct ip_rx *rx);
void udp_error(void *ctx, const struct ip_error *e);
/* d has sent to a group or a broadcast address: our own sockets get it, too. */
void udp_loop(struct dgram_layer *l, struct dgram *d, const struct dgram_record *sent, const uint8_t *payload);
bool ping_input(void *ctx, const struct ip_rx *rx);
bool ping_error(void *ctx, const struct ip_error *e);
bool raw_input(void *ctx, const struct ip_rx *rx);
bool raw_error(void *ctx, const struct ip_error *e);

#endif
