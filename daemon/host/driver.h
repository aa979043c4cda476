/* The driver: libuv's loop around the stack, its link, its channels and its control plane. One struct, one thread.
 *
 * Theory of operation. libuv watches five things: the TAP, the epoll set of the channels, a timerfd, the control socket
 * with its clients, and signals. Their callbacks only note what is ready, except that clients are heard at once. When
 * libuv has called all of them, one turn follows (uv_check_t), with one `now`:
 *
 *   1. bytes of applications go into the rings (channels_poll), timers that are due run
 *   2. frames are read in batches; after each batch, readiness, deliveries and output are pumped, and the batch is
 * given back
 *   3. answers go to the clients, freed memory goes back to the kernel now and then (trim.h), and the timerfd is set to
 * the next deadline of all
 *
 * A turn reads at most DRIVER_BATCHES batches, so that a flood of frames does not starve applications and clients. */
#ifndef TOYNET_HOST_DRIVER_H
#define TOYNET_HOST_DRIVER_H

#include "host/address_log.h"
#include "host/capture_file.h"
#include "host/channel.h"
#include "host/control.h"
#include "host/net_setup.h"
#include "host/tap.h"
#include "host/trim.h"

#define DRIVER_BATCHES     8
#define DRIVER_FAREWELL_MS 1000 /* at most, until a DHCPRELEASE has gone out */

struct driver {
	struct env env;
	struct config cfg;
	struct tap tap;
	struct impair impair;   /* around the tap */
	struct capture capture; /* around the impairment, while anybody captures */
	struct capture_file capture_file;
	struct link *link; /* the stack's: one of the two */
	struct stack *stack;
	struct net_setup net_setup;
	struct address_log address_log;
	struct rpc_server *rpc;
	struct channels channels;
	struct control control;
	uv_loop_t loop;
	uv_poll_t tap_poll, channels_poll, timer_poll;
	uv_check_t check;
	uv_signal_t sigterm, sigint, sighup;
	int timerfd;
	struct trim trim;
	instant armed; /* what the timerfd is set to */
	bool begun;    /* env.now is that of this turn */
	bool channels_ready, tap_ready;
	int exit_status;
};

/* Sets everything up and drops privileges. False: why is set, one line. */
bool driver_open(struct driver *d, const struct config *cfg, char why[CONFIG_ERROR_MAX]);
/* Runs until SIGTERM or SIGINT, or until the interface is gone; then lets go of everything. Returns the exit status. */
int driver_run(struct driver *d);

/* host/rpc_host.c: the functions that rpc asks for, with the driver as ctx. */
extern const struct rpc_host driver_rpc_host;
/* Puts impairment into force: settings were checked. */
void driver_set_impairment(struct driver *d, const struct impair_config *cfg);
/* Its settings or rules were changed: switches offloads off or on as it needs. */
void driver_impairment_changed(struct driver *d);

/* Begins to capture into a sink, or ends. See capture_open. */
int driver_capture_open(struct driver *d, struct capture_sink *sink, const struct capture_options *o);
void driver_capture_close(struct driver *d, struct capture_sink *sink);

#endif
