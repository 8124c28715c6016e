/*
 * A worker: one thread with its event loop, a transport domain per provider in use, its staging
 * memory, a queue at every export's store, and its share of the connections.
 * Only its own thread touches it, but for nr_conns and what evloop_post brings.
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

#define HANDSHAKES_MAX 256 /* connections that are not welcomed yet */

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
	atomic_uint nr_conns; /* any thread: with those on their way here */

	struct evloop *loop;
	struct worker_domain domains[PROVIDERS_MAX];
	unsigned nr_domains;
	struct staging staging;
	struct store_queue **queues; /* by export */
	struct arena arena;	     /* for the message being handled */

	struct list conns;
	struct list dirty;			 /* to be flushed when the turn ends */
	struct list ready;			 /* with segments to start, in turn */
	struct list waiting_for_buf[NR_STAGING]; /* the same, when there is a buffer again */
	struct list handshakes, posting;	 /* with a deadline, the nearest first */
	struct list fencing;			 /* without one, the oldest first */
	unsigned nr_handshakes;			 /* without a Welcome: of handshakes and fencing */
	struct list watched;			 /* for silence: keepalive.h */
	uint64_t session_ns;			 /* when sessions are to be looked at, or NEVER */
	uint64_t slow_timers_ns; /* when any of these two is due, or before, or NEVER */

	struct ev stop, exit_ev, review, evict, dump;
	bool stopping, idle, exiting;
	atomic_bool reviewing, evicting; /* `review`, `evict` is posted; any thread */
	atomic_bool dumping;		 /* a state dump is asked for or under way; any thread */
	sem_t dumped;			 /* it has been written */
	uint64_t dump_after;		 /* the last connection in it */
	unsigned nr_dumped;		 /* connections in it */
	uint64_t now_ns;		 /* at the last tick */
	uint64_t stop_ns;
	struct idle_backoff backoff;
	uint64_t limited_ns;   /* the second in which ... */
	unsigned nr_limited;   /* ... there were so many warnings about peers */
	struct counters count; /* its own, and of connections that are gone */
};

/* Open all parts of a worker except its thread. 0 or -errno, logged. */
int worker_open(struct server *server, unsigned id, unsigned staging_mib, bool huge_pages,
		struct worker **worker);
/* Close a worker whose thread has ended or has never begun. */
void worker_close(struct worker *worker);
/* The worker's domain of a provider that listens. */
struct tp_domain *worker_domain(struct worker *worker, const struct tp_ops *ops);
/* Run the slow timers no later than this. */
void worker_slow_timers(struct worker *worker, uint64_t due);
/* Warn of what a peer did and why its connection ends, some times a second at most. */
void worker_log_limited(struct worker *worker, const char *peer, int err, const char *what);

static inline bool worker_has_staging(const struct worker *worker, enum staging_class class)
{
	return !list_empty(&worker->staging.free[class]);
}

/*
 * Look at the clock: when a turn ends, and after each sleep. What runs inside the sleep, woken by
 * another thread, has to look for itself.
 */
static inline void worker_tick(struct worker *worker)
{
	worker->now_ns = now_ns();
}

#endif
