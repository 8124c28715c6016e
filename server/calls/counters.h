/*
 * What the server counts, and how a client gets to see it. Counters are plain numbers of one
 * worker's thread: each connection has its own, which its worker takes over when it goes. Who wants
 * to read them comes to that thread by evloop_post.
 */
#ifndef USRBIO_SERVER_CALLS_COUNTERS_H
#define USRBIO_SERVER_CALLS_COUNTERS_H

#include <stdint.h>

#include "proto/limits.h"

/* What an answer takes, at most. */
#define COUNTERS_BYTES ((size_t)3 * FRAME_MAX)

struct pending_call;
struct worker;

struct counters {
	uint64_t n[NR_COUNTS];
};

void counters_add(struct counters *to, const struct counters *from);
/* Everything a worker and its connections have counted. On its thread, or when that has ended. */
void counters_of_worker(const struct worker *worker, struct counters *sum);

/* CALL_COUNTERS: have the worker it asks fill in the reply, then go back to the connection. */
void counters_ask(struct pending_call *pending);

#endif
