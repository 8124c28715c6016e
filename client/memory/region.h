/*
 * A region: a range of this process's memory that I/O may name. It is registered with the mount's
 * device once per direction, and announced to the server once per connection and direction, both
 * when they are first needed. Every iov is a region; wrapped memory is one while it is cached.
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

/* The state of a region on one connection; under that connection's lock. */
struct announced {
	uint64_t incarnation; /* of the connection: announcements of earlier ones are void */
	bool on[NR_DIRS];
	uint16_t id[NR_DIRS];
	uint32_t key[NR_DIRS];
	unsigned nr_drops; /* drops that the server has not answered */
	struct drop {
		struct request request;
		struct announced *announced;
	} drop[NR_DIRS];
};

struct region {
	struct pooled pooled;
	/*
	 * These are written before publishing. Readers without a pin check objpool_alive
	 * afterwards.
	 */
	_Atomic uintptr_t base;
	_Atomic size_t size;
	_Atomic size_t block_size; /* 0: no blocks, always for wrapped memory */
	_Atomic(struct mount *) mount;
	uint64_t handle;
	bool wrapped; /* its I/O pins it, so that eviction waits */
	struct session *session;
	struct announced *announced; /* one per connection of the session */
	struct shm shm;		     /* of iovs that were made or opened: closed with the region */
	struct proven proven;	     /* of wrapped memory */

	struct registration memory; /* with the device */

	/* For reclaiming; under the lock of region_reclaim.c. */
	bool dropping; /* the drops have been sent */
	bool quiet;    /* no server accesses its memory any more */
	struct list link;
};

/*
 * Create a region of a mount, not registered yet. For iovs it takes *shm over; for wrapped memory
 * shm is NULL. 0 and a region, or -ENOMEM. It holds no reference to the mount.
 */
int region_create(struct mount *mount, void *base, size_t size, size_t block_size,
		  const struct shm *shm, struct region **region);

extern struct objpool region_pool;

static inline struct region *region_get(uint64_t handle) /* pinned; NULL if it has ended */
{
	return objpool_get(&region_pool, handle);
}

static inline void region_put(struct region *region)
{
	objpool_put(&region->pooled);
}

static inline struct region *region_pinned(uint64_t handle) /* of a pinned one, retired or not */
{
	return objpool_object(&region_pool, handle);
}

static inline struct region *region_peek(uint64_t handle)
{
	return objpool_peek(&region_pool, handle);
}

/* Register it for this direction, if a device is known: 0 or -ENOMEM, -EFAULT. */
int region_register(struct region *region, enum region_dir dir);

/* True if it has been registered. Lock-free. */
bool region_registered(const struct region *region, enum region_dir dir);

/*
 * Prepare [off, off + len) for an I/O before it is sent: register it, if a device is known, and
 * bring it in. 0, or the result of the I/O: -ENOMEM, -EFAULT, -ECANCELED. May take as long as that
 * takes.
 */
int region_make_ready(struct region *region, enum region_dir dir, uint64_t off, uint64_t len);
/*
 * True if there is nothing to prepare: for iovs once they are registered, for wrapped memory once
 * it is pinned. Lock-free.
 */
bool region_ready(const struct region *region, enum region_dir dir);

/* Return its id on this connection, whose lock is held; -1: it has not been announced there. */
int region_id(const struct region *region, const struct conn *conn, enum region_dir dir);
/* Announce it on this connection: its id, or -EAGAIN (no send buffer), -ENOMEM, -EFAULT. */
int region_announce(struct region *region, struct conn *conn, enum region_dir dir);

/*
 * End the handle. True for the one caller that ended it. Its queued I/O completes with -ECANCELED.
 */
bool region_retire(struct region *region, uint64_t handle);
/* End a retired region: wait until no server touches it, deregister, unmap, recycle. */
void region_finish(struct region *region);
/* End it at once, because its mount has no connection any more. */
void region_discard(struct region *region);
/*
 * The steps of region_finish: ask every server to drop a region; check that each has done so or is
 * gone.
 */
void region_ask_to_drop(struct region *region);
bool region_dropped(const struct region *region);

#endif
