/*
 * CALL_COUNTERS: a client asks what the server has counted. The worker that the call asks about
 * makes the answer. The client asks about one worker after the other.
 */
#ifndef USRBIO_SERVER_CALLS_CALL_COUNTERS_H
#define USRBIO_SERVER_CALLS_CALL_COUNTERS_H

#include <stdint.h>

#include "proto/limits.h"
#include "server/store/evloop.h"

/* The most bytes that an answer takes. */
#define COUNTERS_BYTES ((size_t)3 * FRAME_MAX)

struct reply;
struct server_peer;

/* One query. The asker owns it and keeps it until `done`. */
struct counters_query {
	struct ev ev; /* to the worker that is asked */
	const struct server_peer *asker;
	uint64_t cursor;     /* where the list goes on: the call's `off` */
	struct reply *reply; /* to be filled in */
	void *rows;	     /* memory that the reply points to; the asker frees it */
	/* Called once, on the thread of the worker that was asked. */
	void (*done)(struct counters_query *query);
};

/* Ask. The asker's worker calls it, and query->done may be called before it returns. */
void call_counters_ask(struct counters_query *query);

#endif
