/* Applications: they connect or accept, write and read in pieces with pauses, verify every byte, and end in their way.
 */
#include "sim.h"

#define ATTEMPTS_MAX 200

struct sim_app *app_of(struct sim_host *h, uint64_t socket)
{
	for (int i = 0; i < h->apps; i++)
		if (h->app[i].socket == socket && socket)
			return &h->app[i];
	return NULL;
}

struct sim_app *app_of_ports(struct sim_host *h, uint16_t local, uint16_t remote)
{
	for (int i = h->apps - 1; i >= 0; i--)
		if (!h->app[i].listener && h->app[i].local_port == local && h->app[i].remote_port == remote)
			return &h->app[i];
	return NULL;
}

static struct socket *socket_of(struct sim_app *a)
{
	struct socket *so = socket_by_id(a->host->stack, a->socket);

	if (!so)
		world_fail(a->host->world, "socket %llu of an application is gone", (unsigned long long)a->socket);
	return so;
}

static void schedule(struct sim_app *a, duration most)
{
	struct world *w = a->host->world;
	int64_t ns = most.ns / 2 + (int64_t)(rng_u64(&w->rng) % (uint64_t)(most.ns / 2 + 1));

	a->next_action = instant_add(w->now, (duration){ns});
}

static struct sim_app *app_add(struct sim_host *h, const struct sim_app *plan)
{
	if (h->apps == SIM_APPS_MAX) {
		world_fail(h->world, "too many applications");
		return &h->app[0];
	}
	struct sim_app *a = &h->app[h->apps++];
	*a = *plan;
	a->host = h;
	a->next_action = h->world->now;
	return a;
}

void app_start(struct sim_host *h)
{
	struct world *w = h->world;

	if (h->index == 1) {
		struct sim_app listen = {.listener = true, .connection = -1, .local_port = SIM_PORT};
		app_add(h, &listen);
	}
	for (int c = 0; c < w->ports; c++) {
		bool twin = w->plan[0][c].twin;
		if (h->index == 1 && !twin)
			continue;
		struct sim_app *a = app_add(h, &w->plan[h->index][c]);
		a->active = true;
		if (twin)
			a->next_action = instant_add(w->now, DURATION_S(1));
		else
			schedule(a, DURATION_MS(50));
	}
}

/* The port of a connection that has ended is opened once more. */
static void open_again(struct world *w, int c)
{
	if (c < 0 || c >= SIM_PORTS_MAX || !w->again[c])
		return;
	w->again[c] = false;
	struct sim_app *a = app_add(&w->host[0], &w->plan[0][c + SIM_PORTS_MAX]);
	a->active = true;
	schedule(a, DURATION_S(4));
}

static void set(struct sim_app *a, struct socket *so, int option, int64_t number)
{
	int e = socket_set_option(a->host->stack, so, option, (struct socket_option_value){.number = number});

	if (e)
		world_fail(a->host->world, "option %d: %s", option, error_name(e));
}

static void set_options(struct sim_app *a, struct socket *so)
{
	if (a->nodelay)
		set(a, so, OPT_TCP_NODELAY, 1);
	if (a->maxseg)
		set(a, so, OPT_TCP_MAXSEG, a->maxseg);
	if (a->user_timeout.ns)
		set(a, so, OPT_TCP_USER_TIMEOUT, a->user_timeout.ns / NS_PER_MS);
	if (a->keepalive) {
		set(a, so, OPT_TCP_KEEPIDLE, SIM_KEEP_IDLE.ns / NS_PER_S);
		set(a, so, OPT_TCP_KEEPINTVL, 5);
		set(a, so, OPT_TCP_KEEPCNT, a->host->world->aborts ? 5 : 127);
		set(a, so, OPT_SO_KEEPALIVE, 1);
	}
	if (a->end == SIM_LINGER)
		so->linger_on = true;
	so->tcp.cc = a->cc;
}

