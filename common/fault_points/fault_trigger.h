/*
 * WHEN something is to fail, as every kind of planned fault says it: in words, and then asked once
 * per chance. Any thread may ask.
 *
 *   1/N   one chance in N: drawn with a seed, each N-th without one (a seed of 0)
 *   #K    the K-th chance only
 *   #K+   the K-th and all after it
 */
#ifndef USRBIO_COMMON_FAULT_POINTS_FAULT_TRIGGER_H
#define USRBIO_COMMON_FAULT_POINTS_FAULT_TRIGGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_trigger_kind { WHEN_NEVER, WHEN_ONE_IN, WHEN_THE, WHEN_FROM };

struct fault_trigger {
	enum fault_trigger_kind kind;
	uint64_t n;
	_Atomic uint64_t seen; /* chances so far */
};

/* A number above 0 and nothing after it, or 0. */
uint64_t fault_trigger_number(const char *text);
/* 0, or -EINVAL. */
int fault_trigger_parse(struct fault_trigger *when, const char *text);
/* One more chance: is it taken? */
bool fault_trigger_now(struct fault_trigger *when, uint64_t seed);

#endif
