/*
 * What the server counts. Counters are plain numbers of one worker's thread: each connection has
 * its own, which its worker takes over when the connection ends.
 */
#ifndef USRBIO_SERVER_WORKER_COUNTERS_H
#define USRBIO_SERVER_WORKER_COUNTERS_H

#include <stdint.h>

#include "proto/limits.h"

struct counters {
	uint64_t n[NR_COUNTS];
};

static inline void counters_add(struct counters *to, const struct counters *from)
{
	for (int i = 0; i < NR_COUNTS; i++)
		to->n[i] += from->n[i];
}

#endif
