/*
 * A worker: one thread with its event loop, a transport domain for each provider in use, staging
 * memory, a queue at every export's store, and its share of the connections. Only its own thread
 * uses it. Other threads reach it by evloop_post(), and by the fields whose comment says "any
 * thread".
 */
#ifndef USRBIO_SERVER_WORKER_WORKER_H
#define USRBIO_SERVER_WORKER_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/transport/transport.h"
#include "proto/arena.h"
#include "server/worker/counters.h"
#include "server/store/evloop.h"
#include "common/base/list.h"
#include "common/base/clock.h"
#include "server/worker/idle.h"
#include "server/worker/server_impl.h"
#include "server/worker/staging.h"

#define HANDSHAKES_MAX 256 /* connections of a worker without a Welcome */

struct server_conn;
struct store_queue;

struct worker_domain {
	struct tp_domain *tp;
	struct ev readable;
	bool watched; /* a poll of its fd is under way */
};

struct worker {
	struct server *server;
	unsigned id;
	pthread_t thread;
	atomic_uint nr_conns; /* includes connections on their way here; any thread */

	struct evloop *loop;
	struct worker_domain domains[PROVIDERS_MAX];
	unsigned nr_domains;
	struct staging staging;
	unsigned nr_detached;	      /* segments that the store has and nobody waits for */
	struct store_queue **queues;  /* by export */
	struct staging_share *shares; /* by export */
	struct arena arena;	      /* for the message being handled */

	struct list conns;
	struct list dirty;			 /* connections to flush when the turn ends */
	struct list ids;			 /* those with connections here: id_turns.h */
	struct list ready;			 /* of these, those with segments to start */
	struct list waiting_for_buf[NR_STAGING]; /* those with pipelines that wait for a buffer */
	struct list waiting_for_share;		 /* until others of their export or id hold less */
	struct list throttled;			 /* until throttled_ns, by the rates of their ids */
	struct list handshakes, posting; /* connections with a deadline, the nearest first */
	struct list fencing;		 /* connections without one, the oldest first */
	atomic_uint nr_handshakes;	 /* connections without a Welcome; any thread may read it */
	struct list watched;		 /* connections with keep-alive: keepalive.h */
	uint64_t session_ns;		 /* when to call sessions_expire(), or NEVER */
	uint64_t throttled_ns;		 /* when to call pipelines_retry(), or NEVER */
	uint64_t look_ns;		 /* when to call segments_look(), or NEVER */
	uint64_t slow_timers_ns; /* when one of these or keep-alive is due, or before; or NEVER */

	struct ev stop, exit_ev, review, evict, dump;
	bool stopping, idle, exiting;
	atomic_bool reviewing, evicting; /* `review` or `evict` is posted; any thread */
	atomic_bool dumping;		 /* a state dump is under way; any thread */
	sem_t dumped;			 /* the worker posts it at the end of a dump; any thread */
	struct ev name_hung;		 /* see worker_hung.h */
	sem_t named;			 /* the worker posts it after name_hung; any thread */
	uint64_t dump_after;		 /* the number of the last connection in the dump */
	unsigned nr_dumped;		 /* connections in the dump so far */
	uint64_t now_ns;		 /* the time of the last worker_tick() */
	uint64_t stop_ns; /* when a worker that stops ends its connections; NEVER: it has */
	struct idle_backoff backoff;
	uint64_t limited_ns;   /* the current second, in seconds, of warnings about peers */
	unsigned nr_limited;   /* the number of such warnings in that second */
	struct counters count; /* of the worker, and of connections that have ended */
};

/* Open all parts of a worker except its thread. Returns 0 or -errno, logged. */
int worker_open(struct server *server, unsigned id, bool huge_pages, struct worker **worker);
/* Close a worker whose thread has ended or has never begun. */
void worker_close(struct worker *worker);
/* Get the worker's domain of a provider that is in use. */
struct tp_domain *worker_domain(struct worker *worker, const struct tp_ops *ops);
/* Run the slow timers no later than this. */
void worker_slow_timers(struct worker *worker, uint64_t due);
/* Warn of what a peer did and why its connection ends, COMPLAINTS_MAX times in a second at most. */
void worker_log_limited(struct worker *worker, const char *peer, int err, const char *what);
/*
 * Log that clients are refused because there is no room for another connection, or whatever `what`
 * is. Any worker; a line in ten seconds at most, because clients try repeatedly.
 */
void worker_log_full(struct worker *worker, const char *what);

static inline bool worker_has_staging(const struct worker *worker, enum staging_class class)
{
	return !list_empty(&worker->staging.free[class]);
}

/*
 * Read the clock. The worker does this when a turn ends, and after each sleep. An event that
 * another thread posted may run within the sleep, so it has to call this itself.
 */
static inline void worker_tick(struct worker *worker)
{
	worker->now_ns = now_ns();
}

#endif
