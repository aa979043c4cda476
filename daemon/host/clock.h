/* Time and randomness from the kernel: what env is fed from. */
#ifndef TOYNET_HOST_CLOCK_H
#define TOYNET_HOST_CLOCK_H

#include "base/env.h"

/* CLOCK_MONOTONIC. */
instant clock_now(void);
/* UTC at instant 0 of clock_now, in nanoseconds since 1970, as the clock stands now. */
int64_t clock_epoch_ns(void);
/* Seeds from getrandom(2). False: errno says why. */
bool clock_seed(struct rng *rng);
/* Arms a timerfd for an instant of clock_now; INSTANT_NEVER disarms it. */
void clock_arm(int timerfd, instant at);

#endif
