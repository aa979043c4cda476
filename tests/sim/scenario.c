/* What a seed means: lines, hazards, configuration, connections and the habits of the applications. */
#include "sim.h"

#define MTU_MIN 104 /* an MSS of 64 */

static uint32_t between(struct rng *r, uint32_t lo, uint32_t hi)
{
	return lo + rng_below(r, hi - lo + 1);
}

static bool chance(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

static void draw_impairment(struct rng *r, struct impair_direction *d, uint32_t badness)
{
	*d = (struct impair_direction){.delay_us = between(r, 10, 100000)};
	if (badness == 0)
		return;
	if (chance(r, 70))
		d->loss_ppm = rng_below(r, 30000 * badness);
	if (chance(r, 30)) {
		d->burst_enter_ppm = rng_below(r, 5000);
		d->burst_leave_ppm = between(r, 200000, 600000);
	}
	if (chance(r, 50))
		d->jitter_us = rng_below(r, d->delay_us + 1);
	if (chance(r, 50))
		d->duplicate_ppm = rng_below(r, 50000);
	if (chance(r, 50)) {
		d->reorder_ppm = rng_below(r, 100000);
		d->reorder_us = between(r, 100, 50000);
	}
	if (chance(r, 40))
		d->corrupt_ppm = rng_below(r, 20000);
	if (chance(r, 30)) {
		d->rate_bps = between(r, 500000, 50000000);
		d->queue_bytes = between(r, 20000, 200000);
	}
}

static void draw_line(struct world *w, int i, uint32_t badness)
{
	struct rng *r = &w->rng;
	struct sim_line *l = &w->line[i];
	struct impair_direction d;

	line_init(l, &w->line_env, rng_u64(r));
	draw_impairment(r, &d, badness);
	impair_queue_set(&l->q, &d);
	l->calm = w->calm;
	if (badness && chance(r, 20)) {
		instant at = {SIM_EPOCH};
		l->flaps = (int)between(r, 1, LINE_FLAPS_MAX);
		for (int f = 0; f < l->flaps; f++) {
			at = l->flap[f].from = instant_add(at, DURATION_MS(between(r, 10, 8000)));
			at = l->flap[f].to = instant_add(at, DURATION_MS(between(r, 10, chance(r, 20) ? 30000 : 2000)));
		}
	}
	if (w->path_mtu) {
		l->mtu = w->path_mtu;
		l->tells = w->router_tells;
		l->mtu_from = instant_add(w->now, DURATION_MS(between(r, 0, 20000)));
	}
	if (chance(r, 40)) {
		l->late_ppm = between(r, 1000, 100000);
		l->late_left = between(r, 1, 30);
		l->late_most = DURATION_MS(chance(r, 50) ? between(r, 100, 5000) : between(r, 5000, 150000));
	}
}

static void draw_config(struct world *w, int i, uint16_t mtu)
{
	struct rng *r = &w->rng;
	struct stack_config *c = &w->cfg[i];

	*c = stack_config_default;
	c->ip.mac = (struct mac_addr){{2, 0, 0, 0, 0, (uint8_t)(i + 1)}};
	c->ip.address = (struct ip_prefix){ip4(10, 0, 0, (uint8_t)(i + 1)), 24};
	c->ip.mtu = mtu;
	c->tcp.rcvbuf = 1u << between(r, 12, 20);
	c->tcp.sndbuf = 1u << between(r, 12, 20);
	c->tcp.rcvbuf_max = c->tcp.rcvbuf << between(r, 0, 3);
	c->tcp.sndbuf_max = c->tcp.sndbuf << between(r, 0, 2);
	c->tcp.timestamps = chance(r, 80);
	c->tcp.window_scaling = chance(r, 80);
	c->tcp.sack = chance(r, 80);
	c->tcp.ecn = (enum tcp_ecn)between(r, TCP_ECN_OFF, TCP_ECN_ON);
	c->tcp.delack = DURATION_MS(between(r, 1, 499));
	c->tcp.time_wait = DURATION_MS(chance(r, 50) ? between(r, 1000, 10000) : between(r, 10000, 60000));
	c->tcp.fin_wait_2 = DURATION_S(w->aborts ? between(r, 10, 60) : 600);
	/* A bad line must not end a connection where nothing may. */
	c->tcp.retries = c->tcp.orphan_retries = c->tcp.syn_retries = UINT8_MAX;
	if (w->aborts && chance(r, 70)) {
		c->tcp.retries = (uint8_t)between(r, 5, 15);
		c->tcp.syn_retries = (uint8_t)between(r, 4, 8);
		c->tcp.orphan_retries = (uint8_t)between(r, 3, 8);
	}
	c->tcp.rto_max = DURATION_S(10);
}

static uint64_t draw_size(struct rng *r)
{
	switch (rng_below(r, 5)) {
	case 0:
		return 0;
	case 1:
		return between(r, 1, 10);
	case 2:
		return between(r, 10, 5000);
	default:
		return between(r, 5000, 200000);
	}
}

static void draw_ending(struct world *w, struct sim_app *a)
{
	struct rng *r = &w->rng;

	a->end = chance(r, 50) ? SIM_CLOSE_WHEN_DONE : SIM_CLOSE_AT_ONCE;
	if (!w->aborts)
		return;
	if (chance(r, 30)) {
		a->end = (enum sim_end)between(r, SIM_ABORT, SIM_LINGER);
		a->leave_at = a->to_send ? rng_u32(r) % a->to_send : 0;
	}
	if (chance(r, 20))
		a->user_timeout = DURATION_MS(between(r, 3000, 60000));
}

static void draw_app(struct world *w, int side, int c)
{
	struct rng *r = &w->rng;
	struct sim_app *a = &w->plan[side][c];
	uint16_t mine = (uint16_t)(SIM_PORT_CLIENT + c % SIM_PORTS_MAX);
	bool twin = side ? w->plan[0][c].twin : c < SIM_PORTS_MAX && chance(r, 15);
	uint16_t other = (uint16_t)(twin ? SIM_PORT_TWIN + c : SIM_PORT);

	a->connection = c;
	a->twin = twin;
	a->local_port = side ? other : mine;
	a->remote_port = side ? mine : other;
	a->to_send = draw_size(r);
	a->channel_max = 1u << between(r, 9, 18);
	a->write_max = chance(r, 30) ? between(r, 1, 200) : between(r, 1000, 100000);
	/* So that many tiny writes or reads do not take for ever. */
	a->write_max = u32_max(a->write_max, (uint32_t)(a->to_send / 500));
	a->read_max = u32_max(between(r, 1, 100000), 400);
	a->pause = chance(r, 20) ? DURATION_MS(between(r, 10, 500)) : DURATION_US(between(r, 200, 5000));
	if (chance(r, 15)) {
		a->stall = DURATION_MS(between(r, 500, 25000));
		a->stall_at = rng_below(r, 50000);
	}
	a->nodelay = chance(r, 30);
	a->keepalive = chance(r, 20);
	a->cc = chance(r, 70) ? TCP_CC_CUBIC : TCP_CC_RENO;
	a->maxseg = (uint16_t)(chance(r, 10) ? between(r, TCP_MSS_MIN, 9000) : 0);
	if (chance(r, 30))
		a->iss_below = between(r, 1, 60000);
	if (chance(r, 30))
		a->ts_below = between(r, 1, 3000);
	draw_ending(w, a);
}

static uint16_t draw_mtu(struct rng *r)
{
	if (chance(r, 60))
		return 1500;
	return (uint16_t)(chance(r, 30) ? between(r, MTU_MIN, 575) : between(r, 576, 9000));
}

void scenario_draw(struct world *w)
{
	struct rng *r = &w->rng;
	uint32_t badness = rng_below(r, 4);
	uint16_t mtu = draw_mtu(r);

	w->alloc_failures = chance(r, 20);
	w->reboot_host = chance(r, 8) ? (int)rng_below(r, 2) : -1;
	w->aborts = w->reboot_host >= 0 || chance(r, 15);
	w->reboot_at = instant_add(w->now, DURATION_MS(between(r, 10, 20000)));
	w->calm = instant_add(w->now, DURATION_S(between(r, 10, 300)));
	if (chance(r, 20)) {
		/* RFC 1191 3: 576 and more. Without a word from the router: what RFC 4821 7.3 begins with. */
		w->router_tells = chance(r, 60);
		w->path_mtu = (uint16_t)between(r, w->router_tells ? 576 : 1100, 1499);
	}
	w->recuts = chance(r, 30);
	w->forge_ppm = chance(r, 40) ? between(r, 1000, 30000) : 0;
	for (int i = 0; i < 2; i++) {
		draw_line(w, i, badness);
		draw_config(w, i, chance(r, 20) ? draw_mtu(r) : mtu);
	}
	w->caps.csum = chance(r, 50);
	w->caps.gso_max = badness == 0 && w->caps.csum && chance(r, 70) ? FRAME_MAX : 0;
	w->ports = (int)between(r, 1, SIM_PORTS_MAX);
	for (int c = 0; c < SIM_CONNECTIONS_MAX; c++) {
		draw_app(w, 0, c);
		draw_app(w, 1, c);
		w->plan[0][c].to_receive = w->plan[1][c].to_send;
		w->plan[1][c].to_receive = w->plan[0][c].to_send;
	}
	for (int c = 0; c < w->ports; c++)
		w->again[c] = !w->plan[0][c].twin && chance(r, 20);
}
