/* pcb: who may bind beside whom, which block a packet finds, ephemeral ports. */
#include "transport/pcb.h"
#include "unit.h"
#include <errno.h>

#define US    ip4(10, 0, 0, 1)
#define PEER  ip4(10, 0, 0, 2)
#define OTHER ip4(10, 0, 0, 3)
#define ANY   ((struct ip_addr){0})

struct world {
	struct env env;
	struct pcb_table t;
	struct pcb p[4];
};

static void begin(struct world *w)
{
	*w = (struct world){.env = unit_env(1)};
	ck_assert(pcb_table_init(&w->t, &w->env));
}

static void end(struct world *w)
{
	for (size_t i = 0; i < ARRAY_LEN(w->p); i++)
		pcb_remove(&w->t, &w->p[i]);
	pcb_table_free(&w->t);
	unit_env_end(&w->env);
}

static struct endpoint at(struct ip_addr a, uint16_t port)
{
	return (struct endpoint){.addr = a, .port = port};
}

static bool lingers(const struct pcb *p)
{
	return p->remote.port == 9999; /* stands for TIME-WAIT */
}

enum other { LISTENING, BOUND, CONNECTED, LINGERING };

static const struct bind_case {
	enum other other;
	bool other_any, other_reuse, any, reuse;
	int want;
} bind_cases[] = {
        {BOUND, false, false, false, false, EADDRINUSE},
        {BOUND, false, true, false, false, EADDRINUSE},
        {BOUND, false, false, false, true, EADDRINUSE},
        {BOUND, false, true, false, true, 0},
        {BOUND, true, false, false, false, EADDRINUSE},
        {BOUND, false, false, true, false, EADDRINUSE},
        {BOUND, true, true, false, true, 0},
        {LISTENING, false, true, false, true, EADDRINUSE},
        {LISTENING, true, true, false, true, EADDRINUSE},
        {CONNECTED, false, true, true, true, 0},
        {CONNECTED, false, false, true, true, EADDRINUSE},
        {CONNECTED, false, true, true, false, EADDRINUSE},
        {LINGERING, false, false, true, true, 0},
        {LINGERING, false, true, true, false, EADDRINUSE},
};

START_TEST(bind_conflicts)
{
	for (size_t i = 0; i < ARRAY_LEN(bind_cases); i++) {
		const struct bind_case *c = &bind_cases[i];
		struct world w;
		begin(&w);
		w.p[0].reuse_addr = c->other_reuse;
		w.p[1].reuse_addr = c->reuse;
		ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(c->other_any ? ANY : US, 80), lingers), 0);
		if (c->other == LISTENING)
			ck_assert_int_eq(pcb_listen(&w.t, &w.p[0]), 0);
		if (c->other == CONNECTED || c->other == LINGERING)
			ck_assert_int_eq(pcb_connect(&w.t, &w.p[0], at(PEER, c->other == LINGERING ? 9999 : 1)), 0);
		int got = pcb_bind(&w.t, &w.p[1], at(c->any ? ANY : US, 80), lingers);
		ck_assert_msg(got == c->want, "case %zu: %d", i, got);
		end(&w);
	}
}
END_TEST

START_TEST(different_addresses_and_ports_do_not_conflict)
{
	struct world w;
	begin(&w);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(US, 80), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[1], at(OTHER, 80), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[2], at(US, 81), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[3], at(US, 80 + PCB_USER_LISTS), NULL), 0); /* same list, other port */
	end(&w);
}
END_TEST

START_TEST(two_listeners_conflict_in_spite_of_reuse)
{
	struct world w;
	begin(&w);
	w.p[0].reuse_addr = w.p[1].reuse_addr = w.p[2].reuse_addr = true;
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(US, 80), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[1], at(ANY, 80), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[2], at(OTHER, 80), NULL), 0);
	ck_assert_int_eq(pcb_listen(&w.t, &w.p[0]), 0);
	ck_assert_int_eq(pcb_listen(&w.t, &w.p[1]), EADDRINUSE);
	ck_assert(!w.p[1].listening);
	ck_assert_int_eq(pcb_listen(&w.t, &w.p[2]), 0);
	end(&w);
}
END_TEST

