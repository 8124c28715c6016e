/*
 * A region: a range of this process's memory that I/O may name. It is registered with the mount's
 * device once per direction, and announced to the server once per connection and direction, both
 * when they are first needed. Every iov is one; wrapped memory is one as long as it is remembered.
 */
#ifndef USRBIO_CLIENT_MEMORY_REGION_H
#define USRBIO_CLIENT_MEMORY_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/base/objpool.h"
#include "common/base/list.h"
#include "client/memory/proven_pages.h"
#include "client/calls/request.h"
#include "client/memory/shm.h"
#include "client/session/device.h"
#include "common/transport/transport.h"
#include "proto/limits.h"

struct conn;
struct mount;
struct session;

/* What one connection knows of a region; under that connection's lock. */
struct announced {
	uint64_t incarnation; /* of the connection: an earlier one's announcements are void */
	bool on[NR_DIRS];
	uint16_t id[NR_DIRS];
	uint32_t key[NR_DIRS];
	unsigned nr_drops; /* asked for, not answered */
	struct drop {
		struct request request;
		struct announced *announced;
	} drop[NR_DIRS];
};

struct region {
	struct pooled pooled;
	/* Written before publishing. Readers without a pin check objpool_alive afterwards. */
	_Atomic uintptr_t base;
	_Atomic size_t size;
	_Atomic size_t block_size; /* 0: no blocks, as always for wrapped memory */
	_Atomic(struct mount *) mount;
	uint64_t handle;
	bool wrapped; /* pinned by its I/O: eviction waits for it */
	struct session *session;
	struct announced *announced; /* one per connection of the session */
	struct shm shm;		     /* iovs made or opened: closed with the region */
	struct proven proven;	     /* of wrapped memory */

	struct registration memory; /* with the device */

	/* While it is reclaimed; under the lock of region_reclaim.c. */
	bool dropping; /* the drops have been sent */
	bool quiet;    /* nobody touches its memory any more */
	struct list link;
};

/*
 * A region of a mount, not registered yet. For iovs: takes over *shm; for wrapped memory shm is
 * NULL. 0 and a region, or -ENOMEM. Holds no reference to the mount.
 */
int region_create(struct mount *mount, void *base, size_t size, size_t block_size,
		  const struct shm *shm, struct region **region);

extern struct objpool region_pool;

static inline struct region *region_get(uint64_t handle) /* pinned; NULL for a dead one */
{
	return objpool_get(&region_pool, handle);
}

static inline void region_put(struct region *region)
{
	objpool_put(&region->pooled);
}

static inline struct region *region_pinned(uint64_t handle) /* of one that is, retired or not */
{
	return objpool_object(&region_pool, handle);
}

static inline struct region *region_peek(uint64_t handle)
{
	return objpool_peek(&region_pool, handle);
}

/* Make it reachable in this direction, as far as a device is known: 0 or -ENOMEM, -EFAULT. */
int region_register(struct region *region, enum region_dir dir);

/* Has it been made so? Lock-free. */
bool region_registered(const struct region *region, enum region_dir dir);

/*
 * Before an I/O over [off, off + len) of it is sent: reachable, as far as a device is known, and
 * there. 0, or what the I/O completes with: -ENOMEM, -EFAULT, -ECANCELED. May take as long as that
 * takes.
 */
int region_make_ready(struct region *region, enum region_dir dir, uint64_t off, uint64_t len);
/* Nothing is to be done for that: iovs once they are registered, wrapped memory once it is pinned.
 * Lock-free.
 */
bool region_ready(const struct region *region, enum region_dir dir);

/* What it is called on this connection, whose lock is held; -1: it is not known there. */
int region_id(const struct region *region, const struct conn *conn, enum region_dir dir);
/* Make it known there: its id, or -EAGAIN (no send buffer), -ENOMEM, -EFAULT. */
int region_announce(struct region *region, struct conn *conn, enum region_dir dir);

/* End the handle: true for the one caller that did. Its queued I/O completes -ECANCELED. */
bool region_retire(struct region *region, uint64_t handle);
/* A retired region's end: wait until no server touches it, deregister, unmap, recycle. */
void region_finish(struct region *region);
/* The same at once: its mount has no connection any more. */
void region_discard(struct region *region);
/* The steps of it: ask every server to drop a region; has each done so, or gone? */
void region_ask_to_drop(struct region *region);
bool region_dropped(const struct region *region);

#endif