static bool start_listening(struct sim_app *a)
{
	struct stack *s = a->host->stack;
	struct socket *so;

	if (socket_open(s, SOCKET_TCP, IP_V4, 0, 1, &so) != 0)
		return false;
	so->channel = a;
	struct endpoint local = {.addr = ip4(0, 0, 0, 0), .port = SIM_PORT};
	if (socket_bind(s, so, local) != 0 || socket_listen(s, so, 16) != 0) {
		socket_close(s, so, false);
		return false;
	}
	a->socket = so->id;
	return true;
}

static bool start_connecting(struct sim_app *a)
{
	struct stack *s = a->host->stack;
	struct socket *so;

	if (socket_open(s, SOCKET_TCP, IP_V4, 0, 1, &so) != 0)
		return false;
	so->channel = a;
	so->tcp.pcb.reuse_addr = true;
	/* The ports tell the other side which plan is its own. */
	struct endpoint local = {.addr = ip4(10, 0, 0, (uint8_t)(1 + a->host->index)), .port = a->local_port};
	struct endpoint remote = {.addr = ip4(10, 0, 0, (uint8_t)(2 - a->host->index)), .port = a->remote_port};
	set_options(a, so);
	if (socket_bind(s, so, local) != 0 || socket_connect(s, so, remote) != EINPROGRESS) {
		socket_close(s, so, false);
		return false;
	}
	a->socket = so->id;
	a->opened_at = a->host->world->now;
	a->attempts++;
	return true;
}

/* Which connection a SYN of host 0 opened; -1: none. Near the wrap, several may begin with the same number. */
static int opened_by(const struct world *w, seq32 iss, uint16_t port)
{
	for (int i = w->opened_count - 1; i >= 0; i--)
		if (w->opened[i].iss == iss.n && w->plan[1][w->opened[i].connection].remote_port == port)
			return w->opened[i].connection;
	return -1;
}

static void accept_all(struct sim_app *listener, struct socket *so)
{
	struct sim_host *h = listener->host;
	struct world *w = h->world;
	struct socket *child;

	while (socket_accept(h->stack, so, &child) == 0) {
		struct endpoint local, peer;
		socket_names(child, &local, &peer);
		int c = opened_by(w, child->tcp.rcv.irs, peer.port);
		if (c < 0) {
			world_fail(w, "accepted a connection that nobody opened");
			return;
		}
		struct sim_app *a = app_add(h, &w->plan[1][c]);
		a->socket = child->id;
		a->connected = true;
		child->channel = a;
		set_options(a, child);
		struct wire_end *e = wire_end_of(w, h->index, local.port, peer.port);
		if (e && e->irs == child->tcp.rcv.irs.n)
			e->app = a;
		stack_offer(h->stack, child);
	}
}

static void write_some(struct sim_app *a, struct socket *so)
{
	struct stack *s = a->host->stack;
	uint64_t left = a->to_send - a->sent;
	uint32_t want = (uint32_t)(left < a->write_max ? left : a->write_max);
	struct iovec iov[2];
	int error = 0;

	if (!want)
		return;
	int n = socket_send_reserve(s, so, 1 + rng_below(&a->host->world->rng, want), iov, &error);
	uint32_t put = 0;
	for (int i = 0; i < n; i++) {
		stream_fill(a->host->world, a->connection, a->host->index, a->sent + put, iov[i].iov_base,
		            (uint32_t)iov[i].iov_len);
		put += (uint32_t)iov[i].iov_len;
	}
	if (n) {
		socket_send_commit(s, so, put);
		a->sent += put;
	} else if (error != EAGAIN && error != ENOBUFS && !a->host->world->aborts) {
		world_fail(a->host->world, "write failed with %s", error_name(error));
	}
}

static void read_some(struct sim_app *a, struct socket *so)
{
	if (!a->channel)
		return;
	uint32_t n = 1 + rng_below(&a->host->world->rng, u32_min(a->channel, a->read_max));
	a->channel -= n;
	socket_set_held(a->host->stack, so, a->channel);
	stack_offer(a->host->stack, so);
}

