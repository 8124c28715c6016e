/*
 * A segment: the piece of a request that one staging buffer or pipe carries. A read goes from disk
 * by a WRITE into the client's memory; a write comes by a READ of the client's memory and goes to
 * disk.
 */
#ifndef USRBIO_SERVER_IO_SEGMENT_H
#define USRBIO_SERVER_IO_SEGMENT_H

#include <stdbool.h>

#include "common/base/list.h"
#include "server/worker/staging.h"
#include "server/store/store.h"

struct pipeline;
struct server_request;

/* The class of staging that the next segment of a request needs. */
enum staging_class segment_class(const struct server_request *req);
/* Begin the next segment of a request that has one, with a buffer or pipe of that class. */
void segment_start(struct segment *seg, struct server_request *req);
/* The wire does not need the buffer any more: TP_EV_DONE. */
void segment_posted(struct segment *seg, int status);
/* Post the segments that wait for the wire, until -EAGAIN. */
void segments_resume(struct pipeline *pipeline);
/* The connection ends: give up the segments that wait for the wire. */
void segments_abandon(struct pipeline *pipeline);

#endif
