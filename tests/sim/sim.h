/* The simulation: two stacks over a bad line, in virtual time, from one seed.
 *
 * Theory of operation. A world has two hosts (an env, a stack, applications) and two impair queues between them. The
 * world jumps from event to event: a frame comes out of a queue, a timer of a stack is due, an application acts. Each
 * event is one turn of one host, made with exactly the calls that the daemon makes. After each turn every byte that the
 * stack had borrowed is overwritten, the invariants are checked (check.c), and now and then the stack is saved, freed
 * and loaded.
 *
 * Everything is drawn from the seed; what decides about saving has a generator of its own, so that the run without
 * saving must leave the very same trace. A failure prints the seed and the step. */
#ifndef TOYNET_TESTS_SIM_H
#define TOYNET_TESTS_SIM_H

#include "link/impair_queue.h"
#include "socket/socket_internal.h"
#include "stack/stack.h"

#define SIM_CONNECTIONS_MAX 6
#define SIM_APPS_MAX        (2 * SIM_CONNECTIONS_MAX + 1)
#define SIM_TIME_MAX        DURATION_S(4 * 3600) /* virtual; a run that is not done by then hangs */
#define SIM_STEPS_MAX       20000000u /* an application that waits for a slow peer looks up to 5000 times a second */
#define SIM_PATIENCE        DURATION_S(600)            /* of an application whose peer may have been reset */
#define SIM_EPOCH           (INT64_C(1000) * NS_PER_S) /* virtual time at the start */
#define SIM_PORT            7

struct world;
struct sim_host;

/* How an application ends its side. */
enum sim_end {
	SIM_CLOSE_WHEN_DONE, /* shut down after the last byte, read to the end, close */
	SIM_CLOSE_AT_ONCE,   /* close without shutdown once all is written and read */
	SIM_ABORT,           /* reset in the middle */
};

/* One side of a connection. */
struct sim_app {
	struct sim_host *host;
	uint64_t socket; /* id; 0: none now */
	bool active;     /* connects; else it was accepted */
	bool listener;
	int connection; /* index; -1 not known yet */
	uint64_t to_send, sent;
	uint64_t to_receive, received; /* received: verified on delivery */
	uint32_t channel, channel_max; /* bytes delivered and not yet read; capacity */
	uint32_t write_max, read_max;  /* bytes at a time */
	duration pause;                /* longest time between two actions */
	enum sim_end end;
	uint64_t abort_at;
	bool connected, eof, failed, shut, closed;
	int error;
	instant next_action;
	seq32 adv_seen; /* check.c: the right edge, once seen, never moves left */
	bool adv_known;
};

struct sim_host {
	struct world *world;
	int index;
	struct env env;
	struct stack *stack;
	struct impair_queue *out; /* towards the other host */
	struct sim_app app[SIM_APPS_MAX];
	int apps;
};

struct sim_options {
	bool reload;
	bool verbose; /* prints the trace */
};

struct world {
	uint64_t seed;
	struct rng rng;        /* the scenario and the applications */
	struct rng reload_rng; /* when to save and load */
	struct env line_env;   /* memory of the line */
	struct sim_host host[2];
	struct impair_queue line[2]; /* line[i]: out of host i */
	struct stack_config cfg[2];
	struct link_caps caps;
	int connections;
	struct sim_app plan[2][SIM_CONNECTIONS_MAX]; /* what each side of each connection will do */
	bool alloc_failures;
	bool aborts; /* some application aborts: resets are expected */
	instant now;
	uint64_t steps, reloads;
	uint64_t trace_hash;
	struct sim_options opt;
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
/* One turn of a host with n frames that lie in w->buffer. */
void host_turn(struct sim_host *h, struct frame_in *frames, int n);

/* scenario.c */
void scenario_draw(struct world *w);

/* app.c */
void app_start(struct sim_host *h);
void app_act(struct sim_app *a);
void app_events(struct sim_host *h, struct socket *so, unsigned events);
/* Takes what fits into the channel; verifies each byte. Returns how many bytes were taken. */
uint32_t app_take(struct sim_host *h, const struct stack_delivery *d);
struct sim_app *app_of(struct sim_host *h, uint64_t socket);
bool app_done(const struct sim_app *a);
/* The byte at `offset` of the stream that side `from` of connection c sends. */
uint8_t stream_byte(const struct world *w, int c, int from, uint64_t offset);

/* check.c */
void check_host(struct sim_host *h);
void check_frame(struct sim_host *h, const struct flat_frame *f);

#endif