START_TEST(reuseport_shares_among_one_uid)
{
	struct world w;
	int found[3] = {0};
	begin(&w);
	for (int i = 0; i < 3; i++) {
		w.p[i].reuse_port = true;
		w.p[i].uid = 7;
		ck_assert_int_eq(pcb_bind(&w.t, &w.p[i], at(ANY, 53), NULL), 0);
		ck_assert_int_eq(pcb_listen(&w.t, &w.p[i]), 0);
	}
	w.p[3].uid = 7;
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[3], at(US, 53), NULL), EADDRINUSE);
	w.p[3].reuse_port = true;
	w.p[3].uid = 8;
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[3], at(US, 53), NULL), EADDRINUSE);
	struct pcb *before[300];
	for (uint16_t port = 0; port < 300; port++) {
		before[port] = pcb_lookup_port(&w.t, at(US, 53), at(PEER, port), true);
		found[before[port] - w.p]++;
	}
	for (int i = 0; i < 3; i++)
		ck_assert_int_gt(found[i], 60);
	/* One that leaves moves only its own peers. */
	pcb_remove(&w.t, &w.p[1]);
	for (uint16_t port = 0; port < 300; port++) {
		struct pcb *now = pcb_lookup_port(&w.t, at(US, 53), at(PEER, port), true);
		ck_assert(before[port] == &w.p[1] ? now != &w.p[1] : now == before[port]);
	}
	end(&w);
}
END_TEST

START_TEST(lookup_prefers_the_exact_address_and_the_last_bound)
{
	struct world w;
	begin(&w);
	for (int i = 0; i < 4; i++)
		w.p[i].reuse_addr = true;
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(US, 53), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[1], at(ANY, 53), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[2], at(ANY, 53), NULL), 0);
	ck_assert_ptr_eq(pcb_lookup_port(&w.t, at(US, 53), at(PEER, 1), false), &w.p[0]);
	ck_assert_ptr_eq(pcb_lookup_port(&w.t, at(OTHER, 53), at(PEER, 1), false), &w.p[2]);
	pcb_choose_source(&w.p[1], US); /* enters the port's chain again */
	ck_assert_int_eq(pcb_connect(&w.t, &w.p[1], at(PEER, 1)), 0);
	pcb_disconnect(&w.t, &w.p[1]);
	ck_assert_ptr_eq(pcb_lookup_port(&w.t, at(OTHER, 53), at(PEER, 1), false), &w.p[2]);
	ck_assert_ptr_null(pcb_lookup_port(&w.t, at(US, 54), at(PEER, 1), false));
	ck_assert_ptr_null(pcb_lookup_port(&w.t, at(US, 53), at(PEER, 1), true));
	ck_assert_ptr_eq(pcb_next_match(&w.t, at(US, 53), 0), &w.p[0]);
	ck_assert_ptr_eq(pcb_next_match(&w.t, at(US, 53), w.p[0].bind_seq), &w.p[1]);
	ck_assert_ptr_eq(pcb_next_match(&w.t, at(OTHER, 53), 0), &w.p[1]);
	ck_assert_ptr_null(pcb_next_match(&w.t, at(US, 53), w.p[2].bind_seq));
	end(&w);
}
END_TEST

START_TEST(a_connection_is_found_by_its_tuple_only)
{
	struct world w;
	begin(&w);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(ANY, 80), NULL), 0);
	ck_assert_int_eq(pcb_listen(&w.t, &w.p[0]), 0);
	ck_assert_int_eq(pcb_accept(&w.t, &w.p[1], at(US, 80), at(PEER, 5000)), 0);
	ck_assert_int_eq(pcb_accept(&w.t, &w.p[2], at(US, 80), at(PEER, 5000)), EADDRINUSE);
	ck_assert(!w.p[2].bound);
	ck_assert_ptr_eq(pcb_lookup_tuple(&w.t, at(US, 80), at(PEER, 5000)), &w.p[1]);
	ck_assert_ptr_null(pcb_lookup_tuple(&w.t, at(US, 80), at(PEER, 5001)));
	ck_assert_ptr_eq(pcb_lookup_port(&w.t, at(US, 80), at(PEER, 1), true), &w.p[0]);
	pcb_remove(&w.t, &w.p[1]);
	pcb_remove(&w.t, &w.p[1]);
	ck_assert_ptr_null(pcb_lookup_tuple(&w.t, at(US, 80), at(PEER, 5000)));
	end(&w);
}
END_TEST

