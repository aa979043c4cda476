/* cli/holders: who holds a socket, found in /proc. */
#include "cli/holders.h"
#include "unit.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(test_finds_every_descriptor)
{
	struct stat st;
	int fds[2], copy;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(fstat(fds[0], &st), 0);
	copy = dup(fds[0]);
	/* The one that is looked for stands between one without descriptor and one that does not exist. */
	struct holders sockets[] = {{.inode = 0}, {.inode = st.st_ino}, {.inode = UINT64_MAX}};
	holders_find(sockets, 3);
	ck_assert_uint_eq(sockets[0].count, 0);
	ck_assert_uint_eq(sockets[2].count, 0);
	ck_assert_uint_eq(sockets[1].count, 2);
	ck_assert_int_eq(sockets[1].list[0].pid, getpid());
	ck_assert_int_eq(sockets[1].list[0].fd, fds[0]);
	ck_assert_int_eq(sockets[1].list[1].fd, copy);
	ck_assert_str_eq(sockets[1].list[0].name, "toynet_unit");
	holders_free(sockets, 3);
	close(fds[0]);
	close(fds[1]);
	close(copy);
}
END_TEST

START_TEST(test_nothing_to_find)
{
	struct holders none = {.inode = 0};

	holders_find(&none, 1);
	ck_assert_uint_eq(none.count, 0);
	holders_find(NULL, 0);
}
END_TEST

START_TEST(test_clean_name)
{
	char name[8];

	holder_clean_name(name, sizeof(name), "a\"\\\x1b\xff z");
	ck_assert_str_eq(name, "a???? z");
	holder_clean_name(name, sizeof(name), "longer than that");
	ck_assert_str_eq(name, "longer ");
	holder_clean_name(name, sizeof(name), "");
	ck_assert_str_eq(name, "");
}
END_TEST

Suite *cli_holders_suite(void);
Suite *cli_holders_suite(void)
{
	Suite *s = suite_create("cli_holders");
	TCase *tc = tcase_create("proc");

	tcase_add_test(tc, test_finds_every_descriptor);
	tcase_add_test(tc, test_nothing_to_find);
	tcase_add_test(tc, test_clean_name);
	suite_add_tcase(s, tc);
	return s;
}
