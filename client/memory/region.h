/*
 * A region: a range of the memory of this process that I/O may use. For each direction it is
 * registered with the device of the session, and announced to the server on each connection, when
 * this is first needed. Every iov is a region; wrapped memory is one while it is in the cache. Any
 * thread.
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
	uint64_t incarnation; /* of the connection; announcements of earlier ones are invalid */
	bool on[NR_DIRS];
	uint16_t id[NR_DIRS];
	uint32_t key[NR_DIRS];
	unsigned nr_drops; /* drops that the server has not answered yet */
	struct drop {
		struct request request;
		struct announced *announced;
	} drop[NR_DIRS];
};

struct region {
	struct pooled pooled;
	/*
	 * These are written before the handle is published. A thread that reads them without a pin
	 * calls objpool_alive afterwards.
	 */
	_Atomic uintptr_t base;
	_Atomic size_t size;
	_Atomic size_t block_size; /* bytes; 0: no blocks, as of all wrapped memory */
	_Atomic(struct mount *) mount;
	uint64_t handle;
	bool wrapped; /* each I/O pins the region, so that it is not freed before */
	struct session *session;
	struct announced *announced; /* an array, by the index of the connection */
	struct shm shm;		     /* the memory of an iov; it is closed with the region */
	struct proven proven;	     /* only of wrapped memory */

	struct registration memory; /* with the device */

	/* Used while it is reclaimed, under the lock of region_reclaim.c. */
	bool dropping; /* the drops have been sent */
	bool quiet;    /* no server can access its memory any more */
	struct list link;
};

/*
 * Create a region of a mount, which is not registered yet. An iov's region takes over *shm; for
 * wrapped memory shm is NULL. 0 and a region; -ENOMEM. It holds no reference to the mount.
 */
int region_create(struct mount *mount, void *base, size_t size, size_t block_size,
		  const struct shm *shm, struct region **region);

extern struct objpool region_pool;

/* Find a region and pin it. NULL: it has ended. */
static inline struct region *region_get(uint64_t handle)
{
	return objpool_get(&region_pool, handle);
}

static inline void region_put(struct region *region)
{
	objpool_put(&region->pooled);
}

/* Return the region of a handle that is pinned already; it may have been retired. */
static inline struct region *region_pinned(uint64_t handle)
{
	return objpool_object(&region_pool, handle);
}

static inline struct region *region_peek(uint64_t handle)
{
	return objpool_peek(&region_pool, handle);
}

/* Register it for a direction. 0; errors of device_register. */
int region_register(struct region *region, enum region_dir dir);

/* True if it is registered with the present device. It takes no lock. */
bool region_registered(const struct region *region, enum region_dir dir);

/*
 * Prepare the `len` bytes at `off` for an I/O before it is sent: register the region, if the device
 * is open, and check that the pages can be accessed. 0, or the error of the I/O: -ENOMEM, -EFAULT,
 * -ECANCELED. May block for as long as that takes.
 */
int region_make_ready(struct region *region, enum region_dir dir, uint64_t off, uint64_t len);
/*
 * True if nothing has to be prepared: an iov is registered, or wrapped memory is locked in RAM by
 * the device. It takes no lock.
 */
bool region_ready(const struct region *region, enum region_dir dir);

/* Return its id on this connection, whose lock is held; -1: it is not announced there. */
int region_id(const struct region *region, const struct conn *conn, enum region_dir dir);
/*
 * Announce it on this connection, whose lock is held. Its id; -EAGAIN: no send buffer is
 * free; or errors of device_register.
 */
int region_announce(struct region *region, struct conn *conn, enum region_dir dir);

/*
 * End the handle. True for the one caller that ended it. I/Os of the region that were not sent yet
 * complete with -ECANCELED.
 */
bool region_retire(struct region *region, uint64_t handle);
/*
 * End a retired region: wait until no server can access it, deregister, unmap and recycle it.
 * Blocks.
 */
void region_finish(struct region *region);
/* End it at once, without a server, because its mount has no connection any more. */
void region_discard(struct region *region);
/*
 * The steps of region_finish: ask the server on every connection to drop the region; check that all
 * have done so or are disconnected.
 */
void region_ask_to_drop(struct region *region);
bool region_dropped(const struct region *region);

#endif
