/* See driver.h: set-up in the order in which things can fail with a clear word, the turn, and the way down. */
#include "host/driver.h"
#include "host/clock.h"
#include "host/config_list.h"
#include "host/dhcp_log.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/privilege.h"
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef TOYNET_VERSION
#define TOYNET_VERSION "unknown"
#endif

/* A turn begins, unless it has begun already. */
static void begin(void *ctx)
{
	struct driver *d = ctx;

	if (!d->begun)
		d->env.now = clock_now();
	d->begun = true;
}

static void pump_output(struct driver *d)
{
	struct frame_out f;

	while (stack_output(d->stack, &f))
		if (!d->link->ops->send(d->link, &f))
			stack_output_refused(d->stack);
}

/* Readiness, deliveries and output; then the frames of stack_input are free again. */
static void pump(struct driver *d)
{
	struct stack_delivery delivery;
	struct socket *so;
	unsigned events;
	bool moved;

	do {
		moved = false;
		while ((so = stack_ready(d->stack, &events)) != NULL) {
			rpc_socket_event(d->rpc, so, events);
			channels_event(&d->channels, so, events);
			moved = true;
		}
		while (stack_delivery(d->stack, &delivery)) {
			channels_deliver(&d->channels, &delivery);
			moved = true;
		}
	} while (moved);
	pump_output(d);
	channels_turn_end(&d->channels);
	stack_turn_end(d->stack);
	capture_turn_end(&d->capture);
}

static void stop(struct driver *d, int status)
{
	d->exit_status = status;
	uv_stop(&d->loop);
}

/* At least one pump, whether frames came or not. */
static void pump_frames(struct driver *d)
{
	struct frame_in frames[STACK_BATCH_MAX];
	int n = d->tap_ready ? STACK_BATCH_MAX : 0;

	for (int i = 0; i < DRIVER_BATCHES; i++) {
		if (n == STACK_BATCH_MAX)
			n = d->link->ops->recv(d->link, frames, STACK_BATCH_MAX);
		else if (i > 0)
			break;
		if (n)
			stack_input(d->stack, frames, n);
		capture_input_end(&d->capture);
		pump(d);
	}
	if (d->tap.error) {
		log_line("interface %s is gone: %s", d->tap.name, strerror(d->tap.error));
		stop(d, EXIT_FAILURE);
	}
}

static void arm(struct driver *d)
{
	instant next = instant_min(stack_deadline(d->stack), rpc_deadline(d->rpc));

	next = instant_min(next, d->link->ops->deadline(d->link));
	next = instant_min(next, channels_deadline(&d->channels));
	next = instant_min(next, d->control.retry_at);
	next = instant_min(next, trim_deadline(&d->trim, d->env.allocated));
	/* A timer that goes off early costs one empty turn, and setting it later one system call in every turn. */
	if (instant_lt(next, d->armed)) {
		d->armed = next;
		clock_arm(d->timerfd, next);
	}
}

static void turn(uv_check_t *h)
{
	struct driver *d = h->data;

	begin(d);
	if (d->channels_ready)
		channels_poll(&d->channels);
	if (instant_le(stack_deadline(d->stack), d->env.now))
		stack_tick(d->stack);
	net_setup_turn(&d->net_setup, stack_ip(d->stack));
	if (instant_le(rpc_deadline(d->rpc), d->env.now))
		rpc_tick(d->rpc);
	if (instant_le(channels_deadline(&d->channels), d->env.now))
		channels_tick(&d->channels);
	if (instant_le(d->link->ops->deadline(d->link), d->env.now))
		d->tap_ready = true;
	pump_frames(d);
	control_flush(&d->control, d->env.now);
	if (trim_due(&d->trim, d->env.allocated, d->env.now))
		malloc_trim(0);
	arm(d);
	d->begun = d->channels_ready = d->tap_ready = false;
}

static void tap_ready(uv_poll_t *h, int status, int events)
{
	struct driver *d = h->data;

	(void)events;
	(void)status; /* read tells the error */
	d->tap_ready = true;
}

static void channels_ready(uv_poll_t *h, int status, int events)
{
	struct driver *d = h->data;

	(void)status;
	(void)events;
	d->channels_ready = true;
}

static void timer_ready(uv_poll_t *h, int status, int events)
{
	struct driver *d = h->data;
	uint64_t expirations;

	(void)status;
	(void)events;
	if (read(d->timerfd, &expirations, sizeof(expirations)) > 0)
		d->armed = INSTANT_NEVER;
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct driver *d = h->data;

	if (signum == SIGHUP)
		return; /* nothing to reload */
	log_line("stopping: %s", signum == SIGTERM ? "SIGTERM" : "SIGINT");
	stop(d, EXIT_SUCCESS);
}

void driver_set_impairment(struct driver *d, const struct impair_config *cfg)
{
	const char *bad = impair_set(&d->impair, cfg->seed, &cfg->in, &cfg->out);

	assert(!bad);
	(void)bad;
	d->cfg.impair = *cfg;
	driver_impairment_changed(d);
}

