/*
 * Calls: all operations on names and files except reading and writing. They block, so threads of
 * the export run them, and the answers come back to the connection's worker.
 *
 * A call that runs can be detached from its connection, when the client aborts it or the connection
 * ends. It has all that it needs itself, and its thread frees it. What it may still change is
 * behind barriers then (server/store/fence.h).
 */
#ifndef USRBIO_SERVER_CALLS_CALLS_H
#define USRBIO_SERVER_CALLS_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"
#include "server/store/barrier.h"
#include "server/store/evloop.h"
#include "server/store/fence.h"
#include "common/base/list.h"
#include "server/calls/call_counters.h"
#include "server/calls/persistent.h"
#include "server/io/peer.h"
#include "server/base/job_threads.h"
#include "server/session/replies.h"

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

#define NAMES_MAX    8192		   /* bytes of names in one Reply to CALL_READDIR */
#define TYPES_MAX    2048		   /* names in it */
#define TARGET_BYTES (PROTO_PATH_MAX + 1u) /* for the target of a symbolic link */

/* The calls of a connection, their owner. Only its worker's thread uses this. */
struct server_calls {
	struct server_peer *peer;
	struct list open; /* that have neither been answered nor detached; the oldest first */
	uint32_t nr_open;
	size_t bytes; /* of memory that unanswered calls take */
	bool leaving; /* the connection ends */
};

/* Where a call is; only the worker uses this. */
enum pending_place {
	PENDING_AT_WORKER, /* it needs no thread of the export */
	PENDING_AT_THREAD, /* it waits for one, or runs, or comes back */
	PENDING_BARRED,	   /* it waits at a barrier, or for the event that comes when it is down */
	PENDING_REPEATED,  /* the same for the end of the first run of the same call */
};

struct pending_call {
	struct job job;
	struct ev back; /* brings it back to the worker */
	struct outgoing out;
	struct list node;  /* in calls->open */
	uint64_t since_ns; /* when it came */
	atomic_bool begun; /* a thread runs it, or has run it */
	struct server_calls *calls;
	struct server_peer *peer; /* the same connection's; not used once it is detached */

	/* What it needs when it is detached. */
	struct server_session *session; /* a reference */
	struct export *export;
	struct budget_id *memory; /* of the session's id */
	struct persistent_owner owner;
	bool read_only;	   /* as server_peer.read_only */
	uint32_t channel;  /* of the session */
	uint32_t msg_max;  /* bytes of an answer */
	size_t bytes_kept; /* of `memory`, when it is detached */

	struct fence fence;
	bool aborted;  /* the client does not expect its answer; set before fence_give_up() */
	bool repeated; /* the first run of the same call is not over: wait for that */
	struct reply_run run;
	bool unwanted; /* the client gave it up otherwise */
	enum pending_place place;
	struct barrier_waiter barred;
	struct reply_waiter repeats;

	struct server_file *file;	    /* a reference, or NULL if the call names no file */
	struct server_file *at, *at2;	    /* the same for the directories of its names */
	struct call call;		    /* its strings and ranges lie in `data` */
	uint8_t persistent[PERSISTENT_MAX]; /* memory of the reply's field */
	struct names *names;		    /* CALL_READDIR: memory of the reply */
	struct counters_query query;	    /* CALL_COUNTERS */
	uint64_t *ids;			    /* CALL_ANCESTORS: memory of the reply */
	char *target;			    /* CALL_READLINK: memory of the reply */
	struct attr_row *rows;		    /* CALL_STATS: the same */
	uint64_t fs[NR_FS_NUMBERS];	    /* CALL_STATFS: the same */
	uint8_t *value;			    /* CALL_GETXATTR, CALL_LISTXATTR: the same */
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
/*
 * Abort the calls with these tags, at most ABORT_MAX. Each of them is answered soon, with
 * -ECANCELED unless it is over already. Returns 0. -ENOMEM: there is no memory for an answer.
 */
int calls_abort(struct server_calls *calls, const uint32_t *tags, size_t n);
/*
 * The client does not repeat the calls with these tags, at most ABORT_MAX, that it sent on earlier
 * connections of the session: close what they have opened, or will.
 */
void calls_give_up_former(struct server_calls *calls, const uint32_t *tags, size_t n);
/* When the connection ends: drop the calls that no thread has begun, and detach the others. */
void calls_abandon(struct server_calls *calls);

/* pending.c */
/* Copy a call, and charge its connection. NULL: *err is -EAGAIN (no budget) or -ENOMEM. */
struct pending_call *pending_new(struct server_calls *calls, const struct call *call, int *err);
/*
 * Detach a call that a thread may have. False: it is over, and comes back. True: its thread frees
 * it, by pending_free_detached(), and the caller does not use it any more.
 */
bool pending_detach(struct pending_call *pending);
/* Nobody expects the reply of an aborted call: close what it, or a former run of it, has opened. */
void pending_give_up(struct pending_call *pending);
/* Free it, with what it opened if nobody expects that. The thread that ran it calls this. */
void pending_free_detached(struct pending_call *pending);

/*
 * Do the call, or find its reply in the reply cache, and fill in the reply. A thread of the export
 * calls it. It is defined in call_run.c. If it sets pending->repeated or pending->fence.met,
 * nothing was done, and the call has to run again later.
 */
void call_run(struct pending_call *pending);
/* The same on the worker, for a call that touches no file system and may be done twice. */
void call_run_here(struct pending_call *pending);
/*
 * The same on the worker, for a call that the store answers from memory. False: a thread of the
 * export has to do it.
 */
bool call_run_cached(struct pending_call *pending);

#endif
