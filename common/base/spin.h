/*
 * The time to poll for the next event before sleeping, learned from the last events. There is one
 * struct spin per source of events; the lock or thread of that source protects it.
 */
#ifndef USRBIO_COMMON_BASE_SPIN_H
#define USRBIO_COMMON_BASE_SPIN_H

#include <stdint.h>

struct spin {
	uint64_t gap_ns;    /* from one event to the next, smoothed; nanoseconds */
	unsigned nr_sleeps; /* sleeps without polling first, since the last poll */
};

void spin_init(struct spin *spin);
/* Get the nanoseconds to poll before sleeping, when there is no event; 0: sleep at once. */
uint64_t spin_budget(struct spin *spin);
/* Note that an event came, this long after the event before it. */
void spin_hit(struct spin *spin, uint64_t gap_ns);

#endif
