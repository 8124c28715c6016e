/*
 * A segment: the piece of a request that one staging buffer or pipe carries. Of a read: disk, then
 * a WRITE into the client's memory. Of a write: a READ of the client's memory, then disk.
 */
#ifndef USRBIO_SERVER_IO_SEGMENT_H
#define USRBIO_SERVER_IO_SEGMENT_H

#include <stdbool.h>

#include "common/base/list.h"
#include "server/worker/staging.h"
#include "server/store/store.h"

struct pipeline;
struct server_request;

/* What the next segment of a request needs. */
enum staging_class segment_class(const struct server_request *req);
/* Begin the next segment of a request that has one, with a buffer or pipe of that class. */
void segment_start(struct segment *seg, struct server_request *req);
/* The wire is done with the buffer: TP_EV_DONE. */
void segment_posted(struct segment *seg, int status);
/* Try the connection's waiting posts again, until -EAGAIN. */
void segments_resume(struct pipeline *pipeline);
/* The connection is over: give up those that wait to be posted. */
void segments_abandon(struct pipeline *pipeline);

#endif