uint32_t app_take(struct sim_host *h, const struct stack_delivery *d)
{
	struct sim_app *a = app_of(h, d->socket->id);
	uint32_t taken = 0;

	if (!a || a->listener) {
		world_fail(h->world, "delivery for nobody");
		return 0;
	}
	if (a->eof)
		world_fail(h->world, "connection %d: bytes after the end of file", a->connection);
	uint32_t room = a->channel_max - a->channel;
	for (int i = 0; i < d->niov && taken < room; i++) {
		uint32_t n = u32_min((uint32_t)d->iov[i].iov_len, room - taken);
		if (!stream_equal(h->world, a->connection, 1 - h->index, a->received, d->iov[i].iov_base, n)) {
			world_fail(h->world, "connection %d: wrong bytes from %llu on", a->connection,
			           (unsigned long long)a->received);
			return taken;
		}
		a->received += n;
		taken += n;
	}
	if (a->received > a->to_receive)
		world_fail(h->world, "connection %d: more bytes than were sent", a->connection);
	a->channel += taken;
	return taken;
}

static void close_socket(struct sim_app *a, struct socket *so, bool abort)
{
	struct world *w = a->host->world;

	a->closed = true;
	a->closed_at = w->now;
	a->aborted = abort || (so->linger_on && so->linger_s == 0);
	a->host->listener_closed = a->host->listener_closed || a->listener;
	if (abort)
		socket_abort(a->host->stack, so);
	else
		socket_close(a->host->stack, so, a->channel != 0);
	a->socket = 0;
	a->next_action = INSTANT_NEVER;
	if (a->host->index == 0)
		open_again(w, a->connection);
}

void app_dies(struct sim_app *a)
{
	struct world *w = a->host->world;

	a->socket = 0;
	if (a->closed)
		return;
	if (a->listener) {
		a->next_action = instant_add(w->now, DURATION_MS(rng_below(&w->rng, 3000)));
		return;
	}
	a->closed = a->aborted = true;
	a->closed_at = w->now;
	a->next_action = INSTANT_NEVER;
	if (a->host->index == 0)
		open_again(w, a->connection);
}

/* A connection that could not be opened for a reason that passes: no address, or the twin was not there yet. */
static bool try_again(struct sim_app *a, struct socket *so)
{
	struct world *w = a->host->world;
	bool passes = a->error == EHOSTUNREACH || (a->twin && a->error == ECONNREFUSED);

	if (!a->active || a->connected || !passes || a->attempts >= ATTEMPTS_MAX)
		return false;
	a->closed = true;
	socket_close(a->host->stack, so, false);
	a->socket = 0;
	a->closed = a->failed = false;
	/* Twins meet at whole seconds. */
	int64_t second = (w->now.ns / NS_PER_S + 1 + (a->twin ? 0 : (int64_t)rng_below(&w->rng, 3))) * NS_PER_S;
	a->next_action = (instant){second};
	return true;
}

/* It ends before all is said. */
static bool ends_early(struct sim_app *a, struct socket *so)
{
	struct world *w = a->host->world;

	/* A reset that the line lost leaves its receiver waiting for ever, as TCP has it: the application gives up. */
	if (w->aborts && duration_lt(SIM_PATIENCE, instant_since(w->now, (instant){SIM_EPOCH}))) {
		close_socket(a, so, true);
		return true;
	}
	if (a->end < SIM_ABORT || a->sent < a->leave_at)
		return false;
	close_socket(a, so, a->end == SIM_ABORT);
	return true;
}

/* True: it has closed. */
static bool end_in_order(struct sim_app *a, struct socket *so)
{
	struct world *w = a->host->world;
	/* The side that was accepted, or that shuts down first, tells the other by FIN; the other closes after it. */
	bool shut_now = a->sent == a->to_send && !a->shut &&
	                (a->end != SIM_CLOSE_AT_ONCE || a->eof || a->received == a->to_receive);

	if (shut_now && a->end == SIM_CLOSE_AT_ONCE && a->received == a->to_receive && !a->channel) {
		close_socket(a, so, false);
		return true;
	}
	if (shut_now && a->end != SIM_CLOSE_AT_ONCE) {
		a->shut = true;
		int e = socket_shutdown(a->host->stack, so, false, true);
		if (e && !w->aborts)
			world_fail(w, "shutdown failed with %s", error_name(e));
	}
	if (a->sent != a->to_send || !a->eof || a->channel)
		return false;
	if (a->received != a->to_receive && !w->aborts)
		world_fail(w, "connection %d: end of file after %llu of %llu bytes", a->connection,
		           (unsigned long long)a->received, (unsigned long long)a->to_receive);
	close_socket(a, so, false);
	return true;
}

