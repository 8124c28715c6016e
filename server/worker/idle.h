/*
 * Idle backoff. It decides when a worker that finds nothing to do goes to sleep: at once, or after
 * polling for a while. common/base/spin.h computes how long it polls.
 */
#ifndef USRBIO_SERVER_WORKER_IDLE_H
#define USRBIO_SERVER_WORKER_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/spin.h"

struct idle_backoff {
	bool idle;
	uint64_t since_ns; /* when it became idle */
	uint64_t budget_ns;
	unsigned nr_looks;
	struct spin spin;
};

void idle_init(struct idle_backoff *backoff);
/* The worker had something to do. */
void idle_active(struct idle_backoff *backoff, uint64_t now_ns);
/*
 * The worker had nothing to do. True: sleep now. False: poll again; other threads may have run
 * meanwhile.
 */
bool idle_idle(struct idle_backoff *backoff, uint64_t now_ns);

#endif
