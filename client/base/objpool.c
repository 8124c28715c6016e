/*
 * Object pools: objects in chunks of memory that are never moved or freed. A handle is generation
 * << 32 | index + 1. Generations start at random, so that an arbitrary number is a valid handle
 * with a probability of 2^-32. Each pool belongs to the module that defines it; any thread.
 *
 * A handle of an object that has ended may pin the next incarnation of that object for a moment,
 * which only delays its recycling.
 */
#include "client/base/objpool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint32_t random_generation(void)
{
	uint32_t generation;

	if (getrandom(&generation, sizeof(generation), GRND_NONBLOCK) != sizeof(generation))
		generation = (uint32_t)(uintptr_t)&generation * 2654435761u;
	return generation;
}

static int add_chunk(struct objpool *pool)
{
	char *chunk;

	if (pool->nr / OBJPOOL_CHUNK >= OBJPOOL_CHUNKS_MAX)
		return -ENOMEM;
	chunk = aligned_alloc(64, OBJPOOL_CHUNK * pool->size);
	if (!chunk)
		return -ENOMEM;
	memset(chunk, 0, OBJPOOL_CHUNK * pool->size);
	for (uint32_t i = 0; i < OBJPOOL_CHUNK; i++) {
		struct pooled *object = (struct pooled *)(void *)(chunk + i * pool->size);

		object->index = pool->nr + i;
		atomic_init(&object->state, (uint64_t)random_generation() << 32);
		if (pool->init)
			pool->init(object);
	}
	atomic_store_explicit(&pool->chunks[pool->nr / OBJPOOL_CHUNK], chunk, memory_order_release);
	return 0;
}

void *objpool_take(struct objpool *pool)
{
	struct pooled *object = NULL;

	lock_acquire(&pool->lock);
	if (pool->free) {
		object = objpool_object(pool, pool->free);
		pool->free = object->next_free;
	} else if (pool->nr % OBJPOOL_CHUNK || !add_chunk(pool)) {
		object = objpool_object(pool, ++pool->nr);
	}
	lock_release(&pool->lock);
	return object;
}

uint64_t objpool_publish(struct objpool *pool, struct pooled *object)
{
	uint64_t state;

	(void)pool;
	state = atomic_fetch_add_explicit(&object->state, POOL_GENERATION | POOL_LIVE,
					  memory_order_acq_rel);
	state += POOL_GENERATION;
	return (state & ~(POOL_GENERATION - 1)) | (object->index + 1);
}

bool objpool_retire(struct pooled *object, uint64_t handle)
{
	uint64_t state = atomic_load_explicit(&object->state, memory_order_relaxed);

	do {
		if (!objpool_matches(state, handle))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&object->state, &state, state & ~POOL_LIVE,
							memory_order_acq_rel,
							memory_order_relaxed));
	return true;
}

void objpool_recycle(struct objpool *pool, struct pooled *object)
{
	lock_acquire(&pool->lock);
	object->next_free = pool->free;
	pool->free = object->index + 1;
	lock_release(&pool->lock);
}

void *objpool_next(struct objpool *pool, uint32_t *cursor)
{
	struct pooled *object;

	while ((object = objpool_object(pool, *cursor + 1ull))) {
		uint64_t state = atomic_load_explicit(&object->state, memory_order_acquire);
		uint64_t handle = (state & ~(POOL_GENERATION - 1)) | ++*cursor;

		if (state & POOL_LIVE && objpool_get(pool, handle))
			return object;
	}
	return NULL;
}

void objpool_forget(struct objpool *pool)
{
	lock_init(&pool->lock, LOCK_OBJPOOL);
	pool->nr = pool->free = 0;
	for (size_t i = 0; i < OBJPOOL_CHUNKS_MAX; i++)
		atomic_store_explicit(&pool->chunks[i], NULL, memory_order_relaxed);
}
