/* The worker's naps. One per worker, its thread only. */
#include "server/worker/idle.h"

#include <sched.h>

#define YIELD_EVERY 16 /* looks between offers of the CPU */

void nap_init(struct nap *nap)
{
	*nap = (struct nap){.idle = false};
	spin_init(&nap->spin);
}

void nap_active(struct nap *nap, uint64_t now_ns)
{
	if (!nap->idle)
		return;
	spin_hit(&nap->spin, now_ns - nap->since_ns);
	nap->idle = false;
}

bool nap_idle(struct nap *nap, uint64_t now_ns)
{
	if (!nap->idle) {
		nap->idle = true;
		nap->since_ns = now_ns;
		nap->budget_ns = spin_budget(&nap->spin);
		nap->nr_looks = 0;
	}
	if (now_ns - nap->since_ns >= nap->budget_ns)
		return true;
	if (++nap->nr_looks % YIELD_EVERY == 0)
		sched_yield();
	return false;
}
