/* Applications: they connect or accept, write and read in pieces with pauses, verify every byte, and end in their way.
 */
#include "sim.h"

uint8_t stream_byte(const struct world *w, int c, int from, uint64_t offset)
{
	uint64_t x = (offset >> 3) + w->seed * 31 + (uint64_t)(c * 2 + from) * 1000003;

	x ^= x >> 31;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint8_t)(x >> (8 * (offset & 7)));
}

struct sim_app *app_of(struct sim_host *h, uint64_t socket)
{
	for (int i = 0; i < h->apps; i++)
		if (h->app[i].socket == socket && socket)
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
		struct sim_app listen = {.listener = true, .connection = -1, .end = SIM_CLOSE_WHEN_DONE};
		app_add(h, &listen);
		return;
	}
	for (int c = 0; c < w->connections; c++) {
		struct sim_app *a = app_add(h, &w->plan[0][c]);
		a->active = true;
		schedule(a, DURATION_MS(50));
	}
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
	/* The port tells the other side which plan is its own. */
	struct endpoint local = {.addr = ip4(10, 0, 0, 1), .port = (uint16_t)(1000 + a->connection)};
	struct endpoint remote = {.addr = ip4(10, 0, 0, 2), .port = SIM_PORT};
	if (socket_bind(s, so, local) != 0 || socket_connect(s, so, remote) != EINPROGRESS) {
		socket_close(s, so, false);
		return false;
	}
	a->socket = so->id;
	return true;
}

static void accept_all(struct sim_app *listener, struct socket *so)
{
	struct sim_host *h = listener->host;
	struct socket *child;

	while (socket_accept(h->stack, so, &child) == 0) {
		struct endpoint local, peer;
		socket_names(child, &local, &peer);
		int c = peer.port - 1000;
		if (c < 0 || c >= h->world->connections || h->apps == SIM_APPS_MAX) {
			world_fail(h->world, "accepted a connection that nobody opened");
			return;
		}
		struct sim_app *a = app_add(h, &h->world->plan[1][c]);
		a->socket = child->id;
		a->connected = true;
		child->channel = a;
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
	for (int i = 0; i < n; i++)
		for (size_t j = 0; j < iov[i].iov_len; j++, put++)
			((uint8_t *)iov[i].iov_base)[j] = stream_byte(a->host->world, a->connection, a->host->index,
			                                              a->sent + put);
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
	uint32_t taken = 0, room;

	if (!a || a->listener) {
		world_fail(h->world, "delivery for nobody");
		return 0;
	}
	room = a->channel_max - a->channel;
	for (int i = 0; i < d->niov && taken < room; i++) {
		const uint8_t *p = d->iov[i].iov_base;
		for (size_t j = 0; j < d->iov[i].iov_len && taken < room; j++, taken++) {
			if (p[j] != stream_byte(h->world, a->connection, 1 - h->index, a->received)) {
				world_fail(h->world, "connection %d: byte %llu is wrong", a->connection,
				           (unsigned long long)a->received);
				return taken;
			}
			a->received++;
		}
	}
	if (a->received > a->to_receive)
		world_fail(h->world, "connection %d: more bytes than were sent", a->connection);
	a->channel += taken;
	return taken;
}

static bool all_done(const struct sim_app *a)
{
	return a->sent == a->to_send && a->eof && !a->channel;
}

static void close_socket(struct sim_app *a, struct socket *so, bool abort)
{
	if (abort)
		socket_abort(a->host->stack, so);
	else
		socket_close(a->host->stack, so, a->channel != 0);
	a->socket = 0;
	a->closed = true;
	a->next_action = INSTANT_NEVER;
}

static void act_connected(struct sim_app *a, struct socket *so)
{
	struct world *w = a->host->world;

	if (a->failed) {
		bool again = a->error == EHOSTUNREACH && !a->connected; /* the line lost every ARP request */
		close_socket(a, so, false);
		if (again) {
			a->closed = a->failed = false;
			schedule(a, DURATION_S(1));
		}
		return;
	}
	read_some(a, so);
	if (!a->connected) {
		schedule(a, a->pause);
		return;
	}
	write_some(a, so);
	/* A reset that the line lost leaves its receiver waiting for ever, as TCP has it: the application gives up. */
	if (w->aborts && duration_lt(SIM_PATIENCE, instant_since(w->now, (instant){SIM_EPOCH}))) {
		close_socket(a, so, true);
		return;
	}
	if (a->end == SIM_ABORT && a->sent >= a->abort_at) {
		close_socket(a, so, true);
		return;
	}
	/* The side that was accepted, or that shuts down first, tells the other by FIN; the other closes after it. */
	bool shut_now = a->sent == a->to_send && !a->shut &&
	                (a->end != SIM_CLOSE_AT_ONCE || a->eof || a->received == a->to_receive);
	if (shut_now && a->end == SIM_CLOSE_AT_ONCE && a->received == a->to_receive && !a->channel) {
		close_socket(a, so, false);
		return;
	}
	if (shut_now && a->end != SIM_CLOSE_AT_ONCE) {
		int e = socket_shutdown(a->host->stack, so, false, true);
		if (e && !w->aborts)
			world_fail(w, "shutdown failed with %s", error_name(e));
		a->shut = true;
	}
	if (all_done(a)) {
		if (a->received != a->to_receive && !w->aborts)
			world_fail(w, "connection %d: end of file after %llu of %llu bytes", a->connection,
			           (unsigned long long)a->received, (unsigned long long)a->to_receive);
		close_socket(a, so, false);
		return;
	}
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
			if (!w->alloc_failures)
				world_fail(w, "a socket could not be opened");
			schedule(a, DURATION_MS(100));
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
	if (others_done(w) && w->now.ns > NS_PER_S)
		close_socket(a, so, false);
	else
		schedule(a, DURATION_S(1));
}

void app_events(struct sim_host *h, struct socket *so, unsigned events)
{
	struct sim_app *a = app_of(h, so->id);

	if (!a) {
		world_fail(h->world, "event for nobody");
		return;
	}
	if (events & SOCKET_CONNECTED)
		a->connected = true;
	if (events & SOCKET_EOF)
		a->eof = true;
	if (events & SOCKET_ACCEPT)
		accept_all(a, so);
	if (events & SOCKET_ERROR) {
		a->failed = true;
		a->error = so->error;
		bool late = a->received == a->to_receive; /* the peer closed after all was said */
		bool no_arp = a->error == EHOSTUNREACH && !a->connected;
		if (!h->world->aborts && !late && !no_arp && !h->world->alloc_failures)
			world_fail(h->world, "connection %d failed with %s", a->connection, error_name(so->error));
	}
	a->next_action = h->world->now;
}

bool app_done(const struct sim_app *a)
{
	return a->closed;
}
