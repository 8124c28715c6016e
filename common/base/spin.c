/*
 * The spin budget: four times the usual gap between events, if that is short. The owner of the
 * events owns the struct spin, and protects it by the same lock or thread.
 *
 * Two rules keep the average right. First, a gap during which the thread slept includes the time to
 * wake up, which is 5 us on hardware and 300 us or more in an emulated guest. So two ends that
 * sleep would never measure a short gap. Therefore every PROBE_EVERY-th time spins for the maximum.
 * Second, after a pause the events before it say nothing about the next ones. Therefore the average
 * starts again.
 */
#include "common/base/spin.h"

#define SPIN_MIN_NS 5000
/*
 * Measured with one I/O at a time over soft-RoCE in a guest: a spin of at most 20 us gave 5,300
 * I/Os per second, one of 500 us 9,300, and an endless one 12,000. With a budget of twice the usual
 * gap of 130 us, one wait in 14 still slept, and took 300 us more.
 */
#define GAPS	    4
#define SPIN_MAX_NS 1000000
/* Together with the maximum, at most 5 % of a processor is wasted. */
#define PAUSE_NS    20000000
#define PROBE_EVERY 20
#define SHARE	    8 /* the weight of the history in the average */

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
		spin->gap_ns = gap_ns; /* a spin that succeeded replaces the average */
	else
		spin->gap_ns = (spin->gap_ns * (SHARE - 1) + gap_ns) / SHARE;
}
