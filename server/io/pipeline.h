/*
 * The pipeline: the I/O of one connection from admission to result. Requests wait in a queue by
 * priority; when the connection has its turn they are cut into segments, as many as staging
 * buffers, the wire and fairness to other connections allow. One worker's thread.
 *
 * Upward it asks for one thing only, declared here: conn_end().
 */
#ifndef USRBIO_SERVER_IO_PIPELINE_H
#define USRBIO_SERVER_IO_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/io/peer.h"
#include "server/io/queue.h"
#include "server/io/region.h"
#include "server/worker/staging.h"

struct server_conn;
struct server_file;
struct server_request;
struct store_queue;

/* Staging buffers that one connection may hold, so that it cannot fill the disk's queue. */
#define CONN_SEGMENTS_MAX 64
/* Pipes it may hold: 4 MiB in front of what the socket itself holds. Some are left for others. */
#define CONN_PIPES_MAX 16
/*
 * Data to be written that is on its way to us: enough for a fast and long wire, and little enough
 * that the buffers it goes through are still in the cache when they are written and filled again.
 */
#define FETCH_MAX ((uint64_t)2 << 20)

struct pipeline {
	struct server_peer peer;  /* inside, so that the way to it costs nothing */
	struct server_conn *conn; /* the owner, for conn_end() */
	struct store_queue *store;
	bool closing;  /* nothing is started any more, and no result is sent */
	bool progress; /* the peer took or gave something since the last turn's end */

	struct list ready;			 /* worker->ready */
	struct list waiting_for_buf[NR_STAGING]; /* worker->waiting_for_buf */

	/* nr_open counts from admission until the result is in a message or an immediate. */
	struct queue queue;
	struct list running;  /* requests with all segments started, or as many as may be */
	struct list unposted; /* segments the transport had no room for, in order */
	struct list free;     /* requests given back; beyond nr_used the slab is untouched */
	struct server_request *slab;
	uint32_t max_inflight, nr_used, nr_open;
	uint32_t nr_segments;	      /* that hold a staging buffer or a pipe */
	uint32_t nr_posted;	      /* of these, with the wire */
	uint32_t nr_held[NR_STAGING]; /* of these, by class */
	uint64_t fetching;	      /* bytes of the client's memory asked for */
	struct regions regions;
	struct server_file *drop_file; /* what requests that ended in this turn held of it: */
	unsigned nr_drop;	       /* so many references, to be given back when it ends */
};

/* End the connection, because of err; say why. server/conn/conn.h has the rest. */
void conn_end(struct server_conn *conn, int err, const char *why);

void pipeline_init(struct pipeline *pipeline);
/* What pipeline_open() allocates for this number of I/Os. */
size_t pipeline_bytes(uint32_t max_inflight);
/* Get ready for pipeline->max_inflight I/Os. 0 or -ENOMEM; pipeline_close() frees what there is. */
int pipeline_open(struct pipeline *pipeline);
/* No segment is left. After pipeline_init(). */
void pipeline_close(struct pipeline *pipeline);
/* The connection ends: start nothing more, and give up what has not been started. */
void pipeline_end(struct pipeline *pipeline);

/* True if every I/O has ended and its result has been sent. */
static inline bool pipeline_idle(const struct pipeline *pipeline)
{
	return !pipeline->nr_open && !pipeline->nr_segments;
}

/* True if there is a segment to start, and the connection's own limits allow one more. */
static inline bool pipeline_can_start(const struct pipeline *pipeline)
{
	return !queue_empty(&pipeline->queue) && !pipeline->closing &&
	       list_empty(&pipeline->unposted) && pipeline->nr_segments < CONN_SEGMENTS_MAX &&
	       pipeline->nr_held[STAGING_PIPE] < CONN_PIPES_MAX && pipeline->fetching < FETCH_MAX;
}

/* Give it a turn soon if it can start something. */
static inline void pipeline_schedule(struct pipeline *pipeline)
{
	if (list_empty(&pipeline->ready) && pipeline_can_start(pipeline))
		list_add_tail(&pipeline->peer.worker->ready, &pipeline->ready);
}

/* The same as pipelines_serve(), for a worker that has something to start. */
unsigned pipelines_serve_ready(struct worker *worker);

/* Start segments of a worker's connections in turn, up to a number. How many were started. */
static inline unsigned pipelines_serve(struct worker *worker)
{
	bool some = !list_empty(&worker->ready);

	for (int i = 0; i < NR_STAGING; i++)
		some |= !list_empty(&worker->waiting_for_buf[i]);
	return some ? pipelines_serve_ready(worker) : 0;
}

#endif
