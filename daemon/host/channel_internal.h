/* What channel.c, stream.c, accept.c and datagram.c share. */
#ifndef TOYNET_HOST_CHANNEL_INTERNAL_H
#define TOYNET_HOST_CHANNEL_INTERNAL_H

#include "host/channel.h"

struct listener;
struct kept_datagram;

struct channel {
	struct socket *so;
	struct hash_node by_cookie;
	struct list work;  /* in channels.touched or channels.graveyard */
	struct list retry; /* in channels.retry */
	int fd;
	uint32_t interest; /* epoll events that are armed now */
	enum channel_kind kind;
	bool readable;    /* the pair may hold bytes from the application */
	bool fin_pending; /* the application has shut down or closed: its EOF stands behind the bytes */
	bool fin;         /* and was taken */
	bool urgent;      /* the pair may hold a byte that was sent with MSG_OOB: look for the mark at each read */
	bool read_shut;   /* the application has shut down reading */
	bool out_full;    /* the pair took less than was there; wait for EPOLLOUT */
	bool eof_sent;
	bool failed;           /* SOCKET_ERROR: what waits is delivered, then both ways are shut */
	bool shut;             /* and they are */
	bool reset;            /* the kernel said ECONNRESET: the application closed with bytes unread */
	uint32_t filler;       /* bytes to be dropped before data, once connected */
	uint32_t read_size;    /* what the next read asks for */
	uint32_t written;      /* to the application, since the pair was last seen empty */
	uint32_t held;         /* reported to the stack last */
	uint32_t rcvbuf;       /* SO_RCVBUF for which SO_SNDBUF of our end was chosen */
	instant untaken_until; /* until then a close means that nobody took the accept record */
	union {
		struct listener *listener;      /* CHANNEL_LISTENER */
		struct kept_datagram *datagram; /* CHANNEL_DATAGRAM: refused with EAGAIN; NULL none */
	};
};

/* What differs by kind. */
struct channel_ops {
	/* The pair may hold something from the application. */
	void (*take)(struct channels *c, struct channel *ch);
	/* Takes the `pending` bytes that the pair holds, before an operation that must not overtake them. */
	void (*sync)(struct channels *c, struct channel *ch, uint32_t pending);
	/* EPOLLOUT. */
	void (*writable)(struct channels *c, struct channel *ch);
	/* Events of stack_ready. */
	void (*event)(struct channels *c, struct channel *ch, unsigned events);
	void (*deliver)(struct channels *c, struct channel *ch, const struct stack_delivery *d);
	/* HUP, but the application is still there. */
	void (*hung_up)(struct channels *c, struct channel *ch);
	/* The application is gone: ends with channel_end. */
	void (*gone)(struct channels *c, struct channel *ch);
	/* EPOLLIN, EPOLLOUT as wanted now. */
	uint32_t (*interest)(const struct channel *ch);
	void (*retry)(struct channels *c, struct channel *ch);
	/* Frees what the kind allocated. */
	void (*release)(struct channel *ch);
};
extern const struct channel_ops stream_ops, listener_ops, datagram_ops;

/* Accept records in the pair of a listener that nobody has taken yet. */
uint32_t listener_records(struct channel *ch);

enum channel_ending { ENDING_CLOSE, ENDING_CLOSE_UNREAD, ENDING_ABORT };

/* Its epoll interest is looked at when the turn ends. */
void channel_touch(struct channels *c, struct channel *ch);
/* Its retry is called after this time, or earlier. */
void channel_retry(struct channels *c, struct channel *ch, duration wait);
/* Lets go of the channel and ends the socket in this way. Neither is valid afterwards. */
void channel_end(struct channels *c, struct channel *ch, enum channel_ending how);
/* A send met EPIPE, or HUP came: finds out whether the application is gone, and acts on it. True: ch is no longer
 * valid. */
bool channel_check_gone(struct channels *c, struct channel *ch);
/* Bytes that the pair holds from the application. */
uint32_t channel_pending(const struct channel *ch);
/* Buffer bytes that the pair holds towards the application: 0 exactly when it is empty. */
uint32_t channel_buffered(const struct channel *ch);

#endif
