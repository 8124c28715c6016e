/* The clock of client and server: nanoseconds of CLOCK_MONOTONIC, which nobody can set. */
#ifndef USRBIO_COMMON_BASE_CLOCK_H
#define USRBIO_COMMON_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull
#define NEVER	  UINT64_MAX /* a time that never comes */

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Return the timeout for poll(2) to end at a time: milliseconds, rounded up; -1 for NEVER. */
static inline int poll_ms(uint64_t until, uint64_t now)
{
	if (until == NEVER)
		return -1;
	if (until <= now)
		return 0;
	if (until - now > 3600 * NS_PER_S)
		return 3600 * 1000;
	return (int)((until - now + NS_PER_MS - 1) / NS_PER_MS);
}

#endif
