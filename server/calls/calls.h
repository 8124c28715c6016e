/*
 * Calls: everything about files except reading and writing. They block, so job threads run them,
 * and the answers come back to the connection's worker.
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

/* Unanswered calls of one connection. A client that sends more breaks the protocol. */
#define CALLS_MAX 1024
/*
 * Calls of one connection that the job threads have at a time, so that one client's many calls do
 * not delay those of the others.
 */
#define CALLS_RUNNING_MAX 4

/*
 * Memory for calls that every connection is charged for; what they need beyond it is taken from the
 * budget. It suffices for CALL_SLOTS calls that list no directory.
 */
#define CALLS_FREE_BYTES ((size_t)128 << 10)
/* Bytes of an answer without a call behind it. */
#define ANSWER_BYTES (sizeof(struct outgoing) + 32)

#define NAMES_MAX 8192 /* directory entries in one Reply */
#define TYPES_MAX 2048

/* The calls of one connection, which owns this. Its worker's thread only, except `leaving`. */
struct server_calls {
	struct server_peer *peer;
	struct list waiting; /* for their turn on the job threads */
	struct list running; /* on the job threads, queued there, or at another worker */
	uint32_t nr_running;
	size_t bytes;	     /* that the unanswered ones take */
	atomic_bool leaving; /* a job thread that begins a call then need not do it */
};

struct pending_call {
	struct job job;
	struct ev back; /* to the worker */
	struct outgoing out;
	struct list node;  /* calls->waiting, then calls->running */
	uint64_t since_ns; /* when it came, and when it began to run; 0: not yet */
	uint64_t began_ns;
	struct server_calls *calls;
	struct server_peer *peer;	    /* the same connection's */
	struct server_file *file;	    /* held; NULL when the call names none */
	struct server_file *at, *at2;	    /* the same of the directories of its names */
	struct call call;		    /* its strings and ranges lie behind this struct */
	uint8_t persistent[PERSISTENT_MAX]; /* of the reply */
	struct names *names;		    /* of a readdir */
	struct counters_query query;	    /* of counters */
	uint64_t *ids;			    /* of ancestors */
	size_t bytes;			    /* all of these, charged */
	uint64_t data[];
};

struct names {
	uint32_t types[TYPES_MAX];
	char names[NAMES_MAX];
};

void calls_init(struct server_calls *calls, struct server_peer *peer);
/*
 * Queue a call. 0; -ENOBUFS: there are too many; -EPROTO: its feature was not agreed on; -EAGAIN:
 * the calls take too much memory already; -ENOMEM.
 */
int calls_start(struct server_calls *calls, const struct call *call);
/* The connection ends: drop the calls that have not begun. */
void calls_abandon(struct server_calls *calls);

/* On a job thread: do it, or find that it has been done, and fill in the reply. call_run.c */
void call_run(struct pending_call *pending);

#endif
