/* The spin budget. One per worker. */
#include "server/nap.h"

#include <sched.h>

/*
 * On loopback TCP and soft-RoCE, at depth 1, the next request follows within 15 to 90 us
 * when the client spins, too; waking from sleep costs 50 to 300 us on top. Gaps beyond GAP_MAX are
 * not worth waiting for, and beyond GAP_CAP all alike: a few round trips later we spin again.
 */
#define SPIN_MIN_NS 20000
#define SPIN_MAX_NS 100000
#define GAP_MAX_NS  300000
#define GAP_CAP_NS  1000000
#define SHARE	    8  /* weight of history in the average */
#define YIELD_EVERY 16 /* looks between offers of the CPU */

void nap_init(struct nap *nap)
{
	*nap = (struct nap){.gap_ns = GAP_MAX_NS};
}

void nap_active(struct nap *nap, uint64_t now_ns)
{
	uint64_t gap;

	if (!nap->idle)
		return;
	gap = now_ns - nap->since_ns;
	if (gap > GAP_CAP_NS)
		gap = GAP_CAP_NS;
	nap->gap_ns = (nap->gap_ns * (SHARE - 1) + gap) / SHARE;
	nap->idle = false;
}

static uint64_t budget_ns(const struct nap *nap)
{
	uint64_t budget = 2 * nap->gap_ns;

	if (nap->gap_ns > GAP_MAX_NS)
		return 0;
	if (budget < SPIN_MIN_NS)
		return SPIN_MIN_NS;
	return budget < SPIN_MAX_NS ? budget : SPIN_MAX_NS;
}

bool nap_idle(struct nap *nap, uint64_t now_ns)
{
	if (!nap->idle) {
		nap->idle = true;
		nap->since_ns = now_ns;
		nap->nr_looks = 0;
	}
	if (now_ns - nap->since_ns >= budget_ns(nap))
		return true;
	if (++nap->nr_looks % YIELD_EVERY == 0)
		sched_yield();
	return false;
}
