/*
 * How long to look for the next event before going to sleep: as long as it paid lately. One per
 * thing that is looked at; used under whatever protects that.
 */
#ifndef USRBIO_COMMON_BASE_SPIN_H
#define USRBIO_COMMON_BASE_SPIN_H

#include <stdint.h>

struct spin {
	uint64_t gap_ns;    /* from one event to the next, smoothed */
	unsigned nr_sleeps; /* without looking first, since the last look */
};

void spin_init(struct spin *spin);
/* Nothing is there: look for so many nanoseconds before sleeping; 0: sleep at once. */
uint64_t spin_budget(struct spin *spin);
/* Something came, this long after the event before it. */
void spin_hit(struct spin *spin, uint64_t gap_ns);

#endif