static void act_connected(struct sim_app *a, struct socket *so)
{
	struct world *w = a->host->world;

	if (a->failed) {
		if (!try_again(a, so))
			close_socket(a, so, false);
		return;
	}
	if (a->stall.ns && a->received >= a->stall_at) {
		a->next_action = a->stalled_until = instant_add(w->now, a->stall);
		a->stall.ns = 0;
		return;
	}
	if (instant_lt(w->now, a->stalled_until)) {
		a->next_action = a->stalled_until;
		return;
	}
	read_some(a, so);
	if (!a->connected) {
		if (!w->aborts || !ends_early(a, so))
			schedule(a, a->pause);
		return;
	}
	write_some(a, so);
	if (!ends_early(a, so) && !end_in_order(a, so))
		schedule(a, a->pause);
}

static bool others_done(const struct world *w)
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < w->host[i].apps; j++)
			if (!w->host[i].app[j].listener && !w->host[i].app[j].closed)
				return false;
	return true;
}

void app_act(struct sim_app *a)
{
	struct world *w = a->host->world;

	if (a->socket == 0) {
		if (a->closed)
			return;
		if (!(a->listener ? start_listening(a) : start_connecting(a))) {
			if (!w->alloc_failures && a->connection < SIM_PORTS_MAX && !a->attempts)
				world_fail(w, "a socket could not be opened");
			a->next_action = instant_add(w->now, DURATION_S(1));
			return;
		}
		schedule(a, a->listener ? DURATION_S(1) : a->pause);
		return;
	}
	struct socket *so = socket_of(a);
	if (!so)
		return;
	if (!a->listener) {
		act_connected(a, so);
		return;
	}
	accept_all(a, so);
	if (others_done(w) && w->now.ns > SIM_EPOCH + NS_PER_S)
		close_socket(a, so, false);
	else
		schedule(a, DURATION_S(1));
}

static void end_of_file(struct sim_app *a)
{
	struct world *w = a->host->world;
	const struct wire_end *e = wire_end_of(w, a->host->index, a->local_port, a->remote_port);

	if (a->eof)
		world_fail(w, "connection %d: a second end of file", a->connection);
	int32_t fin = e && e->app == a ? e->peer_fin : a->peer_fin;
	if (fin == WIRE_NONE || (int64_t)a->received != fin - 2)
		world_fail(w, "connection %d: end of file after %llu bytes", a->connection,
		           (unsigned long long)a->received);
	a->eof = true;
}

static void failed(struct sim_app *a, int error)
{
	struct world *w = a->host->world;

	if (a->failed)
		world_fail(w, "connection %d: a second error", a->connection);
	a->failed = true;
	a->error = error;
	bool late = a->received == a->to_receive; /* the peer closed after all was said */
	bool passes = !a->connected && (error == EHOSTUNREACH || (a->twin && error == ECONNREFUSED));
	if (!w->aborts && !late && !passes && !w->alloc_failures)
		world_fail(w, "connection %d failed with %s", a->connection, error_name(error));
}

void app_events(struct sim_host *h, struct socket *so, unsigned events)
{
	struct sim_app *a = app_of(h, so->id);

	if (!a) {
		world_fail(h->world, "event for nobody");
		return;
	}
	if (events & SOCKET_CONNECTED && a->connected)
		world_fail(h->world, "connection %d: connected twice", a->connection);
	if (events & SOCKET_CONNECTED)
		a->connected = true;
	if (events & SOCKET_EOF)
		end_of_file(a);
	if (events & SOCKET_ACCEPT)
		accept_all(a, so);
	if (events & SOCKET_ERROR)
		failed(a, so->error);
	a->next_action = h->world->now;
}

bool app_done(const struct sim_app *a)
{
	return a->closed;
}