void driver_impairment_changed(struct driver *d)
{
	tap_set_offload(&d->tap, !impair_wants_plain_frames(&d->impair));
	impair_update_caps(&d->impair);
	stack_set_caps(d->stack, d->impair.link.caps);
}

/* No capture, no cost: its link and its trace are in the way only while somebody captures. */
static void choose_link(struct driver *d)
{
	bool active = capture_active(&d->capture);

	d->link = active ? &d->capture.link : &d->impair.link;
	d->env.trace = active ? capture_trace : NULL;
	d->env.trace_ctx = &d->capture;
}

int driver_capture_open(struct driver *d, struct capture_sink *sink, const struct capture_options *o)
{
	d->capture.epoch_ns = clock_epoch_ns();
	int err = capture_open(&d->capture, sink, o);
	choose_link(d);
	return err;
}

void driver_capture_close(struct driver *d, struct capture_sink *sink)
{
	capture_close(&d->capture, sink);
	choose_link(d);
}

/* The layers below the stack, from the tap up. */
static void init_links(struct driver *d)
{
	impair_init(&d->impair, &d->env, &d->tap.link, rng_u64(&d->env.rng));
	capture_init(&d->capture, &d->env, &d->impair.link, d->tap.name, "toynetd " TOYNET_VERSION, tcp_state_names);
	d->impair.watch = (struct impair_watch){capture_lost, &d->capture};
	choose_link(d);
}

static bool start_capture_file(struct driver *d, char why[CONFIG_ERROR_MAX])
{
	const struct capture_options o = {.snap_length = d->cfg.capture_snap_length};
	int err;

	if (!d->cfg.capture[0])
		return true;
	d->capture.epoch_ns = clock_epoch_ns();
	if (!capture_file_create(&d->capture_file, d->cfg.capture))
		err = errno;
	else
		err = capture_file_start(&d->capture_file, &d->capture, &o);
	if (err)
		snprintf(why, CONFIG_ERROR_MAX, "key `capture': cannot capture into %s: %s", d->cfg.capture,
		         strerror(err));
	choose_link(d);
	return err == 0;
}

/* A station's address of our own beside the kernel's: the same again after a restart on the same interface. */
static struct mac_addr derived_mac(struct mac_addr kernel)
{
	kernel.b[0] = (uint8_t)((kernel.b[0] | 2) & ~1); /* locally administered, not a group */
	kernel.b[5] ^= 1;
	return kernel;
}

static bool open_stack(struct driver *d, char why[CONFIG_ERROR_MAX])
{
	static const struct mac_addr none;
	struct stack_config sc = d->cfg.stack;

	sc.ip.mac = mac_eq(d->cfg.mac, none) ? derived_mac(d->tap.kernel_mac) : d->cfg.mac;
	sc.ip.address = d->cfg.address.list[0];
	sc.ip.mtu = d->tap.mtu;
	if (mac_eq(sc.ip.mac, d->tap.kernel_mac)) {
		snprintf(why, CONFIG_ERROR_MAX,
		         "key `mac' is the MAC address of the kernel's side of %s: choose another", d->tap.name);
		return false;
	}
	init_links(d);
	d->stack = stack_new(&d->env, &sc, d->impair.link.caps);
	snprintf(why, CONFIG_ERROR_MAX, "out of memory");
	if (d->stack && net_setup_begin(&d->net_setup, stack_ip(d->stack), &d->cfg, why))
		d->rpc = rpc_server_new(d->stack, &driver_rpc_host, d, TOYNET_VERSION);
	if (!d->rpc) {
		if (d->stack)
			stack_free(d->stack);
		impair_free(&d->impair);
		return false;
	}
	address_log_begin(&d->address_log, d->stack);
	d->tap.counters = d->impair.counters = stack_counters(d->stack);
	d->impair.lookup = d->capture.lookup = (struct flow_lookup){stack_flow_owner, d->stack};
	channels_attach(&d->channels, d->stack, d->rpc);
	driver_set_impairment(d, &d->cfg.impair);
	return true;
}

/* libuv's calls fail here only for want of memory or descriptors. */
static bool open_loop(struct driver *d)
{
	static const struct {
		int signum;
		size_t offset;
	} signals[] = {
	        {SIGTERM, offsetof(struct driver, sigterm)},
	        {SIGINT, offsetof(struct driver, sigint)},
	        {SIGHUP, offsetof(struct driver, sighup)},
	};
	struct {
		uv_poll_t *poll;
		int fd;
		uv_poll_cb ready;
	} polls[] = {
	        {&d->tap_poll, d->tap.fd, tap_ready},
	        {&d->channels_poll, d->channels.epoll, channels_ready},
	        {&d->timer_poll, d->timerfd, timer_ready},
	};

	if (uv_loop_init(&d->loop) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(polls); i++) {
		polls[i].poll->data = d;
		if (uv_poll_init(&d->loop, polls[i].poll, polls[i].fd) != 0 ||
		    uv_poll_start(polls[i].poll, UV_READABLE, polls[i].ready) != 0)
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		uv_signal_t *s = (uv_signal_t *)(void *)((char *)d + signals[i].offset);
		s->data = d;
		if (uv_signal_init(&d->loop, s) != 0 || uv_signal_start(s, on_signal, signals[i].signum) != 0)
			return false;
	}
	d->check.data = d;
	return uv_check_init(&d->loop, &d->check) == 0 && uv_check_start(&d->check, turn) == 0 &&
	       control_start(&d->control, &d->loop, d->rpc, begin, d);
}

