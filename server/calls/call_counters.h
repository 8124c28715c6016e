/*
 * CALL_COUNTERS: how a client sees what the server counts. The answer is made by the worker that
 * the call asks about; the client asks about one after the other.
 */
#ifndef USRBIO_SERVER_CALLS_CALL_COUNTERS_H
#define USRBIO_SERVER_CALLS_CALL_COUNTERS_H

#include <stdint.h>

#include "proto/limits.h"
#include "server/store/evloop.h"

/* What an answer takes, at most. */
#define COUNTERS_BYTES ((size_t)3 * FRAME_MAX)

struct reply;
struct server_peer;

/* One question. The asker owns it and keeps it until `done`. */
struct counters_query {
	struct ev ev; /* to the worker that is asked */
	const struct server_peer *asker;
	uint64_t cursor;     /* where to go on: the call's `off` */
	struct reply *reply; /* to be filled in */
	void *rows;	     /* behind the reply; the asker frees it */
	/* Called once, on the thread of the worker that was asked. */
	void (*done)(struct counters_query *query);
};

/* From the asker's worker. query->done may be called before this returns. */
void call_counters_ask(struct counters_query *query);

#endif
