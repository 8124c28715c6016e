/*
 * A request: one I/O of a client from its admission to its result. It lives in the slab of its
 * pipeline, and is queued while it has segments to start. Only its worker's thread uses it.
 */
#ifndef USRBIO_SERVER_IO_REQUEST_H
#define USRBIO_SERVER_IO_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/list.h"
#include "server/session/file.h"
#include "server/store/barrier.h"
#include "server/store/store.h"

struct pipeline;
struct server_file;
struct server_region;
struct submit;

struct server_request {
	struct list node; /* in its pipeline's queue, `running`, `aside`, `parking` or `free` */
	struct pipeline *pipeline;
	struct server_file *file;
	struct server_region *region;
	uint64_t raddr; /* the address of its memory at the client */
	uint64_t off;	/* in the file */
	uint64_t len;
	uint64_t next;	   /* bytes given to segments so far */
	uint64_t end;	   /* where its data ends: below len if a read met the end of the file */
	uint64_t error_at; /* the first byte of the lowest segment that failed */
	uint64_t since_ns; /* the worker's now_ns when it was admitted */
	int error;
	uint32_t tag;
	uint16_t nr_busy; /* segments without a result yet */
	uint8_t op, flags, priority;
	bool queued, parked, aborted;
};

/* The most segments of one I/O at a time, so that others find free buffers and an idle disk. */
#define REQUEST_SEGMENTS_MAX 8

/* Admit a batch: queue valid I/Os, answer the others. Returns 0; -EPROTO: there are too many. */
int requests_admit(struct pipeline *pipeline, const struct submit *batch);

/* True if there are segments to start. */
static inline bool request_has_more(const struct server_request *req)
{
	return req->next < req->len && req->end == req->len && !req->error;
}

/* True if the request may not start a segment now: request_waits(). */
static inline bool request_may_wait(const struct server_request *req)
{
	return atomic_load_explicit(&req->file->nr_stuck, memory_order_relaxed) ||
	       (!req->next && barrier_is_up(req->file->store_file->barrier));
}

/*
 * Take a request off the queue if it has not begun and its file has a barrier, or if its file
 * hangs. False: it has to wait for neither.
 */
bool request_waits(struct server_request *req);
/* Queue the requests again that were put aside. They may have to wait again. */
void requests_recall(struct pipeline *pipeline);

/*
 * True if only one segment has no result yet, and all other bytes have been transferred or posted.
 */
static inline bool request_is_whole(const struct server_request *req)
{
	return req->next == req->len && req->end == req->len && !req->error && req->nr_busy == 1;
}

/*
 * Take the result of a segment: a number of bytes or -errno. `reported` is true if the WRITE of the
 * segment carries the request's result.
 */
void request_segment_over(struct server_request *req, uint64_t at, uint32_t len, int64_t result,
			  bool reported);
/* Start no more segments of a request; it ends with `error` when those that run have ended. */
void request_cancel(struct server_request *req, int error);
/* Cancel all requests that name this region, or all of the connection if it is NULL. */
void requests_cancel(struct pipeline *pipeline, const struct server_region *region, int error);
/*
 * Abort the requests with these tags, at most ABORT_MAX, as far as they are under way: start no
 * more segments. segments_abort() follows.
 */
void requests_abort(struct pipeline *pipeline, const uint32_t *tags, size_t n);
/* Give back a use of a region, and answer its drop if that was the last one. */
void request_put_region(struct pipeline *pipeline, struct server_region *region);
/*
 * At the end of a turn: give back the references to a file that requests of this turn held, and
 * take the bytes of those that ended off the account.
 */
void requests_end_turn(struct pipeline *pipeline);

#endif
