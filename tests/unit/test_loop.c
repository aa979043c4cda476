/* loop: what goes in comes out, whole and in order, within the bound. */
#include "link/loop.h"
#include "unit.h"
#include <string.h>

static struct frame_out out_of(const char *head, const char *tail)
{
	struct frame_out f;
	frame_begin(&f);
	memcpy(frame_prepend(&f, (uint16_t)strlen(head)), head, strlen(head));
	f.iov[0] = (struct iovec){.iov_base = (void *)(uintptr_t)tail, .iov_len = strlen(tail)};
	f.niov = 1;
	f.payload = (uint32_t)strlen(tail);
	return f;
}

static void send_text(struct loop *l, const char *head, const char *tail)
{
	struct frame_out f = out_of(head, tail);
	ck_assert(l->link.ops->send(&l->link, &f));
}

START_TEST(frames_come_back_in_order)
{
	struct env env = unit_env(1);
	struct loop l;
	struct frame_in in[4];
	loop_init(&l, &env);
	ck_assert(instant_is_never(l.link.ops->deadline(&l.link)));
	ck_assert_int_eq(l.link.ops->recv(&l.link, in, 4), 0);
	send_text(&l, "one", "");
	send_text(&l, "two", "+payload");
	ck_assert_int_eq(l.link.ops->deadline(&l.link).ns, env.now.ns);
	ck_assert_int_eq(l.link.ops->recv(&l.link, in, 4), 2);
	ck_assert_uint_eq(in[0].len, 3);
	ck_assert_mem_eq(in[0].data, "one", 3);
	ck_assert_uint_eq(in[1].len, 11);
	ck_assert_mem_eq(in[1].data, "two+payload", 11);
	ck_assert_int_eq(l.link.ops->recv(&l.link, in, 4), 0);
	loop_free(&l);
	unit_env_end(&env);
}
END_TEST

START_TEST(max_is_kept_and_the_rest_stays)
{
	struct env env = unit_env(1);
	struct loop l;
	struct frame_in in[2];
	loop_init(&l, &env);
	for (int i = 0; i < 3; i++)
		send_text(&l, "abc", "");
	ck_assert_int_eq(l.link.ops->recv(&l.link, in, 2), 2);
	ck_assert_int_eq(l.link.ops->recv(&l.link, in, 2), 1);
	send_text(&l, "left behind", "");
	loop_free(&l);
	unit_env_end(&env);
}
END_TEST

START_TEST(a_full_loop_refuses)
{
	struct env env = unit_env(1);
	struct loop l;
	static char big[60000];
	memset(big, 'x', sizeof(big) - 1);
	struct frame_out f = out_of("h", big);
	uint32_t n = 0;
	loop_init(&l, &env);
	while (l.link.ops->send(&l.link, &f))
		n++;
	ck_assert_uint_eq(n, LOOP_BYTES_MAX / frame_len(&f));
	ck_assert(env.allocated < LOOP_BYTES_MAX + (1u << 16));
	loop_free(&l);
	unit_env_end(&env);
}
END_TEST

START_TEST(no_memory_refuses)
{
	struct env env = unit_env(1);
	struct loop l;
	struct frame_out f = out_of("head", "tail");
	loop_init(&l, &env);
	env.fail_at = env.allocations + 1;
	ck_assert(!l.link.ops->send(&l.link, &f));
	ck_assert(l.link.ops->send(&l.link, &f));
	loop_free(&l);
	unit_env_end(&env);
}
END_TEST

Suite *loop_suite(void);
Suite *loop_suite(void)
{
	UNIT_SUITE("loop", frames_come_back_in_order, max_is_kept_and_the_rest_stays, a_full_loop_refuses,
	           no_memory_refuses);
}
