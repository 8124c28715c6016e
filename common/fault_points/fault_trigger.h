/*
 * A fault trigger decides when something fails. A text describes it, and then it is asked once for
 * each chance. All planned faults use it. Any thread may ask.
 *
 *   1/N   one chance in N: drawn with a seed, each N-th with a seed of 0
 *   #K    the K-th chance only
 *   #K+   the K-th chance and all after it
 */
#ifndef USRBIO_COMMON_FAULT_POINTS_FAULT_TRIGGER_H
#define USRBIO_COMMON_FAULT_POINTS_FAULT_TRIGGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_trigger_kind { TRIGGER_NEVER, TRIGGER_ONE_IN, TRIGGER_KTH, TRIGGER_FROM_KTH };

struct fault_trigger {
	enum fault_trigger_kind kind;
	uint64_t n;
	_Atomic uint64_t seen; /* the number of chances so far */
};

/* Parse a number above 0 with nothing after it; 0 for any other text. */
uint64_t fault_trigger_number(const char *text);
/* Parse a trigger. Returns 0 or -EINVAL. */
int fault_trigger_parse(struct fault_trigger *trigger, const char *text);
/* Count one more chance. True if it is taken, so that the caller has to fail. */
bool fault_trigger_now(struct fault_trigger *trigger, uint64_t seed);

#endif
