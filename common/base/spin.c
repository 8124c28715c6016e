/*
 * The spin budget: four times the usual gap, if that is short.
 *
 * Two things keep it from settling wrongly. A gap that was slept through includes the waking, which
 * costs 5 us on hardware and 300 us and more in an emulated guest, so that once both ends sleep
 * neither would ever see a short one: hence a full look at every PROBE_EVERY-th time. And after a
 * pause the next burst says nothing about the last one: hence the fresh start.
 */
#include "common/base/spin.h"

#define SPIN_MIN_NS 5000
/*
 * Depth 1 over soft-RoCE in a guest: 5.3k I/Os a second with 20 us, 9.3k with 500, 12k for ever.
 * With twice a usual gap of 130 us one wait in 14 still ended asleep, and took 300 us more.
 */
#define GAPS	    4
#define SPIN_MAX_NS 1000000
/* With the maximum: at most 5 % of a processor is spent in vain. */
#define PAUSE_NS    20000000
#define PROBE_EVERY 20
#define SHARE	    8 /* weight of history in the average */

void spin_init(struct spin *spin)
{
	*spin = (struct spin){.gap_ns = SPIN_MAX_NS / 2};
}

uint64_t spin_budget(struct spin *spin)
{
	uint64_t budget = GAPS * spin->gap_ns;

	if (spin->gap_ns > SPIN_MAX_NS) {
		if (++spin->nr_sleeps < PROBE_EVERY)
			return 0;
		spin->nr_sleeps = 0;
		return SPIN_MAX_NS;
	}
	if (budget < SPIN_MIN_NS)
		return SPIN_MIN_NS;
	return budget < SPIN_MAX_NS ? budget : SPIN_MAX_NS;
}

void spin_hit(struct spin *spin, uint64_t gap_ns)
{
	if (gap_ns > PAUSE_NS)
		spin_init(spin);
	else if (spin->gap_ns > SPIN_MAX_NS && gap_ns <= SPIN_MAX_NS)
		spin->gap_ns = gap_ns; /* a look that paid: take its word */
	else
		spin->gap_ns = (spin->gap_ns * (SHARE - 1) + gap_ns) / SHARE;
}
