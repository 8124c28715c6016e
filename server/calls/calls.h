/*
 * Calls: all operations on names and files except reading and writing. They block, so threads of
 * the export run them, and the answers come back to the connection's worker.
 */
#ifndef USRBIO_SERVER_CALLS_CALLS_H
#define USRBIO_SERVER_CALLS_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "server/store/evloop.h"
#include "common/base/list.h"
#include "server/calls/call_counters.h"
#include "server/io/peer.h"
#include "server/base/job_threads.h"

struct server_file;

/* The most unanswered calls of a connection. A client that sends more breaks the protocol. */
#define CALLS_MAX 1024
/*
 * The bytes for calls that every connection is charged for. If its calls need more, that is charged
 * when they come. They suffice for CALL_SLOTS calls that list no directory.
 */
#define CALLS_FREE_BYTES ((size_t)128 << 10)
/* The bytes of an answer that is allocated alone (dispatch.c). */
#define ANSWER_BYTES (sizeof(struct outgoing) + 32)

#define NAMES_MAX 8192 /* bytes of names in one Reply to CALL_READDIR */
#define TYPES_MAX 2048 /* names in it */

/* The calls of a connection, their owner. Only its worker's thread uses this, except `leaving`. */
struct server_calls {
	struct server_peer *peer;
	struct list open; /* with threads of the export, or with another worker; the oldest first */
	uint32_t nr_open;
	size_t bytes;	     /* of memory that unanswered calls take */
	atomic_bool leaving; /* the connection ends; threads read this and skip its calls */
};

struct pending_call {
	struct job job;
	struct ev back; /* brings it back to the worker */
	struct outgoing out;
	struct list node;  /* in calls->open */
	uint64_t since_ns; /* when it came */
	atomic_bool begun; /* a thread runs it, or has run it */
	struct server_calls *calls;
	struct server_peer *peer;	    /* the same connection's */
	struct server_file *file;	    /* a reference, or NULL if the call names no file */
	struct server_file *at, *at2;	    /* the same for the directories of its names */
	struct call call;		    /* its strings and ranges lie in `data` */
	uint8_t persistent[PERSISTENT_MAX]; /* memory of the reply's field */
	struct names *names;		    /* CALL_READDIR: memory of the reply */
	struct counters_query query;	    /* CALL_COUNTERS */
	uint64_t *ids;			    /* CALL_ANCESTORS: memory of the reply */
	size_t bytes;			    /* charged for all of this */
	uint64_t data[];
};

struct names {
	uint32_t types[TYPES_MAX];
	char names[NAMES_MAX];
};

void calls_init(struct server_calls *calls, struct server_peer *peer);
/*
 * Queue a call. Returns 0 or -ENOMEM. -ENOBUFS: there are too many calls. -EPROTO: client and
 * server did not agree on the feature. -EAGAIN: the calls take too much memory already.
 */
int calls_start(struct server_calls *calls, const struct call *call);
/* When the connection ends: drop the calls that no thread has begun. */
void calls_abandon(struct server_calls *calls);

/*
 * Do the call, or find its reply in the reply cache, and fill in the reply. A thread of the export
 * calls it. It is defined in call_run.c.
 */
void call_run(struct pending_call *pending);
/* The same on the worker, for a call that touches no file system and may be done twice. */
void call_run_here(struct pending_call *pending);

#endif
