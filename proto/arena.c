/*
 * The bump arena: one block and a cursor. No allocation is freed alone. The client's connection or
 * the server's worker owns the arena, and only the thread of that owner uses it.
 */
#include "proto/arena.h"

#include <errno.h>
#include <stdlib.h>

#include "common/fault_points/faults.h"

#define ALIGNMENT 16u

int arena_open(struct arena *arena, size_t size)
{
	uint8_t *base = aligned_alloc(ALIGNMENT, size);

	if (!base)
		return -ENOMEM;
	*arena = (struct arena){.base = base, .size = size};
	return 0;
}

void arena_close(struct arena *arena)
{
	free(arena->base);
	*arena = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t left = arena->size - arena->used;
	void *p = arena->base + arena->used;

	if (size > left || fault_at(ARENA_FAIL))
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	arena->used += size < left ? size : left;
	return p;
}

void arena_reset(struct arena *arena)
{
	arena->used = 0;
}
