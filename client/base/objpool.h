/*
 * Handles: what the void* in a public struct really is. An index and a generation, never a
 * pointer, so that destroyed, zeroed, copied and made-up structs are told apart from live ones
 * without touching freed memory. Objects live in memory that is recycled and never returned.
 *
 *	objpool_take      an object nobody can find yet
 *	objpool_publish   gives it a handle
 *	objpool_get/put   find and pin it / let go; any thread, no lock
 *	objpool_peek      find it without a pin: look, then objpool_alive() tells if what was seen
 *holds objpool_retire    ends the handle; one caller wins objpool_recycle   gives it back; only
 *when nobody pins it (objpool_pinned)
 */
#ifndef USRBIO_CLIENT_BASE_OBJPOOL_H
#define USRBIO_CLIENT_BASE_OBJPOOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJPOOL_CHUNK	   256u
#define OBJPOOL_CHUNKS_MAX 4096u

/* What a state is made of. */
#define POOL_LIVE	(1ull << 31)
#define POOL_PINS	(POOL_LIVE - 1)
#define POOL_GENERATION (1ull << 32)

/* The first member of every pooled object. */
struct pooled {
	/* generation << 32 | live << 31 | pins. Any thread. */
	_Atomic uint64_t state;
	uint32_t index;	    /* constant */
	uint32_t next_free; /* under the pool's lock */
};

struct objpool {
	pthread_mutex_t lock; /* taking and recycling; finding takes none */
	size_t size;	      /* of an object; a multiple of 64 */
	uint32_t nr, free;    /* objects made; head of the free ones, index + 1. Under lock. */
	void (*init)(void *object); /* for an object's first life; may be NULL */
	_Atomic(char *) chunks[OBJPOOL_CHUNKS_MAX];
};

#define OBJPOOL_INIT(bytes, init_fn)                                                     \
	{                                                                                \
		.lock = PTHREAD_MUTEX_INITIALIZER, .size = ((bytes) + 63) & ~(size_t)63, \
		.init = (init_fn)                                                        \
	}

/* NULL: out of memory. Keeps what its last life left in it; its first one starts zeroed. */
void *objpool_take(struct objpool *pool);
uint64_t objpool_publish(struct objpool *pool, struct pooled *object);
/* True for the one caller that ended it. */
bool objpool_retire(struct pooled *object, uint64_t handle);
void objpool_recycle(struct objpool *pool, struct pooled *object);
/* In a forked child: no handle of before is known any more. Their memory stays as it is. */
void objpool_forget(struct objpool *pool);

/* Finding is on the way of every I/O, hence inline. */

static inline bool objpool_matches(uint64_t state, uint64_t handle)
{
	return state >> 32 == handle >> 32 && (state & POOL_LIVE);
}

/* The object of a handle, in whatever life; NULL for a number that never was one. */
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
