/* The idle backoff of a worker. The worker owns it, and only the worker's thread uses it. */
#include "server/worker/idle.h"

#include <sched.h>

#define YIELD_EVERY 16 /* polls between two sched_yield() */

void idle_init(struct idle_backoff *backoff)
{
	*backoff = (struct idle_backoff){.idle = false};
	spin_init(&backoff->spin);
}

void idle_active(struct idle_backoff *backoff, uint64_t now_ns)
{
	if (!backoff->idle)
		return;
	spin_hit(&backoff->spin, now_ns - backoff->since_ns);
	backoff->idle = false;
}

bool idle_idle(struct idle_backoff *backoff, uint64_t now_ns)
{
	if (!backoff->idle) {
		backoff->idle = true;
		backoff->since_ns = now_ns;
		backoff->budget_ns = spin_budget(&backoff->spin);
		backoff->nr_looks = 0;
	}
	if (now_ns - backoff->since_ns >= backoff->budget_ns)
		return true;
	if (++backoff->nr_looks % YIELD_EVERY == 0)
		sched_yield();
	return false;
}
