/*
 * Object pools and handles. The void* in a public struct has a handle: an index and a generation,
 * never a pointer. So the library can tell a destroyed, zeroed or invented struct from a valid one
 * without reading freed memory. The memory of objects is recycled and never freed.
 *
 *	objpool_take      get an object that no other thread can find yet
 *	objpool_publish   give it a handle
 *	objpool_get/put   find and pin it, and unpin it; any thread, no lock
 *	objpool_peek      find it without a pin: read it, and then ask objpool_alive() whether it
 *			  still was the object of the handle
 *	objpool_retire    end the handle; exactly one caller succeeds
 *	objpool_recycle   give it back; only when it has no pins (objpool_pinned)
 */
#ifndef USRBIO_CLIENT_BASE_OBJPOOL_H
#define USRBIO_CLIENT_BASE_OBJPOOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/lock.h"

#define OBJPOOL_CHUNK	   256u
#define OBJPOOL_CHUNKS_MAX 4096u

/* The parts of a state. */
#define POOL_LIVE	(1ull << 31)
#define POOL_PINS	(POOL_LIVE - 1)
#define POOL_GENERATION (1ull << 32)

/* The first member of each pooled object. */
struct pooled {
	/* generation << 32 | live << 31 | pins. Any thread. */
	_Atomic uint64_t state;
	uint32_t index;	    /* constant */
	uint32_t next_free; /* under the pool's lock */
};

struct objpool {
	struct lock lock;  /* LOCK_OBJPOOL: for taking and recycling; finding needs no lock */
	size_t size;	   /* of an object in bytes; a multiple of 64 */
	uint32_t nr, free; /* objects made; head of the free ones, index + 1. Under lock. */
	void (*init)(void *object); /* initialises a new object; may be NULL */
	_Atomic(char *) chunks[OBJPOOL_CHUNKS_MAX];
};

#define OBJPOOL_INIT(bytes, init_fn)                                                   \
	{                                                                              \
		.lock = LOCK_INIT(LOCK_OBJPOOL), .size = ((bytes) + 63) & ~(size_t)63, \
		.init = (init_fn)                                                      \
	}

/*
 * Get an object; NULL: out of memory. It keeps the contents of its last incarnation; a new object
 * is zeroed.
 */
void *objpool_take(struct objpool *pool);
uint64_t objpool_publish(struct objpool *pool, struct pooled *object);
/* End the handle. True for the one caller that ended it. */
bool objpool_retire(struct pooled *object, uint64_t handle);
void objpool_recycle(struct objpool *pool, struct pooled *object);
/* End all handles in a forked child, without using the memory of the objects. */
void objpool_forget(struct objpool *pool);

/*
 * Pin and return the next live object, and move *cursor, which is 0 for the first one; NULL: there
 * is no other. Objects that begin or end meanwhile may be left out.
 */
void *objpool_next(struct objpool *pool, uint32_t *cursor);

/* Each I/O finds objects, so these functions are inline. */

static inline bool objpool_matches(uint64_t state, uint64_t handle)
{
	return state >> 32 == handle >> 32 && (state & POOL_LIVE);
}

/* Return the object of a handle, in any incarnation; NULL for a number that never was a handle. */
static inline void *objpool_object(struct objpool *pool, uint64_t handle)
{
	uint32_t index = (uint32_t)handle - 1;
	char *chunk;

	if (index / OBJPOOL_CHUNK >= OBJPOOL_CHUNKS_MAX)
		return NULL;
	chunk = atomic_load_explicit(&pool->chunks[index / OBJPOOL_CHUNK], memory_order_acquire);
	return chunk ? chunk + (index % OBJPOOL_CHUNK) * pool->size : NULL;
}

static inline bool objpool_alive(const struct pooled *object, uint64_t handle)
{
	return objpool_matches(atomic_load_explicit(&object->state, memory_order_acquire), handle);
}

static inline void *objpool_peek(struct objpool *pool, uint64_t handle)
{
	struct pooled *object = objpool_object(pool, handle);

	return object && objpool_alive(object, handle) ? object : NULL;
}

static inline void objpool_put(struct pooled *object)
{
	atomic_fetch_sub_explicit(&object->state, 1, memory_order_acq_rel);
}

static inline void *objpool_get(struct objpool *pool, uint64_t handle)
{
	struct pooled *object = objpool_object(pool, handle);

	if (!object)
		return NULL;
	if (objpool_matches(atomic_fetch_add_explicit(&object->state, 1, memory_order_acq_rel),
			    handle))
		return object;
	objpool_put(object);
	return NULL;
}

static inline bool objpool_pinned(const struct pooled *object)
{
	return atomic_load_explicit(&object->state, memory_order_acquire) & POOL_PINS;
}

#endif
