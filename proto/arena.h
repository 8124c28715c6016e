/*
 * A bump arena: the memory for decoding one frame, in one block, with a hard limit. All of it is
 * freed at once. Each connection has one; the connection's thread uses it.
 */
#ifndef USRBIO_PROTO_ARENA_H
#define USRBIO_PROTO_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *base;
	size_t size, used;
};

/* Allocate the block: 0 or -ENOMEM. arena_close accepts a zeroed struct. */
int arena_open(struct arena *arena, size_t size);
void arena_close(struct arena *arena);
/* Get 16-byte aligned memory, valid until the next reset; NULL if the limit is reached. */
void *arena_alloc(struct arena *arena, size_t size);
void arena_reset(struct arena *arena);

#endif
