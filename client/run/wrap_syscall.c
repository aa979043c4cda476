/* syscall(2), for programs that call by number what is wrapped by name. */
#include "run/run.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENTS 6

#define INT(i)     ((int)a[i])
#define UINT(i)    ((unsigned)a[i])
#define SIZE(i)    ((size_t)a[i])
#define POINTER(i) ((void *)(uintptr_t)a[i])

/* True: it is one of those that move bytes, and *result is set. */
static bool transfers(long number, const long a[ARGUMENTS], long *result)
{
	switch (number) {
	case SYS_sendto:
		*result = sendto(INT(0), POINTER(1), SIZE(2), INT(3), POINTER(4), (socklen_t)a[5]);
		return true;
	case SYS_recvfrom:
		*result = recvfrom(INT(0), POINTER(1), SIZE(2), INT(3), POINTER(4), POINTER(5));
		return true;
	case SYS_sendmsg:
		*result = sendmsg(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_recvmsg:
		*result = recvmsg(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_sendmmsg:
		*result = sendmmsg(INT(0), POINTER(1), UINT(2), INT(3));
		return true;
	case SYS_recvmmsg:
		*result = recvmmsg(INT(0), POINTER(1), UINT(2), INT(3), POINTER(4));
		return true;
	case SYS_read:
		*result = read(INT(0), POINTER(1), SIZE(2));
		return true;
	case SYS_write:
		*result = write(INT(0), POINTER(1), SIZE(2));
		return true;
	case SYS_readv:
		*result = readv(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_writev:
		*result = writev(INT(0), POINTER(1), INT(2));
		return true;
	default:
		return false;
	}
}

/* True: it is one of ours, and *result is set. */
static bool wrapped(long number, const long a[ARGUMENTS], long *result)
{
	switch (number) {
	case SYS_socket:
		*result = socket(INT(0), INT(1), INT(2));
		return true;
	case SYS_bind:
		*result = bind(INT(0), POINTER(1), (socklen_t)a[2]);
		return true;
	case SYS_connect:
		*result = connect(INT(0), POINTER(1), (socklen_t)a[2]);
		return true;
	case SYS_listen:
		*result = listen(INT(0), INT(1));
		return true;
	case SYS_accept:
		*result = accept(INT(0), POINTER(1), POINTER(2));
		return true;
	case SYS_accept4:
		*result = accept4(INT(0), POINTER(1), POINTER(2), INT(3));
		return true;
	case SYS_getsockname:
		*result = getsockname(INT(0), POINTER(1), POINTER(2));
		return true;
	case SYS_getpeername:
		*result = getpeername(INT(0), POINTER(1), POINTER(2));
		return true;
	case SYS_getsockopt:
		*result = getsockopt(INT(0), INT(1), INT(2), POINTER(3), POINTER(4));
		return true;
	case SYS_setsockopt:
		*result = setsockopt(INT(0), INT(1), INT(2), POINTER(3), (socklen_t)a[4]);
		return true;
	case SYS_shutdown:
		*result = shutdown(INT(0), INT(1));
		return true;
	case SYS_close:
		*result = close(INT(0));
		return true;
	case SYS_close_range:
		*result = close_range(UINT(0), UINT(1), INT(2));
		return true;
	case SYS_prctl:
		*result = prctl(INT(0), a[1], a[2], a[3], a[4]);
		return true;
	default:
		return transfers(number, a, result);
	}
}

static bool is_filter(int operation)
{
	return operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER;
}

RUN_EXPORT long syscall(long number, ...)
{
	long a[ARGUMENTS], result;
	va_list args;

	run_ready();
	va_start(args, number);
	for (int i = 0; i < ARGUMENTS; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (wrapped(number, a, &result))
		return result;
	const bool was = run_confined(), filter = number == SYS_seccomp && is_filter(INT(0));
	if (filter)
		run_confine(true);
	result = SYS(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (filter && result < 0)
		run_confine(was);
	return result;
}
