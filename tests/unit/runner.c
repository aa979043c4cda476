/* Runs every suite in this folder. A file test_<name>.c gives `Suite *<name>_suite(void)`; the build writes the list of
 * them into suites.inc. libcheck's environment variables choose: CK_RUN_SUITE=ring, CK_FORK=no (for a debugger),
 * CK_VERBOSITY. */
#include <check.h>
#include <stdlib.h>

#define SUITE(name) Suite *name(void);
#include "suites.inc"
#undef SUITE

int main(void)
{
	SRunner *runner = srunner_create(NULL);

#define SUITE(name) srunner_add_suite(runner, name());
#include "suites.inc"
#undef SUITE
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	int run = srunner_ntests_run(runner);
	srunner_free(runner);
	return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
