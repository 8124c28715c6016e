/*
 * A bump arena: the memory for decoding one frame, in one block, with a hard limit. All of it is
 * freed at once. At the client each connection has an arena, at the server each worker. Only the
 * thread of its owner uses it.
 */
#ifndef USRBIO_PROTO_ARENA_H
#define USRBIO_PROTO_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *base;
	size_t size, used;
};

/* Allocate a block of `size` bytes. Returns 0 or -ENOMEM. */
int arena_open(struct arena *arena, size_t size);
/* Free the block. A zeroed struct is accepted. */
void arena_close(struct arena *arena);
/* Get 16-byte aligned memory, valid until the next reset; NULL if the limit is reached. */
void *arena_alloc(struct arena *arena, size_t size);
/* Free all memory that arena_alloc() has given out. */
void arena_reset(struct arena *arena);

#endif
