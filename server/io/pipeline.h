/*
 * The pipeline: the I/O of one connection from admission to result. Requests wait in a queue by
 * priority. When the connection has its turn, they are cut into segments, as many as staging
 * buffers, the wire and fairness to other connections allow. Only its worker's thread uses it.
 *
 * It calls only one function of a higher room, which is declared here: conn_end().
 */
#ifndef USRBIO_SERVER_IO_PIPELINE_H
#define USRBIO_SERVER_IO_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/io/parking.h"
#include "server/io/peer.h"
#include "server/io/queue.h"
#include "server/io/region.h"
#include "server/worker/id_turns.h"
#include "server/worker/staging.h"

struct server_conn;
struct server_file;
struct server_request;
struct store_queue;

/* The staging buffers that one connection may hold, so that it cannot fill the disk's queue. */
#define CONN_SEGMENTS_MAX 64
/* The pipes that one connection may hold: 4 MiB of data. Half of the pipes are left for others. */
#define CONN_PIPES_MAX 16
/*
 * The bytes to be written that a connection may have asked its client for. It is enough for a fast
 * and long wire. It is also small enough that the buffers stay in the processor's cache until they
 * are written to disk and filled again.
 */
#define FETCH_MAX ((uint64_t)2 << 20)

struct pipeline {
	struct server_peer peer;  /* embedded, which saves a pointer on the way of each I/O */
	struct server_conn *conn; /* the owner, for conn_end() */
	struct store_queue *store;
	struct staging_share *share; /* of its export */
	struct id_turns *id;	     /* its id at the worker; NULL until the Welcome */
	bool limited;		     /* its id has rates */
	bool closing;		     /* nothing is started any more, and no result is sent */
	bool progress;		     /* the peer took or gave something since the last turn's end */

	/* In id->ready, worker->waiting_for_share or worker->throttled. */
	struct list ready;
	struct list waiting_for_buf[NR_STAGING]; /* in id->waiting_for_buf */

	/* nr_open counts from admission until the result is in a message or an immediate. */
	struct queue queue;
	struct parking parking;
	struct list running;  /* requests with all segments started, or as many as may be */
	struct list aside;    /* requests whose file hangs, not in the queue */
	struct list unposted; /* segments that the transport had no room for, in order */
	struct list free;     /* unused requests of the first nr_used of the slab */
	struct server_request *slab;
	uint32_t max_inflight, nr_used, nr_open;
	uint32_t nr_segments;	      /* segments that hold a staging buffer or a pipe */
	uint32_t nr_posted;	      /* those of them that the wire has */
	uint32_t nr_stuck;	      /* those of them that hang, which the limits do not count */
	uint32_t nr_held[NR_STAGING]; /* the number of segments by class, without those that hang */
	uint64_t fetching;	      /* bytes of the client's memory that READs are to bring */
	uint64_t bytes_begun;	      /* of I/Os of the batch that is being admitted */
	uint64_t bytes_ended;	      /* of I/Os that ended in this turn */
	struct regions regions;
	struct server_file *drop_file; /* the file of requests that ended in this turn */
	unsigned nr_drop;	       /* their references to it, dropped when the turn ends */
};

/* End the connection because of err, and log `why`. server/conn/conn.h describes the steps. */
void conn_end(struct server_conn *conn, int err, const char *why);

void pipeline_init(struct pipeline *pipeline);
/* The bytes that pipeline_open() allocates for this number of I/Os. */
size_t pipeline_bytes(uint32_t max_inflight);
/* Allocate memory for pipeline->max_inflight I/Os. Returns 0 or -ENOMEM; then close it as well. */
int pipeline_open(struct pipeline *pipeline);
/* Free the memory. The pipeline has been initialised, and no segment is left. */
void pipeline_close(struct pipeline *pipeline);
/* When the connection ends: start nothing more, and give up what has not been started. */
void pipeline_end(struct pipeline *pipeline);

/*
 * The client gives up the I/Os with these tags, at most ABORT_MAX. Each that is under way ends when
 * the wire is done with its memory, and does not wait for the store.
 */
void pipeline_abort(struct pipeline *pipeline, const uint32_t *tags, size_t n);
/* The connection is closed: nothing is with the wire. Detach what is with the store. */
void pipeline_detach(struct pipeline *pipeline);

/* True if nothing refers to it any more. */
static inline bool pipeline_is_over(const struct pipeline *pipeline)
{
	return !pipeline->nr_segments && !pipeline->parking.nr;
}

/* True if every I/O has ended and its result has been sent. */
static inline bool pipeline_idle(const struct pipeline *pipeline)
{
	return !pipeline->nr_open && !pipeline->nr_segments;
}

/* True if the connection has as many segments as it may have, not counting those that hang. */
static inline bool pipeline_is_full(const struct pipeline *pipeline)
{
	return pipeline->nr_segments - pipeline->nr_stuck >= CONN_SEGMENTS_MAX;
}

/* True if a segment waits, or would have to wait, for others of the connection. */
static inline bool pipeline_is_held_up(const struct pipeline *pipeline)
{
	return !pipeline->closing && (pipeline_is_full(pipeline) || !list_empty(&pipeline->aside) ||
				      !queue_empty(&pipeline->queue));
}

/* True if there is a segment to start, and the connection's own limits allow one more. */
static inline bool pipeline_can_start(const struct pipeline *pipeline)
{
	return !queue_empty(&pipeline->queue) && !pipeline->closing &&
	       list_empty(&pipeline->unposted) && !pipeline_is_full(pipeline) &&
	       pipeline->nr_held[STAGING_PIPE] < CONN_PIPES_MAX && pipeline->fetching < FETCH_MAX;
}

/* Give the pipeline a turn soon if it can start something. */
static inline void pipeline_schedule(struct pipeline *pipeline)
{
	if (list_empty(&pipeline->ready) && pipeline_can_start(pipeline))
		id_turns_add(&pipeline->peer.worker->ready, &pipeline->id->ready, &pipeline->ready);
}

/* Do the work of pipelines_serve(), for a worker that has something to start. */
unsigned pipelines_serve_ready(struct worker *worker);

/* The tokens of worker->throttled_ns are there: have all that wait for tokens try again. */
void pipelines_retry(struct worker *worker);

/* Start some segments of a worker's connections in turn. Returns how many. */
static inline unsigned pipelines_serve(struct worker *worker)
{
	bool some = !list_empty(&worker->ready) || !list_empty(&worker->waiting_for_share);

	for (int i = 0; i < NR_STAGING; i++)
		some |= !list_empty(&worker->waiting_for_buf[i]);
	return some ? pipelines_serve_ready(worker) : 0;
}

#endif
