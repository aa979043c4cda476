/* The only place that reads the clock and asks the kernel for random bytes. */
#include "host/clock.h"
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>

instant clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (instant){ts.tv_sec * NS_PER_S + ts.tv_nsec};
}

int64_t clock_epoch_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec - clock_now().ns;
}

bool clock_seed(struct rng *rng)
{
	uint8_t entropy[32];

	if (getrandom(entropy, sizeof(entropy), 0) != (ssize_t)sizeof(entropy))
		return false;
	rng_seed_bytes(rng, entropy);
	return true;
}

void clock_arm(int timerfd, instant at)
{
	struct itimerspec when = {0};

	if (!instant_is_never(at)) {
		/* All zero would disarm. */
		int64_t ns = at.ns > 0 ? at.ns : 1;
		when.it_value.tv_sec = ns / NS_PER_S;
		when.it_value.tv_nsec = ns % NS_PER_S;
	}
	int rc = timerfd_settime(timerfd, TFD_TIMER_ABSTIME, &when, NULL);
	assert(rc == 0);
	(void)rc;
}
