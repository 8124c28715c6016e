/*
 * When a worker that finds nothing to do should go to sleep: at once, or after looking again for a
 * while. common/base/spin.h says how long a while.
 */
#ifndef USRBIO_SERVER_WORKER_IDLE_H
#define USRBIO_SERVER_WORKER_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/spin.h"

struct idle_backoff {
	bool idle;
	uint64_t since_ns; /* of being idle */
	uint64_t budget_ns;
	unsigned nr_looks;
	struct spin spin;
};

void idle_init(struct idle_backoff *nap);
/* Something happened. */
void idle_active(struct idle_backoff *nap, uint64_t now_ns);
/* Nothing happened. True: sleep now. False: look again; it may have let others run meanwhile. */
bool idle_idle(struct idle_backoff *nap, uint64_t now_ns);

#endif
