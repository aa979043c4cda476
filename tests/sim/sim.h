/* The simulation: two stacks over a bad line, in virtual time, from one seed.
 *
 * Theory of operation. A world has two hosts (an env, a stack, applications) and two lines between them (line.c). The
 * world jumps from event to event: a frame comes out of a line, a timer of a stack is due, an application acts. Each
 * event is one turn of one host, made with exactly the calls that the daemon makes. After each turn every byte that the
 * stack had borrowed is overwritten, the invariants are checked, and now and then the stack is saved, freed and loaded.
 *
 * Two sets of checks. check.c looks into the control blocks; the observer (wire.h) sees only frames and what the
 * applications did, and judges by the RFCs. The applications compare every byte.
 *
 * Hazards of a world: a path MTU that shrinks, with or without a word from the router, loss, bursts, delay, jitter,
 * reordering, duplication, bit flips, a rate limit, link flaps, old frames that come again up to minutes later, forged
 * segments (forge.c), a reboot of one host, failing allocations, applications that stall, shut down, close early or
 * abort, simultaneous open and close, sequence numbers and timestamps near their wrap. After `calm` the lines are
 * perfect, and every connection must make progress.
 *
 * Everything is drawn from the seed; what decides about saving has a generator of its own, so that the run without
 * saving must leave the very same trace. A failure prints the seed and the step. */
#ifndef TOYNET_TESTS_SIM_H
#define TOYNET_TESTS_SIM_H

#include "line.h"
#include "socket/socket_internal.h"
#include "stack/stack.h"
#include "transport/tcp_internal.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

#define SIM_PORTS_MAX       6                   /* client ports */
#define SIM_CONNECTIONS_MAX (2 * SIM_PORTS_MAX) /* the second half opens a port again after a reboot */
#define SIM_OPENED_MAX      256
#define SIM_APPS_MAX        (4 * SIM_CONNECTIONS_MAX)
#define SIM_TIME_MAX        DURATION_S(4 * 3600) /* virtual; a run that is not done by then hangs */
#define SIM_STEPS_MAX       20000000u /* an application that waits for a slow peer looks up to 5000 times a second */
#define SIM_PATIENCE        DURATION_S(600)            /* of an application whose peer may have been reset */
#define SIM_PROGRESS        DURATION_S(90)             /* something must happen in this time on a perfect line */
#define SIM_EPOCH           (INT64_C(1000) * NS_PER_S) /* virtual time at the start */
#define SIM_PORT            7
#define SIM_PORT_CLIENT     1000 /* and up: of connection 0, 1, ... */
#define SIM_PORT_TWIN       2000 /* and up: the other end of a simultaneous open */
#define SIM_KEEP_IDLE       DURATION_S(20)

struct world;
struct sim_host;

/* How an application ends its side. */
enum sim_end {
	SIM_CLOSE_WHEN_DONE, /* shut down after the last byte, read to the end, close */
	SIM_CLOSE_AT_ONCE,   /* close without shutdown once all is written and read */
	SIM_ABORT,           /* reset in the middle */
	SIM_LEAVE,           /* close in the middle */
	SIM_LINGER,          /* close in the middle, with SO_LINGER of zero */
};

/* One side of a connection. */
struct sim_app {
	struct sim_host *host;
	uint64_t socket; /* id; 0: none now */
	bool active;     /* connects; else it was accepted */
	bool listener;
	bool twin;      /* both sides connect at the same instant */
	int connection; /* index of the plan; -1: a listener */
	uint16_t local_port, remote_port;
	uint64_t to_send, sent;
	uint64_t to_receive, received; /* received: verified on delivery */
	uint32_t channel, channel_max; /* bytes delivered and not yet read; capacity */
	uint32_t write_max, read_max;  /* bytes at a time */
	duration pause;                /* longest time between two actions */
	uint64_t stall_at;             /* bytes received when it stops for `stall`, once */
	duration stall;
	instant stalled_until;
	bool nodelay, keepalive;
	uint16_t maxseg; /* 0: none */
	enum tcp_cc cc;
	duration user_timeout; /* 0: none */
	enum sim_end end;
	uint64_t leave_at; /* bytes sent when it ends early */
	bool connected, eof, failed, shut, closed, aborted;
	unsigned attempts;
	int32_t peer_fin; /* what the observer knew of the peer's FIN when the ports were used again */
	instant opened_at, closed_at;
	int error;
	instant next_action;
	seq32 adv_seen; /* check.c: the right edge, once seen, never moves left */
	bool adv_known;
	/* Near the wrap: how far below zero the first sequence number and timestamp are; 0: wherever they fall. */
	uint32_t iss_below, ts_below;
};