/* Whoever can connect to the control socket may also end the daemon in order: a signal waits for its handler. */
static void hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

bool driver_open(struct driver *d, const struct config *cfg, char why[CONFIG_ERROR_MAX])
{
	struct privilege priv;
	struct tap_options to = {
	        .interface = cfg->interface, .host_address = cfg->host_address, .mtu = cfg->mtu, .offload = true};

	d->cfg = *cfg;
	d->armed = INSTANT_NEVER;
	d->exit_status = EXIT_SUCCESS;
	signal(SIGPIPE, SIG_IGN); /* a log that nobody reads must not end the daemon */
	privilege_raise_limits();
	if (!clock_seed(&d->env.rng)) {
		snprintf(why, CONFIG_ERROR_MAX, "the kernel gives no random bytes: %s", strerror(errno));
		return false;
	}
	d->env.now = clock_now();
	if (!privilege_resolve(&priv, cfg->user, cfg->group, why, CONFIG_ERROR_MAX))
		return false;
	d->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (d->timerfd < 0 || !channels_open_set(&d->channels, &d->env)) {
		snprintf(why, CONFIG_ERROR_MAX,
		         "the kernel lacks what channels need (timerfd, epoll, unix_diag): %s: %s", strerror(errno),
		         "load the module unix_diag (modprobe unix_diag)");
		return false;
	}
	if (!tap_open(&d->tap, &to, why))
		return false;
	hold_signals(true);
	if (!control_bind(&d->control, cfg, priv.uid, priv.gid, why)) {
		tap_close(&d->tap);
		return false;
	}
	bool ok = open_stack(d, why) && start_capture_file(d, why);
	if (ok && !open_loop(d)) {
		snprintf(why, CONFIG_ERROR_MAX, "the event loop cannot be set up: %s", strerror(errno));
		ok = false;
	}
	ok = ok && privilege_drop(&priv, why, CONFIG_ERROR_MAX);
	hold_signals(false);
	if (!ok)
		control_stop(&d->control);
	return ok;
}

static void announce(const struct driver *d)
{
	char addresses[CONFIG_VALUE_MAX];

	config_addresses_format(&d->cfg.address, addresses);
	log_line("ready on %s %s, control %s", d->tap.name, d->cfg.stack.dhcp.on ? "by DHCP" : addresses,
	         d->control.path);
	notify_state("READY=1");
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void on_dhcp(void *ctx, enum dhcp_event event)
{
	const struct driver *d = ctx;

	dhcp_log(stack_dhcp(d->stack), event);
}

/* Our frames go out, and only what they wait for is heard, for DRIVER_FAREWELL_MS at most. */
static void say_farewell(struct driver *d)
{
	const instant until = instant_add(d->env.now, DURATION_MS(DRIVER_FAREWELL_MS));
	struct frame_in frames[STACK_BATCH_MAX];

	stack_dhcp_stop(d->stack);
	pump_output(d);
	while (!d->tap.error && stack_awaits_arp(d->stack) && instant_lt(d->env.now, until)) {
		struct pollfd p = {.fd = d->tap.fd, .events = POLLIN};
		(void)poll(&p, 1, (int)(instant_since(until, d->env.now).ns / NS_PER_MS) + 1);
		d->env.now = clock_now();
		int n = d->link->ops->recv(d->link, frames, STACK_BATCH_MAX);
		if (n)
			stack_input(d->stack, frames, n);
		pump_output(d);
		stack_turn_end(d->stack);
	}
}

/* Connections that applications hold are reset, so that their peers need not wait for a timeout. */
static void driver_close(struct driver *d)
{
	notify_state("STOPPING=1");
	begin(d);
	channels_abort_all(&d->channels);
	if (d->cfg.stack.dhcp.on)
		say_farewell(d);
	pump_output(d);
	stack_turn_end(d->stack);
	capture_turn_end(&d->capture);
	capture_file_close(&d->capture_file);
	choose_link(d);
	control_stop(&d->control);
	uv_walk(&d->loop, close_handle, NULL);
	while (uv_run(&d->loop, UV_RUN_NOWAIT) != 0)
		;
	uv_loop_close(&d->loop);
	channels_close_set(&d->channels);
	rpc_server_free(d->rpc);
	stack_free(d->stack);
	capture_free(&d->capture);
	impair_free(&d->impair);
	tap_close(&d->tap);
	close(d->timerfd);
	if (d->env.allocated)
		log_line("%zu bytes were not given back", d->env.allocated);
}

int driver_run(struct driver *d)
{
	announce(d);
	begin(d);
	stack_dhcp_watch(d->stack, on_dhcp, d);
	stack_dhcp_start(d->stack);
	turn(&d->check); /* what the stack owes from its beginning on */
	uv_run(&d->loop, UV_RUN_DEFAULT);
	driver_close(d);
	return d->exit_status;
}
