/*
 * The clock of client and server: nanoseconds of CLOCK_MONOTONIC, which nobody can set. And times
 * of files as one number: nanoseconds since 1970, negative before.
 */
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

/* Return a time as one number; one that is out of reach (1677 to 2262) becomes the nearest. */
static inline int64_t file_time_ns(int64_t sec, int64_t nsec)
{
	int64_t ns;

	if (__builtin_mul_overflow(sec, 1000000000, &ns) || __builtin_add_overflow(ns, nsec, &ns))
		return sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static inline struct timespec file_time_of(int64_t ns)
{
	struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	if (time.tv_nsec < 0) {
		time.tv_sec--;
		time.tv_nsec += 1000000000;
	}
	return time;
}

#endif
