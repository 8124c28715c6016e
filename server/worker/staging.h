/*
 * A worker's staging memory: the buffers between disk and wire, in two sizes. Each belongs to a
 * segment. All buffers are one block of memory, registered once with every domain and store. Pipes
 * carry data that can go from a file to the wire without a copy. Only the worker's thread uses
 * them.
 */
#ifndef USRBIO_SERVER_WORKER_STAGING_H
#define USRBIO_SERVER_WORKER_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/pages.h"
#include "common/base/list.h"
#include "server/store/barrier.h"
#include "server/store/store.h"

/*
 * There are two sizes, so that a small I/O occupies no large buffer and a large I/O is cut into few
 * pieces.
 */
#define SMALL_SIZE   ((uint32_t)16 << 10)
#define SEGMENT_SIZE ((uint32_t)256 << 10)

enum staging_class { STAGING_SMALL, STAGING_LARGE, STAGING_PIPE, NR_STAGING };

struct pipeline;
struct server_file;
struct server_region;
struct server_request;
struct worker;

/* The detached segments of one export, and those that are stuck: server/io/segment.h. */
struct staging_share {
	unsigned nr_detached[NR_STAGING];
};

/* One staging buffer or pipe, and the transfer that uses it; see server/io/segment.h. */
struct segment {
	struct store_io io;
	struct list node; /* in the free list of staging, or in the pipeline's `unposted` */
	struct server_request
		*req; /* NULL from when a read's data is posted, and of a detached segment */
	struct pipeline *pipeline;
	struct server_region *region;
	void *buf;   /* NULL with a pipe */
	int pipe[2]; /* reading end, writing end */
	enum staging_class class;
	uint8_t looks;	     /* how often it was found with the store; see server/io/segment.h */
	uint32_t len, moved; /* moved: the bytes that came from disk or wire, and go to the other */
	uint64_t at;	     /* offset in the request */
	/* Of a detached segment; see server/io/segment.h. */
	struct worker *worker;
	struct staging_share *share;
	struct server_file *file; /* a reference */
	struct barrier_hold hold; /* since its I/O was admitted */
};

struct staging {
	struct pages pages;
	struct segment *segments, *piped;
	struct list free[NR_STAGING]; /* last in, first out: the last is in the cache */
	unsigned nr[NR_STAGING], nr_free[NR_STAGING];
};

/* Allocate `len` bytes. Returns 0 or -ENOMEM. staging_close() accepts a zeroed struct. */
int staging_open(struct staging *staging, size_t len, bool huge);
void staging_close(struct staging *staging);
/* Add as many pipes as the system allows. It is called once, before the first use. */
void staging_add_pipes(struct staging *staging);

/* The segments of all classes in turn; NULL behind the last one. */
struct segment *staging_at(const struct staging *staging, unsigned i);
/* Take a segment with a buffer or pipe of this class; NULL if all are in use. */
struct segment *staging_get(struct staging *staging, enum staging_class class);
/* Give a segment back. */
void staging_put(struct staging *staging, struct segment *segment);
/* Empty a segment's pipe of data that a failure left in it. */
void staging_drain(const struct segment *segment);

#endif
