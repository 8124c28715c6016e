/*
 * A worker's staging memory: the buffers between disk and wire, in two sizes, each with the
 * segment that uses it. One block, registered once with every domain and store; its worker's only.
 */
#ifndef USRBIO_SERVER_STAGING_H
#define USRBIO_SERVER_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pages.h"
#include "server/list.h"

/* A small I/O should not occupy a large buffer, and a large one be cut into few pieces. */
#define SMALL_SIZE   ((uint32_t)16 << 10)
#define SEGMENT_SIZE ((uint32_t)256 << 10)

enum staging_class { STAGING_SMALL, STAGING_LARGE, NR_STAGING };

struct segment;

struct staging {
	struct pages pages;
	struct segment *segments;
	struct list free[NR_STAGING]; /* last in, first out: what is warm in the cache goes first */
	unsigned nr[NR_STAGING];
};

/* 0 or -ENOMEM. staging_close tolerates a zeroed struct. */
int staging_open(struct staging *staging, size_t len, bool huge);
void staging_close(struct staging *staging);

static inline enum staging_class staging_class_of(uint64_t len)
{
	return len <= SMALL_SIZE ? STAGING_SMALL : STAGING_LARGE;
}

/* A segment with a buffer of this class, or NULL when all are in use. */
struct segment *staging_get(struct staging *staging, enum staging_class class);
void staging_put(struct staging *staging, struct segment *segment);

#endif
