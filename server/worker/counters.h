/*
 * The counters of the server. They are plain numbers, which only one worker's thread uses. Each
 * connection has its own, and its worker adds them to those of the worker when the connection ends.
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
