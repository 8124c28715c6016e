/*
 * Handles: what the void* in a public struct really is. An index and a generation, never a
 * pointer, so that destroyed, zeroed, copied and made-up structs are told apart from live ones
 * without touching freed memory. Objects live in memory that is recycled and never returned.
 *
 *	pool_take      an object nobody can find yet
 *	pool_publish   gives it a handle
 *	pool_get/put   find and pin it / let go; any thread, no lock
 *	pool_peek      find it without a pin: look, then pool_alive() tells if what was seen holds
 *	pool_retire    ends the handle; one caller wins
 *	pool_recycle   gives it back; only when nobody pins it (pool_pinned)
 */
#ifndef USRBIO_CLIENT_HANDLES_H
#define USRBIO_CLIENT_HANDLES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNK	256u
#define POOL_CHUNKS_MAX 4096u

/* The first member of every pooled object. */
struct pooled {
	/* generation << 32 | live << 31 | pins. Any thread. */
	_Atomic uint64_t state;
	uint32_t index;	    /* constant */
	uint32_t next_free; /* under the pool's lock */
};

struct pool {
	pthread_mutex_t lock; /* taking and recycling; finding takes none */
	size_t size;	      /* of an object; a multiple of 64 */
	uint32_t nr, free;    /* objects made; head of the free ones, index + 1. Under lock. */
	void (*init)(void *object); /* for an object's first life; may be NULL */
	_Atomic(char *) chunks[POOL_CHUNKS_MAX];
};

#define POOL_INIT(bytes, init_fn)                                                        \
	{                                                                                \
		.lock = PTHREAD_MUTEX_INITIALIZER, .size = ((bytes) + 63) & ~(size_t)63, \
		.init = (init_fn)                                                        \
	}

/* NULL: out of memory. Keeps what its last life left in it; its first one starts zeroed. */
void *pool_take(struct pool *pool);
uint64_t pool_publish(struct pool *pool, struct pooled *object);
void *pool_get(struct pool *pool, uint64_t handle);
void pool_put(struct pooled *object);
void *pool_peek(struct pool *pool, uint64_t handle);
/* The object of a handle that is known to be pinned, retired or not. */
void *pool_pinned_object(struct pool *pool, uint64_t handle);
bool pool_alive(const struct pooled *object, uint64_t handle);
/* True for the one caller that ended it. */
bool pool_retire(struct pooled *object, uint64_t handle);
bool pool_pinned(const struct pooled *object);
void pool_recycle(struct pool *pool, struct pooled *object);
/* In a forked child: no handle of before is known any more. Their memory stays as it is. */
void pool_forget(struct pool *pool);

#endif
