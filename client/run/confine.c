/* Programs that confine themselves.
 *
 * Theory of operation. sshd's child that speaks with a peer not yet trusted, and others like it, forbid themselves by
 * seccomp(2) every system call but a few; one more, and the kernel kills them. What the program calls is allowed, what
 * a wrapper would call besides may not be. So from then on reads and writes of streams, shutdown and close go to the
 * kernel as they came. That is what an unwrapped program has: where the connection ends by an error, the end of the
 * file or EPIPE instead of its reason. Datagrams need their wrappers, and calls on the daemon theirs; both are made as
 * ever, since a program that still wants them has a filter that may let them pass.
 *
 * Nothing is told any more, either: such a program may not even write to a file (RLIMIT_FSIZE).
 *
 * A filter that is there when the program begins (systemd's SystemCallFilter) is not seen, and is its maker's affair.
 */
#include "run/run.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/prctl.h>

static atomic_bool confined; /* for good, and in every child by fork */

bool run_confined(void)
{
	return atomic_load_explicit(&confined, memory_order_relaxed);
}

void run_confine(bool now)
{
	atomic_store_explicit(&confined, now, memory_order_relaxed);
}

RUN_EXPORT int prctl(int option, ...)
{
	unsigned long a[4];
	const bool was = run_confined();
	va_list args;

	run_ready();
	va_start(args, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(args, unsigned long);
	va_end(args);
	const bool filter = option == PR_SET_SECCOMP && a[0] != SECCOMP_MODE_DISABLED;
	if (filter)
		run_confine(true);
	int r = SYS(prctl)(option, a[0], a[1], a[2], a[3]);
	if (filter && r < 0)
		run_confine(was);
	return r;
}
