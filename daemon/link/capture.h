/* The capture link: a decorator that writes every frame that passes, and what became of it, to sinks in pcapng.
 *
 * Theory of operation. It stands right below the stack, above the impairments, so that it sees just the frames that the
 * stack does; of those that an impairment loses it hears by impair_watch, those of a batch before what is left of it.
 * What the stack decides about a frame comes as trace events while the frame is under way:
 *
 *   recv          copies the frames of a batch; each becomes the current one at its TRACE_FRAME_IN
 *   stack_input   TRACE_DROP, TRACE_TRANSITION and TRACE_RESET belong to the current frame; a drop that names bytes
 *                 belongs to the frame that they lie in, also when it comes later in the turn (a full receive buffer)
 *   capture_input_end   no frame is current any more; a transition from here on (connect, shutdown, a timer) is
 *                 remembered and told with the socket's next frame out
 *   send          copies the frame; the link below may say that it lost or refused it
 *   capture_turn_end    every frame of the turn is complete, and goes to the sinks in order
 *
 * So a frame's comment is a line of words: socket=ID pid=PID state=BEFORE->AFTER drop=COUNTER gso=SIZE csum=partial
 * reset=WHY, each only where it applies; pid is that of the process that opened the socket. A super-frame is one frame;
 * a checksum that was left to the other side is captured as it is.
 *
 * A sink is a bounded queue of whole blocks with a match, a snap length and a count. Frames for which it has no room
 * are counted as lost, in the next packet (epb_dropcount) and at the end: a slow reader never holds anybody up. All
 * frames of a turn carry the turn's instant. Who drives leaves the link out while there is no sink. */
#ifndef TOYNET_LINK_CAPTURE_H
#define TOYNET_LINK_CAPTURE_H

#include "base/list.h"
#include "base/ring.h"
#include "base/trace.h"
#include "link/flow.h"
#include "link/link.h"
#include "link/pcapng.h"

#define CAPTURE_BATCH_MAX 64 /* frames in one recv */
#define CAPTURE_SINKS_MAX 16
#define CAPTURE_QUEUE_MAX (4u << 20) /* bytes in one sink */
#define CAPTURE_TURN_MAX  (8u << 20) /* bytes of frames kept until the end of the turn; beyond, they go at once */
#define CAPTURE_CHANGES   64         /* transitions that wait for a frame of their socket */
#define CAPTURE_BLOCK_MAX (FRAME_MAX + PCAPNG_PACKET_MORE)

struct capture_options {
	struct flow_match match;
	uint32_t snap_length; /* bytes stored of a frame; 0: all */
	uint64_t count;       /* ends after so many frames; 0: never */
};

struct capture_sink {
	struct list link;
	struct capture_options opt;
	struct ring queue;
	uint64_t captured, lost;
	uint64_t lost_since; /* the last frame that was captured */
	bool ended;          /* the last block is in the queue */
	bool fresh;          /* something came in this turn */
	/* The queue has something new, or the end: once a turn. */
	void (*ready)(void *ctx);
	void *ctx;
};

struct capture_frame;

struct capture {
	struct link link;   /* first */
	struct link *below; /* not owned */
	struct env *env;
	const char *interface, *application; /* names for the file */
	const char *const *state_names;      /* by enum tcp_state */
	struct flow_lookup lookup;           /* the driver's to set, as is: */
	int64_t epoch_ns;                    /* UTC at instant 0, in nanoseconds since 1970 */
	struct list sinks;
	uint32_t sink_count;
	struct ring_pool rings;
	uint8_t *block;                                 /* CAPTURE_BLOCK_MAX, while there is a sink */
	struct list frames;                             /* of this turn, in order */
	size_t memory;                                  /* in frames */
	struct capture_frame *input[CAPTURE_BATCH_MAX]; /* of the batch under way, NULL: is not captured */
	int inputs, input_at;                           /* how many; the next one to become current */
	struct capture_frame *current, *sending;
	struct {
		uint64_t socket; /* 0: free */
		uint8_t from;
	} changes[CAPTURE_CHANGES];
	uint32_t change_at;
};

/* env gives memory and `now`. What is passed outlives the link. */
void capture_init(struct capture *c, struct env *env, struct link *below, const char *interface,
                  const char *application, const char *const *state_names);
/* Every sink must be closed. */
void capture_free(struct capture *c);
static inline bool capture_active(const struct capture *c)
{
	return c->sink_count > 0;
}
/* A sink of the caller, all zero but for ready and ctx. 0; EINVAL: snap_length; ENOBUFS: too many sinks, no memory. */
int capture_open(struct capture *c, struct capture_sink *s, const struct capture_options *o);
/* Writes the last block; no frame comes any more. What is in the queue can still be taken. */
void capture_end(struct capture *c, struct capture_sink *s);
void capture_close(struct capture *c, struct capture_sink *s);
/* Up to max (>= CAPTURE_BLOCK_MAX) bytes of whole blocks out of the queue; 0: it is empty. */
size_t capture_take(struct capture_sink *s, uint8_t *to, size_t max);

/* The trace sink of env while there is a sink; ctx is the capture. */
void capture_trace(void *ctx, const struct trace_event *ev);
/* As impair_watch's lost. */
void capture_lost(void *ctx, const struct frame_in *in, enum counter reason);
/* stack_input has returned. */
void capture_input_end(struct capture *c);
/* stack_turn_end has returned; the frames of the last recv are still valid. */
void capture_turn_end(struct capture *c);

#endif