START_TEST(disconnect_gives_back_what_was_chosen)
{
	struct world w;
	begin(&w);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(ANY, 53), NULL), 0);
	pcb_choose_source(&w.p[0], US);
	ck_assert_int_eq(pcb_connect(&w.t, &w.p[0], at(PEER, 1)), 0);
	ck_assert_ptr_null(pcb_lookup_port(&w.t, at(US, 53), at(PEER, 1), false));
	pcb_disconnect(&w.t, &w.p[0]);
	ck_assert(w.p[0].bound && ip_is_unspecified(w.p[0].local.addr) && w.p[0].remote.port == 0);
	ck_assert_ptr_eq(pcb_lookup_port(&w.t, at(OTHER, 53), at(PEER, 1), false), &w.p[0]);

	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[1], US, at(PEER, 1)), 0);
	ck_assert_int_eq(pcb_connect(&w.t, &w.p[1], at(PEER, 1)), 0);
	pcb_disconnect(&w.t, &w.p[1]);
	ck_assert(!w.p[1].bound && w.p[1].local.port == 0);
	end(&w);
}
END_TEST

START_TEST(a_taken_tuple_leaves_the_socket_bound)
{
	struct world w;
	begin(&w);
	w.p[0].reuse_addr = w.p[1].reuse_addr = true;
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(US, 53), NULL), 0);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[1], at(ANY, 53), NULL), 0);
	ck_assert_int_eq(pcb_connect(&w.t, &w.p[0], at(PEER, 1)), 0);
	pcb_choose_source(&w.p[1], US);
	ck_assert_int_eq(pcb_connect(&w.t, &w.p[1], at(PEER, 1)), EADDRINUSE);
	ck_assert(w.p[1].bound && !w.p[1].connected && ip_is_unspecified(w.p[1].local.addr));
	end(&w);
}
END_TEST

#define SPAN (PORT_EPHEMERAL_MAX - PORT_EPHEMERAL_MIN + 1)

START_TEST(ephemeral_ports_are_used_up_and_shared_by_destination)
{
	struct world w;
	struct pcb *all;
	begin(&w);
	all = env_alloc(&w.env, SPAN * sizeof(*all));
	for (int i = 0; i < SPAN; i++) {
		ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &all[i], US, at(PEER, 80)), 0);
		ck_assert_int_eq(pcb_connect(&w.t, &all[i], at(PEER, 80)), 0);
		ck_assert_uint_ge(all[i].local.port, PORT_EPHEMERAL_MIN);
		ck_assert_uint_le(all[i].local.port, PORT_EPHEMERAL_MAX);
	}
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[0], US, at(PEER, 80)), EADDRINUSE);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[0], ANY, at(ANY, 0)), EADDRINUSE);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[0], US, at(PEER, 81)), 0);
	ck_assert_int_eq(pcb_connect(&w.t, &w.p[0], at(PEER, 81)), 0);
	pcb_remove(&w.t, &all[77]);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[1], US, at(PEER, 80)), 0);
	ck_assert_uint_eq(w.p[1].local.port, all[77].local.port);
	for (int i = 0; i < SPAN; i++)
		pcb_remove(&w.t, &all[i]);
	env_free(&w.env, all, SPAN * sizeof(*all));
	end(&w);
}
END_TEST

/* RFC 6056 3.3.4: towards one destination ports are consecutive; towards another they start elsewhere. */
START_TEST(ephemeral_ports_follow_the_destination)
{
	struct world w;
	begin(&w);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[0], US, at(PEER, 80)), 0);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[1], US, at(PEER, 80)), 0);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[2], US, at(OTHER, 80)), 0);
	ck_assert_int_eq((w.p[1].local.port - w.p[0].local.port + SPAN) % SPAN, 1);
	ck_assert_int_ne((w.p[2].local.port - w.p[1].local.port + SPAN) % SPAN, 1);
	end(&w);
}
END_TEST

START_TEST(save_and_load)
{
	struct world w, x;
	struct snap save, load;
	begin(&w);
	ck_assert_int_eq(pcb_bind(&w.t, &w.p[0], at(ANY, 80), NULL), 0);
	ck_assert_int_eq(pcb_listen(&w.t, &w.p[0]), 0);
	ck_assert_int_eq(pcb_accept(&w.t, &w.p[1], at(US, 80), at(PEER, 5000)), 0);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[2], ANY, at(ANY, 0)), 0);
	snap_save_begin(&save);
	snap_pcb_table(&save, &w.t);
	for (int i = 0; i < 4; i++)
		snap_pcb(&save, &w.t, &w.p[i]);
	begin(&x);
	snap_load_begin(&load, save.buf, save.len);
	snap_pcb_table(&load, &x.t);
	for (int i = 0; i < 4; i++)
		snap_pcb(&load, &x.t, &x.p[i]);
	ck_assert(snap_ok(&load));
	ck_assert_ptr_eq(pcb_lookup_port(&x.t, at(US, 80), at(PEER, 1), true), &x.p[0]);
	ck_assert_ptr_eq(pcb_lookup_tuple(&x.t, at(US, 80), at(PEER, 5000)), &x.p[1]);
	ck_assert_uint_eq(x.p[2].local.port, w.p[2].local.port);
	ck_assert(x.p[2].port_chosen && !x.p[3].bound);
	ck_assert_int_eq(pcb_bind_ephemeral(&w.t, &w.p[3], US, at(OTHER, 9)), 0);
	ck_assert_int_eq(pcb_bind_ephemeral(&x.t, &x.p[3], US, at(OTHER, 9)), 0);
	ck_assert_uint_eq(x.p[3].local.port, w.p[3].local.port);

	struct world y;
	begin(&y);
	snap_load_begin(&load, save.buf, save.len);
	snap_pcb_table(&load, &y.t);
	ck_assert_int_eq(pcb_accept(&y.t, &y.p[3], at(US, 80), at(PEER, 5000)), 0);
	snap_pcb(&load, &y.t, &y.p[0]);
	snap_pcb(&load, &y.t, &y.p[1]); /* its tuple is taken: damaged */
	ck_assert(!snap_ok(&load));
	end(&y);
	snap_save_free(&save);
	end(&x);
	end(&w);
}
END_TEST

