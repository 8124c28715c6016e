/* Idle backoff of a worker, which owns it. Only its thread touches it. */
#include "server/worker/idle.h"

#include <sched.h>

#define YIELD_EVERY 16 /* polls between two sched_yield() */

void idle_init(struct idle_backoff *nap)
{
	*nap = (struct idle_backoff){.idle = false};
	spin_init(&nap->spin);
}

void idle_active(struct idle_backoff *nap, uint64_t now_ns)
{
	if (!nap->idle)
		return;
	spin_hit(&nap->spin, now_ns - nap->since_ns);
	nap->idle = false;
}

bool idle_idle(struct idle_backoff *nap, uint64_t now_ns)
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