struct sim_host {
	struct world *world;
	int index;
	struct env env;
	struct stack *stack;
	struct sim_app app[SIM_APPS_MAX];
	int apps;
	bool listener_closed;
	/* The batch that is being put in. */
	struct frame_in *frames;
	int frames_count, frames_at, forged_from;
	struct { /* check.c: what a block owed before the frame that it now sends */
		uint64_t socket;
		uint32_t pipe;
		bool exempt;
	} before[SIM_APPS_MAX];
	int before_count;
};

struct sim_options {
	bool reload;
	bool verbose; /* prints the trace */
};

struct world {
	uint64_t seed;
	struct rng rng;        /* the scenario and the applications */
	struct rng reload_rng; /* when to save and load */
	struct rng forge_rng;
	struct env line_env; /* memory of the lines */
	struct sim_host host[2];
	struct sim_line line[2]; /* line[i]: out of host i */
	struct stack_config cfg[2];
	struct link_caps caps;
	int ports;                                   /* connections of the first life */
	struct sim_app plan[2][SIM_CONNECTIONS_MAX]; /* what each side of each connection will do */
	bool again[SIM_PORTS_MAX];                   /* the port is opened once more when its connection fails */
	struct {
		uint32_t iss;
		int connection;
	} opened[SIM_OPENED_MAX]; /* by connect on host 0 */
	int opened_count;
	bool alloc_failures;
	bool aborts; /* connections may end early: resets are expected */
	uint32_t forge_ppm;
	bool recuts;
	uint16_t path_mtu; /* 0: that of the hosts */
	bool router_tells;
	int reboot_host; /* -1: none */
	instant reboot_at, calm;
	instant now, progress_at;
	uint64_t progress;
	uint64_t steps, reloads;
	uint64_t trace_hash;
	struct sim_options opt;
	struct wire wire;
	uint8_t *buffer[STACK_BATCH_MAX]; /* where borrowed frames lie */
	const char *failure;              /* NULL, or what went wrong */
	char failure_text[256];
};

/* world.c */
void world_init(struct world *w, uint64_t seed, struct sim_options opt);
/* Runs to the end. False: w->failure says what went wrong. */
bool world_run(struct world *w);
void world_free(struct world *w);
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* turn.c: one turn of a host with n frames that lie in w->buffer; n grows by a forged one. */
void host_turn(struct sim_host *h, struct frame_in *frames, int n);
void host_trace(void *ctx, const struct trace_event *ev);
/* Switches the host off and on again: nothing is remembered. */
void host_reboot(struct sim_host *h);

/* scenario.c */
void scenario_draw(struct world *w);

/* app.c */
void app_start(struct sim_host *h);
void app_act(struct sim_app *a);
void app_events(struct sim_host *h, struct socket *so, unsigned events);
/* Takes what fits into the channel; verifies each byte. Returns how many bytes were taken. */
uint32_t app_take(struct sim_host *h, const struct stack_delivery *d);
struct sim_app *app_of(struct sim_host *h, uint64_t socket);
/* The newest with these ports; NULL: none. */
struct sim_app *app_of_ports(struct sim_host *h, uint16_t local, uint16_t remote);
bool app_done(const struct sim_app *a);
/* Its host was switched off. */
void app_dies(struct sim_app *a);

/* stream.c: are these the n bytes at `offset` of the stream that side `from` of connection c sends? */
bool stream_equal(const struct world *w, int c, int from, uint64_t offset, const uint8_t *p, uint32_t n);
void stream_fill(const struct world *w, int c, int from, uint64_t offset, uint8_t *p, uint32_t n);

/* forge.c: perhaps one more frame for a host, at frame; false: none this time. */
bool forge(struct sim_host *h, uint8_t *bytes, struct frame_in *frame);
/* Perhaps lets a segment begin earlier, with octets that its sender has sent before: another cut of the same stream. */
void recut(struct sim_host *h, uint8_t *bytes, struct frame_in *frame);

/* path.c: f was too large for the line out of h. */
void path_too_big(struct sim_host *h, const struct flat_frame *f);

/* check.c */
void check_host(struct sim_host *h);
/* Around each frame that leaves. */
void check_before(struct sim_host *h);
void check_frame(struct sim_host *h, const struct flat_frame *f);

#endif