START_TEST(no_memory_at_start)
{
	for (uint64_t k = 1; k <= 3; k++) {
		struct env env = unit_env(1);
		struct pcb_table t;
		env.fail_at = k;
		ck_assert(!pcb_table_init(&t, &env));
		unit_env_end(&env);
	}
}
END_TEST

/* A wildcard is of its family: neither takes the port from the other, nor what comes for the other. */
START_TEST(families_are_apart)
{
	const struct ip_addr any6 = {.family = IP_V6}, lo6 = {.family = IP_V6, .b = {[15] = 1}};
	struct world w;
	for (int order = 0; order < 2; order++) {
		begin(&w);
		struct pcb *four = &w.p[0], *six = &w.p[1];
		ck_assert_int_eq(pcb_bind(&w.t, order ? six : four, at(order ? any6 : ANY, 80), NULL), 0);
		ck_assert_int_eq(pcb_bind(&w.t, order ? four : six, at(order ? ANY : any6, 80), NULL), 0);
		ck_assert_int_eq(pcb_listen(&w.t, four), 0);
		ck_assert_int_eq(pcb_listen(&w.t, six), 0);
		ck_assert_int_eq(pcb_bind(&w.t, &w.p[2], at(lo6, 80), NULL), EADDRINUSE);
		ck_assert_int_eq(pcb_bind(&w.t, &w.p[2], at(lo6, 81), NULL), 0);
		ck_assert_ptr_eq(pcb_lookup_port(&w.t, at(US, 80), at(PEER, 9), true), four);
		ck_assert_ptr_eq(pcb_lookup_port(&w.t, at(lo6, 80), at(lo6, 9), true), six);
		ck_assert_ptr_eq(pcb_next_match(&w.t, at(US, 80), 0), four);
		ck_assert_ptr_null(pcb_next_match(&w.t, at(US, 80), four->bind_seq));
		ck_assert_ptr_null(pcb_lookup_port(&w.t, at(US, 81), at(PEER, 9), false));
		end(&w);
	}
}
END_TEST

/* Those that share a port do not share it with the other family. */
START_TEST(families_do_not_share)
{
	const struct ip_addr any6 = {.family = IP_V6};
	struct world w;
	begin(&w);
	for (int i = 0; i < 4; i++) {
		w.p[i].reuse_port = true;
		ck_assert_int_eq(pcb_bind(&w.t, &w.p[i], at(i & 1 ? any6 : ANY, 53), NULL), 0);
	}
	for (uint16_t port = 1; port < 200; port++) {
		struct pcb *p = pcb_lookup_port(&w.t, at(US, 53), at(PEER, port), false);
		ck_assert(p == &w.p[0] || p == &w.p[2]);
	}
	end(&w);
}
END_TEST

Suite *pcb_suite(void);
Suite *pcb_suite(void)
{
	UNIT_SUITE("pcb", bind_conflicts, reuseport_shares_among_one_uid, different_addresses_and_ports_do_not_conflict,
	           two_listeners_conflict_in_spite_of_reuse, lookup_prefers_the_exact_address_and_the_last_bound,
	           a_connection_is_found_by_its_tuple_only, disconnect_gives_back_what_was_chosen,
	           a_taken_tuple_leaves_the_socket_bound, ephemeral_ports_are_used_up_and_shared_by_destination,
	           ephemeral_ports_follow_the_destination, save_and_load, families_are_apart, families_do_not_share,
	           no_memory_at_start);
}
