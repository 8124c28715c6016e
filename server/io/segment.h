/*
 * A segment: the piece of a request that one staging buffer or pipe carries. For a read, the store
 * fills the buffer, and a WRITE moves it into the client's memory. For a write, a READ fills the
 * buffer from the client's memory, and the store writes it.
 */
#ifndef USRBIO_SERVER_IO_SEGMENT_H
#define USRBIO_SERVER_IO_SEGMENT_H

#include <stdbool.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "server/worker/staging.h"
#include "server/store/store.h"

struct pipeline;
struct server_file;
struct server_request;
struct worker;

/* Get the class of staging that the next segment of a request needs. */
enum staging_class segment_class(const struct server_request *req);
/* Begin the next segment of a request that has one, with a buffer or pipe of that class. */
void segment_start(struct segment *seg, struct server_request *req);
/* Handle TP_EV_DONE: the wire does not need the buffer any more. */
void segment_posted(struct segment *seg, int status);
/* Post the segments that wait for the wire, until the transport has no room. */
void segments_resume(struct pipeline *pipeline);
/* When the connection ends: give up the segments that wait for the wire. */
void segments_abandon(struct pipeline *pipeline);
/*
 * When the connection is closed: detach all segments that are with the store. A detached segment
 * belongs to its worker. Nobody waits for it, and nothing of it reaches the wire. Until the store
 * is done it keeps its buffer and its file, and counts in the barrier of its inode.
 */
void segments_detach_all(struct pipeline *pipeline);
/*
 * Look which segments are stuck: with the store at STUCK_LOOKS looks, LOOK_NS apart. Such a segment
 * does not count in what its connection may hold, as if it were detached. Until it ends, no segment
 * of the same file is started: the requests of the file are put aside. So a file that hangs stops
 * no other file of the connection. Returns when the next look is due, or NEVER.
 */
uint64_t segments_look(struct worker *worker);
#define LOOK_NS	    (500 * NS_PER_MS)
#define STUCK_LOOKS 2
static inline bool segment_is_stuck(const struct segment *seg)
{
	return seg->looks >= STUCK_LOOKS;
}

/* The store is done with a segment that is stuck, or the segment is being detached. */
void segment_unstick(struct segment *seg);
/* End the segments of aborted requests: detach those with the store, give up those that wait for
 * the wire. Those with the wire end when it is done. */
void segments_abort(struct pipeline *pipeline);
/* True if the store has a segment of a pipeline, so that it is neither free nor with the wire. */
static inline bool segment_is_in_store(const struct segment *seg)
{
	return list_empty(&seg->node) && seg->req && (seg->io.kind == STORE_READ || seg->moved);
}

/* Get the file of a segment that is with the store, also if detached; NULL: it is not there. */
const struct server_file *segment_in_store(const struct segment *seg, uint64_t *since_ns);

#endif
